/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Births and deaths of address spaces and tasks. */
#pragma once

#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/snapshot.bpf.h"
#include "tracers/bpf/syscall.bpf.h"

static __always_inline void anonvma_send_shared(struct mm_struct *mm, struct task_struct *child)
{
	struct anonvma_fork_record *r;

	r = anonvma_reserve(struct anonvma_fork_record, ANONVMA_SHARED, (__u64)mm,
			    anonvma_mm_seq(mm, false), 0);
	if (!r)
		return;
	r->child_mm = (__u64)mm;
	r->child_seq = 0;
	r->child_tid = child->pid;
	r->child_tgid = child->tgid;
	r->child_local_tgid = anonvma_local_tgid(child);
	anonvma_submit(r);
}

static __always_inline void anonvma_send_fork(struct anonvma_task *state, struct mm_struct *mm,
					      struct task_struct *child, struct mm_struct *child_mm)
{
	struct anonvma_fork_record *r;
	bool token = state && state->op == ANONVMA_OP_CLONE &&
		     (state->taken || anonvma_lock_unseen);

	anonvma_track((__u64)child_mm);
	if (token)
		state->done = 1;
	r = anonvma_reserve(struct anonvma_fork_record, ANONVMA_FORK, (__u64)mm,
			    token ? state->seq : anonvma_mm_seq(mm, false),
			    token ? state->map_count : 0);
	if (!r) {
		anonvma_count_lost(ANONVMA_FORK, (__u64)child_mm, 0);
		return;
	}
	r->child_mm = (__u64)child_mm;
	r->child_seq = anonvma_mm_seq(child_mm, false);
	r->child_tid = child->pid;
	r->child_tgid = child->tgid;
	r->child_local_tgid = anonvma_local_tgid(child);
	anonvma_submit(r);
}

static __always_inline int anonvma_on_newtask(struct task_struct *child)
{
	struct task_struct *task = anonvma_current();
	struct mm_struct *mm = anonvma_get(task, mm), *child_mm = child->mm;
	struct anonvma_task *state;

	anonvma_forget_task(child);	/* an earlier one at this address */
	if (!mm || !child_mm || !anonvma_sending || !anonvma_wanted((__u64)mm) ||
	    anonvma_was_told(ANONVMA_TELL_TASK, (__u64)child, child->pid))
		return 0;
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (child_mm == mm)
		anonvma_send_shared(mm, child);
	else
		anonvma_send_fork(state, mm, child, child_mm);
	return 0;
}

/* Runs in the parent, after dup_mmap() and before the child's first instruction. */
SEC("tp_btf/task_newtask")
int BPF_PROG(anonvma_newtask, struct task_struct *child, unsigned long clone_flags)
{
	return ANONVMA_HELD(anonvma_on_newtask(child));
}

static __always_inline int anonvma_on_exec(bool listed)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_find_task(task);
	struct mm_struct *mm = anonvma_get(task, mm);
	__u64 old_mm = 0;

	if (!mm || !anonvma_sending || anonvma_was_told(ANONVMA_TELL_EXEC, (__u64)mm, 0))
		return 0;
	anonvma_resolve(state);
	if (state && state->op == ANONVMA_OP_EXECVE) {
		old_mm = state->mm;
		state->op = ANONVMA_OP_NONE;
	}
	/* The old mm may be gone from the set already; that execve was traced says enough. */
	if (anonvma_tracked_only && !old_mm)
		return 0;
	anonvma_track((__u64)mm);
	if (anonvma_lock_unseen && state)
		state->wanted_mm = (__u64)mm;
	anonvma_send_snapshot(ANONVMA_EXEC, 0, old_mm, listed);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(anonvma_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	return ANONVMA_HELD(anonvma_on_exec(false));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(anonvma_exec_listed, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	return anonvma_on_exec(true);
}

static __always_inline int anonvma_on_exit_task(bool listed)
{
	struct task_struct *task = anonvma_current();
	struct mm_struct *mm = anonvma_get(task, mm);

	struct anonvma_task *state = anonvma_find_task(task);
	__u32 map_count = 0;

	anonvma_resolve(state);
	if (state && state->foreign_mm) {
		state->foreign_mm = 0;
		__sync_fetch_and_add(&anonvma_pending, -1);
	}
	if (state)
		anonvma_forget_left(state);
	anonvma_forget_task(task);
	/* Before 6.16 the mm is already given up here, and the event is not recorded. */
	if (!mm || !anonvma_sending || !anonvma_wanted((__u64)mm) ||
	    anonvma_was_told(ANONVMA_TELL_EXIT_TASK, (__u64)mm, 0))
		return 0;
	if (anonvma_pending)
		anonvma_pay_dirty(listed);
	/* With the last user nothing else can change the mm: what it leaves behind is exact. */
	if (anonvma_get(mm, mm_users.counter) == 1) {
		map_count = anonvma_get(mm, map_count);
		if (anonvma_truth)
			anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_EXIT, 0, listed);
	}
	anonvma_send(ANONVMA_EXIT_TASK, (__u64)mm, anonvma_mm_seq(mm, false), map_count);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(anonvma_exit_task, struct task_struct *p)
{
	return ANONVMA_HELD(anonvma_on_exit_task(false));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(anonvma_exit_task_listed, struct task_struct *p)
{
	return anonvma_on_exit_task(true);
}

static __always_inline void anonvma_end_mm(struct anonvma_task *state, struct mm_struct *mm)
{
	__u64 key = (__u64)mm;

	if (anonvma_pending && anonvma_take_dirty(key))
		__sync_fetch_and_add(&anonvma_unread, 1);
	if (state)
		state->exiting = 0;
	if (anonvma_wanted(key)) {
		anonvma_send(ANONVMA_EXIT_MMAP, key, anonvma_mm_seq(mm, false), 0);
		bpf_map_delete_elem(&anonvma_tracked, &key);
	}
	anonvma_forget_acquires(key);
	if (anonvma_lock_unseen) {
		if (state && state->op == ANONVMA_OP_EXECVE && state->mm == key)
			state->done = 1;
		bpf_map_delete_elem(&anonvma_motions, &key);
		bpf_map_delete_elem(&anonvma_effects, &key);
		bpf_map_delete_elem(&anonvma_uffds, &key);
	}
}

static __always_inline int anonvma_on_exit_mmap(struct mm_struct *mm)
{
	if (anonvma_sending && !anonvma_was_told(ANONVMA_TELL_EXIT_MMAP, (__u64)mm, 0))
		anonvma_end_mm(anonvma_find_task(anonvma_current()), mm);
	return 0;
}

/* Any task may drop the last reference, the recorder too: never filter by process. */
SEC("tp_btf/exit_mmap")
int BPF_PROG(anonvma_exit_mm, struct mm_struct *mm)
{
	return ANONVMA_HELD(anonvma_on_exit_mmap(mm));
}
