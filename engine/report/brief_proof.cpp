// The subject of a short report, and how far it can be trusted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/report/brief.h"
#include "engine/report/grid.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

constexpr std::size_t kLongestCommand = 32;

std::string cut_short(const std::string& text, std::size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

std::string source_of(const Meta& meta) {
  if (!meta.command.empty())
    return fmt::format("'{}'",
                       cut_short(fmt::format("{}", fmt::join(meta.command, " ")), kLongestCommand));
  if (meta.scope == "cgroup") return "cgroup " + cut_short(meta.cgroup, kLongestCommand);
  if (meta.scope == "pid") return "some processes";
  return meta.scope == "system" ? "the whole system" : "a recording";
}

// A sentence on one thing, in the colour of what it means.
struct Note {
  std::string text;
  Tint tint = Tint::plain;
};

Note verified_note(const Comparison& comparison) {
  const std::string_view name = verdict_name(comparison);
  if (name == "objects") return {"verified object for object", Tint::better};
  if (name == "map_count") return {"verified by map_count and snapshots", Tint::better};
  if (const std::string_view reason = unverified_reason(comparison); !reason.empty())
    return {fmt::format("not verified: {}", reason), Tint::worse};
  return {verdict_words(comparison), Tint::worse};
}

Note lossless_note(const TraceSummary& trace) {
  if (trace.lost == 0) return {"no event lost", Tint::better};
  return {fmt::format("LOST {} event{} ({:.2f} %)", grouped(trace.lost), trace.lost == 1 ? "" : "s",
                      lost_percent(trace)),
          Tint::worse};
}

Note tier_note(const Meta& meta) {
  if (meta.tier.empty()) return {"accuracy not recorded", Tint::plain};
  return {"accuracy: " + printable(meta.tier), meta.tier == "exact" ? Tint::better : Tint::worse};
}

std::string joined(const std::vector<Note>& notes, const Screen& screen) {
  std::string plain, colored;
  for (const Note& note : notes) {
    const std::string_view between = plain.empty() ? "" : "; ";
    plain += std::string(between) + note.text;
    colored += std::string(between) + tinted(note.text, note.tint, screen);
  }
  return plain.size() <= screen.columns ? colored + "\n" : sentence(plain, screen);
}

// Everything that makes a row less than exact, with the rows that share it.
std::string approximate_lines(const Comparison& comparison, const Screen& screen) {
  std::vector<std::pair<std::string, std::vector<std::string_view>>> reasons;
  for (const ReplayResult& row : comparison.rows)
    for (const std::string& reason : row.approximate) {
      const auto same = std::find_if(reasons.begin(), reasons.end(),
                                     [&](const auto& one) { return one.first == reason; });
      if (same == reasons.end())
        reasons.push_back({reason, {row.strategy}});
      else
        same->second.push_back(row.strategy);
    }
  std::string text;
  for (const auto& [reason, names] : reasons) {
    const std::string who = names.size() == comparison.rows.size() && names.size() > 1
                                ? "all rows"
                                : fmt::format("{}", fmt::join(names, ", "));
    text += sentence(printable(fmt::format("approximate: {}: {}", who, reason)), screen);
  }
  return text;
}

// The rules and object sizes that were asked for, where they differ from the recording kernel's.
std::string asked_lines(const Comparison& comparison, const Screen& screen) {
  std::string text;
  bool of_kernel = true;
  for (const ReplayResult& row : comparison.rows)
    if (!row.rules.empty() && row.rules != comparison.trace.rules) {
      text += sentence(fmt::format("{}: under the rules of {}", row.strategy, row.rules), screen);
      of_kernel = false;
    }
  if (of_kernel && comparison.verdict == std::nullopt && !comparison.trace.own_strategy.empty())
    text += sentence(fmt::format("rules: {}, as asked for", comparison.trace.rules), screen);
  for (const CacheBlock& block : rows(comparison).caches)
    if (!block.rows.empty() && block.rows.front().source == SpecSource::option)
      text += sentence(fmt::format("objsize: {} of {} bytes, as asked for", block.name,
                                   block.rows.front().spec.objsize),
                       screen);
  return text;
}

std::string trouble_lines(const Comparison& comparison, const Screen& screen) {
  std::string text;
  std::size_t notes = 0;
  Rows all = rows(comparison);
  const auto is_note = [](const AnomalyRow& row) { return row.info.severity == Severity::info; };
  notes =
      static_cast<std::size_t>(std::count_if(all.anomalies.begin(), all.anomalies.end(), is_note));
  std::erase_if(all.anomalies, is_note);
  for (const std::string& line : anomaly_lines(comparison, all)) text += sentence(line, screen);
  if (notes > 0)
    text += sentence(
        fmt::format("{} note{} on the recording: --full", notes, notes == 1 ? "" : "s"), screen);
  const TraceSummary& trace = comparison.trace;
  if (trace.skipped > 0)
    text += sentence(fmt::format("{} records or chunks of unknown kinds skipped", trace.skipped),
                     screen);
  if (!trace.damage.empty())
    text += sentence(printable("DAMAGED: " + trace.damage + "; the table ends there"), screen);
  return text;
}

std::string slice_line(const CutInfo& cut, const Screen& screen) {
  if (cut == CutInfo{}) return "";
  return sentence(
      fmt::format("slice: {:.3f} s to {:.3f} s of another trace",
                  static_cast<double>(cut.from_ns) / 1e9, static_cast<double>(cut.to_ns) / 1e9),
      screen);
}

// A trace that was cut off lasts up to its last event.
double seconds_of(const Comparison& comparison) {
  std::uint64_t ns = comparison.trace.duration_ns;
  if (ns == 0 && !comparison.rows.empty()) ns = comparison.rows.front().end.slab.time_ns;
  return static_cast<double>(ns) / 1e9;
}

}  // namespace

std::string subject_line(const Comparison& comparison, const Screen& screen) {
  const TraceSummary& trace = comparison.trace;
  std::string line = fmt::format("{}: {:.1f} s of {} on {}", trace.path, seconds_of(comparison),
                                 source_of(trace.meta), trace.meta.release);
  // The machine only where there is room for it: the full text has it, too.
  if (line.size() + 1 + trace.meta.machine.size() <= screen.columns)
    line += " " + trace.meta.machine;
  return sentence(printable(line), screen);
}

std::string proof_lines(const Comparison& comparison, const Screen& screen) {
  return joined({verified_note(comparison), lossless_note(comparison.trace),
                 tier_note(comparison.trace.meta)},
                screen) +
         slice_line(comparison.trace.meta.cut, screen) + asked_lines(comparison, screen) +
         approximate_lines(comparison, screen) + trouble_lines(comparison, screen);
}

}  // namespace anonvma
