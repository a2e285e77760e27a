/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/estimate.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/file.h"
#include "results/text.h"

#define INT(type, member)                                                                                    \
	{                                                                                                    \
#member, COLUMN_INT, offsetof(struct type, member)                                           \
	}
#define COUNT(type, member)                                                                                  \
	{                                                                                                    \
#member, COLUMN_COUNT, offsetof(struct type, member)                                         \
	}
#define REAL(type, member)                                                                                   \
	{                                                                                                    \
#member, COLUMN_REAL, offsetof(struct type, member)                                          \
	}
#define TEXT(type, member)                                                                                   \
	{                                                                                                    \
#member, COLUMN_TEXT, offsetof(struct type, member)                                          \
	}
#define END                                                                                                  \
	{                                                                                                    \
		NULL, COLUMN_INT, 0                                                                          \
	}

static const struct column drift_columns[] = {
	INT(drift, cpu),
	TEXT(drift, phase),
	TEXT(drift, clock),
	TEXT(drift, reference),
	TEXT(drift, relation),
	REAL(drift, drift_ppm),
	REAL(drift, ci_low_ppm),
	REAL(drift, ci_high_ppm),
	REAL(drift, systematic_ppm),
	TEXT(drift, method),
	COUNT(drift, n),
	COUNT(drift, rejected),
	COUNT(drift, backward),
	REAL(drift, max_backward_ns),
	REAL(drift, steering_ppm),
	REAL(drift, factors_ppm),
	REAL(drift, hull_low_ppm),
	REAL(drift, hull_high_ppm),
	REAL(drift, residual_ns),
	REAL(drift, span_s),
	REAL(drift, unread_s),
	REAL(drift, width_ns),
	REAL(drift, limit_ppm),
	TEXT(drift, limit),
	TEXT(drift, status),
	END,
};

static const struct column stability_columns[] = {
	INT(stability, cpu),
	TEXT(stability, phase),
	TEXT(stability, clock),
	TEXT(stability, reference),
	REAL(stability, tau_s),
	REAL(stability, adev),
	REAL(stability, oadev),
	REAL(stability, mdev),
	REAL(stability, tdev),
	REAL(stability, hdev),
	REAL(stability, ohdev),
	REAL(stability, totdev),
	REAL(stability, pdev),
	REAL(stability, mtie_ns),
	REAL(stability, tierms_ns),
	REAL(stability, oadev_low),
	REAL(stability, oadev_high),
	TEXT(stability, noise),
	REAL(stability, adev_low),
	REAL(stability, adev_high),
	REAL(stability, mdev_low),
	REAL(stability, mdev_high),
	REAL(stability, tdev_low),
	REAL(stability, tdev_high),
	REAL(stability, hdev_low),
	REAL(stability, hdev_high),
	REAL(stability, ohdev_low),
	REAL(stability, ohdev_high),
	REAL(stability, totdev_low),
	REAL(stability, totdev_high),
	REAL(stability, pdev_low),
	REAL(stability, pdev_high),
	REAL(stability, oadev_edf),
	COUNT(stability, n),
	COUNT(stability, filled),
	END,
};

static const struct column step_columns[] = {
	INT(step, cpu),
	TEXT(step, phase),
	TEXT(step, clock),
	TEXT(step, reference),
	REAL(step, at_s),
	REAL(step, step_ns),
	REAL(step, ci_low_ns),
	REAL(step, ci_high_ns),
	TEXT(step, cause),
	TEXT(step, injected),
	TEXT(step, recovered),
	REAL(step, recovery_s),
	REAL(step, recovery_resolution_s),
	REAL(step, recovery_bound_ns),
	END,
};

static const struct column effect_columns[] = {
	INT(effect, cpu),
	TEXT(effect, phase),
	TEXT(effect, clock),
	TEXT(effect, reference),
	REAL(effect, effect_ppm),
	REAL(effect, ci_low_ppm),
	REAL(effect, ci_high_ppm),
	REAL(effect, p),
	TEXT(effect, significant),
	COUNT(effect, idle_phases),
	TEXT(effect, method),
	END,
};

static const struct column phase_columns[] = {
	TEXT(phase_result, phase),
	TEXT(phase_result, disturbances),
	TEXT(phase_result, observed),
	TEXT(phase_result, status),
	REAL(phase_result, duration_s),
	COUNT(phase_result, steps),
	COUNT(phase_result, steps_explained),
	COUNT(phase_result, backward),
	TEXT(phase_result, text),
	END,
};

static const struct column crosscpu_columns[] = {
	TEXT(crosscpu, phase),
	INT(crosscpu, cpu_a),
	INT(crosscpu, cpu_b),
	REAL(crosscpu, offset_ns),
	REAL(crosscpu, bound_ns),
	END,
};

static const struct column backward_columns[] = {
	INT(backward, cpu),
	TEXT(backward, clock),
	COUNT(backward, count),
	REAL(backward, largest_ns),
	END,
};

