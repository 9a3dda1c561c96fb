/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Calls that fail after a part of their work, in an mm with several users. That a call has failed shows
 * when it returns, and by then another thread may have changed the mm. So the writer with the next
 * number looks at the range of the call before, and reads the mm if that range does not look as after a
 * success:
 *
 *   thread A   mprotect: lock 41 ─ changes a part ─ unlock ───────────────── sys_exit: failed
 *   thread B                                        lock 43: reads the mm ─ munmap
 *
 * A call that has succeeded may look like one that has not. Then the reading tells nothing new.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/vma_tree.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* The last call of an mm that may fail in this way. It is written under the mmap_lock of the mm. */
struct anonvma_last_call {
	__u64 mm;
	__u64 start, end;	/* its range */
	__u64 total_vm;		/* of the mm when the call took the lock */
	__u32 map_count;	/* likewise */
	__u32 seq;
	__u32 op;
};

/* By address. Of two mms with one entry, the later call stands. */
#define ANONVMA_LAST_CALLS 4096
static struct anonvma_last_call anonvma_last_calls[ANONVMA_LAST_CALLS];

static __always_inline struct anonvma_last_call *anonvma_last_call_of(const struct mm_struct *mm)
{
	__u64 hash;

	/* The verifier forbids arithmetic with a pointer, and does not see that this is one. */
	bpf_probe_read_kernel(&hash, sizeof(hash), &mm);
	hash = hash * 0x9e3779b97f4a7c15ull >> 52;
	return &anonvma_last_calls[hash & (ANONVMA_LAST_CALLS - 1)];
}

/* True if a part of the call may be done when it fails, within the range of its first two arguments. */
static __always_inline bool anonvma_may_be_refused(const struct anonvma_task *state)
{
	const __u64 dont_unmap = 4, mremap_fixed = 2, map_fixed = 0x10;

	if (state->op == ANONVMA_OP_MMAP)
		return state->args[3] & map_fixed;
	if (state->op == ANONVMA_OP_MREMAP)
		return (state->args[3] & mremap_fixed) && !(state->args[3] & dont_unmap);
	return state->op == ANONVMA_OP_MUNMAP || anonvma_changes_range(state->op);
}

/* The call of the current task has taken the lock. */
static __always_inline void anonvma_note_range(const struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_last_call *call;

	if (!anonvma_may_be_refused(state))
		return;
	call = anonvma_last_call_of(mm);
	call->mm = (__u64)mm;
	call->start = state->args[0] & anonvma_page_mask;
	call->end = (state->args[0] + state->args[1] + ~anonvma_page_mask) & anonvma_page_mask;
	call->total_vm = state->total_vm;
	call->map_count = state->map_count;
	call->seq = state->seq;
	call->op = state->op;
}

/* True if the range is not one vma, or is the start of one vma that was split only there. */
static __always_inline bool anonvma_is_in_pieces(const struct anonvma_last_call *call,
						 struct anonvma_task *state, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	__u64 start, end;

	if (anonvma_first_in_tree(state, mm, call->start) != call->start)
		return true;
	vma = (struct vm_area_struct *)state->found;
	start = anonvma_read(vma, vm_start);
	end = anonvma_read(vma, vm_end);
	return end < call->end ||
	       (start == call->start && end > call->end &&
		(__u32)mm->map_count == call->map_count + 1);
}

static __always_inline bool anonvma_looks_refused(const struct anonvma_last_call *call,
						  struct anonvma_task *state, struct mm_struct *mm)
{
	bool as_large = mm->total_vm == call->total_vm;
	bool as_many = (__u32)mm->map_count == call->map_count;

	switch (call->op) {
	case ANONVMA_OP_MUNMAP:
		return as_large && !as_many;
	case ANONVMA_OP_MMAP:
		return !(as_large && as_many) && anonvma_is_in_pieces(call, state, mm);
	case ANONVMA_OP_MREMAP:
		return anonvma_first_in_tree(state, mm, call->start) < call->end;
	}
	return anonvma_is_in_pieces(call, state, mm);
}

/*
 * The current task has taken the lock with number `seq`. If the call before it looks as if it had been
 * refused, the mm is marked to be read.
 */
static __noinline int anonvma_look_at_call_before(struct mm_struct *mm, __u32 seq)
{
	const struct anonvma_last_call *call = anonvma_last_call_of(mm);
	struct anonvma_task *state;

	if (call->mm != (__u64)mm || call->seq != seq - 2)
		return 0;
	state = anonvma_get_task(bpf_get_current_task_btf(), ANONVMA_SEEN);
	if (state && anonvma_looks_refused(call, state, mm))
		anonvma_mark_dirty((__u64)mm, 0);
	return 0;
}
