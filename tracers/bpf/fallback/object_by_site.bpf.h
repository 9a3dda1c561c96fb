/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Slab hooks without the cache among their arguments (before Linux kernel commit 3544de8ee6e4 "mm,
 * tracing: record slab name for kmem_cache_free()" and its successors): the cache follows from the
 * call site.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/fallback/effects.bpf.h"
#include "tracers/bpf/fallback/no_lock_hook.bpf.h"
#include "tracers/bpf/fallback/task_table.bpf.h"
#include "tracers/bpf/life.bpf.h"
#include "tracers/bpf/object.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * The cache by call site and size alone. Two sites are ambiguous, as their callees end in a jump:
 *  - unlink_anon_vmas() frees chain entries and, through __put_anon_vma(), anon_vmas. A chain entry
 *    has the pointer to its anon_vma where an anon_vma has the count of its lock, and the allocator
 *    writes its link into the middle of a free object.
 *  - A function that frees a vma may free its memory policy as well, through __mpol_put(). A policy
 *    has no pointer to an mm where a vma has one.
 */
static __always_inline __u32 anonvma_cache_by_site(__u64 object, __u64 size, bool freed,
						   __u32 site)
{
	struct anon_vma_chain *avc = (struct anon_vma_chain *)object;
	struct vm_area_struct *vma = (struct vm_area_struct *)object;

	switch (site) {
	case ANONVMA_SITE_OTHER:
		return ANONVMA_CACHES;
	case ANONVMA_SITE_VMA_FREE:
		return freed && (__s64)BPF_CORE_READ(vma, vm_mm) < 0 ? ANONVMA_CACHE_VMA :
								      ANONVMA_CACHES;
	case ANONVMA_SITE_VMA_ALLOC:
	case ANONVMA_SITE_VMA_DUP:
		return ANONVMA_CACHE_VMA;
	case ANONVMA_SITE_PUT:
		return ANONVMA_CACHE_ANON_VMA;
	case ANONVMA_SITE_PREPARE:
		if (freed)
			return ANONVMA_CACHE_AVC;
	}
	if (!freed)
		return size == bpf_core_type_size(struct anon_vma) ? ANONVMA_CACHE_ANON_VMA :
								     ANONVMA_CACHE_AVC;
	return BPF_CORE_READ(avc, anon_vma) ? ANONVMA_CACHE_AVC : ANONVMA_CACHE_ANON_VMA;
}

/*
 * The mm whose exit_mmap() the task is in: the mm that the task had at an earlier hook, or the
 * active_mm that do_exit() keeps until the task has to wait, or the mm that execve has just left.
 * If another task drops the last reference, as a reader of /proc may, the mm stays unknown.
 */
static __always_inline __u64 anonvma_mm_that_ends(struct anonvma_task *state, struct task_struct *task,
					     __u64 mm)
{
	const __u32 exiting = 0x4;	/* PF_EXITING */
	__u64 left = 0;

	if (!mm && (BPF_CORE_READ(task, flags) & exiting))
		left = state && state->wanted_mm ? state->wanted_mm :
						   (__u64)BPF_CORE_READ(task, active_mm);
	else if (state && state->op == ANONVMA_OP_EXECVE && state->mm != mm && !state->done)
		left = state->mm;
	return left && anonvma_is_unused((struct mm_struct *)left) ? left : mm;
}

/*
 * A chain entry of a prepare, under the lock. Calls of other tasks that held the lock before get a
 * place.
 */
static __always_inline void anonvma_on_prepare_by_site(struct anonvma_task *state, __u64 mm,
						   __u64 object, bool freed)
{
	if (!freed) {
		anonvma_place_others(mm);
		anonvma_on_prepare(object);
	} else if (state && state->avc == object) {	/* another task was faster */
		state->avc = 0;
		__sync_fetch_and_add(&anonvma_pending, -1);
	}
}

/*
 * The mm of a freed object. The hook runs after the free (until Linux kernel commit 3544de8ee6e4
 * "mm, tracing: record slab name for kmem_cache_free()", or a little later), so another cpu may
 * have reused the memory. The state of the freeing task is more reliable than the object.
 */
static __always_inline __u64 anonvma_freed_of(__u64 object, __u32 index, __u32 site,
					      struct anonvma_task *state, struct task_struct *task)
{
	__u64 mm = (__u64)BPF_CORE_READ(task, mm), owner, left;

	if (site == ANONVMA_SITE_PREPARE)
		return mm;
	if (state && state->exiting)
		return state->exiting;
	owner = anonvma_owner(object, index, true, site, state, task);
	if ((__s64)owner < 0 && (owner == mm || anonvma_is_unused((struct mm_struct *)owner)))
		return owner;
	left = anonvma_mm_that_ends(state, task, mm);
	if (left != mm)
		return left;
	/* The new mm of an execve, or the child of a fork that fails. */
	if (!mm || (state && (state->op == ANONVMA_OP_EXECVE || state->op == ANONVMA_OP_CLONE)))
		return owner;
	return mm;
}

/* An object of `mm` is freed: in an operation, or by exit_mmap(), which frees the vmas last. */
static __always_inline void anonvma_on_free_by_task(struct anonvma_task *state, __u64 mm, __u32 site)
{
	if (!state || state->exiting == mm)
		return;
	if (!anonvma_is_unused((struct mm_struct *)mm)) {
		anonvma_take_place(state, mm, site, true);
		return;
	}
	state->exiting = mm;
	anonvma_listed(state)->nr_left = BPF_CORE_READ((struct mm_struct *)mm, map_count);
}

static __always_inline void anonvma_end_mm(struct anonvma_task *state, struct mm_struct *mm)
{
	anonvma_send_end_of_mm(state, mm);
	anonvma_forget_mm(state, (__u64)mm);
}

/*
 * An object is allocated or freed. This may also be the place of its operation, or the end of its
 * mm.
 */
static __always_inline int anonvma_on_object_by_site(__u64 *ctx, bool freed)
{
	__u32 site = anonvma_site_of(ctx[0]);
	__u64 object = anonvma_void_arg(ctx, 1), size = freed ? 0 : anonvma_void_arg(ctx, 2);
	__u32 index = anonvma_cache_by_site(object, size, freed, site);
	struct task_struct *task;
	struct anonvma_task *state;
	__u64 mm;

	if (index >= ANONVMA_CACHES || !object)	/* the kernel may be out of memory */
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	if (freed) {
		mm = anonvma_freed_of(object, index, site, state, task);
		if (!state && mm && anonvma_is_unused((struct mm_struct *)mm) &&
		    (anonvma_truth || anonvma_wanted(mm)))
			state = anonvma_get_task(task, ANONVMA_TRUTH);
		if (mm)
			anonvma_on_free_by_task(state, mm, site);
	} else {
		mm = (__u64)BPF_CORE_READ(task, mm);
		anonvma_take_place(state, mm, site, false);
	}
	if (anonvma_truth)
		anonvma_send_object(task, state, mm, object, index, site, freed);
	if (freed && index == ANONVMA_CACHE_VMA && state && mm && state->exiting == mm &&
	    --anonvma_listed(state)->nr_left == 0)
		anonvma_end_mm(state, (struct mm_struct *)mm);
	if (site == ANONVMA_SITE_PREPARE && index == ANONVMA_CACHE_AVC)
		anonvma_on_prepare_by_site(state, mm, object, freed);
	if (site == ANONVMA_SITE_PREPARE && index == ANONVMA_CACHE_ANON_VMA && !freed)
		anonvma_on_new_anon_vma(object);
	return 0;
}

/*
 * A test before anything is sent: the loader, whose task->tgid is anonvma_testing, unmaps vmas. If
 * the kernel wipes or poisons freed objects, a hook after the free finds no pointer to an mm in the
 * vma.
 */
__u32 anonvma_testing = 0;
__u32 anonvma_tested = 0;
__u32 anonvma_wiped = 0;

static __always_inline void anonvma_test_free(__u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)anonvma_void_arg(ctx, 1);

	if (bpf_get_current_pid_tgid() >> 32 != anonvma_testing ||
	    anonvma_site_of(ctx[0]) != ANONVMA_SITE_VMA_FREE)
		return;
	anonvma_tested++;
	if ((__s64)BPF_CORE_READ(vma, vm_mm) >= 0)
		anonvma_wiped++;
}
