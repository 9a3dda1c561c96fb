// Events: what a workload did to its address spaces. One event is one struct.
//
// Order. The order of events in a trace is the order in which the kernel executed them: within
// one mm by the mmap_lock sequence number, across tasks by ring-buffer order (causal: nothing of
// a child precedes its Fork). Time is for plots only.
//
// Addresses and lengths are bytes, pgoff is in pages. `ret` is the raw system-call result:
// -errno on failure. Failing calls are recorded too, because several have partial effects. So the
// event of a system call has `ret`.
//
// Every struct lists its fields once, in `fields()`: file columns, text form and JSON come from
// that list. The wire rules are in traces/FORMAT.md: field order and EventType numbers are in
// files; never reorder, never reuse; append only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <variant>

#include "engine/ids.h"
#include "engine/slab/op_kind.h"
#include "engine/trace/field.h"

namespace anonvma {

enum class EventType : std::uint8_t {
  map = 1,
  unmap = 2,
  brk = 3,
  protect = 4,
  advise = 5,
  lock = 6,
  remap = 7,
  fork = 8,
  shared = 9,
  exec = 10,
  snapshot = 11,
  snap_vma = 12,
  snap_chain = 13,
  exit_task = 14,
  exit_mmap = 15,
  fault = 16,
  touch = 17,
  unknown_write = 18,
  lost = 19,
  truth = 20,
  seal = 21,
  step = 22,
  text = 23,
  name = 24,
  in_cgroup = 25,
  new_anon_vma = 26,
};

// A comm as the kernel keeps it, 15 characters and a NUL, in two words of a column each.
struct Comm {
  std::uint64_t lo = 0, hi = 0;
  friend bool operator==(const Comm&, const Comm&) = default;
};
Comm make_comm(std::string_view name);
std::string_view comm_view(const Comm& comm, std::array<char, 16>& storage);

// The part that all events share.
struct EventHead {
  std::uint64_t time_ns = 0;  // since the trace began
  std::uint32_t tid = 0;      // the task that acted, not always an owner of `mm`
  MmId mm;                    // the address space acted upon
  std::uint32_t seq = 0;      // mm->mm_lock_seq at the operation's write acquire (odd), or at a
                              // fault (even when no writer was active); 0: not known
  // mm->map_count before the operation, read under the lock; 0: not read.
  std::uint32_t map_count = 0;
  friend bool operator==(const EventHead&, const EventHead&) = default;
};

// Attributes of a vma that are not in vm_flags.
enum VmaOps : std::uint32_t {
  kOpsAnonymous = 1,     // vma->vm_ops is NULL (a private mapping of /dev/zero is anonymous too)
  kOpsClose = 2,         // vm_ops->close is set: may be extended, never merged away
  kOpsUnread = 4,        // the vma could not be read back: final flags come from the arguments
  kOpsReadonlyFile = 8,  // with kOpsUnread: the descriptor is not open for writing
  kOpsNoExec = 16,       // with kOpsUnread: the file lies on a mount without exec
  kOpsPlaces = 64,  // the file chooses addresses, and is in no tmpfs: mremap moves its vma alone
  // For a mapping: other tasks use the mm, too, so Touch events show what the call populates.
  kOpsShared = 128,
  kOpsHole = 32,  // for a mapping that failed: nothing is mapped in its range any more
};

enum class SnapshotPart : std::uint8_t { none, begin, entry };

// Properties of an event type that several readers need.
struct EventTraits {
  OpKind op = OpKind::unseen;  // costs are charged to this kind of operation
  // The event adds one to the operations of `op`. For an event that the model ignores this is false
  // (see Shared).
  bool counts = false;
  // The call may take the mmap_lock for writing. If head.seq is odd, it has, and that is its
  // number.
  bool takes_lock = false;
  // The kernel's objects of this event carry no number, even where head.seq is odd.
  bool unnumbered_objs = false;
  SnapshotPart part = SnapshotPart::none;
};

// mmap(2), and shmat(2) as a mapping of its own file.
struct Map {
  static constexpr EventType type = EventType::map;
  static constexpr std::string_view name = "map";
  static constexpr EventTraits traits{.op = OpKind::map, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0;         // as requested
  std::uint64_t len = 0;          // as requested, bytes
  std::uint64_t prot = 0;         // PROT_*
  std::uint64_t map_flags = 0;    // MAP_*
  std::uint64_t vm_flags = 0;     // of the vma that holds `ret` afterwards; 0 with kOpsUnread
  std::uint64_t pgoff = 0;        // of the request (argument offset / page size)
  std::uint64_t file = 0;         // FileId of the descriptor argument
  std::uint64_t stored_file = 0;  // FileId in the vma: differs on overlayfs and for shmem
  std::uint64_t ops = 0;          // VmaOps
  std::int64_t ret = 0;           // address, or -errno
  static constexpr auto fields() {
    return std::make_tuple(
        Field{"addr", &Map::addr, Coding::address}, Field{"len", &Map::len, Coding::bits},
        Field{"prot", &Map::prot, Coding::bits}, Field{"map_flags", &Map::map_flags, Coding::bits},
        Field{"vm_flags", &Map::vm_flags, Coding::bits},
        Field{"pgoff", &Map::pgoff, Coding::number}, Field{"file", &Map::file, Coding::number},
        Field{"stored_file", &Map::stored_file, Coding::number},
        Field{"ops", &Map::ops, Coding::bits}, Field{"ret", &Map::ret, Coding::address});
  }
  friend bool operator==(const Map&, const Map&) = default;
};

struct Unmap {
  static constexpr EventType type = EventType::unmap;
  static constexpr std::string_view name = "unmap";
  static constexpr EventTraits traits{.op = OpKind::unmap, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0, len = 0;
  std::int64_t ret = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Unmap::addr, Coding::address},
                           Field{"len", &Unmap::len, Coding::bits},
                           Field{"ret", &Unmap::ret, Coding::number});
  }
  friend bool operator==(const Unmap&, const Unmap&) = default;
};

