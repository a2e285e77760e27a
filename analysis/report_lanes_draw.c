/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Lanes in gnuplot's words, and the strip of them under the plots over time. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_lanes.h"

#define BINS	       1000 /* over the whole axis: about one a px */
#define STEPPED_POINTS 2000 /* on a curve of one phase: all are drawn */
#define STRIP_GAP      10
#define LANE_TEXT      15
#define LANE_PX	       19
#define TICKS_PX       8
#define LANE_BELOW     4
#define STRIP_TICS     36

/* Points of a phase, of one CPU or of all: in time's order. */
struct points {
	double *t, *value;
	size_t count;
	bool merged; /* of several CPUs: no line joins them */
};

static int by_tsc(const void *x, const void *y)
{
	const struct evidence_point *a = x, *b = y;

	return (a->tsc > b->tsc) - (a->tsc < b->tsc);
}

/* Those of series [from, to) of a lane that belong to that CPU, or all of them. */
static int points_make(const struct report *r, const struct lane *lane, size_t from, size_t to, int cpu,
	bool all, struct points *p)
{
	struct evidence_point *sorted;
	size_t total = 0, kept = 0;

	*p = (struct points){ .merged = all };
	for (size_t i = from; i < to; i++)
		total += all || lane->series[i].cpu == cpu ? lane->series[i].series->count : 0;
	sorted = malloc((total + 1) * sizeof(*sorted));
	p->t = malloc((total + 1) * sizeof(*p->t));
	p->value = malloc((total + 1) * sizeof(*p->value));
	if (!sorted || !p->t || !p->value) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = from; i < to; i++) {
		const struct evidence_series *s = lane->series[i].series;

		if (!all && lane->series[i].cpu != cpu)
			continue;
		for (size_t k = 0; k < s->count; k++)
			if (isfinite(s->points[k].value))
				sorted[kept++] = s->points[k];
	}
	qsort(sorted, kept, sizeof(*sorted), by_tsc);
	for (size_t i = 0; i < kept; i++) {
		double t = pair_source_seconds(r->source, sorted[i].tsc);

		if (t < 0 || t > r->length_s)
			continue;
		p->t[p->count] = t;
		p->value[p->count++] = sorted[i].value;
	}
	free(sorted);
	return 0;
}

static void points_free(struct points *p)
{
	free(p->t);
	free(p->value);
}

/* A value holds until the next one; a lonely one is a short dash. */
static void write_steps(const struct report *r, struct plot *plot, const struct points *p)
{
	double dash_s = r->length_s / BINS;

	for (size_t i = 0; i < p->count; i++)
		fprintf(plot->data, "%.9g %.9g %.9g %.9g\n", p->t[i], p->value[i], p->value[i], p->value[i]);
	if (p->count == 1)
		fprintf(plot->data, "%.9g %.9g %.9g %.9g\n", p->t[0] + 2 * dash_s, p->value[0], p->value[0],
			p->value[0]);
	fputc('\n', plot->data);
}

static int write_phase(const struct report *r, struct plot *plot, const struct points *p)
{
	struct envelope_bin *bins;
	size_t count;
	int rc;

	if (p->count == 0)
		return 0;
	if (!p->merged && p->count <= STEPPED_POINTS) {
		write_steps(r, plot, p);
		return 0;
	}
	rc = envelope_make(p->t, p->value, p->count, r->length_s, BINS, &bins, &count);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++)
		fprintf(plot->data, "%s%.9g %.9g %.9g %.9g\n", i && bins[i].gap ? "\n" : "", bins[i].t,
			bins[i].median, bins[i].low, bins[i].high);
	fputc('\n', plot->data);
	free(bins);
	return 0;
}

/* One curve over all phases, a blank line between two.  Sets *rows to what it has. */
static int write_curve(
	const struct report *r, struct plot *plot, const struct lane *lane, int cpu, bool all, size_t *rows)
{
	int rc = 0;

	*rows = 0;
	for (size_t i = 0, next; i < lane->count && !rc; i = next) {
		struct points p;

		for (next = i + 1; next < lane->count &&
				   lane->series[next].series->phase == lane->series[i].series->phase;
			next++)
			;
		rc = points_make(r, lane, i, next, cpu, all, &p);
		if (!rc)
			rc = write_phase(r, plot, &p);
		*rows += p.count;
		points_free(&p);
	}
	return rc;
}

/* As in the panels, where each CPU has its colour there. */
static const char *cpu_colour(const struct report *r, int cpu)
{
	for (size_t i = 0; i < r->cpu_count && r->cpu_count <= CPUS_SHOWN; i++)
		if (r->cpus[i] == cpu)
			return plot_colour(i);
	return "#555555";
}

