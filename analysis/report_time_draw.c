/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_time.h"

#include <math.h>
#include <string.h>

#include "results/units.h"

#define POINTS_DOTTED  80 /* fewer than that on a curve: each is a dot */
#define STEPS_DRAWN    50
#define STEPS_LABELED  3
#define STEPS_SAME_PX  1 /* no further apart: the same step on several CPUs */
#define STEPS_CLOSE_PX 5 /* lines nearer than that run into each other */
#define TICKS_PX       6
#define WIDTH_MAX      2200

static void write_envelope(struct plot *plot, const struct curve *curve)
{
	for (size_t k = 0; k < curve->piece_count; k++) {
		const struct piece *p = &curve->pieces[k];

		for (size_t i = 0; i < p->count; i++)
			fprintf(plot->data, "%s%.9g %.6g %.6g %.6g\n", i && p->bins[i].gap ? "\n" : "",
				p->bins[i].t, p->bins[i].low, p->bins[i].median, p->bins[i].high);
		if (p->count)
			fputc('\n', plot->data);
	}
}

/* One point of the fit; stepped_ns is what the steps so far add up to. */
static void write_fit_point(struct plot *plot, const struct piece *p, double t, double stepped_ns)
{
	double ns_per_ppm = (t - p->centre_s) * PPM * (double)NS_PER_SEC;
	double low = isfinite(p->fit->ci_low_ppm) ? p->fit->ci_low_ppm : p->fit->drift_ppm;
	double high = isfinite(p->fit->ci_high_ppm) ? p->fit->ci_high_ppm : p->fit->drift_ppm;
	double at = p->centre_ns + stepped_ns;

	fprintf(plot->data, "%.9g %.9g %.9g %.9g\n", t, at + p->fit->drift_ppm * ns_per_ppm,
		at + low * ns_per_ppm, at + high * ns_per_ppm);
}

/* The interval of the slope opens like a fan from the middle of the data; the line jumps at steps. */
static void write_fit(struct plot *plot, const struct curve *curve)
{
	for (size_t k = 0; k < curve->piece_count; k++) {
		const struct piece *p = &curve->pieces[k];
		bool centre = false;

		if (!p->fit || p->count < 2)
			continue;
		write_fit_point(plot, p, p->from_s, 0);
		for (size_t i = 0; i <= p->step_count; i++) {
			double until = i < p->step_count ? p->steps[i]->at_s : p->to_s;
			double stepped = piece_stepped_ns(p, until);

			if (!centre && until >= p->centre_s) {
				write_fit_point(plot, p, p->centre_s, stepped);
				centre = true;
			}
			write_fit_point(plot, p, until, stepped);
			if (i < p->step_count)
				write_fit_point(plot, p, until, stepped + p->steps[i]->step_ns);
		}
		fputc('\n', plot->data);
	}
}

/* Where values lie beyond the axis: a mark on its edge, up or down. */
static size_t write_beyond(struct plot *plot, const struct panel *panel, const struct curve *curve, bool up)
{
	double edge = up ? panel->axis.high : panel->axis.low;
	size_t count = 0;

	for (size_t k = 0; k < curve->piece_count; k++) {
		const struct piece *p = &curve->pieces[k];

		for (size_t i = 0; i < p->count; i++) {
			if (up ? p->bins[i].high <= edge : p->bins[i].low >= edge)
				continue;
			fprintf(plot->data, "%.9g %.9g\n", p->bins[i].t, edge);
			count++;
		}
	}
	return count;
}

/* Commas between the parts of a plot command. */
static void next_part(struct plot *plot, bool *first)
{
	fputs(*first ? "plot " : ", \\\n     ", plot->script);
	*first = false;
}

static void draw_line(struct plot *plot, double t, const struct layout *l, const char *style)
{
	fprintf(plot->script, "set arrow from first %.9g,graph 0 to first %.9g,graph 1 nohead %s\n",
		t / l->timeline.unit->size, t / l->timeline.unit->size, style);
}

static const char *step_colour(const struct step *s)
{
	return strcmp(s->injected, "yes") == 0 ? "#6a3d9a" : "#b3261e";
}

