/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The kernel parameters that touch timekeeping: what came of each, and what it is good for. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parameter_table.h"
#include "analysis/parameters.h"
#include "bench/inspect_findings.h"

/* Another clock is measured than the one that was asked for. */
static bool missed(const struct parameter_verdict *v)
{
	bool choice = facts_same_parameter(v->name, "clocksource") || facts_same_parameter(v->name, "clock");

	return (v->effect == PARAMETER_UNKNOWN && !parameter_row_any(v->name)) ||
	       (choice && (v->effect == PARAMETER_NO_EFFECT || v->effect == PARAMETER_CONTRADICTED));
}

static void add(struct findings *findings, const struct parameter_verdict *v)
{
	const struct parameter_row *row = parameter_row(v->name, v->value);
	const char *meaning = row ? row->meaning : "";
	bool risk = missed(v) || (row && row->risk && !parameter_is_inert(v));

	finding_add(findings, "parameter", risk ? FINDING_RISK : FINDING_NOTE, "", "Kernel parameter %s: %s",
		parameter_spelled(v).text, parameter_effect_name(v->effect));
	finding_meaning(findings, "%c%s.%s%s", toupper(v->why[0]), v->why + 1, *meaning ? " " : "", meaning);
}

void findings_parameters(const json_t *facts, struct findings *findings)
{
	struct parameter_verdict *list;
	struct error err = { "" };
	size_t count;

	if (parameters_judge(facts, &list, &count, &err)) {
		findings->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (list[i].effect != PARAMETER_NOT_TIME)
			add(findings, &list[i]);
	}
	free(list);
}

json_t *inspect_parameters(const json_t *facts)
{
	struct parameter_verdict *list;
	struct error err = { "" };
	json_t *array;
	size_t count;

	if (parameters_judge(facts, &list, &count, &err))
		return NULL;
	array = json_array();
	for (size_t i = 0; i < count && array; i++) {
		const struct parameter_verdict *v = &list[i];

		if (json_array_append_new(
			    array, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", v->name, "value", v->value,
					   "effect", parameter_effect_name(v->effect), "why", v->why,
					   "modern", v->modern))) {
			json_decref(array);
			array = NULL;
		}
	}
	free(list);
	return array;
}
