/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The cgroup of a task, in one hierarchy: that of --cgroup, or else the one that charges the memory.
 * Cgroups are compared by id, which is the inode number of their directory.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* NULL on a kernel without cgroups. */
static __always_inline struct cgroup *anonvma_cgroup_of(struct task_struct *task)
{
	struct cgroup_subsys_state *css = NULL;
	struct css_set *set;

	if (!bpf_core_field_exists(task->cgroups))
		return NULL;
	set = BPF_CORE_READ(task, cgroups);
	if (anonvma_cgroup_subsys == ANONVMA_CGROUP_V2)
		return BPF_CORE_READ(set, dfl_cgrp);
	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      sizeof(css) * (anonvma_cgroup_subsys & 63));
	return BPF_CORE_READ(css, cgroup);
}

static __always_inline __u64 anonvma_cgroup_id(struct task_struct *task)
{
	struct cgroup *cgroup = anonvma_cgroup_of(task);

	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/* True if the task is in the recorded cgroup or below. */
static __noinline bool anonvma_in_cgroup(struct task_struct *task)
{
	const int deepest = 64;
	struct cgroup *cgroup;

	if (!task || !anonvma_cgroup)
		return false;
	cgroup = anonvma_cgroup_of(task);
	for (int i = 0; i < deepest && cgroup; i++) {
		if (BPF_CORE_READ(cgroup, kn, id) == anonvma_cgroup)
			return true;
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return false;
}

/*
 * True if the mm belongs to the recorded cgroup by this task. A child of vfork() uses the mm of its
 * parent, which may be elsewhere.
 */
static __always_inline bool anonvma_brings_in(struct task_struct *task, struct mm_struct *mm)
{
	if (!anonvma_in_cgroup(task))
		return false;
	if (!bpf_core_field_exists(mm->owner))
		return true;
	return BPF_CORE_READ(mm, owner, tgid) == BPF_CORE_READ(task, tgid);
}
