/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A pair of machines over time: of each clock the offset, what steps and drift leave of it, and the drift per phase. */
#include "analysis/report_pair.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"
#include "analysis/report_bands.h"
#include "results/units.h"

/* Layout in px of the SVG. */
#define WIDTH	     1060
#define HEAD	     36
#define CLOCK_TITLE  42
#define PANEL_PHASES 17 /* strip with the phases' names */
#define OFFSET	     110
#define FLAT	     150
#define DRIFT	     96
#define BETWEEN	     34 /* two panels of a clock: the next one's title */
#define TICS	     42
#define LEFT	     72
#define RIGHT	     14
#define KEY_LEFT     12
#define FOOT	     10

#define BINS	       400
#define POINTS_DOTTED  60 /* fewer than that: each is a dot */
#define LABELS_MAX     6
#define LABEL_APART_PX 120 /* labels nearer than that stand one below the other */
#define LETTER_PX      6.2

struct view {
	const struct report *r;
	struct plot *plot;
	struct timeline timeline;
	struct marks marks;
	struct pair_roles roles;
	double left, right;
	int key_top; /* px, of what phases are called that have no room for their name */
	bool begun;  /* a panel has title and key of the whole figure */
};

static void panel_title(const struct view *v, const char *text, const char *unit)
{
	fputs("set label ", v->plot->script);
	plot_string(v->plot->script, text);
	fputs(" at graph 0,1 left offset 0,0.9 font 'sans-serif,11' textcolor rgb '#444444'\n",
		v->plot->script);
	if (unit)
		fprintf(v->plot->script,
			"set label '%s' at graph 0,1 right offset -0.8,0.9 font 'sans-serif,11' textcolor "
			"rgb '#444444'\n",
			unit);
}

static void figure_words(const struct view *v)
{
	char title[120];

	if (strcmp(v->r->reference_name, v->roles.theirs) == 0)
		snprintf(title, sizeof(title), "Clocks of %s against its %s", v->roles.we, v->roles.theirs);
	else
		snprintf(title, sizeof(title), "Clocks of %s against %s of %s", v->roles.we,
			v->r->reference_name, v->roles.they);
	plot_headline(v->plot, title);
	bands_key(v->r, v->plot, &v->timeline, KEY_LEFT, v->key_top);
}

/* Phases, events and the time axis, which the last panel of a clock alone names. */
static void panel_begin(struct view *v, double top, double height, bool last)
{
	FILE *script = v->plot->script;

	fputs("unset label\nunset arrow\nunset object\nunset xlabel\n", script);
	if (!v->begun)
		figure_words(v);
	v->begun = true;
	plot_panel(v->plot, v->left, v->right, top, top + height);
	fputs(last ? "set format x '% h'\n" : "set format x ''\n", script);
	if (last)
		fprintf(script,
			"set xlabel 'time since the start (%s)' offset 0,0.5 textcolor rgb '#444444'\n",
			v->timeline.unit->name);
	bands_draw(v->r, v->plot, &v->timeline);
	/* Where they would cross the numbers of the phases, the panels above have them. */
	if (!last)
		marks_draw_lines(v->r, v->plot, &v->timeline, &v->marks);
}

static double to_px(const struct view *v, double t_s)
{
	return t_s / v->timeline.unit->size / timeline_end(v->r, &v->timeline) * v->timeline.width_px;
}

