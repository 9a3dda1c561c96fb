#include "cmd/commands.h"
#include "cmd/comparison.h"
#include "cmd/messages.h"

namespace anonvma::cmd {

int run_compare(const CompareOptions& options) {
  const bool several = options.files.size() > 1;
  int status = kOk;
  std::vector<Comparison> comparisons;
  for (const std::string& file : options.files) {
    auto comparison = run_comparison({file, options.strategies, options.baseline, options.table});
    if (!comparison) {
      const int failed = fail(comparison.error());
      if (failed == kUsage) return kUsage;  // it would be the same for every file
      status = first_that_applies(status, failed);
      continue;
    }
    comparisons.push_back(std::move(*comparison));
  }
  if (comparisons.empty() && options.table.report.format != Format::json) return status;
  const std::string text = several ? render_all(comparisons, options.table.report)
                           : comparisons.empty()
                               ? ""
                               : render(comparisons.front(), options.table.report);
  if (print_result(text) != kOk) return kIoError;
  for (const Comparison& comparison : comparisons)
    status = first_that_applies(status, comparison_status(comparison));
  return status;
}

}  // namespace anonvma::cmd
