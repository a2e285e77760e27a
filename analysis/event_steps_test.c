/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/event_steps.c"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <string.h>

#include "analysis/line.h"

#define SEED	    4242u
#define INTERVAL    0.02
#define EVERY	    5 /* points from one event to the next */
#define EVENTS	    100
#define N	    ((EVENTS + 1) * EVERY)
#define N_MAX	    20000
#define HALF	    60.0
#define GRANULARITY 10.0
#define TRUE_SLOPE  -58.0 /* ppb */

static double t[N_MAX], x[N_MAX], half[N_MAX], events[N_MAX], truth[N_MAX];

/* White noise on a grid of granularity_ns (0: none), a step of truth[] at each event. */
static void make(gsl_rng *rng, size_t n, size_t every, double sigma, double granularity_ns)
{
	double level = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && i % every == 0) {
			events[i / every - 1] = ((double)i - 0.5) * INTERVAL;
			level += truth[i / every - 1];
		}
		t[i] = INTERVAL * (double)i + gsl_ran_flat(rng, -0.003, 0.003);
		half[i] = HALF + gsl_ran_exponential(rng, 5);
		x[i] = level + TRUE_SLOPE * t[i] + gsl_ran_gaussian(rng, sigma);
		if (granularity_ns > 0)
			x[i] = granularity_ns * floor(x[i] / granularity_ns + gsl_rng_uniform(rng));
	}
}

static struct event_steps find(size_t n, size_t count, double end_s)
{
	struct event_steps_input in = { t, x, half, NULL, n, events, count, end_s, GRANULARITY / sqrt(12),
		GRANULARITY };
	struct event_steps out;
	struct error err = { "" };

	assert_int_equal(event_steps_find(&in, &out, &err), 0);
	return out;
}

/* The slope of what is left and its error, as the analysis makes them. */
static void rest(const struct event_steps *s, size_t n, double *slope, double *se)
{
	struct line line;
	double sum = 0;

	for (size_t i = 0, k = 0; i < n; i++) {
		while (k < s->count && t[i] > s->steps[k].found.from_s)
			sum += s->steps[k++].found.step_ns;
		x[i] -= sum;
	}
	assert_true(line_fit(t, x, NULL, n, 0, &line));
	*slope = line.slope;
	*se = fmax(line.slope_se * s->widen, s->slope_se);
}

