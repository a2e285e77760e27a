/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the tests of the files on disk share: a scratch directory, and files in it. */
#ifndef RESULTS_RESULTS_TEST_H
#define RESULTS_RESULTS_TEST_H

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char test_dir[PATH_MAX / 2];

/* For cmocka_unit_test_setup_teardown(): makes and removes test_dir. */
static inline int test_dir_make(void **state)
{
	const char *parent = getenv("TMPDIR");

	(void)state;
	snprintf(test_dir, sizeof(test_dir), "%s/clkdrift-XXXXXX", parent ? parent : "/tmp");
	return mkdtemp(test_dir) ? 0 : -1;
}

static inline int test_dir_remove(void **state)
{
	char command[PATH_MAX];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
	return system(command);
}

#define on_disk(test) cmocka_unit_test_setup_teardown(test, test_dir_make, test_dir_remove)

/* test_dir/NAME; the text lives until the call after next. */
static inline const char *test_path(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", test_dir, name);
	return path[turn];
}

static inline void test_write_bytes(const char *name, const char *bytes, size_t length)
{
	FILE *out = fopen(test_path(name), "we");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

static inline void test_write(const char *name, const char *text)
{
	test_write_bytes(name, text, strlen(text));
}

/* The whole file; the caller frees it. */
static inline char *test_read(const char *name)
{
	FILE *in = fopen(test_path(name), "re");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, in) < (1 << 20) - 1);
	fclose(in);
	return text;
}

static inline void assert_file(const char *name, const char *wanted)
{
	char *text = test_read(name);

	assert_string_equal(text, wanted);
	free(text);
}

/* Text must end with what is wanted: its beginning is a path of chance. */
static inline void assert_ends(const char *text, const char *wanted)
{
	size_t length = strlen(text), tail = strlen(wanted);

	assert_string_equal(length < tail ? text : text + length - tail, wanted);
}

static inline void assert_holds(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("no \"%s\" in: %s", wanted, text);
}

#endif
