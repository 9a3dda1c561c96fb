// Chains with the lock in the root; the page describes them.
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_avc_2_6_37() {
  static constexpr StrategyPage page = {
      .idea =
          "As avc-2.6.34, but all anon_vmas of a family share the lock of their root, so "
          "that a walk or a change of any of them needs that one lock only.",
      .price =
          "The one lock is still taken for each entry of a chain by itself, L times for L "
          "entries, and once more when a root loses its last descendant: a fork whose "
          "child exits at once costs five acquisitions.",
      .source =
          "Linux 2.6.36 to 2.6.39, as read in 2.6.37: \"mm: always lock the root (oldest) "
          "anon_vma\" (2.6.36). The last reference of a root's descendants is dropped by "
          "an atomic decrement that takes the lock when it reaches zero; in 2.6.39 that "
          "may be gone.",
      .same =
          "Objects, chains, root lock acquisitions of mm/rmap.c with those of the last "
          "reference.",
      .simplified = "A lock is a number.",
      .ignored = "References by KSM and migration, which can delay a free.",
  };
  return page;
}

std::unique_ptr<Strategy> make_avc_2_6_37(SlabAccount& slab, Layout& layout, const Parameters&) {
  return make_avc_strategy(slab, layout, {.locking = Locking::per_entry_and_last_child},
                           /*seeds=*/false);
}

}  // namespace anonvma
