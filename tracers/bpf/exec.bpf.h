/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The creation of the new mm by an execve. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

static __always_inline void anonvma_exec_begins(struct anonvma_task *state, __u64 new_mm)
{
	struct anonvma_exec_begin_record *r;

	if (state->done || state->leaves)
		return;
	state->done = 1;
	r = anonvma_reserve(struct anonvma_exec_begin_record, ANONVMA_EXEC_BEGIN, new_mm, 0, 0);
	if (!r)
		return;
	r->old_mm = state->mm;
	anonvma_submit(r);
}

/*
 * The exec of a program that the kernel starts (call_usermodehelper()): a task without an mm, which
 * enters no system call, makes itself an mm. No other task without an mm allocates a vma, or locks
 * an mm that has no vma.
 */
static __always_inline struct anonvma_task *anonvma_kernel_execs(struct task_struct *task,
								 struct anonvma_task *state)
{
	if (anonvma_tracked_only || anonvma_get(task, mm))
		return state;
	if (!state)
		state = anonvma_get_task(task, ANONVMA_EXEC_BEGIN);
	if (!state || state->op == ANONVMA_OP_EXECVE)
		return state;
	state->mm = 0;
	state->op = ANONVMA_OP_EXECVE;
	state->taken = 0;
	state->done = 0;
	return state;
}
