/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The facts about a vma that records have. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The vma that a call has made or found. */
struct anonvma_seen_vma {
	__u64 start;
	__u64 len;
	__u64 vm_flags;
	__u64 file;
	__u64 ops;
	__u64 name;	/* see struct anonvma_vma; only for a call that sets it */
};

static __always_inline __u32 anonvma_vma_ops(const struct vm_operations_struct *ops)
{
	if (!ops)
		return ANONVMA_OPS_ANONYMOUS;
	return anonvma_read(ops, close) ? ANONVMA_OPS_CLOSE : 0;
}

/* `known`: the verifier knows the type of `vma`, so plain loads are allowed. `name`: a told name. */
static __always_inline void anonvma_fill_vma(struct anonvma_vma *out, struct vm_area_struct *vma,
					     __u64 name, bool known)
{
	out->start = anonvma_load(known, vma, vm_start);
	out->end = anonvma_load(known, vma, vm_end);
	out->vm_flags = anonvma_load(known, vma, vm_flags);
	out->pgoff = anonvma_load(known, vma, vm_pgoff);
	out->file = (__u64)anonvma_load(known, vma, vm_file);
	out->anon_vma = (__u64)anonvma_load(known, vma, anon_vma);
	out->policy = anonvma_vma_policy(vma, known);
	out->context = anonvma_vma_context(vma, known);
	out->name = name;
	out->ops = anonvma_vma_ops(anonvma_load(known, vma, vm_ops));
	out->follows_fork = anonvma_follows_fork(vma);
}

static __always_inline void anonvma_see_vma(struct vm_area_struct *vma,
					    struct anonvma_seen_vma *seen)
{
	seen->start = anonvma_read(vma, vm_start);
	seen->len = anonvma_read(vma, vm_end) - seen->start;
	seen->vm_flags = anonvma_read(vma, vm_flags);
	seen->file = (__u64)anonvma_read(vma, vm_file);
	seen->ops = anonvma_vma_ops(anonvma_read(vma, vm_ops));
}
