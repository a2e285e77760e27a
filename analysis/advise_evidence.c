/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What was measured: verdict.json of a run, or of a matrix beside its matrix.json. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/advise.h"
#include "analysis/phase.h"
#include "analysis/situation.h"
#include "analysis/subject.h"
#include "results/csv_file.h"
#include "results/facts_get.h"
#include "results/file.h"
#include "results/run.h"
#include "results/text.h"

/* *json is NULL, without an error, when there is no such file. */
static int load_json(const char *dir, const char *name, json_t **json, struct error *err)
{
	char path[PATH_MAX];
	json_error_t where;
	int rc = path_join(path, sizeof(path), dir, name, err);

	*json = NULL;
	if (rc || access(path, F_OK) != 0)
		return rc;
	*json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	if (!*json)
		return error_set(err, -EINVAL, "%s:%d: %s", path, where.line, where.text);
	return json_is_object(*json) ? 0 : error_set(err, -EINVAL, "%s: not a JSON object", path);
}

static void take(char *to, size_t size, const json_t *object, const char *key)
{
	const char *text = facts_text(object, key);

	snprintf(to, size, "%s", text ? text : "");
	text_clean(to);
}

static double number_or_nan(const json_t *object, const char *key)
{
	double value;

	return facts_number(object, key, &value) ? value : NAN;
}

static int add_row(struct advise_evidence *e, const struct evidence_row *row, struct error *err)
{
	struct evidence_row *grown = reallocarray(e->rows, e->count + 1, sizeof(*grown));

	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	e->rows = grown;
	grown[e->count++] = *row;
	return 0;
}

/* Rows of "choices": what became of each profile on each configuration. */
static int read_choices(struct advise_evidence *e, const json_t *verdict, struct error *err)
{
	const json_t *list = facts_get(verdict, "choices"), *choice;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, choice)
	{
		struct evidence_row row = { .drift_ppm = number_or_nan(choice, "drift_ppm"),
			.read_ns = number_or_nan(choice, "read_ns") };
		const char *role = facts_text(choice, "role");

		take(row.configuration, sizeof(row.configuration), choice, "configuration");
		take(row.profile, sizeof(row.profile), choice, "profile");
		take(row.parameters, sizeof(row.parameters), choice, "parameters");
		take(row.status, sizeof(row.status), choice, "status");
		take(row.why, sizeof(row.why), choice, "why");
		row.recommended = role && strcmp(role, "recommended") == 0;
		if (!rc)
			rc = add_row(e, &row, err);
	}
	return rc;
}

/* Was the TSC of that configuration's guest constant?  Told by the first of its cells with a run. */
static void add_constant(const char *dir, const json_t *matrix, json_t *configuration)
{
	const char *name = facts_text(configuration, "name"), *its, *place;
	const json_t *cells = facts_get(matrix, "cells"), *cell;
	struct error ignored = { "" };
	char path[PATH_MAX];
	json_t *run;
	size_t i;

	json_array_foreach(cells, i, cell)
	{
		its = facts_text(cell, "configuration");
		place = facts_text(cell, "run");
		if (!name || !its || !place || strcmp(name, its) != 0 || strstr(place, "..") ||
			path_join(path, sizeof(path), dir, place, &ignored))
			continue;
		if (load_json(path, "run.json", &run, &ignored) == 0 && run) {
			int constant = facts_flag(run, "environment.before.cpu.flags.constant_tsc");

			json_decref(run);
			if (constant >= 0)
				json_object_set_new(configuration, "constant_tsc", json_boolean(constant));
			return;
		}
	}
}

/* What both files say of a cell is the same; its time is rounded in one of them. */
static bool is_same_cell(const json_t *cell, const json_t *judged)
{
	static const char *const texts[] = { "configuration", "profile", "parameters", "run" };
	double seconds = 0, its = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *a = facts_text(cell, texts[i]), *b = facts_text(judged, texts[i]);

		if (strcmp(a ? a : "", b ? b : "") != 0)
			return false;
	}
	facts_number(cell, "seconds", &seconds);
	facts_number(judged, "seconds", &its);
	return fabs(seconds - its) < 1e-3;
}

