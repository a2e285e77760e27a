/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* All evidence over time, a small panel for each quantity. */
#include <errno.h>
#include <string.h>

#include "analysis/report_lanes.h"

/* Layout in px of the SVG. */
#define WIDTH	    1060
#define HEAD	    34
#define PANEL	    46
#define PANEL_TITLE 36 /* its name, and those of the phases */
#define PANEL_TICS  34
#define AXIS_NAME   18
#define FOOT	    10
#define LEFT	    78
#define RIGHT	    14
#define KEY_LEFT    12

#define PANELS_MAX 60

struct evidence_layout {
	struct timeline timeline;
	size_t panels, columns, rows;
	int key, height;
};

/* Both ends of the axis as tics, one where they read the same. */
static void value_tics(struct plot *plot, const struct lane *lane)
{
	struct axis axis = lane_axis(lane);
	struct formatted low = lane_value(axis.low, lane->unit);
	struct formatted high = lane_value(axis.high, lane->unit);

	fputs("set ytics (", plot->script);
	plot_tic_string(plot->script, low.text);
	fprintf(plot->script, " %.9g", axis.low);
	if (strcmp(low.text, high.text) != 0) {
		fputs(", ", plot->script);
		plot_tic_string(plot->script, high.text);
		fprintf(plot->script, " %.9g", axis.high);
	}
	fputs(") font 'sans-serif,10'\n", plot->script);
}

static void panel_frame(
	const struct report *r, struct plot *plot, const struct evidence_layout *l, size_t index)
{
	double width = (double)WIDTH / (double)l->columns, left = width * (double)(index % l->columns) + LEFT;
	double bottom =
		HEAD + (double)(index / l->columns + 1) * (PANEL_TITLE + PANEL + PANEL_TICS) - PANEL_TICS;

	plot_panel(plot, left, left + l->timeline.width_px, bottom - PANEL, bottom);
	fputs("unset label\nunset object\nunset xlabel\n", plot->script);
	if (index == 0) {
		plot_headline(plot, "Evidence of the disturbances");
		bands_key(r, plot, &l->timeline, KEY_LEFT, l->height - FOOT - l->key);
	}
	if (index + l->columns >= l->panels)
		fprintf(plot->script,
			"set xlabel 'time since the start (%s)' offset 0,0.5 textcolor rgb '#444444'\n",
			l->timeline.unit->name);
	bands_draw(r, plot, &l->timeline);
	bands_name(r, plot, &l->timeline);
}

static int draw_panel(
	const struct report *r, struct plot *plot, const struct evidence_layout *l, size_t index)
{
	const struct lane *lane = &r->lanes[index];
	char title[160], range[160];

	panel_frame(r, plot, l, index);
	lane_title(lane, title, sizeof(title));
	fputs("set label ", plot->script);
	plot_string(plot->script, title);
	fputs(" at graph 0,1 left offset 0,1.7 font 'sans-serif Bold,11' textcolor rgb '#222222'\n",
		plot->script);
	lane_range(lane, range, sizeof(range));
	fputs("set label ", plot->script);
	plot_string(plot->script, range);
	fputs(" at graph 1,1 right offset 0,1.7 font 'sans-serif,10' textcolor rgb '#777777'\n",
		plot->script);
	value_tics(plot, lane);
	lane_range_set(plot->script, lane);
	return lane_draw(r, plot, &l->timeline, lane);
}

int plot_evidence(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	struct evidence_layout l = { .panels = r->lane_count < PANELS_MAX ? r->lane_count : PANELS_MAX };
	int rc = 0;

	if (r->evidence_error.text[0]) {
		snprintf(figure->absent, sizeof(figure->absent), "There is no plot: %s.",
			r->evidence_error.text);
		return 0;
	}
	figure->none = r->lane_count == 0 || !(r->length_s > 0);
	if (figure->none)
		return 0;
	l.columns = l.panels > 1 ? 2 : 1;
	l.rows = (l.panels + l.columns - 1) / l.columns;
	l.timeline = (struct timeline){ .name = figure->name,
		.width_px = WIDTH / (double)l.columns - LEFT - RIGHT,
		.unit = format_axis_unit(r->length_s),
		.named = r->run->phase_count <= PHASES_SHOWN };
	l.key = bands_key_height(r, &l.timeline, WIDTH - KEY_LEFT - 10);
	l.height = HEAD + (int)l.rows * (PANEL_TITLE + PANEL + PANEL_TICS) + AXIS_NAME + l.key + FOOT;
	plot_begin(plot, figure->name, WIDTH, l.height);
	fprintf(plot->script, "set xrange [0:%.9g]\n", timeline_end(r, &l.timeline));
	for (size_t i = 0; i < l.panels && !rc; i++)
		rc = draw_panel(r, plot, &l, i);
	plot_end(plot);
	if (r->lane_count > l.panels)
		snprintf(figure->note, sizeof(figure->note), " The first %zu of %zu quantities are drawn.",
			l.panels, r->lane_count);
	return rc ? error_set(err, rc, "out of memory") : 0;
}
