/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Steps and slews the real clock by some ms where that is allowed, and puts it back.  What must not be
 * done to it, or cannot be brought about, is done to a kernel of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/timex.h>

static int adjtimex_for_test(struct timex *tx);
#define adjtimex adjtimex_for_test
#include "bench/timex.c"
#include "bench/journal_time.c"
#undef adjtimex

#include <cmocka.h>

#include "probes/now.h"

#define DEADLINE_NS (10 * NS_PER_SEC)

static struct {
	bool used;
	struct timex tx;
	int refuse;	     /* errno */
	bool deaf;	     /* takes nothing */
	unsigned modes;	     /* of all calls */
	struct timeval step; /* the last one */
} kernel;

static int64_t stepped_ns; /* the real realtime, by this test */
static struct timex found;
static bool may_set;

static int kernel_adjtimex(struct timex *tx)
{
	struct timex *k = &kernel.tx;

	kernel.modes |= tx->modes;
	if (kernel.refuse && tx->modes) {
		errno = kernel.refuse;
		return -1;
	}
	if (tx->modes & ADJ_SETOFFSET) { /* ntp_clear() */
		kernel.step = tx->time;
		k->status |= STA_UNSYNC;
		k->maxerror = k->esterror = 16000000;
	}
	if (!kernel.deaf) {
		k->freq = tx->modes & ADJ_FREQUENCY ? tx->freq : k->freq;
		k->tick = tx->modes & ADJ_TICK ? tx->tick : k->tick;
		k->maxerror = tx->modes & ADJ_MAXERROR ? tx->maxerror : k->maxerror;
		k->esterror = tx->modes & ADJ_ESTERROR ? tx->esterror : k->esterror;
		if (tx->modes & ADJ_STATUS)
			k->status =
				(k->status & TIMEX_STATUS_READ_ONLY) | (tx->status & ~TIMEX_STATUS_READ_ONLY);
		if (tx->modes & ADJ_NANO)
			k->status |= STA_NANO;
		if (tx->modes & ADJ_MICRO)
			k->status &= ~STA_NANO;
	}
	*tx = *k;
	return k->status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

static int adjtimex_for_test(struct timex *tx)
{
	struct timeval step = tx->time;
	unsigned modes = tx->modes;
	int rc;

	if (kernel.used)
		return kernel_adjtimex(tx);
	kernel.modes |= modes;
	rc = adjtimex(tx);
	if (rc >= 0 && modes != ADJ_OFFSET_SINGLESHOT && modes != ADJ_OFFSET_SS_READ && modes & ADJ_SETOFFSET)
		stepped_ns += step.tv_sec * NS_PER_SEC + step.tv_usec;
	return rc;
}

static int find_state(void **state)
{
	struct timex probe;
	long left;

	(void)state;
	tsc_init();
	found = (struct timex){ .modes = 0 };
	adjtimex(&found);
	/* Sets what is set. */
	probe = (struct timex){ .modes = found.status & STA_NANO ? ADJ_NANO : ADJ_MICRO };
	may_set = found.status & STA_UNSYNC && adjtimex(&probe) >= 0 && timex_slew_left(&left, NULL) == 0 &&
		  left == 0;
	return 0;
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	stepped_ns = 0;
	return 0;
}

/* As it was found, whatever the test came to; what is undone is of its own doing. */
static int put_back(void **state)
{
	struct timex set = found;
	long left;
	int rc = 0;

	(void)state;
	kernel.used = false;
	if (!may_set)
		return 0;
	timex_slew(0, &left, NULL);
	if (stepped_ns)
		rc = timex_step(-stepped_ns, NULL, NULL);
	set.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | (found.status & STA_NANO ? ADJ_NANO : ADJ_MICRO);
	return adjtimex(&set) < 0 ? -1 : rc;
}

static void needs_real_clock(void)
{
	if (may_set)
		return;
	print_message("the clock is synchronised, or an adjtime() is under way, or it may not be set here\n");
	skip();
}

static void use_kernel(int status)
{
	kernel.used = true;
	kernel.tx = (struct timex){
		.freq = 1234567, .tick = 10002, .status = status, .maxerror = 4000, .esterror = 900
	};
}

static json_t *must(json_t *json)
{
	assert_non_null(json);
	return json;
}

static char text[400];
static struct error err;

typedef int undo_function(const json_t *entry, char *text, size_t size, struct error *err);

/* It must succeed, and its sentence must hold the words. */
static void undo(undo_function *function, const json_t *entry, const char *words)
{
	err.text[0] = text[0] = '\0';
	if (function(entry, text, sizeof(text), &err))
		fail_msg("%s", err.text);
	if (!strstr(text, words))
		fail_msg("\"%s\" without \"%s\"", text, words);
}

static void undo_fails(undo_function *function, const json_t *entry, int code, const char *words)
{
	err.text[0] = '\0';
	assert_int_equal(function(entry, text, sizeof(text), &err), code);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" without \"%s\"", err.text, words);
}

