/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * System calls that change an address space, and the write acquires of mmap_lock that order them.
 *
 * An operation is recorded when it returns, with the token of its first write acquire of its own
 * mm: mm_lock_seq, and map_count as all earlier writers left it. Every other write acquire is sent
 * too, as extra, stack growth or unknown, so that no number of mm_lock_seq stays unexplained.
 */
#pragma once

#include "fault.bpf.h"

/* The file of mmap's descriptor, and what of it decides the flags of a mapping. */
static __always_inline void anonvma_read_file(struct anonvma_task *state, struct task_struct *task)
{
	const __u32 writable = 2, noexec = 4;	/* FMODE_WRITE, MNT_NOEXEC */
	const __u32 tmpfs = 0x01021994;
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	__u64 fd = (__u32)state->args[4];
	struct file *file = NULL;
	struct file **files;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return;
	files = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	state->file = (__u64)file;
	if (!file)
		return;
	if (!(BPF_CORE_READ(file, f_mode) & writable))
		state->file_ops |= ANONVMA_OPS_READONLY_FILE;
	if (BPF_CORE_READ(file, f_path.mnt, mnt_flags) & noexec)
		state->file_ops |= ANONVMA_OPS_NO_EXEC;
	if (BPF_CORE_READ(file, f_op, get_unmapped_area) &&
	    BPF_CORE_READ(file, f_inode, i_sb, s_magic) != tmpfs)
		state->file_ops |= ANONVMA_OPS_PLACES;
}

static __always_inline __u32 anonvma_op_of(long nr)
{
	return (__u64)nr < ANONVMA_MAX_SYSCALL ? anonvma_syscalls[nr] : ANONVMA_OP_NONE;
}

static __always_inline void anonvma_exec_begins(struct anonvma_task *state, __u64 new_mm)
{
	struct anonvma_exec_begin_record *r;

	if (state->done)
		return;
	state->done = 1;
	r = anonvma_reserve(struct anonvma_exec_begin_record, ANONVMA_EXEC_BEGIN, new_mm, 0, 0);
	if (!r)
		return;
	r->old_mm = state->mm;
	anonvma_submit(r);
}

/* True when the acquire belongs to the traced operation the task is in. */
static __always_inline bool anonvma_op_acquires(struct anonvma_task *state, struct mm_struct *mm,
						__u32 seq)
{
	if ((__u64)mm != state->mm) {
		/* The child in dup_mmap(), the new mm in execve: nobody has announced them yet. */
		if (state->op == ANONVMA_OP_EXECVE)
			anonvma_exec_begins(state, (__u64)mm);
		return state->op == ANONVMA_OP_EXECVE || state->op == ANONVMA_OP_CLONE;
	}
	if (state->op == ANONVMA_OP_EXECVE)
		return false;
	if (state->taken) {
		anonvma_send(ANONVMA_EXTRA, (__u64)mm, seq, mm->map_count);
		return true;
	}
	state->taken = 1;
	state->seq = seq;
	state->map_count = mm->map_count;
	state->old_brk = mm->brk;
	return true;
}

static __always_inline void anonvma_owe_snapshot(struct anonvma_task *state, __u8 whose)
{
	if (!state)
		return;
	if (!state->unseen)
		__sync_fetch_and_add(&anonvma_pending, 1);
	state->unseen |= whose;
}

/* Any task of the mm looks at it, when it next enters or leaves a system call. */
static __always_inline void anonvma_mark_dirty(__u64 mm)
{
	__u8 one = 1;

	if (!bpf_map_update_elem(&anonvma_dirty, &mm, &one, BPF_NOEXIST))
		__sync_fetch_and_add(&anonvma_pending, 1);
}

/*
 * A write acquire outside every operation: by the fault being handled, which grows a stack, or by a
 * system call that nobody traces. The mm is looked at when that returns, before the task can do
 * anything else. A fault in kernel mode may be over already: both, then.
 */
