/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The vma that a mapping call has made, as that call left it. The call returns without the lock, so
 * another thread may change the vma before sys_exit is reached. When the next writer of the mm gets
 * the lock, nothing has changed yet. So in an mm with several users a call stores a request under
 * its lock number, and the writer with the next number fills it in:
 *
 *   thread A   mmap: lock 41 ─ request (mm, 41) ─ unlock ─────────────────────── sys_exit: uses 41
 *   thread B                                      lock 43: fills in 41 ─ munmap
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/names.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/vma.bpf.h"
#include "tracers/bpf/vma_tree.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct anonvma_writer {
	__u64 mm;
	__u64 seq;	/* lock number */
};
/* The state of an mm as a writer left it. */
struct anonvma_outcome {
	__u64 vma;	/* the vma that the writer has allocated; 0: none */
	__u64 from;	/* with has_range: find the first mapped address from here on */
	__u64 has_range;
	__u64 filled;	/* set last: the members below are valid */
	__u64 first;
	__u64 locked_vm;
	struct anonvma_seen_vma seen;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct anonvma_writer);
	__type(value, struct anonvma_outcome);
} anonvma_outcomes SEC(".maps");

__u32 anonvma_nr_outcomes = 0;	/* entries of anonvma_outcomes */

/* True if the vma that the call makes is read back. */
static __always_inline bool anonvma_op_maps(const struct anonvma_task *state)
{
	return state->op == ANONVMA_OP_MMAP || state->op == ANONVMA_OP_SHMAT ||
	       state->op == ANONVMA_OP_BRK || state->op == ANONVMA_OP_REMAP_FILE;
}

/*
 * True if the range of the arguments is read after the call. A call that fails may have changed it:
 * MAP_FIXED may have unmapped it, mremap may have moved it, and mlock may have locked it. After a call
 * that names it, it has the name.
 */
static __always_inline bool anonvma_op_reads_range(const struct anonvma_task *state)
{
	const __u64 map_fixed = 0x10, mremap_fixed = 2;

	return state->op == ANONVMA_OP_MLOCK || state->op == ANONVMA_OP_MLOCK2 ||
	       state->op == ANONVMA_OP_NAME ||
	       (state->op == ANONVMA_OP_MMAP && (state->args[3] & map_fixed)) ||
	       (state->op == ANONVMA_OP_MREMAP && (state->args[3] & mremap_fixed));
}

static __always_inline struct anonvma_outcome *anonvma_outcome_of(const struct anonvma_task *state)
{
	struct anonvma_writer writer = { .mm = state->mm, .seq = state->seq };

	return state->entered ? bpf_map_lookup_elem(&anonvma_outcomes, &writer) : NULL;
}

static __always_inline void anonvma_enter(struct anonvma_task *state, struct anonvma_outcome *outcome)
{
	struct anonvma_writer writer = { .mm = state->mm, .seq = state->seq };

	if (bpf_map_update_elem(&anonvma_outcomes, &writer, outcome, BPF_NOEXIST))
		return;
	state->entered = 1;
	__sync_fetch_and_add(&anonvma_nr_outcomes, 1);
}

/* The call of the current task has taken the lock. */
static __always_inline void anonvma_enter_range(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_outcome outcome = {
		.from = state->args[0] & anonvma_page_mask,
		.has_range = 1,
	};

	state->locked_vm = mm->locked_vm;
	if (mm->mm_users.counter > 1 && anonvma_op_reads_range(state))
		anonvma_enter(state, &outcome);
}

/* vm_area_alloc() has allocated `vma`, and has not filled it in yet. */
static __always_inline void anonvma_enter_vma(__u64 vma)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state = anonvma_find_task(task);
	struct anonvma_outcome fresh = { .vma = vma };
	struct anonvma_outcome *outcome;

	if (!state || !state->taken || !anonvma_op_maps(state) || state->fresh)
		return;
	state->fresh = vma;
	outcome = anonvma_outcome_of(state);
	if (outcome)
		outcome->vma = vma;
	else if (task->mm->mm_users.counter > 1)
		anonvma_enter(state, &fresh);
}

