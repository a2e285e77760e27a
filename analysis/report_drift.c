/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Drift per CPU with its intervals: one panel per clock, each with its own scale. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/judge.h"
#include "analysis/report_envelope.h"
#include "analysis/report_parts.h"

/* Layout in px of the SVG. */
#define WIDTH	    1060
#define HEAD	    36
#define PANEL	    120
#define PANEL_TITLE 26
#define PANEL_TICS  36
#define FOOT	    12
#define LEFT	    76
#define RIGHT	    16

#define PHASES_COLOURED COLOURS /* more phases share one */
#define PLACE_LABELS	32
#define DENSE_SLOTS	64
#define SLOT		0.7 /* of the distance between CPUs, for the points of all phases */

struct drift_layout {
	const char *name;
	size_t columns;
	double panel_width;
	bool coloured; /* one colour a phase */
	bool by_phase; /* one CPU only: phases are compared */
	bool across;   /* places are phases: with one CPU, and with more phases than colours */
	bool dense;    /* many points: thin bars without ends */
};

/* All intervals of one clock and, where it is near, zero. */
static struct axis drift_axis(const struct report *r, const char *clock)
{
	struct axis axis = { INFINITY, -INFINITY };
	double span;

	for (size_t i = 0; i < r->estimates->drift_count; i++) {
		const struct drift *d = &r->estimates->drift[i];

		if (strcmp(d->clock, clock) != 0 || !isfinite(d->drift_ppm))
			continue;
		axis.low = fmin(axis.low, isfinite(d->ci_low_ppm) ? d->ci_low_ppm : d->drift_ppm);
		axis.high = fmax(axis.high, isfinite(d->ci_high_ppm) ? d->ci_high_ppm : d->drift_ppm);
	}
	if (axis.low > axis.high)
		return (struct axis){ 0 };
	span = axis.high - axis.low;
	if (axis.low > 0 && axis.low < 2 * span)
		axis.low = 0;
	if (axis.high < 0 && axis.high > -2 * span)
		axis.high = 0;
	span = axis.high - axis.low;
	if (!(span > 0))
		span = fabs(axis.high) > 0 ? fabs(axis.high) : 0.001;
	axis.low -= 0.1 * span;
	axis.high += 0.1 * span;
	return axis;
}

/* One colour a CPU, where places are phases. */
static bool by_cpu(const struct report *r, const struct drift_layout *l)
{
	return l->across && r->cpu_count > 1;
}

/*
 * Points of one phase; returns how many.  x is the CPU's place, moved aside for its
 * phase, or the phase's place, moved aside for the CPU; then of that CPU only.  Blank lines keep yerrorlines from joining them; yerrorbars would rub out what
 * is behind each point.
 */
static size_t write_points(const struct report *r, struct plot *plot, const struct drift_layout *l,
	const char *clock, size_t phase, size_t cpu)
{
	double aside = SLOT * (((double)phase + 0.5) / (double)r->run->phase_count - 0.5);
	size_t count = 0;

	for (size_t i = 0; i < r->cpu_count; i++) {
		const struct drift *d = report_drift(r, clock, r->cpus[i], r->run->phases[phase].name);
		double beside = SLOT * (((double)i + 0.5) / (double)r->cpu_count - 0.5);

		if (!d || !isfinite(d->drift_ppm) || (by_cpu(r, l) && i != cpu))
			continue;
		fprintf(plot->data, "%.6g %.12g %.12g %.12g %d\n\n",
			l->across ? (double)phase + beside : (double)i + aside, d->drift_ppm,
			isfinite(d->ci_low_ppm) ? d->ci_low_ppm : d->drift_ppm,
			isfinite(d->ci_high_ppm) ? d->ci_high_ppm : d->drift_ppm, d->cpu);
		count++;
	}
	return count;
}

