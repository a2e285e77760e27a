/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <math.h>
#include <string.h>

#include "results/run.h"
#include "results/table.h"
#include "results/text.h"

_Static_assert(TEXT_MAX >= DISTURBANCE_EVIDENCE_MAX, "the longest text must fit");

/* Optional keys are left out rather than written as an empty value. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(object, key, text_json(text));
}

static void set_real(json_t *object, const char *key, double value)
{
	if (isfinite(value) && value != 0)
		json_object_set_new(object, key, json_real(value));
}

/* TSC values beyond 63 bits do not fit a JSON integer of jansson's. */
static json_t *tsc_to_json(uint64_t tsc)
{
	return tsc <= INT64_MAX ? json_integer((json_int_t)tsc) : json_real((double)tsc);
}

static json_t *clocks_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->clock_count; i++) {
		const struct clock_info *c = &run->clocks[i];
		json_t *object =
			json_pack("{s:s, s:s}", "name", c->name, "unit", c->unit == UNIT_NS ? "ns" : "ticks");

		if (c->unit == UNIT_TICKS) {
			json_object_set_new(object, "hz", json_real(c->hz));
			json_object_set_new(object, "bits", json_integer(c->bits));
		}
		set_text(object, "oscillator", c->oscillator);
		if (c->clocksource)
			json_object_set_new(object, "clocksource", json_true());
		json_object_set_new(object, "steered", json_boolean(c->steered));
		json_object_set_new(
			object, "cadence", json_string(c->cadence == CADENCE_TIGHT ? "tight" : "slow"));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *unavailable_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->unavailable_count; i++)
		json_array_append_new(
			array, json_pack("{s:o, s:o}", "name", text_json(run->unavailable[i].name), "reason",
				       text_json(run->unavailable[i].reason)));
	return array;
}

static json_t *places_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->place_count; i++) {
		const struct probe_place *p = &run->places[i];
		json_t *object = json_pack("{s:i, s:i, s:i, s:i, s:s, s:b, s:b, s:I}", "cpu", p->cpu,
			"package", p->package, "core", p->core, "node", p->node, "scheduler", p->scheduler,
			"pinned", p->pinned, "locked", p->locked, "late", (json_int_t)p->late);

		set_real(object, "cpu_share", p->cpu_share);
		set_real(object, "granularity_cycles", p->granularity_cycles);
		set_real(object, "null_bracket_cycles", p->null_bracket_cycles);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *skipped_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->skipped_count; i++) {
		const struct skipped *s = &run->skipped[i];
		json_t *object = json_object();

		set_text(object, "phase", s->phase);
		set_text(object, "disturbance", s->disturbance);
		set_text(object, "reason", s->reason);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *disturbances_to_json(const struct phase *phase)
{
	json_t *array = json_array();

	for (size_t i = 0; i < phase->disturbance_count; i++) {
		const struct phase_disturbance *d = &phase->disturbances[i];
		json_t *object = json_object();

		set_text(object, "name", d->name);
		set_text(object, "asked", d->asked);
		set_text(object, "plan", d->plan);
		json_object_set_new(object, "observed",
			d->observed == OBSERVED_UNKNOWN ? json_null()
							: json_boolean(d->observed == OBSERVED_YES));
		set_text(object, "evidence", d->evidence);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *phase_backward_to_json(const struct run *run, const struct phase *phase)
{
	json_t *array = json_array();

	for (size_t i = 0; i < phase->backward_count; i++) {
		const struct phase_backward *b = &phase->backward[i];

		if (b->count)
			json_array_append_new(
				array, json_pack("{s:i, s:s, s:I}", "cpu", b->cpu, "clock",
					       run->clocks[b->clock].name, "count", (json_int_t)b->count));
	}
	return array;
}

/* A phase that is under way has no end: a killed run is analysed up to its last reading. */
static json_t *phases_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->phase_count; i++) {
		const struct phase *p = &run->phases[i];
		json_t *object = json_pack("{s:s, s:o}", "name", p->name, "tsc_lo", tsc_to_json(p->tsc_lo));

		if (p->tsc_hi != UINT64_MAX)
			json_object_set_new(object, "tsc_hi", tsc_to_json(p->tsc_hi));
		if (p->disturbance_count)
			json_object_set_new(object, "disturbances", disturbances_to_json(p));
		if (p->backward_count)
			json_object_set_new(object, "backward", phase_backward_to_json(run, p));
		/* Unlike elsewhere, 0 is something known. */
		if (isfinite(p->steering_ppm))
			json_object_set_new(object, "steering_ppm", json_real(p->steering_ppm));
		set_text(object, "oscillator", p->oscillator);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *events_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];
		json_t *object = json_pack("{s:o, s:o, s:o}", "tsc", tsc_to_json(e->tsc), "kind",
			text_json(e->kind), "text", text_json(e->text));

		if (e->injected)
			json_object_set_new(object, "injected", json_true());
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *brackets_to_json(const struct histogram *h)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (h->count[i])
			json_array_append_new(array, json_pack("[I, I]", (json_int_t)histogram_bucket_low(i),
							     (json_int_t)h->count[i]));
	return array;
}

static json_t *tallies_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->tally_count; i++) {
		const struct tally *t = &run->tallies[i];
		json_t *object = json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "cpu", t->cpu,
			"clock", run->clocks[t->clock].name, "readings", (json_int_t)t->readings, "kept",
			(json_int_t)t->kept, "dropped", (json_int_t)t->dropped, "failed",
			(json_int_t)t->failed, "inverted", (json_int_t)t->inverted, "backward",
			(json_int_t)t->backward, "max_backward", (json_int_t)t->max_backward);

		if (t->brackets)
			json_object_set_new(object, "brackets", brackets_to_json(t->brackets));
		json_array_append_new(array, object);
	}
	return array;
}

