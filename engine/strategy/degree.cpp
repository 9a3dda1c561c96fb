// Chains with reuse by degree; the page states the rule.
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_degree() {
  static constexpr StrategyPage page = {
      .idea =
          "As avc-3.0, but a forked child may make an anon_vma of its chain its own: the "
          "oldest one, other than its parent's own, whose degree is below two. Degree is "
          "one counter for two things: vmas that have the anon_vma for their own, and "
          "child anon_vmas (a root counts itself).",
      .price =
          "One number cannot tell a childless anon_vma that a vma uses from an unused one "
          "with a child: both have degree one, so that one anon_vma may be handed out "
          "twice, to processes that have nothing to do with each other. Walks then visit "
          "both.",
      .source =
          "Linux 3.19 to 5.4 and 5.7 to 5.14: Linux kernel commit 7a3ef208e662 \"mm: "
          "prevent endless growth of anon_vma hierarchy\". Stable trees of 5.10 and 5.15 "
          "left it for num-children.",
      .same =
          "Objects, chains, degree, root lock acquisitions of mm/rmap.c. The recording "
          "kernel's own objects seed it exactly: its snapshots hold degree where later "
          "ones hold num_children.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
      .counters = Counters::degree,
      .runs_in = [](const KernelFacts& kernel) { return kernel.anon_vma_has("degree"); },
  };
  return page;
}

std::unique_ptr<Strategy> make_degree(SlabAccount& slab, Layout& layout, const Parameters&) {
  return make_avc_strategy(slab, layout, {.reuse = Reuse::degree}, /*seeds=*/true);
}

}  // namespace anonvma