static void place_tics(const struct report *r, FILE *script, const struct drift_layout *l)
{
	size_t places = l->across ? r->run->phase_count : r->cpu_count;
	size_t stride = 1 + (places - 1) / PLACE_LABELS;

	fputs("set xtics (", script);
	for (size_t i = 0; i < places; i += stride)
		fprintf(script, "%s'%d' %zu", i ? ", " : "", l->across ? (int)i + 1 : r->cpus[i], i);
	fprintf(script, ")\nset xrange [-0.6:%.1f]\n", (double)places - 0.4);
}

static void draw_level(struct plot *plot, double level, const char *style)
{
	fprintf(plot->script, "set arrow from graph 0,first %.9g to graph 1,first %.9g nohead back %s\n",
		level, level, style);
}

/* The limit is a line where it is on the axis, and always words. */
static void draw_limit(const struct report *r, struct plot *plot, const char *clock, const struct axis *axis,
	const struct format_unit *unit)
{
	const struct drift *row = NULL;

	for (size_t i = 0; i < r->estimates->drift_count && !row; i++)
		if (strcmp(r->estimates->drift[i].clock, clock) == 0)
			row = &r->estimates->drift[i];
	if (axis->low < 0 && axis->high > 0)
		draw_level(plot, 0, "linewidth 0.8 linecolor rgb '#888888'");
	if (!row || !isfinite(row->limit_ppm))
		return;
	for (int sign = -1; sign <= 1; sign += 2)
		if (sign * row->limit_ppm > axis->low && sign * row->limit_ppm < axis->high)
			draw_level(plot, sign * row->limit_ppm / unit->size,
				"linewidth 1.2 dashtype (6,4) linecolor rgb '#b3261e'");
	fputs("set label ", plot->script);
	fprintf(plot->script,
		"'limit ±%s' at graph 1,1 right offset 0,0.75 font 'sans-serif,10' textcolor rgb '#777777'\n",
		format_ppm(row->limit_ppm).text);
}

/* Phases from the first up to before the last, as one block in one colour; of one CPU where each has its own. */
static void draw_points(const struct report *r, struct plot *plot, const struct drift_layout *l,
	const char *clock, size_t from, size_t to, size_t cpu, const struct format_unit *unit, bool *first)
{
	unsigned block =
		plot_block(plot, "%s from phase %s on: place, drift, low and high end of 95 %% (ppm), CPU",
			clock, r->run->phases[from].name);
	size_t count = 0;

	for (size_t phase = from; phase < to; phase++)
		count += write_points(r, plot, l, clock, phase, cpu);
	if (count == 0)
		return;
	fprintf(plot->script,
		"%s'%s.dat' index %u using 1:($2/%g):($3/%g):($4/%g) with yerrorlines "
		"pointtype 7 pointsize %s linewidth %s linecolor rgb '%s' notitle",
		*first ? "plot " : ", \\\n     ", l->name, block, unit->size, unit->size, unit->size,
		l->dense ? "0.35" : "0.5", l->dense ? "0.8" : "1.3", plot_colour(by_cpu(r, l) ? cpu : from));
	*first = false;
}

static void draw_panel(
	const struct report *r, struct plot *plot, const struct drift_layout *l, const char *clock)
{
	struct axis axis = drift_axis(r, clock);
	const struct format_unit *unit = format_drift_unit(fmax(fabs(axis.low), fabs(axis.high)));
	bool first = true;

	fputs("set label ", plot->script);
	plot_string(plot->script, clock);
	fputs(" at graph 0,1 left offset 0,0.75 font 'sans-serif Bold,12' textcolor rgb '#222222'\n",
		plot->script);
	fprintf(plot->script,
		"set label '%s' at graph 0,1 right offset -0.8,0.75 font 'sans-serif,11' textcolor rgb "
		"'#444444'\n",
		unit->name);
	draw_limit(r, plot, clock, &axis, unit);
	if (axis.low < axis.high)
		fprintf(plot->script, "set yrange [%.12g:%.12g]\n", axis.low / unit->size,
			axis.high / unit->size);
	else
		fputs("set yrange [-1:1]\nset label 'no drift known' at graph 0.5,0.5 center textcolor rgb "
		      "'#777777'\n",
			plot->script);
	if (l->coloured)
		for (size_t i = 0; i < r->run->phase_count; i++)
			draw_points(r, plot, l, clock, i, i + 1, 0, unit, &first);
	else if (by_cpu(r, l))
		for (size_t i = 0; i < r->cpu_count; i++)
			draw_points(r, plot, l, clock, 0, r->run->phase_count, i, unit, &first);
	else
		draw_points(r, plot, l, clock, 0, r->run->phase_count, 0, unit, &first);
	fputs(first ? "plot NaN notitle" : "", plot->script);
}

