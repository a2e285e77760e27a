/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run_load_phases.c"

#include "results/results_test.h"

#define HEAD                                                                                                 \
	"{\"schema\":1,\"tsc_hz\":1e9,\n"                                                                    \
	"\"clocks\":[{\"name\":\"monotonic\",\"unit\":\"ns\",\"clocksource\":true},\n"                       \
	"{\"name\":\"hpet\",\"unit\":\"ticks\",\"hz\":1e7,\"bits\":32}],\n"
/* The third phase, on line 6, is the one to fill; other keys of the run begin at line 7. */
#define PHASE                                                                                                \
	HEAD "\"phases\":[{\"name\":\"a, b\",\"tsc_hi\":5,\"disturbances\":[{\"name\":\"}{\"}]},\n"          \
	     "{\"name\":\"b\",\"tsc_lo\":5,\"tsc_hi\":9},\n"                                                 \
	     "{\"name\":\"c\",\"tsc_lo\":9"

static int load(const char *text, struct run *run, struct error *err)
{
	*err = (struct error){ "" };
	test_write("run.json", text);
	return run_load(test_dir, run, err);
}

static void load_good(const char *text, struct run *run)
{
	struct error err;

	if (load(text, run, &err))
		fail_msg("%s", err.text);
}

static void test_defaults(void **state)
{
	struct run run;

	(void)state;
	load_good(PHASE
		",\"disturbances\":null,\"backward\":null,\"steering_ppm\":null,\"oscillator\":null}],"
		"\"events\":[{\"kind\":\"k\"}],\"skipped\":null}",
		&run);
	assert_true(run.clocks[0].clocksource);
	assert_false(run.clocks[1].clocksource);
	assert_int_equal(run.phase_count, 3);
	for (size_t i = 1; i < 3; i++) {
		assert_null(run.phases[i].disturbances);
		assert_int_equal(run.phases[i].disturbance_count, 0);
		assert_int_equal(run.phases[i].backward_count, 0);
		assert_true(isnan(run.phases[i].steering_ppm));
		assert_string_equal(run.phases[i].oscillator, "");
	}
	assert_int_equal(run.phases[0].disturbance_count, 1);
	assert_int_equal(run.phases[0].disturbances[0].observed, OBSERVED_UNKNOWN);
	assert_string_equal(run.phases[0].disturbances[0].evidence, "");
	assert_false(run.events[0].injected);
	assert_int_equal(run.skipped_count, 0);
	run_free(&run);
}

static void test_values(void **state)
{
	struct run run;

	(void)state;
	load_good(PHASE ",\"steering_ppm\":0,\"oscillator\":\"several\",\"disturbances\":["
			"{\"name\":\"slew\",\"asked\":\"ppm=-50\",\"plan\":\"p\",\"observed\":true,"
			"\"evidence\":\"e\"},"
			"{\"name\":\"slew\",\"observed\":false},{\"name\":\"x\",\"observed\":null}],"
			"\"backward\":[{\"cpu\":7,\"clock\":\"hpet\",\"count\":18446744073709551615}]},"
			"{\"name\":\"d\",\"steering_ppm\":-200000}],"
			"\"skipped\":[{\"phase\":\"e\",\"reason\":\"r\"},"
			"{\"phase\":\"e\",\"disturbance\":\"cpufreq\",\"reason\":\"r\"}],"
			"\"events\":[{\"kind\":\"k\",\"injected\":true}]}",
		&run);
	assert_true(run.phases[2].steering_ppm == 0);
	assert_true(run.phases[3].steering_ppm == -200000);
	assert_string_equal(run.phases[2].oscillator, "several");
	assert_int_equal(run.phases[2].disturbance_count, 3);
	assert_string_equal(run.phases[2].disturbances[0].name, "slew");
	assert_string_equal(run.phases[2].disturbances[0].asked, "ppm=-50");
	assert_string_equal(run.phases[2].disturbances[0].plan, "p");
	assert_string_equal(run.phases[2].disturbances[0].evidence, "e");
	assert_int_equal(run.phases[2].disturbances[0].observed, OBSERVED_YES);
	assert_int_equal(run.phases[2].disturbances[1].observed, OBSERVED_NO);
	assert_int_equal(run.phases[2].disturbances[2].observed, OBSERVED_UNKNOWN);
	assert_int_equal(run.phases[2].backward_count, 1);
	assert_int_equal(run.phases[2].backward[0].cpu, 7);
	assert_int_equal(run.phases[2].backward[0].clock, 1);
	assert_true(run.phases[2].backward[0].count == UINT64_MAX);
	assert_int_equal(run.skipped_count, 2);
	assert_string_equal(run.skipped[0].disturbance, "");
	assert_string_equal(run.skipped[1].disturbance, "cpufreq");
	assert_string_equal(run.skipped[1].reason, "r");
	assert_true(run.events[0].injected);
	run_free(&run);
}

