// Objects over time, drawn with the characters of a terminal.
#pragma once

#include <optional>
#include <string>

#include "engine/replay/result.h"
#include "engine/report/screen.h"

namespace anonvma {

struct PlotOptions {
  std::optional<CacheIndex> cache = {};  // none: the bytes of all caches
  bool braille = true;                   // or else plain ASCII
  Screen screen = {};
};

// A strip for each strategy, all with the same scales, and the proof of the numbers. A column shows the
// most that was there in its time, so the highest column of a strip is its peak. The comparison was
// replayed with ReplayOptions::timeline.
std::string render_plot(const Comparison& comparison, const PlotOptions& options);

}  // namespace anonvma
