#include "test/differential/operations.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cassert>

namespace anonvma::differential {
namespace {

// Newer than the headers of the oldest toolchain; one number on every architecture.
constexpr long kMseal = 462;
constexpr long kProcessMadvise = 440;
// Numbers of the 32-bit calls of x86.
constexpr long kBrk32 = 45, kMunmap32 = 91, kMprotect32 = 125, kMlock32 = 150, kMunlock32 = 151,
               kMremap32 = 163, kMmap32 = 192, kMadvise32 = 219;

constexpr Field kAddr{"addr", Unit::address};
constexpr Field kLen{"len", Unit::length};
constexpr Field kProt{"prot", Unit::prot};
constexpr Field kAdvice{"advice", Unit::advice};
constexpr Field kFlags{"flags", Unit::number};
constexpr Field kChild{"child", Unit::actor};
constexpr std::array<Field, kFields> kMmapFields{
    {kAddr, kLen, kProt, {"flags", Unit::map_flags}, {"file", Unit::file}, {"off", Unit::length}}};
constexpr std::array<Field, kFields> kMremapFields{{kAddr,
                                                    kLen,
                                                    {"new_len", Unit::length},
                                                    {"flags", Unit::remap_flags},
                                                    {"new_addr", Unit::address}}};

// Three operations have no weight, because the model cannot know their effect: guard (the
// guarded pages of a file), personality (READ_IMPLIES_EXEC), poke (allocations of tasks that
// are not recorded). One has none because it is slow: crowd (all vmas that a process may have).
constexpr std::array<OpInfo, kOps> kOperations{{
    {Op::mmap, "mmap", 190, Act::call, SYS_mmap, kMmapFields},
    {Op::mmap_device, "mmap_device", 3, Act::call, SYS_mmap, kMmapFields},
    {Op::munmap, "munmap", 70, Act::call, SYS_munmap, {{kAddr, kLen}}},
    {Op::mprotect, "mprotect", 130, Act::call, SYS_mprotect, {{kAddr, kLen, kProt}}},
    {Op::pkey_mprotect,
     "pkey_mprotect",
     5,
     Act::call,
     SYS_pkey_mprotect,
     {{kAddr, kLen, kProt, {"pkey", Unit::number}}}},
    {Op::madvise, "madvise", 90, Act::call, SYS_madvise, {{kAddr, kLen, kAdvice}}},
    {Op::guard, "guard", 0, Act::call, SYS_madvise, {{kAddr, kLen, kAdvice}}},
    {Op::process_madvise,
     "process_madvise",
     5,
     Act::call,
     kProcessMadvise,
     {{kAddr, kLen, kAdvice}}},
    {Op::mlock, "mlock", 15, Act::call, SYS_mlock, {{kAddr, kLen}}},
    {Op::mlock2, "mlock2", 8, Act::call, SYS_mlock2, {{kAddr, kLen, kFlags}}},
    {Op::munlock, "munlock", 15, Act::call, SYS_munlock, {{kAddr, kLen}}},
    {Op::mlockall, "mlockall", 2, Act::call, SYS_mlockall, {{kFlags}}},
    {Op::munlockall, "munlockall", 3, Act::call, SYS_munlockall, {}},
    {Op::mremap, "mremap", 100, Act::call, SYS_mremap, kMremapFields},
    {Op::remap_file_pages,
     "remap_file_pages",
     4,
     Act::call,
     SYS_remap_file_pages,
     {{kAddr, kLen, {"prot", Unit::number}, {"pgoff", Unit::number}, kFlags}}},
    {Op::brk, "brk", 25, Act::call, SYS_brk, {{kAddr}}},
    {Op::mseal, "mseal", 2, Act::call, kMseal, {{kAddr, kLen}}},
    {Op::mbind, "mbind", 6, Act::call, SYS_mbind, {{kAddr, kLen, {"mode", Unit::number}, kFlags}}},
    {Op::shmat, "shmat", 8, Act::call, SYS_shmat, {{{"shm", Unit::number}, kAddr, kFlags}}},
    {Op::shmdt, "shmdt", 6, Act::call, SYS_shmdt, {{kAddr}}},
    {Op::io_setup, "io_setup", 3, Act::call, SYS_io_setup, {{{"events", Unit::number}}}},
    {Op::io_destroy, "io_destroy", 3, Act::call, SYS_io_destroy, {}},
    {Op::uffd_open, "uffd_open", 3, Act::uffd, 0, {{{"events", Unit::number}}}},
    {Op::uffd_register,
     "uffd_register",
     6,
     Act::call,
     SYS_ioctl,
     {{kAddr, kLen, {"mode", Unit::number}}}},
    {Op::uffd_unregister, "uffd_unregister", 2, Act::call, SYS_ioctl, {{kAddr, kLen}}},
    {Op::uffd_close, "uffd_close", 2, Act::call, SYS_close, {}},
    {Op::memory_merge, "memory_merge", 1, Act::call, SYS_prctl, {{{"on", Unit::number}}}},
    {Op::name, "name", 8, Act::call, SYS_prctl, {{kAddr, kLen, {"name", Unit::number}}}},
    {Op::pkey_alloc, "pkey_alloc", 2, Act::call, SYS_pkey_alloc, {}},
    {Op::pkey_free, "pkey_free", 1, Act::call, SYS_pkey_free, {{{"pkey", Unit::number}}}},
    {Op::refuse_exec_gain, "refuse_exec_gain", 1, Act::call, SYS_prctl, {}},
    {Op::limit, "limit", 3, Act::call, 0, {{{"resource", Unit::number}, {"more", Unit::number}}}},
    {Op::crowd, "crowd", 0, Act::crowd, 0, {{{"left", Unit::number}}}},
    {Op::mmap32, "mmap32", 12, Act::call32, kMmap32, kMmapFields},
    {Op::munmap32, "munmap32", 5, Act::call32, kMunmap32, {{kAddr, kLen}}},
    {Op::mprotect32, "mprotect32", 7, Act::call32, kMprotect32, {{kAddr, kLen, kProt}}},
    {Op::madvise32, "madvise32", 5, Act::call32, kMadvise32, {{kAddr, kLen, kAdvice}}},
    {Op::mlock32, "mlock32", 2, Act::call32, kMlock32, {{kAddr, kLen}}},
    {Op::munlock32, "munlock32", 2, Act::call32, kMunlock32, {{kAddr, kLen}}},
    {Op::mremap32, "mremap32", 7, Act::call32, kMremap32, kMremapFields},
    {Op::brk32, "brk32", 3, Act::call32, kBrk32, {{kAddr}}},
    {Op::personality, "personality", 0, Act::call, SYS_personality, {{{"persona", Unit::number}}}},
    {Op::read, "read", 40, Act::read, 0, {{kAddr}}},
    {Op::write, "write", 180, Act::write, 0, {{kAddr}}},
    {Op::remote_write,
     "remote_write",
     15,
     Act::call,
     SYS_process_vm_writev,
     {{{"peer", Unit::actor}, kAddr}}},
    {Op::poke, "poke", 0, Act::call, 0, {{kAddr}}},
    {Op::fork, "fork", 25, Act::fork, 0, {{kChild}}},
    {Op::thread, "thread", 4, Act::thread, 0, {{kChild}}},
    {Op::vfork, "vfork", 5, Act::vfork, 0, {{kAddr, kLen}}},
    {Op::spawn, "spawn", 3, Act::spawn, 0, {{kChild}}},
    {Op::exec, "exec", 2, Act::exec, 0, {}},
    {Op::exit, "exit", 15, Act::exit, 0, {}},
    {Op::leave, "leave", 3, Act::leave, 0, {}},
    {Op::sync, "sync", 0, Act::call, 0, {}},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kOps; ++i)
    if (kOperations[i].op != static_cast<Op>(i)) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const OpInfo, kOps> operations() { return kOperations; }

const OpInfo& info(Op op) {
  assert(op < Op::count);
  return kOperations[static_cast<std::size_t>(op)];
}

std::int64_t page_factor() {
  static const std::int64_t factor = sysconf(_SC_PAGESIZE) / static_cast<std::int64_t>(kPage);
  return factor;
}

std::optional<Op> find_op(std::string_view name) {
  for (const OpInfo& info : kOperations)
    if (info.name == name) return info.op;
  return std::nullopt;
}

}  // namespace anonvma::differential
