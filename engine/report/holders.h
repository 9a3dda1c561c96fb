// Holders of objects: all mms with one comm or in one cgroup together, each mm, or all vmas with one
// name.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "engine/report/render.h"

namespace anonvma {

struct HolderLine {
  std::string name;
  std::uint64_t mms = 0;  // that hold any of it
  std::array<std::uint64_t, kAllCaches> objs{};
  std::uint64_t bytes = 0;
};

// The first `options.top` by bytes, then all others as one line, then the sum.
std::vector<HolderLine> holder_lines(const ReplayResult& result, const Moment& moment,
                                     const ReportOptions& options);

}  // namespace anonvma