static __always_inline void anonvma_foreign_acquire(struct anonvma_task *state,
						    struct task_struct *task,
						    struct mm_struct *mm, __u32 seq)
{
	/* PF_IO_WORKER, PF_EXITING: never returns from a system call. */
	const __u32 worker = 0x10 | 0x4;
	bool own = task->mm == mm;
	bool faulting = own && state && state->fault_addr;
	bool by_user = faulting && (state->fault_addr & ANONVMA_FAULT_USER);

	if (by_user && !anonvma_in_user_exception(task))
		faulting = false;
	if (!(faulting && by_user) && !(task->flags & worker)) {
		if (!state)
			state = anonvma_get_task(task, ANONVMA_SEEN);
		if (state && !own) {
			state->foreign_mm = (__u64)mm;
			state->foreign_pid = anonvma_owner_pid(mm);
		}
		anonvma_owe_snapshot(state, own ? ANONVMA_UNSEEN_OWN : ANONVMA_UNSEEN_FOREIGN);
	}
	if (task->flags & worker)
		anonvma_mark_dirty((__u64)mm);
	if (!state || !faulting) {
		anonvma_send(ANONVMA_UNKNOWN, (__u64)mm, seq, mm->map_count);
		return;
	}
	state->grow_mm = (__u64)mm;
	state->grow_seq = seq;
	state->grow_map_count = mm->map_count;
	state->grow_addr = state->fault_addr;
	__sync_fetch_and_add(&anonvma_growing, 1);
}

/* exit_mmap()'s own acquire, after the last user has gone. */
static __always_inline void anonvma_begin_exit(struct anonvma_task *state,
					       struct task_struct *task, struct mm_struct *mm)
{
	__u64 key = (__u64)mm;

	/* Without a vma it ends here, and its tracepoint is not reached. */
	if (!mm->map_count) {
		if (anonvma_wanted(key))
			anonvma_send(ANONVMA_EXIT_MMAP, key, anonvma_mm_seq(mm, false), 0);
		if (anonvma_tracked_only)
			bpf_map_delete_elem(&anonvma_tracked, &key);
		return;
	}
	if (anonvma_truth && !state)
		state = anonvma_get_task(task, ANONVMA_TRUTH);
	if (state)
		state->exiting = key;
}

/* The acquire by which a fault grew a stack: sent when the growth is certain. */
static __always_inline void anonvma_send_growth(struct anonvma_task *state)
{
	struct anonvma_fault_record *r;

	r = anonvma_reserve(struct anonvma_fault_record, ANONVMA_GROW, state->grow_mm,
			    state->grow_seq, state->grow_map_count);
	state->grow_mm = 0;
	__sync_fetch_and_add(&anonvma_growing, -1);
	if (!r)
		return;
	r->addr = state->grow_addr & anonvma_page_mask;
	r->flags = state->grow_addr & ~anonvma_page_mask;
	r->by = 0;
	anonvma_submit(r);
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock(__u64 *ctx)
{
	struct mm_struct *mm = (struct mm_struct *)ctx[0];
	struct task_struct *task;
	struct anonvma_task *state;
	__u32 seq;

	if (!anonvma_sending)
		return 0;
	if (!anonvma_is_write_acquire(ctx)) {
		if (!anonvma_growing)
			return 0;
		/* Growth that was granted goes on with the lock downgraded: its number still stands. */
		state = anonvma_find_task(bpf_get_current_task_btf());
		if (state && state->grow_mm == (__u64)mm &&
		    state->grow_seq == anonvma_mm_seq(mm, true))
			anonvma_send_growth(state);
		return 0;
	}
	task = bpf_get_current_task_btf();
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (mm->mm_users.counter == 0) {
		anonvma_begin_exit(state, task, mm);
		return 0;
	}
	seq = anonvma_mm_seq(mm, true);
	if (state && state->op && anonvma_op_acquires(state, mm, seq))
		return 0;
	if (!anonvma_wanted((__u64)mm))
		return 0;
	anonvma_foreign_acquire(state, task, mm, seq);
	return 0;
}

extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task,
				 __u64 addr) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;

struct anonvma_seen_vma {
	__u64 vm_flags;
	__u64 len;
	__u64 file;
	__u32 ops;
};

