// anonvma vectors FILE...: runs test vectors against every registered strategy that they name.
#include "engine/replay/vectors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"

namespace anonvma::cmd {
namespace {

struct VectorsOptions {
  std::vector<std::string> files;
  bool json = false;
};

struct FileReport {
  std::string path;
  VectorReport report;
};

Result<VectorReport> run_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  const auto bytes = file->bytes();
  auto report = anonvma::run_vectors({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!report) return Error{report.error().code, path + ": " + report.error().message};
  return report;
}

VectorReport sum(const std::vector<FileReport>& files) {
  VectorReport total;
  for (const auto& [path, report] : files) {
    total.vectors += report.vectors;
    total.checkpoints += report.checkpoints;
    total.mismatches += report.mismatches;
    total.skipped += report.skipped;
  }
  return total;
}

std::string totals(const VectorReport& r) {
  return fmt::format("{} vectors, {} checkpoints, {} mismatches", r.vectors, r.checkpoints,
                     r.mismatches);
}

void print_text(const std::vector<FileReport>& files) {
  for (const auto& [path, report] : files) {
    fmt::print("{}: {}\n", path, totals(report));
    if (report.skipped > 0)
      fmt::print("skipped: {} checkpoints of strategies that are not registered: {}\n",
                 report.skipped, fmt::join(report.skipped_strategies, ", "));
    if (!report.first_mismatch.empty()) fmt::print("first mismatch: {}\n", report.first_mismatch);
  }
  fmt::print("{}\n", totals(sum(files)));
}

nlohmann::ordered_json numbers(const VectorReport& r) {
  return {{"vectors", r.vectors},
          {"checkpoints", r.checkpoints},
          {"mismatches", r.mismatches},
          {"skipped", r.skipped}};
}

void print_json(const std::vector<FileReport>& files) {
  nlohmann::ordered_json out = {{"schema", "anonvma.vectors/1"},
                                {"files", nlohmann::ordered_json::array()}};
  for (const auto& [path, report] : files) {
    nlohmann::ordered_json file = {{"path", path}};
    file.update(numbers(report));
    file["skipped_strategies"] = report.skipped_strategies;
    file["first_mismatch"] = report.first_mismatch;
    out["files"].push_back(std::move(file));
  }
  out.update(numbers(sum(files)));
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

int run_vectors(const VectorsOptions& options) {
  if (options.files.empty()) return fail({ErrorCode::usage, "vectors needs at least one file"});
  std::vector<FileReport> files;
  for (const std::string& path : options.files) {
    auto report = run_file(path);
    if (!report) return fail(report.error());
    files.push_back({path, std::move(*report)});
  }
  if (options.json)
    print_json(files);
  else
    print_text(files);
  return sum(files).mismatches > 0 ? kFinding : kOk;
}

}  // namespace

void add_vectors(CommandLine& line) {
  const auto [command, options] =
      line.add("vectors", "Run operation-level test vectors", run_vectors);
  command.option("FILE", options.files, "Files of vectors, .json or .jsonl").required();
  command.flag("--json", options.json, "Print JSON");
  command.footer("Example:\n  anonvma vectors vectors.json");
}

}  // namespace anonvma::cmd
