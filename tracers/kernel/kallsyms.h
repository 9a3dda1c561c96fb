// Where the code of a kernel function is.
#pragma once

#include <cstdint>
#include <istream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

struct SymbolRange {
  std::string function;  // as asked, without the compiler's suffix
  std::uint64_t start = 0;
  std::uint64_t size = 0;
};

// Every part of the functions named: the compiler may have moved code into NAME.cold or made
// NAME.isra.0, NAME.constprop.0, NAME.part.0. Without privilege the addresses read as 0: no ranges.
std::vector<SymbolRange> find_functions(std::istream& kallsyms,
                                        std::span<const std::string_view> names);
std::vector<SymbolRange> find_functions(std::span<const std::string_view> names);

}  // namespace anonvma
