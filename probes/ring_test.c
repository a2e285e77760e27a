/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ring.c"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIZE	  8
#define HANDED_ON 200000

static struct ring_entry entry_of(uint64_t number)
{
	return (struct ring_entry){ { number, ~number, number * 3 }, (uint32_t)(number % 7),
		(int32_t)(number % 11) };
}

static void assert_entry(const struct ring_entry *entry, uint64_t number)
{
	struct ring_entry wanted = entry_of(number);

	assert_memory_equal(&entry->reading, &wanted.reading, sizeof(wanted.reading));
	assert_int_equal(entry->clock, wanted.clock);
	assert_int_equal(entry->cpu, wanted.cpu);
}

static bool push(struct ring *ring, uint64_t number)
{
	struct ring_entry entry = entry_of(number);

	return ring_push(ring, &entry);
}

static void test_empty(void **state)
{
	const struct ring_entry *entries;
	struct ring ring;

	(void)state;
	assert_int_equal(ring_init(&ring, SIZE), 0);
	assert_int_equal(ring_peek(&ring, &entries), 0);
	ring_free(&ring);
	assert_null(ring.entries);
	ring_free(&ring);
}

static void test_full_drops_the_new(void **state)
{
	const struct ring_entry *entries;
	struct ring ring;

	(void)state;
	assert_int_equal(ring_init(&ring, SIZE), 0);
	for (uint64_t i = 0; i < SIZE; i++)
		assert_true(push(&ring, i));
	assert_false(push(&ring, 100));
	assert_false(push(&ring, 101));
	assert_int_equal(ring_peek(&ring, &entries), SIZE);
	for (uint64_t i = 0; i < SIZE; i++)
		assert_entry(&entries[i], i);
	ring_release(&ring, 1);
	assert_true(push(&ring, 102));
	assert_false(push(&ring, 103));
	ring_free(&ring);
}

/* What is handed over ends at the edge of the memory; the rest comes next. */
static void test_edge(void **state)
{
	const struct ring_entry *entries;
	struct ring ring;

	(void)state;
	assert_int_equal(ring_init(&ring, SIZE), 0);
	for (uint64_t i = 0; i < 6; i++)
		push(&ring, i);
	ring_peek(&ring, &entries);
	ring_release(&ring, 6);
	for (uint64_t i = 6; i < 11; i++)
		assert_true(push(&ring, i));
	assert_int_equal(ring_peek(&ring, &entries), 2);
	assert_entry(&entries[0], 6);
	assert_entry(&entries[1], 7);
	ring_release(&ring, 2);
	assert_int_equal(ring_peek(&ring, &entries), 3);
	assert_entry(&entries[2], 10);
	ring_release(&ring, 3);
	assert_int_equal(ring_peek(&ring, &entries), 0);
	ring_free(&ring);
}

/* Both counts run through zero of size_t, as they would on 32 bits after hours of --interval 0. */
static void test_counts_wrap(void **state)
{
	const struct ring_entry *entries;
	struct ring ring;
	uint64_t next = 0;

	(void)state;
	assert_int_equal(ring_init(&ring, SIZE), 0);
	atomic_store(&ring.head, SIZE_MAX - 3);
	atomic_store(&ring.tail, SIZE_MAX - 3);
	ring.tail_seen = SIZE_MAX - 3;
	for (uint64_t i = 0; i < SIZE; i++)
		assert_true(push(&ring, i));
	assert_false(push(&ring, 100));
	for (size_t count; (count = ring_peek(&ring, &entries)); ring_release(&ring, count))
		for (size_t k = 0; k < count; k++)
			assert_entry(&entries[k], next++);
	assert_int_equal(next, SIZE);
	ring_free(&ring);
}

struct producer {
	struct ring *ring;
	uint64_t refused;
};

static void *produce(void *argument)
{
	struct producer *p = argument;

	for (uint64_t i = 0; i < HANDED_ON;) {
		if (push(p->ring, i))
			i++;
		else if (++p->refused % 64 == 0)
			sched_yield();
	}
	return NULL;
}

/* Every entry arrives once, whole and in order, whatever the two threads do. */
static void test_two_threads(void **state)
{
	const struct ring_entry *entries;
	struct ring ring;
	struct producer producer = { &ring, 0 };
	pthread_t thread;
	uint64_t next = 0;

	(void)state;
	assert_int_equal(ring_init(&ring, 64), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &producer), 0);
	while (next < HANDED_ON) {
		size_t count = ring_peek(&ring, &entries);

		for (size_t k = 0; k < count; k++)
			assert_entry(&entries[k], next++);
		ring_release(&ring, count);
		if (count == 0)
			sched_yield();
	}
	pthread_join(thread, NULL);
	assert_int_equal(ring_peek(&ring, &entries), 0);
	ring_free(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_full_drops_the_new),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_counts_wrap),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests_name("probes/ring", tests, NULL, NULL);
}
