/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The current task, on kernels that give it a type and on those that do not. What a branch below
 * asks for is known when the programs are loaded: to the verifier the other one is dead code.
 */
#pragma once

#include "tracers/bpf/core_fixes.bpf.h"

static __always_inline struct task_struct *anonvma_current(void)
{
	if (anonvma_is_typed())
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * The registers of the task's last entry into the kernel (Linux kernel commit dd6e10fbd9fb "bpf: Add
 * bpf_task_pt_regs() helper"). Before it: they lie at the top of its stack, of 16 KiB on both
 * architectures as long as pages have 4 or 16 KiB.
 */
static __always_inline long anonvma_entry_syscall(struct task_struct *task)
{
	const __u64 thread_size = 16384;
	struct pt_regs *regs;

	if (anonvma_has_helper(task_pt_regs))
		return anonvma_syscall_nr((struct pt_regs *)bpf_task_pt_regs(task));
	regs = (void *)((__u64)BPF_CORE_READ(task, stack) + thread_size -
			bpf_core_type_size(struct pt_regs));
	return anonvma_syscall_nr_probe(regs);
}

/* Is the task in an exception it took in user mode, and in no system call? */
static __always_inline bool anonvma_in_user_exception(struct task_struct *task)
{
	return anonvma_entry_syscall(task) == -1;
}
