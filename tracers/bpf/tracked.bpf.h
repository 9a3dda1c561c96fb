/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The recorded mms: those that a record has announced and that have not ended. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Read by the loader while the programs run. */
bool anonvma_untracked = false;	/* there were more mms than anonvma_tracked holds */

/*
 * The mms that were announced (or whose announcement was lost) and whose exit_mmap() has not ended.
 * With anonvma_tracked_only only these are recorded. The set is exact as long as the map was large
 * enough.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} anonvma_tracked SEC(".maps");

static __always_inline bool anonvma_wanted(__u64 mm)
{
	if (!anonvma_tracked_only)
		return true;
	return bpf_map_lookup_elem(&anonvma_tracked, &mm) != NULL;
}

/*
 * True for a task that is not recorded, or has no mm. The objects that it allocates for a recorded mm
 * belong to that mm.
 */
static __always_inline bool anonvma_is_stranger(__u64 mm)
{
	return !mm || !anonvma_wanted(mm);
}

static __always_inline void anonvma_track(__u64 mm)
{
	__u8 one = 1;

	if (!bpf_map_update_elem(&anonvma_tracked, &mm, &one, BPF_ANY))
		return;
	anonvma_untracked = true;
	if (anonvma_tracked_only)
		anonvma_count_lost(ANONVMA_FORK, mm, 1);
}
