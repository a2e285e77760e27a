/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Effects of the disturbances with their intervals: a row a phase, a panel a clock. */
#include <errno.h>
#include <gsl/gsl_sort_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_envelope.h"
#include "analysis/report_parts.h"

/* Layout in px of the SVG. */
#define WIDTH	    1060
#define HEAD	    36
#define PANEL_TITLE 24
#define ROW	    19
#define ROW_CPU	    6 /* more for each CPU after the first */
#define PANEL_TICS  38
#define FOOT	    2
#define NAMES_MIN   60
#define NAMES_MAX   230
#define NAME_LETTER 6.4
#define GAP	    26 /* between panels */
#define RIGHT	    20

#define ROWS_MAX   60
#define PANELS_ROW 4
#define FAR_LARGER 12	/* times the next one */
#define CPU_SPREAD 0.55 /* of a row, for the points of all CPUs */

struct effect_layout {
	const char *name;
	size_t *phases; /* that have an effect; owned */
	size_t rows, left_out;
	size_t columns;
	double names, panel_width, panel_height;
};

static bool drawable(const struct effect *e)
{
	return e && isfinite(e->effect_ppm);
}

static bool significant(const struct effect *e)
{
	return strcmp(e->significant, "yes") == 0;
}

static bool phase_has_effect(const struct report *r, const char *phase)
{
	for (size_t i = 0; i < r->estimates->effect_count; i++)
		if (drawable(&r->estimates->effects[i]) && strcmp(r->estimates->effects[i].phase, phase) == 0)
			return true;
	return false;
}

static double low_of(const struct effect *e)
{
	return isfinite(e->ci_low_ppm) ? e->ci_low_ppm : e->effect_ppm;
}

static double high_of(const struct effect *e)
{
	return isfinite(e->ci_high_ppm) ? e->ci_high_ppm : e->effect_ppm;
}

/* Of a row: CPUs stand above each other. */
static double effect_aside(size_t cpu, size_t cpu_count)
{
	return CPU_SPREAD * (((double)cpu + 0.5) / (double)cpu_count - 0.5);
}

static double reach_of(const struct effect *e)
{
	return fmax(fabs(low_of(e)), fabs(high_of(e)));
}

/* Where a few effects are far larger than all others, the others would be a line on zero. */
static double reach_shown(double *reach, size_t count)
{
	gsl_sort(reach, 1, count);
	for (size_t i = count; i-- > 1 && i > count / 2;)
		if (reach[i] > FAR_LARGER * reach[i - 1])
			return reach[i - 1];
	return count ? reach[count - 1] : 0;
}

/* The intervals of one clock that are not far larger than the others, and zero. */
static struct axis effect_axis(const struct report *r, const struct effect_layout *l, const char *clock,
	const int *cpus, size_t cpu_count)
{
	double reach[ROWS_MAX * CPUS_SHOWN], shown = 0, span;
	struct axis axis = { 0, 0 };
	size_t count = 0;

	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			shown = reach_shown(reach, count);
		for (size_t i = 0; i < l->rows * cpu_count; i++) {
			const struct effect *e = report_effect(
				r, clock, cpus[i % cpu_count], r->run->phases[l->phases[i / cpu_count]].name);

			if (!drawable(e))
				continue;
			if (pass == 0) {
				reach[count++] = reach_of(e);
			} else if (reach_of(e) <= shown) {
				axis.low = fmin(axis.low, low_of(e));
				axis.high = fmax(axis.high, high_of(e));
			}
		}
	}
	span = axis.high > axis.low ? axis.high - axis.low : 0.001;
	axis.low -= 0.1 * span;
	axis.high += 0.1 * span;
	return axis;
}

/* Effects of a row beyond one end of the axis: a triangle for each CPU, the largest in words. */
static void draw_beyond(const struct report *r, struct plot *plot, const struct effect_layout *l, size_t row,
	const char *clock, const int *cpus, size_t cpu_count, const struct axis *axis, bool up)
{
	const char *side = up ? "right" : "left";
	const struct effect *most = NULL;

	for (size_t k = 0; k < cpu_count; k++) {
		const struct effect *e =
			report_effect(r, clock, cpus[k], r->run->phases[l->phases[row]].name);

		if (!drawable(e) || !(up ? e->effect_ppm > axis->high : e->effect_ppm < axis->low))
			continue;
		if (!most || fabs(e->effect_ppm) > fabs(most->effect_ppm))
			most = e;
		fprintf(plot->script,
			"set label '%s' at graph %d,first %.6g %s font 'sans-serif,9' textcolor rgb '%s' "
			"front\n",
			up ? "▶" : "◀", up, (double)row + effect_aside(k, cpu_count), side, plot_colour(k));
	}
	if (most)
		fprintf(plot->script,
			"set label '%s' at graph %d,first %zu %s offset %s,0 font 'sans-serif,10' textcolor "
			"rgb "
			"'#222222' front\n",
			format_drift(most->effect_ppm, most->ci_low_ppm, most->ci_high_ppm).text, up, row,
			side, up ? "-2" : "2");
}

