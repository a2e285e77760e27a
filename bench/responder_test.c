/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/responder.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench/page_file.h"
#include "bench/placement.h"
#include "probes/now.h"
#include "probes/tsc.h"

#define DEADLINE_NS (20 * NS_PER_SEC)
#define TSC_HZ	    2.5e9

struct bed {
	struct page_file file;
	struct responder responder;
	bool running;
	void *peer; /* state of peer_shm */
};

static struct bed *bed_make(void)
{
	struct bed *b = calloc(1, sizeof(*b));
	char path[64];
	struct error err = { "" };

	tsc_init();
	snprintf(path, sizeof(path), "/dev/shm/clkdrift-responder-%d", getpid());
	if (page_file_open(&b->file, path, &err))
		fail_msg("%s", err.text);
	peer_page_prepare(b->file.page, TSC_HZ, true);
	b->responder = (struct responder){ .page = b->file.page, .tsc_hz = TSC_HZ, .made = true, .cpu = -1 };
	return b;
}

static int setup(void **state)
{
	*state = bed_make();
	return 0;
}

static void start(struct bed *b)
{
	struct error err = { "" };

	if (responder_start(&b->responder, &err))
		fail_msg("%s", err.text);
	b->running = true;
}

static int setup_running(void **state)
{
	*state = bed_make();
	start(*state);
	return 0;
}

static void stop(struct bed *b)
{
	if (b->running)
		responder_stop(&b->responder);
	b->running = false;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	if (b->peer)
		peer_shm.close(b->peer);
	stop(b);
	page_file_close(&b->file);
	free(b);
	return 0;
}

static void open_peer(struct bed *b, unsigned burst, double interval_s)
{
	struct clock_setup options = { .interval_s = interval_s, .burst = burst };
	struct peer_traits traits = { 0 };
	struct error err = { "" };

	if (peer_shm.open(b->file.path, &options, &traits, &err))
		fail_msg("%s", err.text);
	assert_true(traits.tsc_hz == TSC_HZ);
	b->peer = traits.state;
}

/* One that must come about in the end; the kernel's monotonic clock is one for all CPUs. */
static void exchange_well(struct bed *b)
{
	uint64_t lo, hi, begin, deadline = now_ns() + DEADLINE_NS;
	struct peer_values values;

	do {
		begin = now_ns();
		assert_true(begin < deadline);
	} while (peer_shm.exchange(b->peer, &lo, &values, &hi));
	assert_true(values.monotonic_ns >= begin && values.monotonic_ns <= now_ns());
	assert_true(values.monotonic_raw_ns != 0 && values.realtime_ns != 0 && values.tsc_cycles != 0);
}

static void pause_ns(uint64_t ns)
{
	const struct timespec time = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	nanosleep(&time, NULL);
}

static void test_answers_in_bursts(void **state)
{
	struct bed *b = *state;
	uint64_t exchanges;

	open_peer(b, 8, 5e-3);
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < 8; k++)
			exchange_well(b);
		pause_ns(5 * NS_PER_MS);
	}
	stop(b);
	exchanges = atomic_load(&b->responder.exchanges);
	print_message("%llu exchanges, %llu bursts, %llu late, margin %llu us\n",
		(unsigned long long)exchanges, (unsigned long long)b->responder.bursts,
		(unsigned long long)b->responder.late, (unsigned long long)b->responder.margin_ns / 1000);
	/* With the one of open. */
	assert_true(exchanges >= 321);
	assert_in_range(b->responder.bursts, 1, exchanges);
	assert_in_range(b->responder.late, 0, b->responder.bursts);
	assert_int_equal(b->responder.errors, 0);
}

