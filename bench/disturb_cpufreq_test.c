/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/disturb_cpufreq.c"

#include "bench/freq_bed.h"

#include <cpuid.h>

#define DEADLINE_S 30

/* ---- what is asked ---- */

static void parameters_belong_to_their_mode(void **state)
{
	static const char *const bad[][2] = {
		{ "", "say what to do" },
		{ "slow", "not one of" },
		{ "lowest khz=1200000", "khz belongs to fixed, not to lowest" },
		{ "fixed", "fixed needs khz" },
		{ "fixed khz=1200000.5", "not a whole number" },
		{ "fixed khz=0", "not from 1" },
		{ "fixed khz=1200000 rate=5", "rate belongs to toggle" },
		{ "toggle rate=0.01", "not from 0.1 to 200" },
		{ "toggle rate=201", "not from 0.1 to 200" },
		{ "governor", "governor needs name" },
		{ "toggle name=powersave", "name belongs to governor" },
		{ "turbo", "turbo needs state" },
		{ "turbo state=maybe", "not one of" },
		{ "highest state=on", "state belongs to turbo" },
	};
	struct asked asked;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = { "" };

		assert_int_equal(disturbance_parse(&disturb_cpufreq, bad[i][0], &asked, &err), -EINVAL);
		assert_text(err.text, bad[i][1]);
	}
}

static void arguments_become_a_wish(void **state)
{
	struct error err = { "" };
	struct asked asked;
	struct wish wish;

	(void)state;
	assert_int_equal(disturbance_parse(&disturb_cpufreq, "fixed khz=2400000", &asked, &err), 0);
	wish = wish_of(asked.arguments);
	assert_int_equal(wish.mode, FIXED);
	assert_int_equal(wish.khz, 2400000);
	assert_int_equal(disturbance_parse(&disturb_cpufreq, "toggle", &asked, &err), 0);
	wish = wish_of(asked.arguments);
	assert_int_equal(wish.mode, TOGGLE);
	assert_true(wish.rate_hz == 5);
	assert_int_equal(disturbance_parse(&disturb_cpufreq, "mode=toggle rate=0.5", &asked, &err), 0);
	assert_true(wish_of(asked.arguments).rate_hz == 0.5);
	assert_int_equal(disturbance_parse(&disturb_cpufreq, "turbo state=off", &asked, &err), 0);
	assert_false(wish_of(asked.arguments).on);
	assert_int_equal(disturbance_parse(&disturb_cpufreq, "turbo state=on", &asked, &err), 0);
	assert_true(wish_of(asked.arguments).on);
}

/* On the machine as it is: the answer and what is there agree. */
static void this_machine_says_why_not(void **state)
{
	static const int first[] = { 0 };
	struct error why = { "" }, err = { "" };
	bool there = access(TREE "/cpu0/cpufreq", F_OK) == 0;
	struct disturbance_setup setup = { .cpus = first, .cpu_count = 1 };
	struct asked asked;
	char plan[200];
	int rc;

	(void)state;
	assert_int_equal(disturbance_parse(&disturb_cpufreq, "lowest", &asked, &err), 0);
	setup.arguments = asked.arguments;
	rc = cpufreq_supported(&setup, &why);
	cpufreq_plan(&setup, plan, sizeof(plan));
	print_message("%d %s | %s\n", rc, why.text, plan);
	assert_int_equal(rc == 0, why.text[0] == '\0');
	if (!there) {
		unsigned a, b, c = 0, d;

		assert_int_equal(rc, -ENODEV);
		assert_text(why.text, "no cpufreq driver: " TREE "/cpu0/cpufreq is not there");
		__get_cpuid(1, &a, &b, &c, &d);
		assert_int_equal(strstr(why.text, "virtual machine") != NULL, c >> 31);
	} else if (geteuid()) {
		assert_int_equal(rc, -EPERM);
		assert_text(why.text, "needs root");
	}
}

/* ---- one frequency ---- */

