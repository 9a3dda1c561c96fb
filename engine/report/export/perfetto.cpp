// Chrome's JSON trace format, as "Trace Event Format" describes it: "C" counters, "X" slices, "s" and
// "f" the two ends of an arrow, "M" names of tracks.
#include <fmt/format.h>

#include <map>
#include <optional>

#include "engine/report/export/series.h"
#include "engine/report/export/series_points.h"
#include "engine/report/grid.h"
#include "engine/report/json.h"

namespace anonvma {
namespace {

// Tracks that are no process have numbers above all pids of Linux (2^22).
constexpr std::uint64_t kFirstDesign = 1u << 30, kFirstUnknown = 1u << 29;

double microseconds(std::uint64_t ns) { return static_cast<double>(ns) / 1000; }

class Events {
 public:
  void add(Json event) { out_ += fmt::format("{}{}", out_.empty() ? "" : ",\n", line(event)); }
  void name_process(std::uint64_t pid, const std::string& name) {
    add({{"ph", "M"},
         {"name", "process_name"},
         {"pid", pid},
         {"tid", pid},
         {"args", {{"name", name}}}});
  }
  std::string document(const Json& metadata) const {
    return fmt::format(
        "{{\"displayTimeUnit\":\"ns\",\"metadata\":{},\n\"traceEvents\":[\n{}\n]}}\n",
        line(metadata), out_);
  }

 private:
  static std::string line(const Json& json) {
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
  }
  std::string out_;
};

// A counter has an event where it changes, and one at its end.
class Counter {
 public:
  Counter(Events& events, std::uint64_t pid, std::string name, std::string unit)
      : events_(events), pid_(pid), name_(std::move(name)), unit_(std::move(unit)) {}
  void at(std::uint64_t ns, double value) {
    if (last_ && *last_ == value) return;
    last_ = value;
    put(ns, value);
  }
  void end(std::uint64_t ns) {
    if (last_) put(ns, *last_);
  }

 private:
  void put(std::uint64_t ns, double value) {
    events_.add({{"ph", "C"},
                 {"name", name_},
                 {"pid", pid_},
                 {"tid", pid_},
                 {"ts", microseconds(ns)},
                 {"args", {{unit_, value}}}});
  }
  Events& events_;
  std::uint64_t pid_;
  std::string name_, unit_;
  std::optional<double> last_;
};

void add_counters(Events& events, const ReplayResult& row, std::uint64_t pid) {
  events.name_process(pid, "anonvma: " + row.strategy);
  std::vector<std::pair<std::size_t, Counter>> caches;
  for (std::size_t c = 0; c < kAllCaches; ++c)
    if (has_series(row, c))
      caches.emplace_back(
          c, Counter(events, pid, std::string(cache_name(static_cast<CacheIndex>(c))), "objs"));
  Counter sum(events, pid, "sum", "KB");
  std::uint64_t end_ns = 0;
  each_point(row, [&](std::uint64_t ns, const TimelinePoint& point) {
    for (auto& [cache, counter] : caches) counter.at(ns, static_cast<double>(point.max[cache]));
    sum.at(ns, static_cast<double>(point.max_bytes) / 1024);
    end_ns = ns + row.timeline->width_ns();
  });
  for (auto& [cache, counter] : caches) counter.end(end_ns);
  sum.end(end_ns);
}

// The processes: a track for each pid, where one mm follows the other.
class Processes {
 public:
  Processes(Events& events, const std::vector<const MmLife*>& lives, std::uint64_t end_ns)
      : events_(events), end_ns_(end_ns) {
    for (const MmLife* life : lives) tracks_[track_of(*life)].push_back(life);
    for (const MmLife* life : lives) by_mm_.emplace(life->mm, life);
  }
  void add() {
    for (const auto& [track, lives] : tracks_) {
      events_.name_process(track, printable(lives.back()->comm));
      for (std::size_t i = 0; i < lives.size(); ++i)
        slice(track, *lives[i], i + 1 < lives.size() ? lives[i + 1]->born_ns : end_ns_);
    }
    for (const auto& [mm, life] : by_mm_)
      if (life->birth == Birth::fork) arrow(*life);
  }

 private:
  static std::uint64_t track_of(const MmLife& life) {
    return life.tgid != 0 && life.tgid < kFirstUnknown ? life.tgid
                                                       : kFirstUnknown + life.mm.v % kFirstUnknown;
  }
  void slice(std::uint64_t track, const MmLife& life, std::uint64_t next_ns) {
    const std::uint64_t died = life.end_event == MmLife::kAlive ? end_ns_ : life.end_ns;
    const std::uint64_t end = std::max(life.born_ns, std::min(died, next_ns));
    events_.add({{"ph", "X"},
                 {"name", printable(mm_label(life.mm, life.comm))},
                 {"cat", "mm"},
                 {"pid", track},
                 {"tid", track},
                 {"ts", microseconds(life.born_ns)},
                 {"dur", microseconds(end - life.born_ns)},
                 {"args", {{"mm", life.mm.v}, {"comm", printable(life.comm)}}}});
  }
  void arrow(const MmLife& child) {
    const auto parent = by_mm_.find(child.from);
    if (parent == by_mm_.end()) return;
    end_of_arrow("s", track_of(*parent->second), child);
    end_of_arrow("f", track_of(child), child);
  }
  void end_of_arrow(const char* phase, std::uint64_t track, const MmLife& child) {
    Json event = {{"ph", phase},
                  {"name", "fork"},
                  {"cat", "fork"},
                  {"id", child.mm.v},
                  {"pid", track},
                  {"tid", track},
                  {"ts", microseconds(child.born_ns)}};
    if (*phase == 'f') event["bp"] = "e";  // the slice around it, not the next one
    events_.add(std::move(event));
  }

  Events& events_;
  std::uint64_t end_ns_;
  std::map<std::uint64_t, std::vector<const MmLife*>> tracks_;
  std::map<MmId, const MmLife*> by_mm_;
};

}  // namespace

std::string series_perfetto(const Comparison& comparison, const std::vector<const MmLife*>& lives) {
  Events events;
  std::uint64_t end_ns = comparison.trace.duration_ns;
  for (const MmLife* life : lives)
    end_ns =
        std::max({end_ns, life->born_ns, life->end_event == MmLife::kAlive ? 0 : life->end_ns});
  std::uint64_t pid = kFirstDesign;
  for (const ReplayResult& row : comparison.rows) add_counters(events, row, pid++);
  Processes(events, lives, end_ns).add();
  return events.document({{"tool", "anonvma"},
                          {"trace", printable(comparison.trace.path)},
                          {"hash", comparison.trace.hash},
                          {"kernel", printable(comparison.trace.meta.release)},
                          {"lost", comparison.trace.lost}});
}

}  // namespace anonvma