struct Brk {
  static constexpr EventType type = EventType::brk;
  static constexpr std::string_view name = "brk";
  static constexpr EventTraits traits{.op = OpKind::brk, .counts = true, .takes_lock = true};
  std::uint64_t old_brk = 0;   // mm->brk under the lock, before
  std::uint64_t addr = 0;      // as requested
  std::uint64_t vm_flags = 0;  // of the heap vma afterwards; 0 when not read
  std::int64_t ret = 0;        // the new break, or the old one when refused
  static constexpr auto fields() {
    return std::make_tuple(Field{"old_brk", &Brk::old_brk, Coding::address},
                           Field{"addr", &Brk::addr, Coding::address},
                           Field{"vm_flags", &Brk::vm_flags, Coding::bits},
                           Field{"ret", &Brk::ret, Coding::address});
  }
  friend bool operator==(const Brk&, const Brk&) = default;
};

struct Protect {
  static constexpr EventType type = EventType::protect;
  static constexpr std::string_view name = "protect";
  static constexpr EventTraits traits{.op = OpKind::protect, .counts = true, .takes_lock = true};
  // `prot` also has kProtReadImpliesExec and kProtExecuteOnlyKey of abi.h.
  std::uint64_t addr = 0, len = 0, prot = 0;
  std::int64_t pkey = -1;  // of pkey_mprotect(2); -1: no key requested
  std::int64_t ret = 0;
  static constexpr auto fields() {
    return std::make_tuple(
        Field{"addr", &Protect::addr, Coding::address}, Field{"len", &Protect::len, Coding::bits},
        Field{"prot", &Protect::prot, Coding::bits}, Field{"pkey", &Protect::pkey, Coding::number},
        Field{"ret", &Protect::ret, Coding::number});
  }
  friend bool operator==(const Protect&, const Protect&) = default;
};

struct Advise {
  static constexpr EventType type = EventType::advise;
  static constexpr std::string_view name = "advise";
  static constexpr EventTraits traits{.op = OpKind::advise, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0, len = 0, advice = 0;
  std::int64_t ret = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Advise::addr, Coding::address},
                           Field{"len", &Advise::len, Coding::bits},
                           Field{"advice", &Advise::advice, Coding::number},
                           Field{"ret", &Advise::ret, Coding::number});
  }
  friend bool operator==(const Advise&, const Advise&) = default;
};

