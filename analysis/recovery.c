/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/recovery.h"

#include <errno.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cause.h"
#include "analysis/daemons.h"
#include "analysis/event_steps.h"
#include "analysis/format.h"
#include "analysis/settings.h"
#include "results/units.h"

#define MAD_TO_SIGMA 1.4826

static bool is_good(const struct recovery_input *in, size_t i, double bound_ns)
{
	return in->half_ns[i] >= 0 && in->half_ns[i] <= bound_ns;
}

/* Median of the points before the event and the bound about it; false: there are too few. */
static bool level_before(const struct recovery_input *in, double *room, double *level, double *bound)
{
	size_t n = 0;

	for (size_t i = 0; i < in->count; i++)
		if (in->t_s[i] >= in->from_s && in->t_s[i] < in->event_s && is_good(in, i, RECOVERY_BOUND_NS))
			room[n++] = in->offset_ns[i];
	if (n < RECOVERY_POINTS)
		return false;
	*level = gsl_stats_median(room, 1, n);
	for (size_t i = 0; i < n; i++)
		room[i] = fabs(room[i] - *level);
	*bound = fmax(RECOVERY_BOUND_NS, RECOVERY_SIGMAS * MAD_TO_SIGMA * gsl_stats_median(room, 1, n));
	return true;
}

/* From the points after the event: the last one outside, and the first one of those behind it. */
static void find_return(const struct recovery_input *in, double level, struct recovery *out)
{
	double last_outside = NAN, first_inside = NAN;
	size_t inside = 0, outside = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (in->t_s[i] <= in->event_s || in->t_s[i] >= in->to_s || !is_good(in, i, out->bound_ns))
			continue;
		if (fabs(in->offset_ns[i] - level) > out->bound_ns) {
			last_outside = in->t_s[i];
			outside++;
			inside = 0;
		} else if (!inside++) {
			first_inside = in->t_s[i];
		}
	}
	if (!outside && inside < RECOVERY_POINTS)
		return;
	out->recovered = !outside		    ? RECOVERY_NEVER_LEFT
			 : inside < RECOVERY_POINTS ? RECOVERY_NOT
						    : RECOVERY_DONE;
	if (out->recovered != RECOVERY_DONE)
		return;
	out->recovery_s = first_inside - in->event_s;
	out->resolution_s = first_inside - last_outside;
}

int recovery_find(const struct recovery_input *in, struct recovery *out, struct error *err)
{
	double *room = malloc((in->count + 1) * sizeof(*room)), level, bound;

	*out = (struct recovery){ RECOVERY_UNKNOWN, NAN, NAN, NAN };
	if (!room)
		return error_set(err, -ENOMEM, "out of memory for %zu points", in->count);
	if (level_before(in, room, &level, &bound)) {
		out->bound_ns = bound;
		find_return(in, level, out);
	}
	free(room);
	return 0;
}

/* ---- of the steps of a run ---- */

/* The step's own event, and the time about it in which no other one may step the clock; false: it has none. */
static bool surroundings(const struct run *run, const struct pair_source *source, const struct pair *pair,
	const struct step *step, struct recovery_input *in)
{
	double nearest = INFINITY;

	in->event_s = step->at_s;
	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];
		double at_s = pair_source_seconds(source, e->tsc) * pair->time_rate;
		size_t length = strlen(e->kind);

		if (!cause_may_step(e, step->clock, step->reference) ||
			length != cause_kind_length(step->cause) ||
			strncmp(step->cause, e->kind, length) != 0 || fabs(at_s - step->at_s) >= nearest)
			continue;
		nearest = fabs(at_s - step->at_s);
		in->event_s = at_s;
	}
	in->from_s = in->event_s - RECOVERY_BEFORE_S;
	in->to_s = INFINITY;
	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];
		double at_s = pair_source_seconds(source, e->tsc) * pair->time_rate;

		if (!cause_may_step(e, step->clock, step->reference))
			continue;
		if (at_s < in->event_s)
			in->from_s = fmax(in->from_s, at_s + EVENT_GUARD_S);
		else if (at_s > in->event_s)
			in->to_s = fmin(in->to_s, at_s - EVENT_GUARD_S);
	}
	return isfinite(nearest);
}

