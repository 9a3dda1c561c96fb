/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The slab hooks. They see every allocation of the machine, so a call site decides first, in a few
 * compares. For Touch the site of __anon_vma_prepare is all it takes. The truth lane also tells
 * which cache an object is of: anon_vma_chain is merged with other caches of 64 bytes, so that
 * neither its name nor its address discriminates, only the call site; the other two are never
 * merged, and their caches' addresses catch a free from a place nobody listed.
 */
#pragma once

#include "tracers/bpf/task.bpf.h"

/* Addresses of struct kmem_cache, learnt from the first object of a listed call site. */
__u64 anonvma_caches[ANONVMA_CACHES] = {};

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
 * By call site and size alone. What unlink_anon_vmas() frees may be an anon_vma, too: the tail of
 * __put_anon_vma() is a jump. A chain entry has its anon_vma where that has the count of its lock, and
 * the allocator writes its link into the middle of what is free. Who frees a vma may free its memory
 * policy as well, and __mpol_put() ends in a jump: that has no mm where a vma has one.
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

static __always_inline __u32 anonvma_cache_of(struct kmem_cache *cache, __u32 site)
{
	__u64 key = (__u64)cache;

	if (key == anonvma_caches[ANONVMA_CACHE_VMA])
		return ANONVMA_CACHE_VMA;
	if (key == anonvma_caches[ANONVMA_CACHE_ANON_VMA])
		return ANONVMA_CACHE_ANON_VMA;
	if (site == ANONVMA_SITE_OTHER)
		return ANONVMA_CACHES;
	if (!anonvma_caches[ANONVMA_CACHE_ANON_VMA] && anonvma_name_is(cache, "anon_vma", 9)) {
		anonvma_caches[ANONVMA_CACHE_ANON_VMA] = key;
		return ANONVMA_CACHE_ANON_VMA;
	}
	if (site == ANONVMA_SITE_VMA_ALLOC || site == ANONVMA_SITE_VMA_DUP ||
	    site == ANONVMA_SITE_VMA_FREE) {
		/* Kernels 6.4 to 6.14 allocate a vma_lock there as well. */
		if (!anonvma_name_is(cache, "vm_area_struct", 15))
			return ANONVMA_CACHES;
		anonvma_caches[ANONVMA_CACHE_VMA] = key;
		return ANONVMA_CACHE_VMA;
	}
	return ANONVMA_CACHE_AVC;
}

/* Whose object: read from the vma when it is freed, by whatever task. */
static __always_inline __u64 anonvma_owner(__u64 object, __u32 cache, bool freed,
					   __u32 site, struct anonvma_task *state,
					   struct task_struct *task)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)object;
	struct anon_vma_chain *avc = (struct anon_vma_chain *)object;

	/* The loser of a race in __anon_vma_prepare() frees an entry that no vma ever had. */
	if (!freed || site == ANONVMA_SITE_PREPARE)
		return (__u64)anonvma_get(task, mm);
	if (cache == ANONVMA_CACHE_VMA)
		return (__u64)BPF_CORE_READ(vma, vm_mm);
	if (cache == ANONVMA_CACHE_AVC)
		return (__u64)BPF_CORE_READ(avc, vma, vm_mm);
	return state && state->exiting ? state->exiting : (__u64)anonvma_get(task, mm);
}

/* 0: what is freed was another's already (anonvma_freed_of()). */
static __always_inline __u64 anonvma_start_of(__u64 object, __u64 mm)
{
	struct anon_vma_chain *avc = (struct anon_vma_chain *)object;

	if (anonvma_cache_untold && (__u64)BPF_CORE_READ(avc, vma, vm_mm) != mm)
		return 0;
	return BPF_CORE_READ(avc, vma, vm_start);
}

/* The token of the operation in which an object of `mm` lives or dies; 0 outside one. */
static __always_inline __u32 anonvma_truth_seq(const struct anonvma_task *state, __u64 mm)
{
	if (!state || !state->op || !state->taken || state->mm != mm || state->exiting)
		return 0;
	/* A fork is over once it was announced. */
	return state->op == ANONVMA_OP_CLONE && state->done ? 0 : state->seq;
}

/* The vma that the first program on the free hook has told, by cpu. */
__u64 anonvma_told[ANONVMA_MAX_CPUS] = {};

static __always_inline __u32 anonvma_cpu(void)
{
	return bpf_get_smp_processor_id() & (ANONVMA_MAX_CPUS - 1);
}

