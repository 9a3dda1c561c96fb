/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The numbers of processes in the recorder's pid namespace. The recorder passes such numbers to
 * iterators, reads them in /proc and gets them from fork(). task->tgid is the number in the initial
 * namespace.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The loader runs anonvma_find_namespace once, before anything is attached. */
__u64 anonvma_namespace = 0;	/* the loader's pid namespace */
__u32 anonvma_level = 0;	/* the depth of the namespace; the initial one has 0 */
__u32 anonvma_recorder = 0;	/* the loader's task->tgid */

static __always_inline struct upid *anonvma_number_of(struct pid *pid, __u32 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       (__u64)level * bpf_core_type_size(struct upid);
}

/* The number of the task's process; 0 if the recorder's namespace does not list it. */
static __always_inline __u32 anonvma_local_tgid(struct task_struct *task)
{
	struct upid *number;
	struct pid *pid;

	if (!anonvma_level)
		return BPF_CORE_READ(task, tgid);
	pid = BPF_CORE_READ(task, group_leader, thread_pid);
	if (BPF_CORE_READ(pid, level) < anonvma_level)
		return 0;
	/* Sibling namespaces have the same level, so the namespace itself is compared. */
	number = anonvma_number_of(pid, anonvma_level);
	if ((__u64)BPF_CORE_READ(number, ns) != anonvma_namespace)
		return 0;
	return BPF_CORE_READ(number, nr);
}

static __always_inline int anonvma_on_find_namespace(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);

	anonvma_namespace = (__u64)BPF_CORE_READ(anonvma_number_of(pid, level), ns);
	anonvma_level = level;
	anonvma_recorder = bpf_get_current_pid_tgid() >> 32;
	return 0;
}
