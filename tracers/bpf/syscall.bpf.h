/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * System calls that change an address space. An operation is recorded when it returns, with the token
 * of its first write acquire of its own mm: mm_lock_seq, and map_count as all earlier writers left it.
 */
#pragma once

#include "tracers/bpf/lock.bpf.h"
#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/snapshot.bpf.h"
#include "tracers/bpf/fallback/no_lock_hook.bpf.h"

/* The file of mmap's descriptor, and what of it decides the flags of a mapping. */
static __always_inline void anonvma_read_file(struct anonvma_task *state, struct task_struct *task)
{
	const __u32 writable = 2, noexec = 4;	/* FMODE_WRITE, MNT_NOEXEC */
	const __u32 tmpfs = 0x01021994, kind = 0170000, regular = 0100000;	/* S_IFMT, S_IFREG */
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	__u64 fd = (__u32)state->args[4];
	struct file *file = NULL;
	struct file **files;
	__u64 places;

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
	/*
	 * Several vmas move at once where the file leaves the place to the kernel, or is shmem: what
	 * lies in a tmpfs, but for devices.
	 */
	places = (__u64)BPF_CORE_READ(file, f_op, get_unmapped_area);
	if (places && places != anonvma_thp_area &&
	    (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != tmpfs ||
	     (BPF_CORE_READ(file, f_inode, i_mode) & kind) != regular))
		state->file_ops |= ANONVMA_OPS_PLACES;
}

static __always_inline __u32 anonvma_op_of(long nr)
{
	return (__u64)nr < ANONVMA_MAX_SYSCALL ? anonvma_syscalls[nr] : ANONVMA_OP_NONE;
}

/* One vma of an mm, read without its lock. */
static __always_inline bool anonvma_see_listed(__u64 mm, __u64 addr, struct anonvma_seen_vma *seen)
{
	struct vm_area_struct *vma = (void *)anonvma_find_listed(mm, addr);

	if (!vma)
		return false;
	anonvma_see_vma(vma, seen);
	return addr - seen->start < seen->len;
}

/* `listed`: as anonvma_lists_vmas(), but in the source, as callbacks cannot be dead code before 5.13. */
static __always_inline bool anonvma_see(struct anonvma_task *state, struct mm_struct *mm,
					__u64 addr, struct anonvma_seen_vma *seen, bool listed)
{
	return listed ? anonvma_see_listed((__u64)mm, addr, seen) :
			anonvma_see_result(state, mm, addr, seen);
}

/*
 * What the arguments do not tell of the vma that the call has made or extended. Where another writer
 * came in between, a vma that was there before stays unread: its flags are those of the arguments, as
 * the kernel would have merged nothing with it otherwise.
 */
static __always_inline void anonvma_read_vma(struct mm_struct *mm, struct anonvma_task *state,
					     long ret, struct anonvma_seen_vma *seen,
					     bool listed)
{
	__u64 addr = ret;

	if (ret < 0 && ret > -4096)
		return;
	if (state->op == ANONVMA_OP_BRK) {
		if (addr <= state->old_brk)
			return;
		addr--;
	} else if (state->op == ANONVMA_OP_REMAP_FILE) {
		addr = state->args[0] & anonvma_page_mask;
	} else if (state->op != ANONVMA_OP_MMAP && state->op != ANONVMA_OP_SHMAT) {
		return;
	}
	if (anonvma_see(state, mm, addr, seen, listed))
		return;
	*seen = (struct anonvma_seen_vma){ .ops = ANONVMA_OPS_UNREAD | state->file_ops };
}

/* Where the place that a call came to is not certain the whole mm is read. */
static __always_inline __u64 anonvma_first_mapped(struct mm_struct *mm,
						  struct anonvma_task *state, __u64 start,
						  bool listed)
{
	__u64 first;

	if (listed)
		return anonvma_first_listed(mm, start);
	first = anonvma_first_behind(state, mm, start);
	if (!first)
		anonvma_mark_dirty((__u64)mm, 0);
	return first;
}

