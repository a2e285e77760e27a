/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/file.h"
#include "results/run_source.h"

/* The rule for runs that do not say it: SCHEMA.md, "oscillator". */
static void oscillator_assume(struct clock_info *c)
{
	if (c->oscillator[0])
		return;
	c->oscillator_assumed = true;
	strcpy(c->oscillator, c->unit == UNIT_NS ? "tsc" : c->name);
}

static int clock_unit(const struct run_source *s, json_t *item, struct clock_info *c)
{
	char unit[16] = "";
	int bits = 0, rc;

	rc = source_need_text(s, item, "unit", unit, sizeof(unit));
	if (rc)
		return rc;
	if (strcmp(unit, "ns") == 0) {
		c->unit = UNIT_NS;
		c->hz = 1e9;
		c->bits = 64;
		return 0;
	}
	if (strcmp(unit, "ticks") != 0)
		return source_bad(s, "unit", "must be \"ns\" or \"ticks\"");
	c->unit = UNIT_TICKS;
	rc = source_real(s, item, "hz", 1e-6, 1e15, &c->hz);
	if (!rc)
		rc = source_int(s, item, "bits", 1, 64, &bits);
	if (!rc && c->hz == 0)
		rc = source_bad(s, "hz", "is missing: a clock in ticks needs it");
	if (!rc && bits == 0)
		rc = source_bad(s, "bits", "is missing: a clock in ticks needs it");
	c->bits = (unsigned)bits;
	return rc;
}

static int parse_clock(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct clock_info *c = row;
	char cadence[16] = "tight";
	int rc;

	rc = source_need_text(s, item, "name", c->name, sizeof(c->name));
	if (!rc && strpbrk(c->name, ",\"/"))
		rc = source_bad(s, "name", "of a clock holds a comma, a quote or a slash");
	if (!rc)
		rc = clock_unit(s, item, c);
	if (!rc)
		rc = source_text(s, item, "oscillator", c->oscillator, sizeof(c->oscillator));
	if (!rc)
		rc = source_bool(s, item, "clocksource", &c->clocksource);
	if (!rc)
		rc = source_bool(s, item, "steered", &c->steered);
	if (!rc)
		rc = source_text(s, item, "cadence", cadence, sizeof(cadence));
	if (rc)
		return rc;
	if (strcmp(cadence, "tight") != 0 && strcmp(cadence, "slow") != 0)
		return source_bad(s, "cadence", "must be \"tight\" or \"slow\"");
	c->cadence = strcmp(cadence, "slow") == 0 ? CADENCE_SLOW : CADENCE_TIGHT;
	oscillator_assume(c);
	for (const struct clock_info *other = run->clocks; other < c; other++)
		if (strcmp(other->name, c->name) == 0)
			return source_bad(s, "clocks", "names one clock twice");
	return 0;
}

static int parse_unavailable(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct unavailable *u = row;
	int rc = source_need_text(s, item, "name", u->name, sizeof(u->name));

	(void)run;
	return rc ? rc : source_need_text(s, item, "reason", u->reason, sizeof(u->reason));
}

static int parse_place(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct probe_place *p = row;
	int rc;

	(void)run;
	p->cpu_share = NAN;
	rc = source_int(s, item, "cpu", 0, 1 << 20, &p->cpu);
	if (!rc)
		rc = source_int(s, item, "package", -1, 1 << 20, &p->package);
	if (!rc)
		rc = source_int(s, item, "core", -1, 1 << 20, &p->core);
	if (!rc)
		rc = source_int(s, item, "node", -1, 1 << 20, &p->node);
	if (!rc)
		rc = source_text(s, item, "scheduler", p->scheduler, sizeof(p->scheduler));
	if (!rc)
		rc = source_bool(s, item, "pinned", &p->pinned);
	if (!rc)
		rc = source_bool(s, item, "locked", &p->locked);
	if (!rc)
		rc = source_count(s, item, "late", &p->late);
	if (!rc)
		rc = source_real(s, item, "cpu_share", 0, 1e6, &p->cpu_share);
	if (!rc)
		rc = source_real(s, item, "granularity_cycles", 0, 1e12, &p->granularity_cycles);
	if (!rc)
		rc = source_real(s, item, "null_bracket_cycles", 0, 1e12, &p->null_bracket_cycles);
	return rc;
}

