/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift list: what there is to choose from. */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "analysis/limits.h"
#include "analysis/profiles.h"
#include "bench/catalogue.h"
#include "bench/data_path.h"
#include "bench/disturbance.h"
#include "bench/facts.h"
#include "bench/lab_config.h"
#include "bench/options.h"
#include "bench/scenario.h"
#include "bench/tsc_rate.h"
#include "probes/clock_reader.h"
#include "probes/tsc.h"

/* One line of a list: a name, and what is to be said of it, as text and as JSON keys. */
static int add(json_t *list, json_t *item)
{
	return json_array_append_new(list, item);
}

/* Opens each clock to see whether it can be read here, and closes it again. */
static int list_clocks(const struct options *options, json_t *list, struct error *err)
{
	json_t *facts;
	char source[96];
	double tsc_hz;

	(void)options;
	(void)err;
	tsc_init();
	facts = facts_collect(&facts_live);
	tsc_hz = tsc_rate(facts, source, sizeof(source));
	json_decref(facts);
	for (size_t i = 0; clock_readers[i]; i++) {
		const struct clock_reader *reader = clock_readers[i];
		struct clock_setup setup = { .tsc_hz = tsc_hz };
		struct clock_traits traits = { 0 };
		struct error why = { "" };
		bool open = !reader->open || reader->open(&setup, &traits, &why) == 0;

		if (open && reader->close)
			reader->close(traits.state);
		add(list, json_pack("{s:s, s:s, s:b, s:b, s:s?, s:s?}", "name", reader->name, "summary",
				  reader->summary, "available", open, "default", !reader->optional, "reason",
				  open ? NULL : why.text, "options", reader->options));
	}
	return 0;
}

static json_t *parameters_of(const struct disturbance *d)
{
	json_t *list = json_array();

	for (const struct parameter *p = d->parameters; p && p->name; p++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s?}", "name", p->name, "help",
						    p->help, "default", p->initial, "words", p->words));
	return list;
}

/* As it is by default; one that must be told what to do is asked for the first thing that it can. */
static int parse_any(const struct disturbance *d, struct asked *asked, struct error *err)
{
	const char *words = d->parameters ? d->parameters[0].words : NULL;
	char word[DISTURBANCE_TEXT_MAX];
	struct error refused = { "" };
	int rc = disturbance_parse(d, "", asked, &refused);

	if (rc && !words)
		return disturbance_parse(d, "1", asked, err);
	while (rc && words && *words) {
		size_t length = strcspn(words, ",");

		snprintf(word, sizeof(word), "%.*s", (int)length, words);
		words += length + (words[length] == ',');
		refused = (struct error){ "" };
		rc = disturbance_parse(d, word, asked, &refused);
	}
	return rc ? error_set(err, rc, "%s", refused.text) : 0;
}

static int list_disturbances(const struct options *options, json_t *list, struct error *err)
{
	struct placement *placement = placement_load(err);
	struct asked *asked = malloc(sizeof(*asked));
	size_t count = 0;
	int *cpus = NULL, rc;

	(void)options;
	rc = placement && asked ? placement_select(placement, NULL, &cpus, &count, err) : -EIO;
	for (size_t i = 0; !rc && disturbances[i]; i++) {
		const struct disturbance *d = disturbances[i];
		struct disturbance_setup setup = { asked->arguments, 10, cpus, count, placement, NULL, NULL };
		struct error why = { "" };
		bool possible;

		possible = parse_any(d, asked, &why) == 0 && d->supported(&setup, &why) == 0;
		add(list, json_pack("{s:s, s:s, s:b, s:s?, s:o}", "name", d->name, "summary", d->summary,
				  "available", possible, "reason", possible ? NULL : why.text, "parameters",
				  parameters_of(d)));
	}
	free(cpus);
	free(asked);
	placement_free(placement);
	return rc;
}

static int is_scenario(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && strcmp(end, ".ini") == 0;
}

static int list_scenarios(const struct options *options, json_t *list, struct error *err)
{
	char path[PATH_MAX];
	struct dirent **names;
	int count, rc;

	(void)options;
	rc = data_path("bench/scenarios", path, err);
	if (rc)
		return rc;
	count = scandir(path, &names, is_scenario, alphasort);
	if (count < 0)
		return error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		struct scenario *scenario = calloc(1, sizeof(*scenario));

		names[i]->d_name[strlen(names[i]->d_name) - strlen(".ini")] = '\0';
		if (!rc && scenario)
			rc = scenario_load(names[i]->d_name, scenario, err);
		if (!rc && scenario)
			add(list, json_pack("{s:s, s:s, s:f}", "name", scenario->name, "summary",
					  scenario->summary, "duration_s", scenario_duration(scenario)));
		if (scenario)
			scenario_free(scenario);
		free(scenario);
		free(names[i]);
	}
	free(names);
	return rc;
}

static int list_limits(const struct options *options, json_t *list, struct error *err)
{
	char path[PATH_MAX], summary[256];
	struct limits limits;
	int rc = data_path("analysis/limits.csv", path, err);

	(void)options;
	if (!rc)
		rc = limits_load(path, &limits, err);
	for (size_t i = 0; !rc && i < limits.count; i++) {
		snprintf(summary, sizeof(summary), "%g ppm: %s", limits.rows[i].ppm, limits.rows[i].source);
		add(list, json_pack("{s:s, s:f, s:s, s:s}", "name", limits.rows[i].name, "ppm",
				  limits.rows[i].ppm, "source", limits.rows[i].source, "summary", summary));
	}
	if (!rc)
		limits_free(&limits);
	return rc;
}

