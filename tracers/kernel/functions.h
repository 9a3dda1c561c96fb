// The kernel functions whose code addresses the recorder looks up. A slab object is known by the
// function that allocates it, so it matters what the compiler has inlined.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "tracers/kernel/features.h"

namespace anonvma {

struct FunctionRow {
  std::string_view name;
  bool has_symbol;  // false: the recorder expects it inside of its callers
  Tier tier_otherwise;
  std::string_view otherwise;  // what follows if the compiler has decided otherwise
};

struct KernelFunction {
  const FunctionRow* row = nullptr;
  std::vector<std::string> symbols;  // as the kernel lists them, with the compiler's suffixes
};

// Without privilege no function has symbols.
std::vector<KernelFunction> kernel_functions(std::istream& kallsyms);
std::vector<KernelFunction> kernel_functions();

}  // namespace anonvma