static void tell(const struct recovery *r, struct step *step)
{
	static const char *const words[] = { [RECOVERY_UNKNOWN] = "",
		[RECOVERY_NEVER_LEFT] = "",
		[RECOVERY_NOT] = "no",
		[RECOVERY_DONE] = "yes" };

	strcpy(step->recovered, words[r->recovered]);
	step->recovery_s = r->recovery_s;
	step->recovery_resolution_s = r->resolution_s;
	step->recovery_bound_ns = step->recovered[0] ? r->bound_ns : NAN;
}

static size_t phase_index(const struct run *run, const char *name)
{
	size_t i = 0;

	while (i < run->phase_count && strcmp(run->phases[i].name, name) != 0)
		i++;
	return i;
}

/* The clock against what tells where it is. */
static int make_pair_of(const struct run *run, struct pair_source *source, const struct step *step,
	size_t phase, struct pair *pair, enum pair_absence *absence, struct error *err)
{
	int clock = run_clock_find(run, step->clock), other = run_clock_find(run, "peer_realtime"),
	    own = strcmp(step->reference, "tsc") == 0 ? PAIR_TSC : run_clock_find(run, step->reference), rc;

	/* It may run at any rate until it is back, and so it is not carried from its readings to others. */
	rc = pair_make_at_target(
		source, step->cpu, clock, other < 0 ? own : other, phase, pair, absence, err);
	if (rc || *absence != PAIR_NO_REFERENCE || other < 0)
		return rc;
	return pair_make_at_target(source, step->cpu, clock, own, phase, pair, absence, err);
}

static int recover_step(
	const struct run *run, struct pair_source *source, struct step *step, struct error *err)
{
	size_t phase = phase_index(run, step->phase);
	struct recovery_input in;
	struct recovery found;
	enum pair_absence absence;
	struct pair pair;
	int rc;

	if (phase == run->phase_count)
		return 0;
	rc = make_pair_of(run, source, step, phase, &pair, &absence, err);
	if (rc)
		return rc;
	if (absence == PAIR_PRESENT && surroundings(run, source, &pair, step, &in)) {
		in.t_s = pair.t_s;
		in.offset_ns = pair.offset_ns;
		in.half_ns = pair.half_ns;
		in.count = pair.count;
		rc = recovery_find(&in, &found, err);
		if (!rc)
			tell(&found, step);
	}
	pair_free(&pair);
	return rc;
}

int recoveries_find(
	const struct run *run, struct pair_source *source, struct estimates *estimates, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < estimates->step_count; i++) {
		struct step *step = &estimates->steps[i];

		/* "settime" of somebody else is what brings a clock back. */
		if (settings_move(step->clock) && cause_kind_length(step->cause) &&
			(strncmp(step->cause, "settime:", 8) != 0 || strcmp(step->injected, "yes") == 0))
			rc = recover_step(run, source, step, err);
	}
	return rc;
}

struct recovery_text recovery_words(const struct step *s, const json_t *environment)
{
	struct recovery_text f = { "" };

	if (strcmp(s->recovered, "yes") == 0)
		snprintf(f.text, sizeof(f.text), "; back within %s after %s",
			format_ns(s->recovery_bound_ns).text,
			format_ns(s->recovery_s * (double)NS_PER_SEC).text);
	else if (strcmp(s->recovered, "no") == 0)
		snprintf(f.text, sizeof(f.text), "; not back within %s in this phase%s",
			format_ns(s->recovery_bound_ns).text,
			daemons_none(environment) ? ": no time daemon runs" : "");
	return f;
}
