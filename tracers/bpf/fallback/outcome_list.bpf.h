/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The state that a call has left, read without the mmap_lock. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/fallback/vma_list.bpf.h"
#include "tracers/bpf/names.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/vma.bpf.h"
#include <bpf/bpf_helpers.h>

static __always_inline bool anonvma_see_result(struct anonvma_task *state, struct mm_struct *mm,
					       __u64 addr, struct anonvma_seen_vma *seen)
{
	struct vm_area_struct *vma = (void *)anonvma_find_listed((__u64)mm, addr);

	if (!vma)
		return false;
	anonvma_see_vma(vma, seen);
	if (state->op == ANONVMA_OP_NAME)
		seen->name = anonvma_sent_name(vma);
	return addr - seen->start < seen->len;
}

static __always_inline __u64 anonvma_first_behind(struct anonvma_task *state, struct mm_struct *mm,
						  __u64 start)
{
	return BPF_CORE_READ(mm, mm_users.counter) == 1 ? anonvma_first_listed(mm, start) : 0;
}

static __always_inline __u64 anonvma_first_locked(struct mm_struct *mm, struct anonvma_task *state,
						  __u64 start)
{
	return anonvma_first_listed(mm, start);
}

static __always_inline __u64 anonvma_first_mapped(struct mm_struct *mm, struct anonvma_task *state,
						  __u64 start)
{
	return anonvma_first_listed(mm, start);
}

/* Never certain: another call may have changed mm->locked_vm by now. */
static __always_inline __u64 anonvma_newly_locked(struct anonvma_task *state, struct mm_struct *mm)
{
	return 0;
}
