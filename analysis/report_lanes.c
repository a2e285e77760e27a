/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_lanes.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRIP_LANES 6 /* more only where more disturbances ran */
#define STRIP_MOST  9
#define LANE_MARGIN 0.08

struct entry {
	struct lane_series member;
	char name[EVIDENCE_NAME_MAX];
	size_t place;
};

/* "busy CPU 3": the name becomes "busy".  Returns the CPU or -1. */
static int split_cpu(char *name)
{
	size_t end = strlen(name), digits = end;

	while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
		digits--;
	if (digits == end || end - digits > 6 || digits < strlen(" CPU ") ||
		strncmp(name + digits - strlen(" CPU "), " CPU ", strlen(" CPU ")) != 0)
		return -1;
	name[digits - strlen(" CPU ")] = '\0';
	return atoi(name + digits);
}

static int lane_order(const struct entry *a, const struct entry *b)
{
	int order = strcmp(a->member.series->disturbance, b->member.series->disturbance);

	if (!order)
		order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->member.series->unit, b->member.series->unit);
}

static int by_lane(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int order = lane_order(a, b);

	if (order)
		return order;
	if (a->member.series->phase != b->member.series->phase)
		return a->member.series->phase < b->member.series->phase ? -1 : 1;
	if (a->member.cpu != b->member.cpu)
		return a->member.cpu < b->member.cpu ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

static int by_place(const void *x, const void *y)
{
	const struct lane *a = x, *b = y;

	return (a->first > b->first) - (a->first < b->first);
}

static int by_number(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static void lane_measure(struct lane *lane)
{
	size_t kept = 0;

	lane->seen = (struct axis){ INFINITY, -INFINITY };
	for (size_t i = 0; i < lane->count; i++) {
		const struct evidence_series *s = lane->series[i].series;

		lane->cpus[i] = lane->series[i].cpu;
		for (size_t k = 0; k < s->count; k++) {
			if (!isfinite(s->points[k].value))
				continue;
			lane->seen.low = fmin(lane->seen.low, s->points[k].value);
			lane->seen.high = fmax(lane->seen.high, s->points[k].value);
		}
	}
	qsort(lane->cpus, lane->count, sizeof(*lane->cpus), by_number);
	for (size_t i = 0; i < lane->count; i++)
		if (kept == 0 || lane->cpus[kept - 1] != lane->cpus[i])
			lane->cpus[kept++] = lane->cpus[i];
	lane->cpu_count = kept;
}

/* Takes `count` entries of one lane; it is left out, with 0, where it has no finite value. */
static int lane_take(struct report *r, const struct entry *entries, size_t count)
{
	struct lane *lane = &r->lanes[r->lane_count];

	*lane = (struct lane){ .disturbance = entries->member.series->disturbance,
		.unit = entries->member.series->unit,
		.first = entries->place,
		.count = count };
	memcpy(lane->name, entries->name, sizeof(lane->name));
	lane->series = malloc(count * sizeof(*lane->series));
	lane->cpus = malloc(count * sizeof(*lane->cpus));
	if (!lane->series || !lane->cpus) {
		free(lane->series);
		free(lane->cpus);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		lane->series[i] = entries[i].member;
		if (entries[i].place < lane->first)
			lane->first = entries[i].place;
	}
	lane_measure(lane);
	if (lane->seen.low <= lane->seen.high) {
		r->lane_count++;
		return 0;
	}
	free(lane->series);
	free(lane->cpus);
	return 0;
}

static bool varies(const struct lane *lane)
{
	return lane->seen.high > lane->seen.low;
}

/* The best lane of that disturbance that is not in the strip yet: one that varies, else the first. */
static struct lane *best_left(struct report *r, const char *disturbance)
{
	struct lane *best = NULL;

	for (size_t i = 0; i < r->lane_count; i++) {
		struct lane *lane = &r->lanes[i];

		if (lane->in_strip || strcmp(lane->disturbance, disturbance) != 0)
			continue;
		if (!best || (!varies(best) && varies(lane)))
			best = lane;
	}
	return best;
}

/* One lane of each disturbance, then a second of each, until the strip is full. */
static void lanes_choose(struct report *r)
{
	size_t chosen = 0, before;

	for (size_t round = 0; round == 0 || (chosen > before && chosen < STRIP_LANES); round++) {
		before = chosen;
		for (size_t i = 0; i < r->lane_count; i++) {
			struct lane *lane = &r->lanes[i], *best;
			bool seen = false;

			for (size_t k = 0; k < i && !seen; k++)
				seen = strcmp(r->lanes[k].disturbance, lane->disturbance) == 0;
			if (seen || chosen >= (round ? STRIP_LANES : STRIP_MOST))
				continue;
			best = best_left(r, lane->disturbance);
			if (best)
				best->in_strip = true;
			chosen += best != NULL;
		}
	}
}

int lanes_make(struct report *r)
{
	const struct evidence_set *set = &r->evidence;
	struct entry *entries = malloc((set->count + 1) * sizeof(*entries));
	int rc = 0;

	r->lanes = calloc(set->count + 1, sizeof(*r->lanes));
	if (!entries || !r->lanes) {
		free(entries);
		return -ENOMEM;
	}
	for (size_t i = 0; i < set->count; i++) {
		entries[i] = (struct entry){ .member.series = &set->series[i], .place = i };
		memcpy(entries[i].name, set->series[i].name, sizeof(entries[i].name));
		entries[i].member.cpu = split_cpu(entries[i].name);
	}
	qsort(entries, set->count, sizeof(*entries), by_lane);
	for (size_t i = 0, next; i < set->count && !rc; i = next) {
		for (next = i + 1; next < set->count && lane_order(&entries[i], &entries[next]) == 0; next++)
			;
		rc = lane_take(r, entries + i, next - i);
	}
	qsort(r->lanes, r->lane_count, sizeof(*r->lanes), by_place);
	lanes_choose(r);
	free(entries);
	return rc;
}

void lanes_free(struct report *r)
{
	for (size_t i = 0; i < r->lane_count; i++) {
		free(r->lanes[i].series);
		free(r->lanes[i].cpus);
	}
	free(r->lanes);
	r->lanes = NULL;
	r->lane_count = 0;
}

/* Three digits, four where they are whole. */
static void plain_number(double value, char *text, size_t size)
{
	if (value >= 9999.5 && value < 1e15)
		snprintf(text, size, "%s", format_count((uint64_t)llround(value)).text);
	else
		snprintf(text, size, fabs(value) >= 100 && fabs(value) < 1e15 ? "%s%.0f" : "%s%.3g",
			value < 0 ? "−" : "", fabs(value));
}

/* The name of the value in a unit like "tsc=0 kvm-clock=1", its length in *length; NULL: it has none. */
static const char *value_name(double value, const char *unit, size_t *length)
{
	for (const char *at = unit + strspn(unit, " "); *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		*length = strcspn(at, " =");
		if (at[*length] == '=' && *length > 0 && strtod(at + *length + 1, NULL) == value)
			return at;
		at += word;
	}
	return NULL;
}

/* Frequencies in the unit that suits them. */
struct formatted lane_value(double value, const char *unit)
{
	static const char *const names[] = { "kHz", "MHz", "GHz" };
	struct formatted f;
	size_t i = 0, length;
	const char *name = value_name(value, unit, &length);
	char number[24];

	if (name) {
		snprintf(f.text, sizeof(f.text), "%.*s", (int)length, name);
	} else if (value == 0 && strcmp(unit, "kHz") == 0) {
		strcpy(f.text, "0");
	} else if (strcmp(unit, "kHz") == 0) {
		for (; i < 2 && fabs(value) >= 1000; i++)
			value /= 1000;
		snprintf(f.text, sizeof(f.text), "%.4g %s", value, names[i]);
	} else {
		plain_number(value, number, sizeof(number));
		snprintf(f.text, sizeof(f.text), "%s%s%.24s", number, unit[0] ? " " : "", unit);
	}
	return f;
}

void lane_range(const struct lane *lane, char *text, size_t size)
{
	struct formatted low = lane_value(lane->seen.low, lane->unit);
	struct formatted high = lane_value(lane->seen.high, lane->unit);
	char number[64];

	if (strcmp(low.text, high.text) == 0) {
		snprintf(text, size, "always %s", low.text);
	} else if (strcmp(lane->unit, "kHz") == 0 || strchr(lane->unit, '=')) {
		snprintf(text, size, "%s … %s", low.text, high.text);
	} else {
		plain_number(lane->seen.low, number, sizeof(number));
		snprintf(text, size, "%s … %s", number, high.text);
	}
}

void lane_title(const struct lane *lane, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s: %s", lane->disturbance, lane->name);

	if (lane->cpus[lane->cpu_count - 1] < 0 || used >= size)
		return;
	if (lane->cpu_count > CPUS_SHOWN) {
		snprintf(text + used, size - used, ", lowest to highest of %zu CPUs", lane->cpu_count);
		return;
	}
	for (size_t i = 0; i < lane->cpu_count && used < size; i++)
		if (lane->cpus[i] >= 0)
			used += (size_t)snprintf(text + used, size - used, "%s%d",
				i && lane->cpus[i - 1] >= 0 ? ", " : ", CPU ", lane->cpus[i]);
}

struct axis lane_axis(const struct lane *lane)
{
	struct axis axis = lane->seen;

	if (axis.low > 0 && axis.low < 0.7 * axis.high)
		axis.low = 0;
	if (strcmp(lane->unit, "%") == 0 && axis.low >= 0 && axis.high > 30 && axis.high <= 100)
		axis = (struct axis){ 0, 100 };
	return axis;
}

void lane_range_set(FILE *script, const struct lane *lane)
{
	struct axis axis = lane_axis(lane);
	double span = axis.high - axis.low;

	if (!(span > 0))
		span = fabs(axis.high) > 0 ? fabs(axis.high) : 1;
	fprintf(script, "set yrange [%.9g:%.9g]\n", axis.low - LANE_MARGIN * span,
		axis.high + LANE_MARGIN * span);
}
