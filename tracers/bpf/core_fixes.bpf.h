/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Differences between kernels, one small function each. The test is always for the member or the
 * type, never for a version: stable kernels carry backports. Registers, which differ between
 * architectures, are in registers.bpf.h; lock numbers are in lock_seq.bpf.h.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* True if the kernel has the helper. CO-RE decides at load time: the verifier sees a constant. */
#define anonvma_has_helper(name) bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_##name)

/*
 * True if the verifier knows the type of the current task (since Linux kernel commit 3ca1032ab7ab
 * "bpf: Implement get_current_task_btf and RET_PTR_TO_BTF_ID"). Before that commit, pointers
 * reached through the task need bpf_probe_read_kernel().
 */
static __always_inline bool anonvma_is_typed(void)
{
	return anonvma_has_helper(get_current_task_btf);
}

/*
 * A member of `*p`, where `p` may point anywhere: a member that cannot be read is 0. With the kfunc
 * (Linux kernel commit a35b9af4ec2c "bpf: Add a kfunc for generic type cast") this is one load
 * instead of a helper call. Not for programs of perf events, which may call the kfunc only from
 * 6.12 on.
 */
extern void *bpf_rdonly_cast(const void *p, __u32 type) __ksym __weak;
#define anonvma_cast(p) \
	((typeof(p))bpf_rdonly_cast(p, bpf_core_type_id_kernel(typeof(*(p)))))
#define anonvma_read(p, member)                                                             \
	({                                                                                  \
		typeof(p) from_ = (p);                                                      \
		bpf_rdonly_cast ? anonvma_cast(from_)->member : BPF_CORE_READ(from_, member); \
	})

/* A plain load where the verifier knows the type of `p`. */
#define anonvma_load(known, p, member) ((known) ? (p)->member : anonvma_read(p, member))
/* The same for pointers reached through the current task. */
#define anonvma_get(p, member) (anonvma_is_typed() ? (p)->member : BPF_CORE_READ(p, member))

