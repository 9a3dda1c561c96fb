/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The recorder's kernel side. Only tracepoints and iterators: no kprobe, no trampoline, so that
 * hardened kernels run it too. One object; each file below is one family of hooks.
 */
#include "tracers/bpf/state.bpf.h"		/* settings, maps, ring buffer */
#include "tracers/bpf/preemptible.bpf.h"		/* programs that are loaded more than once */
#include "tracers/bpf/fault.bpf.h"		/* page faults, and preparations without a fault */
#include "tracers/bpf/lock.bpf.h"	/* mmap_lock */
#include "tracers/bpf/snapshot.bpf.h"		/* the vmas of an mm, seen from inside */
#include "tracers/bpf/syscall.bpf.h"	/* system calls */
#include "tracers/bpf/task.bpf.h"		/* fork, exec, exit */
#include "tracers/bpf/slab.bpf.h"		/* slab allocations and frees */
#include "tracers/bpf/walk.bpf.h"		/* snapshots */
#include "tracers/bpf/fallback/walk_tasks.bpf.h"	/* the same where vmas are a list */

char anonvma_license[] SEC("license") = "GPL";
