#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/look/columns.h"
#include "engine/report/look/map.h"
#include "engine/report/look/map_parts.h"
#include "engine/report/look/words.h"

namespace anonvma {
namespace {

constexpr std::size_t kMostSharers = 8;
constexpr std::size_t kWhatColumns = 13;

std::string heading(const SpaceMap& map) {
  return wrapped(life_text(map.mm, map.names), 0, 2, kLookColumns) +
         wrapped(moment_text(map.scene), 0, 2, kLookColumns) +
         wrapped(totals_text(map), 0, 2, kLookColumns) + '\n';
}

std::string shortened(std::string text, std::size_t columns) {
  if (text.size() > columns) text.replace(columns - 2, std::string::npos, "..");
  return text;
}

// All cells of a vma but the last.
std::vector<std::string> cells_of(const MappedVma& vma) {
  const std::string words = flag_words(vma.flags);
  return {range_text(vma.start, vma.end), short_size(vma.end - vma.start),
          access_text(vma.flags) + (words.empty() ? "" : " ") + words,
          shortened(what_text(vma), kWhatColumns), vma.faulted ? std::to_string(vma.walk) : ""};
}

std::string vma_table(const SpaceMap& map, const Targets& targets, const MapOptions& options) {
  constexpr std::string_view kAlignment = "lrllrl";
  const std::vector<VmaRun> runs = vma_runs(map, options.all);
  Columns measure(kAlignment), table(kAlignment);
  const std::vector<std::string> header{"vma", "size", "flags", "what", "walk", "chain"};
  measure.add(header);
  for (const VmaRun& run : runs) {
    if (run.folded) continue;
    measure.add(cells_of(map.vmas[run.first]));
  }
  const std::size_t begins = measure.last_begins();
  const std::size_t room = std::max<std::size_t>(kLookColumns - std::min(begins, kLookColumns), 12);
  table.add(header);
  for (const VmaRun& run : runs) {
    if (run.folded) {
      table.add_line("  " + folded_text(map, run));
      continue;
    }
    std::vector<std::string> cells = cells_of(map.vmas[run.first]);
    cells.push_back(targets.chain_text(map.vmas[run.first], room));
    table.add(std::move(cells));
  }
  return table.text();
}

// The branch of a tree that leads to an anon_vma. A very deep one is not indented any more.
std::string branch(const MappedAnonVma& entry) {
  constexpr std::size_t kMostDepth = 8;
  if (entry.depth == 0) return std::to_string(entry.number);
  const std::size_t depth = std::min(entry.depth, kMostDepth);
  return fmt::format("{}{}{}", std::string(2 * (depth - 1), ' '),
                     entry.depth > kMostDepth ? "+-" : "`-", entry.number);
}

std::string anon_vma_table(const SpaceMap& map) {
  Columns table("lrrl");
  table.add({"anon_vma", "own", "linked", "made"});
  for (const MappedAnonVma& entry : map.anon_vmas)
    table.add({branch(entry), fmt::format("{}+{}", entry.own_here, entry.own_elsewhere),
               fmt::format("{}+{}", entry.linked_here, entry.linked_elsewhere),
               origin_text(entry.origin, map.names)});
  return table.text();
}

std::string legend(const SpaceMap& map, const Targets& targets) {
  std::string text = "walk: vmas that an rmap walk visits for a page first written there.";
  if (map.has_chains)
    text +=
        " chain: anon_vmas that the vma is linked to, oldest entry first, its own in brackets, (n) "
        "entries.";
  if (!map.anon_vmas.empty())
    text += " own, linked: vmas of this mm + of others. Anon_vmas are numbered as they were made.";
  if (const std::string lacks = lacks_text(map, targets); !lacks.empty()) text += " " + lacks + ".";
  return wrapped(text, 0, 0, kLookColumns);
}

}  // namespace

std::string map_text(const SpaceMap& map, const MapOptions& options) {
  const Targets targets(map);
  std::string out = heading(map) + vma_table(map, targets, options);
  if (!map.anon_vmas.empty()) out += '\n' + anon_vma_table(map);
  if (const std::string sharers = sharers_text(map, kMostSharers); !sharers.empty())
    out += '\n' + labelled("shared with", sharers, kLookColumns);
  return out + '\n' + legend(map, targets) + scene_notes(map.scene);
}

}  // namespace anonvma
