/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_matrix_command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/format.h"
#include "bench/lab_matrix.h"
#include "bench/lab_matrix_plan.h"
#include "bench/lab_order.h"
#include "bench/matrix_outcome.h"
#include "bench/outcome.h"
#include "bench/progress.h"
#include "results/table.h"

struct work {
	const struct lab_matrix_plan *plan;
	struct progress progress;
};

/* ---- one cell ---- */

/* The run of a cell whose analysis fails so is no result; else the machine is at fault, and the next cell would fail too. */
static bool is_of_the_machine(int code)
{
	return code == -ENOMEM || code == -ENOSPC || code == -EDQUOT || code == -EROFS || code == -EACCES ||
	       code == -EMFILE;
}

static int analyse(struct work *w, const char *dir, struct error *err)
{
	struct options silent = w->plan->options;
	int rc;

	silent.quiet = true;
	silent.json = false;
	rc = outcome_conclude(dir, &silent, &w->progress, err);
	if (rc >= 0)
		return 0;
	return is_of_the_machine(rc) ? rc : LAB_CELL_NO_RESULT;
}

static int cell(void *context, const struct matrix *m, const struct matrix_cell *c, const char *dir,
	struct error *err)
{
	struct work *w = context;
	struct options options = w->plan->options;
	struct lab_order order;
	bool began = false;
	char *left = NULL;
	int rc;

	options.append = c->parameters;
	options.output = dir;
	/* A guest that cannot do a phase gives its time to the others. */
	options.duration_s = m->duration_s;
	options.seed = (m->seed + c->order) & INT64_MAX;
	options.seed_given = true;
	rc = lab_order_make(
		&order, &options, lab_configs_find(&w->plan->configs, c->configuration), &w->progress, err);
	order.plan.began = &began;
	if (!rc)
		rc = lab_run(&order.plan, &left, err);
	if (!rc)
		rc = analyse(w, dir, err);
	else if (began && rc != -EINTR)
		rc = LAB_CELL_NO_RESULT;
	lab_order_free(&order);
	free(left);
	return rc;
}

static void show(void *context, const struct matrix *m, const struct matrix_cell *c)
{
	struct work *w = context;

	snprintf(w->progress.within, sizeof(w->progress.within), "cell %u of %zu, %s with %s, %s left",
		c->order + 1, m->count, c->configuration, c->profile,
		format_duration(ceil(lab_matrix_left_s(m))).text);
}

/* ---- all of them ---- */

static json_t *cell_to_json(const struct matrix_cell *c)
{
	return json_pack("{s:i, s:s, s:s, s:i, s:s, s:s}", "order", (int)c->order, "configuration",
		c->configuration, "profile", c->profile, "repeat", (int)c->repeat, "parameters",
		c->parameters, "state", c->state);
}

static int print_json(const struct matrix *m, struct error *err)
{
	json_t *cells = json_array(), *json;

	for (size_t i = 0; i < m->count; i++)
		json_array_append_new(cells, cell_to_json(&m->cells[i]));
	json = json_pack("{s:i, s:I, s:s, s:f, s:f, s:o}", "schema", SCHEMA_VERSION, "seed",
		(json_int_t)m->seed, "scenario", m->scenario, "duration_s", m->duration_s, "estimate_s",
		lab_matrix_left_s(m), "cells", cells);
	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	json_dumpf(json, stdout, JSON_INDENT(1) | TABLE_JSON_FLAGS);
	putchar('\n');
	json_decref(json);
	return 0;
}

static void tell_estimate(const struct lab_matrix_plan *plan, FILE *out, const char *prefix)
{
	const struct matrix *m = &plan->matrix;
	size_t waiting = lab_matrix_waiting(m);

	fprintf(out, "%s%zu of %zu cells to do, %s of sampling each: about %s; seed %" PRIu64 "\n", prefix,
		waiting, m->count, format_duration(m->duration_s).text,
		format_duration(lab_matrix_left_s(m)).text, m->seed);
	if (plan->left_out[0])
		fprintf(out, "%swithout i386 guests: %s\n", prefix, plan->left_out);
}

