#include "tracers/kernel/functions.h"

#include <fstream>
#include <iterator>

#include "tracers/kernel/kallsyms.h"

namespace anonvma {
namespace {

constexpr std::string_view kInlined =
    "inlined into its callers: with --truth its objects have no place, and verify differs";

constexpr FunctionRow kFunctions[] = {
    {"__anon_vma_prepare", true, Tier::without_get_user_pages,
     "inlined into its callers: no touches by get_user_pages"},
    {"vm_area_alloc", true, Tier::exact, kInlined},
    {"vm_area_dup", true, Tier::exact, kInlined},
    {"anon_vma_clone", true, Tier::exact, kInlined},
    {"anon_vma_fork", true, Tier::exact, kInlined},
    {"unlink_anon_vmas", true, Tier::exact, kInlined},
    {"anon_vma_chain_alloc", false, Tier::without_get_user_pages,
     "not inlined, which hides who allocates a chain entry: no touches by get_user_pages, and with "
     "--truth verify differs"},
};

}  // namespace

std::vector<KernelFunction> kernel_functions(std::istream& kallsyms) {
  std::vector<std::string_view> names;
  std::vector<KernelFunction> functions;
  for (const FunctionRow& row : kFunctions) {
    names.push_back(row.name);
    functions.push_back({&row, {}});
  }
  for (const SymbolRange& range : find_functions(kallsyms, names))
    for (KernelFunction& function : functions)
      if (function.row->name == range.function) function.symbols.push_back(range.symbol);
  return functions;
}

std::vector<KernelFunction> kernel_functions() {
  std::ifstream file("/proc/kallsyms");
  return kernel_functions(file);
}

}  // namespace anonvma
