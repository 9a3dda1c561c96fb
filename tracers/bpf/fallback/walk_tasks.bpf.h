/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The walk on kernels without iter/task_vma: iter/task, and mm->mmap of each process. The vmas go
 * through a ring of their own, in the form of the walk's stream, as the iterator's output for one
 * task has to fit one read. The lock is not held. If no operation ran meanwhile, the mm did not
 * change.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/cgroup_record.bpf.h"
#include "tracers/bpf/fallback/progress.bpf.h"
#include "tracers/bpf/fallback/vma_list.bpf.h"
#include "tracers/bpf/names.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/vma.bpf.h"
#include "tracers/bpf/walk_record.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

__u32 anonvma_walk_only = 0;	/* only this local tgid; 0: all */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} anonvma_walk_ring SEC(".maps");

/* Sends one entry of a chain and returns the next. */
__noinline __u64 anonvma_send_entry(__u64 address)
{
	struct list_head *link = (void *)address;
	struct anonvma_walk_avc *entry;
	struct anon_vma *av;

	av = BPF_CORE_READ(anonvma_entry_of(link), anon_vma);
	entry = bpf_ringbuf_reserve(&anonvma_walk_ring, sizeof(*entry), 0);
	if (!entry)
		return 0;
	anonvma_fill_entry(entry, av);
	bpf_ringbuf_submit(entry, BPF_RB_NO_WAKEUP);
	return (__u64)BPF_CORE_READ(link, next);
}

/*
 * The number of entries in the chain; ANONVMA_MAX_CHAIN + 1 if there are more than
 * ANONVMA_MAX_CHAIN.
 */
__noinline __u64 anonvma_count_chain(__u64 address)
{
	struct list_head *head = (void *)address, *link;
	__u32 i;

	link = BPF_CORE_READ(head, next);
	for (i = 0; i < ANONVMA_MAX_CHAIN && link && link != head; i++)
		link = BPF_CORE_READ(link, next);
	return link == head ? i : ANONVMA_MAX_CHAIN + 1;
}

/* Sends one vma with its chain and returns the next. */
__noinline __u64 anonvma_walk_listed(__u64 address, __u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	struct vm_area_struct *vma = (void *)address;
	struct anonvma_walk_vma *out;
	struct mm_struct *mm;
	__u64 count, link, name, i;
	void *head;

	head = (void *)vma + bpf_core_field_offset(struct vm_area_struct, anon_vma_chain);
	mm = BPF_CORE_READ(vma, vm_mm);
	count = anonvma_count_chain((__u64)head);
	name = anonvma_walk_looks() ? 0 : anonvma_sent_name(vma);
	out = bpf_ringbuf_reserve(&anonvma_walk_ring, sizeof(*out), 0);
	if (!out)
		return 0;
	__builtin_memset(out, 0, sizeof(*out));
	out->time_ns = bpf_ktime_get_ns();
	out->mm = (__u64)mm;
	out->def_flags = BPF_CORE_READ(mm, def_flags);
	out->brk = BPF_CORE_READ(mm, brk);
	out->start_brk = BPF_CORE_READ(mm, start_brk);
	out->seq = anonvma_op_seq((__u64)mm);
	out->map_count = BPF_CORE_READ(mm, map_count);
	out->tgid = BPF_CORE_READ(task, tgid);
	out->tid = BPF_CORE_READ(task, pid);
	out->local_tgid = anonvma_local_tgid(task);
	anonvma_copy_comm(out->comm, task);
	anonvma_fill_vma(&out->vma, vma, name, false);
	out->chain_cut = count > ANONVMA_MAX_CHAIN;
	out->nr_chain = out->chain_cut ? 0 : count;
	count = out->nr_chain;
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	link = (__u64)BPF_CORE_READ((struct list_head *)head, next);
	for (i = 0; i < ANONVMA_MAX_CHAIN && i < count && link; i++)
		link = anonvma_send_entry(link);
	return (__u64)anonvma_next_vma(vma);
}

__noinline __u64 anonvma_walk_part(__u64 vma, __u64 task)
{
	for (__u32 i = 0; i < ANONVMA_LISTED_PER_PART && vma; i++)
		vma = anonvma_walk_listed(vma, task);
	return vma;
}

static __always_inline int anonvma_on_walk_tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = NULL;
	struct mm_struct *mm;
	__u64 vma;
	__u8 done = 1;

	/* Read as a number, as the functions above take no pointer. */
	bpf_probe_read_kernel(&task, sizeof(task), &ctx->task);
	if (!task) {
		anonvma_walk_task = 0;
		return 0;
	}
	mm = BPF_CORE_READ(task, mm);
	if (!mm || (anonvma_walk_only && anonvma_local_tgid(task) != anonvma_walk_only))
		return 0;
	/* Another thread of a process: the walk is done for its leader. */
	if (BPF_CORE_READ(task, group_leader, mm) == mm && BPF_CORE_READ(task, group_leader) != task)
		return 0;
	if (!anonvma_walk_wants(task, mm))
		return 0;
	if (anonvma_walk_begins(task, mm))
		anonvma_send_cgroup(task, mm, false);
	vma = (__u64)BPF_CORE_READ((struct mm_struct___list *)mm, mmap);
	for (__u32 i = 0; i < ANONVMA_LISTED_PARTS && vma; i++)
		vma = anonvma_walk_part(vma, (__u64)task);
	/*
	 * The mark ends a read, and the reader empties the ring after each read: so after each
	 * task.
	 */
	bpf_seq_write(seq, &done, sizeof(done));
	return 0;
}
