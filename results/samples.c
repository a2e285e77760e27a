/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/samples.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "results/csv_file.h"
#include "results/file.h"
#include "results/text.h"

enum { FIELD_CLOCK, FIELD_LO, FIELD_VALUE, FIELD_HI, FIELD_CPU };

static const char *const sample_columns[] = { "clock", "tsc_lo", "value", "tsc_hi", NULL };
static const char *const slow_columns[] = { "clock", "tsc_lo", "value", "tsc_hi", "cpu", NULL };

struct loader {
	const struct run *run;
	struct samples *samples;
	int cpu; /* of the row at hand; fixed for cpuNNN.csv */
	unsigned clock;
	unsigned last_clock; /* clocks come in turns: look there first */
	struct reading reading;
	/* series of (cpu, clock) in the file at hand, as index + 1 into samples->series */
	size_t *by_clock;
	int by_clock_cpu;
};

static int clock_field(struct loader *l, const struct csv_file *at, const char *text, size_t length)
{
	const struct run *run = l->run;

	for (size_t i = 0; i < run->clock_count; i++) {
		size_t index = (l->last_clock + 1 + i) % run->clock_count;
		const char *name = run->clocks[index].name;

		if (strlen(name) == length && memcmp(name, text, length) == 0) {
			l->clock = l->last_clock = (unsigned)index;
			return 0;
		}
	}
	return error_set(at->err, -EINVAL, "%s:%llu: clock \"%.*s\" is not in run.json", at->path,
		(unsigned long long)at->line, (int)(length < 40 ? length : 40), text);
}

static int sample_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct loader *l = context;
	int64_t cpu;
	int rc;

	switch (column) {
	case FIELD_CLOCK:
		return length < CLOCK_NAME_MAX ? clock_field(l, at, text, length)
					       : csv_refuse(at, "clock: too long");
	case FIELD_LO:
		return csv_u64(at, "tsc_lo", text, length, &l->reading.tsc_lo);
	case FIELD_VALUE:
		return csv_u64(at, "value", text, length, &l->reading.value);
	case FIELD_HI:
		return csv_u64(at, "tsc_hi", text, length, &l->reading.tsc_hi);
	case FIELD_CPU:
		rc = csv_i64(at, "cpu", text, length, &cpu);
		if (!rc && (cpu < 0 || cpu > 1 << 20))
			rc = csv_refuse(at, "cpu is out of range");
		l->cpu = rc ? 0 : (int)cpu;
		return rc;
	}
	return 0;
}

static struct series *series_make(struct samples *samples, int cpu, unsigned clock)
{
	struct series *grown = reallocarray(samples->series, samples->series_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	samples->series = grown;
	grown += samples->series_count++;
	*grown = (struct series){ .cpu = cpu, .clock = clock };
	return grown;
}

static struct series *series_at(struct loader *l)
{
	struct samples *samples = l->samples;

	if (l->by_clock_cpu != l->cpu) {
		memset(l->by_clock, 0, l->run->clock_count * sizeof(*l->by_clock));
		l->by_clock_cpu = l->cpu;
	}
	if (l->by_clock[l->clock])
		return &samples->series[l->by_clock[l->clock] - 1];
	for (size_t i = 0; i < samples->series_count; i++) {
		if (samples->series[i].cpu == l->cpu && samples->series[i].clock == l->clock) {
			l->by_clock[l->clock] = i + 1;
			return &samples->series[i];
		}
	}
	l->by_clock[l->clock] = samples->series_count + 1;
	return series_make(samples, l->cpu, l->clock);
}

static int sample_row(void *context, const struct csv_file *at)
{
	struct loader *l = context;
	struct series *s = series_at(l);

	if (s && s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 1024;
		struct reading *grown = reallocarray(s->readings, capacity, sizeof(*grown));

		if (!grown)
			s = NULL;
		else
			*s = (struct series){ s->cpu, s->clock, grown, s->count, capacity };
	}
	if (!s)
		return error_set(at->err, -ENOMEM, "%s: out of memory", at->path);
	s->readings[s->count++] = l->reading;
	l->samples->rows++;
	if (l->reading.tsc_hi < l->reading.tsc_lo)
		l->samples->inverted++;
	return 0;
}

static int load_file(struct loader *l, const char *dir, const char *name, bool slow, struct error *err)
{
	struct csv_handler handler = {
		.columns = slow ? slow_columns : sample_columns,
		.field = sample_field,
		.row = sample_row,
		.context = l,
	};
	char path[PATH_MAX];
	bool cut = false;
	int rc = path_join(path, sizeof(path), dir, name, err);

	l->by_clock_cpu = -1;
	if (!rc)
		rc = csv_file_read(path, &handler, &cut, err);
	l->samples->cut_rows += cut;
	return rc;
}

/* cpu000.csv -> 0; -1 for any other name */
static int file_cpu(const char *name)
{
	char *end;
	long cpu;

	if (strncmp(name, "cpu", 3) != 0 || name[3] < '0' || name[3] > '9')
		return -1;
	cpu = strtol(name + 3, &end, 10);
	return strcmp(end, ".csv") == 0 && cpu <= 1 << 20 ? (int)cpu : -1;
}

static int load_dir(struct loader *l, struct error *err)
{
	char dir[PATH_MAX];
	struct dirent **names;
	int count, files = 0, rc;

	rc = path_join(dir, sizeof(dir), l->run->dir, SAMPLES_DIR, err);
	if (rc)
		return rc;
	count = scandir(dir, &names, NULL, alphasort);
	if (count < 0)
		return error_set(err, -errno, "%s: cannot read: %s", dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		bool slow = strcmp(names[i]->d_name, SAMPLES_SLOW) == 0;

		l->cpu = file_cpu(names[i]->d_name);
		if (!rc && (slow || l->cpu >= 0)) {
			rc = load_file(l, dir, names[i]->d_name, slow, err);
			files++;
		}
		free(names[i]);
	}
	free(names);
	if (!rc && !files)
		rc = error_set(
			err, -ENOENT, "%s: no cpuNNN.csv and no slow.csv in it; see results/SCHEMA.md", dir);
	return rc;
}

enum { FIELD_PHASE, FIELD_A, FIELD_B, FIELD_FORWARD, FIELD_BACKWARD };

static const char *const crosscpu_columns[] = { "phase", "cpu_a", "cpu_b", "forward_min", "backward_min",
	NULL };

struct exchange_loader {
	struct samples *samples;
	size_t capacity;
	struct exchange row;
};

static int exchange_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct exchange *row = &((struct exchange_loader *)context)->row;
	int64_t number = 0;
	int rc;

