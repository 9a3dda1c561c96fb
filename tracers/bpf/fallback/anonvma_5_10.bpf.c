/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The recorder's kernel side for kernels before 6.1, whose vmas are a list: the hooks of anonvma.bpf.c
 * with other ways to read an mm, to name the cache of an object, and, on 5.10, to order operations.
 */
#include "tracers/bpf/core_types.h"
#include "tracers/bpf/acquire.bpf.h"
#include "tracers/bpf/call.bpf.h"
#include "tracers/bpf/common_programs.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/exec.bpf.h"
#include "tracers/bpf/fallback/effects.bpf.h"
#include "tracers/bpf/fallback/no_lock_hook.bpf.h"
#include "tracers/bpf/fallback/object_by_site.bpf.h"
#include "tracers/bpf/fallback/outcome_list.bpf.h"
#include "tracers/bpf/fallback/progress.bpf.h"
#include "tracers/bpf/fallback/settings.bpf.h"
#include "tracers/bpf/fallback/snapshot_list.bpf.h"
#include "tracers/bpf/fallback/task_table.bpf.h"
#include "tracers/bpf/fallback/walk_tasks.bpf.h"
#include "tracers/bpf/fault.bpf.h"
#include "tracers/bpf/hotplug.bpf.h"
#include "tracers/bpf/life.bpf.h"
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/snapshot_record.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/touch.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/bpf/walk.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char anonvma_license[] SEC("license") = "GPL";

SEC("tp_btf/sys_enter")
int BPF_PROG(anonvma_sys_enter, struct pt_regs *regs, long nr)
{
	struct anonvma_task *state;
	struct task_struct *task;
	struct mm_struct *mm;
	__u32 op = anonvma_op_of(nr);

	if (!anonvma_sending)
		return 0;
	if (anonvma_pending)
		anonvma_read_own_if_dirty();
	if (!op)
		return 0;
	task = anonvma_current();
	mm = anonvma_get(task, mm);
	if (anonvma_no_lock_hook && op == ANONVMA_OP_DROP && !anonvma_has_uffd((__u64)mm))
		return 0;
	state = anonvma_calling_task(task, mm, op);
	if (!state)
		return 0;
	anonvma_resolve(state);
	anonvma_begin_call(state, task, regs, nr, op);
	if (anonvma_no_lock_hook)
		anonvma_number_call(state, task, mm);
	return 0;
}

/* An untraced call returns. If it has changed vmas, it was an unseen writer. */
static __always_inline void anonvma_end_other(struct task_struct *task, struct anonvma_task *state,
					      long ret)
{
	struct mm_struct *mm = anonvma_get(task, mm);
	__u8 op = state->op;

	state->op = ANONVMA_OP_NONE;
	if (!mm || !anonvma_other_changed(state, op, mm, ret))
		return;
	anonvma_send_unknown(task, (__u64)mm, 0, 0);
	anonvma_mark_dirty((__u64)mm, 0);
}

/*
 * A descriptor of an mm with a userfaultfd was closed. The kernel releases it when the task returns to
 * user mode: the next call reads the mm, and not the end of this one.
 */
static __always_inline void anonvma_end_drop(struct task_struct *task, struct anonvma_task *state)
{
	struct mm_struct *mm = anonvma_get(task, mm);

	state->op = ANONVMA_OP_NONE;
	if (mm)
		anonvma_mark_dirty((__u64)mm, 0);
}

/* Without a lock hook, no token shows whether a call took the lock. False if it never does. */
static __always_inline bool anonvma_may_have_locked(const struct anonvma_task *state)
{
	if (state->op == ANONVMA_OP_QUIET)
		return false;
	if (state->op != ANONVMA_OP_MADVISE)
		return true;
	switch (state->args[2]) {
	case 3:		/* MADV_WILLNEED: all of these take the lock for reading only */
	case 4:		/* MADV_DONTNEED */
	case 8:		/* MADV_FREE */
	case 9:		/* MADV_REMOVE */
	case 20:	/* MADV_COLD */
	case 21:	/* MADV_PAGEOUT */
	case 100:	/* MADV_HWPOISON */
	case 101:	/* MADV_SOFT_OFFLINE */
		return false;
	}
	return true;
}

