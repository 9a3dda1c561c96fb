// A vm_area_struct, as far as merging, splitting and sharing depend on it.
//
// Same: range, flags, pgoff, file, policy, userfaultfd context, name. Simplified: files, policies and
// names are ids, equal for equal contents. Ignored: vm_ops but for close, page protections, locks of single vmas.
#pragma once

#include <cstdint>

#include "engine/ids.h"
#include "engine/trace/abi.h"
#include "engine/trace/event.h"

namespace anonvma {

struct Vma {
  std::uint64_t start = 0, end = 0;  // bytes
  std::uint64_t flags = 0;
  std::uint64_t pgoff = 0;  // pages
  std::uint32_t mm = 0;     // slot of its mm
  FileId file = 0;
  std::uint32_t ops = 0;  // VmaOps
  // Ids as in SnapVma: the memory policy, the userfaultfd context, the name.
  std::uint32_t policy = 0, context = 0, name = 0;
  // Pages by which the vma's own pages have moved: its place minus vm_anon_pgoff. Only used for
  // files, and only if KernelRules::anon_pgoff is set. No trace shows the value.
  std::uint64_t displaced = 0;

  bool anonymous() const { return (ops & kOpsAnonymous) != 0; }
  bool has_close() const { return (ops & kOpsClose) != 0; }
  bool may_prepare() const { return (flags & (kVmWrite | kVmShared)) == kVmWrite; }
};

// A bit of Vma::ops that no recorder writes, but a slice of a trace may hold: the mapping was
// created with VM_LOCKED by its driver (secretmem), and mlock and munlock skip it.
inline constexpr std::uint32_t kOpsKeepsLock = 1u << 31;

// Ids from here on are for files that the recorder could not name.
inline constexpr FileId kUnnamedFile = 0x80000000u;

// Beyond any address that a user mapping can have, also with 5-level paging.
inline constexpr std::uint64_t kTaskSizeMax = 1ull << 57;

}  // namespace anonvma
