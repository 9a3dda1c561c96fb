/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Programs that are the same on kernels that can preempt programs and on those that cannot.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/acquire.bpf.h"
#include "tracers/bpf/fault.bpf.h"
#include "tracers/bpf/hotplug.bpf.h"
#include "tracers/bpf/namespace.bpf.h"
#include "tracers/bpf/registers.bpf.h"
#include "tracers/bpf/walk.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("tp_btf/mmap_lock_released")
int anonvma_mmap_unlock(__u64 *ctx)
{
	return anonvma_on_release();
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(anonvma_page_fault_user, unsigned long addr, struct pt_regs *regs, unsigned long code)
{
	return anonvma_on_fault(addr, anonvma_fault_flags(code, ANONVMA_FAULT_USER));
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(anonvma_page_fault_kernel, unsigned long addr, struct pt_regs *regs,
	     unsigned long code)
{
	return anonvma_on_fault(addr, anonvma_fault_flags(code, 0));
}

/*
 * arm64 has no tracepoints of page faults. The software event that counts page faults (one of
 * period 1 for each cpu) fires at the same place, before anything is locked, with the address and
 * the registers. The instruction tells whether the fault was a write.
 */
SEC("perf_event")
int anonvma_page_fault_event(const struct anonvma_event *event)
{
	anonvma_on_covered_fault();
	return anonvma_on_fault(event->addr, anonvma_event_flags(event));
}

SEC("iter/task_vma")
int anonvma_walk(struct bpf_iter__task_vma *ctx)
{
	return anonvma_on_walk(ctx);
}

SEC("raw_tp")
int anonvma_find_namespace(void *ctx)
{
	return anonvma_on_find_namespace();
}
