/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Reads run.json.  Everything in it may be wrong: each refusal names the file, the line and the key. */
#include "results/run.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "results/file.h"

struct source {
	char path[PATH_MAX];
	char *text;
	size_t length;
	struct error *err;
};

/* jansson keeps no lines: name the first line that holds the key. */
static unsigned key_line(const struct source *s, const char *key)
{
	char quoted[80];
	unsigned line = 1;
	const char *found;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	found = memmem(s->text, s->length, quoted, strlen(quoted));
	for (const char *c = s->text; found && c < found; c++)
		line += *c == '\n';
	return line;
}

static int bad(const struct source *s, const char *key, const char *what)
{
	return error_set(s->err, -EINVAL, "%s:%u: \"%s\" %s; see results/SCHEMA.md", s->path,
		key_line(s, key), key, what);
}

/* Accessors: -EINVAL with err set where the key is wrong, 0 otherwise; an absent key leaves *out as it is. */
static int get_real(
	const struct source *s, json_t *object, const char *key, double low, double high, double *out)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_number(value))
		return bad(s, key, "must be a number");
	*out = json_number_value(value);
	if (!(*out >= low && *out <= high))
		return bad(s, key, "is out of range");
	return 0;
}

static int get_count(const struct source *s, json_t *object, const char *key, uint64_t *out)
{
	json_t *value = json_object_get(object, key);
	double real = -1;
	int rc = get_real(s, object, key, 0, 18446744073709551616.0, &real);

	if (!rc && json_is_integer(value))
		*out = (uint64_t)json_integer_value(value);
	if (rc || real < 0 || json_is_integer(value))
		return rc;
	*out = real >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)real;
	return 0;
}

static int get_int(const struct source *s, json_t *object, const char *key, int low, int high, int *out)
{
	double real = *out;
	int rc = get_real(s, object, key, low, high, &real);

	if (!rc && real != floor(real))
		rc = bad(s, key, "must be a whole number");
	if (!rc)
		*out = (int)real;
	return rc;
}

static int get_bool(const struct source *s, json_t *object, const char *key, bool *out)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return bad(s, key, "must be true or false");
	*out = json_is_true(value);
	return 0;
}

/* Names become parts of plot files and HTML: no control characters; an over-long one is refused. */
static int get_text(const struct source *s, json_t *object, const char *key, char *out, size_t size)
{
	json_t *value = json_object_get(object, key);
	const char *text;

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return bad(s, key, "must be a text");
	text = json_string_value(value);
	if (strlen(text) >= size)
		return bad(s, key, "is too long");
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			return bad(s, key, "holds a control character");
	strcpy(out, text);
	return 0;
}

static int need_text(const struct source *s, json_t *object, const char *key, char *out, size_t size)
{
	int rc = get_text(s, object, key, out, size);

	if (!rc && !out[0])
		rc = bad(s, key, "is missing");
	return rc;
}

/* One array of objects: allocates the rows and calls parse for each. */
static int get_rows(const struct source *s, json_t *object, const char *key, size_t max, size_t row_size,
	void *rows, size_t *count, int (*parse)(const struct source *, struct run *, json_t *, void *),
	struct run *run)
{
	json_t *array = json_object_get(object, key), *item;
	size_t i;
	char *made;

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return bad(s, key, "must be a list");
	if (json_array_size(array) > max)
		return bad(s, key, "has too many entries");
	made = calloc(json_array_size(array) + 1, row_size);
	if (!made)
		return error_set(s->err, -ENOMEM, "out of memory");
	memcpy(rows, &made, sizeof(made));
	json_array_foreach(array, i, item)
	{
		int rc;

		if (!json_is_object(item))
			return bad(s, key, "must be a list of objects");
		rc = parse(s, run, item, made + i * row_size);
		*count = i + 1;
		if (rc)
			return rc;
	}
	return 0;
}

/* The rule for runs that do not say it: SCHEMA.md, "oscillator". */
static void oscillator_assume(struct clock_info *c)
{
	if (c->oscillator[0])
		return;
	c->oscillator_assumed = true;
	strcpy(c->oscillator, c->unit == UNIT_NS ? "tsc" : c->name);
}

static int clock_unit(const struct source *s, json_t *item, struct clock_info *c)
{
	char unit[16] = "";
	int bits = 0, rc;

	rc = need_text(s, item, "unit", unit, sizeof(unit));
	if (rc)
		return rc;
	if (strcmp(unit, "ns") == 0) {
		c->unit = UNIT_NS;
		c->hz = 1e9;
		c->bits = 64;
		return 0;
	}
	if (strcmp(unit, "ticks") != 0)
		return bad(s, "unit", "must be \"ns\" or \"ticks\"");
	c->unit = UNIT_TICKS;
	rc = get_real(s, item, "hz", 1e-6, 1e15, &c->hz);
	if (!rc)
		rc = get_int(s, item, "bits", 1, 64, &bits);
	if (!rc && c->hz == 0)
		rc = bad(s, "hz", "is missing: a clock in ticks needs it");
	if (!rc && bits == 0)
		rc = bad(s, "bits", "is missing: a clock in ticks needs it");
	c->bits = (unsigned)bits;
	return rc;
}

