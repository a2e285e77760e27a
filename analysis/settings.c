/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/settings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cause.h"
#include "results/units.h"

#define SIGMAS 1.96 /* in half of a 95 % interval */

bool settings_move(const char *clock)
{
	return strcmp(clock, "realtime") == 0 || strcmp(clock, "tai") == 0;
}

static bool moves(const struct run *run, int clock)
{
	return clock != PAIR_TSC && settings_move(run->clocks[clock].name);
}

/* How far the offset of that point may be off: a daemon may slew both clocks against the rate with which it is carried. */
static double error_ns(const struct pair *p, size_t i)
{
	return p->half_ns[i] + fabs(p->apart_s[i]) * (double)NS_PER_SEC * SETTING_SLEW_MOST;
}

/* What the two readings' errors cannot explain; 0: they can. */
static double jump_between(const struct pair *p, size_t a, size_t b)
{
	double jump = p->offset_ns[b] - p->offset_ns[a];

	return fabs(jump) > fmax(error_ns(p, a) + error_ns(p, b), SETTING_LEAST_NS) ? jump : 0;
}

static size_t next_good(const struct pair *p, size_t i)
{
	while (i < p->count && p->half_ns[i] < 0)
		i++;
	return i;
}

static bool is_known(const struct run *run, const struct pair_source *source, double from_s, double to_s)
{
	for (size_t i = 0; i < run->event_count; i++) {
		double at_s = pair_source_seconds(source, run->events[i].tsc);

		if (strcmp(run->events[i].kind, "settime") == 0 && at_s >= from_s - cause_reach_s(run) &&
			at_s <= to_s + cause_reach_s(run))
			return true;
	}
	return false;
}

/* The jumps of a clock that can be set less boottime; one that the next reading takes back was a reading that went wrong. */
static int find_jumps(const struct run *run, const struct pair_source *source, const struct pair *p,
	double rate, double sign, struct settings *out)
{
	out->found = malloc((p->count + 1) * sizeof(*out->found));
	if (!out->found)
		return -ENOMEM;
	for (size_t a = next_good(p, 0), b = next_good(p, a + 1), c; b < p->count; a = b, b = c) {
		double jump = jump_between(p, a, b);
		double from_s = p->t_s[a] / p->time_rate, to_s = p->t_s[b] / p->time_rate;

		c = next_good(p, b + 1);
		if (jump == 0 || is_known(run, source, from_s, to_s))
			continue;
		if (c < p->count && jump_between(p, a, c) == 0) {
			b = c;
			c = next_good(p, c + 1);
			continue;
		}
		out->found[out->count++] = (struct step_found){ .at_s = (from_s + to_s) / 2 * rate,
			.from_s = from_s * rate,
			.to_s = to_s * rate,
			.step_ns = sign * jump,
			.se_ns = (error_ns(p, a) + error_ns(p, b)) / SIGMAS };
	}
	return 0;
}

int settings_find(const struct run *run, struct pair_source *source, const struct pair *pair,
	struct settings *out, struct error *err)
{
	bool moved = moves(run, pair->clock);
	int set = moved ? pair->clock : pair->reference, boottime = run_clock_find(run, "boottime");
	enum pair_absence absence;
	struct pair wall;
	int rc;

	*out = (struct settings){ 0 };
	if (boottime < 0 || moved == moves(run, pair->reference))
		return 0;
	rc = pair_make(source, pair->cpu, set, boottime, pair->phase, &wall, &absence, err);
	if (rc)
		return rc;
	if (absence == PAIR_PRESENT && find_jumps(run, source, &wall, pair->time_rate, moved ? 1 : -1, out))
		rc = error_set(err, -ENOMEM, "out of memory for %zu points", wall.count);
	pair_free(&wall);
	return rc;
}

void settings_free(struct settings *settings)
{
	free(settings->found);
	*settings = (struct settings){ 0 };
}
