/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Where the files that need no compiler are: limits, scenarios.  They lie as in
 * the source tree, under $CLKDRIFT_DATADIR, else beside the build directory that
 * the program runs from, else where `make install` put them.
 */
#ifndef BENCH_DATA_PATH_H
#define BENCH_DATA_PATH_H

#include <limits.h>

#include "results/error.h"

/* Full path of e.g. "analysis/limits.csv".  Returns 0 or -errno. */
int data_path(const char *name, char path[PATH_MAX], struct error *err);

#endif
