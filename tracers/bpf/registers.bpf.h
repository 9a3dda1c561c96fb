/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Registers at a system call and at a page fault, which differ by architecture. */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/arm64_insn.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, cx, dx, si, di, orig_ax;
} __attribute__((preserve_access_index));

static __always_inline long anonvma_syscall_nr(const struct pt_regs *regs)
{
	return (long)regs->orig_ax;
}

static __always_inline long anonvma_syscall_nr_probe(const struct pt_regs *regs)
{
	return (long)BPF_CORE_READ(regs, orig_ax);
}

static __always_inline void anonvma_syscall_args(const struct pt_regs *regs, __u64 *args)
{
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
}

static __always_inline void anonvma_compat_args(const struct pt_regs *regs, __u64 *args)
{
	args[0] = (__u32)regs->bx;
	args[1] = (__u32)regs->cx;
	args[2] = (__u32)regs->dx;
	args[3] = (__u32)regs->si;
	args[4] = (__u32)regs->di;
	args[5] = (__u32)regs->bp;
}

/* No call ignores a part of its address. With LAM (Linear Address Masking) some would. */
static __always_inline __u64 anonvma_untagged(__u64 addr)
{
	return addr;
}

/* Unused on x86, where the fault tracepoints tell reads from writes. */
struct anonvma_event {
	__u64 regs[21];
	__u64 sample_period;
	__u64 addr;
};

static __always_inline bool anonvma_event_is_user(const struct anonvma_event *event)
{
	return event->regs[17] & 3;	/* cs */
}

static __always_inline bool anonvma_event_writes(const struct anonvma_event *event)
{
	return false;
}

/* A 32-bit system call has numbers of its own: TS_COMPAT of thread_info. */
struct thread_info {
	__u32 status;
} __attribute__((preserve_access_index));
struct task_struct___x86 {
	struct thread_info thread_info;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_is_compat(struct task_struct *task)
{
	return anonvma_get((struct task_struct___x86 *)task, thread_info.status) & 2;
}
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
} __attribute__((preserve_access_index));
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} __attribute__((preserve_access_index));

static __always_inline long anonvma_syscall_nr(const struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline long anonvma_syscall_nr_probe(const struct pt_regs *regs)
{
	return BPF_CORE_READ(regs, syscallno);
}

static __always_inline void anonvma_syscall_args(const struct pt_regs *regs, __u64 *args)
{
	args[0] = regs->orig_x0;
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
}

static __always_inline void anonvma_compat_args(const struct pt_regs *regs, __u64 *args)
{
	args[0] = (__u32)regs->orig_x0;
	args[1] = (__u32)regs->regs[1];
	args[2] = (__u32)regs->regs[2];
	args[3] = (__u32)regs->regs[3];
	args[4] = (__u32)regs->regs[4];
	args[5] = (__u32)regs->regs[5];
}

/* untagged_addr(): the top byte of an address of user space is a tag. */
static __always_inline __u64 anonvma_untagged(__u64 addr)
{
	return addr & (1ull << 55) ? addr : addr & ~(0xffull << 56);
}

/*
 * The context of a program of a software event: struct bpf_perf_event_data of the user ABI. The
 * registers are those of the exception. Members of the context are read directly.
 */
struct anonvma_event {
	__u64 regs[31];
	__u64 sp, pc, pstate;
	__u64 sample_period;
	__u64 addr;
};

static __always_inline bool anonvma_event_is_user(const struct anonvma_event *event)
{
	return !(event->pstate & 15);
}

/* The faulting instruction was just fetched. If it cannot be read, the fault counts as a read. */
static __always_inline bool anonvma_event_writes(const struct anonvma_event *event)
{
	const void *pc = (const void *)event->pc;
	__u32 insn = 0;

	if (anonvma_event_is_user(event))
		bpf_probe_read_user(&insn, sizeof(insn), pc);
	else
		bpf_probe_read_kernel(&insn, sizeof(insn), pc);
	if (anonvma_arm64_uses_gcs(insn))
		return (event->addr ^ event->pc) & anonvma_page_mask;
	return anonvma_arm64_writes(insn);
}

/* TIF_32BIT of thread_info. */
struct thread_info {
	unsigned long flags;
} __attribute__((preserve_access_index));
struct task_struct___arm64 {
	struct thread_info thread_info;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_is_compat(struct task_struct *task)
{
	return anonvma_get((struct task_struct___arm64 *)task, thread_info.flags) & (1 << 22);
}
#else
#error "system-call registers of this architecture are not known here"
#endif

/*
 * The registers of the task's last entry into the kernel (Linux kernel commit dd6e10fbd9fb "bpf: Add
 * bpf_task_pt_regs() helper"). Without the helper: the top of the task's stack, which has 16 KiB or a
 * page on both architectures.
 */
static __always_inline long anonvma_entry_syscall(struct task_struct *task)
{
	const __u64 least = 16384, page = ~anonvma_page_mask + 1;
	const __u64 thread_size = page > least ? page : least;
	struct pt_regs *regs;

	if (anonvma_has_helper(task_pt_regs))
		return anonvma_syscall_nr((struct pt_regs *)bpf_task_pt_regs(task));
	regs = (void *)((__u64)BPF_CORE_READ(task, stack) + thread_size -
			bpf_core_type_size(struct pt_regs));
	return anonvma_syscall_nr_probe(regs);
}

/* True if the task is in an exception that it took in user mode, and in no system call. */
static __always_inline bool anonvma_in_user_exception(struct task_struct *task)
{
	return anonvma_entry_syscall(task) == -1;
}
