/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Drift against what a read costs: a panel for each configuration, a symbol for each profile. */
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/matrix_parts.h"
#include "analysis/report_matrix_parts.h"

/* Layout in px of the SVG. */
#define WIDTH	1060
#define LEGEND	190
#define LEFT	96
#define HEAD	40
#define PANEL	220
#define GAP	78 /* tics and names below and between panels */
#define ACROSS	2
#define SYMBOLS 6

/* gnuplot's numbers of filled symbols; the same hollow is one less. */
static const int symbols[SYMBOLS] = { 7, 5, 9, 11, 13, 15 };

struct axes {
	double read_low, read_high, drift_low, drift_high;
};

static bool is_drawn(const struct matrix_choice *g)
{
	return isfinite(g->drift_ppm) && isfinite(g->half_ppm) && g->read_ns > 0;
}

/* The interval holds zero: all that is known is how large it is at most. */
static bool is_bound(const struct matrix_choice *g)
{
	return fabs(g->drift_ppm) <= g->half_ppm;
}

static double shown_drift(const struct matrix_choice *g)
{
	return is_bound(g) ? fabs(g->drift_ppm) + g->half_ppm : fabs(g->drift_ppm);
}

static struct axes axes_of(const struct matrix_result *r)
{
	struct axes a = { INFINITY, 0, INFINITY, 0 };

	for (size_t i = 0; i < r->choice_count; i++) {
		const struct matrix_choice *g = &r->choices[i];

		if (!is_drawn(g))
			continue;
		a.read_low = fmin(a.read_low, fmax(g->read_ns - g->read_half_ns, g->read_ns / 10));
		a.read_high = fmax(a.read_high, g->read_ns + g->read_half_ns);
		a.drift_low = fmin(a.drift_low, fmin(shown_drift(g), g->limit_ppm));
		a.drift_high = fmax(a.drift_high, fmax(fabs(g->drift_ppm) + g->half_ppm, g->limit_ppm));
	}
	a.read_low /= 1.5;
	a.read_high *= 1.5;
	a.drift_low /= 5;
	a.drift_high *= 3;
	return a;
}

static unsigned write_point(struct plot *plot, const struct axes *a, const struct matrix_choice *g)
{
	unsigned block = plot_block(plot,
		"%s, %s: read (ns), low, high; size of the drift (ppm), low, high; the interval holds zero",
		g->configuration, g->profile);

	fprintf(plot->data, "%.6g %.6g %.6g %.6g %.6g %.6g %d\n", g->read_ns,
		fmax(g->read_ns - g->read_half_ns, a->read_low), g->read_ns + g->read_half_ns, shown_drift(g),
		is_bound(g) ? a->drift_low : fmax(fabs(g->drift_ppm) - g->half_ppm, a->drift_low),
		fabs(g->drift_ppm) + g->half_ppm, is_bound(g));
	return block;
}

/* Bars first, so that the symbols are on top; a bound has an arrow down. */
static void draw_points(const struct matrix_report *m, struct plot *plot, const struct axes *a,
	const char *name, const char *configuration)
{
	const char *separator = "plot ";

	for (size_t i = 0; i < m->profile_count; i++) {
		const struct matrix_choice *g = matrix_choice_find(m->r, configuration, m->profiles[i]);
		unsigned block;

		if (!g || !is_drawn(g))
			continue;
		block = write_point(plot, a, g);
		fprintf(plot->script,
			"%s'%s.dat' index %u using 1:4:2:3:5:6 with xyerrorbars pointtype -1 linewidth "
			"1.3 linecolor rgb '%s' notitle",
			separator, name, block, plot_colour(i));
		separator = ", \\\n     ";
		fprintf(plot->script,
			"%s'%s.dat' index %u using 1:4 with points pointtype %d pointsize 1.3 linewidth "
			"1.8 linecolor rgb '%s' notitle",
			separator, name, block, symbols[i % SYMBOLS] - is_bound(g), plot_colour(i));
	}
	if (separator[0] == 'p')
		fputs("set label 'no drift and read cost to draw' at graph 0.5,0.6 center textcolor rgb "
		      "'#57606a'\n"
		      "plot NaN notitle",
			plot->script);
	fputc('\n', plot->script);
}

static void draw_limit(const struct matrix_result *r, struct plot *plot, const struct axes *a)
{
	double limit = NAN;

	for (size_t i = 0; i < r->choice_count; i++)
		if (isfinite(r->choices[i].limit_ppm))
			limit = r->choices[i].limit_ppm;
	fprintf(plot->script,
		"set object rectangle from graph 0,first %.6g to graph 1,first %.6g fillstyle solid 1 "
		"noborder "
		"fillcolor rgb '#eef7f3' behind\n"
		"set arrow from graph 0,first %.6g to graph 1,first %.6g nohead linecolor rgb '#0b6b4f' "
		"dashtype "
		"(6,3) linewidth 1.2\nset label 'limit %s' at graph 0.99,first %.6g right offset 0,0.6 "
		"textcolor "
		"rgb '#0b6b4f' font 'sans-serif,11'\n",
		a->drift_low, limit, limit, limit, format_ppm(limit).text, limit);
}

static void drift_tics(FILE *script, double low, double high)
{
	int from = (int)floor(log10(low)), to = (int)ceil(log10(high));

	fputs("set logscale y\nset mytics 10\nset ytics (", script);
	for (int e = from; e <= to; e++)
		fprintf(script, "%s'%s' 1e%d", e == from ? "" : ", ", format_ppm(pow(10, e)).text, e);
	fprintf(script, ")\nset yrange [%.6g:%.6g]\n", low, high);
}

