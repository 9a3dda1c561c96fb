/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Bodies of the hooks of tasks and of their mms. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/life.bpf.h"
#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Runs in the parent, after dup_mmap() and before the child's first instruction. */
static __always_inline int anonvma_on_newtask(struct task_struct *child)
{
	struct task_struct *task = anonvma_current();
	struct mm_struct *mm = anonvma_get(task, mm);
	struct anonvma_task *state;

	anonvma_find_newcomer(mm, child);
	if (!anonvma_records_birth(mm, child))
		return 0;
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (child->mm == mm)
		anonvma_send_shared(mm, child);
	else
		anonvma_send_fork(state,
				  state && state->op == ANONVMA_OP_CLONE && state->taken, mm, child,
				  child->mm);
	return 0;
}

static __always_inline int anonvma_on_exec(void)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_find_task(task);
	struct mm_struct *mm = anonvma_get(task, mm);
	__u64 old_mm = 0;

	if (!mm || !anonvma_sending)
		return 0;
	anonvma_resolve(state);
	if (!anonvma_ends_exec(state, mm, &old_mm))
		return 0;
	anonvma_send_snapshot(ANONVMA_EXEC, 0, old_mm);
	anonvma_send_cgroup(task, mm, false);
	return 0;
}

static __always_inline int anonvma_on_exit_task(void)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_find_task(task);
	struct mm_struct *mm = anonvma_get(task, mm);

	anonvma_resolve(state);
	if (state) {
		anonvma_forget_foreign(state);
		anonvma_forget_outcome(state);
	}
	if (anonvma_records_exit(mm))
		anonvma_send_exit(mm);
	return 0;
}

/* Any task may drop the last reference, the recorder too: never filter by process. */
static __always_inline int anonvma_on_exit_mmap(struct mm_struct *mm)
{
	if (anonvma_sending)
		anonvma_send_end_of_mm(anonvma_find_task(anonvma_current()), mm);
	return 0;
}