/* A distance of tics, 1, 2 or 5 times a power of ten, that leaves room for their numbers. */
static double tic_distance(double span)
{
	double power = pow(10, floor(log10(span / 4))), lead = span / 4 / power;

	return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/* Points of one CPU, significant or not; blank lines keep them apart.  Returns how many. */
static size_t write_points(const struct report *r, struct plot *plot, const struct effect_layout *l,
	const char *clock, int cpu, double aside, const struct axis *axis, bool wanted)
{
	size_t count = 0;

	for (size_t i = 0; i < l->rows; i++) {
		const struct effect *e = report_effect(r, clock, cpu, r->run->phases[l->phases[i]].name);

		if (!drawable(e) || significant(e) != wanted || e->effect_ppm < axis->low ||
			e->effect_ppm > axis->high)
			continue;
		fprintf(plot->data, "%.12g %.6g %.12g %.12g\n\n", e->effect_ppm, (double)i + aside, low_of(e),
			high_of(e));
		count++;
	}
	return count;
}

static void draw_points(const struct report *r, struct plot *plot, const struct effect_layout *l,
	const char *clock, const int *cpus, size_t cpu_count, const struct axis *axis,
	const struct format_unit *unit)
{
	bool first = true;

	for (size_t k = 0; k < cpu_count; k++) {
		double aside = effect_aside(k, cpu_count);

		for (int wanted = 0; wanted < 2; wanted++) {
			unsigned block = plot_block(plot,
				"%s on CPU %d, %s: effect (ppm), row, low and high end of 95 %% (ppm)", clock,
				cpus[k], wanted ? "significant" : "not significant");

			if (write_points(r, plot, l, clock, cpus[k], aside, axis, wanted) == 0)
				continue;
			fprintf(plot->script,
				"%s'%s.dat' index %u using ($1/%g):2:($3/%g):($4/%g) with xerrorlines "
				"pointtype %d pointsize 0.55 linewidth 1.2 linecolor rgb '%s' notitle",
				first ? "plot " : ", \\\n     ", l->name, block, unit->size, unit->size,
				unit->size, wanted ? 7 : 6, plot_colour(k));
			first = false;
		}
	}
	fputs(first ? "plot NaN notitle\n" : "\n", plot->script);
}

/* Keeps so many letters, the last one "…". */
static void shorten(char *text, size_t most)
{
	size_t letters = 0;

	for (char *c = text; *c; c++) {
		letters += ((unsigned char)*c & 0xc0) != 0x80;
		if (letters == most) {
			strcpy(c, "…");
			return;
		}
	}
}

/* The names stand before the first panel of a row of panels only. */
static void name_tics(const struct report *r, struct plot *plot, const struct effect_layout *l, bool named)
{
	fputs("set ytics scale 0 (", plot->script);
	for (size_t i = 0; i < l->rows; i++) {
		const struct phase *phase = &r->run->phases[l->phases[i]];
		char text[PHASE_NAME_MAX + 32];
		size_t fits = (size_t)(l->names / NAME_LETTER) - 2;

		snprintf(text, sizeof(text), "%s%s", phase->name,
			phase_observed(phase) == OBSERVED_NO ? " ✗" : "");
		if (plot_letters(text) > fits)
			shorten(text, fits);
		fputs(i ? ", " : "", plot->script);
		plot_tic_string(plot->script, named ? text : "");
		fprintf(plot->script, " %zu", i);
	}
	fputs(") font 'sans-serif,10.5'\n", plot->script);
}

static void draw_panel(const struct report *r, struct plot *plot, const struct effect_layout *l, size_t index)
{
	const char *clock = r->run->clocks[r->clocks[index]].name;
	int cpus[CPUS_SHOWN];
	size_t cpu_count = report_cpus_shown(r, clock, cpus);
	struct axis axis = effect_axis(r, l, clock, cpus, cpu_count);
	const struct format_unit *unit = format_drift_unit(fmax(fabs(axis.low), fabs(axis.high)));

	fputs("set label ", plot->script);
	plot_string(plot->script, clock);
	fputs(" at graph 0,1 left offset 0,0.75 font 'sans-serif Bold,12' textcolor rgb '#222222'\n",
		plot->script);
	fprintf(plot->script,
		"set label '%s' at graph 1,1 right offset 0,0.75 font 'sans-serif,11' textcolor rgb "
		"'#444444'\nset arrow from first 0,graph 0 to first 0,graph 1 nohead back linewidth 1 "
		"linecolor rgb "
		"'#777777'\nset xrange [%.12g:%.12g]\nset xtics %.6g\n",
		unit->name, axis.low / unit->size, axis.high / unit->size,
		tic_distance((axis.high - axis.low) / unit->size));
	name_tics(r, plot, l, index % l->columns == 0);
	for (size_t i = 0; i < 2 * l->rows; i++)
		draw_beyond(r, plot, l, i / 2, clock, cpus, cpu_count, &axis, i % 2);
	draw_points(r, plot, l, clock, cpus, cpu_count, &axis, unit);
}

static void draw_legend(const struct report *r, struct plot *plot)
{
	static const char *const roles[] = { "lowest", "median", "highest" };
	struct legend_entry entries[CPUS_SHOWN];
	char names[CPUS_SHOWN][24];
	size_t count = r->cpu_count <= CPUS_SHOWN ? r->cpu_count : 3;

	for (size_t i = 0; i < count; i++) {
		if (r->cpu_count <= CPUS_SHOWN)
			snprintf(names[i], sizeof(names[i]), "CPU %d", r->cpus[i]);
		else
			snprintf(names[i], sizeof(names[i]), "CPU of %s drift", roles[i]);
		entries[i] = (struct legend_entry){ names[i], plot_colour(i) };
	}
	plot_legend(plot, entries, count);
}

static void draw_panels(const struct report *r, struct plot *plot, const struct effect_layout *l)
{
	for (size_t i = 0; i < r->clock_count; i++) {
		double left = l->names + (double)(i % l->columns) * (l->panel_width + GAP);
		double bottom = HEAD +
				(double)(i / l->columns + 1) * (PANEL_TITLE + l->panel_height + PANEL_TICS) -
				PANEL_TICS;

		plot_panel(plot, left, left + l->panel_width, bottom - l->panel_height, bottom);
		fputs("unset label\nunset arrow\n", plot->script);
		if (i == 0) {
			plot_headline(plot, "Effect on the drift, against the idle phases");
			draw_legend(r, plot);
		}
		draw_panel(r, plot, l, i);
	}
}

/* The largest one that is significant, else the largest; NULL: none can be told. */
static const struct effect *most_of(const struct report *r)
{
	const struct effect *most = NULL;

	for (size_t i = 0; i < r->estimates->effect_count; i++) {
		const struct effect *e = &r->estimates->effects[i];

		if (!drawable(e))
			continue;
		if (!most || significant(e) > significant(most) ||
			(significant(e) == significant(most) && fabs(e->effect_ppm) > fabs(most->effect_ppm)))
			most = e;
	}
	return most;
}

static void say_effects(const struct report *r, const struct effect_layout *l, struct figure *figure)
{
	const struct effect *most = most_of(r);
	size_t count = 0;

	for (size_t i = 0; i < r->estimates->effect_count; i++)
		count += significant(&r->estimates->effects[i]);
	snprintf(figure->takeaway, sizeof(figure->takeaway),
		"%zu of the %zu effects of the run %s significant. Largest%s: phase %s on %s, CPU %d: %s.", count,
		r->estimates->effect_count, count == 1 ? "is" : "are", count ? " of them" : "", most->phase,
		most->clock, most->cpu,
		format_drift(most->effect_ppm, most->ci_low_ppm, most->ci_high_ppm).text);
	if (l->left_out)
		snprintf(figure->note, sizeof(figure->note), " The first %zu of %zu phases are drawn.",
			l->rows, l->rows + l->left_out);
	if (r->cpu_count > CPUS_SHOWN)
		strcat(figure->note,
			" Of each clock the CPUs with the lowest, median and highest drift are shown.");
}

static void layout_make(const struct report *r, struct effect_layout *l)
{
	size_t longest = 0, cpus = r->cpu_count < CPUS_SHOWN ? r->cpu_count : CPUS_SHOWN;

	for (size_t i = 0; i < r->run->phase_count; i++) {
		const char *name = r->run->phases[i].name;

		if (!phase_has_effect(r, name))
			continue;
		if (l->rows == ROWS_MAX) {
			l->left_out++;
			continue;
		}
		l->phases[l->rows++] = i;
		if (plot_letters(name) > longest)
			longest = plot_letters(name);
	}
	l->names = fmin(NAMES_MAX, fmax(NAMES_MIN, (double)(longest + 5) * NAME_LETTER));
	if (r->clock_count) {
		size_t rows = (r->clock_count + PANELS_ROW - 1) / PANELS_ROW;

		l->columns = (r->clock_count + rows - 1) / rows;
		l->panel_width = (WIDTH - l->names - RIGHT + GAP) / (double)l->columns - GAP;
	}
	l->panel_height = (double)l->rows * (double)(ROW + ROW_CPU * (cpus - 1));
}

int plot_effects(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	struct effect_layout l = { .name = figure->name };
	size_t panel_rows;
	double height;

	l.phases = malloc((r->run->phase_count + 1) * sizeof(*l.phases));
	if (!l.phases)
		return error_set(err, -ENOMEM, "out of memory");
	layout_make(r, &l);
	figure->none = l.rows == 0 || r->clock_count == 0;
	if (figure->none) {
		free(l.phases);
		return 0;
	}
	panel_rows = (r->clock_count + l.columns - 1) / l.columns;
	height = HEAD + (double)panel_rows * (PANEL_TITLE + l.panel_height + PANEL_TICS) + FOOT;
	plot_begin(plot, figure->name, WIDTH, (int)height);
	fprintf(plot->script, "set yrange [%.1f:-0.5]\nset bars 0.4\n", (double)l.rows - 0.5);
	draw_panels(r, plot, &l);
	plot_end(plot);
	say_effects(r, &l, figure);
	free(l.phases);
	return 0;
}
