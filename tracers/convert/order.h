// Puts events into the order in which the kernel executed them.
//
// A system call is recorded when it returns, so ring order is not quite lock order. Each mm counts
// the write acquires of its mmap_lock (mm_lock_seq, odd under the lock, two more each time). Within
// one mm an operation leaves when all acquires below its own are accounted for. An event without a
// write lock (of a fault, of a task) leaves after the operations that precede it. A child's events
// wait for its Fork. Everything else keeps ring order.
//
//   ring    munmap 43 ─ fault at 42 ─ mmap 41 ─ mprotect 45
//   trace                             mmap 41 ─ fault at 42 ─ munmap 43 ─ mprotect 45
//           43 waits for 41, and the fault for all below 42
//
// A number may stay open because its record was lost or its system call has not returned. After a
// while it is given up, and an UnknownWrite takes its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "engine/trace/event.h"

namespace anonvma {

// Events that stay together: an Exec and the snapshot after it.
struct EventGroup {
  Event first;
  std::vector<Event> rest;
};

struct OrderLimits {
  std::uint64_t patience_ns = 5'000'000'000;  // how long a number may stay open
  std::size_t held_events = 1u << 20;         // of one mm; beyond it, numbers are given up at once
};

class Order {
 public:
  using Sink = std::function<void(const Event&)>;

  explicit Order(Sink sink, OrderLimits limits = {});

  // Births. `seq` is mm_lock_seq when the snapshot or copy was taken (even).
  void attach(MmId mm, std::uint32_t seq, EventGroup group);
  void fork(MmId parent, std::uint32_t seq, EventGroup group, MmId child, std::uint32_t child_seq);
  void exec(MmId old_mm, EventGroup group, MmId mm, std::uint32_t seq);

  // An operation with its own write acquire; `seq` is odd.
  void write(MmId mm, std::uint32_t seq, EventGroup group);
  // A write acquire that is explained and needs no event.
  void account(MmId mm, std::uint32_t seq);
  // An event that took no write lock. It leaves after every operation up to `seq`.
  void read(MmId mm, std::uint32_t seq, EventGroup group);
  void exit(MmId mm, EventGroup group);
  // After a loss: `group` is the whole state of the mm at `seq` (even). Earlier events leave first,
  // and open numbers below `seq` are skipped. If the birth of the mm still waits, `group` takes its
  // place: earlier events are dropped, and children wait for snapshots of their own.
  void resynchronise(MmId id, std::uint32_t seq, EventGroup group);
  // How far a fork (of token step.head.seq) or an exit has come. The event leaves at once; if
  // anything older waits, it is dropped.
  void step(MmId mm, const Event& step);
  // An event of no mm, or of an mm whose birth has left. It leaves at once.
  void pass(const Event& event) { sink_(event); }
  bool announced(MmId mm) const;
  // `group` leaves directly after the mm's birth, which has not left yet.
  void behind_birth(MmId mm, EventGroup group);

  // True when the mm's attach snapshot already contains the effect of acquire `seq`.
  bool covered(MmId mm, std::uint32_t seq) const;

  // Sets the time. To be called before the records of that time: the numbers that they settle must
  // not seem to have waited for them.
  void tick(std::uint64_t now_ns) { now_ns_ = now_ns; }
  // Gives up numbers that have been open for too long.
  void advance(std::uint64_t now_ns);
  // Lets all held events leave.
  void finish();

  bool waits() const { return !blocked_.empty(); }      // for an open number
  std::uint64_t given_up() const { return given_up_; }  // numbers that stayed open
  std::uint64_t late() const { return late_; }          // operations that came after that

 private:
  struct Held {
    EventGroup group;
    MmId born;           // the birth of this mm leaves with the group
    bool empty = false;  // only accounts for its number
  };
  struct Mm {
    bool ready = false;  // its birth has left
    bool exiting = false;
    std::uint32_t origin = 0;  // mm_lock_seq at its birth
    std::uint32_t next = 1;    // the lowest number not accounted for (odd)
    std::uint64_t blocked_since = 0;
    std::uint64_t last_time = 0;  // of the newest event that came in
    std::map<std::uint32_t, Held> writes;
    std::multimap<std::uint32_t, Held> reads;
    EventGroup end;
  };

  Mm* find(MmId mm);
  void bear(MmId mm, std::uint32_t seq);
  void hold_write(MmId mm, std::uint32_t seq, Held held);
  void hold_read(MmId mm, std::uint32_t seq, Held held);
  void release(const Held& held);
  void pump_from(MmId mm);
  void pump(MmId id, Mm& mm);
  bool step(Mm& mm);
  void give_up(MmId id, Mm& mm);
  void end(MmId id, Mm& mm);

  Sink sink_;
  OrderLimits limits_;
  std::unordered_map<MmId, Mm> mms_;
  std::set<MmId> blocked_;
  std::vector<MmId> to_pump_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t given_up_ = 0;
  std::uint64_t late_ = 0;
};

}  // namespace anonvma
