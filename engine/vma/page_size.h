// The page size of the machine that recorded a trace.
#pragma once

#include <bit>
#include <cstdint>

namespace anonvma {

class PageSize {
 public:
  explicit constexpr PageSize(std::uint64_t bytes)
      : shift_(static_cast<unsigned>(std::countr_zero(bytes))), mask_(bytes - 1) {}
  unsigned shift() const { return shift_; }
  std::uint64_t mask() const { return mask_; }
  std::uint64_t bytes() const { return mask_ + 1; }
  std::uint64_t pages(std::uint64_t n) const { return n >> shift_; }
  std::uint64_t align(std::uint64_t n) const { return (n + mask_) & ~mask_; }

 private:
  unsigned shift_;
  std::uint64_t mask_;
};

}  // namespace anonvma
