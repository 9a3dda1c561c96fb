#include "engine/report/picture/ticks.h"

#include <fmt/format.h>

namespace anonvma {
namespace {

struct RoundStep {
  double value = 0;
  int decimals = 0;
};

RoundStep round_step(double least) {
  constexpr int kFewestDecimals = -21, kMostDecimals = 9;
  double power = 1e-9;
  for (int decimals = kMostDecimals; decimals > kFewestDecimals; --decimals, power *= 10)
    for (const double factor : {1.0, 2.0, 5.0})
      if (factor * power >= least) return {factor * power, decimals > 0 ? decimals : 0};
  return {least, 0};
}

}  // namespace

std::vector<Tick> ticks(double end, std::size_t most) {
  std::vector<Tick> all{{0, "0"}};
  if (end <= 0 || most == 0) return all;
  const RoundStep step = round_step(end / static_cast<double>(most));
  const auto count = static_cast<std::size_t>(end / step.value * (1 + 1e-12));
  for (std::size_t i = 1; i <= count; ++i) {
    const double value = static_cast<double>(i) * step.value;
    all.push_back({value, fmt::format("{:.{}f}", value, step.decimals)});
  }
  return all;
}

}  // namespace anonvma
