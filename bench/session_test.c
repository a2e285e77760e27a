/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/session.c"

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "probes/tsc.h"

#define DEADLINE_MS 20000

struct fixture {
	char parent[64];
	struct run run;
	struct placement *placement;
	int *cpus;
	size_t cpu_count;
	struct session session;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void load_machine(struct fixture *f, const char *topology)
{
	struct error err = { "" };

	if (topology)
		setenv("HWLOC_SYNTHETIC", topology, 1);
	f->placement = placement_load(&err);
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(f->placement);
	assert_int_equal(placement_select(f->placement, NULL, &f->cpus, &f->cpu_count, &err), 0);
}

static struct fixture *make(const char *topology)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char dir[96];
	struct error err = { "" };

	strcpy(f->parent, "/tmp/clkdrift-session-XXXXXX");
	assert_non_null(mkdtemp(f->parent));
	snprintf(dir, sizeof(dir), "%s/run", f->parent);
	assert_int_equal(run_create_at(&f->run, dir, &err), 0);
	f->run.tsc_hz = 2.5e9;
	f->run.seed = 1;
	f->run.interval_s = 1e-3;
	f->run.burst = 2;
	strcpy(f->run.state, "running");
	strcpy(f->run.host, "h");
	strcpy(f->run.scenario, "s");
	load_machine(f, topology);
	return f;
}

static int setup(void **state)
{
	*state = make(NULL);
	return 0;
}

static int setup_synthetic(void **state)
{
	*state = make("package:2 core:4 pu:2");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	session_close(&f->session);
	placement_free(f->placement);
	free(f->cpus);
	run_free(&f->run);
	nftw(f->parent, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static int open_list(struct fixture *f, const char *list, struct error *err)
{
	*err = (struct error){ "" };
	return session_open(&f->session, &f->run, f->placement, f->cpus, f->cpu_count, list, "tsc", err);
}

static void open_and_start(struct fixture *f, const char *list)
{
	struct error err;

	if (open_list(f, list, &err))
		fail_msg("%s", err.text);
	f->run.phases = calloc(1, sizeof(*f->run.phases));
	f->run.phase_count = 1;
	f->run.phases[0] = (struct phase){ .name = "all", .tsc_hi = UINT64_MAX, .steering_ppm = NAN };
	if (session_start(&f->session, &err))
		fail_msg("%s", err.text);
}

/* Until each CPU has kept so many readings of each tight clock. */
static void await_rows(struct fixture *f, uint64_t least)
{
	struct timespec ms = { 0, NS_PER_MS };

	for (unsigned waited = 0; waited < DEADLINE_MS; waited++, nanosleep(&ms, NULL)) {
		size_t tight = f->session.cpu_count * f->session.tight_count, enough = 0;

		for (size_t i = 0; i < tight; i++)
			enough += __atomic_load_n(&f->session.tallies[i].kept, __ATOMIC_RELAXED) >= least;
		if (enough == tight)
			return;
	}
	fail_msg("no %llu readings in %d ms", (unsigned long long)least, DEADLINE_MS);
}

/* Every clock of this program is either sampled or told with its reason. */
static void test_no_clock_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct error err;
	size_t wanted = 0;

	assert_int_equal(open_list(f, NULL, &err), 0);
	for (size_t i = 0; clock_readers[i]; i++)
		wanted += !clock_readers[i]->optional;
	assert_int_equal(f->run.clock_count + f->run.unavailable_count, wanted);
	assert_int_equal(f->session.tight_count + f->session.slow_count, f->run.clock_count);
	for (size_t i = 0; i < f->run.unavailable_count; i++)
		assert_string_not_equal(f->run.unavailable[i].reason, "");
	assert_true(run_clock_find(&f->run, "sim") < 0);
}

static void test_bad_clock_lists(void **state)
{
	static const struct {
		const char *list, *reason;
	} bad[] = { { "wobble", "unknown clock \"wobble\"" },
		{ "monotonic,tai,monotonic", "clock monotonic is asked for twice" },
		{ "monotonic:drift=5", "takes no options" }, { "sim:wobble=1", "unknown option" },
		{ "", "the list is empty" }, { ",", "the list is empty" },
		{ "sim,sim", "clock sim is asked for twice" } };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err;

		if (open_list(f, bad[i].list, &err) >= 0 || !strstr(err.text, bad[i].reason))
			fail_msg("\"%s\": \"%s\"", bad[i].list, err.text);
		session_close(&f->session);
		free(f->run.clocks);
		f->run.clocks = NULL;
		f->run.clock_count = 0;
	}
	memset(&f->session, 0, sizeof(f->session));
}