	if (column == FIELD_PHASE) {
		if (length >= sizeof(row->phase))
			return csv_refuse(at, "phase: too long");
		if (!text_is_plain(text, length))
			return csv_refuse(at, "phase: not plain UTF-8 text");
		snprintf(row->phase, sizeof(row->phase), "%.*s", (int)length, text);
		return 0;
	}
	rc = csv_i64(at, crosscpu_columns[column], text, length, &number);
	if (column == FIELD_FORWARD)
		row->forward_min = number;
	else if (column == FIELD_BACKWARD)
		row->backward_min = number;
	else if (number < 0 || number > 1 << 20)
		return csv_refuse(at, "cpu is out of range");
	else if (column == FIELD_A)
		row->cpu_a = (int)number;
	else
		row->cpu_b = (int)number;
	return rc;
}

static int exchange_row(void *context, const struct csv_file *at)
{
	struct exchange_loader *l = context;
	struct samples *samples = l->samples;

	if (samples->exchange_count == l->capacity) {
		size_t capacity = l->capacity ? l->capacity * 2 : 64;
		struct exchange *grown = reallocarray(samples->exchanges, capacity, sizeof(*grown));

		if (!grown)
			return error_set(at->err, -ENOMEM, "%s: out of memory", at->path);
		samples->exchanges = grown;
		l->capacity = capacity;
	}
	samples->exchanges[samples->exchange_count++] = l->row;
	return 0;
}

static int load_crosscpu(const struct run *run, struct samples *samples, struct error *err)
{
	struct exchange_loader l = { .samples = samples };
	struct csv_handler handler = {
		.columns = crosscpu_columns, .field = exchange_field, .row = exchange_row, .context = &l
	};
	char path[PATH_MAX];
	bool cut = false;
	FILE *there;
	int rc = path_join(path, sizeof(path), run->dir, CROSSCPU_FILE, err);

	if (rc)
		return rc;
	there = fopen(path, "re");
	if (!there && errno == ENOENT)
		return 0;
	if (there)
		fclose(there);
	rc = csv_file_read(path, &handler, &cut, err);
	samples->cut_rows += cut;
	return rc;
}

static int series_order(const void *a, const void *b)
{
	const struct series *x = a, *y = b;

	return x->cpu != y->cpu ? (x->cpu > y->cpu) - (x->cpu < y->cpu)
				: (x->clock > y->clock) - (x->clock < y->clock);
}

int samples_load(const struct run *run, struct samples *samples, struct error *err)
{
	struct loader l = { .run = run, .samples = samples };
	int rc;

	*samples = (struct samples){ 0 };
	l.by_clock = calloc(run->clock_count, sizeof(*l.by_clock));
	if (!l.by_clock)
		return error_set(err, -ENOMEM, "out of memory");
	rc = load_dir(&l, err);
	if (!rc)
		rc = load_crosscpu(run, samples, err);
	free(l.by_clock);
	if (rc)
		samples_free(samples);
	else if (samples->series_count)
		qsort(samples->series, samples->series_count, sizeof(*samples->series), series_order);
	return rc;
}

void samples_free(struct samples *samples)
{
	for (size_t i = 0; i < samples->series_count; i++)
		free(samples->series[i].readings);
	free(samples->series);
	free(samples->exchanges);
	*samples = (struct samples){ 0 };
}

const struct series *samples_find(const struct samples *samples, int cpu, unsigned clock)
{
	struct series key = { .cpu = cpu, .clock = clock };

	if (!samples->series_count)
		return NULL;
	return bsearch(&key, samples->series, samples->series_count, sizeof(key), series_order);
}
