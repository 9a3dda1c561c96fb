#include "tracers/recorder.h"

#include <unistd.h>

#include <cstring>
#include <utility>

#include "tracers/convert/relatives.h"
#include "tracers/convert/walked.h"
#include "tracers/kernel/clock.h"
#include "tracers/kernel/namespaces.h"
#include "tracers/kernel/processes.h"
#include "tracers/load/drain.h"

namespace anonvma {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;
constexpr std::uint64_t kAdoptAfter = kSecond;
constexpr int kLastRounds = 16;
constexpr useconds_t kBetweenLastRounds = 20'000;
constexpr int kLeadWaits = 5;
constexpr int kLastWaits = 100;          // for lock numbers that are open
constexpr std::size_t kMostDrains = 64;  // of a ring that fills as fast as it is read
constexpr int kTornTries = 8, kStartTries = 30;
static_assert(CgroupHierarchy::kV2 == ANONVMA_CGROUP_V2);

bool is_whole_system(const RecorderOptions& options) {
  return options.pids.empty() && options.command_tgid == 0 && options.cgroup == 0;
}

// In a pid namespace iterators list only processes of the namespace, but hooks see all. Processes
// outside could not be read, and are not part of the recording.
bool is_tracked_only(const RecorderOptions& options) {
  return !is_whole_system(options) || !is_initial_pid_namespace();
}

// The purpose of a walk without a list of processes. The programs know which ones are of the cgroup.
anonvma_walk_purpose purpose_of_all(const RecorderOptions& options) {
  return is_whole_system(options) || options.cgroup != 0 ? ANONVMA_WALK_TRACKS
                                                         : ANONVMA_WALK_RECORDED;
}

}  // namespace

Recorder::Recorder(const RecorderOptions& options, std::shared_ptr<Feed> feed, bool first)
    : options_(options),
      feed_(std::move(feed)),
      loader_(feed_->loader()),
      first_(first),
      resync_([this](const Event& event) { deliver(event); }),
      order_([this](const Event& event) { on_event(event); }),
      converter_(order_, static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)),
                 is_tracked_only(options)) {
  if (!loader_.sees_locks()) converter_.number_in_ring_order();
  converter_.look_up_cgroups_by(
      [hierarchy = options.hierarchy](std::uint64_t id) { return path_of_cgroup(hierarchy, id); });
}

Result<std::unique_ptr<Recorder>> Recorder::open(const RecorderOptions& options) {
  if (!options.pids.empty() && !proc_is_local())
    return Error{ErrorCode::not_supported,
                 "/proc is not of this pid namespace, and does not tell who descends from --pid: "
                 "mount -t proc proc /proc"};
  LoaderOptions load;
  load.faults = options.faults;
  load.truth = options.truth;
  load.ring_bytes = options.ring_bytes;
  load.spill_bytes = options.spill_bytes;
  load.tracked_only = is_tracked_only(options);
  load.target_tgid = options.command_tgid;
  load.cgroup = options.cgroup;
  load.cgroup_subsys = options.hierarchy.subsys;
  Result<std::shared_ptr<Feed>> feed = Feed::open(load);
  if (!feed) return feed.error();
  return std::unique_ptr<Recorder>(new Recorder(options, std::move(*feed), true));
}

std::unique_ptr<Recorder> Recorder::open_next() const {
  return std::unique_ptr<Recorder>(new Recorder(options_, feed_, false));
}

