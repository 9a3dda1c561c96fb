// Observes a model between two operations: reverse-map walks, and the holders of objects.
#pragma once

#include "engine/replay/result.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

// The current state. `slab` is the account of `spaces`. With `family` also the largest family.
Moment observe(const AddressSpaces& spaces, const SlabAccount& slab, bool family = false);
// Only the holders: by mm, see Moment.
std::vector<Holder> observe_holders(const AddressSpaces& spaces, const SlabAccount& slab);

}  // namespace anonvma
