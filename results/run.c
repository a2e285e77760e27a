/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/file.h"
#include "results/samples.h"
#include "results/table.h"

int run_clock_find(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->clock_count; i++)
		if (strcmp(run->clocks[i].name, name) == 0)
			return (int)i;
	return -1;
}

int run_event_add(struct run *run, uint64_t tsc, const char *kind, const char *text)
{
	struct event *grown;

	if (run->event_count == RUN_EVENTS_MAX) {
		run->events_lost++;
		return -ENOSPC;
	}
	grown = reallocarray(run->events, run->event_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	run->events = grown;
	grown += run->event_count++;
	grown->tsc = tsc;
	snprintf(grown->kind, sizeof(grown->kind), "%s", kind);
	snprintf(grown->text, sizeof(grown->text), "%s", text);
	return 0;
}

void run_free(struct run *run)
{
	for (size_t i = 0; i < run->tally_count; i++)
		free(run->tallies[i].brackets);
	free(run->dir);
	free(run->clocks);
	free(run->unavailable);
	free(run->places);
	free(run->phases);
	free(run->events);
	free(run->tallies);
	json_decref(run->environment_before);
	json_decref(run->environment_after);
	json_decref(run->environment_changes);
	*run = (struct run){ 0 };
}

static int make_parents(const char *path, struct error *err)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return error_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
	strcpy(part, path);
	for (char *c = part + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return error_set(
				err, -errno, "%s: cannot make the directory: %s", part, strerror(errno));
		*c = '/';
	}
	return 0;
}

static int make_samples_dir(struct run *run, const char *dir, struct error *err)
{
	char path[PATH_MAX];
	int rc = path_join(path, sizeof(path), dir, SAMPLES_DIR, err);

	if (rc)
		return rc;
	if (mkdir(path, 0777))
		return error_set(err, -errno, "%s: cannot make the directory: %s", path, strerror(errno));
	free(run->dir);
	run->dir = strdup(dir);
	return run->dir ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int run_create_at(struct run *run, const char *dir, struct error *err)
{
	int rc = make_parents(dir, err);

	if (rc)
		return rc;
	if (mkdir(dir, 0777)) {
		if (errno == EEXIST)
			return error_set(err, -EEXIST,
				"%s: exists already, and a run never overwrites; name another directory",
				dir);
		return error_set(err, -errno, "%s: cannot make the directory: %s", dir, strerror(errno));
	}
	return make_samples_dir(run, dir, err);
}

int run_create(struct run *run, const char *parent, const char *name, struct error *err)
{
	char dir[PATH_MAX];
	int rc;

	for (unsigned i = 1; i < 10000; i++) {
		int length = i == 1 ? snprintf(dir, sizeof(dir), "%s/%s", parent, name)
				    : snprintf(dir, sizeof(dir), "%s/%s-%u", parent, name, i);

		if (length < 0 || (size_t)length >= sizeof(dir))
			return error_set(err, -ENAMETOOLONG, "%s/%s: the path is too long", parent, name);
		rc = make_parents(dir, err);
		if (rc)
			return rc;
		if (mkdir(dir, 0777) == 0)
			return make_samples_dir(run, dir, err);
		if (errno != EEXIST)
			return error_set(
				err, -errno, "%s: cannot make the directory: %s", dir, strerror(errno));
	}
	return error_set(err, -EEXIST, "%s/%s: exists 9999 times already", parent, name);
}

/* Optional keys are left out rather than written as an empty value. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(object, key, json_string(text));
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
		json_array_append_new(array, json_pack("{s:s, s:s}", "name", run->unavailable[i].name,
						     "reason", run->unavailable[i].reason));
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

/* A phase that is under way has no end: a killed run is analysed up to its last reading. */
static json_t *phases_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->phase_count; i++) {
		const struct phase *p = &run->phases[i];
		json_t *object = json_pack("{s:s, s:o}", "name", p->name, "tsc_lo", tsc_to_json(p->tsc_lo));

		if (p->tsc_hi != UINT64_MAX)
			json_object_set_new(object, "tsc_hi", tsc_to_json(p->tsc_hi));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *events_to_json(const struct run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; i < run->event_count; i++) {
		const struct event *e = &run->events[i];

		json_array_append_new(array, json_pack("{s:o, s:s, s:s}", "tsc", tsc_to_json(e->tsc), "kind",
						     e->kind, "text", e->text));
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
	json_object_set_new(object, "events", events_to_json(run));
	json_object_set_new(object, "events_lost", json_integer((json_int_t)run->events_lost));
	json_object_set_new(object, "tallies", tallies_to_json(run));
	if (run->environment_before)
		json_object_set_new(object, "environment",
			json_pack("{s:O, s:O?, s:O?}", "before", run->environment_before, "after",
				run->environment_after, "changes", run->environment_changes));
	return object;
}

int run_store(const struct run *run, struct error *err)
{
	struct file_replace file;
	json_t *json = run_to_json(run);
	int rc;

	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	rc = file_replace_begin(&file, run->dir, "run.json", err);
	if (!rc) {
		json_dumpf(json, file.out, JSON_INDENT(1) | TABLE_JSON_FLAGS);
		fputc('\n', file.out);
		rc = file_replace_commit(&file, err);
	}
	json_decref(json);
	return rc;
}
