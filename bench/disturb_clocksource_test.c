/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/disturb_bed.h"

/* What the kernel does with a name: ignores an unknown one, and tells the log of a switch. */
static const char *unknown;

static int machine_write(const char *path, const char *value, struct error *err);
#define sysfs_write machine_write
#include "bench/disturb_clocksource.c"
#undef sysfs_write

#define CURRENT	   DIRECTORY "/current_clocksource"
#define AVAILABLE  DIRECTORY "/available_clocksource"

static void log_add(const char *line)
{
	FILE *out = fopen(in_root(KMSG_PATH), "a");

	/* Missing lines are seen in their count. */
	if (!out)
		return;
	fputs(line, out);
	fclose(out);
}

static int machine_write(const char *path, const char *value, struct error *err)
{
	char line[128];
	int rc;

	/* No assertion, as this is not always the thread of the test. */
	if (!fake_journal_value(&journal, path))
		return error_set(err, -EACCES, "%s: changed and not in the journal", path);
	if (unknown && !strcmp(value, unknown))
		return 0;
	rc = fake_write(path, value, err);
	if (!rc && *root) {
		snprintf(line, sizeof(line), "6,1,1,-;clocksource: Switched to clocksource %s\n", value);
		log_add(line);
	}
	return rc;
}

static void clear(void)
{
	bed_clear();
	unknown = NULL;
}

static int machine_make(void **state)
{
	(void)state;
	clear();
	bed_make();
	fake_file(&fake, CURRENT, "tsc\n");
	fake_file(&fake, AVAILABLE, "tsc hpet acpi_pm \n");
	fake_file(&fake, KMSG_PATH, "6,0,0,-;clocksource: Switched to clocksource tsc\n");
	return 0;
}

static struct disturbance_setup setup_of(const char *text)
{
	return bed_setup(&disturb_clocksource, text);
}

static void *start_of(const char *text)
{
	struct disturbance_setup setup = setup_of(text);

	return bed_start(&disturb_clocksource, &setup);
}

/* ---- arguments ---- */

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "", "set", "name=tsc rate=5", "name=tsc with=hpet", "rate=5",
		"toggle name=tsc with=tsc", "toggle rate=0", "toggle rate=101", "other",
		"name=a_name_that_is_too_long_for_a_clocksource" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		assert_int_equal(disturbance_parse(&disturb_clocksource, bad[i], &bed_asked, &err), -EINVAL);
		assert_true(err.text[0]);
	}
}

