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
		.clock = { .reader = &reader,
			.state = source,
			.index = 5,
			.bits = 64,
			.turn = UINT64_MAX,
			.outputs = 1 },
		.cpu = 3,
		.interval_ns = 1,
		.tallies = tally,
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

/* A clock that was not due was not asked, and has not failed. */
static void test_not_due_is_no_failure(void **state)
{
	struct source source = { .code = -EAGAIN };
	struct slow_probe slow;
	struct tally tally;
	struct error err = { "" };

	(void)state;
	slow_init(&slow, &source, &tally);
	assert_int_equal(slow_probe_start(&slow, &err), 0);
	await_asked(&source, 2);
	slow_probe_stop(&slow);
	assert_int_equal(tally.failed, 0);
	assert_int_equal(tally.kept, atomic_load(&source.asked) / 2);
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

static int many_read(void *state, int cpu, struct reading *reading)
{
	atomic_uint *asked = state;
	unsigned n = atomic_fetch_add(asked, 1);

	(void)cpu;
	/* The third of each burst of four is the narrowest for the first clock, the second for the other. */
	reading[0] = (struct reading){ 1000 * n, 10 * n, 1000 * n + (n % 4 == 2 ? 10 : 90) };
	reading[1] = (struct reading){ 1000 * n, 20 * n, 1000 * n + (n % 4 == 1 ? 10 : 90) };
	return 0;
}

/* One exchange yields two clocks; each keeps its own narrowest of a burst. */
static void test_a_burst_of_two_clocks(void **state)
{
	static const struct clock_output also[] = { { "other", UNIT_NS, false, OSCILLATOR_REMOTE },
		{ NULL, UNIT_NS, false, OSCILLATOR_REMOTE } };
	static const struct clock_reader pair = {
		.name = "pair", .cadence = CADENCE_SLOW, .read_bracket = many_read, .also = also
	};
	static struct histogram widths[2];
	struct tally tallies[2] = { { .brackets = &widths[0] }, { .brackets = &widths[1] } };
	atomic_uint asked = 0;
	struct slow_probe slow = { .clock = { .reader = &pair,
					   .state = &asked,
					   .index = 5,
					   .bits = 64,
					   .turn = UINT64_MAX,
					   .outputs = 2,
					   .burst = true },
		.interval_ns = 3600 * NS_PER_SEC,
		.burst = 4,
		.tallies = tallies };
	const struct ring_entry *entries;
	struct timespec ms = { 0, NS_PER_MS };
	struct error err = { "" };

	(void)state;
	assert_int_equal(slow_probe_start(&slow, &err), 0);
	for (unsigned i = 0; __atomic_load_n(&tallies[1].kept, __ATOMIC_RELAXED) == 0; i++) {
		assert_in_range(i, 0, DEADLINE_MS);
		nanosleep(&ms, NULL);
	}
	slow_probe_stop(&slow);
	assert_int_equal(atomic_load(&asked), 4);
	assert_int_equal(tallies[0].readings, 4);
	assert_int_equal(tallies[1].readings, 4);
	assert_int_equal(ring_peek(&slow.ring, &entries), 2);
	assert_int_equal(entries[0].clock, 5);
	assert_int_equal(entries[0].reading.value, 20);
	assert_int_equal(entries[1].clock, 6);
	assert_int_equal(entries[1].reading.value, 20);
	assert_int_equal(entries[1].reading.tsc_lo, 1000);
	slow_probe_free(&slow);
}

/* Its deadlines stand on an even grid, and those that went by are left out. */
static void test_deadlines_do_not_wander(void **state)
{
	struct slow_probe slow = { .interval_ns = 1500 * NS_PER_MS };
	uint64_t begin = now_ns() - 100 * slow.interval_ns - 800 * NS_PER_MS, deadline = begin;

	(void)state;
	sem_init(&slow.wake, 0, 0);
	sem_post(&slow.wake);
	assert_true(slow_wait(&slow, &deadline));
	assert_int_equal((deadline - begin) % slow.interval_ns, 0);
	assert_in_range((deadline - begin) / slow.interval_ns, 100, 100 + DEADLINE_MS);
	sem_post(&slow.wake);
	atomic_store(&slow.stop, true);
	assert_false(slow_wait(&slow, &deadline));
	sem_destroy(&slow.wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_at_once_then_waits),
		cmocka_unit_test(test_failures_are_counted),
		cmocka_unit_test(test_not_due_is_no_failure),
		cmocka_unit_test(test_stop_ends_a_long_wait),
		cmocka_unit_test(test_a_burst_of_two_clocks),
		cmocka_unit_test(test_deadlines_do_not_wander),
	};

	return cmocka_run_group_tests_name("probes/slow", tests, NULL, NULL);
}
