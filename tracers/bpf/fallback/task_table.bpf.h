/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The state of a task in its task storage, or before Linux kernel commit a10787e6d58c "bpf: Enable
 * task local storage for tracing programs" in a table: from the first hook that needs the state to
 * the end of the task. The state has more members here.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include <bpf/bpf_helpers.h>

struct anonvma_listed_task {
	struct anonvma_task task;
	__u32 map_count;	/* of the mm when an untraced call began */
	__u32 nr_left;		/* vmas left in the mm that ends: its end has no hook of its own */
	__u32 list_tries;	/* failed readings of a list in a row */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct anonvma_listed_task);
} anonvma_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct anonvma_listed_task);
} anonvma_task_table SEC(".maps");

/* The value of a new entry: too large for the stack. */
const __u8 anonvma_new_task[sizeof(struct anonvma_listed_task)] = {};

static __always_inline bool anonvma_tasks_have_storage(void)
{
	return anonvma_has_helper(task_storage_get);
}

static __always_inline struct anonvma_task *anonvma_lookup_task(struct task_struct *task, bool make)
{
	struct anonvma_listed_task *state;
	__u64 key = (__u64)task;

	if (anonvma_tasks_have_storage()) {
		state = bpf_task_storage_get(&anonvma_tasks, task, NULL,
					     make ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
		return (struct anonvma_task *)state;
	}
	if (make)
		bpf_map_update_elem(&anonvma_task_table, &key, &anonvma_new_task, BPF_NOEXIST);
	return bpf_map_lookup_elem(&anonvma_task_table, &key);
}

static __always_inline struct anonvma_listed_task *anonvma_listed(struct anonvma_task *state)
{
	return (struct anonvma_listed_task *)state;
}

static __always_inline void anonvma_forget_task(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (!anonvma_tasks_have_storage())
		bpf_map_delete_elem(&anonvma_task_table, &key);
}
