/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Kernels on which no tracepoint sees the mmap_lock, nor the end of an mm. The recorder numbers the
 * operations of an mm in ring order. What tells the order happens under the lock: the first object
 * that an operation allocates or frees, its search for unmapped addresses, and, of one without
 * either, that the next task under the lock finds it done. Else it is where it returns.
 */
#pragma once

#include "tracers/bpf/fallback/effects.bpf.h"

static __always_inline bool anonvma_is_unused(struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, mm_users.counter) == 0;
}

/* The mms that have registered a userfaultfd. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} anonvma_uffds SEC(".maps");

static __always_inline bool anonvma_has_uffd(__u64 mm)
{
	return bpf_map_lookup_elem(&anonvma_uffds, &mm) != NULL;
}

/* A call that is not traced: has it changed vmas? */
static __always_inline bool anonvma_other_changed(const struct anonvma_task *state,
						  struct mm_struct *mm, long ret)
{
	const __u32 uffd_register = 0xc020aa00, uffd_unregister = 0x8010aa01;
	__u32 command = state->args[1];
	__u64 key = (__u64)mm;
	__u8 one = 1;

	if (state->nr == anonvma_ioctl && command == uffd_register && ret == 0)
		bpf_map_update_elem(&anonvma_uffds, &key, &one, BPF_ANY);
	if (ret == 0 && state->nr == anonvma_mbind)
		return true;
	if (state->nr == anonvma_ioctl && (command == uffd_register || command == uffd_unregister))
		return true;
	return state->file != BPF_CORE_READ(mm, total_vm) ||
	       state->old_brk != (__u64)BPF_CORE_READ(mm, map_count);
}

/* Where a traced call begins: map_count is that before it if nobody else can change it. */
static __always_inline void anonvma_begin_unseen(struct anonvma_task *state,
						 struct task_struct *task, struct mm_struct *mm)
{
	struct anonvma_exec_begin_record *r;

	if (state->op == ANONVMA_OP_DROP)
		return;
	if (state->op == ANONVMA_OP_OTHER) {
		state->file = BPF_CORE_READ(mm, total_vm);
		state->old_brk = BPF_CORE_READ(mm, map_count);
		return;
	}
	state->exiting = 0;
	state->old_brk = BPF_CORE_READ(mm, brk);
	state->seq = anonvma_new_call();
	if (BPF_CORE_READ(mm, mm_users.counter) == 1)
		state->map_count = BPF_CORE_READ(mm, map_count);
	else if (state->op != ANONVMA_OP_EXECVE)
		anonvma_watch_for(state);
	if (state->op != ANONVMA_OP_EXECVE) {
		anonvma_moves((__u64)mm, true);
		return;
	}
	/* The old mm may be gone, and its address another's, when the new one is shown. */
	r = anonvma_reserve(struct anonvma_exec_begin_record, ANONVMA_EXEC_BEGIN, 0, 0, 0);
	if (!r)
		return;
	r->head.tid = BPF_CORE_READ(task, tgid);
	r->old_mm = (__u64)mm;
	anonvma_submit(r);
}

/* Under the lock: an object of `mm` comes or goes, or addresses are looked for. The first one counts. */
static __always_inline void anonvma_take_place(struct anonvma_task *state, __u64 mm, __u32 site,
					       bool freed)
{
	if (!state || !state->op || state->taken || state->mm != mm)
		return;
	if (state->op == ANONVMA_OP_EXECVE || state->op >= ANONVMA_OP_OTHER ||
	    site == ANONVMA_SITE_PREPARE ||
	    (state->op == ANONVMA_OP_CLONE && state->done))
		return;
	state->taken = 1;
	/* Before the first free something else may have been taken out of the list. */
	if (!freed)
		state->map_count = BPF_CORE_READ((struct mm_struct *)mm, map_count);
	anonvma_witness(mm);
	anonvma_send(ANONVMA_PLACE, mm, state->seq, 0);
}

/* mmap, shmat and mremap look for room under the lock. Loaded where no hook sees that. */
SEC("tp_btf/vm_unmapped_area")
int anonvma_unmapped_area(__u64 *ctx)
{
	struct anonvma_task *state;

	if (!anonvma_sending)
		return 0;
	state = anonvma_find_task(anonvma_current());
	if (state)
		anonvma_take_place(state, state->mm, ANONVMA_SITE_OTHER, false);
	return 0;
}

/*
 * The mm that a task without one of its own is in exit_mmap() of: the one it was last seen with, or what
 * do_exit() keeps as active_mm, until the task has to wait; execve has just left it. Of one that somebody
 * else keeps to the end, as a reader of /proc may, it stays unknown.
 */
static __always_inline __u64 anonvma_mm_left(struct anonvma_task *state, struct task_struct *task,
					     __u64 mm)
{
	const __u32 exiting = 0x4;	/* PF_EXITING */
	__u64 left = 0;

	if (!mm && (BPF_CORE_READ(task, flags) & exiting))
		left = state && state->wanted_mm ? state->wanted_mm :
						   (__u64)BPF_CORE_READ(task, active_mm);
	else if (state && state->op == ANONVMA_OP_EXECVE && state->mm != mm && !state->done)
		left = state->mm;
	return left && anonvma_is_unused((struct mm_struct *)left) ? left : mm;
}