static void draw_step(
	const struct report *r, struct plot *plot, const struct layout *l, const struct step *s, size_t index)
{
	bool right = s->at_s > 0.7 * r->length_s;
	char style[100];

	snprintf(
		style, sizeof(style), "back linewidth 1.2 dashtype (6,4) linecolor rgb '%s'", step_colour(s));
	draw_line(plot, s->at_s, l, style);
	if (index >= STEPS_LABELED)
		return;
	fprintf(plot->script, "set label '%s%s'", s->step_ns < 0 ? "−" : "+",
		format_ns(fabs(s->step_ns)).text);
	fprintf(plot->script,
		" at first %.9g,graph %.3f %s offset %s,0 front font 'sans-serif,10' textcolor rgb '%s'\n",
		s->at_s / l->timeline.unit->size, 0.94 - 0.1 * (double)index, right ? "right" : "left",
		right ? "-0.6" : "0.6", step_colour(s));
}

/* Where on the axis a step is, px. */
static size_t step_px(const struct report *r, const struct layout *l, const struct step *s)
{
	double px = s->at_s / r->length_s * l->timeline.width_px;

	return px > 0 ? (size_t)fmin(px, WIDTH_MAX - 1) : 0;
}

/* Another step is so near that lines would run into each other; the same step on another CPU is not. */
static bool step_crowded(const bool *taken, size_t px)
{
	for (size_t d = STEPS_SAME_PX + 1; d <= STEPS_CLOSE_PX; d++)
		if ((px >= d && taken[px - d]) || (px + d < WIDTH_MAX && taken[px + d]))
			return true;
	return false;
}

/* Lines where steps are few; where they are dense, ticks at the top edge.  Each place has one. */
static void draw_steps(
	const struct report *r, struct plot *plot, const struct layout *l, const struct panel *panel)
{
	const struct estimates *e = r->estimates;
	bool taken[WIDTH_MAX] = { false }, done[WIDTH_MAX] = { false };
	size_t drawn = 0;

	for (size_t i = 0; i < e->step_count; i++)
		if (panel_has_step(panel, &e->steps[i]))
			taken[step_px(r, l, &e->steps[i])] = true;
	for (size_t i = 0; i < e->step_count; i++) {
		const struct step *s = &e->steps[i];
		size_t px = step_px(r, l, s);

		if (!panel_has_step(panel, s) || done[px])
			continue;
		for (size_t k = 0; k <= STEPS_SAME_PX; k++)
			done[px + k < WIDTH_MAX ? px + k : px] = done[px >= k ? px - k : px] = true;
		if (drawn < STEPS_DRAWN && !step_crowded(taken, px))
			draw_step(r, plot, l, s, drawn++);
		else
			fprintf(plot->script,
				"set arrow from first %.9g,graph 0.94 to first %.9g,graph 1 nohead front "
				"linewidth 0.8 linecolor rgb '%s'\n",
				s->at_s / l->timeline.unit->size, s->at_s / l->timeline.unit->size,
				step_colour(s));
	}
}

/* Ticks of dense events at the foot, one row a kind. */
static void draw_ticks(
	struct plot *plot, const struct layout *l, const struct axis *shown, double size, bool *first)
{
	double row = (shown->high - shown->low) / size * TICKS_PX / l->panel_height, y = shown->low / size;

	for (size_t i = 0; i < l->marks->kind_count; i++) {
		if (!l->marks->kinds[i].ticks)
			continue;
		next_part(plot, first);
		marks_draw_ticks(plot, &l->timeline, l->marks, i, y, row);
		y += row;
	}
}

static void draw_part(struct plot *plot, const struct layout *l, bool *first, unsigned block,
	const char *columns, const char *style)
{
	next_part(plot, first);
	fprintf(plot->script, "'%s.dat' index %u using %s with %s notitle", l->timeline.name, block, columns,
		style);
}

struct blocks {
	unsigned envelope, fit, up, down;
	size_t points, up_count, down_count;
	bool has_fit;
};

