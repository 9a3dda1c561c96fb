// Processes that share anon_vmas. What one of them does changes the objects of the others.
#pragma once

#include <cstdint>
#include <set>
#include <span>

#include "tracers/convert/walked.h"

namespace anonvma {

// `tgids`, and all processes of `mms` that share an anon_vma tree with one of them, or with one of
// those.
std::set<std::uint32_t> with_relatives(std::set<std::uint32_t> tgids,
                                       std::span<const WalkedMm> mms);

}  // namespace anonvma
