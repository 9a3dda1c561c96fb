// anonvma check FILE...: checks that traces are whole and that their events can be true.
#include "engine/trace/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/messages.h"
#include "cmd/progress.h"
#include "cmd/screen.h"

namespace anonvma::cmd {
namespace {

struct CheckCommandOptions {
  std::vector<std::string> files;
  std::uint64_t most = 10;  // findings of a kind to print
  bool json = false;
  ScreenOptions screen;
};

using Json = nlohmann::ordered_json;

std::string line_of(const std::string& path, const Finding& finding) {
  const std::string event = finding.event ? fmt::format(" event {}", *finding.event) : "";
  return one_line(fmt::format("{}: chunk {} ({:#x}){}: {}: {}", path, finding.chunk, finding.offset,
                              event, info_of(finding.kind).name, finding.what));
}

std::string verdict_line(const std::string& path, const CheckResult& result, const Screen& screen) {
  std::string notes = fmt::format("lost {}", result.lost);
  if (result.softened != 0)
    notes += fmt::format(", {} contradictions that follow from losses", result.softened);
  if (result.undecided != 0)
    notes += fmt::format(", {} contradictions that may follow from losses behind the cut",
                         result.undecided);
  if (result.skipped_chunks + result.skipped_records != 0)
    notes += fmt::format(", skipped {} chunks and {} records of kinds newer than this program",
                         result.skipped_chunks, result.skipped_records);
  if (result.compat != 0) notes += fmt::format(", unknown compat bits {:#x}", result.compat);
  if (result.repaired) notes += ", repaired";
  const std::string verdict =
      result.all() == 0 ? "no findings" : fmt::format("{} findings", result.all());
  const bool good = result.all() == 0 && result.lost == 0;
  return tinted(one_line(fmt::format("{}: {} in {} chunks and {} events; {}", path, verdict,
                                     result.chunks, result.events, notes)),
                good ? Tint::better : Tint::worse, screen) +
         "\n";
}

// The findings that were kept, and how many more of a kind there are.
std::string finding_lines(const std::string& path, const CheckResult& result, std::uint64_t most) {
  std::string out;
  for (const Finding& finding : result.findings) out += line_of(path, finding) + "\n";
  const auto kinds = finding_kinds();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    if (result.counts[kind] > most)
      out += one_line(fmt::format("{}: {} more of {} ({})", path, result.counts[kind] - most,
                                  kinds[kind].name, kinds[kind].meaning)) +
             "\n";
  return out;
}

// The first findings, and the number of each kind.
std::string first_findings(const std::string& path, const CheckResult& result,
                           const Screen& screen) {
  constexpr std::size_t kShown = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(result.findings.size(), kShown); ++i)
    out += sentence(line_of(path, result.findings[i]), screen);
  if (result.all() <= kShown) return out;
  const auto kinds = finding_kinds();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    if (result.counts[kind] > 0)
      out += sentence(
          fmt::format("{:>9} {}: {}", result.counts[kind], kinds[kind].name, kinds[kind].meaning),
          screen, 12);
  return out +
         tinted(sentence("More: --full (findings of each kind, up to --most), --json.", screen),
                Tint::quiet, screen);
}

std::string as_text(const std::string& path, const CheckResult& result,
                    const CheckCommandOptions& options) {
  const Screen screen = screen_of(options.screen);
  return verdict_line(path, result, screen) + (options.screen.full
                                                   ? finding_lines(path, result, options.most)
                                                   : first_findings(path, result, screen));
}

Json as_json(const std::string& path, const CheckResult& result) {
  Json findings = Json::array(), counts = Json::object();
  for (const Finding& finding : result.findings) {
    Json json = {
        {"kind", info_of(finding.kind).name}, {"chunk", finding.chunk}, {"offset", finding.offset}};
    if (finding.event) json["event"] = *finding.event;
    json["message"] = finding.what;
    findings.push_back(std::move(json));
  }
  const auto kinds = finding_kinds();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    if (result.counts[kind] != 0) counts[std::string(kinds[kind].name)] = result.counts[kind];
  return {{"schema", "anonvma.check/1"},
          {"path", path},
          {"hash", result.hash},
          {"findings", std::move(findings)},
          {"counts", std::move(counts)},
          {"damage", result.of(FindingLevel::container)},
          {"contradictions", result.of(FindingLevel::event)},
          {"follow_from_losses", result.softened},
          {"undecided_at_cut", result.undecided},
          {"chunks", result.chunks},
          {"events", result.events},
          {"lost", result.lost},
          {"skipped_chunks", result.skipped_chunks},
          {"skipped_records", result.skipped_records},
          {"unknown_compat_bits", result.compat},
          {"repaired", result.repaired}};
}

int status_of(const CheckResult& result) {
  if (result.of(FindingLevel::container) != 0) return kBadTrace;
  if (result.of(FindingLevel::event) != 0) return kFinding;
  return result.lost != 0 ? kEventsLost : kOk;
}

int run_check(const CheckCommandOptions& options) {
  Json all = Json::array();
  int status = kOk;
  std::string text;
  for (const std::string& name : options.files) {
    const std::string path = shown_path(name);
    const auto file = MappedFile::open(name);
    if (!file) {
      status = first_that_applies(status, fail(file.error()));
      continue;
    }
    Result<CheckResult> result = [&] {
      Progress progress(path, file->bytes().size());
      return check(file->bytes(), {options.most, [&](std::uint64_t events, std::uint64_t bytes) {
                                     progress.show(events, bytes);
                                   }});
    }();
    if (!result) {
      status = first_that_applies(status, fail(in_file(path, result.error())));
      continue;
    }
    status = first_that_applies(status, status_of(*result));
    if (options.json)
      all.push_back(as_json(path, *result));
    else
      text += as_text(path, *result, options);
  }
  if (!all.empty()) {
    const Json& json = options.files.size() == 1 ? all[0] : all;
    text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return first_that_applies(status, show_result(text, options.screen));
}

}  // namespace

void add_check(CommandLine& line) {
  const auto [command, options] =
      line.add("check", "Whether a trace is whole and does not contradict itself", run_check);
  command.option("FILE", options.files, "Traces; - is standard input").required();
  command.option("--most", options.most, "Findings of a kind to print; the rest is counted")
      .between(1, 1000000)
      .shows_default();
  command.flag("--json", options.json, "Print JSON");
  add_screen_options(command, options.screen, "All findings, up to --most of each kind");
  command.footer(
      "Status 0 when there is nothing to say, 65 when the file is damaged, 1 when its events\n"
      "contradict each other, 3 when events were lost and all else is well.\n\nExamples:\n"
      "  anonvma check make.trace\n"
      "  anonvma check *.trace --json");
}

}  // namespace anonvma::cmd
