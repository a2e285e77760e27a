/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/evidence.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/csv_file.h"
#include "results/file.h"
#include "results/table.h"
#include "results/text.h"

#define EVIDENCE_HEADER "phase,disturbance,series,unit,tsc,value\n"
#define BUFFER_BYTES	(64u << 10)
/* No row is longer: a quoted name may double, and has its quotes and comma; then the TSC and the value. */
#define ROW_BYTES (2 * (PHASE_NAME_MAX + DISTURBANCE_NAME_MAX + 2 * EVIDENCE_NAME_MAX) + 4 * 3 + 64)

struct evidence_writer {
	int fd;
	int rc; /* of the first failure, which is in error: nothing more is written */
	struct error error;
	uint64_t points;
	char path[PATH_MAX];
	off_t written; /* whole rows in the file end here */
	size_t used;
	char buffer[BUFFER_BYTES];
};

static void writer_flush(struct evidence_writer *w)
{
	int rc;

	if (w->rc)
		return;
	rc = file_append(w->fd, w->buffer, w->used, &w->written);
	w->used = 0;
	if (rc)
		w->rc = error_set(&w->error, rc, "%s: cannot write: %s; what was written before is valid",
			w->path, strerror(-rc));
}

int evidence_flush(struct evidence_writer *w, struct error *err)
{
	writer_flush(w);
	return w->rc ? error_set(err, w->rc, "%s", w->error.text) : 0;
}

struct evidence_writer *evidence_open(const struct run *run, struct error *err)
{
	struct evidence_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	w->fd = -1;
	if (path_join(w->path, sizeof(w->path), run->dir, EVIDENCE_FILE, err))
		goto failed;
	w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (w->fd < 0) {
		error_set(err, -errno, "%s: cannot write: %s", w->path, strerror(errno));
		goto failed;
	}
	strcpy(w->buffer, EVIDENCE_HEADER);
	w->used = strlen(EVIDENCE_HEADER);
	if (evidence_flush(w, err) == 0)
		return w;
	close(w->fd);
failed:
	free(w);
	return NULL;
}

/* Appends the name, at most size - 1 bytes of it, and a comma. */
static void put_name(struct evidence_writer *w, const char *name, size_t size)
{
	char text[64];
	size_t length;
	bool quoted;

	snprintf(text, size < sizeof(text) ? size : sizeof(text), "%s", name);
	text_clean(text);
	length = strlen(text);
	/* Readers strip the blanks around a field that has no quotes. */
	quoted = strpbrk(text, ",\"") || text[0] == ' ' || (length && text[length - 1] == ' ');
	if (quoted)
		w->used += csv_write(w->buffer + w->used, sizeof(w->buffer) - w->used, text, length);
	else
		w->used = (size_t)(stpcpy(w->buffer + w->used, text) - w->buffer);
	w->buffer[w->used++] = ',';
}

void evidence_add(struct evidence_writer *w, const char *phase, const char *disturbance, const char *series,
	const char *unit, uint64_t tsc, double value)
{
	if (w->used + ROW_BYTES > sizeof(w->buffer))
		writer_flush(w);
	if (w->rc)
		return;
	if (w->points == EVIDENCE_POINT_MAX) {
		writer_flush(w);
		if (!w->rc)
			w->rc = error_set(&w->error, -EFBIG,
				"%s: holds %d points, all that it may; later ones are left out", w->path,
				EVIDENCE_POINT_MAX);
		return;
	}
	w->points++;
	put_name(w, phase, PHASE_NAME_MAX);
	put_name(w, disturbance, DISTURBANCE_NAME_MAX);
	put_name(w, series, EVIDENCE_NAME_MAX);
	put_name(w, unit, EVIDENCE_NAME_MAX);
	w->used += (size_t)sprintf(w->buffer + w->used, "%" PRIu64 ",", tsc);
	if (isfinite(value))
		w->used += (size_t)sprintf(w->buffer + w->used, "%.*g", TABLE_DIGITS, value);
	w->buffer[w->used++] = '\n';
}

int evidence_close(struct evidence_writer *w, struct error *err)
{
	int rc;

	if (!w)
		return 0;
	rc = evidence_flush(w, err);
	if (!rc && fsync(w->fd) && errno != EINVAL)
		rc = error_set(err, -errno, "%s: cannot write: %s", w->path, strerror(errno));
	if (close(w->fd) && !rc)
		rc = error_set(err, -errno, "%s: cannot write: %s", w->path, strerror(errno));
	free(w);
	return rc;
}

enum { FIELD_PHASE, FIELD_DISTURBANCE, FIELD_SERIES, FIELD_UNIT, FIELD_TSC, FIELD_VALUE };

static const char *const evidence_columns[] = { "phase", "disturbance", "series", "unit", "tsc", "value",
	NULL };

struct evidence_loader {
	const struct run *run;
	struct evidence_set *set;
	json_t *by_name; /* of the series -> index into set->series */
	size_t points, points_max;
	struct evidence_series series; /* of the row at hand */
	struct evidence_point point;
};

