/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Bodies of the hooks of mmap_lock. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/acquire.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/exec.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/refused.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/snapshot.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

static __always_inline void anonvma_on_write_acquire(struct mm_struct *mm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state = anonvma_find_task(task);
	enum anonvma_acquire_kind kind;
	__u32 seq;

	anonvma_resolve(state);
	if (mm->mm_users.counter == 0) {
		anonvma_begin_exit(state, task, mm);
		return;
	}
	if (!anonvma_count_acquire(mm))
		anonvma_count_lost(ANONVMA_UNKNOWN, (__u64)mm, 1);
	seq = anonvma_mm_seq(mm, true);
	if (anonvma_nr_outcomes)
		anonvma_read_outcome(mm, seq - 2);
	if (mm->mm_users.counter > 1)
		anonvma_look_at_call_before(mm, seq);
	if (anonvma_pending && task->mm == mm)
		anonvma_read_as_writer(mm);
	if (!mm->map_count)
		state = anonvma_kernel_execs(task, state);
	kind = anonvma_op_acquires(state, mm, seq);
	if (kind == ANONVMA_ACQUIRE_FIRST) {
		anonvma_enter_range(state, mm);
		if (mm->mm_users.counter > 1)
			anonvma_note_range(state, mm);
	}
	if (kind == ANONVMA_ACQUIRE_FOREIGN)
		anonvma_foreign_acquire(state, task, mm, seq);
}

/* (struct mm_struct *mm, [const char *path,] bool write, bool success) */
static __always_inline int anonvma_on_acquire(__u64 *ctx)
{
	struct mm_struct *mm = (struct mm_struct *)ctx[0];

	if (!anonvma_sending)
		return 0;
	if (anonvma_is_write_acquire(ctx))
		anonvma_on_write_acquire(mm);
	else
		anonvma_on_read_acquire(mm);
	return 0;
}
