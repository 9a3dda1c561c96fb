/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bodies of the slab hooks. For a Touch the call site in __anon_vma_prepare is enough. The truth
 * lane also needs the cache of an object. anon_vma_chain is merged with other caches of 64 bytes,
 * so only the call site identifies it, not the cache's name or address. The other two caches are
 * never merged: their addresses also identify frees outside the listed functions.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/exec.bpf.h"
#include "tracers/bpf/object.bpf.h"
#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Addresses of struct kmem_cache, learnt from the first object of a listed function. */
__u64 anonvma_caches[ANONVMA_CACHES] = {};

static __always_inline bool anonvma_name_is(struct kmem_cache *cache, const char *name, __u32 size)
{
	char buffer[16] = {};
	const char *from = cache->name;

	bpf_probe_read_kernel(buffer, sizeof(buffer), from);
	for (__u32 i = 0; i < size; i++)
		if (buffer[i] != name[i])
			return false;
	return true;
}

/*
 * True if `cache` is the cache `index`. If that is not known yet, `name` decides, and it is stored.
 */
static __always_inline bool anonvma_is_cache(struct kmem_cache *cache, __u32 index, const char *name,
					     __u32 size)
{
	if ((__u64)cache == anonvma_caches[index])
		return true;
	if (anonvma_caches[index] || !anonvma_name_is(cache, name, size))
		return false;
	anonvma_caches[index] = (__u64)cache;
	return true;
}

static __always_inline __u32 anonvma_cache_of(struct kmem_cache *cache, __u32 site)
{
	__u64 key = (__u64)cache;

	if (key == anonvma_caches[ANONVMA_CACHE_VMA])
		return ANONVMA_CACHE_VMA;
	if (key == anonvma_caches[ANONVMA_CACHE_ANON_VMA])
		return ANONVMA_CACHE_ANON_VMA;
	if (site == ANONVMA_SITE_OTHER)
		return ANONVMA_CACHES;
	if (anonvma_is_cache(cache, ANONVMA_CACHE_ANON_VMA, "anon_vma", 9))
		return ANONVMA_CACHE_ANON_VMA;
	/* On kernels 6.4 to 6.14 these functions allocate and free a vma_lock as well. */
	if (site == ANONVMA_SITE_VMA_ALLOC || site == ANONVMA_SITE_VMA_DUP ||
	    site == ANONVMA_SITE_VMA_FREE)
		return anonvma_is_cache(cache, ANONVMA_CACHE_VMA, "vm_area_struct", 15) ?
			       ANONVMA_CACHE_VMA :
			       ANONVMA_CACHES;
	return ANONVMA_CACHE_AVC;
}

/* The last vma that anonvma_free has sent, by cpu. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} anonvma_freed_vma SEC(".maps");

static __always_inline __u64 *anonvma_freed_here(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&anonvma_freed_vma, &only);
}

/* An object of cache `index` is allocated or freed. ANONVMA_CACHES: another cache, not recorded. */
static __always_inline int anonvma_on_object(__u64 object, __u32 index, __u32 site, bool freed)
{
	struct task_struct *task;
	struct anonvma_task *state;
	bool vma = index == ANONVMA_CACHE_VMA;
	__u64 mm, *last;

	if (index >= ANONVMA_CACHES)
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	if (!freed && vma)
		state = anonvma_kernel_execs(task, state);
	mm = anonvma_owner(object, index, freed, site, state, task);
	/* vm_area_free() ends in a jump, so the call site is in its caller. */
	if (freed && vma && site != ANONVMA_SITE_VMA_FREE_RCU) {
		site = ANONVMA_SITE_VMA_FREE;
		if (anonvma_vma_waits()) {
			last = anonvma_freed_here();
			if (last)
				*last = object;
			if (!(state && state->exiting == mm))
				site = ANONVMA_SITE_VMA_FREE_RCU;
		}
	}
	/* The RCU callback interrupts any task: the state of that task does not matter. */
	if (site == ANONVMA_SITE_VMA_FREE_RCU)
		state = NULL;
	return anonvma_send_object(task, state, mm, object, index, site, freed);
}

