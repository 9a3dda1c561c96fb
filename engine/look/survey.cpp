#include "engine/look/survey.h"

#include <algorithm>

#include "engine/replay/replay.h"
#include "engine/replay/slice.h"

namespace anonvma {
namespace {

// One pass over the events.
class Surveyor {
 public:
  explicit Surveyor(std::optional<double> at_s) {
    if (at_s) time_.emplace(static_cast<std::uint64_t>(*at_s * 1e9));
  }
  void apply(const Event& event) {
    if (found.events == 0) found.first_ns = event.head.time_ns;
    found.last_ns = std::max(found.last_ns, event.head.time_ns);
    if (time_) time_->apply(event, found.events);
    if (const auto* text = std::get_if<Text>(&event.body)) found.texts.take(*text);
    if (const auto* lost = std::get_if<Lost>(&event.body)) found.lost += lost->count;
    found.lives.apply(event, found.events++);
  }
  Survey finish(const TraceReader& reader) {
    found.meta = reader.meta();
    found.hash = reader.hash();
    if (reader.end()) found.lost = std::max(found.lost, reader.end()->lost);
    if (time_) found.events_at = time_->first_behind();
    return std::move(found);
  }
  Survey found;

 private:
  std::optional<TimeSearch> time_;
};

}  // namespace

Result<Survey> survey(TraceReader& reader, std::optional<double> at_s, const Budget& budget) {
  if (const Status status = check_page_size(reader.meta()); !status) return status.error();
  constexpr std::uint64_t kLifeBytes = sizeof(MmLife) + kNodeBytes;
  Surveyor surveyor(at_s);
  for (;;) {
    const auto events = reader.next();
    if (!events) surveyor.found.damage = describe(events.error());
    if (!events || events->empty()) break;
    for (const Event& event : *events) surveyor.apply(event);
    if (surveyor.found.lives.size() > budget.bytes / kLifeBytes)
      return Error{ErrorCode::bad_trace,
                   "it names more address spaces than a file of its size can have "
                   "(--no-limits reads it all the same)"};
  }
  if (surveyor.found.events == 0)
    return Error{ErrorCode::bad_trace, surveyor.found.damage.empty()
                                           ? "it has no events: there is nothing to show"
                                           : surveyor.found.damage + "; no event can be read"};
  return surveyor.finish(reader);
}

}  // namespace anonvma
