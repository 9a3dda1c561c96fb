// The traced system calls, by their numbers on this architecture.
#pragma once

#include <sys/syscall.h>

#include <array>

#include "tracers/records.h"

namespace anonvma {

struct TracedSyscall {
  long number;
  anonvma_op op;
};

// mseal(2) has one number everywhere and is newer than the headers of the oldest toolchain.
constexpr long kMsealNumber = 462;

constexpr TracedSyscall kTracedSyscalls[] = {
    {SYS_mmap, ANONVMA_OP_MMAP},
    {SYS_munmap, ANONVMA_OP_MUNMAP},
    {SYS_brk, ANONVMA_OP_BRK},
    {SYS_mprotect, ANONVMA_OP_MPROTECT},
    {SYS_pkey_mprotect, ANONVMA_OP_PKEY_MPROTECT},
    {SYS_madvise, ANONVMA_OP_MADVISE},
    {SYS_mlock, ANONVMA_OP_MLOCK},
    {SYS_mlock2, ANONVMA_OP_MLOCK2},
    {SYS_munlock, ANONVMA_OP_MUNLOCK},
    {SYS_mlockall, ANONVMA_OP_MLOCKALL},
    {SYS_munlockall, ANONVMA_OP_MUNLOCKALL},
    {SYS_mremap, ANONVMA_OP_MREMAP},
    {kMsealNumber, ANONVMA_OP_MSEAL},
    {SYS_shmat, ANONVMA_OP_SHMAT},
    {SYS_remap_file_pages, ANONVMA_OP_REMAP_FILE},
    {SYS_pkey_alloc, ANONVMA_OP_QUIET},
    {SYS_pkey_free, ANONVMA_OP_QUIET},
    {SYS_prctl, ANONVMA_OP_PRCTL},
#ifdef SYS_fork  // arm64 has neither
    {SYS_fork, ANONVMA_OP_CLONE},
    {SYS_vfork, ANONVMA_OP_CLONE},
#endif
    {SYS_clone, ANONVMA_OP_CLONE},
    {SYS_clone3, ANONVMA_OP_CLONE},
    {SYS_execve, ANONVMA_OP_EXECVE},
    {SYS_execveat, ANONVMA_OP_EXECVE},
};

// Calls of 32-bit programs, by their numbers there. The old mmap, whose arguments are in memory, and
// ipc(2) are unseen writers.
constexpr TracedSyscall kTracedCompatSyscalls[] = {
    {2, ANONVMA_OP_CLONE},  // fork
    {11, ANONVMA_OP_EXECVE},
    {45, ANONVMA_OP_BRK},
    {91, ANONVMA_OP_MUNMAP},
    {120, ANONVMA_OP_CLONE},
    {125, ANONVMA_OP_MPROTECT},
    {150, ANONVMA_OP_MLOCK},
    {151, ANONVMA_OP_MUNLOCK},
    {152, ANONVMA_OP_MLOCKALL},
    {153, ANONVMA_OP_MUNLOCKALL},
    {163, ANONVMA_OP_MREMAP},
    {172, ANONVMA_OP_PRCTL},
    {190, ANONVMA_OP_CLONE},  // vfork
    {192, ANONVMA_OP_MMAP},   // mmap2
    {435, ANONVMA_OP_CLONE},  // clone3
    {kMsealNumber, ANONVMA_OP_MSEAL},
#ifdef __x86_64__
    {219, ANONVMA_OP_MADVISE},
    {257, ANONVMA_OP_REMAP_FILE},
    {358, ANONVMA_OP_EXECVE},
    {376, ANONVMA_OP_MLOCK2},
    {380, ANONVMA_OP_PKEY_MPROTECT},
    {381, ANONVMA_OP_QUIET},  // pkey_alloc
    {382, ANONVMA_OP_QUIET},  // pkey_free
    {397, ANONVMA_OP_SHMAT},
#else
    {220, ANONVMA_OP_MADVISE},
    {253, ANONVMA_OP_REMAP_FILE},
    {305, ANONVMA_OP_SHMAT},
    {387, ANONVMA_OP_EXECVE},
    {390, ANONVMA_OP_MLOCK2},
    {394, ANONVMA_OP_PKEY_MPROTECT},
    {395, ANONVMA_OP_QUIET},                          // pkey_alloc
    {396, ANONVMA_OP_QUIET},                          // pkey_free
#endif
};

// Other calls that change vmas, traced only on kernels without a hook of the mmap_lock. A userfaultfd drops
// its ranges when it loses its last descriptor.
constexpr TracedSyscall kUntracedSyscalls[] = {
    {SYS_shmdt, ANONVMA_OP_OTHER},      {SYS_io_setup, ANONVMA_OP_OTHER},
    {SYS_io_destroy, ANONVMA_OP_OTHER}, {SYS_mbind, ANONVMA_OP_MBIND},
    {SYS_ioctl, ANONVMA_OP_IOCTL},      {SYS_close, ANONVMA_OP_DROP},
    {SYS_dup3, ANONVMA_OP_DROP},
#ifdef SYS_close_range
    {SYS_close_range, ANONVMA_OP_DROP},
#endif
#ifdef SYS_dup2
    {SYS_dup2, ANONVMA_OP_DROP},
#endif
};

// The same for calls of 32-bit programs.
constexpr TracedSyscall kUntracedCompatSyscalls[] = {
    {6, ANONVMA_OP_DROP},                            // close
    {54, ANONVMA_OP_IOCTL},  {63, ANONVMA_OP_DROP},  // dup2
    {436, ANONVMA_OP_DROP},                          // close_range
#ifdef __x86_64__
    {90, ANONVMA_OP_OTHER},                           // mmap
    {117, ANONVMA_OP_OTHER},                          // ipc
    {245, ANONVMA_OP_OTHER},                          // io_setup
    {246, ANONVMA_OP_OTHER},                          // io_destroy
    {274, ANONVMA_OP_MBIND}, {330, ANONVMA_OP_DROP},  // dup3
    {398, ANONVMA_OP_OTHER},                          // shmdt
#else
    {243, ANONVMA_OP_OTHER},                          // io_setup
    {244, ANONVMA_OP_OTHER},                          // io_destroy
    {306, ANONVMA_OP_OTHER},                          // shmdt
    {319, ANONVMA_OP_MBIND}, {358, ANONVMA_OP_DROP},  // dup3
#endif
};

}  // namespace anonvma
