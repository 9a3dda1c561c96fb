/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The recorder's kernel side. Only tracepoints and iterators: no kprobe, no trampoline, so that
 * hardened kernels run it too. One object; each file below is one family of hooks.
 */
#include "state.bpf.h"		/* settings, maps, ring buffer */
#include "told.bpf.h"		/* programs that are loaded more than once */
#include "fault.bpf.h"		/* page faults, and preparations without a fault */
#include "acquire.bpf.h"	/* mmap_lock */
#include "look.bpf.h"		/* the vmas of an mm, seen from inside */
#include "operation.bpf.h"	/* system calls */
#include "life.bpf.h"		/* fork, exec, exit */
#include "truth.bpf.h"		/* slab allocations and frees */
#include "walk.bpf.h"		/* snapshots */
#include "walk_list.bpf.h"	/* the same where vmas are a list */

char anonvma_license[] SEC("license") = "GPL";
