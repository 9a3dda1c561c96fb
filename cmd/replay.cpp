#include "cmd/commands.h"
#include "cmd/comparison.h"
#include "cmd/messages.h"
#include "engine/report/render.h"
#include "engine/strategy/strategy.h"

namespace anonvma::cmd {

int run_replay(const ReplayCommandOptions& options) {
  // The baseline is the strategy itself: a single row, and no groups.
  const auto comparison = run_comparison({.file = options.file,
                                          .strategies = options.strategy,
                                          .baseline = options.strategy,
                                          .rules = options.rules,
                                          .check_reach = options.check_reach});
  if (!comparison) return fail(comparison.error());
  const bool json = options.format == "json";
  if (const int status = print_result(json ? render_json(*comparison) : render_text(*comparison));
      status != kOk)
    return status;
  return comparison_status(*comparison);
}

}  // namespace anonvma::cmd
