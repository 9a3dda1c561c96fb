/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The tasks whose mm is recorded. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/tracked.bpf.h"

/*
 * The state of a task whose mm is recorded, else NULL. The answer is kept with the task: only a new
 * mm is looked up.
 */
static __always_inline struct anonvma_task *anonvma_wanted_task(struct task_struct *task, __u64 mm,
								__u32 kind)
{
	struct anonvma_task *state = anonvma_find_task(task);

	if (state && state->wanted_mm == mm)
		return state;
	if (!anonvma_wanted(mm))
		return NULL;
	if (!state)
		state = anonvma_get_task(task, kind);
	if (state)
		state->wanted_mm = mm;
	return state;
}
