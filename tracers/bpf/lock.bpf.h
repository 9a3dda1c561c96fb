/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The write acquires of mmap_lock, which order the operations. One that belongs to a traced call is
 * that call's token; every other one is sent too, as extra, stack growth or unknown, so that no
 * number of mm_lock_seq stays unexplained.
 */
#pragma once

#include "tracers/bpf/fault.bpf.h"
#include "tracers/bpf/outcome.bpf.h"

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
	anonvma_enter_range(state, mm);
	return true;
}

/* Which call it was, so that users can tell of it. */
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

/* The writer is of another process. It reads the mm when its call returns. */
static __always_inline void anonvma_note_foreign(struct anonvma_task *state, struct mm_struct *mm)
{
	if (!state)
		return;
	if (!state->foreign_mm)
		__sync_fetch_and_add(&anonvma_pending, 1);
	state->foreign_mm = (__u64)mm;
	state->foreign_pid = anonvma_owner_pid(mm);
}

/*
 * A write acquire outside every operation: by the fault being handled, which grows a stack, or by a
 * system call that nobody traces. The mm is read when that returns, before the task can do
 * anything else, or by the next writer, who may be faster. A fault in kernel mode may be over
 * already: both, then.
 */
static __always_inline void anonvma_foreign_acquire(struct anonvma_task *state,
						    struct task_struct *task,
						    struct mm_struct *mm, __u32 seq)
{
	/* PF_KTHREAD, PF_IO_WORKER, PF_EXITING: never returns from a system call. */
	const __u32 worker = 0x200000 | 0x10 | 0x4;
	bool own = task->mm == mm;
	bool faulting = own && state && state->fault_addr;
	bool by_user = faulting && (state->fault_addr & ANONVMA_FAULT_USER);

	if (by_user && !anonvma_in_user_exception(task))
		faulting = false;
	if (!(faulting && by_user)) {
		anonvma_mark_dirty((__u64)mm, task->pid);
		if (!own && !(task->flags & worker))
			anonvma_note_foreign(state ?: anonvma_get_task(task, ANONVMA_SEEN), mm);
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

static __always_inline int anonvma_on_acquire(__u64 *ctx, bool listed)
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
	if (!listed && anonvma_nr_left)
		anonvma_read_left(mm, seq - 2);
	if (!listed && anonvma_pending && task->mm == mm)
		anonvma_pay_as_writer(mm);
	if (!mm->map_count)
		state = anonvma_kernel_execs(task, state);
	if (state && state->op && anonvma_op_acquires(state, mm, seq))
		return 0;
	if (!anonvma_wanted((__u64)mm))
		return 0;
	anonvma_foreign_acquire(state, task, mm, seq);
	return 0;
}

/*
 * A chain entry that the task has just linked is read before it lets the lock go: another thread may
 * unmap its vma at once. Where this is skipped the task's next hook reads it.
 */
SEC("tp_btf/mmap_lock_released")
int anonvma_mmap_unlock(__u64 *ctx)
{
	struct anonvma_task *state;

	if (!anonvma_pending || !anonvma_sending)
		return 0;
	state = anonvma_find_task(bpf_get_current_task_btf());
	if (state && state->avc)
		anonvma_resolve_touch(state);
	return 0;
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_on_acquire(ctx, false));
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock_listed(__u64 *ctx)
{
	return anonvma_on_acquire(ctx, true);
}
