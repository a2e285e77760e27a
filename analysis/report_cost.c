/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a reading costs: the width of its bracket less that of an empty one, and how widths are distributed. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/read_cost.h"
#include "analysis/report_envelope.h"
#include "analysis/report_parts.h"
#include "results/histogram.h"
#include "results/units.h"

/* Layout in px of the SVG. */
#define WIDTH  1060
#define HEAD   36
#define ROW    26
#define NAMES  150 /* left of the axis */
#define VALUES 210 /* right of it */
#define TICS   48
#define LEFT   76
#define LEGEND 200
#define PANEL  300

/* Bracket widths of one clock, all CPUs and phases together. */
struct widths {
	const char *clock;
	size_t colour;
	struct histogram histogram;
	double p10_ns, median_ns, p90_ns, p999_ns;
};

struct widths_list {
	struct widths *list; /* owned; only clocks with readings */
	size_t count;
	bool stored_only; /* some clock has no tally: stored readings, the narrowest of each burst, stand in */
};

static double quantile_ns(const struct report *r, const struct histogram *h, double q)
{
	return cycles_to_ns((double)histogram_quantile(h, q), r->run->tsc_hz);
}

static int widths_collect(const struct report *r, struct widths_list *all, struct error *err)
{
	*all = (struct widths_list){ .list = calloc(r->run->clock_count + 1, sizeof(*all->list)) };
	if (!all->list)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < r->run->clock_count; i++) {
		struct widths *w = &all->list[all->count];

		*w = (struct widths){ .clock = r->run->clocks[i].name, .colour = i };
		all->stored_only |= read_cost_widths(r->run, r->samples, (unsigned)i, &w->histogram);
		if (w->histogram.total == 0)
			continue;
		w->p10_ns = quantile_ns(r, &w->histogram, 0.1);
		w->median_ns = quantile_ns(r, &w->histogram, 0.5);
		w->p90_ns = quantile_ns(r, &w->histogram, 0.9);
		w->p999_ns = quantile_ns(r, &w->histogram, 0.999);
		all->count++;
	}
	return 0;
}

static int by_median(const void *a, const void *b)
{
	const struct widths *x = a, *y = b;

	return (x->median_ns > y->median_ns) - (x->median_ns < y->median_ns);
}

/* The axis starts here, where zero would be without a logarithm. */
#define COST_FLOOR_NS 1.0

static double at_least_floor(double ns)
{
	return fmax(ns, COST_FLOOR_NS);
}

static void draw_cost_rows(const struct widths_list *all, struct plot *plot, double null_ns)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct widths *w = &all->list[i];
		char words[160];

		fprintf(plot->data, "%zu %.6g %.6g %.6g\n", i, at_least_floor(w->median_ns - null_ns),
			at_least_floor(w->p10_ns - null_ns), at_least_floor(w->p90_ns - null_ns));
		snprintf(words, sizeof(words), "%s", format_ns(w->median_ns - null_ns).text);
		fputs("set label ", plot->script);
		plot_string(plot->script, words);
		fprintf(plot->script,
			" at graph 1,first %zu left offset 1.5,0 font 'sans-serif Bold,12' textcolor rgb "
			"'#222222'\n",
			i);
		snprintf(words, sizeof(words), "%s to %s", format_ns(w->p10_ns - null_ns).text,
			format_ns(w->p90_ns - null_ns).text);
		fputs("set label ", plot->script);
		plot_string(plot->script, words);
		fprintf(plot->script, " at graph 1,first %zu left offset 9.5,0 textcolor rgb '#777777'\n", i);
	}
}

static void draw_cost(const struct widths_list *all, struct plot *plot, const char *name, double null_ns)
{
	double high = 0, low = INFINITY;

	for (size_t i = 0; i < all->count; i++) {
		high = fmax(high, at_least_floor(all->list[i].p90_ns - null_ns));
		low = fmin(low, at_least_floor(all->list[i].p10_ns - null_ns));
	}
	plot_panel(plot, NAMES, WIDTH - VALUES, HEAD, plot->height - TICS);
	plot_headline(plot, null_ns > 0 ? "Read cost: median, 10 % to 90 %, less an empty bracket"
					: "Read cost: median, 10 % to 90 %, empty bracket included");
	plot_time_tics(plot->script, low / 1.5, high * 1.5);
	plot_block(plot, "row, median, 10 %%, 90 %% (ns)");
	draw_cost_rows(all, plot, null_ns);
	fputs("set ytics scale 0 textcolor rgb '#222222' (", plot->script);
	for (size_t i = 0; i < all->count; i++) {
		fputs(i ? ", " : "", plot->script);
		plot_tic_string(plot->script, all->list[i].clock);
		fprintf(plot->script, " %zu", i);
	}
	fprintf(plot->script,
		")\nset grid noytics\nset yrange [%.1f:-0.6]\nset xlabel 'time' offset 0,0.4 textcolor rgb "
		"'#444444'\n"
		"plot '%s.dat' index 0 using 2:1:3:4 with xerrorbars pointtype 7 pointsize 0.8 linewidth 1.6 "
		"linecolor rgb '%s' notitle\n",
		(double)all->count - 0.4, name, plot_colour(0));
}