const struct table drift_table = { "drift", drift_columns, sizeof(struct drift) };
const struct table stability_table = { "stability", stability_columns, sizeof(struct stability) };
const struct table steps_table = { "steps", step_columns, sizeof(struct step) };
const struct table effects_table = { "effects", effect_columns, sizeof(struct effect) };
const struct table phases_table = { "phases", phase_columns, sizeof(struct phase_result) };
const struct table crosscpu_table = { "crosscpu", crosscpu_columns, sizeof(struct crosscpu) };
const struct table backward_table = { "backward", backward_columns, sizeof(struct backward) };

const char *status_name(enum status status)
{
	static const char *const names[] = { "stable", "unstable", "inconclusive" };

	return names[status];
}

int verdict_add(struct verdict *verdict, const char *format, ...)
{
	struct reason *grown;
	va_list args;

	grown = reallocarray(verdict->reasons, verdict->reason_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	verdict->reasons = grown;
	va_start(args, format);
	vsnprintf(grown[verdict->reason_count].text, REASON_MAX, format, args);
	va_end(args);
	/* Names and messages come from files: nothing in them may steer a terminal. */
	text_clean(grown[verdict->reason_count].text);
	verdict->reason_count++;
	return 0;
}

void estimates_free(struct estimates *estimates)
{
	free(estimates->drift);
	free(estimates->stability);
	free(estimates->steps);
	free(estimates->levels);
	free(estimates->effects);
	free(estimates->phases);
	free(estimates->crosscpu);
	free(estimates->backward);
	free(estimates->verdict.reasons);
	json_decref(estimates->losses);
	*estimates = (struct estimates){ 0 };
}

static json_t *verdict_to_json(const struct verdict *verdict)
{
	json_t *reasons = json_array();

	for (size_t i = 0; i < verdict->reason_count; i++)
		json_array_append_new(reasons, json_string(verdict->reasons[i].text));
	return json_pack("{s:s, s:o}", "status", status_name(verdict->status), "reasons", reasons);
}

json_t *estimates_to_json(const struct estimates *e, const char *run)
{
	const struct {
		const struct table *table;
		const void *rows;
		size_t count;
	} parts[] = {
		{ &drift_table, e->drift, e->drift_count },
		{ &stability_table, e->stability, e->stability_count },
		{ &steps_table, e->steps, e->step_count },
		{ &effects_table, e->effects, e->effect_count },
		{ &phases_table, e->phases, e->phase_count },
		{ &crosscpu_table, e->crosscpu, e->crosscpu_count },
		{ &backward_table, e->backward, e->backward_count },
	};
	json_t *json = json_pack("{s:i, s:s}", "schema", SCHEMA_VERSION, "run", run);

	if (!json)
		return NULL;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_object_set_new(json, parts[i].table->name,
			table_to_json(parts[i].table, parts[i].rows, parts[i].count));
	json_object_set(json, "losses", e->losses);
	json_object_set_new(json, "verdict", verdict_to_json(&e->verdict));
	return json;
}

static int verdict_write(
	const struct estimates *estimates, const char *dir, struct file_replace *file, struct error *err)
{
	/* The run is named by its place on disk, so a copied run does not lie about where it is. */
	return json_write(json_pack("{s:i, s:O?, s:o}", "schema", SCHEMA_VERSION, "losses", estimates->losses,
				  "verdict", verdict_to_json(&estimates->verdict)),
		dir, "verdict.json", 2, file, err);
}

int estimates_remove(const char *dir, struct error *err)
{
	static const char *const names[] = { "verdict.json", "drift.csv", "stability.csv", "steps.csv",
		"effects.csv", "phases.csv" };
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(names) / sizeof(names[0]); i++) {
		rc = path_join(path, sizeof(path), dir, names[i], err);
		if (!rc && unlink(path) && errno != ENOENT)
			rc = error_set(err, -errno, "%s: cannot remove: %s", path, strerror(errno));
	}
	return rc;
}

int estimates_store(const struct estimates *e, const char *dir, struct error *err)
{
	const struct {
		const struct table *table;
		const void *rows;
		size_t count;
	} tables[] = {
		{ &drift_table, e->drift, e->drift_count },
		{ &stability_table, e->stability, e->stability_count },
		{ &steps_table, e->steps, e->step_count },
		{ &effects_table, e->effects, e->effect_count },
		{ &phases_table, e->phases, e->phase_count },
	};
	enum { TABLES = sizeof(tables) / sizeof(tables[0]) };
	struct file_replace files[TABLES + 1];
	size_t finished = 0, named = 0;
	int rc = 0;

	for (; !rc && finished < TABLES; finished += !rc)
		rc = table_to_csv(tables[finished].table, tables[finished].rows, tables[finished].count, dir,
			&files[finished], err);
	if (!rc)
		rc = verdict_write(e, dir, &files[finished], err);
	finished += !rc && finished == TABLES;
	for (; !rc && named < finished; named += !rc)
		rc = file_replace_name(&files[named], err);
	for (size_t i = named; rc && i < finished; i++)
		file_replace_drop(&files[i]);
	/* New and old files side by side would contradict each other: err is set, the first one stands. */
	if (rc && named)
		estimates_remove(dir, err);
	return rc;
}
