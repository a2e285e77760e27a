/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* matrix.csv and verdict.json of a matrix. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/matrix_parts.h"
#include "results/file.h"

#define FIELD(type, column, member)                                                                          \
	{                                                                                                    \
#member, column, offsetof(struct type, member)                                               \
	}
#define CELL(column, member)   FIELD(matrix_result_cell, column, member)
#define CHOICE(column, member) FIELD(matrix_choice, column, member)
#define END                                                                                                  \
	{                                                                                                    \
		NULL, COLUMN_INT, 0                                                                          \
	}

static const struct column cell_columns[] = {
	CELL(COLUMN_COUNT, order),
	CELL(COLUMN_TEXT, configuration),
	CELL(COLUMN_TEXT, profile),
	CELL(COLUMN_COUNT, repeat),
	CELL(COLUMN_TEXT, parameters),
	CELL(COLUMN_TEXT, status),
	CELL(COLUMN_TEXT, reason),
	CELL(COLUMN_TEXT, clock),
	CELL(COLUMN_INT, cpu),
	CELL(COLUMN_TEXT, phase),
	CELL(COLUMN_REAL, drift_ppm),
	CELL(COLUMN_REAL, ci_low_ppm),
	CELL(COLUMN_REAL, ci_high_ppm),
	CELL(COLUMN_REAL, systematic_ppm),
	CELL(COLUMN_REAL, limit_ppm),
	CELL(COLUMN_TEXT, limit),
	CELL(COLUMN_REAL, settle_min),
	CELL(COLUMN_COUNT, steps),
	CELL(COLUMN_REAL, step_ns),
	CELL(COLUMN_REAL, step_low_ns),
	CELL(COLUMN_REAL, step_high_ns),
	CELL(COLUMN_REAL, step_at_s),
	CELL(COLUMN_TEXT, step_clock),
	CELL(COLUMN_TEXT, step_cause),
	CELL(COLUMN_COUNT, backward),
	CELL(COLUMN_REAL, max_backward_ns),
	CELL(COLUMN_TEXT, clocksource_before),
	CELL(COLUMN_TEXT, clocksource_after),
	CELL(COLUMN_REAL, read_ns),
	CELL(COLUMN_REAL, read_low_ns),
	CELL(COLUMN_REAL, read_high_ns),
	CELL(COLUMN_TEXT, effects),
	CELL(COLUMN_TEXT, complaints),
	CELL(COLUMN_TEXT, run),
	CELL(COLUMN_REAL, seconds),
	END,
};

static const struct column choice_columns[] = {
	CHOICE(COLUMN_TEXT, configuration),
	CHOICE(COLUMN_TEXT, profile),
	CHOICE(COLUMN_TEXT, parameters),
	CHOICE(COLUMN_TEXT, status),
	CHOICE(COLUMN_TEXT, role),
	CHOICE(COLUMN_TEXT, why),
	CHOICE(COLUMN_COUNT, repeats),
	CHOICE(COLUMN_COUNT, results),
	CHOICE(COLUMN_REAL, drift_ppm),
	CHOICE(COLUMN_REAL, half_ppm),
	CHOICE(COLUMN_REAL, limit_ppm),
	CHOICE(COLUMN_REAL, spread_ppm),
	CHOICE(COLUMN_REAL, next_mean_ppm),
	CHOICE(COLUMN_REAL, next_half_ppm),
	CHOICE(COLUMN_TEXT, clocksource),
	CHOICE(COLUMN_REAL, read_ns),
	CHOICE(COLUMN_REAL, read_half_ns),
	CHOICE(COLUMN_INT, side_effects),
	CHOICE(COLUMN_TEXT, cost),
	END,
};

const struct table matrix_table = { "matrix", cell_columns, sizeof(struct matrix_result_cell) };
const struct table matrix_choices_table = { "choices", choice_columns, sizeof(struct matrix_choice) };

static json_t *reasons_to_json(const struct reason *reasons, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(reasons[i].text));
	return array;
}

static json_t *judged_to_json(const struct matrix_result_cell *c)
{
	json_t *array = json_array();

	for (size_t i = 0; i < c->judged_count; i++) {
		const struct parameter_verdict *v = &c->judged[i];

		json_array_append_new(array,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", v->name, "value", v->value, "effect",
				parameter_effect_name(v->effect), "why", v->why, "modern", v->modern));
	}
	return array;
}

static json_t *said_to_json(const struct matrix_result_cell *c)
{
	json_t *array = json_array();

	for (size_t i = 0; i < c->said_count; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:b}", "text", c->said[i].text, "risk", c->said[i].risk));
	return array;
}

/* The row of matrix.csv, and what does not fit into one. */
static json_t *cells_to_json(const struct matrix_result *r)
{
	json_t *array = table_to_json(&matrix_table, r->cells, r->count), *row;
	size_t i;

	json_array_foreach(array, i, row)
	{
		const struct matrix_result_cell *c = &r->cells[i];

		json_object_set_new(
			row, "reasons", reasons_to_json(c->verdict.reasons, c->verdict.reason_count));
		json_object_set_new(row, "parameter_verdicts", judged_to_json(c));
		json_object_set_new(row, "kernel_log", said_to_json(c));
		json_object_set_new(row, "inert", json_boolean(c->inert));
	}
	return array;
}

/* Every profile with the part that it plays. */
static json_t *evidence_to_json(const struct matrix_result *r, const struct matrix_advice *a)
{
	json_t *array = json_array();

	for (int i = a->first; i < a->end; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "profile", r->choices[i].profile,
						     "role", r->choices[i].role, "why", r->choices[i].why));
	return array;
}

static json_t *advice_to_json(const struct matrix_result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->advice_count; i++) {
		const struct matrix_advice *a = &r->advice[i];
		const struct matrix_choice *c = a->choice >= 0 ? &r->choices[a->choice] : NULL;

		json_array_append_new(
			array, json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:o}", "configuration",
				       a->configuration, "status", a->status, "profile",
				       c ? c->profile : NULL, "parameters", c ? c->parameters : NULL, "text",
				       a->text, "evidence", evidence_to_json(r, a)));
	}
	return array;
}

json_t *matrix_result_to_json(const struct matrix_result *r)
{
	const struct matrix *m = r->matrix;

	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "schema", SCHEMA_VERSION, "kind",
		"matrix", "host", m->host, "scenario", m->scenario, "status", status_name(r->status),
		"recommendations", advice_to_json(r), "notes", reasons_to_json(r->notes, r->note_count),
		"choices", table_to_json(&matrix_choices_table, r->choices, r->choice_count), "cells",
		cells_to_json(r));
}

static void remove_both(const char *dir)
{
	char path[PATH_MAX];

	if (path_join(path, sizeof(path), dir, "matrix.csv", NULL) == 0)
		unlink(path);
	if (path_join(path, sizeof(path), dir, "verdict.json", NULL) == 0)
		unlink(path);
}

int matrix_result_store(const struct matrix_result *r, struct error *err)
{
	struct file_replace files[2];
	const char *dir = r->matrix->dir;
	size_t finished = 0, named = 0;
	int rc = table_to_csv(&matrix_table, r->cells, r->count, dir, &files[0], err);

	finished += !rc;
	if (!rc)
		rc = json_write(matrix_result_to_json(r), dir, "verdict.json", 2, &files[1], err);
	finished += !rc;
	for (; !rc && named < finished; named += !rc)
		rc = file_replace_name(&files[named], err);
	for (size_t i = named; rc && i < finished; i++)
		file_replace_drop(&files[i]);
	/* New and old files side by side would contradict each other. */
	if (rc && named)
		remove_both(dir);
	return rc;
}