static int parse_clock(const struct source *s, struct run *run, json_t *item, void *row)
{
	struct clock_info *c = row;
	char cadence[16] = "tight";
	int rc;

	rc = need_text(s, item, "name", c->name, sizeof(c->name));
	if (!rc && strpbrk(c->name, ",\"/"))
		rc = bad(s, "name", "of a clock holds a comma, a quote or a slash");
	if (!rc)
		rc = clock_unit(s, item, c);
	if (!rc)
		rc = get_text(s, item, "oscillator", c->oscillator, sizeof(c->oscillator));
	if (!rc)
		rc = get_bool(s, item, "steered", &c->steered);
	if (!rc)
		rc = get_text(s, item, "cadence", cadence, sizeof(cadence));
	if (rc)
		return rc;
	if (strcmp(cadence, "tight") != 0 && strcmp(cadence, "slow") != 0)
		return bad(s, "cadence", "must be \"tight\" or \"slow\"");
	c->cadence = strcmp(cadence, "slow") == 0 ? CADENCE_SLOW : CADENCE_TIGHT;
	oscillator_assume(c);
	for (const struct clock_info *other = run->clocks; other < c; other++)
		if (strcmp(other->name, c->name) == 0)
			return bad(s, "clocks", "names one clock twice");
	return 0;
}

static int parse_unavailable(const struct source *s, struct run *run, json_t *item, void *row)
{
	struct unavailable *u = row;
	int rc = need_text(s, item, "name", u->name, sizeof(u->name));

	(void)run;
	return rc ? rc : need_text(s, item, "reason", u->reason, sizeof(u->reason));
}

static int parse_place(const struct source *s, struct run *run, json_t *item, void *row)
{
	struct probe_place *p = row;
	int rc;

	(void)run;
	p->cpu_share = NAN;
	rc = get_int(s, item, "cpu", 0, 1 << 20, &p->cpu);
	if (!rc)
		rc = get_int(s, item, "package", -1, 1 << 20, &p->package);
	if (!rc)
		rc = get_int(s, item, "core", -1, 1 << 20, &p->core);
	if (!rc)
		rc = get_int(s, item, "node", -1, 1 << 20, &p->node);
	if (!rc)
		rc = get_text(s, item, "scheduler", p->scheduler, sizeof(p->scheduler));
	if (!rc)
		rc = get_bool(s, item, "pinned", &p->pinned);
	if (!rc)
		rc = get_bool(s, item, "locked", &p->locked);
	if (!rc)
		rc = get_count(s, item, "late", &p->late);
	if (!rc)
		rc = get_real(s, item, "cpu_share", 0, 1e6, &p->cpu_share);
	if (!rc)
		rc = get_real(s, item, "granularity_cycles", 0, 1e12, &p->granularity_cycles);
	if (!rc)
		rc = get_real(s, item, "null_bracket_cycles", 0, 1e12, &p->null_bracket_cycles);
	return rc;
}

static int parse_phase(const struct source *s, struct run *run, json_t *item, void *row)
{
	struct phase *p = row;
	int rc;

	p->tsc_hi = UINT64_MAX;
	rc = need_text(s, item, "name", p->name, sizeof(p->name));
	if (!rc)
		rc = get_count(s, item, "tsc_lo", &p->tsc_lo);
	if (!rc)
		rc = get_count(s, item, "tsc_hi", &p->tsc_hi);
	if (!rc && p->tsc_hi <= p->tsc_lo)
		rc = bad(s, "tsc_hi", "must be above \"tsc_lo\" of its phase");
	for (const struct phase *other = run->phases; !rc && other < p; other++)
		if (strcmp(other->name, p->name) == 0)
			rc = bad(s, "phases", "names one phase twice");
	return rc;
}

static int parse_event(const struct source *s, struct run *run, json_t *item, void *row)
{
	struct event *e = row;
	int rc = get_count(s, item, "tsc", &e->tsc);

	(void)run;
	if (!rc)
		rc = need_text(s, item, "kind", e->kind, sizeof(e->kind));
	return rc ? rc : get_text(s, item, "text", e->text, sizeof(e->text));
}

