/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The state of a task in its task storage. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/task_state.bpf.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct anonvma_task);
} anonvma_tasks SEC(".maps");

static __always_inline struct anonvma_task *anonvma_lookup_task(struct task_struct *task, bool make)
{
	return bpf_task_storage_get(&anonvma_tasks, task, NULL,
				    make ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}
