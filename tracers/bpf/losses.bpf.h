/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Records that are missing, counted by mm, kind and cpu. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Read by the loader while the programs run. */
__u64 anonvma_lost[ANONVMA_MAX_CPUS][ANONVMA_KINDS] = {};	/* if anonvma_lost_of is full */
__u64 anonvma_losses = 0;	/* generation: bumped before and after each counter update */

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
	__u32 cpu = bpf_get_smp_processor_id() & (ANONVMA_MAX_CPUS - 1);
	struct anonvma_loss key = { .mm = mm, .kind = kind, .cpu = cpu };
	__u64 *counter, zero = 0;

	if (kind >= ANONVMA_KINDS)
		return 0;
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
	else
		__sync_fetch_and_add(&anonvma_lost[cpu][kind], 1);
	__sync_fetch_and_add(&anonvma_losses, 1);
	return 0;
}
