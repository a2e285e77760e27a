/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The matrix of TSC offsets between CPUs: numbers while they fit, colours beyond. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_envelope.h"
#include "analysis/report_parts.h"

/* Layout in px of the SVG. */
#define WIDTH	1060
#define HEAD	60
#define LEFT	64
#define RIGHT	96 /* colour scale */
#define GAP	70 /* between two maps */
#define FOOT	56
#define MAP_MAX 560

#define NUMBERS_MAX  16 /* CPUs: with more, numbers do not fit the cells */
#define TWO_MAPS_MAX 8	/* CPUs: two maps with numbers side by side */
#define CPU_LABELS   16

struct matrix {
	int *cpus; /* owned, ascending */
	size_t count;
	const char *phases[2]; /* shown */
	size_t phase_count;
	double *cells; /* offset of [row a][column b] for each phase shown, NaN: not known; owned */
	double *bounds;
	double range_ns;
};

static int by_number(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static size_t place_of(const struct matrix *m, int cpu)
{
	const int *found = bsearch(&cpu, m->cpus, m->count, sizeof(*m->cpus), by_number);

	return (size_t)(found - m->cpus);
}

static void collect_cpus(const struct estimates *e, struct matrix *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->crosscpu_count; i++) {
		m->cpus[m->count++] = e->crosscpu[i].cpu_a;
		m->cpus[m->count++] = e->crosscpu[i].cpu_b;
	}
	qsort(m->cpus, m->count, sizeof(*m->cpus), by_number);
	for (size_t i = 0; i < m->count; i++)
		if (kept == 0 || m->cpus[kept - 1] != m->cpus[i])
			m->cpus[kept++] = m->cpus[i];
	m->count = kept;
}

static const struct crosscpu *largest(const struct estimates *e)
{
	const struct crosscpu *most = NULL;

	for (size_t i = 0; i < e->crosscpu_count; i++)
		if (isfinite(e->crosscpu[i].offset_ns) &&
			(!most || fabs(e->crosscpu[i].offset_ns) > fabs(most->offset_ns)))
			most = &e->crosscpu[i];
	return most;
}

/* First and last exchange where both fit, else the one with the largest offset. */
static void choose_phases(const struct estimates *e, struct matrix *m)
{
	const char *first = e->crosscpu[0].phase, *last = e->crosscpu[e->crosscpu_count - 1].phase;

	m->phases[0] = first;
	m->phases[1] = last;
	m->phase_count = strcmp(first, last) == 0 ? 1 : 2;
	if (m->phase_count == 2 && m->count > TWO_MAPS_MAX && m->count <= NUMBERS_MAX) {
		m->phases[0] = largest(e)->phase;
		m->phase_count = 1;
	}
}

static void fill_cells(const struct estimates *e, struct matrix *m)
{
	size_t n = m->count;

	for (size_t i = 0; i < m->phase_count * n * n; i++)
		m->cells[i] = m->bounds[i] = NAN;
	for (size_t i = 0; i < e->crosscpu_count; i++) {
		const struct crosscpu *c = &e->crosscpu[i];
		size_t a = place_of(m, c->cpu_a), b = place_of(m, c->cpu_b);

		for (size_t k = 0; k < m->phase_count; k++) {
			double *cells = m->cells + k * n * n, *bounds = m->bounds + k * n * n;

			if (strcmp(c->phase, m->phases[k]) != 0 || !isfinite(c->offset_ns))
				continue;
			cells[a * n + b] = c->offset_ns;
			cells[b * n + a] = -c->offset_ns;
			bounds[a * n + b] = bounds[b * n + a] = c->bound_ns;
			m->range_ns = fmax(m->range_ns, fmax(fabs(c->offset_ns), fabs(c->bound_ns)));
		}
	}
}

static void matrix_free(struct matrix *m)
{
	free(m->cpus);
	free(m->cells);
	free(m->bounds);
}