/* "pause −2 s": what it is said to be from, up to the first colon, and its size. */
static void draw_step(const struct view *v, const struct step *s, unsigned row)
{
	const char *colour = strcmp(s->injected, "yes") == 0 ? "#6a3d9a" : "#b3261e";
	double at = s->at_s / v->timeline.unit->size;
	bool right = to_px(v, s->at_s) > 0.75 * v->timeline.width_px;
	FILE *script = v->plot->script;
	char text[120];

	fprintf(script,
		"set arrow from first %.9g,graph 0 to first %.9g,graph 1 nohead back linewidth 1.2 dashtype "
		"(6,4) linecolor rgb '%s'\n",
		at, at, colour);
	if (row >= LABELS_MAX)
		return;
	snprintf(text, sizeof(text), "%.*s %s%s", (int)strcspn(s->cause, ":"),
		s->cause[0] ? s->cause : "step", s->step_ns < 0 ? "−" : "+",
		format_ns(fabs(s->step_ns)).text);
	fputs("set label ", script);
	plot_string(script, text);
	fprintf(script,
		" at first %.9g,graph %.3f %s offset %s,0 front font 'sans-serif,10' textcolor rgb '%s'\n",
		at, 0.9 - 0.14 * row, right ? "right" : "left", right ? "-0.6" : "0.6", colour);
}

static void draw_steps(const struct view *v, const struct pair_curve *c, bool labelled)
{
	unsigned row = 0;

	for (size_t i = 0; i < c->step_count; i++) {
		bool near = i && to_px(v, c->steps[i]->at_s - c->steps[i - 1]->at_s) < LABEL_APART_PX;

		row = near ? row + 1 : 0;
		draw_step(v, c->steps[i], labelled ? row : LABELS_MAX);
	}
}

/* Events that made no step of this clock: their kind, at the foot. */
static void name_events(const struct view *v, const struct pair_curve *c)
{
	const struct run *run = v->r->run;
	size_t named = 0;

	for (size_t i = 0; i < run->event_count && run->event_count <= 2 * LABELS_MAX; i++) {
		double at_s = pair_source_seconds(v->r->source, run->events[i].tsc);
		bool stepped = false;

		for (size_t k = 0; k < c->step_count; k++)
			stepped |= fabs(to_px(v, c->steps[k]->at_s - at_s)) < 3;
		if (stepped || at_s < 0 || at_s > v->r->length_s || named++ >= LABELS_MAX)
			continue;
		fputs("set label ", v->plot->script);
		plot_string(v->plot->script, run->events[i].kind);
		fprintf(v->plot->script,
			" at first %.9g,graph 0.1 left offset 0.6,0 front font 'sans-serif,10' textcolor rgb "
			"'#555555'\n",
			at_s / v->timeline.unit->size);
	}
}

static unsigned write_points(const struct view *v, const struct pair_curve *c, bool flat)
{
	unsigned block = plot_block(v->plot,
		"%s on CPU %d, %s: t_s, value, half the bracket, value where that is narrow (ns)", c->clock,
		c->cpu, flat ? "less steps and mean drift" : "offset");

	for (size_t i = 0; i < c->count; i++) {
		const struct pair_point *p = &c->points[i];

		double value = flat ? p->flat_ns : p->offset_ns;

		fprintf(v->plot->data, "%s%.9g %.9g %.6g %.9g\n", i && p->gap ? "\n" : "", p->t_s, value,
			p->half_ns, p->wide ? NAN : value);
	}
	return block;
}

static void draw_points(const struct view *v, const struct pair_curve *c, bool flat)
{
	const struct axis *axis = flat ? &c->flat : &c->offset;
	double unit = format_time_unit(fmax(fabs(axis->low), fabs(axis->high)))->size;
	double time = v->timeline.unit->size;
	const char *style = c->count < POINTS_DOTTED ? "linespoints pointtype 7 pointsize 0.35" : "lines";
	unsigned block = write_points(v, c, flat);
	FILE *script = v->plot->script;

	fprintf(script, "set yrange [%.9g:%.9g]\nplot ", axis->low / unit, axis->high / unit);
	if (flat)
		fputs("0 with lines linewidth 0.8 linecolor rgb '#888888' notitle, ", script);
	fprintf(script,
		"'%s.dat' index %u using ($1/%g):(($2-$3)/%g):(($2+$3)/%g) with filledcurves linecolor rgb "
		"'%s' notitle, '%s.dat' index %u using ($1/%g):($4/%g) with %s linewidth 1.2 linecolor rgb "
		"'%s' notitle\n",
		v->timeline.name, block, time, unit, unit, flat ? "#a80072b2" : plot_shade(0),
		v->timeline.name, block, time, unit, style, plot_colour(0));
}