static void draw_cpu_legend(const struct report *r, struct plot *plot)
{
	struct legend_entry entries[CPUS_SHOWN];
	char names[CPUS_SHOWN][24];

	for (size_t i = 0; i < r->cpu_count; i++) {
		snprintf(names[i], sizeof(names[i]), "CPU %d", r->cpus[i]);
		entries[i] = (struct legend_entry){ names[i], plot_colour(i) };
	}
	plot_legend(plot, entries, r->cpu_count);
}

/* Names of the phases, or their numbers where names are too long. */
static void draw_legend(const struct report *r, struct plot *plot)
{
	struct legend_entry entries[PHASES_COLOURED];
	char numbers[PHASES_COLOURED][32];
	size_t count = r->run->phase_count;

	for (size_t i = 0; i < count; i++)
		entries[i] = (struct legend_entry){ r->run->phases[i].name, plot_colour(i) };
	if (plot_legend(plot, entries, count))
		return;
	for (size_t i = 0; i < count; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "phase %zu", i + 1);
		entries[i].text = numbers[i];
	}
	plot_legend(plot, entries, count);
}

static void draw_panels(
	const struct report *r, struct plot *plot, const struct drift_layout *l, const char *title)
{
	double width = (double)WIDTH / (double)l->columns;

	for (size_t i = 0; i < r->clock_count; i++) {
		double left = width * (double)(i % l->columns) + LEFT;
		double bottom =
			HEAD + (double)(i / l->columns + 1) * (PANEL_TITLE + PANEL + PANEL_TICS) - PANEL_TICS;

		plot_panel(plot, left, left + l->panel_width, bottom - PANEL, bottom);
		fputs("unset label\nunset arrow\n", plot->script);
		if (i == 0)
			plot_headline(plot, title);
		if (i == 0 && l->coloured)
			draw_legend(r, plot);
		if (i == 0 && by_cpu(r, l))
			draw_cpu_legend(r, plot);
		if (i + l->columns >= r->clock_count)
			fprintf(plot->script, "set xlabel '%s' offset 0,0.5 textcolor rgb '#444444'\n",
				l->across ? "phase" : "CPU");
		else
			fputs("unset xlabel\n", plot->script);
		draw_panel(r, plot, l, r->run->clocks[r->clocks[i]].name);
		fputc('\n', plot->script);
	}
}

/*
 * Lowest and highest drift of one clock: over the CPUs in one phase, or over the
 * phases where there is one CPU only.  Returns how many there are.
 */
static size_t extremes(const struct report *r, const struct drift_layout *l, const char *clock, size_t phase,
	const struct drift **low, const struct drift **high)
{
	size_t members = l->by_phase ? r->run->phase_count : r->cpu_count, count = 0;

	*low = *high = NULL;
	for (size_t i = 0; i < members; i++) {
		const struct drift *d = report_drift(
			r, clock, r->cpus[l->by_phase ? 0 : i], r->run->phases[l->by_phase ? i : phase].name);

		if (!d || judge_is_few(d) || !isfinite(d->drift_ppm) ||
			!isfinite(d->ci_high_ppm - d->ci_low_ppm))
			continue;
		if (!*low || d->drift_ppm < (*low)->drift_ppm)
			*low = d;
		if (!*high || d->drift_ppm > (*high)->drift_ppm)
			*high = d;
		count++;
	}
	return count;
}

