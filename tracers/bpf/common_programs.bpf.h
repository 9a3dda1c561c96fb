/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Programs that are the same in all objects. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/hotplug.bpf.h"
#include "tracers/bpf/life.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Runs with interrupts off, so nothing can preempt it. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(anonvma_move, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	return anonvma_on_move(task);
}

/* Both are loaded beside the event alone. (unsigned int cpu, int target, int state, ...) */
SEC("raw_tp/cpuhp_enter")
int anonvma_cpu_step(__u64 *ctx)
{
	return anonvma_on_cpu_step(ctx[0], ctx[1]);
}

/* (bool preempt, struct task_struct *prev, struct task_struct *next, ...) */
SEC("raw_tp/sched_switch")
int anonvma_switch(__u64 *ctx)
{
	return anonvma_on_switch((struct task_struct *)ctx[1], (struct task_struct *)ctx[2]);
}
