// Chains that children of a sharing run share with their parent; the page states the rule.
#include "engine/release.h"
#include "engine/strategy/own.h"
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_mergeable_parent() {
  static constexpr StrategyPage page = {
      .idea =
          "As degree, and meant to spare a child the anon_vmas of a sharing run: where a "
          "vma of the parent has the same anon_vma as the vma before it, the child's vma "
          "takes over the parent's chain and the parent's anon_vma itself, and gets none "
          "of its own. The first vma of each run still does.",
      .price =
          "Not what was meant: new pages of the child hang on the parent's anon_vma, so "
          "that walks for either visit both, and a forked vma with a chain of one entry "
          "donates its anon_vma and merges as if it had never been forked.",
      .source =
          "Linux 5.5 and 5.6: Linux kernel commit 4e4a9eb92133 \"mm/rmap.c: reuse "
          "mergeable anon_vma as parent when fork\" with 47b390d23bf8. The test looks at "
          "the vma before the child's while that pointer still leads into the parent "
          "(Konstantin Khlebnikov, January 2020). Reverted for 5.7 (23ab76bf907e, id from "
          "memory).",
      .same = "Objects, chains, degree, root lock acquisitions of mm/rmap.c, the mistake included.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
      .counters = Counters::degree,
      // The commit changed a body and no type, so only the release tells it from degree.
      .runs_in =
          [](const KernelFacts& kernel) {
            const Release release = parse_release(kernel.release).value_or(Release{});
            return kernel.anon_vma_has("degree") && release >= Release{5, 5} &&
                   release < Release{5, 7};
          },
  };
  return page;
}

std::unique_ptr<Strategy> make_mergeable_parent(SlabAccount& slab, Layout& layout,
                                                const Parameters&) {
  return make_avc_strategy(slab, layout, {.reuse = Reuse::degree, .sharing = ForkSharing::parent},
                           /*seeds=*/false);
}

}  // namespace anonvma
