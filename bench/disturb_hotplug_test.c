/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/disturb_bed.h"

static bool stuck; /* the fake kernel takes what is written and does nothing */

static int machine_write(const char *path, const char *value, struct error *err);
#define sysfs_write machine_write
#include "bench/disturb_hotplug.c"
#undef sysfs_write

#define LAST	   DIRECTORY "/cpu3/online"
#define LIST	   DIRECTORY "/online"

/* A kernel with four CPUs: the list follows what is written to cpu3/online. */
static int machine_write(const char *path, const char *value, struct error *err)
{
	int rc;

	/* No assertion, as this is not always the thread of the test. */
	if (!fake_journal_value(&journal, path))
		return error_set(err, -EACCES, "%s: changed and not in the journal", path);
	rc = fake_write(path, value, err);
	if (!rc && *root && !stuck) {
		char beside[300], list[256];

		/* In one step: it is read by another thread. */
		strcpy(list, in_root(LIST));
		snprintf(beside, sizeof(beside), "%s.new", LIST);
		fake_file(&fake, beside, *value == '1' ? "0-3\n" : "0-2\n");
		snprintf(beside, sizeof(beside), "%s.new", list);
		if (rename(beside, list))
			rc = error_set(err, -errno, "%s: %s", list, strerror(errno));
	}
	return rc;
}

static void clear(void)
{
	bed_clear();
	stuck = false;
}

static int machine_make(void **state)
{
	(void)state;
	clear();
	bed_make();
	fake_file(&fake, LIST, "0-3\n");
	for (int cpu = 1; cpu < 4; cpu++) {
		char path[128];

		snprintf(path, sizeof(path), DIRECTORY "/cpu%d/online", cpu);
		fake_file(&fake, path, "1\n");
	}
	return 0;
}

static const int probed[] = { 2, 3 };

static struct disturbance_setup setup_of(const char *text)
{
	struct disturbance_setup setup = bed_setup(&disturb_hotplug, text);

	setup.cpus = probed;
	setup.cpu_count = 2;
	return setup;
}

static struct hotplug *start_of(const char *text)
{
	struct disturbance_setup setup = setup_of(text);

	return bed_start(&disturb_hotplug, &setup);
}

static void assert_file(const char *path, const char *wanted)
{
	struct error err = { "" };
	char text[64];

	assert_int_equal(sysfs_read(in_root(path), text, sizeof(text), &err), 0);
	assert_string_equal(text, wanted);
}

/* ---- arguments ---- */

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "1.5", "-1", "cpu=8192", "rate=0", "rate=6", "rate=x" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		assert_int_equal(disturbance_parse(&disturb_hotplug, bad[i], &bed_asked, &err), -EINVAL);
		assert_true(err.text[0]);
	}
}

static void plan_of(const char *text, const char *wanted)
{
	struct disturbance_setup setup = setup_of(text);
	char plan[200];

	hotplug_plan(&setup, plan, sizeof(plan));
	assert_string_equal(plan, wanted);
}

static void a_plan_says_what_will_be_done(void **state)
{
	(void)state;
	plan_of("", "takes CPU 3 offline every 2 s, for 1 s");
	plan_of("cpu=1 rate=2", "takes CPU 1 offline every 0.5 s, for 0.25 s");
	assert_int_equal(unlink(in_root(LIST)), 0);
	plan_of("", "takes a CPU offline every 2 s, for 1 s");
}

static void not_supported(const char *text, int code, const char *why)
{
	struct disturbance_setup setup = setup_of(text);
	struct error err = { "" };

	assert_int_equal(hotplug_supported(&setup, &err), code);
	holds(err.text, why);
}

static void what_cannot_be_done_is_said(void **state)
{
	struct disturbance_setup setup;
	struct error err = { "" };

	(void)state;
	not_supported("cpu=0", -ENOTSUP, "CPU 0 cannot go offline: there is no ");
	not_supported("cpu=4", -ENOTSUP, "CPU 4 is not online");
	setup = setup_of("cpu=2");
	setup.cpu_count = 1;
	assert_int_equal(hotplug_supported(&setup, &err), -ENOTSUP);
	holds(err.text, "CPU 2 is the only one that is sampled");
	setup = setup_of("cpu=1");
	setup.cpu_count = 1;
	assert_int_equal(hotplug_supported(&setup, &err), 0);
	fake_file(&fake, LIST, "3\n");
	not_supported("", -ENOTSUP, "only one CPU is online");
	fake_file(&fake, LIST, "0,4-5\n");
	not_supported("", -ENOTSUP, "no CPU here can go offline");
	fake_file(&fake, LIST, "\n");
	not_supported("", -EIO, "is no list of CPUs");
	fake_file(&fake, LIST, "0-\n");
	not_supported("", -EIO, "is no list of CPUs");
	assert_int_equal(unlink(in_root(LIST)), 0);
	not_supported("", -EIO, "No such file");
}

