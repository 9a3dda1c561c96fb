/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The parts of a walk: its record in the ring, and one entry of a chain. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/cgroup.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Written by the loader while the programs run. */
__u64 anonvma_walk_id = 0;
__u32 anonvma_walk_purpose = ANONVMA_WALK_RECORDED;

/* The task that is being walked: one walk runs at a time. */
static __u64 anonvma_walk_task = 0;

/* True if the walk puts nothing into the ring: it visits mms that are not recorded, too. */
static __always_inline bool anonvma_walk_looks(void)
{
	return anonvma_walk_purpose == ANONVMA_WALK_LOOKS;
}

/*
 * The ring record marks the place of this mm's walk among all other records. False if the walk of the
 * task has begun already.
 */
static __always_inline bool anonvma_walk_begins(struct task_struct *task, struct mm_struct *mm)
{
	struct anonvma_walk_record *r;

	if (anonvma_walk_task == (__u64)task)
		return false;
	anonvma_walk_task = (__u64)task;
	if (anonvma_walk_looks())
		return false;
	if (anonvma_walk_purpose == ANONVMA_WALK_TRACKS)
		anonvma_track((__u64)mm);
	r = anonvma_reserve(struct anonvma_walk_record, ANONVMA_WALK, (__u64)mm,
			    anonvma_mm_seq(mm, false), anonvma_get(mm, map_count));
	if (!r)
		return true;
	r->head.tid = anonvma_get(task, pid);
	r->walk_id = anonvma_walk_id;
	anonvma_submit(r);
	return true;
}

/* False for an mm that is not recorded: its walk would only take room in the ring. */
static __always_inline bool anonvma_walk_wants(struct task_struct *task, struct mm_struct *mm)
{
	if (anonvma_walk_purpose == ANONVMA_WALK_LOOKS || anonvma_wanted((__u64)mm))
		return true;
	return anonvma_walk_purpose == ANONVMA_WALK_TRACKS &&
	       (!anonvma_cgroup || anonvma_brings_in(task, mm));
}

static __always_inline struct anon_vma_chain *anonvma_entry_of(struct list_head *link)
{
	return (void *)link - bpf_core_field_offset(struct anon_vma_chain, same_vma);
}

static __always_inline void anonvma_fill_entry(struct anonvma_walk_avc *entry, struct anon_vma *av)
{
	entry->anon_vma = (__u64)av;
	entry->root = (__u64)BPF_CORE_READ(av, root);
	entry->parent = (__u64)BPF_CORE_READ(av, parent);
	entry->num_children = anonvma_num_children(av);
	entry->num_active_vmas = anonvma_num_active_vmas(av);
	entry->refcount = (__u32)BPF_CORE_READ(av, refcount.counter);
}
