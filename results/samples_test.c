/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/samples.c"

#include "results/results_test.h"

static struct clock_info clocks[] = {
	{ .name = "mono", .unit = UNIT_NS, .hz = 1e9, .bits = 64 },
	{ .name = "mono_raw", .unit = UNIT_NS, .hz = 1e9, .bits = 64 },
};
static struct run run = { .dir = test_dir, .clocks = clocks, .clock_count = 2 };

static int samples_setup(void **state)
{
	return test_dir_make(state) || mkdir(test_path("samples"), 0777);
}

#define with_samples(test) cmocka_unit_test_setup_teardown(test, samples_setup, test_dir_remove)

static void load(struct samples *samples)
{
	struct error err = { "" };

	if (samples_load(&run, samples, &err))
		fail_msg("%s", err.text);
}

static void assert_refused(const char *why)
{
	struct error err = { "" };
	struct samples samples;

	assert_int_equal(samples_load(&run, &samples, &err), -EINVAL);
	assert_ends(err.text, why);
	assert_null(samples.series);
	assert_int_equal(samples.series_count, 0);
}

static void test_series_by_cpu_and_clock(void **state)
{
	const struct series *s;
	struct samples samples;

	(void)state;
	test_write("samples/cpu010.csv", SAMPLES_HEADER "mono_raw,1,2,3\nmono,4,5,6\nmono_raw,7,8,9\n");
	test_write("samples/cpu002.csv", SAMPLES_HEADER "mono,10,18446744073709551615,9\n");
	test_write("samples/notes.txt", "none of ours");
	load(&samples);
	assert_int_equal(samples.rows, 4);
	assert_int_equal(samples.inverted, 1);
	assert_int_equal(samples.cut_rows, 0);
	assert_int_equal(samples.series_count, 3);
	assert_int_equal(samples.series[0].cpu, 2);
	assert_true(samples.series[0].readings[0].value == UINT64_MAX);
	s = samples_find(&samples, 10, 1);
	assert_non_null(s);
	assert_int_equal(s->count, 2);
	assert_int_equal(s->readings[1].tsc_lo, 7);
	assert_int_equal(s->readings[1].value, 8);
	assert_int_equal(s->readings[1].tsc_hi, 9);
	assert_null(samples_find(&samples, 2, 1));
	assert_null(samples_find(&samples, 3, 0));
	samples_free(&samples);
	assert_null(samples_find(&samples, 2, 0));
}

static void test_many_readings(void **state)
{
	char *text = malloc(1 << 20), *to = text;
	struct samples samples;

	(void)state;
	assert_non_null(text);
	to = stpcpy(to, SAMPLES_HEADER);
	for (int i = 0; i < 10000; i++)
		to += sprintf(to, "%s,%d,%d,%d\n", i & 1 ? "mono" : "mono_raw", i, 2 * i, 3 * i);
	test_write("samples/cpu000.csv", text);
	free(text);
	load(&samples);
	assert_int_equal(samples.rows, 10000);
	for (unsigned clock = 0; clock < 2; clock++) {
		const struct series *s = samples_find(&samples, 0, clock);

		assert_int_equal(s->count, 5000);
		for (size_t i = 0; i < s->count; i++)
			assert_int_equal(s->readings[i].tsc_hi, 3 * (2 * i + (clock == 0)));
	}
	samples_free(&samples);
}

static void test_slow_clocks_tell_their_cpu(void **state)
{
	struct samples samples;

	(void)state;
	test_write("samples/slow.csv", SLOW_HEADER "5,mono,1,2,3\n0,mono,4,5,6\n5,mono,7,8,9\n");
	load(&samples);
	assert_int_equal(samples.series_count, 2);
	assert_int_equal(samples_find(&samples, 5, 0)->count, 2);
	assert_int_equal(samples_find(&samples, 0, 0)->count, 1);
	samples_free(&samples);
}

static void test_a_cut_row_is_counted(void **state)
{
	struct samples samples;

	(void)state;
	test_write("samples/cpu000.csv", SAMPLES_HEADER "mono,1,2,3\nmono,4,5,6");
	test_write("samples/cpu001.csv", SAMPLES_HEADER "mono,1,2,3\nmo");
	load(&samples);
	assert_int_equal(samples.rows, 2);
	assert_int_equal(samples.cut_rows, 2);
	samples_free(&samples);
}

