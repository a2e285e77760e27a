/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/disturbance.h"

static int move_for_test(struct stage *stage, int home, int target);
static int cpu_for_test(struct stage *stage, int home);
static bool is_home_for_test(struct stage *stage, int home);
#define stage_move_probe    move_for_test
#define stage_probe_cpu	    cpu_for_test
#define stage_probe_is_home is_home_for_test
#include "bench/disturb_migrate_thread.c"
#undef stage_move_probe
#undef stage_probe_cpu
#undef stage_probe_is_home

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include "bench/stage_fake.h"
#include "probes/probe.h"

#define DEADLINE_NS (10 * NS_PER_SEC)
#define MOVES_MAX   100000

static struct stage *stage;
static struct placement *placement;

/* What the probes were told, and what they do with it. */
static struct {
	int home, target;
} moves[MOVES_MAX];
static size_t move_count;
static int cpu_of[8];	/* by home */
static int stuck, lost; /* a home that moves nowhere; one that does not come back; -1: none */
static bool no_probes;
static struct probe *real; /* by home; NULL: made up ones */

static int move_for_test(struct stage *s, int home, int target)
{
	if (no_probes)
		return -ENOENT;
	/* Its count is its lock: what is told in one thread is looked at when that one has ended. */
	stage_move_probe(s, home, target);
	if (move_count < MOVES_MAX) {
		moves[move_count].home = home;
		moves[move_count++].target = target;
	}
	if (real) {
		for (struct probe *p = real; p < real + 2; p++)
			if (p->cpu == home)
				probe_move(p, target);
	} else if (home != stuck && (home != lost || target != home)) {
		__atomic_store_n(&cpu_of[home], target, __ATOMIC_RELAXED);
	}
	return 0;
}

static int cpu_for_test(struct stage *s, int home)
{
	(void)s;
	for (struct probe *p = real; p && p < real + 2; p++)
		if (p->cpu == home)
			return atomic_load(&p->ran_on);
	return real ? -1 : __atomic_load_n(&cpu_of[home], __ATOMIC_RELAXED);
}

static bool is_home_for_test(struct stage *s, int home)
{
	for (struct probe *p = real; p && p < real + 2; p++)
		if (p->cpu == home)
			return probe_is_home(p);
	return cpu_for_test(s, home) == home;
}

static int begin_test(void **state)
{
	(void)state;
	stage = calloc(1, sizeof(*stage));
	move_count = 0;
	for (int i = 0; i < 8; i++)
		cpu_of[i] = i;
	stuck = lost = -1;
	no_probes = false;
	real = NULL;
	return !stage || pthread_mutex_init(&stage->lock, NULL);
}

static int end_test(void **state)
{
	(void)state;
	free(stage);
	placement_free(placement);
	placement = NULL;
	return 0;
}

static struct argument arguments[1];
static struct disturbance_setup setup;
static struct error err;

static const struct disturbance_setup *ask(double rate_hz, const int *cpus, size_t count)
{
	arguments[0].number = rate_hz;
	err.text[0] = '\0';
	setup = (struct disturbance_setup){ .arguments = arguments,
		.duration_s = 1,
		.cpus = cpus,
		.cpu_count = count,
		.placement = placement,
		.stage = stage };
	return &setup;
}

static void await_moves(struct migration *m, uint64_t asked)
{
	uint64_t deadline = now_ns() + DEADLINE_NS;

	while (__atomic_load_n(&m->asked, __ATOMIC_RELAXED) < asked) {
		const struct timespec pause = { 0, 1 * NS_PER_MS };

		if (now_ns() > deadline)
			fail_msg("not %llu moves in %lld s", (unsigned long long)asked,
				DEADLINE_NS / NS_PER_SEC);
		nanosleep(&pause, NULL);
	}
}

static void run(const struct disturbance_setup *asked, int rc, struct evidence *evidence)
{
	void *state = NULL;

	if (disturb_migrate_thread.start(asked, &state, &err))
		fail_msg("%s", err.text);
	await_moves(state, 20);
	disturb_migrate_thread.observe(state, 4711);
	assert_int_equal(disturb_migrate_thread.stop(state, evidence, &err), rc);
	print_message("%s\n", evidence->text);
}

