/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/placement.c"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* hwloc numbers PUs of a synthetic machine package by package, core by core. */
static struct placement *synthetic(const char *text)
{
	struct error err = { "" };
	struct placement *p;

	setenv("HWLOC_SYNTHETIC", text, 1);
	p = placement_load(&err);
	unsetenv("HWLOC_SYNTHETIC");
	assert_non_null(p);
	assert_false(placement_is_real(p));
	return p;
}

static void assert_described(const char *topology, const char *wanted)
{
	struct placement *p = synthetic(topology);
	char text[64];

	placement_describe(p, text, sizeof(text));
	if (strcmp(text, wanted) != 0)
		fail_msg("\"%s\" is not \"%s\"", text, wanted);
	placement_free(p);
}

static void test_describe(void **state)
{
	(void)state;
	assert_described("package:1 core:1 pu:1", "synthetic: 1 package, 1 core, 1 CPU");
	assert_described("pu:6", "synthetic: 6 CPUs");
	assert_described("package:4 core:32 pu:2", "synthetic: 4 packages, 128 cores, 256 CPUs");
}

/* What does not fit is cut, never beyond the end. */
static void test_describe_is_cut(void **state)
{
	struct placement *p = synthetic("package:4 core:32 pu:2");
	char text[40];

	(void)state;
	for (size_t size = 12; size < sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		placement_describe(p, text, size);
		assert_true(strlen(text) < size);
		assert_memory_equal(text, "synthetic: 4 packages, 128 cores, 256 CPUs", strlen(text));
		assert_int_equal(text[size], '#');
	}
	placement_free(p);
}

static void assert_place(const struct placement *p, int cpu, int package, int core, int node)
{
	struct probe_place place = { 0 };

	placement_locate(p, cpu, &place);
	assert_int_equal(place.cpu, cpu);
	assert_int_equal(place.package, package);
	assert_int_equal(place.core, core);
	assert_int_equal(place.node, node);
}

static void test_locate(void **state)
{
	struct placement *p = synthetic("package:2 [numa] core:3 pu:2");

	(void)state;
	assert_place(p, 0, 0, 0, 0);
	assert_place(p, 1, 0, 0, 0); /* the core's second thread */
	assert_place(p, 2, 0, 1, 0);
	assert_place(p, 6, 1, 3, 1);
	assert_place(p, 11, 1, 5, 1);
	assert_place(p, 12, -1, -1, -1); /* there is none */
	placement_free(p);
}

static void test_select_all_256(void **state)
{
	struct placement *p = synthetic("package:4 core:32 pu:2");
	struct error err = { "" };
	size_t count;
	int *cpus;

	(void)state;
	assert_int_equal(placement_select(p, NULL, &cpus, &count, &err), 0);
	assert_int_equal(count, 256);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(cpus[i], i);
	assert_int_equal(placement_spare(p, cpus, count), -1);
	free(cpus);
	placement_free(p);
}

static void assert_selected(const struct placement *p, const char *list, const int *wanted, size_t n)
{
	struct error err = { "" };
	size_t count;
	int *cpus;

	if (placement_select(p, list, &cpus, &count, &err))
		fail_msg("%s", err.text);
	assert_int_equal(count, n);
	assert_memory_equal(cpus, wanted, n * sizeof(*cpus));
	free(cpus);
}

static void test_select_lists(void **state)
{
	struct placement *p = synthetic("package:2 core:4 pu:2");

	(void)state;
	assert_selected(p, "0-3,8", (const int[]){ 0, 1, 2, 3, 8 }, 5);
	assert_selected(p, "8,2,2,1-2", (const int[]){ 1, 2, 8 }, 3); /* sorted, once each */
	assert_selected(p, "15", (const int[]){ 15 }, 1);
	assert_selected(p, "5-5", (const int[]){ 5 }, 1);
	placement_free(p);
}

static void assert_refused(const struct placement *p, const char *list, const char *reason)
{
	struct error err = { "" };
	size_t count = 99;
	int *cpus = (int *)(uintptr_t)1;

	if (placement_select(p, list, &cpus, &count, &err) != -EINVAL || !strstr(err.text, reason))
		fail_msg("--cpus %s: \"%s\" says nothing of \"%s\"", list, err.text, reason);
	assert_null(cpus);
	assert_int_equal(count, 0);
}

