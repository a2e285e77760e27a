/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/matrix_outcome.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/outcome.h"
#include "results/file.h"
#include "results/matrix.h"

static const char *word_of(int code)
{
	return code == EXIT_STABLE ? "stable" : code == EXIT_UNSTABLE ? "unstable" : "inconclusive";
}

/* The cell's verdict as of its own run. */
static int judge_cell(const struct matrix *m, const struct matrix_cell *cell, struct error *err)
{
	static const struct judging no_wish;
	struct outcome outcome = { 0 };
	char path[PATH_MAX];
	int rc;

	if (strcmp(cell->state, MATRIX_DONE) != 0)
		return EXIT_TROUBLE;
	rc = path_join(path, sizeof(path), m->dir, cell->run, err);
	if (!rc)
		rc = outcome_load(&outcome, path, &no_wish, err);
	if (!rc)
		rc = outcome_exit_code(&outcome);
	outcome_free(&outcome);
	return rc;
}

int matrix_conclude(
	const char *dir, const struct options *options, struct progress *progress, struct error *err)
{
	struct matrix m;
	int rc = matrix_load(dir, &m, err), worst = EXIT_STABLE;

	for (size_t i = 0; rc >= 0 && i < m.count; i++) {
		const struct matrix_cell *cell = &m.cells[i];

		progress_say(progress, "analysing");
		rc = judge_cell(&m, cell, err);
		progress_end(progress);
		if (rc < 0)
			break;
		if (!options->quiet && !options->json)
			printf("%-16s %-14s %-12s %s%s\n", cell->configuration, cell->profile,
				rc == EXIT_TROUBLE ? cell->state : word_of(rc), cell->run, cell->reason);
		worst = rc == EXIT_UNSTABLE	     ? EXIT_UNSTABLE
			: worst == EXIT_STABLE && rc ? EXIT_INCONCLUSIVE
						     : worst;
	}
	if (rc >= 0 && !options->quiet && !options->json)
		printf("\nmatrix: %s\n", dir);
	if (rc >= 0)
		matrix_free(&m);
	return rc < 0 ? rc : worst;
}
