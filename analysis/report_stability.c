/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Overlapping Allan deviation with intervals, and the modified one: one panel per phase, one curve per clock. */
#include <math.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_envelope.h"
#include "analysis/report_parts.h"
#include "results/units.h"

/* Layout in px of the SVG. */
#define WIDTH	    1060
#define LEGEND	    200
#define HEAD	    36
#define PANEL_ALONE 360
#define PANEL	    260
#define PANEL_TITLE 24
#define PANEL_TICS  30
#define FOOT	    20
#define LEFT	    66
#define RIGHT	    12

#define KEY_ROW 18.5 /* of the legend */

#define PHASES_SHOWN 6
#define ASIDE	     1.025 /* factor on tau between clocks: bars of one do not hide another's */

static bool drawable(const struct stability *s)
{
	return s->oadev > 0 && isfinite(s->oadev) && s->tau_s > 0;
}

static bool in_phase(const struct stability *s, const char *phase)
{
	return strcmp(s->phase, phase) == 0 && drawable(s);
}

/* The CPU on which that clock is least steady at the longest averaging time; -1: nowhere known. */
static int worst_cpu(const struct report *r, const char *clock)
{
	const struct stability *worst = NULL;

	for (size_t i = 0; i < r->estimates->stability_count; i++) {
		const struct stability *s = &r->estimates->stability[i];

		if (strcmp(s->clock, clock) != 0 || !drawable(s))
			continue;
		if (!worst || s->tau_s > worst->tau_s ||
			(s->tau_s == worst->tau_s && s->oadev > worst->oadev))
			worst = s;
	}
	return worst ? worst->cpu : -1;
}

static bool phase_drawable(const struct report *r, const char *phase)
{
	for (size_t i = 0; i < r->estimates->stability_count; i++)
		if (in_phase(&r->estimates->stability[i], phase))
			return true;
	return false;
}

static double low_end(const struct stability *s)
{
	return s->oadev_low > 0 ? s->oadev_low : s->oadev;
}

static double high_end(const struct stability *s)
{
	return isfinite(s->oadev_high) && s->oadev_high > 0 ? s->oadev_high : s->oadev;
}

/* Axes that all panels share, so that phases can be compared. */
static void ranges(const struct report *r, struct axis *tau, struct axis *deviation)
{
	*tau = *deviation = (struct axis){ INFINITY, 0 };
	for (size_t i = 0; i < r->estimates->stability_count; i++) {
		const struct stability *s = &r->estimates->stability[i];

		if (!drawable(s))
			continue;
		tau->low = fmin(tau->low, s->tau_s);
		tau->high = fmax(tau->high, s->tau_s);
		deviation->low = fmin(deviation->low, low_end(s));
		deviation->high = fmax(deviation->high, high_end(s));
		if (s->mdev > 0)
			deviation->low = fmin(deviation->low, s->mdev);
	}
	tau->low /= 1.3;
	tau->high *= 1.6;
	deviation->low /= 1.5;
	deviation->high *= 1.5;
}

/* Returns how many points there are. */
static size_t write_curve(const struct report *r, struct plot *plot, const char *clock, int cpu,
	const char *phase, double aside)
{
	size_t count = 0;

	for (size_t i = 0; i < r->estimates->stability_count; i++) {
		const struct stability *s = &r->estimates->stability[i];

		if (s->cpu != cpu || strcmp(s->clock, clock) != 0 || !in_phase(s, phase))
			continue;
		fprintf(plot->data, "%.9g %.6g %.6g %.6g ", s->tau_s * aside, s->oadev, low_end(s),
			high_end(s));
		if (s->mdev > 0)
			fprintf(plot->data, "%.6g\n", s->mdev);
		else
			fputs("NaN\n", plot->data);
		count++;
	}
	return count;
}

/* When the colours are used up they begin again, with another symbol. */
static int symbol(size_t index)
{
	static const int symbols[] = { 7, 4, 8, 12 }; /* dot, square, triangle, diamond of gnuplot */

	return symbols[index / COLOURS % (sizeof(symbols) / sizeof(*symbols))];
}

