// A recording: programs attached, start state walked, records drained into events in kernel order.
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
#include "tracers/convert.h"
#include "tracers/loader.h"
#include "tracers/order.h"

namespace anonvma {

struct RecorderOptions {
  anonvma_faults faults = ANONVMA_FAULTS_WRITE;
  bool truth = false;
  std::uint64_t ring_bytes = 32u << 20;
  // At most one of both; neither: the whole system.
  std::vector<int> pids;           // these processes and their descendants
  std::uint32_t command_tgid = 0;  // a child that will exec the command
};

struct RecorderCounts {
  std::uint64_t lost = 0;
  std::uint64_t recursion_misses = 0;  // known after finish(); see Loader
  std::uint64_t processes = 0;         // at attach
  std::uint64_t unreadable = 0;        // of them, not walked
  std::uint64_t malformed = 0;
  std::uint64_t given_up = 0;  // lock numbers that nobody explained
};

class Recorder {
 public:
  using Sink = std::function<Status(const Event&)>;

  // Attaches, and walks what is alive. The first error of the sink comes back from poll().
  static Result<std::unique_ptr<Recorder>> start(const RecorderOptions& options, Sink sink);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Takes what the ring holds. Call it every few milliseconds.
  Status poll();
  // Walks one process now: a Snapshot(end) at its place among the events, to compare with.
  Status snapshot(std::uint32_t tgid);
  // Detaches after a last drain, and lets go of what still waited.
  Status finish();

  std::uint64_t elapsed_ns() const;  // since time 0 of the trace
  const RecorderCounts& counts() const { return counts_; }
  bool sees_faults() const { return loader_->sees_faults(); }
  bool sees_touches() const { return loader_->sees_touches(); }

 private:
  Recorder(const RecorderOptions& options, Sink sink);
  void on_event(const Event& event);
  void deliver(const Event& event);
  void end_start();
  Status drain();
  Status walk_all();
  Status walk(std::uint32_t tgid, SnapReason reason, bool track);
  Status adopt_orphans();
  Status resynchronise();
  void on_record(std::span<const std::byte> bytes);
  void tell_lost(std::uint64_t now_ns, std::uint64_t losses);
  void tell_missed();
  Status put_right();
  void on_event_of_round(const Event& event);
  void end_round();

  RecorderOptions options_;
  Sink sink_;
  Status failure_ = ok();
  bool starting_ = true;      // until what was alive has been walked
  bool in_attach_ = false;    // inside a snapshot of the start
  std::vector<Event> early_;  // what happened meanwhile
  std::uint64_t start_ns_ = 0;
  Order order_;
  Converter converter_;
  std::unique_ptr<Loader> loader_;
  RecorderCounts counts_;
  std::uint64_t next_walk_ = 1;
  std::set<std::uint32_t> walked_;                     // tgids, by the walks of the start
  std::map<MmId, std::uint64_t> stale_;                // mms to walk again, and not before when
  std::unordered_map<MmId, std::uint64_t> walked_at_;  // when a stale mm was last walked
  std::uint64_t orphans_walked_at_ = 0;

  // While those that lost records are read again: their snapshots, and what happened behind these.
  bool in_round_ = false, in_set_ = false;
  bool delivers_set_ = false, ends_in_set_ = false;
  std::vector<Event> set_, behind_;
  std::set<MmId> held_;
  static constexpr std::uint64_t kRoundWait = 250'000'000, kMostRoundWait = 2'000'000'000;
  std::uint64_t round_at_ = 0;                // the last one
  std::uint64_t round_wait_ns_ = kRoundWait;  // before the next
  std::vector<LostCount> ahead_;  // told already, and lost behind the gap where that was
  std::uint64_t missed_ = 0, missed_at_ = 0;
};

}  // namespace anonvma
