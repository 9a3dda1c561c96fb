/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The order of calls on kernels without a tracepoint of the mmap_lock. A call that allocates and
 * frees nothing, like an mprotect of a whole vma, passes no hook under the lock. But its effect on
 * the vmas is known when the call begins, and the next task under the lock (to write or to prepare
 * a vma) can see whether the effect is done. The same holds for munmap, which detaches vmas and
 * lets readers in before it frees them. So each call of a thread registers its effect, unless the
 * effect exists already:
 *
 *   thread A   mprotect: registers "0-4 read-only" ── lock ─ done ─ unlock ──────────── sys_exit
 *   thread B                                                         mmap, under the lock: sees it
 *                                                                    done: A's place is here, before B's
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/fallback/settings.bpf.h"
#include "tracers/bpf/fallback/vma_list.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/bpf/settings.bpf.h"
#include "tracers/bpf/task_state.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

enum {
	ANONVMA_EFFECTS = 16,	/* slots, by tid. If two tasks share a slot, only the newer call is tracked */
	ANONVMA_EFFECT_VMAS = 8,	/* an effect on more vmas is never found done */
};

/* Special values of `mask`: the effect is not a change of vm_flags. */
#define ANONVMA_IS_GONE (~0ull)		/* nothing is mapped there */
#define ANONVMA_IS_BREAK (~1ull)	/* mm->brk is `want` */

/* An effect: all of [start, end) is mapped, and vm_flags & mask are `want`. */
struct anonvma_effect {
	__u64 start;
	__u64 end;
	__u64 mask;
	__u64 want;
	__u32 tid;
	__u32 call;	/* number of the call, set last; 0: none */
	__u32 placed;	/* number of the call whose place was sent */
	__u32 pad;
};

struct anonvma_effects {
	struct anonvma_effect of[ANONVMA_EFFECTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct anonvma_effects);
} anonvma_effects SEC(".maps");

const __u8 anonvma_no_effects[sizeof(struct anonvma_effects)] = {};	/* too large for the stack */

/*
 * Call numbers of a task rise with time, so a late report about a call that has returned is
 * recognised.
 */
static __always_inline __u32 anonvma_new_call(void)
{
	return (__u32)(bpf_ktime_get_ns() >> 8) | 1;
}

/* True if the vmas show the effect. */
__noinline __u64 anonvma_is_done(__u64 mm, __u64 start, __u64 end, __u64 mask, __u64 want)
{
	struct vm_area_struct *vma;

	if (mask == ANONVMA_IS_BREAK)
		return BPF_CORE_READ((struct mm_struct *)mm, brk) == want;
	for (__u32 i = 0; i < ANONVMA_EFFECT_VMAS; i++) {
		vma = (void *)anonvma_find_listed(mm, start);
		if (mask == ANONVMA_IS_GONE)
			return !vma || BPF_CORE_READ(vma, vm_start) >= end;
		if (!vma || BPF_CORE_READ(vma, vm_start) > start ||
		    (BPF_CORE_READ(vma, vm_flags) & mask) != want)
			return 0;
		start = BPF_CORE_READ(vma, vm_end);
		if (start >= end)
			return 1;
	}
	return 0;
}

/* If the effect of a registered call is done, the place of the call is here at the latest. */
__noinline __u64 anonvma_place_one(__u64 mm, __u64 index)
{
	struct anonvma_effects *effects;
	struct anonvma_effect *effect;
	struct anonvma_record *r;
	__u32 call;

	if (!anonvma_no_lock_hook)
		return 0;
	effects = bpf_map_lookup_elem(&anonvma_effects, &mm);
	if (!effects)
		return 0;
	effect = &effects->of[index & (ANONVMA_EFFECTS - 1)];
	call = *(volatile __u32 *)&effect->call;
	if (!call || effect->placed == call || effect->tid == (__u32)bpf_get_current_pid_tgid())
		return 0;
	if (!anonvma_is_done(mm, effect->start, effect->end, effect->mask, effect->want) ||
	    *(volatile __u32 *)&effect->call != call)
		return 0;
	effect->placed = call;
	r = anonvma_reserve(struct anonvma_record, ANONVMA_PLACE, mm, call, 0);
	if (!r)
		return 0;
	r->tid = effect->tid;
	anonvma_submit(r);
	return 0;
}

/* The current task holds the lock of `mm`: calls that held it before get their place. */
static __always_inline void anonvma_place_others(__u64 mm)
{
	if (!anonvma_no_lock_hook || !bpf_map_lookup_elem(&anonvma_effects, &mm))
		return;
	for (__u32 i = 0; i < ANONVMA_EFFECTS; i++)
		anonvma_place_one(mm, i);
}

