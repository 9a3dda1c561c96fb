/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Settings that only this object has. */
#pragma once

#include "tracers/bpf/core_types.h"

/*
 * The kernel has no tracepoint of the mmap_lock (before Linux kernel commit 2b5067a8143e "mm:
 * mmap_lock: add tracepoints around lock acquisition"): operations get their place as
 * no_lock_hook.bpf.h says.
 */
const volatile bool anonvma_no_lock_hook = false;
