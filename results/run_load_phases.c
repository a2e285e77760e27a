/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The lists of run.json that tell what was done to the machine: phases, skipped, events. */
#include <math.h>
#include <string.h>

#include "results/run_source.h"

#define BACKWARD_MAX	 (1u << 20) /* clocks on CPUs, in one phase */
#define STEERING_MAX_PPM 200000	    /* twice what adjtimex can do: a tick of 11000 us */

static int get_observed(const struct run_source *s, json_t *item, enum observed *out)
{
	json_t *value = json_object_get(item, "observed");

	*out = OBSERVED_UNKNOWN;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return source_bad(s, "observed", "must be true, false or null");
	*out = json_is_true(value) ? OBSERVED_YES : OBSERVED_NO;
	return 0;
}

static int parse_disturbance(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct phase_disturbance *d = row;
	int rc = source_need_text(s, item, "name", d->name, sizeof(d->name));

	(void)run;
	if (!rc)
		rc = source_text(s, item, "asked", d->asked, sizeof(d->asked));
	if (!rc)
		rc = source_text(s, item, "plan", d->plan, sizeof(d->plan));
	if (!rc)
		rc = get_observed(s, item, &d->observed);
	return rc ? rc : source_text(s, item, "evidence", d->evidence, sizeof(d->evidence));
}

static int parse_backward(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct phase_backward *b = row;
	char clock[CLOCK_NAME_MAX] = "";
	int rc, index;

	rc = source_int(s, item, "cpu", 0, 1 << 20, &b->cpu);
	if (!rc)
		rc = source_need_text(s, item, "clock", clock, sizeof(clock));
	index = run_clock_find(run, clock);
	if (!rc && index < 0)
		rc = source_bad(s, "clock", "is none of \"clocks\"");
	b->clock = index < 0 ? 0 : (unsigned)index;
	if (!rc)
		rc = source_count(s, item, "count", &b->count);
	if (!rc && b->count == 0)
		rc = source_bad(s, "count", "must be above 0");
	return rc;
}

int parse_phase(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct phase *p = row;
	int rc;

	p->tsc_hi = UINT64_MAX;
	p->steering_ppm = NAN;
	rc = source_need_text(s, item, "name", p->name, sizeof(p->name));
	if (!rc)
		rc = source_count(s, item, "tsc_lo", &p->tsc_lo);
	if (!rc)
		rc = source_count(s, item, "tsc_hi", &p->tsc_hi);
	if (!rc && p->tsc_hi <= p->tsc_lo)
		rc = source_bad(s, "tsc_hi", "must be above \"tsc_lo\" of its phase");
	for (const struct phase *other = run->phases; !rc && other < p; other++)
		if (strcmp(other->name, p->name) == 0)
			rc = source_bad(s, "phases", "names one phase twice");
	if (!rc)
		rc = source_real(
			s, item, "steering_ppm", -STEERING_MAX_PPM, STEERING_MAX_PPM, &p->steering_ppm);
	if (!rc)
		rc = source_text(s, item, "oscillator", p->oscillator, sizeof(p->oscillator));
	if (!rc)
		rc = source_rows(s, item, "disturbances", PHASE_DISTURBANCES_MAX, sizeof(*p->disturbances),
			&p->disturbances, &p->disturbance_count, parse_disturbance, run);
	if (!rc)
		rc = source_rows(s, item, "backward", BACKWARD_MAX, sizeof(*p->backward), &p->backward,
			&p->backward_count, parse_backward, run);
	return rc;
}

int parse_skipped(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct skipped *k = row;
	int rc = source_need_text(s, item, "phase", k->phase, sizeof(k->phase));

	(void)run;
	if (!rc)
		rc = source_text(s, item, "disturbance", k->disturbance, sizeof(k->disturbance));
	return rc ? rc : source_need_text(s, item, "reason", k->reason, sizeof(k->reason));
}

int parse_event(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct event *e = row;
	int rc = source_count(s, item, "tsc", &e->tsc);

	(void)run;
	if (!rc)
		rc = source_need_text(s, item, "kind", e->kind, sizeof(e->kind));
	if (!rc)
		rc = source_text(s, item, "text", e->text, sizeof(e->text));
	return rc ? rc : source_bool(s, item, "injected", &e->injected);
}
