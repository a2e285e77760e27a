/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What the facts of a machine mean for its clocks: `clkdrift inspect`.
 *
 * The findings are a function of the snapshot alone (bench/facts.h), so a
 * machine of any age can be judged from a description of it.  A fact that is
 * null or absent leads to no finding, or to one that says it is not known.
 */
#ifndef BENCH_INSPECT_H
#define BENCH_INSPECT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

enum severity {
	FINDING_GOOD, /* speaks for these clocks */
	FINDING_NOTE, /* to be known when drift is judged */
	FINDING_RISK, /* can make a clock drift, stop or step */
};

struct finding {
	const char *id; /* stable, for machines; of static duration */
	enum severity severity;
	char what[256];	   /* what was found */
	char meaning[512]; /* what it means for drift, and what to do */
};

struct findings {
	struct finding *list;
	size_t n, room;
	bool failed; /* out of memory */
	bool cut;    /* a text did not fit */
};

/* Fills *findings, in the order of themes; 0 or -ENOMEM.  To be freed in both cases. */
int findings_build(const json_t *facts, struct findings *findings);
void findings_free(struct findings *findings);

/*
 * {"schema":1,"facts":{...},"parameters":[{"name","value","effect","why","modern"}],
 * "findings":[{"id","severity","what","meaning"}]}, severity "good", "note" or "risk", parameters as in
 * analysis/parameters.h: a new reference that shares facts, NULL when out of memory.
 */
json_t *inspect_json(const json_t *facts);

/* The same for people, at most 100 columns wide; escape sequences only with colour. */
void inspect_print(const json_t *inspect, FILE *out, bool colour);

#endif