static void test_bad_lists(void **state)
{
	static const char *const bad[] = { "", "-", ",", "a", "0,", ",0", "1,,2", "3-1", "0-", "-3", "0-3-5",
		"1.5", " 1", "0x1", "all", "4000000000", "4294967296", "18446744073709551616",
		"99999999999999999999999", "0-4000000000" };
	struct placement *p = synthetic("package:2 core:4 pu:2");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(p, bad[i], "not a list of CPUs");
	assert_refused(p, "16", "CPU 16 is offline, absent or not allowed");
	assert_refused(p, "3,14-20", "CPU 16 ");
	assert_refused(p, "65535", "CPU 65535 ");
	placement_free(p);
}

/* Only what this process may use: the answer names the first CPU that is not. */
static void test_allowed_set(void **state)
{
	struct placement *p = synthetic("package:2 core:4 pu:2");

	(void)state;
	hwloc_bitmap_list_sscanf(p->usable, "2-5,9");
	assert_selected(p, NULL, (const int[]){ 2, 3, 4, 5, 9 }, 5);
	assert_selected(p, "3,9", (const int[]){ 3, 9 }, 2);
	assert_refused(p, "0-3", "CPU 0 ");
	assert_refused(p, "9-10", "CPU 10 ");
	hwloc_bitmap_zero(p->usable);
	assert_refused(p, NULL, "no CPU");
	placement_free(p);
}

static void test_spare(void **state)
{
	struct placement *p = synthetic("package:1 core:4 pu:1");

	(void)state;
	assert_int_equal(placement_spare(p, (const int[]){ 0 }, 1), -1); /* nothing is bound there */
	p->real = true;
	assert_int_equal(placement_spare(p, (const int[]){ 0, 1 }, 2), 2);
	assert_int_equal(placement_spare(p, (const int[]){ 1, 2 }, 2), 0);
	assert_int_equal(placement_spare(p, (const int[]){ 0, 1, 2, 3 }, 4), -1);
	placement_free(p);
}

static void assert_near(
	const struct placement *p, enum placement_where where, const char *cpus, const char *wanted)
{
	struct error err = { "" };
	size_t count, found_count;
	int *from, *found;
	char text[64];

	assert_int_equal(placement_select(p, cpus, &from, &count, &err), 0);
	if (placement_near(p, where, from, count, &found, &found_count, &err))
		fail_msg("%s", err.text);
	placement_list(found, found_count, text, sizeof(text));
	if (strcmp(text, wanted) != 0)
		fail_msg("from %s: \"%s\" is not \"%s\"", cpus, text, wanted);
	free(found);
	free(from);
}

static void assert_none_near(const struct placement *p, enum placement_where where, const int *cpus,
	size_t count, const char *reason)
{
	struct error err = { "" };
	size_t found_count = 99;
	int *found = (int *)(uintptr_t)1;

	assert_int_equal(placement_near(p, where, cpus, count, &found, &found_count, &err), -ENODEV);
	if (!strstr(err.text, reason))
		fail_msg("\"%s\" says nothing of \"%s\"", err.text, reason);
	assert_null(found);
	assert_int_equal(found_count, 0);
}

static void test_near(void **state)
{
	struct placement *p = synthetic("package:2 [numa] core:3 pu:2");

	(void)state;
	assert_near(p, PLACEMENT_SAME, "3,1", "1,3");
	assert_near(p, PLACEMENT_SIBLING, "0", "1");
	assert_near(p, PLACEMENT_SIBLING, "1,2,9", "0,3,8");
	assert_near(p, PLACEMENT_SIBLING, "0-1,4", "5"); /* 0 and 1 are each other's, and sampled */
	assert_near(p, PLACEMENT_PACKAGE, "0", "2-5");	 /* not its sibling 1 */
	assert_near(p, PLACEMENT_PACKAGE, "2,10", "0-1,4-9");
	assert_near(p, PLACEMENT_NODE, "0,5", "6-11");
	assert_near(p, PLACEMENT_NODE, "7", "0-5");
	assert_none_near(p, PLACEMENT_NODE, (const int[]){ 0, 6 }, 2, "no other NUMA node");
	assert_none_near(p, PLACEMENT_SIBLING, (const int[]){ 0, 1 }, 2, "no SMT sibling");
	assert_none_near(p, PLACEMENT_PACKAGE, (const int[]){ 0, 2, 4 }, 3, "no other core");
	placement_free(p);
}

