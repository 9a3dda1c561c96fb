// An mm_struct, as far as the model needs it.
//
// Same: the members that decide merges and limits (brk, def_flags, map_count as a number of vmas).
// Ignored: all others; no limit is decided here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/ids.h"
#include "engine/trace/event.h"
#include "engine/vma/prepared_at_once.h"
#include "engine/vma/vma_list.h"

namespace anonvma {

struct Mm {
  static constexpr std::uint32_t kNoCopy = 0xffffffffu;

  VmaList list;
  std::uint64_t def_flags = 0;
  std::uint64_t start_brk = 0;
  Comm comm;
  std::uint64_t cgroup = 0;      // id of a Text; 0: not known
  MmId id;                       // none: of a fork in flight
  VmaId last;                    // the vma of the last look-up: faults come in runs
  PreparedAtOnce at_once;        // vmas that were prepared since the last writer
  std::string_view rule;         // the last merge decision, see AddressSpaces::last_rule()
  std::size_t unlinked = 0;      // vmas that exit_mmap() has unlinked so far
  std::uint32_t copy = kNoCopy;  // slot of the child that a fork in flight is filling
  std::uint32_t copy_seq = 0;    // lock token of that fork
  std::uint32_t family = 0;      // mms that forked from each other since an exec; 0: at attach
  bool ending = false;           // its last task has exited
  bool shared = false;           // another task has used it, too
  bool drifted = false;          // its map_count differed, and no snapshot has corrected the mm
  bool unread = false;           // an unseen writer had it, and no snapshot has shown its work
  bool tainted = false;          // records were lost, and no snapshot has corrected the mm
  bool tainted_before = false;   // it was tainted at some time, and is counted
};

}  // namespace anonvma