enum class LockOp : std::uint8_t {
  mlock = 0,
  mlock2 = 1,
  munlock = 2,
  mlockall = 3,
  munlockall = 4
};
struct Lock {
  static constexpr EventType type = EventType::lock;
  static constexpr std::string_view name = "lock";
  static constexpr EventTraits traits{.op = OpKind::lock, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0, len = 0;
  std::uint64_t op = 0;     // LockOp
  std::uint64_t flags = 0;  // argument of mlock2 (MLOCK_ONFAULT) or mlockall (MCL_*)
  std::int64_t ret = 0;
  // Only read after a call that failed; 0: not read.
  std::uint64_t vm_flags = 0;  // of the vma at addr
  std::uint64_t locked = 0;    // pages by which mm->locked_vm grew, plus one
  static constexpr auto fields() {
    return std::make_tuple(
        Field{"addr", &Lock::addr, Coding::address}, Field{"len", &Lock::len, Coding::bits},
        Field{"op", &Lock::op, Coding::number}, Field{"flags", &Lock::flags, Coding::bits},
        Field{"ret", &Lock::ret, Coding::number}, Field{"vm_flags", &Lock::vm_flags, Coding::bits},
        Field{"locked", &Lock::locked, Coding::number});
  }
  friend bool operator==(const Lock&, const Lock&) = default;
};

struct Remap {
  static constexpr EventType type = EventType::remap;
  static constexpr std::string_view name = "remap";
  static constexpr EventTraits traits{.op = OpKind::remap, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0, old_len = 0, new_len = 0;
  std::uint64_t flags = 0;     // MREMAP_*
  std::uint64_t new_addr = 0;  // as requested
  std::int64_t ret = 0;        // address, or -errno
  // The first address of the source range that is still mapped; 0: not read. A call that fails may
  // have moved some vmas of several. A call that moves a vma succeeds even if the kernel has no memory
  // to unmap the source.
  std::uint64_t stopped = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Remap::addr, Coding::address},
                           Field{"old_len", &Remap::old_len, Coding::bits},
                           Field{"new_len", &Remap::new_len, Coding::bits},
                           Field{"flags", &Remap::flags, Coding::bits},
                           Field{"new_addr", &Remap::new_addr, Coding::address},
                           Field{"ret", &Remap::ret, Coding::address},
                           Field{"stopped", &Remap::stopped, Coding::number});
  }
  friend bool operator==(const Remap&, const Remap&) = default;
};

struct Seal {
  static constexpr EventType type = EventType::seal;
  static constexpr std::string_view name = "seal";
  static constexpr EventTraits traits{.op = OpKind::seal, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0, len = 0;
  std::int64_t ret = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Seal::addr, Coding::address},
                           Field{"len", &Seal::len, Coding::bits},
                           Field{"ret", &Seal::ret, Coding::number});
  }
  friend bool operator==(const Seal&, const Seal&) = default;
};

// prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME). Its address has no tag to be removed.
struct Name {
  static constexpr EventType type = EventType::name;
  static constexpr std::string_view name = "name";
  static constexpr EventTraits traits{.op = OpKind::name, .counts = true, .takes_lock = true};
  std::uint64_t addr = 0, len = 0;
  std::uint64_t vma_name = 0;  // id of a Text; 0: the vmas lose their names
  std::int64_t ret = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Name::addr, Coding::number},
                           Field{"len", &Name::len, Coding::bits},
                           Field{"vma_name", &Name::vma_name, Coding::number},
                           Field{"ret", &Name::ret, Coding::number});
  }
  friend bool operator==(const Name&, const Name&) = default;
};

// A task with an mm of its own was created. `mm` of the head is the parent's; the head carries the
// parent's lock token and map_count.
struct Fork {
  static constexpr EventType type = EventType::fork;
  static constexpr std::string_view name = "fork";
  static constexpr EventTraits traits{.op = OpKind::fork, .counts = true, .takes_lock = true};
  MmId child;
  std::uint64_t child_tid = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"child", &Fork::child, Coding::number},
                           Field{"child_tid", &Fork::child_tid, Coding::number});
  }
  friend bool operator==(const Fork&, const Fork&) = default;
};

// A task was created that shares `mm` (CLONE_VM: thread, vfork, posix_spawn).
struct Shared {
  static constexpr EventType type = EventType::shared;
  static constexpr std::string_view name = "shared";
  static constexpr EventTraits traits{};
  std::uint64_t child_tid = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"child_tid", &Shared::child_tid, Coding::number});
  }
  friend bool operator==(const Shared&, const Shared&) = default;
};