/* A matrix that went on has cells which a verdict of before does not know. */
static bool is_verdict_of(const json_t *verdict, const json_t *matrix)
{
	const json_t *cells = facts_get(matrix, "cells"), *judged = facts_get(verdict, "cells"), *cell;
	size_t i, count = json_array_size(cells);

	if (json_array_size(judged) != count)
		return false;
	json_array_foreach(cells, i, cell)
	{
		double order = (double)i;

		facts_number(cell, "order", &order);
		if (!(order >= 0 && order < (double)count) ||
			!is_same_cell(cell, json_array_get(judged, (size_t)order)))
			return false;
	}
	return true;
}

static int load_matrix(const char *dir, json_t *matrix, struct advise_evidence *e, struct error *err)
{
	json_t *verdict = NULL;
	int rc = load_json(dir, "verdict.json", &verdict, err);
	json_t *configuration;
	size_t i;

	e->kind = EVIDENCE_LAB;
	e->whole = true;
	e->configurations = json_incref(facts_get(matrix, "configurations"));
	json_array_foreach(e->configurations, i, configuration) add_constant(dir, matrix, configuration);
	if (!rc && !verdict)
		rc = error_set(err, -ENOENT, "%s: no verdict.json: 'clkdrift analyze %s' makes it", dir, dir);
	if (!rc && !is_verdict_of(verdict, matrix))
		rc = error_set(err, -EINVAL,
			"%s: verdict.json is of other cells than matrix.json: 'clkdrift analyze %s' judges "
			"them",
			dir, dir);
	if (!rc)
		rc = read_choices(e, verdict, err);
	if (!rc && !e->count)
		rc = error_set(err, -EINVAL, "%s/verdict.json: no choices: 'clkdrift analyze %s' makes them",
			dir, dir);
	json_decref(verdict);
	return rc;
}

static void read_run(const struct run *run, struct advise_evidence *e, struct evidence_row *row)
{
	e->kind = run->lab ? EVIDENCE_LAB : EVIDENCE_HERE;
	take(row->configuration, sizeof(row->configuration), run->lab, "configuration");
	if (run->environment_before) {
		e->facts = json_incref(run->environment_before);
		subject_command_line(e->facts, row->parameters, sizeof(row->parameters));
		text_clean(row->parameters);
	}
}

/* drift.csv: the worst drift of the kernel's clocks against one that they do not follow. */
struct drifts {
	const struct run *run;
	char phase[PHASE_NAME_MAX], clock[CLOCK_NAME_MAX], reference[CLOCK_NAME_MAX], status[16];
	double drift_ppm;
	bool any;
	char worst_clock[CLOCK_NAME_MAX], worst_reference[CLOCK_NAME_MAX], worst_status[16];
	double worst_ppm;
};

enum { FIELD_CLOCK, FIELD_REFERENCE, FIELD_DRIFT, FIELD_STATUS, FIELD_PHASE };

static int drift_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct drifts *d = context;
	char *const to[] = { d->clock, d->reference, NULL, d->status, d->phase };
	const size_t size[] = { sizeof(d->clock), sizeof(d->reference), 0, sizeof(d->status),
		sizeof(d->phase) };

	if (column != FIELD_DRIFT) {
		snprintf(to[column], size[column], "%.*s", (int)length, text);
		return 0;
	}
	d->drift_ppm = NAN;
	return length ? csv_real(at, "drift_ppm", text, length, &d->drift_ppm) : 0;
}

/* Programs get the time from the clocks that are made from the clocksource; a raw counter decides nothing. */
static bool follows_clocksource(const struct run *run, const char *name)
{
	int clock = run_clock_find(run, name);

	return clock >= 0 && run->clocks[clock].clocksource;
}

/* What a run does to the clocks themselves says nothing of a system that is left alone; a load or idle states do. */
static bool is_upset(const struct phase *phase)
{
	static const char *const what[] = { "clocksource", "slew", "suspend", "hotplug", "pause", "migrate",
		"snapshot", "vcpu-hotplug" };

	for (size_t i = 0; phase && i < sizeof(what) / sizeof(what[0]); i++)
		if (phase_has(phase, what[i]))
			return true;
	return false;
}

