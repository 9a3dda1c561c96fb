#include "engine/report/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/report/grid.h"

namespace anonvma {
namespace {

// The codes of a terminal. Its user chooses what the eight basic colours look like.
std::string_view code_of(Tint tint) {
  switch (tint) {
    case Tint::plain:
      return "";
    case Tint::title:
      return "\x1b[1m";
    case Tint::better:
      return "\x1b[32m";
    case Tint::worse:
      return "\x1b[31m";
    case Tint::baseline:
      return "\x1b[36m";
    case Tint::quiet:
      return "\x1b[2m";
  }
  return "";
}

constexpr std::array<std::string_view, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};

}  // namespace

std::string tinted(std::string_view text, Tint tint, const Screen& screen) {
  const std::string_view code = screen.color ? code_of(tint) : "";
  if (code.empty() || text.empty()) return std::string(text);
  return fmt::format("{}{}\x1b[0m", code, text);
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  bool in_code = false;
  for (const char c : text) {
    if (c == '\x1b') in_code = true;
    if (!in_code) ++width;
    if (c == 'm') in_code = false;
  }
  return width;
}

Unit unit_for(std::uint64_t most, const Screen& screen) {
  if (screen.raw_bytes) return {};
  constexpr std::uint64_t kTooMany = 10000;
  std::size_t i = 1;
  while (i + 1 < kUnits.size() && most >> (10 * i) >= kTooMany) ++i;
  return {kUnits[i], std::uint64_t{1} << (10 * i)};
}

std::string in_unit(std::uint64_t bytes, Unit unit) {
  if (unit.bytes == 1) return fmt::format("{}", bytes);
  const double amount = static_cast<double>(bytes) / static_cast<double>(unit.bytes);
  return amount < 999.95 ? fmt::format("{:.1f}", amount) : fmt::format("{:.0f}", amount);
}

std::string amount_text(std::uint64_t bytes, const Screen& screen) {
  const Unit unit = unit_for(bytes, screen);
  return fmt::format("{} {}", in_unit(bytes, unit), unit.name);
}

std::string short_count(std::uint64_t n) {
  if (n < 100'000) return fmt::format("{}", n);
  constexpr std::string_view kLetters = "kMGTPE";
  double amount = static_cast<double>(n) / 1000;
  std::size_t i = 0;
  for (; amount >= 999.5 && i + 1 < kLetters.size(); ++i) amount /= 1000;
  const int digits = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", amount, digits, kLetters[i]);
}

std::string grouped(std::uint64_t n) {
  std::string text = fmt::format("{}", n);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

std::string paragraphs(const std::vector<std::string>& blocks) {
  std::string text;
  for (const std::string& block : blocks) {
    if (block.empty()) continue;
    if (!text.empty()) text += '\n';
    text += block;
  }
  return text;
}

std::string sentence(std::string_view text, const Screen& screen, std::size_t indent) {
  return wrapped(text, 0, indent, screen.columns);
}

std::string lines_of(const std::vector<std::pair<std::string, std::string>>& lines,
                     const Screen& screen) {
  std::string out;
  for (const auto& [label, text] : lines) out += labelled(label, text, screen.columns);
  return out;
}

}  // namespace anonvma
