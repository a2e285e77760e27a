/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/options.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int no_run(const struct options *options, struct error *err)
{
	(void)options, (void)err;
	return 0;
}

/* Every option that there is, so that none is forgotten here. */
static char all_options[2048];

static void fill_all_options(void)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		strcat(all_options, rows[i].name);
		strcat(all_options, " ");
	}
}

static const struct command all = {
	.name = "all",
	.usage = "[THING]",
	.help = "what it does",
	.options = all_options,
	.max_arguments = 1,
	.run = no_run,
};

static const struct command few = { .name = "few",
	.usage = "RUN",
	.help = "",
	.options = "json limits",
	.min_arguments = 1,
	.max_arguments = 1 };

/* Parses a command line of words apart by one space. */
static int parse(const struct command *command, const char *line, struct options *o, struct error *err)
{
	static char copy[1024];
	static char *argv[64]; /* the options point into it */
	char *word, *save;
	int argc = 1;

	argv[0] = (char *)(uintptr_t)command->name;
	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	*err = (struct error){ "" };
	return options_parse(command, argc, argv, o, err);
}

static void accept(const char *line, struct options *o)
{
	struct error err;

	if (parse(&all, line, o, &err))
		fail_msg("%s: %s", line, err.text);
}

static void refuse_line(const struct command *command, const char *line, const char *reason)
{
	struct options o;
	struct error err;

	if (parse(command, line, &o, &err) != -EINVAL || !strstr(err.text, reason))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", line, err.text, reason);
	assert_null(strchr(err.text, '\n'));
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} good[] = { { "30s", 30 }, { "30", 30 }, { "2.5", 2.5 }, { "5m", 300 }, { "5min", 300 },
		{ "1h", 3600 }, { "2d", 172800 }, { "250ms", 0.25 }, { "10us", 1e-5 }, { "0", 0 },
		{ "366d", 366 * 86400.0 } };
	static const char *const bad[] = { "", "s", "-1s", "1 h", "1h30m", "30S", "30sec", "inf", "nan",
		"1e99", "367d", "s30", "1,5s" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		double seconds = -1;

		assert_int_equal(duration_parse(good[i].text, &seconds), 0);
		assert_true(fabs(seconds - good[i].seconds) <= 1e-12 * good[i].seconds);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		double seconds = -1;

		if (duration_parse(bad[i], &seconds) != -EINVAL)
			fail_msg("\"%s\" was taken as %g s", bad[i], seconds);
	}
}

static void test_defaults(void **state)
{
	struct options o;

	(void)state;
	accept("", &o);
	assert_true(o.duration_s == 0);
	assert_true(o.interval_s < 0);
	assert_true(o.tau0_s == 1);
	assert_int_equal(o.burst, 0);
	assert_false(o.seed_given || o.json || o.quiet || o.no_report || o.remove_mean);
	assert_null(o.cpus);
	assert_int_equal(o.argument_count, 0);
}

static void test_all_values(void **state)
{
	struct options o;

	(void)state;
	accept("-d 5m --cpus 0-3,8 -o dir --clocks tsc,sim:drift=5 --reference hpet --interval 1ms --burst "
	       "256 "
	       "--seed 0x10 --limits kvm --freq a --phase b --tau0 10ms --taus 1,10 --remove-mean "
	       "--no-report --peer shm:auto --shm /dev/shm/x --explain "
	       "--json -q mine",
		&o);
	assert_true(o.duration_s == 300 && o.interval_s == 1e-3 && o.tau0_s == 1e-2);
	assert_string_equal(o.cpus, "0-3,8");
	assert_string_equal(o.output, "dir");
	assert_string_equal(o.clocks, "tsc,sim:drift=5");
	assert_string_equal(o.peer, "shm:auto");
	assert_string_equal(o.shm, "/dev/shm/x");
	assert_true(o.explain);
	assert_string_equal(o.judging.reference, "hpet");
	assert_string_equal(o.judging.limits, "kvm");
	assert_int_equal(o.burst, 256);
	assert_true(o.seed_given);
	assert_int_equal(o.seed, 16);
	assert_string_equal(o.freq, "a");
	assert_string_equal(o.phase, "b");
	assert_string_equal(o.taus, "1,10");
	assert_true(o.remove_mean && o.no_report && o.json && o.quiet);
	assert_int_equal(o.argument_count, 1);
	assert_string_equal(o.arguments[0], "mine");
}

static void test_ways_to_write(void **state)
{
	struct options o;

	(void)state;
	accept("mine --duration=7 -c1 -qd9s", &o); /* arguments before options, values glued on */
	assert_true(o.duration_s == 9 && o.quiet);
	assert_string_equal(o.cpus, "1");
	assert_string_equal(o.arguments[0], "mine");
	accept("-- --json", &o);
	assert_false(o.json);
	assert_string_equal(o.arguments[0], "--json");
	accept("--dur 3", &o); /* an abbreviation that only one option has */
	assert_true(o.duration_s == 3);
	accept("--interval 0", &o);
	assert_true(o.interval_s == 0);
	accept("--seed 9223372036854775807 --limit 1e-3", &o);
	assert_int_equal(o.seed, INT64_MAX);
	assert_true(o.judging.limit_ppm == 1e-3);
}

