/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_bands.h"

#include <math.h>
#include <string.h>

#define NAME_PX	 6.2 /* width of a letter of a phase's name */
#define NAME_GAP 4.0 /* between two names */
#define KEY_PX	 5.6 /* the same in the key, which has letters of all widths */
#define KEY_LINE 15
#define KEY_TOP	 6

#define GROUND	     "#f1f3f6"
#define GROUND_OTHER "#e4eaf3" /* of every other phase with a disturbance */
#define HATCH	     "#e0a29b"

struct band {
	const struct phase *phase;
	size_t number;
	double from_s, to_s;
	enum observed observed;
};

/* False where the phase is not on the time axis. */
static bool band_make(const struct report *r, size_t index, struct band *band)
{
	const struct phase *phase = &r->run->phases[index];
	double low = pair_source_seconds(r->source, phase->tsc_lo);
	double high = pair_source_seconds(r->source, phase->tsc_hi);

	if (high <= low) /* an open end, further away than signed cycles reach */
		high = r->length_s;
	band->phase = phase;
	band->number = index + 1;
	band->from_s = fmax(0, low);
	band->to_s = fmin(r->length_s, high);
	band->observed = phase_observed(phase);
	return band->to_s > band->from_s;
}

double timeline_end(const struct report *r, const struct timeline *t)
{
	double length = r->length_s / t->unit->size;
	double unit = pow(10, floor(log10(length))) / 10, up = ceil(length / unit) * unit;

	return up < 1.01 * length ? up : length;
}

static double band_px(const struct report *r, const struct timeline *t, const struct band *b)
{
	return (b->to_s - b->from_s) / t->unit->size / timeline_end(r, t) * t->width_px;
}

static void ground(struct plot *plot, const struct timeline *t, const struct band *b, const char *style)
{
	fprintf(plot->script,
		"set object rectangle from first %.9g,graph 0 to first %.9g,graph 1 behind fillstyle %s\n",
		b->from_s / t->unit->size, b->to_s / t->unit->size, style);
}

/*
 * Every other phase has a light ground; where phases were disturbed, those have one and the
 * idle ones none.
 */
void bands_draw(const struct report *r, struct plot *plot, const struct timeline *t)
{
	bool other = false;

	for (size_t i = 0; t->named && i < r->run->phase_count; i++) {
		struct band b;

		if (!band_make(r, i, &b))
			continue;
		if (r->disturbed ? b.phase->disturbance_count > 0 : i % 2 == 0) {
			ground(plot, t, &b,
				other ? "solid noborder fillcolor rgb '" GROUND_OTHER "'"
				      : "solid noborder fillcolor rgb '" GROUND "'");
			other = r->disturbed && !other;
		}
		if (b.observed == OBSERVED_NO)
			ground(plot, t, &b, "transparent pattern 4 noborder fillcolor rgb '" HATCH "'");
	}
}

/* The longest way to name the phase in that room; returns whether the name is whole. */
static bool name_fitting(const struct band *b, double room_px, char *text, size_t size)
{
	static const char *const words[] = { ": not known", ": not observed", "" };
	static const char *const marks[] = { " ?", " ✗", "" };
	const char *said = words[b->observed], *mark = marks[b->observed];

	for (int attempt = 0; attempt < 4; attempt++) {
		if (attempt < 2)
			snprintf(text, size, "%s%s", b->phase->name, attempt ? mark : said);
		else
			snprintf(text, size, "%zu%s", b->number, attempt == 2 ? mark : "");
		if ((double)plot_letters(text) * NAME_PX + NAME_GAP <= room_px)
			return attempt == 0 || (attempt == 1 && b->observed == OBSERVED_YES);
	}
	text[0] = '\0';
	return false;
}

void bands_name(const struct report *r, struct plot *plot, const struct timeline *t)
{
	for (size_t i = 0; t->named && i < r->run->phase_count; i++) {
		char text[PHASE_NAME_MAX + 32];
		struct band b;

		if (!band_make(r, i, &b))
			continue;
		name_fitting(&b, band_px(r, t, &b), text, sizeof(text));
		if (!text[0])
			continue;
		fputs("set label ", plot->script);
		plot_string(plot->script, text);
		fprintf(plot->script,
			" at first %.9g,graph 1 offset 0,0.6 center font 'sans-serif,10' textcolor rgb "
			"'%s'\n",
			(b.from_s + b.to_s) / 2 / t->unit->size,
			b.observed == OBSERVED_NO ? "#b3261e" : "#777777");
	}
}

/* "3 load", with what is the matter with it. */
static void key_item(const struct band *b, char *text, size_t size)
{
	static const char *const words[] = { " (not known whether it happened)", " (not observed)", "" };

	snprintf(text, size, "%zu %s%s", b->number, b->phase->name, words[b->observed]);
}

static bool names_missing(const struct report *r, const struct timeline *t)
{
	for (size_t i = 0; t->named && i < r->run->phase_count; i++) {
		char text[PHASE_NAME_MAX + 32];
		struct band b;

		if (band_make(r, i, &b) && !name_fitting(&b, band_px(r, t, &b), text, sizeof(text)))
			return true;
	}
	return false;
}

/* Walks through the items as they fill lines; draws them where plot is set.  Returns the lines. */
static int key_lines(
	const struct report *r, struct plot *plot, const struct timeline *t, int left, int top, int width_px)
{
	double x = 0;
	int line = 0;

	if (!names_missing(r, t))
		return 0;
	for (size_t i = 0; i < r->run->phase_count; i++) {
		char text[PHASE_NAME_MAX + 64];
		struct band b;
		double px;

		if (!band_make(r, i, &b))
			continue;
		key_item(&b, text, sizeof(text));
		px = (double)plot_letters(text) * KEY_PX;
		if (x > 0 && x + px > width_px) {
			x = 0;
			line++;
		}
		if (plot) {
			fputs("set label ", plot->script);
			plot_string(plot->script, text);
			fprintf(plot->script,
				" at screen %.5f,%.5f left font 'sans-serif,10' textcolor rgb '%s'\n",
				(left + x) / plot->width,
				1 - (top + KEY_TOP + (line + 0.5) * KEY_LINE) / plot->height,
				b.observed == OBSERVED_NO ? "#b3261e" : "#555555");
		}
		x += px + 16;
	}
	return line + 1;
}

int bands_key_height(const struct report *r, const struct timeline *t, int width_px)
{
	int lines = key_lines(r, NULL, t, 0, 0, width_px);

	return lines ? KEY_TOP + lines * KEY_LINE : 0;
}

void bands_key(const struct report *r, struct plot *plot, const struct timeline *t, int left, int top)
{
	key_lines(r, plot, t, left, top, plot->width - left - 10);
}
