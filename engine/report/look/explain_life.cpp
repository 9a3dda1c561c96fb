#include "engine/report/look/explain_life.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/look/columns.h"
#include "engine/report/look/words.h"

namespace anonvma {
namespace {

std::string line(std::string_view label, const std::string& text) {
  constexpr std::size_t kIndent = 2, kLabel = 11;
  if (text.empty()) return fmt::format("  {}\n", label);
  std::string out = wrapped(text, kIndent + kLabel, kIndent + kLabel, kLookColumns);
  return out.replace(kIndent, std::min(label.size(), kLabel), label);
}

std::string heading(const HeldAnonVma& one) {
  std::string text = fmt::format("anon_vma {}: ", one.number);
  if (one.root == one.number)
    text += one.descendants == 0 ? "a root" : fmt::format("root of {} others", one.descendants);
  else if (one.root != 0)
    text += fmt::format("root {}, parent {}", one.root,
                        one.parent == 0 ? "freed" : std::to_string(one.parent));
  else
    text += "no root and no parent in this design";
  return text + '\n';
}

std::string why_alive(const HeldAnonVma& one) {
  if (one.linked_vmas == 0)
    return fmt::format("no vma is linked to it: it stays as the root of {}",
                       counted(one.descendants, "other"));
  const std::string linked =
      fmt::format("{} of {} {} linked to it", counted(one.linked_vmas, "vma"),
                  counted(one.mms, "mm"), one.linked_vmas == 1 ? "is" : "are");
  if (one.own_vmas == 0)
    return linked + ", and no vma has it for its own: an ancestor that only its descendants keep";
  return linked + fmt::format(", {} as {} own", one.own_vmas, one.own_vmas == 1 ? "its" : "their");
}

std::string made(const HeldAnonVma& one, const MmNames& names) {
  std::string text = origin_text(one.origin, names);
  if (one.origin.addr != 0) text += fmt::format(", at {:#x}", one.origin.addr);
  const Origin::How how = one.origin.how;
  if (how == Origin::How::unknown || how == Origin::How::start) return text;
  return text + fmt::format("; {} old", seconds_text(one.age_ns));
}

std::string carried(const AnonVmaLife& life) {
  const bool began_before = life.anon_vma.origin.how == Origin::How::start;
  const std::string_view before = began_before ? ", those before the start are not known" : "";
  if (life.forks == 0) return fmt::format("by no fork{}", before);
  return fmt::format("into children by {}{}; the way to its vmas:", counted(life.forks, "fork"),
                     before);
}

// The tree of the mms on the way, each with the number of vmas that are linked now.
std::string ways(const AnonVmaLife& life, std::size_t most) {
  constexpr std::size_t kMostDepth = 10;
  Columns table("lll");
  const std::size_t shown = std::min(life.carriers.size(), 2 * most);
  for (std::size_t i = 0; i < shown; ++i) {
    const CarryingMm& one = life.carriers[i];
    const std::size_t depth = std::min(one.depth, kMostDepth);
    const std::string branch = depth == 0 ? "" : std::string(2 * (depth - 1), ' ') + "`-";
    std::string state = one.vmas > 0 ? counted(one.vmas, "vma")
                        : one.alive  ? "no vma any more"
                                     : fmt::format("ended at {}", seconds_text(one.mm.end_ns));
    table.add({fmt::format("    {}{}", branch, printable(mm_label(one.mm.mm, one.mm.comm))),
               one.fork_ns == 0 ? "" : "fork at " + seconds_text(one.fork_ns), std::move(state)});
  }
  std::string out = table.text();
  if (shown < life.carriers.size())
    out += fmt::format("    and {} more\n", life.carriers.size() - shown);
  return out;
}

std::string holders(const AnonVmaLife& life, const MmNames& names, std::size_t most) {
  Columns table("lllll");
  const std::size_t shown = std::min(life.holders.size(), most);
  for (std::size_t i = 0; i < shown; ++i) {
    const HoldingVma& one = life.holders[i];
    table.add({"    " + range_text(one.vma.start, one.vma.end), access_text(one.vma.flags),
               what_text(one.vma), printable(names.label(one.mm)), one.own ? "its own" : ""});
  }
  std::string out = table.text();
  if (shown < life.holders.size())
    out += fmt::format("    and {} more\n", life.holders.size() - shown);
  return out;
}

}  // namespace

std::string life_lines(const AnonVmaLife& life, const MmNames& names, std::size_t most) {
  const HeldAnonVma& one = life.anon_vma;
  std::string out = heading(one) + line("made", made(one, names)) + line("alive", why_alive(one)) +
                    line("costs", fmt::format("{} bytes with the chain entries to it", one.bytes));
  if (one.num_children + one.num_active_vmas > 0)
    out += line("counters", fmt::format("num_children {}, num_active_vmas {}", one.num_children,
                                        one.num_active_vmas));
  out += line("carried", carried(life));
  if (life.forks > 0) out += ways(life, most);
  if (!life.holders.empty()) out += line("held by", "") + holders(life, names, most);
  return out;
}

}  // namespace anonvma
