/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The recorder's kernel side, for kernels from 6.1 on: one program for each hook. The hooks are
 * only tracepoints and iterators, not kprobes or trampolines, so that hardened kernels run them
 * too. The headers below have the bodies. Two other objects replace this one:
 * preemptible/anonvma_preemptible.bpf.c if the kernel can preempt a program, and
 * fallback/anonvma_5_10.bpf.c if vmas are a list.
 */
#include "tracers/bpf/core_types.h"
#include "tracers/bpf/common_programs.bpf.h"	/* the same in all objects */
#include "tracers/bpf/lock.bpf.h"		/* mmap_lock */
#include "tracers/bpf/programs.bpf.h"		/* unlocks, page faults, walks */
#include "tracers/bpf/slab.bpf.h"		/* slab allocations and frees */
#include "tracers/bpf/syscall.bpf.h"		/* system calls */
#include "tracers/bpf/task.bpf.h"		/* fork, exec, exit */
#include "tracers/bpf/task_storage.bpf.h"	/* the state of a task */
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char anonvma_license[] SEC("license") = "GPL";

SEC("tp_btf/sys_enter")
int BPF_PROG(anonvma_sys_enter, struct pt_regs *regs, long nr)
{
	return anonvma_on_sys_enter(regs, nr);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(anonvma_sys_exit, struct pt_regs *regs, long ret)
{
	return anonvma_on_sys_exit(regs, ret);
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock(__u64 *ctx)
{
	return anonvma_on_acquire(ctx);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(anonvma_newtask, struct task_struct *child, unsigned long clone_flags)
{
	return anonvma_on_newtask(child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(anonvma_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	return anonvma_on_exec();
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(anonvma_exit_task, struct task_struct *p)
{
	return anonvma_on_exit_task();
}

SEC("tp_btf/exit_mmap")
int BPF_PROG(anonvma_exit_mm, struct mm_struct *mm)
{
	return anonvma_on_exit_mmap(mm);
}

SEC("tp_btf/kmem_cache_alloc")
int anonvma_alloc(__u64 *ctx)
{
	return anonvma_on_alloc(ctx);
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free(__u64 *ctx)
{
	return anonvma_on_free(ctx);
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free_late(__u64 *ctx)
{
	return anonvma_on_free_late(ctx);
}
