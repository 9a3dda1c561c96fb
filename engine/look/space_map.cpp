#include "engine/look/space_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/replay/observe.h"
#include "engine/trace/abi.h"

namespace anonvma {
namespace {

VmaKind kind_of(const Vma& vma, std::uint64_t start_brk) {
  if (vma.file != 0) return VmaKind::file;
  if (vma.flags & kVmShared) return VmaKind::shared_memory;
  if (!vma.anonymous()) return VmaKind::special;
  if (vma.flags & kVmGrowsDown) return VmaKind::stack;
  if (start_brk != 0 && vma.start <= start_brk && start_brk < vma.end) return VmaKind::heap;
  return VmaKind::anonymous;
}

std::uint64_t start_brk_of(const Look::Stand& stand, const Survey& survey, VmaId vma) {
  const MmLife* const life = survey.lives.find(stand.model->spaces().mm_of(vma));
  return life == nullptr ? 0 : life->start_brk;
}

std::string text_of(const Survey& survey, std::uint64_t vma_name) {
  if (vma_name == 0) return {};
  const auto text = survey.texts.find(TextKind::vma_name, vma_name);
  return text ? std::string(*text) : fmt::format("(name {})", vma_name);
}

// The vmas from the break on: a heap is one or several, next to each other.
void mark_heap(std::vector<MappedVma>& vmas) {
  for (std::size_t i = 1; i < vmas.size(); ++i)
    if (vmas[i - 1].kind == VmaKind::heap && vmas[i].kind == VmaKind::anonymous &&
        vmas[i].start == vmas[i - 1].end)
      vmas[i].kind = VmaKind::heap;
}

MappedAnonVma summed_up(std::uint64_t number, const AnonVmaCensus& entry, MmId mm) {
  MappedAnonVma out{.number = number,
                    .root = entry.root,
                    .parent = entry.parent,
                    .num_children = entry.num_children,
                    .num_active_vmas = entry.num_active_vmas,
                    .descendants = entry.descendants,
                    .others = {},
                    .origin = entry.origin};
  for (const VmaLink& link : entry.links) {
    const bool here = link.mm == mm;
    ++(here ? out.linked_here : out.linked_elsewhere);
    if (link.own) ++(here ? out.own_here : out.own_elsewhere);
    if (!here && (out.others.empty() || out.others.back() != link.mm))
      out.others.push_back(link.mm);
  }
  return out;
}

// The anon_vmas of the map in tree order. A parent that no vma of the mm is linked to is not in the
// map: its child stands below the root then, or first.
class Forest {
 public:
  Forest(std::vector<MappedAnonVma> all) : all_(std::move(all)) {
    for (std::size_t i = 0; i < all_.size(); ++i) index_.emplace(all_[i].number, i);
    for (std::size_t i = 0; i < all_.size(); ++i) children_[above(all_[i])].push_back(i);
  }
  std::vector<MappedAnonVma> in_order() {
    add_below(kTop, 0);
    for (std::size_t i = 0; i < all_.size(); ++i)  // a ring of parents, in a damaged trace
      if (!added_.contains(i)) add(i, 0);
    return std::move(out_);
  }

 private:
  static constexpr std::uint64_t kTop = 0;
  std::uint64_t above(const MappedAnonVma& entry) const {
    if (entry.parent != entry.number && index_.contains(entry.parent)) return entry.parent;
    if (entry.root != entry.number && index_.contains(entry.root)) return entry.root;
    return kTop;
  }
  void add(std::size_t i, std::size_t depth) {
    if (!added_.insert(i).second) return;
    out_.push_back(all_[i]);
    out_.back().depth = depth;
    add_below(all_[i].number, depth + 1);
  }
  void add_below(std::uint64_t number, std::size_t depth) {
    const auto found = children_.find(number);
    if (found == children_.end()) return;
    for (const std::size_t i : found->second) add(i, depth);
  }

