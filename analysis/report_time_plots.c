/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Offset over time and residuals: one panel per clock, each with its own scale. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/judge.h"
#include "analysis/report_lanes.h"
#include "analysis/report_time.h"

/* Layout in px of the SVG. */
#define WIDTH		1060
#define HEAD		36 /* title and legend */
#define PANEL		150
#define PANEL_STACKED	112 /* in one column */
#define PANEL_TITLE	26
#define PANEL_PHASES	15 /* strip with the phases' names, where there are several */
#define PANEL_TICS	38
#define PANEL_TICS_BARE 32 /* where no panel names the axis */
#define KEY_LEFT	12
#define FOOT		10
#define LEFT		64
#define RIGHT		14

#define POINTS_BUDGET 16000 /* bins in one figure: keeps its SVG near 1 MB */
#define BINS_MAX      600   /* a panel has fewer px */
#define BINS_MIN      60

static size_t bins_for(const struct report *r)
{
	size_t curves = r->cpu_count < CPUS_SHOWN ? r->cpu_count : CPUS_SHOWN;
	size_t bins = POINTS_BUDGET / (r->clock_count * curves);

	return bins > BINS_MAX ? BINS_MAX : bins < BINS_MIN ? BINS_MIN : bins;
}

/* How the figure is put together: a stack over the strip of evidence, else two columns. */
struct frame {
	struct layout layout;
	struct marks marks;
	size_t columns;
	int tics; /* px under a panel */
	int strip, key;
	int top; /* of the strip, px */
	int height;
};

static int row_height(const struct frame *f)
{
	return PANEL_TITLE + (f->layout.timeline.named ? PANEL_PHASES : 0) + (int)f->layout.panel_height +
	       f->tics;
}

static void panel_place(struct plot *plot, const struct report *r, const struct frame *f, size_t index)
{
	double width = (double)WIDTH / (double)f->columns;
	double left = width * (double)(index % f->columns) + LEFT;
	double bottom = HEAD + (double)(index / f->columns + 1) * row_height(f) - f->tics;

	plot_panel(plot, left, left + f->layout.timeline.width_px, bottom - f->layout.panel_height, bottom);
	/* The last panel of each column names the axis, or the strip under it. */
	if (index + f->columns >= r->clock_count && !f->strip)
		fprintf(plot->script,
			"set xlabel 'time since the start (%s)' offset 0,0.5 textcolor rgb '#444444'\n",
			f->layout.timeline.unit->name);
	else
		fputs("unset xlabel\n", plot->script);
}

static int draw_panels(const struct report *r, struct plot *plot, const struct frame *f, struct error *err)
{
	size_t bins = bins_for(r);

	for (size_t i = 0; i < r->clock_count; i++) {
		struct panel panel;
		int rc = panel_make(r, r->clocks[i], bins, f->layout.residuals, &panel, err);

		if (rc)
			return rc;
		panel_place(plot, r, f, i);
		panel_draw(r, plot, &f->layout, &panel, i == 0);
		panel_free(&panel);
	}
	return 0;
}

static int draw_strips(const struct report *r, struct plot *plot, const struct frame *f, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->columns && f->strip && !rc; i++)
		rc = strip_draw(r, plot, &f->layout.timeline, &f->marks,
			(double)(i * WIDTH) / (double)f->columns + LEFT, f->top);
	return rc ? error_set(err, rc, "out of memory") : 0;
}

static void frame_measure(const struct report *r, struct frame *f)
{
	size_t rows = (r->clock_count + f->columns - 1) / f->columns;

	f->strip = strip_height(r, &f->marks);
	f->key = bands_key_height(r, &f->layout.timeline, WIDTH - KEY_LEFT - 10);
	if (f->columns == 1 && f->strip)
		f->tics = PANEL_TICS_BARE;
	f->top = HEAD + (int)rows * row_height(f);
	f->layout.key_left = KEY_LEFT;
	f->layout.key_top = f->top + f->strip;
	f->height = f->layout.key_top + f->key + FOOT;
}

static int plot_time(
	const struct report *r, struct plot *plot, struct figure *figure, bool residuals, struct error *err)
{
	char title[200];
	struct frame f = { .columns = r->clock_count > 1 && !r->disturbed ? 2 : 1, .tics = PANEL_TICS };
	int rc;

	if (r->clock_count == 0 || !(r->length_s > 0)) {
		strcpy(figure->absent, "There is no plot: no clock has readings that span time.");
		return 0;
	}
	f.layout = (struct layout){
		.timeline = {
			.name = figure->name,
			.width_px = WIDTH / (double)f.columns - LEFT - RIGHT,
			.unit = format_axis_unit(r->length_s),
			.named = r->run->phase_count > 1 || r->disturbed,
		},
		.title = title,
		.residuals = residuals,
		.panel_height = r->disturbed ? PANEL_STACKED : PANEL,
		.marks = &f.marks,
	};
	f.layout.timeline.named &= r->run->phase_count <= PHASES_SHOWN;
	if (marks_make(r, &f.layout.timeline, &f.marks))
		return error_set(err, -ENOMEM, "out of memory");
	frame_measure(r, &f);
	snprintf(title, sizeof(title),
		residuals ? "What the fit leaves of the offset from %s" : "Offset from %s",
		r->reference_name);
	plot_begin(plot, figure->name, WIDTH, f.height);
	fprintf(plot->script, "set xrange [0:%.9g]\n", timeline_end(r, &f.layout.timeline));
	marks_write(r, plot, &f.layout.timeline, &f.marks);
	rc = draw_panels(r, plot, &f, err);
	if (!rc)
		rc = draw_strips(r, plot, &f, err);
	plot_end(plot);
	marks_say(&f.marks, figure);
	marks_free(&f.marks);
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
	return judge_is_few(d) ? NAN : d->drift_ppm;
}

static double noise_of(const struct drift *d)
{
	return judge_is_few(d) ? NAN : d->residual_ns;
}

static double quiet_of(const struct drift *d)
{
	return d->residual_ns > 0 && !judge_is_few(d) ? 1 / d->residual_ns : NAN;
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
	size_t used = strlen(figure->takeaway);

	if (r->cpu_count > CPUS_SHOWN)
		snprintf(figure->takeaway + used, sizeof(figure->takeaway) - used,
			" Of %zu CPUs those with the lowest, median and highest drift are shown.",
			r->cpu_count);
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