/* ---- frequency, tick and status ---- */

static void test_timex(void **state)
{
	struct timex set = { .modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_NANO }, now;
	json_t *entry;

	(void)state;
	needs_real_clock();
	entry = must(journal_timex_record(&err));
	assert_string_equal(json_string_value(json_object_get(entry, "kind")), "timex");
	set.freq = found.freq > 0 ? found.freq - 1000001 : found.freq + 1000001;
	set.tick = found.tick + 1;
	set.status = found.status ^ STA_FREQHOLD;
	assert_true(adjtimex(&set) >= 0);
	undo(journal_timex_undo, entry, "adjtimex is put back to frequency");
	assert_int_equal(timex_read(&now, &err), 0);
	assert_int_equal(now.freq, found.freq);
	assert_int_equal(now.tick, found.tick);
	assert_int_equal(now.status, found.status);
	/* Once more: nothing is written. */
	kernel.modes = 0;
	undo(journal_timex_undo, entry, "adjtimex is already at frequency");
	assert_int_equal(kernel.modes, 0);
	json_decref(entry);
}

/* A clock that was synchronised is so again: its maxerror too, grown meanwhile. */
static void test_timex_of_a_synchronised_clock(void **state)
{
	json_t *entry;

	(void)state;
	use_kernel(STA_PLL | STA_NANO | STA_MODE);
	entry = must(journal_timex_record(&err));
	json_object_set_new(entry, "raw_ns",
		json_integer((int64_t)posix_clock_ns(CLOCK_MONOTONIC_RAW) - 10 * NS_PER_SEC - 1));
	assert_int_equal(timex_step(5, NULL, &err), 0);
	assert_true(kernel.tx.status & STA_UNSYNC);
	assert_true(kernel.tx.status & STA_NANO);
	undo(journal_timex_undo, entry, "frequency +18.838 ppm, tick 10002 us");
	assert_int_equal(kernel.tx.status, STA_PLL | STA_NANO | STA_MODE);
	assert_in_range(kernel.tx.maxerror, 4000 + 10 * 500, 4000 + 20 * 500);
	assert_int_equal(kernel.tx.esterror, 900);
	json_decref(entry);
	/* One that was not keeps what the kernel says of its error. */
	use_kernel(STA_UNSYNC);
	kernel.modes = 0;
	entry = must(journal_timex_record(&err));
	kernel.tx.freq = 7;
	kernel.tx.status |= STA_NANO;
	undo(journal_timex_undo, entry, "frequency +18.838 ppm");
	assert_int_equal(kernel.tx.status, STA_UNSYNC);
	assert_false(kernel.modes & (ADJ_MAXERROR | ADJ_ESTERROR));
	json_decref(entry);
}

static void test_timex_fails(void **state)
{
	json_t *entry;

	(void)state;
	use_kernel(STA_UNSYNC);
	entry = must(journal_timex_record(&err));
	kernel.tx.freq = 7;
	kernel.refuse = EPERM;
	undo_fails(journal_timex_undo, entry, -EPERM, "cannot put adjtimex frequency +18.838 ppm");
	kernel.refuse = 0;
	kernel.deaf = true;
	undo_fails(journal_timex_undo, entry, -EIO, "took frequency 7,");
	json_decref(entry);
}

/* ---- steps ---- */

static void assert_offset(int64_t before, int64_t error, int64_t changed)
{
	int64_t now, now_error;

	timex_difference(CLOCK_REALTIME, CLOCK_MONOTONIC, &now, &now_error);
	if (llabs(now - before - changed) > error + now_error)
		fail_msg("realtime - monotonic changed by %" PRId64 " ns instead of %" PRId64, now - before,
			changed);
}

static void step_and_undo(int64_t ns)
{
	int64_t before, error;
	json_t *entry = must(journal_step_record(ns, &err));

	timex_difference(CLOCK_REALTIME, CLOCK_MONOTONIC, &before, &error);
	assert_int_equal(timex_step(ns, NULL, &err), 0);
	assert_offset(before, error, ns);
	undo(journal_step_undo, entry, "stepped back");
	assert_offset(before, error, 0);
	undo(journal_step_undo, entry, "nothing to take back");
	assert_offset(before, error, 0);
	assert_int_equal(stepped_ns, 0);
	json_decref(entry);
}

static void test_step(void **state)
{
	(void)state;
	needs_real_clock();
	step_and_undo(3 * NS_PER_MS + 17);
	step_and_undo(-2 * NS_PER_MS - 1);
	step_and_undo(5 * NS_PER_US);
	step_and_undo(-1100 * NS_PER_MS);
}

