/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Heat map of a matrix: a column for each configuration, a row for each profile. */
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_matrix_parts.h"

/* Layout in px of the SVG. */
#define WIDTH	1060
#define NAMES	150
#define HEAD	66 /* title, and the configurations' names */
#define ROW	60
#define COLUMN	128 /* at least */
#define LETTER	6.6 /* of 12 px text, in the mean */
#define GROUNDS 4

/* Blue-green against vermilion, which the colour-blind tell apart, and each darker than the next; the mark says the same. */
static const struct {
	const char *class, *ground, *ink;
} grounds[GROUNDS] = {
	{ "stable", "#c3e6da", "#0b5c45" },
	{ "unstable", "#f0a582", "#7a1f0c" },
	{ "inconclusive", "#fbeeb8", "#6b4700" },
	{ "none", "#ececec", "#57606a" },
};

static size_t ground_of(const char *status)
{
	const char *class = matrix_class(status);
	size_t i = 0;

	while (i + 1 < GROUNDS && strcmp(grounds[i].class, class) != 0)
		i++;
	return i;
}

/* In units of cells: x to the right, y down, from the cell's upper left corner. */
static void label(
	struct plot *plot, double x, double y, const char *font, const char *colour, const char *text)
{
	fputs("set label ", plot->script);
	plot_string(plot->script, text);
	fprintf(plot->script, " at first %.3f,%.3f center font 'sans-serif%s' textcolor rgb '%s' front\n", x,
		y, font, colour);
}

/* What does not fit is cut. */
static void fit(char *text, double width_px)
{
	size_t most = (size_t)(width_px / LETTER), seen = 0;

	for (char *c = text; *c; c++) {
		seen += ((unsigned char)*c & 0xc0) != 0x80;
		if (seen > most) {
			strcpy(c - (c - text >= 3 ? 3 : 0), "…");
			return;
		}
	}
}

/* What is special about it; NULL: nothing. */
static const char *third_line(const struct matrix_choice *g)
{
	static const char *const lines[][2] = { { "recommended", "★ least intrusive" },
		{ "as good", "as good" }, { "inert", "did nothing" } };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strcmp(g->role, lines[i][0]) == 0)
			return lines[i][1];
	return NULL;
}

static void cell_words(struct plot *plot, const struct matrix_choice *g, double x, double y, double width_px)
{
	const char *ink = grounds[ground_of(g->status)].ink;
	const char *third = third_line(g);
	double half = g->half_ppm;
	char text[160], *sign;

	if (g->worst < 0) {
		label(plot, x + 0.5, y + 0.5, " Bold,13", ink, "– no result");
		return;
	}
	snprintf(text, sizeof(text), "%s %s", matrix_mark(g->status),
		format_drift(g->drift_ppm, g->drift_ppm - half, g->drift_ppm + half).text);
	sign = strstr(text, " ±");
	if (sign && width_px < 150) {
		/* The unit stays with the number. */
		char shorter[160], *unit = strrchr(text, ' ');

		snprintf(shorter, sizeof(shorter), "%.*s%s", (int)(sign - text), text, unit ? unit : "");
		strcpy(text, shorter);
	}
	label(plot, x + 0.5, y + (third ? 0.26 : 0.36), " Bold,13", ink, text);
	snprintf(text, sizeof(text), "%s%s%s", g->clocksource, isfinite(g->read_ns) ? ", " : "",
		isfinite(g->read_ns) ? format_ns(g->read_ns).text : "");
	fit(text, width_px - 8);
	label(plot, x + 0.5, y + (third ? 0.52 : 0.66), ",11", "#333333", text);
	if (third)
		label(plot, x + 0.5, y + 0.77, *g->role == 'r' ? " Bold,11" : ",11", "#222222", third);
}