/* One data block a kind; empty ones are never named in the script, gnuplot would complain. */
static struct blocks write_curve(const struct report *r, struct plot *plot, const struct layout *l,
	const struct panel *panel, size_t index)
{
	const struct curve *c = &panel->curves[index];
	struct blocks b = { 0 };

	for (size_t k = 0; k < c->piece_count; k++) {
		b.points += c->pieces[k].count;
		b.has_fit |= c->pieces[k].fit && c->pieces[k].count > 1;
	}
	b.envelope = plot_block(plot, "%s against %s on CPU %d: t_s, lowest, median, highest %s (ns)",
		panel->clock, r->reference_name, c->cpu, l->residuals ? "residual" : "offset");
	write_envelope(plot, c);
	if (!l->residuals && b.has_fit) {
		b.fit = plot_block(plot, "its fit: t_s, offset, low and high end of 95 %% (ns)");
		write_fit(plot, c);
	}
	b.up = plot_block(plot, "above the axis: t_s, edge (ns)");
	b.up_count = write_beyond(plot, panel, c, true);
	b.down = plot_block(plot, "below the axis: t_s, edge (ns)");
	b.down_count = write_beyond(plot, panel, c, false);
	return b;
}

static void draw_curve(struct plot *plot, const struct layout *l, const struct blocks *b, size_t index,
	const struct format_unit *unit, bool *first)
{
	const char *colour = plot_colour(index);
	char columns[160], style[120];

	if (b->points == 0)
		return;
	snprintf(columns, sizeof(columns), "($1/%g):($2/%g):($4/%g)", l->timeline.unit->size, unit->size,
		unit->size);
	snprintf(style, sizeof(style), "filledcurves linecolor rgb '%s'", plot_shade(index));
	draw_part(plot, l, first, b->envelope, columns, style);
	snprintf(columns, sizeof(columns), "($1/%g):($3/%g)", l->timeline.unit->size, unit->size);
	snprintf(style, sizeof(style), "%s linewidth 1 linecolor rgb '%s'",
		b->points < POINTS_DOTTED ? "linespoints pointtype 7 pointsize 0.3" : "lines", colour);
	draw_part(plot, l, first, b->envelope, columns, style);
	if (b->up_count) {
		snprintf(style, sizeof(style), "points linecolor rgb '%s' pointtype 9 pointsize 0.5", colour);
		snprintf(columns, sizeof(columns), "($1/%g):($2/%g)", l->timeline.unit->size, unit->size);
		draw_part(plot, l, first, b->up, columns, style);
	}
	if (b->down_count) {
		snprintf(
			style, sizeof(style), "points linecolor rgb '%s' pointtype 11 pointsize 0.5", colour);
		snprintf(columns, sizeof(columns), "($1/%g):($2/%g)", l->timeline.unit->size, unit->size);
		draw_part(plot, l, first, b->down, columns, style);
	}
}

/* Fits lie above all data, so that no curve hides another one's line. */
static void draw_fit(struct plot *plot, const struct layout *l, const struct blocks *b,
	const struct format_unit *unit, bool *first)
{
	char columns[160];

	if (l->residuals || !b->has_fit || b->points == 0)
		return;
	snprintf(columns, sizeof(columns), "($1/%g):($3/%g):($4/%g)", l->timeline.unit->size, unit->size,
		unit->size);
	draw_part(plot, l, first, b->fit, columns, "filledcurves linecolor rgb '#d8222222'");
	snprintf(columns, sizeof(columns), "($1/%g):($2/%g)", l->timeline.unit->size, unit->size);
	draw_part(
		plot, l, first, b->fit, columns, "lines linecolor rgb '#222222' linewidth 1 dashtype (8,5)");
}

static void draw_legend(const struct report *r, struct plot *plot, const struct panel *panel)
{
	static const char *const roles[] = { "lowest", "median", "highest" };
	struct legend_entry entries[CPUS_SHOWN];
	char names[CPUS_SHOWN][24];

	for (size_t i = 0; i < panel->curve_count; i++) {
		snprintf(names[i], sizeof(names[i]), "CPU %d", panel->curves[i].cpu);
		entries[i].text = r->cpu_count <= CPUS_SHOWN ? names[i] : roles[i % 3];
		entries[i].colour = plot_colour(i);
	}
	plot_legend(plot, entries, panel->curve_count);
}

