/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/coverage.c"

#include "analysis/synthetic_test.h"

enum { RAW, HPET, PEER, NTP };

/* 10 s, of which the 10 ms clocks of CPU 0 are read throughout. */
static void begin(struct synthetic *s, struct sim_model *m)
{
	synthetic_init(s);
	*m = synthetic_model("drift=1", 1);
	synthetic_ns_clock(s, "raw", "tsc");
	synthetic_ns_clock(s, "hpet", "platform");
	synthetic_ns_clock(s, "peer", "peer");
	synthetic_ns_clock(s, "ntp-x", "ntp-x");
	s->run.clocks[PEER].cadence = s->run.clocks[NTP].cadence = CADENCE_SLOW;
	synthetic_phase(s, "idle", 0, 10);
	synthetic_sampled(s, 0, RAW, m, 1000, 0, 0.01);
}

static void expect(struct synthetic *s, size_t series, double all_s, double unread_s)
{
	struct coverage c = coverage_of(&s->run, &s->samples, &s->run.phases[0], &s->samples.series[series]);

	assert_float_equal(c.all_s, all_s, 0.05);
	assert_float_equal(c.unread_s, unread_s, 0.05);
}

static void read_throughout(void **state)
{
	struct synthetic s;
	struct sim_model m;

	(void)state;
	begin(&s, &m);
	synthetic_sampled(&s, 0, HPET, &m, 500, 0, 0.02);
	expect(&s, 0, 10, 0);
	expect(&s, 1, 10, 0);
	synthetic_free(&s);
}

/* It dies, it comes late, and it is away for a while. */
static void a_part_is_not_read(void **state)
{
	struct synthetic s;
	struct sim_model m;
	struct series *series;

	(void)state;
	begin(&s, &m);
	synthetic_sampled(&s, 0, HPET, &m, 200, 0, 0.02);
	synthetic_sampled(&s, 1, PEER, &m, 200, 7, 0.01);
	series = synthetic_sampled(&s, 2, PEER, &m, 500, 0, 0.02);
	memmove(&series->readings[100], &series->readings[300], 200 * sizeof(*series->readings));
	series->count = 300;
	expect(&s, 1, 10, 6);
	expect(&s, 2, 10, 7); /* its thread's CPU has no other clock */
	expect(&s, 3, 10, 4);
	synthetic_free(&s);
}

static void what_is_no_gap(void **state)
{
	struct synthetic s;
	struct sim_model m;

	(void)state;
	begin(&s, &m);
	/* Read once a 1.5 s: always "gaps". */
	synthetic_sampled(&s, 0, HPET, &m, 7, 0, 1.5);
	/* A CPU that was taken away, with its clock. */
	synthetic_sampled(&s, 1, RAW, &m, 300, 0, 0.01);
	/* The first burst of a server that is then asked every 64 s. */
	synthetic_sampled(&s, 2, NTP, &m, 10, 0, 0.4);
	s.run.ntp = calloc(1, sizeof(*s.run.ntp));
	s.run.ntp_count = 1;
	strcpy(s.run.ntp[0].clock, "ntp-x");
	s.run.ntp[0].interval_s = 64;
	expect(&s, 1, 10, 0);
	expect(&s, 2, 3, 0);
	expect(&s, 3, 10, 0);
	s.run.ntp[0].interval_s = 1;
	expect(&s, 3, 10, 6.4);
	/* Too few to tell. */
	s.samples.series[3].count = 9;
	expect(&s, 3, 10, 0);
	synthetic_free(&s);
}

/* A guest that stood still: nobody was read, and the TSC went on. */
static void a_stop_of_all_is_no_gap(void **state)
{
	struct synthetic s;
	struct sim_model m;

	(void)state;
	begin(&s, &m);
	synthetic_sampled(&s, 0, HPET, &m, 1000, 0, 0.01);
	for (size_t i = 0; i < 2; i++) {
		struct series *series = &s.samples.series[i];

		memmove(&series->readings[300], &series->readings[700], 300 * sizeof(*series->readings));
		series->count = 600;
	}
	expect(&s, 0, 10, 0);
	expect(&s, 1, 10, 0);
	synthetic_free(&s);
}

static void nothing_there(void **state)
{
	struct synthetic s;
	struct sim_model m;

	(void)state;
	begin(&s, &m);
	synthetic_series(&s, 0, HPET, 4);
	expect(&s, 1, 10, 0);
	s.run.phases[0].tsc_lo = s.run.phases[0].tsc_hi;
	expect(&s, 0, 0, 0);
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_throughout),
		cmocka_unit_test(a_part_is_not_read),
		cmocka_unit_test(what_is_no_gap),
		cmocka_unit_test(a_stop_of_all_is_no_gap),
		cmocka_unit_test(nothing_there),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
