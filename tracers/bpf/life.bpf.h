/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The records of births and deaths of address spaces and tasks. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/cgroup.bpf.h"
#include "tracers/bpf/cgroup_record.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

__u64 anonvma_unread = 0;	/* mms that ended before they were read again */

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

/* `token`: `state` has the token of the fork. */
static __always_inline void anonvma_send_fork(struct anonvma_task *state, bool token,
					      struct mm_struct *mm, struct task_struct *child,
					      struct mm_struct *child_mm)
{
	const __u32 after_dup_mmap = 2;
	struct anonvma_fork_record *r;

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
	/*
	 * dup_mmap() has locked the child once. Until now nobody knew the mm, so a later writer was
	 * missed: the child has a userfaultfd from its parent, which may be closed already.
	 */
	if (r->child_seq > after_dup_mmap)
		anonvma_mark_dirty((__u64)child_mm, 0);
	r->child_tid = child->pid;
	r->child_tgid = child->tgid;
	r->child_local_tgid = anonvma_local_tgid(child);
	anonvma_submit(r);
	/* A child is in the cgroup of its parent, unless clone3() has put it into another one. */
	if (anonvma_cgroup_of(child) != anonvma_cgroup_of(anonvma_current()))
		anonvma_send_cgroup(child, child_mm, false);
}

/*
 * The child of an mm that is not recorded was born in the recorded cgroup: its parent has moved
 * there, or has put it there.
 */
static __always_inline void anonvma_find_newcomer(struct mm_struct *mm, struct task_struct *child)
{
	if (!anonvma_cgroup || !mm || !child->mm || child->mm == mm || !anonvma_sending)
		return;
	if (!anonvma_wanted((__u64)mm) && anonvma_in_cgroup(child))
		anonvma_send_cgroup(child, child->mm, true);
}

/* True if the birth of `child` is recorded. The current task is the parent. */
static __always_inline bool anonvma_records_birth(struct mm_struct *mm, struct task_struct *child)
{
	return mm && child->mm && anonvma_sending && anonvma_wanted((__u64)mm);
}

/* An execve of the task is over. True if `mm` is recorded. `old_mm` gets the old mm, or 0. */
static __always_inline bool anonvma_ends_exec(struct anonvma_task *state, struct mm_struct *mm,
					      __u64 *old_mm)
{
	if (state && state->op == ANONVMA_OP_EXECVE) {
		*old_mm = state->mm;
		state->op = ANONVMA_OP_NONE;
		if (state->leaves)
			return false;
	}
	/* The old mm may have left anonvma_tracked already; a traced execve is enough. */
	if (anonvma_tracked_only && !*old_mm)
		return false;
	anonvma_track((__u64)mm);
	return true;
}

/* A process has moved to another cgroup. Of a thread that moves alone only the leader counts. */
static __always_inline int anonvma_on_move(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (!mm || !anonvma_sending)
		return 0;
	if (!anonvma_wanted((__u64)mm)) {
		if (anonvma_brings_in(task, mm))
			anonvma_send_cgroup(task, mm, true);
	} else if (task->pid == task->tgid) {
		anonvma_send_cgroup(task, mm, false);
	}
	return 0;
}

/* Before 6.16 the task has no mm any more at this hook, and the event is not recorded. */
static __always_inline bool anonvma_records_exit(struct mm_struct *mm)
{
	return mm && anonvma_sending && anonvma_wanted((__u64)mm);
}

static __always_inline void anonvma_send_exit(struct mm_struct *mm)
{
	__u32 map_count = 0;

	if (anonvma_pending)
		anonvma_read_own_if_dirty();
	/* The last user is alone with the mm, so its final state is exact. */
	if (anonvma_get(mm, mm_users.counter) == 1) {
		map_count = anonvma_get(mm, map_count);
		if (anonvma_truth)
			anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_EXIT, 0);
	}
	anonvma_send(ANONVMA_EXIT_TASK, (__u64)mm, anonvma_mm_seq(mm, false), map_count);
}

/* The mm has ended. */
static __always_inline void anonvma_send_end_of_mm(struct anonvma_task *state, struct mm_struct *mm)
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
}
