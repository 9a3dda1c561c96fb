// The text on one anon_vma.
#pragma once

#include <cstddef>
#include <string>

#include "engine/look/explanation.h"

namespace anonvma {

std::string life_lines(const AnonVmaLife& life, const MmNames& names, std::size_t most);

}  // namespace anonvma
