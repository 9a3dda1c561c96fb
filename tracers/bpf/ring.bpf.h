/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The ring buffer. Records that do not fit into it are counted as losses, and a marker in the ring says
 * where the gap is:
 *
 *   reserve ─ no gap pending ──────────────── record
 *           ─ gap pending: marker, if it fits, record
 *           ─ full: count the loss; the next reserve finds a gap pending
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/losses.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Read and written by the loader while the programs run. */
__u32 anonvma_sending = 0;	/* off until the loader has attached everything */
__u64 anonvma_marked = 0;	/* the generation in the last gap marker */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} anonvma_ring SEC(".maps");

/*
 * A marker precedes the first record after a gap: the missing records were lost before the marker,
 * however late the recorder reads the ring. Without room for the marker the record is lost, too,
 * even if it is smaller.
 */
static __noinline bool anonvma_mark_gap(void)
{
	struct anonvma_gap_record *r;
	__u64 losses = anonvma_losses;

	r = bpf_ringbuf_reserve(&anonvma_ring, sizeof(*r), 0);
	if (!r)
		return false;
	anonvma_marked = losses;	/* not earlier: from now on other tasks send records */
	__builtin_memset(r, 0, sizeof(*r));
	r->head.time_ns = bpf_ktime_get_ns();
	r->head.kind = ANONVMA_GAP;
	r->losses = losses;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

static __always_inline void anonvma_fill_head(struct anonvma_record *head, __u32 kind, __u64 mm,
					      __u32 seq, __u32 map_count)
{
	head->time_ns = bpf_ktime_get_ns();
	head->mm = mm;
	head->seq = seq;
	head->map_count = map_count;
	head->tid = anonvma_get(anonvma_current(), pid);
	head->kind = kind;
	head->cpu = bpf_get_smp_processor_id();
}

/* Reserves a record and fills its head. NULL if the ring is full. */
#define anonvma_try_reserve(type, kind, mm, seq, map_count)                                  \
	({                                                                                   \
		type *record_ = NULL;                                                        \
		if (anonvma_losses == anonvma_marked || anonvma_mark_gap())                  \
			record_ = bpf_ringbuf_reserve(&anonvma_ring, sizeof(type), 0);       \
		if (record_)                                                                 \
			anonvma_fill_head((struct anonvma_record *)record_, kind, mm, seq,   \
					  map_count);                                        \
		record_;                                                                     \
	})

/*
 * The same. If the ring is full, the loss is counted, and the recorder turns the count into a Lost
 * event. There is no wakeup, as the loader polls.
 */
#define anonvma_reserve(type, kind, mm, seq, map_count)                                      \
	({                                                                                   \
		type *reserved_ = anonvma_try_reserve(type, kind, mm, seq, map_count);       \
		if (!reserved_)                                                              \
			anonvma_count_lost(kind, mm, 1);                                     \
		reserved_;                                                                   \
	})

static __always_inline void anonvma_submit(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* Records that are a head and nothing else. */
static __always_inline void anonvma_send(__u32 kind, __u64 mm, __u32 seq, __u32 map_count)
{
	struct anonvma_record *r;

	r = anonvma_reserve(struct anonvma_record, kind, mm, seq, map_count);
	if (r)
		anonvma_submit(r);
}