static const char *unit_of(const struct axis *axis)
{
	return format_time_unit(fmax(fabs(axis->low), fabs(axis->high)))->name;
}

static void draw_offset(struct view *v, const struct pair_curve *c, double top)
{
	char text[200];

	panel_begin(v, top, OFFSET, false);
	bands_name(v->r, v->plot, &v->timeline);
	snprintf(text, sizeof(text), "%s, %s − %s", c->clock, v->roles.ours, v->roles.theirs);
	fputs("set label ", v->plot->script);
	plot_string(v->plot->script, text);
	fprintf(v->plot->script,
		" at graph 0,1 left offset 0,%s font 'sans-serif Bold,12' textcolor rgb '#222222'\n",
		v->timeline.named ? "2.0" : "0.9");
	fprintf(v->plot->script,
		"set label '%s' at graph 0,1 right offset -0.8,0.9 font 'sans-serif,11' textcolor rgb "
		"'#444444'\n",
		unit_of(&c->offset));
	draw_steps(v, c, true);
	name_events(v, c);
	draw_points(v, c, false);
}

static void draw_flat(struct view *v, const struct pair_curve *c, double top)
{
	char text[400], drift[120] = "no drift", steps[48] = "";
	size_t used;

	panel_begin(v, top, FLAT, false);
	if (isfinite(c->mean_ppm))
		snprintf(drift, sizeof(drift), "a steady drift of %s%s", c->mean_ppm < 0 ? "−" : "+",
			format_ppm(fabs(c->mean_ppm)).text);
	if (c->step_count)
		snprintf(steps, sizeof(steps), "%zu %s and ", c->step_count,
			c->step_count == 1 ? "step" : "steps");
	snprintf(text, sizeof(text), "the same less %s%s; the band is the bracket, ±%s in the median", steps,
		drift, format_ns(c->half_ns).text);
	used = strlen(text);
	if (c->wide)
		snprintf(text + used, sizeof(text) - used, ", beyond the axis %zu times", c->wide);
	panel_title(v, text, unit_of(&c->flat));
	draw_steps(v, c, false);
	draw_points(v, c, true);
}

/* ---- drift per phase ---- */

struct phase_drift {
	const struct drift *drift;
	double from_s, to_s;
};

static size_t phase_drifts(const struct view *v, const struct pair_curve *c, struct phase_drift *list)
{
	size_t count = 0;

	for (size_t i = 0; i < v->r->run->phase_count; i++) {
		const struct phase *phase = &v->r->run->phases[i];
		const struct drift *d = report_drift(v->r, c->clock, c->cpu, phase->name);
		double end = pair_source_seconds(v->r->source, phase->tsc_hi);
		double from = fmax(0, pair_source_seconds(v->r->source, phase->tsc_lo));

		if (!(end > from)) /* an open end */
			end = v->r->length_s;
		if (!d || !isfinite(d->drift_ppm))
			continue;
		list[count++] = (struct phase_drift){ d, from, fmin(end, v->r->length_s) };
	}
	return count;
}

static double low_end(const struct drift *d)
{
	return d->ci_low_ppm - (isfinite(d->systematic_ppm) ? d->systematic_ppm : 0);
}

static double high_end(const struct drift *d)
{
	return d->ci_high_ppm + (isfinite(d->systematic_ppm) ? d->systematic_ppm : 0);
}

/* Shows all drifts and the limit; of wide intervals as much as the rest is wide. */
static struct axis drift_axis(const struct phase_drift *list, size_t count, double limit_ppm)
{
	struct axis bulk = { -limit_ppm, limit_ppm }, axis;
	double span;

