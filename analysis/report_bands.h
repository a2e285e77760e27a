/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What all plots over time share: the phases as bands behind the data, and the
 * events as lines or ticks.
 */
#ifndef ANALYSIS_REPORT_BANDS_H
#define ANALYSIS_REPORT_BANDS_H

#include "analysis/format.h"
#include "analysis/report_parts.h"

#define PHASES_SHOWN 40 /* bands of more phases have no names */

/* A time axis in a figure. */
struct timeline {
	const char *name; /* of the figure */
	double width_px;  /* of the axis */
	const struct format_unit *unit;
	bool named; /* there are phases to be told apart, and not too many */
};

/* The end of an axis that holds the run, in the timeline's unit: 20 for a run of 19.99. */
double timeline_end(const struct report *r, const struct timeline *t);

/* Grounds of the phases behind the next panel; what was not seen to happen is hatched. */
void bands_draw(const struct report *r, struct plot *plot, const struct timeline *t);

/* Names above the next panel, or numbers where a name does not fit. */
void bands_name(const struct report *r, struct plot *plot, const struct timeline *t);

/*
 * What the numbers mean, in lines of text: height in px (0: every name is there),
 * and the labels themselves, from `top` px down.
 */
int bands_key_height(const struct report *r, const struct timeline *t, int width_px);
void bands_key(const struct report *r, struct plot *plot, const struct timeline *t, int left, int top);

#define MARK_KINDS 8 /* the last one takes all others */

/* Events of one kind. */
struct mark_kind {
	const char *name;
	bool injected;
	size_t count;
	bool ticks;	/* too dense for lines */
	unsigned block; /* of the data, where ticks */
};

struct marks {
	struct mark_kind kinds[MARK_KINDS];
	size_t kind_count;
	unsigned char *kind_of; /* of each event of the run; owned */
};

#define MARK_NONE 255 /* in kind_of: not on the axis */

/* Sorts the events of the run into kinds.  Returns 0 or -ENOMEM; free with marks_free(). */
int marks_make(const struct report *r, const struct timeline *t, struct marks *marks);
void marks_free(struct marks *marks);
size_t marks_tick_kinds(const struct marks *marks);
const char *mark_colour(size_t kind);

/* Data of the ticks, once a figure. */
void marks_write(const struct report *r, struct plot *plot, const struct timeline *t, struct marks *marks);
/* Lines of the few across the next panel. */
void marks_draw_lines(
	const struct report *r, struct plot *plot, const struct timeline *t, const struct marks *marks);
/* "'offset.dat' index 3 using ..." for one kind of ticks, from y on, that high. */
void marks_draw_ticks(struct plot *plot, const struct timeline *t, const struct marks *marks, size_t kind,
	double y, double high);
/* What the marks are, for the caption. */
void marks_say(const struct marks *marks, struct figure *figure);

#endif