int plot_cost(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	double null_ns = read_cost_null_ns(r->run);
	struct widths_list all;
	int rc = widths_collect(r, &all, err);

	if (rc)
		return rc;
	if (all.count) {
		const struct widths *first = all.list, *last = all.list + all.count - 1;

		qsort(all.list, all.count, sizeof(*all.list), by_median);
		plot_begin(plot, figure->name, WIDTH, HEAD + TICS + ROW * (int)(all.count + 1));
		draw_cost(&all, plot, figure->name, null_ns);
		plot_end(plot);
		snprintf(figure->takeaway, sizeof(figure->takeaway),
			"Cheapest: %s, %s. Dearest: %s, %s.%s%s%s", first->clock,
			format_ns(first->median_ns - null_ns).text, last->clock,
			format_ns(last->median_ns - null_ns).text, null_ns > 0 ? " The empty bracket, " : "",
			null_ns > 0 ? format_ns(null_ns).text : "",
			null_ns > 0 ? ", is taken off."
				    : " The width of an empty bracket is not known and is part of the cost.");
	} else {
		strcpy(figure->absent, "There is no plot: no clock was read.");
	}
	free(all.list);
	return 0;
}

/* The axis ends below the rarest reading. */
static double least_share(const struct widths_list *all)
{
	double least = 1;

	for (size_t i = 0; i < all->count; i++)
		least = fmin(least, 0.8 / (double)all->list[i].histogram.total);
	return least;
}

/* Share of readings at least as wide as each bucket; behind the widest it falls to the axis. */
static void write_tail(const struct report *r, struct plot *plot, const struct histogram *h, double least)
{
	uint64_t left = h->total;
	double width_ns = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->count[i])
			continue;
		width_ns = cycles_to_ns(fmax(1, (double)histogram_bucket_low(i)), r->run->tsc_hz);
		fprintf(plot->data, "%.6g %.6g\n", width_ns, (double)left / (double)h->total);
		left -= h->count[i];
	}
	fprintf(plot->data, "%.6g %.6g\n", width_ns, least);
}

static void draw_tails(
	const struct report *r, const struct widths_list *all, struct plot *plot, const char *name)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct widths *w = &all->list[i];
		unsigned block =
			plot_block(plot, "%s: width (ns), share of readings at least as wide", w->clock);

		write_tail(r, plot, &w->histogram, least_share(all));
		fprintf(plot->script,
			"%s'%s.dat' index %u using 1:2 with lines linewidth 1.5 dashtype %s linecolor rgb "
			"'%s' title ",
			i ? ", \\\n     " : "plot ", name, block, w->colour >= COLOURS ? "(6,3)" : "solid",
			plot_colour(w->colour));
		plot_string(plot->script, w->clock);
	}
	fputc('\n', plot->script);
}

static void tail_axes(const struct report *r, const struct widths_list *all, struct plot *plot)
{
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < all->count; i++) {
		low = fmin(low, quantile_ns(r, &all->list[i].histogram, 0));
		high = fmax(high, quantile_ns(r, &all->list[i].histogram, 1));
	}
	low = fmax(low, cycles_to_ns(1, r->run->tsc_hz));
	plot_time_tics(plot->script, low / 1.3, fmax(low, high) * 1.3);
	fputs("set logscale y\nset mytics 10\n"
	      "set ytics ('100 %%' 1, '10 %%' 0.1, '1 %%' 0.01, '0.1 %%' 1e-3, '1 in 10⁴' 1e-4, "
	      "'1 in 10⁵' 1e-5, '1 in 10⁶' 1e-6, '1 in 10⁷' 1e-7, '1 in 10⁸' 1e-8, '1 in 10⁹' 1e-9)\n"
	      "set xlabel 'width of the bracket' offset 0,0.4 textcolor rgb '#444444'\n",
		plot->script);
	fprintf(plot->script, "set yrange [%.3g:1.3]\n", least_share(all));
	plot_key_beside(plot, WIDTH - LEGEND + 8, HEAD + 10);
}

static void say_tail(const struct widths_list *all, struct figure *figure)
{
	const struct widths *widest = all->list;

	for (size_t i = 1; i < all->count; i++)
		if (all->list[i].p999_ns > widest->p999_ns)
			widest = &all->list[i];
	snprintf(figure->takeaway, sizeof(figure->takeaway),
		"Longest tail: %s, %s %s, against a median of %s.%s", widest->clock,
		format_ns(widest->p999_ns).text,
		widest->histogram.total >= 1000 ? "or more for 1 in 1000 readings" : "at most",
		format_ns(widest->median_ns).text,
		all->stored_only
			? " Where not all readings of a burst were counted, the stored ones are shown."
			: "");
}

int plot_brackets(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	struct widths_list all;
	int rc = widths_collect(r, &all, err);

	if (rc)
		return rc;
	if (all.count) {
		plot_begin(plot, figure->name, WIDTH, HEAD + PANEL + TICS);
		plot_panel(plot, LEFT, WIDTH - LEGEND, HEAD, HEAD + PANEL);
		plot_headline(plot, "Share of readings whose bracket is at least this wide");
		tail_axes(r, &all, plot);
		draw_tails(r, &all, plot, figure->name);
		plot_end(plot);
		say_tail(&all, figure);
	} else {
		strcpy(figure->absent, "There is no plot: no clock was read.");
	}
	free(all.list);
	return 0;
}
