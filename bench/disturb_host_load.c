/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * host-load: the lab runs stress-ng on the CPUs of this guest's vCPUs, for the phase.
 *
 * The guest need not be told of it: only a hypervisor that accounts for steal time does.  So what was
 * taken is the host's to say.  The vCPUs keep to their CPUs meanwhile.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/disturbance.h"
#include "bench/outside_line.h"
#include "bench/proc_stat.h"

#define PATIENCE_S 12 /* stress-ng begins within 2 s, and is ended within 4 s */

enum { CLASS, SHARE };

static const struct parameter parameters[] = {
	[CLASS] = { .name = "class",
		.kind = PARAMETER_WORD,
		.initial = "cpu",
		.words = OUTSIDE_CLASSES,
		.help = "stressor of stress-ng" },
	[SHARE] = { .name = "share",
		.kind = PARAMETER_NUMBER,
		.initial = "50",
		.low = 1,
		.high = 100,
		.help = "CPU time to take of the CPU of each vCPU, in %" },
	{ .name = NULL },
};

struct host_load {
	struct outside_line line;
	const int *cpus;
	size_t count;
	struct cpu_ticks *before; /* of the sampled CPUs, as this guest counts */
};

static int host_load_check(const struct argument *arguments, struct error *err)
{
	if (arguments[SHARE].number != rint(arguments[SHARE].number))
		return error_set(err, -EINVAL, "share=%s: must be a whole number", arguments[SHARE].text);
	return 0;
}

static int host_load_supported(const struct disturbance_setup *setup, struct error *why)
{
	if (setup->duration_s > OUTSIDE_LOAD_SECONDS_MAX)
		return error_set(
			why, -ENOTSUP, "the lab loads its host for %d s at most", OUTSIDE_LOAD_SECONDS_MAX);
	return outside_line_supported(OUTSIDE_HOST_LOAD, why);
}

static void host_load_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	snprintf(text, size,
		"has the lab run stress-ng (%s) at %g %% on the host's CPUs that the vCPUs run on",
		setup->arguments[CLASS].text, setup->arguments[SHARE].number);
}

static int begin(struct host_load *h, const struct disturbance_setup *setup, struct error *err)
{
	struct outside_request request = { .kind = OUTSIDE_HOST_LOAD,
		.share = (unsigned)setup->arguments[SHARE].number,
		.seconds = fmin(fmax(setup->duration_s, OUTSIDE_SECONDS_MIN), OUTSIDE_LOAD_SECONDS_MAX) };
	const struct outside_request end = { .kind = OUTSIDE_HOST_LOAD_END };
	struct outside_report report;
	struct error ignored = { "" };
	int rc = outside_line_open(&h->line, OUTSIDE_HOST_LOAD, err);

	if (rc)
		return rc;
	snprintf(request.class, sizeof(request.class), "%s", setup->arguments[CLASS].text);
	rc = outside_line_ask_report(&h->line, &request, PATIENCE_S, &report, err);
	if (!rc)
		rc = proc_stat_read(PROC_STAT_FILE, h->cpus, h->count, h->before, err);
	if (rc) {
		/* It may be in force all the same. */
		outside_line_ask_report(&h->line, &end, PATIENCE_S, &report, &ignored);
		outside_line_close(&h->line);
	}
	return rc;
}

static int host_load_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct host_load *h = calloc(1, sizeof(*h));
	int rc = -ENOMEM;

	if (h) {
		h->cpus = setup->cpus;
		h->count = setup->cpu_count;
		h->before = calloc(h->count ? h->count : 1, sizeof(*h->before));
	}
	if (h && h->before)
		rc = begin(h, setup, err);
	else
		error_set(err, rc, "out of memory");
	if (!rc) {
		*state = h;
		return 0;
	}
	if (h)
		free(h->before);
	free(h);
	return rc;
}

/* In % of the time of the sampled CPUs, as this guest is told; 0 where nobody tells it. */
static double steal_percent(const struct host_load *h)
{
	struct cpu_ticks *after = calloc(h->count ? h->count : 1, sizeof(*after));
	double steal = 0, all = 0;

	if (after && !proc_stat_read(PROC_STAT_FILE, h->cpus, h->count, after, NULL))
		for (size_t i = 0; i < h->count; i++) {
			steal += (double)(after[i].steal - h->before[i].steal);
			all += (double)(after[i].all - h->before[i].all);
		}
	free(after);
	return all > 0 ? 100 * steal / all : 0;
}

static int host_load_stop(void *state, struct evidence *evidence, struct error *err)
{
	const struct outside_request end = { .kind = OUTSIDE_HOST_LOAD_END };
	struct host_load *h = state;
	struct outside_report report;
	struct error trouble = { "" };
	double steal = steal_percent(h);
	int rc = outside_line_ask_report(&h->line, &end, PATIENCE_S, &report, &trouble);

	(void)err;
	evidence->observed = !rc && report.seen;
	if (rc)
		snprintf(evidence->text, sizeof(evidence->text), "%.300s", trouble.text);
	else
		snprintf(evidence->text, sizeof(evidence->text),
			"on the host it %.400s; steal as this guest is told %.1f %%", report.text, steal);
	outside_line_close(&h->line);
	free(h->before);
	free(h);
	return 0;
}

const struct disturbance disturb_host_load = {
	.name = "host-load",
	.summary = "has the lab run stress-ng on the host's CPUs that this guest runs on",
	.parameters = parameters,
	.check = host_load_check,
	.supported = host_load_supported,
	.plan = host_load_plan,
	.start = host_load_start,
	.stop = host_load_stop,
};
