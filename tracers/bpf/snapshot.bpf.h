/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Reading the vmas of an mm from inside: at exec, at exit, and after a writer that nobody traces. */
#pragma once

#include "tracers/bpf/fallback/vma_list.bpf.h"
#include "tracers/bpf/preemptible.bpf.h"
#include "tracers/bpf/vma_tree.bpf.h"

/* One reading of an mm. */
struct anonvma_look {
	struct anonvma_task *state;
	__u64 mm;
	__u64 dirty;	/* the mm is in anonvma_dirty, and this reading takes it out */
};

static __always_inline void anonvma_see_vma(struct vm_area_struct *vma,
					    struct anonvma_seen_vma *seen)
{
	seen->start = BPF_CORE_READ(vma, vm_start);
	seen->len = BPF_CORE_READ(vma, vm_end) - seen->start;
	seen->vm_flags = BPF_CORE_READ(vma, vm_flags);
	seen->file = (__u64)BPF_CORE_READ(vma, vm_file);
	seen->ops = anonvma_vma_ops(BPF_CORE_READ(vma, vm_ops));
}

static long anonvma_look_on(__u32 i, struct anonvma_look *look)
{
	struct vm_area_struct *vma = anonvma_tree_step(&look->state->tree);

	if (vma) {
		look->state->nr_seen++;
		anonvma_send_vma(look->mm, vma, false);
	}
	return look->state->tree.ended != 0;
}

/*
 * Sends every vma of the tree. The caller holds the mmap_lock, or checks afterwards that nobody
 * wrote. The counts are kept with the current task: in a register each would be a new state for the
 * verifier with every vma.
 */
static __noinline int anonvma_send_tree(struct anonvma_task *state, struct mm_struct *mm)
{
	struct anonvma_look look = { .state = state, .mm = (__u64)mm };

	if (!state)
		return 0;
	state->nr_seen = 0;
	anonvma_tree_begin(&state->tree, mm, 0);
	bpf_loop(ANONVMA_TREE_STEPS, anonvma_look_on, &look, 0);
	state->seen_seq = state->tree.seq;
	return 0;
}

static long anonvma_look_for_first(__u32 i, struct anonvma_look *look)
{
	struct vm_area_struct *vma = anonvma_tree_step(&look->state->tree);

	if (vma)
		look->state->found = (__u64)vma;
	return vma || look->state->tree.ended != 0;
}

/* The first mapped address from `start` on, ~0 when there is none. The vma is in state->found. */
static __noinline __u64 anonvma_first_in_tree(struct anonvma_task *state, struct mm_struct *mm,
					      __u64 start)
{
	struct anonvma_look look = { .state = state };
	struct vm_area_struct *vma;
	__u64 first;

	if (!state || !mm)
		return 0;
	state->found = 0;
	anonvma_tree_begin(&state->tree, mm, start);
	bpf_loop(ANONVMA_TREE_STEPS, anonvma_look_for_first, &look, 0);
	if (!state->found)
		return ~0ull;
	vma = (struct vm_area_struct *)state->found;
	first = BPF_CORE_READ(vma, vm_start);
	return first > start ? first : start;
}

/* Was everything read as one state? Then every vma was seen, and no number of the lock passed. */
static __always_inline bool anonvma_seen_whole(const struct anonvma_task *state,
					       struct mm_struct *mm)
{
	return !state->tree.torn && !(state->seen_seq & 1) &&
	       state->seen_seq == anonvma_mm_seq_probe(mm) &&
	       state->nr_seen == (__u32)BPF_CORE_READ(mm, map_count);
}

/*
 * bpf_find_vma() calls this with the mmap_lock held for reading. An mm that is to be read is taken
 * here and not before: the next writer has to find it as long as nobody holds the lock.
 */
static long anonvma_look_locked(struct task_struct *task, struct vm_area_struct *vma,
				struct anonvma_look *look)
{
	struct anonvma_task *state = look->state;
	struct mm_struct *mm = (struct mm_struct *)look->mm;

	if (look->dirty && !anonvma_take_dirty(look->mm))
		return 0;
	anonvma_send_tree(state, mm);
	state->seen_whole = anonvma_seen_whole(state, mm);
	return 0;
}

/*
 * The lock is only tried. Where there will be no other time to read the mm it is read without the
 * lock: the mm may hold still by chance, which the number of the lock tells.
 */
static __noinline int anonvma_read_mm(struct anonvma_task *state, struct task_struct *task,
				      struct mm_struct *mm, bool last_time)
{
	struct anonvma_look look = { .state = state, .mm = (__u64)mm, .dirty = !last_time };
	__u64 first;