static void ground(struct plot *plot, const struct matrix_choice *g, double x, double y)
{
	bool chosen = g && strcmp(g->role, "recommended") == 0;

	fprintf(plot->script,
		"set object rectangle from first %.3f,%.3f to first %.3f,%.3f fillstyle %s border linecolor "
		"rgb "
		"'%s' linewidth 1 fillcolor rgb '%s' behind\n",
		x + 0.012, y + 0.03, x + 0.988, y + 0.97, g && g->worst < 0 ? "pattern 4" : "solid 1",
		g ? "#ffffff" : "#ececec",
		g ? (g->worst < 0 ? "#c4c4c4" : grounds[ground_of(g->status)].ground) : "#ffffff");
	if (chosen)
		fprintf(plot->script,
			"set object rectangle from first %.3f,%.3f to first %.3f,%.3f fillstyle empty border "
			"linecolor rgb '#0b5c45' linewidth 3 front\n",
			x + 0.02, y + 0.05, x + 0.98, y + 0.95);
	if (g && g->worst < 0)
		fprintf(plot->script,
			"set object rectangle from first %.3f,%.3f to first %.3f,%.3f fillstyle solid 1 "
			"noborder "
			"fillcolor rgb '#ffffff' front\n",
			x + 0.2, y + 0.34, x + 0.8, y + 0.66);
}

static void draw_column(const struct matrix_report *m, struct plot *plot, size_t column, double width_px)
{
	const char *name = m->r->advice[column].configuration;
	char text[64];

	snprintf(text, sizeof(text), "%s", name);
	fit(text, width_px);
	fputs("set label ", plot->script);
	plot_string(plot->script, text);
	fprintf(plot->script,
		" at first %.3f,graph 1 offset 0,0.7 center font 'sans-serif Bold,12' textcolor rgb "
		"'#222222'\n",
		(double)column + 0.5);
	for (size_t row = 0; row < m->profile_count; row++) {
		const struct matrix_choice *g = matrix_choice_find(m->r, name, m->profiles[row]);

		ground(plot, g, (double)column, (double)row);
		if (!g)
			continue;
		cell_words(plot, g, (double)column, (double)row, width_px);
		fprintf(plot->data, "%zu %zu %.15g %.15g \"%s\" \"%s\" \"%s\"\n", column, row, g->drift_ppm,
			g->half_ppm, g->status, g->configuration, g->profile);
	}
}

static void say_map(const struct matrix_result *r, struct figure *figure)
{
	size_t stable = 0, unstable = 0, open = 0, none = 0;

	for (size_t i = 0; i < r->choice_count; i++) {
		const char *status = r->choices[i].status;

		stable += strcmp(status, "stable") == 0;
		unstable += strcmp(status, "unstable") == 0;
		open += strcmp(status, "inconclusive") == 0;
		none += strcmp(status, MATRIX_NO_RESULT) == 0;
	}
	snprintf(figure->takeaway, sizeof(figure->takeaway),
		"Of %zu pairs of configuration and profile %zu are stable, %zu unstable, %zu inconclusive, "
		"%zu "
		"without a result.",
		r->choice_count, stable, unstable, open, none);
}

int plot_matrix_map(const void *context, struct plot *plot, struct figure *figure, struct error *err)
{
	const struct matrix_report *m = context;
	size_t columns = m->r->advice_count;
	int width = (int)fmax(WIDTH, NAMES + COLUMN * (double)columns + 12);
	double column_px = (width - NAMES - 12) / fmax(1, (double)columns);

	(void)err;
	if (!m->r->choice_count) {
		strcpy(figure->absent, "There is no map: the matrix has no cells.");
		return 0;
	}
	plot_begin(plot, figure->name, width, HEAD + ROW * (int)m->profile_count + 12);
	plot_headline(plot,
		"Drift of what programs get, against the host: ✓ stable, ✗ unstable, ? inconclusive, – no "
		"result");
	plot_panel(plot, NAMES, width - 12, HEAD, plot->height - 12);
	plot_block(
		plot, "column, row, drift (ppm), half its interval (ppm), verdict, configuration, profile");
	for (size_t i = 0; i < columns; i++)
		draw_column(m, plot, i, column_px);
	fputs("unset border\nunset grid\nunset xtics\nset ytics scale 0 font 'sans-serif Bold,12' textcolor "
	      "rgb "
	      "'#222222' (",
		plot->script);
	for (size_t i = 0; i < m->profile_count; i++) {
		fputs(i ? ", " : "", plot->script);
		plot_tic_string(plot->script, m->profiles[i]);
		fprintf(plot->script, " %.1f", (double)i + 0.5);
	}
	fprintf(plot->script, ")\nset xrange [0:%zu]\nset yrange [%zu:0]\nplot NaN notitle\n", columns,
		m->profile_count);
	plot_end(plot);
	say_map(m->r, figure);
	return 0;
}