static int parse_brackets(const struct source *s, json_t *array, struct tally *t)
{
	json_t *pair;
	size_t i;

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return bad(s, "brackets", "must be a list of [width, count]");
	t->brackets = calloc(1, sizeof(*t->brackets));
	if (!t->brackets)
		return error_set(s->err, -ENOMEM, "out of memory");
	json_array_foreach(array, i, pair)
	{
		json_t *low = json_array_get(pair, 0), *number = json_array_get(pair, 1);
		double width = json_is_number(low) ? json_number_value(low) : -1;
		double count = json_is_number(number) ? json_number_value(number) : -1;

		if (!(width >= 0 && width < 1e18) || !(count >= 0 && count < 1e18))
			return bad(s, "brackets", "must be a list of [width, count]");
		t->brackets->count[histogram_bucket((uint64_t)width)] += (uint64_t)count;
		t->brackets->total += (uint64_t)count;
	}
	return 0;
}

static int parse_tally(const struct source *s, struct run *run, json_t *item, void *row)
{
	struct tally *t = row;
	char clock[CLOCK_NAME_MAX] = "";
	int rc, index;

	rc = get_int(s, item, "cpu", 0, 1 << 20, &t->cpu);
	if (!rc)
		rc = need_text(s, item, "clock", clock, sizeof(clock));
	index = run_clock_find(run, clock);
	if (!rc && index < 0)
		rc = bad(s, "tallies", "names a clock that \"clocks\" does not");
	t->clock = index < 0 ? 0 : (unsigned)index;
	if (!rc)
		rc = get_count(s, item, "readings", &t->readings);
	if (!rc)
		rc = get_count(s, item, "kept", &t->kept);
	if (!rc)
		rc = get_count(s, item, "dropped", &t->dropped);
	if (!rc)
		rc = get_count(s, item, "failed", &t->failed);
	if (!rc)
		rc = get_count(s, item, "inverted", &t->inverted);
	if (!rc)
		rc = get_count(s, item, "backward", &t->backward);
	if (!rc)
		rc = get_count(s, item, "max_backward", &t->max_backward);
	return rc ? rc : parse_brackets(s, json_object_get(item, "brackets"), t);
}

static int parse_config(const struct source *s, struct run *run, json_t *config)
{
	int burst = 0, rc;

	if (!config || json_is_null(config))
		return 0;
	if (!json_is_object(config))
		return bad(s, "config", "must be an object");
	rc = get_real(s, config, "duration_s", 0, 1e12, &run->duration_s);
	if (!rc)
		rc = get_real(s, config, "interval_s", 0, 1e9, &run->interval_s);
	if (!rc)
		rc = get_int(s, config, "burst", 0, 1 << 20, &burst);
	if (!rc)
		rc = get_count(s, config, "seed", &run->seed);
	if (!rc)
		rc = get_text(s, config, "reference", run->judging.reference, sizeof(run->judging.reference));
	if (!rc)
		rc = get_real(s, config, "limit_ppm", 0, 1e9, &run->judging.limit_ppm);
	if (!rc)
		rc = get_text(s, config, "limits", run->judging.limits, sizeof(run->judging.limits));
	run->burst = (unsigned)burst;
	return rc;
}

static int parse_head(const struct source *s, struct run *run, json_t *doc)
{
	double schema = NAN;
	int rc;

	rc = get_real(s, doc, "schema", -1e300, 1e300, &schema);
	if (!rc && isnan(schema))
		rc = bad(s, "schema", "is missing");
	if (!rc && schema != SCHEMA_VERSION)
		rc = error_set(s->err, -EINVAL, "%s:%u: schema %g is not known; this version reads schema %d",
			s->path, key_line(s, "schema"), schema, SCHEMA_VERSION);
	if (!rc)
		rc = get_real(s, doc, "tsc_hz", 1, 1e15, &run->tsc_hz);
	if (!rc && run->tsc_hz == 0)
		rc = bad(s, "tsc_hz", "is missing");
	if (!rc)
		rc = get_text(s, doc, "tool", run->tool, sizeof(run->tool));
	if (!rc)
		rc = get_text(s, doc, "host", run->host, sizeof(run->host));
	if (!rc)
		rc = get_text(s, doc, "scenario", run->scenario, sizeof(run->scenario));
	if (!rc)
		rc = get_text(s, doc, "state", run->state, sizeof(run->state));
	if (!rc)
		rc = get_text(s, doc, "started", run->started, sizeof(run->started));
	if (!rc)
		rc = get_text(s, doc, "finished", run->finished, sizeof(run->finished));
	if (!rc)
		rc = get_text(s, doc, "topology", run->topology, sizeof(run->topology));
	if (!rc)
		rc = get_text(s, doc, "tsc_hz_source", run->tsc_hz_source, sizeof(run->tsc_hz_source));
	if (!rc)
		rc = get_text(s, doc, "tsc_fence", run->tsc_fence, sizeof(run->tsc_fence));
	if (!rc)
		rc = get_real(s, doc, "tsc_granularity_cycles", 0, 1e12, &run->tsc_granularity_cycles);
	return rc ? rc : get_count(s, doc, "events_lost", &run->events_lost);
}

