/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The vmas of an mm on kernels where they are a list. No lock is held: another task of the mm may
 * change a vma while it is read. The functions are global, so that the verifier checks each of them
 * once and not for every vma. For this their arguments have to be numbers.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * The vmas of an mm were a list and a red-black tree (until Linux kernel commits 763ecb035029 "mm:
 * remove the vma linked list" and 524e00b36e8c "mm: remove rb tree.").
 */
struct mm_struct___list {
	struct vm_area_struct *mmap;
	struct rb_root mm_rb;
} __attribute__((preserve_access_index));

struct vm_area_struct___list {
	unsigned long vm_start;
	unsigned long vm_end;
	struct vm_area_struct *vm_next;
	struct rb_node vm_rb;
} __attribute__((preserve_access_index));

static __always_inline struct vm_area_struct *anonvma_next_vma(struct vm_area_struct *vma)
{
	return BPF_CORE_READ((struct vm_area_struct___list *)vma, vm_next);
}

/* find_vma(): the first vma that ends above `addr`, 0 for none. */
__noinline __u64 anonvma_find_listed(__u64 mm, __u64 addr)
{
	struct vm_area_struct___list *vma;
	struct rb_node *node;
	__u64 found = 0;

	node = BPF_CORE_READ((struct mm_struct___list *)mm, mm_rb.rb_node);
	for (int i = 0; i < 48 && node; i++) {	/* a tree of 65536 vmas has a depth of 34 at most */
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
