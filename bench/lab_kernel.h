/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The guest's kernel: a package of the distribution, fetched and unpacked into a
 * cache, not installed; and which modules of it must be loaded in which order.
 */
#ifndef BENCH_LAB_KERNEL_H
#define BENCH_LAB_KERNEL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/lab_root.h"
#include "bench/lab_tool.h"
#include "results/error.h"

struct lab_kernel {
	char package[128];	/* empty: given by the user */
	char image[PATH_MAX];	/* of the kernel */
	char modules[PATH_MAX]; /* the directory of modules.dep; empty: none */
};

/*
 * The kernel for guests of that architecture, from its place or, the first time, from the package archive.
 * Another process may do the same at the same time.  0 or -errno with err set.
 */
int lab_kernel_fetch(struct lab_wait *wait, const struct lab_place *at, const char *arch,
	struct lab_kernel *kernel, struct error *err);

/* A kernel of the user's; modules (a directory with modules.dep) may be NULL. */
int lab_kernel_use(struct lab_kernel *kernel, const char *image, const char *modules, struct error *err);

struct lab_modules {
	char **paths; /* below the kernel's modules directory, in the order of loading; owned */
	size_t count;
};

/*
 * Adds a module behind what it depends on.  *found: there is such a module; if not, it may be built in.
 * 0 or -errno with err set.
 */
int lab_modules_add(const struct lab_kernel *kernel, const char *name, struct lab_modules *modules,
	bool *found, struct error *err);
void lab_modules_free(struct lab_modules *modules);

#endif
