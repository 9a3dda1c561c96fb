/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The records of a snapshot that a task reads from inside: one for each vma, then one for the mm. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/vma.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Sends one vma of a snapshot; the ANONVMA_EXEC or ANONVMA_SEEN record follows later. */
static __always_inline void anonvma_send_vma(__u64 mm, struct vm_area_struct *vma, __u64 name,
					     bool known)
{
	struct anonvma_exec_vma_record *r;

	r = anonvma_reserve(struct anonvma_exec_vma_record, ANONVMA_EXEC_VMA, mm, 0, 0);
	if (!r)
		return;
	anonvma_fill_vma(&r->vma, vma, name, known);
	anonvma_submit(r);
}

static __always_inline void anonvma_copy_comm(char *comm, struct task_struct *task)
{
	if (anonvma_is_typed())
		__builtin_memcpy(comm, task->comm, sizeof(task->comm));
	else
		BPF_CORE_READ_INTO(comm, task, comm);
}

/* The recorder drops the vmas of a torn reading. */
static __always_inline void anonvma_send_snapshot_record(struct anonvma_task *state,
							 struct task_struct *task,
							 struct mm_struct *mm, __u32 kind,
							 __u32 reason, __u64 other_mm)
{
	struct anonvma_exec_record *r;

	r = anonvma_reserve(struct anonvma_exec_record, kind, (__u64)mm, state->seen_seq,
			    state->nr_seen);
	if (!r)
		return;
	r->old_mm = other_mm;
	r->def_flags = anonvma_get(mm, def_flags);
	r->brk = anonvma_get(mm, brk);
	r->start_brk = anonvma_get(mm, start_brk);
	r->nr_vmas = state->nr_seen;
	r->tgid = anonvma_get(task, tgid);
	r->reason = reason;
	r->torn = !state->seen_whole;
	r->local_tgid = anonvma_local_tgid(task);
	r->pad = 0;
	anonvma_copy_comm(r->comm, task);
	anonvma_submit(r);
}

/*
 * Reads the mm of the current task and sends its vmas, then an ANONVMA_EXEC or ANONVMA_SEEN record.
 * Each object defines this function: in snapshot.bpf.h or in fallback/snapshot_list.bpf.h.
 */
static int anonvma_send_snapshot(__u32 kind, __u32 reason, __u64 old_mm);
/* Reads the mm of the current task if it is dirty. Defined likewise. */
static int anonvma_read_own_if_dirty(void);
