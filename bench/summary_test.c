/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/summary.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TEXT_MAX 65536

static char text[TEXT_MAX];

static const char *print(const struct run *run, const struct estimates *e, bool colour)
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	summary_print(run, e, colour, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static struct drift drift_of(const char *clock, int cpu, double ppm)
{
	struct drift d = { .cpu = cpu,
		.drift_ppm = ppm,
		.ci_low_ppm = ppm - 0.01,
		.ci_high_ppm = ppm + 0.01,
		.n = 1000,
		.rejected = 2,
		.backward = 3,
		.limit_ppm = 50 };

	strcpy(d.phase, "idle");
	strcpy(d.clock, clock);
	strcpy(d.reference, "tsc");
	strcpy(d.relation, "crystal");
	strcpy(d.limit, "crystal");
	strcpy(d.status, "stable");
	return d;
}

static unsigned count_of(const char *in, const char *word)
{
	unsigned count = 0;

	for (; (in = strstr(in, word)); in += strlen(word))
		count++;
	return count;
}

/* No line is wider than the header promises; UTF-8 continuation bytes take no column. */
static void assert_narrow(const char *all)
{
	size_t seen = 0;

	for (const char *c = all; *c; c++) {
		seen = *c == '\n' ? 0 : seen + ((*c & 0xc0) != 0x80);
		if (seen > LINE_COLUMNS)
			fail_msg("a line is wider than %d columns: %.120s", LINE_COLUMNS, c - seen + 1);
	}
}

static void test_verdict_and_rows(void **state)
{
	struct drift rows[2] = { drift_of("hpet", 0, 12.5), drift_of("monotonic", 1, -3) };
	struct estimates e = {
		.drift = rows, .drift_count = 2, .losses = json_pack("{s:i,s:i}", "stored", 5, "dropped", 7)
	};
	struct phase phases[2] = { 0 };
	struct run run = { .phases = phases, .phase_count = 1 };

	(void)state;
	verdict_add(&e.verdict, "a reason of %d words that goes on", 7);
	print(&run, &e, false);
	assert_int_equal(strncmp(text, "verdict: stable\n  - a reason", 28), 0);
	assert_non_null(strstr(text, "drift against tsc"));
	assert_non_null(strstr(text, "+12.500 ± 0.010 ppm"));
	assert_non_null(strstr(text, "-3.000 ± 0.010 ppm"));
	assert_non_null(strstr(text, "1000/2/3"));
	assert_non_null(strstr(text, "5 stored, 7 dropped"));
	assert_null(strstr(text, "\033"));
	assert_null(strstr(text, "phase"));
	assert_narrow(text);
	run.phase_count = 2;
	assert_non_null(strstr(print(&run, &e, true), "idle"));
	assert_non_null(strstr(text, "\033[1;32mstable\033[0m"));
	json_decref(e.losses);
	free(e.verdict.reasons);
}

static void test_reasons_are_wrapped(void **state)
{
	struct estimates e = { .losses = json_object() };
	struct run run = { 0 };
	char word[120];

	(void)state;
	e.verdict.status = STATUS_INCONCLUSIVE;
	verdict_add(&e.verdict, "%s",
		"one reason with so many words that it needs more than one line, and even more than two of "
		"them, "
		"because it goes on and on until somebody stops it, which happens here at last, without a "
		"cut");
	print(&run, &e, false);
	assert_narrow(text);
	assert_non_null(strstr(text, "without a cut\n"));
	assert_true(count_of(text, "\n    ") >= 1);
	/* A word that is too long for any line is not cut either. */
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	verdict_add(&e.verdict, "see %s now", word);
	assert_non_null(strstr(print(&run, &e, false), word));
	json_decref(e.losses);
	free(e.verdict.reasons);
}

/* With many CPUs one row stands for all: the one nearest to its limit. */
static void test_many_cpus(void **state)
{
	static struct drift rows[256];
	struct estimates e = { .drift = rows, .drift_count = 256, .losses = json_object() };
	struct phase phases[2] = { 0 };
	struct run run = { .phases = phases, .phase_count = 1 };

	(void)state;
	for (int i = 0; i < 256; i++)
		rows[i] = drift_of(i % 2 ? "hpet" : "sim", i / 2, i == 101 ? -40 : i == 44 ? 30 : 0.5);
	print(&run, &e, false);
	assert_int_equal(count_of(text, "\nhpet "), 1);
	assert_int_equal(count_of(text, "\nsim "), 1);
	assert_non_null(strstr(text, "-40.00"));
	assert_non_null(strstr(text, "+30.00"));
	assert_non_null(strstr(text, "all rows: drift.csv"));
	/* What cannot be told is worse than any number. */
	rows[7].drift_ppm = rows[7].ci_low_ppm = rows[7].ci_high_ppm = NAN;
	print(&run, &e, false);
	assert_int_equal(count_of(text, "\nhpet "), 1);
	assert_non_null(strstr(text, "unknown"));
	assert_narrow(text);
	json_decref(e.losses);
}

/* A step whose clock came back is shown, however many stand before it. */
static void test_recovery(void **state)
{
	struct step steps[STEPS_SHOWN + 4] = { 0 };
	struct estimates e = { .steps = steps, .step_count = STEPS_SHOWN + 4, .losses = json_object() };
	struct step *back = &steps[STEPS_SHOWN + 2];
	struct run run = { 0 };

	(void)state;
	strcpy(steps[0].recovered, "no");
	steps[0].recovery_bound_ns = 2e6;
	strcpy(back->clock, "realtime");
	strcpy(back->cause, "pause: for 2 s");
	strcpy(back->recovered, "yes");
	back->recovery_s = 26.66;
	back->recovery_bound_ns = 1e6;
	print(&run, &e, false);
	assert_non_null(strstr(text, "; not back within 2 ms in this phase\n"));
	assert_non_null(strstr(text, "cause: pause: for 2 s; back within 1 ms after 26.7 s\n"));
	assert_non_null(strstr(text, "... and 3 more steps: steps.csv\n"));
	json_decref(e.losses);
}

static void test_steps_crosscpu_unavailable(void **state)
{
	struct step step = {
		.cpu = 3, .at_s = 1.25, .step_ns = -52600000, .ci_low_ns = -52700000, .ci_high_ns = -52500000
	};
	struct crosscpu pairs[] = { { "before", 0, 1, 10, 20 }, { "after", 0, 2, -500, 20 },
		{ "after", 1, 2, 510, 400 } };
	struct unavailable missing = { "hpet", "no /dev/hpet" };
	struct estimates e = { .steps = &step,
		.step_count = 1,
		.crosscpu = pairs,
		.crosscpu_count = 3,
		.losses = json_object() };
	struct run run = { .unavailable = &missing, .unavailable_count = 1 };

	(void)state;
	strcpy(step.clock, "sim");
	strcpy(step.cause, "unknown");
	print(&run, &e, false);
	assert_non_null(strstr(text, "step of sim on CPU 3 at 1.250 s: -52.60 ± 0.10 ms, cause: unknown"));
	/* The worst is the pair whose offset is surest to be off zero, not the widest. */
	assert_non_null(strstr(text, "CPU 0 and 2, after"));
	assert_non_null(strstr(text, "from 3 exchanges"));
	assert_non_null(strstr(text, "not read: hpet: no /dev/hpet\n"));
	json_decref(e.losses);
}

/* Where `word` begins in the line that has it; UTF-8 continuation bytes take no column. */
static int column_of(const char *word)
{
	const char *at = strstr(text, word), *line = at;
	int column = 0;

	assert_non_null(at);
	while (line > text && line[-1] != '\n')
		line--;
	for (; line < at; line++)
		column += (*line & 0xc0) != 0x80;
	return column;
}

/* Names of any length move the columns behind them, and all rows alike. */
static void test_long_names(void **state)
{
	struct drift rows[2] = { drift_of("hpet", 0, 12.5), drift_of("a-clock-of-a-very-long-name", 1, -3) };
	struct estimates e = { .drift = rows, .drift_count = 2, .losses = json_object() };
	struct phase phases[2] = { 0 };
	struct run run = { .phases = phases, .phase_count = 2 };

	(void)state;
	strcpy(rows[0].phase, "späte-phase-mit-langem-namen");
	print(&run, &e, false);
	assert_int_equal(column_of("hpet"), column_of("a-clock"));
	assert_int_equal(column_of("hpet"), column_of("clock  "));
	assert_int_equal(column_of("+12.500"), column_of("-3.000"));
	assert_int_equal(column_of("+12.500"), column_of("drift (95 %)"));
	json_decref(e.losses);
}

static void test_empty_run(void **state)
{
	struct estimates e = { .losses = json_object() };
	struct run run = { 0 };

	(void)state;
	e.verdict.status = STATUS_UNSTABLE;
	assert_string_equal(print(&run, &e, true), "verdict: \033[1;31munstable\033[0m\n\n");
	json_decref(e.losses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict_and_rows),
		cmocka_unit_test(test_reasons_are_wrapped),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_steps_crosscpu_unavailable),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_empty_run),
	};

	return cmocka_run_group_tests_name("bench/summary", tests, NULL, NULL);
}
