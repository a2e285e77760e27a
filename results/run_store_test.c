/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run_store.c"

#include "results/results_test.h"

static struct clock_info clocks[] = {
	{ "monotonic", UNIT_NS, 1e9, 64, "tsc", false, true, true, CADENCE_TIGHT },
	{ "rtc", UNIT_TICKS, 32768.5, 32, "rtc", false, false, false, CADENCE_SLOW },
};
static struct unavailable unavailable[] = { { "hpet", "no /dev/hpet: \"why\"" } };
static struct probe_place places[] = {
	{ 3, 1, 2, -1, "fifo", true, true, 4, 0.0025, 26, 52 },
	{ 4, 0, 0, 0, "other", false, false, 0, NAN, 0, 0 },
};
static struct phase_disturbance disturbances[] = {
	{ "load", "share=90", "90 % of each CPU", OBSERVED_YES, "CPU 0: 89.7 %, \xc2\xb1 1" },
	{ "cstate", "", "", OBSERVED_NO, "" },
	{ "hotplug", "1", "", OBSERVED_UNKNOWN, "" },
};
static struct phase_backward backward[] = { { 3, 1, 1 }, { 0, 0, INT64_MAX } };
static struct phase phases[] = {
	{ "first", 9007199254740993, 9007199254740999, NULL, 0, NULL, 0, 0, "" },
	{ "slewed", 9007199254741999, 9007199254742999, disturbances, 3, backward, 2, -499.5, "hpet" },
	{ "last", 9007199254743999, UINT64_MAX, NULL, 0, NULL, 0, NAN, "several" },
};
static struct skipped skipped[] = {
	{ "freq", "cpufreq", "no /sys/devices/system/cpu/cpu0/cpufreq" },
	{ "root", "", "needs root" },
};
static struct event events[] = {
	{ 123456789012345, "cpu-lost", "CPU 3 is gone", false },
	{ 123456789012346, "settime", "by -1 s", true },
};
static struct histogram brackets;
static struct tally tallies[] = { { 3, 1, 1000, 100, 1, 2, 3, 4, UINT32_MAX, &brackets } };

static struct ntp_refusal refusals[] = { { "silent", 3 }, { "kiss-rate", INT64_MAX } };
static struct ntp_server ntp[] = {
	{ "rtc", "[2001:db8::1]:123", 1, 1, "GPS", 29.8, 0, 1e6, 5e5, 2e6, 12345.5, 64, 100, 96, 95, refusals, 2,
		"silent: it does not answer" },
	{ "monotonic", "", -1, -1, "", NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, 0, 0, NULL, 0, "" },
};

static struct run full_run(void)
{
	struct run run = { .dir = test_dir,
		.tool = "clkdrift 0",
		.host = "h\xc3\xa9",
		.scenario = "s",
		.topology = "t",
		.started = "2026-11-22T11:46:08Z",
		.finished = "2026-11-22T11:46:38Z",
		.state = "complete",
		.tsc_hz = 2596120000,
		.tsc_hz_source = "calibration",
		.tsc_fence = "rdtscp",
		.tsc_granularity_cycles = 26,
		.interval_s = 0.01,
		.duration_s = 30,
		.burst = 8,
		.seed = INT64_MAX,
		.judging = { "monotonic", 0.5, "guest" },
		.clocks = clocks,
		.clock_count = 2,
		.unavailable = unavailable,
		.unavailable_count = 1,
		.places = places,
		.place_count = 2,
		.phases = phases,
		.phase_count = 3,
		.skipped = skipped,
		.skipped_count = 2,
		.events = events,
		.event_count = 2,
		.tallies = tallies,
		.tally_count = 1,
		.ntp = ntp,
		.ntp_count = 2,
		.events_lost = 9 };

	memset(&brackets, 0, sizeof(brackets));
	for (uint64_t width = 1; width < 5000000; width *= 3)
		histogram_add(&brackets, width);
	run.environment_before = json_pack("{s:{s:f}}", "adjtimex", "freq_ppm", 1.5);
	run.environment_after = json_pack("{s:{s:f}}", "adjtimex", "freq_ppm", 2.5);
	run.environment_changes = json_pack("[s]", "adjtimex changed");
	return run;
}

static void drop_environment(struct run *run)
{
	json_decref(run->environment_before);
	json_decref(run->environment_after);
	json_decref(run->environment_changes);
}

