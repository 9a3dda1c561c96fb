// Chains that are never reused; the page describes them.
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_avc_3_0() {
  static constexpr StrategyPage page = {
      .idea =
          "An anon_vma per process and sharing run, an anon_vma_chain per (vma, anon_vma) pair. "
          "A forked child links to every anon_vma of its parent and gets one of its own, so "
          "that an rmap walk of a page written after the fork visits the writer's own vmas "
          "only.",
      .price =
          "Nothing is ever reused. A vma at fork depth d has a chain of d entries, and a line "
          "of n generations of which the last is alive keeps n anon_vmas and has allocated "
          "n(n+1)/2 chains.",
      .source =
          "Linux 3.0 to 3.18: Linux kernel commit 5beb49305251 \"mm: change anon_vma linking to "
          "fix multi-process server scalability issue\" (2.6.34), with the root lock taken once "
          "per clone and once per unlink, which both came in 3.0.",
      .same = "Objects, chains, root lock acquisitions of mm/rmap.c.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
  };
  return page;
}

std::unique_ptr<Strategy> make_avc_3_0(SlabAccount& slab, Layout& layout, const Parameters&) {
  return make_avc_strategy(slab, layout, {.locking = Locking::per_chain}, /*seeds=*/false);
}

}  // namespace anonvma