static __always_inline bool anonvma_listed_op_matters(const struct anonvma_task *state)
{
	if (anonvma_no_lock_hook && !state->taken)
		return anonvma_may_have_locked(state);
	return anonvma_op_matters(state);
}

static __always_inline void anonvma_end_op(struct task_struct *task, struct anonvma_task *state,
					   long ret)
{
	struct mm_struct *mm = anonvma_get(task, mm);
	__u32 seq = state->seq;

	if (state->op == ANONVMA_OP_CLONE) {
		if (state->taken && !state->done)
			anonvma_send(ANONVMA_EXTRA, state->mm, state->seq, state->map_count);
	} else if (state->op != ANONVMA_OP_EXECVE && mm && anonvma_listed_op_matters(state)) {
		if (anonvma_no_lock_hook)
			state->taken = 1;	/* perhaps: a call that failed may have changed flags */
		else if (!state->taken)
			seq = anonvma_mm_seq(mm, false) & ~1u;
		anonvma_finish_op(mm, state, ret, seq);
	} else if (anonvma_moves_heap(state)) {
		anonvma_mark_dirty(state->mm, 0);	/* the outcome of brk depends on it */
	}
	if (anonvma_no_lock_hook && state->op != ANONVMA_OP_EXECVE) {
		anonvma_count_op(state->mm, false);
		anonvma_forget_effect(state);
	}
	state->op = ANONVMA_OP_NONE;
	state->fault_addr = 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(anonvma_sys_exit, struct pt_regs *regs, long ret)
{
	struct anonvma_task *state;
	struct task_struct *task;
	bool may_end = anonvma_may_end_op(anonvma_syscall_nr(regs));

	if ((!may_end && !anonvma_pending) || !anonvma_sending)
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (state && may_end && state->op) {
		if (anonvma_no_lock_hook && state->op == ANONVMA_OP_DROP) {
			anonvma_end_drop(task, state);
			return 0;
		}
		if (anonvma_no_lock_hook && anonvma_is_untraced(state->op))
			anonvma_end_other(task, state, ret);
		else
			anonvma_end_op(task, state, ret);
	}
	if (!anonvma_pending)
		return 0;
	if (state)	/* another process reads its own mm */
		anonvma_forget_foreign(state);
	anonvma_read_own_if_dirty();
	return 0;
}

/* Not called before 5.11. */
static __always_inline void anonvma_on_write_acquire(struct mm_struct *mm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state = anonvma_find_task(task);
	__u32 seq;

	anonvma_resolve(state);
	if (mm->mm_users.counter == 0) {
		anonvma_begin_exit(state, task, mm);
		return;
	}
	if (!anonvma_count_acquire(mm))
		anonvma_count_lost(ANONVMA_UNKNOWN, (__u64)mm, 1);
	seq = anonvma_mm_seq(mm, true);
	if (!mm->map_count)
		state = anonvma_kernel_execs(task, state);
	if (anonvma_op_acquires(state, mm, seq) == ANONVMA_ACQUIRE_FOREIGN)
		anonvma_foreign_acquire(state, task, mm, seq);
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock(__u64 *ctx)
{
	struct mm_struct *mm = (struct mm_struct *)ctx[0];

	if (!anonvma_sending)
		return 0;
	if (anonvma_is_write_acquire(ctx))
		anonvma_on_write_acquire(mm);
	else
		anonvma_on_read_acquire(mm);
	return 0;
}

SEC("tp_btf/mmap_lock_released")
int anonvma_mmap_unlock(__u64 *ctx)
{
	return anonvma_on_release();
}

SEC("tp_btf/vm_unmapped_area")
int anonvma_unmapped_area(__u64 *ctx)
{
	return anonvma_on_unmapped_area();
}

SEC("tp_btf/mm_page_alloc")
int anonvma_page(__u64 *ctx)
{
	return anonvma_on_page_alloc();
}

static __always_inline int anonvma_on_listed_fault(__u64 addr, __u64 flags)
{
	struct mm_struct *mm = anonvma_get(anonvma_current(), mm);
	struct anonvma_task *state = anonvma_note_fault(mm, addr, flags);

	if (!state)
		return 0;
	if (anonvma_records_fault(flags) ||
	    (anonvma_no_lock_hook && anonvma_faults == ANONVMA_FAULTS_WRITE &&
	     anonvma_may_grow(mm, addr & anonvma_page_mask)))
		anonvma_send_fault(state, mm);
	return 0;
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(anonvma_page_fault_user, unsigned long addr, struct pt_regs *regs, unsigned long code)
{
	return anonvma_on_listed_fault(addr, anonvma_fault_flags(code, ANONVMA_FAULT_USER));
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(anonvma_page_fault_kernel, unsigned long addr, struct pt_regs *regs,
	     unsigned long code)
{
	return anonvma_on_listed_fault(addr, anonvma_fault_flags(code, 0));
}

SEC("perf_event")
int anonvma_page_fault_event(const struct anonvma_event *event)
{
	anonvma_on_covered_fault();
	return anonvma_on_listed_fault(event->addr, anonvma_event_flags(event));
}

SEC("tp_btf/task_newtask")
int BPF_PROG(anonvma_newtask, struct task_struct *child, unsigned long clone_flags)
{
	struct task_struct *task = anonvma_current();
	struct mm_struct *mm = anonvma_get(task, mm);
	struct anonvma_task *state;
	bool token;

	anonvma_forget_task(child);	/* an earlier one at this address */
	anonvma_find_newcomer(mm, child);
	if (!anonvma_records_birth(mm, child))
		return 0;
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	token = state && state->op == ANONVMA_OP_CLONE && (state->taken || anonvma_no_lock_hook);
	if (child->mm == mm)
		anonvma_send_shared(mm, child);
	else
		anonvma_send_fork(state, token, mm, child, child->mm);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(anonvma_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_find_task(task);
	struct mm_struct *mm = anonvma_get(task, mm);
	__u64 old_mm = 0;

	if (!mm || !anonvma_sending)
		return 0;
	anonvma_resolve(state);
	if (!anonvma_ends_exec(state, mm, &old_mm))
		return 0;
	if (anonvma_no_lock_hook && state)
		state->wanted_mm = (__u64)mm;
	anonvma_send_snapshot(ANONVMA_EXEC, 0, old_mm);
	anonvma_send_cgroup(task, mm, false);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(anonvma_exit_task, struct task_struct *p)
{
	struct task_struct *task = anonvma_current();
	struct anonvma_task *state = anonvma_find_task(task);
	struct mm_struct *mm = anonvma_get(task, mm);

	anonvma_resolve(state);
	if (state)
		anonvma_forget_foreign(state);
	anonvma_forget_task(task);
	if (anonvma_records_exit(mm))
		anonvma_send_exit(mm);
	return 0;
}

SEC("tp_btf/kmem_cache_alloc")
int anonvma_alloc(__u64 *ctx)
{
	return anonvma_sending ? anonvma_on_object_by_site(ctx, false) : 0;
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free(__u64 *ctx)
{
	if (anonvma_sending)
		return anonvma_on_object_by_site(ctx, true);
	if (anonvma_testing)
		anonvma_test_free(ctx);
	return 0;
}

SEC("iter/task")
int anonvma_walk_tasks(struct bpf_iter__task *ctx)
{
	return anonvma_on_walk_tasks(ctx);
}

SEC("iter/task_vma")
int anonvma_walk(struct bpf_iter__task_vma *ctx)
{
	return anonvma_on_walk(ctx);
}

SEC("raw_tp")
int anonvma_find_namespace(void *ctx)
{
	return anonvma_on_find_namespace();
}
