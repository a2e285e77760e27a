/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A stored run with what the analysis makes of it: the common part of `run`,
 * `analyze` and `report`.  Always read back from disk, so that all three see the
 * same data.
 */
#ifndef BENCH_OUTCOME_H
#define BENCH_OUTCOME_H

#include "analysis/limits.h"
#include "bench/options.h"
#include "bench/progress.h"
#include "results/estimate.h"
#include "results/run.h"
#include "results/samples.h"

struct outcome {
	struct run run;
	struct samples samples;
	struct limits limits;
	struct judging judging;
	struct estimates estimates;
	int reference;
};

/*
 * Loads and analyses DIR; wish overrides what the run itself asks for.  Nothing is
 * written.  Returns 0 or -errno with err set.  Free with outcome_free() in any case.
 */
int outcome_load(struct outcome *outcome, const char *dir, const struct judging *wish, struct error *err);
void outcome_free(struct outcome *outcome);

/* Writes the derived files. */
int outcome_store(const struct outcome *outcome, struct error *err);

/*
 * rc and reason of a failure to write what was judged.  On a read-only medium, or where another user's files are, it is
 * told on stderr and no trouble: the judgement is good all the same.  Any other, as of a full disk, is: the user counts
 * on the files.  Returns 0, or rc with err set.
 */
int outcome_unwritten(int rc, const struct error *why, struct error *err);

/* Text or JSON on stdout, as the options say. */
int outcome_print(const struct outcome *outcome, const struct options *options, struct error *err);

/* rc of making the run's directory: where it cannot be made, err says how to name another place.  Returns rc. */
int outcome_no_place(int rc, struct error *err);

/* The exit code that the verdict asks for. */
int outcome_exit_code(const struct outcome *outcome);

/*
 * All of it for a run that was just sampled, as it wanted to be judged itself: analysis, report, output.
 * Returns the exit code, or -errno with err set.
 */
int outcome_conclude(
	const char *dir, const struct options *options, struct progress *progress, struct error *err);

#endif
