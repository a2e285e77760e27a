/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/tsc_rate.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "bench/facts.h"
#include "probes/tsc.h"
#include "results/reading.h"
#include "results/units.h"

#define MEASURE_NS (100 * NS_PER_MS)
#define TRIES	   50
#define AGREEMENT  0.01

static uint64_t raw_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* The narrowest of some brackets around MONOTONIC_RAW. */
static struct reading raw_reading(void)
{
	struct reading best = { 0, 0, UINT64_MAX };

	for (int i = 0; i < TRIES; i++) {
		struct reading r;

		r.tsc_lo = tsc_before();
		r.value = raw_ns();
		r.tsc_hi = tsc_after();
		if (reading_width(&r) >= 0 && (best.value == 0 || reading_width(&r) < reading_width(&best)))
			best = r;
	}
	return best;
}

static double measure_hz(void)
{
	struct reading a = raw_reading(), b;
	struct timespec pause = { 0, MEASURE_NS };

	nanosleep(&pause, NULL);
	b = raw_reading();
	return ((double)(b.tsc_lo - a.tsc_lo) + (double)(b.tsc_hi - a.tsc_hi)) / 2 * (double)NS_PER_SEC /
	       (double)(b.value - a.value);
}

double tsc_rate(const json_t *facts, char *source, size_t size)
{
	double measured = measure_hz(), khz;
	const char *told = facts_text(facts, "tsc.source");

	if (facts_number(facts, "tsc.khz", &khz) && fabs(khz * 1e3 / measured - 1) < AGREEMENT) {
		snprintf(source, size, "%s", told ? told : "environment");
		return khz * 1e3;
	}
	snprintf(source, size, "measured against monotonic_raw over 0.1 s, in whole kHz");
	return round(measured / 1e3) * 1e3;
}
