// A table before it becomes text. Renderers draw it differently and do not change its content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/report/rows.h"

namespace anonvma {

struct Table {
  std::string title;
  std::vector<std::string> header;  // the first column is text, the others are numbers
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;  // sentences below it
};

// The table as aligned text of at most so many columns, without a line after it.
std::string draw(const Table& table, std::size_t columns);

// Labels with their text; labels of continued lines are empty.
using Footer = std::vector<std::pair<std::string, std::string>>;

std::string number(std::uint64_t value);
std::string kb(std::uint64_t bytes);
// "-" for the baseline itself, "n/a" if there is nothing to compare.
std::string percent(bool baseline, Change change);
// "trace", "table", "option", "assumed"
std::string_view source_name(SpecSource source);

}  // namespace anonvma