	if (!state || !task || !mm)
		return 0;
	state->seen_whole = 0;
	first = anonvma_first_in_tree(state, mm, 0);
	if (!bpf_find_vma(task, first, anonvma_look_locked, &look, 0))
		return 0;
	if (!last_time)	/* an mm without any vma has nothing to be read */
		return first == ~0ull ? anonvma_take_dirty((__u64)mm) : 0;
	anonvma_send_tree(state, mm);
	state->seen_whole = anonvma_seen_whole(state, mm) && !anonvma_is_writing(mm);
	return 0;
}

/*
 * Lists are read without a lock, and without a lock number no call may have been under way, before
 * or afterwards. An mm that never holds still is taken as it is after many tries.
 */
static __always_inline void anonvma_read_list(struct anonvma_task *state, struct mm_struct *mm,
					      bool last_time)
{
	const __u32 most_tries = 64;
	__u32 before = anonvma_lock_unseen ? anonvma_stillness((__u64)mm) : 0;
	bool patient = !last_time && state->list_tries < most_tries;

	state->nr_seen = 0;
	state->seen_seq = anonvma_mm_seq(mm, false);
	state->seen_whole = 0;
	state->list_tries++;
	if (patient && (before & 1))
		return;
	anonvma_send_list(state, mm);
	if (!state->nr_seen)
		return;
	if (patient && anonvma_lock_unseen &&
	    (anonvma_stillness((__u64)mm) != before ||
	     state->nr_seen != (__u32)BPF_CORE_READ(mm, map_count)))
		return;
	state->list_tries = 0;
	state->seen_whole = 1;
}

/* The vmas were sent before it. Those of a reading that was torn are dropped by the recorder. */
static __always_inline void anonvma_send_seen(struct anonvma_task *state, struct task_struct *task,
					      struct mm_struct *mm, __u32 kind, __u32 reason,
					      __u64 other_mm)
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
 * Reads the mm of `task`. A snapshot that was not read as one state is not sent: the next task of
 * the mm that enters or leaves a system call, or takes the lock, reads it. An Exec is sent in any
 * case, as it is the birth of the mm.
 */
static __always_inline void anonvma_snapshot_of(struct anonvma_task *state,
						struct task_struct *task, struct mm_struct *mm,
						__u32 kind, __u32 reason, __u64 other_mm,
						bool listed)
{
	bool last_time = reason != ANONVMA_REASON_UNKNOWN_WRITE;

	if (listed)
		anonvma_read_list(state, mm, last_time);
	else
		anonvma_read_mm(state, task, mm, last_time);
	if (kind == ANONVMA_SEEN && !state->seen_whole) {
		if (listed && !last_time)
			anonvma_mark_dirty((__u64)mm, 0);
		else if (!last_time)
			anonvma_leave_dirty((__u64)mm);
		return;
	}
	anonvma_send_seen(state, task, mm, kind, reason, other_mm);
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
	if (!bpf_task_from_pid)
		return 0;
	owner = bpf_task_from_pid(state->foreign_pid);
	if (!owner)
		return 0;
	mm = anonvma_get(owner, mm);
	if (mm && (__u64)mm == state->foreign_mm && anonvma_is_dirty((__u64)mm))
		anonvma_snapshot_of(state, owner, mm, ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE,
				    (__u64)anonvma_get(task, mm), false);
	bpf_task_release(owner);
	return 0;
}

/* A task of that process may be asleep for long: the writer itself reads what it has changed. */
static __always_inline void anonvma_pay_foreign(struct anonvma_task *state, bool listed)
{
	if (!state->foreign_mm)
		return;
	__sync_fetch_and_add(&anonvma_pending, -1);
	if (!listed)
		anonvma_send_foreign(state);
	state->foreign_mm = 0;
}

static __always_inline int anonvma_pay_dirty_own(bool listed)
{
	__u64 mm = (__u64)anonvma_get(anonvma_current(), mm);

	if (mm && (listed ? anonvma_take_dirty(mm) : anonvma_is_dirty(mm)))
		anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0, listed);
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

/*
 * The current task has taken the lock of its mm for writing and has changed nothing yet: nobody else
 * can. So this reading never fails, and it shows what the writer before has left.
 */
static __noinline int anonvma_pay_as_writer(struct mm_struct *mm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state;
	__u64 key = (__u64)mm;
	__u32 *by;

	by = bpf_map_lookup_elem(&anonvma_dirty, &key);
	/* The writer itself, which goes on: its call is read at its end. */
	if (!by || *by == (__u32)task->pid || !anonvma_take_dirty(key))
		return 0;
	state = anonvma_get_task(task, ANONVMA_SEEN);
	if (!state || !mm)
		return 0;
	anonvma_send_tree(state, mm);
	state->seen_seq = anonvma_mm_seq(mm, true) - 1;
	state->seen_whole = !state->tree.torn && state->nr_seen == (__u32)mm->map_count;
	if (state->seen_whole)
		anonvma_send_seen(state, task, mm, ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0);
	else
		anonvma_mark_dirty(key, 0);
	return 0;
}
