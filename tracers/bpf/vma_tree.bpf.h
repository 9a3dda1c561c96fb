/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The maple tree of an mm, read as it stands in memory. Who holds the mmap_lock reads one state.
 * Otherwise a writer that comes in between shows in the number of the lock, and what was read is
 * worth nothing then. The open-coded iterator (Linux kernel commit 4ac454682158 "bpf: Introduce
 * task_vma open-coded iterator kfuncs") would be of no use: since it takes the locks of single vmas
 * it leaves out those whose lock is taken.
 */
#pragma once

#include "tracers/bpf/state.bpf.h"

enum {
	ANONVMA_TREE_STEPS = 1 << 20,	/* several times what a process may have mapped */
};

struct maple_range_64 {
	void *parent;
	unsigned long pivot[15];
	void *slot[16];
} __attribute__((preserve_access_index));

struct maple_arange_64 {
	void *parent;
	unsigned long pivot[9];
	void *slot[10];
} __attribute__((preserve_access_index));

/* A writer holds the lock, or is about to: RWSEM_WRITER_LOCKED. */
static __always_inline bool anonvma_is_writing(struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, mmap_lock.count.counter) & 1;
}

/*
 * Is the state still the one with lock number `seq`, which is even? Numbers that rise with the unlock
 * do not show a writer who holds the lock.
 */
static __always_inline bool anonvma_still_at(struct mm_struct *mm, __u32 seq)
{
	if (anonvma_mm_seq_probe(mm) != seq)
		return false;
	return anonvma_seq_shows_writer() || !anonvma_is_writing(mm);
}

/* Begins at the vma that ends behind `addr`. */
static __always_inline void anonvma_tree_begin(struct anonvma_tree *tree, struct mm_struct *mm,
					       __u64 addr)
{
	tree->seq = anonvma_mm_seq_probe(mm);
	tree->torn = 0;
	tree->root = tree->node = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	tree->index = addr;
	tree->max = ~0ull;
	tree->slot = 0;
	/* A tree of one entry is none of an mm: that has no vma. */
	tree->ended = (tree->root & 3) != 2 || tree->root < 4096;
}

/*
 * One slot further. The node's address carries its type; a pivot is the last index of its slot, and
 * where there is none (0) the slot is the last.
 */
static __always_inline struct vm_area_struct *anonvma_tree_step(struct anonvma_tree *tree)
{
	const __u32 leaf_64 = 1, range_64 = 2, arange_64 = 3;
	__u32 type = tree->node >> 3 & 15, slot = tree->slot, pivots = 15;
	__u64 node = tree->node & ~255ull, pivot = 0, entry = 0;
	__u64 at_pivot = bpf_core_field_offset(struct maple_range_64, pivot);
	__u64 at_slot = bpf_core_field_offset(struct maple_range_64, slot);
	bool last;

	if (type == arange_64) {
		pivots = 9;
		at_pivot = bpf_core_field_offset(struct maple_arange_64, pivot);
		at_slot = bpf_core_field_offset(struct maple_arange_64, slot);
	}
	if (type < leaf_64 || type > arange_64 || slot > pivots)
		goto torn;
	if (slot < pivots)
		bpf_probe_read_kernel(&pivot, sizeof(pivot), (void *)(node + at_pivot + 8 * slot));
	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)(node + at_slot + 8 * slot));
	last = !pivot || pivot >= tree->max;
	if (last)
		pivot = tree->max;
	if (pivot < tree->index) {	/* before what is looked for */
		if (last)
			goto torn;
		tree->slot++;
		return NULL;
	}
	if (type >= range_64) {
		if (entry < 4096)
			goto torn;
		tree->node = entry;
		tree->max = pivot;
		tree->slot = 0;
		return NULL;
	}
	tree->index = pivot + 1;
	tree->slot++;
	if (last) {	/* of the leaf: again from the root */
		tree->ended = pivot == ~0ull;
		tree->node = tree->root;
		tree->max = ~0ull;
		tree->slot = 0;
	}
	return (struct vm_area_struct *)entry;
torn:
	tree->torn = tree->ended = 1;
	return NULL;
}
