// The lines of `anonvma top` that are no tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/live/frame.h"
#include "engine/report/live_screen.h"

namespace anonvma {

std::string title_line(const LiveFrame& frame, bool paused);
std::string rates_line(const LiveFrame& frame);
struct CheckLine {
  std::string text;
  LineStyle style;
};
CheckLine check_line(const LiveFrame& frame);
// What is not exact about the start; empty where everything is.
std::vector<std::string> start_notes(const LiveFrame& frame);
std::vector<std::string> design_notes(const LiveFrame& frame);
std::string owners_line(const LiveFrame& frame, const LiveView& view);
std::vector<std::string> difference_lines(const LiveFrame& frame, std::size_t columns);

// The words of the columns, for the page of keys.
inline constexpr std::string_view kMeanings[] = {
    "KB        objects times the size of their slot in the slab",
    "at start  what the processes held that ran already when recording began",
    "since     what came since, without what went",
    "~         contains an approximation: another design's objects of the start",
    "chains    anon_vma_chain; other: objects of caches that only a proposal has",
    "owners    an anon_vma counts for the first mm that has a VMA of its own for it"};

}  // namespace anonvma