static double symbol_size(size_t index)
{
	return index < COLOURS ? 0.4 : 0.7;
}

static void draw_curve(struct plot *plot, const char *name, unsigned block, size_t index, bool *first)
{
	fprintf(plot->script,
		"%s'%s.dat' index %u using ($1*1e9):2:3:4 with yerrorlines pointtype %d pointsize "
		"%.1f linewidth 1.3 linecolor rgb '%s' notitle",
		*first ? "plot " : ", \\\n     ", name, block, symbol(index), symbol_size(index),
		plot_colour(index));
	fprintf(plot->script,
		", \\\n     '' index %u using ($1*1e9):5 with lines linewidth 1 dashtype (5,4) linecolor rgb "
		"'%s' "
		"notitle",
		block, plot_colour(index));
	*first = false;
}

static void draw_legend(const struct report *r, struct plot *plot)
{
	for (size_t i = 0; i < r->clock_count; i++) {
		const char *clock = r->run->clocks[r->clocks[i]].name;
		int cpu = worst_cpu(r, clock);
		char entry[80];

		if (cpu < 0)
			continue;
		if (r->cpu_count > 1)
			snprintf(entry, sizeof(entry), "%s, CPU %d", clock, cpu);
		else
			snprintf(entry, sizeof(entry), "%s", clock);
		fprintf(plot->script,
			", \\\n     keyentry with linespoints pointtype %d pointsize %.1f linewidth 2 "
			"linecolor "
			"rgb '%s' title ",
			symbol((size_t)r->clocks[i]), symbol_size((size_t)r->clocks[i]) * 1.5,
			plot_colour((size_t)r->clocks[i]));
		plot_string(plot->script, entry);
	}
	fputs(", \\\n     keyentry with lines linewidth 1 linecolor rgb '#444444' title 'OADEV, 95 %'"
	      ", \\\n     keyentry with lines linewidth 1 dashtype (5,4) linecolor rgb '#444444' title "
	      "'MDEV'",
		plot->script);
}

static void draw_panel(const struct report *r, struct plot *plot, const char *name, const char *phase)
{
	bool first = true;

	for (size_t i = 0; i < r->clock_count; i++) {
		const char *clock = r->run->clocks[r->clocks[i]].name;
		double aside = pow(ASIDE, (double)i - ((double)r->clock_count - 1) / 2);
		int cpu = worst_cpu(r, clock);
		unsigned block;

		if (cpu < 0)
			continue;
		block = plot_block(plot,
			"%s against %s on CPU %d in phase %s: tau_s * %.4f, OADEV, low and high end "
			"of 95 %%, MDEV",
			clock, r->reference_name, cpu, phase, aside);
		if (write_curve(r, plot, clock, cpu, phase, aside))
			draw_curve(plot, name, block, (size_t)r->clocks[i], &first);
	}
	fputs(first ? "plot NaN notitle" : "", plot->script);
}

/* Compares the clocks at the longest averaging time that all of them reach. */
static void say_extremes(const struct report *r, struct figure *figure)
{
	const struct stability *best = NULL, *worst = NULL;
	double common = INFINITY;

	for (size_t i = 0; i < r->clock_count; i++) {
		double reach = 0;

		for (size_t k = 0; k < r->estimates->stability_count; k++) {
			const struct stability *s = &r->estimates->stability[k];

			if (drawable(s) && strcmp(s->clock, r->run->clocks[r->clocks[i]].name) == 0)
				reach = fmax(reach, s->tau_s);
		}
		if (reach > 0)
			common = fmin(common, reach);
	}
	for (size_t k = 0; k < r->estimates->stability_count; k++) {
		const struct stability *s = &r->estimates->stability[k];

		if (!drawable(s) || fabs(s->tau_s / common - 1) > 0.1)
			continue;
		if (!best || s->oadev < best->oadev)
			best = s;
		if (!worst || s->oadev > worst->oadev)
			worst = s;
	}
	if (!best)
		return;
	snprintf(figure->takeaway, sizeof(figure->takeaway),
		"Averaged over %s, %s is steadiest (%s on CPU %d), %s least steady (%s on CPU %d).",
		format_ns(best->tau_s * (double)NS_PER_SEC).text, best->clock,
		format_ppm(best->oadev * PPM_PER_ONE).text, best->cpu, worst->clock,
		format_ppm(worst->oadev * PPM_PER_ONE).text, worst->cpu);
	if (best == worst)
		snprintf(figure->takeaway, sizeof(figure->takeaway),
			"Averaged over %s, the rate of %s varies by %s.",
			format_ns(best->tau_s * (double)NS_PER_SEC).text, best->clock,
			format_ppm(best->oadev * PPM_PER_ONE).text);
	else if (strcmp(best->clock, worst->clock) == 0)
		snprintf(figure->takeaway, sizeof(figure->takeaway),
			"Averaged over %s, the rate of %s varies by %s to %s.",
			format_ns(best->tau_s * (double)NS_PER_SEC).text, best->clock,
			format_ppm(best->oadev * PPM_PER_ONE).text,
			format_ppm(worst->oadev * PPM_PER_ONE).text);
}