	for (size_t i = 0; i < count; i++) {
		bulk.low = fmin(bulk.low, list[i].drift->drift_ppm);
		bulk.high = fmax(bulk.high, list[i].drift->drift_ppm);
	}
	span = bulk.high - bulk.low;
	axis = bulk;
	for (size_t i = 0; i < count; i++) {
		axis.low = fmin(axis.low, fmax(low_end(list[i].drift), bulk.low - span / 2));
		axis.high = fmax(axis.high, fmin(high_end(list[i].drift), bulk.high + span / 2));
	}
	span = axis.high - axis.low;
	/* Room for the words above. */
	return (struct axis){ axis.low - 0.1 * span, axis.high + 0.28 * span };
}

static const char *status_colour(const struct drift *d)
{
	return strcmp(d->status, "stable") == 0	    ? "#0b6b4f"
	       : strcmp(d->status, "unstable") == 0 ? "#b3261e"
						    : "#8a5a00";
}

static void draw_phase(
	const struct view *v, const struct phase_drift *p, const struct axis *axis, double unit)
{
	const struct drift *d = p->drift;
	double from = p->from_s / v->timeline.unit->size, to = p->to_s / v->timeline.unit->size;
	double low = fmax(low_end(d), axis->low) / unit, high = fmin(high_end(d), axis->high) / unit;
	struct formatted text = format_drift(d->drift_ppm, low_end(d), high_end(d));
	FILE *script = v->plot->script;
	char words[80];

	fprintf(script,
		"set object rectangle from first %.9g,first %.9g to first %.9g,first %.9g back fillcolor rgb "
		"'%s' fillstyle transparent solid 0.22 noborder\n",
		from, low, to, high, status_colour(d));
	fprintf(script,
		"set arrow from first %.9g,first %.9g to first %.9g,first %.9g nohead front linewidth 2 "
		"linecolor rgb '%s'\n",
		from, d->drift_ppm / unit, to, d->drift_ppm / unit, status_colour(d));
	if (to_px(v, p->to_s - p->from_s) < LETTER_PX * (double)plot_letters(text.text))
		return;
	snprintf(words, sizeof(words), "%s%s", text.text[0] == '-' ? "−" : "",
		text.text + (text.text[0] == '-'));
	fputs("set label ", script);
	plot_string(script, words);
	fprintf(script, " at first %.9g,graph 0.9 center front font 'sans-serif,10' textcolor rgb '%s'\n",
		(from + to) / 2, status_colour(d));
}

static int draw_drift(struct view *v, const struct pair_curve *c, double top)
{
	struct phase_drift *list = calloc(v->r->run->phase_count + 1, sizeof(*list));
	size_t count = list ? phase_drifts(v, c, list) : 0;
	const struct drift *first = count ? list[0].drift : NULL;
	double limit = first && isfinite(first->limit_ppm) ? first->limit_ppm : 0;
	struct axis axis = drift_axis(list, count, limit);
	const struct format_unit *unit = format_drift_unit(fmax(fabs(axis.low), fabs(axis.high)));
	char text[240] = "drift in each phase, with its 95 % interval";

	panel_begin(v, top, DRIFT, true);
	if (limit > 0)
		snprintf(text, sizeof(text),
			"drift in each phase, with its 95 %% interval; green ground: within the limit %s of "
			"±%s",
			first->limit, format_ppm(limit).text);
	panel_title(v, text, unit->name);
	if (limit > 0)
		fprintf(v->plot->script,
			"set object rectangle from graph 0,first %.9g to graph 1,first %.9g behind fillcolor "
			"rgb '#cfe9dc' fillstyle solid noborder\n",
			-limit / unit->size, limit / unit->size);
	for (size_t i = 0; i < count; i++)
		draw_phase(v, &list[i], &axis, unit->size);
	fprintf(v->plot->script,
		"set yrange [%.9g:%.9g]\nplot 0 with lines linewidth 0.8 linecolor rgb "
		"'#888888' notitle\n",
		axis.low / unit->size, axis.high / unit->size);
	free(list);
	return list ? 0 : -ENOMEM;
}

static int clock_height(const struct view *v)
{
	return CLOCK_TITLE + (v->timeline.named ? PANEL_PHASES : 0) + OFFSET + BETWEEN + FLAT + BETWEEN +
	       DRIFT + TICS;
}