/* Starts, ticks, stops: the counters, run.json and the files agree. */
static void test_counts_agree(void **state)
{
	struct fixture *f = *state;
	struct samples samples;
	struct run loaded;
	struct error err = { "" };
	uint64_t kept = 0, rows, lost;

	open_and_start(f, "monotonic,sim:drift=5");
	await_rows(f, 20);
	assert_int_equal(session_tick(&f->session, &err), 0);
	await_rows(f, 40);
	assert_int_equal(session_stop(&f->session, &err), 0);
	assert_int_equal(run_store(&f->run, &err), 0);
	session_progress(&f->session, &rows, &lost);
	for (size_t i = 0; i < f->run.tally_count; i++) {
		const struct tally *t = &f->run.tallies[i];

		kept += t->kept;
		assert_int_equal(t->readings, 2 * t->kept);
		assert_int_equal(t->brackets->total + t->inverted, t->readings);
		assert_int_equal(t->cpu, f->cpus[i / 2]);
		assert_int_equal(t->clock, i % 2);
	}
	assert_int_equal(rows + lost, kept);
	assert_int_equal(f->run.place_count, f->cpu_count);
	assert_true(f->run.tsc_granularity_cycles >= 1);
	assert_true(f->run.places[0].pinned);
	assert_int_equal(run_load(f->run.dir, &loaded, &err), 0);
	assert_int_equal(samples_load(&loaded, &samples, &err), 0);
	assert_int_equal(samples.rows, rows);
	assert_int_equal(samples.series_count, 2 * f->cpu_count);
	samples_free(&samples);
	run_free(&loaded);
}

