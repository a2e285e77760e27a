/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/effect.c"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "analysis/analyze.h"
#include "analysis/synthetic_test.h"

#define SEED 1969u
#define Z    1.959963984540054

struct bench {
	struct synthetic s;
	struct estimates e;
};

/* idle phases i0, i1, ... then disturbed ones d0, d1, ...; no rows yet. */
static struct bench *bench_open(unsigned idle, unsigned disturbed)
{
	struct bench *b = calloc(1, sizeof(*b));
	char name[16];

	assert_non_null(b);
	synthetic_init(&b->s);
	for (unsigned i = 0; i < idle + disturbed; i++) {
		snprintf(name, sizeof(name), "%c%u", i < idle ? 'i' : 'd', i < idle ? i : i - idle);
		synthetic_phase(&b->s, name, i, i + 1);
		if (i >= idle)
			synthetic_disturbed(&b->s, "load", "", OBSERVED_YES);
	}
	return b;
}

static void bench_close(struct bench *b)
{
	estimates_free(&b->e);
	synthetic_free(&b->s);
	free(b);
}

static void bench_row(struct bench *b, const char *phase, int cpu, double ppm, double se, double systematic)
{
	struct drift *row;

	b->e.drift = synthetic_grow(b->e.drift, &b->e.drift_count, sizeof(*row));
	row = &b->e.drift[b->e.drift_count - 1];
	*row = (struct drift){ .cpu = cpu,
		.drift_ppm = ppm,
		.ci_low_ppm = ppm - Z * se,
		.ci_high_ppm = ppm + Z * se,
		.systematic_ppm = systematic,
		.clock = "hpet",
		.reference = "raw" };
	strcpy(row->phase, phase);
}

static const struct effect *bench_effect(struct bench *b)
{
	struct error err = { "" };

	assert_int_equal(effects_find(&b->s.run, &b->e, &err), 0);
	return b->e.effects;
}

static void near(double value, double expected)
{
	if (!(fabs(value - expected) <= 1e-9 * fmax(1, fabs(expected))))
		fail_msg("%.15g is not %.15g", value, expected);
}

/* Every number worked out by hand from effect.h. */
static void formal_errors_without_scatter(void **state)
{
	struct bench *b = bench_open(1, 1);
	const struct effect *e;

	(void)state;
	bench_row(b, "i0", 0, 10, 3, 0);
	bench_row(b, "d0", 0, 22, 4, 0);
	e = bench_effect(b);
	assert_int_equal(b->e.effect_count, 1);
	near(e->effect_ppm, 12);
	near(e->ci_low_ppm, 12 - 5 * Z);
	near(e->ci_high_ppm, 12 + 5 * Z);
	near(e->p, 0.016395071849);
	assert_string_equal(e->significant, "yes");
	assert_int_equal(e->idle_phases, 1);
	assert_string_equal(e->method, "one idle phase, formal errors, scatter not known");
	assert_string_equal(e->phase, "d0");
	bench_close(b);
	/* A half range of 12 is a standard deviation of sqrt(48), beside 1 that makes 7. */
	b = bench_open(1, 1);
	bench_row(b, "i0", 0, 0, 1, 12);
	bench_row(b, "d0", 0, 1, sqrt(51), 0);
	e = bench_effect(b);
	near(e->ci_high_ppm, 1 + 10 * Z);
	assert_string_equal(e->significant, "no");
	bench_close(b);
}

