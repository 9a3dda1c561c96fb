// ANON_VMA_LAZY, which several strategies are variants of.
#pragma once

#include <memory>

#include "engine/strategy/page.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

enum class RootLeak : bool { no, as_posted };

std::unique_ptr<Strategy> make_lazy(SlabAccount& slab, Layout& layout, const Parameters& parameters,
                                    RootLeak leak);
// `source` is what sets the variants apart.
StrategyPage lazy_page(std::string_view source);

}  // namespace anonvma
