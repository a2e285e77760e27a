/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/recorder.c"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define RINGS	    2
#define RING_SIZE   64
#define HANDED_ON   20000
#define DEADLINE_MS 20000

struct fixture {
	char dir[64];
	struct clock_info clocks[2];
	struct run run;
	struct ring rings[RINGS];
	struct recorder_input inputs[RINGS];
	struct recorder recorder;
	atomic_uint events;
	uint64_t event_tsc;
	enum probe_event event;
	int event_cpu;
};

static void on_event(void *context, int cpu, enum probe_event event, uint64_t tsc)
{
	struct fixture *f = context;

	f->event_cpu = cpu;
	f->event = event;
	f->event_tsc = tsc;
	atomic_fetch_add(&f->events, 1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = { "" };

	strcpy(f->dir, "/tmp/clkdrift-recorder-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	strcat(f->dir, "/run");
	assert_int_equal(run_create_at(&f->run, f->dir, &err), 0);
	strcpy(f->clocks[0].name, "first");
	strcpy(f->clocks[1].name, "second");
	f->run.clocks = f->clocks;
	f->run.clock_count = 2;
	f->recorder = (struct recorder){ .run = &f->run,
		.inputs = f->inputs,
		.input_count = RINGS,
		.pause_ns = NS_PER_MS,
		.on_event = on_event,
		.event_context = f };
	for (int i = 0; i < RINGS; i++) {
		assert_int_equal(ring_init(&f->rings[i], RING_SIZE), 0);
		f->inputs[i].ring = &f->rings[i];
		f->inputs[i].writer = samples_writer_open(&f->run, i, &err);
		assert_non_null(f->inputs[i].writer);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	for (int i = 0; i < RINGS; i++) {
		ring_free(&f->rings[i]);
		snprintf(path, sizeof(path), "%s/samples/cpu%03d.csv", f->dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/samples", f->dir);
	rmdir(path);
	rmdir(f->dir);
	*strrchr(f->dir, '/') = '\0';
	rmdir(f->dir);
	free(f->run.dir);
	free(f);
	return 0;
}

static void close_writers(struct fixture *f, int wanted)
{
	for (int i = 0; i < RINGS; i++) {
		struct error err = { "" };

		assert_int_equal(samples_writer_close(f->inputs[i].writer, &err) != 0, wanted != 0);
	}
}

static void push(struct fixture *f, int ring, uint64_t number)
{
	struct ring_entry entry = { { number, number + 1, number + 2 }, (uint32_t)(number % 2), ring };
	struct timespec ms = { 0, NS_PER_MS };

	for (unsigned i = 0; !ring_push(&f->rings[ring], &entry); i++) {
		assert_in_range(i, 0, DEADLINE_MS);
		nanosleep(&ms, NULL);
	}
}

/* The file must hold rows 0 to count - 1, whole and in order. */
static void assert_file(const struct fixture *f, int cpu, uint64_t count)
{
	char path[PATH_MAX], line[128], wanted[128];
	FILE *in;

	snprintf(path, sizeof(path), "%s/samples/cpu%03d.csv", f->dir, cpu);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	assert_string_equal(line, SAMPLES_HEADER);
	for (uint64_t i = 0; i < count; i++) {
		assert_non_null(fgets(line, sizeof(line), in));
		snprintf(wanted, sizeof(wanted), "%s,%llu,%llu,%llu\n", i % 2 ? "second" : "first",
			(unsigned long long)i, (unsigned long long)i + 1, (unsigned long long)i + 2);
		assert_string_equal(line, wanted);
	}
	assert_null(fgets(line, sizeof(line), in));
	fclose(in);
}

/* Many times the ring's size, through both rings: all rows arrive. */
static void test_all_rows_arrive(void **state)
{
	struct fixture *f = *state;
	struct error err = { "" };

	assert_int_equal(recorder_start(&f->recorder, &err), 0);
	for (uint64_t i = 0; i < HANDED_ON / 10; i++)
		for (int ring = 0; ring < RINGS; ring++)
			push(f, ring, i);
	recorder_stop(&f->recorder);
	assert_int_equal(atomic_load(&f->recorder.rows), RINGS * HANDED_ON / 10);
	assert_int_equal(atomic_load(&f->recorder.rows_lost), 0);
	assert_false(atomic_load(&f->recorder.failed));
	close_writers(f, 0);
	for (int ring = 0; ring < RINGS; ring++)
		assert_file(f, ring, HANDED_ON / 10);
}

/* What lies in the rings when it is stopped, over their edge too, is written. */
static void test_last_readings_are_written(void **state)
{
	struct fixture *f = *state;
	const struct ring_entry *entries;
	struct error err = { "" };

	for (uint64_t i = 0; i < RING_SIZE / 2 + 5; i++)
		push(f, 0, i);
	ring_peek(&f->rings[0], &entries);
	ring_release(&f->rings[0], RING_SIZE / 2 + 5);
	for (uint64_t i = 0; i < RING_SIZE; i++)
		push(f, 0, i);
	f->recorder.pause_ns = NS_PER_SEC / 10;
	assert_int_equal(recorder_start(&f->recorder, &err), 0);
	recorder_stop(&f->recorder);
	close_writers(f, 0);
	assert_file(f, 0, RING_SIZE);
	assert_file(f, 1, 0);
}

static void test_events_are_told(void **state)
{
	struct fixture *f = *state;
	struct ring_entry entry = { { 77, PROBE_BACK_ON_CPU, 0 }, RING_EVENT, 9 };
	struct error err = { "" };

	push(f, 1, 0);
	assert_true(ring_push(&f->rings[1], &entry));
	push(f, 1, 1);
	assert_int_equal(recorder_start(&f->recorder, &err), 0);
	recorder_stop(&f->recorder);
	assert_int_equal(atomic_load(&f->events), 1);
	assert_int_equal(f->event, PROBE_BACK_ON_CPU);
	assert_int_equal(f->event_cpu, 9);
	assert_int_equal(f->event_tsc, 77);
	close_writers(f, 0);
	assert_file(f, 1, 2);
}

/*
 * The files may not grow beyond some KiB: one error, all later readings are drained and
 * counted, the producer is not held up, and what was written are whole rows.
 */
static void test_write_failure(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, small;
	struct error err = { "" };
	uint64_t rows = 0;
	char path[PATH_MAX], line[128];
	FILE *in;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 50000, old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(recorder_start(&f->recorder, &err), 0);
	for (uint64_t i = 0; i < HANDED_ON; i++)
		push(f, 0, i);
	recorder_stop(&f->recorder);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(atomic_load(&f->recorder.failed));
	assert_non_null(strstr(f->recorder.error.text, "cpu000.csv"));
	/* One row is lost to the failure itself; up to a buffer of rows is with it. */
	assert_true(atomic_load(&f->recorder.rows_lost) > 0);
	assert_true(atomic_load(&f->recorder.rows) + atomic_load(&f->recorder.rows_lost) >= HANDED_ON - 1);
	samples_writer_close(f->inputs[0].writer, &err);
	samples_writer_close(f->inputs[1].writer, &err);
	snprintf(path, sizeof(path), "%s/samples/cpu000.csv", f->dir);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		assert_int_equal(line[strlen(line) - 1], '\n');
		rows++;
	}
	fclose(in);
	assert_true(rows >= 1 && rows <= HANDED_ON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_rows_arrive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_readings_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_failure, setup, teardown),
	};

	return cmocka_run_group_tests_name("probes/recorder", tests, NULL, NULL);
}
