// ANON_VMA_LAZY, in several variants.
#pragma once

#include <memory>

#include "engine/strategy/page.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

enum class RootLeak : bool { no, as_posted };

std::unique_ptr<Strategy> make_lazy(SlabAccount& slab, Layout& layout, const Parameters& parameters,
                                    RootLeak leak);
// The page of a variant: `source` is the part that differs.
StrategyPage lazy_page(std::string_view source);

}  // namespace anonvma
