/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/boundary_steps.c"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#define SEED	 4242u
#define INTERVAL 0.02
#define N_MAX	 4000
#define HALF	 50.0
#define NOISE	 20.0
#define SEEDS	 200

static double t[N_MAX], x[N_MAX], half[N_MAX], apart[N_MAX];
static gsl_rng *rng;

/* What the two phases are, and what comes between them. */
struct course {
	size_t n[2]; /* points in each */
	double gap_s;
	double slope[2]; /* ns/s; the second one from the begin of the second phase on */
	double step_ns;	 /* at the boundary, or so many points behind it */
	int behind;	 /* < 0: before it */
	double wander;	 /* standard deviation of a random walk, ns per root of s */
	double slew;
	double turn_ns; /* 0: none */
};

static size_t make(const struct course *c)
{
	size_t n = c->n[0] + c->n[1];
	double at = 0, level = 0;

	for (size_t i = 0; i < n; i++) {
		double passed = INTERVAL + (i == c->n[0] ? c->gap_s : 0);

		at += i ? passed : 0;
		level += i ? passed * c->slope[i > c->n[0]] + gsl_ran_gaussian(rng, c->wander * sqrt(passed))
			   : 0;
		if ((int)i == (int)c->n[0] + c->behind)
			level += c->step_ns;
		t[i] = at + gsl_ran_flat(rng, -0.003, 0.003);
		x[i] = level + gsl_ran_gaussian(rng, NOISE);
		half[i] = HALF + gsl_ran_exponential(rng, 5);
	}
	return n;
}

static bool step_of(const struct course *c, struct step_found *found)
{
	size_t n = make(c), k = c->n[0];
	struct pair a = { .count = k, .t_s = t, .offset_ns = x, .half_ns = half, .apart_s = apart },
		    b = { .count = n - k,
			    .phase = 1,
			    .t_s = t + k,
			    .offset_ns = x + k,
			    .half_ns = half + k,
			    .apart_s = apart };
	struct boundary_side before, after;
	struct boundary_input in = { &before, &after, 3, c->slew,
		{ c->turn_ns > 0 ? c->turn_ns : INFINITY, INFINITY } };
	struct error err = { "" };
	bool is_step;

	assert_int_equal(boundary_end_make(&a, 0, 20, &before, &err), 0);
	assert_int_equal(boundary_begin_make(&b, 20, &after, &err), 0);
	assert_int_equal(boundary_step_find(&in, &is_step, found, &err), 0);
	boundary_side_free(&before);
	boundary_side_free(&after);
	return is_step;
}

static void steps_are_found_with_their_size(void **state)
{
	static const struct course courses[] = {
		{ .n = { 700, 700 }, .step_ns = 1e6 }, { .n = { 700, 700 }, .step_ns = -1e9, .gap_s = 0.5 },
		{ .n = { 2000, 2000 }, .step_ns = 1000, .slope = { 20e3, 20e3 }, .gap_s = 0.1 },
		{ .n = { 700, 700 }, .step_ns = 1e6, .slope = { 1e3, -2e3 }, .gap_s = 2 },
		{ .n = { 700, 700 }, .step_ns = 1e6, .wander = 500, .gap_s = 0.5 },
		{ .n = { 700, 700 }, .step_ns = 1e6, .behind = -1 },
		{ .n = { 700, 700 }, .step_ns = 1e6, .behind = -12, .gap_s = 0.5 },
		{ .n = { 700, 700 }, .step_ns = 1e6, .behind = 7, .gap_s = 0.5 },
		{ .n = { 26, 100 }, .step_ns = 1e9 },
		{ .n = { 700, 700 }, .step_ns = 1e6, .slew = 0.1 }, /* as inside of a phase */
	};

	(void)state;
	for (size_t k = 0; k < sizeof(courses) / sizeof(courses[0]); k++) {
		const struct course *c = &courses[k];
		unsigned covered = 0;

		for (unsigned seed = 0; seed < SEEDS; seed++) {
			struct step_found s;

			if (!step_of(c, &s))
				fail_msg("course %zu, seed %u: not found", k, seed);
			covered += fabs(s.step_ns - c->step_ns) <= SIGMAS * s.se_ns;
			assert_true(s.from_s < s.at_s && s.at_s < s.to_s);
			if (s.from_s > t[(int)c->n[0] + c->behind] ||
				s.to_s < t[(int)c->n[0] + c->behind - 1])
				fail_msg("course %zu, seed %u: at %.3f s", k, seed, s.at_s);
		}
		print_message("course %zu: the interval holds the step in %u of %u\n", k, covered, SEEDS);
		assert_true(covered >= 0.9 * SEEDS);
	}
}