static void pairs_are_chosen(void **state)
{
	static const struct {
		const char *text, *name, *with;
	} rows[] = {
		{ "toggle", "hpet", "tsc" },
		{ "toggle name=acpi_pm", "acpi_pm", "tsc" },
		{ "toggle name=tsc", "tsc", "hpet" },
		{ "toggle with=tsc", "hpet", "tsc" },
		{ "toggle with=acpi_pm", "tsc", "acpi_pm" },
		{ "toggle name=hpet with=acpi_pm rate=2", "hpet", "acpi_pm" },
		{ "set name=hpet", "hpet", "" },
		{ "name=hpet", "hpet", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct disturbance_setup setup = setup_of(rows[i].text);
		struct choice c = { .current = "" };
		struct error err = { "" };

		assert_int_equal(choose(&c, setup.arguments, &err), 0);
		assert_string_equal(c.name, rows[i].name);
		assert_string_equal(c.with, rows[i].with);
	}
}

static void a_plan_says_what_will_be_done(void **state)
{
	struct disturbance_setup setup = setup_of("toggle rate=2");
	char text[200];

	(void)state;
	clocksource_plan(&setup, text, sizeof(text));
	assert_string_equal(text, "switches the clocksource between hpet and tsc, 2 times a second");
	setup = setup_of("name=nowhere");
	clocksource_plan(&setup, text, sizeof(text));
	assert_string_equal(text, "sets the clocksource to nowhere");
}

static void what_is_not_there_is_not_supported(void **state)
{
	struct disturbance_setup setup = setup_of("name=jiffies");
	struct error err = { "" };

	(void)state;
	assert_int_equal(clocksource_supported(&setup, &err), -ENOTSUP);
	assert_string_equal(err.text, "no clocksource jiffies here, only tsc hpet acpi_pm");
	fake_file(&fake, AVAILABLE, "tsc \n");
	setup = setup_of("toggle");
	err.text[0] = '\0';
	assert_int_equal(clocksource_supported(&setup, &err), -ENOTSUP);
	assert_string_equal(err.text, "to toggle takes two clocksources, and there is only tsc");
	assert_int_equal(unlink(in_root(CURRENT)), 0);
	err.text[0] = '\0';
	assert_int_equal(clocksource_supported(&setup, &err), -ENOENT);
	holds(err.text, CURRENT);
}

static void units_fit(void **state)
{
	char unit[24];

	(void)state;
	name_unit("tsc kvm-clock ", unit, sizeof(unit));
	assert_string_equal(unit, "tsc=0 kvm-clock=1");
	name_unit("tsc kvm-clock acpi_pm", unit, sizeof(unit));
	assert_string_equal(unit, "tsc=0 kvm-clock=1");
	assert_int_equal(list_index("tsc kvm-clock ", "kvm"), -1);
	assert_int_equal(list_index("tsc kvm-clock ", "kvm-clock"), 1);
	assert_int_equal(list_index("", "tsc"), -1);
}

static void nine_of_ten_are_enough(void **state)
{
	(void)state;
	assert_true(enough(90, 10, 10));
	assert_false(enough(89, 10, 10));
	assert_true(enough(1, 0.05, 25));
	assert_false(enough(0, 0.05, 25));
}

/* ---- a machine that obeys ---- */

static void a_clocksource_is_set(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	void *c = start_of("name=acpi_pm");

	(void)state;
	clocksource_observe(c, 7);
	log_add("4,9,9,-;clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable\n"
		"14,9,9,-;Switched to clocksource by a program\n");
	clocksource_observe(c, 8);
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	assert_true(e.observed);
	assert_string_equal(e.text,
		"acpi_pm in force at all 2 observations and at the end; kernel log: 1 line 'Switched to "
		"clocksource', 1 of an unstable or refused clocksource");
	assert_int_equal(stage.event_count, 2);
	assert_string_equal(stage.events[0].kind, "clocksource");
	assert_string_equal(stage.events[0].text, "clocksource switched to acpi_pm");
	assert_false(stage.events[0].injected);
	assert_string_equal(stage.events[1].kind, "watchdog");
	assert_int_equal(stage.point_count, 2);
	assert_true(stage.points[1].value > 1.5 && stage.points[1].value < 2.5 && stage.points[1].tsc == 8);
	assert_string_equal(fake_journal_value(&journal, in_root(CURRENT)), "tsc");
}

static void the_one_in_force_is_no_switch(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	void *c = start_of("name=tsc");

	(void)state;
	clocksource_observe(c, 7);
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	assert_true(e.observed);
	assert_int_equal(stage.event_count, 0);
	holds(e.text, "as before the phase; kernel log: 0 lines");
}

static void two_are_toggled(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	char wanted[128];
	struct clocksource *c = start_of("toggle rate=50");

	(void)state;
	bed_wait_for_events(5);
	c->start_ns = now_ns(); /* so that a busy machine does not spoil the count */
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	for (size_t i = 0; i < stage.event_count; i++) {
		assert_string_equal(stage.events[i].text,
			i % 2 ? "clocksource switched to tsc" : "clocksource switched to hpet");
		assert_true(!i || stage.events[i].tsc >= stage.events[i - 1].tsc);
	}
	snprintf(wanted, sizeof(wanted),
		"%zu switches between hpet and tsc, each read back; kernel log: %zu lines", stage.event_count,
		stage.event_count);
	holds(e.text, wanted);
	assert_true(e.observed);
}

static void too_few_switches_are_no_proof(void **state)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };
	struct clocksource *c = start_of("toggle rate=0.05");

	(void)state;
	c->start_ns -= 200 * NS_PER_SEC;
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	assert_false(e.observed);
	holds(e.text, "1 switch between hpet and tsc, each read back, of 10 asked for");
}

