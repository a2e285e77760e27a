/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Nothing here suspends the machine that it runs on: the kernel, the RTC and both clocks are fakes. */
#include "bench/disturb_bed.h"
#include "probes/posix_clock.h"

/* The fake kernel. */
static uint64_t monotonic_ns, asleep_ns;
static bool dead_rtc; /* takes an alarm and has none */
static double share;  /* of the time until the alarm that it sleeps */
static int slept;     /* times */
static char last_alarm[64];

static int machine_write(const char *path, const char *value, struct error *err);
static uint64_t machine_ns(clockid_t id);
#define sysfs_write    machine_write
#define posix_clock_ns machine_ns
#include "bench/disturb_suspend.c"
#undef sysfs_write

#define ALARM "/sys/class/rtc/rtc0/wakealarm"

static uint64_t machine_ns(clockid_t id)
{
	return monotonic_ns + (id == CLOCK_BOOTTIME ? asleep_ns : 0);
}

static void fall_asleep(void)
{
	char count[16];

	assert_true(*last_alarm == '+'); /* else it would never wake up */
	asleep_ns += (uint64_t)(strtod(last_alarm, NULL) * share * (double)NS_PER_SEC);
	slept++;
	snprintf(count, sizeof(count), "%d\n", 6 + slept);
	if (!access(in_root(SUCCESS_FILE), F_OK))
		fake_file(&fake, SUCCESS_FILE, count);
}

static int machine_write(const char *path, const char *value, struct error *err)
{
	bool alarm = strstr(path, "wakealarm");
	int rc;

	/* Only what is below the fake root is ever written. */
	assert_true(*root && !strncmp(path, root, strlen(root)));
	if (alarm)
		assert_non_null(fake_journal_value(&journal, path)); /* recorded before it is changed */
	if (alarm && dead_rtc)
		return 0;
	rc = fake_write(path, !alarm || *value == '+' ? value : "", err);
	if (rc)
		return rc;
	if (alarm)
		snprintf(last_alarm, sizeof(last_alarm), "%s", value);
	else
		fall_asleep();
	return 0;
}

static int machine_make(void **state)
{
	(void)state;
	monotonic_ns = 1000 * NS_PER_SEC;
	asleep_ns = 50 * NS_PER_SEC;
	dead_rtc = false;
	share = 0.9;
	slept = 0;
	*last_alarm = '\0';
	bed_make();
	fake_file(&fake, STATE_FILE, "freeze mem disk\n");
	fake_file(&fake, SUCCESS_FILE, "6\n");
	fake_file(&fake, ALARM, "");
	return 0;
}

static struct disturbance_setup setup_of(const char *text)
{
	struct disturbance_setup setup = bed_setup(&disturb_suspend, text);

	setup.duration_s = 30;
	return setup;
}

static void *start_of(const char *text)
{
	struct disturbance_setup setup = setup_of(text);

	return bed_start(&disturb_suspend, &setup);
}

/* A phase of 30 s. */
static void go_through(void *state)
{
	for (int i = 0; i < 300; i++, monotonic_ns += NS_PER_SEC / 10)
		suspend_observe(state, (uint64_t)i);
}

static void not_observed(void *state, const char *why)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };

	assert_int_equal(suspend_stop(state, &e, &err), 0);
	assert_false(e.observed);
	holds(e.text, why);
}

/* ---- arguments ---- */

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "disk", "seconds=0", "seconds=601", "seconds=1.5", "mem 5" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		assert_int_equal(disturbance_parse(&disturb_suspend, bad[i], &bed_asked, &err), -EINVAL);
		assert_true(err.text[0]);
	}
}

static void words_are_whole(void **state)
{
	(void)state;
	assert_true(offers("freeze mem disk", "mem"));
	assert_true(offers("freeze mem", "mem"));
	assert_true(offers("mem", "mem"));
	assert_false(offers("memory xmem", "mem"));
	assert_true(offers("memory mem", "mem"));
	assert_false(offers("", "freeze"));
}

