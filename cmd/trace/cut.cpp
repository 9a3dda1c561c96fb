// anonvma cut FILE -o OUT: a slice of a trace that replays by itself.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/files/rewrite.h"
#include "cmd/messages.h"
#include "cmd/trace/window.h"
#include "engine/replay/slice.h"

namespace anonvma::cmd {
namespace {

struct CutOptions {
  std::string file;
  std::string output;
  bool force = false;                  // overwrite
  std::optional<double> from_s, to_s;  // none: the start, the end
};

// How far after the requested time a moment without an operation in flight is searched for.
constexpr std::uint64_t kSearchNs = 1'000'000'000;
constexpr std::uint64_t kNowhere = ~0ull;

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }
double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

struct Survey {  // results of the first pass
  std::uint64_t events = 0, first = 0, end = 0, last_ns = 0;
  std::uint32_t anon_vmas = 0;
  std::optional<Error> damage;
  std::optional<EndInfo> info;
  std::string hash;
  std::uint64_t skipped = 0;
};

Result<Survey> survey(TraceReader& reader, const CutOptions& options) {
  Survey found;
  TimeSearch from(nanoseconds(options.from_s.value_or(0))),
      to(nanoseconds(options.to_s.value_or(0)));
  const Status status = each_event(reader, found.damage, [&](const Event& event) {
    from.apply(event, found.events);
    to.apply(event, found.events++);
    found.last_ns = std::max(found.last_ns, event.head.time_ns);
    found.anon_vmas = std::max(found.anon_vmas, anon_vmas_named(event));
    return ok();
  });
  if (!status) return status.error();
  found.first = options.from_s ? from.first_behind() : 0;
  found.end = options.to_s ? to.first_behind() : found.events;
  found.info = reader.end();
  found.hash = reader.hash();
  found.skipped = reader.skipped();
  if (found.first >= found.events && found.first > 0)
    return Error{ErrorCode::usage,
                 fmt::format("{}: --from {} is behind the last event, at {:.6f} s", options.file,
                             *options.from_s, seconds(found.last_ns))};
  return found;
}

// The place of a slice in its trace, and the events at its beginning.
struct Place {
  std::uint64_t first = 0, end = 0;
  std::uint64_t from_ns = 0, to_ns = 0, lost = 0;
  std::vector<Event> snapshot;
  std::vector<std::string> notes;
};

// Second pass: moves both ends to moments without an operation in flight, and builds the state at
// the start.
class Search {
 public:
  Search(Slicer& slicer, const Survey& survey) : slicer_(slicer), survey_(survey) {
    place_.first = survey.first == 0 ? 0 : kNowhere;
    place_.end = survey.end == survey.events ? survey.events : kNowhere;
    place_.to_ns = survey.last_ns;
  }
  // False when both ends are found.
  bool apply(const Event& event, std::uint64_t index) {
    if (place_.first == kNowhere && found(event, index, survey_.first, "start")) {
      place_.first = index;
      place_.from_ns = event.head.time_ns;
      place_.snapshot = slicer_.key_snapshot(AnonVmaId{survey_.anon_vmas});
      const std::vector<std::string> notes = slicer_.notes();
      place_.notes.insert(place_.notes.end(), notes.begin(), notes.end());
      place_.lost = slicer_.lost();
    }
    if (place_.first != kNowhere && place_.end == kNowhere &&
        found(event, index, survey_.end, "end")) {
      place_.end = index;
      place_.to_ns = latest_ns_;
    }
    if (place_.first != kNowhere && place_.end != kNowhere) return false;
    latest_ns_ = std::max(latest_ns_, event.head.time_ns);
    slicer_.apply(event, index);
    return true;
  }
  Place place() {
    if (place_.first == kNowhere) place_.first = survey_.events;
    if (place_.end == kNowhere) place_.end = survey_.events;
    return std::move(place_);
  }

 private:
  bool found(const Event& event, std::uint64_t index, std::uint64_t wanted, std::string_view what) {
    if (index < wanted || continues(event)) return false;
    if (index == wanted || began_ns_ == kNowhere) began_ns_ = event.head.time_ns;
    const bool rests = slicer_.at_rest();
    if (!rests && event.head.time_ns < began_ns_ + kSearchNs) return false;
    if (!rests)
      place_.notes.push_back(fmt::format(
          "no moment without an operation in flight was found at its {}: verify may differ there",
          what));
    began_ns_ = kNowhere;
    return true;
  }

