/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_matrix.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "bench/lab_tool.h"
#include "probes/now.h"
#include "results/file.h"
#include "results/units.h"

/*
 * What a cell takes beside its sampling, in s: image, boot, exchanges between CPUs, analysis, plots.  Taken until
 * the first cell is over.
 */
#define CELL_BESIDE_S 10
#ifndef LOCK_TRIES
#define LOCK_TRIES 10 /* of 0.1 s each */
#endif

/* ---- the order ---- */

static const char *text_of(const json_t *rows, size_t row, const char *key)
{
	const char *text = json_string_value(json_object_get(json_array_get(rows, row), key));

	return text ? text : "";
}

static void fill_cell(const struct matrix *m, size_t pair, unsigned repeat, struct matrix_cell *cell)
{
	size_t profiles = json_array_size(m->profiles);

	*cell = (struct matrix_cell){ .repeat = repeat, .state = MATRIX_WAITING };
	snprintf(cell->configuration, sizeof(cell->configuration), "%s",
		text_of(m->configurations, pair / profiles, "name"));
	snprintf(cell->profile, sizeof(cell->profile), "%s", text_of(m->profiles, pair % profiles, "id"));
	snprintf(cell->parameters, sizeof(cell->parameters), "%s",
		text_of(m->profiles, pair % profiles, "booted"));
}

int lab_matrix_make(struct matrix *m, unsigned repeat, struct error *err)
{
	size_t pairs = json_array_size(m->configurations) * json_array_size(m->profiles);
	gsl_rng *random;

	if (pairs == 0)
		return error_set(err, -EINVAL, "a matrix needs a configuration and a profile");
	if (pairs > MATRIX_CELLS_MAX / repeat)
		return error_set(err, -EINVAL,
			"%zu configurations and profiles, %u times: more than %d cells", pairs, repeat,
			MATRIX_CELLS_MAX);
	random = gsl_rng_alloc(gsl_rng_mt19937);
	m->cells = calloc(pairs * repeat, sizeof(*m->cells));
	if (!random || !m->cells) {
		if (random)
			gsl_rng_free(random);
		return error_set(err, -ENOMEM, "out of memory");
	}
	m->count = pairs * repeat;
	/* The generator takes 32 bits. */
	gsl_rng_set(random, (unsigned long)((m->seed ^ m->seed >> 32) & UINT32_MAX));
	for (unsigned r = 0; r < repeat; r++) {
		struct matrix_cell *block = m->cells + r * pairs;

		for (size_t pair = 0; pair < pairs; pair++)
			fill_cell(m, pair, r, &block[pair]);
		gsl_ran_shuffle(random, block, pairs, sizeof(*block));
	}
	for (size_t i = 0; i < m->count; i++)
		m->cells[i].order = (unsigned)i;
	gsl_rng_free(random);
	return 0;
}

/* ---- names and numbers ---- */

/* It becomes part of a file's name. */
static void clean_name(char *name)
{
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.+", *c))
			*c = '-';
}

void lab_matrix_run_name(const struct matrix_cell *cell, char name[sizeof(((struct matrix_cell *)0)->run)])
{
	char part[sizeof(cell->run) - sizeof(MATRIX_CELLS)];

	snprintf(part, sizeof(part), "%03u-%s-%s-%u", cell->order, cell->configuration, cell->profile,
		cell->repeat);
	clean_name(part);
	snprintf(name, sizeof(cell->run), "%s/%s", MATRIX_CELLS, part);
}

static bool waits(const struct matrix_cell *cell)
{
	return strcmp(cell->state, MATRIX_WAITING) == 0;
}

size_t lab_matrix_waiting(const struct matrix *m)
{
	size_t waiting = 0;

	for (size_t i = 0; i < m->count; i++)
		waiting += waits(&m->cells[i]);
	return waiting;
}

double lab_matrix_left_s(const struct matrix *m)
{
	size_t waiting = lab_matrix_waiting(m), over = m->count - waiting;
	double taken_s = 0;

	for (size_t i = 0; i < m->count; i++)
		taken_s += waits(&m->cells[i]) ? 0 : m->cells[i].seconds;
	return (double)waiting * (over ? taken_s / (double)over : m->duration_s + CELL_BESIDE_S);
}

/* ---- the way through ---- */

static int do_cell(
	struct matrix *m, struct matrix_cell *cell, const struct lab_matrix_work *work, struct error *err)
{
	char dir[PATH_MAX], name[sizeof(cell->run)];
	struct error why = { "" };
	uint64_t began = now_ns();
	struct stat st;
	int rc;

	lab_matrix_run_name(cell, name);
	rc = path_join(dir, sizeof(dir), m->dir, name, err);
	if (rc)
		return rc;
	/* Half a run, of a matrix that was killed. */
	if (lstat(dir, &st) == 0)
		lab_remove_tree(dir);
	rc = work->cell(work->context, m, cell, dir, &why);
	if (rc < 0)
		return error_set(err, rc, "%s", why.text);
	cell->seconds = (double)(now_ns() - began) / (double)NS_PER_SEC;
	snprintf(cell->run, sizeof(cell->run), "%s", lstat(dir, &st) == 0 ? name : "");
	strcpy(cell->state, rc == LAB_CELL_NO_RESULT ? MATRIX_NO_RESULT : MATRIX_DONE);
	if (rc == LAB_CELL_NO_RESULT)
		snprintf(cell->reason, sizeof(cell->reason), "%.*s", (int)sizeof(cell->reason) - 1, why.text);
	return 0;
}

static void utc_now(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int lab_matrix_go(
	struct matrix *m, struct lab_wait *wait, const struct lab_matrix_work *work, struct error *err)
{
	int rc = 0;

	if (!m->started[0])
		utc_now(m->started, sizeof(m->started));
	rc = matrix_store(m, err);
	for (size_t i = 0; !rc && i < m->count; i++) {
		if (!waits(&m->cells[i]))
			continue;
		/* One that came while a cell was analysed. */
		rc = lab_wait_for(wait, 0, err);
		if (rc)
			break;
		work->show(work->context, m, &m->cells[i]);
		rc = do_cell(m, &m->cells[i], work, err);
		wait->inner = rc == -EINTR;
		if (!rc)
			rc = matrix_store(m, err);
	}
	if (rc || m->finished[0])
		return rc;
	utc_now(m->finished, sizeof(m->finished));
	return matrix_store(m, err);
}

int lab_matrix_lock(const char *dir, int *fd, struct error *err)
{
	const struct timespec moment = { 0, 100 * NS_PER_MS };

	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return error_set(err, -errno, "%s: cannot read: %s", dir, strerror(errno));
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(err, -errno, "%s: cannot lock it: %s", dir, strerror(errno));
		nanosleep(&moment, NULL);
	}
	return error_set(
		err, -EBUSY, "%s: another clkdrift is at work on this matrix; wait for its end", dir);
}