static int print_plan(const struct lab_matrix_plan *plan, const struct options *o, struct error *err)
{
	const struct matrix *m = &plan->matrix;

	if (o->json)
		return print_json(m, err);
	if (o->quiet)
		return 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct matrix_cell *c = &m->cells[i];

		printf("%4u  %-16s %-14s %-10s %s\n", c->order + 1, c->configuration, c->profile, c->state,
			c->parameters[0] ? c->parameters : "no parameters");
	}
	putchar('\n');
	tell_estimate(plan, stdout, "");
	return 0;
}

/* What every cell of a configuration would fail of, before the first one. */
static int check_guests(const struct lab_matrix_plan *plan, struct progress *progress, struct error *err)
{
	json_t *row;
	size_t i;

	json_array_foreach(plan->matrix.configurations, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		struct lab_order order;
		int rc = lab_order_make(
			&order, &plan->options, lab_configs_find(&plan->configs, name), progress, err);

		if (!rc)
			rc = lab_ready(&order.plan, err);
		lab_order_free(&order);
		if (rc)
			return rc;
	}
	return 0;
}

static int go(struct lab_matrix_plan *plan, struct work *w, struct error *err)
{
	const struct lab_matrix_work work = { w, show, cell };
	struct matrix *m = &plan->matrix;
	struct lab_wait wait;
	int lock, rc = lab_matrix_lock(m->dir, &lock, err);

	if (!rc) {
		lab_wait_block(&wait);
		rc = lab_matrix_go(m, &wait, &work, err);
		lab_wait_unblock(&wait);
	}
	if (lock >= 0)
		close(lock);
	return rc;
}

/* Of a lab alone that a signal ends nothing is kept; of a matrix the cells that are over are. */
static void tell_how_to_go_on(const struct matrix *m, struct error *err)
{
	char *kept = strstr(err->text, "; nothing is kept"), hint[300];

	if (kept)
		*kept = '\0';
	snprintf(hint, sizeof(hint),
		"; %zu of %zu cells are done, go on with: clkdrift lab matrix --resume %.200s",
		m->count - lab_matrix_waiting(m), m->count, m->dir);
	error_hint(err, hint);
}

static int matrix(struct lab_matrix_plan *plan, const struct options *o, struct error *err)
{
	struct work w = { .plan = plan };
	int rc = 0;

	progress_start(&w.progress, o->quiet || o->json);
	if (lab_matrix_waiting(&plan->matrix))
		rc = check_guests(plan, &w.progress, err);
	progress_end(&w.progress);
	if (!rc && !o->resume)
		rc = lab_matrix_plan_begin(plan, LAB_RUNS_DIR, err);
	if (rc)
		return rc;
	if (!o->quiet && lab_matrix_waiting(&plan->matrix))
		tell_estimate(plan, stderr, "clkdrift: ");
	rc = go(plan, &w, err);
	progress_end(&w.progress);
	w.progress.within[0] = '\0';
	if (!rc)
		return matrix_conclude(plan->matrix.dir, &plan->options, &w.progress, err);
	if (lab_matrix_waiting(&plan->matrix))
		tell_how_to_go_on(&plan->matrix, err);
	return rc;
}

int lab_matrix_command(const struct options *o, struct error *err)
{
	struct lab_matrix_plan *plan;
	int rc;

	if (o->config || o->arch)
		return error_set(err, -EINVAL,
			"lab matrix takes --configs LIST in place of --config, and no --arch; a "
			"configuration says its "
			"own");
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return error_set(err, -ENOMEM, "out of memory");
	rc = o->resume ? lab_matrix_plan_resume(plan, o, err) : lab_matrix_plan_new(plan, o, err);
	if (!rc && lab_matrix_waiting(&plan->matrix))
		rc = lab_matrix_plan_check(plan, err);
	if (!rc)
		rc = o->dry_run ? print_plan(plan, o, err) : matrix(plan, o, err);
	lab_matrix_plan_free(plan);
	free(plan);
	return rc;
}