static int matrix_make(const struct estimates *e, struct matrix *m, struct error *err)
{
	size_t cells;

	*m = (struct matrix){ .cpus = malloc(2 * e->crosscpu_count * sizeof(*m->cpus)) };
	if (!m->cpus)
		return error_set(err, -ENOMEM, "out of memory");
	collect_cpus(e, m);
	choose_phases(e, m);
	cells = m->phase_count * m->count * m->count;
	m->cells = malloc(cells * sizeof(*m->cells));
	m->bounds = malloc(cells * sizeof(*m->bounds));
	if (!m->cells || !m->bounds) {
		matrix_free(m);
		return error_set(err, -ENOMEM, "out of memory");
	}
	fill_cells(e, m);
	return 0;
}

/* "-5" and "±111" of one cell, with the digits that the bound leaves. */
static void write_words(FILE *data, double offset, double bound, const struct format_unit *unit)
{
	struct formatted both = format_value(offset, bound, unit);
	char *interval = strstr(both.text, " ± ");

	if (!interval) {
		fputs(" \"?\" \"\"", data);
		return;
	}
	*interval = '\0';
	fprintf(data, " \"%s%s\" \"±%s\"", both.text[0] == '-' ? "−" : "", both.text + (both.text[0] == '-'),
		interval + strlen(" ± "));
}

/* Rows: column b, row a, offset in the unit of the scale, and both numbers as words where they are drawn. */
static void write_cells(const struct matrix *m, size_t phase, FILE *data, const struct format_unit *unit)
{
	size_t n = m->count;

	for (size_t i = 0; i < n * n; i++) {
		double offset = m->cells[phase * n * n + i];

		if (i / n == i % n)
			offset = 0;
		fprintf(data, "%zu %zu %.6g", i % n, i / n, offset / unit->size);
		if (n <= NUMBERS_MAX && i / n == i % n)
			fputs(" \"\" \"\"", data);
		else if (n <= NUMBERS_MAX)
			write_words(data, offset, m->bounds[phase * n * n + i], unit);
		fputc('\n', data);
	}
}

static void cpu_tics(const struct matrix *m, FILE *script, const char *axis)
{
	size_t stride = 1 + (m->count - 1) / CPU_LABELS;

	fprintf(script, "set %stics scale 0 (", axis);
	for (size_t i = 0; i < m->count; i += stride)
		fprintf(script, "%s'%d' %zu", i ? ", " : "", m->cpus[i], i);
	fputs(")\n", script);
}

static void draw_map(const struct matrix *m, size_t phase, struct plot *plot, const char *name,
	const struct format_unit *unit)
{
	unsigned block = plot_block(plot,
		"phase %s: column (CPU b), row (CPU a), TSC of b less TSC of a in %s, as words",
		m->phases[phase], unit->name);
	bool numbers = m->count <= NUMBERS_MAX;
	int size = m->count <= TWO_MAPS_MAX ? 11 : 9;

	write_cells(m, phase, plot->data, unit);
	fputs("set label 2 ", plot->script);
	plot_string(plot->script, m->phases[phase]);
	fputs(" at graph 0,1 left offset 0,0.7 font 'sans-serif Bold,12' textcolor rgb '#222222'\n",
		plot->script);
	fprintf(plot->script, "plot '%s.dat' index %u using 1:2:3 with image%s notitle", name, block,
		numbers ? " pixels" : "");
	if (numbers)
		fprintf(plot->script,
			", \\\n     '' index %u using 1:2:4 with labels offset 0,%s font 'sans-serif,%d' "
			"textcolor rgb '#111111' notitle"
			", \\\n     '' index %u using 1:2:5 with labels offset 0,-0.55 font 'sans-serif,%d' "
			"textcolor rgb '#444444' notitle",
			block, "0.45", size, block, size - 2);
	fputs("\n", plot->script);
}