static int draw_clock(struct view *v, const struct pair_curve *c, double top)
{
	top += CLOCK_TITLE + (v->timeline.named ? PANEL_PHASES : 0);
	draw_offset(v, c, top);
	top += OFFSET + BETWEEN;
	draw_flat(v, c, top);
	return draw_drift(v, c, top + FLAT + BETWEEN);
}

/* Of the clock that counts most. */
static void say(const struct view *v, const struct pair_curve *c, struct figure *figure)
{
	const struct drift *low = NULL, *high = NULL;
	size_t used = 0, phases = 0, size = sizeof(figure->takeaway);

	for (size_t i = 0; i < v->r->run->phase_count; i++) {
		const struct drift *d = report_drift(v->r, c->clock, c->cpu, v->r->run->phases[i].name);

		if (!d || !isfinite(d->drift_ppm))
			continue;
		phases++;
		low = !low || d->drift_ppm < low->drift_ppm ? d : low;
		high = !high || d->drift_ppm > high->drift_ppm ? d : high;
	}
	if (!low)
		return;
	used = (size_t)snprintf(figure->takeaway, size, "%s of %s drifts by %s", c->clock, v->roles.we,
		format_drift(low->drift_ppm, low_end(low), high_end(low)).text);
	if (low != high)
		used += (size_t)snprintf(figure->takeaway + used, size - used, " to %s over %zu phases",
			format_drift(high->drift_ppm, low_end(high), high_end(high)).text, phases);
	if (c->step_count)
		used += (size_t)snprintf(figure->takeaway + used, size - used, "; %zu %s, %s%s in all",
			c->step_count, c->step_count == 1 ? "step" : "steps", c->stepped_ns < 0 ? "−" : "+",
			format_ns(fabs(c->stepped_ns)).text);
	snprintf(figure->takeaway + used, size - used,
		"; the best exchanges know the offset to ±%s (median).", format_ns(c->half_ns).text);
}

static int draw_all(struct view *v, const int *clocks, size_t count, struct figure *figure, struct error *err)
{
	bool said = false;
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++) {
		struct pair_curve c;

		rc = pair_curve_make(v->r, clocks[i], BINS, &c, err);
		if (rc)
			return rc;
		if (c.count) {
			if (!said)
				say(v, &c, figure);
			said = true;
			rc = draw_clock(v, &c, HEAD + (double)i * clock_height(v));
		}
		pair_curve_free(&c);
	}
	return rc ? error_set(err, rc, "out of memory") : 0;
}

int plot_pair(const struct report *r, struct plot *plot, struct figure *figure, struct error *err)
{
	int clocks[PAIR_CLOCKS_MAX], key, rc;
	size_t count = report_is_pair(r) ? report_pair_clocks(r, clocks) : 0;
	struct view v = { .r = r, .plot = plot, .left = LEFT, .right = WIDTH - RIGHT };

	figure->none = count == 0 || !(r->length_s > 0);
	if (figure->none)
		return 0;
	v.roles = report_pair_roles(r);
	figure->heading = v.roles.heading;
	v.timeline = (struct timeline){ .name = figure->name,
		.width_px = WIDTH - LEFT - RIGHT,
		.unit = format_axis_unit(r->length_s),
		.named = (r->run->phase_count > 1 || r->disturbed) && r->run->phase_count <= PHASES_SHOWN };
	if (marks_make(r, &v.timeline, &v.marks))
		return error_set(err, -ENOMEM, "out of memory");
	key = bands_key_height(r, &v.timeline, WIDTH - KEY_LEFT - 10);
	v.key_top = HEAD + (int)count * clock_height(&v);
	plot_begin(plot, figure->name, WIDTH, v.key_top + key + FOOT);
	fprintf(plot->script, "set xrange [0:%.9g]\n", timeline_end(r, &v.timeline));
	rc = draw_all(&v, clocks, count, figure, err);
	plot_end(plot);
	marks_free(&v.marks);
	return rc;
}
