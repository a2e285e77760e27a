/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/disturb_cstate.c"

#include "bench/idle_bed.h"

/* ---- without a machine ---- */

static int check(const char *mode, double state, double rate, const char *why)
{
	struct bed bed;
	int rc;

	bed_ask(&bed, mode, state, rate);
	rc = disturb_cstate.check(bed.arguments, &bed.err);
	assert_says(bed.err.text, why);
	return rc;
}

static void arguments_fit_together(void **state)
{
	(void)state;
	assert_int_equal(check("shallowest", NAN, NAN, ""), 0);
	assert_int_equal(check("upto", 0, NAN, ""), 0);
	assert_int_equal(check("toggle", NAN, NAN, ""), 0);
	assert_int_equal(check("toggle", NAN, 0.1, ""), 0);
	assert_int_equal(check("rest", NAN, NAN, ""), 0);
	assert_int_equal(check("upto", NAN, NAN, "needs state"), -EINVAL);
	assert_int_equal(check("upto", 1.5, NAN, "whole number"), -EINVAL);
	assert_int_equal(check("upto", 1, 10, "toggle only"), -EINVAL);
	assert_int_equal(check("deepest", 1, NAN, "upto only"), -EINVAL);
	assert_int_equal(check("shallowest", NAN, 10, "toggle only"), -EINVAL);
	assert_int_equal(check("rest", NAN, 10, "toggle only"), -EINVAL);
}

static void words_of_the_modes(void **state)
{
	(void)state;
	assert_int_equal(idle_mode_find("shallowest"), IDLE_SHALLOWEST);
	assert_int_equal(idle_mode_find("upto"), IDLE_UPTO);
	assert_int_equal(idle_mode_find("deepest"), IDLE_DEEPEST);
	assert_int_equal(idle_mode_find("toggle"), IDLE_TOGGLE);
	assert_int_equal(idle_mode_find("rest"), IDLE_REST);
	assert_int_equal(idle_mode_find("up"), IDLE_MODES);
	assert_int_equal(idle_mode_find("restless"), IDLE_MODES);
}

/* One digit a state: 1 disable, 0 enable, - leave alone. */
static void assert_wish(enum idle_mode mode, unsigned limit, const char *wanted)
{
	struct idle_wish w = { .mode = mode, .limit = limit };
	unsigned count = (unsigned)strlen(wanted);

	for (unsigned s = 0; s < count; s++)
		assert_int_equal(idle_wish_disable(&w, s, count), wanted[s] == '-' ? -1 : wanted[s] - '0');
}

static void states_wanted(void **state)
{
	(void)state;
	assert_wish(IDLE_SHALLOWEST, 0, "0111");
	assert_wish(IDLE_UPTO, 0, "-111");
	assert_wish(IDLE_UPTO, 2, "---1");
	assert_wish(IDLE_UPTO, 3, "----");
	assert_wish(IDLE_DEEPEST, 0, "1110");
	assert_wish(IDLE_TOGGLE, 0, "0110");
	assert_wish(IDLE_TOGGLE, 0, "00");
	assert_wish(IDLE_REST, 0, "0000");
	assert_wish(IDLE_REST, 0, "0");
}

/* ---- the real machine ---- */

#define GUARDS_MAX 64

static char real_before[4096];
static struct guard {
	int pipe;
	pid_t pid;
} guards[GUARDS_MAX];
static size_t guard_count;

/* Each process holds the pipes of those before it, so they end in reverse order, by themselves too. */
static void guards_begin(const struct bed *bed)
{
	for (size_t i = 0; i < bed->setup.cpu_count; i++) {
		unsigned count = cpuidle_state_count((unsigned)bed->cpus[i]);

		for (unsigned s = 0; s < count && guard_count < GUARDS_MAX; s++) {
			struct guard *g = &guards[guard_count];
			char path[96];

			snprintf(path, sizeof(path), FAKE_CPU_DIR "/cpu%d/cpuidle/state%u/disable",
				bed->cpus[i], s);
			g->pipe = fake_guard(path, &g->pid);
			assert_true(g->pipe >= 0);
			guard_count++;
		}
	}
}

static void guards_end(void)
{
	while (guard_count > 0) {
		guard_count--;
		assert_int_equal(fake_guard_end(guards[guard_count].pipe, guards[guard_count].pid), 0);
	}
}

