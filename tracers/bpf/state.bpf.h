/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Settings, maps, the state of a task between two hooks, and the ring buffer. */
#pragma once

#include "tracers/bpf/namespace.bpf.h"
#include <bpf/bpf_tracing.h>
#include "tracers/records.h"

/* Set before load: the verifier removes what they switch off. */
const volatile bool anonvma_tracked_only = false;	/* else every process */
const volatile __u32 anonvma_target_tgid = 0;		/* local; tracked from its next exec on */
const volatile __u32 anonvma_faults = ANONVMA_FAULTS_WRITE;
const volatile bool anonvma_truth = false;
const volatile __u64 anonvma_page_mask = ~4095ULL;
const volatile __u8 anonvma_syscalls[ANONVMA_MAX_SYSCALL] = {};	/* number to anonvma_op */
/* __anon_vma_prepare and its split-off parts; an unused part has size 0. */
const volatile struct anonvma_site anonvma_prepare[ANONVMA_MAX_PARTS] = {};
/* vm_area_alloc, likewise. */
const volatile struct anonvma_site anonvma_vma_alloc[ANONVMA_MAX_PARTS] = {};
const volatile struct anonvma_site anonvma_sites[ANONVMA_MAX_SITES] = {};	/* truth */
const volatile __u32 anonvma_nr_sites = 0;

/*
 * No tracepoint sees the mmap_lock (before Linux kernel commit 2b5067a8143e "mm: mmap_lock: add
 * tracepoints around lock acquisition"): an operation is where its first vma is allocated or freed,
 * or else where it returns.
 */
const volatile bool anonvma_lock_unseen = false;
const volatile __u64 anonvma_thp_area = 0;	/* thp_get_unmapped_area() */
const volatile __u32 anonvma_prctl = 0;
const volatile __u32 anonvma_mbind = 0, anonvma_ioctl = 0;	/* their numbers, then */
/* kmem_cache_* tell no cache (before 3544de8ee6e4 "mm, tracing: record slab name for kmem_cache_free()"). */
const volatile bool anonvma_cache_untold = false;

/* Read and written by the loader while the programs run. */
__u64 anonvma_lost[ANONVMA_MAX_CPUS][ANONVMA_KINDS] = {};	/* of an mm not noted below */
__u64 anonvma_losses = 0;	/* moves before a counter rises, and again behind that */
__u64 anonvma_marked = 0;	/* where it stood when the ring last told */
__u32 anonvma_pending = 0;	/* tasks that hold a Touch, and mms to be read */
__u64 anonvma_unread = 0;	/* mms that ended before anybody had read them */
__u32 anonvma_growing = 0;	/* tasks whose fault is about to grow a stack */
__u64 anonvma_walk_id = 0;
bool anonvma_walk_tracks = false;
bool anonvma_untracked = false;	/* there were more mms than anonvma_tracked holds */
__u32 anonvma_sending = 0;	/* off until the loader has attached everything */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} anonvma_ring SEC(".maps");

/*
 * The mms that were announced (or whose announcement was lost) and whose exit_mmap() has not ended:
 * those recorded when anonvma_tracked_only. Exact where it was large enough.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} anonvma_tracked SEC(".maps");

/* Whose records were lost. Counts only rise; the loader removes what is old. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct anonvma_loss);
	__type(value, __u64);
} anonvma_lost_of SEC(".maps");

/*
 * The mms that were written to outside every traced call, and that nobody has read since. The value
 * is the tid of the writer while its call goes on, and 0 afterwards.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} anonvma_dirty SEC(".maps");

/* What a call tells of the vma that it has made or found. */
struct anonvma_seen_vma {
	__u64 start;
	__u64 len;
	__u64 vm_flags;
	__u64 file;
	__u64 ops;
};

/*
 * A place in the tree of vmas: one slot of one node. It is kept with the task, as each value on the
 * stack would be a new state for the verifier with every slot.
 */
struct anonvma_tree {
	__u64 root;
	__u64 index;		/* all below was looked at */
	__u64 node;		/* encoded */
	__u64 max;		/* the highest index under the node */
	__u32 slot;
	__u32 seq;		/* of the mm when it began */
	__u32 torn;
	__u32 ended;	/* no bool: the verifier wants to see a callback return 0 or 1 */
};

