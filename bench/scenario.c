/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/data_path.h"
#include "bench/options.h"
#include "probes/probe.h"

/* A wake-up costs some 60 us of a CPU in a nested guest: this keeps a probe well below 0.5 % of one. */
#define INTERVAL_DEFAULT_S 0.02
#define BURST_DEFAULT	   16

struct loader {
	struct scenario *scenario;
	struct error first; /* the parser tells the line, we the reason */
	bool in_phase;
};

static int refuse(struct loader *l, const char *key, const char *value, const char *why)
{
	error_set(&l->first, -EINVAL, "%s = %s: %s", key, value, why);
	return 0;
}

static int set_text(struct loader *l, char *to, size_t size, const char *key, const char *value)
{
	if (!value[0] || strlen(value) >= size)
		return refuse(l, key, value, "is empty or too long");
	strcpy(to, value);
	return 1;
}

static int scenario_key(struct loader *l, const char *key, const char *value)
{
	struct scenario *s = l->scenario;
	char *end;

	if (strcmp(key, "summary") == 0)
		return set_text(l, s->summary, sizeof(s->summary), key, value);
	if (strcmp(key, "clocks") == 0)
		return set_text(l, s->clocks, sizeof(s->clocks), key, value);
	if (strcmp(key, "cpus") == 0)
		return set_text(l, s->cpus, sizeof(s->cpus), key, value);
	if (strcmp(key, "reference") == 0)
		return set_text(l, s->reference, sizeof(s->reference), key, value);
	if (strcmp(key, "limits") == 0)
		return set_text(l, s->limits, sizeof(s->limits), key, value);
	if (strcmp(key, "interval") == 0)
		return duration_parse(value, &s->interval_s) ? refuse(l, key, value, "not a time") : 1;
	if (strcmp(key, "burst") == 0) {
		unsigned long burst = strtoul(value, &end, 10);

		s->burst = (unsigned)burst;
		return *end || end == value || burst < 1 || burst > PROBE_BURST_MAX
			       ? refuse(l, key, value, "not a number of readings")
			       : 1;
	}
	return refuse(l, key, value, "unknown key in [scenario]");
}

static int phase_key(struct loader *l, struct scenario_phase *phase, const char *key, const char *value)
{
	if (strcmp(key, "duration") != 0)
		return refuse(l, key, value, "unknown key in a phase");
	if (duration_parse(value, &phase->duration_s) || phase->duration_s <= 0)
		return refuse(l, key, value, "not a time above 0; write 30s, 5m or 1h");
	return 1;
}

/* Names go into CSV files and plots. */
static bool name_is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.+", *c))
			return false;
	return name[0] && strlen(name) < PHASE_NAME_MAX;
}

static struct scenario_phase *phase_of(struct loader *l, const char *name)
{
	struct scenario *s = l->scenario;

	for (size_t i = 0; i < s->phase_count; i++)
		if (strcmp(s->phases[i].name, name) == 0)
			return &s->phases[i];
	if (!name_is_plain(name)) {
		error_set(&l->first, -EINVAL, "[phase %s]: a name is letters, digits and -_.+", name);
		return NULL;
	}
	if (s->phase_count == SCENARIO_PHASES_MAX) {
		error_set(&l->first, -EINVAL, "more than %d phases", SCENARIO_PHASES_MAX);
		return NULL;
	}
	strcpy(s->phases[s->phase_count].name, name);
	return &s->phases[s->phase_count++];
}

/* inih: 1 is fine, 0 an error in this line. */
static int on_key(void *context, const char *section, const char *key, const char *value)
{
	struct loader *l = context;
	struct scenario_phase *phase;

	if (strcmp(section, "scenario") == 0)
		return scenario_key(l, key, value);
	if (strncmp(section, "phase ", 6) != 0) {
		error_set(&l->first, -EINVAL, "section [%s]: only [scenario] and [phase NAME] are known",
			section);
		return 0;
	}
	phase = phase_of(l, section + 6);
	return phase ? phase_key(l, phase, key, value) : 0;
}

static int scenario_check(const struct scenario *s, const char *path, struct error *err)
{
	if (s->phase_count == 0)
		return error_set(err, -EINVAL, "%s:1: no [phase NAME] with a duration in it", path);
	if (s->interval_s > 0 && s->interval_s < 20e-6)
		return error_set(err, -EINVAL, "%s:1: interval is below 20us", path);
	return 0;
}

static void name_of(const char *path, char *name, size_t size)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t length = strlen(base), ending = strlen(".ini");

	if (length > ending && strcmp(base + length - ending, ".ini") == 0)
		length -= ending;
	snprintf(name, size, "%.*s", (int)length, base);
}

int scenario_load(const char *name, struct scenario *scenario, struct error *err)
{
	struct loader l = { .scenario = scenario };
	size_t length = strlen(name);
	char path[PATH_MAX], relative[NAME_MAX + 32];
	int line, rc;

	*scenario = (struct scenario){ .interval_s = INTERVAL_DEFAULT_S, .burst = BURST_DEFAULT };
	if (strchr(name, '/') || (length > 4 && strcmp(name + length - 4, ".ini") == 0)) {
		snprintf(path, sizeof(path), "%s", name);
	} else {
		struct error lost = { "" };

		snprintf(relative, sizeof(relative), "bench/scenarios/%.200s.ini", name);
		if (data_path(relative, path, &lost))
			return error_set(
				err, -ENOENT, "no scenario \"%s\"; see 'clkdrift list scenarios'", name);
	}
	name_of(path, scenario->name, sizeof(scenario->name));
	line = ini_parse(path, on_key, &l);
	if (line < 0)
		return error_set(err, errno ? -errno : -EIO, "%s: cannot read: %s", path,
			strerror(errno ? errno : EIO));
	if (line > 0)
		return error_set(err, -EINVAL, "%s:%d: %s", path, line,
			l.first.text[0] ? l.first.text : "neither [section] nor key = value");
	rc = scenario_check(scenario, path, err);
	return rc;
}

double scenario_duration(const struct scenario *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->phase_count; i++)
		sum += s->phases[i].duration_s;
	return sum;
}

void scenario_scale(struct scenario *s, double duration_s)
{
	double factor = duration_s / scenario_duration(s);

	for (size_t i = 0; i < s->phase_count; i++)
		s->phases[i].duration_s *= factor;
}
