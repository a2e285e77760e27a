/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_shm.c"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#define DEADLINE_NS (20 * NS_PER_SEC)
/* The answering side's clocks are ours and this: no value can be taken for one of our own. */
#define AHEAD_NS UINT64_C(1000000000000000000)

/* The other side: answers all asks with this machine's CLOCK_MONOTONIC, ahead. */
struct answerer {
	char path[64];
	struct peer_page *page;
	pthread_t thread, scribbler;
	atomic_bool stop, mute, scribble;
};

static void *answerer_main(void *argument)
{
	struct answerer *a = argument;
	uint64_t seen = 0, sequence;

	while (!atomic_load(&a->stop)) {
		sequence = page_asked(a->page);
		if (sequence != seen && page_ask_valid(a->page, sequence) && !atomic_load(&a->mute)) {
			uint64_t now = now_ns();
			struct peer_values values = { now + AHEAD_NS, now, ~now, now / 2 };

			page_answer_write(a->page, sequence, &values);
			seen = sequence;
		}
		sched_yield();
	}
	return NULL;
}

static struct peer_page *make_page(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	struct peer_page *page;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PEER_FILE_SIZE), 0);
	page = mmap(NULL, PEER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(page != MAP_FAILED);
	close(fd);
	return page;
}

static int setup(void **state)
{
	struct answerer *a = calloc(1, sizeof(*a));

	tsc_init();
	snprintf(a->path, sizeof(a->path), "/dev/shm/clkdrift-test-%d", getpid());
	unlink(a->path);
	a->page = make_page(a->path);
	peer_page_prepare(a->page, 3e9, true);
	*state = a;
	return pthread_create(&a->thread, NULL, answerer_main, a);
}

static int teardown(void **state)
{
	struct answerer *a = *state;

	atomic_store(&a->stop, true);
	pthread_join(a->thread, NULL);
	munmap(a->page, PEER_PAGE_SIZE);
	unlink(a->path);
	free(a);
	return 0;
}

static struct shm_peer *open_peer(const struct answerer *a, unsigned burst, double interval_s)
{
	struct clock_setup setup_of = { .interval_s = interval_s, .burst = burst };
	struct peer_traits traits = { 0 };
	struct error err = { "" };

	if (peer_shm.open(a->path, &setup_of, &traits, &err))
		fail_msg("%s", err.text);
	assert_true(traits.same_host);
	assert_true(traits.tsc_hz == 3e9);
	return traits.state;
}

/* An exchange that must come about in the end; values are of between its beginning and its end. */
static void exchange_well(struct shm_peer *shm, struct peer_values *values)
{
	uint64_t lo, hi, begin, deadline = now_ns() + DEADLINE_NS;

	do {
		begin = now_ns();
		assert_true(begin < deadline);
	} while (shm_peer_exchange(shm, &lo, values, &hi));
	assert_true(values->monotonic_ns >= begin && values->monotonic_ns <= now_ns());
	assert_true(values->monotonic_raw_ns == values->monotonic_ns + AHEAD_NS);
	assert_true(values->realtime_ns == ~values->monotonic_ns);
	assert_true(values->tsc_cycles == values->monotonic_ns / 2);
}

static void test_exchanges(void **state)
{
	struct shm_peer *shm = open_peer(*state, 16, 1e-3);
	struct peer_values values;

	for (unsigned i = 0; i < 200; i++)
		exchange_well(shm, &values);
	shm_peer_close(shm);
}

static void refused(const char *address, const char *reason)
{
	struct clock_setup none = { 0 };
	struct peer_traits traits = { 0 };
	struct error err = { "" };
	uint64_t begin = now_ns();

	if (peer_shm.open(address, &none, &traits, &err) >= 0 || !strstr(err.text, reason))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", address, err.text, reason);
	assert_true(now_ns() - begin < DEADLINE_NS);
	assert_null(traits.state);
}

static void test_refuses_with_a_reason(void **state)
{
	struct answerer *a = *state;

	refused("/dev/shm/clkdrift-none", "start 'clkdrift serve --shm PATH'");
	atomic_store(&a->mute, true);
	refused(a->path, "does not answer");
	peer_page_retire(a->page);
	refused(a->path, "no responder has prepared it");
}

/* Each burst ends with an announcement: one interval after it began, in the other side's time. */
static void test_announces_the_next_burst(void **state)
{
	struct answerer *a = *state;
	struct shm_peer *shm = open_peer(a, 3, 3600);

	for (unsigned i = 0; i < 4; i++) {
		uint64_t before, began, next, lo, hi;
		struct peer_values values;

		shm->end_ns = 0; /* as if the time between two bursts had passed */
		before = now_ns();
		for (unsigned k = 0; k < 3; k++) {
			/* Bursts are counted by what is tried. */
			shm_peer_exchange(shm, &lo, &values, &hi);
			began = shm->start_ns;
			shm->end_ns = UINT64_MAX / 2; /* no pause, however slow this machine is */
		}
		assert_true(before <= began);
		assert_int_equal(page_announced(a->page), shm->sequence);
		assert_int_equal(page_announcement_read(a->page, shm->sequence, &next), 0);
		/* heard_ns is read a little later than the value that it goes with. */
		assert_true(next <= began + 3600 * NS_PER_SEC + AHEAD_NS);
		assert_true(next >= began + 3600 * NS_PER_SEC + AHEAD_NS - (now_ns() - before));
	}
	shm_peer_close(shm);
}