int lane_draw(const struct report *r, struct plot *plot, const struct timeline *t, const struct lane *lane)
{
	bool all = lane->cpu_count > CPUS_SHOWN;
	bool first = true;

	for (size_t i = 0; i < (all ? 1 : lane->cpu_count); i++) {
		const char *colour = all ? "#555555" : cpu_colour(r, lane->cpus[i]);
		unsigned block = plot_block(plot, "%s: %s %s, CPU %d: t_s, value or median, lowest, highest",
			lane->disturbance, lane->name, lane->unit, all ? -1 : lane->cpus[i]);
		size_t rows;
		int rc = write_curve(r, plot, lane, lane->cpus[i], all, &rows);

		if (rc)
			return rc;
		if (rows == 0)
			continue;
		fprintf(plot->script,
			"%s'%s.dat' index %u using ($1/%g):3:(0):($4-$3) with vectors nohead linewidth 1 "
			"linecolor rgb '%s' notitle, '' index %u using ($1/%g):2 with steps linewidth 1.2 "
			"linecolor rgb '%s' "
			"notitle",
			first ? "plot " : ", \\\n     ", t->name, block, t->unit->size, colour, block,
			t->unit->size, colour);
		first = false;
	}
	fputs(first ? "plot NaN notitle\n" : "\n", plot->script);
	return 0;
}

int strip_height(const struct report *r, const struct marks *marks)
{
	size_t ticks = marks_tick_kinds(marks), lanes = 0;

	for (size_t i = 0; i < r->lane_count; i++)
		lanes += r->lanes[i].in_strip;
	if (ticks + lanes == 0)
		return 0;
	return STRIP_GAP + (int)ticks * (LANE_TEXT + TICKS_PX + LANE_BELOW) +
	       (int)lanes * (LANE_TEXT + LANE_PX + LANE_BELOW) + STRIP_TICS;
}

static void lane_words(struct plot *plot, const char *name, const char *range)
{
	fputs("set label ", plot->script);
	plot_string(plot->script, name);
	fputs(" at graph 0,1 left offset 0,0.5 font 'sans-serif,10' textcolor rgb '#333333'\nset label ",
		plot->script);
	plot_string(plot->script, range);
	fputs(" at graph 1,1 right offset 0,0.5 font 'sans-serif,10' textcolor rgb '#777777'\n",
		plot->script);
}

/* A lane without an axis of its own: the range is in words. */
static void lane_frame(const struct report *r, struct plot *plot, const struct timeline *t, bool last)
{
	fputs("unset label\nunset arrow\nunset object\nset border 0\nunset ytics\nset grid noytics\n",
		plot->script);
	bands_draw(r, plot, t);
	if (last)
		fprintf(plot->script,
			"set border 1\nset xtics scale 0.5\nset format x\nset xlabel 'time since the start "
			"(%s)' "
			"offset 0,0.5 textcolor "
			"rgb '#444444'\n",
			t->unit->name);
	else
		fputs("set xtics scale 0\nset format x ''\nunset xlabel\n", plot->script);
}

static void ticks_draw(const struct report *r, struct plot *plot, const struct timeline *t,
	const struct marks *marks, size_t kind, bool last)
{
	const struct mark_kind *k = &marks->kinds[kind];
	char name[80];

	lane_frame(r, plot, t, last);
	snprintf(name, sizeof(name), "events: %s%s", k->name, k->injected ? " (made on purpose)" : "");
	lane_words(plot, name, format_count(k->count).text);
	fputs("set yrange [0:1]\nplot ", plot->script);
	marks_draw_ticks(plot, t, marks, kind, 0, 1);
	fputc('\n', plot->script);
}

int strip_draw(const struct report *r, struct plot *plot, const struct timeline *t, const struct marks *marks,
	double left, double top)
{
	double end = top + strip_height(r, marks) - STRIP_TICS, y = top + STRIP_GAP;
	int rc = 0;

	for (size_t i = 0; i < marks->kind_count; i++) {
		if (!marks->kinds[i].ticks)
			continue;
		y += LANE_TEXT + TICKS_PX;
		plot_panel(plot, left, left + t->width_px, y - TICKS_PX, y);
		y += LANE_BELOW;
		ticks_draw(r, plot, t, marks, i, y + 1 > end);
	}
	for (size_t i = 0; i < r->lane_count && !rc; i++) {
		const struct lane *lane = &r->lanes[i];
		char name[160], range[160];

		if (!lane->in_strip)
			continue;
		y += LANE_TEXT + LANE_PX;
		plot_panel(plot, left, left + t->width_px, y - LANE_PX, y);
		y += LANE_BELOW;
		lane_frame(r, plot, t, y + 1 > end);
		lane_title(lane, name, sizeof(name));
		lane_range(lane, range, sizeof(range));
		lane_words(plot, name, range);
		lane_range_set(plot->script, lane);
		rc = lane_draw(r, plot, t, lane);
	}
	fputs("set border 3\nset ytics\nset format x\nset grid\n", plot->script);
	return rc;
}
