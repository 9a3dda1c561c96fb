#include "cmd/table/table_options.h"

namespace anonvma::cmd {

void add_no_limits(const Subcommand& command, bool& no_limits) {
  command.flag("--no-limits", no_limits,
               "Replay whatever memory and time the trace takes, however short it is");
}

std::vector<Option> add_table_options(const Subcommand& command, TableOptions& options,
                                      const std::string& full_means) {
  ReportOptions& report = options.report;
  const Option format = command.choice<Format>("--format", report.format,
                                               {{"text", Format::brief},
                                                {"markdown", Format::markdown},
                                                {"lkml", Format::lkml},
                                                {"csv", Format::csv},
                                                {"json", Format::json}},
                                               "How to print");
  add_screen_options(command, options.screen, full_means);
  const Option json =
      command
          .flag(
              "--json", [&report] { report.format = Format::json; }, "The same as --format json")
          .excludes(format);
  const Option at =
      command
          .option("--at", options.at_s, "Also the state at so many seconds after the first event")
          .check(point_in_time);
  const Option by = command.choice<By>(
      "--by", report.by,
      {{"comm", By::comm}, {"mm", By::mm}, {"name", By::name}, {"cgroup", By::cgroup}},
      "Also who holds the objects: commands, mms, names of vmas, or cgroups");
  command.option("--top", report.top, "With --by: how many have a line")
      .between(1, 1000000)
      .needs(by)
      .shows_default();
  const Option slub = command.flag(
      "--slub", options.slub, "Also the slabs that SLUB would hold, as a model (always in replay)");
  const Option reach =
      command.flag("--check-reach", options.check_reach,
                   "Check that rmap walks find every page; status 1 when one does not");
  add_replay_options(command, options);
  return {format, json, at, by, slub, reach};
}

void add_strategies(const Subcommand& command, std::string& strategies) {
  command
      .option("-s,--strategies", strategies,
              "Comma-separated names and groups (all, mainline, default)")
      .shows_default();
}

void add_strategies(const Subcommand& command, std::string& strategies, std::string& baseline,
                    const std::string& own) {
  add_strategies(command, strategies);
  command.option("--baseline", baseline, "Strategy to compare with (default: " + own + ")");
}

void add_replay_options(const Subcommand& command, TableOptions& options) {
  const Option rules = command.option("--rules", options.rules,
                                      "Rules of the VMA layer (default: the recording kernel's)");
  command
      .flag("--era-accurate", options.era_accurate,
            "Each strategy under the rules and with the object sizes of its own kernels")
      .excludes(rules);
  command.option("--objsize", options.objsizes, "CACHE=BYTES: another slot size, may be repeated")
      .one_each();
  command.option("--threads", options.threads, "Worker threads (default: one per strategy and CPU)")
      .between(1, 1024);
  add_no_limits(command, options.no_limits);
}

ReportOptions report_of(const TableOptions& options) {
  ReportOptions report = options.report;
  report.screen = screen_of(options.screen);
  if (report.format == Format::brief && options.screen.full) report.format = Format::text;
  return report;
}

}  // namespace anonvma::cmd
