/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Names of vmas. Records have a hash of a name, as vmas with equal names may merge. The text is sent
 * once: before the first record with its hash, and again if the hash was forgotten since.
 */
#pragma once

#include "tracers/bpf/core_types.h"
#include "tracers/bpf/core_fixes.bpf.h"
#include "tracers/bpf/ring.bpf.h"
#include "tracers/records.h"
#include <bpf/bpf_helpers.h>

/* The names whose text was sent, by their hash. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} anonvma_sent_names SEC(".maps");

/*
 * A hash of the text at `from`, which ends with a NUL. It is read word by word: the stack of a snapshot
 * has no room for a text.
 */
static __always_inline __u64 anonvma_hash_of_text(const char *from)
{
	const __u64 ones = 0x0101010101010101ull;
	__u64 word, ends, hash = 0;
	int i;

	for (i = 0; i < ANONVMA_NAME_BYTES / 8; i++) {
		bpf_probe_read_kernel(&word, sizeof(word), from + 8 * i);
		ends = (word - ones) & ~word & (ones << 7);	/* the first byte that is 0 */
		if (ends)
			word &= (ends ^ (ends - 1)) >> 8;
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
		if (ends)
			break;
	}
	return hash | 1ull << 63;
}

/* A text that finds no room in the ring is no loss: the next record of the name tries again. */
static __always_inline void anonvma_send_text(__u64 name, const char *from)
{
	struct anonvma_name_record *r;
	__u32 sent = 1;

	r = anonvma_try_reserve(struct anonvma_name_record, ANONVMA_NAME, 0, 0, 0);
	if (!r)
		return;
	r->name = name;
	__builtin_memset(r->text, 0, sizeof(r->text));
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), from);
	anonvma_submit(r);
	bpf_map_update_elem(&anonvma_sent_names, &name, &sent, BPF_ANY);
}

/* The hash of the name of the vma, whose text was sent; 0: it has none. */
static __always_inline __u64 anonvma_sent_name(struct vm_area_struct *vma)
{
	const char *from;
	__u64 name;

	if (!anonvma_has_names())
		return 0;
	from = anonvma_name_of(vma);
	if (!from)
		return 0;
	name = anonvma_hash_of_text(from);
	if (!bpf_map_lookup_elem(&anonvma_sent_names, &name))
		anonvma_send_text(name, from);
	return name;
}