/* Right above a panel: the CPUs where they are a choice, values beyond the axis, the number of steps where not all are labelled. */
static void write_note(const struct report *r, FILE *out, const struct panel *panel)
{
	double above = panel->seen.high - panel->axis.high, below = panel->axis.low - panel->seen.low;
	double far = above > below ? panel->seen.high : panel->seen.low;

	for (size_t i = 0; r->cpu_count > CPUS_SHOWN && i < panel->curve_count; i++)
		fprintf(out, "%s%d", i ? ", " : "CPU ", panel->curves[i].cpu);
	if (panel->points && fmax(above, below) > 0)
		fprintf(out, "   extreme %s%s", far > 0 ? "+" : "−", format_ns(fabs(far)).text);
	if (panel->step_count > STEPS_LABELED)
		fprintf(out, "   %zu steps", panel->step_count);
}

static void panel_words(const struct report *r, struct plot *plot, const struct panel *panel,
	const struct layout *l, const struct format_unit *unit)
{
	const char *above = l->timeline.named ? "1.9" : "0.75";

	fputs("set label ", plot->script);
	plot_string(plot->script, panel->clock);
	fprintf(plot->script,
		" at graph 0,1 left offset 0,%s font 'sans-serif Bold,12' textcolor rgb '#222222'\n", above);
	fputs("set label '", plot->script);
	write_note(r, plot->script, panel);
	fprintf(plot->script,
		"' at graph 1,1 right offset 0,%s font 'sans-serif,10' textcolor rgb '#777777'\n", above);
	fprintf(plot->script,
		"set label '%s' at graph 0,1 right offset -0.8,0.75 font 'sans-serif,11' textcolor rgb "
		"'#444444'\n",
		panel->points ? unit->name : "");
}

void panel_draw(const struct report *r, struct plot *plot, const struct layout *l, const struct panel *panel,
	bool first)
{
	const struct format_unit *unit =
		format_time_unit(fmax(fabs(panel->axis.low), fabs(panel->axis.high)));
	struct blocks blocks[CPUS_SHOWN];
	bool first_part = true;

	fputs("unset label\nunset arrow\nunset object\n", plot->script);
	if (first) {
		plot_headline(plot, l->title);
		draw_legend(r, plot, panel);
		bands_key(r, plot, &l->timeline, l->key_left, l->key_top);
	}
	panel_words(r, plot, panel, l, unit);
	bands_draw(r, plot, &l->timeline);
	bands_name(r, plot, &l->timeline);
	marks_draw_lines(r, plot, &l->timeline, l->marks);
	draw_steps(r, plot, l, panel);
	if (panel->points)
		fprintf(plot->script, "set yrange [%.9g:%.9g]\n", panel->axis.low / unit->size,
			panel->axis.high / unit->size);
	else
		fputs("set label 'no readings' at graph 0.5,0.5 center textcolor rgb '#777777'\nset yrange "
		      "[0:1]\n",
			plot->script);
	for (size_t i = 0; i < panel->curve_count; i++)
		blocks[i] = write_curve(r, plot, l, panel, i);
	if (l->residuals && panel->points) {
		next_part(plot, &first_part);
		fputs("0 with lines linewidth 0.8 linecolor rgb '#888888' notitle", plot->script);
	}
	for (size_t i = 0; i < panel->curve_count; i++)
		draw_curve(plot, l, &blocks[i], i, unit, &first_part);
	for (size_t i = 0; i < panel->curve_count; i++)
		draw_fit(plot, l, &blocks[i], unit, &first_part);
	if (panel->points)
		draw_ticks(plot, l, &panel->axis, unit->size, &first_part);
	if (first_part)
		fputs("plot NaN notitle", plot->script);
	fputc('\n', plot->script);
}
