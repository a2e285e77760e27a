/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run_load.c"

#include "results/results_test.h"

/* The smallest valid run.json; the tests put more in front of its end. */
#define SMALLEST                                                                                             \
	"{\"schema\":1,\"host\":\"h\",\"scenario\":\"s\",\"tsc_hz\":2.6e9,\n"                                \
	"\"clocks\":[{\"name\":\"monotonic\",\"unit\":\"ns\"},\n"                                            \
	"{\"name\":\"acpi_pm\",\"unit\":\"ticks\",\"hz\":3579545,\"bits\":24}],\n"                           \
	"\"phases\":[{\"name\":\"all\",\"tsc_lo\":0,\"tsc_hi\":18446744073709551615}]"

static void load(const char *text, struct run *run)
{
	struct error err = { "" };

	test_write("run.json", text);
	if (run_load(test_dir, run, &err))
		fail_msg("%s", err.text);
}

static void assert_refused(const char *text, const char *why)
{
	struct error err = { "" };
	struct run run;

	test_write("run.json", text);
	assert_int_equal(run_load(test_dir, &run, &err), -EINVAL);
	assert_holds(err.text, why);
	assert_null(run.clocks);
	assert_null(run.dir);
}

static void test_the_smallest_run(void **state)
{
	struct run run;

	(void)state;
	load(SMALLEST "}", &run);
	assert_string_equal(run.dir, test_dir);
	assert_string_equal(run.host, "h");
	assert_string_equal(run.scenario, "s");
	assert_true(run.tsc_hz == 2.6e9);
	assert_int_equal(run.clock_count, 2);
	assert_int_equal(run.clocks[0].unit, UNIT_NS);
	assert_true(run.clocks[0].hz == 1e9);
	assert_int_equal(run.clocks[0].bits, 64);
	assert_int_equal(run.clocks[1].unit, UNIT_TICKS);
	assert_true(run.clocks[1].hz == 3579545);
	assert_int_equal(run.clocks[1].bits, 24);
	assert_int_equal(run.clocks[1].cadence, CADENCE_TIGHT);
	assert_false(run.clocks[1].steered);
	assert_int_equal(run.phase_count, 1);
	assert_true(run.phases[0].tsc_lo == 0);
	assert_true(run.phases[0].tsc_hi == UINT64_MAX);
	assert_int_equal(run_clock_find(&run, "acpi_pm"), 1);
	assert_int_equal(run_clock_find(&run, "hpet"), -1);
	run_free(&run);
}

static void test_oscillators_that_nobody_names(void **state)
{
	struct run run;

	(void)state;
	load("{\"schema\":1,\"tsc_hz\":1e9,\"phases\":[{\"name\":\"all\"}],\"clocks\":["
	     "{\"name\":\"m\",\"unit\":\"ns\"},{\"name\":\"t\",\"unit\":\"ticks\",\"hz\":1,\"bits\":1},"
	     "{\"name\":\"o\",\"unit\":\"ns\",\"oscillator\":\"platform\"}]}",
		&run);
	assert_string_equal(run.clocks[0].oscillator, "tsc");
	assert_true(run.clocks[0].oscillator_assumed);
	assert_string_equal(run.clocks[1].oscillator, "t");
	assert_true(run.clocks[1].oscillator_assumed);
	assert_string_equal(run.clocks[2].oscillator, "platform");
	assert_false(run.clocks[2].oscillator_assumed);
	run_free(&run);
}

/* Integers are exact, and those beyond 63 bits are read as the nearest double. */
static void test_big_integers(void **state)
{
	struct run run;

	(void)state;
	load("{\"schema\":1,\"tsc_hz\":1e9,\"clocks\":[{\"name\":\"m\",\"unit\":\"ns\"}],"
	     "\"config\":{\"seed\":9223372036854775807},"
	     "\"phases\":[{\"name\":\"all\",\"tsc_lo\":9007199254740993,\"tsc_hi\":9007199254740995}]}",
		&run);
	assert_true(run.seed == INT64_MAX);
	assert_true(run.phases[0].tsc_lo == 9007199254740993);
	assert_true(run.phases[0].tsc_hi == 9007199254740995);
	run_free(&run);
	load("{\"schema\":1,\"tsc_hz\":1e9,\"clocks\":[{\"name\":\"m\",\"unit\":\"ns\"}],"
	     "\"phases\":[{\"name\":\"all\",\"tsc_lo\":9223372036854775808}]}",
		&run);
	assert_true(run.phases[0].tsc_lo == (UINT64_C(1) << 63));
	assert_true(run.phases[0].tsc_hi == UINT64_MAX);
	run_free(&run);
	assert_refused("{\"schema\":1,\"tsc_hz\":1e9,\"clocks\":[{\"name\":\"m\",\"unit\":\"ns\"}],\n"
		       "\"phases\":[{\"name\":\"all\",\"tsc_lo\":38446744073709551616}]}",
		"run.json:2: \"tsc_lo\" is out of range");
}

static void test_null_is_as_good_as_absent(void **state)
{
	struct run run;

	(void)state;
	load(SMALLEST ",\"tool\":null,\"config\":null,\"events\":null,\"tallies\":null,\"cpus\":null,"
		      "\"environment\":null,\"tsc_granularity_cycles\":null}",
		&run);
	assert_string_equal(run.tool, "");
	assert_true(run.tsc_granularity_cycles == 0);
	run_free(&run);
}

