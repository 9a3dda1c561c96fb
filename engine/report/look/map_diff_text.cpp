// Two designs of one address space. Their vmas need not be the same: the presence of an anon_vma decides
// what merges. A row is a range of addresses; the cells of a design are empty where its vma has other
// ends, and the row of that vma follows.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/report/grid.h"
#include "engine/report/look/columns.h"
#include "engine/report/look/map.h"
#include "engine/report/look/map_parts.h"
#include "engine/report/look/words.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

struct Pair {
  const MappedVma *first = nullptr, *second = nullptr;
  const MappedVma& any() const { return first != nullptr ? *first : *second; }
  bool faulted() const {
    return (first != nullptr && first->faulted) || (second != nullptr && second->faulted);
  }
  bool folds(bool all) const { return !all && first != nullptr && second != nullptr && !faulted(); }
};

std::vector<Pair> pairs(const SpaceMap& first, const SpaceMap& second) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, Pair> rows;
  for (const MappedVma& vma : first.vmas) rows[{vma.start, vma.end}].first = &vma;
  for (const MappedVma& vma : second.vmas) rows[{vma.start, vma.end}].second = &vma;
  std::vector<Pair> all;
  for (const auto& [range, pair] : rows) all.push_back(pair);
  return all;
}

constexpr std::size_t kRoom = 16;

std::string side(const MappedVma* vma, const Targets& targets) {
  if (vma == nullptr) return "no such vma";
  return vma->faulted ? targets.chain_text(*vma, kRoom) : "unfaulted";
}
std::string walk(const MappedVma* vma) {
  return vma != nullptr && vma->faulted ? std::to_string(vma->walk) : "";
}

std::string vma_table(const SpaceMap& first, const SpaceMap& second, const MapOptions& options) {
  const Targets of_first(first), of_second(second);
  Columns table("lllrlr");
  table.add({"vma", "flags", first.scene.strategy, "walk", second.scene.strategy, "walk"});
  std::size_t folded = 0;
  const auto close = [&] {
    if (folded > 0)
      table.add_line("  " + counted(std::exchange(folded, 0), "vma") + " unfaulted under both");
  };
  for (const Pair& pair : pairs(first, second)) {
    if (pair.folds(options.all)) {
      ++folded;
      continue;
    }
    close();
    const MappedVma& vma = pair.any();
    table.add({range_text(vma.start, vma.end), access_text(vma.flags), side(pair.first, of_first),
               walk(pair.first), side(pair.second, of_second), walk(pair.second)});
  }
  close();
  return table.text();
}

std::string totals(const SpaceMap& first, const SpaceMap& second) {
  Columns table("lrrr");
  table.add({"", first.scene.strategy, second.scene.strategy, "change"});
  const auto row = [&](const std::string& what, std::uint64_t a, std::uint64_t b) {
    table.add({what, number(a), number(b), percent(false, change(b, a))});
  };
  row("vmas of this mm", first.vmas.size(), second.vmas.size());
  row("chain entries of these", first.chain_entries, second.chain_entries);
  row("anon_vmas linked to", first.anon_vmas.size(), second.anon_vmas.size());
  table.add({"held by this mm, KB", kb(first.bytes), kb(second.bytes),
             percent(false, change(second.bytes, first.bytes))});
  return table.text();
}

}  // namespace

std::string map_diff_text(const SpaceMap& first, const SpaceMap& second,
                          const MapOptions& options) {
  std::string out =
      wrapped(life_text(first.mm, first.names), 0, 2, kLookColumns) +
      wrapped(moment_text(first.scene) + ", against " + second.scene.strategy, 0, 2, kLookColumns) +
      '\n' + totals(first, second) + '\n' + vma_table(first, second, options) + '\n' +
      wrapped(
          "Chains: oldest entry first, the vma's own in brackets, (n) entries. walk: vmas that an "
          "rmap walk visits for a page first written there. Each design numbers the anon_vmas that "
          "it makes.",
          0, 0, kLookColumns);
  for (const SpaceMap* map : {&first, &second})
    if (const std::string lacks = lacks_text(*map, Targets(*map)); !lacks.empty())
      out += wrapped(lacks + ".", 0, 0, kLookColumns);
  return out + scene_notes(first.scene) +
         (second.scene.notes == first.scene.notes ? std::string() : scene_notes(second.scene));
}

}  // namespace anonvma