/* True if vm_area_alloc() allocates a vma. From 6.4 to 6.14 it also allocates a vma_lock. */
static __always_inline bool anonvma_allocates_vma(__u64 call_site, struct kmem_cache *cache)
{
	return anonvma_is_inside(call_site, anonvma_vma_alloc) &&
	       anonvma_is_cache(cache, ANONVMA_CACHE_VMA, "vm_area_struct", 15);
}

/* An allocation that a hook has to handle. */
struct anonvma_allocation {
	__u64 object;
	__u32 index, site;	/* with --truth; else no cache */
	bool makes_vma;
	bool prepares;
	bool makes_anon_vma;
};

/*
 * __anon_vma_prepare() allocates a chain entry, and perhaps an anon_vma afterwards. An anon_vma_alloc() that
 * is a function of its own serves forks, too.
 */
static __always_inline void anonvma_read_prepare(__u64 call_site, struct kmem_cache *cache,
						 struct anonvma_allocation *a)
{
	bool inside = anonvma_is_inside(call_site, anonvma_prepare);

	if (!inside && !anonvma_is_inside(call_site, anonvma_new_anon_vma))
		return;
	a->makes_anon_vma = anonvma_is_cache(cache, ANONVMA_CACHE_ANON_VMA, "anon_vma", 9);
	a->prepares = inside && !a->makes_anon_vma;
}

/*
 * False if nothing is to be done. Most allocations of the machine end here, before the helper call that
 * reads the object. Its address is 0 if the kernel is out of memory.
 *
 * (unsigned long call_site, const void *ptr, struct kmem_cache *cache, ...)
 */
static __always_inline bool anonvma_read_allocation(__u64 *ctx, struct anonvma_allocation *a)
{
	struct kmem_cache *cache = (struct kmem_cache *)ctx[2];
	__u64 call_site = ctx[0];

	if (!anonvma_sending)
		return false;
	if (anonvma_truth) {
		a->site = anonvma_site_of(call_site);
		a->index = anonvma_cache_of(cache, a->site);
	}
	a->makes_vma = anonvma_allocates_vma(call_site, cache);
	anonvma_read_prepare(call_site, cache, a);
	if (a->index >= ANONVMA_CACHES && !a->makes_vma && !a->prepares && !a->makes_anon_vma)
		return false;
	a->object = anonvma_void_arg(ctx, 1);
	return a->object;
}

static __always_inline int anonvma_on_alloc(__u64 *ctx)
{
	struct anonvma_allocation a = { .index = ANONVMA_CACHES };

	if (!anonvma_read_allocation(ctx, &a))
		return 0;
	anonvma_on_object(a.object, a.index, a.site, false);
	if (a.makes_vma)
		anonvma_enter_vma(a.object);
	if (a.prepares)
		anonvma_on_prepare(a.object);
	if (a.makes_anon_vma)
		anonvma_on_new_anon_vma(a.object);
	return 0;
}

/* (unsigned long call_site, const void *ptr, const struct kmem_cache *cache) */
static __always_inline int anonvma_on_free(__u64 *ctx)
{
	__u32 site, index;

	if (!anonvma_sending)
		return 0;
	site = anonvma_site_of(ctx[0]);
	index = anonvma_cache_of((struct kmem_cache *)ctx[2], site);
	if (index >= ANONVMA_CACHES)
		return 0;
	return anonvma_on_object(anonvma_void_arg(ctx, 1), index, site, true);
}

/*
 * A second program for vmas that RCU callbacks free. A callback may interrupt any program, and no
 * program runs inside of itself. So this program handles a free that interrupts anonvma_free, and
 * the reverse. If both send the same free, the recorder takes the first. 0: nothing is left to
 * send.
 */
static __always_inline __u64 anonvma_unsent_vma(__u64 *ctx)
{
	__u64 vma, *last;

	if (!anonvma_sending || ctx[2] != anonvma_caches[ANONVMA_CACHE_VMA])
		return 0;
	vma = anonvma_void_arg(ctx, 1);
	last = anonvma_freed_here();
	if (!last || *last != vma)
		return vma;
	*last = 0;
	return 0;
}

static __always_inline int anonvma_on_free_late(__u64 *ctx)
{
	__u64 vma = anonvma_unsent_vma(ctx);

	if (!vma)
		return 0;
	return anonvma_on_object(vma, ANONVMA_CACHE_VMA, ANONVMA_SITE_VMA_FREE_RCU, true);
}
