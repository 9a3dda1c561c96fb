/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Slab objects of the rmap layer. The slab hooks run at every allocation of the machine, so the
 * call site is checked first, with a few compares.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

static __always_inline bool anonvma_is_inside(__u64 call_site,
					      const volatile struct anonvma_site *parts)
{
#pragma unroll
	for (int i = 0; i < ANONVMA_MAX_PARTS; i++)
		if (call_site - parts[i].start < parts[i].size)
			return true;
	return false;
}

static __always_inline __u32 anonvma_site_of(__u64 call_site)
{
	for (__u32 i = 0; i < ANONVMA_MAX_SITES; i++) {
		if (i >= anonvma_nr_sites)
			break;
		if (call_site - anonvma_sites[i].start < anonvma_sites[i].size)
			return anonvma_sites[i].site;
	}
	return ANONVMA_SITE_OTHER;
}

/* Before 6.13 the verifier lets no program load an argument that is a pointer to void. */
static __always_inline __u64 anonvma_void_arg(__u64 *ctx, __u32 n)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + n);
	return value;
}

/* The mm of an object. Any task may free an object, so at a free the mm is read from the vma. */
static __always_inline __u64 anonvma_owner(__u64 object, __u32 cache, bool freed,
					   __u32 site, struct anonvma_task *state,
					   struct task_struct *task)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)object;
	struct anon_vma_chain *avc = (struct anon_vma_chain *)object;

	/*
	 * The loser of a race in __anon_vma_prepare() frees an entry that no vma ever had, and so does a
	 * fork that reuses an anon_vma: since 7.0 it allocates its own first.
	 */
	if (!freed || site == ANONVMA_SITE_PREPARE || site == ANONVMA_SITE_FORK)
		return (__u64)anonvma_get(task, mm);
	if (cache == ANONVMA_CACHE_VMA)
		return (__u64)BPF_CORE_READ(vma, vm_mm);
	if (cache == ANONVMA_CACHE_AVC)
		return (__u64)BPF_CORE_READ(avc, vma, vm_mm);
	return state && state->exiting ? state->exiting : (__u64)anonvma_get(task, mm);
}

/* The vm_start of a freed chain entry's vma; 0 if another object has reused the memory. */
static __always_inline __u64 anonvma_start_of(__u64 object, __u64 mm)
{
	struct anon_vma_chain *avc = (struct anon_vma_chain *)object;

	if ((__u64)BPF_CORE_READ(avc, vma, vm_mm) != mm)
		return 0;
	return BPF_CORE_READ(avc, vma, vm_start);
}

/* The token of the operation that allocates or frees an object of `mm`; 0 outside of operations. */
static __always_inline __u32 anonvma_truth_seq(const struct anonvma_task *state, __u64 mm)
{
	if (!state || !state->op || !state->taken || state->mm != mm || state->exiting)
		return 0;
	/* A fork is over when its record was sent. */
	return state->op == ANONVMA_OP_CLONE && state->done ? 0 : state->seq;
}

/*
 * The mm that a stranger allocates for; 0 if it is not known. A preparation tells its mm only when it is
 * over: anonvma_resolve_touch() sends its objects.
 */
static __always_inline __u64 anonvma_strange_mm(const struct anonvma_task *state, __u32 site)
{
	if (!state || site == ANONVMA_SITE_PREPARE || site == ANONVMA_SITE_ANON_VMA_ALLOC)
		return 0;
	return state->strange_mm;
}

/* Sends an object of `mm` that was allocated or freed. */
static __always_inline int anonvma_send_object(struct task_struct *task, struct anonvma_task *state,
					       __u64 mm, __u64 object, __u32 index, __u32 site,
					       bool freed)
{
	bool forking = state && state->op == ANONVMA_OP_CLONE && state->taken && !state->done;
	bool vma = index == ANONVMA_CACHE_VMA;
	struct anonvma_truth_record *r;
	bool in_exec;

	in_exec = state && state->op == ANONVMA_OP_EXECVE &&
		  !(state->exiting && state->exiting == state->mm);
	if (in_exec && state->leaves)
		return 0;
	/* A free by any task is sent: the recorder knows the objects that it has recorded. */
	if (!freed && !in_exec && anonvma_is_stranger(mm)) {
		mm = anonvma_strange_mm(state, site);
		if (!mm)
			return 0;
	}
	r = anonvma_reserve(struct anonvma_truth_record, ANONVMA_TRUTH, mm,
			    anonvma_truth_seq(state, mm), 0);
	if (!r)
		return 0;
	if (in_exec)	/* execve may change the tid */
		r->head.tid = anonvma_get(task, tgid);
	r->object = object;
	r->cache = index;
	r->site = site;
	if (site == ANONVMA_SITE_PUT)
		r->site = ANONVMA_SITE_UNLINK;
	else if (site == ANONVMA_SITE_ANON_VMA_ALLOC)
		r->site = forking ? ANONVMA_SITE_FORK : ANONVMA_SITE_PREPARE;
	r->freed = freed;
	r->in_exec = in_exec;
	r->waits = vma && anonvma_vma_waits();
	r->exiting = state && state->exiting && state->exiting == mm;
	r->start = r->exiting && index == ANONVMA_CACHE_AVC ? anonvma_start_of(object, mm) : 0;
	r->forking = forking;
	anonvma_submit(r);
	return 0;
}