/* Sends an object of `mm` that was allocated or freed. */
static __always_inline int anonvma_tell_object(struct task_struct *task, struct anonvma_task *state,
					       __u64 mm, __u64 object, __u32 index, __u32 site,
					       bool freed)
{
	bool vma = index == ANONVMA_CACHE_VMA;
	struct anonvma_truth_record *r;
	bool in_exec;

	in_exec = state && state->op == ANONVMA_OP_EXECVE &&
		  !(state->exiting && state->exiting == state->mm);
	/* A free may come from anywhere: the recorder knows the objects it has seen. */
	if (!freed && !in_exec && !anonvma_wanted(mm))
		return 0;
	r = anonvma_reserve(struct anonvma_truth_record, ANONVMA_TRUTH, mm,
			    anonvma_truth_seq(state, mm), 0);
	if (!r)
		return 0;
	if (in_exec)	/* execve may change the tid */
		r->head.tid = anonvma_get(task, tgid);
	r->object = object;
	r->cache = index;
	r->site = site == ANONVMA_SITE_PUT ? ANONVMA_SITE_UNLINK : site;
	r->freed = freed;
	r->in_exec = in_exec;
	r->waits = vma && anonvma_vma_waits();
	r->exiting = state && state->exiting && state->exiting == mm;
	r->start = r->exiting && index == ANONVMA_CACHE_AVC ? anonvma_start_of(object, mm) : 0;
	r->forking = state && state->op == ANONVMA_OP_CLONE && state->taken && !state->done;
	anonvma_submit(r);
	return 0;
}

static __always_inline int anonvma_on_object(__u64 object, __u32 index, __u32 site, bool freed)
{
	struct task_struct *task;
	struct anonvma_task *state;
	bool vma = index == ANONVMA_CACHE_VMA;
	__u64 mm;

	if (index >= ANONVMA_CACHES || anonvma_was_told(ANONVMA_TELL_OBJECT, object, freed))
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	if (!freed && vma)
		state = anonvma_kernel_execs(task, state);
	mm = anonvma_owner(object, index, freed, site, state, task);
	/* vm_area_free() ends in a jump: the call site is its caller's. */
	if (freed && vma && site != ANONVMA_SITE_VMA_FREE_RCU) {
		site = ANONVMA_SITE_VMA_FREE;
		if (anonvma_vma_waits()) {
			anonvma_told[anonvma_cpu()] = object;
			if (!(state && state->exiting == mm))
				site = ANONVMA_SITE_VMA_FREE_RCU;
		}
	}
	/* Whoever is interrupted by the callback has nothing to do with the vma. */
	if (site == ANONVMA_SITE_VMA_FREE_RCU)
		state = NULL;
	return anonvma_tell_object(task, state, mm, object, index, site, freed);
}

static __always_inline int anonvma_on_told(__u64 call_site, __u64 object,
					   struct kmem_cache *cache, bool freed)
{
	__u32 site = anonvma_site_of(call_site);

	return anonvma_on_object(object, anonvma_cache_of(cache, site), site, freed);
}

/* Before 6.13 the verifier lets no program load an argument that is a pointer to void. */
static __always_inline __u64 anonvma_void_arg(__u64 *ctx, __u32 n)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + n);
	return value;
}

/* A chain entry of a prepare, under the lock: other tasks' calls may have been there before. */
static __always_inline void anonvma_prepare_unseen(struct anonvma_task *state, __u64 mm,
						   __u64 object, bool freed)
{
	if (!freed) {
		anonvma_witness(mm);
		anonvma_on_prepare(object);
	} else if (state && state->avc == object) {	/* another task was faster */
		state->avc = 0;
		__sync_fetch_and_add(&anonvma_pending, -1);
	}
}

/*
 * Whose a freed object is, where the hook comes behind the free (until Linux kernel commit 3544de8ee6e4
 * "mm, tracing: record slab name for kmem_cache_free()", or a little later): another cpu may have
 * allocated it anew. What the freeing task is doing tells more than the object.
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
	left = anonvma_mm_left(state, task, mm);
	if (left != mm)
		return left;
	/* An execve's new one, a fork that fails. */
	if (!mm || (state && (state->op == ANONVMA_OP_EXECVE || state->op == ANONVMA_OP_CLONE)))
		return owner;
	return mm;
}

/* An object of `mm` is freed: in an operation, or by exit_mmap(), which frees the vmas last. */
static __always_inline void anonvma_free_unseen(struct anonvma_task *state, __u64 mm, __u32 site)
{
	if (!state || state->exiting == mm)
		return;
	if (!anonvma_is_unused((struct mm_struct *)mm)) {
		anonvma_take_place(state, mm, site, true);
		return;
	}
	state->exiting = mm;
	state->nr_left = BPF_CORE_READ((struct mm_struct *)mm, map_count);
}

