/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The stress-ng of this machine: where it is, what it knows, what it says. */
#ifndef BENCH_STRESS_NG_H
#define BENCH_STRESS_NG_H

#include <stdbool.h>
#include <stddef.h>

#include "results/error.h"

#define STRESS_NG_PATH_MAX 4096

/* Looks for it in PATH.  0, or -ENOENT with the reason. */
int stress_ng_find(char path[STRESS_NG_PATH_MAX], struct error *why);

/* Asks it whether it has a stressor of that name: 0, -ENOENT, -ETIMEDOUT or -EIO with the reason. */
int stress_ng_knows(const char *path, const char *stressor, struct error *why);

/*
 * The line of its output that says most about why it ended: the last one that is no mere formality,
 * without "stress-ng: error: [123] ".  Empty if there is none.  What does not fit is cut.
 */
void stress_ng_message(const char *output, char *text, size_t size);

#endif
