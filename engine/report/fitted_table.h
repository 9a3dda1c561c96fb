// A table that leaves out columns where the screen is narrow. Columns keep a least width, so that
// numbers that change do not move them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace anonvma {

struct FittedColumn {
  std::string title;
  std::size_t least = 0;  // width
  unsigned spare = 0;     // columns with the highest number are left out first; 0: never
  std::vector<std::string> cells{};
};

// The lines of the table, the titles first. The first column is aligned to the left and takes what
// it needs of the width, but is cut off rather than a number; the others are aligned to the right.
std::vector<std::string> fitted(std::vector<FittedColumn> columns, std::size_t width);

// `text` cut off at `width` columns, the last of which is '~' then.
std::string cut_off(std::string text, std::size_t width);

}  // namespace anonvma