static void draw_maps(const struct matrix *m, struct plot *plot, const char *name, double side)
{
	const struct format_unit *unit = format_time_unit(m->range_ns);

	fprintf(plot->script,
		"set palette defined (-1 '#3b8bc2', 0 '#ffffff', 1 '#e08a3c')\nset cbrange [%.6g:%.6g]\n"
		"set colorbox user origin %.5f,%.5f size %.5f,%.5f noborder\n"
		"set cbtics scale 0.5 format '%%.3g' textcolor rgb '#444444'\nunset grid\n"
		"set label 3 '%s' at screen %.5f,%.5f center textcolor rgb '#444444'\n"
		"set border 15 linecolor rgb '#d8dee4'\nset object 1 rectangle from graph 0,0 to graph 1,1 "
		"behind fillcolor rgb "
		"'#eeeeee' "
		"fillstyle solid noborder\n"
		"set xrange [-0.5:%.1f]\nset yrange [%.1f:-0.5]\n"
		"set xlabel 'CPU b' offset 0,0.6 textcolor rgb '#444444'\nset ylabel 'CPU a' textcolor rgb "
		"'#444444'\n",
		-m->range_ns / unit->size, m->range_ns / unit->size,
		(LEFT + (double)m->phase_count * (side + GAP) - GAP + 22) / WIDTH,
		FOOT / (double)plot->height, 14.0 / WIDTH, side / plot->height, unit->name,
		(LEFT + (double)m->phase_count * (side + GAP) - GAP + 29) / WIDTH,
		1 - (HEAD - 12.0) / plot->height, (double)m->count - 0.5, (double)m->count - 0.5);
	cpu_tics(m, plot->script, "x");
	cpu_tics(m, plot->script, "y");
	plot_headline(plot, "Offset between the TSCs of two CPUs (TSC of b less TSC of a)");
	for (size_t i = 0; i < m->phase_count; i++) {
		double left = LEFT + (double)i * (side + GAP);

		plot_panel(plot, left, left + side, HEAD, HEAD + side);
		draw_map(m, i, plot, name, unit);
		fputs("unset label\nunset ylabel\nunset colorbox\n", plot->script);
	}
}

static void say_largest(const struct estimates *e, struct figure *figure)
{
	const struct crosscpu *most = largest(e);
	size_t beyond = 0;

	for (size_t i = 0; i < e->crosscpu_count; i++)
		beyond += fabs(e->crosscpu[i].offset_ns) > e->crosscpu[i].bound_ns;
	if (!most)
		return;
	snprintf(figure->takeaway, sizeof(figure->takeaway),
		"Largest offset: CPU %d against CPU %d, %s (phase %s). ", most->cpu_b, most->cpu_a,
		format_offset(most->offset_ns, most->bound_ns).text, most->phase);
	if (beyond)
		snprintf(figure->takeaway + strlen(figure->takeaway),
			sizeof(figure->takeaway) - strlen(figure->takeaway),
			"%zu of %zu exchanges are beyond their bound: these TSCs differ.", beyond,
			e->crosscpu_count);
	else
		strcat(figure->takeaway,
			"Every offset is within its bound: no two TSCs are shown to differ.");
}

int plot_crosscpu(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	const struct estimates *e = r->estimates;
	struct matrix m;
	double side;
	int rc;

	if (!largest(e)) {
		strcpy(figure->absent,
			r->cpu_count == 1 ? "There is no matrix: only one CPU was measured."
					  : "There is no matrix: no exchange between two CPUs was recorded.");
		return 0;
	}
	rc = matrix_make(e, &m, err);
	if (rc)
		return rc;
	side = (WIDTH - LEFT - RIGHT - (double)(m.phase_count - 1) * GAP) / (double)m.phase_count;
	side = fmin(side, fmin(MAP_MAX, 90 * (double)m.count));
	plot_begin(plot, figure->name, WIDTH, HEAD + FOOT + (int)side);
	draw_maps(&m, plot, figure->name, side);
	plot_end(plot);
	say_largest(e, figure);
	matrix_free(&m);
	return 0;
}