static void test_moves(void **state)
{
	static const int cpus[] = { 2, 5, 6 };
	struct evidence evidence;
	size_t away = 0;

	(void)state;
	run(ask(200, cpus, 3), 0, &evidence);
	assert_true(evidence.observed);
	assert_non_null(strstr(evidence.text, "moves between 3 CPUs were seen"));
	/* Three home before, three home after, and out and home in between. */
	assert_true(move_count >= 3 + 21 + 3);
	for (size_t i = 3; i < move_count - 3; i++) {
		bool out = (i / 3 - 1) % 2 == 0;

		assert_int_equal(moves[i].home, cpus[i % 3]);
		assert_int_equal(moves[i].target == moves[i].home, !out);
		away += moves[i].target == 2 || moves[i].target == 5 || moves[i].target == 6;
	}
	assert_int_equal(away, move_count - 6);
	for (int i = 0; i < 3; i++)
		assert_int_equal(cpu_of[cpus[i]], cpus[i]);
	assert_int_equal(stage->event_count, 1);
	assert_false(stage->events[0].injected);
	assert_string_equal(stage->points[0].series, "CPU of probe 2");
	assert_int_equal(stage->points[0].tsc, 4711);
	assert_string_equal(stage->points[3].series, "moves");
	assert_true(stage->points[3].value >= 20);
}

/* Every CPU of the run is visited by every probe, and none is "visited" at home. */
static void test_targets(void **state)
{
	int cpus[] = { 1, 3, 4, 7 };
	struct probe_moves probes[4] = { { .home = 1 }, { .home = 3 }, { .home = 4 }, { .home = 7 } };
	struct migration m = { .cpus = cpus, .cpu_count = 4, .probes = probes };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		unsigned visited = 0;

		for (uint64_t turn = 0; turn < 6; turn += 2) {
			assert_int_not_equal(target_of(&m, i, turn), cpus[i]);
			assert_int_equal(target_of(&m, i, turn + 1), cpus[i]);
			visited |= 1u << target_of(&m, i, turn);
		}
		assert_int_equal(visited, (1u << 1 | 1u << 3 | 1u << 4 | 1u << 7) & ~(1u << cpus[i]));
	}
}

static void test_probe_that_stays(void **state)
{
	static const int cpus[] = { 0, 1 };
	struct evidence evidence;

	(void)state;
	stuck = 1;
	run(ask(200, cpus, 2), 0, &evidence);
	assert_false(evidence.observed);
	assert_non_null(strstr(evidence.text, "; of the probe of CPU 1 "));
}

static void test_probe_that_does_not_come_home(void **state)
{
	static const int cpus[] = { 0, 1 };
	struct evidence evidence;
	uint64_t before = now_ns();

	(void)state;
	lost = 1;
	run(ask(200, cpus, 2), -ETIMEDOUT, &evidence);
	assert_true(now_ns() - before < DEADLINE_NS);
	assert_non_null(strstr(err.text, "the probe of CPU 1 did not come home"));
	assert_false(evidence.observed);
}

/* A slow rate in a short phase: the only move counts where it had half of its time. */
static void test_last_move(void **state)
{
	static const int cpus[] = { 0, 1 };
	struct evidence evidence;
	void *migration;
	uint64_t deadline = now_ns() + DEADLINE_NS;

	(void)state;
	assert_int_equal(disturb_migrate_thread.start(ask(0.1, cpus, 2), &migration, &err), 0);
	while (__atomic_load_n(&cpu_of[1], __ATOMIC_RELAXED) == 1 && now_ns() < deadline)
		sched_yield();
	assert_int_equal(disturb_migrate_thread.stop(migration, &evidence, &err), 0);
	assert_false(evidence.observed);
	assert_int_equal(cpu_of[1], 1);
	assert_int_equal(disturb_migrate_thread.start(ask(1, cpus, 2), &migration, &err), 0);
	nanosleep(&(struct timespec){ 0, 600 * NS_PER_MS }, NULL);
	assert_int_equal(disturb_migrate_thread.stop(migration, &evidence, &err), 0);
	assert_true(evidence.observed);
}

