// anonvma check FILE...: checks that traces are whole and that their events can be true.
#include "engine/trace/check.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/messages.h"

namespace anonvma::cmd {
namespace {

struct CheckCommandOptions {
  std::vector<std::string> files;
  std::uint64_t most = 10;  // findings of a kind to print
  bool json = false;
};

using Json = nlohmann::ordered_json;

std::string line_of(const std::string& path, const Finding& finding) {
  const std::string event = finding.event ? fmt::format(" event {}", *finding.event) : "";
  return one_line(fmt::format("{}: chunk {} ({:#x}){}: {}: {}", path, finding.chunk, finding.offset,
                              event, info_of(finding.kind).name, finding.what)) +
         "\n";
}

std::string as_text(const std::string& path, const CheckResult& result, std::uint64_t most) {
  std::string out;
  for (const Finding& finding : result.findings) out += line_of(path, finding);
  const auto kinds = finding_kinds();
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    if (result.counts[kind] > most)
      out += one_line(fmt::format("{}: {} more of {} ({})", path, result.counts[kind] - most,
                                  kinds[kind].name, kinds[kind].meaning)) +
             "\n";
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
  return out +
         one_line(fmt::format("{}: {} in {} chunks and {} events; {}", path, verdict, result.chunks,
                              result.events, notes)) +
         "\n";
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
  for (const std::string& path : options.files) {
    const auto file = MappedFile::open(path);
    if (!file) {
      status = first_that_applies(status, fail(file.error()));
      continue;
    }
    Result<CheckResult> result = [&] {
      Progress progress(path);
      return check(file->bytes(),
                   {options.most, [&](std::uint64_t events) { progress.show(events); }});
    }();
    if (!result) {
      status = first_that_applies(status, fail(in_file(path, result.error())));
      continue;
    }
    status = first_that_applies(status, status_of(*result));
    if (options.json)
      all.push_back(as_json(path, *result));
    else
      status = first_that_applies(status, print_result(as_text(path, *result, options.most)));
  }
  if (!options.json || all.empty()) return status;
  const Json& json = options.files.size() == 1 ? all[0] : all;
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return first_that_applies(status, print_result(text));
}

}  // namespace

void add_check(CommandLine& line) {
  const auto [command, options] =
      line.add("check", "Whether a trace is whole and does not contradict itself", run_check);
  command.option("FILE", options.files, "Traces").required();
  command.option("--most", options.most, "Findings of a kind to print; the rest is counted")
      .between(1, 1000000)
      .shows_default();
  command.flag("--json", options.json, "Print JSON");
  command.footer(
      "Status 0 when there is nothing to say, 65 when the file is damaged, 1 when its events\n"
      "contradict each other, 3 when events were lost and all else is well.\n\nExamples:\n"
      "  anonvma check make.trace\n"
      "  anonvma check *.trace --json");
}

}  // namespace anonvma::cmd
