/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Page faults, and the preparations that no fault hook sees.
 *
 * A fault record is what the hardware said; no vma is looked up. get_user_pages, populate and
 * remote writes prepare a vma without a fault exception: they show as the allocation of an
 * anon_vma_chain inside __anon_vma_prepare. The kernel fills its `vma` only after the allocation,
 * so its address is kept with the task and read at the task's next hook.
 */
#pragma once

#include "tracers/bpf/preemptible.bpf.h"

static __always_inline void anonvma_send_touch(__u64 mm, __u32 seq, __u64 addr, __u32 syscall,
					       __u64 by)
{
	struct anonvma_touch_record *r;

	if (!anonvma_wanted(mm))
		return;
	r = anonvma_reserve(struct anonvma_touch_record, ANONVMA_TOUCH, mm, seq, 0);
	if (!r)
		return;
	r->addr = addr;
	r->syscall = syscall;
	r->by = by == mm ? 0 : by;
	anonvma_submit(r);
}

static __noinline int anonvma_resolve_touch(struct anonvma_task *state)
{
	struct anon_vma_chain *avc;
	struct vm_area_struct *vma;
	struct anon_vma *av;
	struct mm_struct *mm;
	__u32 seq;

	if (!state)
		return 0;
	avc = (struct anon_vma_chain *)state->avc;
	state->avc = 0;
	__sync_fetch_and_add(&anonvma_pending, -1);
	vma = BPF_CORE_READ(avc, vma);
	av = BPF_CORE_READ(avc, anon_vma);
	/* The loser of a race frees its entry again: then another task prepared the vma. */
	if (!vma || !av || BPF_CORE_READ(vma, anon_vma) != av)
		return 0;
	mm = BPF_CORE_READ(vma, vm_mm);
	seq = state->avc_mm == (__u64)mm ? state->avc_seq : anonvma_mm_seq_probe(mm);
	anonvma_send_touch((__u64)mm, seq, BPF_CORE_READ(vma, vm_start), state->avc_syscall,
			   state->avc_mm);
	return 0;
}

/*
 * Where no hook sees the lock the address has to be read, and the place in the order taken, while it is
 * held: what was prepared is given its first page or page table next. Before the entry is linked this may
 * be a page for the allocator itself. Loaded there alone.
 */
SEC("tp_btf/mm_page_alloc")
int anonvma_page(__u64 *ctx)
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

/* What the task still owed when it was last seen. */
static __always_inline void anonvma_resolve(struct anonvma_task *state)
{
	if (!state)
		return;
	if (state->avc)
		anonvma_resolve_touch(state);
	if (state->grow_mm) {	/* the stack was not allowed to grow: only the lock was taken */
		anonvma_send(ANONVMA_EXTRA, state->grow_mm, state->grow_seq,
			     state->grow_map_count);
		state->grow_mm = 0;
		__sync_fetch_and_add(&anonvma_growing, -1);
	}
}

/*
 * A write fault of user mode that is still being handled tells the address. Its record says it all,
 * unless the mm is shared: then the fault may have waited for the operations of other tasks.
 */
static __always_inline bool anonvma_fault_explains(const struct anonvma_task *state,
						   struct task_struct *task)
{
	const __u64 both = ANONVMA_FAULT_WRITE | ANONVMA_FAULT_USER;

	/* A stack is prepared before its growth may be refused. */
	return (state->fault_addr & both) == both && !state->grow_mm &&
	       anonvma_in_user_exception(task);
}

static __always_inline bool anonvma_is_inside(__u64 call_site,
					      const volatile struct anonvma_site *parts)
{
#pragma unroll
	for (int i = 0; i < ANONVMA_MAX_PARTS; i++)
		if (call_site - parts[i].start < parts[i].size)
			return true;
	return false;
}

static __always_inline void anonvma_on_prepare(__u64 avc)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_get_task(task, ANONVMA_TOUCH);
	struct mm_struct *mm = anonvma_get(task, mm);
	bool explained;

	if (!state)
		return;
	if (state->avc)		/* no more: this may be the very growth of a stack */
		anonvma_resolve_touch(state);
	explained = anonvma_fault_explains(state, task);
	if (explained && mm &&
	    (anonvma_faults == ANONVMA_FAULTS_FIRST || (state->fault_addr & ANONVMA_FAULT_SHARED)))
		anonvma_send_touch((__u64)mm, anonvma_mm_seq(mm, false),
				   state->fault_addr & anonvma_page_mask, 0, (__u64)mm);
	state->fault_addr = 0;
	if (explained)
		return;
	state->avc = avc;
	state->avc_mm = (__u64)mm;
	state->avc_seq = mm ? anonvma_mm_seq(mm, false) : 0;
	state->avc_syscall = state->op ? state->nr + 1 : 0;
	__sync_fetch_and_add(&anonvma_pending, 1);
}

/* A stack grows by a read, too, and no write lock says so. */
static __always_inline bool anonvma_may_grow(struct mm_struct *mm, __u64 addr)
{
	const __u64 most = 64 << 20;	/* eight times what a stack may usually have */

	return BPF_CORE_READ(mm, start_stack) - addr < most;
}

static __always_inline int anonvma_on_fault(__u64 addr, __u64 error_code, __u64 flags)
{
	struct task_struct *task = anonvma_current();
	struct mm_struct *mm = anonvma_get(task, mm);
	struct anonvma_fault_record *r;
	struct anonvma_task *state;

	/* Kernel threads have no mm; the upper half is the kernel's own. */
	if (!mm || (__s64)addr < 0 || !anonvma_sending)
		return 0;
	state = anonvma_wanted_task(task, (__u64)mm, ANONVMA_FAULT);
	if (!state)
		return 0;
	if (error_code & 2)
		flags |= ANONVMA_FAULT_WRITE;
	if (anonvma_get(mm, mm_users.counter) > 1)
		flags |= ANONVMA_FAULT_SHARED;
	addr = (addr & anonvma_page_mask) | flags;
	anonvma_resolve(state);
	state->fault_addr = addr;
	if (anonvma_faults == ANONVMA_FAULTS_FIRST)
		return 0;
	if (anonvma_faults == ANONVMA_FAULTS_WRITE && !(flags & ANONVMA_FAULT_WRITE) &&
	    !(anonvma_lock_unseen && anonvma_may_grow(mm, addr)))
		return 0;
	r = anonvma_reserve(struct anonvma_fault_record, ANONVMA_FAULT, (__u64)mm,
			    anonvma_mm_seq(mm, false), 0);
	if (!r)
		return 0;
	r->addr = addr;
	anonvma_submit(r);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(anonvma_page_fault_user, unsigned long addr, struct pt_regs *regs, unsigned long code)
{
	return anonvma_on_fault(addr, code, ANONVMA_FAULT_USER);
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(anonvma_page_fault_kernel, unsigned long addr, struct pt_regs *regs,
	     unsigned long code)
{
	return anonvma_on_fault(addr, code, 0);
}

/*
 * arm64 has no tracepoints of page faults. The software event that counts them (one of period 1 for
 * each cpu) comes at the same place, before anything is locked, with the address and the registers:
 * whether it was a write, the instruction says.
 */
SEC("perf_event")
int anonvma_page_fault_event(const struct anonvma_event *event)
{
	return anonvma_on_fault(event->addr, anonvma_event_writes(event) ? 2 : 0,
				anonvma_event_is_user(event) ? ANONVMA_FAULT_USER : 0);
}