// `mm` of the head is the new mm, which begins here; its Snapshot follows at once. The old mm has
// an ExitMmap of its own, which comes first: `old_mm` may name an mm that has ended. A shared old
// mm lives on, as after vfork.
struct Exec {
  static constexpr EventType type = EventType::exec;
  static constexpr std::string_view name = "exec";
  static constexpr EventTraits traits{.op = OpKind::exec, .counts = true};
  MmId old_mm;
  static constexpr auto fields() {
    return std::make_tuple(Field{"old_mm", &Exec::old_mm, Coding::number});
  }
  friend bool operator==(const Exec&, const Exec&) = default;
};

enum class SnapReason : std::uint8_t {
  attach = 0,         // alive when recording began: SnapChains follow each SnapVma
  exec = 1,           // anon_vma ids only tell which vmas are faulted, and which share
  unknown_write = 2,  // after an unseen writer, or after a loss: a resynchronisation
  end = 3,   // for `verify`, never replayed: when recording ended (or in between), with SnapChains
  exit = 4,  // for `verify`, never replayed: left by the last task of the mm
  resync = 5,  // after a loss: replaces the state of the mm, SnapChains follow as at attach
};

// The whole state of `mm`: `nr_vmas` SnapVma events of the same mm follow at once, in ascending
// address order. An mm first seen in an attach Snapshot is born there, and so is one in a resync
// Snapshot whose birth was lost. Resync Snapshots that follow each other are one state.
struct Snapshot {
  static constexpr EventType type = EventType::snapshot;
  static constexpr std::string_view name = "snapshot";
  static constexpr EventTraits traits{.part = SnapshotPart::begin};
  std::uint64_t reason = 0;  // SnapReason
  std::uint64_t nr_vmas = 0;
  std::uint64_t def_flags = 0;  // mm->def_flags
  std::uint64_t brk = 0;        // mm->brk
  std::uint64_t tgid = 0;
  std::uint64_t comm_lo = 0, comm_hi = 0;  // Comm
  std::uint64_t start_brk = 0;             // mm->start_brk; 0: not read
  // unknown_write: mm of the task that wrote, if it is another one. resync of an mm first named
  // here: an mm that it forked from, or that forked from it; none if an exec made the mm.
  MmId by{};
  static constexpr auto fields() {
    return std::make_tuple(Field{"reason", &Snapshot::reason, Coding::number},
                           Field{"nr_vmas", &Snapshot::nr_vmas, Coding::number},
                           Field{"def_flags", &Snapshot::def_flags, Coding::bits},
                           Field{"brk", &Snapshot::brk, Coding::address},
                           Field{"tgid", &Snapshot::tgid, Coding::number},
                           Field{"comm", &Snapshot::comm_lo, Coding::text},
                           Field{"comm", &Snapshot::comm_hi, Coding::text},
                           Field{"start_brk", &Snapshot::start_brk, Coding::number},
                           Field{"by", &Snapshot::by, Coding::number});
  }
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

struct SnapVma {
  static constexpr EventType type = EventType::snap_vma;
  static constexpr std::string_view name = "snap_vma";
  static constexpr EventTraits traits{.part = SnapshotPart::entry};
  std::uint64_t start = 0, end = 0;
  std::uint64_t vm_flags = 0;
  std::uint64_t pgoff = 0;
  std::uint64_t file = 0;      // FileId stored in the vma
  std::uint64_t ops = 0;       // VmaOps
  AnonVmaId anon_vma;          // none: unfaulted
  std::uint64_t nr_chain = 0;  // SnapChain events that follow this one at once (0 at exec)
  // Vmas merge only if all of these are equal; 0: none.
  std::uint64_t policy = 0;  // id of the memory policy, by content
  // Id of the userfaultfd context. With kFollowsFork, children of fork have the userfaultfd, too.
  std::uint64_t context = 0;
  std::uint64_t vma_name = 0;  // id of a Text
  static constexpr std::uint64_t kFollowsFork = 1u << 31;
  static constexpr auto fields() {
    return std::make_tuple(Field{"start", &SnapVma::start, Coding::address},
                           Field{"end", &SnapVma::end, Coding::address},
                           Field{"vm_flags", &SnapVma::vm_flags, Coding::bits},
                           Field{"pgoff", &SnapVma::pgoff, Coding::number},
                           Field{"file", &SnapVma::file, Coding::number},
                           Field{"ops", &SnapVma::ops, Coding::bits},
                           Field{"anon_vma", &SnapVma::anon_vma, Coding::number},
                           Field{"nr_chain", &SnapVma::nr_chain, Coding::number},
                           Field{"policy", &SnapVma::policy, Coding::number},
                           Field{"context", &SnapVma::context, Coding::number},
                           Field{"vma_name", &SnapVma::vma_name, Coding::number});
  }
  friend bool operator==(const SnapVma&, const SnapVma&) = default;
};

// One anon_vma_chain of the preceding SnapVma, most recently added first, and the anon_vma it
// links to. Attach and end snapshots name one anon_vma by the same id in every mm.
struct SnapChain {
  static constexpr EventType type = EventType::snap_chain;
  static constexpr std::string_view name = "snap_chain";
  static constexpr EventTraits traits{.part = SnapshotPart::entry};
  AnonVmaId anon_vma, root, parent;
  std::uint64_t num_children = 0, num_active_vmas = 0;
  std::uint64_t refcount = 0;
  static constexpr auto fields() {
    return std::make_tuple(Field{"anon_vma", &SnapChain::anon_vma, Coding::number},
                           Field{"root", &SnapChain::root, Coding::number},
                           Field{"parent", &SnapChain::parent, Coding::number},
                           Field{"num_children", &SnapChain::num_children, Coding::number},
                           Field{"num_active_vmas", &SnapChain::num_active_vmas, Coding::number},
                           Field{"refcount", &SnapChain::refcount, Coding::number});
  }
  friend bool operator==(const SnapChain&, const SnapChain&) = default;
};

struct ExitTask {
  static constexpr EventType type = EventType::exit_task;
  static constexpr std::string_view name = "exit_task";
  static constexpr EventTraits traits{.op = OpKind::exit, .unnumbered_objs = true};
  static constexpr auto fields() { return std::make_tuple(); }
  friend bool operator==(const ExitTask&, const ExitTask&) = default;
};

// exit_mmap() is complete: every vma of `mm` is gone, and `mm` is never named again.
struct ExitMmap {
  static constexpr EventType type = EventType::exit_mmap;
  static constexpr std::string_view name = "exit_mmap";
  static constexpr EventTraits traits{.op = OpKind::exit, .counts = true, .unnumbered_objs = true};
  static constexpr auto fields() { return std::make_tuple(); }
  friend bool operator==(const ExitMmap&, const ExitMmap&) = default;
};

enum FaultFlags : std::uint32_t {
  kFaultWrite = 1,
  kFaultUser = 2,
  // Other tasks use the mm, too. The exception may have waited for their operations before it was
  // handled. So a Touch says whether and when the recording kernel prepared the vma.
  kFaultShared = 4,
};

// A page-fault exception, as the hardware reported it. It may hit no vma, or a vma that forbids
// the access. With an odd seq and a map_count the event is the write acquire by which the fault
// before it grew a stack.
struct Fault {
  static constexpr EventType type = EventType::fault;
  static constexpr std::string_view name = "fault";
  static constexpr EventTraits traits{.op = OpKind::fault, .counts = true, .unnumbered_objs = true};
  std::uint64_t addr = 0;   // rounded down to a page
  std::uint64_t flags = 0;  // FaultFlags
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Fault::addr, Coding::address},
                           Field{"flags", &Fault::flags, Coding::bits});
  }
  friend bool operator==(const Fault&, const Fault&) = default;
};

