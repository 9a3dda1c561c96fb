/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What a mapping call has made, as that call left it. The call returns without the lock, so another
 * thread may change it before sys_exit is reached. The next writer of the mm knows better: when it
 * gets the lock nothing has changed yet. So in an mm with several users a call enters what has to be
 * read under its lock number, and the writer with the next number reads it.
 */
#pragma once

#include "tracers/bpf/snapshot.bpf.h"

/* What the writer with lock number `seq` has left. */
struct anonvma_writer {
	__u64 mm;
	__u64 seq;
};
struct anonvma_left {
	__u64 vma;	/* that it has allocated; 0: none */
	__u64 from;	/* with has_range: look for the first mapped address from here on */
	__u64 has_range;
	__u64 filled;	/* set last, behind what follows */
	__u64 first;
	__u64 locked_vm;
	struct anonvma_seen_vma seen;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct anonvma_writer);
	__type(value, struct anonvma_left);
} anonvma_left SEC(".maps");

__u32 anonvma_nr_left = 0;	/* entries of anonvma_left */

/* Is the call one whose result is read back? */
static __always_inline bool anonvma_op_maps(const struct anonvma_task *state)
{
	return state->op == ANONVMA_OP_MMAP || state->op == ANONVMA_OP_SHMAT ||
	       state->op == ANONVMA_OP_BRK || state->op == ANONVMA_OP_REMAP_FILE;
}

/*
 * May the call fail and have changed something all the same? MAP_FIXED may have unmapped what its
 * first argument names, mremap may have moved it, and mlock may have locked it.
 */
static __always_inline bool anonvma_op_may_fail_late(const struct anonvma_task *state)
{
	const __u64 map_fixed = 0x10, mremap_fixed = 2;

	return state->op == ANONVMA_OP_MLOCK || state->op == ANONVMA_OP_MLOCK2 ||
	       (state->op == ANONVMA_OP_MMAP && (state->args[3] & map_fixed)) ||
	       (state->op == ANONVMA_OP_MREMAP && (state->args[3] & mremap_fixed));
}

static __always_inline struct anonvma_left *anonvma_left_by(const struct anonvma_task *state)
{
	struct anonvma_writer writer = { .mm = state->mm, .seq = state->seq };

	return state->entered ? bpf_map_lookup_elem(&anonvma_left, &writer) : NULL;
}

static __always_inline void anonvma_enter(struct anonvma_task *state, struct anonvma_left *left)
{
	struct anonvma_writer writer = { .mm = state->mm, .seq = state->seq };

	if (bpf_map_update_elem(&anonvma_left, &writer, left, BPF_NOEXIST))
		return;
	state->entered = 1;
	__sync_fetch_and_add(&anonvma_nr_left, 1);
}

/* The call of the current task has taken the lock. */
static __always_inline void anonvma_enter_range(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_left left = {
		.from = state->args[0] & anonvma_page_mask,
		.has_range = 1,
	};

	state->locked_vm = mm->locked_vm;
	if (mm->mm_users.counter > 1 && anonvma_op_may_fail_late(state))
		anonvma_enter(state, &left);
}

/* vm_area_alloc() has got `vma`; nothing is in it yet. */
static __always_inline void anonvma_enter_vma(__u64 vma)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state = anonvma_find_task(task);
	struct anonvma_left fresh = { .vma = vma };
	struct anonvma_left *left;

	if (!state || !state->taken || !anonvma_op_maps(state) || state->fresh)
		return;
	state->fresh = vma;
	left = anonvma_left_by(state);
	if (left)
		left->vma = vma;
	else if (task->mm->mm_users.counter > 1)
		anonvma_enter(state, &fresh);
}

/* The current task has the lock. What the writer with lock number `seq` has left is as it was. */
static __noinline int anonvma_read_left(struct mm_struct *mm, __u32 seq)
{
	struct anonvma_writer writer = { .mm = (__u64)mm, .seq = seq };
	struct anonvma_left *left = bpf_map_lookup_elem(&anonvma_left, &writer);
	struct anonvma_task *state;
	__u64 vma;

	if (!left || left->filled)
		return 0;
	vma = left->vma;
	left->locked_vm = BPF_CORE_READ(mm, locked_vm);
	if (left->has_range) {
		state = anonvma_get_task(bpf_get_current_task_btf(), ANONVMA_OP);
		if (!state)
			return 0;
		left->first = anonvma_first_in_tree(state, mm, left->from);
		if (!vma)
			vma = state->found;
	}
	anonvma_see_vma((struct vm_area_struct *)vma, &left->seen);
	__sync_fetch_and_add(&left->filled, 1);
	return 0;
}

static __always_inline void anonvma_forget_left(struct anonvma_task *state)
{
	struct anonvma_writer writer = { .mm = state->mm, .seq = state->seq };

	state->fresh = 0;
	if (!state->entered)
		return;
	state->entered = 0;
	if (!bpf_map_delete_elem(&anonvma_left, &writer))
		__sync_fetch_and_add(&anonvma_nr_left, -1);
}

/* Is what was just read without the lock what the call has left? */
static __always_inline bool anonvma_is_as_left(const struct anonvma_task *state,
					       const struct anonvma_left *left, struct mm_struct *mm)
{
	return left ? !left->filled : anonvma_still_at(mm, state->seq + 1);
}

/*
 * By how many pages the call made mm->locked_vm grow, plus one; 0 when that is not certain. No other
 * writer came in between where the state is as it was left, or the next one has read it before.
 */
static __noinline __u64 anonvma_newly_locked(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_left *left;
	__u64 locked_vm;

	if (!state || !mm || !state->taken)
		return 0;
	locked_vm = BPF_CORE_READ(mm, locked_vm);
	left = anonvma_left_by(state);
	if (!anonvma_is_as_left(state, left, mm)) {
		if (!left)
			return 0;
		locked_vm = left->locked_vm;
	}
	return locked_vm - state->locked_vm + 1;
}

/* The vma at `addr`; false when that is not certain. */
static __noinline bool anonvma_see_result(struct anonvma_task *state, struct mm_struct *mm,
					  __u64 addr, struct anonvma_seen_vma *seen)
{
	struct anonvma_left *left;
	__u64 vma;

	if (!state || !mm || !seen)
		return false;
	vma = state->fresh;
	if (!vma) {
		anonvma_first_in_tree(state, mm, addr);
		vma = state->tree.torn ? 0 : state->found;
	}
	anonvma_see_vma((struct vm_area_struct *)vma, seen);
	left = anonvma_left_by(state);
	if (!anonvma_is_as_left(state, left, mm)) {
		if (!left)
			return false;
		*seen = left->seen;
	}
	return addr - seen->start < seen->len;
}

/*
 * The first address from `start` on that is mapped, ~0 for none: tells how far a call came that
 * failed. A driver's mmap fails after MAP_FIXED has unmapped what was there, and mremap may have
 * moved some vmas before the one that stops it. 0 when that is not certain.
 */
static __noinline __u64 anonvma_first_behind(struct anonvma_task *state, struct mm_struct *mm,
					     __u64 start)
{
	struct anonvma_left *left;
	__u64 first;

	if (!state || !mm)
		return 0;
	first = anonvma_first_in_tree(state, mm, start);
	left = anonvma_left_by(state);
	if (anonvma_is_as_left(state, left, mm))
		return state->tree.torn ? 0 : first;
	return left ? left->first : 0;
}
