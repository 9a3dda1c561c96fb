/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The maple tree of an mm, read node by node from memory. A reader that holds the mmap_lock reads
 * one state. Without the lock, the lock number shows a writer that came in between, and the reading
 * is dropped. The open-coded iterator (Linux kernel commit 4ac454682158 "bpf: Introduce task_vma
 * open-coded iterator kfuncs") is no help: it leaves out vmas whose own lock is taken.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

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

/* The semaphore of a kernel with PREEMPT_RT. */
struct rwbase_rt {
	atomic_t readers;
} __attribute__((preserve_access_index));
struct rw_semaphore___rt {
	struct rwbase_rt rwbase;
} __attribute__((preserve_access_index));
struct mm_struct___rt {
	struct rw_semaphore___rt mmap_lock;
} __attribute__((preserve_access_index));

/* True if a writer holds the lock, or is about to: RWSEM_WRITER_LOCKED, with PREEMPT_RT WRITER_BIAS. */
static __always_inline bool anonvma_is_writing(struct mm_struct *mm)
{
	const int writer_bias = 1 << 30;
	struct mm_struct___rt *rt = (void *)mm;

	if (bpf_core_field_exists(rt->mmap_lock.rwbase))
		return BPF_CORE_READ(rt, mmap_lock.rwbase.readers.counter) & writer_bias;
	return anonvma_read(mm, mmap_lock.count.counter) & 1;
}

/*
 * True if the mm is still in the state with lock number `seq`, which is even. A number that rises
 * only at the unlock does not show a writer that holds the lock.
 */
static __always_inline bool anonvma_still_at(struct mm_struct *mm, __u32 seq)
{
	if (anonvma_mm_seq_read(mm) != seq)
		return false;
	return anonvma_seq_shows_writer() || !anonvma_is_writing(mm);
}

/* Begins at the first vma that ends above `addr`. */
static __always_inline void anonvma_tree_begin(struct anonvma_tree *tree, struct mm_struct *mm,
					       __u64 addr)
{
	tree->seq = anonvma_mm_seq_read(mm);
	tree->torn = 0;
	tree->root = tree->node = (__u64)anonvma_read(mm, mm_mt.ma_root);
	tree->index = addr;
	tree->max = ~0ull;
	tree->slot = 0;
	/* A root that is not a node pointer: the mm has no vma. */
	tree->ended = (tree->root & 3) != 2 || tree->root < 4096;
}

/* The word at `address`, which lies in a node. */
static __always_inline __u64 anonvma_tree_word(__u64 address)
{
	__u64 before = bpf_core_field_offset(struct maple_range_64, pivot);

	return anonvma_read((struct maple_range_64 *)(address - before), pivot[0]);
}

/*
 * Goes on to the slot of the node that holds tree->index, and returns the slot's pivot: its last
 * index. A missing pivot (0) marks the last slot, which ends with its node. A result below
 * tree->index: there is no such slot.
 */
static __always_inline __u64 anonvma_tree_seek(struct anonvma_tree *tree, __u64 pivots, __u32 nr)
{
	__u64 pivot = 0;

	for (__u32 i = 0; i < 15 && tree->slot < nr; i++) {
		pivot = anonvma_tree_word(pivots + 8 * tree->slot);
		if (!pivot || pivot >= tree->max)
			return tree->max;
		if (pivot >= tree->index)
			return pivot;
		tree->slot++;
	}
	return tree->slot == nr ? tree->max : 0;
}

/*
 * Goes on by one node or one vma; returns the vma, or NULL. The node's address carries its type.
 */
static __always_inline struct vm_area_struct *anonvma_tree_step(struct anonvma_tree *tree)
{
	const __u32 leaf_64 = 1, range_64 = 2, arange_64 = 3;
	__u32 type = tree->node >> 3 & 15, pivots = 15;
	__u64 node = tree->node & ~255ull, pivot, entry;
	__u64 at_pivot = bpf_core_field_offset(struct maple_range_64, pivot);
	__u64 at_slot = bpf_core_field_offset(struct maple_range_64, slot);
	bool last;

	if (type == arange_64) {
		pivots = 9;
		at_pivot = bpf_core_field_offset(struct maple_arange_64, pivot);
		at_slot = bpf_core_field_offset(struct maple_arange_64, slot);
	}
	if (type < leaf_64 || type > arange_64)
		goto torn;
	pivot = anonvma_tree_seek(tree, node + at_pivot, pivots);
	if (pivot < tree->index)
		goto torn;
	last = pivot == tree->max;
	entry = anonvma_tree_word(node + at_slot + 8 * tree->slot);
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
	if (last) {	/* slot of the leaf: start again at the root */
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

/* One reading of the tree of an mm, for the callbacks below. */
struct anonvma_reading {
	struct anonvma_task *state;
	__u64 mm;
};

static long anonvma_find_first(__u32 i, struct anonvma_reading *reading)
{
	struct vm_area_struct *vma = anonvma_tree_step(&reading->state->tree);

	if (vma)
		reading->state->found = (__u64)vma;
	return vma || reading->state->tree.ended != 0;
}

/* The first mapped address from `start` on, ~0 if there is none. state->found is its vma. */
static __noinline __u64 anonvma_first_in_tree(struct anonvma_task *state, struct mm_struct *mm,
					      __u64 start)
{
	struct anonvma_reading reading = { .state = state };
	struct vm_area_struct *vma;
	__u64 first;

	if (!state || !mm)
		return 0;
	state->found = 0;
	anonvma_tree_begin(&state->tree, mm, start);
	bpf_loop(ANONVMA_TREE_STEPS, anonvma_find_first, &reading, 0);
	if (!state->found)
		return ~0ull;
	vma = (struct vm_area_struct *)state->found;
	first = anonvma_read(vma, vm_start);
	return first > start ? first : start;
}
