/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Steers the real clock for moments, by 50 ppm or some ms, where it is not synchronised and may be
 * steered.  The journal is one of the test's own; a guard process puts adjtimex back if the test is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/disturb_slew.c"

#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/journal_time.h"
#include "bench/stage_fake.h"
#include "probes/now.h"

#define DEADLINE_NS (10 * NS_PER_SEC)
#define PAUSE_NS    (50 * NS_PER_MS)

/* ---- a journal that is undone in the right order ---- */

typedef int undo_function(const json_t *entry, char *text, size_t size, struct error *err);

struct journal {
	struct {
		json_t *entry;
		undo_function *undo;
		const char *kind;
	} entries[8];
	size_t count;
	bool fails;
};

static struct journal journal;

static int add(struct journal *j, json_t *entry, undo_function *undo, const char *kind, struct error *err)
{
	if (j->fails || !entry || j->count == 8) {
		json_decref(entry);
		return error_set(err, -ENOSPC, "the journal of the test is full");
	}
	j->entries[j->count].entry = entry;
	j->entries[j->count].kind = kind;
	j->entries[j->count++].undo = undo;
	return 0;
}

int journal_add_timex(struct journal *j, struct error *err)
{
	return add(j, journal_timex_record(err), journal_timex_undo, "timex", err);
}

int journal_add_step(struct journal *j, int64_t ns, struct error *err)
{
	return add(j, journal_step_record(ns, err), journal_step_undo, "step", err);
}

int journal_add_slew(struct journal *j, int64_t ns, struct error *err)
{
	return add(j, journal_slew_record(ns, err), journal_slew_undo, "slew", err);
}

static int journal_undo_all(void)
{
	int first = 0;

	while (journal.count) {
		struct error err = { "" };
		char text[400] = "";
		int rc;

		journal.count--;
		rc = journal.entries[journal.count].undo(
			journal.entries[journal.count].entry, text, sizeof(text), &err);
		print_message("%s: %s\n", journal.entries[journal.count].kind, rc ? err.text : text);
		json_decref(journal.entries[journal.count].entry);
		first = first ? first : rc;
	}
	return first;
}

/* ---- the machine ---- */

static struct stage *stage;
static struct timex found;
static bool may_set;
static int guard_pipe = -1;
static pid_t guard_pid;

static int set_back(void)
{
	struct timex set = found;

	set.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | (found.status & STA_NANO ? ADJ_NANO : ADJ_MICRO);
	return adjtimex(&set) < 0 ? -1 : 0;
}

/* In a session of its own: what ends the test does not reach it. */
static int start_guard(void)
{
	int ends[2];
	char byte;

	if (pipe(ends))
		return -1;
	guard_pid = fork();
	if (guard_pid == 0) {
		setsid();
		close(ends[1]);
		close(STDOUT_FILENO); /* a reader of the test's output waits for the last writer */
		close(STDERR_FILENO);
		while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
			;
		_exit(set_back() != 0);
	}
	close(ends[0]);
	guard_pipe = ends[1];
	return guard_pid < 0 ? -1 : 0;
}

static int group_begin(void **state)
{
	struct error err = { "" };
	long left;

	(void)state;
	tsc_init();
	stage = calloc(1, sizeof(*stage));
	if (!stage || timex_read(&found, &err))
		return -1;
	pthread_mutex_init(&stage->lock, NULL);
	may_set = found.status & STA_UNSYNC && may_steer(&found, &err) == 0 && no_time_daemon(&err) == 0 &&
		  timex_slew_left(&left, &err) == 0 && left == 0;
	return may_set ? start_guard() : 0;
}

static int group_end(void **state)
{
	int status = 0;

	(void)state;
	free(stage);
	if (!may_set)
		return 0;
	close(guard_pipe);
	return waitpid(guard_pid, &status, 0) == guard_pid && status == 0 ? 0 : -1;
}

static int begin_test(void **state)
{
	(void)state;
	memset(stage->events, 0, sizeof(stage->events));
	stage->event_count = stage->point_count = 0;
	journal.fails = false;
	return 0;
}

static int end_test(void **state)
{
	int rc;

	(void)state;
	root = "";
	rc = journal_undo_all();
	return may_set && set_back() ? -1 : rc;
}

/* Away from 0, so that the sum is a steering that can be seen, and inside of what the kernel takes. */
static double more_ppm(double ppm)
{
	double sign = found.freq < 0 ? -1 : 1;

	return fabs(timex_ppm(found.freq, TIMEX_TICK_US)) + ppm <= FREQ_MAX_PPM ? sign * ppm : -sign * ppm;
}

static void needs_real_clock(void)
{
	if (may_set)
		return;
	print_message("the clock is synchronised or being steered, or it may not be steered here\n");
	skip();
}

