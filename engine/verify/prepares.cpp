#include "engine/verify/prepares.h"

#include <algorithm>

namespace anonvma {

void Prepares::allocated(const EventHead& head, CacheIndex cache, std::uint64_t object) {
  if (const auto fault = exceptions_.find(head.tid); fault != exceptions_.end())
    fault->second.handled_ns = head.time_ns;
  Maker& maker = makers_[head.tid];
  if (head.seq % 2 == 0 && !maker.behind_fault) {
    maker.mm = head.mm;
    maker.ns = head.time_ns;
    maker.counts += Counts::one(cache, false);
  }
  if (cache == kAnonVma) made_[head.tid] = object;
}

void Prepares::freed(std::uint32_t tid, CacheIndex cache, std::uint64_t object) {
  if (cache != kAnonVma) return;
  const auto made = made_.find(tid);
  if (made != made_.end() && made->second == object) dropped_[tid] = object;
}

bool Prepares::lost_race(std::uint32_t tid) {
  makers_[tid].counts = {};
  const auto made = made_.find(tid);
  const auto dropped = dropped_.find(tid);
  if (made == made_.end() || dropped == dropped_.end() || made->second != dropped->second)
    return false;
  made_.erase(made);
  dropped_.erase(dropped);
  return true;
}

bool Prepares::event_of(const Event& event, std::uint64_t prepared) {
  const auto [maker, first] = makers_.try_emplace(event.head.tid);
  const bool faults = std::holds_alternative<Fault>(event.body) && prepared > 0;
  maker->second = {.mm = event.head.mm, .counts = {}, .behind_fault = faults};
  return first;
}

void Prepares::raised(const EventHead& head, std::uint64_t addr, const Counts& model) {
  exceptions_[head.tid] = {
      .mm = head.mm, .addr = addr, .ns = head.time_ns, .model = model, .seq = head.seq};
}

void Prepares::touched(const EventHead& head, std::uint64_t addr) {
  exceptions_[head.tid] = {.mm = head.mm,
                           .addr = addr,
                           .ns = head.time_ns,
                           .model = {},
                           .handled_ns = ~0ull,  // the kernel's objects follow
                           .seq = head.seq};
}

bool Prepares::in_flight(const EventHead& head, std::uint64_t start, std::uint64_t end,
                         bool own_reading) const {
  return std::any_of(exceptions_.begin(), exceptions_.end(), [&](const auto& of) {
    const Exception& fault = of.second;
    if (fault.mm != head.mm || fault.addr < start || fault.addr >= end ||
        fault.ns + kFaultTakesNs <= head.time_ns)
      return false;
    if (own_reading && fault.seq == head.seq) return true;
    return fault.handled_ns == 0 || fault.handled_ns > head.time_ns;
  });
}

std::uint64_t Prepares::bytes() const {
  return (exceptions_.size() + 2 * makers_.size() + made_.size() + dropped_.size()) * kNodeBytes;
}

}  // namespace anonvma
