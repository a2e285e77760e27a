/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Where the files of guests are kept, and the private root of those of another
 * architecture: packages, fetched by an apt with a state of its own and unpacked, not
 * installed.  Nothing of the machine's own package management is changed, and no other
 * architecture is added to it.
 *
 *   CACHE/kernel/PACKAGE        of this machine's kind: it runs this machine's programs
 *   CACHE/i386/kernel/PACKAGE
 *   CACHE/i386/apt/             apt's configuration, state and cache
 *   CACHE/i386/root/            the private root
 */
#ifndef BENCH_LAB_ROOT_H
#define BENCH_LAB_ROOT_H

#include <limits.h>
#include <stdbool.h>

#include "bench/lab_tool.h"
#include "results/error.h"

struct lab_place {
	char dir[PATH_MAX];  /* of this architecture */
	char root[PATH_MAX]; /* empty: the machine's own */
	/* The first argument of apt-get and apt-cache: what they read in place of the machine's state, or -q. */
	char apt[PATH_MAX + 16];
};

/* The names alone: nothing is made.  0 or -errno with err set. */
int lab_place_of(const char *cache, const char *arch, struct lab_place *place, struct error *err);

/* Has a root of its own, in other words needs lab_root_setup(). */
bool lab_arch_is_foreign(const char *arch);

/* 0, or -ENOENT where the root was not set up; err says what to do. */
int lab_root_check(const struct lab_place *place, const char *arch, struct error *err);

/*
 * Reads the package lists, and fetches and unpacks the packages of bench/lab/ARCH.packages, unless the root was made
 * of that list already.  *fetched: it was not.  0 or -errno with err set, and then the root is as it was.
 */
int lab_root_setup(struct lab_wait *wait, const struct lab_place *place, const char *arch, bool *fetched,
	struct error *err);

/* Finds a program, "bin/busybox" or "usr/bin/stress-ng", by its last name; false if the root has none. */
bool lab_root_program(const struct lab_place *place, const char *name, char path[PATH_MAX]);
/* Finds a shared library, or the loader, by its file name. */
bool lab_root_library(const struct lab_place *place, const char *name, char path[PATH_MAX]);

#endif
