/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/sim.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "results/units.h"

#define HZ 2.6e9

static struct sim_model model_of(const char *options)
{
	struct sim_model m = { .tsc_hz = HZ, .tsc_start = 1000000, .seed = 5 };
	struct error err = { "" };

	assert_int_equal(sim_model_parse(&m, options, &err), 0);
	assert_string_equal(err.text, "");
	return m;
}

/* Offset that a reading claims, with the middle of its bracket as its instant. */
static double offset_ns(const struct sim_model *m, const struct reading *r)
{
	double cycles = (double)(r->tsc_lo - m->tsc_start) + (double)reading_width(r) / 2;

	return (double)r->value - SIM_EPOCH_NS - cycles_to_ns(cycles, m->tsc_hz);
}

static void assert_near(double value, double wanted, double tolerance)
{
	if (!(fabs(value - wanted) <= tolerance))
		fail_msg("%.6f is not %.6f +- %g", value, wanted, tolerance);
}

static void test_no_faults_no_offset(void **state)
{
	struct sim_model m = model_of(NULL);

	(void)state;
	for (double t = 0; t < 100; t += 7.3) {
		struct reading r = sim_reading(&m, 0, t);

		assert_int_equal(reading_width(&r), 0);
		/* Value and TSC are whole numbers below the truth. */
		assert_near(offset_ns(&m, &r), 0, 1.01);
	}
}

static void test_drift_is_positive_when_fast(void **state)
{
	struct sim_model m = model_of("drift=12.5");
	struct reading r = sim_reading(&m, 0, 10);

	(void)state;
	assert_near(sim_offset_ns(&m, 10), 125e3, 1e-6);
	assert_near(offset_ns(&m, &r), 125e3, 2);
	m.drift_ppm = -12.5;
	r = sim_reading(&m, 0, 10);
	assert_near(offset_ns(&m, &r), -125e3, 2);
}

static void test_same_question_same_answer(void **state)
{
	struct sim_model m = model_of("noise=50:delay=100:forward_exp=20:spike_share=0.1:spike=900");
	struct sim_model other = m;
	unsigned differ_seed = 0, differ_cpu = 0;

	(void)state;
	other.seed++;
	for (int i = 0; i < 100; i++) {
		double t = i * 0.01;
		struct reading a = sim_reading(&m, 3, t), b = sim_reading(&m, 3, t);
		struct reading c = sim_reading(&other, 3, t), d = sim_reading(&m, 4, t);

		assert_memory_equal(&a, &b, sizeof(a));
		differ_seed += a.value != c.value;
		differ_cpu += a.value != d.value;
	}
	assert_true(differ_seed > 80);
	assert_true(differ_cpu > 80);
}

static void test_step_and_rate(void **state)
{
	struct sim_model m = model_of("step=5000@2:rate=100@4:step=-2000@6");

	(void)state;
	assert_near(sim_offset_ns(&m, 1.999), 0, 1e-9);
	assert_near(sim_offset_ns(&m, 2), 5000, 1e-9);
	assert_near(sim_offset_ns(&m, 4), 5000, 1e-9);
	assert_near(sim_offset_ns(&m, 5), 5000 + 100e3, 1e-6);
	assert_near(sim_offset_ns(&m, 6), 3000 + 200e3, 1e-6);
}

/* While the TSC stands still the clock goes on: it is ahead by the halt from then on. */
static void test_halt(void **state)
{
	struct sim_model m = model_of("halt=1000000@1");
	struct reading before = sim_reading(&m, 0, 0.9), in = sim_reading(&m, 0, 1.0005),
		       after = sim_reading(&m, 0, 1.5);

	(void)state;
	assert_near(offset_ns(&m, &before), 0, 2);
	assert_near(offset_ns(&m, &in), 500e3, 2);
	assert_near(offset_ns(&m, &after), 1e6, 2);
	assert_near(sim_offset_ns(&m, 1.5), 0, 1e-9);
}

