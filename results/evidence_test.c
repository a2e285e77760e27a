/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/evidence.c"

#include <signal.h>
#include <sys/resource.h>

#include "results/results_test.h"

static struct phase phases[] = {
	{ .name = "idle", .steering_ppm = NAN },
	{ .name = "load, \"90\" %", .steering_ppm = NAN },
};
static struct run run = { .dir = test_dir, .phases = phases, .phase_count = 2 };

static void assert_refused(const char *rows, const char *why)
{
	char text[1024];
	struct error err = { "" };
	struct evidence_set set;

	snprintf(text, sizeof(text), EVIDENCE_HEADER "%s", rows);
	test_write(EVIDENCE_FILE, text);
	assert_int_equal(evidence_load(&run, &set, &err), -EINVAL);
	assert_holds(err.text, why);
	assert_null(set.series);
	assert_int_equal(set.count, 0);
}

static void load_all(struct evidence_set *set)
{
	struct error err = { "" };

	if (evidence_load(&run, set, &err))
		fail_msg("%s", err.text);
}

static void test_what_is_written_is_read(void **state)
{
	struct error err = { "" };
	struct evidence_writer *w = evidence_open(&run, &err);
	struct evidence_set set;

	(void)state;
	assert_non_null(w);
	assert_file(EVIDENCE_FILE, EVIDENCE_HEADER);
	evidence_add(w, "load, \"90\" %", "load", "share CPU 0", "%", UINT64_MAX, 1 / 3.0);
	evidence_add(w, "load, \"90\" %", "load", "share CPU 1", "%", 2, -5);
	evidence_add(w, "idle", "load", "share CPU 0", "%", 3, 0);
	evidence_add(w, "load, \"90\" %", "load", "share CPU 0", "%", 1, NAN);
	evidence_add(w, "idle", " b ", "", "", 0, INFINITY);
	assert_file(EVIDENCE_FILE, EVIDENCE_HEADER);
	assert_int_equal(evidence_flush(w, &err), 0);
	assert_file(EVIDENCE_FILE, EVIDENCE_HEADER
		"\"load, \"\"90\"\" %\",load,share CPU 0,%,18446744073709551615,0.333333333333333\n"
		"\"load, \"\"90\"\" %\",load,share CPU 1,%,2,-5\n"
		"idle,load,share CPU 0,%,3,0\n"
		"\"load, \"\"90\"\" %\",load,share CPU 0,%,1,\n"
		"idle,\" b \",,,0,\n");
	assert_int_equal(evidence_close(w, &err), 0);
	load_all(&set);
	assert_int_equal(set.count, 4);
	assert_false(set.cut);
	assert_int_equal(set.series[0].phase, 1);
	assert_string_equal(set.series[0].disturbance, "load");
	assert_string_equal(set.series[0].name, "share CPU 0");
	assert_string_equal(set.series[0].unit, "%");
	assert_int_equal(set.series[0].count, 2);
	assert_true(set.series[0].points[0].tsc == UINT64_MAX);
	assert_true(set.series[0].points[0].value == 0.333333333333333);
	assert_true(set.series[0].points[1].tsc == 1);
	assert_true(isnan(set.series[0].points[1].value));
	assert_string_equal(set.series[1].name, "share CPU 1");
	assert_true(set.series[1].points[0].value == -5);
	assert_int_equal(set.series[2].phase, 0);
	assert_true(set.series[2].points[0].value == 0);
	assert_string_equal(set.series[3].disturbance, " b ");
	assert_true(isnan(set.series[3].points[0].value));
	evidence_free(&set);
	assert_null(set.series);
}

/* Names come from programs and from the kernel: whatever they hold, the file can be read. */
static void test_names_are_made_plain(void **state)
{
	char name[100] = "a\nb\x1b\xff";
	struct error err = { "" };
	struct evidence_writer *w = evidence_open(&run, &err);
	struct evidence_set set;

	(void)state;
	assert_non_null(w);
	evidence_add(w, "idle", "d", name, "\xc2\xb5s", 1, 1);
	memset(name, '"', sizeof(name) - 1);
	evidence_add(w, "idle", name, name, name, 2, -1.23456789012345e-300);
	assert_int_equal(evidence_close(w, &err), 0);
	load_all(&set);
	assert_int_equal(set.count, 2);
	assert_string_equal(set.series[0].name, "a?b??");
	assert_string_equal(set.series[0].unit, "\xc2\xb5s");
	assert_int_equal(strlen(set.series[1].disturbance), DISTURBANCE_NAME_MAX - 1);
	assert_int_equal(strlen(set.series[1].name), EVIDENCE_NAME_MAX - 1);
	assert_int_equal(strspn(set.series[1].unit, "\""), EVIDENCE_NAME_MAX - 1);
	evidence_free(&set);
}