/* Line and key of the row that is wrong, not of the first one that has such a key. */
static void test_refusals_name_their_row(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ ",\"steering_ppm\":\"0\"}]}", ":6: \"steering_ppm\" must be a number" },
		{ ",\"steering_ppm\":200000.1}]}", ":6: \"steering_ppm\" is out of range" },
		{ ",\"steering_ppm\":-1e6}]}", ":6: \"steering_ppm\" is out of range" },
		{ ",\"oscillator\":5}]}", ":6: \"oscillator\" must be a text" },
		{ ",\"oscillator\":\"0123456789012345678901234567890x\"}]}",
			":6: \"oscillator\" is too long" },
		{ ",\"tsc_hi\":9}]}", ":6: \"tsc_hi\" must be above" },
		{ ",\"disturbances\":{}}]}", ":6: \"disturbances\" must be a list" },
		{ ",\"disturbances\":[5]}]}", ":6: \"disturbances\" must be a list of objects" },
		{ ",\"disturbances\":[{}]}]}", ":6: \"name\" is missing" },
		{ ",\"disturbances\":[{\"name\":\"x\"},\n{\"name\":\"y\",\"observed\":1}]}]}",
			":7: \"observed\" must be true, false or null" },
		{ ",\"disturbances\":[{\"name\":\"x\",\"asked\":true}]}]}", ":6: \"asked\" must be a text" },
		{ ",\"disturbances\":[{\"name\":\"x\",\"plan\":\"\\n\"}]}]}",
			":6: \"plan\" holds a control" },
		{ ",\"disturbances\":[{},{},{},{},{},{},{},{},{}]}]}", ":6: \"disturbances\" has too many" },
		{ ",\"backward\":7}]}", ":6: \"backward\" must be a list" },
		{ ",\"backward\":[{\"clock\":\"rtc\",\"count\":1}]}]}", ":6: \"clock\" is none of" },
		{ ",\"backward\":[{\"count\":1}]}]}", ":6: \"clock\" is missing" },
		{ ",\"backward\":[{\"clock\":\"hpet\",\"count\":1},\n{\"clock\":\"hpet\"}]}]}",
			":7: \"count\" must be above 0" },
		{ ",\"backward\":[{\"clock\":\"hpet\",\"count\":-1}]}]}", ":6: \"count\" is out of range" },
		{ ",\"backward\":[{\"clock\":\"hpet\",\"cpu\":-1}]}]}", ":6: \"cpu\" is out of range" },
		{ "}],\n\"skipped\":{}}", ":7: \"skipped\" must be a list" },
		{ "}],\n\"skipped\":[{\"reason\":\"r\"}]}", ":7: \"phase\" is missing" },
		{ "}],\n\"skipped\":[{\"phase\":\"e\"}]}", ":7: \"reason\" is missing" },
		{ "}],\n\"skipped\":[{\"phase\":\"e\",\"disturbance\":1}]}",
			":7: \"disturbance\" must be a text" },
		{ "}],\n\"events\":[{\"kind\":\"k\"},\n{\"kind\":\"k\",\"injected\":1}]}",
			":8: \"injected\" must be true or false" },
		{ "},\n\n{\"name\":\"b\"}]}", ":8: \"phases\" names one phase twice" },
	};
	struct error err;
	struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2048];

		snprintf(text, sizeof(text), PHASE "%s", cases[i].text);
		assert_int_equal(load(text, &run, &err), -EINVAL);
		assert_holds(err.text, cases[i].why);
		assert_null(run.phases);
	}
	assert_int_equal(load("{\"schema\":1,\"tsc_hz\":1e9,\"phases\":[{\"name\":\"all\"}],\n"
			      "\"clocks\":[{\"name\":\"m\",\"unit\":\"ns\",\"clocksource\":\"tsc\"}]}",
				 &run, &err),
		-EINVAL);
	assert_holds(err.text, "run.json:2: \"clocksource\" must be true or false");
}

/* Too long by one byte, for each text. */
static void test_texts_are_bounded(void **state)
{
	static const struct {
		const char *key;
		size_t size;
	} texts[] = { { "name", DISTURBANCE_NAME_MAX }, { "asked", 160 }, { "plan", 200 },
		{ "evidence", DISTURBANCE_EVIDENCE_MAX } };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[2048], x[1024];
		struct error err;
		struct run run;

		for (size_t more = 0; more < 2; more++) {
			memset(x, 'x', sizeof(x));
			x[texts[i].size - 1 + more] = '\0';
			snprintf(text, sizeof(text), PHASE ",\"disturbances\":[{%s\"%s\":\"%s\"}]}]}",
				i ? "\"name\":\"n\"," : "", texts[i].key, x);
			assert_int_equal(load(text, &run, &err), more ? -EINVAL : 0);
			if (more)
				assert_holds(err.text, "is too long");
			run_free(&run);
		}
	}
}

/* The stored runs of before. */
static void test_golden_runs_load(void **state)
{
	static const char *const names[] = { "minimal", "step", "killed" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct error err = { "" };
		char dir[PATH_MAX];
		struct run run;

		snprintf(dir, sizeof(dir), "results/golden/%s", names[i]);
		if (access(dir, F_OK)) {
			print_message("%s is not here: not run from the top of the tree\n", dir);
			skip();
		}
		if (run_load(dir, &run, &err))
			fail_msg("%s", err.text);
		assert_true(run.phase_count >= 1);
		for (size_t k = 0; k < run.phase_count; k++) {
			assert_true(isnan(run.phases[k].steering_ppm));
			assert_int_equal(run.phases[k].disturbance_count, 0);
		}
		for (size_t k = 0; k < run.event_count; k++)
			assert_false(run.events[k].injected);
		run_free(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_defaults),
		on_disk(test_values),
		on_disk(test_refusals_name_their_row),
		on_disk(test_texts_are_bounded),
		cmocka_unit_test(test_golden_runs_load),
	};

	return cmocka_run_group_tests_name("results/run_load_phases", tests, NULL, NULL);
}
