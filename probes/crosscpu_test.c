/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/crosscpu.c"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS	    500
#define DEADLINE_MS 10000

static int bind_for_real(void *context, int cpu)
{
	cpu_set_t set;

	(void)context;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static int bind_fails(void *context, int cpu)
{
	return cpu == *(const int *)context ? -EXDEV : 0;
}

static int no_bind(void *context, int cpu)
{
	(void)context, (void)cpu;
	return 0;
}

/* The first two allowed CPUs; skips where there is one. */
static void two_cpus(int cpus[2])
{
	cpu_set_t set;
	int count = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			cpus[count++] = cpu;
	if (count < 2) {
		print_message("one CPU only: no exchange to try\n");
		skip();
	}
}

/*
 * No stamp arrives before it was sent: the bound, half the sum of both minima, is positive whatever
 * the TSCs are set to.  The other way round the offset changes its sign, within both bounds.
 */
static void test_both_ways(void **state)
{
	const struct crosscpu_binding binding = { bind_for_real, NULL };
	struct exchange there, back;
	struct error err = { "" };
	double sum, bounds;
	int cpus[2];

	(void)state;
	two_cpus(cpus);
	assert_int_equal(crosscpu_exchange(&binding, cpus[0], cpus[1], ROUNDS, DEADLINE_MS, &there, &err), 0);
	assert_int_equal(crosscpu_exchange(&binding, cpus[1], cpus[0], ROUNDS, DEADLINE_MS, &back, &err), 0);
	assert_int_equal(there.cpu_a, cpus[0]);
	assert_int_equal(there.cpu_b, cpus[1]);
	assert_true(there.forward_min + there.backward_min > 0);
	assert_true(back.forward_min + back.backward_min > 0);
	sum = (double)(there.forward_min - there.backward_min + back.forward_min - back.backward_min) / 2;
	bounds = (double)(there.forward_min + there.backward_min + back.forward_min + back.backward_min) / 2;
	assert_true(sum <= bounds && sum >= -bounds);
}

static void test_one_round(void **state)
{
	const struct crosscpu_binding binding = { no_bind, NULL };
	struct exchange out;
	struct error err = { "" };

	(void)state;
	assert_int_equal(crosscpu_exchange(&binding, 0, 1, 1, DEADLINE_MS, &out, &err), 0);
	assert_true(out.forward_min + out.backward_min > 0);
}

/* Either side may fail to get its CPU: the other one must not wait for ever. */
static void test_cpu_cannot_be_bound(void **state)
{
	(void)state;
	for (int bad = 0; bad < 2; bad++) {
		const struct crosscpu_binding binding = { bind_fails, &bad };
		struct exchange out;
		struct error err = { "" };

		assert_int_equal(crosscpu_exchange(&binding, 0, 1, ROUNDS, DEADLINE_MS, &out, &err), -EXDEV);
		assert_non_null(strstr(err.text, "CPU 0 and CPU 1"));
	}
}

static int bind_late(void *context, int cpu)
{
	(void)context;
	if (cpu == 1)
		usleep(200000);
	return 0;
}

static void test_deadline(void **state)
{
	const struct crosscpu_binding binding = { bind_late, NULL };
	struct exchange out;
	struct error err = { "" };

	(void)state;
	assert_int_equal(crosscpu_exchange(&binding, 0, 1, ROUNDS, 20, &out, &err), -ETIMEDOUT);
	assert_string_not_equal(err.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_one_round),
		cmocka_unit_test(test_cpu_cannot_be_bound),
		cmocka_unit_test(test_deadline),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/crosscpu", tests, NULL, NULL);
}
