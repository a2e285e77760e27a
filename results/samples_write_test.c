/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/samples_write.c"

#include <signal.h>
#include <sys/resource.h>

#include "results/results_test.h"

static struct clock_info clocks[] = { { .name = "mono", .unit = UNIT_NS, .hz = 1e9, .bits = 64 } };
static struct run run = { .dir = test_dir, .clocks = clocks, .clock_count = 1 };
static const struct reading reading = { 18446744073709551615u, 0, 12345678901234567890u };

static int samples_setup(void **state)
{
	return test_dir_make(state) || mkdir(test_path("samples"), 0777);
}

#define with_samples(test) cmocka_unit_test_setup_teardown(test, samples_setup, test_dir_remove)

static void test_rows(void **state)
{
	struct error err = { "" };
	struct samples_writer *w = samples_writer_open(&run, 7, &err);

	(void)state;
	assert_non_null(w);
	assert_file("samples/cpu007.csv", SAMPLES_HEADER);
	assert_int_equal(samples_writer_put(w, 7, "mono", &reading, &err), 0);
	assert_file("samples/cpu007.csv", SAMPLES_HEADER);
	assert_int_equal(samples_writer_flush(w, &err), 0);
	assert_file(
		"samples/cpu007.csv", SAMPLES_HEADER "mono,18446744073709551615,0,12345678901234567890\n");
	assert_int_equal(samples_writer_close(w, &err), 0);
}

static void test_slow_rows_have_a_cpu(void **state)
{
	struct error err = { "" };
	struct samples_writer *w = samples_writer_open(&run, -1, &err);

	(void)state;
	assert_non_null(w);
	assert_int_equal(samples_writer_put(w, 12, "mono", &(struct reading){ 1, 2, 3 }, &err), 0);
	assert_int_equal(samples_writer_close(w, &err), 0);
	assert_file("samples/slow.csv", SLOW_HEADER "12,mono,1,2,3\n");
}

static void test_nothing_is_overwritten(void **state)
{
	struct error err = { "" };

	(void)state;
	test_write("samples/cpu000.csv", "precious");
	assert_null(samples_writer_open(&run, 0, &err));
	assert_ends(err.text, "samples/cpu000.csv: cannot write: File exists");
	assert_file("samples/cpu000.csv", "precious");
}

/* More than one buffer of rows, and every one is read back. */
static void test_many_rows_come_back(void **state)
{
	const uint64_t count = 3 * BUFFER_BYTES / 20;
	struct error err = { "" };
	struct samples samples;
	struct samples_writer *w = samples_writer_open(&run, 0, &err);

	(void)state;
	assert_non_null(w);
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(
			samples_writer_put(w, 0, "mono", &(struct reading){ i, i * i, i + 1 }, &err), 0);
	assert_int_equal(samples_writer_close(w, &err), 0);
	assert_int_equal(samples_load(&run, &samples, &err), 0);
	assert_int_equal(samples.rows, count);
	for (uint64_t i = 0; i < count; i++) {
		const struct reading *r = &samples.series[0].readings[i];

		assert_true(r->tsc_lo == i && r->value == i * i && r->tsc_hi == i + 1);
	}
	samples_free(&samples);
}

/* The limit of the file's size stands for a full disk: the kernel takes a part and refuses the rest. */
static void test_a_full_disk_leaves_whole_rows(void **state)
{
	struct rlimit before, limit;
	struct error err = { "" }, second = { "" };
	struct samples_writer *w = samples_writer_open(&run, 0, &err);
	int rc = 0;
	char *text;

	(void)state;
	assert_non_null(w);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = BUFFER_BYTES + 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; !rc && i < 10000; i++)
		rc = samples_writer_put(w, 0, "mono", &reading, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, -EFBIG);
	assert_ends(err.text,
		"samples/cpu000.csv: cannot write: File too large; what was written before is valid");
	text = test_read("samples/cpu000.csv");
	assert_in_range(strlen(text), BUFFER_BYTES - 2 * ROW_BYTES, BUFFER_BYTES);
	assert_ends(text, "\nmono,18446744073709551615,0,12345678901234567890\n");
	/* There is room again, but what was lost in between must not hide. */
	assert_int_equal(samples_writer_flush(w, &second), -EIO);
	assert_int_equal(samples_writer_close(w, &second), -EIO);
	assert_file("samples/cpu000.csv", text);
	free(text);
}

static void test_a_full_disk_for_exchanges(void **state)
{
	static const struct exchange row = { "all", 0, 1, 2, 3 };
	struct error err = { "" };

	(void)state;
	assert_int_equal(symlink("/dev/full", test_path("crosscpu.csv")), 0);
	assert_int_equal(crosscpu_append(&run, &row, 1, &err), -ENOSPC);
	assert_ends(err.text, "crosscpu.csv: cannot write: No space left on device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_samples(test_rows),
		with_samples(test_slow_rows_have_a_cpu),
		with_samples(test_nothing_is_overwritten),
		with_samples(test_many_rows_come_back),
		with_samples(test_a_full_disk_leaves_whole_rows),
		on_disk(test_a_full_disk_for_exchanges),
	};

	return cmocka_run_group_tests_name("results/samples_write", tests, NULL, NULL);
}
