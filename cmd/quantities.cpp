#include "cmd/quantities.h"

#include <fmt/format.h>

#include <cstdlib>

namespace anonvma::cmd {
namespace {

// The number at the beginning of `text`, if it is a plain one. The rest of the text goes to `unit`.
std::optional<double> number_of(std::string_view text, std::string_view& unit) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  if (end == 0 || end > 15 || text.front() == '.' || text.substr(0, end).back() == '.')
    return std::nullopt;
  const std::string digits(text.substr(0, end));
  if (digits.find('.') != digits.rfind('.')) return std::nullopt;
  unit = text.substr(end);
  return std::strtod(digits.c_str(), nullptr);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::string_view unit;
  const std::optional<double> number = number_of(text, unit);
  if (!number) return std::nullopt;
  double bytes = *number;
  if (unit == "K" || unit == "k")
    bytes *= 1024;
  else if (unit.empty() || unit == "M" || unit == "m")
    bytes *= 1 << 20;
  else if (unit == "G" || unit == "g")
    bytes *= 1 << 30;
  else
    return std::nullopt;
  if (bytes < 1 || bytes > 0x1p60) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::optional<std::uint64_t> parse_time(std::string_view text) {
  std::string_view unit;
  const std::optional<double> number = number_of(text, unit);
  if (!number) return std::nullopt;
  double seconds = *number;
  if (unit == "m")
    seconds *= 60;
  else if (unit == "h")
    seconds *= 3600;
  else if (!unit.empty() && unit != "s")
    return std::nullopt;
  if (seconds <= 0 || seconds > 1e9) return std::nullopt;
  return static_cast<std::uint64_t>(seconds * 1e9);
}

std::string size_text(std::uint64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes < 1u << 20) return fmt::format("{:.1f} KiB", amount / 1024);
  if (bytes < 1u << 30) return fmt::format("{:.1f} MiB", amount / (1 << 20));
  return fmt::format("{:.1f} GiB", amount / (1 << 30));
}

std::string time_text(std::uint64_t ns) {
  const double seconds = static_cast<double>(ns) / 1e9;
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace anonvma::cmd
