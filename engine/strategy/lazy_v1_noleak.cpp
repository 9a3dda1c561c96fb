// ANON_VMA_LAZY without its leak; the class is in lazy.cpp.
#include "engine/strategy/parts/lazy.h"

namespace anonvma {

const StrategyPage& page_lazy_v1_noleak() {
  static const StrategyPage page = lazy_page(
      "A proposal, 15 patches, not merged, on top of the anon_vma code of Linux 7.0 (reversed "
      "chains). Without version 1's leak, where an upgrade that took over a neighbour's anon_vma "
      "kept a reference on its root for ever.");
  return page;
}

std::unique_ptr<Strategy> make_lazy_v1_noleak(SlabAccount& slab, Layout& layout,
                                              const Parameters& parameters) {
  return make_lazy(slab, layout, parameters, RootLeak::no);
}

}  // namespace anonvma
