#include "tracers/load/sites.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "tracers/kernel/kallsyms.h"

namespace anonvma {
namespace {

struct Function {
  std::string_view name;
  anonvma_truth_site site;
};
constexpr Function kFunctions[] = {
    {"vm_area_alloc", ANONVMA_SITE_VMA_ALLOC},       {"vm_area_dup", ANONVMA_SITE_VMA_DUP},
    {"vm_area_free", ANONVMA_SITE_VMA_FREE},         {"__vm_area_free", ANONVMA_SITE_VMA_FREE},
    {"vm_area_free_rcu_cb", ANONVMA_SITE_VMA_FREE},  {"__anon_vma_prepare", ANONVMA_SITE_PREPARE},
    {"anon_vma_clone", ANONVMA_SITE_CLONE},          {"anon_vma_fork", ANONVMA_SITE_FORK},
    {"unlink_anon_vmas", ANONVMA_SITE_UNLINK},       {"__put_anon_vma", ANONVMA_SITE_PUT},
    {"anon_vma_alloc", ANONVMA_SITE_ANON_VMA_ALLOC},
};
// Callers of vm_area_free(), without the error path of fork.
constexpr Function kCallers[] = {
    {"remove_vma", ANONVMA_SITE_VMA_FREE},
    {"exit_mmap", ANONVMA_SITE_VMA_FREE},
    {"__do_munmap", ANONVMA_SITE_VMA_FREE},
    {"__vma_adjust", ANONVMA_SITE_VMA_FREE},
    {"__split_vma", ANONVMA_SITE_VMA_FREE},
    {"copy_vma", ANONVMA_SITE_VMA_FREE},
    {"mmap_region", ANONVMA_SITE_VMA_FREE},
    {"do_brk_flags", ANONVMA_SITE_VMA_FREE},
    {"move_vma", ANONVMA_SITE_VMA_FREE},
    {"__install_special_mapping", ANONVMA_SITE_VMA_FREE},
    {"setup_arg_pages", ANONVMA_SITE_VMA_FREE},
};
constexpr std::string_view kPrepare = "__anon_vma_prepare";
constexpr std::string_view kAnonVmaAlloc = "anon_vma_alloc";
constexpr std::string_view kVmaAlloc = "vm_area_alloc";
constexpr std::string_view kThpArea = "thp_get_unmapped_area";
constexpr std::string_view kChainAlloc = "anon_vma_chain_alloc";

}  // namespace

Sites find_sites(bool callers) {
  std::vector<Function> functions(std::begin(kFunctions), std::end(kFunctions));
  if (callers) functions.insert(functions.end(), std::begin(kCallers), std::end(kCallers));
  std::vector<std::string_view> names{kThpArea, kChainAlloc};
  for (const Function& function : functions) names.push_back(function.name);
  Sites sites;
  bool hidden = false;
  for (const SymbolRange& range : find_functions(names)) {
    if (range.size == 0) continue;
    if (range.function == kThpArea) {
      sites.thp_area = range.start;
      continue;
    }
    if (range.function == kChainAlloc) {
      hidden = true;
      continue;
    }
    const anonvma_site part{range.start, range.size, 0};
    if (range.function == kPrepare) sites.prepare.push_back(part);
    if (range.function == kAnonVmaAlloc) sites.anon_vma_alloc.push_back(part);
    if (range.function == kVmaAlloc) sites.vma_alloc.push_back(part);
    const auto function = std::find_if(functions.begin(), functions.end(),
                                       [&](const Function& f) { return f.name == range.function; });
    sites.objects.push_back({range.start, range.size, function->site});
  }
  sites.shows_touches = !sites.prepare.empty() && !hidden;
  return sites;
}

}  // namespace anonvma
