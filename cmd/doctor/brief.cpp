// The first screen of `doctor`: whether recording works, and only what is not as it should be.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/doctor/report.h"
#include "engine/report/grid.h"

namespace anonvma::cmd {
namespace {

constexpr std::size_t kMostLines = 12;

std::string answer(const DoctorReport& report, const Screen& screen) {
  if (report.status == kOk)
    return tinted(sentence(fmt::format("Recording works here; accuracy: {}", report.tier), screen),
                  report.tier == "exact" ? Tint::better : Tint::worse, screen) +
           "sudo anonvma record -- CMD\n";
  const std::string words =
      report.status == kNoPrivilege
          ? fmt::format("Not enough privilege to tell; accuracy at best: {}", report.tier)
          : std::string("Recording does NOT work here");
  return tinted(sentence(words, screen), Tint::worse, screen) + sentence(report.advice, screen);
}

std::string check_line(const DoctorCheck& check, const Screen& screen) {
  const std::string_view word = word_for(check);
  const std::string line =
      fmt::format("{:<8} {}{}{}", word, check.name, check.note.empty() ? "" : ": ", check.note);
  const std::string text = sentence(line, screen, 9);
  const Tint tint = check.needed ? Tint::worse : Tint::baseline;
  return tinted(text.substr(0, word.size()), tint, screen) + text.substr(word.size());
}

}  // namespace

std::string as_brief(const DoctorReport& report, const Screen& screen) {
  std::vector<const DoctorCheck*> bad;
  for (const DoctorCheck& check : report.checks)
    if (!check.ok) bad.push_back(&check);
  std::stable_sort(bad.begin(), bad.end(), [](const DoctorCheck* a, const DoctorCheck* b) {
    return a->needed && !b->needed;
  });
  const std::size_t shown = std::min(bad.size(), kMostLines);
  std::string lines;
  for (std::size_t i = 0; i < shown; ++i) lines += check_line(*bad[i], screen);
  if (shown < bad.size())
    lines += fmt::format("{} more that are missing or replaced\n", bad.size() - shown);
  lines += fmt::format("{:<8} {} of {} checks\n", "ok", report.checks.size() - bad.size(),
                       report.checks.size());
  if (!report.memory.empty())
    lines += sentence(fmt::format("{:<8} {}", "memory", report.memory), screen, 9);
  const std::string more = fmt::format(
      "More: --full (every check and {} facts about this kernel), --json.", report.facts.size());
  return paragraphs(
      {answer(report, screen), lines, tinted(sentence(more, screen), Tint::quiet, screen)});
}

}  // namespace anonvma::cmd
