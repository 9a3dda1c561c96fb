/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Write acquires of mmap_lock, which order the operations. The first acquire of a traced call is
 * the call's token. All other acquires are sent as extra, stack growth or unknown, so that every
 * number of mm_lock_seq is accounted for.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/exec.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

enum anonvma_acquire_kind {
	ANONVMA_ACQUIRE_FOREIGN,	/* belongs to no traced operation */
	ANONVMA_ACQUIRE_FIRST,		/* the token of the task's current operation */
	ANONVMA_ACQUIRE_MORE,		/* a further acquire of that operation */
};

/* Sends the acquire unless it is foreign or the first. */
static __always_inline enum anonvma_acquire_kind anonvma_op_acquires(struct anonvma_task *state,
								     struct mm_struct *mm, __u32 seq)
{
	if (!state || !state->op)
		return ANONVMA_ACQUIRE_FOREIGN;
	if ((__u64)mm != state->mm) {
		/* The child in dup_mmap() or the new mm in execve: not announced yet. */
		if (state->op == ANONVMA_OP_EXECVE)
			anonvma_exec_begins(state, (__u64)mm);
		return state->op == ANONVMA_OP_EXECVE || state->op == ANONVMA_OP_CLONE ?
			       ANONVMA_ACQUIRE_MORE :
			       ANONVMA_ACQUIRE_FOREIGN;
	}
	if (state->op == ANONVMA_OP_EXECVE)
		return ANONVMA_ACQUIRE_FOREIGN;
	if (state->taken) {
		anonvma_send(ANONVMA_EXTRA, (__u64)mm, seq, mm->map_count);
		return ANONVMA_ACQUIRE_MORE;
	}
	state->taken = 1;
	state->seq = seq;
	state->map_count = mm->map_count;
	state->total_vm = mm->total_vm;
	state->old_brk = mm->brk;
	return ANONVMA_ACQUIRE_FIRST;
}

/* The record names the system call, for messages to the user. */
static __always_inline void anonvma_send_unknown(struct task_struct *task, __u64 mm, __u32 seq,
						 __u32 map_count)
{
	const __u32 kernel_thread = 0x200000;	/* PF_KTHREAD */
	struct anonvma_unknown_record *r;
	long nr = -1;

	r = anonvma_reserve(struct anonvma_unknown_record, ANONVMA_UNKNOWN, mm, seq, map_count);
	if (!r)
		return;
	if (!(anonvma_get(task, flags) & kernel_thread))
		nr = anonvma_entry_syscall(task);
	r->syscall = nr < 0 ? 0 : nr + 1 + (anonvma_is_compat(task) ? ANONVMA_COMPAT : 0);
	anonvma_submit(r);
}

/*
 * The first address from `start` on that is mapped, ~0 for none. The current task holds the lock. Each
 * object defines this function, in outcome.bpf.h or in fallback/outcome_list.bpf.h.
 */
static __u64 anonvma_first_locked(struct mm_struct *mm, struct anonvma_task *state, __u64 start);

/*
 * True if the acquire is that of a fault which grows a stack. A fault at an address that is not mapped takes
 * the lock for nothing else. The last fault of the task may be over, as at a breakpoint: then its
 * address is mapped.
 */
static __always_inline bool anonvma_fault_grows(struct anonvma_task *state, struct task_struct *task,
						struct mm_struct *mm)
{
	__u64 addr;

	if (!state || !state->fault_addr)
		return false;
	if ((state->fault_addr & ANONVMA_FAULT_USER) && !anonvma_in_user_exception(task))
		return false;
	addr = state->fault_addr & anonvma_page_mask;
	return anonvma_first_locked(mm, state, addr) > addr;
}

/*
 * A write acquire outside every operation: by the fault being handled, which grows a stack, or by
 * an untraced system call. After such a call the mm is read: when the call returns, or by the next
 * writer if that writer comes first. A fault in kernel mode may be over already: then both are
 * assumed.
 */
static __always_inline void anonvma_foreign_acquire(struct anonvma_task *state,
						    struct task_struct *task,
						    struct mm_struct *mm, __u32 seq)
{
	/* PF_KTHREAD, PF_IO_WORKER, PF_EXITING: never returns from a system call. */
	const __u32 worker = 0x200000 | 0x10 | 0x4;
	bool own = task->mm == mm;
	bool faulting;

	if (!anonvma_wanted((__u64)mm)) {
		if (state)
			state->strange_mm = 0;
		return;
	}
	faulting = own && anonvma_fault_grows(state, task, mm);
	if (!own && !state)
		state = anonvma_get_task(task, ANONVMA_SEEN);
	if (!own && state)
		state->strange_mm = (__u64)mm;
	if (!(faulting && (state->fault_addr & ANONVMA_FAULT_USER))) {
		anonvma_mark_dirty((__u64)mm, task->pid);
		if (!own && !(task->flags & worker))
			anonvma_note_foreign(state, mm);
	}
	if (!state || !faulting) {
		anonvma_send_unknown(task, (__u64)mm, seq, mm->map_count);
		return;
	}
	state->grow_mm = (__u64)mm;
	state->grow_seq = seq;
	state->grow_map_count = mm->map_count;
	state->grow_addr = state->fault_addr;
	__sync_fetch_and_add(&anonvma_growing, 1);
}

/* exit_mmap()'s own acquire, after the last user has gone. */
static __always_inline void anonvma_begin_exit(struct anonvma_task *state,
					       struct task_struct *task, struct mm_struct *mm)
{
	__u64 key = (__u64)mm;

	/* Without a vma, exit_mmap() ends here and does not reach its tracepoint. */
	if (!mm->map_count) {
		if (anonvma_wanted(key))
			anonvma_send(ANONVMA_EXIT_MMAP, key, anonvma_mm_seq(mm, false), 0);
		bpf_map_delete_elem(&anonvma_tracked, &key);
		anonvma_forget_acquires(key);
		return;
	}
	if (anonvma_truth && !state)
		state = anonvma_get_task(task, ANONVMA_TRUTH);
	if (state)
		state->exiting = key;
}

/* The acquire by which a fault grew a stack: sent when the growth is certain. */
static __always_inline void anonvma_send_growth(struct anonvma_task *state)
{
	struct anonvma_fault_record *r;

	r = anonvma_reserve(struct anonvma_fault_record, ANONVMA_GROW, state->grow_mm,
			    state->grow_seq, state->grow_map_count);
	state->grow_mm = 0;
	__sync_fetch_and_add(&anonvma_growing, -1);
	if (!r)
		return;
	r->addr = state->grow_addr;
	anonvma_submit(r);
}

/*
 * A fault that grew a stack goes on with a read lock. The number is still that of its write
 * acquire.
 */
static __always_inline void anonvma_on_read_acquire(struct mm_struct *mm)
{
	struct anonvma_task *state;

	if (!anonvma_growing)
		return;
	state = anonvma_find_task(bpf_get_current_task_btf());
	if (state && state->grow_mm == (__u64)mm && state->grow_seq == anonvma_mm_seq(mm, true))
		anonvma_send_growth(state);
}

/*
 * A chain entry that the task has just linked is read before the task drops the lock, because
 * another thread may unmap the vma at once. If this hook is skipped, the task's next hook reads the
 * entry.
 */
static __always_inline int anonvma_on_release(void)
{
	struct anonvma_task *state;

	if (!anonvma_pending || !anonvma_sending)
		return 0;
	state = anonvma_find_task(bpf_get_current_task_btf());
	if (state && state->avc)
		anonvma_resolve_touch(state);
	return 0;
}
