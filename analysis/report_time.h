/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Series over time, ready to be drawn: one panel a clock, one curve a CPU, one
 * piece a phase.
 */
#ifndef ANALYSIS_REPORT_TIME_H
#define ANALYSIS_REPORT_TIME_H

#include "analysis/report_bands.h"
#include "analysis/report_envelope.h"

struct piece {
	struct envelope_bin *bins; /* offset or residual, ns */
	size_t count;
	const struct drift *fit;   /* NULL: no drift known */
	const struct step **steps; /* steps and levels of the estimates, in the order of time; owned */
	size_t step_count;
	double from_s, to_s;	    /* first and last point */
	double centre_s, centre_ns; /* a point on the fit, steps taken out */
};

struct curve {
	int cpu;
	struct piece *pieces; /* one a phase of the run */
	size_t piece_count;
};

struct panel {
	const char *clock;
	struct curve curves[CPUS_SHOWN];
	size_t curve_count;
	struct axis axis;  /* ns; with a margin */
	struct axis seen;  /* ns; lowest and highest value of all */
	size_t points;	   /* bins of all pieces; 0: there is nothing to draw */
	size_t step_count; /* on its curves; with steps, the axis of offsets spans all values */
};

/* What the steps before that instant add up to, ns. */
double piece_stepped_ns(const struct piece *piece, double t_s);

/* Residuals about each phase's fit, steps taken out as the fit does, instead of offsets.  Returns 0 or -errno; free with panel_free(). */
int panel_make(const struct report *r, int clock, size_t bins_max, bool residuals, struct panel *panel,
	struct error *err);
void panel_free(struct panel *panel);

/* What all panels of one figure share. */
struct layout {
	struct timeline timeline; /* name of the figure, width and unit of the time axis */
	const char *title;
	bool residuals;	       /* else offsets */
	double panel_height;   /* of the axes, px */
	int key_left, key_top; /* where the key of the phases goes, px */
	const struct marks *marks;
};

/* Writes data and script of one panel; its margins and the x axis are set.  The first one carries title and legend. */
void panel_draw(const struct report *r, struct plot *plot, const struct layout *layout,
	const struct panel *panel, bool first);

/* That step is on a curve of the panel. */
bool panel_has_step(const struct panel *panel, const struct step *step);

#endif