static int parse_brackets(const struct run_source *s, json_t *array, struct tally *t)
{
	json_t *pair;
	size_t i;

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return source_bad(s, "brackets", "must be a list of [width, count]");
	t->brackets = calloc(1, sizeof(*t->brackets));
	if (!t->brackets)
		return error_set(s->err, -ENOMEM, "out of memory");
	json_array_foreach(array, i, pair)
	{
		json_t *low = json_array_get(pair, 0), *number = json_array_get(pair, 1);
		double width = json_is_number(low) ? json_number_value(low) : -1;
		double count = json_is_number(number) ? json_number_value(number) : -1;

		if (!(width >= 0 && width < 1e18) || !(count >= 0 && count < 1e18))
			return source_bad(s, "brackets", "must be a list of [width, count]");
		t->brackets->count[histogram_bucket((uint64_t)width)] += (uint64_t)count;
		t->brackets->total += (uint64_t)count;
	}
	return 0;
}

static int parse_tally(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct tally *t = row;
	char clock[CLOCK_NAME_MAX] = "";
	int rc, index;

	rc = source_int(s, item, "cpu", 0, 1 << 20, &t->cpu);
	if (!rc)
		rc = source_need_text(s, item, "clock", clock, sizeof(clock));
	index = run_clock_find(run, clock);
	if (!rc && index < 0)
		rc = source_bad(s, "tallies", "names a clock that \"clocks\" does not");
	t->clock = index < 0 ? 0 : (unsigned)index;
	if (!rc)
		rc = source_count(s, item, "readings", &t->readings);
	if (!rc)
		rc = source_count(s, item, "kept", &t->kept);
	if (!rc)
		rc = source_count(s, item, "dropped", &t->dropped);
	if (!rc)
		rc = source_count(s, item, "failed", &t->failed);
	if (!rc)
		rc = source_count(s, item, "inverted", &t->inverted);
	if (!rc)
		rc = source_count(s, item, "backward", &t->backward);
	if (!rc)
		rc = source_count(s, item, "max_backward", &t->max_backward);
	return rc ? rc : parse_brackets(s, json_object_get(item, "brackets"), t);
}

static int parse_config(const struct run_source *s, struct run *run, json_t *config)
{
	int burst = 0, rc;

	if (!config || json_is_null(config))
		return 0;
	if (!json_is_object(config))
		return source_bad(s, "config", "must be an object");
	rc = source_real(s, config, "duration_s", 0, 1e12, &run->duration_s);
	if (!rc)
		rc = source_real(s, config, "interval_s", 0, 1e9, &run->interval_s);
	if (!rc)
		rc = source_int(s, config, "burst", 0, 1 << 20, &burst);
	if (!rc)
		rc = source_count(s, config, "seed", &run->seed);
	if (!rc)
		rc = source_text(
			s, config, "reference", run->judging.reference, sizeof(run->judging.reference));
	if (!rc)
		rc = source_real(s, config, "limit_ppm", 0, 1e9, &run->judging.limit_ppm);
	if (!rc)
		rc = source_text(s, config, "limits", run->judging.limits, sizeof(run->judging.limits));
	run->burst = (unsigned)burst;
	return rc;
}

static int parse_head(const struct run_source *s, struct run *run, json_t *doc)
{
	int rc = source_schema(s, doc, SCHEMA_VERSION);

	if (!rc)
		rc = source_real(s, doc, "tsc_hz", 1, 1e15, &run->tsc_hz);
	if (!rc && run->tsc_hz == 0)
		rc = source_bad(s, "tsc_hz", "is missing");
	if (!rc)
		rc = source_text(s, doc, "tool", run->tool, sizeof(run->tool));
	if (!rc)
		rc = source_text(s, doc, "host", run->host, sizeof(run->host));
	if (!rc)
		rc = source_text(s, doc, "scenario", run->scenario, sizeof(run->scenario));
	if (!rc)
		rc = source_text(s, doc, "state", run->state, sizeof(run->state));
	if (!rc)
		rc = source_text(s, doc, "started", run->started, sizeof(run->started));
	if (!rc)
		rc = source_text(s, doc, "finished", run->finished, sizeof(run->finished));
	if (!rc)
		rc = source_text(s, doc, "topology", run->topology, sizeof(run->topology));
	if (!rc)
		rc = source_text(s, doc, "tsc_hz_source", run->tsc_hz_source, sizeof(run->tsc_hz_source));
	if (!rc)
		rc = source_text(s, doc, "tsc_fence", run->tsc_fence, sizeof(run->tsc_fence));
	if (!rc)
		rc = source_real(s, doc, "tsc_granularity_cycles", 0, 1e12, &run->tsc_granularity_cycles);
	return rc ? rc : source_count(s, doc, "events_lost", &run->events_lost);
}

