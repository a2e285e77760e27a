/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/slow.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DEADLINE_MS 10000

struct source {
	atomic_uint asked;
	int code; /* of every second reading, the first one included */
};

static int source_read(void *state, int cpu, struct reading *reading)
{
	struct source *s = state;
	unsigned n = atomic_fetch_add(&s->asked, 1);

	(void)cpu;
	*reading = (struct reading){ 100 + n, 1000 - n, 200 + n };
	return n % 2 ? 0 : s->code;
}

static const struct clock_reader reader = {
	.name = "slowly", .cadence = CADENCE_SLOW, .read_bracket = source_read
};

static struct histogram brackets;

static void slow_init(struct slow_probe *slow, struct source *source, struct tally *tally)
{
	memset(&brackets, 0, sizeof(brackets));
	*tally = (struct tally){ .brackets = &brackets };
	*slow = (struct slow_probe){
		.clock = { &reader, source, 5, 64, UINT64_MAX },
		.cpu = 3,
		.interval_ns = 1,
		.tally = tally,
	};
}

static void await_asked(struct source *source, unsigned least)
{
	struct timespec ms = { 0, NS_PER_MS };

	for (unsigned i = 0; atomic_load(&source->asked) < least; i++) {
		assert_in_range(i, 0, DEADLINE_MS);
		nanosleep(&ms, NULL);
	}
}

/* The first reading comes at once; the next not before the interval, which has a floor. */
static void test_reads_at_once_then_waits(void **state)
{
	const struct ring_entry *entries;
	struct source source = { 0 };
	struct slow_probe slow;
	struct tally tally;
	struct error err = { "" };

	(void)state;
	slow_init(&slow, &source, &tally);
	assert_int_equal(slow_probe_start(&slow, &err), 0);
	assert_int_equal(slow.interval_ns, SLOW_INTERVAL_MIN_NS);
	await_asked(&source, 1);
	slow_probe_stop(&slow);
	assert_int_equal(tally.readings, atomic_load(&source.asked));
	assert_int_equal(tally.kept, tally.readings);
	assert_int_equal(tally.failed, 0);
	assert_int_equal(ring_peek(&slow.ring, &entries), tally.kept);
	assert_int_equal(entries[0].clock, 5);
	assert_int_equal(entries[0].cpu, 3);
	assert_int_equal(entries[0].reading.value, 1000);
	slow_probe_free(&slow);
}

static void test_failures_are_counted(void **state)
{
	const struct ring_entry *entries;
	struct source source = { .code = -EIO };
	struct slow_probe slow;
	struct tally tally;
	struct error err = { "" };

	(void)state;
	slow_init(&slow, &source, &tally);
	assert_int_equal(slow_probe_start(&slow, &err), 0);
	await_asked(&source, 2);
	slow_probe_stop(&slow);
	assert_int_equal(tally.failed, (atomic_load(&source.asked) + 1) / 2);
	assert_int_equal(tally.kept, atomic_load(&source.asked) / 2);
	assert_int_equal(ring_peek(&slow.ring, &entries), tally.kept);
	slow_probe_free(&slow);
}

static void test_stop_ends_a_long_wait(void **state)
{
	struct source source = { 0 };
	struct slow_probe slow;
	struct tally tally;
	struct error err = { "" };
	struct timespec before, after;

	(void)state;
	slow_init(&slow, &source, &tally);
	slow.interval_ns = 3600 * NS_PER_SEC;
	assert_int_equal(slow_probe_start(&slow, &err), 0);
	await_asked(&source, 1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	slow_probe_stop(&slow);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range(after.tv_sec - before.tv_sec, 0, DEADLINE_MS / 1000);
	assert_int_equal(atomic_load(&source.asked), 1);
	slow_probe_free(&slow);
}

/* Its deadlines are absolute: the next is one interval after the last, whenever that was met. */
static void test_deadlines_do_not_wander(void **state)
{
	struct slow_probe slow = { .interval_ns = 1500 * NS_PER_MS };
	struct timespec at = { 0, 800 * NS_PER_MS }; /* long past: no wait */

	(void)state;
	sem_init(&slow.wake, 0, 0);
	assert_true(slow_wait(&slow, &at));
	assert_int_equal(at.tv_sec, 2);
	assert_int_equal(at.tv_nsec, 300 * NS_PER_MS);
	atomic_store(&slow.stop, true);
	assert_false(slow_wait(&slow, &at));
	sem_destroy(&slow.wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_at_once_then_waits),
		cmocka_unit_test(test_failures_are_counted),
		cmocka_unit_test(test_stop_ends_a_long_wait),
		cmocka_unit_test(test_deadlines_do_not_wander),
	};

	return cmocka_run_group_tests_name("probes/slow", tests, NULL, NULL);
}