static void lowest_is_held_seen_and_undone(void **state)
{
	struct bed *b = bed_of(state);
	char plan[200];

	bed_ask(b, "lowest");
	cpufreq_plan(&b->setup, plan, sizeof(plan));
	assert_string_equal(plan, "holds CPU 0-1 at the lowest frequency, 1200000 kHz");
	bed_start(b, "lowest");
	assert_file(P0 "scaling_min_freq", "1200000");
	assert_file(P0 "scaling_max_freq", "1200000");
	assert_file(P1 "scaling_max_freq", "1200000");
	fake_kernel();
	bed_look(b, 10);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_text(b->evidence.text, "20 of 20 readings of scaling_cur_freq");
	assert_text(b->evidence.text, "2 of 2 policies followed");
	assert_int_equal(b->stage->event_count, 1);
	assert_string_equal(b->stage->events[0].kind, "cpufreq");
	assert_string_equal(b->stage->events[0].text, "cpufreq of CPU 0-1 set to 1200000 kHz");
	assert_false(b->stage->events[0].injected);
	assert_int_equal(b->stage->point_count, 20);
	assert_string_equal(b->stage->points[1].series, "frequency CPU 1");
	assert_string_equal(b->stage->points[1].unit, "kHz");
	assert_true(b->stage->points[1].value == 1200000);
	assert_undone(b);
}

/* The files take it and nothing happens: that is no evidence. */
static void a_frequency_that_does_not_follow_is_not_observed(void **state)
{
	struct bed *b = bed_of(state);
	char *before = fake_freq_snapshot(true), *after;

	bed_start(b, "highest");
	assert_file(P1 "scaling_min_freq", "2400000");
	bed_look(b, 10);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "0 of 20 readings");
	if (journal_undo(b->journal, 0, &b->err))
		fail_msg("%s", b->err.text);
	after = fake_freq_snapshot(true);
	assert_string_equal(after, before);
	free(before);
	free(after);
}

static void one_policy_that_does_not_follow_spoils_it(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "highest");
	fake_kernel();
	fake_freq_put(P1 "scaling_cur_freq", "2200000");
	bed_look(b, 10);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "1 of 2 policies followed");
}

/* Nine of ten looks are enough, eight are not; 5 % is near. */
static void nine_of_ten_looks_are_enough(void **state)
{
	struct bed *b = bed_of(state);

	for (int bad = 1; bad <= 2; bad++) {
		bed_start(b, "highest");
		fake_freq_put(P0 "scaling_cur_freq", "2281000");
		fake_freq_put(P1 "scaling_cur_freq", "2519000");
		bed_look(b, 10 - bad);
		fake_freq_put(P0 "scaling_cur_freq", "2279000");
		bed_look(b, bad);
		bed_stop(b);
		assert_int_equal(b->evidence.observed, bad == 1);
		assert_undone(b);
	}
}

static void limits_changed_by_another_are_told(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "lowest");
	fake_kernel();
	bed_look(b, 10);
	fake_freq_put(P1 "scaling_max_freq", "2400000");
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "CPU 1: scaling_min_freq and scaling_max_freq were set to 1200000 and "
				      "1200000 kHz and read 1200000 and 2400000 kHz");
	assert_undone(b);
}

static void an_unreadable_frequency_is_not_observed(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "lowest");
	fake_kernel();
	assert_int_equal(unlink(P1 "scaling_cur_freq"), 0);
	bed_look(b, 10);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "readings of it that failed: 10");
}

/* libcpupower takes an ERANGE of before for its own. */
static void an_old_errno_does_not_hide_the_frequency(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "lowest");
	fake_kernel();
	for (int i = 0; i < 10; i++) {
		errno = ERANGE;
		bed_look(b, 1);
	}
	errno = ERANGE;
	bed_stop(b);
	assert_true(b->evidence.observed);
}

