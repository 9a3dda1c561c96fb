/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The number of write acquires of an mmap_lock: the order of the operations within one mm. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * On kernels without mm->mm_lock_seq (below) write acquires are counted here, by mm. An mm without
 * an entry had none yet. If the kernel has the member, the loader shrinks the map.
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
 * mm->mm_lock_seq was first an int that rises by one with every write unlock (Linux kernel commit
 * 5e31275cc997 "mm: add per-VMA lock and helper functions to control it") and became a seqcount,
 * odd while a writer holds the lock (eb449bd96954 "mm: convert mm_lock_seq to a proper seqcount").
 * The functions below return both as a seqcount. The count of kernels without the member differs in
 * one point: it includes a writer that holds the lock. Those kernels have no per-VMA locks, so a
 * fault that reads the count will wait for that writer.
 */
struct mm_struct___int_seq {
	int mm_lock_seq;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_counts_locks(void)
{
	return bpf_core_field_exists(((struct mm_struct___int_seq *)0)->mm_lock_seq);
}

/* True if the number becomes odd, or rises, before a writer changes anything. */
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

/* The same for a pointer whose type the verifier does not know. */
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

/* The same, but faster, and not for programs of perf events. */
static __always_inline __u32 anonvma_mm_seq_read(struct mm_struct *mm)
{
	return bpf_rdonly_cast ? anonvma_mm_seq(anonvma_cast(mm), false) : anonvma_mm_seq_probe(mm);
}

/*
 * Counts the acquire of a writer that holds the lock. False if the count could not be stored. No
 * other task counts at the same time, as the writer has the lock.
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

/* The mm ends. A skipped run is harmless: the next mm at this address continues the count. */
static __always_inline void anonvma_forget_acquires(__u64 mm)
{
	if (anonvma_counts_acquires)
		bpf_map_delete_elem(&anonvma_acquires, &mm);
}