/* What a task is in the middle of. */
struct anonvma_task {
	struct anonvma_tree tree;
	__u64 args[6];
	__u64 wanted_mm;	/* current->mm when it was last found to be wanted */
	__u64 mm;		/* current->mm when the system call began */
	__u64 file;		/* mmap: struct file of the descriptor */
	__u64 exiting;		/* the mm whose exit_mmap() is running */
	__u32 nr_left;		/* of its vmas, where no hook tells that it ends */
	__u64 foreign_mm;	/* of another process: written to, to be read at the end of the call */
	__u32 foreign_pid;	/* a task of that process */
	__u64 grow_mm;		/* a stack about to grow: the acquire, and the fault */
	__u64 grow_addr;
	__u32 grow_seq;
	__u32 grow_map_count;
	__u32 file_ops;		/* mmap: ANONVMA_OPS_* of the descriptor */
	__u32 nr_seen;		/* vmas sent, and the lock number they were read at */
	__u32 seen_seq;
	__u32 seen_whole;	/* they were one state */
	__u32 list_tries;	/* since the last reading of a list that was */
	__u64 found;		/* the vma that the last search in the tree came to */
	__u64 fresh;		/* the vma that the call has allocated */
	__u32 entered;		/* the call is in anonvma_left */
	__u64 old_brk;
	__u64 locked_vm;	/* likewise: when the lock was taken */
	__u64 avc;		/* a chain entry just allocated in __anon_vma_prepare */
	__u64 avc_mm;
	__u64 fault_addr;	/* of the last fault, page-rounded | ANONVMA_FAULT_*; 0: used up */
	__u32 seq;		/* token: of the first write acquire of `mm` */
	__u32 map_count;
	__u32 avc_seq;
	__u32 avc_syscall;
	__u16 nr;
	__u8 op;
	__u8 taken;		/* seq and map_count are filled in */
	__u8 done;		/* clone: Fork was sent; execve: ExecBegin was sent, or the old mm has ended */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct anonvma_task);
} anonvma_tasks SEC(".maps");

/*
 * The same where tasks have no storage (before Linux kernel commit a10787e6d58c "bpf: Enable task
 * local storage for tracing programs"): from the first hook that needs it to the end of the task.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct anonvma_task);
} anonvma_task_table SEC(".maps");

/* What a new entry begins with: too large for the stack. */
const __u8 anonvma_new_task[sizeof(struct anonvma_task)] = {};

static __always_inline bool anonvma_tasks_have_storage(void)
{
	return anonvma_has_helper(task_storage_get);
}

static __always_inline struct anonvma_task *anonvma_find_task(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (anonvma_tasks_have_storage())
		return bpf_task_storage_get(&anonvma_tasks, task, NULL, 0);
	return bpf_map_lookup_elem(&anonvma_task_table, &key);
}

static __always_inline void anonvma_forget_task(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (!anonvma_tasks_have_storage())
		bpf_map_delete_elem(&anonvma_task_table, &key);
}

/*
 * `count` records of `mm` are missing; 0 for an mm that nobody will know for the loss of another's.
 * Where the mm cannot be noted the loss may be anybody's.
 */
static __noinline int anonvma_count_lost(__u32 kind, __u64 mm, __u64 count)
{
	__u32 cpu = bpf_get_smp_processor_id() & (ANONVMA_MAX_CPUS - 1);
	struct anonvma_loss key = { .mm = mm, .kind = kind, .cpu = cpu };
	__u64 *counter, zero = 0;

	if (kind >= ANONVMA_KINDS)
		return 0;
	/* Whoever finds the counter risen finds this moved, and looks again when it moves again. */
	__sync_fetch_and_add(&anonvma_losses, 1);
	counter = bpf_map_lookup_elem(&anonvma_lost_of, &key);
	if (!counter) {
		bpf_map_update_elem(&anonvma_lost_of, &key, &zero, BPF_NOEXIST);
		counter = bpf_map_lookup_elem(&anonvma_lost_of, &key);
	}
	if (counter)
		__sync_fetch_and_add(counter, count ? count : ANONVMA_LOSS_CONCERNS);
	else
		__sync_fetch_and_add(&anonvma_lost[cpu][kind], 1);
	__sync_fetch_and_add(&anonvma_losses, 1);
	return 0;
}

