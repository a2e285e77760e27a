/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Offset over time and residuals: one panel per clock, each with its own scale. */
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_parts.h"
#include "analysis/report_time.h"

/* Layout in px of the SVG. */
#define WIDTH	     1060
#define HEAD	     36 /* title and legend */
#define PANEL	     150
#define PANEL_TITLE  26
#define PANEL_PHASES 15 /* strip with the phases' names, where there are several */
#define PANEL_TICS   38
#define FOOT	     10
#define LEFT	     64
#define RIGHT	     14

#define POINTS_BUDGET 16000 /* bins in one figure: keeps its SVG near 1 MB */
#define BINS_MAX      600   /* a panel has fewer px */
#define BINS_MIN      60
#define PHASES_SHOWN  40

static size_t bins_for(const struct report *r)
{
	size_t curves = r->cpu_count < CPUS_SHOWN ? r->cpu_count : CPUS_SHOWN;
	size_t bins = POINTS_BUDGET / (r->clock_count * curves);

	return bins > BINS_MAX ? BINS_MAX : bins < BINS_MIN ? BINS_MIN : bins;
}

static int panel_height(const struct layout *l)
{
	return PANEL_TITLE + (l->phases ? PANEL_PHASES : 0) + PANEL + PANEL_TICS;
}

static void panel_place(
	struct plot *plot, const struct report *r, const struct layout *l, size_t index, size_t columns)
{
	double width = (double)WIDTH / (double)columns;
	double left = width * (double)(index % columns) + LEFT;
	double bottom = HEAD + (double)(index / columns + 1) * panel_height(l) - PANEL_TICS;

	plot_panel(plot, left, left + l->panel_width, bottom - PANEL, bottom);
	/* The last panel of each column names the axis. */
	if (index + columns >= r->clock_count)
		fprintf(plot->script,
			"set xlabel 'time since the start (%s)' offset 0,0.5 textcolor rgb '#444444'\n",
			l->time->name);
	else
		fputs("unset xlabel\n", plot->script);
}

static int draw_panels(
	const struct report *r, struct plot *plot, const struct layout *l, size_t columns, struct error *err)
{
	size_t bins = bins_for(r);
	int rc = 0;

	for (size_t i = 0; i < r->clock_count && !rc; i++) {
		struct panel panel;

		rc = panel_make(r, r->clocks[i], bins, l->residuals, &panel, err);
		if (rc)
			break;
		panel_place(plot, r, l, i, columns);
		panel_draw(r, plot, l, &panel, i == 0);
		panel_free(&panel);
	}
	return rc;
}

/* A run of 19.99 s has an axis to 20 s. */
static double axis_length(double length)
{
	double unit = pow(10, floor(log10(length))) / 10, up = ceil(length / unit) * unit;

	return up < 1.01 * length ? up : length;
}

static int plot_time(
	const struct report *r, struct plot *plot, struct figure *figure, bool residuals, struct error *err)
{
	size_t columns = r->clock_count > 1 ? 2 : 1, rows = (r->clock_count + columns - 1) / columns;
	char title[200];
	struct layout l = {
		.name = figure->name,
		.title = title,
		.residuals = residuals,
		.phases = r->run->phase_count > 1 && r->run->phase_count <= PHASES_SHOWN,
		.panel_width = WIDTH / (double)columns - LEFT - RIGHT,
		.time = format_axis_unit(r->length_s),
	};
	int height = HEAD + FOOT + (int)rows * panel_height(&l);
	int rc;

	if (r->clock_count == 0 || !(r->length_s > 0)) {
		strcpy(figure->absent, "There is no plot: no clock has readings that span time.");
		return 0;
	}
	snprintf(title, sizeof(title),
		residuals ? "What the fit leaves of the offset from %s" : "Offset from %s",
		r->reference_name);
	plot_begin(plot, figure->name, WIDTH, height);
	fprintf(plot->script, "set xrange [0:%.9g]\n", axis_length(r->length_s / l.time->size));
	rc = draw_panels(r, plot, &l, columns, err);
	plot_end(plot);
	return rc;
}

/* The row with the largest |value|, or NULL where no row has one. */
static const struct drift *largest(const struct report *r, double (*value)(const struct drift *))
{
	const struct drift *found = NULL;

	for (size_t i = 0; i < r->estimates->drift_count; i++) {
		const struct drift *d = &r->estimates->drift[i];

		if (isfinite(value(d)) && (!found || fabs(value(d)) > fabs(value(found))))
			found = d;
	}
	return found;
}

static double drift_of(const struct drift *d)
{
	return d->drift_ppm;
}

static double noise_of(const struct drift *d)
{
	return d->residual_ns;
}

static double quiet_of(const struct drift *d)
{
	return d->residual_ns > 0 ? 1 / d->residual_ns : NAN;
}

/* "realtime on CPU 1 in phase load" */
static const char *row_name(const struct report *r, const struct drift *d, char *text, size_t size)
{
	int used = snprintf(text, size, "%s on CPU %d", d->clock, d->cpu);

	if (r->run->phase_count > 1 && used > 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used, " in phase %s", d->phase);
	return text;
}

/* What the panels leave out. */
static void say_shown(const struct report *r, struct figure *figure)
{
	char *end = figure->takeaway + strlen(figure->takeaway);
	size_t left = sizeof(figure->takeaway) - strlen(figure->takeaway);
	int used = 0;

	if (r->cpu_count > CPUS_SHOWN)
		used = snprintf(end, left,
			" Of %zu CPUs those with the lowest, median and highest drift are shown.",
			r->cpu_count);
	if (r->run->event_count > EVENTS_SHOWN && used >= 0 && (size_t)used < left)
		snprintf(end + used, left - (size_t)used, " The first %d of %zu events are marked.",
			EVENTS_SHOWN, r->run->event_count);
}

int plot_offset(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	const struct drift *most = largest(r, drift_of);
	char name[160];

	if (most)
		snprintf(figure->takeaway, sizeof(figure->takeaway), "Largest drift: %s, %s against %s.",
			row_name(r, most, name, sizeof(name)),
			format_drift(most->drift_ppm, most->ci_low_ppm, most->ci_high_ppm).text,
			most->reference);
	say_shown(r, figure);
	return plot_time(r, plot, figure, false, err);
}

int plot_residual(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	const struct drift *most = largest(r, noise_of), *least = largest(r, quiet_of);
	char name[160], other[160];

	if (most && most == least)
		snprintf(figure->takeaway, sizeof(figure->takeaway),
			"Standard deviation about the fit of %s: %s.", row_name(r, most, name, sizeof(name)),
			format_ns(most->residual_ns).text);
	else if (most && least)
		snprintf(figure->takeaway, sizeof(figure->takeaway),
			"Noisiest: %s, %s (standard deviation about its fit). Quietest: %s, %s.",
			row_name(r, most, name, sizeof(name)), format_ns(most->residual_ns).text,
			row_name(r, least, other, sizeof(other)), format_ns(least->residual_ns).text);
	return plot_time(r, plot, figure, true, err);
}
