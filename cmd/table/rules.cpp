// anonvma rules [NAME]: differences between kernels in the VMA layer, and the releases that have
// them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/screen.h"
#include "engine/nearest.h"
#include "engine/report/grid.h"
#include "engine/vma/rule_table.h"

namespace anonvma::cmd {
namespace {

struct RulesOptions {
  std::string name;
  std::string release;  // the rules that hold for it are marked; empty: none
  bool json = false;
  ScreenOptions screen;
};

constexpr std::string_view kUnknown = "unknown";
constexpr std::size_t kBesideName = 36;  // columns of since, until and source, with their blanks

// The value of --release, as given and parsed.
struct Asked {
  std::string text;
  Release release;
};

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

// One rule: the first interval beside the text, the others below it.
std::string row_text(const RuleInfo& rule, std::size_t name_width,
                     const std::optional<Asked>& asked) {
  const std::string mark = !asked ? "" : rule.holds(asked->release) ? "* " : "  ";
  const std::size_t indent = mark.size() + name_width + kBesideName;
  std::string text = wrapped(rule.differs, indent, indent);
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    lines.push_back(text.substr(from + indent, end - from - indent));
    from = end + 1;
  }
  std::string out;
  for (std::size_t i = 0; i < std::max(lines.size(), rule.intervals.size()); ++i) {
    const bool first = i == 0, holds = i < rule.intervals.size();
    const std::string line = fmt::format(
        "{}{:<{}}  {:<8}  {:<8}  {:<12}  {}", first ? mark : std::string(mark.size(), ' '),
        first ? rule.name : "", name_width, holds ? or_dash(rule.intervals[i].since) : "",
        holds ? or_dash(rule.intervals[i].until) : "",
        !first                ? ""
        : rule.commit.empty() ? kUnknown
                              : rule.commit,
        i < lines.size() ? lines[i] : "");
    out += fmt::format("{}\n", std::string_view(line).substr(0, line.find_last_not_of(' ') + 1));
  }
  return out;
}

std::string table_text(const std::optional<Asked>& asked) {
  std::size_t width = 0;
  for (const RuleInfo& rule : rule_table()) width = std::max(width, rule.name.size());
  std::string out;
  if (asked)
    out = fmt::format("{} has the rules {}. Rules that hold are marked with *.\n\n", asked->text,
                      rules_for_release(asked->text).name);
  out += fmt::format("{}{:<{}}  {:<8}  {:<8}  {:<12}  {}\n", asked ? "  " : "", "rule", width,
                     "since", "until", "source", "what differs");
  for (const RuleInfo& rule : rule_table()) out += row_text(rule, width, asked);
  return out;
}

std::string source_text(const RuleInfo& rule) {
  if (rule.commit.empty()) return std::string(kUnknown);
  return fmt::format("Linux kernel commit {} (\"{}\")", rule.commit, rule.subject);
}

std::string interval_text(const RuleInterval& interval) {
  const std::string_view since = interval.since.empty() ? "the oldest kernel" : interval.since;
  if (interval.until.empty()) return fmt::format("from {} on", since);
  return fmt::format("from {} up to, not including, {}", since, interval.until);
}

std::string probe_text(const RuleInfo& rule) {
  switch (rule.probe) {
    case RuleProbe::experiment:
      return "an experiment when recording begins; what it finds wins over the release";
    case RuleProbe::function:
      return fmt::format("the kernel has the function {}; this wins over the release",
                         rule.probe_note);
    case RuleProbe::none:
      break;
  }
  return fmt::format("none: {}", rule.probe_note);
}

std::string page_text(const RuleInfo& rule, const std::optional<Asked>& asked) {
  std::string out = labelled("name", rule.name) + labelled("differs", rule.differs) +
                    labelled("source", source_text(rule));
  for (const RuleInterval& interval : rule.intervals)
    out += labelled("holds", interval_text(interval));
  out += labelled("probe", probe_text(rule));
  if (asked)
    out += labelled("release", fmt::format("{}: {}", asked->text,
                                           rule.holds(asked->release) ? "the rule holds"
                                                                      : "the rule does not hold"));
  return out;
}

std::string_view probe_word(RuleProbe probe) {
  switch (probe) {
    case RuleProbe::experiment:
      return "experiment";
    case RuleProbe::function:
      return "function";
    case RuleProbe::none:
      break;
  }
  return "none";
}

nlohmann::ordered_json row_of(const RuleInfo& rule, const std::optional<Asked>& asked) {
  auto intervals = nlohmann::ordered_json::array();
  for (const RuleInterval& interval : rule.intervals)
    intervals.push_back({{"since", interval.since}, {"until", interval.until}});
  nlohmann::ordered_json row = {{"name", rule.name},
                                {"differs", rule.differs},
                                {"commit", rule.commit},
                                {"subject", rule.subject},
                                {"intervals", intervals},
                                {"probe", probe_word(rule.probe)},
                                {"probe_note", rule.probe_note}};
  if (asked) row["holds"] = rule.holds(asked->release);
  return row;
}

std::string json_text(std::span<const RuleInfo> rules, const std::optional<Asked>& asked) {
  nlohmann::ordered_json out = {{"schema", "anonvma.rules/1"}};
  if (asked) {
    out["release"] = asked->text;
    out["set"] = rules_for_release(asked->text).name;
  }
  out["rules"] = nlohmann::ordered_json::array();
  for (const RuleInfo& rule : rules) out["rules"].push_back(row_of(rule, asked));
  return out.dump(2) + "\n";
}

int no_such_rule(const std::string& name) {
  std::vector<std::string_view> names;
  for (const RuleInfo& rule : rule_table()) names.push_back(rule.name);
  return fail({ErrorCode::usage, fmt::format("there is no rule \"{}\"{}; there are {}", name,
                                             did_you_mean(name, names), fmt::join(names, ", "))});
}

int run_rules(const RulesOptions& options) {
  std::span<const RuleInfo> rules = rule_table();
  if (!options.name.empty()) {
    const RuleInfo* const one = find_rule(options.name);
    if (!one) return no_such_rule(options.name);
    rules = {one, 1};
  }
  std::optional<Asked> asked;
  if (!options.release.empty()) {
    const std::optional<Release> release = parse_release(options.release);
    if (!release)
      return fail({ErrorCode::usage, fmt::format("--release: '{}' is no release of a kernel, as "
                                                 "6.18.44 is",
                                                 options.release)});
    asked = {options.release, *release};
  }
  const std::string text = options.json           ? json_text(rules, asked)
                           : options.name.empty() ? table_text(asked)
                                                  : page_text(rules.front(), asked);
  return show_result(text, options.screen);
}

}  // namespace

void add_rules(CommandLine& line) {
  const auto [command, options] =
      line.add("rules", "What differs between kernels in the VMA layer", run_rules);
  command.option("NAME", options.name, "Only this rule, with its intervals and its probe");
  command.option("--release", options.release, "Mark the rules that hold for this release");
  command.flag("--json", options.json, "Print JSON");
  add_no_pager(command, options.screen);
  command.footer(
      "`since` is the first release with the rule, `until` the first one without it.\n\n"
      "Examples:\n  anonvma rules\n  anonvma rules --release $(uname -r)\n"
      "  anonvma rules self_merge");
}

}  // namespace anonvma::cmd
