/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/file.h"
#include "results/samples.h"

int run_clock_find(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->clock_count; i++)
		if (strcmp(run->clocks[i].name, name) == 0)
			return (int)i;
	return -1;
}

int run_event_add(struct run *run, uint64_t tsc, const char *kind, bool injected, const char *text)
{
	struct event *grown;

	if (run->event_count == RUN_EVENTS_MAX) {
		run->events_lost++;
		return -ENOSPC;
	}
	grown = reallocarray(run->events, run->event_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	run->events = grown;
	grown += run->event_count++;
	grown->tsc = tsc;
	grown->injected = injected;
	snprintf(grown->kind, sizeof(grown->kind), "%s", kind);
	snprintf(grown->text, sizeof(grown->text), "%s", text);
	return 0;
}

void run_free(struct run *run)
{
	for (size_t i = 0; i < run->tally_count; i++)
		free(run->tallies[i].brackets);
	for (size_t i = 0; i < run->phase_count; i++) {
		free(run->phases[i].disturbances);
		free(run->phases[i].backward);
	}
	for (size_t i = 0; i < run->ntp_count; i++)
		free(run->ntp[i].refusals);
	free(run->dir);
	free(run->ntp);
	free(run->clocks);
	free(run->unavailable);
	free(run->places);
	free(run->phases);
	free(run->skipped);
	free(run->events);
	free(run->tallies);
	json_decref(run->environment_before);
	json_decref(run->environment_after);
	json_decref(run->environment_changes);
	json_decref(run->lab);
	json_decref(run->peer_environment);
	*run = (struct run){ 0 };
}

static int make_samples_dir(struct run *run, const char *dir, struct error *err)
{
	char path[PATH_MAX];
	int rc = path_join(path, sizeof(path), dir, SAMPLES_DIR, err);

	if (rc)
		return rc;
	if (mkdir(path, 0777))
		return error_set(err, -errno, "%s: cannot make the directory: %s", path, strerror(errno));
	free(run->dir);
	run->dir = strdup(dir);
	return run->dir ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int run_create_at(struct run *run, const char *dir, struct error *err)
{
	int rc = directory_create_at(dir, err);

	return rc ? rc : make_samples_dir(run, dir, err);
}

int run_create(struct run *run, const char *parent, const char *name, struct error *err)
{
	char dir[PATH_MAX];
	int rc = directory_create(dir, parent, name, err);

	return rc ? rc : make_samples_dir(run, dir, err);
}