static void test_refusals_name_line_and_key(void **state)
{
	(void)state;
	assert_refused("", "run.json:1: the file is empty");
	assert_refused("{\n\n]", "run.json:3: not valid JSON");
	assert_refused("5", "run.json:1: ");
	assert_refused("[]", "run.json:1: must be a JSON object");
	assert_refused("{\"schema\":1,\"schema\":1}", "run.json:1: not valid JSON: duplicate");
	assert_refused("{}", "\"schema\" is missing");
	assert_refused("{\n\"schema\":2}", "run.json:2: schema 2 is not known; this version reads schema 1");
	assert_refused("{\"schema\":1}", "\"tsc_hz\" is missing");
	assert_refused(SMALLEST ",\n\"state\":5}", "run.json:5: \"state\" must be a text");
	assert_refused(SMALLEST ",\n\"events_lost\":-1}", "run.json:5: \"events_lost\" is out of range");
	assert_refused(SMALLEST ",\n\"config\":7}", "run.json:5: \"config\" must be an object");
	assert_refused(SMALLEST ",\n\"config\":{\"burst\":1.5}}", "\"burst\" must be a whole number");
	assert_refused(SMALLEST ",\n\"events\":{}}", "run.json:5: \"events\" must be a list");
	assert_refused(SMALLEST ",\n\"events\":[5]}", "run.json:5: \"events\" must be a list of objects");
	assert_refused(SMALLEST ",\n\"events\":[{\"tsc\":5}]}", "\"kind\" is missing");
	assert_refused(SMALLEST ",\n\"cpus\":[{\"pinned\":1}]}", "\"pinned\" must be true or false");
	assert_refused(SMALLEST ",\n\"environment\":{\"changes\":1}}", "\"changes\" must be a list");
	assert_refused(SMALLEST ",\n\"unavailable\":[{\"name\":\"x\"}]}", "\"reason\" is missing");
}

static void test_tallies(void **state)
{
	struct run run;

	(void)state;
	load(SMALLEST ",\"tallies\":[{\"cpu\":3,\"clock\":\"acpi_pm\",\"readings\":10,\"backward\":2,"
		      "\"brackets\":[[5,7],[1000,3]]},{\"clock\":\"monotonic\"}]}",
		&run);
	assert_int_equal(run.tally_count, 2);
	assert_int_equal(run.tallies[0].cpu, 3);
	assert_int_equal(run.tallies[0].clock, 1);
	assert_int_equal(run.tallies[0].readings, 10);
	assert_int_equal(run.tallies[0].backward, 2);
	assert_int_equal(run.tallies[0].brackets->total, 10);
	assert_int_equal(run.tallies[0].brackets->count[5], 7);
	assert_null(run.tallies[1].brackets);
	run_free(&run);
	assert_refused(SMALLEST ",\"tallies\":[{\"clock\":\"hpet\"}]}", "\"tallies\" names a clock");
	assert_refused(SMALLEST ",\"tallies\":[{\"cpu\":0}]}", "\"clock\" is missing");
	for (const char *const *bad = (const char *const[]){ "7", "{}", "[7]", "[[\"a\",1]]", "[[1]]",
		     "[[-1,1]]", "[[1,1e19]]", NULL };
		*bad; bad++) {
		char text[1024];

		snprintf(text, sizeof(text),
			SMALLEST ",\"tallies\":[{\"clock\":\"monotonic\",\"brackets\":%s}]}", *bad);
		assert_refused(text, "\"brackets\" must be a list of [width, count]");
	}
}

static void test_too_many(void **state)
{
	char *text = malloc(1 << 20), *to = text;

	(void)state;
	assert_non_null(text);
	to += sprintf(to, "{\"schema\":1,\"tsc_hz\":1e9,\"phases\":[{\"name\":\"all\"}],\n\"clocks\":[");
	for (int i = 0; i <= RUN_CLOCKS_MAX; i++)
		to += sprintf(to, "%s{\"name\":\"c%d\",\"unit\":\"ns\"}", i ? "," : "", i);
	strcpy(to, "]}");
	assert_refused(text, "run.json:2: \"clocks\" has too many entries");
	free(text);
}

static void test_no_file(void **state)
{
	struct error err = { "" };
	struct run run;

	(void)state;
	assert_int_equal(run_load(test_dir, &run, &err), -ENOENT);
	assert_ends(err.text, ": is no run directory: there is no run.json in it");
	err.text[0] = '\0';
	test_write("run.json", "");
	assert_int_equal(truncate(test_path("run.json"), (off_t)RUN_JSON_BYTES + 1), 0);
	assert_int_equal(run_load(test_dir, &run, &err), -EFBIG);
	assert_ends(err.text, "run.json:1: larger than 256 MiB: not a file of clkdrift");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_the_smallest_run),
		on_disk(test_oscillators_that_nobody_names),
		on_disk(test_big_integers),
		on_disk(test_null_is_as_good_as_absent),
		on_disk(test_refusals_name_line_and_key),
		on_disk(test_tallies),
		on_disk(test_too_many),
		on_disk(test_no_file),
	};

	return cmocka_run_group_tests_name("results/run_load", tests, NULL, NULL);
}
