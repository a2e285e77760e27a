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

#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* of UTF-8; editors of Windows begin a file with it */

struct loader {
	struct scenario *scenario;
	FILE *in;
	int line;	   /* that inih was given last */
	char section[128]; /* that the line stands in, as we see it */
	int section_line;
	struct error first; /* inih tells no reason */
	int first_line;
	int lacks_until; /* ... where a section without a duration begins: a line of it before that one may be the reason */
	char keys[1024]; /* of the section so far, each between blanks */
};

/* inih: 0 is an error in this line. */
static int refuse_line(struct loader *l, const char *why)
{
	if (!l->first_line)
		l->first_line = l->line;
	error_set(&l->first, -EINVAL, "%s", why);
	return 0;
}

static int refuse(struct loader *l, const char *key, const char *value, const char *why)
{
	struct error text = { "" };

	error_set(&text, -EINVAL, "%s = %s: %s", key, value, why);
	return refuse_line(l, text.text);
}

/* line, if not NULL: where it was said, for errors that only the run finds. */
static int set_text(struct loader *l, char *to, size_t size, int *line, const char *key, const char *value)
{
	if (!value[0] || strlen(value) >= size)
		return refuse(l, key, value, "is empty or too long");
	strcpy(to, value);
	if (line)
		*line = l->line;
	return 1;
}

static int scenario_key(struct loader *l, const char *key, const char *value)
{
	struct scenario *s = l->scenario;
	char *end;

	if (strcmp(key, "summary") == 0)
		return set_text(l, s->summary, sizeof(s->summary), NULL, key, value);
	if (strcmp(key, "clocks") == 0)
		return set_text(l, s->clocks, sizeof(s->clocks), &s->clocks_line, key, value);
	if (strcmp(key, "cpus") == 0)
		return set_text(l, s->cpus, sizeof(s->cpus), &s->cpus_line, key, value);
	if (strcmp(key, "reference") == 0)
		return set_text(l, s->reference, sizeof(s->reference), &s->reference_line, key, value);
	if (strcmp(key, "limits") == 0)
		return set_text(l, s->limits, sizeof(s->limits), &s->limits_line, key, value);
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

static int phase_disturbance(
	struct loader *l, struct scenario_phase *phase, const char *key, const char *value)
{
	const struct disturbance *disturbance = disturbance_find(key);
	struct asked *asked;
	struct error why = { "" };

	if (!disturbance)
		return refuse(l, key, value,
			"neither \"duration\" nor a disturbance; see 'clkdrift list disturbances'");
	if (phase->asked_count == PHASE_DISTURBANCES_MAX)
		return refuse(l, key, value, "too many disturbances in one phase");
	if (!phase->asked)
		phase->asked = calloc(PHASE_DISTURBANCES_MAX, sizeof(*phase->asked));
	if (!phase->asked)
		return refuse(l, key, value, "out of memory");
	asked = &phase->asked[phase->asked_count++];
	return disturbance_parse(disturbance, value, asked, &why) ? refuse(l, key, value, why.text) : 1;
}

static int phase_key(struct loader *l, struct scenario_phase *phase, const char *key, const char *value)
{
	double *time_s = strcmp(key, "duration") == 0	? &phase->duration_s
			 : strcmp(key, "recovery") == 0 ? &phase->recovery_s
							: NULL;

	if (!time_s)
		return phase_disturbance(l, phase, key, value);
	if (duration_parse(value, time_s) || *time_s <= 0)
		return refuse(l, key, value, "not a time above 0; write 30s, 5m or 1h");
	return 1;
}

/* Names go into CSV files and plots. */
static bool name_char_is_plain(char c)
{
	return isalnum((unsigned char)c) || strchr("-_.+", c);
}

static bool name_is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!name_char_is_plain(*c))
			return false;
	return name[0] && strlen(name) < PHASE_NAME_MAX;
}

