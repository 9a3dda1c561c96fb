#include "engine/replay/vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "engine/replay/vector_ops.h"
#include "engine/strategy/registry.h"

namespace anonvma {
namespace {

// A number that vectors can expect.
struct ObjectField {
  std::string_view name;
  std::uint64_t (*value)(const SlabAccount& slab);
};
constexpr ObjectField kFields[] = {
    {"anon_vma", [](const SlabAccount& s) { return s.usage(kAnonVma).active_objs; }},
    {"anon_vma_chain", [](const SlabAccount& s) { return s.usage(kAnonVmaChain).active_objs; }},
    {"vm_area_struct", [](const SlabAccount& s) { return s.usage(kVmAreaStruct).active_objs; }},
    {"anon_vma_allocs", [](const SlabAccount& s) { return s.usage(kAnonVma).allocs; }},
    {"anon_vma_chain_allocs", [](const SlabAccount& s) { return s.usage(kAnonVmaChain).allocs; }},
    {"vm_area_struct_allocs", [](const SlabAccount& s) { return s.usage(kVmAreaStruct).allocs; }},
    {"cow_context", [](const SlabAccount& s) { return s.usage(kCowContext).active_objs; }},
    {"cow_context_allocs", [](const SlabAccount& s) { return s.usage(kCowContext).allocs; }},
    {"root_locks", [](const SlabAccount& s) { return s.root_locks(); }},
};
struct Expected {
  const ObjectField* field = nullptr;
  std::uint64_t value = 0;
};

// One life under one strategy: the numbers expected at each checkpoint, if any.
struct Life {
  const StrategyInfo* strategy = nullptr;
  std::vector<std::optional<std::vector<Expected>>> checkpoints;
};
struct Scenario {
  std::string name;
  std::vector<std::string> ops;
  std::vector<std::string> labels;  // one for each checkpoint; may be empty
};

Error bad(std::string message) { return {ErrorCode::bad_trace, std::move(message)}; }

const nlohmann::json* member(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

Result<std::string> text_member(const nlohmann::json& object, const char* name) {
  const nlohmann::json* const value = member(object, name);
  if (!value || !value->is_string()) return bad(fmt::format("\"{}\" is missing or no text", name));
  return value->get<std::string>();
}

Result<Expected> expected(const std::string& name, const nlohmann::json& value) {
  const auto* const field =
      std::find_if(std::begin(kFields), std::end(kFields),
                   [&](const ObjectField& candidate) { return candidate.name == name; });
  if (field == std::end(kFields)) return bad(fmt::format("\"{}\" is no number we count", name));
  if (!value.is_number_unsigned()) return bad(fmt::format("\"{}\" is no count", name));
  return Expected{field, value.get<std::uint64_t>()};
}

Result<std::vector<std::string>> texts_member(const nlohmann::json& object, const char* name) {
  const nlohmann::json* const list = member(object, name);
  if (!list || !list->is_array()) return bad(fmt::format("\"{}\" is missing or no list", name));
  std::vector<std::string> texts;
  for (const nlohmann::json& text : *list) {
    if (!text.is_string()) return bad(fmt::format("\"{}\" holds something that is no text", name));
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::string describe(const Scenario& scenario, const Life& life, std::size_t checkpoint,
                     const SlabAccount& slab) {
  std::string text = fmt::format("{}, strategy {}, checkpoint {}", scenario.name,
                                 life.strategy->name, checkpoint + 1);
  if (!scenario.labels.empty()) text += fmt::format(" \"{}\"", scenario.labels[checkpoint]);
  for (const Expected& e : *life.checkpoints[checkpoint]) {
    const std::uint64_t got = e.field->value(slab);
    text += fmt::format("\n  {:<22} expected {:>8}, got {:>8}{}", e.field->name, e.value, got,
                        got == e.value ? "" : "  <-");
  }
  return text;
}

// Builds the report of a text.
class Runner {
 public:
  Status run(const Scenario& scenario, const Life& life);
  void count_vector() { ++report_.vectors; }
  void skip(const std::string& strategy, std::uint64_t checkpoints) {
    report_.skipped += checkpoints;
    skipped_.insert(strategy);
  }
  VectorReport report() && {
    report_.skipped_strategies.assign(skipped_.begin(), skipped_.end());
    return std::move(report_);
  }

 private:
  void compare(const Scenario& scenario, const Life& life, std::size_t checkpoint,
               const SlabAccount& slab);

  VectorReport report_;
  std::set<std::string> skipped_;
};

void Runner::compare(const Scenario& scenario, const Life& life, std::size_t checkpoint,
                     const SlabAccount& slab) {
  const auto& wanted = life.checkpoints[checkpoint];
  if (!wanted) return;
  ++report_.checkpoints;
  const bool equal = std::all_of(wanted->begin(), wanted->end(), [&](const Expected& e) {
    return e.field->value(slab) == e.value;
  });
  if (equal || report_.mismatches++ > 0) return;
  report_.first_mismatch = describe(scenario, life, checkpoint, slab);
}

Status Runner::run(const Scenario& scenario, const Life& life) {
  VectorLife run(*life.strategy);
  std::size_t checkpoint = 0;
  for (const std::string& op : scenario.ops) {
    if (op == "P") {
      compare(scenario, life, checkpoint++, run.slab());
    } else if (const Status done = run.apply(op); !done) {
      return bad(fmt::format("{}: {}", scenario.name, done.error().message));
    }
  }
  return ok();
}

Status check_count(const Scenario& scenario, std::size_t checkpoints) {
  const auto ps = std::count(scenario.ops.begin(), scenario.ops.end(), "P");
  if (static_cast<std::size_t>(ps) == checkpoints) return ok();
  return bad(
      fmt::format("{}: {} operations P, but numbers for {}", scenario.name, ps, checkpoints));
}

// A hand-made scenario becomes one life for each registered strategy that it names anywhere.
Status add_checkpoint(const nlohmann::json& checkpoint, std::size_t index, std::size_t count,
                      Runner& runner, std::vector<Life>& lives) {
  const nlohmann::json* const by_strategy =
      checkpoint.is_object() ? member(checkpoint, "expect") : nullptr;
  if (!by_strategy || !by_strategy->is_object())
    return bad("a checkpoint has no object \"expect\"");
  for (const auto& [strategy, numbers] : by_strategy->items()) {
    if (!numbers.is_object()) return bad(fmt::format("the numbers of {} are no object", strategy));
    const StrategyInfo* const info = find_strategy(strategy);
    if (!info) {
      runner.skip(strategy, 1);
      continue;
    }
    auto life =
        std::find_if(lives.begin(), lives.end(), [&](const Life& l) { return l.strategy == info; });
    if (life == lives.end()) {
      lives.push_back({info, {}});
      life = lives.end() - 1;
      life->checkpoints.resize(count);
    }
    auto& wanted = life->checkpoints[index].emplace();
    for (const auto& [name, value] : numbers.items()) {
      const Result<Expected> e = expected(name, value);
      if (!e) return e.error();
      wanted.push_back(*e);
    }
  }
  return ok();
}

Status run_scenario(const nlohmann::json& vector, Runner& runner) {
  if (!vector.is_object()) return bad("it is no object");
  const auto name = text_member(vector, "name");
  if (!name) return name.error();
  auto ops = texts_member(vector, "ops");
  if (!ops) return ops.error();
  const nlohmann::json* const checkpoints = member(vector, "checkpoints");
  if (!checkpoints || !checkpoints->is_array()) return bad("\"checkpoints\" is missing or no list");

  Scenario scenario{*name, std::move(*ops), {}};
  if (const Status s = check_count(scenario, checkpoints->size()); !s) return s;
  for (const nlohmann::json& checkpoint : *checkpoints) {
    const auto label = checkpoint.is_object() ? text_member(checkpoint, "label")
                                              : Result<std::string>(std::string());
    scenario.labels.push_back(label ? *label : "");
  }
  std::vector<Life> lives;
  for (std::size_t i = 0; i < checkpoints->size(); ++i)
    if (const Status s = add_checkpoint((*checkpoints)[i], i, checkpoints->size(), runner, lives);
        !s)
      return s;
  runner.count_vector();
  for (const Life& life : lives)
    if (const Status s = runner.run(scenario, life); !s) return s;
  return ok();
}

Status run_line(const nlohmann::json& line, Runner& runner) {
  if (!line.is_object()) return bad("it is no object");
  const auto strategy = text_member(line, "strategy");
  if (!strategy) return strategy.error();
  auto ops = texts_member(line, "ops");
  if (!ops) return ops.error();
  const auto fields = texts_member(line, "expect_fields");
  if (!fields) return fields.error();
  const nlohmann::json* const rows = member(line, "expect");
  if (!rows || !rows->is_array()) return bad("\"expect\" is missing or no list");

  const nlohmann::json* const seed = member(line, "seed");
  Scenario scenario{seed && seed->is_number_unsigned()
                        ? fmt::format("seed {}", seed->get<std::uint64_t>())
                        : std::string("random life"),
                    std::move(*ops),
                    {}};
  if (const Status s = check_count(scenario, rows->size()); !s) return s;
  runner.count_vector();
  Life life{find_strategy(*strategy), {}};
  if (!life.strategy) {
    runner.skip(*strategy, rows->size());
    return ok();
  }
  for (const nlohmann::json& row : *rows) {
    if (!row.is_array() || row.size() != fields->size())
      return bad("a row of \"expect\" has not the fields of \"expect_fields\"");
    auto& wanted = life.checkpoints.emplace_back().emplace();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Result<Expected> e = expected((*fields)[i], row[i]);
      if (!e) return e.error();
      wanted.push_back(*e);
    }
  }
  return runner.run(scenario, life);
}

nlohmann::json parse(std::string_view text) {
  return nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

}  // namespace

Result<VectorReport> run_vectors(std::string_view text) {
  Runner runner;
  if (const nlohmann::json whole = parse(text); whole.is_object() && whole.contains("vectors")) {
    const nlohmann::json& vectors = whole["vectors"];
    if (!vectors.is_array()) return bad("\"vectors\" is no list");
    for (std::size_t i = 0; i < vectors.size(); ++i)
      if (const Status s = run_scenario(vectors[i], runner); !s)
        return bad(fmt::format("vector {}: {}", i + 1, s.error().message));
    return std::move(runner).report();
  }
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const nlohmann::json json = parse(line);
    if (json.is_discarded())
      return bad(fmt::format("line {}: no JSON; expected an object with \"vectors\", or JSON lines",
                             number));
    if (const Status s = run_line(json, runner); !s)
      return bad(fmt::format("line {}: {}", number, s.error().message));
  }
  if (number == 0) return bad("the file is empty");
  return std::move(runner).report();
}

}  // namespace anonvma
