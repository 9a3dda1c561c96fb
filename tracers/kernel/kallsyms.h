// Finds the code of kernel functions in /proc/kallsyms.
#pragma once

#include <cstdint>
#include <istream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

struct SymbolRange {
  std::string function;  // as requested, without the compiler's suffix
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::string symbol{};  // with the suffix
};

// All parts of the functions `names`: the compiler may have moved code into NAME.cold or made
// NAME.isra.0, NAME.constprop.0, NAME.part.0. Without privilege all addresses read as 0, and there
// are no ranges.
std::vector<SymbolRange> find_functions(std::istream& kallsyms,
                                        std::span<const std::string_view> names);
std::vector<SymbolRange> find_functions(std::span<const std::string_view> names);

}  // namespace anonvma
