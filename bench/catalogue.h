/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The profiles to choose from: the shipped ones, and the user's own. */
#ifndef BENCH_CATALOGUE_H
#define BENCH_CATALOGUE_H

#include <jansson.h>

#include "analysis/profiles.h"
#include "results/error.h"

/* own: a CSV file or a directory of them, NULL for none.  Returns 0 or -errno; *p is empty after an error. */
int catalogue_load(const char *own, struct profiles *p, struct error *err);

/* All columns of a profile under their names, file and line: a new reference, NULL when out of memory. */
json_t *catalogue_json(const struct profile *p);

#endif