/*
 * The first record behind a gap is preceded by one that says so: what is missing was lost before it,
 * however late the recorder comes to look. Without room for that the record itself, which may be
 * smaller, is lost, too.
 */
static __noinline bool anonvma_mark_gap(void)
{
	struct anonvma_gap_record *r;
	__u64 losses = anonvma_losses;

	r = bpf_ringbuf_reserve(&anonvma_ring, sizeof(*r), 0);
	if (!r)
		return false;
	anonvma_marked = losses;	/* not before: others go on as soon as they see it */
	__builtin_memset(r, 0, sizeof(*r));
	r->head.time_ns = bpf_ktime_get_ns();
	r->head.kind = ANONVMA_GAP;
	r->losses = losses;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

/* A state that cannot be kept is an event that will be missing. */
static __always_inline struct anonvma_task *anonvma_get_task(struct task_struct *task, __u32 kind)
{
	struct anonvma_task *state;
	__u64 key = (__u64)task;

	if (anonvma_tasks_have_storage()) {
		state = bpf_task_storage_get(&anonvma_tasks, task, NULL,
					     BPF_LOCAL_STORAGE_GET_F_CREATE);
	} else {
		bpf_map_update_elem(&anonvma_task_table, &key, &anonvma_new_task, BPF_NOEXIST);
		state = bpf_map_lookup_elem(&anonvma_task_table, &key);
	}
	if (!state)
		anonvma_count_lost(kind, (__u64)anonvma_get(task, mm), 1);
	return state;
}

static __always_inline bool anonvma_wanted(__u64 mm)
{
	if (!anonvma_tracked_only)
		return true;
	return bpf_map_lookup_elem(&anonvma_tracked, &mm) != NULL;
}

/*
 * The state of a task whose mm is recorded, else NULL. A task that was recorded once stays so: only
 * a new mm is looked up.
 */
static __always_inline struct anonvma_task *anonvma_wanted_task(struct task_struct *task, __u64 mm,
								__u32 kind)
{
	struct anonvma_task *state = anonvma_find_task(task);

	if (state && state->wanted_mm == mm)
		return state;
	if (!anonvma_wanted(mm))
		return NULL;
	if (!state)
		state = anonvma_get_task(task, kind);
	if (state)
		state->wanted_mm = mm;
	return state;
}

/*
 * A program that the kernel starts (call_usermodehelper()): a task without an mm, which enters no
 * system call, makes itself one. Nobody else without an mm allocates a vma, or locks an mm without any.
 */
static __always_inline struct anonvma_task *anonvma_kernel_execs(struct task_struct *task,
								 struct anonvma_task *state)
{
	if (anonvma_tracked_only || anonvma_get(task, mm))
		return state;
	if (!state)
		state = anonvma_get_task(task, ANONVMA_EXEC_BEGIN);
	if (!state || state->op == ANONVMA_OP_EXECVE)
		return state;
	state->mm = 0;
	state->op = ANONVMA_OP_EXECVE;
	state->taken = 0;
	state->done = 0;
	return state;
}

static __always_inline void anonvma_track(__u64 mm)
{
	__u8 one = 1;

	if (!bpf_map_update_elem(&anonvma_tracked, &mm, &one, BPF_ANY))
		return;
	anonvma_untracked = true;
	if (anonvma_tracked_only)
		anonvma_count_lost(ANONVMA_FORK, mm, 1);
}

static __always_inline void anonvma_fill_head(struct anonvma_record *head, __u32 kind, __u64 mm,
					      __u32 seq, __u32 map_count)
{
	head->time_ns = bpf_ktime_get_ns();
	head->mm = mm;
	head->seq = seq;
	head->map_count = map_count;
	head->tid = (__u32)bpf_get_current_pid_tgid();
	head->kind = kind;
	head->cpu = bpf_get_smp_processor_id();
}

/*
 * Reserves a record and fills its head; NULL when the ring is full, which is never silent: the
 * loader turns the counter into a Lost event. Nobody is woken up: the loader polls.
 */
#define anonvma_reserve(type, kind, mm, seq, map_count)                                      \
	({                                                                                   \
		type *record_ = NULL;                                                        \
		if (anonvma_losses == anonvma_marked || anonvma_mark_gap())                  \
			record_ = bpf_ringbuf_reserve(&anonvma_ring, sizeof(type), 0);       \
		if (record_)                                                                 \
			anonvma_fill_head((struct anonvma_record *)record_, kind, mm, seq,   \
					  map_count);                                        \
		else                                                                         \
			anonvma_count_lost(kind, mm, 1);                                     \
		record_;                                                                     \
	})

static __always_inline void anonvma_submit(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/*
 * `mm` has to be read. Any task of it does that, at the next system call it enters or leaves, or
 * when it is the next to take the lock. `tid` is the writer whose call still goes on, or 0.
 */
static __always_inline void anonvma_mark_dirty(__u64 mm, __u32 tid)
{
	const long exists = -17;
	long error = bpf_map_update_elem(&anonvma_dirty, &mm, &tid, BPF_NOEXIST);

	if (!error)
		__sync_fetch_and_add(&anonvma_pending, 1);
	else if (error != exists)
		anonvma_count_lost(ANONVMA_SEEN, mm, 1);
}

static __always_inline bool anonvma_is_dirty(__u64 mm)
{
	return bpf_map_lookup_elem(&anonvma_dirty, &mm) != NULL;
}

/* The lock was busy: whoever gets it next reads the mm, the writer itself as well. */
static __always_inline void anonvma_leave_dirty(__u64 mm)
{
	const __u64 exist = 2;	/* BPF_EXIST */
	__u32 nobody = 0;

	bpf_map_update_elem(&anonvma_dirty, &mm, &nobody, exist);
}

/* True for the one task that reads `mm` now. */
static __always_inline bool anonvma_take_dirty(__u64 mm)
{
	if (bpf_map_delete_elem(&anonvma_dirty, &mm))
		return false;
	__sync_fetch_and_add(&anonvma_pending, -1);
	return true;
}

/* Records that are a head and nothing else. */
static __always_inline void anonvma_send(__u32 kind, __u64 mm, __u32 seq, __u32 map_count)
{
	struct anonvma_record *r;

	r = anonvma_reserve(struct anonvma_record, kind, mm, seq, map_count);
	if (r)
		anonvma_submit(r);
}

static __always_inline void anonvma_copy_comm(char *comm, struct task_struct *task)
{
	if (anonvma_is_typed())
		__builtin_memcpy(comm, task->comm, sizeof(task->comm));
	else
		BPF_CORE_READ_INTO(comm, task, comm);
}

static __always_inline __u32 anonvma_vma_ops(const struct vm_operations_struct *ops)
{
	if (!ops)
		return ANONVMA_OPS_ANONYMOUS;
	return BPF_CORE_READ(ops, close) ? ANONVMA_OPS_CLOSE : 0;
}

/* `known`: the verifier knows the type of `vma`. */
static __always_inline void anonvma_fill_vma(struct anonvma_vma *out, struct vm_area_struct *vma,
					     bool known)
{
	out->start = anonvma_load(known, vma, vm_start);
	out->end = anonvma_load(known, vma, vm_end);
	out->vm_flags = anonvma_load(known, vma, vm_flags);
	out->pgoff = anonvma_load(known, vma, vm_pgoff);
	out->file = (__u64)anonvma_load(known, vma, vm_file);
	out->anon_vma = (__u64)anonvma_load(known, vma, anon_vma);
	out->policy = anonvma_vma_policy(vma, known);
	out->context = anonvma_vma_context(vma, known);
	out->ops = anonvma_vma_ops(anonvma_load(known, vma, vm_ops));
	out->pad = 0;
}

/* One vma of a look from inside. */
static __always_inline void anonvma_send_vma(__u64 mm, struct vm_area_struct *vma, bool known)
{
	struct anonvma_exec_vma_record *r;

	r = anonvma_reserve(struct anonvma_exec_vma_record, ANONVMA_EXEC_VMA, mm, 0, 0);
	if (!r)
		return;
	anonvma_fill_vma(&r->vma, vma, known);
	anonvma_submit(r);
}
