/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Records of the ring buffer and of the walk, shared by the BPF programs and the recorder. This is no
 * file format: both sides are always built together, and it may change with any commit. Kernel
 * addresses appear here and nowhere behind tracers/convert. The numbers that the engine has as well
 * are compared with the engine's in tracers/convert/records_check.cpp.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

enum {
  ANONVMA_MAX_SYSCALL = 512,
  ANONVMA_MAX_CPUS = 8192, /* NR_CPUS of the largest kernels; a power of two */
  ANONVMA_MAX_SITES = 48,
  ANONVMA_LISTED_PARTS = 64,    /* a reading of a list has so many parts ... */
  ANONVMA_LISTED_PER_PART = 64, /* ... of so many vmas */
  ANONVMA_MAX_PARTS = 4,
  ANONVMA_COPIES = 3,      /* of each program, where it can be preempted */
  ANONVMA_MAX_CHAIN = 512, /* per vma in a walk: has to fit one read of the iterator */
};

#define ANONVMA_CGROUP_V2 (~0u) /* instead of the number of a controller of cgroup v1 */

enum anonvma_faults {
  ANONVMA_FAULTS_WRITE = 0,
  ANONVMA_FAULTS_FIRST = 1,
  ANONVMA_FAULTS_ALL = 2,
};

/* Traced system calls. */
enum anonvma_op {
  ANONVMA_OP_NONE = 0,
  ANONVMA_OP_MMAP,
  ANONVMA_OP_MUNMAP,
  ANONVMA_OP_BRK,
  ANONVMA_OP_MPROTECT,
  ANONVMA_OP_PKEY_MPROTECT,
  ANONVMA_OP_MADVISE,
  ANONVMA_OP_MLOCK,
  ANONVMA_OP_MLOCK2,
  ANONVMA_OP_MUNLOCK,
  ANONVMA_OP_MLOCKALL,
  ANONVMA_OP_MUNLOCKALL,
  ANONVMA_OP_MREMAP,
  ANONVMA_OP_MSEAL,
  ANONVMA_OP_SHMAT,
  ANONVMA_OP_REMAP_FILE, /* remap_file_pages */
  ANONVMA_OP_NAME,       /* prctl(PR_SET_VMA): the range and the name are its first three arguments */
  /* New calls come here: behind this line the order has a meaning. */
  ANONVMA_OP_PRCTL,  /* NAME, QUIET or none of both, by its arguments */
  ANONVMA_OP_QUIET,  /* takes the lock and changes no vma */
  ANONVMA_OP_CLONE,  /* fork, vfork, clone, clone3 */
  ANONVMA_OP_EXECVE, /* execve, execveat */
  /* The rest is compared by >=, see anonvma_is_untraced(). */
  ANONVMA_OP_OTHER, /* may change vmas: traced only without a lock hook */
  ANONVMA_OP_MBIND, /* these three likewise */
  ANONVMA_OP_IOCTL,
  ANONVMA_OP_DROP, /* drops a descriptor, perhaps a userfaultfd */
};

/* Bits that an mprotect record adds to the access in args[2]. */
enum {
  ANONVMA_PROT_EXECUTE_ONLY_KEY = 0x200000,  /* the mm has a key for PROT_EXEC alone: args[3] */
  ANONVMA_PROT_READ_IMPLIES_EXEC = 0x400000, /* READ_IMPLIES_EXEC of the personality */
  ANONVMA_PROT_ARM64 = 0x800000,             /* PROT_BTI and PROT_MTE have a meaning; mmap, too */
  ANONVMA_PROT_MTE_MACHINE = 0x100000,       /* the machine has MTE; mmap, too */
};

/* True for calls that change the flags of a range. */
static inline int anonvma_sets_flags(__u32 op) {
  return op == ANONVMA_OP_MPROTECT || op == ANONVMA_OP_PKEY_MPROTECT || op == ANONVMA_OP_MADVISE ||
         op == ANONVMA_OP_MLOCK || op == ANONVMA_OP_MLOCK2 || op == ANONVMA_OP_MUNLOCK;
}

/* True for calls that change attributes of a range, one vma after the other. */
static inline int anonvma_changes_range(__u32 op) {
  return anonvma_sets_flags(op) || op == ANONVMA_OP_NAME;
}

/* True for calls that are followed only where no hook sees the lock, and that have no event. */
static inline int anonvma_is_untraced(__u32 op) { return op >= ANONVMA_OP_OTHER; }

