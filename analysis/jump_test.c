/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/jump.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT  1000
#define STEP_S 0.05

static double t_s[COUNT], offset_ns[COUNT], half_ns[COUNT], apart_s[COUNT];
static struct jump_input in;

/* A clock that drifts by ppm, anywhere in brackets of 100 ns, every tenth of 100 us. */
static void make(double ppm)
{
	srand48(1);
	for (size_t i = 0; i < COUNT; i++) {
		t_s[i] = STEP_S * (double)i;
		half_ns[i] = i % 10 ? 50 : 50000;
		apart_s[i] = 0;
		offset_ns[i] = ppm * 1000 * t_s[i] + (2 * drand48() - 1) * half_ns[i];
	}
	in = (struct jump_input){ t_s, offset_ns, half_ns, apart_s, COUNT, 100, 1, 100 };
}

static void move(size_t from, size_t to, double ns)
{
	for (size_t i = from; i < to; i++)
		offset_ns[i] += ns;
}

static void nothing_where_all_fits(void **state)
{
	(void)state;
	for (double ppm = -99; ppm < 100; ppm += 33) {
		make(ppm);
		assert_int_equal(jumps_find(&in).count, 0);
	}
	in.count = 0;
	assert_int_equal(jumps_find(&in).count, 0);
}

static void out_and_back(void **state)
{
	struct jumps found;

	(void)state;
	make(3);
	move(501, 503, 5e6);
	found = jumps_find(&in);
	assert_int_equal(found.count, 2);
	assert_true(fabs(found.largest_ns) > 4.9e6 && fabs(found.largest_ns) <= 5e6);
	assert_true(found.at_s == t_s[found.largest_ns > 0 ? 501 : 503]);
	make(3);
	move(503, 504, -30e6);
	found = jumps_find(&in);
	assert_int_equal(found.count, 2);
	assert_true(fabs(found.largest_ns) > 29.9e6 && fabs(found.largest_ns) <= 30e6);
}

/* One to stay is told once, also at the last reading, and behind a wide bracket. */
static void one_to_stay(void **state)
{
	static const size_t places[] = { 1, 500, 510, COUNT - 1 };
	struct jumps found;

	(void)state;
	for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
		make(0);
		move(places[k], COUNT, -1e6);
		found = jumps_find(&in);
		assert_int_equal(found.count, 1);
		assert_true(found.largest_ns < -0.89e6 && found.largest_ns >= -1e6);
	}
}

/* Within the rate for the time between, within the brackets, or between two readings that prove nothing. */
static void what_proves_nothing(void **state)
{
	(void)state;
	make(0);
	move(500, COUNT, 100 * 1000 * STEP_S - 10);
	assert_int_equal(jumps_find(&in).count, 0);
	make(0);
	for (size_t i = 0; i < COUNT; i++)
		half_ns[i] = 3e6;
	move(500, 502, 5e6);
	assert_int_equal(jumps_find(&in).count, 0);
	make(0);
	move(505, 506, 1e9);
	half_ns[505] = -1;
	assert_int_equal(jumps_find(&in).count, 0);
	/* A reading that was carried over a second. */
	make(0);
	move(505, 506, 90000);
	apart_s[505] = 1;
	assert_int_equal(jumps_find(&in).count, 0);
}

static void a_coarse_clock(void **state)
{
	(void)state;
	make(0);
	for (size_t i = 0; i < COUNT; i++) {
		half_ns[i] = 50;
		offset_ns[i] = -10e6 * drand48();
	}
	assert_int_equal(jumps_find(&in).count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_where_all_fits),
		cmocka_unit_test(out_and_back),
		cmocka_unit_test(one_to_stay),
		cmocka_unit_test(what_proves_nothing),
		cmocka_unit_test(a_coarse_clock),
	};

	return cmocka_run_group_tests_name("analysis/jump", tests, NULL, NULL);
}