static void none_is_invented(void **state)
{
	static const struct course courses[] = {
		{ .n = { 700, 700 } },
		{ .n = { 700, 700 }, .slope = { 5e3, -5e3 }, .gap_s = 0.5 },
		{ .n = { 700, 700 }, .slope = { 0, 50e3 }, .gap_s = 3 },
		{ .n = { 700, 700 }, .slope = { 100e3, 0 }, .gap_s = 20 },
		{ .n = { 700, 700 }, .wander = 100, .gap_s = 0.5 },
		{ .n = { 700, 700 }, .wander = 3000, .gap_s = 0.5 },
		{ .n = { 700, 700 }, .wander = 1000, .gap_s = 5 },
		{ .n = { 40, 40 }, .wander = 1000, .gap_s = 1 },
		{ .n = { 16, 60 }, .slope = { 5e3, -5e3 }, .gap_s = 0.1 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(courses) / sizeof(courses[0]); k++)
		for (unsigned seed = 0; seed < SEEDS; seed++) {
			struct step_found s;

			if (step_of(&courses[k], &s))
				fail_msg("course %zu, seed %u: %g ± %g ns at %.3f s", k, seed, s.step_ns,
					SIGMAS * s.se_ns, s.at_s);
		}
}

/* Where a step cannot be told from something else. */
static void what_is_open_is_not_told(void **state)
{
	static const struct course courses[] = {
		{ .n = { 15, 700 }, .step_ns = 1e6 }, /* few points */
		{ .n = { 700, 15 }, .step_ns = 1e6 }, /* few points */
		{ .n = { 31, 31 }, .step_ns = 1e6 },  /* nothing tells of chance */
		{ .n = { 700, 700 }, .step_ns = 80 }, /* inside of both brackets */
		{ .n = { 700, 700 }, .step_ns = 1e6, .gap_s = 0.5, .slew = 0.1 }, /* a daemon can do that */
		{ .n = { 700, 700 },
			.step_ns = 1e6,
			.gap_s = 20,
			.slope = { 0, 60e3 } },					   /* a change of rate */
		{ .n = { 700, 700 }, .step_ns = 3e9, .gap_s = 6, .turn_ns = 1e9 }, /* turns of a counter */
	};
	struct course c = courses[4];
	struct step_found s;

	(void)state;
	for (size_t k = 0; k < sizeof(courses) / sizeof(courses[0]); k++)
		if (step_of(&courses[k], &s))
			fail_msg("course %zu: %g ns", k, s.step_ns);
	c.step_ns = 1e9;
	assert_true(step_of(&c, &s));
	c = courses[6];
	c.step_ns = 3e9 + 1e6;
	assert_true(step_of(&c, &s));
	assert_true(fabs(s.step_ns - 1e6) < 1000);
}

static int setup(void **state)
{
	(void)state;
	print_message("seed %u\n", SEED);
	rng = gsl_rng_alloc(gsl_rng_mt19937);
	gsl_rng_set(rng, SEED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gsl_rng_free(rng);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_found_with_their_size),
		cmocka_unit_test(none_is_invented),
		cmocka_unit_test(what_is_open_is_not_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
