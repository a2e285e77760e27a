/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/fit.c"

#include <gsl/gsl_randist.h>

#include "analysis/synthetic_test.h"

#define SEED  31337u
#define N_MAX 3000

static double t[N_MAX], x[N_MAX], half[N_MAX];

static struct fit fit_of(size_t n, double granularity_ns, double resolution_ns, bool *use)
{
	struct fit_input in = { t, x, half, n, granularity_ns, resolution_ns };
	struct error err = { "" };
	struct fit fit;

	assert_int_equal(fit_drift(&in, use, &fit, &err), 0);
	return fit;
}

struct tried {
	double covered, rms_ppb;
};

/* Share of trials whose interval holds the truth, and the RMS error. */
static struct tried try_mix(
	const char *options, unsigned trials, size_t n, double span_s, double granularity_ns)
{
	struct tried tried = { 0, 0 };

	for (unsigned i = 0; i < trials; i++) {
		struct sim_model m = synthetic_model(options, SEED + 7919 * i);
		/* So that the phase against the TSC's granules differs. */
		double error_ppb;
		struct fit fit;

		m.drift_ppm += 1e-4 * (i % 100);
		synthetic_points(&m, n, span_s, t, x, half);
		fit = fit_of(n, granularity_ns, 1 / sqrt(12), NULL);
		assert_true(fit.valid);
		error_ppb = (fit.drift_ppm - m.drift_ppm) * PPB_PER_PPM;
		tried.covered += fit.ci_low_ppm <= m.drift_ppm && m.drift_ppm <= fit.ci_high_ppm;
		tried.rms_ppb += error_ppb * error_ppb;
	}
	tried.covered /= trials;
	tried.rms_ppb = sqrt(tried.rms_ppb / trials);
	print_message("seed %u: %s: %u trials of %zu points: covered %.3f, RMS %.3f ppb\n", SEED, options,
		trials, n, tried.covered, tried.rms_ppb);
	return tried;
}

static void white_noise_is_covered(void **state)
{
	struct tried tried;
	double bound;

	(void)state;
	tried = try_mix("drift=0.031:noise=15:delay=200", 1000, 300, 60, 0.4);
	assert_true(tried.covered >= 0.93 && tried.covered <= 0.97);
	/* Three stamps of 15 ns: the value, and the mean of two. */
	bound = 15 * sqrt(1.5) / 60 * sqrt(12.0 / 300);
	assert_true(tried.rms_ppb < 1.08 * bound);
}

static void few_points_are_covered(void **state)
{
	static const size_t counts[] = { 3, 4, 5, 8, 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct tried tried = try_mix("drift=5:noise=15:delay=200", 600, counts[i], 10, 0.4);

		assert_true(tried.covered >= 0.92 && tried.covered <= 0.98);
	}
}