static void draw_panel(const struct matrix_report *m, struct plot *plot, const struct axes *a,
	const char *name, size_t index)
{
	double width = (WIDTH - LEGEND - LEFT - (ACROSS - 1) * LEFT) / (double)ACROSS;
	double left = LEFT + (double)(index % ACROSS) * (width + LEFT);
	double top = HEAD + 22 + (double)(index / ACROSS) * (PANEL + GAP);

	plot_panel(plot, left, left + width, top, top + PANEL);
	plot_time_tics(plot->script, a->read_low, a->read_high);
	drift_tics(plot->script, a->drift_low, a->drift_high);
	fputs("set xlabel 'cost of a clock_gettime' offset 0,0.4 textcolor rgb '#444444'\n", plot->script);
	if (index % ACROSS == 0)
		fputs("set ylabel 'size of the drift' offset 1,0 textcolor rgb '#444444'\n", plot->script);
	else
		fputs("unset ylabel\n", plot->script);
	draw_limit(m->r, plot, a);
	fputs("set label ", plot->script);
	plot_string(plot->script, m->r->advice[index].configuration);
	fputs(" at graph 0,1 left offset 0,0.7 font 'sans-serif Bold,12' textcolor rgb '#222222'\n",
		plot->script);
	draw_points(m, plot, a, name, m->r->advice[index].configuration);
	fputs("unset label\nunset arrow\nunset object\n", plot->script);
}

/* Of its own, and not of a panel: a profile need not be in each of them. */
static void draw_legend(const struct matrix_report *m, struct plot *plot)
{
	plot_panel(plot, WIDTH - LEGEND + 8, WIDTH - 8, HEAD + 22, HEAD + 22 + PANEL);
	fputs("unset logscale\nunset border\nunset tics\nunset grid\nunset xlabel\nunset ylabel\nset xrange "
	      "[0:1]\n"
	      "set yrange [0:1]\n",
		plot->script);
	plot_key_beside(plot, WIDTH - LEGEND + 8, HEAD + 14);
	for (size_t i = 0; i < m->profile_count; i++) {
		fprintf(plot->script,
			"%sNaN with points pointtype %d pointsize 1.3 linewidth 1.8 linecolor rgb '%s' "
			"title ",
			i ? ", \\\n     " : "plot ", symbols[i % SYMBOLS], plot_colour(i));
		plot_string(plot->script, m->profiles[i]);
	}
	fputc('\n', plot->script);
}

/* Of those that fail the one with the cheapest read, where it is cheaper than the recommended one; or NULL. */
static const struct matrix_choice *cheaper_failure(
	const struct matrix_result *r, const struct matrix_advice *a, const struct matrix_choice *chosen)
{
	const struct matrix_choice *cheapest = NULL;

	for (int i = a->first; i < a->end; i++) {
		const struct matrix_choice *g = &r->choices[i];

		if (is_drawn(g) && strcmp(g->role, "fails") == 0 && g->read_ns < chosen->read_ns &&
			(!cheapest || g->read_ns < cheapest->read_ns))
			cheapest = g;
	}
	return cheapest;
}

/* The first configuration stands for all where stability has a price. */
static void say_tradeoff(const struct matrix_result *r, struct figure *figure)
{
	for (size_t i = 0; i < r->advice_count; i++) {
		const struct matrix_choice *chosen =
			r->advice[i].choice >= 0 ? &r->choices[r->advice[i].choice] : NULL;
		const struct matrix_choice *cheap =
			chosen && is_drawn(chosen) ? cheaper_failure(r, &r->advice[i], chosen) : NULL;

		if (!cheap)
			continue;
		snprintf(figure->takeaway, sizeof(figure->takeaway),
			"%s: with %s a read costs %s, and the clock drifts %s; with %s, which is stable, it "
			"costs %s, "
			"%.2g times as much.",
			chosen->configuration, cheap->profile, format_ns(cheap->read_ns).text,
			matrix_drift_words(cheap->drift_ppm, cheap->half_ppm).text, chosen->profile,
			format_ns(chosen->read_ns).text, chosen->read_ns / cheap->read_ns);
		return;
	}
	strcpy(figure->takeaway, "Where a profile is stable no cheaper one fails.");
}

int plot_matrix_tradeoff(const void *context, struct plot *plot, struct figure *figure, struct error *err)
{
	const struct matrix_report *m = context;
	struct axes a = axes_of(m->r);
	size_t rows = (m->r->advice_count + ACROSS - 1) / ACROSS;
	int height = HEAD + (PANEL + GAP) * (int)rows + 10;

	(void)err;
	if (!isfinite(a.read_low)) {
		strcpy(figure->absent, "There is no plot: no cell has a drift and a read cost.");
		return 0;
	}
	if (height < HEAD + 40 + 20 * (int)m->profile_count)
		height = HEAD + 40 + 20 * (int)m->profile_count;
	plot_begin(plot, figure->name, WIDTH, height);
	plot_headline(plot, "Size of the drift against the cost of a read: the lower left corner is best");
	for (size_t i = 0; i < m->r->advice_count; i++)
		draw_panel(m, plot, &a, figure->name, i);
	draw_legend(m, plot);
	plot_end(plot);
	say_tradeoff(m->r, figure);
	return 0;
}
