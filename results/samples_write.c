/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "results/file.h"

#define BUFFER_BYTES (64u << 10)
#define ROW_BYTES    (CLOCK_NAME_MAX + 4 * 24) /* no row is longer */

struct samples_writer {
	int fd;
	bool slow;
	bool broken; /* an error was reported: nothing more is written */
	char path[PATH_MAX];
	size_t used;
	off_t written; /* whole rows in the file end here */
	char buffer[BUFFER_BYTES];
};

static char *put_u64(char *to, uint64_t value)
{
	char digits[20];
	unsigned count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (count)
		*to++ = digits[--count];
	return to;
}

static int writer_fail(struct samples_writer *w, int code, struct error *err)
{
	w->broken = true;
	return error_set(err, code, "%s: cannot write: %s; what was written before is valid", w->path,
		strerror(-code));
}

int samples_writer_flush(struct samples_writer *w, struct error *err)
{
	int rc;

	if (w->broken)
		return -EIO;
	rc = file_append(w->fd, w->buffer, w->used, &w->written);
	if (rc)
		return writer_fail(w, rc, err);
	w->used = 0;
	return 0;
}

int samples_writer_put(
	struct samples_writer *w, int cpu, const char *clock, const struct reading *r, struct error *err)
{
	char *to;

	if (w->used + ROW_BYTES > sizeof(w->buffer)) {
		int rc = samples_writer_flush(w, err);

		if (rc)
			return rc;
	}
	to = w->buffer + w->used;
	if (w->slow) {
		to = put_u64(to, (uint64_t)cpu);
		*to++ = ',';
	}
	to = stpcpy(to, clock);
	*to++ = ',';
	to = put_u64(to, r->tsc_lo);
	*to++ = ',';
	to = put_u64(to, r->value);
	*to++ = ',';
	to = put_u64(to, r->tsc_hi);
	*to++ = '\n';
	w->used = (size_t)(to - w->buffer);
	return 0;
}

struct samples_writer *samples_writer_open(const struct run *run, int cpu, struct error *err)
{
	struct samples_writer *w = calloc(1, sizeof(*w));
	char name[48];

	if (!w) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	w->slow = cpu < 0;
	if (w->slow)
		snprintf(name, sizeof(name), SAMPLES_DIR "/" SAMPLES_SLOW);
	else
		snprintf(name, sizeof(name), SAMPLES_DIR "/cpu%03d.csv", cpu);
	w->fd = -1;
	if (path_join(w->path, sizeof(w->path), run->dir, name, err) == 0) {
		w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (w->fd < 0)
			error_set(err, -errno, "%s: cannot write: %s", w->path, strerror(errno));
	}
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	strcpy(w->buffer, w->slow ? SLOW_HEADER : SAMPLES_HEADER);
	w->used = strlen(w->buffer);
	if (samples_writer_flush(w, err)) {
		close(w->fd);
		free(w);
		return NULL;
	}
	return w;
}

int samples_writer_close(struct samples_writer *w, struct error *err)
{
	int rc = samples_writer_flush(w, err);

	if (!rc && fsync(w->fd) && errno != EINVAL)
		rc = writer_fail(w, -errno, err);
	if (close(w->fd) && !rc)
		rc = error_set(err, -errno, "%s: cannot write: %s", w->path, strerror(errno));
	free(w);
	return rc;
}

int crosscpu_append(const struct run *run, const struct exchange *rows, size_t count, struct error *err)
{
	char path[PATH_MAX];
	FILE *out;
	int rc = path_join(path, sizeof(path), run->dir, CROSSCPU_FILE, err);

	if (rc)
		return rc;
	out = fopen(path, "ae");
	if (!out)
		return error_set(err, -errno, "%s: cannot write: %s", path, strerror(errno));
	if (ftell(out) == 0)
		fputs("phase,cpu_a,cpu_b,forward_min,backward_min\n", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s,%d,%d,%lld,%lld\n", rows[i].phase, rows[i].cpu_a, rows[i].cpu_b,
			(long long)rows[i].forward_min, (long long)rows[i].backward_min);
	if (fflush(out) || ferror(out))
		rc = error_set(err, errno ? -errno : -EIO, "%s: cannot write: %s", path, strerror(errno));
	fclose(out);
	return rc;
}
