// Chains with batched locks in the clone only; the page describes them.
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_avc_clone_lock() {
  static constexpr StrategyPage page = {
      .idea =
          "As avc-2.6.37, but a clone takes the root lock once for the whole chain. An "
          "unlink still takes it for each entry.",
      .price =
          "Fork is cheap and exit is not: the shape that benchmarks of fork alone do not "
          "see. No release has it, as the unlink was batched before 3.0 was out.",
      .source = "Release candidates of Linux 3.0, the state after Linux kernel commit 637fbbf.",
      .same = "Objects and chains; they are those of avc-3.0.",
      .simplified =
          "Root lock acquisitions of mm/rmap.c follow the description of that state; they "
          "were not compared with its functions. A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
  };
  return page;
}

std::unique_ptr<Strategy> make_avc_clone_lock(SlabAccount& slab, Layout& layout,
                                              const Parameters&) {
  return make_avc_strategy(slab, layout, {.locking = Locking::per_clone}, /*seeds=*/false);
}

}  // namespace anonvma