static int phase_begin(struct loader *l, const char *name)
{
	struct scenario *s = l->scenario;
	struct error why = { "" };

	if (!name_is_plain(name))
		error_set(&why, -EINVAL, "[phase %.60s]: a name is letters, digits and -_.+, at most %d",
			name, PHASE_NAME_MAX - 1);
	for (size_t i = 0; i < s->phase_count; i++)
		if (strcmp(s->phases[i].name, name) == 0)
			error_set(&why, -EINVAL, "[phase %.60s]: there is one of that name already", name);
	if (s->phase_count == SCENARIO_PHASES_MAX)
		error_set(&why, -EINVAL, "more than %d phases", SCENARIO_PHASES_MAX);
	if (why.text[0])
		return refuse_line(l, why.text);
	strcpy(s->phases[s->phase_count++].name, name);
	return 1;
}

/* A phase's recovery is a phase of its own behind it. */
static int add_recovery(struct loader *l)
{
	struct scenario *s = l->scenario;
	const struct scenario_phase *phase = s->phase_count ? &s->phases[s->phase_count - 1] : NULL;
	char name[sizeof(phase->name) + 8];

	if (!phase || !(phase->recovery_s > 0))
		return 1;
	snprintf(name, sizeof(name), "after-%s", phase->name);
	if (!phase_begin(l, name)) {
		l->first_line = l->section_line;
		return 0;
	}
	s->phases[s->phase_count - 1].duration_s = phase->recovery_s;
	s->phases[s->phase_count - 1].is_recovery = true;
	return 1;
}

/* A phase without a duration is told where it begins.  until: the line behind its last one. */
static int section_end(struct loader *l, int until)
{
	struct scenario *s = l->scenario;
	struct error why = { "" };

	if (strncmp(l->section, "phase ", 6) != 0 || s->phase_count == 0 || l->first_line)
		return 1;
	if (s->phases[s->phase_count - 1].duration_s > 0)
		return add_recovery(l);
	l->first_line = l->section_line;
	l->lacks_until = until;
	error_set(&why, -EINVAL, "[%s] has no duration", l->section);
	return refuse_line(l, why.text);
}

static int section_begin(struct loader *l, const char *section)
{
	struct error why = { "" };

	section_end(l, l->line);
	snprintf(l->section, sizeof(l->section), "%s", section);
	l->section_line = l->line;
	strcpy(l->keys, " ");
	if (strcmp(section, "scenario") == 0)
		return 1;
	if (strncmp(section, "phase ", 6) == 0)
		return phase_begin(l, section + 6);
	error_set(&why, -EINVAL, "section [%.60s]: only [scenario] and [phase NAME] are known", section);
	return refuse_line(l, why.text);
}

/* inih hands a line that begins with a blank over as more of the key before it: it is refused as a repetition. */
static int key_once(struct loader *l, const char *key, const char *value)
{
	size_t used = strlen(l->keys);
	char word[80];

	snprintf(word, sizeof(word), " %.70s ", key);
	if (strstr(l->keys, word))
		return refuse(l, key, value, "the key is given twice, or a line begins with a blank");
	snprintf(l->keys + used, sizeof(l->keys) - used, "%.70s ", key);
	return 1;
}

/* inih: 1 is fine, 0 an error in this line. */
static int on_key(void *context, const char *section, const char *key, const char *value)
{
	struct loader *l = context;

	if (!key_once(l, key, value))
		return 0;
	if (strcmp(section, "scenario") == 0)
		return scenario_key(l, key, value);
	if (strncmp(section, "phase ", 6) == 0 && l->scenario->phase_count && !l->first_line)
		return phase_key(l, &l->scenario->phases[l->scenario->phase_count - 1], key, value);
	return refuse(l, key, value, "stands in no [scenario] and no [phase NAME]");
}