static void intervals_cover(void **state)
{
	static const double sigmas[] = { 3, 8, 20 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned trials = 200;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (size_t m = 0; m < 6; m++) {
		unsigned covered = 0, slopes = 0, all = 0, real = 0, rows = 0;
		double slope, se;

		for (unsigned trial = 0; trial < trials; trial++) {
			struct event_steps s;

			for (size_t k = 0; k < EVENTS; k++)
				truth[k] = k == 71	 ? 170000
					   : k % 10 == 3 ? 0
							 : 240 + gsl_ran_gaussian(rng, 60);
			make(rng, N, EVERY, sigmas[m % 3], m < 3 ? 0 : GRANULARITY);
			s = find(N, EVENTS, INFINITY);
			real += s.real && s.joint;
			rows += (unsigned)s.significant;
			assert_int_equal(s.count, EVENTS);
			for (size_t k = 0; k < s.count; k++) {
				assert_true(s.steps[k].events == 1 && s.steps[k].first == k);
				covered += fabs(s.steps[k].found.step_ns - truth[k]) <=
					   1.96 * s.steps[k].found.se_ns;
			}
			all += (unsigned)s.count;
			rest(&s, N, &slope, &se);
			slopes += fabs(slope - TRUE_SLOPE) <= 1.96 * se;
			event_steps_free(&s);
		}
		print_message(
			"seed %u, noise of %g ns%s: %.2f %% of the steps are covered, %.1f %% of the slopes "
			"(last se %.1f ppb), %.1f rows of %d\n",
			SEED, sigmas[m % 3], m < 3 ? "" : " on the TSC's grid", 100.0 * covered / all,
			100.0 * slopes / trials, se, (double)rows / trials, EVENTS);
		assert_int_equal(real, trials);
		/* 90 events step; those by less than half a bracket, or hidden in much noise, may not show. */
		assert_true(rows <= 91 * trials && rows > 80 * trials);
		/* 4 standard deviations of 20000, of 200 and a little: levels make steps hang together. */
		assert_true(covered > 0.940 * all && covered < 0.985 * all);
		assert_true(slopes > 0.888 * trials);
	}
	gsl_rng_free(rng);
}

/* Phase noise, a frequency that walks, a phase that walks: no steps. */
static void wander(gsl_rng *rng, size_t n, double phase_ns, double frequency)
{
	double rate = 0, offset = 0;

	for (size_t i = 0; i < n; i++) {
		rate += gsl_ran_gaussian(rng, frequency * sqrt(INTERVAL));
		offset += rate * INTERVAL + gsl_ran_gaussian(rng, phase_ns * sqrt(INTERVAL));
		x[i] += offset;
	}
}

static void quiet_clocks_do_not_step(void **state)
{
	static const struct {
		double sigma, granularity, phase_ns, frequency;
		size_t every, n;
	} cases[] = {
		{ 3, 0, 0, 0, EVERY, N },
		{ 3, GRANULARITY, 0, 0, EVERY, N },
		{ 0.3, GRANULARITY, 0, 0, EVERY, N },
		{ 20, 0, 0, 0, EVERY, N },
		{ 3, 0, 30, 0, EVERY, N },
		{ 3, 0, 300, 0, EVERY, N },
		{ 3, 0, 0, 30, EVERY, N },
		{ 3, 0, 0, 3000, EVERY, N },
		{ 3, 0, 0, 0, 200, 400 },
		{ 3, 0, 0, 30, 200, 400 },
		{ 3, 0, 100, 0, 200, 400 },
		{ 3, 0, 0, 30, 500, 10000 },
	};
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned trials = 300;

	(void)state;
	gsl_rng_set(rng, SEED);
	memset(truth, 0, sizeof(truth));
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		unsigned alarms = 0, taken = 0;

		for (unsigned trial = 0; trial < trials; trial++) {
			struct event_steps s;

			make(rng, cases[c].n, cases[c].every, cases[c].sigma, cases[c].granularity);
			wander(rng, cases[c].n, cases[c].phase_ns, cases[c].frequency);
			s = find(cases[c].n, cases[c].n / cases[c].every - 1, INFINITY);
			alarms += s.joint ? s.real : s.significant > 0;
			taken += s.real;
			event_steps_free(&s);
		}
		print_message(
			"seed %u, noise of %g ns, walks of %g ns and %g ppb in 1 s, %zu points a segment: "
			"%u false alarms in %u, %u with something taken out\n",
			SEED, cases[c].sigma, cases[c].phase_ns, cases[c].frequency, cases[c].every, alarms,
			trials, taken);
		/* More than 3 of 300 at 1e-3: once in 4000 times, with the walks a bit more often. */
		assert_true(alarms <= 3);
		/* Lines of a clock whose rate walks miss each other by a little: paid for in the drift's interval. */
		assert_true(taken <= 15);
	}
	gsl_rng_free(rng);
}

/* Too small to be seen one by one, but they add up. */
static void small_steps_add_up(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct event_steps s;
	double slope, se;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (size_t k = 0; k < EVENTS; k++)
		truth[k] = 8;
	make(rng, N, EVERY, 5, 0);
	s = find(N, EVENTS, INFINITY);
	assert_true(s.real && s.significant < 50);
	rest(&s, N, &slope, &se);
	assert_true(fabs(slope - TRUE_SLOPE) < 4 * se && se < 15);
	event_steps_free(&s);
	gsl_rng_free(rng);
}

