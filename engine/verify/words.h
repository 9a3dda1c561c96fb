// The wording of differences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/slab/counts.h"
#include "engine/vma/address_spaces.h"

namespace anonvma {

// "event 12 (0.001000 s), map in mm 3 (sh)"
std::string place(const AddressSpaces& spaces, const EventHead& head, std::uint64_t index,
                  std::string_view what);
// "1 vma, 2 avc, 0 anon_vma"
std::string objs_text(const ObjsByCache& objs);

}  // namespace anonvma
