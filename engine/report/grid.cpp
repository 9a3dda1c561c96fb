#include "engine/report/grid.h"

#include <algorithm>
#include <numeric>

#include "engine/report/screen.h"

namespace anonvma {

namespace {
constexpr std::size_t kLabelColumns = 13;
}  // namespace

std::vector<std::size_t> Grid::widths() const {
  std::vector<std::size_t> widths(lines_.front().size());
  for (const auto& line : lines_)
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  return widths;
}

std::size_t Grid::least_columns() const {
  const std::vector<std::size_t> all = widths();
  return std::accumulate(all.begin(), all.end(), all.size() - 1);
}

std::string Grid::text(std::size_t columns) const {
  const std::vector<std::size_t> widths = this->widths();
  const std::size_t gap = least_columns() + widths.size() - 1 > columns ? 1 : 2;

  std::string out;
  for (const auto& line : lines_) {
    out += line[0];
    std::size_t column = width_of(line[0]);
    std::size_t end = widths[0];
    for (std::size_t i = 1; i < line.size(); ++i) {
      end += gap + widths[i];
      out.append(end - width_of(line[i]) - column, ' ');
      out += line[i];
      column = end;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

std::string wrapped(std::string_view text, std::size_t first, std::size_t rest,
                    std::size_t columns) {
  std::string out(first, ' ');
  std::size_t column = first;
  bool begins_line = true;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (!begins_line && column + 1 + length > columns) {
      out += '\n';
      out.append(rest, ' ');
      column = rest;
      begins_line = true;
    }
    if (!begins_line) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, length);
    column += length;
    begins_line = false;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return out + '\n';
}

std::string labelled(std::string_view label, std::string_view text, std::size_t columns) {
  std::string line = wrapped(text, kLabelColumns, kLabelColumns, columns);
  const std::size_t length = std::min(label.size(), kLabelColumns - 1);
  return line.replace(0, length, label.substr(0, length));
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

}  // namespace anonvma