/* ---- a phase ---- */

static struct argument arguments[4];
static struct disturbance_setup setup;
static struct error err;

/* NAN: not given. */
static const struct disturbance_setup *ask(double freq, double tick, double offset, double step)
{
	static const int cpus[] = { 0 };
	double numbers[] = { freq, tick, offset, step };

	for (int i = 0; i < 4; i++)
		arguments[i] = (struct argument){ .number = numbers[i] };
	setup = (struct disturbance_setup){ .arguments = arguments,
		.duration_s = 0.4,
		.cpus = cpus,
		.cpu_count = 1,
		.journal = &journal,
		.stage = stage };
	err.text[0] = '\0';
	return &setup;
}

static void *must_start(const struct disturbance_setup *asked)
{
	void *state = NULL;

	assert_int_equal(disturb_slew.check(asked->arguments, &err), 0);
	if (disturb_slew.supported(asked, &err))
		fail_msg("%s", err.text);
	if (disturb_slew.start(asked, &state, &err))
		fail_msg("%s", err.text);
	return state;
}

static void observe(void *state, int times)
{
	const struct timespec pause = { 0, PAUSE_NS };

	for (int i = 0; i < times; i++) {
		nanosleep(&pause, NULL);
		disturb_slew.observe(state, tsc_before());
	}
}

static struct evidence stop(void *state, bool observed, const char *words)
{
	struct evidence evidence = { .observed = false };

	assert_int_equal(disturb_slew.stop(state, &evidence, &err), 0);
	print_message("%s\n", evidence.text);
	assert_int_equal(evidence.observed, observed);
	if (!strstr(evidence.text, words))
		fail_msg("\"%s\" without \"%s\"", evidence.text, words);
	return evidence;
}

static void assert_as_found(void)
{
	struct timex now;

	assert_int_equal(journal_undo_all(), 0);
	assert_int_equal(timex_read(&now, &err), 0);
	assert_int_equal(now.freq, found.freq);
	assert_int_equal(now.tick, found.tick);
	assert_int_equal(now.status, found.status);
}

static size_t points(const char *series, double value)
{
	size_t count = 0;

	for (size_t i = 0; i < stage->point_count; i++)
		count += strcmp(stage->points[i].series, series) == 0 &&
			 fabs(stage->points[i].value - value) < 1e-3;
	return count;
}

static void test_frequency(void **state)
{
	double ppm = timex_ppm(found.freq, found.tick);
	void *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(more_ppm(50), NAN, NAN, NAN));
	assert_string_equal(journal.entries[0].kind, "timex");
	observe(slew, 10);
	stop(slew, true, "in force in 11 of 11 observations; monotonic gained ");
	assert_int_equal(points("frequency", ppm + more_ppm(50)), 11);
	assert_string_equal(stage->points[0].unit, "ppm");
	assert_as_found();
}

static void test_tick_and_frequency(void **state)
{
	double ppm = timex_ppm(found.freq, found.tick);
	void *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(0.25, -1, NAN, NAN));
	observe(slew, 10);
	stop(slew, true, "in force in 11 of 11");
	assert_int_equal(points("frequency", ppm - 99.75), 11);
	assert_as_found();
}

/* Somebody else, in the middle. */
static void test_frequency_is_changed(void **state)
{
	struct timex set = { .modes = ADJ_FREQUENCY, .freq = found.freq };
	void *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(more_ppm(50), NAN, NAN, NAN));
	observe(slew, 2);
	assert_true(adjtimex(&set) >= 0);
	observe(slew, 2);
	stop(slew, false, "in force in 2 of 5 observations; somebody else has changed it");
	assert_as_found();
}

/* It reads right, and monotonic does not do it: begin is told from another time. */
static void test_frequency_without_effect(void **state)
{
	struct slew *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(more_ppm(50), NAN, NAN, NAN));
	slew->raw_ns -= 10 * NS_PER_SEC;
	stop(slew, false, "in force in 1 of 1");
	assert_as_found();
}

static int64_t realtime_offset(int64_t *error)
{
	int64_t ns;

	timex_difference(CLOCK_REALTIME, CLOCK_BOOTTIME, &ns, error);
	return ns;
}