static double thread_cpu_s(pthread_t thread)
{
	clockid_t id;
	struct timespec t;

	assert_int_equal(pthread_getcpuclockid(thread, &id), 0);
	assert_int_equal(clock_gettime(id, &t), 0);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The CPU time of its thread, over that of the clock: a busy machine can only make it less. */
static double share_over(struct bed *b, uint64_t ns)
{
	uint64_t begin = now_ns();
	double before = thread_cpu_s(b->responder.thread);

	pause_ns(ns);
	return (thread_cpu_s(b->responder.thread) - before) / ((double)(now_ns() - begin) * 1e-9);
}

static void test_sleeps_while_nobody_asks(void **state)
{
	struct bed *b = *state;
	double share;

	share = share_over(b, 2 * NS_PER_SEC);
	print_message("%.2f %% of a CPU before anybody asked\n", share * 100);
	assert_true(share < 0.03);
	open_peer(b, 4, 5e-3);
	for (unsigned i = 0; i < 4; i++)
		exchange_well(b);
	share = share_over(b, 2 * NS_PER_SEC);
	print_message("%.2f %% of a CPU after the asker went\n", share * 100);
	assert_true(share < 0.03);
}

static atomic_bool asking;

/* Asks on and on and never announces. */
static void *ask_without_end(void *argument)
{
	struct bed *b = argument;

	for (uint64_t sequence = 1; atomic_load(&asking); sequence++) {
		page_ask_prepare(b->file.page, sequence);
		page_ask_post(b->file.page, sequence);
		for (unsigned looks = 0; looks < 1000 && page_answered(b->file.page) != sequence; looks++)
			peer_pause(looks % 100 == 99);
	}
	return NULL;
}

static void test_hostile_asker_holds_no_cpu(void **state)
{
	struct bed *b = *state;
	pthread_t thread;
	double share;

	atomic_store(&asking, true);
	assert_int_equal(pthread_create(&thread, NULL, ask_without_end, b), 0);
	pause_ns(50 * NS_PER_MS);
	share = share_over(b, NS_PER_SEC);
	atomic_store(&asking, false);
	pthread_join(thread, NULL);
	print_message("%.0f %% of a CPU under an asker without end\n", share * 100);
	assert_true(share < 0.6);
	assert_true(atomic_load(&b->responder.exchanges) > 0);
}

static atomic_bool scribbling;

static void *scribble(void *argument)
{
	struct bed *b = argument;
	peer_word *words = (peer_word *)b->file.page;
	uint64_t dice = 5;

	while (atomic_load(&scribbling)) {
		dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		words[(dice >> 40) % 64] = dice;
	}
	return NULL;
}

/* Garbage all over the page: counted, and over when it is over. */
static void test_garbage(void **state)
{
	struct bed *b = *state;
	struct page_header_values header;
	struct error err = { "" };
	pthread_t thread;
	uint64_t deadline = now_ns() + DEADLINE_NS;

	atomic_store(&scribbling, true);
	assert_int_equal(pthread_create(&thread, NULL, scribble, b), 0);
	while (atomic_load(&b->responder.errors) < 10) {
		assert_true(now_ns() < deadline);
		pause_ns(NS_PER_MS);
	}
	atomic_store(&scribbling, false);
	pthread_join(thread, NULL);
	while (peer_page_check(b->file.page, &header, &err)) {
		assert_true(now_ns() < deadline);
		pause_ns(NS_PER_MS);
	}
	open_peer(b, 4, 1e-3);
	for (unsigned i = 0; i < 8; i++)
		exchange_well(b);
}

static void test_announcements(void **state)
{
	struct responder *r = &((struct bed *)*state)->responder;

	r->now_ns = 1000;
	page_announce(r->page, 5, 3000);
	read_announcement(r);
	assert_int_equal(r->next_ns, 3000);
	r->next_ns = 0;
	read_announcement(r); /* no news */
	assert_int_equal(r->next_ns, 0);
	r->now_ns += NS_PER_SEC;
	page_announce(r->page, 6, r->now_ns - 1);
	read_announcement(r);
	assert_int_equal(r->next_ns, r->now_ns - 1); /* just now */
	page_announce(r->page, 6, r->now_ns - IDLE_NS);
	r->announced = 0;
	read_announcement(r);
	assert_int_equal(r->next_ns, 0); /* over */
	page_announce(r->page, 7, r->now_ns + AHEAD_MAX_NS);
	read_announcement(r);
	assert_int_equal(r->next_ns, 0); /* too far */
	assert_int_equal(r->errors, 0);
	page_announce(r->page, 8, 5000);
	r->page->ask.next_ns = 4000;
	read_announcement(r);
	assert_int_equal(r->next_ns, 0);
	assert_int_equal(r->errors, 1);
	read_announcement(r);
	assert_int_equal(r->errors, 1); /* counted once */
}

static void test_damaged_asks(void **state)
{
	struct responder *r = &((struct bed *)*state)->responder;

	assert_false(answer(r));
	page_ask_prepare(r->page, 9);
	page_ask_post(r->page, 9);
	r->page->ask.check ^= 4;
	assert_false(answer(r));
	assert_int_equal(r->errors, 1);
	assert_false(answer(r));
	assert_int_equal(r->errors, 1);
	page_ask_prepare(r->page, 10);
	page_ask_post(r->page, 10);
	assert_true(answer(r));
	assert_false(answer(r));
	assert_int_equal(page_answered(r->page), 10);
	assert_int_equal(r->exchanges, 1);
}

static void test_margin(void **state)
{
	struct responder *r = &((struct bed *)*state)->responder;
	uint64_t before;

	r->margin_ns = MARGIN_START_NS;
	for (unsigned i = 0; i < 1000; i++) {
		before = r->margin_ns;
		learn_margin(r, true);
		assert_true(r->margin_ns >= before && r->margin_ns <= MARGIN_MAX_NS);
	}
	assert_int_equal(r->margin_ns, MARGIN_MAX_NS);
	assert_int_equal(r->late, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		before = r->margin_ns;
		learn_margin(r, false);
		assert_true(r->margin_ns <= before && r->margin_ns >= MARGIN_MIN_NS);
	}
	assert_int_equal(r->margin_ns, MARGIN_MIN_NS);
	learn_margin(r, true);
	assert_true(r->margin_ns > MARGIN_MIN_NS);
}

/* On the asker's machine it leaves the asker its CPU; in the test's own thread, which gets its CPUs back. */
static void test_makes_room(void **state)
{
	struct responder *r = &((struct bed *)*state)->responder;
	cpu_set_t before, now;
	int first = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	r->allowed = before;
	r->avoided = -1;
	while (!CPU_ISSET(first, &before))
		first++;
	page_place_write(r->page, first);
	make_room(r);
	sched_getaffinity(0, sizeof(now), &now);
	if (CPU_COUNT(&before) > 1) {
		assert_false(CPU_ISSET(first, &now));
		assert_int_equal(CPU_COUNT(&now), CPU_COUNT(&before) - 1);
	} else {
		assert_true(CPU_EQUAL(&now, &before));
	}
	r->page->ask.place = UINT64_C(1) << 31;
	make_room(r);
	sched_getaffinity(0, sizeof(now), &now);
	assert_true(CPU_EQUAL(&now, &before) || CPU_COUNT(&before) == 1);
	page_place_write(r->page, CPU_SETSIZE);
	make_room(r);
	page_place_write(r->page, -1);
	make_room(r);
	sched_getaffinity(0, sizeof(now), &now);
	assert_true(CPU_EQUAL(&now, &before));
	sched_setaffinity(0, sizeof(before), &before);
}

static void test_binding(void **state)
{
	struct bed *b = *state;
	struct error err = { "" };
	struct placement *placement = placement_load(&err);

	assert_non_null(placement);
	b->responder.cpu = 1 << 20;
	b->responder.bind = placement_bind;
	b->responder.bind_context = placement;
	assert_true(responder_start(&b->responder, &err) < 0);
	assert_non_null(strstr(err.text, "cannot bind to CPU 1048576"));
	placement_free(placement);
}

static json_t *told(struct peer_page *page)
{
	static char text[PEER_FACTS_MAX + 1];
	size_t length;

	assert_int_equal(page_facts_read(page, text, &length), 0);
	return json_loadb(text, length, 0, NULL);
}

static void test_facts(void **state)
{
	struct peer_page *page = ((struct bed *)*state)->file.page;
	char *long_text = calloc(1, PEER_FACTS_MAX + 1);
	struct error err = { "" };
	json_t *facts, *got;

	memset(long_text, 'x', PEER_FACTS_MAX);
	facts = json_pack("{s:s, s:{s:s}}", "hostname", "h", "kernel_log", "lines", "few");
	assert_int_equal(responder_tell_facts(page, facts, &err), 0);
	got = told(page);
	assert_true(json_equal(got, facts));
	json_decref(got);
	json_object_set_new(json_object_get(facts, "kernel_log"), "lines", json_string(long_text));
	assert_int_equal(responder_tell_facts(page, facts, &err), 0);
	got = told(page);
	assert_string_equal(json_string_value(json_object_get(got, "hostname")), "h");
	assert_true(json_is_null(json_object_get(got, "kernel_log")));
	json_decref(got);
	assert_true(json_is_object(json_object_get(facts, "kernel_log"))); /* the caller's are as they were */
	json_object_set_new(facts, "hostname", json_string(long_text));
	assert_int_equal(responder_tell_facts(page, facts, &err), -EMSGSIZE);
	json_decref(facts);
	free(long_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers_in_bursts, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_sleeps_while_nobody_asks, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_asker_holds_no_cpu, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup_running, teardown),
		cmocka_unit_test_setup_teardown(test_announcements, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_margin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_makes_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_binding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_facts, setup, teardown),
	};

	return cmocka_run_group_tests_name("bench/responder", tests, NULL, NULL);
}
