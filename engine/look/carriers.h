// The way of an anon_vma from the mm that made it to the mms that hold it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/look/explanation.h"

namespace anonvma {

// The mms on these ways as a tree in order, each below the mm it was forked from. `forks` are those
// that carried the anon_vma, in the order of the trace. An mm that holds it without such a fork stands
// alone: it was alive at the start. `events` is the moment.
std::vector<CarryingMm> carriers(const AnonVmaCensus& entry, std::span<const Carried> forks,
                                 const Lives& lives, std::uint64_t events);

}  // namespace anonvma
