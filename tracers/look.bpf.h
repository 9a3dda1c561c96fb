/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Reading the vmas of an mm from inside: at exec, at exit, and after a writer that nobody traces. */
#pragma once

#include "acquire.bpf.h"
#include "list.bpf.h"
#include "tree.bpf.h"

extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task,
				 __u64 addr) __ksym __weak;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym __weak;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym __weak;

struct anonvma_look {
	struct anonvma_task *state;
	__u64 mm;
	__u64 first;	/* the first vma at or behind where it began */
};

static long anonvma_look_on(__u32 i, struct anonvma_look *look)
{
	struct vm_area_struct *vma = anonvma_tree_step(&look->state->tree);

	if (vma) {
		look->state->nr_seen++;
		anonvma_send_vma(look->mm, vma, false);
	}
	return look->state->tree.ended != 0;
}

/* The same without the lock. An odd number says that a writer came in between. */
static __noinline int anonvma_send_tree(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_look look = { .state = state, .mm = (__u64)mm };

	if (!state)
		return 0;
	state->nr_seen = 0;
	anonvma_tree_begin(&state->tree, mm, 0);
	bpf_loop(ANONVMA_TREE_STEPS, anonvma_look_on, &look, 0);
	state->seen_seq = state->tree.seq | !anonvma_tree_held(&state->tree, mm);
	return 0;
}

static long anonvma_look_for_first(__u32 i, struct anonvma_look *look)
{
	struct vm_area_struct *vma = anonvma_tree_step(&look->state->tree);

	if (vma)
		look->first = BPF_CORE_READ(vma, vm_start);
	return vma || look->state->tree.ended != 0;
}

/* What anonvma_first_mapped() tells. */
static __noinline __u64 anonvma_first_in_tree(struct anonvma_task *state,
						 struct mm_struct *mm, __u64 start)
{
	struct anonvma_look look = { .state = state, .first = ~0ull };

	if (!state || !mm)
		return 0;
	anonvma_tree_begin(&state->tree, mm, start);
	bpf_loop(ANONVMA_TREE_STEPS, anonvma_look_for_first, &look, 0);
	if (!anonvma_tree_held(&state->tree, mm))
		return 0;
	return look.first > start ? look.first : start;
}

/*
 * Sends every vma of a task's mm. The count is kept with the current task: in a register it would be
 * a new state for the verifier with every vma.
 */
static __always_inline void anonvma_send_vmas(struct anonvma_task *state, struct task_struct *task,
					      struct mm_struct *mm, bool listed)
{
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;

	if (!listed && anonvma_reads_tree) {
		anonvma_send_tree(state, mm);
		return;
	}
	state->nr_seen = 0;
	state->seen_seq = anonvma_mm_seq(mm, false);
	if (listed) {
		anonvma_send_list(state, mm);
		return;
	}
	bpf_iter_task_vma_new(&it, task, 0);
	while ((vma = bpf_iter_task_vma_next(&it))) {
		state->seen_seq = anonvma_mm_seq(mm, false);
		state->nr_seen++;
		anonvma_send_vma((__u64)mm, vma, true);
	}
	bpf_iter_task_vma_destroy(&it);
}

static __always_inline void anonvma_snapshot_of(struct anonvma_task *state,
						struct task_struct *task, struct mm_struct *mm,
						__u32 kind, __u32 reason, __u64 other_mm,
						bool listed)
{
	struct anonvma_exec_record *r;

	anonvma_send_vmas(state, task, mm, listed);
	/* The lock was busy, or a writer came in between: any task of the mm tries again. */
	if (kind == ANONVMA_SEEN && (!state->nr_seen || (state->seen_seq & 1))) {
		state->nr_seen = 0;
		if (reason == ANONVMA_REASON_UNKNOWN_WRITE)
			anonvma_mark_dirty((__u64)mm);
		return;
	}
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
	r->local_tgid = anonvma_local_tgid(task);
	anonvma_copy_comm(r->comm, task);
	anonvma_submit(r);
}

/*
 * Of the current task's mm. Twice, as all that leads here from a program: what reads vmas elsewhere is
 * called back, which kernels with lists do not know, be it in dead code.
 */
static __always_inline int anonvma_show_own(__u32 kind, __u32 reason, __u64 old_mm, bool listed)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_get_task(task, kind);
	struct mm_struct *mm = anonvma_get(task, mm);

	if (state && mm)
		anonvma_snapshot_of(state, task, mm, kind, reason, old_mm, listed);
	return 0;
}

static __noinline int anonvma_show_own_plain(__u32 kind, __u32 reason, __u64 old_mm)
{
	return anonvma_show_own(kind, reason, old_mm, false);
}

static __noinline int anonvma_show_own_listed(__u32 kind, __u32 reason, __u64 old_mm)
{
	return anonvma_show_own(kind, reason, old_mm, true);
}

static __always_inline void anonvma_send_snapshot(__u32 kind, __u32 reason, __u64 old_mm,
						  bool listed)
{
	if (listed)
		anonvma_show_own_listed(kind, reason, old_mm);
	else
		anonvma_show_own_plain(kind, reason, old_mm);
}

extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* Of the mm of another process that the current task has just written to. */
static __noinline int anonvma_send_foreign(struct anonvma_task *state)
{
	struct task_struct *task = anonvma_current();
	struct task_struct *owner;
	struct mm_struct *mm;

	if (!state)
		return 0;
	/* Before 6.2 (Linux kernel commit 3f0e6f2b41d3 "bpf: Add bpf_task_from_pid() kfunc"). */
	if (!bpf_task_from_pid) {
		anonvma_mark_dirty(state->foreign_mm);
		return 0;
	}
	owner = bpf_task_from_pid(state->foreign_pid);
	if (!owner)
		return 0;
	mm = anonvma_get(owner, mm);
	if (mm && (__u64)mm == state->foreign_mm && anonvma_wanted((__u64)mm))
		anonvma_snapshot_of(state, owner, mm, ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE,
				    (__u64)anonvma_get(task, mm), false);
	bpf_task_release(owner);
	return 0;
}

static __always_inline void anonvma_pay_snapshot(struct anonvma_task *state,
						 struct task_struct *task, bool listed)
{
	__u64 mm = (__u64)anonvma_get(task, mm);
	__u8 unseen = state->unseen;

	state->unseen = 0;
	__sync_fetch_and_add(&anonvma_pending, -1);
	if ((unseen & ANONVMA_UNSEEN_OWN) && mm && anonvma_wanted(mm))
		anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0, listed);
	if (!listed && (unseen & ANONVMA_UNSEEN_FOREIGN))
		anonvma_send_foreign(state);
}

static __always_inline int anonvma_pay_dirty_own(bool listed)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state;
	__u64 mm = (__u64)anonvma_get(task, mm);

	if (!mm || !bpf_map_lookup_elem(&anonvma_dirty, &mm))
		return 0;
	anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0, listed);
	state = anonvma_find_task(task);
	if (!state || !state->nr_seen)	/* busy: the next one */
		return 0;
	if (!bpf_map_delete_elem(&anonvma_dirty, &mm))
		__sync_fetch_and_add(&anonvma_pending, -1);
	return 0;
}

static __noinline int anonvma_pay_dirty_plain(void)
{
	return anonvma_pay_dirty_own(false);
}

static __noinline int anonvma_pay_dirty_listed(void)
{
	return anonvma_pay_dirty_own(true);
}

static __always_inline void anonvma_pay_dirty(bool listed)
{
	if (listed)
		anonvma_pay_dirty_listed();
	else
		anonvma_pay_dirty_plain();
}
