/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The evidence of the disturbances, ready to be drawn: one lane for each
 * quantity, over all phases and CPUs.
 */
#ifndef ANALYSIS_REPORT_LANES_H
#define ANALYSIS_REPORT_LANES_H

#include "analysis/report_bands.h"
#include "analysis/report_envelope.h"

/* A series of one CPU in one phase. */
struct lane_series {
	const struct evidence_series *series;
	int cpu; /* from the end of its name; -1: of no CPU */
};

struct lane {
	const char *disturbance, *unit; /* of the evidence */
	char name[EVIDENCE_NAME_MAX];	/* without the CPU */
	struct lane_series *series;	/* by phase, then by CPU; owned */
	size_t count;
	int *cpus; /* ascending; owned */
	size_t cpu_count;
	struct axis seen; /* lowest and highest finite value */
	bool in_strip;	  /* among those under the plots over time */
	size_t first;	  /* its place in the file */
};

/* Sets r->lanes, in the order of the file.  Returns 0 or -ENOMEM; free with lanes_free(). */
int lanes_make(struct report *r);
void lanes_free(struct report *r);

/* "2.6 GHz", "12 %", "35"; a name where the unit gives names to the values, as "tsc=0 hpet=1" */
struct formatted lane_value(double value, const char *unit);
/* "0.8 GHz … 3.4 GHz", "0 … 35 %", "always 2": what was seen. */
void lane_range(const struct lane *lane, char *text, size_t size);
/* "load: busy, CPU 0, 1" */
void lane_title(const struct lane *lane, char *text, size_t size);

/* Its axis: what was seen, and zero or all of 100 % where that is near. */
struct axis lane_axis(const struct lane *lane);
/* The same with a margin, as gnuplot's y range. */
void lane_range_set(FILE *script, const struct lane *lane);

/*
 * Writes the data of a lane and the plot command; bands, labels and margins are set.  Nothing
 * is smoothed: what is thinned out shows its lowest and highest value.  0 or -ENOMEM.
 */
int lane_draw(const struct report *r, struct plot *plot, const struct timeline *t, const struct lane *lane);

/* Height in px of the lanes under a plot over time, with the time axis; 0: there are none. */
int strip_height(const struct report *r, const struct marks *marks);
/* Draws them from `top` px down, at the place of the panels above.  0 or -ENOMEM. */
int strip_draw(const struct report *r, struct plot *plot, const struct timeline *t, const struct marks *marks,
	double left, double top);

#endif
