/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/scenario.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[128];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-scenario-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int load(const char *text, struct scenario *s, struct error *err)
{
	FILE *out;

	snprintf(path, sizeof(path), "%s/mine.ini", dir);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	*err = (struct error){ "" };
	return scenario_load(path, s, err);
}

static void test_all_keys(void **state)
{
	struct scenario s;
	struct error err;

	(void)state;
	if (load("; comment\n[scenario]\nsummary = what it is\ninterval = 1ms\nburst = 3\n"
		 "clocks = tsc,sim:drift=5\ncpus = 0-3\nlimits = kvm\n"
		 "[phase idle]\nduration = 2s\n[phase load-1.5_a+b]\nduration=1m\n",
		    &s, &err))
		fail_msg("%s", err.text);
	assert_string_equal(s.name, "mine");
	assert_string_equal(s.summary, "what it is");
	assert_true(s.interval_s == 1e-3);
	assert_int_equal(s.burst, 3);
	assert_string_equal(s.clocks, "tsc,sim:drift=5");
	assert_string_equal(s.cpus, "0-3");
	assert_string_equal(s.limits, "kvm");
	assert_int_equal(s.phase_count, 2);
	assert_string_equal(s.phases[1].name, "load-1.5_a+b");
	assert_true(scenario_duration(&s) == 62);
	scenario_scale(&s, 31);
	assert_true(s.phases[0].duration_s == 1 && s.phases[1].duration_s == 30);
}

static void test_defaults(void **state)
{
	struct scenario s;
	struct error err;

	(void)state;
	assert_int_equal(load("[phase a]\nduration = 5\n", &s, &err), 0);
	assert_true(s.interval_s == INTERVAL_DEFAULT_S);
	assert_int_equal(s.burst, BURST_DEFAULT);
	assert_string_equal(s.clocks, "");
	assert_string_equal(s.cpus, "");
	assert_int_equal(load("[scenario]\ninterval = 0\n[phase a]\nduration = 5\n", &s, &err), 0);
	assert_true(s.interval_s == 0);
}

#define NAME_47 "a2345678901234567890123456789012345678901234567"

/* Each is refused with the line that holds it. */
static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *reason;
	} bad[] = {
		{ "", 1, "no [phase NAME]" },
		{ "[scenario]\nburst = 5\n", 1, "no [phase NAME]" },
		{ "[scenario]\nwobble = 5\n", 2, "unknown key in [scenario]" },
		{ "[phase a]\nduration = 5s\nwobble = 1\n", 3, "neither \"duration\" nor a disturbance" },
		{ "[phase a]\nduration = 5s\nload = wobble=1\n", 3, "load has no parameter \"wobble\"" },
		{ "[phase a]\nduration = 5s\nload = share=lots\n", 3, "share=lots: not a number" },
		{ "[phase a]\nduration = 5s\nload = share=0\n", 3, "share=0: not from 1 to 100" },
		{ "[phase a]\nduration = 5s\nload = share=5 share=6\n", 3, "share is given twice" },
		{ "[phase a]\nduration = 5s\nload = cpu 5\n", 3, "not of the form KEY=VALUE" },
		{ "[phase a]\nduration = 5s\nload = place=moon\n", 3, "not one of same," },
		{ "[phase a]\nduration = 5s\nload = cpu\nload = vm\n", 4, "given twice" },
		{ "[phase a]\nduration = 5s\n  6s\n", 3, "given twice, or a line begins with a blank" },
		{ "[phase a]\n[phase b]\nduration = 5s\n", 1, "[phase a] has no duration" },
		{ "[phase a]\nduration = 5s\n[phase b]\n", 3, "[phase b] has no duration" },
		{ "[phase a]\nload = cpu\n", 1, "[phase a] has no duration" },
		{ "[phase a]\nduration = 5s\n[phase a]\nduration = 6s\n", 3, "one of that name already" },
		{ "[phase a]\nduration = 5s\nrecovery = 0\n", 3, "recovery = 0: not a time above 0" },
		{ "[phase a]\nduration = soon\n", 2, "not a time above 0" },
		{ "[phase a]\nduration = 0\n", 2, "not a time above 0" },
		{ "[phase a]\nduration = 5s\n[scenario]\ninterval = x\n", 4, "not a time" },
		{ "[scenario]\nburst = 0\n", 2, "not a number of readings" },
		{ "[scenario]\nburst = 257\n", 2, "not a number of readings" },
		{ "[scenario]\nburst = 4x\n", 2, "not a number of readings" },
		{ "[scenario]\nsummary =\n", 2, "is empty or too long" },
		{ "[scenario]\nlimits = a-name-that-is-longer-than-any\n", 2, "is empty or too long" },
		{ "[load]\nx = 5\n", 1, "section [load]" },
		{ "x = 5\n", 1, "stands in no [scenario]" },
		{ "[phase a b]\nduration = 5s\n", 1, "a name is letters" },
		{ "[phase a]\nduration = 5s\n[phase " NAME_47 "x]\nduration = 5s\n", 3, "-_.+, at most 47" },
		{ "[phase a]\nduration = 5s\n[phase " NAME_47
		  "]\nduration = 5s\nrecovery = 1s\n\n[phase b]\n",
			3, "[phase after-" NAME_47 "]: a name is letters, digits and -_.+, at most 47" },
		{ "[phase ]\nduration = 5s\n", 1, "a name is letters" },
		{ "[phase a,b]\nduration = 5s\n", 1, "a name is letters" },
		{ "[phase <b>]\nduration = 5s\n", 1, "a name is letters" },
		{ "[scenario]\nnonsense\n[phase a]\nduration = 5s\n", 2, "neither [section] nor key" },
		{ "[phase a]\nduration 2s\n", 2, "neither [section] nor key" },
		{ "[scenario\n", 1, "neither [section] nor key" },
		{ "[scenario]\ninterval = 19us\n[phase a]\nduration = 5s\n", 1, "below 20us" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scenario s;
		struct error err;
		char place[160];

		assert_int_equal(load(bad[i].text, &s, &err), -EINVAL);
		snprintf(place, sizeof(place), "%s:%d: ", path, bad[i].line);
		if (strncmp(err.text, place, strlen(place)) != 0 || !strstr(err.text, bad[i].reason))
			fail_msg("not \"%s...%s\" but \"%s\"", place, bad[i].reason, err.text);
		scenario_free(&s);
	}
}

