/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The state of a task between two hooks. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include <bpf/bpf_helpers.h>

/* Read and written by the loader while the programs run. */
__u32 anonvma_pending = 0;	/* tasks that hold a Touch, and mms to be read */

/*
 * A position in the tree of vmas: one slot of one node. It is kept in the state of the task, as on
 * the stack each slot would be a new state for the verifier.
 */
struct anonvma_tree {
	__u64 root;
	__u64 index;		/* all below was visited */
	__u64 node;		/* encoded */
	__u64 max;		/* the highest index under the node */
	__u32 slot;
	__u32 seq;		/* lock number of the mm at the beginning */
	__u32 torn;
	__u32 ended;	/* no bool: the verifier requires that a callback returns 0 or 1 */
};

/*
 * An attempt to read an mm under its lock. The record that ends the reading is sent under the lock as
 * well. So it comes before all records of the next writer, however late this task runs again. It is
 * not on the stack, as a program and all that it calls have 512 bytes together.
 */
struct anonvma_attempt {
	__u64 other_mm;
	__u32 kind;	/* of the record */
	__u32 reason;
	__u32 dirty;	/* the mm is in anonvma_dirty, and this reading removes it */
	__u32 sent;	/* the record has been sent */
};

/*
 * The operation, the fault and the readings that are in progress in a task. They are one struct, as a
 * task has one storage, and a look-up costs more than the unused members.
 */
struct anonvma_task {
	struct anonvma_tree tree;
	struct anonvma_attempt attempt;
	__u64 args[6];
	__u64 wanted_mm;	/* current->mm when it was last found to be wanted */
	__u64 mm;		/* current->mm when the system call began */
	__u64 file;		/* mmap: struct file of the descriptor */
	__u64 exiting;		/* the mm whose exit_mmap() is running */
	__u64 foreign_mm;	/* of another process: changed by the call, to be read at its end */
	__u32 foreign_pid;	/* a task of that process */
	__u64 grow_mm;		/* of a stack about to grow; then its fault and its acquire */
	__u64 grow_addr;
	__u32 grow_seq;
	__u32 grow_map_count;
	__u32 file_ops;		/* mmap: ANONVMA_OPS_* of the descriptor */
	__u32 nr_seen;		/* vmas of the last reading that were sent */
	__u32 seen_seq;		/* the lock number that they were read at */
	__u32 seen_whole;	/* they are one state */
	__u64 found;		/* the vma that the last search in the tree found */
	__u64 fresh;		/* the vma that the call has allocated */
	__u32 entered;		/* the call has an entry in anonvma_outcomes */
	__u64 old_brk;		/* mm->brk when the lock was taken */
	__u64 total_vm;		/* mm->total_vm at that moment */
	__u64 locked_vm;	/* likewise */
	__u64 avc;		/* a chain entry just allocated in __anon_vma_prepare */
	__u64 avc_mm;
	__u64 prepared;		/* the anon_vma that the task has allocated in this preparation */
	__u64 touch_addr;	/* | 1: of the touch just sent, whose anon_vma may still be allocated */
	__u64 strange_mm;	/* the mm of others that the task has last locked for writing */
	__u64 fault_addr;	/* of the last fault, page-rounded | ANONVMA_FAULT_*; 0: used up */
	__u32 seq;		/* token: of the first write acquire of `mm` */
	__u32 map_count;
	__u32 avc_seq;
	__u32 avc_syscall;
	__u16 nr;
	__u8 op;
	__u8 compat;		/* a call of a 32-bit program */
	__u8 taken;		/* seq and map_count are filled in */
	__u8 strange;		/* the entry in `avc` was allocated by a stranger */
	__u8 leaves;		/* execve outside of the recorded cgroup: the new mm is not recorded */
	__u8 done;	/* clone: Fork was sent; execve: ExecBegin was sent, or the old mm has ended */
};

/*
 * The state of `task`; `make` creates a missing one. NULL if there is none. Each object defines
 * this function: in task_storage.bpf.h or in fallback/task_table.bpf.h.
 */
static __always_inline struct anonvma_task *anonvma_lookup_task(struct task_struct *task, bool make);

static __always_inline struct anonvma_task *anonvma_find_task(struct task_struct *task)
{
	return anonvma_lookup_task(task, false);
}

/*
 * Finds or makes a state. If that fails, an event of `kind` will be missing: it is counted as lost.
 */
static __always_inline struct anonvma_task *anonvma_get_task(struct task_struct *task, __u32 kind)
{
	struct anonvma_task *state = anonvma_lookup_task(task, true);

	if (!state)
		anonvma_count_lost(kind, (__u64)anonvma_get(task, mm), 1);
	return state;
}