static void test_step(void **state)
{
	int64_t before, after, error, error_after;
	struct evidence evidence;
	void *slew;
	double ms;

	(void)state;
	needs_real_clock();
	before = realtime_offset(&error);
	slew = must_start(ask(NAN, NAN, NAN, -0.002));
	setup.duration_s = 3600;
	observe(slew, 1);
	assert_int_equal(stage->event_count, 0); /* before the middle */
	setup.duration_s = 0.1;
	observe(slew, 2);
	after = realtime_offset(&error_after);
	assert_in_range(llabs(after - before + 2 * NS_PER_MS), 0, error + error_after);
	assert_int_equal(stage->event_count, 1);
	assert_string_equal(stage->events[0].kind, "settime");
	assert_string_equal(stage->events[0].text, "realtime stepped by -2 ms (ADJ_SETOFFSET)");
	assert_true(stage->events[0].injected);
	assert_string_equal(journal.entries[journal.count - 1].kind, "step");
	evidence = stop(slew, true, "realtime - boottime changed by ");
	ms = strtod(evidence.text + strlen("realtime - boottime changed by "), NULL);
	assert_true(fabs(ms + 2) * (double)NS_PER_MS <= (double)(error + error_after));
	assert_as_found();
	after = realtime_offset(&error_after);
	assert_in_range(llabs(after - before), 0, error + error_after);
}

static void test_step_that_is_not_done(void **state)
{
	void *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(NAN, NAN, NAN, 0.002));
	setup.duration_s = 3600;
	observe(slew, 1);
	stop(slew, false, "the phase was over before its middle was seen");
	assert_as_found();
	slew = must_start(ask(NAN, NAN, NAN, 0.002));
	journal.fails = true;
	observe(slew, 8);
	assert_int_equal(stage->event_count, 0);
	stop(slew, false, "realtime was not stepped: the journal of the test is full");
	assert_as_found();
}

static void test_step_that_somebody_undoes(void **state)
{
	int64_t before, after, error, error_after;
	void *slew;

	(void)state;
	needs_real_clock();
	before = realtime_offset(&error);
	slew = must_start(ask(NAN, NAN, NAN, 0.002));
	observe(slew, 8);
	assert_int_equal(timex_step(-2 * NS_PER_MS, NULL, &err), 0);
	stop(slew, false, "somebody else has set the time");
	assert_as_found();
	after = realtime_offset(&error_after);
	assert_in_range(llabs(after - before), 0, error + error_after);
}

static void await_gain(struct slew *slew, double us)
{
	uint64_t deadline = now_ns() + DEADLINE_NS;

	while (fabs(measure_gain(slew).beyond_us) < us) {
		if (now_ns() > deadline)
			fail_msg("no gain of %g us", us);
		observe(slew, 1);
	}
}

static void test_offset(void **state)
{
	long left;
	void *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(more_ppm(20), NAN, -0.05, NAN));
	assert_string_equal(journal.entries[1].kind, "slew");
	observe(slew, 1);
	assert_string_equal(stage->points[1].series, "offset remaining");
	assert_string_equal(stage->points[1].unit, "us");
	assert_true(stage->points[1].value >= -50000 && stage->points[1].value < -40000);
	await_gain(slew, 150);
	stop(slew, true, "adjtime() of -50000 us: -");
	assert_as_found();
	assert_int_equal(timex_slew_left(&left, &err), 0);
	assert_int_equal(left, 0);
}

/* Ended by somebody else before anything was slewed: the kernel says "nothing left", the clocks do not. */
static void test_offset_that_is_ended(void **state)
{
	long left;
	void *slew;

	(void)state;
	needs_real_clock();
	slew = must_start(ask(NAN, NAN, 0.05, NAN));
	assert_int_equal(timex_slew(0, &left, &err), 0);
	observe(slew, 1);
	stop(slew, false, "adjtime() of +50000 us: +50000 us taken up");
	assert_as_found();
}

static void test_start_fails(void **state)
{
	void *slew = NULL;

	(void)state;
	journal.fails = true;
	assert_int_equal(disturb_slew.start(ask(50, NAN, NAN, NAN), &slew, &err), -ENOSPC);
	assert_null(slew);
	assert_int_equal(journal.count, 0);
}

/* ---- what is refused ---- */