#define ROWS(key, max, member, number, parse)                                                                \
	source_rows(s, doc, key, max, sizeof(*run->member), &run->member, &run->number, parse, run)

static int parse_lists(const struct run_source *s, struct run *run, json_t *doc)
{
	int rc;

	rc = ROWS("clocks", RUN_CLOCKS_MAX, clocks, clock_count, parse_clock);
	if (!rc && run->clock_count == 0)
		rc = source_bad(s, "clocks", "is missing or empty");
	if (!rc)
		rc = ROWS("phases", RUN_PHASES_MAX, phases, phase_count, parse_phase);
	if (!rc && run->phase_count == 0)
		rc = source_bad(s, "phases", "is missing or empty");
	if (!rc)
		rc = ROWS("skipped", RUN_PHASES_MAX, skipped, skipped_count, parse_skipped);
	if (!rc)
		rc = ROWS("unavailable", 1024, unavailable, unavailable_count, parse_unavailable);
	if (!rc)
		rc = ROWS("cpus", 1 << 16, places, place_count, parse_place);
	if (!rc)
		rc = ROWS("events", RUN_EVENTS_MAX, events, event_count, parse_event);
	if (!rc)
		rc = ROWS("tallies", 1 << 22, tallies, tally_count, parse_tally);
	if (!rc)
		rc = ROWS("ntp", RUN_CLOCKS_MAX, ntp, ntp_count, parse_ntp_server);
	return rc;
}

/* A new reference, or NULL for an absent or null one. */
static json_t *get_object(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_object(value) ? json_incref(value) : NULL;
}

static int parse_environment(const struct run_source *s, struct run *run, json_t *environment)
{
	json_t *changes;

	if (!environment || json_is_null(environment))
		return 0;
	if (!json_is_object(environment))
		return source_bad(s, "environment", "must be an object");
	changes = json_object_get(environment, "changes");
	if (changes && !json_is_null(changes) && !json_is_array(changes))
		return source_bad(s, "changes", "must be a list");
	run->environment_before = get_object(environment, "before");
	run->environment_after = get_object(environment, "after");
	run->environment_changes = json_is_array(changes) ? json_incref(changes) : NULL;
	return 0;
}

/* What a lab run adds: only shown, so nothing of it is needed. */
static int parse_lab(const struct run_source *s, struct run *run, json_t *doc)
{
	static const char *const keys[] = { "lab", "peer_environment" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *value = json_object_get(doc, keys[i]);

		if (value && !json_is_null(value) && !json_is_object(value))
			return source_bad(s, keys[i], "must be an object");
	}
	run->lab = get_object(doc, "lab");
	run->peer_environment = get_object(doc, "peer_environment");
	return 0;
}

int run_load(const char *dir, struct run *run, struct error *err)
{
	char path[PATH_MAX];
	struct run_source s = { .path = path, .err = err };
	json_t *doc = NULL;
	int rc;

	*run = (struct run){ 0 };
	rc = path_join(path, sizeof(path), dir, "run.json", err);
	if (!rc && access(path, F_OK) && errno == ENOENT)
		rc = error_set(err, -ENOENT, "%s: %s", dir,
			access(dir, F_OK) ? strerror(ENOENT)
					  : "is no run directory: there is no run.json in it");
	if (!rc)
		rc = source_read(&s, &doc);
	if (!rc)
		rc = parse_head(&s, run, doc);
	if (!rc)
		rc = parse_config(&s, run, json_object_get(doc, "config"));
	if (!rc)
		rc = parse_lists(&s, run, doc);
	if (!rc)
		rc = parse_environment(&s, run, json_object_get(doc, "environment"));
	if (!rc)
		rc = parse_lab(&s, run, doc);
	run->dir = strdup(dir);
	if (!rc && !run->dir)
		rc = error_set(err, -ENOMEM, "out of memory");
	json_decref(doc);
	free(s.text);
	if (rc)
		run_free(run);
	return rc;
}