/* The current task has the lock: the mm is still as the writer with lock number `seq` left it. */
static __noinline int anonvma_read_outcome(struct mm_struct *mm, __u32 seq)
{
	struct anonvma_writer writer = { .mm = (__u64)mm, .seq = seq };
	struct anonvma_outcome *outcome = bpf_map_lookup_elem(&anonvma_outcomes, &writer);
	struct anonvma_task *state;
	__u64 vma;

	if (!outcome || outcome->filled)
		return 0;
	vma = outcome->vma;
	outcome->locked_vm = anonvma_read(mm, locked_vm);
	if (outcome->has_range) {
		state = anonvma_get_task(bpf_get_current_task_btf(), ANONVMA_OP);
		if (!state)
			return 0;
		outcome->first = anonvma_first_in_tree(state, mm, outcome->from);
		if (!vma)
			vma = state->found;
	}
	anonvma_see_vma((struct vm_area_struct *)vma, &outcome->seen);
	outcome->seen.name = anonvma_sent_name((struct vm_area_struct *)vma);
	__sync_fetch_and_add(&outcome->filled, 1);
	return 0;
}

static __always_inline void anonvma_forget_outcome(struct anonvma_task *state)
{
	struct anonvma_writer writer = { .mm = state->mm, .seq = state->seq };

	state->fresh = 0;
	if (!state->entered)
		return;
	state->entered = 0;
	if (!bpf_map_delete_elem(&anonvma_outcomes, &writer))
		__sync_fetch_and_add(&anonvma_nr_outcomes, -1);
}

/* True if the state just read without the lock is still the state that the call left. */
static __always_inline bool anonvma_is_as_left(const struct anonvma_task *state,
					       const struct anonvma_outcome *outcome, struct mm_struct *mm)
{
	return outcome ? !outcome->filled : anonvma_still_at(mm, state->seq + 1);
}

/* Certain if no other writer came in between, or the next writer has filled in the outcome. */
static __noinline __u64 anonvma_newly_locked(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_outcome *outcome;
	__u64 locked_vm;

	if (!state || !mm || !state->taken)
		return 0;
	locked_vm = anonvma_read(mm, locked_vm);
	outcome = anonvma_outcome_of(state);
	if (!anonvma_is_as_left(state, outcome, mm)) {
		if (!outcome)
			return 0;
		locked_vm = outcome->locked_vm;
	}
	return locked_vm - state->locked_vm + 1;
}

static __noinline bool anonvma_see_result(struct anonvma_task *state, struct mm_struct *mm,
					  __u64 addr, struct anonvma_seen_vma *seen)
{
	struct anonvma_outcome *outcome;
	__u64 vma;

	if (!state || !mm || !seen)
		return false;
	vma = state->fresh;
	if (!vma) {
		anonvma_first_in_tree(state, mm, addr);
		vma = state->tree.torn ? 0 : state->found;
	}
	anonvma_see_vma((struct vm_area_struct *)vma, seen);
	if (state->op == ANONVMA_OP_NAME)
		seen->name = anonvma_sent_name((struct vm_area_struct *)vma);
	outcome = anonvma_outcome_of(state);
	if (!anonvma_is_as_left(state, outcome, mm)) {
		if (!outcome)
			return false;
		*seen = outcome->seen;
	}
	return addr - seen->start < seen->len;
}

/*
 * Tells how far a failed call came: a driver's mmap fails after MAP_FIXED has unmapped the range,
 * and mremap may have moved some vmas before it reached the vma that stopped it. 0 if that is not
 * certain.
 */
static __noinline __u64 anonvma_first_behind(struct anonvma_task *state, struct mm_struct *mm,
					     __u64 start)
{
	struct anonvma_outcome *outcome;
	__u64 first;

	if (!state || !mm)
		return 0;
	first = anonvma_first_in_tree(state, mm, start);
	outcome = anonvma_outcome_of(state);
	if (anonvma_is_as_left(state, outcome, mm))
		return state->tree.torn ? 0 : first;
	return outcome ? outcome->first : 0;
}

static __always_inline __u64 anonvma_first_locked(struct mm_struct *mm, struct anonvma_task *state,
						  __u64 start)
{
	return anonvma_first_in_tree(state, mm, start);
}

static __always_inline __u64 anonvma_first_mapped(struct mm_struct *mm, struct anonvma_task *state,
						  __u64 start)
{
	__u64 first = anonvma_first_behind(state, mm, start);

	if (!first)
		anonvma_mark_dirty((__u64)mm, 0);
	return first;
}