static void fixed_goes_through_the_userspace_governor(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "fixed khz=1600000");
	assert_file(P1 "scaling_governor", "userspace");
	assert_int_equal(strtoul(fake_freq_get(P1 "scaling_setspeed"), NULL, 10), 1600000);
	assert_file(P1 "scaling_min_freq", "1200000");
	assert_file(P1 "scaling_max_freq", "2400000");
	fake_freq_put(P0 "scaling_cur_freq", "2400000");
	fake_kernel();
	bed_look(b, 10);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_string_equal(b->stage->events[0].text, "cpufreq of CPU 0-1 set to 1600000 kHz");
	assert_undone(b);
}

/* Found under that governor, the speed is put back too. */
static void fixed_puts_the_old_speed_back(void **state)
{
	struct bed *b = bed_of(state);

	fake_freq_put(P0 "scaling_governor", "userspace");
	fake_freq_put(P0 "scaling_setspeed", "1600000");
	free(b->before);
	b->before = fake_freq_snapshot(false);
	bed_start(b, "fixed khz=2400000");
	assert_file(P0 "scaling_setspeed", "2400000");
	fake_kernel();
	bed_look(b, 10);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_undone(b);
	assert_file(P0 "scaling_cur_freq", "1600000");
}

static void fixed_without_that_governor_holds_min_and_max(void **state)
{
	struct bed *b = bed_of(state);

	fake_freq_put(P1 "scaling_available_governors", "powersave schedutil \n");
	free(b->before);
	b->before = fake_freq_snapshot(false);
	bed_start(b, "fixed khz=1600000");
	assert_file(P0 "scaling_governor", "schedutil");
	assert_file(P0 "scaling_min_freq", "1600000");
	assert_file(P0 "scaling_max_freq", "1600000");
	fake_kernel();
	bed_look(b, 10);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_undone(b);
}

static void a_frequency_that_is_not_offered_is_refused(void **state)
{
	struct bed *b = bed_of(state);
	struct wish wish = { .mode = FIXED, .khz = 2000000 };
	struct freq_set set;

	refused(b, "fixed khz=2000000", -EINVAL,
		"does not run at 2000000 kHz; it offers: 2400000 1600000 1200000 kHz");
	unlink(P0 "scaling_available_frequencies");
	unlink(P1 "scaling_available_frequencies");
	refused(b, "fixed khz=2400001", -EINVAL, "it offers: 1200000 to 2400000 kHz");
	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(set_can(&wish, &set, &b->err), 0);
	freq_free(&set);
}

/* ---- toggling ---- */

static bool both_ends(const struct freq_watched *w)
{
	return w->kernel.near[FREQ_LOW] && w->kernel.near[FREQ_HIGH];
}

static void look_until_both_ends(struct bed *b)
{
	uint64_t end = now_ns() + DEADLINE_S * (uint64_t)NS_PER_SEC;
	const struct freq_watched *w = ((struct state *)b->state)->watch.watched;

	while (now_ns() < end && !(both_ends(&w[0]) && both_ends(&w[1]))) {
		fake_kernel();
		bed_look(b, 1);
	}
}

static void toggling_is_seen_at_both_ends(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "toggle rate=100");
	look_until_both_ends(b);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_text(b->evidence.text, "toggles of CPU 0-1 between 1200000 kHz and 2400000 kHz");
	assert_true(b->stage->event_count > 2);
	assert_string_equal(b->stage->events[1].text, "cpufreq of CPU 0-1 set to 2400000 kHz");
	assert_string_equal(b->stage->events[2].text, "cpufreq of CPU 0-1 set to 1200000 kHz");
	assert_undone(b);
}

static void toggling_without_effect_is_not_observed(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "toggle rate=200");
	bed_look(b, 8);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "0 of 2 policies followed");
	assert_undone(b);
}

static void one_frequency_cannot_be_toggled(void **state)
{
	struct bed *b = bed_of(state);

	fake_freq_put(P1 "cpuinfo_max_freq", "1200000");
	refused(b, "toggle", -ENOTSUP, "CPU 1 has only one frequency, 1200000 kHz");
}

