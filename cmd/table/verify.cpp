#include <fmt/format.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/messages.h"
#include "cmd/table/comparison.h"
#include "engine/report/render.h"

namespace anonvma::cmd {
namespace {

struct VerifyOptions {
  std::string file;
  bool no_limits = false;
  bool json = false;
  ScreenOptions screen;
};

int run_verify(const VerifyOptions& options) {
  TableOptions table;
  table.no_limits = options.no_limits;
  const auto comparison = run_comparison({options.file, "default", "", table, /*own_only=*/true});
  if (!comparison) return fail(comparison.error());
  if (!comparison->verdict)
    return fail({ErrorCode::not_supported,
                 fmt::format("{}: cannot be verified: {}; see anonvma strategies",
                             shown_path(options.file), unverified_reason(*comparison))});
  const std::string text = options.json ? render_verdict_json(*comparison)
                           : options.screen.full
                               ? render_verdict_text(*comparison)
                               : render_verdict_brief(*comparison, screen_of(options.screen));
  if (const int status = show_result(text, options.screen); status != kOk) return status;
  if (!comparison->trace.damage.empty()) return comparison_status(*comparison);
  if (!comparison->verdict->agrees()) return kFinding;
  return comparison_status(*comparison);
}

}  // namespace

void add_verify(CommandLine& line) {
  const auto [command, options] =
      line.add("verify", "Hold the model against the kernel that recorded", run_verify);
  command.option("FILE", options.file, "Trace, best recorded with --truth; - is standard input")
      .required();
  command.flag("--json", options.json, "Print JSON");
  add_screen_options(command, options.screen, "Every lane, and everything that was left out");
  add_no_limits(command, options.no_limits);
  command.footer(
      "Status 0 only if every lane is equal, 1 if one differs, 3 if it is equal but events were"
      " lost.\n\nExample:\n  sudo anonvma record --truth -o make.trace -- make -j8\n"
      "  anonvma verify make.trace");
}

}  // namespace anonvma::cmd
