// Reversed chains with speculative allocation; the page states the effect.
#include "engine/release.h"
#include "engine/strategy/own.h"
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_linux_7_0() {
  static constexpr StrategyPage page = {
      .idea =
          "As num-children, rewritten: a fork of a faulted vma allocates the child's "
          "anon_vma and its chain entry ahead, clones, and frees the two again when the "
          "clone could reuse an anon_vma. The clone walks the newest entry first and adds "
          "at the head, so that each copy of a chain is the reverse of its source, in "
          "splits and moves too.",
      .price =
          "As many anon_vmas are ever allocated as without reuse, and one chain entry "
          "more per reuse. Which of several abandoned anon_vmas is reused depends on how "
          "often the chain was copied, so that a little more or less than under "
          "num-children stays alive.",
      .source =
          "Linux 7.0 and later: Lorenzo Stoakes, \"mm: clean up anon_vma implementation\", "
          "version 3, January 2026.",
      .same =
          "Objects, chains and their order, both counters, the pair that is allocated "
          "ahead, root lock acquisitions of mm/rmap.c. The recording kernel's own objects "
          "seed it exactly.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
      .counters = Counters::two,
      // Linux 7.0 gave anon_vma_clone() an operation as third argument. The release is a hint for a
      // kernel whose BTF lacks the function.
      .runs_in =
          [](const KernelFacts& kernel) {
            return kernel.anon_vma_clone_args == 3 ||
                   (kernel.anon_vma_has("num_children") && kernel.anon_vma_clone_args == 0 &&
                    parse_release(kernel.release).value_or(Release{}) >= Release{7});
          },
  };
  return page;
}

std::unique_ptr<Strategy> make_linux_7_0(SlabAccount& slab, Layout& layout, const Parameters&) {
  return make_avc_strategy(slab, layout,
                           {.reuse = Reuse::num_children,
                            .order = CloneOrder::reverse,
                            .allocation = ForkAllocation::ahead},
                           /*seeds=*/true);
}

}  // namespace anonvma
