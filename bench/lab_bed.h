/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* For unit tests of the lab: a directory, and tools of ours in $PATH that do what the package archive would. */
#ifndef BENCH_LAB_BED_H
#define BENCH_LAB_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bench/lab_tool.h"

static char dir[64];

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-lab-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	lab_remove_tree(dir);
	return 0;
}

static inline void put(const char *name, const char *text, mode_t mode)
{
	char path[256];
	struct error err = { "" };
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*strrchr(path, '/') = '\0';
	assert_int_equal(lab_make_directory(path, &err), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Puts what is in bin/ before all else; to be given to path_restore(). */
static inline char *path_take(void)
{
	char path[4096], *before = strdup(getenv("PATH"));

	assert_non_null(before);
	snprintf(path, sizeof(path), "%s/bin:%s", dir, before);
	setenv("PATH", path, 1);
	return before;
}

static inline void path_restore(char *before)
{
	setenv("PATH", before, 1);
	free(before);
}

#endif