static int phase_field(struct evidence_loader *l, const struct csv_file *at, const char *text, size_t length)
{
	const struct run *run = l->run;

	for (size_t i = 0; i < run->phase_count; i++) {
		size_t index =
			(l->series.phase + i) % run->phase_count; /* most likely that of the last row */
		const char *name = run->phases[index].name;

		if (strlen(name) == length && memcmp(name, text, length) == 0) {
			l->series.phase = index;
			return 0;
		}
	}
	return error_set(at->err, -EINVAL, "%s:%llu: phase \"%.*s\" is not in run.json", at->path,
		(unsigned long long)at->line, (int)(length < PHASE_NAME_MAX ? length : PHASE_NAME_MAX), text);
}

static int name_field(
	const struct csv_file *at, unsigned column, const char *text, size_t length, char *out, size_t size)
{
	const char *why = length >= size		 ? "too long"
			  : !text_is_plain(text, length) ? "not plain UTF-8 text"
							 : NULL;

	if (why)
		return error_set(at->err, -EINVAL, "%s:%llu: %s: %s", at->path, (unsigned long long)at->line,
			evidence_columns[column], why);
	memcpy(out, text, length);
	out[length] = '\0';
	return 0;
}

static int evidence_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct evidence_loader *l = context;
	struct evidence_series *s = &l->series;

	switch (column) {
	case FIELD_PHASE:
		return phase_field(l, at, text, length);
	case FIELD_DISTURBANCE:
		return name_field(at, column, text, length, s->disturbance, sizeof(s->disturbance));
	case FIELD_SERIES:
		return name_field(at, column, text, length, s->name, sizeof(s->name));
	case FIELD_UNIT:
		return name_field(at, column, text, length, s->unit, sizeof(s->unit));
	case FIELD_TSC:
		return csv_u64(at, "tsc", text, length, &l->point.tsc);
	case FIELD_VALUE:
		l->point.value = NAN;
		return length ? csv_real(at, "value", text, length, &l->point.value) : 0;
	}
	return 0;
}

static struct evidence_series *series_make(struct evidence_loader *l, const char *key)
{
	struct evidence_set *set = l->set;
	struct evidence_series *grown = set->series;

	/* The room is the next power of two: full whenever the count is one. */
	if ((set->count & (set->count - 1)) == 0)
		grown = reallocarray(set->series, set->count ? 2 * set->count : 1, sizeof(*grown));
	if (!grown)
		return NULL;
	set->series = grown;
	if (json_object_set_new(l->by_name, key, json_integer((json_int_t)set->count)))
		return NULL;
	grown += set->count++;
	*grown = l->series;
	return grown;
}

static int evidence_row(void *context, const struct csv_file *at)
{
	struct evidence_loader *l = context;
	char key[DISTURBANCE_NAME_MAX + EVIDENCE_NAME_MAX + 24];
	struct evidence_series *s;
	json_t *index;

	/* The names hold no line end. */
	snprintf(key, sizeof(key), "%zu\n%s\n%s", l->series.phase, l->series.disturbance, l->series.name);
	index = json_object_get(l->by_name, key);
	if (l->points++ == l->points_max)
		return csv_refuse(at, "has too many points");
	if (!index && l->set->count == EVIDENCE_SERIES_MAX)
		return csv_refuse(at, "has too many series");
	s = index ? &l->set->series[json_integer_value(index)] : series_make(l, key);
	if (s && strcmp(s->unit, l->series.unit) != 0)
		return csv_refuse(at, "unit: not that of the series' first row");
	if (s && (s->count & (s->count - 1)) == 0) {
		struct evidence_point *grown =
			reallocarray(s->points, s->count ? 2 * s->count : 1, sizeof(*grown));

		if (grown)
			s->points = grown;
		else
			s = NULL;
	}
	if (!s)
		return error_set(at->err, -ENOMEM, "%s: out of memory", at->path);
	s->points[s->count++] = l->point;
	return 0;
}

static int load(const struct run *run, struct evidence_set *set, size_t points_max, struct error *err)
{
	struct evidence_loader l = { .run = run, .set = set, .points_max = points_max };
	struct csv_handler handler = {
		.columns = evidence_columns, .field = evidence_field, .row = evidence_row, .context = &l
	};
	struct error why = { "" };
	char path[PATH_MAX];
	int rc = path_join(path, sizeof(path), run->dir, EVIDENCE_FILE, err);

	*set = (struct evidence_set){ 0 };
	if (rc)
		return rc;
	l.by_name = json_object();
	if (!l.by_name)
		return error_set(err, -ENOMEM, "out of memory");
	rc = csv_file_read(path, &handler, &set->cut, &why);
	json_decref(l.by_name);
	if (rc)
		evidence_free(set);
	return rc == -ENOENT ? 0 : rc ? error_set(err, rc, "%s", why.text) : 0;
}

int evidence_load(const struct run *run, struct evidence_set *set, struct error *err)
{
	return load(run, set, EVIDENCE_POINT_MAX, err);
}

void evidence_free(struct evidence_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->series[i].points);
	free(set->series);
	*set = (struct evidence_set){ 0 };
}
