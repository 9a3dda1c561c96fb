/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * CPUs that come and go, where an event of each CPU shows page faults. The event ends when its CPU goes
 * offline, and the loader opens another one when the CPU is back:
 *
 *   ends      the steps down of the CPU so far
 *   covered   1 + the `ends` that the loader had read before it opened the event it has
 *
 * The faults of a recorded task on a CPU that is not covered are counted as lost when the task leaves it, or at the
 * first fault that an event shows.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Read, and the second one written, by the loader while the programs run. */
__u32 anonvma_cpu_ends[ANONVMA_MAX_CPUS] = {};
__u32 anonvma_cpu_covered[ANONVMA_MAX_CPUS] = {};
__u32 anonvma_cpu_changes = 0;	/* the loader looks at the CPUs when it has grown */

/* The task that runs on this CPU and began before the CPU was covered. */
struct anonvma_unseen {
	__u64 mm;	/* 0: none */
	__u64 faults;	/* of the task so far */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct anonvma_unseen);
} anonvma_unseen_task SEC(".maps");

static __always_inline struct anonvma_unseen *anonvma_unseen_here(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&anonvma_unseen_task, &only);
}

struct task_struct___faults {
	struct mm_struct *mm;
	unsigned long min_flt, maj_flt;
} __attribute__((preserve_access_index));

/* The page faults that the task has finished. */
static __always_inline __u64 anonvma_faults_of(const struct task_struct___faults *task)
{
	if (!bpf_core_field_exists(task->min_flt))
		return 0;
	return BPF_CORE_READ(task, min_flt) + BPF_CORE_READ(task, maj_flt);
}

static __always_inline void anonvma_count_unseen(struct anonvma_unseen *unseen, struct task_struct *task)
{
	__u64 before = unseen->mm, mm = (__u64)BPF_CORE_READ(task, mm);
	__u64 faults = anonvma_faults_of((void *)task) - unseen->faults;

	unseen->mm = 0;
	if (!faults)
		return;
	anonvma_count_lost(ANONVMA_FAULT, before, faults);
	if (mm && mm != before)		/* execve() */
		anonvma_count_lost(ANONVMA_FAULT, mm, 0);
}

/* A step of a CPU up or down begins. On the way down the target is 0 when the CPU runs no task any more. */
static __always_inline int anonvma_on_cpu_step(__u32 cpu, __u32 target)
{
	if (!target)
		anonvma_cpu_ends[cpu & (ANONVMA_MAX_CPUS - 1)]++;
	__sync_fetch_and_add(&anonvma_cpu_changes, 1);
	return 0;
}

static __always_inline int anonvma_on_switch(struct task_struct *prev, struct task_struct *next)
{
	__u32 cpu = bpf_get_smp_processor_id() & (ANONVMA_MAX_CPUS - 1);
	struct anonvma_unseen *unseen = anonvma_unseen_here();
	__u64 mm;

	if (!unseen || !anonvma_sending)
		return 0;
	if (unseen->mm)
		anonvma_count_unseen(unseen, prev);
	if (anonvma_cpu_covered[cpu] == anonvma_cpu_ends[cpu] + 1)
		return 0;
	mm = (__u64)BPF_CORE_READ(next, mm);
	if (!mm || !anonvma_wanted(mm))
		return 0;
	unseen->mm = mm;
	unseen->faults = anonvma_faults_of((void *)next);
	__sync_fetch_and_add(&anonvma_cpu_changes, 1);
	return 0;
}

/* The event of this CPU shows a fault of the current task: from here on none is missed. */
static __always_inline void anonvma_on_covered_fault(void)
{
	struct anonvma_unseen *unseen = anonvma_unseen_here();

	if (unseen && unseen->mm)
		anonvma_count_unseen(unseen, anonvma_current());
}
