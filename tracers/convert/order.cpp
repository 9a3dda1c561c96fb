#include "tracers/convert/order.h"

#include <algorithm>
#include <utility>

namespace anonvma {

Order::Order(Sink sink, OrderLimits limits) : sink_(std::move(sink)), limits_(limits) {}

Order::Mm* Order::find(MmId mm) {
  const auto it = mms_.find(mm);
  return it == mms_.end() ? nullptr : &it->second;
}

void Order::bear(MmId mm, std::uint32_t seq) {
  Mm& state = mms_[mm];
  state.origin = seq;
  state.next = seq | 1;  // seq is even: the record of a writer that is active is still to come
}

void Order::attach(MmId mm, std::uint32_t seq, EventGroup group) {
  bear(mm, seq);
  release({std::move(group), mm, false});
  pump_from(mm);
}

void Order::fork(MmId parent, std::uint32_t seq, EventGroup group, MmId child,
                 std::uint32_t child_seq) {
  bear(child, child_seq);
  // A fork without a token (by 32-bit code) goes where its parent's lock stood afterwards.
  if (seq % 2 == 1)
    hold_write(parent, seq, {std::move(group), child, false});
  else
    hold_read(parent, seq, {std::move(group), child, false});
}

void Order::exec(MmId old_mm, EventGroup group, MmId mm, std::uint32_t seq) {
  bear(mm, seq);
  const Mm* const old = old_mm ? find(old_mm) : nullptr;
  if (old && !old->ready) return hold_read(old_mm, 0, {std::move(group), mm, false});
  release({std::move(group), mm, false});
  pump_from(mm);
}

void Order::write(MmId mm, std::uint32_t seq, EventGroup group) {
  hold_write(mm, seq, {std::move(group), {}, false});
}

void Order::account(MmId mm, std::uint32_t seq) { hold_write(mm, seq, {{}, {}, true}); }

void Order::read(MmId mm, std::uint32_t seq, EventGroup group) {
  hold_read(mm, seq, {std::move(group), {}, false});
}

void Order::exit(MmId mm, EventGroup group) {
  Mm* const state = find(mm);
  if (!state) return;
  state->exiting = true;
  state->end = std::move(group);
  pump_from(mm);
}

void Order::resynchronise(MmId id, std::uint32_t seq, EventGroup group) {
  Mm* const mm = find(id);
  if (!mm) return attach(id, seq, std::move(group));
  if (!mm->ready) {  // earlier events wait for the birth and can never leave
    mm->ready = true;
    std::erase_if(mm->writes, [&](const auto& held) { return held.first < seq; });
    std::erase_if(mm->reads, [&](const auto& held) { return held.first <= seq; });
  }
  for (;;) {
    while (step(*mm)) continue;
    const bool writes = !mm->writes.empty() && mm->writes.begin()->first < seq;
    const bool reads = !mm->reads.empty() && mm->reads.begin()->first <= seq;
    if (!writes && !reads) break;
    mm->next = writes ? mm->writes.begin()->first : seq | 1;
  }
  mm->origin = seq;
  mm->next = std::max(mm->next, seq | 1);
  release({std::move(group), {}, false});
  pump_from(id);
}

void Order::step(MmId mm, const Event& step) {
  const Mm* const state = find(mm);
  if (!state || !state->ready || !state->reads.empty()) return;
  const std::uint32_t token = step.head.seq;
  if (token != 0 ? state->next == token : state->writes.empty()) sink_(step);
}

bool Order::announced(MmId mm) const {
  const auto it = mms_.find(mm);
  return it != mms_.end() && it->second.ready;
}

void Order::behind_birth(MmId mm, EventGroup group) {
  if (const Mm* const state = find(mm)) hold_read(mm, state->origin, {std::move(group), {}, false});
}

bool Order::covered(MmId mm, std::uint32_t seq) const {
  const auto it = mms_.find(mm);
  return it != mms_.end() && seq < it->second.origin;
}

void Order::hold_write(MmId mm, std::uint32_t seq, Held held) {
  Mm* const state = find(mm);
  if (!state || seq < state->origin) return;
  state->last_time = std::max(state->last_time, held.group.first.head.time_ns);
  if (seq < state->next) {  // its number was given up before
    ++late_;
    release(held);
    return pump_from(held.born);
  }
  state->writes.emplace(seq, std::move(held));
  pump_from(mm);
}

void Order::hold_read(MmId mm, std::uint32_t seq, Held held) {
  Mm* const state = find(mm);
  if (!state || seq < state->origin) {
    if (!held.born) return;
    if (!state) return;
    seq = state->origin;  // a birth is never dropped
  }
  state->last_time = std::max(state->last_time, held.group.first.head.time_ns);
  if (state->ready && seq < state->next && state->reads.empty()) {  // the usual case
    release(held);
    return pump_from(held.born);
  }
  state->reads.emplace(seq, std::move(held));
  pump_from(mm);
}

void Order::release(const Held& held) {
  const Mm* const born = held.born ? find(held.born) : nullptr;
  if (held.born && (!born || born->ready)) return;  // a snapshot has announced it meanwhile
  if (!held.empty) {
    sink_(held.group.first);
    for (const Event& event : held.group.rest) sink_(event);
  }
  if (!held.born) return;
  if (Mm* const child = find(held.born)) child->ready = true;
  to_pump_.push_back(held.born);
}

void Order::pump_from(MmId mm) {
  if (mm) to_pump_.push_back(mm);
  // A list and no recursion, as a chain of forks may have waited for one number.
  while (!to_pump_.empty()) {
    const MmId id = to_pump_.back();
    to_pump_.pop_back();
    if (Mm* const state = find(id); state && state->ready) pump(id, *state);
  }
}

void Order::pump(MmId id, Mm& mm) {
  bool moved = false;
  while (step(mm)) moved = true;
  if (mm.exiting) return end(id, mm);
  if (mm.writes.empty() && mm.reads.empty()) {
    mm.blocked_since = 0;
    blocked_.erase(id);
    return;
  }
  if (moved || mm.blocked_since == 0) mm.blocked_since = std::max<std::uint64_t>(now_ns_, 1);
  blocked_.insert(id);
  if (mm.writes.size() + mm.reads.size() > limits_.held_events) give_up(id, mm);
}

// Lets one group leave, if any may.
bool Order::step(Mm& mm) {
  if (!mm.reads.empty() && mm.reads.begin()->first < mm.next) {
    const auto node = mm.reads.extract(mm.reads.begin());
    release(node.mapped());
    return true;
  }
  if (mm.writes.empty() || mm.writes.begin()->first != mm.next) return false;
  const auto node = mm.writes.extract(mm.writes.begin());
  mm.next += 2;
  release(node.mapped());
  return true;
}

// Replaces the lowest open numbers by UnknownWrites. A read that waits for the very next number
// proves no loss, as that writer is still active: the read leaves.
void Order::give_up(MmId id, Mm& mm) {
  constexpr std::uint32_t kMost = 1024;  // one gap never fills a trace
  std::uint32_t goal = mm.writes.empty() ? mm.next : mm.writes.begin()->first;
  if (!mm.reads.empty()) {
    const std::uint32_t seq = mm.reads.begin()->first;
    if (seq <= mm.next) {
      const auto node = mm.reads.extract(mm.reads.begin());
      release(node.mapped());
      to_pump_.push_back(id);
      return;
    }
    const std::uint32_t before = seq + 1 - seq % 2;  // every number that `seq` proves taken
    goal = mm.writes.empty() ? before : std::min(goal, before);
  }
  if (goal - mm.next > 2 * kMost) mm.next = goal - 2 * kMost;
  for (; mm.next < goal; mm.next += 2) {
    ++given_up_;
    sink_(Event{{mm.last_time, 0, id, mm.next, 0}, UnknownWrite{}});
  }
  to_pump_.push_back(id);
}

// All records of an mm precede its ExitMmap in the ring, so numbers that are open now stay open.
void Order::end(MmId id, Mm& mm) {
  while (!mm.writes.empty() || !mm.reads.empty()) {
    give_up(id, mm);
    while (step(mm)) continue;
  }
  sink_(mm.end.first);
  blocked_.erase(id);
  mms_.erase(id);
}

void Order::advance(std::uint64_t now_ns) {
  now_ns_ = now_ns;
  std::vector<MmId> overdue;
  for (const MmId id : blocked_) {
    const Mm* const mm = find(id);
    if (mm && now_ns - std::min(now_ns, mm->blocked_since) > limits_.patience_ns)
      overdue.push_back(id);
  }
  for (const MmId id : overdue) {
    if (Mm* const mm = find(id)) give_up(id, *mm);
    pump_from({});
  }
}

void Order::finish() {
  while (!blocked_.empty()) {
    const MmId id = *blocked_.begin();
    if (Mm* const mm = find(id)) give_up(id, *mm);
    pump_from({});
  }
}

}  // namespace anonvma
