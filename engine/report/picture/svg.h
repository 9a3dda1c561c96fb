// Objects over time as a picture for documents.
#pragma once

#include <span>
#include <string>

#include "engine/replay/result.h"

namespace anonvma {

// One SVG document: for each trace a panel for the sum of all caches and one for each cache, with a
// line for each strategy, and the proof of the numbers. A line shows the most within each point of
// time, so it reaches the peaks of the tables. The document has the colours of a light or dark page,
// loads nothing and has no scripts. The comparisons were replayed with ReplayOptions::timeline.
std::string render_svg(std::span<const Comparison> comparisons);

}  // namespace anonvma