/* Distance of two drifts in units of the 95 % interval of their difference. */
static double distance(const struct drift *low, const struct drift *high)
{
	double both = hypot(low->ci_high_ppm - low->ci_low_ppm, high->ci_high_ppm - high->ci_low_ppm) / 2;

	return both > 0 ? (high->drift_ppm - low->drift_ppm) / both : 0;
}

static const char *place_name(const struct drift_layout *l, const struct drift *d, char *text, size_t size)
{
	if (l->by_phase)
		snprintf(text, size, "in phase %s", d->phase);
	else
		snprintf(text, size, "on CPU %d", d->cpu);
	return text;
}

/* What differs most; with many pairs to choose from, some are far apart by chance (Bonferroni). */
static void say_spread(const struct report *r, const struct drift_layout *l, struct figure *figure)
{
	const struct drift *low = NULL, *high = NULL;
	char low_place[80], high_place[80];
	double pairs = 0, enough;

	for (size_t i = 0; i < r->clock_count; i++) {
		for (size_t k = 0; k < (l->by_phase ? 1 : r->run->phase_count); k++) {
			const struct drift *a, *b;
			size_t count = extremes(r, l, r->run->clocks[r->clocks[i]].name, k, &a, &b);

			pairs += (double)count * ((double)count - 1) / 2;
			if (count > 1 && (!low || distance(a, b) > distance(low, high))) {
				low = a;
				high = b;
			}
		}
	}
	if (!low)
		return;
	enough = gsl_cdf_ugaussian_Qinv(0.025 / pairs) / gsl_cdf_ugaussian_Qinv(0.025);
	snprintf(figure->takeaway, sizeof(figure->takeaway), "%s differ most for %s: %s %s, %s %s. %s",
		l->by_phase ? "Phases" : "CPUs", low->clock,
		format_drift(low->drift_ppm, low->ci_low_ppm, low->ci_high_ppm).text,
		place_name(l, low, low_place, sizeof(low_place)),
		format_drift(high->drift_ppm, high->ci_low_ppm, high->ci_high_ppm).text,
		place_name(l, high, high_place, sizeof(high_place)),
		distance(low, high) > enough ? "That is more than the intervals explain."
					     : "The intervals explain that.");
}

int plot_drift(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	size_t slots = r->cpu_count * r->run->phase_count;
	struct drift_layout l = { .name = figure->name, .columns = slots <= 10 ? 3 : slots <= 32 ? 2 : 1 };
	size_t rows;
	char title[160];
	int height;

	(void)err;
	if (r->clock_count == 0) {
		strcpy(figure->absent, "There is no plot: no drift could be told.");
		return 0;
	}
	if (l.columns > r->clock_count)
		l.columns = r->clock_count;
	rows = (r->clock_count + l.columns - 1) / l.columns;
	height = HEAD + FOOT + (int)rows * (PANEL_TITLE + PANEL + PANEL_TICS);
	l.panel_width = WIDTH / (double)l.columns - LEFT - RIGHT;
	l.by_phase = r->cpu_count == 1 && r->run->phase_count > 1;
	l.dense = slots > DENSE_SLOTS;
	l.across = l.by_phase || (r->run->phase_count > PHASES_COLOURED && r->cpu_count <= CPUS_SHOWN);
	l.coloured = !l.across && r->run->phase_count > 1 && r->run->phase_count <= PHASES_COLOURED;
	snprintf(title, sizeof(title), "Drift against %s per %s", r->reference_name,
		by_cpu(r, &l) ? "phase and CPU"
		: l.by_phase  ? "phase"
			      : "CPU");
	plot_begin(plot, figure->name, WIDTH, height);
	fprintf(plot->script, "set format y '%%.9g'\n%s", l.dense ? "set errorbars 0\n" : "");
	place_tics(r, plot->script, &l);
	draw_panels(r, plot, &l, title);
	plot_end(plot);
	say_spread(r, &l, figure);
	return 0;
}