static long anonvma_see_vma(struct task_struct *task, struct vm_area_struct *vma,
			    struct anonvma_seen_vma *seen)
{
	seen->vm_flags = vma->vm_flags;
	seen->len = vma->vm_end - vma->vm_start;
	seen->file = (__u64)vma->vm_file;
	seen->ops = anonvma_vma_ops(vma->vm_ops);
	return 0;
}

/* The lock is only tried: a busy one leaves the vma unread. */
static __always_inline void anonvma_read_vma(struct task_struct *task, struct anonvma_task *state,
					     long ret, struct anonvma_seen_vma *seen)
{
	bool locks = state->op == ANONVMA_OP_MLOCK || state->op == ANONVMA_OP_MLOCK2;
	__u64 addr = ret;

	if (ret < 0 && ret > -4096) {
		/* Over the limit nothing was locked, but where populating failed all was. */
		if (locks)
			bpf_find_vma(task, state->args[0] & anonvma_page_mask, anonvma_see_vma, seen,
				     0);
		return;
	}
	if (state->op == ANONVMA_OP_BRK) {
		if (addr <= state->old_brk)
			return;
		addr--;
	} else if (state->op == ANONVMA_OP_REMAP_FILE) {
		addr = state->args[0] & anonvma_page_mask;
	} else if (state->op != ANONVMA_OP_MMAP && state->op != ANONVMA_OP_SHMAT) {
		return;
	}
	if (bpf_find_vma(task, addr, anonvma_see_vma, seen, 0))
		seen->ops = ANONVMA_OPS_UNREAD | state->file_ops;
}

/*
 * The first address from `start` on that is mapped, ~0 for none, 0 when the lock is busy: tells how
 * far a call came that failed. A driver's mmap fails after MAP_FIXED has unmapped what was there,
 * and mremap may have moved some vmas before the one that stops it.
 */
static __always_inline __u64 anonvma_first_mapped(struct task_struct *task, __u64 start)
{
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;
	__u64 first = 0;
	int error;

	error = bpf_iter_task_vma_new(&it, task, start);
	vma = bpf_iter_task_vma_next(&it);
	if (!error)
		first = !vma ? ~0ull : vma->vm_start > start ? vma->vm_start : start;
	bpf_iter_task_vma_destroy(&it);
	return first;
}

static __always_inline void anonvma_look_after_failure(struct task_struct *task,
						       struct anonvma_task *state,
						       struct anonvma_seen_vma *seen)
{
	const __u64 map_fixed = 0x10, map_huge = 0x40000, mremap_fixed = 2;
	__u64 page = ~anonvma_page_mask, log2 = (state->args[3] >> 26) & 63;
	__u64 end;

	if (state->op == ANONVMA_OP_MREMAP && (state->args[3] & mremap_fixed))
		seen->len = anonvma_first_mapped(task, state->args[0]);
	if (state->op != ANONVMA_OP_MMAP || !(state->args[3] & map_fixed))
		return;
	if (state->args[3] & map_huge)
		page = (1ull << (log2 ? log2 : 21)) - 1;
	end = (state->args[0] + state->args[1] + page) & ~page;
	if (anonvma_first_mapped(task, state->args[0]) >= end)
		seen->ops |= ANONVMA_OPS_HOLE;
}

/* Without a write acquire only preparations matter. A call that failed has made some of them. */
static __always_inline bool anonvma_op_matters(const struct anonvma_task *state)
{
	if (state->taken)
		return true;
	if (state->op != ANONVMA_OP_MADVISE)
		return false;
	switch (state->args[2]) {
	case 22:	/* MADV_POPULATE_READ */
	case 23:	/* MADV_POPULATE_WRITE */
	case 102:	/* MADV_GUARD_INSTALL */
		return true;
	}
	return false;
}

