/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/matrix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "results/file.h"
#include "results/run_source.h"
#include "results/table.h"
#include "results/text.h"

#define KIND	   "matrix"
#define ROWS_MAX   1000 /* configurations, or profiles */
#define REPEAT_MAX 10000

/* ---- reading ---- */

/* Readers follow it: it must not lead out of the matrix's directory. */
static bool stays_below(const char *path)
{
	if (path[0] == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return false;
	}
	return true;
}

static bool is_state(const char *state)
{
	return strcmp(state, MATRIX_WAITING) == 0 || strcmp(state, MATRIX_DONE) == 0 ||
	       strcmp(state, MATRIX_NO_RESULT) == 0;
}

static int check_cell(const struct run_source *s, const struct matrix_cell *cell)
{
	if (!is_state(cell->state))
		return source_bad(s, "state",
			"must be \"" MATRIX_WAITING "\", \"" MATRIX_DONE "\" or \"" MATRIX_NO_RESULT "\"");
	if (!stays_below(cell->run))
		return source_bad(s, "run", "leads out of the matrix's directory");
	if (strcmp(cell->state, MATRIX_DONE) == 0 && !cell->run[0])
		return source_bad(s, "run", "is missing: the cell is done");
	if (strcmp(cell->state, MATRIX_NO_RESULT) == 0 && !cell->reason[0])
		return source_bad(s, "reason", "is missing: the cell has no result");
	return 0;
}

static int parse_cell(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct matrix_cell *cell = row;
	int order = -1, repeat = 0, rc;

	(void)run;
	rc = source_int(s, item, "order", 0, MATRIX_CELLS_MAX - 1, &order);
	if (!rc && order < 0)
		rc = source_bad(s, "order", "is missing");
	if (!rc)
		rc = source_need_text(
			s, item, "configuration", cell->configuration, sizeof(cell->configuration));
	if (!rc)
		rc = source_need_text(s, item, "profile", cell->profile, sizeof(cell->profile));
	if (!rc)
		rc = source_int(s, item, "repeat", 0, REPEAT_MAX, &repeat);
	if (!rc)
		rc = source_text(s, item, "parameters", cell->parameters, sizeof(cell->parameters));
	if (!rc)
		rc = source_text(s, item, "run", cell->run, sizeof(cell->run));
	if (!rc)
		rc = source_need_text(s, item, "state", cell->state, sizeof(cell->state));
	if (!rc)
		rc = source_text(s, item, "reason", cell->reason, sizeof(cell->reason));
	if (!rc)
		rc = source_real(s, item, "seconds", 0, 1e9, &cell->seconds);
	cell->order = (unsigned)order;
	cell->repeat = (unsigned)repeat;
	return rc ? rc : check_cell(s, cell);
}

static int by_order(const void *a, const void *b)
{
	const struct matrix_cell *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* False: it was there before.  seen is an object with what was there as its keys. */
static bool is_new(json_t *seen, const char *key)
{
	return !json_object_get(seen, key) && json_object_set_new(seen, key, json_true()) == 0;
}

/* A boot that was counted twice would agree with itself. */
static int check_once(const struct run_source *s, const struct matrix *m)
{
	json_t *runs = json_object(), *boots = json_object();
	char boot[128], text[256];
	int rc = 0;

	for (size_t i = 0; !rc && i < m->count; i++) {
		const struct matrix_cell *cell = &m->cells[i];

		snprintf(boot, sizeof(boot), "repeat %u of %s with %s", cell->repeat, cell->configuration,
			cell->profile);
		snprintf(text, sizeof(text), "has %s twice", boot);
		if (!is_new(boots, boot))
			rc = source_bad(s, "cells", text);
		snprintf(text, sizeof(text), "%s is that of two cells", cell->run);
		if (!rc && cell->run[0] && !is_new(runs, cell->run))
			rc = source_bad(s, "run", text);
	}
	json_decref(runs);
	json_decref(boots);
	return rc;
}

static int parse_cells(const struct run_source *s, struct matrix *m, json_t *doc)
{
	int rc = source_rows(
		s, doc, "cells", MATRIX_CELLS_MAX, sizeof(*m->cells), &m->cells, &m->count, parse_cell, NULL);

	if (!rc && m->count == 0)
		rc = source_bad(s, "cells", "is missing or empty");
	if (rc)
		return rc;
	qsort(m->cells, m->count, sizeof(*m->cells), by_order);
	for (size_t i = 0; i < m->count; i++) {
		const struct matrix_cell *cell = &m->cells[i];

		if (cell->order != i)
			return source_bad(s, "order", "of the cells is not 0, 1, 2 ... once each");
		if (!matrix_configuration(m, cell->configuration))
			return source_bad(
				s, "cells", "names a configuration that is not in \"configurations\"");
		if (!matrix_profile(m, cell->profile))
			return source_bad(s, "cells", "names a profile that is not in \"profiles\"");
	}
	return check_once(s, m);
}

/* Rows that the report shows: each has its name, and it is plain. */
static int parse_named(
	const struct run_source *s, json_t *doc, const char *key, const char *name_key, json_t **rows)
{
	json_t *list = json_object_get(doc, key), *row;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > ROWS_MAX)
		return source_bad(s, key, "must be a list of at most 1000 rows");
	json_array_foreach(list, i, row)
	{
		char name[64] = "";
		int rc = json_is_object(row) ? source_need_text(s, row, name_key, name, sizeof(name))
					     : source_bad(s, key, "must be a list of objects");

		if (rc)
			return rc;
	}
	*rows = json_incref(list);
	return 0;
}

