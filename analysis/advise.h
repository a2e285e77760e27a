/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * `clkdrift advise`: which profile of the catalogue keeps this system's clocks stable, why, and on what
 * evidence.  A function of the facts, the catalogue and what was measured.
 */
#ifndef ANALYSIS_ADVISE_H
#define ANALYSIS_ADVISE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "analysis/profiles.h"
#include "results/error.h"

enum evidence {
	EVIDENCE_DOCUMENTED, /* somebody's word; nothing was measured */
	EVIDENCE_LAB,	     /* measured in a lab, on a configuration like this system */
	EVIDENCE_HERE,	     /* measured on this system */
};

const char *evidence_name(enum evidence evidence); /* "documented", "measured in a lab", "measured here" */

/* What one profile did on one configuration, or one run as it was. */
struct evidence_row {
	char configuration[32];	   /* of the lab; "": none */
	char profile[48];	   /* "": not one of the catalogue's */
	char parameters[1024];	   /* as booted: of a run, its whole command line */
	char status[16];	   /* "stable", "unstable", "inconclusive", "no result" */
	char why[400];		   /* in words */
	bool recommended;	   /* by the matrix, for that configuration */
	double drift_ppm, read_ns; /* NaN: not known */
};

struct advise_evidence {
	enum evidence kind;	   /* of all rows */
	bool whole;		   /* a matrix: rows of many configurations; else one run */
	char source[256];	   /* the directory */
	struct evidence_row *rows; /* owned */
	size_t count;
	json_t *configurations; /* of a matrix: rows as in matrix.json; owned, may be NULL */
	json_t *facts;		/* of a run: its snapshot; owned, NULL for a matrix and where there is none */
};

/*
 * Reads what `analyze` made of a run or of a matrix.  Returns 0 or -errno with err set; free with
 * advise_evidence_free() either way.
 */
int advise_evidence_load(const char *dir, struct advise_evidence *evidence, struct error *err);
void advise_evidence_free(struct advise_evidence *evidence);

/* The lab's configuration that this system is like ("" if none is), from what the facts know of both. */
void advise_resembling(const struct advise_evidence *evidence, const json_t *facts, char name[32]);

#define ADVICE_LINES_MAX 16

struct advice_lines {
	char text[ADVICE_LINES_MAX][512];
	size_t count;
};

enum advice_answer { ADVICE_NO_RISK, ADVICE_RISK, ADVICE_NOT_KNOWN };

struct advice {
	enum advice_answer at_risk;
	struct advice_lines reasons;
	struct advice_lines missing;   /* keys of facts that would decide */
	const struct profile *profile; /* the catalogue's; NULL: none is for this system */
	char parameters[256];	       /* lpj filled in where its numbers are known */
	bool in_force;		       /* they are there already */
	enum evidence evidence;
	char evidence_text[1280];
	struct advice_lines notes;
};

/*
 * evidence may be NULL.  wish: id of the profile to take, whatever fits best; NULL: the best one.  Returns 0 or
 * -errno with err set.  The catalogue must live as long as *advice.
 */
int advise(const json_t *facts, const struct profiles *catalogue, const struct advise_evidence *evidence,
	const char *wish, struct advice *advice, struct error *err);

/* {"schema":1,"at_risk":true|false|null,...}: results/SCHEMA.md.  A new reference; NULL: out of memory. */
json_t *advice_to_json(const struct advice *advice);

#endif