static void scatter_of_the_idle_phases_widens(void **state)
{
	struct bench *b = bench_open(4, 1);
	const struct effect *e;
	char name[] = "i0";

	(void)state;
	/* Variance 5/3 where 1 is formal: S^2 (1 + 1/4), and t(3) at 0.975 is 3.182446. */
	for (int i = 0; i < 4; i++, name[1]++)
		bench_row(b, name, 0, i + 1, 1, 0);
	bench_row(b, "d0", 0, 7.5, 1, 0);
	e = bench_effect(b);
	near(e->effect_ppm, 5);
	near(e->ci_high_ppm, 5 + 3.182446305284263 * sqrt(5 / 3. * 1.25));
	assert_string_equal(e->method, "weighted mean of 4 idle phases, scatter 1.3 x formal, t(3)");
	assert_string_equal(e->significant, "yes"); /* t = 3.46: p = 0.0405 */
	assert_true(e->p > 0.040 && e->p < 0.041);
	bench_close(b);
	/* No scatter at all is luck: the formal error stays. */
	b = bench_open(2, 1);
	bench_row(b, "i0", 0, 1, 1, 0);
	bench_row(b, "i1", 0, 1, 1, 0);
	bench_row(b, "d0", 0, 4, 1, 0);
	e = bench_effect(b);
	near(e->ci_high_ppm, 3 + Z * sqrt(1.5));
	assert_string_equal(e->method, "weighted mean of 2 idle phases, formal errors");
	bench_close(b);
	/* Two that differ by 1 with errors of 1 fit well, but say little: S^2 is 0.5, and t(1) 12.7062. */
	b = bench_open(2, 1);
	bench_row(b, "i0", 0, 0, 1, 0);
	bench_row(b, "i1", 0, 1, 1, 0);
	bench_row(b, "d0", 0, 4, 1, 0);
	e = bench_effect(b);
	near(e->ci_high_ppm, 3.5 + 12.706204736174694 * sqrt(0.75));
	assert_string_equal(e->method, "weighted mean of 2 idle phases, scatter 0.71 x formal, t(1)");
	bench_close(b);
}

static void weights_follow_the_errors(void **state)
{
	struct bench *b = bench_open(2, 1);
	const struct effect *e;

	(void)state;
	bench_row(b, "i0", 0, 0, 1, 0);
	bench_row(b, "i1", 0, 10, 3, 0);
	bench_row(b, "d0", 0, 5, 1, 0);
	e = bench_effect(b);
	/* w = 1 and 1/9: mean 1, chi2 = 10, C = 0.2, S^2 = 50, u0^2 = 5. */
	near(e->effect_ppm, 4);
	near((e->ci_high_ppm - 4) / 12.706204736174694, sqrt(50 + 0.9 + 45 * (1 + 1 / 81.) / (100 / 81.)));
	bench_close(b);
	/* One so much better than the other must not lose all digits. */
	b = bench_open(2, 1);
	bench_row(b, "i0", 0, 0, 1e-12, 0);
	bench_row(b, "i1", 0, 1, 1e3, 0);
	bench_row(b, "d0", 0, 5, 1, 0);
	e = bench_effect(b);
	assert_true(isfinite(e->ci_high_ppm) && e->ci_high_ppm > 5 + Z && e->p > 0 && e->p <= 1);
	bench_close(b);
}

static void what_cannot_be_told_is_unknown(void **state)
{
	struct bench *b = bench_open(1, 2);
	const struct effect *e;

	(void)state;
	bench_row(b, "i0", 0, 1, 1, 0);
	bench_row(b, "i0", 1, NAN, 1, 0);
	bench_row(b, "d0", 0, NAN, 1, 0);
	bench_row(b, "d0", 1, 1, 1, 0);
	bench_row(b, "d1", 0, 1, INFINITY, 0);
	bench_row(b, "d1", 0, 9, 1, NAN);
	e = bench_effect(b);
	assert_int_equal(b->e.effect_count, 4);
	for (int i = 0; i < 3; i++) {
		assert_true(isnan(e[i].effect_ppm) && isnan(e[i].p) && isnan(e[i].ci_low_ppm));
		assert_string_equal(e[i].significant, "unknown");
	}
	assert_string_equal(e[0].method, "no drift in this phase");
	assert_string_equal(e[1].method, "no idle phase");
	assert_int_equal(e[1].cpu, 1);
	assert_string_equal(e[3].significant, "yes");
	bench_close(b);
	b = bench_open(2, 0);
	bench_row(b, "i0", 0, 1, 1, 0);
	bench_effect(b);
	assert_int_equal(b->e.effect_count, 0);
	bench_close(b);
}