static __always_inline void anonvma_finish_op(struct task_struct *task, struct anonvma_task *state,
					      long ret)
{
	const __u32 shm_remap = 040000;
	struct anonvma_seen_vma seen = {};
	struct mm_struct *mm = task->mm;
	struct anonvma_op_record *r;
	__u32 seq = state->seq;

	if (!mm || !anonvma_op_matters(state))
		return;
	if (!state->taken)
		seq = anonvma_mm_seq(mm, false) & ~1u;	/* another task may be writing */
	anonvma_read_vma(task, state, ret, &seen);
	if (ret < 0 && ret > -4096)
		anonvma_look_after_failure(task, state, &seen);
	r = anonvma_reserve(struct anonvma_op_record, ANONVMA_OP, state->mm, seq,
			    state->map_count);
	if (!r)
		return;
	__builtin_memcpy(r->args, state->args, sizeof(r->args));
	r->ret = ret;
	r->old_brk = state->old_brk;
	r->vm_flags = seen.vm_flags;
	r->vma_len = seen.len;
	r->file = state->file;
	r->stored_file = seen.file;
	r->ops = seen.ops | (state->file_ops & ANONVMA_OPS_PLACES);
	if (mm->mm_users.counter > 1)
		r->ops |= ANONVMA_OPS_SHARED;
	r->op = state->op;
	anonvma_submit(r);
	/* A refused one may leave a split behind. */
	if (state->op == ANONVMA_OP_SHMAT && ret < 0 && (state->args[2] & shm_remap))
		anonvma_owe_snapshot(state, ANONVMA_UNSEEN_OWN);
	/* shmat tells neither the length nor the flags, and the other one no file. */
	if ((state->op == ANONVMA_OP_SHMAT || state->op == ANONVMA_OP_REMAP_FILE) &&
	    (seen.ops & ANONVMA_OPS_UNREAD))
		anonvma_owe_snapshot(state, ANONVMA_UNSEEN_OWN);
}

/*
 * Sends every vma of a task's mm. The count is kept with the current task: in a register it would be
 * a new state for the verifier with every vma.
 */
static __always_inline void anonvma_send_vmas(struct anonvma_task *state, struct task_struct *task,
					      struct mm_struct *mm)
{
	struct anonvma_exec_vma_record *r;
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;

	state->nr_seen = 0;
	state->seen_seq = anonvma_mm_seq(mm, false);
	bpf_iter_task_vma_new(&it, task, 0);
	while ((vma = bpf_iter_task_vma_next(&it))) {
		state->seen_seq = anonvma_mm_seq(mm, false);
		state->nr_seen++;
		r = anonvma_reserve(struct anonvma_exec_vma_record, ANONVMA_EXEC_VMA, (__u64)mm, 0,
				    0);
		if (!r)
			continue;
		anonvma_fill_vma(&r->vma, vma);
		anonvma_submit(r);
	}
	bpf_iter_task_vma_destroy(&it);
}

static __always_inline void anonvma_snapshot_of(struct anonvma_task *state,
						struct task_struct *task, struct mm_struct *mm,
						__u32 kind, __u32 reason, __u64 other_mm)
{
	struct anonvma_exec_record *r;

	anonvma_send_vmas(state, task, mm);
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
	r->def_flags = mm->def_flags;
	r->brk = mm->brk;
	r->start_brk = mm->start_brk;
	r->nr_vmas = state->nr_seen;
	r->tgid = task->tgid;
	r->reason = reason;
	r->pad = 0;
	__builtin_memcpy(r->comm, task->comm, sizeof(r->comm));
	anonvma_submit(r);
}

/* Of the current task's mm. */
static __noinline int anonvma_send_snapshot(__u32 kind, __u32 reason, __u64 old_mm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state = anonvma_get_task(task, kind);
	struct mm_struct *mm = task->mm;

	if (state && mm)
		anonvma_snapshot_of(state, task, mm, kind, reason, old_mm);
	return 0;
}

extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* Of the mm of another process that the current task has just written to. */
static __noinline int anonvma_send_foreign(struct anonvma_task *state)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *owner;
	struct mm_struct *mm;

	if (!state || !bpf_task_from_pid)
		return 0;
	owner = bpf_task_from_pid(state->foreign_pid);
	if (!owner)
		return 0;
	mm = owner->mm;
	if (mm && (__u64)mm == state->foreign_mm && anonvma_wanted((__u64)mm))
		anonvma_snapshot_of(state, owner, mm, ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE,
				    (__u64)task->mm);
	bpf_task_release(owner);
	return 0;
}