  std::vector<MappedAnonVma> all_, out_;
  std::map<std::uint64_t, std::size_t> index_;
  std::map<std::uint64_t, std::vector<std::size_t>> children_;
  std::set<std::size_t> added_;
};

std::vector<MappedAnonVma> anon_vmas_of(const SpaceMap& map, const Census& census) {
  std::set<std::uint64_t> numbers;
  for (const MappedVma& vma : map.vmas) {
    numbers.insert(vma.anon_vma);
    numbers.insert(vma.chain.begin(), vma.chain.end());
  }
  for (const std::uint64_t number : std::set(numbers))
    if (const auto entry = census.anon_vmas.find(number); entry != census.anon_vmas.end())
      numbers.insert(entry->second.root);
  std::vector<MappedAnonVma> all;
  for (const std::uint64_t number : numbers)
    if (const auto entry = census.anon_vmas.find(number); entry != census.anon_vmas.end())
      all.push_back(summed_up(number, entry->second, map.mm.mm));
  return Forest(std::move(all)).in_order();
}

void add_held(const Standing& model, SpaceMap& map) {
  for (const Holder& holder : observe(model.spaces(), model.slab()).holders) {
    if (holder.mm != map.mm.mm) continue;
    for (std::size_t c = 0; c < kAllCaches; ++c) {
      map.objs[c] += holder.objs[c];
      map.bytes += holder.objs[c] * model.specs()[c].objsize;
    }
  }
}

void name_mms(const Lives& lives, SpaceMap& map) {
  map.names.add(lives, map.mm.from);
  for (const MappedAnonVma& entry : map.anon_vmas) {
    map.names.add(lives, entry.origin.mm);
    map.names.add(lives, entry.origin.parent);
    for (const MmId mm : entry.others) map.names.add(lives, mm);
  }
}

}  // namespace

MappedVma mapped_vma(const Look::Stand& stand, const Survey& survey, VmaId id) {
  const Vma& vma = stand.model->spaces().vma(id);
  const StrategyView& view = stand.model->view();
  const Origins& origins = *stand.origins;
  MappedVma out{.start = vma.start,
                .end = vma.end,
                .flags = vma.flags,
                .pgoff = vma.pgoff,
                .kind = kind_of(vma, start_brk_of(stand, survey, id)),
                .file = vma.file,
                .name = text_of(survey, vma.name),
                .faulted = view.faulted(id),
                .anon_vma = origins.known_number(view.anon_vma_name(id)),
                .chain = {},
                .walk = view.rmap_walk_length(id)};
  if (const std::uint64_t target = view.rmap_target(id); out.anon_vma == 0 && target != 0) {
    out.points_at = origins.known_number(target);
    out.points_at_other = out.points_at == 0 ? target : 0;
  }
  for (const StrategyView::ChainLink& link : view.chain_links(id))
    out.chain.push_back(origins.known_number(link.anon_vma));
  return out;
}

SpaceMap map_space(const Scene& scene, const Look::Stand& stand, const Survey& survey,
                   const MmLife& mm) {
  const Standing& model = *stand.model;
  SpaceMap map{.scene = scene, .mm = mm, .names = {}, .vmas = {}, .anon_vmas = {}};
  for (const VmaId vma : model.spaces().vmas(mm.mm))
    map.vmas.push_back(mapped_vma(stand, survey, vma));
  mark_heap(map.vmas);
  for (const MappedVma& vma : map.vmas) map.chain_entries += vma.chain.size();
  map.anon_vmas = anon_vmas_of(map, stand.census);
  map.shared = static_cast<std::uint64_t>(
      std::count_if(map.anon_vmas.begin(), map.anon_vmas.end(),
                    [](const MappedAnonVma& entry) { return !entry.others.empty(); }));
  map.has_anon_vmas = !stand.census.anon_vmas.empty();
  map.has_chains = stand.census.chain_entries > 0;
  name_mms(survey.lives, map);
  add_held(model, map);
  return map;
}

}  // namespace anonvma