/* ---- a machine that obeys ---- */

static void cycles_are_counted(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	struct hotplug *h = start_of("rate=5");
	char wanted[64];

	(void)state;
	assert_file(LIST, "0-2"); /* offline when start() is back */
	hotplug_observe(h, 5);
	bed_wait_for_events(6);
	h->start_ns = now_ns(); /* so that a busy machine does not spoil the count */
	assert_int_equal(hotplug_stop(h, &e, &err), 0);
	assert_true(e.observed);
	assert_int_equal(stage.event_count % 2, 0);
	for (size_t i = 0; i < stage.event_count; i++) {
		assert_string_equal(
			stage.events[i].text, i % 2 ? "CPU 3 back online" : "CPU 3 taken offline");
		assert_string_equal(stage.events[i].kind, "cpu-hotplug");
		assert_false(stage.events[i].injected);
	}
	snprintf(wanted, sizeof(wanted), "CPU 3 went offline and came back %zu times", stage.event_count / 2);
	holds(e.text, wanted);
	assert_int_equal(stage.point_count, 1);
	assert_string_equal(stage.points[0].series, "online CPUs");
	assert_true(stage.points[0].value > 2.5 && stage.points[0].value < 4.5);
	assert_file(LIST, "0-3");
	assert_string_equal(fake_journal_value(&journal, in_root(LAST)), "1");
}

/* The kernel forgets them with the CPU; they are put back after it, so they stand before it. */
static void disabled_idle_states_are_journaled_first(void **state)
{
	struct evidence e = { .observed = false };
	const char *path = DIRECTORY "/cpu3/cpuidle/state1/disable";
	struct error err = { "" };

	(void)state;
	fake_file(&fake, path, "1\n");
	assert_int_equal(hotplug_stop(start_of("cpu=3 rate=0.01"), &e, &err), 0);
	assert_int_equal(journal.count, 2);
	assert_string_equal(journal.entries[0].path, in_root(path));
	assert_string_equal(journal.entries[0].value, "1");
	assert_string_equal(journal.entries[1].path, in_root(LAST));
}

/* A phase shorter than half a period: stop() brings the CPU back. */
static void it_always_ends_online(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	struct hotplug *h = start_of("rate=0.01");

	(void)state;
	assert_int_equal(hotplug_stop(h, &e, &err), 0);
	assert_true(e.observed);
	assert_string_equal(
		e.text, "CPU 3 went offline and came back 1 time, each seen in the list of CPUs online");
	assert_file(LIST, "0-3");
	assert_file(LAST, "1");
}

static void too_few_cycles_are_no_proof(void **state)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };
	struct hotplug *h = start_of("rate=0.01");

	(void)state;
	h->start_ns -= 1050 * NS_PER_SEC;
	assert_int_equal(hotplug_stop(h, &e, &err), 0);
	assert_false(e.observed);
	holds(e.text, "came back 1 time, each seen in the list of CPUs online, of 10 asked for");
}

static void many_events_are_cut_short(void **state)
{
	struct hotplug h = { .stage = &stage, .cpu = 1, .events = EVENTS_MAX - 1 };

	(void)state;
	for (int i = 0; i < 5; i++)
		tell(&h, 1, i % 2);
	assert_int_equal(stage.event_count, 2);
	assert_string_equal(stage.events[1].text, "further ones of this phase are not listed");
}

/* ---- one that does not ---- */

static void start_fails(const struct disturbance_setup *setup, int code, const char *why)
{
	bed_start_fails(&disturb_hotplug, setup, code, LAST, why);
	assert_file(LIST, "0-3");
}

static void a_start_that_fails_names_the_file(void **state)
{
	struct disturbance_setup setup = setup_of("cpu=3");
	struct error err = { "" };
	void *none = NULL;

	(void)state;
	assert_int_equal(hotplug_supported(&setup, &err), 0);
	stuck = true;
	start_fails(&setup, -EIO, "took \"0\", and the CPU is online all the same");
	journal.fail = -ENOSPC;
	assert_int_equal(hotplug_start(&setup, &none, &err), -ENOSPC);
	holds(err.text, "journal");
	journal.fail = 0;
	assert_int_equal(unlink(in_root(LAST)), 0);
	start_fails(&setup, -ENOTSUP, "there is no");
}

static void a_read_only_file_is_found_early_and_late(void **state)
{
	struct disturbance_setup setup = setup_of("cpu=3");

	(void)state;
	bed_readonly(&disturb_hotplug, &setup, LAST);
}

