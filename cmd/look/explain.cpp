// anonvma explain FILE: why anon_vmas are alive.
#include <fmt/format.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/look/look_options.h"
#include "cmd/look/moment.h"
#include "cmd/messages.h"
#include "engine/look/explanation.h"
#include "engine/report/look/explain.h"

namespace anonvma::cmd {
namespace {

struct ExplainCommandOptions {
  CommonLookOptions look;
  std::uint64_t anon_vma = 0;  // 0: none
  std::string mm;
  std::size_t largest = 0;
  std::size_t top = 5;
  bool json = false;
};

struct Asked {
  Scene scene;
  ExplainQuestion question;
};

Result<Asked> asked(const ExplainCommandOptions& options, const Look& look) {
  Asked out{.scene = {}, .question = {.anon_vma = {}, .mm = {}}};
  out.question.largest = options.largest;
  out.question.most = options.top;
  if (options.anon_vma != 0) out.question.anon_vma = options.anon_vma;
  if (options.mm.empty()) {
    const Result<Scene> scene = look.moment();
    if (!scene) return scene.error();
    out.scene = *scene;
    return out;
  }
  const Result<MmMoment> moment = moment_of(look, options.mm, options.look.at_s.has_value());
  if (!moment) return moment.error();
  out.scene = moment->scene;
  out.question.mm = moment->mm;
  return out;
}

// Without anything asked for, the largest.
bool asks_nothing(const ExplainCommandOptions& options) {
  return options.anon_vma == 0 && options.mm.empty() && options.largest == 0;
}

int run_explain(const ExplainCommandOptions& options) {
  Result<Looked> looked = Looked::open(options.look);
  if (!looked) return fail(looked.error());
  const Result<Look> look = looked->look(options.look.strategy);
  if (!look) return fail(look.error());
  Result<Asked> question = asked(options, *look);
  if (!question) return fail(in_file(looked->name(), question.error()));
  if (asks_nothing(options)) question->question.largest = 1;
  const auto explanation = explain(*look, question->scene, question->question);
  if (!explanation) return fail(in_file(looked->name(), explanation.error()));
  if (explanation->anon_vmas == 0 && explanation->without_anon_vma == 0 &&
      looked->survey().damage.empty())
    return fail(in_file(looked->name(), nobody_alive(looked->survey(), question->scene)));
  const bool one = options.anon_vma != 0 || !options.mm.empty();
  const std::string text =
      options.json ? explain_json(*explanation)
                   : explain_text(*explanation, {.most = options.top, .whole_moment = !one});
  if (const int status = show_result(text, options.look.screen); status != kOk) return status;
  return looked->status();
}

}  // namespace

void add_explain(CommandLine& line) {
  const auto [command, options] =
      line.add("explain", "Why anon_vmas are alive: who made them, who holds them", run_explain);
  add_look_options(command, options.look);
  const Option anon_vma = command.option("--anon-vma", options.anon_vma,
                                         "Number of an anon_vma, as map and explain print it");
  command
      .option("--mm", options.mm,
              "The anon_vmas of this mm: its number, or a pid or comm that only one mm has")
      .excludes(anon_vma);
  command
      .option("--largest", options.largest,
              "The K anon_vmas that cost most, with the entries that link to them")
      .between(1, 1000)
      .excludes(anon_vma);
  command.option("--top", options.top, "Lines of each list").between(1, 1000000).shows_default();
  command.flag("--json", options.json, "Print JSON");
  command.footer(
      "Without --anon-vma and --mm also the ancestors without a vma of their own, by age and "
      "size,\n"
      "and the deepest chains.\n\nExamples:\n"
      "  anonvma explain make.trace                    # the largest, and the whole moment\n"
      "  anonvma explain make.trace --anon-vma 9 --at 2.5\n"
      "  anonvma explain make.trace --mm 12 --strategy lazy-v1\n"
      "  sudo anonvma explain --live --largest 3       # of this machine, now");
}

}  // namespace anonvma::cmd
