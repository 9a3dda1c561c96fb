/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The recorder's kernel side for kernels that can preempt a program: the hooks of anonvma.bpf.c,
 * without preemption. One of the object's copies handles each event (once.bpf.h). Some programs
 * need neither and are shared (programs.bpf.h): page faults come with interrupts off, the task's
 * next hook does the work of a skipped unlock, and iterators are not skipped.
 */
#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/life.bpf.h"
#include "tracers/bpf/common_programs.bpf.h"	/* the same in all objects */
#include "tracers/bpf/lock.bpf.h"		/* mmap_lock */
#include "tracers/bpf/lock_seq.bpf.h"
#include "tracers/bpf/object.bpf.h"
#include "tracers/bpf/outcome.bpf.h"
#include "tracers/bpf/preemptible/once.bpf.h"	/* copies */
#include "tracers/bpf/programs.bpf.h"		/* unlocks, page faults, walks */
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/slab.bpf.h"		/* slab allocations and frees */
#include "tracers/bpf/syscall.bpf.h"		/* system calls */
#include "tracers/bpf/task.bpf.h"		/* fork, exec, exit */
#include "tracers/bpf/task_storage.bpf.h"	/* the state of a task */
#include "tracers/bpf/touch.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char anonvma_license[] SEC("license") = "GPL";

SEC("tp_btf/sys_enter")
int BPF_PROG(anonvma_sys_enter, struct pt_regs *regs, long nr)
{
	return ANONVMA_HELD(anonvma_on_sys_enter(regs, nr));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(anonvma_sys_exit, struct pt_regs *regs, long ret)
{
	return ANONVMA_HELD(anonvma_on_sys_exit(regs, ret));
}

static __always_inline int anonvma_acquire_once(__u64 *ctx)
{
	struct mm_struct *mm = (struct mm_struct *)ctx[0];

	if (anonvma_sending && anonvma_is_write_acquire(ctx) &&
	    anonvma_is_handled(ANONVMA_ONCE_LOCK, (__u64)mm, anonvma_mm_seq(mm, true)))
		return 0;
	return anonvma_on_acquire(ctx);
}

SEC("tp_btf/mmap_lock_acquire_returned")
int anonvma_mmap_lock(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_acquire_once(ctx));
}

static __always_inline int anonvma_newtask_once(struct task_struct *child)
{
	if (anonvma_records_birth(anonvma_get(anonvma_current(), mm), child) &&
	    anonvma_is_handled(ANONVMA_ONCE_TASK, (__u64)child, child->pid))
		return 0;
	return anonvma_on_newtask(child);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(anonvma_newtask, struct task_struct *child, unsigned long clone_flags)
{
	return ANONVMA_HELD(anonvma_newtask_once(child));
}

static __always_inline int anonvma_exec_once(void)
{
	struct mm_struct *mm = anonvma_get(anonvma_current(), mm);

	if (mm && anonvma_sending && anonvma_is_handled(ANONVMA_ONCE_EXEC, (__u64)mm, 0))
		return 0;
	return anonvma_on_exec();
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(anonvma_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	return ANONVMA_HELD(anonvma_exec_once());
}

static __always_inline int anonvma_exit_task_once(void)
{
	struct mm_struct *mm = anonvma_get(anonvma_current(), mm);

	if (anonvma_records_exit(mm) && anonvma_is_handled(ANONVMA_ONCE_EXIT_TASK, (__u64)mm, 0))
		return 0;
	return anonvma_on_exit_task();
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(anonvma_exit_task, struct task_struct *p)
{
	return ANONVMA_HELD(anonvma_exit_task_once());
}

static __always_inline int anonvma_exit_mmap_once(struct mm_struct *mm)
{
	if (anonvma_sending && anonvma_is_handled(ANONVMA_ONCE_EXIT_MMAP, (__u64)mm, 0))
		return 0;
	return anonvma_on_exit_mmap(mm);
}

SEC("tp_btf/exit_mmap")
int BPF_PROG(anonvma_exit_mm, struct mm_struct *mm)
{
	return ANONVMA_HELD(anonvma_exit_mmap_once(mm));
}

static __always_inline int anonvma_object_once(__u64 object, __u32 index, __u32 site, bool freed)
{
	if (index >= ANONVMA_CACHES || anonvma_is_handled(ANONVMA_ONCE_OBJECT, object, freed))
		return 0;
	return anonvma_on_object(object, index, site, freed);
}

/* Like anonvma_on_alloc(). The object and the preparation of one event are each handled once. */
static __always_inline int anonvma_alloc_once(__u64 *ctx)
{
	struct anonvma_allocation a = { .index = ANONVMA_CACHES };

	if (!anonvma_read_allocation(ctx, &a))
		return 0;
	anonvma_object_once(a.object, a.index, a.site, false);
	if (a.makes_vma)
		anonvma_enter_vma(a.object);
	if (a.prepares && !anonvma_is_handled(ANONVMA_ONCE_PREPARE, a.object, 0))
		anonvma_on_prepare(a.object);
	if (a.makes_anon_vma && !anonvma_is_handled(ANONVMA_ONCE_PREPARE, a.object, 0))
		anonvma_on_new_anon_vma(a.object);
	return 0;
}

SEC("tp_btf/kmem_cache_alloc")
int anonvma_alloc(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_alloc_once(ctx));
}

static __always_inline int anonvma_free_once(__u64 *ctx)
{
	__u32 site, index;

	if (!anonvma_sending)
		return 0;
	site = anonvma_site_of(ctx[0]);
	index = anonvma_cache_of((struct kmem_cache *)ctx[2], site);
	if (index >= ANONVMA_CACHES)
		return 0;
	return anonvma_object_once(anonvma_void_arg(ctx, 1), index, site, true);
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_free_once(ctx));
}

static __always_inline int anonvma_free_late_once(__u64 *ctx)
{
	__u64 vma = anonvma_unsent_vma(ctx);

	if (!vma)
		return 0;
	return anonvma_object_once(vma, ANONVMA_CACHE_VMA, ANONVMA_SITE_VMA_FREE_RCU, true);
}

SEC("tp_btf/kmem_cache_free")
int anonvma_free_late(__u64 *ctx)
{
	return ANONVMA_HELD(anonvma_free_late_once(ctx));
}
