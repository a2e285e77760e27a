/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a scenario would do to this machine, without doing it. */
#include <stdio.h>

#include <jansson.h>

#include "analysis/format.h"
#include "bench/stage.h"

static json_t *plan_phase(const struct scenario *scenario, size_t index, struct placement *placement,
	const int *cpus, size_t cpu_count)
{
	const struct scenario_phase *phase = &scenario->phases[index];
	json_t *list = json_array();

	for (size_t i = 0; i < phase->asked_count; i++) {
		const struct asked *asked = &phase->asked[i];
		struct disturbance_setup setup = { .arguments = asked->arguments,
			.duration_s = phase->duration_s,
			.cpus = cpus,
			.cpu_count = cpu_count,
			.placement = placement };
		char text[sizeof(((struct phase_disturbance *)NULL)->plan)] = "";

		asked->disturbance->plan(&setup, text, sizeof(text));
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s?}", "name", asked->disturbance->name, "asked",
				asked->text, "plan", text, "reason",
				phase->obstacle == asked ? phase->why : NULL));
	}
	return json_pack("{s:s, s:f, s:b, s:o}", "name", phase->name, "duration_s", phase->duration_s,
		"possible", !scenario_leaves_out(scenario, index), "disturbances", list);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void print_phase(const json_t *phase)
{
	json_t *list = json_object_get(phase, "disturbances"), *item;
	double duration_s = json_real_value(json_object_get(phase, "duration_s"));
	bool possible = json_is_true(json_object_get(phase, "possible"));
	size_t i;

	printf("%-26s %-8s", text_of(phase, "name"), possible ? format_duration(duration_s).text : "left out");
	if (json_array_size(list) == 0)
		puts(possible ? " idle: changes nothing" : " with the phase before it");
	json_array_foreach(list, i, item)
	{
		const char *reason = text_of(item, "reason");

		if (i)
			printf("%-35s", "");
		printf(" %s: %s\n", text_of(item, "name"), text_of(item, "plan"));
		if (reason)
			printf("%-35s not here: %s\n", "", reason);
	}
}

int stage_print_plan(const struct scenario *scenario, struct placement *placement, const int *cpus,
	size_t cpu_count, bool as_json)
{
	json_t *phases = json_array(), *plan, *item;
	size_t i;

	for (i = 0; i < scenario->phase_count; i++)
		json_array_append_new(phases, plan_phase(scenario, i, placement, cpus, cpu_count));
	plan = json_pack("{s:i, s:s, s:f, s:o}", "schema", SCHEMA_VERSION, "scenario", scenario->name,
		"duration_s", scenario_duration(scenario), "phases", phases);
	if (as_json) {
		json_dumpf(plan, stdout, JSON_INDENT(1) | TABLE_JSON_FLAGS);
		putchar('\n');
	} else {
		json_array_foreach(phases, i, item)
		{
			print_phase(item);
		}
		printf("\n%s of sampling; nothing was done\n",
			format_duration(scenario_duration(scenario)).text);
	}
	json_decref(plan);
	return 0;
}