/* The flags that an madvise changes. False if they are not known here. */
static __always_inline bool anonvma_advice_effect(__u64 advice, struct anonvma_effect *effect)
{
	const __u64 sequential = 0x8000, random = 0x10000, dont_copy = 0x20000;
	const __u64 wipe_on_fork = 0x02000000, dont_dump = 0x04000000;

	switch (advice) {
	case 0:		/* MADV_NORMAL */
		effect->mask = sequential | random;
		return true;
	case 1:		/* MADV_RANDOM */
		effect->mask = sequential | random;
		effect->want = random;
		return true;
	case 2:		/* MADV_SEQUENTIAL */
		effect->mask = sequential | random;
		effect->want = sequential;
		return true;
	case 10:	/* MADV_DONTFORK */
		effect->mask = effect->want = dont_copy;
		return true;
	case 11:	/* MADV_DOFORK */
		effect->mask = dont_copy;
		return true;
	case 16:	/* MADV_DONTDUMP */
		effect->mask = effect->want = dont_dump;
		return true;
	case 17:	/* MADV_DODUMP */
		effect->mask = dont_dump;
		return true;
	case 18:	/* MADV_WIPEONFORK */
		effect->mask = effect->want = wipe_on_fork;
		return true;
	case 19:	/* MADV_KEEPONFORK */
		effect->mask = wipe_on_fork;
		return true;
	}
	return false;
}

/* The effect that the call will have when it returns; false if that cannot be predicted. */
static __always_inline bool anonvma_effect_of(const struct anonvma_task *state,
					      struct anonvma_effect *effect)
{
	const __u64 access = 7, locked = 0x2000;	/* PROT_* are VM_* */
	const __u64 map_fixed = 0x10, mremap_fixed = 2;
	const __u64 page = ~anonvma_page_mask;
	const __u64 *args = state->args;

	effect->start = args[0] & ~page;
	effect->end = (args[0] + args[1] + page) & ~page;
	effect->mask = access;
	effect->want = args[2] & access;
	switch (state->op) {
	case ANONVMA_OP_MUNMAP:
		effect->mask = ANONVMA_IS_GONE;
		return true;
	case ANONVMA_OP_BRK:
		effect->mask = ANONVMA_IS_BREAK;
		effect->want = args[0];
		effect->end = ~0ull;
		return args[0] != 0;
	case ANONVMA_OP_MPROTECT:
		return args[2] == effect->want;
	case ANONVMA_OP_MMAP:	/* without MAP_FIXED another call may take the room first */
		return args[3] & map_fixed;
	case ANONVMA_OP_MLOCK:
	case ANONVMA_OP_MLOCK2:
	case ANONVMA_OP_MUNLOCK:
		effect->mask = locked;
		effect->want = state->op == ANONVMA_OP_MUNLOCK ? 0 : locked;
		return true;
	case ANONVMA_OP_MADVISE:
		effect->want = 0;
		return anonvma_advice_effect(args[2], effect);
	case ANONVMA_OP_MREMAP:	/* shrinking; a growing one may find the room taken */
		effect->mask = ANONVMA_IS_GONE;
		effect->start = (args[0] + args[2] + page) & ~page;
		return args[2] != 0 && !(args[3] & mremap_fixed);
	}
	return false;
}

/* A call of one of several threads begins. Calls whose effect is done by now precede it. */
static __always_inline void anonvma_register_effect(struct anonvma_task *state)
{
	struct anonvma_effect effect = {}, *slot;
	struct anonvma_effects *effects;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 mm = state->mm;

	anonvma_place_others(mm);
	if (!anonvma_effect_of(state, &effect) || effect.start >= effect.end ||
	    anonvma_is_done(mm, effect.start, effect.end, effect.mask, effect.want))
		return;
	effects = bpf_map_lookup_elem(&anonvma_effects, &mm);
	if (!effects) {
		bpf_map_update_elem(&anonvma_effects, &mm, &anonvma_no_effects, BPF_NOEXIST);
		effects = bpf_map_lookup_elem(&anonvma_effects, &mm);
	}
	if (!effects)
		return;
	slot = &effects->of[tid & (ANONVMA_EFFECTS - 1)];
	*(volatile __u32 *)&slot->call = 0;
	slot->start = effect.start;
	slot->end = effect.end;
	slot->mask = effect.mask;
	slot->want = effect.want;
	slot->tid = tid;
	*(volatile __u32 *)&slot->call = state->seq;
}

/* The call returns. */
static __always_inline void anonvma_forget_effect(const struct anonvma_task *state)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct anonvma_effects *effects;
	struct anonvma_effect *slot;
	__u64 mm = state->mm;

	effects = bpf_map_lookup_elem(&anonvma_effects, &mm);
	if (!effects)
		return;
	slot = &effects->of[tid & (ANONVMA_EFFECTS - 1)];
	if (slot->tid == tid)
		*(volatile __u32 *)&slot->call = 0;
}
