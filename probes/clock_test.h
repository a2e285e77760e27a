/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the tests of the readers share. */
#ifndef PROBES_CLOCK_TEST_H
#define PROBES_CLOCK_TEST_H

#include "probes/posix_clock.h"
#include "probes/tsc.h"

/* Lets ns of CLOCK_MONOTONIC_RAW pass. */
static inline void test_spin(uint64_t ns)
{
	uint64_t start = posix_clock_ns(CLOCK_MONOTONIC_RAW);

	while (posix_clock_ns(CLOCK_MONOTONIC_RAW) - start < ns)
		;
}

/* The TSC against CLOCK_MONOTONIC_RAW over 20 ms: good to about 100 ppm, worse where it is preempted. */
static inline double test_tsc_hz(void)
{
	uint64_t ns = posix_clock_ns(CLOCK_MONOTONIC_RAW), tsc = tsc_raw();

	test_spin(20 * NS_PER_MS);
	ns = posix_clock_ns(CLOCK_MONOTONIC_RAW) - ns;
	return (double)(tsc_raw() - tsc) * NS_PER_SEC / (double)ns;
}

#endif
