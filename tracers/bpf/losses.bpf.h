/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Records that are missing, counted by mm, kind and cpu. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Read by the loader while the programs run. */
__u64 anonvma_losses = 0;	/* generation: bumped before and after each counter update */

/* Losses by kind and cpu, if anonvma_lost_of is full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ANONVMA_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} anonvma_lost SEC(".maps");

/* Losses by mm, kind and cpu. Counts only rise; the loader removes old ones. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct anonvma_loss);
	__type(value, __u64);
} anonvma_lost_of SEC(".maps");

/*
 * `count` records of `mm` are missing. 0: the loss of another mm's record concerns `mm`. If the map
 * is full, the loss may concern any mm.
 */
static __noinline int anonvma_count_lost(__u32 kind, __u64 mm, __u64 count)
{
	struct anonvma_loss key = { .mm = mm, .kind = kind, .cpu = bpf_get_smp_processor_id() };
	static const __u64 zero = 0;	/* not on the stack: callers leave little of it */
	__u64 *counter;

	/*
	 * A reader that sees the new counter also sees a new generation. The second step makes it
	 * read again if it was between the two.
	 */
	__sync_fetch_and_add(&anonvma_losses, 1);
	counter = bpf_map_lookup_elem(&anonvma_lost_of, &key);
	if (!counter) {
		bpf_map_update_elem(&anonvma_lost_of, &key, &zero, BPF_NOEXIST);
		counter = bpf_map_lookup_elem(&anonvma_lost_of, &key);
	}
	if (counter)
		__sync_fetch_and_add(counter, count ? count : ANONVMA_LOSS_CONCERNS);
	else if ((counter = bpf_map_lookup_elem(&anonvma_lost, &key.kind)))	/* the map is full */
		__sync_fetch_and_add(counter, 1);
	__sync_fetch_and_add(&anonvma_losses, 1);
	return 0;
}
