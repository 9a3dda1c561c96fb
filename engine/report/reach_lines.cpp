#include "engine/report/reach_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/ids.h"
#include "engine/report/grid.h"

namespace anonvma {
namespace {

std::string mm_words(std::uint32_t mm, const std::string& comm) {
  if (mm == MmId::kNone) return "a fork under way";
  return comm.empty() ? fmt::format("mm {}", mm) : fmt::format("mm {} ({})", mm, printable(comm));
}

std::string_view plural(std::uint64_t n) { return n == 1 ? "" : "s"; }

}  // namespace

std::string reach_lines(const Comparison& comparison) {
  std::string out;
  for (const ReplayResult& row : comparison.rows) {
    if (!row.reach) continue;
    const ReachReport& reach = *row.reach;
    if (reach.checks == 0) {
      out += fmt::format("reach  {}: nothing to check, no page points at anything\n", row.strategy);
      continue;
    }
    if (!reach.first) {
      out += fmt::format("reach  {}: every page reachable ({} check{})\n", row.strategy,
                         reach.checks, plural(reach.checks));
      continue;
    }
    const ReachFinding& f = *reach.first;
    out += fmt::format("reach  {}: {} page{} unreachable, first at event {} ({}, {:.6f} s)\n",
                       row.strategy, reach.pages, plural(reach.pages), f.event, f.operation,
                       static_cast<double>(f.time_ns) / 1e9);
    out += fmt::format("       {} page{} from {:#x} in vma {:#x}-{:#x} of {}\n", f.pages,
                       plural(f.pages), f.first_page, f.start, f.end, mm_words(f.mm, f.comm));
    out += fmt::format(
        "       point at the anon_vma of mm {}, event {}: a walk from there misses "
        "the vma\n",
        f.writer, f.written);
    out += fmt::format("       {}\n", f.why);
  }
  return out;
}

nlohmann::ordered_json reach_json(const ReachReport& report) {
  nlohmann::ordered_json json = {
      {"checks", report.checks}, {"findings", report.findings}, {"pages", report.pages}};
  if (!report.first) return json;
  const ReachFinding& f = *report.first;
  nlohmann::ordered_json first = {{"event", f.event},
                                  {"time_ns", f.time_ns},
                                  {"operation", f.operation},
                                  {"mm", f.mm},
                                  {"comm", f.comm},
                                  {"start", f.start},
                                  {"end", f.end},
                                  {"first_page", f.first_page},
                                  {"pages", f.pages},
                                  {"target", f.target},
                                  {"writer", f.writer},
                                  {"written", f.written},
                                  {"why", f.why}};
  if (f.mm == MmId::kNone) first["mm"] = nullptr;
  json["first"] = std::move(first);
  return json;
}

}  // namespace anonvma
