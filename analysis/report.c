/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_lanes.h"
#include "analysis/report_parts.h"
#include "results/file.h"

static const struct {
	const char *name, *heading, *caption;
	plot_function *draw;
} figures[] = {
	{ "pair", "This machine against its peer",
		"Three panels a clock; of clocks that follow one oscillator one is shown, and of each short "
		"stretch of time the exchange with the narrowest bracket. Top: the offset as it was, with "
		"all steps; red dashes are steps, violet ones those made on purpose, dotted lines events. "
		"Middle: the same without the steps and without one straight line; the true offset lies "
		"inside the band, and a bend is a change of the rate; where no exchange was quick, the line "
		"has "
		"a gap and the band leaves the axis. Bottom: the drift that was fitted in "
		"each phase, systematic part included, beside its limit.",
		plot_pair },
	{ "offset", "Offset over time",
		"One panel per clock, each with its own scale; up means ahead of the reference, and each "
		"curve starts at zero. A straight line is a constant drift, a jump is a step. The shade "
		"spans the lowest and highest reading of each stretch of time; dashes are the fit, the grey "
		"fan its 95 % interval. Triangles on the edge stand for readings beyond the axis, dotted "
		"lines for events, red dashes for steps.",
		plot_offset },
	{ "residual", "Residuals about the fit",
		"The same readings less the fitted line and the steps found. An even band is noise, and the "
		"fit may be trusted; a bend means that the rate changed, a jump is a step that was not "
		"found.",
		plot_residual },
	{ "drift", "Drift per CPU",
		"Slope of each fit with its 95 % interval, each clock on its own scale. CPUs of one machine "
		"that share an oscillator should agree within their intervals.",
		plot_drift },
	{ "effects", "Effect of each disturbance",
		"Drift in the phase less the mean drift of the idle phases of the same run, with its 95 % "
		"interval; each clock has its own scale. Full dots are significant at 5 % over all effects "
		"of the run together, hollow ones are not. Far larger effects than the others are "
		"triangles on the edge, with their size.",
		plot_effects },
	{ "stability", "Stability over averaging time",
		"How much the rate varies from one stretch of length τ to the next: lower is steadier. "
		"Falling "
		"as 1/τ it is noise of the readings, level or rising it is the clock itself. Bars are 95 % "
		"intervals; of each clock the CPU is shown on which it is least steady. Clocks are moved "
		"slightly sideways so that their bars can be told apart.",
		plot_stability },
	{ "cost", "Read cost",
		"Time between the two TSC reads around one reading: the dot is the median, the bar goes from "
		"the fastest 10 % to the slowest 10 %.",
		plot_cost },
	{ "crosscpu", "TSC offsets between CPUs",
		"From exchanges over one cache line in both directions. Each cell is the TSC of the CPU of "
		"its column less that of its row; the true value lies within ± the bound. The "
		"colours reach to the largest offset or bound, so a pale map shows no difference.",
		plot_crosscpu },
	{ "brackets", "Bracket distribution",
		"The share of readings with a bracket at least that wide. A steep fall is a clock that "
		"always "
		"costs the same; a long foot to the right is interruption: interrupts, other guests, system "
		"management.",
		plot_brackets },
	{ "evidence", "Evidence of the disturbances",
		"What was seen of the disturbances while they ran, on the time axis of the plots above. "
		"Values hold until the next one. Where there are more values than pixels, the bar spans the "
		"lowest and the highest. Disturbed phases have a ground, phases whose disturbance was not "
		"observed "
		"are hatched.",
		plot_evidence },
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

static int row_order(const struct drift *a, const char *clock, int cpu, const char *phase)
{
	int order = strcmp(a->clock, clock);

	if (!order)
		order = strcmp(a->phase, phase);
	return order ? order : (a->cpu > cpu) - (a->cpu < cpu);
}

static int by_row(const void *a, const void *b)
{
	const struct drift *x = *(const struct drift *const *)a, *y = *(const struct drift *const *)b;

	return row_order(x, y->clock, y->cpu, y->phase);
}

const struct drift *report_drift(const struct report *r, const char *clock, int cpu, const char *phase)
{
	size_t low = 0, high = r->estimates->drift_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = row_order(r->rows[middle], clock, cpu, phase);

		if (order == 0)
			return r->rows[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int effect_order(const struct effect *a, const char *clock, int cpu, const char *phase)
{
	int order = strcmp(a->clock, clock);

	if (!order)
		order = strcmp(a->phase, phase);
	return order ? order : (a->cpu > cpu) - (a->cpu < cpu);
}

static int by_effect(const void *a, const void *b)
{
	const struct effect *x = *(const struct effect *const *)a, *y = *(const struct effect *const *)b;

	return effect_order(x, y->clock, y->cpu, y->phase);
}

const struct effect *report_effect(const struct report *r, const char *clock, int cpu, const char *phase)
{
	size_t low = 0, high = r->estimates->effect_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = effect_order(r->effects[middle], clock, cpu, phase);

		if (order == 0)
			return r->effects[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct cpu_drift {
	int cpu;
	double drift_ppm; /* mean over the phases */
};

static int by_drift(const void *a, const void *b)
{
	const struct cpu_drift *x = a, *y = b;

	return (x->drift_ppm > y->drift_ppm) - (x->drift_ppm < y->drift_ppm);
}

static int by_number(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* Mean over the phases; false where no phase has a drift. */
static bool mean_drift(const struct report *r, const char *clock, int cpu, double *mean)
{
	size_t count = 0;

	*mean = 0;
	for (size_t i = 0; i < r->run->phase_count; i++) {
		const struct drift *d = report_drift(r, clock, cpu, r->run->phases[i].name);

		if (!d || !isfinite(d->drift_ppm))
			continue;
		*mean += d->drift_ppm;
		count++;
	}
	if (count)
		*mean /= (double)count;
	return count > 0;
}

size_t report_cpus_shown(const struct report *r, const char *clock, int cpus[CPUS_SHOWN])
{
	struct cpu_drift *all = malloc((r->cpu_count + 1) * sizeof(*all));
	size_t count = 0, shown = 0;

	for (size_t i = 0; all && i < r->cpu_count; i++) {
		all[count].cpu = r->cpus[i];
		count += mean_drift(r, clock, r->cpus[i], &all[count].drift_ppm);
	}
	if (r->cpu_count <= CPUS_SHOWN || count < 3) {
		for (size_t i = 0; i < r->cpu_count && shown < CPUS_SHOWN; i++)
			cpus[shown++] = r->cpus[i];
	} else {
		qsort(all, count, sizeof(*all), by_drift);
		cpus[shown++] = all[0].cpu;
		cpus[shown++] = all[count / 2].cpu;
		cpus[shown++] = all[count - 1].cpu;
	}
	free(all);
	return shown;
}

static void add_once(int *list, size_t *count, int number)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == number)
			return;
	list[(*count)++] = number;
}

static void gather_cpus(struct report *r)
{
	const struct samples *s = r->samples;
	const struct estimates *e = r->estimates;
	size_t kept = 0;

	/* Series are sorted by CPU, and rows come CPU by CPU: neighbours are often equal. */
	for (size_t i = 0; i < s->series_count; i++)
		if (!r->cpu_count || r->cpus[r->cpu_count - 1] != s->series[i].cpu)
			r->cpus[r->cpu_count++] = s->series[i].cpu;
	for (size_t i = 0; i < e->drift_count; i++)
		if (!r->cpu_count || r->cpus[r->cpu_count - 1] != e->drift[i].cpu)
			r->cpus[r->cpu_count++] = e->drift[i].cpu;
	qsort(r->cpus, r->cpu_count, sizeof(*r->cpus), by_number);
	for (size_t i = 0; i < r->cpu_count; i++)
		if (kept == 0 || r->cpus[kept - 1] != r->cpus[i])
			r->cpus[kept++] = r->cpus[i];
	r->cpu_count = kept;
}

static void gather_length(struct report *r)
{
	for (size_t i = 0; i < r->samples->series_count; i++) {
		const struct series *s = &r->samples->series[i];

		if (s->count)
			r->length_s = fmax(r->length_s,
				pair_source_seconds(r->source, s->readings[s->count - 1].tsc_hi));
	}
}

static void report_release(struct report *r)
{
	lanes_free(r);
	evidence_free(&r->evidence);
	pair_source_free(r->source);
	free(r->cpus);
	free(r->clocks);
	free(r->rows);
	free(r->effects);
}

/* A file of evidence that cannot be read takes its plots from the report, not the rest. */
static int gather_evidence(struct report *r, struct error *err)
{
	int rc;

	for (size_t i = 0; i < r->run->phase_count; i++)
		r->disturbed |= r->run->phases[i].disturbance_count > 0;
	rc = evidence_load(r->run, &r->evidence, err);
	if (rc)
		r->evidence_error = *err;
	if (lanes_make(r))
		return error_set(err, -ENOMEM, "out of memory");
	return rc;
}

static void gather_rows(struct report *r)
{
	const struct estimates *e = r->estimates;

	for (size_t i = 0; i < e->drift_count; i++) {
		int clock = run_clock_find(r->run, e->drift[i].clock);

		r->rows[i] = &e->drift[i];
		if (clock >= 0)
			add_once(r->clocks, &r->clock_count, clock);
	}
	qsort(r->rows, e->drift_count, sizeof(*r->rows), by_row);
	for (size_t i = 0; i < e->effect_count; i++)
		r->effects[i] = &e->effects[i];
	qsort(r->effects, e->effect_count, sizeof(*r->effects), by_effect);
}

static int report_gather(struct report *r, struct error *err)
{
	const struct estimates *e = r->estimates;

	r->reference_name = r->reference == PAIR_TSC ? "tsc" : r->run->clocks[r->reference].name;
	r->source = pair_source_new(r->run, r->samples, err);
	r->cpus = malloc((r->samples->series_count + e->drift_count + 1) * sizeof(*r->cpus));
	r->clocks = malloc((r->run->clock_count + 1) * sizeof(*r->clocks));
	r->rows = malloc((e->drift_count + 1) * sizeof(*r->rows));
	r->effects = malloc((e->effect_count + 1) * sizeof(*r->effects));
	if (!r->source || !r->cpus || !r->clocks || !r->rows || !r->effects) {
		report_release(r);
		return error_set(err, -ENOMEM, "out of memory");
	}
	gather_cpus(r);
	gather_length(r);
	gather_rows(r);
	return 0;
}

struct drawn {
	const struct report *report;
	plot_function *draw;
};

static int draw_figure(const void *context, struct plot *plot, struct figure *figure, struct error *err)
{
	const struct drawn *d = context;

	return d->draw(d->report, plot, figure, err);
}

/* Draws all figures; the first failure is returned at the end, when the rest is there. */
static int figures_draw(const struct report *r, const char *dir, struct figure *list, struct error *err)
{
	int first = 0;

	for (size_t i = 0; i < FIGURES; i++) {
		struct drawn drawn = { r, figures[i].draw };
		int rc;

		list[i] = (struct figure){
			.name = figures[i].name, .heading = figures[i].heading, .caption = figures[i].caption
		};
		rc = figure_make(dir, &list[i], draw_figure, &drawn, err);
		first = first ? first : rc;
	}
	return first;
}

int report_write(const struct run *run, const struct samples *samples, const struct estimates *estimates,
	int reference, struct error *err)
{
	struct report r = { .run = run, .samples = samples, .estimates = estimates, .reference = reference };
	struct figure list[FIGURES];
	struct file_replace page;
	char dir[PATH_MAX];
	struct error unread = { 0 };
	int rc, read, drawn;

	rc = figures_dir(run->dir, dir, sizeof(dir), err);
	if (!rc)
		rc = report_gather(&r, err);
	if (rc)
		return rc;
	read = gather_evidence(&r, &unread);
	drawn = figures_draw(&r, dir, list, err);
	if (read)
		drawn = error_set(err, read, "%s", unread.text);
	rc = file_replace_begin(&page, run->dir, "report.html", err);
	if (!rc) {
		html_page(page.out, &r, list, FIGURES);
		rc = file_replace_commit(&page, err);
	}
	report_release(&r);
	return drawn ? drawn : rc;
}
