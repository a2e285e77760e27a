/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/proc_stat.c"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "probes/now.h"

#define WAIT_NS (20 * NS_PER_SEC)

static const char sample[] = "cpu  300 30 60 900 9 3 6 12 0 0\n"
			     "cpu0 100 10 20 300 3 1 2 4 50 5\n"
			     "cpu12 200 20 40 600 6 2 4 8 0 0\n"
			     "intr 1 2 3\n"
			     "cpu5 1 1 1 1 1 1 1 1 0 0\n";

static void test_counters(void **state)
{
	const int cpus[] = { 12, 1, 0, 5 };
	char path[] = "/tmp/clkdrift-proc-stat-XXXXXX";
	struct cpu_ticks ticks[4];
	struct error err = { "" };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, sample, sizeof(sample) - 1), sizeof(sample) - 1);
	close(fd);
	assert_int_equal(proc_stat_read(path, cpus, 4, ticks, &err), 0);
	unlink(path);
	assert_true(ticks[0].online);
	assert_int_equal(ticks[0].busy, 266);
	assert_int_equal(ticks[0].steal, 8);
	assert_int_equal(ticks[0].all, 880);
	assert_false(ticks[1].online); /* has no line: offline */
	assert_int_equal(ticks[1].all, 0);
	assert_int_equal(ticks[2].busy, 133); /* guests are in user and nice already */
	assert_false(ticks[3].online);	      /* behind the lines of the CPUs */
	assert_int_equal(proc_stat_read(path, cpus, 4, ticks, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
}

/* Of this machine they only grow, and somebody is busy: we. */
static void test_real_counters(void **state)
{
	struct cpu_ticks then[1], now[1] = { 0 };
	uint64_t limit = now_ns() + WAIT_NS;
	struct error err = { "" };
	int cpu;
	cpu_set_t set;

	(void)state;
	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = 0; !CPU_ISSET((size_t)cpu, &set); cpu++)
		;
	assert_int_equal(proc_stat_read(PROC_STAT_FILE, &cpu, 1, then, &err), 0);
	assert_true(then->online);
	do {
		assert_int_equal(proc_stat_read(PROC_STAT_FILE, &cpu, 1, now, &err), 0);
	} while (now->all < then->all + 5 && now_ns() < limit);
	assert_true(now->all >= then->all + 5);
	assert_true(now->busy <= now->all && now->busy >= then->busy);
}

static void *pause_thread(void *context)
{
	(void)context;
	pause();
	return NULL;
}

/* A child with two threads; its own child burns 100 ms of CPU time, which is counted in whole ticks. */
static pid_t family_start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		if (fork() == 0) {
			while (clock() < CLOCKS_PER_SEC / 10)
				;
			pause();
		}
		pthread_create(&thread, NULL, pause_thread, NULL);
		pause();
	}
	return pid;
}

static void test_tree(void **state)
{
	uint64_t limit = now_ns() + WAIT_NS;
	struct process_tree tree = { 0 };
	struct pids pids = { 0 };
	cpu_set_t set;
	pid_t family;
	int cpu;

	(void)state;
	if (process_tree_supported(NULL)) {
		print_message("no children in /proc here\n");
		skip();
	}
	family = family_start();
	assert_true(family > 0);
	while ((tree.cpu_s < 0.08 || tree.processes < 2) && now_ns() < limit)
		assert_int_equal(process_tree_look(family, -1, &tree), 0);
	assert_int_equal(tree.processes, 2);
	assert_true(tree.cpu_s >= 0.08 && tree.cpu_s < 1);
	assert_false(tree.astray);

	/* It was not bound to one CPU (unless there is no other), then it is. */
	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = 0; !CPU_ISSET((size_t)cpu, &set); cpu++)
		;
	assert_int_equal(process_tree_look(family, cpu, &tree), 0);
	assert_int_equal(tree.astray, CPU_COUNT(&set) > 1);
	assert_int_equal(process_tree_look(family, cpu, &tree), 0);
	assert_false(tree.astray);

	assert_int_equal(add_children_of_threads(&pids, family), 0);
	assert_int_equal(pids.count, 1);
	kill(pids.list[0], SIGKILL);
	kill(family, SIGKILL);
	waitpid(family, NULL, 0);
	free(pids.list);
	assert_int_equal(process_tree_look(family, -1, &tree), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_real_counters),
		cmocka_unit_test(test_tree),
	};

	return cmocka_run_group_tests_name("bench/proc_stat", tests, NULL, NULL);
}