/* One large step between long segments comes from lines at the event, whatever the clocks do elsewhere. */
static void one_large_step(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct event_steps s;

	(void)state;
	gsl_rng_set(rng, SEED);
	truth[0] = 1e7;
	make(rng, 400, 200, 3, 0);
	s = find(400, 1, INFINITY);
	assert_true(s.real && !s.joint && s.count == 1 && s.significant == 1 && s.widen == 1);
	assert_true(fabs(s.steps[0].found.step_ns - 1e7) < 4 * s.steps[0].found.se_ns);
	assert_true(s.steps[0].found.se_ns < 2);
	event_steps_free(&s);
	/* The same where the brackets are half or twice as wide behind it, as after a guest was stopped. */
	for (double factor = 0.5; factor < 3; factor *= 4) {
		make(rng, 300, 100, 3, 0);
		for (size_t i = 100; i < 300; i++)
			half[i] *= factor;
		s = find(300, 1, INFINITY);
		assert_true(s.real && !s.joint && s.count == 1 && s.significant == 1);
		assert_true(fabs(s.steps[0].found.step_ns - 1e7) < 4 * s.steps[0].found.se_ns);
		event_steps_free(&s);
	}
	/* A clock that starts to run 50 ppm fast there does not step. */
	truth[0] = 0;
	make(rng, 400, 200, 3, 0);
	for (size_t i = 200; i < 400; i++)
		x[i] += 50e3 * (t[i] - events[0]);
	s = find(400, 1, INFINITY);
	assert_false(s.real);
	event_steps_free(&s);
	gsl_rng_free(rng);
}

/* Less than the brackets tell from a change of delay, and far more than the noise: no step, but no drift either. */
static void a_step_inside_the_brackets(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned covered = 0, trials = 200;
	double slope, se;

	(void)state;
	gsl_rng_set(rng, SEED);
	truth[0] = HALF / 2;
	for (unsigned trial = 0; trial < trials; trial++) {
		struct event_steps s;

		make(rng, 1000, 500, 3, GRANULARITY);
		s = find(1000, 1, INFINITY);
		assert_true(s.real && !s.joint && s.count == 1 && s.significant == 0);
		/* Points and step are the same ones: the errors add (analyze.c). */
		rest(&s, 1000, &slope, &se);
		se += 1.5 * s.steps[0].found.se_ns / (1000 * INTERVAL);
		covered += fabs(slope - TRUE_SLOPE) <= 1.96 * se;
		event_steps_free(&s);
	}
	print_message("seed %u: %u of %u slopes are covered\n", SEED, covered, trials);
	assert_true(covered >= 0.9 * trials);
	gsl_rng_free(rng);
}

/* Some of them are hidden in the noise: where one is seen all are taken out, or those left would bend the drift. */
static void equal_steps_near_the_noise(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned covered = 0, real = 0, trials = 200;
	double slope, se;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (size_t k = 0; k < 5; k++)
		truth[k] = HALF / 3;
	for (unsigned trial = 0; trial < trials; trial++) {
		struct event_steps s;
		double variance = 0;

		make(rng, 3000, 500, 30, 0);
		s = find(3000, 5, INFINITY);
		real += s.real;
		assert_int_equal(s.significant, 0);
		assert_true(!s.real || s.count == 5);
		for (size_t k = 0; k < s.count; k++)
			variance += s.steps[k].found.se_ns * s.steps[k].found.se_ns;
		rest(&s, 3000, &slope, &se);
		/* The farthest that so many steps can bend a line: 1.5 of their sum over the span. */
		covered += fabs(slope - TRUE_SLOPE) <= 1.96 * (se + 1.5 * sqrt(variance) / (3000 * INTERVAL));
		event_steps_free(&s);
	}
	print_message(
		"seed %u: in %u of %u steps are seen, %u slopes are covered\n", SEED, real, trials, covered);
	assert_true(real > trials / 2 && covered >= 0.9 * real);
	gsl_rng_free(rng);
}

/* The rate changes somewhere between the two points beside the event: the interval covers all that it can be. */
static void a_rate_that_changes_with_the_step(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	const double bend = 83e6; /* ns/s */
	unsigned covered = 0, trials = 200;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (unsigned trial = 0; trial < trials; trial++) {
		double from = gsl_ran_flat(rng, 0, INTERVAL); /* after the last point */
		struct event_steps s;

		truth[0] = -2e9;
		make(rng, 1000, 500, 3, GRANULARITY);
		for (size_t i = 500; i < 1000; i++)
			x[i] += bend * (t[i] - (499 * INTERVAL + from));
		s = find(1000, 1, INFINITY);
		assert_int_equal(s.count, 1);
		covered += fabs(s.steps[0].found.step_ns - truth[0]) <= 1.96 * s.steps[0].found.se_ns;
		/* And not more than that. */
		assert_true(1.96 * s.steps[0].found.se_ns < 4 * bend * INTERVAL);
		event_steps_free(&s);
	}
	print_message("seed %u: %u of %u steps are covered\n", SEED, covered, trials);
	assert_int_equal(covered, trials);
	gsl_rng_free(rng);
}

