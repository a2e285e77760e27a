/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Packages of the distribution, fetched and unpacked into a cache, not installed. */
#ifndef BENCH_LAB_PACKAGE_H
#define BENCH_LAB_PACKAGE_H

#include <limits.h>

#include "bench/lab_tool.h"
#include "results/error.h"

struct lab_package {
	const char *apt;    /* the first argument of apt-get: see struct lab_place */
	const char *parent; /* directory of the cache; made where it is missing */
	const char *name;   /* of the package: its files will stand in parent/name */
	const char *what;   /* it is for, for messages: "no guest kernel: package ..." */
	/* Called in the directory that holds the unpacked tree, before anybody sees it; may be NULL.  0 or -errno. */
	int (*finish)(struct lab_wait *wait, const char *dir, struct error *err);
};

#define LAB_PACKAGE_TREE "tree" /* in the directory that finish() is given */

/*
 * Whole or not at all; another process may do the same at the same time.  place: the directory of its files.
 * 0 or -errno with err set.
 */
int lab_package_fetch(
	struct lab_wait *wait, const struct lab_package *package, char place[PATH_MAX], struct error *err);

/* The file that matches the pattern, the last of several.  0 or -ENOENT. */
int lab_package_find(const char *pattern, char path[PATH_MAX]);

#endif
