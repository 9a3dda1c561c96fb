#include "cmd/look/moment.h"

#include <fmt/format.h>

namespace anonvma::cmd {
namespace {

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

Error not_alive(const MmLife& mm) {
  const std::string end = mm.end_event == MmLife::kAlive
                              ? std::string("the end of the trace")
                              : fmt::format("{:.6f} s", seconds(mm.end_ns));
  return {
      ErrorCode::usage,
      fmt::format("mm {} lives from {:.6f} s to {}: choose an --at between them, or leave it out",
                  mm.mm.v, seconds(mm.born_ns), end),
      Error::kNoOffset};
}

}  // namespace

Result<MmMoment> moment_of(const Look& look, const std::string& word, bool has_at) {
  const Result<Scene> scene = look.moment();
  if (!scene) return scene.error();
  const Result<MmLife> mm = choose_mm(look.survey().lives, word, scene->events);
  if (!mm) return mm.error();
  if (mm->alive_after(scene->events)) return MmMoment{*mm, *scene};
  if (has_at) return not_alive(*mm);
  if (mm->end_event != MmLife::kAlive) return MmMoment{*mm, look.before_end(*mm)};
  return MmMoment{*mm, look.at_end()};  // born behind the peak
}

Error nobody_alive(const Survey& survey, const Scene& scene) {
  return {ErrorCode::usage,
          fmt::format("no mm is alive at {:.3f} s: events are between {:.3f} s and {:.3f} s",
                      seconds(scene.ns), seconds(survey.first_ns), seconds(survey.last_ns)),
          Error::kNoOffset};
}

}  // namespace anonvma::cmd