static void test_one_by_name(void **state)
{
	struct options o;
	struct error err = { "" };

	(void)state;
	accept("--configs a,b --profiles x --resume dir --repeat 3", &o);
	assert_string_equal(o.configs, "a,b");
	assert_string_equal(o.profiles, "x");
	assert_string_equal(o.resume, "dir");
	assert_int_equal(o.repeat, 3);
	assert_int_equal(options_set(&o, "interval", "0.001", &err), 0);
	assert_true(o.interval_s == 1e-3);
	assert_int_equal(options_set(&o, "burst", "0", &err), -EINVAL);
	assert_non_null(strstr(err.text, "--burst 0"));
	err.text[0] = '\0';
	assert_int_equal(options_set(&o, "bur", "8", &err), -EINVAL);
	assert_string_equal(err.text, "unknown option --bur");
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *line, *reason;
	} bad[] = { { "-d 0", "--duration 0" }, { "-d -0", "--duration -0" },
		{ "-d soon", "--duration soon" }, { "-d 1000d", "--duration" },
		{ "--interval 19us", "--interval 19us" }, { "--interval -1", "--interval" },
		{ "--interval x", "--interval x" }, { "--burst 0", "--burst 0" },
		{ "--burst 257", "1 to 256" }, { "--burst -1", "--burst" }, { "--burst 8x", "--burst" },
		{ "--burst 99999999999999999999", "--burst" }, { "--seed -1", "--seed" },
		{ "--seed 9223372036854775808", "--seed" }, { "--seed 99999999999999999999", "--seed" },
		{ "--seed 1.5", "--seed" }, { "--limit 0", "--limit 0" }, { "--limit -5", "--limit" },
		{ "--limit nan", "--limit" }, { "--limit inf", "--limit" }, { "--limit 5ppm", "--limit" },
		{ "--limits=", "not a name" },
		{ "--limits a-name-that-is-longer-than-any-preset", "not a name" },
		{ "--reference=", "not a name" }, { "--tau0 0", "--tau0" }, { "--repeat 0", "--repeat 0" },
		{ "--repeat 1001", "1 to 1000" }, { "--repeat 2x", "--repeat" } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse_line(&all, bad[i].line, bad[i].reason);
}

static void test_bad_lines(void **state)
{
	(void)state;
	refuse_line(&all, "--wobble", "--wobble");
	refuse_line(&all, "-x", "-x");
	refuse_line(&all, "-qx", "-x");
	refuse_line(&all, "--duration", "--duration needs a value");
	refuse_line(&all, "-q -d", "-d needs a value");
	refuse_line(&all, "--json=5", "--json=5");
	refuse_line(&all, "--l 5", "--l"); /* --limit or --limits? */
	refuse_line(&all, "one two", "\"two\"");
	refuse_line(&few, "", "too few");
	refuse_line(&few, "run --burst 5", "--burst");
	refuse_line(&few, "run -q", "-q");
}

/* The words of --help: an option a line, only those that the command takes. */
static void capture(const struct command *command, const char *line, char *text, size_t size)
{
	struct options o;
	struct error err;
	FILE *out = tmpfile();
	int saved = dup(STDOUT_FILENO);
	size_t length;

	assert_non_null(out);
	fflush(stdout);
	dup2(fileno(out), STDOUT_FILENO);
	assert_int_equal(parse(command, line, &o, &err), 1);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(out);
	length = fread(text, 1, size - 1, out);
	text[length] = '\0';
	fclose(out);
}

static void test_help(void **state)
{
	char text[16384];

	(void)state;
	capture(&all, "--help", text, sizeof(text));
	assert_non_null(strstr(text, "usage: clkdrift all [THING]"));
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char name[48];

		snprintf(name, sizeof(name), "--%s ", rows[i].name);
		assert_non_null(strstr(text, name));
	}
	capture(&few, "-h", text, sizeof(text));
	assert_non_null(strstr(text, "--limits NAME"));
	assert_null(strstr(text, "--burst"));
	assert_null(strstr(text, "--limit "));
}

static void test_help_in_words_of_the_command(void **state)
{
	static const struct option_words words[] = { { "limits", "OTHER", "its own words" },
		{ NULL, NULL, NULL } };
	struct command own = few;
	char text[4096];

	(void)state;
	own.words = words;
	capture(&own, "--help", text, sizeof(text));
	assert_non_null(strstr(text, "--limits OTHER"));
	assert_non_null(strstr(text, "its own words"));
	assert_null(strstr(text, "--limits NAME"));
	assert_non_null(strstr(text, "--json "));
}

static void test_option_names(void **state)
{
	char text[1024];

	(void)state;
	capture(&few, "--list-options", text, sizeof(text));
	assert_string_equal(text, "--limits=\n--json\n--help\n");
}

/* What a command says that it takes is in the table, so that no name is misspelt. */
static void test_commands_name_known_options(void **state)
{
	static const struct command *const known[] = { &command_inspect, &command_list, &command_run,
		&command_analyze, &command_report, &command_stability, &command_restore, &command_serve };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char copy[256], *word, *save;

		snprintf(copy, sizeof(copy), "%s", known[i]->options);
		for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
			size_t row = 0;

			while (row < ROW_COUNT && strcmp(rows[row].name, word) != 0)
				row++;
			if (row == ROW_COUNT)
				fail_msg("%s: no option --%s", known[i]->name, word);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_values),
		cmocka_unit_test(test_ways_to_write),
		cmocka_unit_test(test_one_by_name),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_in_words_of_the_command),
		cmocka_unit_test(test_option_names),
		cmocka_unit_test(test_commands_name_known_options),
	};

	fill_all_options();
	return cmocka_run_group_tests_name("bench/options", tests, NULL, NULL);
}