static void events_are_bounded(void **state)
{
	struct bed *b = bed_of(state);
	struct state s = { .stage = b->stage };

	for (int i = 0; i < EVENTS_MAX; i++)
		tell(&s, 1, "change");
	assert_string_equal(b->stage->events[999].text, "change");
	tell(&s, 2, "change");
	assert_string_equal(
		b->stage->events[999].text, "further changes of cpufreq in this phase are not listed");
	for (int i = 0; i < 100; i++)
		tell(&s, 3, "change");
	assert_int_equal(b->stage->events[999].tsc, 2);
	assert_int_equal(s.events, EVENTS_MAX + 1);
}

/* ---- governor and turbo ---- */

static void a_governor_is_set_and_read_back(void **state)
{
	struct bed *b = bed_of(state);

	fake_freq_put(P0 "energy_performance_preference", "balance");
	free(b->before);
	b->before = fake_freq_snapshot(false);
	bed_start(b, "governor name=powersave");
	assert_file(P1 "scaling_governor", "powersave");
	/* As a driver does with the governor. */
	fake_freq_put(P0 "energy_performance_preference", "maximum");
	fake_kernel();
	bed_look(b, 3);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_text(b->evidence.text, "governor powersave asked for CPU 0-1; in force at the end");
	assert_text(b->evidence.text, "2400000 to 2400000 kHz in 6 readings");
	assert_undone(b);
}

static void a_governor_that_another_changed_is_told(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "governor name=powersave");
	fake_freq_put(P1 "scaling_governor", "schedutil");
	bed_look(b, 3);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "was set to \"powersave\" and reads \"schedutil\"");
}

static void a_governor_that_is_not_there_is_refused(void **state)
{
	struct bed *b = bed_of(state);

	refused(b, "governor name=power", -EINVAL,
		"CPU 0 has no cpufreq governor \"power\"; it has: powersave userspace schedutil");
	unlink(P0 "scaling_available_governors");
	refused(b, "governor name=powersave", -EINVAL, "none that it would name");
}

static void turbo_has_one_of_three_switches(void **state)
{
	static const struct {
		const char *path, *on, *off;
	} switches[] = {
		{ P1 "boost", "1", "0" },
		{ TREE "/cpufreq/boost", "1", "0" },
		{ TREE "/intel_pstate/no_turbo", "0", "1" },
	};
	struct bed *b = bed_of(state);

	refused(b, "turbo state=off", -ENODEV, "no switch for turbo");
	assert_int_equal(mkdir(TREE "/intel_pstate", 0755), 0);
	fake_freq_put(P0 "boost", "1");
	for (size_t i = 0; i < 3; i++) {
		fake_freq_put(switches[i].path, switches[i].on);
		free(b->before);
		b->before = fake_freq_snapshot(false);
		bed_start(b, "turbo state=off");
		assert_file(switches[i].path, switches[i].off);
		/* As the kernel does with the switch. */
		fake_freq_put(P1 "scaling_max_freq", "1600000");
		fake_kernel();
		bed_look(b, 3);
		bed_stop(b);
		assert_true(b->evidence.observed);
		assert_text(b->evidence.text, "turbo off asked for; in force at the end");
		assert_undone(b);
	}
	assert_string_equal(b->stage->events[0].text, "cpufreq turbo switched off");
}

static void turbo_that_comes_back_is_not_observed(void **state)
{
	struct bed *b = bed_of(state);

	fake_freq_put(TREE "/cpufreq/boost", "1");
	bed_start(b, "turbo state=off");
	fake_freq_put(TREE "/cpufreq/boost", "1");
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "was set to 0 and reads 1");
	/* One policy without a switch is not passed over. */
	unlink(TREE "/cpufreq/boost");
	fake_freq_put(P0 "boost", "1");
	refused(b, "turbo state=off", -ENOENT, "policy1/boost");
}

/* ---- faults ---- */

static void no_driver_is_said(void **state)
{
	struct bed *b = bed_of(state);

	char plan[200];

	unlink(TREE "/cpu1/cpufreq");
	bed_ask(b, "lowest");
	cpufreq_plan(&b->setup, plan, sizeof(plan));
	assert_string_equal(plan, "holds the probes' CPUs at the lowest frequency");
	refused(b, "lowest", -ENODEV, "no cpufreq driver: " TREE "/cpu1/cpufreq is not there");
}

