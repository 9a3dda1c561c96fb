// What a short report is printed on: its width, its colours, and its units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace anonvma {

struct Screen {
  std::size_t columns = 80;
  bool color = false;
  bool raw_bytes = false;  // bytes, and no larger units
};

// The meaning of a colour.
enum class Tint : std::uint8_t { plain, title, better, worse, baseline, quiet };

// `text` in the colour of `tint`, or as it is on a screen without colours.
std::string tinted(std::string_view text, Tint tint, const Screen& screen);

// Columns that `text` takes on a terminal, without the codes of tinted().
std::size_t width_of(std::string_view text);

// The unit of a column of bytes: bytes, KiB, MiB, GiB or TiB, so that `most` has four digits at most.
struct Unit {
  std::string_view name = "bytes";
  std::uint64_t bytes = 1;
};
Unit unit_for(std::uint64_t most, const Screen& screen);
std::string in_unit(std::uint64_t bytes, Unit unit);
// One amount with its unit: "99.6 KiB".
std::string amount_text(std::uint64_t bytes, const Screen& screen);

// At most five letters: 99999, 132k, 1.32M.
std::string short_count(std::uint64_t n);
// All digits, in groups of three: 1,234,567.
std::string grouped(std::uint64_t n);

// Blocks of lines with an empty line between them; empty blocks are left out.
std::string paragraphs(const std::vector<std::string>& blocks);
// One sentence, wrapped at the width of the screen and with further lines indented.
std::string sentence(std::string_view text, const Screen& screen, std::size_t indent = 2);
// Lines "label  text", wrapped beside their labels.
std::string lines_of(const std::vector<std::pair<std::string, std::string>>& lines,
                     const Screen& screen);

}  // namespace anonvma