// The kernel prepared the vma that holds `addr` (__anon_vma_prepare was reached). With default
// options it is recorded only if no recorded write fault explains it: get_user_pages,
// populate, remote writes, huge-page read faults, faults with kFaultShared. On a faulted vma
// it has no effect.
struct Touch {
  static constexpr EventType type = EventType::touch;
  static constexpr std::string_view name = "touch";
  static constexpr EventTraits traits{.op = OpKind::fault, .counts = true, .unnumbered_objs = true};
  std::uint64_t addr = 0;
  std::uint64_t syscall = 0;  // number of the traced system call around it, plus one; 0: none
  MmId by{};                  // mm of the task that caused it, if it is another one
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &Touch::addr, Coding::address},
                           Field{"syscall", &Touch::syscall, Coding::number},
                           Field{"by", &Touch::by, Coding::number});
  }
  friend bool operator==(const Touch&, const Touch&) = default;
};

// mmap_lock of `mm` was taken for writing (head.seq) outside every recorded operation. The
// writer may have changed something or nothing. A Snapshot(unknown_write) follows if the
// recorder could take one.
struct UnknownWrite {
  static constexpr EventType type = EventType::unknown_write;
  static constexpr std::string_view name = "unknown_write";
  static constexpr EventTraits traits{
      .op = OpKind::unseen, .counts = true, .takes_lock = true, .unnumbered_objs = true};
  // Number of the system call plus one, with kCompatCall added for a call of a 32-bit program. 0:
  // no call, or not known.
  std::uint64_t syscall = 0;
  static constexpr std::uint64_t kCompatCall = 65536;
  static constexpr auto fields() {
    return std::make_tuple(Field{"syscall", &UnknownWrite::syscall, Coding::number});
  }
  friend bool operator==(const UnknownWrite&, const UnknownWrite&) = default;
};

