/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A traced system call from sys_enter to its record at sys_exit. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/cgroup.bpf.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/dirty.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/bpf/tracked.bpf.h"
#include "tracers/bpf/vma.bpf.h"
#include "tracers/bpf/wanted_task.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * The outcome of a call in its mm. Each object defines these four functions, in outcome.bpf.h or in
 * fallback/outcome_list.bpf.h.
 */

/* Reads the vma at `addr` as the call left it; false if that state is not certain. */
static bool anonvma_see_result(struct anonvma_task *state, struct mm_struct *mm, __u64 addr,
			       struct anonvma_seen_vma *seen);
/* The first address from `start` on that is mapped, ~0 for none, 0 if that is not certain. */
static __u64 anonvma_first_behind(struct anonvma_task *state, struct mm_struct *mm, __u64 start);
/* The same. If it is not certain, the whole mm will be read. */
static __u64 anonvma_first_mapped(struct mm_struct *mm, struct anonvma_task *state, __u64 start);
/* One more than the number of pages by which the call raised mm->locked_vm; 0 if not certain. */
static __u64 anonvma_newly_locked(struct anonvma_task *state, struct mm_struct *mm);

/* The operation of call `nr` of the current task. Most calls are in neither table. */
static __always_inline __u32 anonvma_op_of(long nr)
{
	__u64 number = nr;
	__u32 op, compat;

	if (number >= ANONVMA_MAX_SYSCALL)
		return ANONVMA_OP_NONE;
	/* The compiler compares 32 bits, and the verifier of 6.1 does not see what that means for 64. */
	barrier_var(number);
	number &= ANONVMA_MAX_SYSCALL - 1;
	op = anonvma_syscalls[number];
	compat = anonvma_compat_syscalls[number];
	if (!op && !compat)
		return ANONVMA_OP_NONE;
	return anonvma_is_compat(anonvma_current()) ? compat : op;
}

/*
 * True if a call with this number may be a traced one that ends. A tracer that stops a task inside of its
 * fork and sends it elsewhere, as a debugger does, sets the number to -1.
 */
static __always_inline bool anonvma_may_end_op(long nr)
{
	return nr < 0 || anonvma_op_of(nr);
}

/* Reads the file of mmap's descriptor, and its properties that decide the flags of a mapping. */
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
	 * One mremap may move several vmas if the file leaves the address to the kernel or is
	 * shmem. A file in a tmpfs is shmem unless it is a device.
	 */
	places = (__u64)BPF_CORE_READ(file, f_op, get_unmapped_area);
	if (places && places != anonvma_thp_area &&
	    (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != tmpfs ||
	     (BPF_CORE_READ(file, f_inode, i_mode) & kind) != regular))
		state->file_ops |= ANONVMA_OPS_PLACES;
}

enum { ANONVMA_PR_SET_MM = 35 };

/* True for prctl(PR_SET_MM), which changes no vma but may move the heap. No other quiet call has 35. */
static __always_inline bool anonvma_moves_heap(const struct anonvma_task *state)
{
	return state->op == ANONVMA_OP_QUIET && (__u32)state->args[0] == ANONVMA_PR_SET_MM;
}

/*
 * Three options of prctl(2) take the lock and are no unseen writers: PR_SET_THP_DISABLE and PR_SET_MM
 * change no vma, and PR_SET_VMA (with PR_SET_VMA_ANON_NAME) names a range.
 */
static __always_inline __u32 anonvma_op_of_prctl(__u64 *args)
{
	const __u32 set_thp_disable = 41, set_vma = 0x53564d41;
	__u32 option = args[0];

	if (option == set_thp_disable || option == ANONVMA_PR_SET_MM)
		return ANONVMA_OP_QUIET;
	if (!anonvma_has_names() || option != set_vma || args[1])
		return ANONVMA_OP_NONE;
	args[0] = args[2];
	args[1] = args[3];
	args[2] = args[4];
	return ANONVMA_OP_NAME;
}

/*
 * An execve while a cgroup is recorded. Where the task lives decides whether the new mm is recorded;
 * an old mm that is recorded ends in any case.
 */
static __always_inline struct anonvma_task *anonvma_execing_task(struct task_struct *task, __u64 mm)
{
	bool inside = anonvma_in_cgroup(task);
	struct anonvma_task *state;

	if (!inside && !anonvma_wanted(mm))
		return NULL;
	state = anonvma_get_task(task, ANONVMA_OP);
	if (state)
		state->leaves = !inside;
	return state;
}

/* The state of the calling task if the call is to be traced, else NULL. */
static __always_inline struct anonvma_task *anonvma_calling_task(struct task_struct *task,
								 struct mm_struct *mm, __u32 op)
{
	if (!mm)
		return NULL;
	if (op == ANONVMA_OP_EXECVE && anonvma_cgroup)
		return anonvma_execing_task(task, (__u64)mm);
	if (op == ANONVMA_OP_EXECVE && anonvma_target_tgid &&
	    anonvma_local_tgid(task) == anonvma_target_tgid)
		return anonvma_get_task(task, ANONVMA_OP);
	return anonvma_wanted_task(task, (__u64)mm, ANONVMA_OP);
}