static void quantised_readings_are_covered(void **state)
{
	static const struct {
		const char *options;
		size_t n;
	} cases[] = {
		{ "drift=5:granularity=26:forward=13:backward=12", 1000 },
		{ "drift=0.02:granularity=26:forward=13:backward=12:noise=1", 1000 },
		{ "drift=0.02:granularity=26:forward=13:backward=12:noise=4", 1000 },
		{ "drift=5:granularity=26:forward=13:backward=12:noise=4", 20 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(try_mix(cases[i].options, 300, cases[i].n, 9.7, 10).covered >= 0.92);
}

#define MIX                                                                                                  \
	"drift=0.031:noise=15:forward=5000:backward=5000:forward_pareto=1000:backward_exp=400:"              \
	"spike_share=0.02:spike=200000"

/* 150 trials know a share of 0.93 to 0.02. */
static void heavy_delays_are_covered(void **state)
{
	static const struct {
		const char *options;
		double least, most_ppb;
	} mixes[] = {
		{ MIX, 0.9, 0.25 },
		{ MIX ":ramp=4:ramp_period=20", 0.9, 0.8 },
		{ MIX ":ramp=4:ramp_period=7", 0.9, 0.8 },
		{ MIX ":ramp=4:ramp_period=120", 0.9, 0.8 },
		{ MIX ":early_share=0.002:early=1500", 0.9, 0.25 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++) {
		struct tried tried = try_mix(mixes[i].options, 150, 1200, 60, 0.4);

		assert_true(tried.covered >= mixes[i].least);
		assert_true(tried.rms_ppb <= mixes[i].most_ppb);
	}
}

/* A clock that follows another oscillator wanders against it: white frequency noise. */
static void wandering_clocks_are_covered(void **state)
{
	unsigned covered = 0, trials = 150;

	(void)state;
	for (unsigned k = 0; k < trials; k++) {
		struct sim_model m = synthetic_model("noise=30:delay=200", SEED + k);
		double walk = 0;
		struct fit fit;

		synthetic_points(&m, 1000, 10, t, x, half);
		for (size_t i = 0; i < 1000; i++) {
			walk += x[i];
			x[i] = walk;
			half[i] = 10;
		}
		fit = fit_of(1000, 0.4, 0.3, NULL);
		covered += fit.ci_low_ppm <= 0 && fit.ci_high_ppm >= 0;
		if (!strstr(fit.method, "least squares, "))
			fail_msg("%s", fit.method);
	}
	print_message("seed %u: random walk: covered %u of %u\n", SEED, covered, trials);
	assert_true(covered >= 0.88 * trials);
}

struct wander {
	size_t n;
	double interval_s, walk_ns; /* a random walk of so much in 1 s */
	double width_ns, delay_ns;  /* of a bracket at least; mean exponential delay at either edge */
};

static void wander_points(const struct wander *w, gsl_rng *rng)
{
	double walk = 0;

	for (size_t i = 0; i < w->n; i++) {
		double before = w->width_ns * (w->delay_ns > 0 ? 0.2 : gsl_rng_uniform(rng));
		double after = w->width_ns - before;

		before += gsl_ran_exponential(rng, w->delay_ns);
		after += gsl_ran_exponential(rng, w->delay_ns);
		walk += gsl_ran_gaussian(rng, w->walk_ns * sqrt(w->interval_s));
		t[i] = w->interval_s * ((double)i + gsl_rng_uniform(rng) / 2);
		x[i] = walk + (before - after) / 2;
		half[i] = (before + after) / 2;
	}
}

/* Bins are few, and the minima in them sharp: what the clocks wander must not pass for their noise. */
static void wandering_within_brackets_is_covered(void **state)
{
	static const struct {
		struct wander w;
		double least, most; /* share covered; interval against the errors that were made */
		const char *method;
	} cases[] = {
		{ { 200, 0.05, 0, 100, 0 }, 0.92, 1.2, "" },
		{ { 1200, 0.05, 0, 20000, 30000 }, 0.92, 1.4, "edges" },
		{ { 40, 1, 100, 100, 0 }, 0.8, 1.8, "least squares" },
		{ { 200, 0.05, 100, 100, 0 }, 0.9, 1.8, "least squares" },
		{ { 500, 0.02, 100, 100, 0 }, 0.9, 1.8, "least squares" },
		{ { 1500, 0.02, 100, 100, 0 }, 0.9, 1.8, "least squares" },
		{ { 1500, 0.02, 20, 100, 0 }, 0.9, 1.8, "least squares" },
		{ { 1200, 0.05, 1000, 20000, 30000 }, 0.8, 1.8, "edges" },
	};
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned trials = 200;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		double covered = 0, named = 0, half_ppb = 0, rms_ppb = 0;

		for (unsigned i = 0; i < trials; i++) {
			struct fit fit;

			wander_points(&cases[k].w, rng);
			fit = fit_of(cases[k].w.n, 0.4, 0.3, NULL);
			covered += (fit.ci_low_ppm <= 0 && fit.ci_high_ppm >= 0) / (double)trials;
			named += (strstr(fit.method, cases[k].method) != NULL) / (double)trials;
			half_ppb += (fit.ci_high_ppm - fit.ci_low_ppm) / 2 * PPB_PER_PPM / trials;
			rms_ppb += pow(fit.drift_ppm * PPB_PER_PPM, 2) / trials;
		}
		rms_ppb = sqrt(rms_ppb);
		print_message("seed %u: %zu points, walk %g ns, delays %g ns: covered %.3f, interval %.3g "
			      "ppb, RMS %.3g ppb\n",
			SEED, cases[k].w.n, cases[k].w.walk_ns, cases[k].w.delay_ns, covered, half_ppb,
			rms_ppb);
		assert_true(covered >= cases[k].least);
		assert_true(half_ppb <= cases[k].most * 1.96 * rms_ppb);
		assert_true(named > 0.8);
	}
	gsl_rng_free(rng);
}

/* Of the readings, whichever points the line was laid through. */
static void residual_is_that_of_the_midpoints(void **state)
{
	static const struct wander w = { 1200, 0.05, 0, 20000, 30000 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	static bool use[1200];
	struct line line;
	struct fit fit;

	(void)state;
	gsl_rng_set(rng, SEED);
	wander_points(&w, rng);
	gsl_rng_free(rng);
	fit = fit_of(w.n, 0.4, 0.3, use);
	assert_non_null(strstr(fit.method, "edges"));
	assert_true(line_fit(t, x, use, w.n, 0.3, &line));
	/* The two lines are not the same, but nearly. */
	if (fabs(fit.residual_ns / line.residual - 1) > 0.01)
		fail_msg("%g ns instead of %g", fit.residual_ns, line.residual);
}

/* The other side answers late for the first part of the run: midpoints are off by half of those wide brackets. */
static void brackets_that_become_narrow(void **state)
{
	struct fit fit;

	(void)state;
	for (int way = -1; way <= 1; way += 2) {
		for (size_t i = 0; i < 1000; i++) {
			bool wide = way < 0 ? i < 630 : i >= 370;

			t[i] = 0.01 * (double)i;
			half[i] = wide ? 112000 + 50 * (double)(i % 7) : 1000 + 10 * (double)(i % 7);
			x[i] = wide ? 0.9 * half[i]
				    : 0; /* the truth is 0 all the time, within each bracket */
		}
		fit = fit_of(1000, 1, 0.3, NULL);
		assert_true(fit.valid);
		assert_true(fit.ci_low_ppm - fit.systematic_ppm <= 0);
		assert_true(fit.ci_high_ppm + fit.systematic_ppm >= 0);
		assert_true(fit.systematic_ppm > 11 && fit.systematic_ppm < 12); /* 224 us / (2 * 10 s) */
	}
}

static void screening_tells_what_it_left_out(void **state)
{
	bool use[100];
	struct fit fit;

	(void)state;
	for (int i = 0; i < 100; i++) {
		t[i] = i * 0.1;
		x[i] = 20 * t[i] + (i * 7919 % 101 * i % 97) / 20;
		half[i] = 30;
	}
	half[10] = -1;
	half[20] = 3000;
	x[20] += 2900;
	/* Three times the median is still usable, and so are 8 granules more. */
	half[30] = 90;
	half[31] = 90 + 39;
	half[32] = 90 + 41;
	fit = fit_of(100, 10, 0.3, use);
	assert_true(fit.valid);
	assert_int_equal(fit.used, 97);
	assert_int_equal(fit.rejected, 3);
	assert_false(use[10] || use[20] || use[32]);
	assert_true(use[30] && use[31]);
	assert_true(fit.width_ns == 60);
	assert_true(fabs(fit.span_s - 9.9) < 1e-9);
	/* A bracket of 60 ns over 9.9 s. */
	assert_true(fabs(fit.systematic_ppm - 60 / (2 * 9.9) / 1000) < 1e-9);
	assert_true(fit.ci_low_ppm < 0.02 && fit.ci_high_ppm > 0.02);
	assert_true(fit.hull_low_ppm <= 0.02 && fit.hull_high_ppm >= 0.02);
	assert_string_equal(fit.method, "least squares");
}

/* Whichever estimator: the midpoint of a spike says nothing of the clock's stability. */
static void wide_brackets_have_no_midpoint(void **state)
{
	struct sim_model m = synthetic_model(MIX, SEED);
	static bool use[1200];
	struct fit fit;
	size_t wide = 0;

	(void)state;
	synthetic_points(&m, 1200, 60, t, x, half);
	fit = fit_of(1200, 0.4, 0.3, use);
	assert_non_null(strstr(fit.method, "edges"));
	assert_int_equal(fit.used, 1200);
	for (size_t i = 0; i < 1200; i++) {
		bool is_wide = 2 * half[i] > WIDE_FACTOR * fit.width_ns + WIDE_GRANULES * 0.4;

		assert_int_equal(use[i], !is_wide);
		wide += is_wide;
	}
	assert_true(wide > 5);
}

static void too_little_gives_no_drift(void **state)
{
	static const double ts[] = { 0, 1, 2, 3 }, xs[] = { 0, 0, 0, 0 }, halves[] = { 5, -5, 5, -5 };
	struct fit fit;

	(void)state;
	memcpy(t, ts, sizeof(ts));
	memcpy(x, xs, sizeof(xs));
	memcpy(half, halves, sizeof(halves));
	for (size_t n = 0; n <= 4; n++) {
		fit = fit_of(n, 1, 0.3, NULL);
		assert_false(fit.valid);
		assert_true(isnan(fit.drift_ppm) && isnan(fit.ci_low_ppm) && isnan(fit.systematic_ppm));
		assert_string_equal(fit.method, "none");
		assert_int_equal(fit.used + fit.rejected, n);
	}
	half[1] = 5;
	fit = fit_of(4, 1, 0.3, NULL);
	assert_true(fit.valid && fit.used == 3);
	/* Perfect agreement of three readings is luck: the resolution bounds what it can mean. */
	assert_true(fit.ci_high_ppm >= 12.7 * 0.3 / sqrt(2) / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_noise_is_covered),
		cmocka_unit_test(few_points_are_covered),
		cmocka_unit_test(quantised_readings_are_covered),
		cmocka_unit_test(heavy_delays_are_covered),
		cmocka_unit_test(wandering_clocks_are_covered),
		cmocka_unit_test(wandering_within_brackets_is_covered),
		cmocka_unit_test(residual_is_that_of_the_midpoints),
		cmocka_unit_test(brackets_that_become_narrow),
		cmocka_unit_test(screening_tells_what_it_left_out),
		cmocka_unit_test(wide_brackets_have_no_midpoint),
		cmocka_unit_test(too_little_gives_no_drift),
	};

	return cmocka_run_group_tests_name("analysis/fit", tests, NULL, NULL);
}