// The tracer dropped `count` records of one kind here: counts from here on are lower bounds. The mm
// of the head has lost them. It is tainted until its next resync Snapshot, and so are the mms it
// has forked from or to. A head without an mm taints every mm. A `count` of 0 taints as well.
struct Lost {
  static constexpr EventType type = EventType::lost;
  static constexpr std::string_view name = "lost";
  static constexpr EventTraits traits{};
  std::uint64_t count = 0;
  std::uint64_t kind = 0;  // EventType of the dropped records; 0: not known
  std::uint64_t cpu = 0;
  std::uint64_t unnamed = 0;  // 1: they belong to an mm that this trace does not know, or not yet
  static constexpr auto fields() {
    return std::make_tuple(
        Field{"count", &Lost::count, Coding::number}, Field{"kind", &Lost::kind, Coding::number},
        Field{"cpu", &Lost::cpu, Coding::number}, Field{"unnamed", &Lost::unnamed, Coding::number});
  }
  friend bool operator==(const Lost&, const Lost&) = default;
};

enum class TruthSite : std::uint8_t {
  other = 0,
  vma_alloc = 1,
  vma_dup = 2,
  prepare = 3,
  clone = 4,
  fork = 5,
  unlink = 6,
  vma_free = 7,
  vma_free_rcu = 8,  // after a grace period: in no operation, and the mm may have ended
};
// The kernel itself allocated or freed an object. Only comparisons with the model may use these.
// For an allocation, head.mm is the acting task's; for a free, the owner's. head.seq is the token
// of that mm's operation around it, 0 outside one. Inside execve head.tid is the tgid, as execve
// may change the tid. An anon_vma has the same id here and in snapshots.
struct Truth {
  static constexpr EventType type = EventType::truth;
  static constexpr std::string_view name = "truth";
  static constexpr EventTraits traits{};
  std::uint64_t cache = 0;    // CacheIndex of engine/slab/slab_account.h
  std::uint64_t site = 0;     // TruthSite
  std::uint64_t object = 0;   // id of the object between its allocation and its free
  std::uint64_t freed = 0;    // 0: allocated, 1: freed
  std::uint64_t in_exec = 0;  // 1: inside execve, where the model takes a snapshot instead
  static constexpr auto fields() {
    return std::make_tuple(Field{"cache", &Truth::cache, Coding::number},
                           Field{"site", &Truth::site, Coding::number},
                           Field{"object", &Truth::object, Coding::number},
                           Field{"freed", &Truth::freed, Coding::number},
                           Field{"in_exec", &Truth::in_exec, Coding::number});
  }
  friend bool operator==(const Truth&, const Truth&) = default;
};

// The progress of a fork or an exit_mmap() that runs beside others. A child reuses an ancestor's
// anon_vma or not depending on which vma of which relative went first. Recorded with --truth, where
// two of them overlap. A Step gives the order, and never the kernel's decision.
struct Step {
  static constexpr EventType type = EventType::step;
  static constexpr std::string_view name = "step";
  static constexpr EventTraits traits{.op = OpKind::fork};
  std::uint64_t copied = 0;    // a fork of head.mm (head.seq its token): number of vmas copied
  std::uint64_t unlinked = 0;  // the exit of head.mm: start of the last vma unlinked
  static constexpr auto fields() {
    return std::make_tuple(Field{"copied", &Step::copied, Coding::number},
                           Field{"unlinked", &Step::unlinked, Coding::number});
  }
  friend bool operator==(const Step&, const Step&) = default;
};

