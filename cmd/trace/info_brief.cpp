// The first screen of `info`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cmd/quantities.h"
#include "cmd/trace/info_summary.h"
#include "engine/report/grid.h"
#include "engine/strategy/own.h"
#include "engine/vma/kernel_rules.h"

namespace anonvma::cmd {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string answer(const Summary& s, const Screen& screen) {
  const bool good = !s.damage && s.lost == 0;
  const std::string words =
      fmt::format("{}: {} events in {}, {}, {}", printable(s.path), grouped(s.events),
                  time_text(s.duration_ns()), s.damage ? "CUT SHORT OR DAMAGED" : "complete",
                  s.lost == 0 ? "none lost" : fmt::format("LOST {}", grouped(s.lost)));
  return tinted(sentence(words, screen), good ? Tint::better : Tint::worse, screen);
}

std::string scope_text(const Meta& meta) {
  if (!meta.command.empty()) return fmt::format("{}", fmt::join(meta.command, " "));
  if (!meta.cgroup.empty()) return "cgroup " + meta.cgroup;
  return "scope " + std::string(or_unknown(meta.scope));
}

std::string origin_text(const Summary& s) {
  std::string text = start_time(s.meta.start_unix_ns);
  if (s.meta.part > 0) text += fmt::format(", part {} of recording {}", s.meta.part, s.meta.series);
  if (s.meta.anonymized) text += ", anonymized";
  if (s.end && s.end->repaired)
    text += fmt::format(", repaired: {} chunks were missing", s.end->missing_chunks);
  if (s.meta.cut != CutInfo{}) text += ", a slice of another trace";
  return text;
}

std::string accuracy_text(const Meta& meta) {
  return fmt::format("{}, faults {}, {}", meta.tier.empty() ? "not recorded" : meta.tier,
                     or_unknown(meta.faults),
                     meta.truth ? "with truth lane" : "without truth lane");
}

// The most frequent events, with their shares.
std::string event_words(const Summary& s) {
  constexpr std::size_t kShown = 4;
  auto counts = s.by_type;
  std::stable_sort(counts.begin(), counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(counts.size(), kShown); ++i)
    words.push_back(fmt::format("{} {:.1f}%", counts[i].first,
                                100 * static_cast<double>(counts[i].second) /
                                    static_cast<double>(std::max<std::uint64_t>(s.events, 1))));
  if (counts.size() > kShown) words.push_back(fmt::format("{} more", counts.size() - kShown));
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

// Facts that most traces do not have.
void add_rare(Facts& lines, const Summary& s) {
  if (const std::string unlike = unlike_release(s.meta); !unlike.empty())
    lines.emplace_back("behaves", "unlike its release: " + unlike);
  if (s.end && !s.end->trigger.empty()) lines.emplace_back("written", "because " + s.end->trigger);
  if (s.end && s.end->processes_at_attach > 0)
    lines.emplace_back("at start",
                       fmt::format("{} processes, {} unreadable", s.end->processes_at_attach,
                                   s.end->unreadable_processes));
  if (s.skipped_records + s.skipped_chunks > 0)
    lines.emplace_back("skipped",
                       fmt::format("{} records and {} chunks of kinds newer than this program",
                                   s.skipped_records, s.skipped_chunks));
  if (s.unknown_compat != 0)
    lines.emplace_back("compat bits",
                       fmt::format("{:#x}, which this program does not know", s.unknown_compat));
}

}  // namespace

std::string info_brief(const Summary& s, const Screen& screen) {
  Facts lines{
      {"recorded", scope_text(s.meta)},
      {"started", origin_text(s)},
      {"kernel", fmt::format("{} {}, {} CPUs, {}", or_unknown(s.meta.release), s.meta.machine,
                             s.meta.cpus, or_unknown(own_strategy(s.meta)))},
      {"accuracy", accuracy_text(s.meta)},
      {"size", fmt::format("{}, {:.2f} bytes per event", amount_text(s.bytes, screen),
                           s.bytes_per_event())},
      {"events", event_words(s)},
      {"hash", s.hash + (s.damage ? " (of the readable part)" : "")}};
  add_rare(lines, s);
  for (auto& [label, text] : lines) text = printable(text);
  const std::string more =
      "More: --full (reads every chunk; caches, settings, counts), anonvma check.";
  return paragraphs({answer(s, screen), lines_of(lines, screen),
                     tinted(sentence(more, screen), Tint::quiet, screen)});
}

}  // namespace anonvma::cmd
