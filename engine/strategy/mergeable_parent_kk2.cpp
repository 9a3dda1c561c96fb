// Chains that children of a sharing run share with each other; the page states the rule.
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_mergeable_parent_kk2() {
  static constexpr StrategyPage page = {
      .idea =
          "What mergeable-parent was meant to be: where the vma built just before it in "
          "the child has an anon_vma that is a child of the parent vma's own, the next "
          "one shares that anon_vma and clones that vma's chain. A sharing run of the "
          "parent stays one in the child.",
      .price =
          "One chain entry more per sharing vma than mergeable-parent, as the shared "
          "anon_vma is the child's own. A forked vma still shares without the test that "
          "keeps vmas with longer chains from donating, which was held against it.",
      .source =
          "Second version of a fix for Linux kernel commit 4e4a9eb92133 \"mm/rmap.c: reuse "
          "mergeable anon_vma as parent when fork\", posted by Konstantin Khlebnikov in "
          "January 2020 for 5.6, never merged.",
      .same =
          "Objects, chains, degree, root lock acquisitions of mm/rmap.c of 5.6 with that "
          "patch.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
      .basis = "version 2 of a repair posted in January 2020, never merged",
      .counters = Counters::degree,
  };
  return page;
}

std::unique_ptr<Strategy> make_mergeable_parent_kk2(SlabAccount& slab, Layout& layout,
                                                    const Parameters&) {
  return make_avc_strategy(slab, layout, {.reuse = Reuse::degree, .sharing = ForkSharing::sibling},
                           /*seeds=*/false);
}

}  // namespace anonvma
