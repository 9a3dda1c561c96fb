#include "engine/look/census.h"

#include <set>
#include <utility>

namespace anonvma {
namespace {

class Taker {
 public:
  Taker(const StrategyView& view, Origins& origins) : view_(view), origins_(origins) {}

  void add(MmId mm, VmaId vma) {
    const std::uint64_t own = view_.anon_vma_name(vma);
    if (own == 0 && view_.faulted(vma)) ++census_.without_anon_vma;
    bool own_in_chain = false;
    for (const StrategyView::ChainLink& link : view_.chain_links(vma)) {
      AnonVmaCensus& entry = named(link.anon_vma);
      entry.root = origins_.number(link.root);
      entry.parent = origins_.known_number(link.parent);
      entry.num_children = link.num_children;
      entry.num_active_vmas = link.num_active_vmas;
      add_link(entry, {mm, vma, link.anon_vma == own});
      own_in_chain |= link.anon_vma == own;
      if (link.root != link.anon_vma) roots_.insert(link.root);
      ++census_.chain_entries;
    }
    if (own != 0 && !own_in_chain)  // a design without chains
      add_link(named(own), {mm, vma, true});
  }
  Census finish() {
    for (const std::uint64_t root : roots_) {
      AnonVmaCensus& entry = named(root);
      if (!entry.linked()) entry.root = entry.parent = origins_.number(root);
    }
    for (const auto& [number, entry] : census_.anon_vmas)
      if (entry.root != 0 && entry.root != number) ++census_.anon_vmas.at(entry.root).descendants;
    return std::move(census_);
  }

 private:
  AnonVmaCensus& named(std::uint64_t name) {
    const auto [place, fresh] = census_.anon_vmas.try_emplace(origins_.number(name));
    if (fresh) place->second.origin = origins_.of(name);
    return place->second;
  }
  static void add_link(AnonVmaCensus& entry, const VmaLink& link) {
    entry.links.push_back(link);
    entry.own_vmas += link.own ? 1 : 0;
  }

  const StrategyView& view_;
  Origins& origins_;
  Census census_;
  std::set<std::uint64_t> roots_;  // names
};

}  // namespace

Census take_census(const AddressSpaces& spaces, Origins& origins) {
  Taker taker(spaces.strategy(), origins);
  for (const MmId mm : spaces.mms())
    for (const VmaId vma : spaces.vmas(mm)) taker.add(mm, vma);
  return taker.finish();
}

}  // namespace anonvma