static void test_check(void **state)
{
	static const struct {
		double numbers[4];
		const char *words; /* NULL: right */
	} cases[] = {
		{ { 50, NAN, NAN, NAN }, NULL },
		{ { -0.001, -1, 0.001, NAN }, NULL },
		{ { 50, 1, NAN, -3600 }, NULL },
		{ { NAN, NAN, NAN, NAN }, "one of" },
		{ { 0, NAN, NAN, NAN }, "change of 0" },
		{ { NAN, 0, NAN, NAN }, "change of 0" },
		{ { NAN, 1.5, NAN, NAN }, "whole us" },
		{ { NAN, NAN, 1e-6, NAN }, "at least 20 us" },
		{ { NAN, NAN, NAN, 0 }, "at least 1000 ns" },
		{ { NAN, NAN, 0.01, 0.01 }, "exclude each other" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const double *n = cases[i].numbers;
		int rc = disturb_slew.check(ask(n[0], n[1], n[2], n[3])->arguments, &err);

		assert_int_equal(rc, cases[i].words ? -EINVAL : 0);
		if (cases[i].words && !strstr(err.text, cases[i].words))
			fail_msg("\"%s\" without \"%s\"", err.text, cases[i].words);
	}
}

static void test_range(void **state)
{
	const struct timex now = { .freq = 480 * TIMEX_FREQ_PER_PPM, .tick = 9500 };
	struct steering asked = { .freq = 20 * TIMEX_FREQ_PER_PPM, .tick = -500 };

	(void)state;
	err.text[0] = '\0';
	assert_int_equal(in_range(&asked, &now, &err), 0);
	asked.freq++;
	assert_int_equal(in_range(&asked, &now, &err), -ERANGE);
	assert_non_null(strstr(err.text, "limit is 500 ppm"));
	asked.freq = 0;
	asked.tick--;
	err.text[0] = '\0';
	assert_int_equal(in_range(&asked, &now, &err), -ERANGE);
	assert_non_null(strstr(err.text, "8999 us"));
}

/* As a user who may not; the child gives up what it can. */
static void test_refused(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int rc;

		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(3);
		rc = disturb_slew.supported(ask(50, NAN, NAN, NAN), &err);
		_exit(rc != -EPERM ? 1 : !strstr(err.text, "CAP_SYS_TIME") ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void write_comm(const char *dir, const char *pid, const char *comm)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/proc/%s", dir, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/proc/%s/comm", dir, pid);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", comm);
	assert_int_equal(fclose(f), 0);
}

static void remove_comm(const char *dir, const char *pid)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/proc/%s/comm", dir, pid);
	unlink(path);
	snprintf(path, sizeof(path), "%s/proc/%s", dir, pid);
	rmdir(path);
}

static void test_time_daemon(void **state)
{
	char dir[] = "/tmp/clkdrift-slew-XXXXXX", path[64], text[sizeof(err.text)];
	int harmless, chronyd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	root = dir;
	err.text[0] = '\0';
	write_comm(dir, "77", "qemu-ga");
	harmless = no_time_daemon(&err);
	write_comm(dir, "4321", "chronyd");
	chronyd = no_time_daemon(&err);
	snprintf(text, sizeof(text), "%s", err.text);
	if (may_set) /* supported() asks for the right to steer before */
		assert_int_equal(disturb_slew.supported(ask(50, NAN, NAN, NAN), &err), -EBUSY);
	remove_comm(dir, "77");
	remove_comm(dir, "4321");
	snprintf(path, sizeof(path), "%s/proc", dir);
	rmdir(path);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(harmless, 0);
	assert_int_equal(chronyd, -EBUSY);
	assert_string_equal(text, "chronyd (PID 4321) steers the clock; stop it first");
}

static void test_adjtime_under_way(void **state)
{
	long left;

	(void)state;
	needs_real_clock();
	assert_int_equal(timex_slew(1000000, &left, &err), 0);
	assert_int_equal(disturb_slew.supported(ask(NAN, NAN, NAN, 0.001), &err), -EBUSY);
	assert_int_equal(disturb_slew.supported(ask(50, NAN, NAN, NAN), &err), 0);
	assert_int_equal(timex_slew(0, &left, &err), 0);
}

static void test_plan(void **state)
{
	char text[200];

	(void)state;
	disturb_slew.plan(ask(50, -2, 0.001, NAN), text, sizeof(text));
	assert_string_equal(text,
		"adjtimex frequency +50.000 ppm from what it is; tick -2 us from what it is "
		"(-200 ppm); adjtime() of +1 ms at 500 us/s (2 s)");
	disturb_slew.plan(ask(NAN, NAN, NAN, -3600), text, sizeof(text));
	assert_string_equal(text, "realtime stepped by -3600 s in the middle");
	disturb_slew.plan(ask(NAN, NAN, NAN, 2.5e-6), text, sizeof(text));
	assert_string_equal(text, "realtime stepped by +2.5 us in the middle");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_check),
		TEST(test_range),
		TEST(test_refused),
		TEST(test_time_daemon),
		TEST(test_adjtime_under_way),
		TEST(test_plan),
		TEST(test_start_fails),
		TEST(test_frequency),
		TEST(test_tick_and_frequency),
		TEST(test_frequency_is_changed),
		TEST(test_frequency_without_effect),
		TEST(test_step),
		TEST(test_step_that_is_not_done),
		TEST(test_step_that_somebody_undoes),
		TEST(test_offset),
		TEST(test_offset_that_is_ended),
	};

	return cmocka_run_group_tests_name("bench/disturb_slew", tests, group_begin, group_end);
}