/* An object whose cache is not told. Where no hook sees the lock, either, it tells more. */
static __always_inline int anonvma_on_untold(__u64 *ctx, bool freed)
{
	__u32 site = anonvma_site_of(ctx[0]);
	__u64 object = anonvma_void_arg(ctx, 1), size = freed ? 0 : anonvma_void_arg(ctx, 2);
	__u32 index = anonvma_cache_by_site(object, size, freed, site);
	struct task_struct *task;
	struct anonvma_task *state;
	__u64 mm;

	if (index >= ANONVMA_CACHES)
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	if (freed) {
		mm = anonvma_freed_of(object, index, site, state, task);
		if (!state && mm && anonvma_is_unused((struct mm_struct *)mm) &&
		    (anonvma_truth || anonvma_wanted(mm)))
			state = anonvma_get_task(task, ANONVMA_TRUTH);
		if (mm)
			anonvma_free_unseen(state, mm, site);
	} else {
		mm = (__u64)BPF_CORE_READ(task, mm);
		anonvma_take_place(state, mm, site, false);
	}
	if (anonvma_truth)
		anonvma_tell_object(task, state, mm, object, index, site, freed);
	if (freed && index == ANONVMA_CACHE_VMA && state && mm && state->exiting == mm &&
	    --state->nr_left == 0)
		anonvma_end_mm(state, (struct mm_struct *)mm);
	if (site == ANONVMA_SITE_PREPARE && index == ANONVMA_CACHE_AVC)
		anonvma_prepare_unseen(state, mm, object, freed);
	return 0;
}

/* (unsigned long call_site, const void *ptr, struct kmem_cache *cache, ...) */
static __always_inline int anonvma_on_alloc(__u64 *ctx)
{
	__u64 call_site = ctx[0], object;
	struct kmem_cache *cache;

	if (!anonvma_sending)
		return 0;
	if (anonvma_cache_untold)
		return anonvma_on_untold(ctx, false);
	cache = (struct kmem_cache *)ctx[2];
	if (anonvma_truth)
		anonvma_on_told(call_site, anonvma_void_arg(ctx, 1), cache, false);
	/* Kernels 6.4 to 6.14 allocate a vma_lock there as well. */
	if (anonvma_is_inside(call_site, anonvma_vma_alloc) &&
	    anonvma_name_is(cache, "vm_area_struct", 15))
		anonvma_enter_vma(anonvma_void_arg(ctx, 1));
	if (!anonvma_is_inside(call_site, anonvma_prepare))
		return 0;
	/* __anon_vma_prepare allocates the chain entry first, then perhaps an anon_vma. */
	if (anonvma_name_is(cache, "anon_vma", 9))
		return 0;
	object = anonvma_void_arg(ctx, 1);
	if (!anonvma_was_told(ANONVMA_TELL_PREPARE, object, 0))
		anonvma_on_prepare(object);
	return 0;
}

SEC("tp_btf/kmem_cache_alloc")
int anonvma_alloc(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_on_alloc(ctx));
}

/*
 * Before anything is sent the loader, of this task->tgid, unmaps. A hook that comes behind the free finds
 * nothing in a vma that the kernel has wiped or poisoned: no pointer to an mm.
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

/* (unsigned long call_site, const void *ptr, const struct kmem_cache *cache) */
static __always_inline int anonvma_on_free(__u64 *ctx)
{
	if (!anonvma_sending) {
		if (anonvma_cache_untold && anonvma_testing)
			anonvma_test_free(ctx);
		return 0;
	}
	if (anonvma_cache_untold)
		return anonvma_on_untold(ctx, true);
	return anonvma_on_told(ctx[0], anonvma_void_arg(ctx, 1), (struct kmem_cache *)ctx[2],
			       true);
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_on_free(ctx));
}

/*
 * The vmas of RCU callbacks once more. No program runs inside of itself, and callbacks interrupt
 * whatever runs: what comes inside the program above this one sees, and the other way round. Where
 * both have told one the recorder takes the first.
 */
static __always_inline int anonvma_on_free_late(__u64 *ctx)
{
	__u64 vma;

	if (!anonvma_sending || ctx[2] != anonvma_caches[ANONVMA_CACHE_VMA])
		return 0;
	vma = anonvma_void_arg(ctx, 1);
	if (anonvma_told[anonvma_cpu()] == vma) {
		anonvma_told[anonvma_cpu()] = 0;
		return 0;
	}
	return anonvma_on_object(vma, ANONVMA_CACHE_VMA, ANONVMA_SITE_VMA_FREE_RCU, true);
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free_late(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_on_free_late(ctx));
}
