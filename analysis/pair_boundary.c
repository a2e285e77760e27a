/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/pair_boundary.h"

#include <math.h>
#include <string.h>

#include "analysis/cause.h"
#include "analysis/pair_events.h"
#include "analysis/phase.h"
#include "analysis/settings.h"
#include "analysis/steering.h"
#include "results/units.h"

static bool follows_clocksource(const struct run *run, int clock)
{
	return clock != PAIR_TSC && run->clocks[clock].clocksource;
}

/* A phase that slews the clocks sets that one, or nobody tells the rate that it gives it. */
static bool is_set(const struct run *run, const struct phase *phase, int clock)
{
	return clock != PAIR_TSC && (settings_move(run->clocks[clock].name) ||
					    (steering_is_own(run, clock) && !isfinite(phase->steering_ppm)));
}

/* What is done in the phase, and begins or ends beside it, makes one of these clocks step: that is no fault of it. */
static bool parts_on_purpose(const struct run *run, const struct phase *phase, const struct pair *pair)
{
	return (phase_has(phase, DISTURBANCE_SLEW) &&
		       (is_set(run, phase, pair->clock) || is_set(run, phase, pair->reference))) ||
	       (phase_has(phase, DISTURBANCE_CLOCKSOURCE) &&
		       follows_clocksource(run, pair->clock) != follows_clocksource(run, pair->reference));
}

/* After it the counter shows the same; INFINITY: it does not wrap. */
static double turn_ns(const struct run *run, int clock)
{
	const struct clock_info *c = clock == PAIR_TSC ? NULL : &run->clocks[clock];

	return c && c->bits < 64 ? ldexp((double)NS_PER_SEC / c->hz, (int)c->bits) : INFINITY;
}

int pair_boundary_step(const struct run *run, const struct pair *pair, const struct step_input *search,
	const struct boundary_side *before, bool *is_step, struct step_found *found, struct error *err)
{
	const struct phase *a = &run->phases[before->phase], *b = &run->phases[pair->phase];
	struct boundary_side after;
	struct boundary_input in = {
		.before = before,
		.after = &after,
		.floor_ns = search->floor_ns,
		.turn_ns = { turn_ns(run, pair->clock), turn_ns(run, pair->reference) },
	};
	int rc;

	*is_step = false;
	if (!before->count || b != a + 1 || a->tsc_hi > b->tsc_lo || parts_on_purpose(run, a, pair) ||
		parts_on_purpose(run, b, pair))
		return 0;
	if (steering_may_change(run, a, pair->clock, pair->reference) ||
		steering_may_change(run, b, pair->clock, pair->reference))
		in.slew = SETTING_SLEW_MOST;
	rc = boundary_begin_make(pair, search->slack_ns, &after, err);
	if (!rc)
		rc = boundary_step_find(&in, is_step, found, err);
	boundary_side_free(&after);
	return rc;
}

/* All were made on purpose: a clocksource that was switched too, unlike inside of a phase that is to tell what that does. */
static bool all_injected(const struct pair_events *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->events[i]->injected)
			return false;
	return true;
}

int pair_boundary_explain(const struct run *run, const struct pair_source *source, const struct pair *pair,
	const struct step_found *found, struct step *step, struct error *err)
{
	double ends[] = { found->from_s, found->to_s };
	struct pair gap = { .t_s = ends, .count = 2, .time_rate = pair->time_rate };
	struct pair_events list;
	int rc = pair_events_make(run, source, &gap, step->clock, step->reference, &list, err);

	if (!rc && list.count) {
		cause_of_events(list.events, list.count, step);
		if (all_injected(&list))
			strcpy(step->injected, "yes");
		step->at_s = (list.at_s[0] + list.at_s[list.count - 1]) / 2;
		step->at_s = fmin(fmax(step->at_s, found->from_s), found->to_s);
	} else if (!rc) {
		cause_find(run, source, found->from_s, found->to_s, step);
	}
	pair_events_free(&list);
	return rc;
}