static __always_inline void anonvma_pay_snapshot(struct anonvma_task *state,
						 struct task_struct *task)
{
	__u8 unseen = state->unseen;

	state->unseen = 0;
	__sync_fetch_and_add(&anonvma_pending, -1);
	if ((unseen & ANONVMA_UNSEEN_OWN) && task->mm && anonvma_wanted((__u64)task->mm))
		anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0);
	if (unseen & ANONVMA_UNSEEN_FOREIGN)
		anonvma_send_foreign(state);
}

static __noinline int anonvma_pay_dirty(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct anonvma_task *state;
	__u64 mm = (__u64)task->mm;

	if (!mm || !bpf_map_lookup_elem(&anonvma_dirty, &mm))
		return 0;
	anonvma_send_snapshot(ANONVMA_SEEN, ANONVMA_REASON_UNKNOWN_WRITE, 0);
	state = anonvma_find_task(task);
	if (!state || !state->nr_seen)	/* busy: the next one */
		return 0;
	if (!bpf_map_delete_elem(&anonvma_dirty, &mm))
		__sync_fetch_and_add(&anonvma_pending, -1);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(anonvma_sys_enter, struct pt_regs *regs, long nr)
{
	const __u32 anonymous = 0x20;	/* MAP_ANONYMOUS */
	const __u32 read_implies_exec = 0x400000;	/* the same bit of Protect.prot */
	struct task_struct *task;
	struct anonvma_task *state;
	__u32 op = anonvma_op_of(nr);

	if (!anonvma_sending)
		return 0;
	if (anonvma_pending)
		anonvma_pay_dirty();
	if (!op)
		return 0;
	task = bpf_get_current_task_btf();
	if (!task->mm || anonvma_is_compat(task))
		return 0;
	if (!anonvma_wanted((__u64)task->mm) &&
	    !(op == ANONVMA_OP_EXECVE && task->tgid == anonvma_target_tgid))
		return 0;
	state = anonvma_get_task(task, ANONVMA_OP);
	if (!state)
		return 0;
	anonvma_resolve(state);
	anonvma_syscall_args(regs, state->args);
	state->mm = (__u64)task->mm;
	state->file = 0;
	state->file_ops = 0;
	if (op == ANONVMA_OP_MMAP && !(state->args[3] & anonymous))
		anonvma_read_file(state, task);
	state->old_brk = 0;
	state->seq = 0;
	state->map_count = 0;
	state->fault_addr = 0;
	if (op == ANONVMA_OP_MPROTECT || op == ANONVMA_OP_PKEY_MPROTECT)
		state->args[2] |= task->personality & read_implies_exec;
	state->nr = nr;
	state->op = op;
	state->taken = 0;
	state->done = 0;
	return 0;
}

static __always_inline void anonvma_end_op(struct task_struct *task, struct anonvma_task *state,
					   long ret)
{
	/* A fork that failed after dup_mmap() changed nothing, but took the lock. */
	if (state->op == ANONVMA_OP_CLONE) {
		if (state->taken && !state->done)
			anonvma_send(ANONVMA_EXTRA, state->mm, state->seq, state->map_count);
	} else if (state->op != ANONVMA_OP_EXECVE) {
		anonvma_finish_op(task, state, ret);
	}
	state->op = ANONVMA_OP_NONE;
	state->fault_addr = 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(anonvma_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task;
	struct anonvma_task *state;
	__u32 op = anonvma_op_of(anonvma_syscall_nr(regs));

	if (!op && !anonvma_pending)
		return 0;
	if (anonvma_pending)
		anonvma_pay_dirty();
	task = bpf_get_current_task_btf();
	state = anonvma_find_task(task);
	if (!state)
		return 0;
	anonvma_resolve(state);
	if (op && state->op)
		anonvma_end_op(task, state, ret);
	if (state->unseen)
		anonvma_pay_snapshot(state, task);
	return 0;
}
