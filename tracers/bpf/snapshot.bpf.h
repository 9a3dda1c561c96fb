/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Reads the vmas of an mm from inside: at exec, at exit, and after an untraced writer. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/names.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/vma_tree.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

static long anonvma_send_next(__u32 i, struct anonvma_reading *reading)
{
	struct vm_area_struct *vma = anonvma_tree_step(&reading->state->tree);

	if (vma) {
		reading->state->nr_seen++;
		anonvma_send_vma(reading->mm, vma, anonvma_sent_name(vma), false);
	}
	return reading->state->tree.ended != 0;
}

/*
 * Sends every vma of the tree. The caller holds the mmap_lock, or checks afterwards that there was
 * no writer. The counts are kept in the state of the task: in a register, each vma would be a new
 * state for the verifier.
 */
static __noinline int anonvma_send_tree(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_reading reading = { .state = state, .mm = (__u64)mm };

	if (!state)
		return 0;
	state->nr_seen = 0;
	anonvma_tree_begin(&state->tree, mm, 0);
	bpf_loop(ANONVMA_TREE_STEPS, anonvma_send_next, &reading, 0);
	state->seen_seq = state->tree.seq;
	return 0;
}

/* True if the reading is one state: it has every vma, and the lock number is still the same. */
static __always_inline bool anonvma_seen_whole(const struct anonvma_task *state,
					       struct mm_struct *mm)
{
	return !state->tree.torn && !(state->seen_seq & 1) &&
	       state->seen_seq == anonvma_mm_seq_read(mm) &&
	       state->nr_seen == (__u32)anonvma_read(mm, map_count);
}

/*
 * bpf_find_vma() calls this with the mmap_lock held for reading. A dirty mm is removed from the map
 * here and not earlier: as long as no task holds the lock, the next writer has to find the mm
 * there.
 */
static long anonvma_read_locked(struct task_struct *task, struct vm_area_struct *vma,
				struct anonvma_reading *reading)
{
	struct anonvma_task *state = reading->state;
	struct anonvma_attempt *attempt = &state->attempt;
	struct mm_struct *mm = (struct mm_struct *)reading->mm;

	if (attempt->dirty && !anonvma_take_dirty(reading->mm))
		return 0;
	anonvma_send_tree(state, mm);
	state->seen_whole = anonvma_seen_whole(state, mm);
	if (attempt->kind != ANONVMA_EXEC && !state->seen_whole)
		return 0;
	anonvma_send_snapshot_record(state, task, mm, attempt->kind, attempt->reason,
				     attempt->other_mm);
	attempt->sent = 1;
	return 0;
}

/*
 * Only tries to take the lock. If this is the last chance to read the mm, it is then read without
 * the lock: it may not change by chance, and the lock number shows that.
 */
static __noinline int anonvma_read_mm(struct task_struct *task, struct anonvma_task *state,
				      struct mm_struct *mm)
{
	struct anonvma_reading reading = { .state = state, .mm = (__u64)mm };
	__u64 first;

	if (!task || !state)
		return 0;
	state->seen_whole = 0;
	first = anonvma_first_in_tree(state, mm, 0);
	if (!bpf_find_vma(task, first, anonvma_read_locked, &reading, 0))
		return 0;
	if (state->attempt.dirty)	/* nothing to read in an mm without a vma */
		return first == ~0ull ? anonvma_take_dirty((__u64)mm) : 0;
	anonvma_send_tree(state, mm);
	state->seen_whole = anonvma_seen_whole(state, mm) && !anonvma_is_writing(mm);
	return 0;
}

/*
 * Reads the mm of `task`. A snapshot that was not read as one state is not sent: the next task of
 * the mm that enters or leaves a system call, or takes the lock, reads the mm again. An Exec is
 * sent in any case, as it is the birth of the mm.
 */
static __always_inline void anonvma_snapshot_of(struct anonvma_task *state,
						struct task_struct *task, struct mm_struct *mm,
						__u32 kind, __u32 reason, __u64 other_mm)
{
	struct anonvma_attempt *attempt = &state->attempt;

	attempt->other_mm = other_mm;
	attempt->kind = kind;
	attempt->reason = reason;
	attempt->dirty = reason == ANONVMA_REASON_UNKNOWN_WRITE;
	attempt->sent = 0;
	anonvma_read_mm(task, state, mm);
	if (attempt->sent)
		return;
	if (attempt->kind == ANONVMA_EXEC || state->seen_whole)
		anonvma_send_snapshot_record(state, task, mm, attempt->kind, attempt->reason,
					     attempt->other_mm);
	else if (attempt->dirty)
		anonvma_leave_dirty((__u64)mm);
}

static __noinline int anonvma_send_snapshot(__u32 kind, __u32 reason, __u64 old_mm)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_get_task(task, kind);
	struct mm_struct *mm = anonvma_get(task, mm);

	if (state && mm)
		anonvma_snapshot_of(state, task, mm, kind, reason, old_mm);
	return 0;
}

extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* Reads the mm of another process that the current task has just written to. */
static __noinline int anonvma_send_foreign(struct anonvma_task *state)
{
	struct task_struct *task = anonvma_current();
	struct task_struct *owner;
	struct mm_struct *mm;

	if (!state)
		return 0;
	/*
	 * Not before 6.2 (Linux kernel commit 3f0e6f2b41d3 "bpf: Add bpf_task_from_pid() kfunc").
	 */
	if (!bpf_task_from_pid)
		return 0;
	owner = bpf_task_from_pid(state->foreign_pid);
	if (!owner)
		return 0;
	mm = anonvma_get(owner, mm);
	if (mm && (__u64)mm == state->foreign_mm && anonvma_is_dirty((__u64)mm))
		anonvma_snapshot_of(state, owner, mm, ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE,
				    (__u64)anonvma_get(task, mm));
	bpf_task_release(owner);
	return 0;
}

/* The tasks of the other process may sleep for long, so the writer reads the mm that it changed. */
static __always_inline void anonvma_read_foreign(struct anonvma_task *state)
{
	if (!state->foreign_mm)
		return;
	anonvma_send_foreign(state);
	anonvma_forget_foreign(state);
}

static __noinline int anonvma_read_own_if_dirty(void)
{
	__u64 mm = (__u64)anonvma_get(anonvma_current(), mm);

	if (mm && anonvma_is_dirty(mm))
		anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0);
	return 0;
}

/*
 * The current task has just taken the lock of its mm for writing, so nothing can change. The
 * reading shows the state that the previous writer left, and it is torn only if the tree cannot be
 * read.
 */
static __noinline int anonvma_read_as_writer(struct mm_struct *mm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state;
	__u64 key = (__u64)mm;
	__u32 *by;

	by = bpf_map_lookup_elem(&anonvma_dirty, &key);
	/* The untraced writer again, in the same call: the mm is read when the call ends. */
	if (!by || *by == (__u32)task->pid || !anonvma_take_dirty(key))
		return 0;
	state = anonvma_get_task(task, ANONVMA_SEEN);
	if (!state || !mm)
		return 0;
	anonvma_send_tree(state, mm);
	state->seen_seq = anonvma_mm_seq(mm, true) - 1;
	state->seen_whole = !state->tree.torn && state->nr_seen == (__u32)mm->map_count;
	if (state->seen_whole)
		anonvma_send_snapshot_record(state, task, mm, ANONVMA_SEEN,
					     ANONVMA_REASON_UNKNOWN_WRITE, 0);
	else
		anonvma_mark_dirty(key, 0);
	return 0;
}
