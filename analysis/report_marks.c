/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Events: lines where they are few, ticks where lines would blacken the plot. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_bands.h"

#define LINES_MAX   24 /* of all kinds together */
#define CLOSE_PX    5  /* lines nearer than that are too near ... */
#define CLOSE_PAIRS 3  /* ... when so many are */
#define WIDTH_MAX   2200

/* None of them is the colour of a CPU's curve. */
static const char *const colours[MARK_KINDS] = { "#6a3d9a", "#00798c", "#8c510a", "#b3004b", "#5a7d00",
	"#3b3b98", "#946c00", "#555555" };

const char *mark_colour(size_t kind)
{
	return colours[kind % MARK_KINDS];
}

static double event_s(const struct report *r, size_t event)
{
	return pair_source_seconds(r->source, r->run->events[event].tsc);
}

static unsigned char find_kind(struct marks *marks, const struct event *event)
{
	size_t i = 0;

	while (i < marks->kind_count && (marks->kinds[i].injected != event->injected ||
						strcmp(marks->kinds[i].name, event->kind) != 0))
		i++;
	if (i == MARK_KINDS) {
		i = MARK_KINDS - 1;
		marks->kinds[i].name = "other kinds";
		marks->kinds[i].injected = false;
	} else if (i == marks->kind_count) {
		marks->kinds[marks->kind_count++] =
			(struct mark_kind){ .name = event->kind, .injected = event->injected };
	}
	marks->kinds[i].count++;
	return (unsigned char)i;
}

/* Marks the cells of the axis that hold an event of the kind.  Returns how many cells there are. */
static size_t fill_cells(const struct report *r, const struct timeline *t, const struct marks *marks,
	size_t kind, double cells_a_px, bool *cells)
{
	double end = timeline_end(r, t) * t->unit->size,
	       count = fmin(t->width_px * cells_a_px, WIDTH_MAX - 1);

	memset(cells, 0, WIDTH_MAX * sizeof(*cells));
	for (size_t i = 0; i < r->run->event_count; i++)
		if (marks->kind_of[i] == kind)
			cells[(size_t)(event_s(r, i) / end * count)] = true;
	return (size_t)count + 1;
}

static bool crowded(const struct report *r, const struct timeline *t, const struct marks *marks, size_t kind)
{
	bool cells[WIDTH_MAX];
	size_t count = fill_cells(r, t, marks, kind, 1, cells), last = count, pairs = 0;

	for (size_t i = 0; i < count; i++) {
		if (!cells[i])
			continue;
		pairs += last < count && i - last < CLOSE_PX;
		last = i;
	}
	return pairs >= CLOSE_PAIRS || marks->kinds[kind].count > LINES_MAX;
}

/* The kind with most lines, where there are more lines than LINES_MAX; else NULL. */
static struct mark_kind *most_lines(struct marks *marks)
{
	struct mark_kind *most = NULL;
	size_t lines = 0;

	for (size_t i = 0; i < marks->kind_count; i++) {
		struct mark_kind *k = &marks->kinds[i];

		if (k->ticks)
			continue;
		lines += k->count;
		if (!most || k->count > most->count)
			most = k;
	}
	return lines > LINES_MAX ? most : NULL;
}

int marks_make(const struct report *r, const struct timeline *t, struct marks *marks)
{
	struct mark_kind *most;

	*marks = (struct marks){ 0 };
	marks->kind_of = malloc(r->run->event_count + 1);
	if (!marks->kind_of)
		return -ENOMEM;
	for (size_t i = 0; i < r->run->event_count; i++) {
		double at_s = event_s(r, i);

		marks->kind_of[i] =
			at_s >= 0 && at_s <= r->length_s ? find_kind(marks, &r->run->events[i]) : MARK_NONE;
	}
	for (size_t i = 0; i < marks->kind_count; i++)
		marks->kinds[i].ticks = crowded(r, t, marks, i);
	while ((most = most_lines(marks)))
		most->ticks = true;
	return 0;
}

void marks_free(struct marks *marks)
{
	free(marks->kind_of);
	*marks = (struct marks){ 0 };
}

size_t marks_tick_kinds(const struct marks *marks)
{
	size_t count = 0;

	for (size_t i = 0; i < marks->kind_count; i++)
		count += marks->kinds[i].ticks;
	return count;
}

/* Two ticks a pixel at most: more cannot be seen. */
void marks_write(const struct report *r, struct plot *plot, const struct timeline *t, struct marks *marks)
{
	for (size_t k = 0; k < marks->kind_count; k++) {
		bool cells[WIDTH_MAX];
		size_t count;

		if (!marks->kinds[k].ticks)
			continue;
		count = fill_cells(r, t, marks, k, 2, cells);
		marks->kinds[k].block = plot_block(plot, "events %s: t_s", marks->kinds[k].name);
		for (size_t i = 0; i < count; i++)
			if (cells[i])
				fprintf(plot->data, "%.9g\n",
					((double)i + 0.5) / (double)count * timeline_end(r, t) *
						t->unit->size);
	}
}

void marks_draw_lines(
	const struct report *r, struct plot *plot, const struct timeline *t, const struct marks *marks)
{
	for (size_t i = 0; i < r->run->event_count; i++) {
		const struct mark_kind *kind;
		double at;

		if (marks->kind_of[i] == MARK_NONE)
			continue;
		kind = &marks->kinds[marks->kind_of[i]];
		at = event_s(r, i) / t->unit->size;
		if (!kind->ticks)
			fprintf(plot->script,
				"set arrow from first %.9g,graph 0 to first %.9g,graph 1 nohead back %s\n",
				at, at,
				kind->injected ? "linewidth 1.2 dashtype (8,3,2,3) linecolor rgb '#6a3d9a'"
					       : "linewidth 1 dashtype '.' linecolor rgb '#888888'");
	}
}

void marks_draw_ticks(struct plot *plot, const struct timeline *t, const struct marks *marks, size_t kind,
	double y, double high)
{
	fprintf(plot->script,
		"'%s.dat' index %u using ($1/%g):(%.9g):(0):(%.9g) with vectors nohead linewidth 0.8 "
		"linecolor rgb '%s' notitle",
		t->name, marks->kinds[kind].block, t->unit->size, y, high, mark_colour(kind));
}

void marks_say(const struct marks *marks, struct figure *figure)
{
	size_t used = strlen(figure->note);
	bool any = false, injected = false;

	for (size_t i = 0; i < marks->kind_count; i++) {
		const struct mark_kind *k = &marks->kinds[i];

		injected |= k->injected && !k->ticks;
		if (!k->ticks || used >= sizeof(figure->note))
			continue;
		used += (size_t)snprintf(figure->note + used, sizeof(figure->note) - used, "%s%zu %s%s",
			any ? ", " : " Too dense for lines, and so ticks at the foot of each panel: ",
			k->count, k->name, k->injected ? " (made on purpose)" : "");
		any = true;
	}
	if (used < sizeof(figure->note) && any)
		used += (size_t)snprintf(figure->note + used, sizeof(figure->note) - used, ".");
	if (used < sizeof(figure->note) && injected)
		snprintf(figure->note + used, sizeof(figure->note) - used,
			" Violet dashes are changes made on purpose.");
}
