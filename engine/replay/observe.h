// What can be seen of a model that stands still: walks, and who holds the objects.
#pragma once

#include "engine/replay/result.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

// The state as it is, with `slab` being the account of `spaces`.
Moment observe(const AddressSpaces& spaces, const SlabAccount& slab);

}  // namespace anonvma
