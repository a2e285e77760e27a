/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/pair.c"

#include "analysis/synthetic_test.h"

struct made {
	struct pair_source *source;
	struct pair pair;
	enum pair_absence absence;
};

static struct made make(const struct synthetic *s, int cpu, int clock, int reference, size_t phase)
{
	struct made m;
	struct error err = { "" };

	m.source = pair_source_new(&s->run, &s->samples, &err);
	assert_non_null(m.source);
	assert_int_equal(pair_make(m.source, cpu, clock, reference, phase, &m.pair, &m.absence, &err), 0);
	return m;
}

static void made_free(struct made *m)
{
	pair_free(&m->pair);
	pair_source_free(m->source);
}

static double ends_slope_ppm(const struct pair *p)
{
	size_t last = p->count - 1;

	return (p->offset_ns[last] - p->offset_ns[0]) / (p->t_s[last] - p->t_s[0]) / PPB_PER_PPM;
}

/* Two clocks on CPU 0 over some 10 s, with that many readings each. */
static void two_clocks(
	struct synthetic *s, const char *target, size_t target_n, const char *reference, size_t reference_n)
{
	struct sim_model t = synthetic_model(target, 1), r = synthetic_model(reference, 2);

	synthetic_init(s);
	synthetic_ns_clock(s, "target", "a");
	synthetic_ns_clock(s, "reference", "b");
	synthetic_phase(s, "all", 0, 1000);
	synthetic_sampled(s, 0, 0, &t, target_n, 0.001, 10.0 / (double)target_n);
	synthetic_sampled(s, 0, 1, &r, reference_n, 0.0010001, 10.0 / (double)reference_n);
}

static void fast_targets_drift_upward(void **state)
{
	static const struct {
		const char *target, *reference;
		double target_ppm, reference_ppm;
	} clocks[] = {
		{ "drift=10:delay=20", "drift=-5:delay=30", 10, -5 },
		{ "drift=-10:delay=20", "drift=5:delay=30", -10, 5 },
		{ "drift=38600:delay=20", "drift=0:delay=30", 38600, 0 },
		{ "drift=0:delay=20", "drift=38600:delay=30", 0, 38600 },
		{ "drift=-38600:delay=20", "drift=400:delay=30", -38600, 400 },
	};
	static const size_t counts[][2] = { { 200, 200 }, { 50, 2000 }, { 2000, 50 }, { 999, 1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		for (size_t k = 0; k < 4; k++) {
			double a = clocks[i].target_ppm, b = clocks[i].reference_ppm;
			double truth = ((1 + a * PPM) / (1 + b * PPM) - 1) / PPM;
			struct synthetic s;
			struct made m;

			two_clocks(&s, clocks[i].target, counts[k][0], clocks[i].reference, counts[k][1]);
			m = make(&s, 0, 0, 1, 0);
			assert_int_equal(m.absence, PAIR_PRESENT);
			assert_int_equal(
				m.pair.count, counts[k][0] < counts[k][1] ? counts[k][0] : counts[k][1]);
			/* Rounding of both ends to 1 ns over 10 s: 0.0003 ppm. */
			if (fabs(ends_slope_ppm(&m.pair) - truth) > 0.0005)
				fail_msg("case %zu counts %zu: %.6f ppm instead of %.6f", i, k,
					ends_slope_ppm(&m.pair), truth);
			assert_true(m.pair.half_ns[5] > 49 && m.pair.half_ns[5] < 51.5 + 4);
			made_free(&m);
			/* Against the pivot. */
			m = make(&s, 0, 0, PAIR_TSC, 0);
			assert_true(fabs(ends_slope_ppm(&m.pair) - a) < 0.0005);
			made_free(&m);
			synthetic_free(&s);
		}
}

/* What the TSC is called in run.json must not matter between two clocks. */
static void nominal_tsc_rate_cancels(void **state)
{
	static const double nominal[] = { SYNTHETIC_HZ * 1.038, SYNTHETIC_HZ / 1.0386 };
	struct synthetic s;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct made m;

		two_clocks(&s, "drift=2:delay=20", 100, "delay=20", 1000);
		s.run.tsc_hz = nominal[i];
		m = make(&s, 0, 0, 1, 0);
		assert_true(fabs(ends_slope_ppm(&m.pair) - 2) < 0.0005);
		/* Time runs in seconds of the reference. */
		assert_true(fabs(m.pair.t_s[99] - m.pair.t_s[0] - 9.9) < 1e-6);
		made_free(&m);
		m = make(&s, 0, 1, PAIR_TSC, 0);
		assert_true(fabs(ends_slope_ppm(&m.pair) - (nominal[i] / SYNTHETIC_HZ - 1) / PPM) < 0.001);
		made_free(&m);
		synthetic_free(&s);
	}
}

static void inverted_brackets_stay_visible(void **state)
{
	struct synthetic s;
	struct reading *r;
	struct made m;
	size_t inverted = 0;

	(void)state;
	two_clocks(&s, "delay=20", 100, "delay=3000", 100);
	r = &s.samples.series[0].readings[40];
	r->tsc_hi = r->tsc_lo - 26;
	r = &s.samples.series[1].readings[60];
	r->tsc_hi = r->tsc_lo - 2600;
	m = make(&s, 0, 0, 1, 0);
	for (size_t i = 0; i < m.pair.count; i++)
		inverted += m.pair.half_ns[i] < 0;
	assert_int_equal(inverted, 2);
	assert_true(m.pair.half_ns[40] < 0 && m.pair.half_ns[60] < 0);
	made_free(&m);
	synthetic_free(&s);
}

/* One absurd bracket of the reference must spoil one point, not all that follow. */
static void absurd_brackets_do_not_stop_the_search(void **state)
{
	static const uint64_t absurd[] = { 0, UINT64_C(1) << 40, UINT64_C(1) << 62 };

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct synthetic s;
		struct made m;

		/* The rate change shows whether later readings of the reference are still looked at. */
		two_clocks(&s, "delay=20", 100, "delay=20:rate=100@5", 200);
		s.samples.series[1].readings[70].tsc_hi = absurd[k];
		s.samples.series[1].readings[71].tsc_hi = absurd[k];
		m = make(&s, 0, 0, 1, 0);
		assert_true(fabs(m.pair.offset_ns[99] - m.pair.offset_ns[60]) > 350e3);
		made_free(&m);
		synthetic_free(&s);
	}
}

