// Aligned columns and wrapped lines for plain text of 100 columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

inline constexpr std::size_t kTextColumns = 100;

// The first column is aligned to the left, the others to the right. Columns are two blanks apart,
// or one where the line would be too long otherwise. Cells may be tinted (screen.h).
class Grid {
 public:
  explicit Grid(std::vector<std::string> header) { add(std::move(header)); }
  void add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }
  std::string text(std::size_t columns = kTextColumns) const;
  // The width of the text if columns are one blank apart.
  std::size_t least_columns() const;

 private:
  std::vector<std::size_t> widths() const;
  std::vector<std::vector<std::string>> lines_;
};

// "label" padded to a column, then `text` wrapped beside it. Ends with a newline.
std::string labelled(std::string_view label, std::string_view text,
                     std::size_t columns = kTextColumns);
// `text` wrapped, its first line indented by `first` blanks and the others by `rest`.
std::string wrapped(std::string_view text, std::size_t first, std::size_t rest,
                    std::size_t columns = kTextColumns);
// Names come from a file and go to a terminal: control characters and non-ASCII become '?'.
std::string printable(std::string_view text);

}  // namespace anonvma
