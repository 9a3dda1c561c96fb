#include "cmd/record/make_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

#include "cmd/record/flight.h"
#include "cmd/record/series.h"

namespace anonvma::cmd {
namespace {

std::string date() { return fmt::format("{:%Y%m%d-%H%M%S}", fmt::localtime(std::time(nullptr))); }

Result<std::unique_ptr<RecordingOutput>> make_flight(const RecordOptions& options,
                                                     PartFiles::Options files) {
  std::vector<SlabTrigger> triggers;
  for (const std::string& text : options.slab_triggers) {
    Result<SlabTrigger> trigger = parse_slab_trigger(text);
    if (!trigger) return trigger.error();
    triggers.push_back(std::move(*trigger));
  }
  std::optional<SlabWatch> watch;
  if (!triggers.empty()) {
    Result<SlabWatch> opened = SlabWatch::open(triggers);
    if (!opened) return opened.error();
    watch.emplace(std::move(*opened));
  }
  Flight::Options flight;
  flight.span_ns = options.flight_ns;
  flight.most_bytes = options.flight_bytes;
  flight.once = options.trigger_once;
  flight.at_end = options.flight_at_end;
  flight.say = [quiet = options.quiet](const std::string& line) {
    if (!quiet) spdlog::info("{}", line);
  };
  flight.stamp = date;
  files.numbered = true;
  return std::unique_ptr<RecordingOutput>(
      std::make_unique<Flight>(std::move(flight), std::move(files), std::move(watch)));
}

}  // namespace

Result<std::unique_ptr<RecordingOutput>> make_output(const RecordOptions& options) {
  PartFiles::Options files;
  files.force = options.force;
  files.keep = options.keep;
  files.output = options.output;
  if (options.flight_ns != 0) {
    if (files.output.empty()) files.output = "anonvma.trace";  // each dump adds its date
    return make_flight(options, std::move(files));
  }
  if (files.output.empty()) files.output = "anonvma-" + date() + ".trace";
  RecordingSeries::Limits limits{options.rotate_bytes, options.rotate_ns, options.max_bytes};
  auto series = RecordingSeries::create(std::move(files), limits);
  if (!series) return series.error();
  return std::unique_ptr<RecordingOutput>(std::move(*series));
}

}  // namespace anonvma::cmd
