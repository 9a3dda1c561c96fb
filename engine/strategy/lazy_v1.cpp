// ANON_VMA_LAZY as posted; the class is in lazy.cpp.
#include "engine/strategy/parts/lazy.h"

namespace anonvma {

const StrategyPage& page_lazy_v1() {
  static const StrategyPage page = lazy_page(
      "A proposal, 15 patches, not merged, on top of the anon_vma code of Linux 7.0 (reversed "
      "chains). As posted, with its leak: an upgrade that takes over a neighbour's anon_vma which "
      "is not a root takes a reference on that one's root, which nobody drops, so that the root "
      "is never freed.");
  return page;
}

std::unique_ptr<Strategy> make_lazy_v1(SlabAccount& slab, Layout& layout,
                                       const Parameters& parameters) {
  return make_lazy(slab, layout, parameters, RootLeak::as_posted);
}

}  // namespace anonvma