/*
 * True if the call removes the tag of its address. mmap, brk and the target of mremap do not.
 */
static __always_inline bool anonvma_ignores_tag(__u32 op)
{
	return anonvma_sets_flags(op) || op == ANONVMA_OP_MUNMAP || op == ANONVMA_OP_MREMAP ||
	       op == ANONVMA_OP_MSEAL;
}

/* The task enters call `nr`. Records that its last hook left pending have been sent. */
static __always_inline void anonvma_begin_call(struct anonvma_task *state, struct task_struct *task,
					       struct pt_regs *regs, long nr, __u32 op)
{
	const __u32 anonymous = 0x20;	/* MAP_ANONYMOUS */

	state->compat = anonvma_is_compat(task);
	if (state->compat)
		anonvma_compat_args(regs, state->args);
	else
		anonvma_syscall_args(regs, state->args);
	if (state->compat && op == ANONVMA_OP_MMAP)
		state->args[5] <<= 12;	/* mmap2() */
	if (anonvma_ignores_tag(op))
		state->args[0] = anonvma_untagged(state->args[0]);
	state->mm = (__u64)anonvma_get(task, mm);
	state->file = 0;
	state->file_ops = 0;
	if (op == ANONVMA_OP_MMAP && !(state->args[3] & anonymous))
		anonvma_read_file(state, task);
	if (op == ANONVMA_OP_PRCTL)
		op = anonvma_op_of_prctl(state->args);
	state->old_brk = 0;
	state->locked_vm = 0;
	state->seq = 0;
	state->map_count = 0;
	state->fault_addr = 0;
	if (op == ANONVMA_OP_MPROTECT || op == ANONVMA_OP_PKEY_MPROTECT)
		state->args[2] |= anonvma_get(task, personality) & ANONVMA_PROT_READ_IMPLIES_EXEC;
	if (op == ANONVMA_OP_MPROTECT || op == ANONVMA_OP_PKEY_MPROTECT || op == ANONVMA_OP_MMAP)
		state->args[2] |= anonvma_machine_prot;
	state->nr = nr;
	state->op = op;
	state->taken = 0;
	state->done = 0;
}

/*
 * Reads the vma that the call has made or extended, as the arguments do not tell everything about
 * it. If another writer came in between, a vma that existed before is left unread: its flags are
 * those of the arguments, as otherwise the kernel would not have merged the new range with it.
 */
static __always_inline void anonvma_read_vma(struct mm_struct *mm, struct anonvma_task *state,
					     long ret, struct anonvma_seen_vma *seen)
{
	__u64 addr = ret;

	if (ret < 0 && ret > -4096 && state->op != ANONVMA_OP_NAME)
		return;
	if (state->op == ANONVMA_OP_BRK) {
		if (addr <= state->old_brk)
			return;
		addr--;
	} else if (state->op == ANONVMA_OP_REMAP_FILE || state->op == ANONVMA_OP_NAME) {
		addr = state->args[0] & anonvma_page_mask;
	} else if (state->op != ANONVMA_OP_MMAP && state->op != ANONVMA_OP_SHMAT) {
		return;
	}
	if (anonvma_see_result(state, mm, addr, seen))
		return;
	*seen = (struct anonvma_seen_vma){ .ops = ANONVMA_OPS_UNREAD | state->file_ops };
}

/*
 * A failed call may have changed something. Returns how far it came: the first mapped address from
 * the source of an mremap on, or the result of anonvma_newly_locked().
 */
static __always_inline __u64 anonvma_read_after_failure(struct mm_struct *mm,
							struct anonvma_task *state,
							struct anonvma_seen_vma *seen)
{
	const __u64 map_fixed = 0x10, map_huge = 0x40000, mremap_fixed = 2;
	__u64 page = ~anonvma_page_mask, log2 = (state->args[3] >> 26) & 63;
	__u64 end;

	if (state->op == ANONVMA_OP_MREMAP && (state->args[3] & mremap_fixed))
		return anonvma_first_mapped(mm, state, state->args[0]);
	/* If the limit was exceeded, nothing was locked; if populating failed, all was. */
	if (state->op == ANONVMA_OP_MLOCK || state->op == ANONVMA_OP_MLOCK2) {
		if (!anonvma_see_result(state, mm, state->args[0] & anonvma_page_mask, seen))
			seen->vm_flags = 0;
		return anonvma_newly_locked(state, mm);
	}
	if (state->op != ANONVMA_OP_MMAP || !(state->args[3] & map_fixed))
		return 0;
	if (state->args[3] & map_huge)
		page = (log2 ? 1ull << log2 : anonvma_huge_page) - 1;
	end = state->args[0] + ((state->args[1] + page) & ~page);
	if (anonvma_first_mapped(mm, state, state->args[0]) >= end)
		seen->ops |= ANONVMA_OPS_HOLE;
	return 0;
}