/* Unlike set_real: 0 is something known. */
static void set_known(json_t *object, const char *key, double value)
{
	if (isfinite(value))
		json_object_set_new(object, key, json_real(value));
}

static json_t *refusals_to_json(const struct ntp_server *server)
{
	json_t *array = json_array();

	for (size_t i = 0; i < server->refusal_count; i++)
		if (server->refusals[i].count)
			json_array_append_new(array, json_pack("{s:s, s:I}", "kind", server->refusals[i].kind,
							     "count", (json_int_t)server->refusals[i].count));
	return array;
}

static json_t *ntp_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->ntp_count; i++) {
		const struct ntp_server *n = &run->ntp[i];
		json_t *object = json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:o}", "clock", n->clock, "leap",
			n->leap, "stratum", n->stratum, "asked", (json_int_t)n->asked, "answered",
			(json_int_t)n->answered, "stamped", (json_int_t)n->stamped, "refusals",
			refusals_to_json(n));

		set_text(object, "address", n->address);
		set_text(object, "refid", n->refid);
		set_known(object, "precision_ns", n->precision_ns);
		set_known(object, "root_delay_ns", n->root_delay_ns);
		set_known(object, "root_dispersion_ns", n->root_dispersion_ns);
		set_known(object, "root_distance_min_ns", n->root_distance_min_ns);
		set_known(object, "root_distance_max_ns", n->root_distance_max_ns);
		set_known(object, "delay_min_ns", n->delay_min_ns);
		set_real(object, "interval_s", n->interval_s);
		set_text(object, "last_problem", n->last_problem);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *config_to_json(const struct run *run)
{
	json_t *object = json_pack("{s:f, s:f, s:i, s:I}", "duration_s", run->duration_s, "interval_s",
		run->interval_s, "burst", (int)run->burst, "seed", (json_int_t)run->seed);

	set_text(object, "reference", run->judging.reference);
	set_real(object, "limit_ppm", run->judging.limit_ppm);
	set_text(object, "limits", run->judging.limits);
	return object;
}

static json_t *run_to_json(const struct run *run)
{
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:s}", "schema", SCHEMA_VERSION, "tool", run->tool,
		"host", run->host, "scenario", run->scenario, "state", run->state);

	if (!object)
		return NULL;
	set_text(object, "started", run->started);
	set_text(object, "finished", run->finished);
	set_text(object, "topology", run->topology);
	json_object_set_new(object, "tsc_hz", json_real(run->tsc_hz));
	set_text(object, "tsc_hz_source", run->tsc_hz_source);
	set_text(object, "tsc_fence", run->tsc_fence);
	set_real(object, "tsc_granularity_cycles", run->tsc_granularity_cycles);
	json_object_set_new(object, "config", config_to_json(run));
	json_object_set_new(object, "clocks", clocks_to_json(run));
	json_object_set_new(object, "unavailable", unavailable_to_json(run));
	json_object_set_new(object, "cpus", places_to_json(run));
	json_object_set_new(object, "phases", phases_to_json(run));
	if (run->skipped_count)
		json_object_set_new(object, "skipped", skipped_to_json(run));
	json_object_set_new(object, "events", events_to_json(run));
	json_object_set_new(object, "events_lost", json_integer((json_int_t)run->events_lost));
	json_object_set_new(object, "tallies", tallies_to_json(run));
	if (run->ntp_count)
		json_object_set_new(object, "ntp", ntp_to_json(run));
	if (run->environment_before)
		json_object_set_new(object, "environment",
			json_pack("{s:O, s:O?, s:O?}", "before", run->environment_before, "after",
				run->environment_after, "changes", run->environment_changes));
	if (run->lab)
		json_object_set(object, "lab", run->lab);
	if (run->peer_environment)
		json_object_set(object, "peer_environment", run->peer_environment);
	return object;
}

int run_store(const struct run *run, struct error *err)
{
	return json_store(run_to_json(run), run->dir, "run.json", 1, err);
}
