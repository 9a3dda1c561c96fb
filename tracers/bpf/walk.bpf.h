/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The walk: every vma of one process or of all, with its chain. The kernel holds the mmap_lock of
 * the mm for reading, so mm_lock_seq tells which operations came before the walk.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/cgroup_record.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/names.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/vma.bpf.h"
#include "tracers/bpf/walk_record.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct anonvma_chain_walk {
	struct seq_file *seq;
	struct list_head *head;
	struct list_head *link;
	__u32 count;
};

/* Callbacks of bpf_loop(): the verifier would follow a plain loop through every length. */
static long anonvma_count_entry(__u32 i, struct anonvma_chain_walk *walk)
{
	struct list_head *link = walk->link;

	if (!link || link == walk->head)
		return 1;
	walk->count++;
	walk->link = BPF_CORE_READ(link, next);
	return 0;
}

static long anonvma_write_entry(__u32 i, struct anonvma_chain_walk *walk)
{
	struct list_head *link = walk->link;
	struct anon_vma_chain *avc = anonvma_entry_of(link);
	struct anon_vma *av = BPF_CORE_READ(avc, anon_vma);
	struct anonvma_walk_avc entry = {};

	anonvma_fill_entry(&entry, av);
	bpf_seq_write(walk->seq, &entry, sizeof(entry));
	walk->link = BPF_CORE_READ(link, next);
	return 0;
}

static __always_inline int anonvma_on_walk(struct bpf_iter__task_vma *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	struct anonvma_walk_vma out = {};
	struct anonvma_chain_walk walk = {};
	struct list_head *head;
	struct mm_struct *mm;
	__u64 name;

	if (!task || !vma) {
		anonvma_walk_task = 0;
		return 0;
	}
	mm = vma->vm_mm;
	if (!anonvma_walk_wants(task, mm))
		return 0;
	if (anonvma_walk_begins(task, mm) && task->pid == task->tgid)
		anonvma_send_cgroup(task, mm, false);
	out.time_ns = bpf_ktime_get_ns();
	out.mm = (__u64)mm;
	out.def_flags = mm->def_flags;
	out.brk = mm->brk;
	out.start_brk = mm->start_brk;
	out.seq = anonvma_mm_seq(mm, false);
	out.map_count = mm->map_count;
	out.tgid = task->tgid;
	out.tid = task->pid;
	out.local_tgid = anonvma_local_tgid(task);
	__builtin_memcpy(out.comm, task->comm, sizeof(out.comm));
	name = anonvma_walk_looks() ? 0 : anonvma_sent_name(vma);
	anonvma_fill_vma(&out.vma, vma, name, true);
	out.object = anonvma_vma_waits() ? (__u64)vma : 0;
	head = (void *)vma + bpf_core_field_offset(struct vm_area_struct, anon_vma_chain);
	walk.seq = seq;
	walk.head = head;
	walk.link = BPF_CORE_READ(head, next);
	bpf_loop(ANONVMA_MAX_CHAIN, anonvma_count_entry, &walk, 0);
	out.nr_chain = walk.count;
	out.chain_cut = walk.link != head;
	bpf_seq_write(seq, &out, sizeof(out));
	walk.link = BPF_CORE_READ(head, next);
	bpf_loop(out.nr_chain, anonvma_write_entry, &walk, 0);
	return 0;
}
