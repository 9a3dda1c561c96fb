#include "engine/trace/check_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/slab/slab_account.h"

namespace anonvma {
namespace {

// The recorder waits five seconds for a missing number, and then needs some time to write the next.
constexpr std::uint64_t kTimeSlackNs = 10'000'000'000;
// Numbers of TruthSite and LockOp.
constexpr std::uint64_t kSites = static_cast<std::uint64_t>(TruthSite::vma_free_rcu) + 1;
constexpr std::uint64_t kLockOps = static_cast<std::uint64_t>(LockOp::munlockall) + 1;

}  // namespace

EventCheck::EventCheck(std::uint64_t page_size, CheckFindings::Report report)
    : findings_(page_size, std::move(report)), live_(kNumCaches), freed_(kNumCaches) {}

void EventCheck::apply(const Event& event) {
  if (const auto* lost = std::get_if<Lost>(&event.body)) {
    lost_ += lost->count;
    gap();
  } else {
    snapshots_.apply(event);
    check_time(event);
    mms_.apply(event);
    check_values(event);
    if (const auto* truth = std::get_if<Truth>(&event.body)) check_truth(*truth);
    if (const auto* text = std::get_if<Text>(&event.body)) check_text(*text);
  }
  findings_.next_event();
}

void EventCheck::gap() {
  snapshots_.end("a loss");
  findings_.gap();
}

// A killed recorder may have left a snapshot unfinished and a loss unreported.
void EventCheck::finish(FileEnd end) {
  if (end == FileEnd::whole) {
    snapshots_.end("the end");
    if (texts_.open()) findings_.find(FindingKind::text, "the last text is not whole");
  }
  findings_.finish(end == FileEnd::cut);
}

// The snapshots of the start are written before the events that happened meanwhile.
void EventCheck::check_time(const Event& event) {
  if (is_attach(event.body) || is_snapshot_part(event.body)) return;
  const std::uint64_t now = event.head.time_ns, newest = findings_.newest_ns();
  if (now < newest && newest - now > kTimeSlackNs)
    findings_.find(FindingKind::time, fmt::format("{:.6f} s before the time of an earlier event",
                                                  static_cast<double>(newest - now) / 1e9));
  findings_.set_time(std::max(newest, now));
}

void EventCheck::check_values(const Event& event) {
  const auto below = [this](std::string_view name, std::uint64_t value, std::uint64_t limit) {
    if (value >= limit) findings_.find(FindingKind::value, fmt::format("{} {}", name, value));
  };
  // The result of a call is an address, or -errno.
  const auto returned = [this](std::int64_t ret) {
    const auto word = static_cast<std::uint64_t>(ret);
    if (word < ~std::uint64_t{4095}) findings_.check_page("ret", word);
  };
  if (const auto* map = std::get_if<Map>(&event.body)) return returned(map->ret);
  if (const auto* remap = std::get_if<Remap>(&event.body)) {
    returned(remap->ret);
    return findings_.check_page("stopped", remap->stopped);
  }
  if (const auto* fault = std::get_if<Fault>(&event.body))
    return findings_.check_page("addr", fault->addr);
  if (const auto* touch = std::get_if<Touch>(&event.body))
    return findings_.check_page("addr", touch->addr);
  if (const auto* made = std::get_if<NewAnonVma>(&event.body))
    return findings_.check_page("addr", made->addr);
  if (const auto* step = std::get_if<Step>(&event.body))
    return findings_.check_page("unlinked", step->unlinked);
  if (const auto* lock = std::get_if<Lock>(&event.body)) return below("op", lock->op, kLockOps);
  if (const auto* truth = std::get_if<Truth>(&event.body)) {
    below("cache", truth->cache, kNumCaches);
    below("site", truth->site, kSites);
    below("freed", truth->freed, 2);
  }
}

// A Texts holds a limited number of bytes, which is no fault of the file.
void EventCheck::check_text(const Text& piece) {
  const std::string_view why = texts_.take(piece);
  if (!why.empty() && why != Texts::kFull)
    findings_.find(FindingKind::text,
                   fmt::format("text {} of kind {}: {}", piece.id, piece.kind, why));
}

void EventCheck::check_truth(const Truth& truth) {
  if (truth.cache >= kNumCaches) return;
  SparseBits& live = live_[truth.cache];
  SparseBits& freed = freed_[truth.cache];
  const auto name = [&] {
    return fmt::format("{} {}", cache_name(static_cast<CacheIndex>(truth.cache)), truth.object);
  };
  if (truth.freed == 0) {
    if (live.test(truth.object) || freed.test(truth.object))
      findings_.find(FindingKind::truth_alloc, name());
    live.set(truth.object);
    freed.clear(truth.object);
  } else {
    if (freed.test(truth.object)) findings_.find(FindingKind::truth_free, name());
    live.clear(truth.object);
    freed.set(truth.object);
  }
}

}  // namespace anonvma
