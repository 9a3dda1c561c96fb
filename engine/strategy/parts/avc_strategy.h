// The common part of the strategies of all kernels since 2.6.34: one anon_vma per process and
// sharing run, and a chain per vma to all anon_vmas its pages may belong to. Designs that differ in
// a rule only are this class with other AvcRules.
#pragma once

#include <memory>

#include "engine/strategy/page.h"
#include "engine/strategy/parts/avc_chains.h"
#include "engine/strategy/strategy.h"

namespace anonvma {

// `seeds`: true if kernels that run this design can be recorded, so that their objects start it
// exactly. False for proposals, ideas and older kernels.
std::unique_ptr<Strategy> make_avc_strategy(SlabAccount& slab, Layout& layout, AvcRules rules,
                                            bool seeds);

}  // namespace anonvma
