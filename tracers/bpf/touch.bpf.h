/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Preparations without a fault hook.
 *
 * get_user_pages, populate and remote writes prepare a vma without a fault exception. They show as
 * the allocation of an anon_vma_chain inside __anon_vma_prepare. The kernel fills the entry's `vma`
 * only after the allocation, so the entry's address is kept with the task, and the entry is read at
 * the task's next hook.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

__u32 anonvma_growing = 0;	/* tasks whose fault is about to grow a stack */

/*
 * `kind` is ANONVMA_TOUCH, or ANONVMA_NEW_ANON_VMA: the task has allocated the anon_vma of the vma that it
 * prepares, as it found none to share. Of two tasks that prepare neighbours at once, both may find none.
 */
static __always_inline void anonvma_send_touch(__u32 kind, __u64 mm, __u32 seq, __u64 addr,
					       __u32 syscall, __u64 by)
{
	struct anonvma_touch_record *r;

	if (!anonvma_wanted(mm))
		return;
	r = anonvma_reserve(struct anonvma_touch_record, kind, mm, seq, 0);
	if (!r)
		return;
	r->addr = addr;
	r->syscall = syscall;
	r->by = by == mm ? 0 : by;
	anonvma_submit(r);
}

/* The object that a stranger has allocated to prepare a vma of `mm`. */
static __always_inline void anonvma_send_prepared(__u64 mm, __u64 object, __u32 cache)
{
	struct anonvma_truth_record *r;

	r = anonvma_reserve(struct anonvma_truth_record, ANONVMA_TRUTH, mm, 0, 0);
	if (!r)
		return;
	r->object = object;
	r->cache = cache;
	r->site = ANONVMA_SITE_PREPARE;
	r->freed = r->in_exec = 0;
	r->waits = r->forking = r->exiting = 0;
	r->start = 0;
	anonvma_submit(r);
}

static __noinline int anonvma_resolve_touch(struct anonvma_task *state)
{
	struct anon_vma_chain *avc;
	struct vm_area_struct *vma;
	struct anon_vma *av;
	struct mm_struct *mm;
	__u64 prepared, start;
	__u32 seq;

	if (!state)
		return 0;
	avc = (struct anon_vma_chain *)state->avc;
	prepared = state->prepared;
	state->avc = 0;
	state->prepared = 0;
	__sync_fetch_and_add(&anonvma_pending, -1);
	vma = BPF_CORE_READ(avc, vma);
	av = BPF_CORE_READ(avc, anon_vma);
	/* The loser of a race has freed its entry again: another task prepared the vma. */
	if (!vma || !av || BPF_CORE_READ(vma, anon_vma) != av)
		return 0;
	mm = BPF_CORE_READ(vma, vm_mm);
	if (state->strange && anonvma_wanted((__u64)mm)) {
		anonvma_send_prepared((__u64)mm, (__u64)avc, ANONVMA_CACHE_AVC);
		if (prepared == (__u64)av)
			anonvma_send_prepared((__u64)mm, prepared, ANONVMA_CACHE_ANON_VMA);
	}
	seq = state->avc_mm == (__u64)mm ? state->avc_seq : anonvma_mm_seq_probe(mm);
	start = BPF_CORE_READ(vma, vm_start);
	anonvma_send_touch(ANONVMA_TOUCH, (__u64)mm, seq, start, state->avc_syscall, state->avc_mm);
	if (prepared == (__u64)av && state->avc_mm == (__u64)mm &&
	    BPF_CORE_READ(mm, mm_users.counter) > 1)
		anonvma_send_touch(ANONVMA_NEW_ANON_VMA, (__u64)mm, seq, start, 0, (__u64)mm);
	return 0;
}

/* Sends the records that the task's last hook left pending. */
static __always_inline void anonvma_resolve(struct anonvma_task *state)
{
	if (!state)
		return;
	state->touch_addr = 0;
	if (state->avc)
		anonvma_resolve_touch(state);
	if (state->grow_mm) {	/* the stack did not grow: only the lock was taken */
		anonvma_send(ANONVMA_EXTRA, state->grow_mm, state->grow_seq,
			     state->grow_map_count);
		state->grow_mm = 0;
		__sync_fetch_and_add(&anonvma_growing, -1);
	}
}

/*
 * True if the task is handling a write fault of user mode, which has the address. Its record is
 * enough, unless the mm is shared: then the fault may have waited for the operations of other
 * tasks.
 */
static __always_inline bool anonvma_fault_explains(const struct anonvma_task *state,
						   struct task_struct *task)
{
	const __u64 both = ANONVMA_FAULT_WRITE | ANONVMA_FAULT_USER;

	/* A stack is prepared before it is known whether it may grow. */
	return (state->fault_addr & both) == both && !state->grow_mm &&
	       anonvma_in_user_exception(task);
}

static __always_inline void anonvma_on_prepare(__u64 avc)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_get_task(task, ANONVMA_TOUCH);
	struct mm_struct *mm = anonvma_get(task, mm);
	bool explained;

	if (!state)
		return;
	if (state->avc)		/* not grow_mm: this may be the preparation of a growing stack */
		anonvma_resolve_touch(state);
	state->prepared = 0;
	explained = anonvma_fault_explains(state, task);
	if (explained && mm &&
	    (anonvma_faults == ANONVMA_FAULTS_FIRST || (state->fault_addr & ANONVMA_FAULT_SHARED)))
		anonvma_send_touch(ANONVMA_TOUCH, (__u64)mm, anonvma_mm_seq(mm, false),
				   state->fault_addr & anonvma_page_mask, 0, (__u64)mm);
	if (explained && (state->fault_addr & ANONVMA_FAULT_SHARED))
		state->touch_addr = (state->fault_addr & anonvma_page_mask) | 1;
	state->fault_addr = 0;
	if (explained)
		return;
	state->avc = avc;
	state->avc_mm = (__u64)mm;
	state->strange = anonvma_truth && state->op != ANONVMA_OP_EXECVE &&
			 anonvma_is_stranger((__u64)mm);
	state->avc_seq = mm ? anonvma_mm_seq(mm, false) : 0;
	state->avc_syscall = state->op ? state->nr + 1 + (state->compat ? ANONVMA_COMPAT : 0) : 0;
	__sync_fetch_and_add(&anonvma_pending, 1);
}

/* The preparation that has just begun allocates an anon_vma. */
static __always_inline void anonvma_on_new_anon_vma(__u64 anon_vma)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_find_task(task);
	struct mm_struct *mm = anonvma_get(task, mm);

	if (!state)
		return;
	state->prepared = anon_vma;
	if (state->touch_addr && mm)
		anonvma_send_touch(ANONVMA_NEW_ANON_VMA, (__u64)mm, anonvma_mm_seq(mm, false),
				   state->touch_addr & anonvma_page_mask, 0, (__u64)mm);
	state->touch_addr = 0;
}
