/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The record of a task's cgroup. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/cgroup.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* `joins`: the mm is not recorded yet, and lives in the recorded cgroup from now on. */
static __always_inline void anonvma_send_cgroup(struct task_struct *task, struct mm_struct *mm,
						bool joins)
{
	struct anonvma_cgroup_record *r;

	r = anonvma_reserve(struct anonvma_cgroup_record, ANONVMA_CGROUP, (__u64)mm,
			    anonvma_mm_seq(mm, false) & ~1u, 0);	/* even: it takes no lock */
	if (!r)
		return;
	r->cgroup = anonvma_cgroup_id(task);
	r->local_tgid = anonvma_local_tgid(task);
	r->joins = joins;
	anonvma_submit(r);
}