static void test_step_that_was_never_done(void **state)
{
	json_t *entry;

	(void)state;
	use_kernel(STA_UNSYNC);
	entry = must(journal_step_record(10 * NS_PER_MS, &err));
	undo(journal_step_undo, entry, "nothing to take back");
	assert_int_equal(kernel.modes, 0);
	json_decref(entry);
}

/* As if realtime had been set by that much since the record. */
static void pretend_set(json_t *entry, int64_t ns)
{
	int64_t then = json_integer_value(json_object_get(entry, "offset_ns"));

	json_object_set_new(entry, "offset_ns", json_integer(then - ns));
}

static void test_time_that_somebody_else_has_set(void **state)
{
	json_t *entry;

	(void)state;
	use_kernel(STA_UNSYNC);
	entry = must(journal_step_record(10 * NS_PER_MS, &err));
	pretend_set(entry, 10 * NS_PER_MS + 50 * NS_PER_US);
	undo(journal_step_undo, entry, "somebody else");
	pretend_set(entry, -3600 * NS_PER_SEC);
	undo(journal_step_undo, entry, "somebody else");
	assert_int_equal(kernel.modes, 0);
	json_decref(entry);
}

static void test_step_fields(void **state)
{
	json_t *entry;

	(void)state;
	use_kernel(STA_UNSYNC);
	entry = must(journal_step_record(1500 * NS_PER_MS, &err));
	pretend_set(entry, 1500 * NS_PER_MS);
	undo(journal_step_undo, entry, "stepped back by -1500.000000 ms");
	assert_int_equal(kernel.step.tv_sec, -2);
	assert_int_equal(kernel.step.tv_usec, 500 * NS_PER_MS);
	/* The unit of timex.offset is as it was. */
	assert_int_equal(kernel.tx.status, STA_UNSYNC);
	kernel.refuse = EPERM;
	undo_fails(journal_step_undo, entry, -EPERM, "cannot step realtime");
	json_decref(entry);
}

/* ---- slews ---- */

/* Waits until monotonic has gained so much on monotonic_raw. */
static void await_slew(const struct ahead *from, double ppm, int64_t ns)
{
	uint64_t deadline = now_ns() + DEADLINE_NS;
	struct ahead now;

	do {
		const struct timespec pause = { 0, 20 * NS_PER_MS };

		if (now_ns() > deadline)
			fail_msg("the kernel did not slew by %" PRId64 " ns", ns);
		nanosleep(&pause, NULL);
		now = read_ahead();
	} while (llabs(slewed_between(from, &now, ppm)) < llabs(ns));
}

/* realtime - monotonic_raw less the frequency: what a slew changes and its undoing must bring back. */
static int64_t realtime_error(const struct ahead *from, int64_t offset, double ppm)
{
	struct ahead now = read_ahead();
	int64_t now_offset, error;

	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &now_offset, &error);
	return slewed_between(from, &now, ppm) + now_offset - offset;
}

/* Undone when `until_ns` of it is done. */
static void slew_and_undo(long us, int64_t until_ns)
{
	double ppm = timex_ppm(found.freq, found.tick);
	int64_t offset, error;
	struct ahead before;
	json_t *entry;
	long left;

	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &offset, &error);
	before = read_ahead();
	entry = must(journal_slew_record(us * NS_PER_US, &err));
	assert_int_equal(timex_slew(us, &left, &err), 0);
	await_slew(&before, ppm, until_ns);
	undo(journal_slew_undo, entry, "stepped back by the ");
	assert_int_equal(timex_slew_left(&left, &err), 0);
	assert_int_equal(left, 0);
	assert_in_range(llabs(realtime_error(&before, offset, ppm)), 0, SLEW_TOLERANCE_NS + 1000);
	assert_true(llabs(stepped_ns) >= llabs(until_ns) - 1000);
	undo(journal_slew_undo, entry, "nothing to take back");
	assert_in_range(llabs(realtime_error(&before, offset, ppm)), 0, SLEW_TOLERANCE_NS + 1000);
	stepped_ns = 0; /* it took back a slew, and stays */
	json_decref(entry);
}

static void test_slew(void **state)
{
	(void)state;
	needs_real_clock();
	slew_and_undo(100, 90 * NS_PER_US);
	slew_and_undo(-50000, -100 * NS_PER_US);
}

static void test_slew_that_was_never_begun(void **state)
{
	json_t *entry;

	(void)state;
	needs_real_clock();
	entry = must(journal_slew_record(1 * NS_PER_MS, &err));
	undo(journal_slew_undo, entry, "nothing to take back");
	assert_int_equal(stepped_ns, 0);
	json_decref(entry);
}

