// A recording: attaches programs, walks the start state, turns records into events in kernel order.
//
// A long recording consists of several that overlap. The next one begins while the current one
// still runs, with a walk of its own, and only then does the current one end. So each is complete
// by itself, and events of the overlap are in both.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "engine/result.h"
#include "engine/trace/event.h"
#include "tracers/convert/convert.h"
#include "tracers/convert/order.h"
#include "tracers/kernel/cgroups.h"
#include "tracers/load/feed.h"
#include "tracers/missed_events.h"
#include "tracers/resync.h"
#include "tracers/rewalks.h"
#include "tracers/round_pace.h"

namespace anonvma {

struct RecorderOptions {
  anonvma_faults faults = ANONVMA_FAULTS_WRITE;
  bool truth = false;
  std::uint64_t ring_bytes = 32u << 20;
  std::uint64_t spill_bytes = 256u << 20;
  // At most one of the three is set. If none is, the recording is of the whole system, or of the
  // recorder's pid namespace. The numbers are those of that namespace.
  std::vector<int> pids;           // these processes, their descendants, and their relatives
  std::uint32_t command_tgid = 0;  // a child that will exec the command
  std::uint64_t cgroup = 0;        // the processes of this cgroup and of those below
  CgroupHierarchy hierarchy;       // of all cgroups in the trace
};

struct RecorderCounts {
  std::uint64_t lost = 0;
  std::uint64_t recursion_misses = 0;  // known after finish(); see Loader
  std::uint64_t processes = 0;         // at attach
  std::uint64_t relatives = 0;         // of these, processes that only share anon_vmas with --pid
  std::uint64_t unreadable = 0;        // of these, processes that were not walked
  std::uint64_t malformed = 0;
  std::uint64_t execs = 0;
  std::uint64_t given_up = 0;       // lock numbers without an explanation
  std::uint64_t torn = 0;           // address spaces whose snapshot of the start is not one state
  std::uint64_t unread = 0;         // mms that ended before the change of an unseen writer was read
  std::uint64_t spilled_bytes = 0;  // the most bytes that waited in memory
  std::map<std::uint64_t, std::uint64_t> unseen;  // writers, by UnknownWrite.syscall
};

// The recorder joins all folders, so most of its 19 fields are one part each.
class Recorder final : private Feed::Reader {
 public:
  using Sink = std::function<Status(const Event&)>;

  // Loads and attaches the programs. From here on the accuracy of the recording is known.
  static Result<std::unique_ptr<Recorder>> open(const RecorderOptions& options);
  // A second recording with the same options, beside this one. From its begin() on, both have to be
  // polled.
  std::unique_ptr<Recorder> open_next() const;
  // Walks all live processes, and records. The first error of the sink is returned from here or
  // from poll().
  Status begin(Sink sink);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() { feed_->leave(this); }

  // Takes the records in the ring. Call it every few milliseconds.
  Status poll();
  // Walks one process now, or with 0 all that are recorded: each Snapshot(end) has an exact place among
  // the events, for comparison. The events come with later calls of poll().
  Status snapshot(std::uint32_t tgid);
  // Drains once more and lets all waiting events leave. Detaches if no other recording is active.
  Status finish();

  std::uint64_t elapsed_ns() const;  // since time 0 of the trace
  const RecorderCounts& counts() const { return counts_; }
  bool sees_faults() const { return loader_.sees_faults(); }
  bool sees_touches() const { return loader_.sees_touches(); }
  Tier tier() const { return loader_.tier(); }

 private:
  Recorder(const RecorderOptions& options, std::shared_ptr<Feed> feed, bool first);
  void on_event(const Event& event);
  void deliver(const Event& event);
  Status drain();
  Status walk_all();
  Result<std::set<std::uint32_t>> walk_family();
  Status walk(std::uint32_t tgid, SnapReason reason, anonvma_walk_purpose purpose);
  Status adopt_orphans();
  Status admit();
  void note_torn(std::uint64_t address);
  Status rewalk();
  void on_record(std::span<const std::byte> bytes) override;
  void report_lost(std::uint64_t now_ns, std::uint64_t losses);
  void report_missed();
  Status put_right();

  RecorderOptions options_;
  std::shared_ptr<Feed> feed_;
  Loader& loader_;  // the feed's
  bool first_;      // no other recording has shared the feed
  Sink sink_;
  Status failure_ = ok();
  Resync resync_;
  Rewalks rewalks_;
  std::uint64_t start_ns_ = 0;
  Order order_;
  Converter converter_;
  RecorderCounts counts_;
  std::set<std::uint32_t> walked_;  // local tgids that the walks of the start have seen
  std::uint64_t orphans_walked_at_ = 0;
  RoundPace round_pace_;
  std::vector<LostCount> ahead_;  // reported at a gap, but perhaps lost after it
  MissedEvents missed_;
  std::uint64_t missed_read_at_ = 0;
  std::uint64_t unread_before_ = 0;  // counted by recordings before this one
};

}  // namespace anonvma