static void a_plan_says_what_will_be_done(void **state)
{
	struct disturbance_setup setup = setup_of("mem seconds=7");
	char text[200];

	(void)state;
	suspend_plan(&setup, text, sizeof(text));
	assert_string_equal(text, "suspends the machine once (mem) and has the RTC wake it up after 7 s");
}

static void not_supported(const char *text, int code, const char *why)
{
	struct disturbance_setup setup = setup_of(text);
	struct error err = { "" };

	assert_int_equal(suspend_supported(&setup, &err), code);
	holds(err.text, why);
}

static void what_cannot_be_done_is_said(void **state)
{
	(void)state;
	not_supported("standby", -ENOTSUP, "/sys/power/state offers freeze mem disk, not standby");
	fake_file(&fake, ALARM, "1700000000\n");
	not_supported("", -EBUSY, "somebody has set an alarm already");
	assert_int_equal(unlink(in_root(ALARM)), 0);
	not_supported("", -ENOTSUP, "there is no " ALARM_GLOB);
	fake_file(&fake, STATE_FILE, "\n");
	not_supported("", -ENOTSUP, "; and /sys/power/state does not offer freeze");
	fake_file(&fake, "/sys/class/rtc/rtc1/wakealarm", "");
	not_supported("", -ENOTSUP, "/sys/power/state offers nothing, not freeze");
	assert_int_equal(unlink(in_root(STATE_FILE)), 0);
	not_supported("", -ENOENT, STATE_FILE);
}

/* ---- a machine that obeys ---- */

static void it_sleeps_once(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	void *s = start_of("seconds=5");

	(void)state;
	for (int i = 0; i < 99; i++, monotonic_ns += NS_PER_SEC / 10)
		suspend_observe(s, 1);
	assert_int_equal(slept, 0); /* not before a third of the phase */
	go_through(s);
	assert_int_equal(slept, 1);
	assert_string_equal(last_alarm, "0"); /* taken away */
	assert_int_equal(stage.event_count, 3);
	for (size_t i = 0; i < stage.event_count; i++) {
		assert_string_equal(stage.events[i].kind, "suspend");
		assert_true(stage.events[i].injected);
		assert_true(!i || stage.events[i].tsc > stage.events[i - 1].tsc);
	}
	assert_string_equal(stage.events[1].text, "machine asleep for 4.500 s (freeze)");
	assert_true(stage.points[0].value > 49.9 && stage.points[0].value < 50.1);
	assert_true(stage.points[stage.point_count - 1].value > 54.4);
	assert_int_equal(suspend_stop(s, &e, &err), 0);
	assert_true(e.observed);
	assert_string_equal(e.text,
		"boottime - monotonic grew by 4.500 s, of 5 s asked for (freeze); " SUCCESS_FILE
		" grew by 1");
}

static void a_kernel_that_does_not_count_will_do(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	void *s = start_of("mem seconds=20");

	(void)state;
	assert_int_equal(unlink(in_root(SUCCESS_FILE)), 0);
	go_through(s);
	assert_int_equal(suspend_stop(s, &e, &err), 0);
	assert_true(e.observed);
	holds(e.text, "grew by 18.000 s, of 20 s asked for (mem); this kernel does not count suspends");
}

/* ---- one that does not ---- */

static void sleep_that_did_not_stop_the_clock_is_no_proof(void **state)
{
	void *s = start_of("seconds=5");

	(void)state;
	share = 0; /* suspend to idle without a deep enough idle state: the tick goes on */
	go_through(s);
	assert_int_equal(slept, 1);
	not_observed(s, "grew by 0.000 s, of 5 s");
}

static void waking_up_early_is_no_proof(void **state)
{
	void *s = start_of("seconds=100");

	(void)state;
	share = 0.5;
	go_through(s);
	not_observed(s, "grew by 50.000 s, of 100 s");
}