static __always_inline void anonvma_look_after_failure(struct mm_struct *mm,
						       struct anonvma_task *state,
						       struct anonvma_seen_vma *seen,
						       bool listed)
{
	const __u64 map_fixed = 0x10, map_huge = 0x40000, mremap_fixed = 2;
	__u64 page = ~anonvma_page_mask, log2 = (state->args[3] >> 26) & 63;
	__u64 end;

	if (state->op == ANONVMA_OP_MREMAP && (state->args[3] & mremap_fixed))
		seen->len = anonvma_first_mapped(mm, state, state->args[0], listed);
	/* Over the limit nothing was locked, but where populating failed all was. */
	if (state->op == ANONVMA_OP_MLOCK || state->op == ANONVMA_OP_MLOCK2) {
		if (!anonvma_see(state, mm, state->args[0] & anonvma_page_mask, seen, listed))
			seen->vm_flags = 0;
		seen->len = listed ? 0 : anonvma_newly_locked(state, mm);
	}
	if (state->op != ANONVMA_OP_MMAP || !(state->args[3] & map_fixed))
		return;
	if (state->args[3] & map_huge)
		page = (1ull << (log2 ? log2 : 21)) - 1;
	end = state->args[0] + ((state->args[1] + page) & ~page);
	if (anonvma_first_mapped(mm, state, state->args[0], listed) >= end)
		seen->ops |= ANONVMA_OPS_HOLE;
}

