// anonvma strategies [NAME]: the strategies that can be replayed, and the kernels that have them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/screen.h"
#include "engine/nearest.h"
#include "engine/report/grid.h"
#include "engine/strategy/registry.h"

namespace anonvma::cmd {
namespace {

struct StrategiesOptions {
  std::string name;
  bool json = false;
  ScreenOptions screen;
};

std::string table_text(std::span<const StrategyInfo> infos) {
  std::size_t name = 0, kernels = 0;
  for (const StrategyInfo& s : infos) {
    name = std::max(name, s.name.size());
    kernels = std::max(kernels, s.kernels.size());
  }
  std::string out;
  for (const StrategyInfo& s : infos) {
    const std::string text = wrapped(s.summary, name + kernels + 4, name + kernels + 4);
    out += fmt::format("{:<{}}  {:<{}}  {}", s.name, name, s.kernels, kernels,
                       std::string_view(text).substr(name + kernels + 4));
  }
  return out;
}

std::string page_text(const StrategyInfo& s) {
  const StrategyPage& page = s.page();
  const std::pair<std::string_view, std::string_view> lines[] = {
      {"name", s.name},
      {"kernels", s.kernels},
      {"era", s.era.empty() ? "that of the recording kernel" : s.era},
      {"summary", s.summary},
      {"idea", page.idea},
      {"price", page.price},
      {"source", page.source},
      {"same", page.same},
      {"simplified", page.simplified},
      {"ignored", page.ignored}};
  std::string out;
  for (const auto& [label, text] : lines) out += labelled(label, text);
  for (const Parameter& p : page.parameters)
    out +=
        labelled("parameter", fmt::format("{}={} (default {}): {}", p.key, fmt::join(p.values, "|"),
                                          p.values.front(), p.meaning));
  return out;
}

nlohmann::ordered_json parameters(const StrategyPage& page) {
  auto out = nlohmann::ordered_json::array();
  for (const Parameter& p : page.parameters)
    out.push_back({{"key", p.key},
                   {"values", std::vector<std::string_view>(p.values.begin(), p.values.end())},
                   {"default", p.values.front()},
                   {"meaning", p.meaning}});
  return out;
}

std::string json_text(std::span<const StrategyInfo> infos) {
  nlohmann::ordered_json out = {{"schema", "anonvma.strategies/1"},
                                {"strategies", nlohmann::ordered_json::array()}};
  for (const StrategyInfo& s : infos)
    out["strategies"].push_back({{"name", s.name},
                                 {"kernels", s.kernels},
                                 {"era", s.era},
                                 {"summary", s.summary},
                                 {"idea", s.page().idea},
                                 {"price", s.page().price},
                                 {"source", s.page().source},
                                 {"same", s.page().same},
                                 {"simplified", s.page().simplified},
                                 {"ignored", s.page().ignored},
                                 {"parameters", parameters(s.page())}});
  return out.dump(2) + "\n";
}

int no_such_strategy(const std::string& name) {
  std::vector<std::string_view> names;
  for (const StrategyInfo& s : strategies()) names.push_back(s.name);
  return fail({ErrorCode::usage, fmt::format("there is no strategy \"{}\"{}; there are {}", name,
                                             did_you_mean(name, names), fmt::join(names, ", "))});
}

int run_strategies(const StrategiesOptions& options) {
  std::span<const StrategyInfo> infos = strategies();
  if (!options.name.empty()) {
    const StrategyInfo* const one = find_strategy(options.name);
    if (!one) return no_such_strategy(options.name);
    infos = {one, 1};
  }
  const std::string text = options.json           ? json_text(infos)
                           : options.name.empty() ? table_text(infos)
                                                  : page_text(infos.front());
  return show_result(text, options.screen);
}

}  // namespace

void add_strategies(CommandLine& line) {
  const auto [command, options] =
      line.add("strategies", "What each strategy models", run_strategies);
  command.option("NAME", options.name, "Only this strategy");
  command.flag("--json", options.json, "Print JSON");
  add_no_pager(command, options.screen);
  command.footer("Examples:\n  anonvma strategies\n  anonvma strategies num-children");
}

}  // namespace anonvma::cmd