static void a_read_only_file_is_refused(void **state)
{
	struct bed *b = bed_of(state);
	const char *path = P0 "scaling_max_freq";

	assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	refused(b, "lowest", -EROFS, "scaling_max_freq: cannot be written: Read-only file system");
	b->err.text[0] = '\0';
	assert_undone(b);
	assert_int_equal(umount(path), 0);
}

static void a_file_that_vanishes_before_the_start_fails_it(void **state)
{
	struct bed *b = bed_of(state);
	char *now, *after;

	bed_ask(b, "toggle");
	assert_int_equal(cpufreq_supported(&b->setup, &b->err), 0);
	unlink(P1 "scaling_max_freq");
	now = fake_freq_snapshot(true);
	assert_int_equal(cpufreq_start(&b->setup, &b->state, &b->err), -ENOENT);
	assert_null(b->state);
	assert_text(b->err.text, "policy1/scaling_max_freq");
	assert_int_equal(journal_undo(b->journal, 0, &b->err), 0);
	after = fake_freq_snapshot(true);
	assert_string_equal(after, now);
	free(now);
	free(after);
}

static void a_file_that_vanishes_ends_the_toggling(void **state)
{
	struct bed *b = bed_of(state);
	uint64_t end = now_ns() + DEADLINE_S * (uint64_t)NS_PER_SEC;
	uint64_t turns;
	size_t told;
	struct state *s;

	bed_start(b, "toggle rate=100");
	s = b->state;
	look_until_both_ends(b);
	assert_int_equal(rename(P1 "scaling_max_freq", P1 "away"), 0);
	/* Each success is told before its turn counts: more turns than that are a failure. */
	do {
		usleep(10000);
		turns = toggler_turns(s->toggler);
		pthread_mutex_lock(&b->stage->lock);
		told = b->stage->event_count;
		pthread_mutex_unlock(&b->stage->lock);
	} while (now_ns() < end && turns + 2 <= told);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "the next one failed: " P1 "scaling_max_freq: cannot write");
	assert_int_equal(journal_undo(b->journal, 0, &b->err), -ENOENT);
	assert_text(b->err.text, "policy1/scaling_max_freq");
	b->err.text[0] = '\0';
	assert_int_equal(rename(P1 "away", P1 "scaling_max_freq"), 0);
	assert_undone(b);
}

static void a_driver_that_goes_away_is_not_observed(void **state)
{
	struct bed *b = bed_of(state);

	bed_start(b, "lowest");
	fake_kernel();
	bed_look(b, 20);
	assert_int_equal(rename(TREE "/cpu1/cpufreq", TREE "/away"), 0);
	assert_int_equal(rename(P1 "scaling_max_freq", P1 "away"), 0);
	bed_look(b, 1);
	bed_stop(b);
	assert_false(b->evidence.observed);
	assert_text(b->evidence.text, "cannot be read back");
	assert_text(b->evidence.text, "readings of it that failed: 1");
	assert_int_equal(rename(TREE "/away", TREE "/cpu1/cpufreq"), 0);
	assert_int_equal(rename(P1 "away", P1 "scaling_max_freq"), 0);
	assert_undone(b);
}

static void a_refused_value_fails_halfway_and_is_undone(void **state)
{
	struct bed *b = bed_of(state);

	unlink(P1 "scaling_max_freq");
	assert_int_equal(symlink("/dev/full", P1 "scaling_max_freq"), 0);
	free(b->before);
	b->before = fake_freq_snapshot(false);
	bed_ask(b, "highest");
	assert_int_equal(cpufreq_supported(&b->setup, &b->err), 0);
	assert_int_equal(cpufreq_start(&b->setup, &b->state, &b->err), -ENOSPC);
	assert_null(b->state);
	assert_text(b->err.text, "policy1/scaling_max_freq");
	/* The first policy was changed by then. */
	assert_file(P0 "scaling_min_freq", "1200000");
	assert_int_equal(b->stage->event_count, 0);
	b->err.text[0] = '\0';
	assert_undone(b);
}