static void read_files(char text[4096])
{
	struct error err = { "" };
	size_t at = 0;

	for (int cpu = 0; cpu < 2; cpu++) {
		for (unsigned s = 0; s < cpuidle_state_count((unsigned)cpu) && at < 3900; s++) {
			char path[96], value[64] = "?";

			snprintf(path, sizeof(path), FAKE_CPU_DIR "/cpu%d/cpuidle/state%u/disable", cpu, s);
			sysfs_read(path, value, sizeof(value), &err);
			at += (size_t)snprintf(text + at, 4096 - at, "%d.%u=%s ", cpu, s, value);
		}
	}
}

static bool real_begin(struct bed *bed, const char *mode, double limit, double rate)
{
	bed_ask(bed, mode, limit, rate);
	/* A machine may have one CPU, or number its own otherwise. */
	bed->setup.cpu_count = cpuidle_state_count(1) ? 2 : 1;
	if (bed_supported(bed)) {
		print_message("skipped: %s\n", bed->err.text);
		return false;
	}
	read_files(real_before);
	guards_begin(bed);
	return true;
}

static void observe_for(struct bed *bed, int times)
{
	for (int i = 0; i < times; i++) {
		usleep(100000);
		disturb_cstate.observe(bed->state, tsc_before());
	}
}

static void real_end(struct bed *bed)
{
	struct error err = { "" };
	char after[4096];

	assert_int_equal(journal_undo(&bed->journal, 0, &err), 0);
	read_files(after);
	guards_end();
	assert_string_equal(after, real_before);
}

/* A busy machine may never idle; all else that can be asked of the kernel it has to keep. */
static void run_really(const char *mode, double limit, uint64_t allowed)
{
	int fds = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task");
	uint64_t all, beyond;
	struct cstate *c;
	struct bed bed;

	if (!real_begin(&bed, mode, limit, NAN))
		skip();
	bed_start(&bed);
	observe_for(&bed, 10);
	c = bed.state;
	all = idle_counts_from(c->counts, 0).entries;
	beyond = idle_counts_from(c->counts, c->wish.limit + 1).entries;
	assert_true(stage.point_count >= 10 * 2 * idle_counts_names(c->counts));
	bed_stop(&bed);
	real_end(&bed);
	assert_int_equal(entries_of("/proc/self/fd"), fds);
	assert_threads(threads);
	assert_true(stage.event_count == 2);
	assert_true(beyond <= allowed);
	if (all > beyond && allowed < UINT64_MAX)
		assert_true(bed.evidence.observed);
}

static void really_shallowest(void **state)
{
	(void)state;
	run_really("shallowest", NAN, 2);
}

static void really_upto(void **state)
{
	(void)state;
	run_really("upto", 0, 2);
}

static void really_deepest(void **state)
{
	(void)state;
	run_really("deepest", NAN, UINT64_MAX);
}

static void really_rest(void **state)
{
	(void)state;
	run_really("rest", NAN, UINT64_MAX);
}

static void really_toggle(void **state)
{
	int fds = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task");
	uint64_t deadline = now_ns() + DEADLINE_NS;
	struct cstate *c;
	struct bed bed;

	(void)state;
	if (!real_begin(&bed, "toggle", NAN, 50))
		skip();
	bed_start(&bed);
	c = bed.state;
	while (toggler_turns(c->toggler) < 50 && now_ns() < deadline)
		observe_for(&bed, 1);
	assert_true(toggler_turns(c->toggler) >= 50);
	bed_stop(&bed);
	real_end(&bed);
	assert_says(bed.evidence.text, " toggles in ");
	assert_int_equal(entries_of("/proc/self/fd"), fds);
	assert_threads(threads);
}

/* ---- the fake ---- */

static void why_not(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "shallowest", NAN, NAN))
		skip();
	assert_int_equal(supported_on("shallowest", NAN, NAN, ""), 0);
	assert_int_equal(supported_on("upto", 3, NAN, ""), 0);
	assert_int_equal(
		supported_on("upto", 4, NAN, "CPU 0 has no idle state 4: its deepest is 3"), -ENODEV);
	assert_int_equal(supported_on("toggle", NAN, 0.4, ""), 0);
	assert_int_equal(supported_on("toggle", NAN, 0.3, "no whole cycle in 5 s"), -EINVAL);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(supported_on("shallowest", NAN, NAN, "needs root"), -EPERM);
	assert_int_equal(seteuid(0), 0);
	assert_true(fake_limit_put(100));
	assert_int_equal(supported_on("deepest", NAN, NAN, "latency at 100 µs"), -EBUSY);
	fake_idle_end();
}