static void events_that_no_point_parts(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct event_steps s;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (size_t k = 0; k < 10; k++)
		truth[k] = 500;
	make(rng, 55, EVERY, 3, 0);
	/* Of the fourth segment one point is left: the events around it are one.  Of the first none. */
	for (size_t i = 15; i < 19; i++)
		half[i] = -1;
	for (size_t i = 0; i < 5; i++)
		half[i] = -1;
	/* A bracket that holds the event is on neither side, and one that is far off is not used. */
	half[30] = 2e7;
	x[30] += 1e6;
	x[37] += 1e5;
	s = find(55, 10, INFINITY);
	assert_true(s.real && s.count == 8);
	assert_true(s.steps[0].first == 1 && s.steps[0].events == 1);
	assert_true(s.steps[1].first == 2 && s.steps[1].events == 2);
	assert_true(s.steps[2].first == 4 && s.steps[2].events == 1);
	assert_true(s.first_s == t[5]);
	assert_true(fabs(s.steps[1].found.step_ns - 1000) < 15 && s.steps[1].found.se_ns < 6);
	for (size_t k = 2; k < 8; k++)
		assert_true(fabs(s.steps[k].found.step_ns - 500) < 15);
	assert_true(s.steps[1].found.from_s == t[14] && s.steps[1].found.to_s == t[20]);
	event_steps_free(&s);
	/* From the seventh event on nothing is listed. */
	s = find(55, 6, events[6] - 0.001);
	assert_true(s.real && s.last_s < events[6] && s.count == 4);
	event_steps_free(&s);
	gsl_rng_free(rng);
}

static void points_beside_an_event(void **state)
{
	double apart[] = { 0, 0.5 };
	struct event_steps_input in = { .t_s = (double[]){ 1, 2 },
		.half_ns = (double[]){ 10, 10 },
		.apart_s = apart,
		.count = 2,
		.at_s = (double[]){ 1.3, 2.3, 2.6 },
		.event_count = 3,
		.end_s = INFINITY };

	(void)state;
	assert_int_equal(events_before(&in, 1), 0);
	assert_int_equal(events_before(&in, 2), 1);
	assert_int_equal(events_before(&in, 9), 3);
	assert_true(is_clear(&in, 0, 0));
	assert_false(is_clear(&in, 1, 1));
	apart[1] = 0.2;
	assert_true(is_clear(&in, 1, 1));
	apart[0] = 0.2995;
	assert_false(is_clear(&in, 0, 0));
	apart[0] = 0;
	in.end_s = 1.0005;
	assert_false(is_clear(&in, 0, 0));
}

static void nothing_to_do(void **state)
{
	struct event_steps s;

	(void)state;
	s = find(0, 3, INFINITY);
	assert_true(!s.real && !s.count);
	event_steps_free(&s);
	for (size_t i = 0; i < 6; i++) {
		t[i] = (double)i;
		x[i] = half[i] = 1;
	}
	events[0] = 2.5;
	s = find(6, 0, INFINITY);
	assert_false(s.real);
	event_steps_free(&s);
	s = find(6, 1, INFINITY);
	assert_false(s.real);
	event_steps_free(&s);
	events[0] = 9;
	s = find(6, 1, INFINITY);
	assert_false(s.real);
	event_steps_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_cover),
		cmocka_unit_test(quiet_clocks_do_not_step),
		cmocka_unit_test(small_steps_add_up),
		cmocka_unit_test(one_large_step),
		cmocka_unit_test(a_step_inside_the_brackets),
		cmocka_unit_test(equal_steps_near_the_noise),
		cmocka_unit_test(a_rate_that_changes_with_the_step),
		cmocka_unit_test(events_that_no_point_parts),
		cmocka_unit_test(points_beside_an_event),
		cmocka_unit_test(nothing_to_do),
	};

	return cmocka_run_group_tests_name("analysis/event_steps", tests, NULL, NULL);
}