enum anonvma_kind {
  ANONVMA_OP = 1,
  ANONVMA_EXTRA,   /* one more write acquire inside a traced operation */
  ANONVMA_UNKNOWN, /* a write acquire outside every traced operation */
  ANONVMA_GROW,    /* a write acquire inside a fault: stack growth */
  ANONVMA_FORK,
  ANONVMA_SHARED,
  ANONVMA_EXEC_BEGIN, /* execve has created its new mm */
  ANONVMA_EXEC_VMA,
  ANONVMA_EXEC, /* after its EXEC_VMAs */
  ANONVMA_SEEN, /* EXEC of a live mm: see anonvma_exec_record.reason */
  ANONVMA_EXIT_TASK,
  ANONVMA_EXIT_MMAP,
  ANONVMA_FAULT,
  ANONVMA_TOUCH,
  ANONVMA_TRUTH,
  ANONVMA_WALK,   /* the walk has reached an mm: fixes its place in the ring */
  ANONVMA_GAP,    /* records are missing here */
  ANONVMA_PLACE,  /* the task's operation has its place here (no lock hook) */
  ANONVMA_NAME,   /* the text of a name */
  ANONVMA_CGROUP, /* the cgroup of the mm's process */
  ANONVMA_NEW_ANON_VMA, /* a touch record: the preparation found no anon_vma to share */
  ANONVMA_KINDS,
};

/* The numbers of VmaOps of the engine. */
enum {
  ANONVMA_OPS_ANONYMOUS = 1,
  ANONVMA_OPS_CLOSE = 2,
  ANONVMA_OPS_UNREAD = 4,
  ANONVMA_OPS_READONLY_FILE = 8,
  ANONVMA_OPS_NO_EXEC = 16,
  ANONVMA_OPS_HOLE = 32,
  ANONVMA_OPS_PLACES = 64,
  ANONVMA_OPS_SHARED = 128,
};

/* The numbers of FaultFlags of the engine. */
enum {
  ANONVMA_FAULT_WRITE = 1,
  ANONVMA_FAULT_USER = 2,
  ANONVMA_FAULT_SHARED = 4,
};

/* The numbers of SnapReason of the engine. */
enum {
  ANONVMA_REASON_UNKNOWN_WRITE = 2,
  ANONVMA_REASON_EXIT = 4,
};

/* The mms that a walk visits, and what it does beside. */
enum anonvma_walk_purpose {
  ANONVMA_WALK_RECORDED = 0, /* only recorded mms, with a record in the ring for each */
  ANONVMA_WALK_TRACKS = 1,   /* all, and they are recorded from here on */
  ANONVMA_WALK_LOOKS = 2,    /* all, and nothing is put into the ring */
};

/* The numbers of TruthSite and CacheIndex of the engine. */
enum anonvma_truth_site {
  ANONVMA_SITE_OTHER = 0,
  ANONVMA_SITE_VMA_ALLOC = 1,
  ANONVMA_SITE_VMA_DUP = 2,
  ANONVMA_SITE_PREPARE = 3,
  ANONVMA_SITE_CLONE = 4,
  ANONVMA_SITE_FORK = 5,
  ANONVMA_SITE_UNLINK = 6,
  ANONVMA_SITE_VMA_FREE = 7,
  ANONVMA_SITE_VMA_FREE_RCU = 8, /* after a grace period, in any task */
  ANONVMA_SITE_PUT = 9,          /* __put_anon_vma: reported as unlink */
  /* anon_vma_alloc, if it is a function of its own: reported as fork or prepare */
  ANONVMA_SITE_ANON_VMA_ALLOC = 10,
  ANONVMA_NR_SITES,
};
enum anonvma_cache {
  ANONVMA_CACHE_VMA = 0,
  ANONVMA_CACHE_AVC = 1,
  ANONVMA_CACHE_ANON_VMA = 2,
  ANONVMA_CACHES = 3,
};

/* Code of one kernel function: [start, start + size). */
struct anonvma_site {
  __u64 start;
  __u64 size;
  __u64 site;
};

/*
 * Head of every ring record. `seq` is even or odd as engine/trace/event.h says. Where no hook sees
 * the lock, `seq` only tells apart the calls of a task (0: in no call), and the recorder numbers
 * operations in ring order. A tid or tgid is the number in the initial pid namespace. A local tgid
 * is the number in the recorder's namespace, or 0 if the process is not in that namespace.
 */
struct anonvma_record {
  __u64 time_ns; /* CLOCK_MONOTONIC */
  __u64 mm;
  __u32 seq;
  __u32 map_count;
  __u32 tid;
  __u16 kind;
  __u16 cpu;
};

struct anonvma_op_record {
  struct anonvma_record head;
  __u64 args[6]; /* whole registers: an int has garbage above its 32 bits */
  __s64 ret;
  __u64 old_brk;
  __u64 vm_flags; /* of the vma at `ret` (mmap, shmat) or under the new break */
  __u64 vma_len;  /* of the same vma: shmat has no argument for it */
  __u64 file;     /* of the descriptor argument */
  __u64 stored_file;
  __u64 reached; /* after a failed call: Remap.stopped, or Lock.locked */
  __u64 name;    /* of the vma at args[0] after NAME: see anonvma_vma */
  __u32 ops;
  __u32 op;
};

