/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The limit and the reference that are asked for, looked at before they cost a run. */
#ifndef BENCH_JUDGING_H
#define BENCH_JUDGING_H

#include "bench/scenario.h"
#include "results/error.h"
#include "results/run.h"

/* The command line stands over the scenario. */
struct judging judging_asked(const struct judging *wish, const struct scenario *scenario);

/* --limit and --limits exclude each other.  0 or -EINVAL with err set. */
int judging_check_one_limit(const struct judging *judging, struct error *err);

/* The same, and the preset is one of analysis/limits.csv.  0 or -errno with err set. */
int judging_check_limit(const struct judging *judging, struct error *err);

#endif
