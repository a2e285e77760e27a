/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * evidence.csv: what the disturbances were seen to do, over time.
 *   phase,disturbance,series,unit,tsc,value
 */
#ifndef RESULTS_EVIDENCE_H
#define RESULTS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/error.h"
#include "results/run.h"

#define EVIDENCE_FILE	    "evidence.csv"
#define EVIDENCE_NAME_MAX   48
#define EVIDENCE_POINT_MAX  10000000 /* a longer file is refused, and the writer makes none */
#define EVIDENCE_SERIES_MAX 65536

struct evidence_point {
	uint64_t tsc; /* cycles */
	double value; /* NaN: asked for at this instant, and not known */
};

/* One quantity of one disturbance in one phase; no two of a set are alike in phase, disturbance and name. */
struct evidence_series {
	size_t phase; /* index into run->phases */
	char disturbance[DISTURBANCE_NAME_MAX];
	char name[EVIDENCE_NAME_MAX];  /* "share CPU 0" */
	char unit[EVIDENCE_NAME_MAX];  /* "%", "kHz"; empty: a plain number */
	struct evidence_point *points; /* owned, in the order of the file */
	size_t count;
};

struct evidence_set {
	struct evidence_series *series; /* owned, in the order of their first points */
	size_t count;
	bool cut; /* a last row without a line end, the mark of a killed run, was left out */
};

struct evidence_writer;

/* Makes run->dir/evidence.csv, which must not exist, with its header.  NULL with err set on failure. */
struct evidence_writer *evidence_open(const struct run *run, struct error *err);
/*
 * Appends a point; from one thread at a time.  A value that is not finite becomes an empty field.  Too long
 * names are cut, what is not plain text in them becomes '?'.  A failure is kept for evidence_flush() and
 * evidence_close(); after it nothing more is written, and what was written before is valid.
 */
void evidence_add(struct evidence_writer *writer, const char *phase, const char *disturbance,
	const char *series, const char *unit, uint64_t tsc, double value);
/* Hands whole rows to the kernel.  0 or -errno of the first failure, each time it is called. */
int evidence_flush(struct evidence_writer *writer, struct error *err);
/* Flushes and frees the writer.  NULL is fine.  0 or -errno of the first failure. */
int evidence_close(struct evidence_writer *writer, struct error *err);

/*
 * Needs run->dir and the names of its phases.  A missing file is an empty set.  On failure the set is empty;
 * -errno with file:line in err.  Free with evidence_free().
 */
int evidence_load(const struct run *run, struct evidence_set *set, struct error *err);
void evidence_free(struct evidence_set *set);

#endif