static void why_not_without_states(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "rest", NAN, NAN))
		skip();
	/* State directories are counted until one is missing. */
	assert_int_equal(rename(FAKE_CPU_DIR "/cpu1/cpuidle/state1", FAKE_CPU_DIR "/gone"), 0);
	assert_int_equal(supported_on("shallowest", NAN, NAN, "CPU 1 has one idle state only"), -ENODEV);
	assert_int_equal(supported_on("rest", NAN, NAN, ""), 0);
	assert_int_equal(rename(FAKE_CPU_DIR "/cpu1/cpuidle", FAKE_CPU_DIR "/gone1"), 0);
	assert_int_equal(supported_on("rest", NAN, NAN, "CPU 1 has no idle states; is it offline?"), -ENODEV);
	assert_true(fake_put("none\n", "cpuidle/current_driver"));
	assert_int_equal(supported_on("rest", NAN, NAN, "no driver"), -ENODEV);
	fake_idle_end();
}

static void assert_plan(const struct bed *bed, const char *wanted)
{
	char text[200];

	disturb_cstate.plan(&bed->setup, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void upto_disables_what_is_deeper(void **state)
{
	struct error err = { "" };
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "upto", 1, NAN))
		skip();
	/* As the user has it is no change of ours. */
	assert_true(fake_number(1, 0, 3, "disable"));
	assert_true(fake_number(1, 0, 0, "disable"));
	assert_plan(&bed,
		"disable idle states deeper than C1 on the probes' CPUs, hold the wake-up latency of "
		"all CPUs at 49 µs");
	bed_start(&bed);
	assert_files("1011 0011");
	assert_int_equal(fake_limit_read(), 49);
	assert_int_equal(bed.journal.count, 3);
	assert_null(fake_journal_value(&bed.journal, FAKE_CPU_DIR "/cpu0/cpuidle/state3/disable"));
	fake_enter(0, 70, 1, 1);
	bed_stop(&bed);
	assert_true(bed.evidence.observed);
	assert_says(bed.evidence.text, "C1: 70 entries, ");
	assert_int_equal(journal_undo(&bed.journal, 0, &err), 0);
	assert_files("1001 0000");
	fake_idle_end();
}

static void upto_the_deepest_needs_no_limit(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "upto", 3, NAN))
		skip();
	assert_plan(&bed, "allow idle states up to C6, which is the deepest");
	bed_start(&bed);
	assert_files("0000 0000");
	assert_int_equal(bed.journal.count, 0);
	assert_int_equal(fake_limit_read(), 2000000000);
	bed_stop(&bed);
	assert_false(bed.evidence.observed);
	assert_says(bed.evidence.text, "never idle");
	fake_idle_end();
}

/* deepest: both those that the user had disabled and the others are put back. */
static void deepest_enables_it(void **state)
{
	struct error err = { "" };
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "deepest", NAN, NAN))
		skip();
	assert_true(fake_number(1, 1, 3, "disable"));
	assert_true(fake_number(1, 1, 2, "disable"));
	assert_plan(&bed, "disable all idle states of the probes' CPUs but the deepest, C6");
	bed_start(&bed);
	assert_files("1110 1110");
	assert_int_equal(fake_limit_read(), 2000000000);
	fake_enter(5, 0, 0, 1);
	bed_stop(&bed);
	assert_true(bed.evidence.observed);
	assert_int_equal(journal_undo(&bed.journal, 0, &err), 0);
	assert_files("0000 0011");
	fake_idle_end();
}

static void rest_enables_all(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "rest", NAN, NAN))
		skip();
	assert_true(fake_number(1, 0, 3, "disable"));
	assert_true(fake_limit_put(7)); /* somebody's: not touched */
	bed_start(&bed);
	assert_files("0000 0000");
	assert_int_equal(fake_limit_read(), 7);
	fake_enter(100, 100, 100, 0);
	bed_stop(&bed);
	assert_false(bed.evidence.observed);
	assert_says(bed.evidence.text, "the deepest state was never entered; POLL: 100 entries");
	fake_idle_end();
}

static void points_are_of_the_time_between(void **state)
{
	struct cstate *c;
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "shallowest", NAN, NAN))
		skip();
	bed_start(&bed);
	assert_files("0111 0111");
	assert_int_equal(fake_limit_read(), 0);
	c = bed.state;
	fake_enter(1000, 0, 0, 0);
	c->seen_ns -= 10 * NS_PER_SEC;
	disturb_cstate.observe(bed.state, 1);
	/* The seconds are those, and what the test took on top. */
	assert_true(last_point("entries POLL", "1/s") <= 100 && last_point("entries POLL", "1/s") > 50);
	assert_true(last_point("residency POLL", "%") <= 0.5 && last_point("residency POLL", "%") > 0.25);
	assert_true(last_point("entries C6", "1/s") == 0);
	disturb_cstate.observe(bed.state, 2);
	assert_true(last_point("entries POLL", "1/s") == 0);
	bed_stop(&bed);
	assert_true(bed.evidence.observed);
	assert_says(bed.evidence.text, "POLL: 1000 entries, ");
	fake_idle_end();
}

