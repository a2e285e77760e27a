/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/matrix_outcome.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "analysis/matrix.h"
#include "analysis/report_matrix.h"
#include "bench/data_path.h"
#include "bench/outcome.h"
#include "bench/summary.h"

struct matrix_outcome {
	struct matrix matrix;
	struct limits limits;
	struct matrix_result result;
};

static void say_cell(void *context, size_t done, size_t all)
{
	char text[64];

	snprintf(text, sizeof(text), "analysing cell %zu of %zu", done + 1, all);
	progress_say(context, text);
}

static int load(struct matrix_outcome *o, const char *dir, const struct judging *wish,
	struct progress *progress, struct error *err)
{
	char path[PATH_MAX];
	int rc;

	*o = (struct matrix_outcome){ 0 };
	rc = matrix_load(dir, &o->matrix, err);
	if (!rc)
		rc = data_path("analysis/limits.csv", path, err);
	if (!rc)
		rc = limits_load(path, &o->limits, err);
	if (!rc)
		rc = matrix_analyze(&o->matrix, &o->limits, wish, say_cell, progress, &o->result, err);
	progress_end(progress);
	return rc;
}

static void release(struct matrix_outcome *o)
{
	matrix_result_free(&o->result);
	limits_free(&o->limits);
	matrix_free(&o->matrix);
}

static int print(const struct matrix_outcome *o, const struct options *options, struct error *err)
{
	json_t *json;

	if (!options->json) {
		if (!options->quiet)
			summary_print_matrix(&o->result, options->colour, stdout);
		return 0;
	}
	json = matrix_result_to_json(&o->result);
	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	json_object_set_new(json, "matrix", json_string(o->matrix.dir));
	json_dumpf(json, stdout, JSON_INDENT(1) | TABLE_JSON_FLAGS);
	putchar('\n');
	json_decref(json);
	return 0;
}

static int exit_code(const struct matrix_outcome *o)
{
	static const int codes[] = { EXIT_STABLE, EXIT_UNSTABLE, EXIT_INCONCLUSIVE };

	return codes[o->result.status];
}

static int draw(const struct matrix_outcome *o, struct progress *progress, struct error *err)
{
	int rc;

	progress_say(progress, "drawing the report");
	rc = report_matrix_write(&o->result, err);
	progress_end(progress);
	return rc;
}

int matrix_conclude(
	const char *dir, const struct options *options, struct progress *progress, struct error *err)
{
	struct error why = { "" };
	struct matrix_outcome o;
	bool drawn = false;
	int rc = load(&o, dir, &options->judging, progress, err);

	if (!rc)
		rc = matrix_result_store(&o.result, err);
	if (!rc && !options->no_report) {
		drawn = draw(&o, progress, &why) == 0;
		if (!drawn)
			fprintf(stderr, "clkdrift: no report: %s\n", why.text);
	}
	if (!rc)
		rc = print(&o, options, err);
	if (!rc && !options->json && !options->quiet)
		printf("\n%s: %s%s\n", drawn ? "report" : "matrix", dir, drawn ? "/report.html" : "");
	if (!rc)
		rc = exit_code(&o);
	release(&o);
	return rc;
}

int matrix_analyze_command(const char *dir, const struct options *options, struct error *err)
{
	struct error why = { "" };
	struct progress progress;
	struct matrix_outcome o;
	int rc;

	progress_start(&progress, options->quiet || options->json);
	rc = load(&o, dir, &options->judging, &progress, err);
	if (!rc)
		rc = outcome_unwritten(matrix_result_store(&o.result, &why), &why, err);
	if (!rc)
		rc = print(&o, options, err);
	if (!rc)
		rc = exit_code(&o);
	release(&o);
	return rc;
}

int matrix_report_command(const char *dir, const struct options *options, struct error *err)
{
	struct progress progress;
	struct matrix_outcome o;
	int rc;

	progress_start(&progress, options->quiet);
	rc = load(&o, dir, &options->judging, &progress, err);
	if (!rc)
		rc = matrix_result_store(&o.result, err);
	if (!rc)
		rc = draw(&o, &progress, err);
	if (!rc && !options->quiet)
		printf("report: %s/report.html\n", dir);
	release(&o);
	return rc;
}
