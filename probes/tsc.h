/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The pivot: fenced reads of this CPU's time stamp counter.
 *
 * The kernel orders RDTSC with LFENCE, or uses RDTSCP where the CPU has it
 * (arch/x86/include/asm/tsc.h, rdtsc_ordered()).  RDTSCP waits for all earlier
 * instructions and loads; the LFENCE behind it keeps later ones from starting
 * early (Intel SDM vol. 2, RDTSCP; AMD APM vol. 3, RDTSCP and LFENCE).  CPUs
 * without RDTSCP take LFENCE before and behind; old AMD parts where LFENCE does
 * not serialise take MFENCE, as the kernel did before 5.x.
 */
#ifndef PROBES_TSC_H
#define PROBES_TSC_H

#include <stdbool.h>
#include <stdint.h>

enum tsc_fence {
	TSC_FENCE_RDTSCP,
	TSC_FENCE_LFENCE,
	TSC_FENCE_MFENCE,
};

/* Chosen once from CPUID by tsc_init(), before any other use. */
extern enum tsc_fence tsc_fence;

void tsc_init(void);
const char *tsc_fence_name(void);

static inline uint64_t tsc_raw(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline uint64_t tsc_raw_p(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi) : : "ecx", "memory");
	return (uint64_t)hi << 32 | lo;
}

/* An instant that no later instruction can precede. */
static inline uint64_t tsc_before(void)
{
	uint64_t now;

	if (__builtin_expect(tsc_fence == TSC_FENCE_RDTSCP, 1)) {
		now = tsc_raw_p();
		__asm__ volatile("lfence" : : : "memory");
	} else if (tsc_fence == TSC_FENCE_LFENCE) {
		__asm__ volatile("lfence" : : : "memory");
		now = tsc_raw();
		__asm__ volatile("lfence" : : : "memory");
	} else {
		__asm__ volatile("mfence" : : : "memory");
		now = tsc_raw();
		__asm__ volatile("mfence" : : : "memory");
	}
	return now;
}

/* An instant that no earlier instruction can follow. */
static inline uint64_t tsc_after(void)
{
	if (__builtin_expect(tsc_fence == TSC_FENCE_RDTSCP, 1))
		return tsc_raw_p();
	if (tsc_fence == TSC_FENCE_LFENCE)
		__asm__ volatile("lfence" : : : "memory");
	else
		__asm__ volatile("mfence" : : : "memory");
	return tsc_raw();
}

#endif