static void deep_entries_speak_against_shallow(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "shallowest", NAN, NAN))
		skip();
	bed_start(&bed);
	fake_enter(1000, 2, 0, 1);
	bed_stop(&bed);
	assert_false(bed.evidence.observed);
	assert_says(bed.evidence.text, "states that were not allowed were entered 3 times");

	bed_start(&bed);
	fake_enter(1000, 2, 1, 2); /* one more each of C3 and C6 */
	bed_stop(&bed);
	assert_false(bed.evidence.observed);
	assert_says(bed.evidence.text, "no state that was allowed was entered");
	fake_idle_end();
}

static void toggles_that_lack(void **state)
{
	struct cstate *c;
	char text[100];
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "toggle", NAN, 10))
		skip();
	assert_plan(&bed,
		"switch idle CPUs between their shallowest and deepest idle states, POLL and C6, 10 "
		"times a second");
	bed_start(&bed);
	assert_files("0110 0110");
	c = bed.state;
	assert_true(evidence_lacks(c, 10, 100, 0, text, sizeof(text)));
	assert_string_equal(text, "the CPUs were never idle");
	fake_enter(10, 10, 0, 2);
	idle_counts_update(c->counts);
	assert_true(evidence_lacks(c, 10, 100, 0, text, sizeof(text)));
	assert_string_equal(text, "the deepest state was not entered after the first toggle");
	fake_enter(10, 10, 0, 10);
	idle_counts_update(c->counts);
	assert_false(evidence_lacks(c, 10, 90, 0, text, sizeof(text)));
	assert_true(evidence_lacks(c, 10, 89, 0, text, sizeof(text)));
	assert_string_equal(text, "100 toggles were asked for");
	assert_true(evidence_lacks(c, 10, 100, -EIO, text, sizeof(text)));
	assert_says(text, "ended early");
	bed_stop(&bed);

	/* A file does not forget a request with its descriptor, as the kernel does. */
	assert_true(fake_limit_put(IDLE_LIMIT_NONE));
	bed_start(&bed);
	c = bed.state;
	fake_enter(10, 20, 0, 20);
	idle_counts_update(c->counts);
	assert_true(evidence_lacks(c, 10, 100, 0, text, sizeof(text)));
	assert_string_equal(text, "the shallowest state was never entered");
	bed_stop(&bed);
	fake_idle_end();
}

static void turns_write_the_limit(void **state)
{
	struct cstate c = { 0 };
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "toggle", NAN, 10))
		skip();
	c.limit_fd = idle_limit_open(&bed.err);
	assert_true(c.limit_fd >= 0);
	assert_int_equal(toggle_step(&c, 0), 0);
	assert_int_equal(fake_limit_read(), 0);
	assert_int_equal(toggle_step(&c, 1), 0);
	assert_int_equal(fake_limit_read(), 2000000000);
	close(c.limit_fd);
	assert_int_equal(toggle_step(&c, 2), -EBADF);
	fake_idle_end();
}

int main(void)
{
	/* The real machine comes first: the fake hides it from this process. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_fit_together),
		cmocka_unit_test(words_of_the_modes),
		cmocka_unit_test(states_wanted),
		cmocka_unit_test(really_shallowest),
		cmocka_unit_test(really_upto),
		cmocka_unit_test(really_deepest),
		cmocka_unit_test(really_rest),
		cmocka_unit_test(really_toggle),
		cmocka_unit_test(why_not),
		cmocka_unit_test(why_not_without_states),
		cmocka_unit_test(upto_disables_what_is_deeper),
		cmocka_unit_test(upto_the_deepest_needs_no_limit),
		cmocka_unit_test(deepest_enables_it),
		cmocka_unit_test(rest_enables_all),
		cmocka_unit_test(points_are_of_the_time_between),
		cmocka_unit_test(deep_entries_speak_against_shallow),
		cmocka_unit_test(toggles_that_lack),
		cmocka_unit_test(turns_write_the_limit),
	};

	tsc_init();
	return cmocka_run_group_tests_name("bench/disturb_cstate", tests, NULL, NULL);
}
