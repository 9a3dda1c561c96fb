/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What differs between kernels and architectures, one small function each. The test is always for
 * the member or the type, never for a version: stable kernels carry backports.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/arm64_insn.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Does the kernel have the helper? Known when the programs are loaded, as all that CO-RE finds out. */
#define anonvma_has_helper(name) bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_##name)

/*
 * Is the current task one that the verifier knows the type of (Linux kernel commit 3ca1032ab7ab "bpf:
 * Implement get_current_task_btf and RET_PTR_TO_BTF_ID")? Where it is not, what hangs on it can only
 * be read with care.
 */
static __always_inline bool anonvma_is_typed(void)
{
	return anonvma_has_helper(get_current_task_btf);
}

/* A plain load where the verifier knows the type of `p`, which is faster. */
#define anonvma_load(known, p, member) ((known) ? (p)->member : BPF_CORE_READ(p, member))
#define anonvma_get(p, member) anonvma_load(anonvma_is_typed(), p, member)

/*
 * Before mm->mm_lock_seq (below) write acquires are counted here, by mm; an mm that is missing has
 * none yet. The loader looks for the member, and makes the map as small as can be where it is.
 */
const volatile bool anonvma_counts_acquires = false;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u32);
} anonvma_acquires SEC(".maps");

static __always_inline __u32 anonvma_counted(__u64 mm)
{
	__u32 *count = bpf_map_lookup_elem(&anonvma_acquires, &mm);

	return count ? *count : 0;
}

/*
 * mm->mm_lock_seq came as an int that rises by one with every write unlock (Linux kernel commit
 * 5e31275cc997 "mm: add per-VMA lock and helper functions to control it") and became a seqcount,
 * odd while a writer holds the lock (eb449bd96954 "mm: convert mm_lock_seq to a proper seqcount").
 * Both leave here as the second kind, and so does the count of kernels without it, with one
 * difference: a writer that holds the lock is in it. There are no locks of single vmas yet, so that
 * whoever reads it in a fault will wait for that writer.
 */
