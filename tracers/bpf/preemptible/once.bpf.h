/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A program can be preempted (since Linux kernel commit a46023d5616e "tracing: Guard
 * __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast"). While its task is off the cpu, the
 * kernel skips the program in every other task on that cpu. Two measures keep skipped runs from
 * becoming losses.
 *
 * First, a program disables preemption. Enabling preemption again would be a scheduling point
 * inside of the program, but not while interrupts are off: then the scheduler runs after the
 * program has ended.
 *
 * A tick in the first or the last few instructions can still preempt it. So, second, the object is
 * loaded more than once, and the copies run one after the other at each event. The first copy that
 * is not skipped handles the event and leaves a mark with its task; the copies after it find the
 * mark:
 *
 *   copy 0   skipped   │ handles, sets the mark  │
 *   copy 1   handles   │ finds the mark          │
 *   copy 2   finds it, and removes the mark      │
 *
 * sys_enter and sys_exit need no mark: both are idempotent. An event is lost only if every copy is
 * skipped: then as many tasks were preempted on that cpu, one in each copy.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

const volatile __u32 anonvma_copy = 0;	/* the number of this copy */
/* For tests on kernels that skip no program: copies skip events themselves. */
const volatile bool anonvma_skips = false;

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

__u64 anonvma_runs = 0;	/* runs of copies, in such tests */

/* Skips the first or the second copy now and then, sometimes both, and never the last copy. */
static __always_inline bool anonvma_is_skipped(void)
{
	if (!anonvma_skips || anonvma_copy + 1 >= ANONVMA_COPIES)
		return false;
	return __sync_fetch_and_add(&anonvma_runs, 1) % 7 < 3;
}

#define ANONVMA_HELD(call) ({				\
	unsigned long held_flags;			\
	int held_result = 0;				\
	bpf_preempt_disable();				\
	if (!anonvma_is_skipped())			\
		held_result = (call);			\
	bpf_local_irq_save(&held_flags);		\
	bpf_preempt_enable();				\
	bpf_local_irq_restore(&held_flags);		\
	held_result;					\
})

/* Hooks that must not handle an event twice. */
enum anonvma_once {
	ANONVMA_ONCE_LOCK,
	ANONVMA_ONCE_TASK,
	ANONVMA_ONCE_EXEC,
	ANONVMA_ONCE_EXIT_TASK,
	ANONVMA_ONCE_EXIT_MMAP,
	ANONVMA_ONCE_PREPARE,
	ANONVMA_ONCE_OBJECT,
	ANONVMA_NR_ONCE,
};

struct anonvma_mark {
	struct {
		__u64 object;
		__u64 nr;
	} last[ANONVMA_NR_ONCE];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct anonvma_mark);
} anonvma_marks SEC(".maps");

/* Events that a copy was the first to handle, as the copies before it were skipped. */
__u64 anonvma_rescues[ANONVMA_COPIES][ANONVMA_NR_ONCE] = {};

/*
 * True if a copy before this one has handled the event. The last copy removes the mark, as a task
 * may meet the same object again. If the last copy is skipped, the mark does harm only if the
 * task's next event at this hook has the same object and number, and the first copy is skipped at
 * that event. Without storage for the mark only the first copy handles events.
 */
static __always_inline bool anonvma_is_handled(enum anonvma_once hook, __u64 object, __u64 nr)
{
	const bool last = anonvma_copy + 1 == ANONVMA_COPIES;
	struct anonvma_mark *mark;
	bool before = false;

	mark = bpf_task_storage_get(&anonvma_marks, bpf_get_current_task_btf(), NULL,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!mark)
		return anonvma_copy;
	if (anonvma_copy)
		before = mark->last[hook].object == object && mark->last[hook].nr == nr;
	if (anonvma_copy && anonvma_copy < ANONVMA_COPIES && !before)
		__sync_fetch_and_add(&anonvma_rescues[anonvma_copy][hook], 1);
	mark->last[hook].object = last ? 0 : object;
	mark->last[hook].nr = nr;
	return before;
}