static int parse_asked(const struct run_source *s, struct matrix *m, json_t *doc)
{
	json_t *asked = json_object_get(doc, "asked"), *value;
	const char *key;

	if (asked && !json_is_null(asked) && !json_is_object(asked))
		return source_bad(s, "asked", "must be an object");
	json_object_foreach(asked, key, value)
	{
		if (!json_is_string(value))
			return source_bad(s, "asked", "must hold texts alone");
	}
	m->asked = json_is_object(asked) ? json_incref(asked) : json_object();
	return m->asked ? 0 : error_set(s->err, -ENOMEM, "out of memory");
}

static int parse_head(const struct run_source *s, struct matrix *m, json_t *doc)
{
	char kind[16] = "";
	double seed = -1;
	int rc = source_schema(s, doc, SCHEMA_VERSION);

	if (!rc)
		rc = source_need_text(s, doc, "kind", kind, sizeof(kind));
	if (!rc && strcmp(kind, KIND) != 0)
		rc = source_bad(s, "kind", "must be \"" KIND "\"");
	if (!rc)
		rc = source_text(s, doc, "tool", m->tool, sizeof(m->tool));
	if (!rc)
		rc = source_text(s, doc, "host", m->host, sizeof(m->host));
	if (!rc)
		rc = source_text(s, doc, "scenario", m->scenario, sizeof(m->scenario));
	if (!rc)
		rc = source_text(s, doc, "started", m->started, sizeof(m->started));
	if (!rc)
		rc = source_text(s, doc, "finished", m->finished, sizeof(m->finished));
	if (!rc)
		rc = source_real(s, doc, "duration_s", 0, 1e9, &m->duration_s);
	if (!rc)
		rc = source_real(s, doc, "seed", 0, 0x1p63, &seed);
	if (!rc && seed < 0)
		rc = source_bad(s, "seed", "is missing");
	if (!rc)
		rc = source_count(s, doc, "seed", &m->seed);
	if (!rc && m->seed > INT64_MAX)
		rc = source_bad(s, "seed", "is out of range");
	return rc;
}

int matrix_load(const char *dir, struct matrix *m, struct error *err)
{
	char path[PATH_MAX];
	struct run_source s = { .path = path, .err = err };
	json_t *doc = NULL;
	int rc;

	*m = (struct matrix){ 0 };
	rc = path_join(path, sizeof(path), dir, MATRIX_FILE, err);
	if (!rc)
		rc = source_read(&s, &doc);
	if (!rc)
		rc = parse_head(&s, m, doc);
	if (!rc)
		rc = parse_named(&s, doc, "configurations", "name", &m->configurations);
	if (!rc)
		rc = parse_named(&s, doc, "profiles", "id", &m->profiles);
	if (!rc)
		rc = parse_asked(&s, m, doc);
	if (!rc)
		rc = parse_cells(&s, m, doc);
	m->dir = strdup(dir);
	if (!rc && !m->dir)
		rc = error_set(err, -ENOMEM, "out of memory");
	json_decref(doc);
	free(s.text);
	if (rc)
		matrix_free(m);
	return rc;
}

/* ---- writing ---- */

static json_t *cells_to_json(const struct matrix *m)
{
	json_t *array = json_array();

	for (size_t i = 0; i < m->count; i++) {
		const struct matrix_cell *c = &m->cells[i];

		json_array_append_new(
			array, json_pack("{s:i, s:o, s:o, s:i, s:o, s:o, s:s, s:o, s:f}", "order",
				       (int)c->order, "configuration", text_json(c->configuration), "profile",
				       text_json(c->profile), "repeat", (int)c->repeat, "parameters",
				       text_json(c->parameters), "run", text_json(c->run), "state", c->state,
				       "reason", text_json(c->reason), "seconds", c->seconds));
	}
	return array;
}

int matrix_store(const struct matrix *m, struct error *err)
{
	json_t *json = json_pack("{s:i, s:s, s:s, s:o, s:o, s:s, s:s, s:I, s:f, s:O?, s:O, s:O, s:o}",
		"schema", SCHEMA_VERSION, "kind", KIND, "tool", m->tool, "host", text_json(m->host),
		"scenario", text_json(m->scenario), "started", m->started, "finished", m->finished, "seed",
		(json_int_t)m->seed, "duration_s", m->duration_s, "asked", m->asked, "configurations",
		m->configurations, "profiles", m->profiles, "cells", cells_to_json(m));

	return json_store(json, m->dir, MATRIX_FILE, 1, err);
}

/* ---- the rest ---- */

void matrix_free(struct matrix *m)
{
	free(m->dir);
	free(m->cells);
	json_decref(m->configurations);
	json_decref(m->profiles);
	json_decref(m->asked);
	*m = (struct matrix){ 0 };
}

bool matrix_is(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	return path_join(path, sizeof(path), dir, MATRIX_FILE, NULL) == 0 && stat(path, &st) == 0;
}

static const json_t *find(const json_t *rows, const char *key, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *text = json_string_value(json_object_get(row, key));

		if (text && strcmp(text, name) == 0)
			return row;
	}
	return NULL;
}

const json_t *matrix_configuration(const struct matrix *m, const char *name)
{
	return find(m->configurations, "name", name);
}

const json_t *matrix_profile(const struct matrix *m, const char *id)
{
	return find(m->profiles, "id", id);
}
