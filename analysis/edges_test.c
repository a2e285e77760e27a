/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/edges.c"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

#include "analysis/synthetic_test.h"

#define SEED   5150u
#define N      1200
#define SPAN_S 60.0
#define TRIALS 60
#define MIX                                                                                                  \
	"drift=0.031:noise=15:forward=5000:backward=5000:forward_pareto=1000:backward_exp=400:"              \
	"spike_share=0.02:spike=200000"

static double t[N], x[N], half[N];

/* The published mixes of delays: RMS error of the slope in ppb. */
static void heavy_delays_leave_the_slope_alone(void **state)
{
	static const struct {
		const char *options;
		double most_ppb;
	} mixes[] = {
		{ MIX, 0.25 },
		{ MIX ":ramp=4:ramp_period=20", 0.8 },
		{ MIX ":ramp=4:ramp_period=7", 0.8 },
		{ MIX ":early_share=0.002:early=1500", 0.25 },
	};

	(void)state;
	print_message("seed %u\n", SEED);
	for (size_t k = 0; k < 4; k++) {
		double square = 0;

		for (unsigned i = 0; i < TRIALS; i++) {
			struct sim_model m = synthetic_model(mixes[k].options, SEED + 1009 * i + k);
			struct edges e;

			synthetic_points(&m, N, SPAN_S, t, x, half);
			assert_true(edges_fit(t, x, half, N, 0.3, &e));
			square += (e.slope - 31) * (e.slope - 31) / TRIALS;
			assert_int_equal(e.bins, N / EXCHANGES_PER_BIN);
		}
		print_message("mix %zu: RMS %.3f ppb\n", k, sqrt(square));
		assert_true(sqrt(square) <= mixes[k].most_ppb);
	}
}

/* A drift of 1000 ppm moves 2.5 us within a bin of 1 s: it must not smear it. */
static void fast_drift_does_not_smear_the_bins(void **state)
{
	static const double ppm[] = { 1000, -1000, 38600 };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct sim_model m = synthetic_model(MIX, SEED);
		struct edges e;

		m.drift_ppm = ppm[k];
		synthetic_points(&m, N, SPAN_S, t, x, half);
		assert_true(edges_fit(t, x, half, N, 0.3, &e));
		if (fabs(e.slope - ppm[k] * 1000) > 1)
			fail_msg("%g ppm: %.3f ppb instead", ppm[k], e.slope);
		assert_true(fabs(e.at_mean + e.slope * (SPAN_S / 2 - e.t_mean) - ppm[k] * 1000 * SPAN_S / 2) <
			    2000);
	}
}

/* The clocks themselves wander, much less than the delays, but more than the minima of 20 of them. */
static void wandering_clocks_widen_the_interval(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double covered = 0, plain = 0, trials = 150;

	(void)state;
	for (unsigned i = 0; i < trials; i++) {
		struct sim_model m = synthetic_model(MIX, SEED + i);
		double walk = 0;
		struct edges e;

		gsl_rng_set(rng, SEED + i);
		synthetic_points(&m, N, SPAN_S, t, x, half);
		for (int j = 0; j < N; j++)
			x[j] += walk += gsl_ran_gaussian(rng, 100 * sqrt(SPAN_S / N));
		assert_true(edges_fit(t, x, half, N, 0.3, &e));
		covered += fabs(e.slope - 31) <= e.slope_se * gsl_cdf_tdist_Pinv(0.975, e.freedom);
		plain += fabs(e.slope - 31) <= e.plain_se * gsl_cdf_tdist_Pinv(0.975, e.plain_freedom);
	}
	gsl_rng_free(rng);
	print_message("seed %u: covered %.0f of %.0f, independent bins assumed %.0f\n", SEED, covered, trials,
		plain);
	assert_true(covered >= 0.9 * trials && plain < 0.5 * trials);
}

static void inverted_brackets_are_left_out(void **state)
{
	struct sim_model m = synthetic_model(MIX, SEED);
	struct edges e;

	(void)state;
	synthetic_points(&m, N, SPAN_S, t, x, half);
	for (int i = 0; i < N; i += 10) {
		half[i] = -half[i];
		x[i] += i & 1 ? 1e6 : -1e6;
	}
	assert_true(edges_fit(t, x, half, N, 0.3, &e));
	assert_true(fabs(e.slope - 31) < 1);
}

static void edges_need_points(void **state)
{
	struct sim_model m = synthetic_model(MIX, SEED);
	struct edges e;

	(void)state;
	synthetic_points(&m, N, SPAN_S, t, x, half);
	assert_false(edges_fit(t, x, half, MINIMUM_POINTS - 1, 0.3, &e));
	assert_true(edges_fit(t, x, half, MINIMUM_POINTS, 0.3, &e));
	half[3] = -1;
	assert_false(edges_fit(t, x, half, MINIMUM_POINTS, 0.3, &e));
	assert_false(edges_fit(t, x, half, 0, 0.3, &e));
	for (int i = 0; i < N; i++)
		t[i] = 5;
	assert_false(edges_fit(t, x, half, N, 0.3, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heavy_delays_leave_the_slope_alone),
		cmocka_unit_test(fast_drift_does_not_smear_the_bins),
		cmocka_unit_test(wandering_clocks_widen_the_interval),
		cmocka_unit_test(inverted_brackets_are_left_out),
		cmocka_unit_test(edges_need_points),
	};

	return cmocka_run_group_tests_name("analysis/edges", tests, NULL, NULL);
}
