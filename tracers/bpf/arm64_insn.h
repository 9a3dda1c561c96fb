/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Does an A64 instruction write to memory? This is for kernels that tell the address of a page
 * fault, but not whether it was a write. Encodings: Arm Architecture Reference Manual, C4.1 "A64
 * instruction set encoding".
 *
 * An instruction that reads and writes at one address (atomics, compare and swap) counts as a
 * write. One that reads at one place and writes at another (the CPY of FEAT_MOPS) counts as a read,
 * as its registers change while it runs.
 */
#pragma once

#ifndef __bpf__	/* there, core_types.h has them */
#include <linux/types.h>
#endif

static inline __attribute__((always_inline)) bool anonvma_arm64_writes(__u32 insn)
{
	const __u32 load = insn & (1u << 22), opc = insn >> 22 & 3;
	const __u32 bit21 = insn & (1u << 21), op4 = insn >> 10 & 3;

	/* DC ZVA, DC GVA, DC GZVA */
	if ((insn & 0xffffff00) == 0xd50b7400)
		return (insn & 0xe0) == 0x20 || (insn & 0xe0) == 0x60 || (insn & 0xe0) == 0x80;
	if ((insn >> 25 & 15) == 2)			/* SVE: loads, and stores */
		return insn >> 29 == 7;
	if ((insn & 0x0a000000) != 0x08000000)		/* neither a load nor a store */
		return false;
	switch (insn >> 28 & 3) {
	case 0:
		if (insn & (1u << 26))			/* structures of vectors */
			return !load;
		if (bit21 && ((insn & (1u << 23)) || !(insn >> 31)))	/* CAS, CASP */
			return true;
		return !load;				/* exclusive, ordered */
	case 1:
		if (!(insn & (1u << 24)))		/* literals */
			return false;
		if (bit21)				/* tags: all but LDG and LDGM store */
			return op4 != 0 || !load;
		if (op4 == 1)				/* CPY, SET */
			return opc == 3 && !(insn & (1u << 26));
		return opc == 0;			/* LDAPUR, STLUR */
	case 2:						/* pairs */
		return !load;
	}
	if (!(insn & (1u << 24)) && bit21 && op4 == 0)	/* atomics, but LDAPR and LD64B */
		return !((insn & 0x8000) && ((insn >> 12 & 7) == 4 || (insn >> 12 & 7) == 5));
	if (!(insn & (1u << 24)) && bit21 && (op4 & 1))	/* LDRAA, LDRAB */
		return false;
	return insn & (1u << 26) ? !load : opc == 0;
}

/*
 * Does it use the guarded control stack (FEAT_GCS)? Calls and returns do, and the kernel takes each of
 * their page faults there for a write. Without such a stack they have no page faults but those of the
 * instruction itself.
 */
static inline __attribute__((always_inline)) bool anonvma_arm64_uses_gcs(__u32 insn)
{
	const __u32 opc = insn >> 21 & 15;

	if (insn >> 26 == 0x25)				/* BL */
		return true;
	if (insn >> 25 == 0x6b)				/* BLR, RET, BLRAA */
		return opc == 1 || opc == 2 || opc == 9;
	return (insn & 0xffdfff80) == 0xd50b7700;	/* GCSPUSHM, GCSPOPM, GCSSS1, GCSSS2 */
}