/* With burst not known, nothing is announced. */
static void test_without_a_burst(void **state)
{
	struct answerer *a = *state;
	struct shm_peer *shm = open_peer(a, 0, 0);
	struct peer_values values;

	for (unsigned i = 0; i < 20; i++)
		exchange_well(shm, &values);
	assert_int_equal(page_announced(a->page), 0);
	shm_peer_close(shm);
}

/* A silent responder costs one wait a burst; the rest fails at once and is not even asked. */
static void test_silence_and_after(void **state)
{
	struct answerer *a = *state;
	struct shm_peer *shm = open_peer(a, 16, 20e-3);
	struct peer_values values;
	uint64_t lo, hi, begin, sequence;

	exchange_well(shm, &values);
	atomic_store(&a->mute, true);
	/* A last answer may be under way. */
	for (unsigned i = 0; i < 2; i++)
		shm_peer_exchange(shm, &lo, &values, &hi);
	shm->taken = 0;
	begin = now_ns();
	assert_int_equal(shm_peer_exchange(shm, &lo, &values, &hi), -ETIMEDOUT);
	assert_true(now_ns() - begin >= 20 * NS_PER_MS);
	sequence = shm->sequence;
	for (unsigned i = 1; i < 16; i++) {
		shm->end_ns = UINT64_MAX / 2;
		assert_int_equal(shm_peer_exchange(shm, &lo, &values, &hi), -ETIMEDOUT);
		assert_int_equal(shm->sequence, sequence);
	}
	/* The announcement was made all the same, so that the two find each other again. */
	assert_int_equal(page_announced(a->page), sequence);
	atomic_store(&a->mute, false);
	exchange_well(shm, &values);
	shm_peer_close(shm);
}

/* Another responder made the file anew under the same name. */
static void test_follows_the_file(void **state)
{
	struct answerer *a = *state, second = { .page = NULL };
	struct shm_peer *shm = open_peer(a, 4, 1e-3);
	struct peer_values values;

	exchange_well(shm, &values);
	atomic_store(&a->mute, true);
	unlink(a->path);
	second.page = make_page(a->path);
	peer_page_prepare(second.page, 3e9, true);
	assert_int_equal(pthread_create(&second.thread, NULL, answerer_main, &second), 0);
	exchange_well(shm, &values);
	atomic_store(&second.stop, true);
	pthread_join(second.thread, NULL);
	munmap(second.page, PEER_PAGE_SIZE);
	shm_peer_close(shm);
}

static void *scribbler_main(void *argument)
{
	struct answerer *a = argument;
	peer_word *answer = (peer_word *)&a->page->answer, *asked = (peer_word *)&a->page->ask;
	uint64_t dice = 1;

	while (atomic_load(&a->scribble)) {
		dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		if (dice >> 63)
			answer[(dice >> 40) % 6] = dice;
		else
			asked[(dice >> 40) % 6] = dice;
		if ((dice >> 50) % 8 == 0)
			sched_yield();
	}
	return NULL;
}

/* Garbage costs readings and nothing else: what is taken is right, and each call ends in time. */
static void test_garbage(void **state)
{
	struct answerer *a = *state;
	struct shm_peer *shm = open_peer(a, 16, 1e-3);
	uint64_t stop = now_ns() + NS_PER_SEC, failed = 0, tried = 0;
	struct peer_values values;

	atomic_store(&a->scribble, true);
	assert_int_equal(pthread_create(&a->scribbler, NULL, scribbler_main, a), 0);
	while (now_ns() < stop) {
		uint64_t lo, hi, begin = now_ns();
		int rc = shm_peer_exchange(shm, &lo, &values, &hi);

		tried++;
		failed += rc != 0;
		if (rc == 0)
			assert_true(values.monotonic_ns >= begin && values.monotonic_ns <= now_ns() &&
				    values.realtime_ns == ~values.monotonic_ns);
		else
			assert_true(rc == -ETIMEDOUT || rc == -EBADMSG);
		assert_true(now_ns() - begin < DEADLINE_NS);
	}
	print_message("%llu of %llu exchanges failed under garbage\n", (unsigned long long)failed,
		(unsigned long long)tried);
	assert_true(failed > 0);
	atomic_store(&a->scribble, false);
	pthread_join(a->scribbler, NULL);
	exchange_well(shm, &values);
	shm_peer_close(shm);
}

/* An answer that stands there already is not taken for one to a new ask, of this asker or another. */
static void test_old_answers(void **state)
{
	struct answerer *a = *state;
	struct shm_peer *one = open_peer(a, 16, 1e-3), *two = open_peer(a, 16, 1e-3);
	struct peer_values values;

	assert_true(one->sequence != two->sequence);
	for (unsigned i = 0; i < 50; i++) {
		exchange_well(one, &values);
		exchange_well(two, &values);
	}
	shm_peer_close(one);
	shm_peer_close(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exchanges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses_with_a_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(test_announces_the_next_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_a_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence_and_after, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_answers, setup, teardown),
	};

	return cmocka_run_group_tests_name("probes/peer_shm", tests, NULL, NULL);
}
