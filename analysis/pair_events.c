/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/pair_events.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/cause.h"
#include "analysis/event_steps.h"

static int by_time(const void *a, const void *b)
{
	const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;

	return (x->tsc > y->tsc) - (x->tsc < y->tsc);
}

int pair_events_make(const struct run *run, const struct pair_source *source, const struct pair *pair,
	const char *clock, const char *reference, struct pair_events *out, struct error *err)
{
	double first = INFINITY, last = -INFINITY;

	*out = (struct pair_events){ .events = malloc((run->event_count + 1) * sizeof(*out->events)),
		.at_s = malloc((run->event_count + 1) * sizeof(*out->at_s)),
		.end_s = INFINITY };
	if (!out->events || !out->at_s)
		return error_set(err, -ENOMEM, "out of memory for %zu events", run->event_count);
	for (size_t i = 0; i < pair->count; i++) {
		first = fmin(first, pair->t_s[i] - EVENT_GUARD_S);
		last = fmax(last, pair->t_s[i] + EVENT_GUARD_S);
	}
	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];
		double at_s = pair_source_seconds(source, e->tsc) * pair->time_rate;

		if (at_s < first || at_s > last || !cause_may_step(e, clock, reference))
			continue;
		if (cause_ends_list(e))
			out->end_s = fmin(out->end_s, at_s);
		else
			out->events[out->count++] = e;
	}
	if (out->count)
		qsort(out->events, out->count, sizeof(struct event *), by_time);
	for (size_t i = 0; i < out->count; i++)
		out->at_s[i] = pair_source_seconds(source, out->events[i]->tsc) * pair->time_rate;
	return 0;
}

void pair_events_free(struct pair_events *list)
{
	free(list->events);
	free(list->at_s);
	*list = (struct pair_events){ 0 };
}