static void test_nothing_is_overwritten(void **state)
{
	struct error err = { "" };

	(void)state;
	test_write(EVIDENCE_FILE, "precious");
	assert_null(evidence_open(&run, &err));
	assert_ends(err.text, EVIDENCE_FILE ": cannot write: File exists");
	assert_file(EVIDENCE_FILE, "precious");
	err.text[0] = '\0';
	assert_int_equal(evidence_close(NULL, &err), 0);
	assert_string_equal(err.text, "");
}

/* More than one buffer, and series that take turns. */
static void test_many_points_come_back(void **state)
{
	const uint64_t count = 3 * BUFFER_BYTES / 20;
	struct error err = { "" };
	struct evidence_writer *w = evidence_open(&run, &err);
	struct evidence_set set;

	(void)state;
	assert_non_null(w);
	for (uint64_t i = 0; i < count; i++)
		evidence_add(w, "idle", "load", i % 3 ? "odd" : "even", "", i, (double)i / 8);
	assert_int_equal(evidence_close(w, &err), 0);
	load_all(&set);
	assert_int_equal(set.count, 2);
	assert_int_equal(set.series[0].count + set.series[1].count, count);
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < set.series[k].count; i++) {
			const struct evidence_point *p = &set.series[k].points[i];

			assert_true(p->tsc == (k ? i / 2 * 3 + i % 2 + 1 : i * 3));
			assert_true(p->value == (double)p->tsc / 8);
		}
	}
	evidence_free(&set);
}

/* The limit of the file's size stands for a full disk: the kernel takes a part and refuses the rest. */
static void test_a_full_disk_leaves_whole_rows(void **state)
{
	struct rlimit before, limit;
	struct error err = { "" }, second = { "" };
	struct evidence_writer *w = evidence_open(&run, &err);
	struct evidence_set set;
	char *text;

	(void)state;
	assert_non_null(w);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = BUFFER_BYTES + 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned i = 0; i < 10000; i++)
		evidence_add(w, "idle", "load", "share CPU 0", "%", i, 50);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	text = test_read(EVIDENCE_FILE);
	assert_in_range(strlen(text), BUFFER_BYTES - ROW_BYTES - 64, BUFFER_BYTES);
	assert_ends(text, "\n");
	/* There is room again, but what was lost in between must not hide. */
	evidence_add(w, "idle", "load", "share CPU 0", "%", 1, 50);
	assert_int_equal(evidence_flush(w, &err), -EFBIG);
	assert_ends(
		err.text, EVIDENCE_FILE ": cannot write: File too large; what was written before is valid");
	assert_int_equal(evidence_close(w, &second), -EFBIG);
	assert_string_equal(second.text, err.text);
	assert_file(EVIDENCE_FILE, text);
	free(text);
	load_all(&set);
	assert_false(set.cut);
	assert_in_range(set.series[0].count, 1000, 9999);
	evidence_free(&set);
}

static void test_no_space_at_all(void **state)
{
	struct error err = { "" };
	struct evidence_writer *w = evidence_open(&run, &err);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_non_null(w);
	if (full < 0) {
		assert_int_equal(evidence_close(w, &err), 0);
		print_message("no /dev/full here\n");
		skip();
	}
	assert_true(dup2(full, w->fd) >= 0);
	close(full);
	evidence_add(w, "idle", "load", "share", "%", 1, 50);
	assert_int_equal(evidence_close(w, &err), -ENOSPC);
	assert_ends(err.text,
		EVIDENCE_FILE ": cannot write: No space left on device; what was written before is valid");
	assert_file(EVIDENCE_FILE, EVIDENCE_HEADER);
}

static void test_the_writer_stops_at_the_limit(void **state)
{
	struct error err = { "" };
	struct evidence_writer *w = evidence_open(&run, &err);

	(void)state;
	assert_non_null(w);
	w->points = EVIDENCE_POINT_MAX - 1;
	for (int i = 0; i < 3; i++)
		evidence_add(w, "idle", "load", "share", "%", 1, 50);
	assert_int_equal(evidence_close(w, &err), -EFBIG);
	assert_ends(
		err.text, EVIDENCE_FILE ": holds 10000000 points, all that it may; later ones are left out");
	assert_file(EVIDENCE_FILE, EVIDENCE_HEADER "idle,load,share,%,1,50\n");
}

