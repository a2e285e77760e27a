/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* From NTP exchanges to a drift: what the reader makes of them is fitted as a run's readings are. */
#include "probes/clock_ntp.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/fit.h"

#define SINCE_1900 2208988800ULL
#define SIM_HZ	  2.5e9
#define SIM_UNIX  UINT64_C(1800000000)
#define SIM_RUNS  200
#define SIM_COUNT 30 /* one a second */

static uint64_t sim_ntp(double s, double drift_ppm)
{
	double at = s * (1 + drift_ppm * 1e-6);

	return ((SIM_UNIX + SINCE_1900) << 32) + (uint64_t)(at * 4294967296.0);
}

/* Exponential, as a queue's delays are. */
static double sim_delay_s(unsigned short *dice, double mean_s)
{
	return -mean_s * log(1 - erand48(dice));
}

static struct reading sim_exchange(
	unsigned short *dice, double at_s, double drift_ppm, double there, double back)
{
	double t2 = at_s + 50e-6 + sim_delay_s(dice, there), t3 = t2 + 30e-6 + sim_delay_s(dice, 50e-6);
	double t4 = t3 + 50e-6 + sim_delay_s(dice, back);
	struct ntp_exchange x = { .reply = { .receive = sim_ntp(t2, drift_ppm),
					  .transmit = sim_ntp(t3, drift_ppm),
					  .precision = -25 },
		.bracket = { .tsc_lo = (uint64_t)(at_s * SIM_HZ), .tsc_hi = (uint64_t)(t4 * SIM_HZ) } };
	struct ntp_measured measured;
	struct reading reading;
	double middle = (t2 + t3) / 2 * SIM_HZ;

	assert_int_equal(reading_make(SIM_HZ, &x, SIM_UNIX, &reading, &measured), NTP_FINE);
	assert_true((double)reading.tsc_lo <= middle && middle <= (double)reading.tsc_hi);
	return reading;
}

/* Does the interval of one run of 30 s hold the truth?  Adds its half width. */
static bool sim_covers(unsigned seed, double drift_ppm, double there, double back, double *half_ppm)
{
	double t[SIM_COUNT], offset[SIM_COUNT], half[SIM_COUNT];
	unsigned short dice[3] = { 0x330e, (unsigned short)seed, 7 };
	struct fit_input in = { t, offset, half, SIM_COUNT, 0, 0 };
	struct error err = { "" };
	struct fit fit;

	for (int i = 0; i < SIM_COUNT; i++) {
		struct reading r = sim_exchange(dice, 1 + i, drift_ppm, there, back);
		double middle = ((double)r.tsc_lo + (double)r.tsc_hi) / 2 / SIM_HZ * 1e9;

		t[i] = middle / 1e9;
		offset[i] = (double)(r.value - SIM_UNIX * NS_PER_SEC) - middle;
		half[i] = (double)reading_width(&r) / 2 / SIM_HZ * 1e9;
	}
	assert_int_equal(fit_drift(&in, NULL, &fit, &err), 0);
	assert_true(fit.valid);
	*half_ppm += (fit.ci_high_ppm - fit.ci_low_ppm) / 2 / SIM_RUNS;
	return drift_ppm >= fit.ci_low_ppm && drift_ppm <= fit.ci_high_ppm;
}

/*
 * 1 ms of jitter over 30 s is 33 ppm, and must show in the interval.  The dice are fixed; of 200 intervals
 * at 95 % fewer than 180 would be a chance of 1 in 500, and is what a broken bracket or interval gives.
 */
static void test_drift_under_jitter(void **state)
{
	static const double ways[][2] = { { 1e-3, 1e-3 }, { 1e-3, 20e-6 }, { 20e-6, 2e-3 } };

	(void)state;
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		unsigned covered = 0;
		double half_ppm = 0;

		for (unsigned seed = 0; seed < SIM_RUNS; seed++)
			covered += sim_covers(seed, 20, ways[w][0], ways[w][1], &half_ppm);
		print_message("jitter %g and %g ms: %u of %d intervals hold the truth, +- %.3g ppm\n",
			ways[w][0] * 1e3, ways[w][1] * 1e3, covered, SIM_RUNS, half_ppm);
		assert_true(covered >= SIM_RUNS * 90 / 100);
		assert_true(half_ppm > 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drift_under_jitter),
	};

	return cmocka_run_group_tests_name("bench/ntp_drift", tests, NULL, NULL);
}
