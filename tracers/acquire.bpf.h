/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The write acquires of mmap_lock, which order the operations. One that belongs to a traced call is
 * that call's token; every other one is sent too, as extra, stack growth or unknown, so that no
 * number of mm_lock_seq stays unexplained.
 */
#pragma once

#include "fault.bpf.h"

static __always_inline void anonvma_exec_begins(struct anonvma_task *state, __u64 new_mm)
{
	struct anonvma_exec_begin_record *r;

	if (state->done)
		return;
	state->done = 1;
	r = anonvma_reserve(struct anonvma_exec_begin_record, ANONVMA_EXEC_BEGIN, new_mm, 0, 0);
	if (!r)
		return;
	r->old_mm = state->mm;
	anonvma_submit(r);
}

/* True when the acquire belongs to the traced operation the task is in. */
static __always_inline bool anonvma_op_acquires(struct anonvma_task *state, struct mm_struct *mm,
						__u32 seq)
{
	if ((__u64)mm != state->mm) {
		/* The child in dup_mmap(), the new mm in execve: nobody has announced them yet. */
		if (state->op == ANONVMA_OP_EXECVE)
			anonvma_exec_begins(state, (__u64)mm);
		return state->op == ANONVMA_OP_EXECVE || state->op == ANONVMA_OP_CLONE;
	}
	if (state->op == ANONVMA_OP_EXECVE)
		return false;
	if (state->taken) {
		anonvma_send(ANONVMA_EXTRA, (__u64)mm, seq, mm->map_count);
		return true;
	}
	state->taken = 1;
	state->seq = seq;
	state->map_count = mm->map_count;
	state->old_brk = mm->brk;
	return true;
}

static __always_inline void anonvma_owe_snapshot(struct anonvma_task *state, __u8 whose)
{
	if (!state)
		return;
	if (!state->unseen)
		__sync_fetch_and_add(&anonvma_pending, 1);
	state->unseen |= whose;
}

/* Any task of the mm looks at it, when it next enters or leaves a system call. */
static __always_inline void anonvma_mark_dirty(__u64 mm)
{
	const long exists = -17;
	__u8 one = 1;
	long error = bpf_map_update_elem(&anonvma_dirty, &mm, &one, BPF_NOEXIST);

	if (!error)
		__sync_fetch_and_add(&anonvma_pending, 1);
	else if (error != exists)
		anonvma_count_lost(ANONVMA_SEEN, mm, 1);
}

/*
 * A write acquire outside every operation: by the fault being handled, which grows a stack, or by a
 * system call that nobody traces. The mm is looked at when that returns, before the task can do
 * anything else. A fault in kernel mode may be over already: both, then.
 */
static __always_inline void anonvma_foreign_acquire(struct anonvma_task *state,
						    struct task_struct *task,
						    struct mm_struct *mm, __u32 seq)
{
	/* PF_IO_WORKER, PF_EXITING: never returns from a system call. */
	const __u32 worker = 0x10 | 0x4;
	bool own = task->mm == mm;
	bool faulting = own && state && state->fault_addr;
	bool by_user = faulting && (state->fault_addr & ANONVMA_FAULT_USER);

	if (by_user && !anonvma_in_user_exception(task))
		faulting = false;
	if (!(faulting && by_user) && !(task->flags & worker)) {
		if (!state)
			state = anonvma_get_task(task, ANONVMA_SEEN);
		if (state && !own) {
			state->foreign_mm = (__u64)mm;
			state->foreign_pid = anonvma_owner_pid(mm);
		}
		anonvma_owe_snapshot(state, own ? ANONVMA_UNSEEN_OWN : ANONVMA_UNSEEN_FOREIGN);
	}
	if (task->flags & worker)
		anonvma_mark_dirty((__u64)mm);
	if (!state || !faulting) {
		anonvma_send(ANONVMA_UNKNOWN, (__u64)mm, seq, mm->map_count);
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

	/* Without a vma it ends here, and its tracepoint is not reached. */
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

static __always_inline int anonvma_on_acquire(__u64 *ctx)
{
	struct mm_struct *mm = (struct mm_struct *)ctx[0];
	struct task_struct *task;
	struct anonvma_task *state;
	__u32 seq;

	if (!anonvma_sending)
		return 0;
	if (!anonvma_is_write_acquire(ctx)) {
		if (!anonvma_growing)
			return 0;
		/* Growth that was granted goes on with the lock downgraded: its number still stands. */
		state = anonvma_find_task(bpf_get_current_task_btf());
		if (state && state->grow_mm == (__u64)mm &&
		    state->grow_seq == anonvma_mm_seq(mm, true))
			anonvma_send_growth(state);
		return 0;
	}
	if (anonvma_was_told(ANONVMA_TELL_LOCK, (__u64)mm, anonvma_mm_seq(mm, true)))
		return 0;
	task = bpf_get_current_task_btf();
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (mm->mm_users.counter == 0) {
		anonvma_begin_exit(state, task, mm);
		return 0;
	}
	if (!anonvma_count_acquire(mm))
		anonvma_count_lost(ANONVMA_UNKNOWN, (__u64)mm, 1);
	seq = anonvma_mm_seq(mm, true);
	if (!mm->map_count)
		state = anonvma_kernel_execs(task, state);
	if (state && state->op && anonvma_op_acquires(state, mm, seq))
		return 0;
	if (!anonvma_wanted((__u64)mm))
		return 0;
	anonvma_foreign_acquire(state, task, mm, seq);
	return 0;
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_on_acquire(ctx));
}
