/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/outcome.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analyze.h"
#include "analysis/report.h"
#include "bench/data_path.h"
#include "bench/summary.h"

/* Each wish of the user stands over the run's own; a limit in ppm and a preset exclude each other. */
static struct judging judging_merge(const struct judging *own, const struct judging *wish)
{
	struct judging merged = *own;

	if (wish->reference[0])
		strcpy(merged.reference, wish->reference);
	if (wish->limit_ppm > 0 || wish->limits[0]) {
		merged.limit_ppm = wish->limit_ppm;
		strcpy(merged.limits, wish->limits);
	}
	return merged;
}

int outcome_load(struct outcome *o, const char *dir, const struct judging *wish, struct error *err)
{
	char path[PATH_MAX];
	int rc;

	*o = (struct outcome){ 0 };
	rc = run_load(dir, &o->run, err);
	if (rc)
		return rc;
	o->judging = judging_merge(&o->run.judging, wish);
	rc = analyze_reference(&o->run, &o->judging, &o->reference, err);
	if (!rc)
		rc = data_path("analysis/limits.csv", path, err);
	if (!rc)
		rc = limits_load(path, &o->limits, err);
	if (!rc)
		rc = samples_load(&o->run, &o->samples, err);
	if (!rc)
		rc = analyze_run(&o->run, &o->samples, &o->limits, &o->judging, &o->estimates, err);
	return rc;
}

void outcome_free(struct outcome *o)
{
	estimates_free(&o->estimates);
	samples_free(&o->samples);
	limits_free(&o->limits);
	run_free(&o->run);
}

int outcome_store(const struct outcome *o, struct error *err)
{
	return estimates_store(&o->estimates, o->run.dir, err);
}

int outcome_print(const struct outcome *o, const struct options *options, struct error *err)
{
	json_t *json;

	if (options->json) {
		json = estimates_to_json(&o->estimates, o->run.dir);
		if (!json)
			return error_set(err, -ENOMEM, "out of memory");
		json_dumpf(json, stdout, JSON_INDENT(1) | TABLE_JSON_FLAGS);
		putchar('\n');
		json_decref(json);
	} else if (!options->quiet) {
		summary_print(&o->run, &o->estimates, options->colour, stdout);
	}
	return 0;
}

int outcome_unwritten(int rc, const struct error *why, struct error *err)
{
	if (rc == -EROFS || rc == -EACCES || rc == -EPERM) {
		fprintf(stderr, "clkdrift: the results were not written: %s\n", why->text);
		return 0;
	}
	return rc ? error_set(err, rc, "%s", why->text) : 0;
}

int outcome_no_place(int rc, struct error *err)
{
	if (rc && rc != -EEXIST)
		error_hint(err, "; -o DIR puts the run elsewhere");
	return rc;
}

int outcome_exit_code(const struct outcome *o)
{
	switch (o->estimates.verdict.status) {
	case STATUS_STABLE:
		return EXIT_STABLE;
	case STATUS_UNSTABLE:
		return EXIT_UNSTABLE;
	case STATUS_INCONCLUSIVE:
		return EXIT_INCONCLUSIVE;
	}
	return EXIT_TROUBLE;
}

/* The numbers are there: a missing picture is told, and does not hide them. */
static bool draw_report(const struct outcome *o, struct progress *progress)
{
	struct error why = { "" };

	progress_say(progress, "drawing the report");
	if (report_write(&o->run, &o->samples, &o->estimates, o->reference, &why) == 0)
		return true;
	progress_end(progress);
	fprintf(stderr, "clkdrift: no report: %s\n", why.text);
	return false;
}

int outcome_conclude(
	const char *dir, const struct options *options, struct progress *progress, struct error *err)
{
	static const struct judging no_wish;
	struct outcome outcome;
	bool drawn = false;
	int rc;

	progress_say(progress, "analysing");
	rc = outcome_load(&outcome, dir, &no_wish, err);
	if (!rc)
		rc = outcome_store(&outcome, err);
	if (!rc && !options->no_report)
		drawn = draw_report(&outcome, progress);
	progress_end(progress);
	if (!rc)
		rc = outcome_print(&outcome, options, err);
	if (!rc && !options->json && !options->quiet)
		printf("\n%s: %s%s\n", drawn ? "report" : "run", dir, drawn ? "/report.html" : "");
	if (!rc)
		rc = outcome_exit_code(&outcome);
	outcome_free(&outcome);
	return rc;
}