static void a_short_phase_is_said(void **state)
{
	(void)state;
	not_observed(start_of("seconds=5"), "the phase ended before");
	assert_int_equal(slept, 0);
}

static void a_machine_without_an_alarm_is_not_put_to_sleep(void **state)
{
	void *s = start_of("seconds=5");

	(void)state;
	dead_rtc = true;
	go_through(s);
	assert_int_equal(slept, 0);
	assert_int_equal(stage.event_count, 0);
	not_observed(s, "took an alarm in 5 s and has none");
}

static void a_start_that_fails_names_the_file(void **state)
{
	struct disturbance_setup setup = setup_of("");
	struct error err = { "" };
	void *none = NULL;

	(void)state;
	assert_int_equal(suspend_supported(&setup, &err), 0);
	journal.fail = -ENOSPC;
	assert_int_equal(suspend_start(&setup, &none, &err), -ENOSPC);
	holds(err.text, "journal");
	assert_int_equal(unlink(in_root(STATE_FILE)), 0);
	err.text[0] = '\0';
	assert_int_equal(suspend_start(&setup, &none, &err), -ENOENT);
	holds(err.text, in_root(STATE_FILE));
	assert_null(none);
}

static void files_that_vanish_or_refuse_are_named(void **state)
{
	static const char *const files[] = { STATE_FILE, ALARM };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *file = files[i % 2];
		void *s = start_of("");

		assert_int_equal(unlink(in_root(file)), 0);
		if (i >= 2)
			assert_int_equal(symlink("/dev/full", in_root(file)), 0);
		go_through(s);
		assert_int_equal(slept, 0);
		assert_int_equal(stage.event_count, 0);
		assert_int_equal(*last_alarm == '+', 0); /* taken away, where it could be set */
		not_observed(s, in_root(file));
		bed_remove(NULL);
		machine_make(NULL);
	}
}

static void a_read_only_file_is_found_early_and_late(void **state)
{
	struct disturbance_setup setup = setup_of("");
	struct error err = { "" };
	void *s = start_of("");
	char path[256];

	(void)state;
	strcpy(path, in_root(STATE_FILE));
	if (!fake_readonly(path)) {
		free(s);
		print_message("a read-only mount takes root and CAP_SYS_ADMIN\n");
		skip();
	}
	assert_int_equal(suspend_supported(&setup, &err), -EROFS);
	holds(err.text, path);
	go_through(s);
	assert_int_equal(stage.event_count, 0);
	assert_string_equal(last_alarm, "0");
	not_observed(s, "state: cannot write \"freeze\": Read-only file system");
	fake_writable(path);
}

/* Asks this machine whether it could, and no more. */
static void this_machine_gives_a_reason(void **state)
{
	struct disturbance_setup setup = setup_of("");
	struct error err = { "" };
	int rc;

	(void)state;
	root = "";
	rc = suspend_supported(&setup, &err);
	assert_int_equal(!rc, !err.text[0]);
	print_message("this machine: %s\n", rc ? err.text : "could be suspended");
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, machine_make, bed_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(words_are_whole),
		with_machine(a_plan_says_what_will_be_done),
		with_machine(what_cannot_be_done_is_said),
		with_machine(it_sleeps_once),
		with_machine(a_kernel_that_does_not_count_will_do),
		with_machine(sleep_that_did_not_stop_the_clock_is_no_proof),
		with_machine(waking_up_early_is_no_proof),
		with_machine(a_short_phase_is_said),
		with_machine(a_machine_without_an_alarm_is_not_put_to_sleep),
		with_machine(a_start_that_fails_names_the_file),
		with_machine(files_that_vanish_or_refuse_are_named),
		with_machine(a_read_only_file_is_found_early_and_late),
		cmocka_unit_test(this_machine_gives_a_reason),
	};

	tsc_init();
	pthread_mutex_init(&stage.lock, NULL);
	return cmocka_run_group_tests_name("bench/disturb_suspend", tests, NULL, NULL);
}
