/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The current task, on kernels whose verifier knows its type and on older ones. The branches are
 * decided when the programs are loaded: the branch not taken is dead code to the verifier.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

static __always_inline struct task_struct *anonvma_current(void)
{
	if (anonvma_is_typed())
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * The registers of the task's last entry into the kernel (Linux kernel commit dd6e10fbd9fb "bpf: Add
 * bpf_task_pt_regs() helper"). Without the helper: the top of the task's stack, which has 16 KiB on
 * both architectures as long as pages have 4 or 16 KiB.
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

/* True if the task is in an exception that it took in user mode, and in no system call. */
static __always_inline bool anonvma_in_user_exception(struct task_struct *task)
{
	return anonvma_entry_syscall(task) == -1;
}
