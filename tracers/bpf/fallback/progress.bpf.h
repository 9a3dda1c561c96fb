/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A substitute for lock numbers: an mm does not change while none of its operations is in flight.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include <bpf/bpf_helpers.h>

/* Operations of an mm, begun and ended. The map exists only on kernels without a lock hook. */
struct anonvma_progress {
	__u64 begun;
	__u64 ended;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct anonvma_progress);
} anonvma_progresses SEC(".maps");

static __always_inline void anonvma_count_op(__u64 mm, bool begins)
{
	struct anonvma_progress none = {};
	struct anonvma_progress *progress = bpf_map_lookup_elem(&anonvma_progresses, &mm);

	if (!progress && begins) {
		bpf_map_update_elem(&anonvma_progresses, &mm, &none, BPF_NOEXIST);
		progress = bpf_map_lookup_elem(&anonvma_progresses, &mm);
	}
	if (!progress)
		return;
	if (begins)
		__sync_fetch_and_add(&progress->begun, 1);
	else
		__sync_fetch_and_add(&progress->ended, 1);
}

/* Like a lock number: odd while an operation is in flight. */
static __always_inline __u32 anonvma_op_seq(__u64 mm)
{
	struct anonvma_progress *progress = bpf_map_lookup_elem(&anonvma_progresses, &mm);

	return progress ? 2 * (__u32)progress->begun + (progress->begun != progress->ended) : 0;
}