static void test_delays_widen_the_bracket(void **state)
{
	struct sim_model m = model_of("forward=300:backward=100");
	struct reading r = sim_reading(&m, 0, 1);

	(void)state;
	assert_near(cycles_to_ns((double)reading_width(&r), HZ), 400, 1);
	/* The clock was read 100 ns behind the middle. */
	assert_near(offset_ns(&m, &r), 100, 2);
	m = model_of("delay=70");
	assert_near(m.forward.fixed_ns, 70, 0);
	assert_near(m.backward.fixed_ns, 70, 0);
}

static void test_noise_is_as_told(void **state)
{
	struct sim_model m = model_of("noise=40");
	double sum = 0, square = 0;
	int n = 20000;

	(void)state;
	for (int i = 0; i < n; i++) {
		struct reading r = sim_reading(&m, 0, 1 + i * 1e-3);
		double x = (double)r.value - SIM_EPOCH_NS - 1e9 - i * 1e6;

		sum += x;
		square += x * x;
	}
	/* Five standard errors each; the value is rounded down by half a ns on average. */
	assert_near(sum / n, -0.5, 5 * 40 / sqrt(n));
	assert_near(sqrt(square / n), 40, 5 * 40 / sqrt(2.0 * n));
}

static void test_exponential_and_pareto_means(void **state)
{
	struct sim_model m = model_of("forward_exp=400:backward_pareto=1000:shape=3");
	double forward = 0, width = 0;
	int n = 20000;

	(void)state;
	for (int i = 0; i < n; i++) {
		struct reading r = sim_reading(&m, 0, i * 1e-3);

		forward += (double)r.value - SIM_EPOCH_NS - i * 1e6;
		width += cycles_to_ns((double)reading_width(&r), HZ);
	}
	/* Lomax: mean scale / (shape - 1), variance scale^2 shape / ((shape - 1)^2 (shape - 2)). */
	assert_near(forward / n, 400, 5 * 400 / sqrt(n) + 1);
	assert_near(width / n, 400 + 500, 5 * hypot(400, 1000 * sqrt(3.0 / 4)) / sqrt(n) + 1);
}

static void test_granularity_and_resolution(void **state)
{
	struct sim_model m = model_of("granularity=26:resolution=1000:noise=30");

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct reading r = sim_reading(&m, 0, i * 0.0137);

		assert_int_equal((int64_t)(r.tsc_lo - m.tsc_start) % 26, 0);
		assert_int_equal((int64_t)(r.tsc_hi - m.tsc_start) % 26, 0);
		assert_int_equal(r.value % 1000, 0);
	}
}

static void test_ramp_widens_the_variable_part(void **state)
{
	struct sim_model m = model_of("forward=100:ramp=4:ramp_period=10");

	(void)state;
	m.seed = 0; /* the ramp begins at 0 */
	assert_near(ramp_at(&m, 0), 1, 1e-12);
	assert_near(ramp_at(&m, 5), 2.5, 1e-12);
	assert_near(ramp_at(&m, 9.999), 4, 1e-3);
	assert_near(ramp_at(&m, 10), 1, 1e-9);
	/* The fixed part stays. */
	assert_near((double)(int64_t)(sim_reading(&m, 0, 9).value - (uint64_t)SIM_EPOCH_NS) - 9e9, 100, 1);
}

/* An early stamp makes a false bracket: width or value are short by that much, in that share. */
static void test_early_stamps(void **state)
{
	struct sim_model m = model_of("delay=5000:early_share=0.25:early=3000");
	int short_width = 0, early_value = 0, n = 4000;

	(void)state;
	for (int i = 0; i < n; i++) {
		struct reading r = sim_reading(&m, 0, i * 1e-3);

		short_width += cycles_to_ns((double)reading_width(&r), HZ) < 8500;
		early_value += offset_ns(&m, &r) < -2500;
	}
	assert_near(short_width, n / 8.0, 5 * sqrt(n / 8.0));
	assert_near(early_value, n / 8.0, 5 * sqrt(n / 8.0));
}

