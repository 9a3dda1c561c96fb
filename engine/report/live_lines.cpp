#include "engine/report/live_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/report/grid.h"

namespace anonvma {
namespace {

std::string hours(double seconds) {
  const auto s = static_cast<std::uint64_t>(seconds);
  return fmt::format("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string repeats(const LiveCheck& check) {
  return check.repeated == 0 ? "" : " (at the second look)";
}

}  // namespace

std::string title_line(const LiveFrame& frame, bool paused) {
  const LiveMachine& machine = frame.machine;
  const std::string state = paused ? " PAUSED" : frame.ended.empty() ? "" : " " + frame.ended;
  return fmt::format("anonvma top {}{}  {} {}  {}  for {}, every {:g} s", frame.clock, state,
                     machine.release, machine.machine, printable(machine.scope),
                     hours(frame.elapsed_s), machine.interval_s);
}

std::string rates_line(const LiveFrame& frame) {
  const LiveRates& rates = frame.rates;
  return fmt::format(
      "{:.0f} events/s, {:.0f} forks/s, {:.0f} execs/s, {:.0f} exits/s, {} mms, lost {}",
      rates.events, rates.forks, rates.execs, rates.exits, frame.now.mms, frame.lost);
}

CheckLine check_line(const LiveFrame& frame) {
  const LiveCheck& check = frame.check;
  if (!frame.now.verified.possible)
    return {"not checked: the design of this kernel is not known", LineStyle::bad};
  const std::uint64_t map_counts = frame.now.verified.map_counts_differ;
  if (check.state == LiveCheck::State::none) return {"not checked yet (c)", LineStyle::dim};
  if (check.state == LiveCheck::State::running)
    return {fmt::format("checking since {}", check.clock), LineStyle::dim};
  if (check.differ() > 0)
    return {fmt::format("DIFFERS at {}: {} of {} vmas, {} of {} chain entries (d: the first){}",
                        check.clock, check.vmas_differ, check.vmas, check.chain_entries_differ,
                        check.chain_entries, repeats(check)),
            LineStyle::bad};
  if (map_counts > 0)
    return {fmt::format("DIFFERS: {} of {} map_counts before operations (d: the first)", map_counts,
                        frame.now.verified.map_counts),
            LineStyle::bad};
  return {fmt::format("checked {}: {} of {} mms, {} vmas and {} chain entries equal{}", check.clock,
                      check.kernel.mms, check.model_mms, check.vmas, check.chain_entries,
                      repeats(check)),
          LineStyle::good};
}

std::vector<std::string> start_notes(const LiveFrame& frame) {
  std::vector<std::string> notes;
  if (frame.unreadable > 0)
    notes.push_back(fmt::format(
        "processes of the start that could not be read, and are missing: {}", frame.unreadable));
  if (frame.now.tainted > 0)
    notes.push_back(
        fmt::format("address spaces that are uncertain after a loss, until they are read again: {}",
                    frame.now.tainted));
  return notes;
}

std::vector<std::string> design_notes(const LiveFrame& frame) {
  std::vector<std::string> notes;
  const auto& designs = frame.now.designs;
  if (std::any_of(designs.begin(), designs.end(), [](const auto& d) { return d.approximate; }))
    notes.push_back(
        fmt::format("~ approximate: objects of the start were made by {}",
                    frame.machine.own.empty() ? "an unknown design" : frame.machine.own));
  if (!frame.machine.tier.empty() && frame.machine.tier != "exact")
    notes.push_back("accuracy of the recorder: " + frame.machine.tier);
  return notes;
}

std::string owners_line(const LiveFrame& frame, const LiveView& view) {
  if (!frame.holders) return "owners are being counted";
  std::string line =
      fmt::format("owners under {} at {}, by {}{}", frame.now.designs[frame.holders->design].name,
                  frame.holders->clock, view.reversed ? "rising " : "", sort_name(view.sort));
  if (!view.filter.empty()) line += fmt::format(", with \"{}\"", printable(view.filter));
  return line;
}

std::vector<std::string> difference_lines(const LiveFrame& frame, std::size_t columns) {
  if (frame.check.differences.empty()) return {"no differences"};
  std::vector<std::string> lines;
  for (const std::string& difference : frame.check.differences) {
    const std::string text = wrapped(printable(difference), 0, 2, columns);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return lines;
}

}  // namespace anonvma