/* Of a call during which no vma came or went. */
static __always_inline bool anonvma_may_have_locked(const struct anonvma_task *state)
{
	if (state->op == ANONVMA_OP_QUIET)
		return false;
	if (state->op != ANONVMA_OP_MADVISE)
		return true;
	switch (state->args[2]) {
	case 3:		/* MADV_WILLNEED: all of these read */
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

/* Without a write acquire only preparations matter. A call that failed has made some of them. */
static __always_inline bool anonvma_op_matters(const struct anonvma_task *state)
{
	if (state->taken)
		return true;
	if (anonvma_lock_unseen)
		return anonvma_may_have_locked(state);
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

/* Where no key is asked for, an mm with a key for PROT_EXEC alone gives and takes that one. */
static __always_inline void anonvma_choose_key(struct anonvma_op_record *r, struct mm_struct *mm)
{
	const __u32 execute_only_key = 0x200000;	/* the same bit of Protect.prot */
	__s32 key;

	if (r->op != ANONVMA_OP_MPROTECT &&
	    (r->op != ANONVMA_OP_PKEY_MPROTECT || (__s32)r->args[3] != -1))
		return;
	key = anonvma_execute_only_key(mm);
	if (key <= 0)
		return;
	r->op = ANONVMA_OP_PKEY_MPROTECT;
	r->args[2] |= execute_only_key;
	r->args[3] = key;
}

static __always_inline void anonvma_finish_op(struct task_struct *task, struct anonvma_task *state,
					      long ret, bool listed)
{
	const __u32 shm_remap = 040000;
	struct anonvma_seen_vma seen = {};
	struct mm_struct *mm = anonvma_get(task, mm);
	struct anonvma_op_record *r;
	__u32 seq = state->seq;

	if (!mm || !anonvma_op_matters(state))
		return;
	if (!state->taken && !anonvma_lock_unseen)
		seq = anonvma_mm_seq(mm, false) & ~1u;	/* another task may be writing */
	anonvma_read_vma(mm, state, ret, &seen, listed);
	if (ret < 0 && ret > -4096)
		anonvma_look_after_failure(mm, state, &seen, listed);
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
	if (anonvma_get(mm, mm_users.counter) > 1)
		r->ops |= ANONVMA_OPS_SHARED;
	r->op = state->op;
	anonvma_choose_key(r, mm);
	anonvma_submit(r);
	/* A refused one may leave a split behind. */
	if (state->op == ANONVMA_OP_SHMAT && ret < 0 && (state->args[2] & shm_remap))
		anonvma_mark_dirty((__u64)mm, 0);
	/* shmat tells neither the length nor the flags, and the other one no file. */
	if ((state->op == ANONVMA_OP_SHMAT || state->op == ANONVMA_OP_REMAP_FILE) &&
	    (seen.ops & ANONVMA_OPS_UNREAD))
		anonvma_mark_dirty((__u64)mm, 0);
}

/* Of the calls of prctl(2) only one takes the lock and changes no vma. */
static __always_inline bool anonvma_is_quiet(long nr, const __u64 *args)
{
	const __u64 set_thp_disable = 41;

	return nr != anonvma_prctl || args[0] == set_thp_disable;
}

static __always_inline int anonvma_on_sys_enter(struct pt_regs *regs, long nr, bool listed)
{
	const __u32 anonymous = 0x20;	/* MAP_ANONYMOUS */
	const __u32 read_implies_exec = 0x400000;	/* the same bit of Protect.prot */
	struct task_struct *task;
	struct anonvma_task *state;
	struct mm_struct *mm;
	__u32 op = anonvma_op_of(nr);

	if (!anonvma_sending)
		return 0;
	if (anonvma_pending)
		anonvma_pay_dirty(listed);
	if (!op)
		return 0;
	task = anonvma_current();
	mm = anonvma_get(task, mm);
	if (!mm || anonvma_is_compat(task))
		return 0;
	if (anonvma_lock_unseen && op == ANONVMA_OP_DROP && !anonvma_has_uffd((__u64)mm))
		return 0;
	if (op == ANONVMA_OP_EXECVE && anonvma_target_tgid &&
	    anonvma_local_tgid(task) == anonvma_target_tgid)
		state = anonvma_get_task(task, ANONVMA_OP);
	else
		state = anonvma_wanted_task(task, (__u64)mm, ANONVMA_OP);
	if (!state)
		return 0;
	anonvma_resolve(state);
	anonvma_syscall_args(regs, state->args);
	state->mm = (__u64)mm;
	state->file = 0;
	state->file_ops = 0;
	if (op == ANONVMA_OP_MMAP && !(state->args[3] & anonymous))
		anonvma_read_file(state, task);
	if (op == ANONVMA_OP_QUIET && !anonvma_is_quiet(nr, state->args))
		op = ANONVMA_OP_NONE;
	state->old_brk = 0;
	state->locked_vm = 0;
	state->seq = 0;
	state->map_count = 0;
	state->fault_addr = 0;
	if (op == ANONVMA_OP_MPROTECT || op == ANONVMA_OP_PKEY_MPROTECT)
		state->args[2] |= anonvma_get(task, personality) & read_implies_exec;
	state->nr = nr;
	state->op = op;
	state->taken = 0;
	state->done = 0;
	if (anonvma_lock_unseen)
		anonvma_begin_unseen(state, task, mm);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(anonvma_sys_enter, struct pt_regs *regs, long nr)
{
	return ANONVMA_HELD(anonvma_on_sys_enter(regs, nr, false));
}

SEC("tp_btf/sys_enter")
int BPF_PROG(anonvma_sys_enter_listed, struct pt_regs *regs, long nr)
{
	return anonvma_on_sys_enter(regs, nr, true);
}

static __always_inline void anonvma_end_other(struct task_struct *task, struct anonvma_task *state,
					      long ret)
{
	struct mm_struct *mm = anonvma_get(task, mm);
	__u8 op = state->op;

	state->op = ANONVMA_OP_NONE;
	/* The descriptor goes when the task returns to user mode. */
	if (op == ANONVMA_OP_DROP) {
		if (mm)
			anonvma_mark_dirty((__u64)mm, 0);
		return;
	}
	if (!mm || !anonvma_other_changed(state, mm, ret))
		return;
	anonvma_send_unknown(task, (__u64)mm, 0, 0);
	anonvma_mark_dirty((__u64)mm, 0);
}

static __always_inline void anonvma_end_op(struct task_struct *task, struct anonvma_task *state,
					   long ret, bool listed)
{
	if (anonvma_lock_unseen && state->op >= ANONVMA_OP_OTHER) {
		anonvma_end_other(task, state, ret);
		return;
	}
	/* A fork that failed after dup_mmap() changed nothing, but took the lock. */
	if (state->op == ANONVMA_OP_CLONE) {
		if (state->taken && !state->done)
			anonvma_send(ANONVMA_EXTRA, state->mm, state->seq, state->map_count);
	} else if (state->op != ANONVMA_OP_EXECVE) {
		anonvma_finish_op(task, state, ret, listed);
	}
	if (anonvma_lock_unseen && state->op != ANONVMA_OP_EXECVE) {
		anonvma_moves(state->mm, false);
		anonvma_forget_effect(state);
	}
	anonvma_forget_left(state);
	state->op = ANONVMA_OP_NONE;
	state->fault_addr = 0;
}

static __always_inline int anonvma_on_sys_exit(struct pt_regs *regs, long ret, bool listed)
{
	struct task_struct *task;
	struct anonvma_task *state;
	__u32 op = anonvma_op_of(anonvma_syscall_nr(regs));

	/* What ends later has lost some of its objects: it was under way at the end. */
	if ((!op && !anonvma_pending) || !anonvma_sending)
		return 0;
	task = anonvma_current();
	state = anonvma_find_task(task);
	anonvma_resolve(state);
	if (state && op && state->op)
		anonvma_end_op(task, state, ret, listed);
	if (!anonvma_pending)
		return 0;
	if (state)
		anonvma_pay_foreign(state, listed);
	anonvma_pay_dirty(listed);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(anonvma_sys_exit, struct pt_regs *regs, long ret)
{
	return ANONVMA_HELD(anonvma_on_sys_exit(regs, ret, false));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(anonvma_sys_exit_listed, struct pt_regs *regs, long ret)
{
	return anonvma_on_sys_exit(regs, ret, true);
}
