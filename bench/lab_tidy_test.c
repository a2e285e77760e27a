/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Each test has a child that notes what it makes, and dies. */
#include "bench/lab_tidy.c"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define DEADLINE_NS (20 * NS_PER_SEC)

static char top[64];

static int begin(void **state)
{
	(void)state;
	strcpy(top, "/tmp/clkdrift-tidy-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	lab_remove_tree(top);
	return 0;
}

static void put(const char *dir, const char *name)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		_exit(3);
	close(fd);
}

static bool is_there(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return lstat(path, &st) == 0;
}

/* In the child: a directory with files that stays, one that is removed, a file, and one that is to be kept. */
static void make_things(void)
{
	char dir[PATH_MAX], gone[PATH_MAX], path[128];
	struct error err = { "" };

	if (lab_tidy_start(&err) || lab_make_private(top, "dir-", dir, &err) ||
		lab_make_private(top, "gone-", gone, &err))
		_exit(2);
	put(dir, "one");
	put(dir, "two");
	lab_remove_private(gone);
	snprintf(path, sizeof(path), "%s/file", top);
	if (lab_tidy_note(path, &err))
		_exit(2);
	put(top, "file");
	snprintf(path, sizeof(path), "%s/kept", top);
	if (lab_tidy_note(path, &err))
		_exit(2);
	put(top, "kept");
	lab_tidy_forget(path);
}

/* What rmdir() says of the top when all but "kept" has gone. */
static void await_tidy(void)
{
	const struct timespec nap = { 0, POLL_NS };
	uint64_t limit = now_ns() + DEADLINE_NS;
	char path[128];

	assert_true(is_there("kept"));
	snprintf(path, sizeof(path), "%s/kept", top);
	unlink(path);
	while (rmdir(top) && now_ns() < limit)
		nanosleep(&nap, NULL);
	assert_int_equal(access(top, F_OK), -1);
}

static void die_by(int sig)
{
	int status, ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		make_things();
		if (write(ready[1], "r", 1) != 1)
			_exit(4);
		if (sig)
			pause();
		lab_tidy_end();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	if (sig)
		kill(child, sig);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (sig)
		assert_int_equal(WTERMSIG(status), sig);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	/* The helper has none of our files: the end of the pipe comes although it may run on. */
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	/* In order, it was done before. */
	if (!sig)
		assert_false(is_there("file"));
	await_tidy();
}

static void test_killed(void **state)
{
	(void)state;
	die_by(SIGKILL);
}

static void test_ended(void **state)
{
	(void)state;
	die_by(SIGTERM);
}

static void test_in_order(void **state)
{
	(void)state;
	die_by(0);
}

static void test_notes(void **state)
{
	struct error err = { "" };
	char path[32];

	(void)state;
	/* Without a helper there is nothing to note. */
	assert_int_equal(lab_tidy_note("no path", &err), 0);
	assert_int_equal(lab_tidy_start(&err), 0);
	assert_int_equal(lab_tidy_note("not/absolute", &err), -EINVAL);
	err.text[0] = '\0';
	for (int i = 0; i < LAB_TIDY_MAX; i++) {
		snprintf(path, sizeof(path), "/nonexistent/%d", i);
		assert_int_equal(lab_tidy_note(path, &err), 0);
	}
	assert_int_equal(lab_tidy_note("/nonexistent/more", &err), -E2BIG);
	lab_tidy_forget("/nonexistent/3");
	assert_int_equal(lab_tidy_note("/nonexistent/more", &err), 0);
	lab_tidy_end();
	lab_tidy_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed, begin, end),
		cmocka_unit_test_setup_teardown(test_ended, begin, end),
		cmocka_unit_test_setup_teardown(test_in_order, begin, end),
		cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests_name("bench/lab_tidy", tests, NULL, NULL);
}
