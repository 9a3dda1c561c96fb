#include "engine/report/look/columns.h"

#include <algorithm>

namespace anonvma {
namespace {
constexpr std::size_t kGap = 2;
}  // namespace

std::vector<std::size_t> Columns::widths() const {
  std::vector<std::size_t> widths(alignment_.size());
  for (const Line& line : lines_)
    for (std::size_t i = 0; i < line.cells.size(); ++i)
      widths[i] = std::max(widths[i], line.cells[i].size());
  return widths;
}

std::size_t Columns::last_begins() const {
  const std::vector<std::size_t> all = widths();
  std::size_t begins = 0;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) begins += all[i] + kGap;
  return begins;
}

std::string Columns::text() const {
  const std::vector<std::size_t> all = widths();
  std::string out;
  for (const Line& line : lines_) {
    std::string row = line.text;
    for (std::size_t i = 0; i < line.cells.size(); ++i) {
      const std::string padding(all[i] - line.cells[i].size(), ' ');
      if (i > 0) row.append(kGap, ' ');
      row += alignment_[i] == 'r' ? padding + line.cells[i] : line.cells[i] + padding;
    }
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + '\n';
  }
  return out;
}

}  // namespace anonvma
