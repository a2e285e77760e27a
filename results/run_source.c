/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run_source.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "results/text.h"

static const char *find_key(const char *from, const char *to, const char *key)
{
	char quoted[80];

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	return memmem(from, (size_t)(to - from), quoted, strlen(quoted));
}

/*
 * jansson keeps no places, but it says where a value ends: so the rows of a list
 * are read once more, only to find the line of an error.
 */
static void narrow_to_row(const char **from, const char **to, const char *list, size_t row)
{
	const size_t flags = JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
	const char *at = find_key(*from, *to, list);
	json_error_t end;

	at = at ? memchr(at, '[', (size_t)(*to - at)) : NULL;
	for (size_t i = 0; at; i++) {
		json_t *item;

		for (at++; at < *to && isspace((unsigned char)*at);)
			at++;
		item = json_loadb(at, (size_t)(*to - at), flags, &end);
		if (!item)
			return;
		json_decref(item);
		if (i == row) {
			*from = at;
			*to = at + end.position;
			return;
		}
		at += end.position;
		at = memchr(at, ',', (size_t)(*to - at));
	}
}

/* The text of the row at hand, or all of it. */
static void source_extent(const struct run_source *s, const char **from, const char **to)
{
	if (s->outer) {
		source_extent(s->outer, from, to);
		narrow_to_row(from, to, s->list, s->row);
	} else {
		*from = s->text;
		*to = s->text + s->length;
	}
}

unsigned source_line(const struct run_source *s, const char *key)
{
	const char *from, *to, *found;
	unsigned line = 1;

	source_extent(s, &from, &to);
	found = find_key(from, to, key);
	for (const char *c = s->text; c < (found ? found : from); c++)
		line += *c == '\n';
	return line;
}

int source_bad(const struct run_source *s, const char *key, const char *what)
{
	return error_set(s->err, -EINVAL, "%s:%u: \"%s\" %s; see results/SCHEMA.md", s->path,
		source_line(s, key), key, what);
}

int source_real(
	const struct run_source *s, json_t *object, const char *key, double low, double high, double *out)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_number(value))
		return source_bad(s, key, "must be a number");
	*out = json_number_value(value);
	if (!(*out >= low && *out <= high))
		return source_bad(s, key, "is out of range");
	return 0;
}

int source_count(const struct run_source *s, json_t *object, const char *key, uint64_t *out)
{
	json_t *value = json_object_get(object, key);
	double real = -1;
	int rc = source_real(s, object, key, 0, 18446744073709551616.0, &real);

	if (!rc && json_is_integer(value))
		*out = (uint64_t)json_integer_value(value);
	if (rc || real < 0 || json_is_integer(value))
		return rc;
	*out = real >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)real;
	return 0;
}

int source_int(const struct run_source *s, json_t *object, const char *key, int low, int high, int *out)
{
	double real = *out;
	int rc = source_real(s, object, key, low, high, &real);

	if (!rc && real != floor(real))
		rc = source_bad(s, key, "must be a whole number");
	if (!rc)
		*out = (int)real;
	return rc;
}

int source_bool(const struct run_source *s, json_t *object, const char *key, bool *out)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return source_bad(s, key, "must be true or false");
	*out = json_is_true(value);
	return 0;
}

int source_text(const struct run_source *s, json_t *object, const char *key, char *out, size_t size)
{
	json_t *value = json_object_get(object, key);
	const char *text;

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return source_bad(s, key, "must be a text");
	text = json_string_value(value);
	if (strlen(text) >= size)
		return source_bad(s, key, "is too long");
	if (!text_is_plain(text, strlen(text)))
		return source_bad(s, key, "holds a control character");
	strcpy(out, text);
	return 0;
}

int source_need_text(const struct run_source *s, json_t *object, const char *key, char *out, size_t size)
{
	int rc = source_text(s, object, key, out, size);

	if (!rc && !out[0])
		rc = source_bad(s, key, "is missing");
	return rc;
}

int source_rows(const struct run_source *s, json_t *object, const char *key, size_t max, size_t row_size,
	void *rows, size_t *count, run_row_parser *parse, struct run *run)
{
	struct run_source inner = *s;
	json_t *array = json_object_get(object, key), *item;
	size_t i;
	char *made;

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return source_bad(s, key, "must be a list");
	if (json_array_size(array) > max)
		return source_bad(s, key, "has too many entries");
	made = calloc(json_array_size(array) + 1, row_size);
	if (!made)
		return error_set(s->err, -ENOMEM, "out of memory");
	memcpy(rows, &made, sizeof(made));
	inner.outer = s;
	inner.list = key;
	json_array_foreach(array, i, item)
	{
		int rc;

		inner.row = i;
		if (!json_is_object(item))
			return source_bad(&inner, key, "must be a list of objects");
		rc = parse(&inner, run, item, made + i * row_size);
		*count = i + 1;
		if (rc)
			return rc;
	}
	return 0;
}

static int read_text(struct run_source *s)
{
	struct stat st;
	FILE *in = fopen(s->path, "re");
	int rc = 0;

	if (!in)
		return error_set(s->err, -errno, "%s: cannot read: %s", s->path, strerror(errno));
	if (fstat(fileno(in), &st) || !S_ISREG(st.st_mode)) {
		rc = error_set(s->err, -EINVAL, "%s: not a plain file", s->path);
	} else if (st.st_size > RUN_JSON_BYTES) {
		rc = error_set(s->err, -EFBIG, "%s:1: larger than %u MiB: not a file of clkdrift",
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

int source_read(struct run_source *s, json_t **doc)
{
	json_error_t where;
	int rc = read_text(s);

	*doc = NULL;
	if (rc)
		return rc;
	*doc = json_loadb(s->text, s->length, JSON_REJECT_DUPLICATES, &where);
	/* jansson's integers end at 2^63 - 1, TSC values do not: then all are read as reals. */
	if (!*doc && json_error_code(&where) == json_error_numeric_overflow)
		*doc = json_loadb(
			s->text, s->length, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &where);
	if (!*doc)
		return error_set(
			s->err, -EINVAL, "%s:%d: not valid JSON: %s", s->path, where.line, where.text);
	if (!json_is_object(*doc))
		return error_set(
			s->err, -EINVAL, "%s:1: must be a JSON object; see results/SCHEMA.md", s->path);
	return 0;
}

int source_schema(const struct run_source *s, json_t *doc, int version)
{
	double schema = NAN;
	int rc = source_real(s, doc, "schema", -1e300, 1e300, &schema);

	if (!rc && isnan(schema))
		rc = source_bad(s, "schema", "is missing");
	if (!rc && schema != version)
		rc = error_set(s->err, -EINVAL, "%s:%u: schema %g is not known; this version reads schema %d",
			s->path, source_line(s, "schema"), schema, version);
	return rc;
}