/* inih tells nothing of a section without keys: its lines pass by here, so that none is overlooked. */
static char *read_line(char *text, int size, void *stream)
{
	struct loader *l = stream;
	char *line = fgets(text, size, l->in), *end;

	if (!line)
		return NULL;
	l->line++;
	if (!strchr(line, '\n') && !feof(l->in)) {
		refuse_line(l, "the line is too long, or has a NUL byte");
		return NULL;
	}
	/* inih passes over a byte order mark, too. */
	if (l->line == 1 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		line += strlen(BYTE_ORDER_MARK);
	while (*line == ' ' || *line == '\t')
		line++;
	end = *line == '[' ? strchr(line, ']') : NULL;
	if (end) {
		char section[128];

		snprintf(section, sizeof(section), "%.*s", (int)(end - line - 1), line + 1);
		section_begin(l, section);
	}
	return text;
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
	/* It goes into the run's directory and files, and need not be UTF-8. */
	for (; *name; name++)
		if (!name_char_is_plain(*name))
			*name = '_';
}

int scenario_find(const char *name, char path[PATH_MAX], struct error *err)
{
	char relative[NAME_MAX + 32];
	size_t length = strlen(name);
	struct error lost = { "" };
	int rc;

	if (strchr(name, '/') || (length > 4 && strcmp(name + length - 4, ".ini") == 0)) {
		snprintf(path, PATH_MAX, "%s", name);
		return 0;
	}
	rc = data_path("bench/scenarios", path, err);
	if (rc)
		return rc;
	snprintf(relative, sizeof(relative), "bench/scenarios/%.200s.ini", name);
	return data_path(relative, path, &lost)
		       ? error_set(err, -ENOENT, "no scenario \"%s\"; see 'clkdrift list scenarios'", name)
		       : 0;
}

static int parse_file(struct loader *l, const char *path, struct error *err)
{
	int line;

	errno = 0;
	l->in = fopen(path, "re");
	line = l->in ? ini_parse_stream(read_line, l, on_key, l) : -1;
	if (!l->in || ferror(l->in)) {
		int failure = errno ? errno : EIO;

		if (l->in)
			fclose(l->in);
		return error_set(err, -failure, "%s: cannot read: %s", path, strerror(failure));
	}
	fclose(l->in);
	section_end(l, l->line + 1);
	/* Ours is the one that came first, and it has a reason. */
	if (l->first_line && (line <= 0 || (l->first_line <= line && line >= l->lacks_until)))
		return error_set(err, -EINVAL, "%s:%d: %s", path, l->first_line, l->first.text);
	if (line)
		return error_set(
			err, -EINVAL, "%s:%d: neither [section] nor key = value", path, line > 0 ? line : 1);
	return 0;
}

int scenario_load(const char *name, struct scenario *scenario, struct error *err)
{
	struct loader l = { .scenario = scenario };
	char *path = scenario->path;
	int rc;

	*scenario = (struct scenario){ .interval_s = INTERVAL_DEFAULT_S, .burst = BURST_DEFAULT };
	rc = scenario_find(name, path, err);
	if (rc)
		return rc;
	name_of(path, scenario->name, sizeof(scenario->name));
	rc = parse_file(&l, path, err);
	return rc ? rc : scenario_check(scenario, path, err);
}

void scenario_free(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->phase_count; i++)
		free(scenario->phases[i].asked);
	scenario->phase_count = 0;
}

bool scenario_leaves_out(const struct scenario *s, size_t phase)
{
	return s->phases[phase].obstacle || (s->phases[phase].is_recovery && s->phases[phase - 1].obstacle);
}

double scenario_duration(const struct scenario *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->phase_count; i++)
		sum += scenario_leaves_out(s, i) ? 0 : s->phases[i].duration_s;
	return sum;
}

void scenario_scale(struct scenario *s, double duration_s)
{
	double factor = duration_s / scenario_duration(s);

	for (size_t i = 0; i < s->phase_count; i++)
		s->phases[i].duration_s *= factor;
}
