// anonvma map FILE --mm M: one address space, its anon_vmas, and who shares them.
#include <fmt/format.h>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/look/look_options.h"
#include "cmd/look/moment.h"
#include "cmd/messages.h"
#include "engine/look/mm_list.h"
#include "engine/look/space_map.h"
#include "engine/report/look/map.h"

namespace anonvma::cmd {
namespace {

enum class MapFormat : std::uint8_t { text, svg, json };

struct MapCommandOptions {
  CommonLookOptions look;
  std::string mm;    // its number, a pid or a comm; empty: list them
  std::string diff;  // a second design; empty: none
  bool all = false;
  std::size_t top = 20;
  MapFormat format = MapFormat::text;
};

// The words that draw an mm. Another recording numbers the mms anew, so that of a pid stays.
std::string drawing_of(const MapCommandOptions& options, const MmLife& mm) {
  if (options.look.live) return fmt::format("--live --mm pid:{}", mm.tgid);
  return fmt::format("{} --mm {}", one_line(options.look.file), mm.mm.v);
}

int run_list(const MapCommandOptions& options, const Looked& looked, const Look& look) {
  const Result<Scene> scene = look.moment();
  if (!scene) return fail(in_file(looked.name(), scene.error()));
  const auto stand = look.stand(*scene);
  if (!stand) return fail(in_file(looked.name(), stand.error()));
  const MmList list = list_mms(*scene, *stand, looked.survey());
  if (list.mms.empty() && looked.survey().damage.empty())
    return fail(in_file(looked.name(), nobody_alive(looked.survey(), *scene)));
  std::string text =
      options.format == MapFormat::json ? mm_list_json(list) : mm_list_text(list, {options.top});
  if (options.format != MapFormat::json && !list.mms.empty())
    text += fmt::format("\nanonvma map {} draws the first of them.\n",
                        drawing_of(options, list.mms.front().mm));
  if (const int status = show_result(text, options.look.screen); status != kOk) return status;
  return looked.status();
}

Result<SpaceMap> map_at(const Looked& looked, const Look& look, const Scene& scene,
                        const MmLife& mm) {
  const auto stand = look.stand(scene);
  if (!stand) return in_file(looked.name(), stand.error());
  SpaceMap map = map_space(scene, *stand, look.survey(), mm);
  if (map.vmas.empty())
    return in_file(
        looked.name(),
        {ErrorCode::bad_trace, fmt::format("mm {} has no vmas then: nothing to draw", mm.mm.v)});
  return map;
}

std::string rendered(const MapCommandOptions& options, const SpaceMap& first,
                     const SpaceMap* second) {
  const MapOptions style{.all = options.all};
  switch (options.format) {
    case MapFormat::svg:
      return map_svg(first, second, style);
    case MapFormat::json:
      return map_json(first, second);
    case MapFormat::text:
      break;
  }
  return second != nullptr ? map_diff_text(first, *second, style) : map_text(first, style);
}

int run_one(const MapCommandOptions& options, Looked& looked, const Look& look) {
  const Result<MmMoment> moment = moment_of(look, options.mm, options.look.at_s.has_value());
  if (!moment) return fail(in_file(looked.name(), moment.error()));
  const Result<SpaceMap> first = map_at(looked, look, moment->scene, moment->mm);
  if (!first) return fail(first.error());
  std::optional<SpaceMap> second;
  if (!options.diff.empty()) {
    const Result<Look> other = looked.look(options.diff);
    if (!other) return fail(other.error());
    const Result<SpaceMap> map =
        map_at(looked, *other, other->same_moment(moment->scene), moment->mm);
    if (!map) return fail(map.error());
    second = *map;
  }
  const std::string text = rendered(options, *first, second ? &*second : nullptr);
  if (const int status = show_result(text, options.look.screen); status != kOk) return status;
  return looked.status();
}

int run_map(const MapCommandOptions& options) {
  if (options.mm.empty() && !options.diff.empty())
    return fail({ErrorCode::usage, "--diff compares one address space: give --mm, too"});
  if (options.mm.empty() && options.format == MapFormat::svg)
    return fail({ErrorCode::usage, "an SVG shows one address space: give --mm, too"});
  Result<Looked> looked = Looked::open(options.look);
  if (!looked) return fail(looked.error());
  if (!options.diff.empty())
    if (const auto named = looked->strategy(options.diff); !named) return fail(named.error());
  const Result<Look> look = looked->look(options.look.strategy);
  if (!look) return fail(look.error());
  return options.mm.empty() ? run_list(options, *looked, *look) : run_one(options, *looked, *look);
}

}  // namespace

void add_map(CommandLine& line) {
  const auto [command, options] =
      line.add("map", "Draw one address space: vmas, anon_vmas, and who shares them", run_map);
  add_look_options(command, options.look);
  command.option("--mm", options.mm,
                 "Number of the mm as --by mm prints it, or a pid or comm that only one mm has "
                 "(default: list the mms)");
  command.option("--diff", options.diff, "A second design, shown beside the first");
  command.flag("--all", options.all, "A line for every vma, also unfaulted ones");
  command.option("--top", options.top, "How many mms to list").between(1, 1000000).shows_default();
  const Option format = command.choice<MapFormat>(
      "--format", options.format,
      {{"text", MapFormat::text}, {"svg", MapFormat::svg}, {"json", MapFormat::json}},
      "How to print");
  command
      .flag(
          "--json", [&format_of = options.format] { format_of = MapFormat::json; },
          "The same as --format json")
      .excludes(format);
  command.footer(
      "An mm that does not live at the peak of the sum is drawn as it was just before its end.\n\n"
      "Examples:\n"
      "  anonvma map make.trace                        # the mms, largest first\n"
      "  anonvma map make.trace --mm 12                # one of them at the peak of the sum\n"
      "  anonvma map make.trace --mm 12 --at 2.5 --diff lazy-v1\n"
      "  anonvma map make.trace --mm cc1 --format svg > cc1.svg\n"
      "  sudo anonvma map --live --mm pid:4711         # a process of this machine, now");
}

}  // namespace anonvma::cmd