static void test_disturbances(void **state)
{
	struct scenario s;
	struct error err;

	(void)state;
	if (load("[phase a]\nduration = 5s\nrecovery = 2s\nload = matrix share=50\n"
		 "cstate = toggle rate=20\n[phase b]\nduration = 1s\n",
		    &s, &err))
		fail_msg("%s", err.text);
	assert_int_equal(s.phase_count, 3);
	assert_string_equal(s.phases[1].name, "after-a");
	assert_true(s.phases[1].is_recovery && !s.phases[0].is_recovery && !s.phases[2].is_recovery);
	assert_true(s.phases[1].duration_s == 2);
	assert_int_equal(s.phases[0].asked_count, 2);
	assert_int_equal(s.phases[1].asked_count, 0);
	assert_string_equal(s.phases[0].asked[0].disturbance->name, "load");
	assert_string_equal(s.phases[0].asked[0].text, "matrix share=50");
	assert_string_equal(s.phases[0].asked[0].arguments[0].text, "matrix");
	assert_string_equal(s.phases[0].asked[1].disturbance->name, "cstate");
	scenario_free(&s);
}

/* Every shipped file, with all that it asks for. */
static void test_shipped(void **state)
{
	static const char *const names[] = { "quick", "idle", "full", "clocksources", "cstates", "cpufreq",
		"soak", "selftest" };
	char tree[PATH_MAX];

	(void)state;
	assert_non_null(getcwd(tree, sizeof(tree)));
	setenv("CLKDRIFT_DATADIR", tree, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct scenario s;
		struct error err = { "" };

		if (scenario_load(names[i], &s, &err))
			fail_msg("%s: %s", names[i], err.text);
		assert_true(s.phase_count >= 1 && s.summary[0]);
		scenario_free(&s);
	}
	unsetenv("CLKDRIFT_DATADIR");
}

static void test_too_many_phases(void **state)
{
	static char text[(SCENARIO_PHASES_MAX + 1) * 40];
	struct scenario s;
	struct error err;
	size_t used = 0;

	(void)state;
	for (int i = 0; i < SCENARIO_PHASES_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "[phase p%d]\nduration = 1s\n", i);
	assert_int_equal(load(text, &s, &err), 0);
	assert_int_equal(s.phase_count, SCENARIO_PHASES_MAX);
	snprintf(text + used, sizeof(text) - used, "[phase last]\nduration = 1s\n");
	assert_int_equal(load(text, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 256 phases"));
}

/* As editors of Windows write it. */
static void test_byte_order_mark(void **state)
{
	struct error err = { "" };
	struct scenario s;

	(void)state;
	assert_int_equal(load("\xEF\xBB\xBF[phase a]\r\nduration = 5s\r\n", &s, &err), 0);
	assert_int_equal(s.phase_count, 1);
	assert_string_equal(s.phases[0].name, "a");
	scenario_free(&s);
}

/* The name goes into JSON: that of the file need not be UTF-8. */
static void test_name_of_the_file(void **state)
{
	char name[64], small[5];

	(void)state;
	name_of("/some/where/my own\xff.ini", name, sizeof(name));
	assert_string_equal(name, "my_own_");
	name_of("no-ending", small, sizeof(small));
	assert_string_equal(small, "no-e");
}

static void test_by_name(void **state)
{
	char tree[PATH_MAX];
	struct scenario s;
	struct error err = { "" };

	(void)state;
	assert_non_null(getcwd(tree, sizeof(tree))); /* unit tests run from the top of the tree */
	setenv("CLKDRIFT_DATADIR", tree, 1);
	assert_int_equal(scenario_load("quick", &s, &err), 0);
	assert_string_equal(s.name, "quick");
	assert_true(scenario_duration(&s) == 30);
	scenario_free(&s);
	assert_int_equal(scenario_load("selftest", &s, &err), 0);
	assert_non_null(strstr(s.clocks, "sim:drift=12.5"));
	scenario_free(&s);
	unsetenv("CLKDRIFT_DATADIR");
}

static void test_not_there(void **state)
{
	struct scenario s;
	struct error name = { "" }, file = { "" };
	char tree[PATH_MAX];

	(void)state;
	assert_non_null(getcwd(tree, sizeof(tree)));
	setenv("CLKDRIFT_DATADIR", tree, 1);
	assert_int_equal(scenario_load("wobble", &s, &name), -ENOENT);
	unsetenv("CLKDRIFT_DATADIR");
	assert_non_null(strstr(name.text, "no scenario \"wobble\""));
	assert_int_equal(scenario_load("/nonexistent/x.ini", &s, &file), -ENOENT);
	assert_non_null(strstr(file.text, "/nonexistent/x.ini: cannot read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_disturbances),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_too_many_phases),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_name_of_the_file),
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests_name("bench/scenario", tests, make_dir, remove_dir);
}