struct anonvma_fork_record {
  struct anonvma_record head; /* of the parent */
  __u64 child_mm;
  __u32 child_seq;
  __u32 child_tid;
  __u32 child_tgid;
  __u32 child_local_tgid;
};

struct anonvma_exec_begin_record {
  struct anonvma_record head; /* mm is the new one */
  __u64 old_mm;
};

/* A vma as exec and the walk see it. */
struct anonvma_vma {
  __u64 start, end;
  __u64 vm_flags;
  __u64 pgoff;
  __u64 file;
  __u64 anon_vma;
  __u64 policy;  /* of the memory policy, by content; 0: none */
  __u64 context; /* of the userfaultfd */
  __u32 ops;
  __u32 follows_fork; /* the userfaultfd goes on in a child */
  __u64 name;         /* a hash of the name; 0: none. An ANONVMA_NAME tells the text */
};

struct anonvma_exec_vma_record {
  struct anonvma_record head;
  struct anonvma_vma vma;
};

struct anonvma_exec_record {
  struct anonvma_record head;
  __u64 old_mm; /* of a SEEN: mm of the acting task, if it is another mm */
  __u64 def_flags;
  __u64 brk;
  __u64 start_brk;
  __u32 nr_vmas;
  __u32 tgid;
  __u32 reason; /* of a SEEN */
  __u32 torn;   /* of an EXEC: the vmas before it are not one state */
  __u32 local_tgid;
  __u32 pad;
  char comm[16];
};

/* A write acquire outside every traced operation. */
struct anonvma_unknown_record {
  struct anonvma_record head;
  __u64 syscall; /* number + 1, compat: + ANONVMA_COMPAT; 0: in no call */
};
#define ANONVMA_COMPAT 65536 /* UnknownWrite::kCompatCall of the engine */

/* Kept small: most records are faults, and a record costs the cache lines that it fills. */
struct anonvma_fault_record {
  struct anonvma_record head;
  __u64 addr; /* of the page, | ANONVMA_FAULT_* */
};

struct anonvma_touch_record {
  struct anonvma_record head;
  __u64 addr;
  __u64 syscall; /* number + 1; 0: outside of any traced call */
  __u64 by;      /* mm of the acting task, if it is another mm */
};

struct anonvma_truth_record {
  struct anonvma_record head;
  __u64 object;
  __u8 cache;
  __u8 site;
  __u8 freed;
  __u8 in_exec;
  __u32 waits;   /* a vma, on a kernel that frees them by RCU */
  __u64 start;   /* of the vma, when a chain entry is freed; else 0 */
  __u32 forking; /* in dup_mmap() of head.mm */
  __u32 exiting; /* in exit_mmap() of head.mm */
};

/* A name has at most 79 characters (ANON_VMA_NAME_MAX_LEN), and is padded with zeros here. */
enum { ANONVMA_NAME_BYTES = 80 };
struct anonvma_name_record {
  struct anonvma_record head; /* of no mm */
  __u64 name;
  char text[ANONVMA_NAME_BYTES];
};

struct anonvma_gap_record {
  struct anonvma_record head;
  __u64 losses; /* the value of anonvma_losses */
};

/*
 * Key of a loss counter: the mm (0: none), kind and cpu. The counter modulo this constant is the number
 * of lost records; the quotient is how often the loss of another mm's record concerns this mm.
 */
#define ANONVMA_LOSS_CONCERNS (1ull << 40)
struct anonvma_loss {
  __u64 mm;
  __u32 kind;
  __u32 cpu;
};

struct anonvma_cgroup_record {
  struct anonvma_record head;
  __u64 cgroup; /* its id; 0: a kernel without cgroups */
  __u32 local_tgid;
  __u32 joins; /* the mm is not recorded yet, and lives in the recorded cgroup from now on */
};

struct anonvma_walk_record {
  struct anonvma_record head;
  __u64 walk_id;
};

/* The walk's own stream (bpf_seq_write): a vma, then its nr_chain chain entries. */
struct anonvma_walk_vma {
  __u64 time_ns;
  __u64 mm;
  __u64 def_flags;
  __u64 brk;
  __u64 start_brk;
  __u32 seq;
  __u32 map_count;
  __u32 tgid;
  __u32 tid;
  char comm[16];
  struct anonvma_vma vma;
  __u64 object; /* its address, where vmas are freed by RCU; else 0 */
  __u32 nr_chain;
  __u32 chain_cut; /* the list was longer than ANONVMA_MAX_CHAIN */
  __u32 local_tgid;
  __u32 pad;
};

struct anonvma_walk_avc {
  __u64 anon_vma;
  __u64 root;
  __u64 parent;
  __u64 num_children;
  __u64 num_active_vmas;
  __u64 refcount;
};
