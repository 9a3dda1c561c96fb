#include "engine/report/fitted_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace anonvma {
namespace {

constexpr std::size_t kLeastFirst = 12;  // width of the first column

std::size_t width_of(const FittedColumn& column) {
  std::size_t width = std::max(column.least, column.title.size());
  for (const std::string& cell : column.cells) width = std::max(width, cell.size());
  return width;
}

std::size_t width_of_numbers(const std::vector<FittedColumn>& columns) {
  std::size_t width = 0;
  for (std::size_t c = 1; c < columns.size(); ++c) width += 1 + width_of(columns[c]);
  return width;
}

// Leaves out columns until the rest fits.
void fit(std::vector<FittedColumn>& columns, std::size_t width) {
  while (width_of_numbers(columns) + kLeastFirst > width) {
    const auto most =
        std::max_element(columns.begin(), columns.end(),
                         [](const auto& a, const auto& b) { return a.spare < b.spare; });
    if (most->spare == 0) return;
    columns.erase(most);
  }
}

}  // namespace

std::string cut_off(std::string text, std::size_t width) {
  if (text.size() <= width) return text;
  text.resize(width);
  if (width > 0) text.back() = '~';
  return text;
}

std::vector<std::string> fitted(std::vector<FittedColumn> columns, std::size_t width) {
  fit(columns, width);
  const std::size_t numbers = std::min(width_of_numbers(columns), width);
  const std::size_t first =
      std::min(std::max(width_of(columns.front()), kLeastFirst), width - numbers);
  std::vector<std::string> lines(columns.front().cells.size() + 1);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::size_t w = c == 0 ? first : width_of(columns[c]);
    for (std::size_t l = 0; l < lines.size(); ++l) {
      const std::string& cell = l == 0 ? columns[c].title : columns[c].cells[l - 1];
      lines[l] +=
          c == 0 ? fmt::format("{:<{}}", cut_off(cell, w), w) : fmt::format(" {:>{}}", cell, w);
    }
  }
  for (std::string& line : lines) line = cut_off(std::move(line), width);
  return lines;
}

}  // namespace anonvma
