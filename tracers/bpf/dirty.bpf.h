/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The mms to be read again, because an untraced writer changed them or a reading was torn. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* The value is the tid of the writer while its call goes on, and 0 afterwards. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} anonvma_dirty SEC(".maps");

/*
 * `mm` has to be read. Any of its tasks reads it when the task next enters or leaves a system call,
 * or takes the lock for writing. `tid` is the writer whose call still goes on, or 0.
 */
static __always_inline void anonvma_mark_dirty(__u64 mm, __u32 tid)
{
	const long exists = -17;
	long error = bpf_map_update_elem(&anonvma_dirty, &mm, &tid, BPF_NOEXIST);

	if (!error)
		__sync_fetch_and_add(&anonvma_pending, 1);
	else if (error != exists)
		anonvma_count_lost(ANONVMA_SEEN, mm, 1);
}

static __always_inline bool anonvma_is_dirty(__u64 mm)
{
	return bpf_map_lookup_elem(&anonvma_dirty, &mm) != NULL;
}

/* The lock was busy: the next task that takes it reads the mm, even the untraced writer. */
static __always_inline void anonvma_leave_dirty(__u64 mm)
{
	const __u64 exist = 2;	/* BPF_EXIST */
	__u32 nobody = 0;

	bpf_map_update_elem(&anonvma_dirty, &mm, &nobody, exist);
}

/* True for the one task that reads `mm` now. */
static __always_inline bool anonvma_take_dirty(__u64 mm)
{
	if (bpf_map_delete_elem(&anonvma_dirty, &mm))
		return false;
	__sync_fetch_and_add(&anonvma_pending, -1);
	return true;
}

/* The current task writes to the mm of another process, and reads it when its call returns. */
static __always_inline void anonvma_note_foreign(struct anonvma_task *state, struct mm_struct *mm)
{
	if (!state)
		return;
	if (!state->foreign_mm)
		__sync_fetch_and_add(&anonvma_pending, 1);
	state->foreign_mm = (__u64)mm;
	state->foreign_pid = anonvma_owner_pid(mm);
}

static __always_inline void anonvma_forget_foreign(struct anonvma_task *state)
{
	if (!state->foreign_mm)
		return;
	state->foreign_mm = 0;
	state->strange_mm = 0;
	__sync_fetch_and_add(&anonvma_pending, -1);
}