static void many_events_are_cut_short(void **state)
{
	struct clocksource c = { .stage = &stage, .switches = EVENTS_MAX };

	(void)state;
	tell_switch(&c, 1, 3, "tsc");
	for (; c.switches < EVENTS_MAX + 10; tell_switch(&c, 1, 3, "tsc"))
		c.switches++;
	assert_int_equal(stage.event_count, 2);
	assert_int_equal(stage.events[0].tsc, 2);
	assert_string_equal(stage.events[1].text, "further switches of this phase are not listed");
}

static void an_unreadable_log_is_said(void **state)
{
	struct evidence e = { .observed = false };
	struct error err = { "" };
	void *c;

	(void)state;
	assert_int_equal(unlink(in_root(KMSG_PATH)), 0);
	c = start_of("name=tsc");
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	assert_true(e.observed);
	holds(e.text, "the kernel log cannot be read: No such file or directory");
}

/* ---- one that does not ---- */

static void start_fails(const struct disturbance_setup *setup, int code, const char *why)
{
	bed_start_fails(&disturb_clocksource, setup, code, CURRENT, why);
}

static void a_start_that_fails_names_the_file(void **state)
{
	struct disturbance_setup setup = setup_of("name=hpet");
	struct error err = { "" };

	(void)state;
	assert_int_equal(clocksource_supported(&setup, &err), 0);
	unknown = "hpet";
	start_fails(&setup, -EIO, "did not take \"hpet\": it is still \"tsc\"");
	setup = setup_of("toggle");
	start_fails(&setup, -EIO, "did not take \"hpet\"");
	journal.fail = -ENOSPC;
	assert_int_equal(clocksource_start(&setup, &(void *){ NULL }, &err), -ENOSPC);
	holds(err.text, "journal");
	assert_int_equal(unlink(in_root(CURRENT)), 0);
	start_fails(&setup, -ENOENT, "cannot read");
}

static void a_read_only_file_is_found_early_and_late(void **state)
{
	struct disturbance_setup setup = setup_of("toggle");

	(void)state;
	bed_readonly(&disturb_clocksource, &setup, CURRENT);
}

/* breaks: what happens to the file while it is toggled; why: what the evidence then says. */
static void toggling_breaks(void (*breaks)(const char *path), const char *why)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };
	struct clocksource *c = start_of("toggle rate=50");
	uint64_t deadline = now_ns() + BED_DEADLINE_S * NS_PER_SEC;
	uint64_t turns = 0;

	bed_wait_for_events(3);
	breaks(in_root(CURRENT));
	/* A step that fails is the last: the count of turns stands still. */
	do {
		assert_true(now_ns() < deadline);
		turns = toggler_turns(c->toggler);
		usleep(200000);
	} while (toggler_turns(c->toggler) != turns);
	clocksource_observe(c, 9);
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	assert_false(e.observed);
	holds(e.text, in_root(CURRENT));
	holds(e.text, why);
}

