// Lines of cells in columns of a common width, each aligned to the left or to the right.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

class Columns {
 public:
  // One letter for each column: 'l' or 'r'. The last column is as wide as its text.
  explicit Columns(std::string_view alignment) : alignment_(alignment) {}
  void add(std::vector<std::string> cells) { lines_.push_back({std::move(cells), {}}); }
  // A line without cells.
  void add_line(std::string text) { lines_.push_back({{}, std::move(text)}); }
  // Columns are two blanks apart.
  std::string text() const;
  // The columns that the last cells of the lines begin at.
  std::size_t last_begins() const;

 private:
  struct Line {
    std::vector<std::string> cells;
    std::string text;
  };
  std::vector<std::size_t> widths() const;
  std::string alignment_;
  std::vector<Line> lines_;
};

}  // namespace anonvma
