// The verdict of `verify`, for people and for programs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "engine/report/grid.h"
#include "engine/report/render.h"
#include "engine/report/rows.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

using Json = nlohmann::ordered_json;

std::string excluded_text(const Excluded& excluded) {
  return wrapped(
      fmt::format("left out: {}: {} vm_area_struct, {} anon_vma_chain, {} anon_vma: {}",
                  excluded.name, excluded.objs[kVmAreaStruct], excluded.objs[kAnonVmaChain],
                  excluded.objs[kAnonVma], excluded.meaning),
      0, 2);
}

std::uint64_t differing(const Verdict& verdict) {
  std::uint64_t all = 0;
  for (const Lane& lane : verdict.lanes) all += lane.compared - lane.equal;
  return all;
}

std::string unseen_writers_text(const EventCounts& by_call) {
  if (by_call.empty()) return "";
  std::uint64_t all = 0;
  std::vector<std::string> words;
  for (const auto& [call, count] : by_call) {
    all += count;
    words.push_back(fmt::format("{} by {}", count, call));
  }
  return wrapped(fmt::format("unseen writers: {} write acquires outside every recorded call; "
                             "snapshots show their effects: {}",
                             all, fmt::join(words, ", ")),
                 0, 2);
}

}  // namespace

std::string_view verdict_name(const Comparison& comparison) {
  if (!comparison.verdict || !comparison.trace.damage.empty()) return "no";
  if (!comparison.verdict->agrees()) return "differs";
  return comparison.verdict->truth ? "objects" : "map_count";
}

std::string_view unverified_reason(const Comparison& comparison) {
  if (!comparison.trace.damage.empty()) return "the trace is damaged";
  if (comparison.verdict) return "";
  return comparison.trace.own_strategy.empty()
             ? "the recording kernel's own strategy is not known"
             : "other rules than the recording kernel's were asked for";
}

std::string verdict_words(const Comparison& comparison) {
  if (const std::string_view reason = unverified_reason(comparison); !reason.empty())
    return fmt::format("no: {}", reason);
  const Verdict& verdict = *comparison.verdict;
  std::string words =
      !verdict.agrees() ? fmt::format(
                              "NO: differs from the kernel in {} comparisons, see anonvma "
                              "verify",
                              differing(verdict))
      : verdict.truth ? "equal to the kernel in every lane, object for object"
      : comparison.trace.meta.truth
          ? "map_count and snapshots equal; objects not compared, as records were lost"
          : "map_count and snapshots equal; recorded without --truth";
  for (const std::string& doubt : verdict.doubts) words += "; but " + doubt;
  return words;
}

std::string render_verdict_text(const Comparison& comparison) {
  const Verdict& verdict = *comparison.verdict;
  std::string text;
  for (const Lane& lane : verdict.lanes)
    text += lane.not_available.empty()
                ? fmt::format("{:30} compared {:>9}, equal {:>9}{}\n", lane.name, lane.compared,
                              lane.equal, lane.agrees() ? "" : "   DIFFERS")
                : fmt::format("{:30} n/a: {}\n", lane.name, lane.not_available);
  text += "\n";
  for (const Excluded& excluded : verdict.excluded) text += excluded_text(excluded);
  text += unseen_writers_text(verdict.unseen_writers);
  for (const std::string& doubt : verdict.doubts) text += wrapped("doubt: " + doubt, 0, 2);
  for (const AnomalyRow& row : rows(comparison).anomalies)
    if (row.info.severity == Severity::error)
      text += wrapped(
          fmt::format("ERROR: {} ({}): {}", row.info.name, row.counts.front(), row.info.meaning), 0,
          2);
  if (!verdict.excluded.empty() || !verdict.doubts.empty()) text += "\n";
  for (const std::string& difference : verdict.differences)
    text += wrapped("difference: " + printable(difference), 0, 2);
  const TraceSummary& trace = comparison.trace;
  text += labelled("trace", printable(trace.path));
  const std::string skipped =
      trace.skipped == 0
          ? ""
          : fmt::format(", {} records or chunks of unknown kinds skipped", trace.skipped);
  text += labelled("", fmt::format("hash {}, {} events, {}{}", trace.hash, trace.events,
                                   lost_text(trace), skipped));
  text +=
      labelled("kernel", printable(fmt::format("{} {}", trace.meta.release, trace.meta.machine)));
  text += labelled("model", fmt::format("strategy {}, rules {}", trace.own_strategy, trace.rules));
  if (!trace.meta.tier.empty()) text += labelled("accuracy", printable(trace.meta.tier));
  return text + labelled("verified", verdict_words(comparison));
}

std::string render_verdict_json(const Comparison& comparison) {
  const Verdict& verdict = *comparison.verdict;
  Json lanes = Json::array();
  for (const Lane& lane : verdict.lanes)
    lanes.push_back({{"name", lane.name},
                     {"available", lane.not_available.empty()},
                     {"compared", lane.compared},
                     {"equal", lane.equal},
                     {"reason", lane.not_available}});
  Json excluded = Json::array();
  for (const Excluded& e : verdict.excluded) {
    Json entry = {{"name", e.name}, {"meaning", e.meaning}};
    for (std::size_t c = 0; c < kNumCaches; ++c)
      entry[std::string(cache_name(static_cast<CacheIndex>(c)))] = e.objs[c];
    excluded.push_back(std::move(entry));
  }
  const TraceSummary& trace = comparison.trace;
  Json json = {{"schema", "anonvma.verify/1"},
               {"trace",
                {{"path", trace.path},
                 {"hash", trace.hash},
                 {"kernel", trace.meta.release},
                 {"machine", trace.meta.machine},
                 {"events", trace.events},
                 {"lost", trace.lost},
                 {"skipped", trace.skipped},
                 {"lost_percent", lost_percent(trace)},
                 {"tainted_mms", trace.tainted_mms},
                 {"tainted_mms_at_end", trace.tainted_at_end},
                 {"damage", trace.damage}}},
               {"strategy", trace.own_strategy},
               {"rules", trace.rules},
               {"truth", verdict.truth},
               {"equal", verdict.agrees()},
               {"verified", verdict_name(comparison)},
               {"verdict", verdict_words(comparison)},
               {"lanes", std::move(lanes)},
               {"excluded", std::move(excluded)},
               {"unseen_writers", verdict.unseen_writers},
               {"doubts", verdict.doubts},
               {"differences", verdict.differences}};
  if (!trace.meta.tier.empty()) json["trace"]["tier"] = trace.meta.tier;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anonvma
