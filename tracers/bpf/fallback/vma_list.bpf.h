/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The vmas of an mm where they are a list. No lock is held: of an mm that several tasks use, a vma may
 * be read while another task changes it. The functions are global, so that the verifier looks at each
 * once and not for every vma: their arguments can only be numbers.
 */
#pragma once

#include "tracers/bpf/state.bpf.h"

/* Operations of an mm, begun and ended. The map is there where no hook sees the lock. */
struct anonvma_motion {
	__u64 begun;
	__u64 ended;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct anonvma_motion);
} anonvma_motions SEC(".maps");

static __always_inline void anonvma_moves(__u64 mm, bool begins)
{
	struct anonvma_motion none = {};
	struct anonvma_motion *motion = bpf_map_lookup_elem(&anonvma_motions, &mm);

	if (!motion && begins) {
		bpf_map_update_elem(&anonvma_motions, &mm, &none, BPF_NOEXIST);
		motion = bpf_map_lookup_elem(&anonvma_motions, &mm);
	}
	if (!motion)
		return;
	if (begins)
		__sync_fetch_and_add(&motion->begun, 1);
	else
		__sync_fetch_and_add(&motion->ended, 1);
}

/* As a lock number: odd while an operation is under way. */
static __always_inline __u32 anonvma_stillness(__u64 mm)
{
	struct anonvma_motion *motion = bpf_map_lookup_elem(&anonvma_motions, &mm);

	return motion ? 2 * (__u32)motion->begun + (motion->begun != motion->ended) : 0;
}

/* find_vma(): the first that ends above `addr`, 0 for none. */
__noinline __u64 anonvma_find_listed(__u64 mm, __u64 addr)
{
	struct vm_area_struct___list *vma;
	struct rb_node *node;
	__u64 found = 0;

	if (!anonvma_lists_vmas())
		return 0;
	node = BPF_CORE_READ((struct mm_struct___list *)mm, mm_rb.rb_node);
	for (int i = 0; i < 48 && node; i++) {	/* no tree of 65536 is deeper than 34 */
		vma = (void *)node - bpf_core_field_offset(struct vm_area_struct___list, vm_rb);
		if (BPF_CORE_READ(vma, vm_end) > addr) {
			found = (__u64)vma;
			node = BPF_CORE_READ(node, rb_left);
		} else {
			node = BPF_CORE_READ(node, rb_right);
		}
	}
	return found;
}

static __always_inline __u64 anonvma_first_listed(struct mm_struct *mm, __u64 start)
{
	struct vm_area_struct *vma = (void *)anonvma_find_listed((__u64)mm, start);
	__u64 vm_start;

	if (!vma)
		return ~0ull;
	vm_start = BPF_CORE_READ(vma, vm_start);
	return vm_start > start ? vm_start : start;
}

/* Sends one and returns the next. */
__noinline __u64 anonvma_send_listed(__u64 address, __u64 mm)
{
	struct vm_area_struct *vma = (void *)address;

	if (!anonvma_lists_vmas())
		return 0;
	anonvma_send_vma(mm, vma, false);
	return (__u64)anonvma_next_vma(vma);
}

/*
 * In two steps, as the verifier compares each turn of a loop with all before it. The count is kept
 * with the task: a function returns one number.
 */
__noinline __u64 anonvma_send_part(__u64 vma, __u64 mm)
{
	struct anonvma_task *state = anonvma_find_task(anonvma_current());
	__u32 i;

	if (!anonvma_lists_vmas())
		return 0;
	for (i = 0; i < ANONVMA_LISTED_PER_PART && vma; i++)
		vma = anonvma_send_listed(vma, mm);
	if (state)
		state->nr_seen += i;
	return vma;
}

/* Of too many nothing is said to be seen, which is a loss. */
static __always_inline void anonvma_send_list(struct anonvma_task *state, struct mm_struct *mm)
{
	__u64 vma = (__u64)BPF_CORE_READ((struct mm_struct___list *)mm, mmap);

	for (__u32 i = 0; i < ANONVMA_LISTED_PARTS && vma; i++)
		vma = anonvma_send_part(vma, (__u64)mm);
	if (!vma)
		return;
	state->nr_seen = 0;
	anonvma_count_lost(ANONVMA_SEEN, (__u64)mm, 1);
}
