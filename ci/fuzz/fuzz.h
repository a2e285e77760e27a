/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the fuzz targets share.  A target is one file ci/fuzz/NAME.c with a
 * LLVMFuzzerTestOneInput(); ci/fuzz/run builds and runs them all.
 */
#ifndef CI_FUZZ_FUZZ_H
#define CI_FUZZ_FUZZ_H

#include <ftw.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_dir[PATH_MAX / 2];

static inline int fuzz_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void fuzz_clean(void)
{
	nftw(fuzz_dir, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of NAME in a scratch directory of this process; lives until the next call. */
static inline const char *fuzz_path(const char *name)
{
	static char path[PATH_MAX];

	if (!fuzz_dir[0]) {
		const char *parent = getenv("TMPDIR");
		char samples[PATH_MAX];

		snprintf(fuzz_dir, sizeof(fuzz_dir), "%s/clkdrift-fuzz-XXXXXX", parent ? parent : "/tmp");
		if (!mkdtemp(fuzz_dir))
			abort();
		snprintf(samples, sizeof(samples), "%s/samples", fuzz_dir);
		if (mkdir(samples, 0777))
			abort();
		atexit(fuzz_clean);
	}
	snprintf(path, sizeof(path), "%s/%s", fuzz_dir, name);
	return path;
}

static inline void fuzz_write(const char *name, const void *data, size_t size)
{
	FILE *out = fopen(fuzz_path(name), "we");

	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		abort();
}

/* A refusal says why, in one line; what is accepted sets no error. */
static inline void fuzz_check(int rc, const struct error *err)
{
	if (rc > 0 || (rc < 0) != (err->text[0] != '\0') || strchr(err->text, '\n'))
		abort();
}

#endif