static void test_a_cut_row_is_left_out(void **state)
{
	struct evidence_set set;

	(void)state;
	test_write(EVIDENCE_FILE, EVIDENCE_HEADER "idle,load,share,%,1,50\nidle,load,share,%,2,5");
	load_all(&set);
	assert_true(set.cut);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.series[0].count, 1);
	evidence_free(&set);
	test_write(EVIDENCE_FILE, EVIDENCE_HEADER "idle,load,share,%,1,50\nnowh");
	load_all(&set);
	assert_true(set.cut);
	assert_int_equal(set.count, 1);
	evidence_free(&set);
}

static void test_no_file_is_an_empty_set(void **state)
{
	struct evidence_set set = { .count = 7 };

	(void)state;
	load_all(&set);
	assert_null(set.series);
	assert_int_equal(set.count, 0);
	evidence_free(&set);
	test_write(EVIDENCE_FILE, EVIDENCE_HEADER);
	load_all(&set);
	assert_int_equal(set.count, 0);
	evidence_free(&set);
}

static void test_refusals_name_the_line(void **state)
{
	struct error err = { "" };
	struct evidence_set set;

	(void)state;
	assert_refused(
		"idle,l,s,%,1,2\nbusy,l,s,%,1,2\n", "evidence.csv:3: phase \"busy\" is not in run.json");
	assert_refused("idle,l,s,%,-1,2\n", "evidence.csv:2: tsc \"-1\" is not a whole number");
	assert_refused("idle,l,s,%,,2\n", "evidence.csv:2: tsc \"\" is empty");
	assert_refused("idle,l,s,%,1,x\n", "evidence.csv:2: value \"x\" is not a finite number");
	assert_refused("idle,l,s,%,1,nan\n", "evidence.csv:2: value \"nan\" is not a finite number");
	assert_refused("idle,l,s,%,1\n", "evidence.csv:2: the row has 5 columns, too few");
	assert_refused("idle,l,s,%,1,2\nidle,l,s,kHz,1,2\n", "evidence.csv:3: unit: not that of");
	assert_refused("idle,l,\"a\nb\",%,1,2\n", "series: not plain UTF-8 text");
	assert_refused("idle,l,s,\xff,1,2\n", "evidence.csv:2: unit: not plain UTF-8 text");
	assert_refused("idle,ddddddddddddddddddddddddddddddddd,s,%,1,2\n", "disturbance: too long");
	test_write(EVIDENCE_FILE, "phase,disturbance,series,tsc,value\n");
	assert_int_equal(evidence_load(&run, &set, &err), -EINVAL);
	assert_ends(err.text, "evidence.csv:1: column \"unit\" is missing in the header");
}

static void test_too_many(void **state)
{
	struct error err = { "" };
	struct evidence_set set;
	FILE *out;

	(void)state;
	test_write(EVIDENCE_FILE, EVIDENCE_HEADER "idle,l,s,%,1,2\nidle,l,s,%,2,2\nidle,l,s,%,3,2\n");
	assert_int_equal(load(&run, &set, 3, &err), 0);
	assert_int_equal(set.series[0].count, 3);
	evidence_free(&set);
	assert_int_equal(load(&run, &set, 2, &err), -EINVAL);
	assert_ends(err.text, "evidence.csv:4: has too many points");
	assert_null(set.series);
	out = fopen(test_path(EVIDENCE_FILE), "we");
	assert_non_null(out);
	fputs(EVIDENCE_HEADER, out);
	for (int i = 0; i <= EVIDENCE_SERIES_MAX; i++)
		fprintf(out, "idle,l,s%d,%%,1,2\n", i);
	assert_int_equal(fclose(out), 0);
	err.text[0] = '\0';
	assert_int_equal(evidence_load(&run, &set, &err), -EINVAL);
	assert_ends(err.text, "evidence.csv:65538: has too many series");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_what_is_written_is_read),
		on_disk(test_names_are_made_plain),
		on_disk(test_nothing_is_overwritten),
		on_disk(test_many_points_come_back),
		on_disk(test_a_full_disk_leaves_whole_rows),
		on_disk(test_no_space_at_all),
		on_disk(test_the_writer_stops_at_the_limit),
		on_disk(test_a_cut_row_is_left_out),
		on_disk(test_no_file_is_an_empty_set),
		on_disk(test_refusals_name_the_line),
		on_disk(test_too_many),
	};

	return cmocka_run_group_tests_name("results/evidence", tests, NULL, NULL);
}