static void test_no_probes(void **state)
{
	static const int cpus[] = { 0, 1 };
	void *migration = NULL;

	(void)state;
	no_probes = true;
	assert_int_equal(disturb_migrate_thread.start(ask(10, cpus, 2), &migration, &err), -ENOENT);
	assert_null(migration);
}

/* ---- the machine ---- */

static void load_placement(void)
{
	placement = placement_load(&err);
	assert_non_null(placement);
}

static void test_plan_and_supported(void **state)
{
	static const int cpus[] = { 0, 1 };
	char text[200];

	(void)state;
	load_placement();
	disturb_migrate_thread.plan(ask(10, cpus, 2), text, sizeof(text));
	assert_string_equal(text, "each probe moves between its CPU and 1 other, 10 times a second");
	assert_int_equal(disturb_migrate_thread.supported(ask(10, cpus, 2), &err), 0);
}

static void test_one_cpu(void **state)
{
	cpu_set_t all, one;
	int cpu = 0, only[1];

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET((size_t)cpu, &all))
		cpu++;
	only[0] = cpu;
	/* With another one that is allowed, if there is. */
	load_placement();
	assert_int_equal(
		disturb_migrate_thread.supported(ask(10, only, 1), &err), CPU_COUNT(&all) > 1 ? 0 : -ENODEV);
	placement_free(placement);
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	placement = placement_load(&err);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_non_null(placement);
	assert_int_equal(disturb_migrate_thread.supported(ask(10, only, 1), &err), -ENODEV);
}

static void test_synthetic(void **state)
{
	static const int cpus[] = { 0, 1 };

	(void)state;
	setenv("HWLOC_SYNTHETIC", "package:1 core:4 pu:1", 1);
	placement = placement_load(&err);
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(placement);
	assert_int_equal(disturb_migrate_thread.supported(ask(10, cpus, 2), &err), -ENOTSUP);
}

static uint64_t count_reads(void *state)
{
	return atomic_fetch_add((atomic_ullong *)state, 1);
}

/* Two probes with threads of their own, moved for real. */
static void test_real_probes(void **state)
{
	static const struct clock_reader counting = { .name = "counting", .read = count_reads };
	static struct histogram brackets[2];
	static atomic_ullong reads;
	struct probe_clock clock = { .reader = &counting, .state = &reads, .bits = 64, .turn = UINT64_MAX };
	struct tally tallies[2] = { { .brackets = &brackets[0] }, { .brackets = &brackets[1] } };
	struct probe_config config = { .clocks = &clock,
		.clock_count = 1,
		.interval_ns = 1 * NS_PER_MS,
		.burst = 4,
		.seed = 1,
		.bind = placement_bind };
	struct evidence evidence;
	struct probe probes[2];
	size_t count;
	int *cpus;

	(void)state;
	load_placement();
	assert_int_equal(placement_select(placement, NULL, &cpus, &count, &err), 0);
	if (count < 2) {
		free(cpus);
		print_message("needs two CPUs\n");
		skip();
	}
	config.bind_context = placement;
	for (int i = 0; i < 2; i++)
		assert_int_equal(probe_start(&probes[i], &config, cpus[i], &tallies[i], &err), 0);
	real = probes;
	run(ask(50, cpus, 2), 0, &evidence);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(atomic_load(&probes[i].ran_on), cpus[i]);
		probe_stop(&probes[i]);
		probe_free(&probes[i]);
		assert_int_equal(tallies[i].readings, 4 * tallies[i].kept);
	}
	free(cpus);
	/* How many were in time is the machine's affair; that some were is not. */
	assert_int_not_equal(strncmp(evidence.text, "0 of ", 5), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_moves),
		TEST(test_targets),
		TEST(test_probe_that_stays),
		TEST(test_probe_that_does_not_come_home),
		TEST(test_last_move),
		TEST(test_no_probes),
		TEST(test_plan_and_supported),
		TEST(test_one_cpu),
		TEST(test_synthetic),
		TEST(test_real_probes),
	};

	tsc_init();
	return cmocka_run_group_tests_name("bench/disturb_migrate_thread", tests, NULL, NULL);
}
