/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The number of write acquires of an mmap_lock: the order of the operations within one mm. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * Kernels without mm->mm_lock_seq (below): write acquires are counted here, by mm. An mm without an
 * entry has none yet. The loader looks for the member, and shrinks the map where the member exists.
 */
const volatile bool anonvma_counts_acquires = false;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u32);
} anonvma_acquires SEC(".maps");

static __always_inline __u32 anonvma_counted(__u64 mm)
{
	__u32 *count = bpf_map_lookup_elem(&anonvma_acquires, &mm);

	return count ? *count : 0;
}

/*
 * mm->mm_lock_seq came as an int that rises by one with every write unlock (Linux kernel commit
 * 5e31275cc997 "mm: add per-VMA lock and helper functions to control it") and became a seqcount,
 * odd while a writer holds the lock (eb449bd96954 "mm: convert mm_lock_seq to a proper seqcount").
 * Both become the second kind here. The count of kernels without the member differs in one point: it
 * includes a writer that holds the lock. Those kernels have no locks of single vmas, so a fault that
 * reads the count will wait for that writer.
 */
struct mm_struct___int_seq {
	int mm_lock_seq;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_counts_locks(void)
{
	return bpf_core_field_exists(((struct mm_struct___int_seq *)0)->mm_lock_seq);
}

/* True if the number is odd, or has risen, as soon as a writer may change something. */
static __always_inline bool anonvma_seq_shows_writer(void)
{
	return anonvma_counts_acquires ||
	       bpf_core_field_exists(((struct mm_struct *)0)->mm_lock_seq.sequence);
}

static __always_inline __u32 anonvma_mm_seq(struct mm_struct *mm, bool writing)
{
	if (anonvma_counts_acquires)
		return 2 * anonvma_counted((__u64)mm) - writing;
	if (bpf_core_field_exists(mm->mm_lock_seq.sequence))
		return mm->mm_lock_seq.sequence;
	if (!anonvma_counts_locks())
		return 0;
	return 2 * (__u32)((struct mm_struct___int_seq *)mm)->mm_lock_seq + writing;
}

/* The same of an mm the verifier knows no type of. */
static __always_inline __u32 anonvma_mm_seq_probe(struct mm_struct *mm)
{
	if (anonvma_counts_acquires)
		return 2 * anonvma_counted((__u64)mm);
	if (bpf_core_field_exists(mm->mm_lock_seq.sequence))
		return BPF_CORE_READ(mm, mm_lock_seq.sequence);
	if (!anonvma_counts_locks())
		return 0;
	return 2 * (__u32)BPF_CORE_READ((struct mm_struct___int_seq *)mm, mm_lock_seq);
}

/* The same again, not for programs of perf events. */
static __always_inline __u32 anonvma_mm_seq_read(struct mm_struct *mm)
{
	return bpf_rdonly_cast ? anonvma_mm_seq(anonvma_cast(mm), false) : anonvma_mm_seq_probe(mm);
}

/*
 * A writer has the lock: its number is the next one. False if the number could not be kept. The lock
 * makes the writer the only one to count.
 */
static __always_inline bool anonvma_count_acquire(struct mm_struct *mm)
{
	__u64 key = (__u64)mm;
	__u32 one = 1, *count;

	if (!anonvma_counts_acquires)
		return true;
	count = bpf_map_lookup_elem(&anonvma_acquires, &key);
	if (!count)
		return !bpf_map_update_elem(&anonvma_acquires, &key, &one, BPF_ANY);
	*count += 1;
	return true;
}

/* The mm ends. If this is skipped, the next mm at the address goes on counting: harmless. */
static __always_inline void anonvma_forget_acquires(__u64 mm)
{
	if (anonvma_counts_acquires)
		bpf_map_delete_elem(&anonvma_acquires, &mm);
}