struct mm_struct___int_seq {
	int mm_lock_seq;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_counts_locks(void)
{
	return bpf_core_field_exists(((struct mm_struct___int_seq *)0)->mm_lock_seq);
}

/* Is the number odd, or has it risen, as soon as a writer may change something? */
static __always_inline bool anonvma_seq_shows_writer(void)
{
	return anonvma_counts_acquires ||
	       bpf_core_field_exists(((struct mm_struct *)0)->mm_lock_seq.sequence);
}

static __always_inline __u32 anonvma_mm_seq(struct mm_struct *mm, bool writing)
{
	if (anonvma_counts_acquires)
		return 2 * anonvma_counted((__u64)mm) - writing;
	if (bpf_core_field_exists(mm->mm_lock_seq.sequence))
		return mm->mm_lock_seq.sequence;
	if (!anonvma_counts_locks())
		return 0;
	return 2 * (__u32)((struct mm_struct___int_seq *)mm)->mm_lock_seq + writing;
}

/* The same of an mm the verifier knows no type of. */
static __always_inline __u32 anonvma_mm_seq_probe(struct mm_struct *mm)
{
	if (anonvma_counts_acquires)
		return 2 * anonvma_counted((__u64)mm);
	if (bpf_core_field_exists(mm->mm_lock_seq.sequence))
		return BPF_CORE_READ(mm, mm_lock_seq.sequence);
	if (!anonvma_counts_locks())
		return 0;
	return 2 * (__u32)BPF_CORE_READ((struct mm_struct___int_seq *)mm, mm_lock_seq);
}

/*
 * A writer has the lock: its number is the next one. False when it could not be kept. Whoever writes
 * is alone.
 */
static __always_inline bool anonvma_count_acquire(struct mm_struct *mm)
{
	__u64 key = (__u64)mm;
	__u32 one = 1, *count;

	if (!anonvma_counts_acquires)
		return true;
	count = bpf_map_lookup_elem(&anonvma_acquires, &key);
	if (!count)
		return !bpf_map_update_elem(&anonvma_acquires, &key, &one, BPF_ANY);
	*count += 1;
	return true;
}

/* The mm ends. Where it was forgotten its address goes on counting, which harms nobody. */
static __always_inline void anonvma_forget_acquires(__u64 mm)
{
	if (anonvma_counts_acquires)
		bpf_map_delete_elem(&anonvma_acquires, &mm);
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
 * The vmas of an mm were a list and a red-black tree (until Linux kernel commits 763ecb035029 "mm:
 * remove the vma linked list" and 524e00b36e8c "mm: remove rb tree.").
 */
struct mm_struct___list {
	struct vm_area_struct *mmap;
	struct rb_root mm_rb;
} __attribute__((preserve_access_index));

struct vm_area_struct___list {
	unsigned long vm_start;
	unsigned long vm_end;
	struct vm_area_struct *vm_next;
	struct rb_node vm_rb;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_lists_vmas(void)
{
	return bpf_core_field_exists(((struct mm_struct___list *)0)->mmap);
}

static __always_inline struct vm_area_struct *anonvma_next_vma(struct vm_area_struct *vma)
{
	return BPF_CORE_READ((struct vm_area_struct___list *)vma, vm_next);
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
 * The nodes were a union with one preferred node (Linux kernel commit 269fbe72cded "mm/mempolicy: use
 * unified 'nodes' for bind/interleave/prefer policies").
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

/* Policies are equal by content (mpol_equal()); a kernel without NUMA has none. */
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

static __always_inline __u64 anonvma_vma_context(struct vm_area_struct *vma, bool known)
{
	if (!bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx))
		return 0;
	return (__u64)anonvma_load(known, vma, vm_userfaultfd_ctx.ctx);
}

/* Registers at a system call differ by architecture, and so do the members of pt_regs. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
} __attribute__((preserve_access_index));

static __always_inline long anonvma_syscall_nr(const struct pt_regs *regs)
{
	return (long)regs->orig_ax;
}

static __always_inline long anonvma_syscall_nr_probe(const struct pt_regs *regs)
{
	return (long)BPF_CORE_READ(regs, orig_ax);
}

static __always_inline void anonvma_syscall_args(const struct pt_regs *regs, __u64 *args)
{
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
}

/* Not used here: there are tracepoints, which know what kind of access it was. */
struct anonvma_event {
	__u64 regs[21];
	__u64 sample_period;
	__u64 addr;
};

static __always_inline bool anonvma_event_is_user(const struct anonvma_event *event)
{
	return event->regs[17] & 3;	/* cs */
}

static __always_inline bool anonvma_event_writes(const struct anonvma_event *event)
{
	return false;
}

/* A 32-bit system call has numbers of its own: TS_COMPAT of thread_info. */
struct thread_info {
	__u32 status;
} __attribute__((preserve_access_index));
struct task_struct___x86 {
	struct thread_info thread_info;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_is_compat(struct task_struct *task)
{
	return anonvma_get((struct task_struct___x86 *)task, thread_info.status) & 2;
}
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
} __attribute__((preserve_access_index));
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
} __attribute__((preserve_access_index));

static __always_inline long anonvma_syscall_nr(const struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline long anonvma_syscall_nr_probe(const struct pt_regs *regs)
{
	return BPF_CORE_READ(regs, syscallno);
}

static __always_inline void anonvma_syscall_args(const struct pt_regs *regs, __u64 *args)
{
	args[0] = regs->orig_x0;
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
}

/*
 * What a program of a software event is given: struct bpf_perf_event_data of the user ABI. The
 * registers are those of the exception. Members of the context are read directly.
 */
struct anonvma_event {
	__u64 regs[31];
	__u64 sp, pc, pstate;
	__u64 sample_period;
	__u64 addr;
};

static __always_inline bool anonvma_event_is_user(const struct anonvma_event *event)
{
	return !(event->pstate & 15);
}

/* The instruction at fault was just fetched; where it cannot be read it counts as a read. */
static __always_inline bool anonvma_event_writes(const struct anonvma_event *event)
{
	const void *pc = (const void *)event->pc;
	__u32 insn = 0;

	if (anonvma_event_is_user(event))
		bpf_probe_read_user(&insn, sizeof(insn), pc);
	else
		bpf_probe_read_kernel(&insn, sizeof(insn), pc);
	return anonvma_arm64_writes(insn);
}

/* TIF_32BIT of thread_info. */
struct thread_info {
	unsigned long flags;
} __attribute__((preserve_access_index));
struct task_struct___arm64 {
	struct thread_info thread_info;
} __attribute__((preserve_access_index));

static __always_inline bool anonvma_is_compat(struct task_struct *task)
{
	return anonvma_get((struct task_struct___arm64 *)task, thread_info.flags) & (1 << 22);
}
#else
#error "system-call registers of this architecture are not known here"
#endif

/*
 * mmap_lock tracepoints once had a memcg path before `write` (Linux kernel commit 2b5067a8143e
 * "mm: mmap_lock: add tracepoints around lock acquisition"), later not. The loader counts the
 * parameters in BTF; the branch not taken is dead code to the verifier.
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