static void vanish(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

/* In one step, so that the switching thread finds either the one file or the other. */
static void replace(const char *path, const char *target)
{
	char beside[300];

	snprintf(beside, sizeof(beside), "%s.new", path);
	assert_int_equal(symlink(target, beside), 0);
	assert_int_equal(rename(beside, path), 0);
}

static void become_full(const char *path)
{
	replace(path, "/dev/full");
}

static void become_deaf(const char *path)
{
	replace(path, "/dev/null");
}

static void a_file_that_vanishes_is_named(void **state)
{
	(void)state;
	toggling_breaks(vanish, "No such file or directory");
}

static void a_file_that_refuses_is_named(void **state)
{
	(void)state;
	toggling_breaks(become_full, "current_clocksource");
}

static void a_file_that_takes_and_forgets_is_named(void **state)
{
	(void)state;
	toggling_breaks(become_deaf, "it is still \"\"");
}

static void a_clocksource_that_goes_away_is_seen(void **state)
{
	struct evidence e = { .observed = true };
	struct error err = { "" };
	void *c = start_of("name=hpet");

	(void)state;
	clocksource_observe(c, 1);
	fake_file(&fake, CURRENT, "tsc\n");
	clocksource_observe(c, 2);
	fake_file(&fake, CURRENT, "hpet\n");
	clocksource_observe(c, 3);
	assert_int_equal(clocksource_stop(c, &e, &err), 0);
	assert_false(e.observed);
	holds(e.text, "hpet not in force at 1 of 3 observations: ");
	holds(e.text, "was \"tsc\" at an observation");
}

/* ---- this machine ---- */

static void this_machine_toggles(void **state)
{
	struct disturbance_setup setup = setup_of("toggle rate=10");
	struct evidence e = { .observed = false };
	struct error err = { "" };
	char before[64], after[64], wanted[64];
	struct clocksource *c = NULL;
	pid_t pid = 0;
	int guard, rc;

	(void)state;
	clear();
	root = "";
	if (clocksource_supported(&setup, &err)) {
		print_message("not on this machine: %s\n", err.text);
		skip();
	}
	assert_int_equal(sysfs_read(CURRENT, before, sizeof(before), &err), 0);
	guard = fake_guard(CURRENT, &pid);
	assert_true(guard >= 0);
	rc = clocksource_start(&setup, (void **)&c, &err);
	if (!rc) {
		bed_wait_for_events(5);
		clocksource_observe(c, tsc_before());
		c->start_ns = now_ns();
		rc = clocksource_stop(c, &e, &err);
	}
	assert_int_equal(fake_guard_end(guard, pid), 0);
	if (rc)
		fail_msg("%s", err.text);
	print_message("%s\n", e.text);
	assert_true(e.observed);
	assert_true(stage.point_count >= 1);
	snprintf(wanted, sizeof(wanted), "%zu switches between ", stage.event_count);
	/* The watchdog may have had its say. */
	if (!strstr(e.text, "unstable"))
		holds(e.text, wanted);
	assert_int_equal(sysfs_read(CURRENT, after, sizeof(after), &err), 0);
	assert_string_equal(after, before);
}

/* The kernel's own behaviour that all this rests upon. */
static void this_kernel_ignores_unknown_names(void **state)
{
	struct clocksource c = { .stage = &stage };
	struct error err = { "" };

	(void)state;
	clear();
	root = "";
	if (access(CURRENT, W_OK)) {
		print_message("%s cannot be written\n", CURRENT);
		skip();
	}
	strcpy(c.choice.path, CURRENT);
	assert_int_equal(journal_add_file(&journal, CURRENT, &err), 0);
	assert_int_equal(switch_to(&c, "no-such-clock", &err), -EIO);
	holds(err.text, "did not take \"no-such-clock\"");
	assert_int_equal(stage.event_count, 0);
	/* What is asked for stays noted in the kernel until the next one. */
	assert_int_equal(journal_undo(&journal, 0, &err), 0);
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, machine_make, bed_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		with_machine(pairs_are_chosen),
		with_machine(a_plan_says_what_will_be_done),
		with_machine(what_is_not_there_is_not_supported),
		cmocka_unit_test(units_fit),
		cmocka_unit_test(nine_of_ten_are_enough),
		with_machine(a_clocksource_is_set),
		with_machine(the_one_in_force_is_no_switch),
		with_machine(two_are_toggled),
		with_machine(too_few_switches_are_no_proof),
		with_machine(many_events_are_cut_short),
		with_machine(an_unreadable_log_is_said),
		with_machine(a_start_that_fails_names_the_file),
		with_machine(a_read_only_file_is_found_early_and_late),
		with_machine(a_file_that_vanishes_is_named),
		with_machine(a_file_that_refuses_is_named),
		with_machine(a_file_that_takes_and_forgets_is_named),
		with_machine(a_clocksource_that_goes_away_is_seen),
		cmocka_unit_test(this_machine_toggles),
		cmocka_unit_test(this_kernel_ignores_unknown_names),
	};

	tsc_init();
	pthread_mutex_init(&stage.lock, NULL);
	return cmocka_run_group_tests_name("bench/disturb_clocksource", tests, NULL, NULL);
}