static void draw_panels(
	const struct report *r, struct plot *plot, const char *name, const char *const *phases, size_t count)
{
	size_t columns = count > 1 ? 2 : 1;
	double width = (double)(WIDTH - LEGEND) / (double)columns;
	int height = count > 1 ? PANEL : PANEL_ALONE;

	for (size_t i = 0; i < count; i++) {
		double left = width * (double)(i % columns) + LEFT;
		double bottom =
			HEAD + (double)(i / columns + 1) * (PANEL_TITLE + height + PANEL_TICS) - PANEL_TICS;

		plot_panel(plot, left, left + width - LEFT - RIGHT, bottom - height, bottom);
		fputs("unset label\n", plot->script);
		if (i == 0)
			plot_headline(plot, "Allan deviation");
		fprintf(plot->script, "set xlabel '%s' offset 0,0.5 textcolor rgb '#444444'\n",
			i + columns >= count ? "averaging time τ" : "");
		if (count > 1) {
			fputs("set label ", plot->script);
			plot_string(plot->script, phases[i]);
			fputs(" at graph 0,1 left offset 0,0.7 font 'sans-serif Bold,12' textcolor rgb "
			      "'#222222'\n",
				plot->script);
		}
		draw_panel(r, plot, name, phases[i]);
		if (i == 0)
			draw_legend(r, plot);
		fputs("\nunset key\n", plot->script);
	}
}

int plot_stability(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	const char *phases[PHASES_SHOWN];
	size_t count = 0, more = 0, rows;
	struct axis tau, deviation;
	int height, legend;

	(void)err;
	for (size_t i = 0; i < r->run->phase_count; i++) {
		if (!phase_drawable(r, r->run->phases[i].name))
			continue;
		if (count < PHASES_SHOWN)
			phases[count++] = r->run->phases[i].name;
		else
			more++;
	}
	if (count == 0) {
		strcpy(figure->absent,
			"There is no plot: no series is long and even enough for stability statistics.");
		return 0;
	}
	rows = (count + 1) / 2;
	height = HEAD + FOOT + (int)rows * (PANEL_TITLE + PANEL_TICS + (count > 1 ? PANEL : PANEL_ALONE));
	legend = HEAD + PANEL_TITLE + FOOT + (int)(KEY_ROW * (double)(r->clock_count + 2));
	height = height > legend ? height : legend;
	ranges(r, &tau, &deviation);
	plot_begin(plot, figure->name, WIDTH, height);
	plot_time_tics(plot->script, tau.low * (double)NS_PER_SEC, tau.high * (double)NS_PER_SEC);
	plot_log_tics(plot->script, deviation.low, deviation.high);
	plot_key_beside(plot, WIDTH - LEGEND + 8, HEAD + PANEL_TITLE);
	draw_panels(r, plot, figure->name, phases, count);
	plot_end(plot);
	say_extremes(r, figure);
	if (more)
		snprintf(figure->note, sizeof(figure->note), "%zu more phases are in stability.csv.", more);
	return 0;
}
