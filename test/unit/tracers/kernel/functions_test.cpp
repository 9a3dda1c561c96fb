// Which functions of the kernel have a symbol of their own.
#include "tracers/kernel/functions.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>

#include "test/catch.h"

namespace anonvma::test {
namespace {

std::vector<std::string> symbols_of(const std::string& kallsyms, std::string_view name) {
  std::istringstream text(kallsyms);
  for (const KernelFunction& function : kernel_functions(text))
    if (function.row->name == name) return function.symbols;
  return {"no such row"};
}

}  // namespace

TEST_CASE("functions by their symbols, with the compiler's suffixes") {
  const std::string kallsyms =
      "ffffffff81000000 T vm_area_alloc.llvm.4711\n"
      "ffffffff81000100 t vm_area_dup\n"
      "ffffffff81000200 t vm_area_dup.cold\n"
      "ffffffff81000300 D anon_vma_clone\n"
      "ffffffff81000400 t anon_vma_fork\t[module]\n"
      "ffffffff81000500 t unlink_anon_vmas_all\n";
  CHECK(symbols_of(kallsyms, "vm_area_alloc") ==
        std::vector<std::string>{"vm_area_alloc.llvm.4711"});
  CHECK(symbols_of(kallsyms, "vm_area_dup") ==
        std::vector<std::string>{"vm_area_dup", "vm_area_dup.cold"});
  for (const char* const none : {"anon_vma_clone", "anon_vma_fork", "unlink_anon_vmas"})
    CHECK(symbols_of(kallsyms, none).empty());
  CHECK(symbols_of("0000000000000000 T __anon_vma_prepare\n", "__anon_vma_prepare").empty());
}

}  // namespace anonvma::test