/* A write that is taken and dropped: reading back finds it. */
static void a_value_that_does_not_stick_fails_the_start(void **state)
{
	struct bed *b = bed_of(state);

	unlink(P1 "scaling_min_freq");
	assert_int_equal(symlink("/dev/null", P1 "scaling_min_freq"), 0);
	unlink(P0 "scaling_governor");
	assert_int_equal(symlink("/dev/null", P0 "scaling_governor"), 0);
	free(b->before);
	b->before = fake_freq_snapshot(false);
	bed_ask(b, "lowest");
	assert_int_equal(cpufreq_start(&b->setup, &b->state, &b->err), -EIO);
	assert_text(b->err.text, "cannot be read back");
	b->err.text[0] = '\0';
	bed_ask(b, "governor name=powersave");
	assert_int_equal(cpufreq_start(&b->setup, &b->state, &b->err), -EIO);
	assert_text(b->err.text, "was set to \"powersave\" and reads \"\"");
	b->err.text[0] = '\0';
	assert_undone(b);
}

static void cpus_that_differ_are_told_as_a_range(void **state)
{
	struct bed *b = bed_of(state);

	fake_freq_put(P1 "cpuinfo_min_freq", "1600000");
	bed_start(b, "lowest");
	assert_file(P1 "scaling_max_freq", "1600000");
	assert_string_equal(b->stage->events[0].text, "cpufreq of CPU 0-1 set to 1200000 to 1600000 kHz");
	fake_kernel();
	bed_look(b, 5);
	bed_stop(b);
	assert_true(b->evidence.observed);
}

/* All tests behind this one see it instead of the machine's own. */
static void a_fake_tree_takes_its_place(void **state)
{
	(void)state;
	no_tree = fake_freq_begin();
	if (no_tree) {
		print_message("%s\n", no_tree);
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_belong_to_their_mode),
		cmocka_unit_test(arguments_become_a_wish),
		cmocka_unit_test(this_machine_says_why_not),
		cmocka_unit_test(a_fake_tree_takes_its_place),
		BED_TEST(lowest_is_held_seen_and_undone),
		BED_TEST(a_frequency_that_does_not_follow_is_not_observed),
		BED_TEST(one_policy_that_does_not_follow_spoils_it),
		BED_TEST(nine_of_ten_looks_are_enough),
		BED_TEST(limits_changed_by_another_are_told),
		BED_TEST(an_unreadable_frequency_is_not_observed),
		BED_TEST(an_old_errno_does_not_hide_the_frequency),
		BED_TEST(fixed_goes_through_the_userspace_governor),
		BED_TEST(fixed_puts_the_old_speed_back),
		BED_TEST(fixed_without_that_governor_holds_min_and_max),
		BED_TEST(a_frequency_that_is_not_offered_is_refused),
		BED_TEST(toggling_is_seen_at_both_ends),
		BED_TEST(toggling_without_effect_is_not_observed),
		BED_TEST(one_frequency_cannot_be_toggled),
		BED_TEST(events_are_bounded),
		BED_TEST(a_governor_is_set_and_read_back),
		BED_TEST(a_governor_that_another_changed_is_told),
		BED_TEST(a_governor_that_is_not_there_is_refused),
		BED_TEST(turbo_has_one_of_three_switches),
		BED_TEST(turbo_that_comes_back_is_not_observed),
		BED_TEST(no_driver_is_said),
		BED_TEST(a_read_only_file_is_refused),
		BED_TEST(a_file_that_vanishes_before_the_start_fails_it),
		BED_TEST(a_file_that_vanishes_ends_the_toggling),
		BED_TEST(a_driver_that_goes_away_is_not_observed),
		BED_TEST(a_refused_value_fails_halfway_and_is_undone),
		BED_TEST(a_value_that_does_not_stick_fails_the_start),
		BED_TEST(cpus_that_differ_are_told_as_a_range),
	};

	tsc_init();
	return cmocka_run_group_tests_name("bench/disturb_cpufreq", tests, NULL, NULL);
}
