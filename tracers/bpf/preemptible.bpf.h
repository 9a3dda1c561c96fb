/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A program can be preempted (since Linux kernel commit a46023d5616e "tracing: Guard __DECLARE_TRACE()
 * use of __DO_TRACE_CALL() with SRCU-fast"), and the kernel skips it in whatever task that cpu runs
 * meanwhile. Two things keep that from being a loss.
 *
 * A program holds its task. To let it go is a moment for the scheduler, still inside of the program,
 * but not while interrupts are off: what was asked for happens behind it.
 *
 * What is left is a tick in the first or the last few instructions. So each program is loaded more
 * than once, and the copies run one after the other at each event. The first that is not skipped
 * handles it and says so, with its task; whoever comes behind it finds that. Of system calls nobody
 * has to say it: what sys_enter keeps it may keep twice, and what sys_exit ends is over for the next
 * one. An event is lost only while as many tasks are preempted, one in each copy.
 */
#pragma once

#include "tracers/bpf/state.bpf.h"

const volatile bool anonvma_preemptible = false;
const volatile __u32 anonvma_copy = 0;	/* which one this is */
/* For tests, on kernels that skip nothing. */
const volatile bool anonvma_skips = false;

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

__u64 anonvma_runs = 0;	/* of copies, in such tests */

/* Never the last copy; the first one and the second every now and then, and both at times. */
static __always_inline bool anonvma_is_skipped(void)
{
	if (!anonvma_skips || anonvma_copy + 1 >= ANONVMA_COPIES)
		return false;
	/* What it was before an atomic addition 5.10 refuses to ask, in dead code, too. */
	__sync_fetch_and_add(&anonvma_runs, 1);
	return anonvma_runs % 7 < 3;
}

#define ANONVMA_HELD(call) ({				\
	unsigned long held_flags;			\
	int held_result = 0;				\
	if (anonvma_preemptible)			\
		bpf_preempt_disable();			\
	if (!anonvma_is_skipped())			\
		held_result = (call);			\
	if (anonvma_preemptible) {			\
		bpf_local_irq_save(&held_flags);	\
		bpf_preempt_enable();			\
		bpf_local_irq_restore(&held_flags);	\
	}						\
	held_result;					\
})

/* Hooks that must not handle an event twice. */
enum anonvma_tell {
	ANONVMA_TELL_LOCK,
	ANONVMA_TELL_TASK,
	ANONVMA_TELL_EXEC,
	ANONVMA_TELL_EXIT_TASK,
	ANONVMA_TELL_EXIT_MMAP,
	ANONVMA_TELL_PREPARE,
	ANONVMA_TELL_OBJECT,
	ANONVMA_TELLS,
};

struct anonvma_told {
	struct {
		__u64 object;
		__u64 nr;
	} last[ANONVMA_TELLS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct anonvma_told);
} anonvma_telling SEC(".maps");

/* Events that a copy was the first to see: those before it were skipped. */
__u64 anonvma_rescues[ANONVMA_COPIES][ANONVMA_TELLS] = {};

/*
 * Has a copy before this one handled it? The last copy takes the mark back, as a task may well see the
 * same object twice. Should that one be skipped, the mark does harm only if the task's next event at
 * this hook is of the same object and number, and the first copy is skipped at it. Where nothing can be
 * kept the first copy alone handles events.
 */
static __always_inline bool anonvma_was_told(enum anonvma_tell hook, __u64 object, __u64 nr)
{
	const bool last = anonvma_copy + 1 == ANONVMA_COPIES;
	struct anonvma_told *told;
	bool before = false;

	if (!anonvma_preemptible)
		return false;
	told = bpf_task_storage_get(&anonvma_telling, bpf_get_current_task_btf(), NULL,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!told)
		return anonvma_copy;
	if (anonvma_copy)
		before = told->last[hook].object == object && told->last[hook].nr == nr;
	if (anonvma_copy && anonvma_copy < ANONVMA_COPIES && !before)
		__sync_fetch_and_add(&anonvma_rescues[anonvma_copy][hook], 1);
	told->last[hook].object = last ? 0 : object;
	told->last[hook].nr = nr;
	return before;
}
