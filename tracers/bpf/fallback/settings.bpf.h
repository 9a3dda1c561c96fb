/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Settings that only this object has. */
#pragma once

#include "tracers/bpf/core_types.h"

/*
 * No tracepoint sees the mmap_lock (before Linux kernel commit 2b5067a8143e "mm: mmap_lock: add
 * tracepoints around lock acquisition"): an operation is placed where its first vma is allocated or
 * freed, or else where it returns.
 */
const volatile bool anonvma_no_lock_hook = false;
const volatile __u32 anonvma_mbind = 0, anonvma_ioctl = 0;	/* their numbers, then */
