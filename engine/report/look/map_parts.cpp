#include "engine/report/look/map_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/report/grid.h"
#include "engine/report/look/words.h"

namespace anonvma {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Leaves out the middle: the oldest entry, the vma's own or else the last word, and how many there are.
std::string shortened(const std::vector<std::string>& words, std::size_t columns) {
  std::string text = joined(words);
  if (text.size() <= columns) return text;
  const auto own = std::find_if(words.begin(), words.end(),
                                [](const std::string& word) { return word.front() == '['; });
  const std::string& shown = own != words.end() ? *own : words.back();
  return fmt::format("{} .. {} ({})", words.front(), shown, words.size());
}

}  // namespace

Targets::Targets(const SpaceMap& map) {
  for (const MappedVma& vma : map.vmas)
    if (vma.points_at_other != 0)
      labels_.try_emplace(vma.points_at_other, fmt::format("t{}", labels_.size() + 1));
}

std::string Targets::chain_text(const MappedVma& vma, std::size_t columns) const {
  std::vector<std::string> words;
  for (std::size_t i = vma.chain.size(); i-- > 0;)
    words.push_back(vma.chain[i] == vma.anon_vma ? fmt::format("[{}]", vma.chain[i])
                                                 : fmt::format("{}", vma.chain[i]));
  if (words.empty() && vma.anon_vma != 0) words.push_back(fmt::format("[{}]", vma.anon_vma));
  if (vma.points_at != 0)
    words.push_back(fmt::format("-> {}", vma.points_at));
  else if (const auto label = labels_.find(vma.points_at_other); label != labels_.end())
    words.push_back(fmt::format("-> {}", label->second));
  else if (vma.anon_vma == 0 && vma.faulted)
    words.emplace_back("written");
  return words.empty() ? std::string() : shortened(words, columns);
}

std::vector<VmaRun> vma_runs(const SpaceMap& map, bool all) {
  std::vector<VmaRun> runs;
  for (std::size_t i = 0; i < map.vmas.size(); ++i) {
    const bool fold = !all && !map.vmas[i].faulted;
    if (fold && !runs.empty() && runs.back().folded)
      ++runs.back().count;
    else
      runs.push_back({i, 1, fold});
  }
  return runs;
}

std::string folded_text(const SpaceMap& map, const VmaRun& run) {
  std::uint64_t bytes = 0;
  for (std::size_t i = run.first; i < run.first + run.count; ++i)
    bytes += map.vmas[i].end - map.vmas[i].start;
  return fmt::format("{}, {}", counted(run.count, "unfaulted vma"), short_size(bytes));
}

std::string totals_text(const SpaceMap& map) {
  std::string text = counted(map.vmas.size(), "vma");
  if (map.has_chains)
    text += fmt::format(", {} to {}", counted(map.chain_entries, "chain entry"),
                        counted(map.anon_vmas.size(), "anon_vma"));
  else if (map.has_anon_vmas)
    text += ", " + counted(map.anon_vmas.size(), "anon_vma");
  if (!map.anon_vmas.empty()) text += fmt::format(", {} shared with other mms", map.shared);
  return text;
}

std::string lacks_text(const SpaceMap& map, const Targets& targets) {
  const bool points_up = std::any_of(map.vmas.begin(), map.vmas.end(),
                                     [](const MappedVma& vma) { return vma.points_at != 0; });
  const bool written = std::any_of(map.vmas.begin(), map.vmas.end(),
                                   [](const MappedVma& vma) { return vma.faulted; });
  if (written && !map.has_anon_vmas && targets.empty())
    return map.scene.strategy + " has no anon_vma: nothing tells where the pages of a vma are";
  if (!targets.empty())
    return fmt::format("{}: t1, t2, ... are no anon_vmas but the other objects that pages point at",
                       map.scene.strategy);
  if (points_up)
    return fmt::format(
        "{}: -> leads to another's anon_vma that the pages of a vma without one "
        "point at",
        map.scene.strategy);
  if (!map.has_chains && !map.anon_vmas.empty())
    return map.scene.strategy + " has no chains: a vma is linked to its own anon_vma alone";
  return {};
}

std::string sharers_text(const SpaceMap& map, std::size_t most) {
  std::set<MmId> mms;
  for (const MappedAnonVma& entry : map.anon_vmas)
    mms.insert(entry.others.begin(), entry.others.end());
  std::string text;
  std::size_t named = 0;
  for (const MmId mm : mms) {
    if (named == most) return text + fmt::format(" and {} more", mms.size() - named);
    text += (named++ == 0 ? "" : ", ") + printable(map.names.label(mm));
  }
  return text;
}

}  // namespace anonvma
