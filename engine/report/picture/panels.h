// The pictures of a comparison show objects over time in panels: one for the sum of all caches and one
// for each cache, with a line for each strategy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replay/result.h"

namespace anonvma {

struct PanelLine {
  std::string strategy;
  bool baseline = false;
  std::vector<std::uint64_t> last, max;  // by point, see TimelinePoint
  std::uint64_t peak() const;
};

struct Panel {
  std::string name;                 // "sum", or the name of a cache
  std::optional<CacheIndex> cache;  // none: the sum of all caches, in bytes. Caches are in objects.
  std::vector<PanelLine> lines;     // strategies that use the cache, in the order of the rows
  std::uint64_t highest() const;    // of all lines
};

struct Panels {
  std::uint64_t width_ns = 0;  // of a point
  std::size_t points = 0;
  std::vector<Panel> all;  // the sum is first
};

// The comparison was replayed with ReplayOptions::timeline. All lines have the same number of
// points, at most `most`.
Panels panels(const Comparison& comparison, std::size_t most = Timeline::kMostPoints);

// "sum of all caches", "anon_vma"
std::string_view panel_title(const Panel& panel);
// A value of the panel with its unit: "137.1 KB", "531 objects".
std::string panel_value(const Panel& panel, std::uint64_t value);

}  // namespace anonvma