static const struct phase *upset_phase(const struct run *run)
{
	for (size_t i = 0; i < run->phase_count; i++)
		if (is_upset(&run->phases[i]))
			return &run->phases[i];
	return NULL;
}

static int gravity(const char *status)
{
	return strcmp(status, "unstable") == 0 ? 2 : strcmp(status, "inconclusive") == 0 ? 1 : 0;
}

static int drift_row(void *context, const struct csv_file *at)
{
	struct drifts *d = context;
	int more = gravity(d->status) - gravity(d->worst_status);

	(void)at;
	if (!follows_clocksource(d->run, d->clock) || follows_clocksource(d->run, d->reference) ||
		!isfinite(d->drift_ppm) || is_upset(phase_find(d->run, d->phase, NULL)))
		return 0;
	if (d->any && (more < 0 || (more == 0 && fabs(d->drift_ppm) <= fabs(d->worst_ppm))))
		return 0;
	d->any = true;
	d->worst_ppm = d->drift_ppm;
	strcpy(d->worst_clock, d->clock);
	strcpy(d->worst_reference, d->reference);
	strcpy(d->worst_status, d->status);
	return 0;
}

/* What made the run unstable is not held against the system, nor for it. */
static void leave_open(const struct drifts *d, struct evidence_row *row)
{
	const struct phase *upset = upset_phase(d->run);
	char other[sizeof(row->why)];

	strcpy(row->status, "inconclusive");
	strcpy(other, row->why);
	row->why[0] = '\0';
	if (d->any)
		text_add(row->why, sizeof(row->why),
			"%s, the worst of the kernel's clocks, drifts %+.3g ppm against %s and is %s; what "
			"else "
			"the run found: %.160s",
			d->worst_clock, d->worst_ppm, d->worst_reference,
			d->worst_status[0] ? d->worst_status : "not judged", other);
	else
		text_add(row->why, sizeof(row->why),
			"phase %s did things to the clocks on purpose; what the run found: %.200s",
			upset->name, other);
}

/*
 * The verdict is of all clocks of the run, raw counters too, and of all that was done to them.  Where the kernel's own
 * clocks were held against another one, they alone make it unstable; whatever else was wrong leaves it inconclusive.
 */
static int weigh_drifts(const char *dir, const struct run *run, struct evidence_row *row, struct error *err)
{
	static const char *const columns[] = { "clock", "reference", "drift_ppm", "status", "phase", NULL };
	struct drifts d = { .run = run };
	const struct csv_handler handler = { .columns = columns,
		.required = FIELD_PHASE,
		.field = drift_field,
		.row = drift_row,
		.context = &d };
	char path[PATH_MAX];
	int rc = path_join(path, sizeof(path), dir, "drift.csv", err);

	if (!rc && access(path, F_OK) == 0)
		rc = csv_file_read(path, &handler, NULL, err);
	if (rc || (!d.any && !upset_phase(run)))
		return rc;
	row->drift_ppm = d.any ? d.worst_ppm : NAN;
	if (d.any && gravity(d.worst_status) == 2)
		snprintf(row->why, sizeof(row->why), "%s drifts %+.3g ppm against %s", d.worst_clock,
			d.worst_ppm, d.worst_reference);
	else if (strcmp(row->status, "unstable") == 0)
		leave_open(&d, row);
	return 0;
}

static int read_verdict(const char *dir, struct evidence_row *row, struct error *err)
{
	json_t *verdict = NULL;
	const char *reason;
	int rc = load_json(dir, "verdict.json", &verdict, err);

	if (!rc && !verdict)
		rc = error_set(err, -ENOENT, "%s: no verdict.json: 'clkdrift analyze %s' makes it", dir, dir);
	if (!rc) {
		take(row->status, sizeof(row->status), verdict, "verdict.status");
		reason = json_string_value(json_array_get(facts_get(verdict, "verdict.reasons"), 0));
		snprintf(row->why, sizeof(row->why), "%s", reason ? reason : "");
		text_clean(row->why);
	}
	json_decref(verdict);
	return rc;
}