static void assert_same_head(const struct run *a, const struct run *b)
{
	assert_string_equal(a->tool, b->tool);
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->scenario, b->scenario);
	assert_string_equal(a->topology, b->topology);
	assert_string_equal(a->started, b->started);
	assert_string_equal(a->finished, b->finished);
	assert_string_equal(a->state, b->state);
	assert_true(a->tsc_hz == b->tsc_hz);
	assert_string_equal(a->tsc_hz_source, b->tsc_hz_source);
	assert_string_equal(a->tsc_fence, b->tsc_fence);
	assert_true(a->tsc_granularity_cycles == b->tsc_granularity_cycles);
	assert_true(a->interval_s == b->interval_s);
	assert_true(a->duration_s == b->duration_s);
	assert_int_equal(a->burst, b->burst);
	assert_true(a->seed == b->seed);
	assert_memory_equal(&a->judging, &b->judging, sizeof(a->judging));
	assert_true(a->events_lost == b->events_lost);
	assert_true(json_equal(a->environment_before, b->environment_before));
	assert_true(json_equal(a->environment_after, b->environment_after));
	assert_true(json_equal(a->environment_changes, b->environment_changes));
}

static void assert_same_place(const struct probe_place *a, const struct probe_place *b)
{
	assert_int_equal(a->cpu, b->cpu);
	assert_int_equal(a->package, b->package);
	assert_int_equal(a->core, b->core);
	assert_int_equal(a->node, b->node);
	assert_string_equal(a->scheduler, b->scheduler);
	assert_int_equal(a->pinned, b->pinned);
	assert_int_equal(a->locked, b->locked);
	assert_true(a->late == b->late);
	assert_true(a->cpu_share == b->cpu_share || (isnan(a->cpu_share) && isnan(b->cpu_share)));
	assert_true(a->granularity_cycles == b->granularity_cycles);
	assert_true(a->null_bracket_cycles == b->null_bracket_cycles);
}

static void assert_same_phase(const struct phase *a, const struct phase *b)
{
	assert_string_equal(a->name, b->name);
	assert_true(a->tsc_lo == b->tsc_lo && a->tsc_hi == b->tsc_hi);
	assert_true(a->steering_ppm == b->steering_ppm || (isnan(a->steering_ppm) && isnan(b->steering_ppm)));
	assert_string_equal(a->oscillator, b->oscillator);
	assert_int_equal(a->disturbance_count, b->disturbance_count);
	if (b->disturbance_count)
		assert_memory_equal(
			a->disturbances, b->disturbances, b->disturbance_count * sizeof(*b->disturbances));
	assert_int_equal(a->backward_count, b->backward_count);
	for (size_t i = 0; i < b->backward_count; i++) {
		assert_int_equal(a->backward[i].cpu, b->backward[i].cpu);
		assert_int_equal(a->backward[i].clock, b->backward[i].clock);
		assert_true(a->backward[i].count == b->backward[i].count);
	}
}

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void assert_same_ntp(const struct ntp_server *a, const struct ntp_server *b)
{
	assert_string_equal(a->clock, b->clock);
	assert_string_equal(a->address, b->address);
	assert_int_equal(a->leap, b->leap);
	assert_int_equal(a->stratum, b->stratum);
	assert_string_equal(a->refid, b->refid);
	assert_true(same(a->precision_ns, b->precision_ns));
	assert_true(same(a->root_delay_ns, b->root_delay_ns));
	assert_true(same(a->root_dispersion_ns, b->root_dispersion_ns));
	assert_true(same(a->root_distance_min_ns, b->root_distance_min_ns));
	assert_true(same(a->root_distance_max_ns, b->root_distance_max_ns));
	assert_true(same(a->delay_min_ns, b->delay_min_ns));
	assert_true(a->interval_s == b->interval_s);
	assert_true(a->asked == b->asked && a->answered == b->answered && a->stamped == b->stamped);
	assert_int_equal(a->refusal_count, b->refusal_count);
	for (size_t i = 0; i < b->refusal_count; i++)
		assert_memory_equal(&a->refusals[i], &b->refusals[i], sizeof(*a->refusals));
	assert_string_equal(a->last_problem, b->last_problem);
}

