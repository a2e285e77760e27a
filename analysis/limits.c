/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/pair.h"
#include "results/csv_file.h"

enum { FIELD_NAME, FIELD_PPM, FIELD_SOURCE };

static const char *const columns[] = { "name", "ppm", "source", NULL };

struct loader {
	struct limits *limits;
	struct limit row;
};

static int limit_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct limit *row = &((struct loader *)context)->row;
	int rc;

	switch (column) {
	case FIELD_NAME:
		if (length == 0 || length >= sizeof(row->name))
			return csv_refuse(at, "name: must have 1 to 23 characters");
		snprintf(row->name, sizeof(row->name), "%.*s", (int)length, text);
		return 0;
	case FIELD_PPM:
		rc = csv_real(at, "ppm", text, length, &row->ppm);
		return rc || row->ppm > 0 ? rc : csv_refuse(at, "ppm must be above 0");
	default:
		snprintf(row->source, sizeof(row->source), "%.*s", (int)length, text);
		return 0;
	}
}

static int limit_row(void *context, const struct csv_file *at)
{
	struct loader *l = context;
	struct limit *grown = reallocarray(l->limits->rows, l->limits->count + 1, sizeof(*grown));

	if (!grown)
		return error_set(at->err, -ENOMEM, "%s: out of memory", at->path);
	l->limits->rows = grown;
	grown[l->limits->count++] = l->row;
	return 0;
}

int limits_load(const char *path, struct limits *limits, struct error *err)
{
	struct loader l = { .limits = limits };
	struct csv_handler handler = {
		.columns = columns, .field = limit_field, .row = limit_row, .context = &l
	};
	int rc;

	*limits = (struct limits){ 0 };
	rc = csv_file_read(path, &handler, NULL, err);
	if (rc)
		limits_free(limits);
	return rc;
}

void limits_free(struct limits *limits)
{
	free(limits->rows);
	*limits = (struct limits){ 0 };
}

const struct limit *limits_find(const struct limits *limits, const char *name)
{
	for (size_t i = 0; i < limits->count; i++)
		if (strcmp(limits->rows[i].name, name) == 0)
			return &limits->rows[i];
	return NULL;
}

const char *relation_oscillator(const struct run *run, const struct phase *phase, int clock)
{
	if (clock == PAIR_TSC)
		return "tsc";
	if (phase && phase->oscillator[0] && run->clocks[clock].clocksource)
		return phase->oscillator;
	return run->clocks[clock].oscillator;
}

enum relation relation_of(const struct run *run, const struct phase *phase, int clock, int reference)
{
	const char *one = relation_oscillator(run, phase, clock);
	const char *other = relation_oscillator(run, phase, reference);

	if (strcmp(one, other) == 0)
		return RELATION_ARITHMETIC;
	if (strcmp(one, OSCILLATOR_LABEL_HOST) == 0 || strcmp(other, OSCILLATOR_LABEL_HOST) == 0)
		return RELATION_GUEST;
	return RELATION_CRYSTAL;
}

const char *relation_name(enum relation relation)
{
	static const char *const names[] = {
		[RELATION_ARITHMETIC] = "arithmetic", [RELATION_CRYSTAL] = "crystal", [RELATION_GUEST] = "guest"
	};

	return names[relation];
}

const char *relation_limit(enum relation relation)
{
	return relation_name(relation);
}