Status Recorder::begin(Sink sink) {
  sink_ = std::move(sink);
  start_ns_ = kernel_monotonic_ns();
  converter_.set_start(start_ns_);
  order_.tick(start_ns_);
  missed_.begin(loader_.recursion_misses());
  unread_before_ = loader_.unread();
  feed_->join(this);
  prefer_this_thread();
  if (first_) loader_.start();
  if (options_.command_tgid == 0 || !first_) {  // else the command has not run yet
    converter_.start().begin();
    // Calls that began before the recording get the time to end before the walk.
    for (int i = 0; i < kLeadWaits; ++i) {
      usleep(10'000);
      if (const Status s = drain(); !s) return s;
    }
    if (const Status walked = walk_all(); !walked) return walked;
    walked_.clear();
    converter_.start().end();
  }
  converter_.start().release([this](const Event& event) { resync_.add(event); });
  return failure_;
}

std::uint64_t Recorder::elapsed_ns() const { return kernel_monotonic_ns() - start_ns_; }

void Recorder::on_event(const Event& event) {
  if (!converter_.start().hold(event)) resync_.add(event);
}

// Every event leaves through here, in order.
void Recorder::deliver(const Event& event) {
  if (!failure_) return;
  if (const Status written = sink_(event); !written) failure_ = written.error();
  if (type_of(event.body) == EventType::exec) ++counts_.execs;
  if (const auto* unseen = std::get_if<UnknownWrite>(&event.body))
    ++counts_.unseen[unseen->syscall];
  rewalks_.note(event);
}

// Walks all live processes. Programs are attached already: records of the meantime are in the ring,
// before or after the walk's own record of each mm.
Status Recorder::walk_all() {
  const std::set<std::uint32_t> before = processes_with_mm();
  std::set<std::uint32_t> wanted = before;
  if (options_.pids.empty() || !first_) {  // the BPF programs know by now whom they record
    if (const Status s = walk(0, SnapReason::attach, purpose_of_all(options_)); !s) return s;
    if (!is_whole_system(options_)) wanted = walked_;
  } else {
    const Result<std::set<std::uint32_t>> family = walk_family();
    if (!family) return family.error();
    wanted = *family;
  }
  if (const Status s = drain(); !s) return s;
  if (!proc_is_local()) {  // nothing tells which processes the walk has missed
    counts_.processes = walked_.size();
    return adopt_orphans();
  }
  const std::set<std::uint32_t> after = processes_with_mm();
  for (const std::uint32_t tgid : wanted) {
    if (!before.contains(tgid)) continue;
    ++counts_.processes;
    if (after.contains(tgid) && !walked_.contains(tgid)) ++counts_.unreadable;
  }
  return adopt_orphans();
}

// Walks the processes of --pid, their descendants and their relatives, until no other has come.
Result<std::set<std::uint32_t>> Recorder::walk_family() {
  std::set<std::uint32_t> tried;
  for (bool found = true; found;) {
    const Result<std::vector<std::byte>> bytes =
        loader_.walk(0, feed_->new_walk(), ANONVMA_WALK_LOOKS);
    if (!bytes) return bytes.error();
    const Result<std::vector<WalkedMm>> mms = parse_walk(*bytes);
    if (!mms) return mms.error();
    found = false;
    const std::set<std::uint32_t> asked = with_descendants(options_.pids);
    for (const std::uint32_t tgid : with_relatives(asked, *mms)) {
      if (!tried.insert(tgid).second) continue;
      found = true;
      if (!asked.contains(tgid)) ++counts_.relatives;
      if (const Status s = walk(tgid, SnapReason::attach, ANONVMA_WALK_TRACKS); !s)
        return s.error();
    }
  }
  return tried;
}

// Runs the iterator. An mm that a writer changed meanwhile is walked again, alone. If it never
// holds still, its last reading serves as a start, but not as a resynchronisation.
Status Recorder::walk(std::uint32_t tgid, SnapReason reason, anonvma_walk_purpose purpose) {
  const int tries = reason == SnapReason::attach ? kStartTries : kTornTries;
  std::vector<std::uint32_t> todo{tgid};
  for (int attempt = 1; !todo.empty(); ++attempt) {
    if (attempt > kTornTries) usleep(5'000);  // the mm may be busy for a moment only
    std::vector<std::uint32_t> torn;
    for (const std::uint32_t id : todo) {
      const std::uint64_t walk_id = feed_->new_walk();
      const Result<std::vector<std::byte>> bytes = loader_.walk(id, walk_id, purpose);
      if (!bytes && id == 0) return bytes.error();
      if (!bytes) continue;  // the process has ended
      Result<std::vector<WalkedMm>> mms = parse_walk(*bytes);
      if (!mms) return mms.error();
      std::vector<WalkedMm> whole;
      for (WalkedMm& mm : *mms) {
        if (reason == SnapReason::attach) walked_.insert(mm.head.local_tgid);
        const bool resync = reason == SnapReason::resync;
        if (resync && !converter_.in_round(mm.head.mm)) mm.torn = false;  // not part of the round
        if (!mm.torn)
          whole.push_back(std::move(mm));
        else if (attempt < tries)
          torn.push_back(mm.head.local_tgid);
        else if (resync || reason == SnapReason::attach) {
          if (!resync) note_torn(mm.head.mm);
          whole.push_back(std::move(mm));
        }
      }
      converter_.add_walk(walk_id, reason, std::move(whole));
      if (const Status s = drain(); !s) return s;  // the walk's ring records are in there
      converter_.forget_walk(walk_id);
    }
    todo = std::move(torn);
  }
  return ok();
}

// The start of an mm that never held still is its last reading. The next writer of the mm reads it
// once more, in one piece, and the difference is replayed.
void Recorder::note_torn(std::uint64_t address) {
  ++counts_.torn;
  if (loader_.lives(address)) loader_.read_again(address);
}

// A child whose parent was not yet walked when it forked has no Fork and needs a walk. A child that
// no walk finds (a process that the kernel hides) stays unknown.
Status Recorder::adopt_orphans() {
  for (int attempt = 0; attempt < 3 && converter_.orphans() > 0; ++attempt)
    if (const Status s = walk(0, SnapReason::attach, purpose_of_all(options_)); !s) return s;
  converter_.forget_orphans();
  orphans_walked_at_ = kernel_monotonic_ns();
  return ok();
}

// Processes that came into the recorded cgroup: each is walked like those that were there at the
// start.
Status Recorder::admit() {
  const std::set<std::uint32_t> newcomers = converter_.take_newcomers();
  if (newcomers.empty()) return ok();
  converter_.start().begin();
  for (const std::uint32_t tgid : newcomers)
    if (const Status s = walk(tgid, SnapReason::attach, ANONVMA_WALK_TRACKS); !s) return s;
  walked_.clear();
  converter_.start().end();
  return failure_;
}

// Takes all records that are in the ring now.
Status Recorder::drain() {
  for (std::size_t again = 0; again < kMostDrains; ++again) {
    const std::uint64_t losses = loader_.losses();  // later ones may be ahead of the ring's end
    const Result<bool> all = loader_.drain();
    if (!all) return all.error();
    report_lost(kernel_monotonic_ns(), *all ? losses : 0);
    if (*all || !failure_) break;
  }
  counts_.lost += converter_.report_unborn(kernel_monotonic_ns());
  return failure_;
}

Status Recorder::rewalk() {
  for (const MmId mm : rewalks_.due(kernel_monotonic_ns())) {
    const std::uint32_t tgid = converter_.local_tgid_of(mm);
    if (tgid == 0) continue;
    if (const Status s = walk(tgid, SnapReason::unknown_write, ANONVMA_WALK_RECORDED); !s) return s;
  }
  return ok();
}

Status Recorder::snapshot(std::uint32_t tgid) {
  if (const Status s = drain(); !s) return s;
  return walk(tgid, SnapReason::end, ANONVMA_WALK_RECORDED);
}

Status Recorder::poll() {
  order_.tick(kernel_monotonic_ns());
  if (const Status s = drain(); !s) return s;
  if (const Status s = admit(); !s) return s;
  if (loader_.has_copies() || kernel_monotonic_ns() - missed_read_at_ > kSecond) report_missed();
  if (converter_.suspects() && round_pace_.is_due(kernel_monotonic_ns()))
    if (const Status s = put_right(); !s) return s;
  order_.advance(kernel_monotonic_ns());
  if (const Status s = rewalk(); !s) return s;
  if (converter_.orphans() > 0 && kernel_monotonic_ns() - orphans_walked_at_ > kAdoptAfter)
    return adopt_orphans();
  return failure_;
}

Status Recorder::finish() {
  Status status = drain();
  for (int round = 0; round < kLastRounds && status && converter_.suspects(); ++round) {
    if (round > 0) usleep(kBetweenLastRounds);
    status = put_right();
  }
  if (status && options_.truth) {
    status = walk(0, SnapReason::end, ANONVMA_WALK_RECORDED);
    loader_.wait_for_vmas();
    usleep(10'000);  // operations that were in flight during the walk end
  }
  for (int i = 0; i < kLastWaits && status && order_.waits(); ++i) {
    usleep(2'000);
    status = drain();
  }
  if (feed_->readers() == 1) loader_.stop();
  if (status) status = drain();
  order_.finish();
  report_missed();
  counts_.malformed = converter_.malformed();
  counts_.unread = loader_.unread() - unread_before_;
  counts_.spilled_bytes = loader_.spilled_bytes();
  counts_.given_up = order_.given_up();
  if (!status) return status;
  return failure_;
}

void Recorder::on_record(std::span<const std::byte> bytes) {
  anonvma_gap_record gap;
  if (bytes.size() != sizeof gap) return converter_.record(bytes);
  std::memcpy(&gap, bytes.data(), sizeof gap);
  if (gap.head.kind != ANONVMA_GAP) return converter_.record(bytes);
  // Losses reported at the gap before may have happened here. They taint again.
  for (LostCount lost : std::exchange(ahead_, {})) {
    lost.count = 0;
    converter_.lost(lost, gap.head.time_ns);
  }
  report_lost(gap.head.time_ns, gap.losses);
}

// Reports the losses since the last call to the converter. `losses` is their generation here.
void Recorder::report_lost(std::uint64_t now_ns, std::uint64_t losses) {
  const std::vector<LostCount> taken = feed_->take_lost(this);
  for (const LostCount& lost : taken) {
    counts_.lost += lost.count;
    converter_.lost(lost, now_ns);
  }
  if (loader_.losses() > losses) ahead_.insert(ahead_.end(), taken.begin(), taken.end());
}

// Runs of programs that the kernel skipped count as losses of any mm.
void Recorder::report_missed() {
  missed_read_at_ = kernel_monotonic_ns();
  const Misses misses = loader_.recursion_misses();
  counts_.recursion_misses = missed_.all(misses);
  const std::uint64_t count = missed_.take_lost(misses);
  if (count == 0) return;
  counts_.lost += count;
  converter_.lost({ANONVMA_KINDS, 0, count, 0, true}, kernel_monotonic_ns());
}

// Reads again the mms that lost records, and all that share anon_vmas with them.
Status Recorder::put_right() {
  round_pace_.begin(kernel_monotonic_ns());
  resync_.begin();
  converter_.begin_round();
  Status status = walk(0, SnapReason::resync, ANONVMA_WALK_RECORDED);
  if (status) {
    converter_.alive(loader_.alive());
    status = drain();
  }
  converter_.end_round(kernel_monotonic_ns(),
                       [this](std::uint64_t address) { return loader_.lives(address); });
  resync_.end();
  round_pace_.end(converter_.suspects());
  return status;
}

}  // namespace anonvma
