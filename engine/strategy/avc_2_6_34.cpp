// Chains with a lock for each anon_vma; the page describes them.
#include "engine/strategy/parts/avc_strategy.h"

namespace anonvma {

const StrategyPage& page_avc_2_6_34() {
  static constexpr StrategyPage page = {
      .idea =
          "The first chains: an anon_vma per process and sharing run, an anon_vma_chain "
          "per (vma, anon_vma) pair. A forked child links to every anon_vma of its parent "
          "and gets one of its own. Each anon_vma has a lock of its own.",
      .price =
          "Objects as avc-3.0. A clone or unlink of L entries takes L locks, so that a "
          "line of n generations, each forked by the one before it, comes to n*n "
          "acquisitions.",
      .source =
          "Linux 2.6.34 and 2.6.35: Linux kernel commit 5beb49305251 \"mm: change anon_vma "
          "linking to fix multi-process server scalability issue\" (2.6.34), and "
          "d0e9fe1758f2, since when only a vma with a chain of one entry donates its "
          "anon_vma.",
      .same = "Objects, chains, acquisitions of anon_vma->lock in mm/rmap.c.",
      .simplified =
          "A lock is a number: that the locks of different anon_vmas do not contend is "
          "not told.",
      .ignored = "References by KSM and migration, which can delay a free.",
  };
  return page;
}

std::unique_ptr<Strategy> make_avc_2_6_34(SlabAccount& slab, Layout& layout, const Parameters&) {
  return make_avc_strategy(slab, layout, {.locking = Locking::per_entry}, /*seeds=*/false);
}

}  // namespace anonvma
