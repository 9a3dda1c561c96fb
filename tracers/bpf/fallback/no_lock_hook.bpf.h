/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Hooks for kernels without tracepoints of the mmap_lock and of the end of an mm. The recorder
 * numbers the operations of an mm in ring order. The place of an operation is a step of it under
 * the lock: its first object allocated or freed, or its search for unmapped addresses. Without such
 * a step, the place is where the next task under the lock finds the effect done, or else where the
 * call returns.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/fallback/effects.bpf.h"
#include "tracers/bpf/fallback/progress.bpf.h"
#include "tracers/bpf/fallback/settings.bpf.h"
#include "tracers/bpf/fallback/task_table.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

static __always_inline bool anonvma_is_unused(struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, mm_users.counter) == 0;
}

/* The mms that have registered a userfaultfd. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} anonvma_uffds SEC(".maps");

static __always_inline bool anonvma_has_uffd(__u64 mm)
{
	return bpf_map_lookup_elem(&anonvma_uffds, &mm) != NULL;
}

/* True if an untraced call has changed vmas. */
static __always_inline bool anonvma_other_changed(struct anonvma_task *state, __u32 op,
						  struct mm_struct *mm, long ret)
{
	const __u32 uffd_register = 0xc020aa00, uffd_unregister = 0x8010aa01;
	__u32 command = state->args[1];
	__u64 key = (__u64)mm;
	__u8 one = 1;

	if (op == ANONVMA_OP_IOCTL && command == uffd_register && ret == 0)
		bpf_map_update_elem(&anonvma_uffds, &key, &one, BPF_ANY);
	if (ret == 0 && op == ANONVMA_OP_MBIND)
		return true;
	if (op == ANONVMA_OP_IOCTL && (command == uffd_register || command == uffd_unregister))
		return true;
	return state->total_vm != BPF_CORE_READ(mm, total_vm) ||
	       anonvma_listed(state)->map_count != (__u32)BPF_CORE_READ(mm, map_count);
}

/* A traced call begins and gets its number. map_count is exact if no other task uses the mm. */
static __always_inline void anonvma_number_call(struct anonvma_task *state,
						 struct task_struct *task, struct mm_struct *mm)
{
	struct anonvma_exec_begin_record *r;

	if (state->op == ANONVMA_OP_DROP)
		return;
	state->total_vm = BPF_CORE_READ(mm, total_vm);
	if (anonvma_is_untraced(state->op)) {
		anonvma_listed(state)->map_count = BPF_CORE_READ(mm, map_count);
		return;
	}
	state->exiting = 0;
	state->old_brk = BPF_CORE_READ(mm, brk);
	state->seq = anonvma_new_call();
	if (BPF_CORE_READ(mm, mm_users.counter) == 1)
		state->map_count = BPF_CORE_READ(mm, map_count);
	else if (state->op != ANONVMA_OP_EXECVE)
		anonvma_register_effect(state);
	if (state->op != ANONVMA_OP_EXECVE) {
		anonvma_count_op((__u64)mm, true);
		return;
	}
	/* When the new mm appears, the old one may be gone, and its address reused. */
	r = anonvma_reserve(struct anonvma_exec_begin_record, ANONVMA_EXEC_BEGIN, 0, 0, 0);
	if (!r)
		return;
	r->head.tid = BPF_CORE_READ(task, tgid);
	r->old_mm = (__u64)mm;
	anonvma_submit(r);
}

/*
 * The task holds the lock: it allocates or frees an object of `mm`, or searches for unmapped
 * addresses. The first such step is the place of its operation.
 */
static __always_inline void anonvma_take_place(struct anonvma_task *state, __u64 mm, __u32 site,
					       bool freed)
{
	if (!state || !state->op || state->taken || state->mm != mm)
		return;
	if (state->op == ANONVMA_OP_EXECVE || anonvma_is_untraced(state->op) ||
	    site == ANONVMA_SITE_PREPARE || site == ANONVMA_SITE_ANON_VMA_ALLOC ||
	    (state->op == ANONVMA_OP_CLONE && state->done))
		return;
	state->taken = 1;
	/* At a free, vmas may have left the list already. */
	if (!freed)
		state->map_count = BPF_CORE_READ((struct mm_struct *)mm, map_count);
	anonvma_place_others(mm);
	anonvma_send(ANONVMA_PLACE, mm, state->seq, 0);
}

/*
 * mmap, shmat and mremap search for room under the lock. Loaded only on kernels without a lock
 * hook.
 */
static __always_inline int anonvma_on_unmapped_area(void)
{
	struct anonvma_task *state;

	if (!anonvma_sending)
		return 0;
	state = anonvma_find_task(anonvma_current());
	if (state)
		anonvma_take_place(state, state->mm, ANONVMA_SITE_OTHER, false);
	return 0;
}

/*
 * Without a lock hook, a touch has to be read and sent while the lock is held. Right after a vma
 * was prepared, its first page or page table is allocated. Before the entry is linked, the page may
 * be one for the slab allocator itself.
 */
static __always_inline int anonvma_on_page_alloc(void)
{
	struct anonvma_task *state;
	struct anon_vma_chain *avc;
	struct vm_area_struct *vma;

	if (!anonvma_pending || !anonvma_sending)
		return 0;
	state = anonvma_find_task(anonvma_current());
	if (!state || !state->avc)
		return 0;
	avc = (struct anon_vma_chain *)state->avc;
	vma = BPF_CORE_READ(avc, vma);
	if (BPF_CORE_READ(vma, anon_vma_chain.next) ==
	    (void *)avc + bpf_core_field_offset(struct anon_vma_chain, same_vma))
		anonvma_resolve_touch(state);
	return 0;
}

/* True if a fault may grow a stack. A read grows it, too, and there is no hook of a write lock. */
static __always_inline bool anonvma_may_grow(struct mm_struct *mm, __u64 addr)
{
	const __u64 most = 64 << 20;	/* eight times the usual limit of a stack */

	return BPF_CORE_READ(mm, start_stack) - addr < most;
}

/* An mm has ended: from here on another mm may have its address. */
static __always_inline void anonvma_forget_mm(struct anonvma_task *state, __u64 mm)
{
	if (!anonvma_no_lock_hook)
		return;
	if (state && state->op == ANONVMA_OP_EXECVE && state->mm == mm)
		state->done = 1;
	bpf_map_delete_elem(&anonvma_progresses, &mm);
	bpf_map_delete_elem(&anonvma_effects, &mm);
	bpf_map_delete_elem(&anonvma_uffds, &mm);
}