/* Waits until the toggler gave up: its count of turns stands still. */
static void wait_for_the_end(const struct hotplug *h)
{
	uint64_t deadline = now_ns() + BED_DEADLINE_S * NS_PER_SEC, turns;

	do {
		assert_true(now_ns() < deadline);
		turns = toggler_turns(h->toggler);
		usleep(500000); /* five steps at 5 Hz */
	} while (toggler_turns(h->toggler) != turns);
}

/* The file goes away, or refuses: stop() must not say that all is well, and not hang. */
static void cycling_breaks(const char *target)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };
	struct hotplug *h = start_of("rate=5");
	char path[256], beside[300];
	bool offline;
	int rc;

	strcpy(path, in_root(LAST));
	snprintf(beside, sizeof(beside), "%s.new", path);
	bed_wait_for_events(3);
	if (target) {
		assert_int_equal(symlink(target, beside), 0);
		assert_int_equal(rename(beside, path), 0);
	} else {
		assert_int_equal(unlink(path), 0);
	}
	wait_for_the_end(h);
	offline = h->is_offline; /* the thread does nothing any more */
	rc = hotplug_stop(h, &e, &err);
	assert_false(e.observed);
	holds(e.text, path);
	if (offline) {
		assert_int_not_equal(rc, 0);
		holds(err.text, "CPU 3 is still offline: ");
		holds(err.text, path);
		holds(e.text, "; it is still offline");
	} else {
		assert_int_equal(rc, 0);
	}
}

static void a_file_that_vanishes_is_named(void **state)
{
	(void)state;
	cycling_breaks(NULL);
}

static void a_file_that_refuses_is_named(void **state)
{
	(void)state;
	cycling_breaks("/dev/full");
}

static void a_cpu_that_stays_offline_is_told(void **state)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };
	struct hotplug *h = start_of("rate=0.01");

	(void)state;
	stuck = true;
	assert_int_equal(hotplug_stop(h, &e, &err), -EIO);
	assert_false(e.observed);
	holds(err.text, "CPU 3 is still offline: ");
	holds(err.text, "took \"1\", and the CPU is offline all the same");
}

/* ---- this machine ---- */

static void this_machine_cycles(void **state)
{
	struct disturbance_setup setup = setup_of("rate=2");
	struct hotplug where = { .cpu = -1 }, *h = NULL;
	struct evidence e = { .observed = false };
	struct error err = { "" };
	char before[SYSFS_TEXT_MAX], after[SYSFS_TEXT_MAX];
	pid_t pid = 0;
	int guard, rc;

	(void)state;
	clear();
	root = "";
	setup.cpu_count = 0;
	if (hotplug_supported(&setup, &err) || find_cpu(&where, setup.arguments, &err)) {
		print_message("not on this machine: %s\n", err.text);
		skip();
	}
	assert_int_equal(sysfs_read(LIST, before, sizeof(before), &err), 0);
	guard = fake_guard(where.path, &pid);
	assert_true(guard >= 0);
	rc = hotplug_start(&setup, (void **)&h, &err);
	if (!rc) {
		hotplug_observe(h, tsc_before());
		bed_wait_for_events(3);
		h->start_ns = now_ns();
		rc = hotplug_stop(h, &e, &err);
	}
	assert_int_equal(fake_guard_end(guard, pid), 0);
	if (rc)
		fail_msg("%s", err.text);
	print_message("%s\n", e.text);
	assert_true(e.observed);
	assert_true(stage.event_count >= 4);
	assert_true(stage.point_count == 1 && stage.points[0].value >= 1);
	assert_int_equal(sysfs_read(LIST, after, sizeof(after), &err), 0);
	assert_string_equal(after, before);
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, machine_make, bed_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		with_machine(a_plan_says_what_will_be_done),
		with_machine(what_cannot_be_done_is_said),
		with_machine(cycles_are_counted),
		with_machine(disabled_idle_states_are_journaled_first),
		with_machine(it_always_ends_online),
		with_machine(too_few_cycles_are_no_proof),
		with_machine(many_events_are_cut_short),
		with_machine(a_start_that_fails_names_the_file),
		with_machine(a_read_only_file_is_found_early_and_late),
		with_machine(a_file_that_vanishes_is_named),
		with_machine(a_file_that_refuses_is_named),
		with_machine(a_cpu_that_stays_offline_is_told),
		cmocka_unit_test(this_machine_cycles),
	};

	tsc_init();
	pthread_mutex_init(&stage.lock, NULL);
	return cmocka_run_group_tests_name("bench/disturb_hotplug", tests, NULL, NULL);
}