/*
 * A call that has moved a mapping succeeds even if the kernel had no memory to unmap the source. Returns
 * the source if it is still mapped, else 0.
 */
static __always_inline __u64 anonvma_unmoved(struct mm_struct *mm, struct anonvma_task *state, long ret)
{
	const __u64 dont_unmap = 4;
	__u64 source = state->args[0];

	if (state->op != ANONVMA_OP_MREMAP || (__u64)ret == source || (state->args[3] & dont_unmap) ||
	    !state->args[1])
		return 0;
	return anonvma_first_behind(state, mm, source) == source ? source : 0;
}

/*
 * True if the mm has another size than when the call took the lock. Without a lock hook the number of
 * vmas is not always known.
 */
static __always_inline bool anonvma_size_changed(const struct anonvma_task *state,
						 struct mm_struct *mm)
{
	return anonvma_read(mm, total_vm) != state->total_vm ||
	       (state->map_count && (__u32)anonvma_read(mm, map_count) != state->map_count);
}

/*
 * True if a call that was refused may have done a part of its work, so that the mm has to be read. A
 * call that only maps and unmaps has then changed the size of the mm: it unmaps a part, or splits a
 * vma. mremap over several vmas may have moved some, and the other calls change flags.
 */
static __always_inline bool anonvma_is_half_done(const struct anonvma_task *state,
						 struct mm_struct *mm, long ret)
{
	const __u64 mremap_fixed = 2;

	if (!state->taken)
		return false;
	if (state->op == ANONVMA_OP_BRK)
		return ret != (long)state->args[0] && anonvma_size_changed(state, mm);
	if (ret >= 0 || ret <= -4096)
		return false;
	if (anonvma_changes_range(state->op) || state->op == ANONVMA_OP_MLOCKALL ||
	    state->op == ANONVMA_OP_MUNLOCKALL)
		return true;
	if (state->op == ANONVMA_OP_MREMAP && (state->args[3] & mremap_fixed))
		return true;
	return anonvma_size_changed(state, mm);
}

/*
 * A call that asks for no protection key uses the execute-only key of the mm, if there is one:
 * PROT_EXEC alone sets it, other protections remove it.
 */
static __always_inline void anonvma_choose_key(struct anonvma_op_record *r, struct mm_struct *mm)
{
	__s32 key;

	if (r->op != ANONVMA_OP_MPROTECT &&
	    (r->op != ANONVMA_OP_PKEY_MPROTECT || (__s32)r->args[3] != -1))
		return;
	key = anonvma_execute_only_key(mm);
	if (key <= 0)
		return;
	r->op = ANONVMA_OP_PKEY_MPROTECT;
	r->args[2] |= ANONVMA_PROT_EXECUTE_ONLY_KEY;
	r->args[3] = key;
}

/*
 * A call that did not take the lock for writing is recorded only if it may have prepared vmas, even if it
 * failed then.
 */
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

/* The call returns. `seq` is its token, an even number if it took no lock. */
static __always_inline void anonvma_finish_op(struct mm_struct *mm, struct anonvma_task *state,
					      long ret, __u32 seq)
{
	struct anonvma_seen_vma seen = {};
	struct anonvma_op_record *r;
	__u64 reached = 0;

	if (state->compat && (ret >= 0 || ret <= -4096))
		ret = (__u32)ret;	/* arm64 extends the sign of an address */
	anonvma_read_vma(mm, state, ret, &seen);
	if (ret < 0 && ret > -4096)
		reached = anonvma_read_after_failure(mm, state, &seen);
	else
		reached = anonvma_unmoved(mm, state, ret);
	r = anonvma_reserve(struct anonvma_op_record, ANONVMA_OP, state->mm, seq,
			    state->map_count);
	if (!r)
		return;
	__builtin_memcpy(r->args, state->args, sizeof(r->args));
	r->ret = ret;
	r->old_brk = state->old_brk;
	r->vm_flags = seen.vm_flags;
	r->vma_len = seen.len;
	r->reached = reached;
	r->name = seen.name;
	r->file = state->file;
	r->stored_file = seen.file;
	r->ops = seen.ops | (state->file_ops & ANONVMA_OPS_PLACES);
	if (anonvma_get(mm, mm_users.counter) > 1)
		r->ops |= ANONVMA_OPS_SHARED;
	r->op = state->op;
	anonvma_choose_key(r, mm);
	anonvma_submit(r);
	if (anonvma_is_half_done(state, mm, ret) || (reached && ret >= 0))
		anonvma_mark_dirty((__u64)mm, 0);
	/*
	 * shmat has no arguments for length and flags, remap_file_pages none for the file. The name in
	 * memory may be another by now.
	 */
	if ((state->op == ANONVMA_OP_SHMAT || state->op == ANONVMA_OP_REMAP_FILE ||
	     state->op == ANONVMA_OP_NAME) &&
	    (seen.ops & ANONVMA_OPS_UNREAD))
		anonvma_mark_dirty((__u64)mm, 0);
}
