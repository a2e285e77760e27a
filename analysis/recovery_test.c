/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/recovery.c"

#include <gsl/gsl_randist.h>

#include "analysis/synthetic_test.h"

#define SEED   1812u
#define N      1500
#define EVERY  0.02
#define EVENT  10.005
#define LEVEL  7e8  /* where the clock was: that it was 0 is not supposed */
#define STEP   -2e9 /* what the event did to it */
#define WIDE   3e6
#define TRIALS 200

static double t[N], x[N], half[N];

/* Offsets of a clock that stands at LEVEL, is STEP behind after the event, and then as told. */
static void make(gsl_rng *rng, double noise_ns, double (*after)(double since_s))
{
	for (size_t i = 0; i < N; i++) {
		t[i] = EVERY * (double)i;
		x[i] = LEVEL + gsl_ran_gaussian(rng, noise_ns) + (t[i] > EVENT ? after(t[i] - EVENT) : 0);
		half[i] = 1000;
	}
}

static struct recovery find(double to_s)
{
	const struct recovery_input in = { t, x, half, N, -INFINITY, EVENT, to_s };
	struct error err = { "" };
	struct recovery found;

	assert_int_equal(recovery_find(&in, &found, &err), 0);
	return found;
}

/* Set at once after 1.5 s, for good. */
static double set_once(double s)
{
	return s < 1.5 ? STEP : 0;
}

/* Half a second in each second. */
static double slewed(double s)
{
	return fmin(STEP + 5e8 * s, 0);
}

static double never(double s)
{
	(void)s;
	return STEP;
}

/* Right from 2 s to 5 s, then set wrong by 3 ms, right again from 8 s on. */
static double lost_again(double s)
{
	return s < 2 ? STEP : s >= 5 && s < 8 ? 3e6 : 0;
}

/* Right from 2 s to 5 s only. */
static double lost_for_good(double s)
{
	return s < 2 ? STEP : s >= 5 ? 3e6 : 0;
}

static double hardly(double s)
{
	(void)s;
	return 4e5;
}

/* The true instant of the return lies between the reading that tells it and the one before. */
static void expect_back(const struct recovery *r, double truth_s)
{
	assert_int_equal(r->recovered, RECOVERY_DONE);
	if (!(r->recovery_s >= truth_s - 1e-9 && r->recovery_s - r->resolution_s <= truth_s + 1e-9))
		fail_msg("back after %.6f s, to %.6f s; the truth is %.6f s", r->recovery_s, r->resolution_s,
			truth_s);
	assert_true(fabs(r->resolution_s - EVERY) < 1e-9);
}

static void known_returns(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct recovery r;

	(void)state;
	print_message("seed %u\n", SEED);
	gsl_rng_set(rng, SEED);
	for (unsigned trial = 0; trial < TRIALS; trial++) {
		/* The bound is far from what the noise does: the truth is met in each trial. */
		make(rng, 1e4, set_once);
		r = find(INFINITY);
		expect_back(&r, 1.5);
		assert_true(r.bound_ns == RECOVERY_BOUND_NS);
		make(rng, 1e4, lost_again);
		r = find(INFINITY);
		expect_back(&r, 8);
		make(rng, 1e4, never);
		assert_int_equal(find(INFINITY).recovered, RECOVERY_NOT);
		make(rng, 1e4, lost_for_good);
		r = find(INFINITY);
		assert_int_equal(r.recovered, RECOVERY_NOT);
		assert_true(isnan(r.recovery_s) && isnan(r.resolution_s));
		/* What comes later is another event's. */
		r = find(EVENT + 4);
		expect_back(&r, 2);
		make(rng, 1e4, hardly);
		assert_int_equal(find(INFINITY).recovered, RECOVERY_NEVER_LEFT);
	}
	/* A slew ends where it comes within the bound: 1 ms before its end, at 0.5 s a second 2 ms earlier. */
	make(rng, 0, slewed);
	r = find(INFINITY);
	expect_back(&r, 4 - 0.002);
	gsl_rng_free(rng);
}

/* A clock that was not known to 1 ms before need not come nearer than that. */
static void the_bound_follows_the_noise(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned early = 0;

	(void)state;
	print_message("seed %u\n", SEED);
	gsl_rng_set(rng, SEED);
	for (unsigned trial = 0; trial < TRIALS; trial++) {
		struct recovery r;

		make(rng, WIDE, set_once);
		r = find(INFINITY);
		assert_true(fabs(r.bound_ns / (RECOVERY_SIGMAS * WIDE) - 1) < 0.2);
		/* Noise beyond three deviations takes it out again, but never makes it come back before. */
		early += r.recovered == RECOVERY_DONE && r.recovery_s < 1.5;
	}
	assert_int_equal(early, 0);
	gsl_rng_free(rng);
}

static void too_little_to_tell(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct recovery_input in = { t, x, half, N, -INFINITY, EVENT, INFINITY };
	struct error err = { "" };
	struct recovery r;

	(void)state;
	make(rng, 0, set_once);
	/* Nothing before. */
	in.from_s = EVENT - 0.02;
	assert_int_equal(recovery_find(&in, &r, &err), 0);
	assert_int_equal(r.recovered, RECOVERY_UNKNOWN);
	assert_true(isnan(r.bound_ns));
	/* Nothing after. */
	in.from_s = -INFINITY;
	in.to_s = EVENT;
	assert_int_equal(recovery_find(&in, &r, &err), 0);
	assert_int_equal(r.recovered, RECOVERY_UNKNOWN);
	/* Within the bound for two readings only at the end: not yet. */
	in.to_s = EVENT + 1.5 + 2 * EVERY;
	assert_int_equal(recovery_find(&in, &r, &err), 0);
	assert_int_equal(r.recovered, RECOVERY_NOT);
	/* Readings that are wider than the bound, or inverted, tell nothing. */
	for (size_t i = 0; i < N; i++)
		if (t[i] > EVENT && t[i] < EVENT + 2) {
			half[i] = i % 2 ? -1 : 2e6;
			x[i] = LEVEL;
		}
	r = find(INFINITY);
	assert_int_equal(r.recovered, RECOVERY_NEVER_LEFT);
	gsl_rng_free(rng);
}

static void words(void **state)
{
	struct step s = { .recovered = "yes", .recovery_s = 1.372, .recovery_bound_ns = 1e6 };

	json_t *none = json_pack("{s:{s:[]}}", "time_daemon", "running");

	(void)state;
	assert_string_equal(recovery_words(&s, none).text, "; back within 1 ms after 1.37 s");
	strcpy(s.recovered, "no");
	assert_string_equal(recovery_words(&s, NULL).text, "; not back within 1 ms in this phase");
	assert_string_equal(
		recovery_words(&s, none).text, "; not back within 1 ms in this phase: no time daemon runs");
	strcpy(s.recovered, "");
	assert_string_equal(recovery_words(&s, none).text, "");
	json_decref(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_returns),
		cmocka_unit_test(the_bound_follows_the_noise),
		cmocka_unit_test(too_little_to_tell),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("analysis/recovery", tests, NULL, NULL);
}
