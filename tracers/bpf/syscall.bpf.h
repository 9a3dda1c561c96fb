/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bodies of the hooks of system calls. An operation is recorded when its call returns. Its token is
 * taken at the first write acquire of its own mm: mm_lock_seq, and map_count as earlier writers
 * left it.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/acquire.bpf.h"
#include "tracers/bpf/call.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/snapshot.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

static __always_inline int anonvma_on_sys_enter(struct pt_regs *regs, long nr)
{
	struct anonvma_task *state;
	struct task_struct *task;
	__u32 op = anonvma_op_of(nr);

	if (!anonvma_sending)
		return 0;
	if (anonvma_pending)
		anonvma_read_own_if_dirty();
	if (!op)
		return 0;
	task = anonvma_current();
	state = anonvma_calling_task(task, anonvma_get(task, mm), op);
	if (!state)
		return 0;
	anonvma_resolve(state);
	anonvma_begin_call(state, task, regs, nr, op);
	return 0;
}

/*
 * A clone took the lock and made no address space. A fork that failed after dup_mmap() changed nothing; a
 * new thread may have got a shadow stack, which the kernel has mapped.
 */
static __always_inline void anonvma_end_clone(struct task_struct *task, struct anonvma_task *state,
					      struct mm_struct *mm)
{
	if (!mm || !anonvma_size_changed(state, mm)) {
		anonvma_send(ANONVMA_EXTRA, state->mm, state->seq, state->map_count);
		return;
	}
	anonvma_send_unknown(task, state->mm, state->seq, state->map_count);
	anonvma_mark_dirty(state->mm, 0);
}

static __always_inline void anonvma_end_op(struct task_struct *task, struct anonvma_task *state,
					   long ret)
{
	struct mm_struct *mm = anonvma_get(task, mm);
	__u32 seq = state->seq;

	if (state->op == ANONVMA_OP_CLONE) {
		if (state->taken && !state->done)
			anonvma_end_clone(task, state, mm);
	} else if (state->op != ANONVMA_OP_EXECVE && mm && anonvma_op_matters(state)) {
		if (!state->taken)	/* even: another task may be writing */
			seq = anonvma_mm_seq(mm, false) & ~1u;
		anonvma_finish_op(mm, state, ret, seq);
	} else if (anonvma_moves_heap(state)) {
		anonvma_mark_dirty(state->mm, 0);	/* the outcome of brk depends on it */
	}
	anonvma_forget_outcome(state);
	state->op = ANONVMA_OP_NONE;
	state->fault_addr = 0;
}

static __always_inline int anonvma_on_sys_exit(struct pt_regs *regs, long ret)
{
	struct anonvma_task *state;
	struct task_struct *task;
	bool may_end = anonvma_may_end_op(anonvma_syscall_nr(regs));

	/* A call that ends after the end of the recording counts as in flight: its objects are incomplete. */
	if ((!may_end && !anonvma_pending) || !anonvma_sending)
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (state && may_end && state->op)
		anonvma_end_op(task, state, ret);
	if (!anonvma_pending)
		return 0;
	if (state)
		anonvma_read_foreign(state);
	anonvma_read_own_if_dirty();
	return 0;
}
