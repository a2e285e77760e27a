/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift analyze and clkdrift report: stored runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report.h"
#include "bench/judging.h"
#include "bench/matrix_outcome.h"
#include "bench/options.h"
#include "bench/outcome.h"
#include "results/matrix.h"

static int analyze_command(const struct options *options, struct error *err)
{
	struct error why = { "" };
	struct outcome outcome;
	int rc = judging_check_one_limit(&options->judging, err);

	if (rc)
		return rc;
	if (matrix_is(options->arguments[0]))
		return matrix_analyze_command(options->arguments[0], options, err);
	rc = outcome_load(&outcome, options->arguments[0], &options->judging, err);
	if (!rc)
		rc = outcome_unwritten(outcome_store(&outcome, &why), &why, err);
	if (!rc)
		rc = outcome_print(&outcome, options, err);
	if (!rc)
		rc = outcome_exit_code(&outcome);
	outcome_free(&outcome);
	return rc;
}

static int report_command(const struct options *options, struct error *err)
{
	struct outcome outcome;
	int rc = judging_check_one_limit(&options->judging, err);

	if (rc)
		return rc;
	if (matrix_is(options->arguments[0]))
		return matrix_report_command(options->arguments[0], options, err);
	rc = outcome_load(&outcome, options->arguments[0], &options->judging, err);
	if (!rc)
		rc = outcome_store(&outcome, err);
	if (!rc)
		rc = report_write(&outcome.run, &outcome.samples, &outcome.estimates, outcome.reference, err);
	if (!rc && !options->quiet)
		printf("report: %s/report.html\n", outcome.run.dir);
	outcome_free(&outcome);
	return rc;
}

const struct command command_analyze = {
	.name = "analyze",
	.usage = "RUN|MATRIX [OPTION]...",
	.summary = "judge a stored run or matrix again",
	.help = "Reads the raw readings of a run directory, computes drift, stability, steps and the\n"
		"verdict, and writes verdict.json, drift.csv, stability.csv, steps.csv, effects.csv, "
		"phases.csv into it\n"
		"(where it may not write, it says so and judges all the same).\n"
		"The same run and options give the same numbers.  Without options it judges as the\n"
		"run was asked to.\n"
		"Of a matrix of 'clkdrift lab matrix' it judges each cell by the clocks that programs get,\n"
		"against peer and the limit 'guest', says of each configuration which profile is the least\n"
		"intrusive one that is stable, and writes verdict.json and matrix.csv.\n\n"
		"  clkdrift analyze results/runs/20261122T114608Z-host-quick\n"
		"  clkdrift analyze RUN --reference tsc --limits kvm --json",
	.options = "reference limit limits json quiet",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = analyze_command,
};

const struct command command_report = {
	.name = "report",
	.usage = "RUN|MATRIX [OPTION]...",
	.summary = "HTML with gnuplot plots of a stored run or matrix",
	.help = "Analyses the run as 'clkdrift analyze' does and draws report.html, self-contained,\n"
		"with the plots as SVG and PNG and their gnuplot scripts under plots/.  A matrix has one of\n"
		"its own; its cells' reports are drawn with 'clkdrift report MATRIX/cells/CELL'.",
	.options = "reference limit limits quiet",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = report_command,
};
