/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The bracketed reading: the only thing that the probes produce.
 *
 * A clock is read between two fenced reads of the same CPU's TSC.  The true
 * instant lies inside the bracket, so half its width bounds the error of the
 * reading, whatever the clock.  Raw integers, nothing else: no reading is
 * clamped, unwrapped or dropped because it looks wrong.
 */
#ifndef RESULTS_READING_H
#define RESULTS_READING_H

#include <stdint.h>

struct reading {
	uint64_t tsc_lo; /* cycles, before the clock was read */
	uint64_t value;	 /* in the clock's own unit: ns or ticks */
	uint64_t tsc_hi; /* cycles, after the clock was read */
};

/* Width of the bracket in cycles; negative where tsc_hi < tsc_lo (stored as it came). */
static inline int64_t reading_width(const struct reading *r)
{
	return (int64_t)(r->tsc_hi - r->tsc_lo);
}

/* Greatest common divisor of TSC differences: of enough of them, the TSC's granularity in cycles. */
static inline uint64_t tsc_gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

#endif