static void test_refusals(void **state)
{
	struct error err = { "" };
	struct samples samples;

	(void)state;
	assert_int_equal(samples_load(&run, &samples, &err), -ENOENT);
	assert_ends(err.text, "samples: no cpuNNN.csv and no slow.csv in it; see results/SCHEMA.md");
	test_write("samples/cpu000.csv", SAMPLES_HEADER "mono,1,2,3\nmon,1,2,3\n");
	assert_refused("cpu000.csv:3: clock \"mon\" is not in run.json");
	test_write("samples/cpu000.csv", SAMPLES_HEADER "mono_ra,1,2,3\n");
	assert_refused("cpu000.csv:2: clock \"mono_ra\" is not in run.json");
	test_write("samples/cpu000.csv", SAMPLES_HEADER "0123456789012345678901234567890123456789,1,2,3\n");
	assert_refused("cpu000.csv:2: clock: too long");
	test_write("samples/cpu000.csv", SAMPLES_HEADER "mono,x,2,3\n");
	assert_refused("cpu000.csv:2: tsc_lo \"x\" is not a whole number");
	test_write("samples/cpu000.csv", SAMPLES_HEADER);
	test_write("samples/slow.csv", SLOW_HEADER "1048577,mono,1,2,3\n");
	assert_refused("slow.csv:2: cpu is out of range");
}

static void test_names_of_sample_files(void **state)
{
	(void)state;
	assert_int_equal(file_cpu("cpu000.csv"), 0);
	assert_int_equal(file_cpu("cpu7.csv"), 7);
	assert_int_equal(file_cpu("cpu1023.csv"), 1023);
	for (const char *const *no = (const char *const[]){ "cpu.csv", "cpu-1.csv", "cpu0.csv~", "cpu0",
		     "cpu+1.csv", "xcpu0.csv", "cpu99999999999999999999.csv", ".", NULL };
		*no; no++)
		assert_int_equal(file_cpu(*no), -1);
}

static void test_exchanges(void **state)
{
	static const struct exchange rows[] = { { "before", 0, 1, -50, 150 },
		{ "before", 0, 2, INT64_MAX, -INT64_MAX } };
	struct error err = { "" };
	struct samples samples;

	(void)state;
	test_write("samples/cpu000.csv", SAMPLES_HEADER);
	load(&samples);
	assert_int_equal(samples.exchange_count, 0);
	samples_free(&samples);
	assert_int_equal(crosscpu_append(&run, rows, 2, &err), 0);
	assert_int_equal(crosscpu_append(&run, rows, 1, &err), 0);
	load(&samples);
	assert_int_equal(samples.exchange_count, 3);
	for (int i = 0; i < 3; i++) {
		const struct exchange *x = &samples.exchanges[i], *wanted = &rows[i % 2];

		assert_string_equal(x->phase, wanted->phase);
		assert_int_equal(x->cpu_a, wanted->cpu_a);
		assert_int_equal(x->cpu_b, wanted->cpu_b);
		assert_true(x->forward_min == wanted->forward_min);
		assert_true(x->backward_min == wanted->backward_min);
	}
	samples_free(&samples);
}

static void test_exchanges_that_are_wrong(void **state)
{
	static const struct {
		const char *row, *why;
	} cases[] = {
		{ "all,0,1,x,5\n", "crosscpu.csv:2: forward_min \"x\" is not a whole number" },
		{ "all,0,1,5,9223372036854775808\n",
			"crosscpu.csv:2: backward_min \"9223372036854775808\" does not fit 64 bits" },
		{ "all,-1,1,5,5\n", "crosscpu.csv:2: cpu is out of range" },
		{ "all,0,1048577,5,5\n", "crosscpu.csv:2: cpu is out of range" },
		{ "a\xff,0,1,5,5\n", "crosscpu.csv:2: phase: not plain UTF-8 text" },
		{ "a\033[m,0,1,5,5\n", "crosscpu.csv:2: phase: not plain UTF-8 text" },
		{ "0123456789012345678901234567890123456789012345678901234567890,0,1,5,5\n",
			"crosscpu.csv:2: phase: too long" },
	};

	(void)state;
	test_write("samples/cpu000.csv", SAMPLES_HEADER);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "phase,cpu_a,cpu_b,forward_min,backward_min\n%s", cases[i].row);
		test_write("crosscpu.csv", text);
		assert_refused(cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_samples(test_series_by_cpu_and_clock),
		with_samples(test_many_readings),
		with_samples(test_slow_clocks_tell_their_cpu),
		with_samples(test_a_cut_row_is_counted),
		with_samples(test_refusals),
		cmocka_unit_test(test_names_of_sample_files),
		with_samples(test_exchanges),
		with_samples(test_exchanges_that_are_wrong),
	};

	return cmocka_run_group_tests_name("results/samples", tests, NULL, NULL);
}
