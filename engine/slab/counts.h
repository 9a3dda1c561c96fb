// The numbers of objects allocated and freed, for the caches of released kernels.
#pragma once

#include <array>
#include <cstdint>

#include "engine/slab/cache.h"

namespace anonvma {

using ObjsByCache = std::array<std::uint64_t, kNumCaches>;

// Differences may wrap around below zero, and come back.
struct Counts {
  ObjsByCache allocs{}, frees{};

  static constexpr Counts one(CacheIndex cache, bool freed) {
    Counts counts;
    ++(freed ? counts.frees : counts.allocs)[cache];
    return counts;
  }
  constexpr Counts& operator+=(const Counts& other) {
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      allocs[c] += other.allocs[c];
      frees[c] += other.frees[c];
    }
    return *this;
  }
  constexpr Counts& operator-=(const Counts& other) {
    for (std::size_t c = 0; c < kNumCaches; ++c) {
      allocs[c] -= other.allocs[c];
      frees[c] -= other.frees[c];
    }
    return *this;
  }
  friend constexpr Counts operator+(Counts a, const Counts& b) { return a += b; }
  friend constexpr Counts operator-(Counts a, const Counts& b) { return a -= b; }
  friend bool operator==(const Counts&, const Counts&) = default;
};

}  // namespace anonvma