static void test_what_is_stored_is_loaded(void **state)
{
	struct run run = full_run(), back;
	struct error err = { "" };

	(void)state;
	assert_int_equal(run_store(&run, &err), 0);
	if (run_load(test_dir, &back, &err))
		fail_msg("%s", err.text);
	assert_same_head(&run, &back);
	assert_int_equal(back.clock_count, 2);
	assert_memory_equal(back.clocks, clocks, sizeof(clocks));
	assert_int_equal(back.unavailable_count, 1);
	assert_memory_equal(back.unavailable, unavailable, sizeof(unavailable));
	assert_int_equal(back.place_count, 2);
	assert_same_place(&back.places[0], &places[0]);
	assert_same_place(&back.places[1], &places[1]);
	assert_int_equal(back.phase_count, 3);
	for (size_t i = 0; i < back.phase_count; i++)
		assert_same_phase(&back.phases[i], &phases[i]);
	assert_int_equal(back.skipped_count, 2);
	assert_memory_equal(back.skipped, skipped, sizeof(skipped));
	assert_int_equal(back.event_count, 2);
	assert_memory_equal(back.events, events, sizeof(events));
	assert_int_equal(back.ntp_count, 2);
	for (size_t i = 0; i < back.ntp_count; i++)
		assert_same_ntp(&back.ntp[i], &ntp[i]);
	assert_int_equal(back.tally_count, 1);
	assert_memory_equal(back.tallies, tallies, offsetof(struct tally, brackets));
	assert_memory_equal(back.tallies[0].brackets, &brackets, sizeof(brackets));
	run_free(&back);
	drop_environment(&run);
}

/* A run that was killed has a phase without an end, and it is not written as a number. */
static void test_an_open_phase_has_no_end(void **state)
{
	struct run run = full_run();
	struct error err = { "" };
	char *text;

	(void)state;
	assert_int_equal(run_store(&run, &err), 0);
	text = test_read("run.json");
	assert_null(strstr(strstr(text, "\"last\""), "tsc_hi"));
	free(text);
	drop_environment(&run);
}

static void test_what_is_not_known_is_left_out(void **state)
{
	struct run run = { .dir = test_dir,
		.tsc_hz = 1e9,
		.clocks = &clocks[1],
		.clock_count = 1,
		.phases = &(struct phase){ .name = "all", .tsc_hi = 5, .steering_ppm = NAN },
		.phase_count = 1,
		.events = events,
		.event_count = 1 };
	static const char *const keys[] = { "finished", "topology", "environment", "tsc_granularity_cycles",
		"limit_ppm", "limits", "reference", "clocksource", "disturbances", "backward", "steering_ppm",
		"skipped", "injected", "ntp" };
	struct error err = { "" };
	char *text;

	(void)state;
	assert_int_equal(run_store(&run, &err), 0);
	text = test_read("run.json");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_null(strstr(text, keys[i]));
	free(text);
}

static void test_store_that_fails(void **state)
{
	struct run run = full_run();
	struct error err = { "" };
	char *text;

	(void)state;
	assert_int_equal(run_store(&run, &err), 0);
	run.dir = "/nonexistent";
	assert_int_equal(run_store(&run, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/run.json: cannot write: No such file or directory");
	text = test_read("run.json");
	assert_holds(text, "\"complete\"");
	free(text);
	drop_environment(&run);
}

/* 0 is a steering that is known; and of a phase without disturbances the key is left out. */
static void test_steering_of_nothing_is_written(void **state)
{
	struct run run = full_run();
	struct error err = { "" };
	char *text;

	(void)state;
	run.phase_count = 1;
	assert_int_equal(run_store(&run, &err), 0);
	text = test_read("run.json");
	assert_holds(text, "\"steering_ppm\": 0.0");
	assert_null(strstr(text, "disturbances"));
	free(text);
	drop_environment(&run);
}

/* What other programs say may hold anything, and may have been cut by a byte too many. */
static void test_texts_of_others_are_made_plain(void **state)
{
	struct phase_disturbance d = { .name = "load", .evidence = "stress-ng:\n\x1b[31mfailed\xff" };
	struct phase phase = { .name = "p", .tsc_hi = 5, .disturbances = &d, .disturbance_count = 1 };
	struct skipped skip = { "q", "load", "90 \xc2" };
	struct run run = full_run(), back;
	struct error err = { "" };

	(void)state;
	run.phases = &phase;
	run.phase_count = 1;
	run.skipped = &skip;
	run.skipped_count = 1;
	assert_int_equal(run_store(&run, &err), 0);
	if (run_load(test_dir, &back, &err))
		fail_msg("%s", err.text);
	assert_string_equal(back.phases[0].disturbances[0].evidence, "stress-ng:??[31mfailed?");
	assert_string_equal(back.skipped[0].reason, "90 ");
	run_free(&back);
	drop_environment(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_what_is_stored_is_loaded),
		on_disk(test_an_open_phase_has_no_end),
		on_disk(test_what_is_not_known_is_left_out),
		on_disk(test_steering_of_nothing_is_written),
		on_disk(test_texts_of_others_are_made_plain),
		on_disk(test_store_that_fails),
	};

	return cmocka_run_group_tests_name("results/run_store", tests, NULL, NULL);
}
