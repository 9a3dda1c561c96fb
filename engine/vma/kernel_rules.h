// What differs between kernels in the VMA layer, as data. One value is chosen once per replay;
// nothing else compares versions. Members are named so that `true` is the newer behaviour, except
// where the behaviour existed for a while only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/vma/vm_flags.h"

namespace anonvma {

struct Meta;

// When the VMA layer takes the lock of an anon_vma (of its root, from 2.6.36 on) to change the
// range of a vma: in vma_adjust() up to 6.2, in vma_expand() from 6.1 and vma_prepare() from 6.3
// on. "Shifts": a vma takes over pages of another one, in part or whole.
enum class LayerLock : std::uint8_t {
  linking,    // 2.6.32: as `inserting`; what is linked or unlinked with it is so under this lock
  none,       // 2.6.34 and 2.6.35
  inserting,  // 2.6.36: a vma is inserted, pages shift or the start moves
  shifting,   // 3.0: pages shift or the start moves
  always,     // 3.7
};

struct KernelRules {
  // "6.18.8": the first release these rules are for, and what was seen to differ from it:
  // "6.18.8+probe(self_merge=0)".
  std::string name;
  // vm_flags that may differ between vmas that merge, and that the merged vma keeps ("sticky").
  std::uint64_t sticky = 0;
  std::uint64_t sealed = kVmSealed42;  // VM_SEALED; bit 63 before 6.17
  // Either side may be the unfaulted one; only a vma that came through fork is refused
  // (6.16, commit 879bca0a2c4f). Before: the vma that stays must have a chain of exactly one entry.
  bool symmetric_merge = true;
  // What came through a fork does not merge with what is unfaulted (3.0, commit
  // 965f55dea0e3). Before, either side may be unfaulted, whatever became of the other.
  bool fork_blocks_merge = true;
  // mremap: the copied vma must not have come through fork either (6.18.8).
  bool merge_checks_copied = true;
  // mmap tries the next vma first and judges the previous one against it (6.1 to 6.11).
  bool map_next_first = false;
  bool brk_extends_only = true;          // brk never joins the next vma (6.1)
  bool unfaulted_drops_account = true;   // mprotect to read-only clears VM_ACCOUNT (6.7)
  bool munmap_frees_original = true;     // both splits leave the fresh struct mapped (6.8)
  bool growth_takes_lock = true;         // a stack grows under the write lock (6.5, 6.1.37)
  bool map_stack_nohugepage = true;      // MAP_STACK sets VM_NOHUGEPAGE (6.8)
  bool close_may_extend = true;          // a vma with vm_ops->close may grow (after 6.4)
  bool remap_grow_merges = true;         // in-place growth may absorb the next vma (5.18)
  bool remap_finds_first = true;         // mremap without a source changes nothing (5.18)
  bool remap_checks_first = true;        // the source is checked before the target goes (6.17)
  bool remap_many = true;                // one MREMAP_FIXED call may move several vmas (6.17)
  bool dontunmap_unlinks = true;         // a wholly moved source becomes unfaulted (5.13)
  bool dontunmap_drops_account = false;  // the source loses VM_ACCOUNT (6.15 and 6.16)
  // MREMAP_DONTUNMAP of the middle of a vma gives the next vma VM_ACCOUNT (5.7 to 5.11; commit
  // 51df7bcb6151).
  bool dontunmap_accounts_next = false;
  bool fork_prepares_wiped = false;  // WIPEONFORK: the child is prepared at once (4.14 to 5.6)
  bool merge_keeps_next = true;      // what goes wholly into the next vma is the one removed (4.9)
  bool merge_locks_once = true;      // also where two vmas are removed (6.1)
  LayerLock layer_lock = LayerLock::always;
  bool self_merge = true;  // MREMAP_DONTUNMAP of an unfaulted vma may merge with its own copy
  // Where it may not, the copy may still merge with the vma on its other side (not in the stable
  // kernels before 6.12 that took the change back).
  bool self_merge_spares_others = true;
  // A wholly moved source of anonymous memory gets the pgoff of its place again, as it is
  // unfaulted. This and the next came between 7.0 and 7.2 and went back to stable kernels.
  bool dontunmap_resets_pgoff = true;
  bool dontunmap_splits_locked = true;  // a locked source is split, and only the part unlocked
  // A private mapping of a file has a second offset, by which its own copies of pages are found
  // (vm_anon_pgoff): where that does not continue nothing merges (7.3).
  bool anon_pgoff = true;
  bool remap_keeps_uffd_apart = true;  // what its userfaultfd does not follow never merges (7.3)

  // What these rules take from 5.10 for want of a kernel to ask, as a note under tables; empty from
  // 5.10 on.
  std::string assumed;

  // Bit 27 is ignored in all eras. It is VM_SOFTDIRTY in every trace, and the older kernels either
  // did not have that (it was VM_CAN_NONLINEAR up to 3.6, a property of the file, which must be
  // equal anyway) or ignored it. The releases between (3.11 to 3.13) held such vmas apart; none of
  // these sets is for them.
  std::uint64_t ignored_by_merge() const { return kVmSoftDirty | sticky; }
  std::uint64_t ignored_by_sharing() const { return kVmAccess | kVmSoftDirty | sticky; }
};

// The rules of a kernel by its whole release ("6.18.44-cloud-amd64"): the newest set that is not
// newer, or the oldest. What is no release gets the set of the oldest kernel that can record.
KernelRules rules_for_release(std::string_view release);
// The same for the kernel that recorded a trace: what the recorder saw it do wins over what its
// release says.
KernelRules rules_for(const Meta& meta);
// What it did otherwise than its release says: "remap_many=1,self_merge=0", mostly nothing.
std::string unlike_release(const Meta& meta);
// Sets what behaviours.def calls `behaviour`. False when nothing has that name, or it was so.
bool override_rule(KernelRules& rules, std::string_view behaviour, bool value);
// Every set, oldest first.
const std::vector<KernelRules>& known_rules();
// By name; nullptr when there is none. "6.18", which several sets are for, is the newest of them.
const KernelRules* find_rules(std::string_view name);
// The same for a name that somebody typed: a usage error lists the known ones.
Result<KernelRules> rules_named(std::string_view name);

}  // namespace anonvma