#define ROWS(key, max, member, number, parse)                                                                \
	get_rows(s, doc, key, max, sizeof(*run->member), &run->member, &run->number, parse, run)

static int parse_lists(const struct source *s, struct run *run, json_t *doc)
{
	int rc;

	rc = ROWS("clocks", RUN_CLOCKS_MAX, clocks, clock_count, parse_clock);
	if (!rc && run->clock_count == 0)
		rc = bad(s, "clocks", "is missing or empty");
	if (!rc)
		rc = ROWS("phases", RUN_PHASES_MAX, phases, phase_count, parse_phase);
	if (!rc && run->phase_count == 0)
		rc = bad(s, "phases", "is missing or empty");
	if (!rc)
		rc = ROWS("unavailable", 1024, unavailable, unavailable_count, parse_unavailable);
	if (!rc)
		rc = ROWS("cpus", 1 << 16, places, place_count, parse_place);
	if (!rc)
		rc = ROWS("events", RUN_EVENTS_MAX, events, event_count, parse_event);
	if (!rc)
		rc = ROWS("tallies", 1 << 22, tallies, tally_count, parse_tally);
	return rc;
}

/* A new reference, or NULL for an absent or null one. */
static json_t *get_object(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_object(value) ? json_incref(value) : NULL;
}

static int parse_environment(const struct source *s, struct run *run, json_t *environment)
{
	json_t *changes;

	if (!environment || json_is_null(environment))
		return 0;
	if (!json_is_object(environment))
		return bad(s, "environment", "must be an object");
	changes = json_object_get(environment, "changes");
	if (changes && !json_is_null(changes) && !json_is_array(changes))
		return bad(s, "changes", "must be a list");
	run->environment_before = get_object(environment, "before");
	run->environment_after = get_object(environment, "after");
	run->environment_changes = json_is_array(changes) ? json_incref(changes) : NULL;
	return 0;
}

static int read_whole(struct source *s)
{
	struct stat st;
	FILE *in = fopen(s->path, "re");
	int rc = 0;

	if (!in)
		return error_set(s->err, -errno, "%s: cannot read: %s", s->path, strerror(errno));
	if (fstat(fileno(in), &st) || !S_ISREG(st.st_mode)) {
		rc = error_set(s->err, -EINVAL, "%s: not a plain file", s->path);
	} else if (st.st_size > RUN_JSON_BYTES) {
		rc = error_set(s->err, -EFBIG, "%s:1: larger than %u MiB: not a run.json of clkdrift",
			s->path, RUN_JSON_BYTES >> 20);
	} else {
		s->text = malloc((size_t)st.st_size + 1);
		if (!s->text)
			rc = error_set(s->err, -ENOMEM, "out of memory");
		else
			s->length = fread(s->text, 1, (size_t)st.st_size, in);
	}
	if (!rc && ferror(in))
		rc = error_set(s->err, -EIO, "%s: cannot read: %s", s->path, strerror(EIO));
	fclose(in);
	if (!rc && s->length == 0)
		rc = error_set(s->err, -EINVAL, "%s:1: the file is empty", s->path);
	return rc;
}

int run_load(const char *dir, struct run *run, struct error *err)
{
	struct source s = { .err = err };
	json_error_t where;
	json_t *doc = NULL;
	int rc;

	*run = (struct run){ 0 };
	rc = path_join(s.path, sizeof(s.path), dir, "run.json", err);
	if (!rc)
		rc = read_whole(&s);
	if (rc)
		goto out;
	doc = json_loadb(s.text, s.length, JSON_REJECT_DUPLICATES, &where);
	/* jansson's integers end at 2^63 - 1, TSC values do not: then all are read as reals. */
	if (!doc && json_error_code(&where) == json_error_numeric_overflow)
		doc = json_loadb(s.text, s.length, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &where);
	if (!doc) {
		rc = error_set(err, -EINVAL, "%s:%d: not valid JSON: %s", s.path, where.line, where.text);
		goto out;
	}
	if (!json_is_object(doc))
		rc = error_set(err, -EINVAL, "%s:1: must be a JSON object; see results/SCHEMA.md", s.path);
	if (!rc)
		rc = parse_head(&s, run, doc);
	if (!rc)
		rc = parse_config(&s, run, json_object_get(doc, "config"));
	if (!rc)
		rc = parse_lists(&s, run, doc);
	if (!rc)
		rc = parse_environment(&s, run, json_object_get(doc, "environment"));
	run->dir = strdup(dir);
	if (!rc && !run->dir)
		rc = error_set(err, -ENOMEM, "out of memory");
out:
	json_decref(doc);
	free(s.text);
	if (rc)
		run_free(run);
	return rc;
}