static void holm_steps_down(void **state)
{
	/* 5 %: 0.0125, 0.0167, 0.025, 0.05.  The third fails, and so does the fourth that would pass alone. */
	struct effect e[] = { { .p = 0.030 }, { .p = 0.012 }, { .p = NAN, .significant = "unknown" },
		{ .p = 0.031 }, { .p = 0.016 } };
	static const char *const expected[] = { "no", "yes", "unknown", "no", "yes" };

	(void)state;
	assert_int_equal(test_together(e, 5), 0);
	for (int i = 0; i < 5; i++)
		assert_string_equal(e[i].significant, expected[i]);
}

struct world {
	const char *name;
	unsigned idle;
	double wander;	   /* between phases, in formal errors of an idle phase */
	double disturbed;  /* formal error of the disturbed phases, the idle ones have 1 */
	double systematic; /* half range */
	bool uneven;	   /* idle phases have errors of 1, 2, 3, 1, 2, ... */
};

/* Known truth: how often do intervals cover it, and how often is anything called significant that is none? */
static void simulate(gsl_rng *rng, const struct world *w, unsigned trials, double *coverage, double *alarms)
{
	const unsigned disturbed = 4, total = w->idle + disturbed;
	unsigned covered = 0, alarmed = 0;

	for (unsigned t = 0; t < trials; t++) {
		struct bench *b = bench_open(w->idle, disturbed);
		bool alarm = false;

		for (unsigned i = 0; i < total; i++) {
			double se = i >= w->idle ? w->disturbed : w->uneven ? 1 + i % 3 : 1;
			double ppm = 17 + gsl_ran_gaussian(rng, se) + gsl_ran_gaussian(rng, w->wander) +
				     gsl_ran_flat(rng, -w->systematic, w->systematic);

			bench_row(b, b->s.run.phases[i].name, 0, ppm, se, w->systematic);
		}
		bench_effect(b);
		for (unsigned i = 0; i < disturbed; i++) {
			const struct effect *e = &b->e.effects[i];

			covered += e->ci_low_ppm <= 0 && e->ci_high_ppm >= 0;
			alarm |= strcmp(e->significant, "yes") == 0;
		}
		alarmed += alarm;
		bench_close(b);
	}
	*coverage = (double)covered / trials / disturbed;
	*alarms = (double)alarmed / trials;
}

static void intervals_cover_and_alarms_are_rare(void **state)
{
	static const struct world worlds[] = {
		{ "white, 1 idle phase", 1, 0, 1, 0, false },
		{ "white, 2 idle phases", 2, 0, 1, 0, false },
		{ "white, 6 idle phases", 6, 0, 1, 0, false },
		{ "white and uneven, 4 idle phases", 4, 0, 2, 0, true },
		{ "systematic, 1 idle phase", 1, 0, 1, 3, false },
		{ "systematic, 4 idle phases", 4, 0, 1, 3, false },
		{ "wander 1, 3 idle phases", 3, 1, 1, 0, false },
		{ "wander 10, 2 idle phases", 2, 10, 1, 0, false },
		{ "wander 10, 4 idle phases", 4, 10, 1, 0, false },
		{ "wander 10 and uneven, 6 idle phases", 6, 10, 1, 0, true },
		{ "wander 10 and uneven, 3 idle phases", 3, 10, 1, 0, true },
		{ "wander 1 and uneven, 5 idle phases", 5, 1, 2, 0, true },
		{ "wander 3, precise disturbed phases", 4, 3, 0.1, 0, false },
		{ "wander 3, coarse disturbed phases", 4, 3, 10, 0, false },
	};
	const unsigned trials = 2000;
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	(void)state;
	gsl_rng_set(rng, SEED);
	print_message("seed %u\n", SEED);
	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++) {
		double coverage, alarms;

		simulate(rng, &worlds[i], trials, &coverage, &alarms);
		print_message("%-38s covered %.1f %%, false alarms in %.1f %% of the runs\n", worlds[i].name,
			100 * coverage, 100 * alarms);
		/* 95 % and 5 %, three standard deviations of 2000 trials; four effects share their idle phases. */
		assert_true(coverage > 0.95 - 3 * sqrt(0.95 * 0.05 / trials));
		assert_true(alarms < 0.05 + 3 * sqrt(0.95 * 0.05 / trials));
	}
	gsl_rng_free(rng);
}