static void test_slew_of_somebody_else(void **state)
{
	json_t *entry;
	long left;

	(void)state;
	needs_real_clock();
	entry = must(journal_slew_record(30 * NS_PER_US, &err));
	assert_int_equal(timex_slew(-1000000, &left, &err), 0);
	undo(journal_slew_undo, entry, "somebody else slews");
	assert_int_equal(timex_slew(0, &left, &err), 0);
	assert_true(left < -990000);
	json_decref(entry);
}

static void test_slew_under_another_frequency(void **state)
{
	json_t *entry;

	(void)state;
	use_kernel(STA_UNSYNC);
	entry = must(journal_slew_record(1 * NS_PER_MS, &err));
	kernel.tx.freq++;
	undo(journal_slew_undo, entry, "changed its frequency");
	assert_false(kernel.modes & ADJ_SETOFFSET);
	json_decref(entry);
}

/* As if monotonic had been slewed by that much since the record. */
static void pretend_slewed(json_t *entry, int64_t ns)
{
	int64_t then = json_integer_value(json_object_get(entry, "ahead_ns"));

	json_object_set_new(entry, "ahead_ns", json_integer(then - ns));
}

/* A kernel that only says what the real one does, so that slews are made up and nothing is set. */
static json_t *made_up_slew(int64_t asked_ns, int64_t slewed_ns, int64_t set_ns)
{
	json_t *entry;

	kernel.used = true;
	kernel.tx = found;
	kernel.tx.offset = 0;
	entry = must(journal_slew_record(asked_ns, &err));
	pretend_slewed(entry, slewed_ns);
	pretend_set(entry, set_ns);
	return entry;
}

static void test_slew_cases(void **state)
{
	static const struct {
		int64_t asked_us, slewed_us, set_us;
		const char *words;
		bool steps;
	} cases[] = {
		{ 1000, 1012, 0, "stepped back", true },  /* with the excess of a late tick */
		{ -1000, -700, 0, "stepped back", true }, /* it was ended early */
		{ 1000, 0, 0, "nothing to take back", false },
		{ 1000, 700, -700, "nothing to take back", false }, /* undone already */
		{ 1000, -700, 0, "somebody else", false },
		{ 1000, 1200, 0, "somebody else", false },
		{ 1000, 1000, 5000, "somebody else", false },
		{ 1000, 0, 5000, "somebody else", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *entry = made_up_slew(cases[i].asked_us * NS_PER_US, cases[i].slewed_us * NS_PER_US,
			cases[i].set_us * NS_PER_US);

		kernel.modes = 0;
		undo(journal_slew_undo, entry, cases[i].words);
		/* ADJ_OFFSET_SS_READ has other bits. */
		assert_int_equal((kernel.modes & ADJ_SETOFFSET) != 0, cases[i].steps);
		json_decref(entry);
	}
}

/* ---- what cannot be read ---- */

static void test_bad_entries(void **state)
{
	static const struct {
		undo_function *function;
		const char *json, *words;
	} bad[] = {
		{ journal_timex_undo, "{\"kind\": \"timex\", \"freq\": 0, \"tick\": 10000}", "\"status\"" },
		{ journal_timex_undo, "{\"kind\": \"timex\", \"freq\": \"0\", \"tick\": 10000}", "\"freq\"" },
		{ journal_step_undo, "{\"kind\": \"time-step\", \"offset_ns\": 5}", "\"ns\"" },
		{ journal_step_undo, "{\"kind\": \"time-step\", \"ns\": 5}", "\"offset_ns\"" },
		{ journal_slew_undo, "{\"kind\": \"time-slew\", \"ns\": 5}", "\"ahead_ns\"" },
	};

	(void)state;
	use_kernel(0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *entry = must(json_loads(bad[i].json, 0, NULL));

		undo_fails(bad[i].function, entry, -EINVAL, bad[i].words);
		json_decref(entry);
	}
	assert_int_equal(kernel.modes, 0);
}

static void test_difference(void **state)
{
	int64_t ns, error;

	(void)state;
	timex_difference(CLOCK_MONOTONIC, CLOCK_MONOTONIC, &ns, &error);
	assert_true(llabs(ns) <= error);
	assert_true(error >= 1);
	assert_true(fabs(timex_ppm(65536, 10001) - 101) < 1e-12);
	assert_true(fabs(timex_ppm(-32768, 9999) + 100.5) < 1e-12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, put_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timex),
		TEST(test_timex_of_a_synchronised_clock),
		TEST(test_timex_fails),
		TEST(test_step),
		TEST(test_step_that_was_never_done),
		TEST(test_time_that_somebody_else_has_set),
		TEST(test_step_fields),
		TEST(test_slew),
		TEST(test_slew_that_was_never_begun),
		TEST(test_slew_of_somebody_else),
		TEST(test_slew_under_another_frequency),
		TEST(test_slew_cases),
		TEST(test_bad_entries),
		TEST(test_difference),
	};

	return cmocka_run_group_tests_name("bench/journal_time", tests, find_state, NULL);
}