  Slicer& slicer_;
  const Survey& survey_;
  Place place_;
  std::uint64_t latest_ns_ = 0, began_ns_ = kNowhere;
};

Result<Place> find_place(const TraceReader& reader, const Survey& survey) {
  Place whole;
  whole.end = survey.end;
  whole.to_ns = survey.last_ns;
  if (survey.first == 0 && survey.end == survey.events) return whole;
  Result<Slicer> slicer = Slicer::create(reader.meta());
  // A slice from the very start needs no model, which would only find a better end.
  if (!slicer && survey.first == 0) return whole;
  if (!slicer) return slicer.error();
  Result<TraceReader> again = reader.again();
  if (!again) return again.error();
  Search search(*slicer, survey);
  for (std::uint64_t index = 0;;) {
    const auto events = again->next();
    if (!events || events->empty()) return search.place();
    for (const Event& event : *events)
      if (!search.apply(event, index++)) return search.place();
  }
}

Meta header(Meta meta, const Survey& survey, Place& place) {
  meta.cut = {survey.hash, place.first, place.end, place.from_ns, place.to_ns, {}};
  meta.cut.notes = std::move(place.notes);
  return meta;
}

EndInfo end_info(const Survey& survey, const Place& place, std::uint64_t lost,
                 std::uint64_t processes) {
  EndInfo end = survey.info.value_or(EndInfo{});
  const bool whole_end = place.end == survey.events;
  const std::uint64_t to_ns = whole_end && survey.info ? survey.info->duration_ns : place.to_ns;
  end.duration_ns = to_ns - std::min(to_ns, place.from_ns);
  end.lost = lost;
  if (place.first > 0) end.processes_at_attach = processes;
  if (!whole_end) end.command_status = -1, end.continued = false;
  return end;
}

// Third pass: copies the events of the slice.
Status copy(TraceReader& reader, const Place& place, Rewrite& out, std::uint64_t& lost) {
  for (const Event& event : place.snapshot)
    if (const Status status = out.add(event); !status) return status;
  reader.seek_event(place.first);
  for (std::uint64_t index = reader.position(); index < place.end;) {
    const auto events = reader.next();
    if (!events || events->empty()) return ok();  // the first pass has found the reason
    for (const Event& event : *events) {
      const std::uint64_t at = index++;
      if (at < place.first || at >= place.end) continue;
      Event moved = event;
      moved.head.time_ns -= std::min(moved.head.time_ns, place.from_ns);
      if (const auto* gone = std::get_if<Lost>(&event.body)) lost += gone->count;
      if (const Status status = out.add(moved); !status) return status;
    }
  }
  return ok();
}

Result<int> cut(const CutOptions& options) {
  const auto file = MappedFile::open(options.file);
  if (!file) return file.error();
  auto reader = TraceReader::open(file->bytes());
  if (!reader) return in_file(options.file, reader.error());
  const Result<Survey> found = survey(*reader, options);
  if (!found) return found.error();
  Result<Place> place = find_place(*reader, *found);
  if (!place) return in_file(options.file, place.error());
  auto again = reader->again();
  if (!again) return in_file(options.file, again.error());
  auto out = Rewrite::create(options.file, options.output, options.force,
                             header(reader->meta(), *found, *place));
  if (!out) return out.error();
  std::uint64_t lost = place->lost;
  Status status = copy(*again, *place, *out, lost);
  const auto processes = static_cast<std::uint64_t>(std::count_if(
      place->snapshot.begin(), place->snapshot.end(),
      [](const Event& event) { return std::holds_alternative<Snapshot>(event.body); }));
  const bool cut_short = found->damage && place->end == found->events;
  if (status)
    status = out->finish(cut_short ? std::nullopt
                                   : std::optional(end_info(*found, *place, lost, processes)));
  if (!status) return status.error();
  warn_of_skipped(options.file, found->skipped);
  if (found->damage) return fail(in_file(options.file, *found->damage));
  spdlog::info(
      "{}: events {} to {} of {}, {:.6f} s to {:.6f} s, after {} address spaces at the start",
      options.output, place->first, place->end, found->events, seconds(place->from_ns),
      seconds(place->to_ns), processes);
  return static_cast<int>(kOk);
}

int run_cut(const CutOptions& options) {
  if (options.from_s && options.to_s && *options.from_s > *options.to_s)
    return fail({ErrorCode::usage, "--from is behind --to"});
  const Result<int> status = cut(options);
  return status ? *status : fail(status.error());
}

}  // namespace

void add_cut(CommandLine& line) {
  const auto [command, options] =
      line.add("cut", "Copy a slice of a trace that replays and verifies by itself", run_cut);
  command.option("FILE", options.file, "Trace").required();
  command.option("-o,--output", options.output, "The slice").required();
  command.flag("--force", options.force, "Overwrite the slice");
  add_window(command, options.from_s, options.to_s);
  command.footer(
      "It begins with a snapshot of the state that the recording kernel's own strategy had then:\n"
      "exact for that strategy, approximate for others. With the truth lane both ends move to the\n"
      "next moment without an operation in flight.\n\nExamples:\n"
      "  anonvma cut make.trace -o slice.trace --from 2 --to 3\n"
      "  anonvma cut make.trace -o rest.trace --from 3");
}

}  // namespace anonvma::cmd