// Names that other events use by an id. The numbers are in files: append only.
enum class TextKind : std::uint8_t { vma_name = 1, cgroup = 2 };

// A piece of a text, which binds `id` to it. A text may come before or after the events that use its
// id, and never inside of a snapshot. Its pieces ascend, without a piece of another text between them.
// engine/trace/texts.h makes the pieces of a text, and a text of its pieces.
struct Text {
  static constexpr EventType type = EventType::text;
  static constexpr std::string_view name = "text";
  static constexpr EventTraits traits{};
  static constexpr std::uint64_t kPieceBytes = 32, kMaxLength = 4096;
  std::uint64_t kind = 0;    // TextKind; ids of different kinds have nothing in common
  std::uint64_t id = 0;      // 1 or above; 0 stands for no text
  std::uint64_t length = 0;  // of the whole text, in bytes: at most kMaxLength
  std::uint64_t offset = 0;  // of this piece, a multiple of kPieceBytes
  std::uint64_t bytes_0 = 0, bytes_1 = 0, bytes_2 = 0, bytes_3 = 0;  // behind the end: NULs
  static constexpr auto fields() {
    return std::make_tuple(
        Field{"kind", &Text::kind, Coding::number}, Field{"id", &Text::id, Coding::number},
        Field{"length", &Text::length, Coding::number},
        Field{"offset", &Text::offset, Coding::number}, Field{"text", &Text::bytes_0, Coding::text},
        Field{"text", &Text::bytes_1, Coding::text}, Field{"text", &Text::bytes_2, Coding::text},
        Field{"text", &Text::bytes_3, Coding::text});
  }
  friend bool operator==(const Text&, const Text&) = default;
};

// The cgroup of the mm's process from here on. A child of a fork has that of its parent, and the new mm
// of an exec has none before its own event.
struct InCgroup {
  static constexpr EventType type = EventType::in_cgroup;
  static constexpr std::string_view name = "in_cgroup";
  static constexpr EventTraits traits{};
  std::uint64_t cgroup = 0;  // id of a Text with its path
  static constexpr auto fields() {
    return std::make_tuple(Field{"cgroup", &InCgroup::cgroup, Coding::number});
  }
  friend bool operator==(const InCgroup&, const InCgroup&) = default;
};

// The task of the Touch or Fault before it found no anon_vma that it could share, and has allocated
// one. It is recorded while other tasks use the mm: of two tasks that prepare neighbours at once,
// both may find none.
struct NewAnonVma {
  static constexpr EventType type = EventType::new_anon_vma;
  static constexpr std::string_view name = "new_anon_vma";
  static constexpr EventTraits traits{.op = OpKind::fault, .counts = true, .unnumbered_objs = true};
  std::uint64_t addr = 0;  // as in the Touch
  static constexpr auto fields() {
    return std::make_tuple(Field{"addr", &NewAnonVma::addr, Coding::number});
  }
  friend bool operator==(const NewAnonVma&, const NewAnonVma&) = default;
};

using EventBody =
    std::variant<Map, Unmap, Brk, Protect, Advise, Lock, Remap, Seal, Name, Fork, Shared, Exec,
                 Snapshot, SnapVma, SnapChain, ExitTask, ExitMmap, Fault, Touch, UnknownWrite, Lost,
                 Truth, Step, Text, InCgroup, NewAnonVma>;

struct Event {
  EventHead head;
  EventBody body;
  friend bool operator==(const Event&, const Event&) = default;
};

EventType type_of(const EventBody& body);
const EventTraits& traits_of(const EventBody& body);
// A SnapVma or a SnapChain: it belongs to the Snapshot before it.
inline bool is_snapshot_part(const EventBody& body) {
  return traits_of(body).part == SnapshotPart::entry;
}
// A snapshot that announces an mm which was alive when the recording began.
inline bool is_attach(const EventBody& body) {
  const auto* snapshot = std::get_if<Snapshot>(&body);
  return snapshot != nullptr && snapshot->reason == static_cast<std::uint64_t>(SnapReason::attach);
}
// "map", "unmap", ...; empty for a number this build does not know.
std::string_view name_of(EventType type);

template <typename... F>
struct overloaded : F... {
  using F::operator()...;
};
template <typename... F>
overloaded(F...) -> overloaded<F...>;

}  // namespace anonvma
