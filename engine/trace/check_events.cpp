#include "engine/trace/check_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/slab/slab_account.h"

namespace anonvma {
namespace {

// The recorder waits five seconds for a missing number, and then needs some time to write the next.
constexpr std::uint64_t kTimeSlackNs = 10'000'000'000;
constexpr std::uint64_t kLossKnownNs = 10'000'000'000;
constexpr std::size_t kMostHeld = 65536;
// Numbers of TruthSite and LockOp.
constexpr std::uint64_t kSites = static_cast<std::uint64_t>(TruthSite::vma_free_rcu) + 1;
constexpr std::uint64_t kLockOps = static_cast<std::uint64_t>(LockOp::munlockall) + 1;

bool is_attach(const Event& event) {
  const auto* snapshot = std::get_if<Snapshot>(&event.body);
  return snapshot != nullptr && snapshot->reason == static_cast<std::uint64_t>(SnapReason::attach);
}

// True if head.seq is the number of the event's own write acquire. A Step carries its fork's.
bool is_write(const Event& event) {
  if (event.head.seq % 2 == 0) return false;
  const bool grew_stack = std::holds_alternative<Fault>(event.body) && event.head.map_count != 0;
  return traits_of(event.body).takes_lock || grew_stack;
}

}  // namespace

EventCheck::EventCheck(std::uint64_t page_size, Report report)
    : page_mask_((std::has_single_bit(page_size) ? page_size : 4096) - 1),
      report_(std::move(report)),
      live_(kNumCaches),
      freed_(kNumCaches) {}

void EventCheck::chunk_at(std::uint64_t chunk, std::uint64_t offset) {
  chunk_ = chunk;
  offset_ = offset;
}

void EventCheck::find(FindingKind kind, std::string what) {
  Finding finding{kind, chunk_, offset_, events_, std::move(what)};
  if (info_of(kind).level != FindingLevel::event_or_loss) return report_(std::move(finding));
  if (behind_loss_)
    ++softened_;
  else
    hold(std::move(finding));
}

void EventCheck::hold(Finding finding) {
  if (held_.size() == kMostHeld) release_held();
  if (held_.empty()) held_since_ns_ = newest_ns_;
  held_.push_back(std::move(finding));
}

void EventCheck::release_held() {
  for (Finding& finding : std::exchange(held_, {})) report_(std::move(finding));
}

void EventCheck::apply(const Event& event) {
  if (const auto* lost = std::get_if<Lost>(&event.body)) {
    lost_ += lost->count;
    gap();
  } else {
    check_group(event);
    check_time(event);
    check_mm(event);
    check_values(event);
    if (const auto* truth = std::get_if<Truth>(&event.body)) check_truth(*truth);
  }
  if (!held_.empty() && newest_ns_ - held_since_ns_ > kLossKnownNs) release_held();
  ++events_;
}

void EventCheck::gap() {
  if (in_group_ || exec_) end_group("a loss");
  behind_loss_ = true;
  softened_ += held_.size();
  held_.clear();
}

// A killed recorder may have left a snapshot unfinished and a loss unreported.
void EventCheck::finish(FileEnd end) {
  if (end == FileEnd::cut) {
    undecided_ = held_.size();
    held_.clear();
    return;
  }
  if (in_group_ || exec_) end_group("the end");
  release_held();
}

// The snapshots of the start are written before the events that happened meanwhile.
void EventCheck::check_time(const Event& event) {
  if (is_attach(event) || is_snapshot_part(event.body)) return;
  const std::uint64_t now = event.head.time_ns;
  if (now < newest_ns_ && newest_ns_ - now > kTimeSlackNs)
    find(FindingKind::time, fmt::format("{:.6f} s before the time of an earlier event",
                                        static_cast<double>(newest_ns_ - now) / 1e9));
  newest_ns_ = std::max(newest_ns_, now);
}

void EventCheck::bear(MmId id, std::uint32_t seq) {
  if (!id) return find(FindingKind::value, "the address space that is born has no id");
  if (dead_.test(id.v) || mms_.contains(id))
    find(FindingKind::mm_born_twice, fmt::format("mm {}", id.v));
  dead_.clear(id.v);
  mms_[id] = {seq, 0, seq != 0};
}

void EventCheck::bear_by(const Event& event) {
  if (std::holds_alternative<Exec>(event.body) || is_attach(event))
    return bear(event.head.mm, event.head.seq);
  if (const auto* fork = std::get_if<Fork>(&event.body)) bear(fork->child, 0);
}

// Objects of the truth lane are written at once, before the fork that gives birth to their mm.
void EventCheck::check_mm(const Event& event) {
  const MmId id = event.head.mm;
  const EventType type = type_of(event.body);
  if (type == EventType::truth || is_snapshot_part(event.body)) return;
  if (type == EventType::exec || is_attach(event)) bear_by(event);
  if (!id) return find(FindingKind::value, fmt::format("{} of no address space", name_of(type)));
  const auto mm = mms_.find(id);
  if (mm == mms_.end()) {
    const bool dead = dead_.test(id.v);
    find(dead ? FindingKind::mm_dead : FindingKind::mm_unborn,
         fmt::format("{} of mm {}", name_of(type), id.v));
  } else {
    check_seq(event, mm->second);
  }
  if (type == EventType::fork) bear_by(event);
  if (type != EventType::exit_mmap) return;
  mms_.erase(id);
  dead_.set(id.v);
}

// The recorder may give up waiting for a number. The event with that number then comes after the
// UnknownWrite that took its place.
void EventCheck::check_seq(const Event& event, Mm& mm) {
  if (!is_write(event)) return;
  const std::uint32_t seq = event.head.seq;
  const auto above = [seq](std::uint32_t other) {
    return static_cast<std::int32_t>(seq - other) > 0;  // seq wraps around
  };
  if (mm.written && !above(mm.last_write)) {
    if (mm.given_up == 0 || above(mm.given_up))
      find(FindingKind::seq,
           fmt::format("{} of mm {} has seq {} after {}", name_of(type_of(event.body)),
                       event.head.mm.v, seq, mm.last_write));
    return;
  }
  mm.last_write = seq;
  mm.written = true;
  if (std::holds_alternative<UnknownWrite>(event.body)) mm.given_up = seq;
}

void EventCheck::check_page(std::string_view name, std::uint64_t address) {
  if ((address & page_mask_) != 0)
    find(FindingKind::alignment, fmt::format("{} {:#x}", name, address));
}

void EventCheck::check_values(const Event& event) {
  const auto below = [this](std::string_view name, std::uint64_t value, std::uint64_t limit) {
    if (value >= limit) find(FindingKind::value, fmt::format("{} {}", name, value));
  };
  // The result of a call is an address, or -errno.
  const auto returned = [this](std::int64_t ret) {
    const auto word = static_cast<std::uint64_t>(ret);
    if (word < ~std::uint64_t{4095}) check_page("ret", word);
  };
  if (const auto* map = std::get_if<Map>(&event.body)) return returned(map->ret);
  if (const auto* remap = std::get_if<Remap>(&event.body)) {
    returned(remap->ret);
    return check_page("stopped", remap->stopped);
  }
  if (const auto* fault = std::get_if<Fault>(&event.body)) return check_page("addr", fault->addr);
  if (const auto* touch = std::get_if<Touch>(&event.body)) return check_page("addr", touch->addr);
  if (const auto* step = std::get_if<Step>(&event.body))
    return check_page("unlinked", step->unlinked);
  if (const auto* lock = std::get_if<Lock>(&event.body)) return below("op", lock->op, kLockOps);
  if (const auto* truth = std::get_if<Truth>(&event.body)) {
    below("cache", truth->cache, kNumCaches);
    below("site", truth->site, kSites);
    below("freed", truth->freed, 2);
  }
}

void EventCheck::check_truth(const Truth& truth) {
  if (truth.cache >= kNumCaches) return;
  SparseBits& live = live_[truth.cache];
  SparseBits& freed = freed_[truth.cache];
  const auto name = [&] {
    return fmt::format("{} {}", cache_name(static_cast<CacheIndex>(truth.cache)), truth.object);
  };
  if (truth.freed == 0) {
    if (live.test(truth.object) || freed.test(truth.object)) find(FindingKind::truth_alloc, name());
    live.set(truth.object);
    freed.clear(truth.object);
  } else {
    if (freed.test(truth.object)) find(FindingKind::truth_free, name());
    live.clear(truth.object);
    freed.set(truth.object);
  }
}

}  // namespace anonvma
