// Chains with reuse by num_children; the page states the rule.
#include "engine/release.h"
#include "engine/strategy/own.h"
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_num_children() {
  static constexpr StrategyPage page = {
      .idea =
          "As avc-3.0, but a forked child may make an abandoned ancestor's anon_vma its own: "
          "the oldest one in its chain that no vma has for its own and that has fewer than two "
          "children. A line of generations then keeps 3 anon_vmas whatever its length.",
      .price =
          "Pages of a process and of a late descendant may hang on one anon_vma, so that rmap "
          "walks of both are longer.",
      .source =
          "Linux 6.0 to 6.19 and the stable trees (5.15, late 5.10) that have Linux kernel "
          "commit 2555283eb40d \"mm/rmap: Fix anon_vma->degree ambiguity leading to double-"
          "reuse\".",
      .same =
          "Objects, chains, both counters, root lock acquisitions of mm/rmap.c. The recording "
          "kernel's own objects seed it exactly.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
      .counters = Counters::two,
      // Types decide, as stable kernels have backports. The release is a hint for a kernel whose
      // BTF lacks anon_vma_clone().
      .runs_in =
          [](const KernelFacts& kernel) {
            const std::optional<Release> release = parse_release(kernel.release);
            const bool before_7 = release && *release < Release{7};
            return kernel.anon_vma_has("num_children") &&
                   (kernel.anon_vma_clone_args == 2 ||
                    (kernel.anon_vma_clone_args == 0 && before_7));
          },
  };
  return page;
}

std::unique_ptr<Strategy> make_num_children(SlabAccount& slab, Layout& layout, const Parameters&) {
  return make_avc_strategy(slab, layout, {.reuse = Reuse::num_children}, /*seeds=*/true);
}

}  // namespace anonvma