static int load_run(const char *dir, struct advise_evidence *e, struct error *err)
{
	struct evidence_row row = { .drift_ppm = NAN, .read_ns = NAN };
	struct run run;
	int rc = run_load(dir, &run, err);

	if (rc)
		return rc;
	read_run(&run, e, &row);
	rc = read_verdict(dir, &row, err);
	if (!rc)
		rc = weigh_drifts(dir, &run, &row, err);
	if (!rc)
		rc = add_row(e, &row, err);
	run_free(&run);
	return rc;
}

int advise_evidence_load(const char *dir, struct advise_evidence *e, struct error *err)
{
	json_t *matrix;
	int rc;

	*e = (struct advise_evidence){ 0 };
	snprintf(e->source, sizeof(e->source), "%s", dir);
	rc = load_json(dir, "matrix.json", &matrix, err);
	if (!rc)
		rc = matrix ? load_matrix(dir, matrix, e, err) : load_run(dir, e, err);
	json_decref(matrix);
	return rc;
}

void advise_evidence_free(struct advise_evidence *e)
{
	free(e->rows);
	json_decref(e->configurations);
	json_decref(e->facts);
	*e = (struct advise_evidence){ 0 };
}

static int holds(const json_t *facts, const char *situation)
{
	return situations[situation_find(situation, strlen(situation))].holds(facts);
}

/* +1: a known fact agrees with the configuration; -1: it does not; 0: not known. */
static int agree(int fact, bool configured)
{
	return fact < 0 ? 0 : (fact > 0) == configured ? 1 : -1;
}

static int has_pstates(const json_t *facts)
{
	return facts_get(facts, "cpufreq.policies")
		       ? json_array_size(facts_get(facts, "cpufreq.policies")) > 0
		       : -1;
}

/*
 * How like the lab's configuration this system is: known facts that agree, -1 when one does not.  A
 * guest of the lab's TCG has no constant TSC, unless its own facts say so.
 */
static int likeness(const json_t *facts, const struct subject *subject, const json_t *configuration)
{
	const char *arch = facts_text(configuration, "arch");
	double online = 0, vcpus = 0;
	int several = facts_number(facts, "cpu.online_count", &online) ? online > 1 : -1, sum = 0;
	int agreed[5];

	if (!subject->arch[0] || strcmp(subject->arch, arch ? arch : "x86_64") != 0)
		return -1;
	facts_number(configuration, "vcpus", &vcpus);
	agreed[0] = agree(several, vcpus > 1);
	agreed[1] = agree(holds(facts, "deep-idle"), facts_flag(configuration, "cstates") > 0);
	agreed[2] = agree(has_pstates(facts), facts_flag(configuration, "pstates") > 0);
	agreed[3] = facts_get(configuration, "hpet")
			    ? agree(holds(facts, "has-hpet"), facts_flag(configuration, "hpet") > 0)
			    : 0;
	agreed[4] = agree(subject->host_constant_tsc, facts_flag(configuration, "constant_tsc") > 0);
	for (size_t i = 0; i < sizeof(agreed) / sizeof(agreed[0]); i++) {
		if (agreed[i] < 0)
			return -1;
		sum += agreed[i];
	}
	/* The number of CPUs and the TSC are the least that must be known. */
	return agreed[0] && agreed[4] ? sum : -1;
}

void advise_resembling(const struct advise_evidence *e, const json_t *facts, char name[32])
{
	struct subject subject;
	const json_t *row;
	int best = -1;
	size_t i;

	name[0] = '\0';
	subject_read(facts, &subject);
	if (strcmp(subject.role, "guest") != 0)
		return;
	json_array_foreach(e->configurations, i, row)
	{
		int its = likeness(facts, &subject, row);

		if (its <= best)
			continue;
		best = its;
		take(name, 32, row, "name");
	}
}