static int list_configurations(const struct options *options, json_t *list, struct error *err)
{
	struct lab_configs configs;
	int rc = lab_configs_load(&configs, NULL, err);

	(void)options;
	for (size_t i = 0; !rc && i < configs.count; i++) {
		const struct lab_config *c = &configs.rows[i];

		add(list, json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:b, s:b, s:b, s:s}", "name", c->name,
				  "summary", c->summary, "arch", c->arch, "vcpus", (int)c->vcpus, "cpu",
				  c->cpu, "machine", c->machine, "hpet", c->hpet, "cstates", c->cstates,
				  "pstates", c->pstates, "accel", c->accel));
	}
	lab_configs_free(&configs);
	return rc;
}

/* A profile in one line: for whom it is, and what it asks for. */
static void profile_summary(const struct profile *p, FILE *out)
{
	const struct {
		const char *before, *text;
	} parts[] = { { ", ", p->guest_os }, { " ", p->guest_versions }, { ", Linux ", p->kernel },
		{ ", ", p->arch }, { ", pvclock: ", p->pvclock },
		{ ", constant TSC: ", p->host_constant_tsc }, { ", ", p->situation } };

	fputs(p->role, out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].text[0])
			fprintf(out, "%s%s", parts[i].before, parts[i].text);
	fprintf(out, ": %s%s%s", p->parameters[0] ? p->parameters : "no parameters",
		p->host_settings[0] ? "; host settings" : "",
		p->hypervisor_settings[0] ? "; hypervisor settings" : "");
}

static int add_profile(json_t *list, const struct profile *p)
{
	json_t *item = catalogue_json(p);
	size_t size;
	char *summary = NULL;
	FILE *out = open_memstream(&summary, &size);

	if (!out || !item) {
		json_decref(item);
		return -ENOMEM;
	}
	profile_summary(p, out);
	fclose(out);
	json_object_set_new(item, "name", json_string(p->id));
	json_object_set_new(item, "summary", json_string(summary));
	free(summary);
	return add(list, item) ? -ENOMEM : 0;
}

static int list_profiles(const struct options *options, json_t *list, struct error *err)
{
	struct profiles profiles = { 0 };
	int rc = catalogue_load(options->catalogue, &profiles, err);

	for (size_t i = 0; !rc && i < profiles.count; i++)
		if (add_profile(list, &profiles.rows[i]))
			rc = error_set(err, -ENOMEM, "out of memory");
	profiles_free(&profiles);
	return rc;
}

static const struct {
	const char *name;
	int (*fill)(const struct options *options, json_t *list, struct error *err);
} lists[] = {
	{ "clocks", list_clocks },
	{ "disturbances", list_disturbances },
	{ "scenarios", list_scenarios },
	{ "limits", list_limits },
	{ "configurations", list_configurations },
	{ "profiles", list_profiles },
};

static void print_parameters(json_t *parameters)
{
	json_t *p;
	size_t i;

	json_array_foreach(parameters, i, p)
	{
		const char *words = json_string_value(json_object_get(p, "words"));
		const char *initial = json_string_value(json_object_get(p, "default"));

		printf("%-16s %s=%s  %s", "", json_string_value(json_object_get(p, "name")),
			words ? words : "", json_string_value(json_object_get(p, "help")));
		printf(initial ? " (default: %s)\n" : "\n", initial);
	}
}

static void print_list(const json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *reason = json_string_value(json_object_get(item, "reason"));
		const char *options = json_string_value(json_object_get(item, "options"));
		const char *arch = json_object_get(item, "vcpus")
					   ? json_string_value(json_object_get(item, "arch"))
					   : NULL;

		printf("%-14s %s%s%s\n", json_string_value(json_object_get(item, "name")), arch ? arch : "",
			arch ? ": " : "", json_string_value(json_object_get(item, "summary")));
		if (reason)
			printf("%-14s not here: %s\n", "", reason);
		if (options)
			printf("%-14s options: %s\n", "", options);
		print_parameters(json_object_get(item, "parameters"));
	}
}

static int list_command(const struct options *options, struct error *err)
{
	const char *name = options->arguments[0];
	json_t *list, *json;
	int rc = -EINVAL;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(lists[i].name, name) != 0)
			continue;
		list = json_array();
		rc = lists[i].fill(options, list, err);
		json = json_pack("{s:i, s:O}", "schema", 1, name, list);
		if (!rc && options->json) {
			json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
			putchar('\n');
		} else if (!rc) {
			print_list(list);
		}
		json_decref(json);
		json_decref(list);
		return rc;
	}
	return error_set(err, -EINVAL,
		"nothing to list under \"%s\"; lists: clocks, disturbances, scenarios, limits, "
		"configurations, profiles",
		name);
}

const struct command command_list = {
	.name = "list",
	.usage = "clocks|disturbances|scenarios|limits|configurations|profiles [OPTION]...",
	.summary = "clocks, disturbances, scenarios, limits, configurations, profiles to choose from",
	.help = "Lists what there is to choose from, one line each.  A clock that cannot be read or a\n"
		"disturbance that cannot be done on this machine is listed with the reason.  The profiles\n"
		"are kernel parameters and settings that keep a system's clocks stable; --catalogue adds "
		"yours.",
	.options = "catalogue json",
	.min_arguments = 1,
	.max_arguments = 1,
	.run = list_command,
};
