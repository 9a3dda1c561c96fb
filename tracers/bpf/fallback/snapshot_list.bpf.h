/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Reads the vmas of an mm from inside, on kernels where they are a list. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/fallback/progress.bpf.h"
#include "tracers/bpf/fallback/settings.bpf.h"
#include "tracers/bpf/fallback/task_table.bpf.h"
#include "tracers/bpf/fallback/vma_list.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/bpf/names.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Sends one vma and returns the next. */
__noinline __u64 anonvma_send_listed(__u64 address, __u64 mm)
{
	struct vm_area_struct *vma = (void *)address;

	anonvma_send_vma(mm, vma, anonvma_sent_name(vma), false);
	return (__u64)anonvma_next_vma(vma);
}

/*
 * Sends a part of the list, as the verifier compares each iteration of a loop with all earlier
 * ones. The count is kept in the state of the task, as a function returns only one number.
 */
__noinline __u64 anonvma_send_part(__u64 vma, __u64 mm)
{
	struct anonvma_task *state = anonvma_find_task(anonvma_current());
	__u32 i;

	for (i = 0; i < ANONVMA_LISTED_PER_PART && vma; i++)
		vma = anonvma_send_listed(vma, mm);
	if (state)
		state->nr_seen += i;
	return vma;
}

/* A reading of too many vmas counts as lost. */
static __always_inline void anonvma_send_list(struct anonvma_task *state, struct mm_struct *mm)
{
	__u64 vma = (__u64)BPF_CORE_READ((struct mm_struct___list *)mm, mmap);

	for (__u32 i = 0; i < ANONVMA_LISTED_PARTS && vma; i++)
		vma = anonvma_send_part(vma, (__u64)mm);
	if (!vma)
		return;
	state->nr_seen = 0;
	anonvma_count_lost(ANONVMA_SEEN, (__u64)mm, 1);
}

/*
 * A list is read without a lock. Without a lock number, the reading is one state if no call was in
 * flight before or afterwards. After many tries the reading is accepted as it is.
 */
static __always_inline void anonvma_read_list(struct anonvma_task *state, struct mm_struct *mm,
					      bool last_time)
{
	const __u32 most_tries = 64;
	__u32 before = anonvma_no_lock_hook ? anonvma_op_seq((__u64)mm) : 0;
	bool patient = !last_time && anonvma_listed(state)->list_tries < most_tries;

	state->nr_seen = 0;
	state->seen_seq = anonvma_mm_seq(mm, false);
	state->seen_whole = 0;
	anonvma_listed(state)->list_tries++;
	if (patient && (before & 1))
		return;
	anonvma_send_list(state, mm);
	if (!state->nr_seen)
		return;
	if (patient && anonvma_no_lock_hook &&
	    (anonvma_op_seq((__u64)mm) != before ||
	     state->nr_seen != (__u32)BPF_CORE_READ(mm, map_count)))
		return;
	anonvma_listed(state)->list_tries = 0;
	state->seen_whole = 1;
}

/* A torn snapshot is not sent: a later hook reads the mm again. An Exec is sent in any case. */
static __noinline int anonvma_send_snapshot(__u32 kind, __u32 reason, __u64 old_mm)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_get_task(task, kind);
	struct mm_struct *mm = anonvma_get(task, mm);
	bool last_time = reason != ANONVMA_REASON_UNKNOWN_WRITE;

	if (!state || !mm)
		return 0;
	anonvma_read_list(state, mm, last_time);
	if (kind == ANONVMA_EXEC || state->seen_whole)
		anonvma_send_snapshot_record(state, task, mm, kind, reason, old_mm);
	else if (!last_time)
		anonvma_mark_dirty((__u64)mm, 0);
	return 0;
}

static __noinline int anonvma_read_own_if_dirty(void)
{
	__u64 mm = (__u64)anonvma_get(anonvma_current(), mm);

	if (mm && anonvma_take_dirty(mm))
		anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0);
	return 0;
}
