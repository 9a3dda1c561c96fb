#include "cmd/commands.h"
#include "cmd/comparison.h"
#include "cmd/messages.h"
#include "engine/report/render.h"

namespace anonvma::cmd {

namespace {

// JSON of several files is one array, so that it stays one document.
std::string_view before(bool json, bool several, bool first) {
  if (!several) return "";
  if (json) return first ? "[" : ",";
  return first ? "" : "\n\n";
}

}  // namespace

int run_compare(const CompareOptions& options) {
  const bool json = options.format == "json";
  const bool several = options.files.size() > 1;
  int status = kOk;
  bool first = true;
  for (const std::string& file : options.files) {
    const auto comparison = run_comparison({.file = file,
                                            .strategies = options.strategies,
                                            .baseline = options.baseline,
                                            .rules = options.rules,
                                            .threads = options.threads,
                                            .check_reach = options.check_reach});
    if (!comparison) {
      const int failed = fail(comparison.error());
      if (failed == kUsage) return kUsage;  // it would be the same for every file
      status = first_that_applies(status, failed);
      continue;
    }
    std::string text(before(json, several, first));
    text += json ? render_json(*comparison) : render_text(*comparison);
    first = false;
    if (print_result(text) != kOk) return kIoError;
    status = first_that_applies(status, comparison_status(*comparison));
  }
  if (json && several && print_result(first ? "[]\n" : "]\n") != kOk) return kIoError;
  return status;
}

}  // namespace anonvma::cmd