static void large_effects_are_found(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned found = 0, trials = 300;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (unsigned t = 0; t < trials; t++) {
		struct bench *b = bench_open(5, 2);

		for (unsigned i = 0; i < 7; i++)
			bench_row(b, b->s.run.phases[i].name, 0,
				gsl_ran_gaussian(rng, sqrt(2)) + (i == 6 ? 20 : 0), 1, 0);
		bench_effect(b);
		found += strcmp(b->e.effects[1].significant, "yes") == 0;
		bench_close(b);
	}
	gsl_rng_free(rng);
	print_message("seed %u: 14 sigma found %u of %u times\n", SEED, found, trials);
	assert_true(found > 0.95 * trials);
}

/* From readings to effects: a clock that wanders from phase to phase, and a disturbance of 5 ppb. */
static unsigned simulated_run(gsl_rng *rng, unsigned seed, double wander_ppm, bool *found)
{
	static struct limit rows[] = { { "crystal", 50, "" }, { "arithmetic", 0.1, "" } };
	const struct limits limits = { rows, 2 };
	const struct judging judging = { .reference = "tsc" };
	struct sim_model m = synthetic_model("drift=3:noise=4:delay=5", seed);
	const unsigned phases = 7, disturbed = 5;
	double before = 0;
	struct synthetic s;
	struct estimates e;
	struct error err = { "" };
	unsigned covered;

	synthetic_init(&s);
	synthetic_ns_clock(&s, "own", "own");
	for (unsigned i = 0; i < phases; i++) {
		double rate = gsl_ran_gaussian(rng, wander_ppm) + (i == disturbed ? 5e-3 : 0);
		char name[8];

		snprintf(name, sizeof(name), "p%u", i);
		synthetic_phase(&s, name, 10. * i, 10. * (i + 1));
		if (i == disturbed)
			synthetic_disturbed(&s, "load", "", OBSERVED_YES);
		m.rates[i] = (struct sim_change){ 10. * i, rate - before };
		before = rate;
	}
	m.rate_count = phases;
	synthetic_sampled(&s, 0, 0, &m, 100 * phases, 0.01, 0.1);
	if (analyze_run(&s.run, &s.samples, &limits, &judging, &e, &err))
		fail_msg("%s", err.text);
	assert_int_equal(e.effect_count, 1);
	covered = e.effects[0].ci_low_ppm <= 5e-3 && e.effects[0].ci_high_ppm >= 5e-3;
	*found = strcmp(e.effects[0].significant, "yes") == 0;
	estimates_free(&e);
	synthetic_free(&s);
	return covered;
}

static void simulated_clocks_are_covered(void **state)
{
	static const double wander_ppm[] = { 0, 1e-3 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	const unsigned trials = 150;

	(void)state;
	gsl_rng_set(rng, SEED);
	for (int w = 0; w < 2; w++) {
		unsigned covered = 0, found = 0;

		for (unsigned t = 0; t < trials; t++) {
			bool one;

			covered += simulated_run(rng, SEED + t, wander_ppm[w], &one);
			found += one;
		}
		print_message("seed %u, wander %g ppb: covered %u, found %u of %u\n", SEED,
			wander_ppm[w] * PPB_PER_PPM, covered, found, trials);
		assert_true(covered >= (0.95 - 3 * sqrt(0.95 * 0.05 / trials)) * trials);
	}
	gsl_rng_free(rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formal_errors_without_scatter),
		cmocka_unit_test(scatter_of_the_idle_phases_widens),
		cmocka_unit_test(weights_follow_the_errors),
		cmocka_unit_test(what_cannot_be_told_is_unknown),
		cmocka_unit_test(holm_steps_down),
		cmocka_unit_test(intervals_cover_and_alarms_are_rare),
		cmocka_unit_test(large_effects_are_found),
		cmocka_unit_test(simulated_clocks_are_covered),
	};

	return cmocka_run_group_tests_name("analysis/effect", tests, NULL, NULL);
}
