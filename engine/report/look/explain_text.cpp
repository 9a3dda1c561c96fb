#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"
#include "engine/report/look/columns.h"
#include "engine/report/look/explain.h"
#include "engine/report/look/explain_life.h"
#include "engine/report/look/words.h"
#include "engine/report/table.h"

namespace anonvma {
namespace {

std::string totals(const Explanation& e) {
  std::string text =
      fmt::format("{} of {} KB, {} of {} KB", counted(e.anon_vmas, "anon_vma"),
                  kb(e.anon_vma_bytes), counted(e.chain_entries, "chain entry"), kb(e.chain_bytes));
  if (e.without_anon_vma > 0)
    text += fmt::format("; {} without an anon_vma", counted(e.without_anon_vma, "faulted vma"));
  return wrapped(text, 0, 2, kLookColumns);
}

std::string list_of(const std::vector<HeldAnonVma>& all, const MmNames& names, std::size_t most) {
  Columns table("rrrrrl");
  table.add({"anon_vma", "own", "linked", "mms", "bytes", "made"});
  for (std::size_t i = 0; i < std::min(most, all.size()); ++i) {
    const HeldAnonVma& one = all[i];
    table.add({number(one.number), number(one.own_vmas), number(one.linked_vmas), number(one.mms),
               number(one.bytes), origin_text(one.origin, names)});
  }
  return table.text();
}

std::string age_text(const AgeSpan& span, const std::vector<AgeSpan>& all) {
  const auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  if (span.below_ns != 0) return fmt::format("below {:g} s", seconds(span.below_ns));
  return fmt::format("{:g} s and more, or since the start", seconds(all[all.size() - 2].below_ns));
}

std::string abandoned(const Explanation& e, std::size_t most) {
  AgeSpan sum;
  Columns table("lrrr");
  table.add({"age", "anon_vmas", "chain entries to them", "KB"});
  for (const AgeSpan& span : e.abandoned_ages) {
    sum.anon_vmas += span.anon_vmas;
    sum.bytes += span.bytes;
    if (span.anon_vmas > 0)
      table.add({age_text(span, e.abandoned_ages), number(span.anon_vmas),
                 number(span.chain_entries), kb(span.bytes)});
  }
  if (sum.anon_vmas == 0) return "\nNo anon_vma is without a vma of its own.\n";
  std::string out =
      fmt::format("\nAncestors without a vma of their own: {}, {} KB with the entries to them\n\n",
                  sum.anon_vmas, kb(sum.bytes)) +
      table.text() + '\n' + list_of(e.abandoned, e.names, most);
  if (sum.anon_vmas > std::min(most, e.abandoned.size()))
    out += fmt::format("and {} more\n", sum.anon_vmas - std::min(most, e.abandoned.size()));
  return out;
}

std::string deepest(const Explanation& e, std::size_t most) {
  if (e.deepest.empty()) return "\nNo chain has more than one entry.\n";
  Columns table("rlll");
  table.add({"entries", "vma", "what", "mm"});
  for (std::size_t i = 0; i < std::min(most, e.deepest.size()); ++i) {
    const HoldingVma& holder = e.deepest[i];
    table.add({number(holder.vma.chain.size()), range_text(holder.vma.start, holder.vma.end),
               what_text(holder.vma), printable(e.names.label(holder.mm))});
  }
  return "\nDeepest chains\n\n" + table.text();
}

}  // namespace

std::string explain_text(const Explanation& e, const ExplainOptions& options) {
  std::string out = wrapped(moment_text(e.scene), 0, 2, kLookColumns) + totals(e);
  if (e.anon_vmas == 0) {
    out += wrapped(fmt::format("{} has no anon_vma alive at that moment: nothing to explain",
                               e.scene.strategy),
                   0, 2, kLookColumns);
    return out + scene_notes(e.scene);
  }
  if (e.of_mm) {
    out += '\n' + wrapped(fmt::format("{}: its vmas are linked to {}", life_text(*e.of_mm, e.names),
                                      counted(e.of_its.size(), "anon_vma")),
                          0, 2, kLookColumns);
    if (!e.of_its.empty()) out += '\n' + list_of(e.of_its, e.names, options.most);
    if (e.of_its.size() > options.most)
      out += fmt::format("and {} more (--top N shows more)\n", e.of_its.size() - options.most);
  }
  for (const AnonVmaLife& life : e.lives) out += '\n' + life_lines(life, e.names, options.most);
  if (options.whole_moment) out += abandoned(e, options.most) + deepest(e, options.most);
  return out + scene_notes(e.scene);
}

}  // namespace anonvma
