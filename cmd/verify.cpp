#include "cmd/commands.h"
#include "cmd/comparison.h"
#include "cmd/messages.h"
#include "engine/report/render.h"

namespace anonvma::cmd {

int run_verify(const VerifyOptions& options) {
  TableOptions table;
  table.no_limits = options.no_limits;
  const auto comparison = run_comparison({options.file, "default", "", table, /*own_only=*/true});
  if (!comparison) return fail(comparison.error());
  if (!comparison->verdict)
    return fail({ErrorCode::not_supported,
                 options.file + ": cannot be verified: " + verdict_words(*comparison).substr(4) +
                     "; see anonvma strategies"});
  const std::string text =
      options.json ? render_verdict_json(*comparison) : render_verdict_text(*comparison);
  if (const int status = print_result(text); status != kOk) return status;
  if (!comparison->trace.damage.empty()) return comparison_status(*comparison);
  if (!comparison->verdict->agrees()) return kFinding;
  return comparison_status(*comparison);
}

}  // namespace anonvma::cmd
