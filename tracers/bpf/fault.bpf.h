/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Page faults: a record has the facts that the hardware reports. No vma is looked up. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/bpf/wanted_task.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* Stores the fault in the state of its task. NULL if the fault is of no interest. */
static __always_inline struct anonvma_task *anonvma_note_fault(struct mm_struct *mm, __u64 addr,
							       __u64 flags)
{
	struct anonvma_task *state;

	/* Kernel threads have no mm; the upper half is the kernel's own. */
	if (!mm || (__s64)addr < 0 || !anonvma_sending)
		return NULL;
	state = anonvma_wanted_task(anonvma_current(), (__u64)mm, ANONVMA_FAULT);
	if (!state)
		return NULL;
	if (anonvma_get(mm, mm_users.counter) > 1)
		flags |= ANONVMA_FAULT_SHARED;
	anonvma_resolve(state);
	state->fault_addr = (addr & anonvma_page_mask) | flags;
	return state;
}

/* True if the user asked for records of such faults. */
static __always_inline bool anonvma_records_fault(__u64 flags)
{
	return anonvma_faults == ANONVMA_FAULTS_ALL ||
	       (anonvma_faults == ANONVMA_FAULTS_WRITE && (flags & ANONVMA_FAULT_WRITE));
}

static __always_inline void anonvma_send_fault(const struct anonvma_task *state,
					       struct mm_struct *mm)
{
	struct anonvma_fault_record *r;

	r = anonvma_reserve(struct anonvma_fault_record, ANONVMA_FAULT, (__u64)mm,
			    anonvma_mm_seq(mm, false), 0);
	if (!r)
		return;
	r->addr = state->fault_addr;
	anonvma_submit(r);
}

/*
 * ANONVMA_FAULT_* of an exception: `error_code` is that of x86. To the kernel every access to a shadow
 * stack is a write.
 */
static __always_inline __u64 anonvma_fault_flags(__u64 error_code, __u64 flags)
{
	const __u64 write = 2, shadow_stack = 0x40;	/* X86_PF_WRITE, X86_PF_SHSTK */

	return error_code & (write | shadow_stack) ? flags | ANONVMA_FAULT_WRITE : flags;
}

static __always_inline __u64 anonvma_event_flags(const struct anonvma_event *event)
{
	return (anonvma_event_writes(event) ? ANONVMA_FAULT_WRITE : 0) |
	       (anonvma_event_is_user(event) ? ANONVMA_FAULT_USER : 0);
}

static __always_inline int anonvma_on_fault(__u64 addr, __u64 flags)
{
	struct mm_struct *mm = anonvma_get(anonvma_current(), mm);
	struct anonvma_task *state = anonvma_note_fault(mm, addr, flags);

	if (state && anonvma_records_fault(flags))
		anonvma_send_fault(state, mm);
	return 0;
}
