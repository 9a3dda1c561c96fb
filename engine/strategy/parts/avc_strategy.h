// The common part of the strategies of all kernels since 2.6.34: one anon_vma per process and
// sharing run, and a chain per vma to all anon_vmas its pages may belong to. Designs that differ in
// a rule only are this class with other AvcRules.
#pragma once

#include <memory>

#include "engine/strategy/page.h"
#include "engine/strategy/parts/avc_chains.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

// `seeds`: true if the objects of a recording kernel that runs this design start it exactly. False for
// proposals and ideas, as no kernel runs them.
std::unique_ptr<Strategy> make_avc_strategy(SlabAccount& slab, Layout& layout, AvcRules rules,
                                            bool seeds);

}  // namespace anonvma
