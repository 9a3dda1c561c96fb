#include "engine/replay/family.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/vma/address_spaces.h"

namespace anonvma {
namespace {

struct FoundAnonVma {
  std::uint64_t root = 0, parent = 0;
  FamilyNode node;
  bool owned = false;  // node.mm has it as vma->anon_vma
};
using FoundAnonVmas = std::map<std::uint64_t, FoundAnonVma>;  // by name

// The links of a vma. A design without chains has one anon_vma for a family.
std::vector<StrategyView::ChainLink> links_of(const StrategyView& strategy, VmaId vma) {
  std::vector<StrategyView::ChainLink> links = strategy.chain_links(vma);
  const std::uint64_t own = strategy.anon_vma_name(vma);
  if (links.empty() && own != 0) links.push_back({.anon_vma = own, .root = own, .parent = own});
  return links;
}

void add_link(FoundAnonVma& found, const AddressSpaces& spaces, MmId mm, bool own) {
  ++found.node.vmas;
  found.node.own_vmas += own ? 1 : 0;
  if (found.node.mm && (found.owned || !own)) return;  // mms come in ascending order
  found.node.mm = mm;
  found.node.comm = spaces.comm(mm);
  found.owned = own;
}

struct AllFamilies {
  FoundAnonVmas anon_vmas;
  std::map<std::uint64_t, std::uint64_t> vmas_of_root;
};

AllFamilies find_families(const AddressSpaces& spaces) {
  const StrategyView& strategy = spaces.strategy();
  AllFamilies all;
  for (const MmId mm : spaces.mms())
    for (const VmaId vma : spaces.vmas(mm)) {
      const auto links = links_of(strategy, vma);
      const std::uint64_t own = strategy.anon_vma_name(vma);
      if (!links.empty()) ++all.vmas_of_root[links.front().root];
      for (const StrategyView::ChainLink& link : links) {
        FoundAnonVma& found = all.anon_vmas[link.anon_vma];
        found.node.name = link.anon_vma;
        found.root = link.root;
        found.parent = link.parent;
        add_link(found, spaces, mm, link.anon_vma == own);
      }
    }
  return all;
}

std::uint64_t largest_root(const AllFamilies& all) {
  using Size = std::pair<std::uint64_t, std::uint64_t>;  // anon_vmas, vmas
  std::map<std::uint64_t, Size> sizes;
  for (const auto& [name, found] : all.anon_vmas) ++sizes[found.root].first;
  for (const auto& [root, vmas] : all.vmas_of_root) sizes[root].second = vmas;
  const auto largest = std::max_element(
      sizes.begin(), sizes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return largest->first;
}

// The members of one family with their children. A parent that no vma is linked to is known by its
// name only, and stands below the root.
struct FamilyMembers {
  std::map<std::uint64_t, FamilyNode> nodes;
  std::map<std::uint64_t, std::vector<std::uint64_t>> children;
};

FamilyMembers members_of(const FoundAnonVmas& anon_vmas, std::uint64_t root) {
  FamilyMembers family;
  family.nodes[root].name = root;
  for (const auto& [name, found] : anon_vmas) {
    if (found.root != root) continue;
    family.nodes[name] = found.node;
    if (name == root) continue;
    const bool known = found.parent == root || anon_vmas.contains(found.parent);
    if (!known && family.nodes.try_emplace(found.parent).second) {
      family.nodes[found.parent].name = found.parent;
      family.children[root].push_back(found.parent);
    }
    family.children[found.parent].push_back(name);
  }
  return family;
}

// The order is depth first, and children come by mm. A damaged trace may have put members into a circle,
// which is in no place below the root: they are left out.
std::vector<FamilyNode> in_order(FamilyMembers& family, std::uint64_t root) {
  std::vector<FamilyNode> order;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> next{{root, 0}};  // name, parent's index
  while (!next.empty()) {
    const auto [name, parent] = next.back();
    next.pop_back();
    const auto index = static_cast<std::uint32_t>(order.size());
    order.push_back(std::move(family.nodes[name]));
    order.back().parent = parent;
    auto& children = family.children[name];
    const auto key = [&](std::uint64_t child) {
      return std::pair(family.nodes[child].mm.v, child);
    };
    std::sort(children.begin(), children.end(), [&](std::uint64_t a, std::uint64_t b) {
      return key(a) > key(b);  // the last one is taken first
    });
    for (const std::uint64_t child : children) next.emplace_back(child, index);
    children.clear();
  }
  return order;
}

}  // namespace

Family largest_family(const AddressSpaces& spaces) {
  const AllFamilies all = find_families(spaces);
  if (all.anon_vmas.empty()) return {};
  const std::uint64_t root = largest_root(all);
  FamilyMembers family = members_of(all.anon_vmas, root);
  const auto vmas = all.vmas_of_root.find(root);
  return {.nodes = in_order(family, root),
          .vmas = vmas == all.vmas_of_root.end() ? 0 : vmas->second,
          .roots = all.vmas_of_root.size()};
}

}  // namespace anonvma