/* The current task. Where its type is not known, the other branch is dead code to the verifier. */
static __always_inline struct task_struct *anonvma_current(void)
{
	if (anonvma_is_typed())
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * struct anon_vma counted `degree` before num_children and num_active_vmas (Linux kernel commit
 * 2555283eb40d "mm/rmap: Fix anon_vma->degree ambiguity leading to double-reuse").
 */
struct anon_vma___degree {
	unsigned int degree;
} __attribute__((preserve_access_index));

static __always_inline __u64 anonvma_num_children(struct anon_vma *av)
{
	if (bpf_core_field_exists(av->num_children))
		return BPF_CORE_READ(av, num_children);
	if (bpf_core_field_exists(((struct anon_vma___degree *)av)->degree))
		return BPF_CORE_READ((struct anon_vma___degree *)av, degree);
	return 0;
}

static __always_inline __u64 anonvma_num_active_vmas(struct anon_vma *av)
{
	if (bpf_core_field_exists(av->num_active_vmas))
		return BPF_CORE_READ(av, num_active_vmas);
	return 0;
}

/*
 * The protection key that mprotect(PROT_EXEC) gives on x86 (Linux kernel commit 62b5f7d013fc
 * "mm/core, x86/mm/pkeys: Add execute-only protection keys support"); 0 or less: the mm has none.
 */
static __always_inline __s32 anonvma_execute_only_key(struct mm_struct *mm)
{
	if (bpf_core_field_exists(mm->context.execute_only_pkey))
		return BPF_CORE_READ(mm, context.execute_only_pkey);
	return 0;
}

/*
 * A vma was freed by an RCU callback from 6.4 (Linux kernel commit 20cce633f425 "mm: rcu safe VMA
 * freeing") until its cache became SLAB_TYPESAFE_BY_RCU (3104138517fc "mm: make vma cache
 * SLAB_TYPESAFE_BY_RCU"). exit_mmap() alone frees at once (0d2ebf9c3f78 "mm/mmap: free
 * vm_area_struct without call_rcu in exit_mmap").
 */
struct callback_head {
	void *next;
} __attribute__((preserve_access_index));
struct vm_area_struct___rcu {
	struct callback_head vm_rcu;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_vma_waits(void)
{
	return bpf_core_field_exists(((struct vm_area_struct___rcu *)0)->vm_rcu);
}

/* A task that uses the mm, known to kernels with memory cgroups; 0: none. */
static __always_inline __u32 anonvma_owner_pid(struct mm_struct *mm)
{
	if (!bpf_core_field_exists(mm->owner))
		return 0;
	return BPF_CORE_READ(mm, owner, pid);
}

/*
 * The nodes of a policy were a union with one preferred node (until Linux kernel commit
 * 269fbe72cded "mm/mempolicy: use unified 'nodes' for bind/interleave/prefer policies").
 */
struct mempolicy___union {
	union {
		struct nodemask nodes;
	} v;
} __attribute__((preserve_access_index));

static __always_inline __u64 anonvma_policy_nodes(struct mempolicy *policy)
{
	const __u32 preferred = 1;	/* MPOL_PREFERRED */
	struct mempolicy___union *old = (void *)policy;
	__u64 nodes;

	if (bpf_core_field_exists(policy->nodes))
		return BPF_CORE_READ(policy, nodes.bits[0]);
	nodes = BPF_CORE_READ(old, v.nodes.bits[0]);
	return BPF_CORE_READ(policy, mode) == preferred ? nodes & 0xffff : nodes;
}

/* A hash of the policy: policies compare by content (mpol_equal()). 0 on kernels without NUMA. */
static __always_inline __u64 anonvma_vma_policy(struct vm_area_struct *vma, bool known)
{
	struct mempolicy *policy;
	__u64 nodes, id;

	if (!bpf_core_field_exists(vma->vm_policy))
		return 0;
	policy = anonvma_load(known, vma, vm_policy);
	if (!policy)
		return 0;
	nodes = anonvma_policy_nodes(policy);
	id = (__u64)BPF_CORE_READ(policy, mode) << 32 | (__u64)BPF_CORE_READ(policy, flags) << 16;
	if (bpf_core_field_exists(policy->home_node))
		id |= (__u16)(BPF_CORE_READ(policy, home_node) + 1);
	return (1ull << 63) | (id ^ nodes * 0x9e3779b97f4a7c15ull);
}

/*
 * Names of vmas (Linux kernel commit 9a10064f5625 "mm: add a field to store names for private anonymous
 * memory"). The pointer was in a union with a part of file mappings, until those got names, too. Android
 * had a pointer of user space under the same name before, and no such type.
 */
struct anon_vma_name {
	char name[1];
} __attribute__((preserve_access_index));
struct shared_part {
	int unused;
} __attribute__((preserve_access_index));
struct vm_area_struct___named {
	struct shared_part shared;
	struct anon_vma_name *anon_name;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_has_names(void)
{
	return bpf_core_type_exists(struct anon_vma_name) &&
	       bpf_core_field_exists(((struct vm_area_struct___named *)0)->anon_name);
}

/* The text of the name of the vma; NULL: it has none. */
static __always_inline const char *anonvma_name_of(struct vm_area_struct *vma)
{
	struct vm_area_struct___named *named = (void *)vma;
	struct anon_vma_name *name;

	if (bpf_core_field_offset(named->anon_name) == bpf_core_field_offset(named->shared) &&
	    BPF_CORE_READ(vma, vm_file))
		return NULL;
	name = BPF_CORE_READ(named, anon_name);
	return name ? (const char *)name + bpf_core_field_offset(name->name) : NULL;
}

struct userfaultfd_ctx {
	unsigned int features;
} __attribute__((preserve_access_index));

/* True if a child of fork has the userfaultfd of the vma, too. */
static __always_inline bool anonvma_follows_fork(struct vm_area_struct *vma)
{
	const __u32 event_fork = 2;	/* UFFD_FEATURE_EVENT_FORK */
	struct userfaultfd_ctx *ctx;

	if (!bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx) ||
	    !bpf_core_field_exists(((struct userfaultfd_ctx *)0)->features))
		return false;
	ctx = BPF_CORE_READ(vma, vm_userfaultfd_ctx.ctx);
	return ctx && (BPF_CORE_READ(ctx, features) & event_fork);
}

static __always_inline __u64 anonvma_vma_context(struct vm_area_struct *vma, bool known)
{
	if (!bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx))
		return 0;
	return (__u64)anonvma_load(known, vma, vm_userfaultfd_ctx.ctx);
}

/*
 * At first, mmap_lock tracepoints had a memcg path before `write` (Linux kernel commit 2b5067a8143e
 * "mm: mmap_lock: add tracepoints around lock acquisition"). The loader looks for this parameter in
 * BTF; the branch not taken is dead code to the verifier.
 */
const volatile bool anonvma_lock_has_path = false;

static __always_inline bool anonvma_is_write_acquire(const __u64 *ctx)
{
	__u64 write, success;

	/* The barriers keep the compiler from computing an address in ctx, which is forbidden. */
	if (anonvma_lock_has_path) {
		write = ctx[2];
		barrier_var(write);
		success = ctx[3];
		barrier_var(success);
	} else {
		write = ctx[1];
		barrier_var(write);
		success = ctx[2];
		barrier_var(success);
	}
	return (write & 0xff) && (success & 0xff);
}
