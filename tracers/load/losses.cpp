#include "tracers/load/losses.h"

#include <bpf/bpf.h>

#include <cstddef>

#include "tracers/kernel/cpus.h"

namespace anonvma {
namespace {

constexpr std::size_t kMostCounters = 4096;  // half of the entries that the map can hold

}  // namespace

Losses::Losses(const Programs& programs)
    : programs_(programs), cpus_(possible_cpus()), before_(cpus_.size()) {}

std::uint64_t Losses::generation() const {
  return __atomic_load_n(programs_.shared().losses, __ATOMIC_ACQUIRE);
}

std::vector<LostCount> Losses::take() {
  const std::uint64_t now_at = generation();
  if (now_at == taken_) return {};
  taken_ = now_at;
  std::vector<LostCount> grown;
  take_of_anybody(grown);
  take_by_mm(grown);
  return grown;
}

void Losses::take_of_anybody(std::vector<LostCount>& grown) {
  const int map = programs_.map_fd("anonvma_lost");
  std::vector<std::uint64_t> now(kMaxCpus);  // the kernel fills in all possible ones
  for (std::uint32_t kind = 0; kind < ANONVMA_KINDS; ++kind) {
    if (bpf_map_lookup_elem(map, &kind, now.data()) != 0) continue;
    for (std::size_t i = 0; i < cpus_.size(); ++i) {
      std::uint64_t& before = before_[i][kind];
      if (now[i] != before) grown.push_back({kind, cpus_[i], now[i] - before, 0, true});
      before = now[i];
    }
  }
}

// If there are many counters, those that have not grown for a while are removed: no program still
// holds a pointer to them.
void Losses::take_by_mm(std::vector<LostCount>& grown) {
  constexpr std::uint64_t kCount = ANONVMA_LOSS_CONCERNS - 1;
  const int map = programs_.map_fd("anonvma_lost_of");
  const auto now = std::chrono::steady_clock::now();
  anonvma_loss key{}, next{};
  std::vector<anonvma_loss> keys;
  for (bool more = bpf_map_get_next_key(map, nullptr, &next) == 0; more;
       more = bpf_map_get_next_key(map, &key, &next) == 0)
    keys.push_back(key = next);
  for (const anonvma_loss& of : keys) {
    std::uint64_t count = 0;
    if (bpf_map_lookup_elem(map, &of, &count) != 0) continue;
    Counter& loss = by_mm_[{of.mm, std::uint64_t{of.kind} << 32 | of.cpu}];
    if (count != loss.count) {
      grown.push_back({of.kind, of.cpu, (count & kCount) - (loss.count & kCount), of.mm, false});
      loss = {count, now};
    } else if (keys.size() > kMostCounters && now - loss.since > std::chrono::seconds(1)) {
      std::uint64_t last = 0;  // may have grown since the lookup
      if (bpf_map_lookup_and_delete_elem(map, &of, &last) != 0) continue;
      if (last != count) grown.push_back({of.kind, of.cpu, (last - count) & kCount, of.mm, false});
      by_mm_.erase({of.mm, std::uint64_t{of.kind} << 32 | of.cpu});
    }
  }
}

}  // namespace anonvma