static void a_reference_on_another_cpu_will_do(void **state)
{
	struct sim_model t = synthetic_model("drift=3:delay=1000", 3), r = synthetic_model("delay=20", 4);
	struct synthetic s;
	struct made m;

	(void)state;
	synthetic_init(&s);
	synthetic_ns_clock(&s, "ptp", "remote");
	synthetic_ns_clock(&s, "raw", "tsc");
	synthetic_phase(&s, "all", 0, 1000);
	synthetic_sampled(&s, 1, 1, &r, 1000, 0, 0.01);
	synthetic_sampled(&s, 2, 1, &r, 1000, 0, 0.01);
	synthetic_sampled(&s, 7, 0, &t, 10, 0.003, 1);
	m = make(&s, 7, 0, 1, 0);
	assert_int_equal(m.pair.count, 10);
	assert_true(fabs(ends_slope_ppm(&m.pair) - 3) < 0.001);
	made_free(&m);
	synthetic_free(&s);
}

static void phases_cut_the_points(void **state)
{
	struct synthetic s;
	struct made m;

	(void)state;
	two_clocks(&s, "delay=20", 100, "delay=20", 100);
	synthetic_phase(&s, "first", 0, 5);
	synthetic_phase(&s, "second", 5, 11);
	synthetic_phase(&s, "after", 20, 30);
	m = make(&s, 0, 0, 1, 1);
	assert_int_equal(m.pair.count, 50);
	made_free(&m);
	m = make(&s, 0, 0, 1, 2);
	assert_int_equal(m.pair.count, 50);
	assert_true(m.pair.t_s[0] > 4.9);
	made_free(&m);
	m = make(&s, 0, 0, 1, 3);
	assert_int_equal(m.absence, PAIR_NO_TARGET);
	assert_int_equal(m.pair.count, 0);
	made_free(&m);
	m = make(&s, 3, 0, 1, 0);
	assert_int_equal(m.absence, PAIR_NO_TARGET);
	made_free(&m);
	s.samples.series[1].count = 40;
	m = make(&s, 0, 0, 1, 2);
	assert_int_equal(m.absence, PAIR_NO_REFERENCE);
	made_free(&m);
	synthetic_free(&s);
}

static void backward_readings_count_in_their_phase(void **state)
{
	struct synthetic s;
	struct made m;

	(void)state;
	two_clocks(&s, "delay=20", 100, "delay=20", 100);
	synthetic_phase(&s, "first", 0, 5);
	synthetic_phase(&s, "second", 5, 11);
	s.samples.series[0].readings[70].value = s.samples.series[0].readings[69].value - 123;
	s.samples.series[0].readings[80].value = s.samples.series[0].readings[79].value - 7;
	/* Of the reference: not the target's fault. */
	s.samples.series[1].readings[20].value = 0;
	m = make(&s, 0, 0, 1, 1);
	assert_int_equal(m.pair.backward, 0);
	made_free(&m);
	m = make(&s, 0, 0, 1, 2);
	assert_int_equal(m.pair.backward, 2);
	assert_true(m.pair.max_backward_ns == 123);
	made_free(&m);
	synthetic_free(&s);
}

static void one_reading_each_is_a_point(void **state)
{
	struct synthetic s;
	struct made m;

	(void)state;
	two_clocks(&s, "delay=20", 1, "delay=20", 1);
	m = make(&s, 0, 0, 1, 0);
	assert_int_equal(m.pair.count, 1);
	assert_true(m.pair.offset_ns[0] == 0 && isfinite(m.pair.t_s[0]));
	assert_true(fabs(pair_source_seconds(m.source, SYNTHETIC_START) + 0.001) < 1e-6);
	made_free(&m);
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fast_targets_drift_upward),
		cmocka_unit_test(nominal_tsc_rate_cancels),
		cmocka_unit_test(inverted_brackets_stay_visible),
		cmocka_unit_test(absurd_brackets_do_not_stop_the_search),
		cmocka_unit_test(a_reference_on_another_cpu_will_do),
		cmocka_unit_test(phases_cut_the_points),
		cmocka_unit_test(backward_readings_count_in_their_phase),
		cmocka_unit_test(one_reading_each_is_a_point),
	};

	return cmocka_run_group_tests_name("analysis/pair", tests, NULL, NULL);
}
