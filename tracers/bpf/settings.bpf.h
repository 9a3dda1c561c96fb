/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Settings that the loader fixes before the load: the verifier removes code that they switch off.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/records.h"

const volatile bool anonvma_tracked_only = false;	/* else every process */
const volatile __u32 anonvma_target_tgid = 0;		/* local; tracked from its next exec on */
const volatile __u64 anonvma_cgroup = 0;		/* its id, if a cgroup is recorded */
const volatile __u32 anonvma_cgroup_subsys = ANONVMA_CGROUP_V2;	/* the hierarchy of cgroups */
const volatile __u32 anonvma_faults = ANONVMA_FAULTS_WRITE;
const volatile bool anonvma_truth = false;
const volatile __u64 anonvma_page_mask = ~4095ULL;
const volatile __u8 anonvma_syscalls[ANONVMA_MAX_SYSCALL] = {};	/* number to anonvma_op */
/* The same for calls of 32-bit programs. */
const volatile __u8 anonvma_compat_syscalls[ANONVMA_MAX_SYSCALL] = {};
const volatile __u64 anonvma_huge_page = 2 << 20;	/* of hugetlb mappings that name no size */
const volatile __u32 anonvma_machine_prot = 0;		/* ANONVMA_PROT_* that the machine adds */
/* __anon_vma_prepare and its split-off parts; an unused part has size 0. */
const volatile struct anonvma_site anonvma_prepare[ANONVMA_MAX_PARTS] = {};
/* anon_vma_alloc, if it is a function of its own. */
const volatile struct anonvma_site anonvma_new_anon_vma[ANONVMA_MAX_PARTS] = {};
/* vm_area_alloc, likewise. */
const volatile struct anonvma_site anonvma_vma_alloc[ANONVMA_MAX_PARTS] = {};
const volatile struct anonvma_site anonvma_sites[ANONVMA_MAX_SITES] = {};	/* of slab objects */
const volatile __u32 anonvma_nr_sites = 0;
const volatile __u64 anonvma_thp_area = 0;		/* thp_get_unmapped_area() */
