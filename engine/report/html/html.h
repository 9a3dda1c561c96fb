// A report as one HTML file that needs no network.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/replay/result.h"
#include "engine/result.h"

namespace anonvma {

// The chart library that the build has found, as texts to be put into a page.
struct ChartLibrary {
  std::string_view script, style, licence;
};
// None if the build found no chart library: scripts/setup fetches it.
std::optional<ChartLibrary> chart_library();

inline constexpr std::size_t kMostPageBytes = std::size_t{2} << 20;

// The page for these traces, which were replayed with ReplayOptions::timeline and family. Lines over
// time have as many points as fit into kMostPageBytes. Without `charts` they are plain pictures. An
// error if there are too many traces or strategies for one page.
Result<std::string> render_html(std::span<const Comparison> comparisons,
                                const std::optional<ChartLibrary>& charts);

}  // namespace anonvma
