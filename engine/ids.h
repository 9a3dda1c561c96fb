// Dense ids. Kernel addresses are reused, ids are not; arrays own, ids refer.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace anonvma {

// `Id<>{}` is "none". Values start at 0 and are dense per kind.
template <class Tag>
struct Id {
  static constexpr std::uint32_t kNone = 0xffffffffu;
  std::uint32_t v = kNone;

  constexpr Id() = default;
  constexpr explicit Id(std::uint32_t value) : v(value) {}
  constexpr explicit operator bool() const { return v != kNone; }
  // clang-tidy 14 takes the 0 that this comparison is rewritten with for a null pointer.
  friend constexpr auto operator<=>(Id, Id) = default;  // NOLINT(modernize-use-nullptr)
};

using MmId = Id<struct MmTag>;            // one mm_struct between its birth and exit_mmap
using VmaId = Id<struct VmaTag>;          // one vm_area_struct of the model
using AnonVmaId = Id<struct AnonVmaTag>;  // one anon_vma (of a strategy, or of a snapshot)

// Identity of a `struct file`, not of an inode: two open()s of one path differ. 0 is "no file".
using FileId = std::uint32_t;

}  // namespace anonvma

template <class Tag>
struct std::hash<anonvma::Id<Tag>> {
  std::size_t operator()(anonvma::Id<Tag> id) const noexcept { return id.v; }
};
