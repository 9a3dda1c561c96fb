#include "engine/replay/observe.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace anonvma {
namespace {

std::uint64_t at_rank(const std::vector<std::uint64_t>& sorted, std::size_t per_cent) {
  const std::size_t rank = (sorted.size() * per_cent + 99) / 100;  // nearest rank
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

Histogram histogram(const std::vector<std::uint64_t>& values) {
  std::map<std::uint64_t, std::uint64_t> counts;
  for (const std::uint64_t value : values) ++counts[value];
  return {counts.begin(), counts.end()};
}

Walks walks(const AddressSpaces& spaces, const std::vector<MmId>& mms) {
  const StrategyView& strategy = spaces.strategy();
  std::vector<std::uint64_t> lengths, chains;
  for (const MmId mm : mms)
    for (const VmaId vma : spaces.vmas(mm))
      if (strategy.faulted(vma)) {
        lengths.push_back(strategy.rmap_walk_length(vma));
        chains.push_back(strategy.chain_links(vma).size());
      }
  Walks found;
  found.vmas_per_anon_vma = histogram(strategy.vmas_per_anon_vma());
  found.walk_lengths = histogram(lengths);
  found.chain_lengths = histogram(chains);
  if (lengths.empty()) return found;
  std::sort(lengths.begin(), lengths.end());
  found.vmas = lengths.size();
  found.min = lengths.front();
  found.median = at_rank(lengths, 50);
  found.p99 = at_rank(lengths, 99);
  found.max = lengths.back();
  return found;
}

std::vector<Holder> holders(const AddressSpaces& spaces, const SlabMoment& slab,
                            const std::vector<MmId>& mms) {
  const StrategyView& strategy = spaces.strategy();
  std::vector<Holder> all;
  std::unordered_map<std::uint64_t, std::size_t> own, linked;  // anon_vma: index of its holder
  std::array<std::uint64_t, kAllCaches> rest = slab.objs;
  std::unordered_map<std::uint64_t, std::size_t> named;  // index of the holder of a name in this mm
  const auto holder_of = [&](MmId mm, std::uint64_t vma_name) {
    const auto [entry, fresh] = named.try_emplace(vma_name, all.size());
    if (fresh) {
      Holder& holder = all.emplace_back();
      holder.mm = mm;
      holder.comm = spaces.comm(mm);
      holder.vma_name = vma_name;
      holder.cgroup = spaces.cgroup(mm);
    }
    return entry->second;
  };
  for (const MmId mm : mms) {
    named.clear();
    strategy.add_mm_objs(spaces.mm_slot(mm), all[holder_of(mm, 0)].objs);
    for (const VmaId vma : spaces.vmas(mm)) {
      const std::size_t holder = holder_of(mm, spaces.vma(vma).name);
      ++all[holder].objs[kVmAreaStruct];
      if (const std::uint64_t name = strategy.anon_vma_name(vma); name != 0)
        own.try_emplace(name, holder);
      for (const StrategyView::ChainLink& link : strategy.chain_links(vma)) {
        ++all[holder].objs[kAnonVmaChain];
        linked.try_emplace(link.anon_vma, holder);
      }
    }
  }
  for (const auto& [name, holder] : own) ++all[holder].objs[kAnonVma];
  for (const auto& [name, holder] : linked)
    if (!own.contains(name)) ++all[holder].objs[kAnonVma];
  for (const Holder& holder : all)
    for (std::size_t c = 0; c < kAllCaches; ++c) rest[c] -= std::min(rest[c], holder.objs[c]);
  if (std::any_of(rest.begin(), rest.end(), [](std::uint64_t n) { return n != 0; }))
    all.emplace_back().objs = rest;
  return all;
}

}  // namespace

Moment observe(const AddressSpaces& spaces, const SlabAccount& slab, bool family) {
  const std::vector<MmId> mms = spaces.mms();
  Moment moment;
  moment.slab = slab.now();
  moment.walks = walks(spaces, mms);
  moment.holders = holders(spaces, moment.slab, mms);
  moment.remap_entries = spaces.strategy().remap_entries();
  if (family) moment.family = largest_family(spaces);
  return moment;
}

std::vector<Holder> observe_holders(const AddressSpaces& spaces, const SlabAccount& slab) {
  return holders(spaces, slab.now(), spaces.mms());
}

}  // namespace anonvma