/* Two NUMA nodes in one package; one thread in a core. */
static void test_near_without_smt(void **state)
{
	struct placement *p = synthetic("package:1 die:2 [numa] core:2 pu:1");

	(void)state;
	assert_none_near(p, PLACEMENT_SIBLING, (const int[]){ 0 }, 1, "no SMT sibling");
	assert_near(p, PLACEMENT_PACKAGE, "0", "1-3");
	assert_near(p, PLACEMENT_NODE, "0", "2-3");
	placement_free(p);
	p = synthetic("package:1 core:4 pu:1");
	assert_none_near(p, PLACEMENT_NODE, (const int[]){ 0 }, 1, "no other NUMA node");
	placement_free(p);
}

static void test_near_is_allowed(void **state)
{
	struct placement *p = synthetic("package:2 [numa] core:2 pu:2");

	(void)state;
	hwloc_bitmap_list_sscanf(p->usable, "0,2,5");
	assert_none_near(p, PLACEMENT_SIBLING, (const int[]){ 0 }, 1, "allowed");
	assert_near(p, PLACEMENT_PACKAGE, "0", "2");
	assert_near(p, PLACEMENT_NODE, "0", "5");
	placement_free(p);
}

/* What does not fit is cut, never beyond the end. */
static void test_list_is_cut(void **state)
{
	static const int cpus[] = { 1000, 1001, 1002, 5 };
	char text[16];

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		placement_list(cpus, 4, text, size);
		assert_int_equal(text[size], '#');
		if (size) {
			assert_true(strlen(text) < size);
			assert_memory_equal(text, "5,1000-1002", strlen(text));
		}
	}
	placement_list(cpus, 0, text, sizeof(text));
	assert_string_equal(text, "");
}

static void *bind_and_look(void *context)
{
	struct placement *p = context;
	intptr_t wrong = 0;
	size_t count;
	int *cpus;
	struct error err = { "" };

	if (placement_select(p, NULL, &cpus, &count, &err))
		return (void *)1;
	for (size_t i = 0; i < count; i++)
		wrong += placement_bind(p, cpus[i]) != 0 || sched_getcpu() != cpus[i];
	free(cpus);
	return (void *)wrong;
}

/* This machine: a thread of its own is bound to each CPU that may be used. */
static void test_real(void **state)
{
	struct error err = { "" };
	struct placement *p = placement_load(&err);
	pthread_t thread;
	void *wrong;
	cpu_set_t set;

	(void)state;
	assert_non_null(p);
	assert_true(placement_is_real(p));
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(hwloc_bitmap_weight(p->usable), CPU_COUNT(&set));
	assert_int_equal(pthread_create(&thread, NULL, bind_and_look, p), 0);
	pthread_join(thread, &wrong);
	assert_null(wrong);
	assert_true(placement_bind(p, CPU_LIMIT) < 0);
	placement_free(p);
	placement_free(NULL);
}

/* taskset and the like: what the process is bound to is all that it may use. */
static void *load_bound(void *context)
{
	struct error err = { "" };
	struct placement *p;
	cpu_set_t set;
	intptr_t weight;

	(void)context;
	sched_getaffinity(0, sizeof(set), &set);
	for (size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && seen++)
			CPU_CLR(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	p = placement_load(&err);
	weight = p ? hwloc_bitmap_weight(p->usable) : -1;
	placement_free(p);
	return (void *)weight;
}

static void test_bound_process(void **state)
{
	pthread_t thread;
	void *weight;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, load_bound, NULL), 0);
	pthread_join(thread, &weight);
	assert_int_equal((intptr_t)weight, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_describe_is_cut),
		cmocka_unit_test(test_locate),
		cmocka_unit_test(test_select_all_256),
		cmocka_unit_test(test_select_lists),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_allowed_set),
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_near_without_smt),
		cmocka_unit_test(test_near_is_allowed),
		cmocka_unit_test(test_list_is_cut),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_bound_process),
	};

	unsetenv("HWLOC_XMLFILE");
	return cmocka_run_group_tests_name("bench/placement", tests, NULL, NULL);
}