/* A clock stepped to before its zero is two's complement, not undefined. */
static void test_value_below_zero(void **state)
{
	struct sim_model m = model_of("step=-2e12@1");
	struct reading r = sim_reading(&m, 0, 2);

	(void)state;
	assert_near((double)(int64_t)r.value, -1e12 + 2e9, 2);
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *options, *reason;
	} bad[] = { { "drift", "key=value" }, { "drift=", "not a number" }, { "drift=5x", "not a number" },
		{ "drift=nan", "not a number" }, { "drift=1e6", "not in" }, { "noise=-1", "not in" },
		{ "delay=-1", "not in" }, { "delay=2e9", "not in" }, { "spike_share=1.5", "not in" },
		{ "wobble=1", "unknown option" }, { "step=5", "AMOUNT@SECONDS" }, { "step=5@", "seconds" },
		{ "step=5@-1", "seconds" }, { "step=5@1x", "seconds" }, { "step=5@nan", "seconds" },
		{ "step=1e300@1", "beyond" }, { "drift=5:=3", "unknown" } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sim_model m = { .tsc_hz = HZ };
		struct error err = { "" };

		assert_int_equal(sim_model_parse(&m, bad[i].options, &err), -EINVAL);
		if (!strstr(err.text, bad[i].reason))
			fail_msg("%s: %s", bad[i].options, err.text);
	}
}

static void test_parse_limits_changes(void **state)
{
	char options[32 * (SIM_CHANGES_MAX + 1)] = "";
	struct sim_model m = { .tsc_hz = HZ };
	struct error err = { "" };

	(void)state;
	for (int i = 0; i < SIM_CHANGES_MAX; i++)
		strcat(options, "step=1@5:");
	assert_int_equal(sim_model_parse(&m, options, &err), 0);
	assert_int_equal(m.step_count, SIM_CHANGES_MAX);
	m.step_count = 0;
	strcat(options, "step=1@5");
	assert_int_equal(sim_model_parse(&m, options, &err), -EINVAL);
	assert_int_equal(m.step_count, SIM_CHANGES_MAX);
}

/* The help names each key that the parser knows, and no other. */
static void test_help_is_complete(void **state)
{
	struct sim_model m = { .tsc_hz = HZ };
	struct error err = { "" };
	char help[1024], *word, *save;
	size_t known = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s=", keys[i].key);
		assert_non_null(strstr(sim_options_help, key));
	}
	snprintf(help, sizeof(help), "%s", sim_options_help);
	for (word = strtok_r(help, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char option[64], *equals = strchr(word, '=');

		if (!equals)
			continue;
		snprintf(option, sizeof(option), "%.*s=1%s", (int)(equals - word), word,
			strchr(word, '@') ? "@1" : "");
		if (sim_model_parse(&m, option, &err))
			fail_msg("%s: %s", option, err.text);
		known++;
	}
	/* delay, step, rate and halt are not in the table. */
	assert_int_equal(known, sizeof(keys) / sizeof(keys[0]) + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_faults_no_offset),
		cmocka_unit_test(test_drift_is_positive_when_fast),
		cmocka_unit_test(test_same_question_same_answer),
		cmocka_unit_test(test_step_and_rate),
		cmocka_unit_test(test_halt),
		cmocka_unit_test(test_delays_widen_the_bracket),
		cmocka_unit_test(test_noise_is_as_told),
		cmocka_unit_test(test_exponential_and_pareto_means),
		cmocka_unit_test(test_granularity_and_resolution),
		cmocka_unit_test(test_ramp_widens_the_variable_part),
		cmocka_unit_test(test_early_stamps),
		cmocka_unit_test(test_value_below_zero),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_limits_changes),
		cmocka_unit_test(test_help_is_complete),
	};

	return cmocka_run_group_tests_name("probes/sim", tests, NULL, NULL);
}