/* Run.json of a run that is killed now: its tallies are those of the last tick. */
static void test_tick_while_sampling(void **state)
{
	struct fixture *f = *state;
	struct run loaded;
	struct error err = { "" };

	open_and_start(f, "monotonic");
	await_rows(f, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(session_tick(&f->session, &err), 0);
	assert_int_equal(run_load(f->run.dir, &loaded, &err), 0);
	assert_int_equal(loaded.tally_count, f->cpu_count);
	assert_true(loaded.tallies[0].readings >= 10);
	run_free(&loaded);
	assert_int_equal(session_stop(&f->session, &err), 0);
	assert_int_equal(session_stop(&f->session, &err), 0); /* once more does no harm */
}

/* Back to back, with more probes than this machine has CPUs: what is not stored is counted. */
static void test_back_to_back_loses_nothing_silently(void **state)
{
	struct fixture *f = *state;
	struct error err = { "" };
	uint64_t rows, lost, kept = 0;

	f->run.interval_s = 0;
	f->run.burst = 1;
	open_and_start(f, "sim");
	assert_int_equal(f->cpu_count, 16);
	assert_null(f->session.config.bind);
	await_rows(f, 2);
	assert_int_equal(session_stop(&f->session, &err), 0);
	session_progress(&f->session, &rows, &lost);
	for (size_t i = 0; i < f->run.tally_count; i++)
		kept += f->run.tallies[i].kept;
	assert_int_equal(rows + lost, kept);
	assert_int_equal(f->run.places[15].package, 1);
	assert_false(f->run.places[0].pinned);
}

static void test_foreign_machine_has_no_real_clocks(void **state)
{
	struct fixture *f = *state;
	struct error err;

	assert_true(open_list(f, "monotonic", &err) < 0);
	assert_non_null(strstr(err.text, "--clocks sim"));
}

static void test_foreign_machine_has_sim_by_default(void **state)
{
	struct fixture *f = *state;
	struct error err;

	assert_int_equal(open_list(f, NULL, &err), 0);
	assert_int_equal(f->run.clock_count, 1);
	assert_string_equal(f->run.clocks[0].name, "sim");
	/* And nothing to exchange between CPUs that are not there. */
	assert_int_equal(session_crosscpu(&f->session, "before", &err), 0);
}

/* All pairs; a pair that fails is an event, while the recorder may be telling of events too. */
static void test_crosscpu(void **state)
{
	struct fixture *f = *state;
	struct samples samples;
	struct run loaded;
	struct error err = { "" };

	open_and_start(f, "monotonic");
	assert_int_equal(session_crosscpu(&f->session, "before", &err), 0);
	on_event(&f->session, 7, PROBE_LEFT_CPU, 123);
	on_event(&f->session, 7, PROBE_BACK_ON_CPU, 456);
	assert_int_equal(session_stop(&f->session, &err), 0);
	assert_int_equal(run_store(&f->run, &err), 0);
	assert_int_equal(run_load(f->run.dir, &loaded, &err), 0);
	assert_int_equal(samples_load(&loaded, &samples, &err), 0);
	assert_int_equal(
		samples.exchange_count + loaded.event_count, f->cpu_count * (f->cpu_count - 1) / 2 + 2);
	assert_string_equal(loaded.events[loaded.event_count - 2].kind, "cpu-lost");
	assert_int_equal(loaded.events[loaded.event_count - 2].tsc, 123);
	assert_non_null(strstr(loaded.events[loaded.event_count - 1].text, "CPU 7 is back"));
	samples_free(&samples);
	run_free(&loaded);
}

/* A CPU that cannot be had: the event is told when it happens. */
static void test_crosscpu_that_fails(void **state)
{
	struct fixture *f = *state;
	int gone[] = { f->cpus[0], 99999 };
	uint64_t before = tsc_before();
	struct error err = { "" };

	open_and_start(f, "monotonic");
	f->session.cpus = gone;
	f->session.cpu_count = 2;
	assert_int_equal(session_crosscpu(&f->session, "before", &err), 0);
	f->session.cpus = f->cpus;
	f->session.cpu_count = f->cpu_count;
	assert_int_equal(f->run.event_count, 1);
	assert_string_equal(f->run.events[0].kind, "crosscpu");
	assert_non_null(strstr(f->run.events[0].text, "99999"));
	assert_true(f->run.events[0].tsc > before && f->run.events[0].tsc < tsc_before());
	assert_int_equal(session_stop(&f->session, &err), 0);
}

/* The directory goes away under the run: one error, and the end is orderly. */
static void test_start_without_a_directory(void **state)
{
	struct fixture *f = *state;
	struct error err;

	assert_int_equal(open_list(f, "monotonic", &err), 0);
	nftw(f->run.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	assert_true(session_start(&f->session, &err) < 0);
	assert_non_null(strstr(err.text, "cpu"));
	session_stop(&f->session, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_clock_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_clock_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tick_while_sampling, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_back_to_back_loses_nothing_silently, setup_synthetic, teardown),
		cmocka_unit_test_setup_teardown(
			test_foreign_machine_has_no_real_clocks, setup_synthetic, teardown),
		cmocka_unit_test_setup_teardown(
			test_foreign_machine_has_sim_by_default, setup_synthetic, teardown),
		cmocka_unit_test_setup_teardown(test_crosscpu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crosscpu_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_without_a_directory, setup, teardown),
	};

	tsc_init();
	return cmocka_run_group_tests_name("bench/session", tests, NULL, NULL);
}
