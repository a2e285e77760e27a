/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/disturbance.h"
#include "bench/lab_vcpus.h"
#include "bench/stress_ng.h"
#include "probes/now.h"

#define SLACK_NS (10 * NS_PER_SEC) /* the guest's clocks may run slower than this machine's */

/* The disturbance "load" of this machine, with the vCPUs' CPUs as those that are sampled. */
struct lab_load {
	struct lab_guest *guest;
	const struct warden *warden; /* of the QEMU whose vCPUs were bound */
	struct asked asked;
	int cpus[LAB_VCPUS_MAX];
	size_t count;
	void *state;
	uint64_t start_ns, overdue_ns;
	int64_t waited_ns; /* at the start */
};

int lab_load_supported(struct error *why)
{
	char path[STRESS_NG_PATH_MAX];

	return stress_ng_find(path, why);
}

static int begin(struct lab_load *l, struct placement *placement, const struct outside_request *r,
	struct outside_report *report, struct error *err)
{
	struct disturbance_setup setup = { .arguments = l->asked.arguments,
		.duration_s = r->seconds,
		.cpus = l->cpus,
		.placement = placement };
	char text[DISTURBANCE_TEXT_MAX], list[64];
	int rc;

	/* The vCPUs are there to contend with it: half is enough. */
	snprintf(text, sizeof(text), "class=%s share=%u enough=50", r->class, r->share);
	rc = disturbance_parse(disturbance_find("load"), text, &l->asked, err);
	if (!rc)
		rc = lab_vcpus_bind(l->guest, l->cpus, &l->count, err);
	setup.cpu_count = l->count;
	if (!rc)
		rc = l->asked.disturbance->supported(&setup, err);
	if (!rc)
		rc = l->asked.disturbance->start(&setup, &l->state, err);
	if (rc)
		return rc;
	placement_list(l->cpus, l->count, list, sizeof(list));
	snprintf(report->text, sizeof(report->text), "'%s' at %u %% on CPU %s of the host", r->class,
		r->share, list);
	report->seen = true;
	return 0;
}

struct lab_load *lab_load_start(struct lab_guest *guest, struct placement *placement,
	const struct outside_request *r, struct outside_report *report, struct error *err)
{
	struct lab_load *l = calloc(1, sizeof(*l));
	struct error ignored = { "" };

	if (!l) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	l->guest = guest;
	l->warden = guest->warden;
	if (begin(l, placement, r, report, err)) {
		lab_vcpus_place(guest, &ignored);
		free(l);
		return NULL;
	}
	l->waited_ns = lab_vcpus_waited_ns(guest);
	l->start_ns = now_ns();
	l->overdue_ns = l->start_ns + (uint64_t)(r->seconds * (double)NS_PER_SEC) + SLACK_NS;
	return l;
}

uint64_t lab_load_overdue_ns(const struct lab_load *l)
{
	return l->overdue_ns;
}

/* What is steal to a guest that is told of it: its vCPUs could run, and others did. */
static void tell_waited(const struct lab_load *l, char *text, size_t size)
{
	int64_t waited_ns = -1;

	text[0] = '\0';
	/* The vCPUs of another QEMU have waited at other times, and one that has gone is not to be asked. */
	if (l->guest->qmp && l->guest->warden == l->warden)
		waited_ns = lab_vcpus_waited_ns(l->guest);
	if (l->waited_ns >= 0 && waited_ns >= l->waited_ns)
		snprintf(text, size, "; the vCPUs waited %.3f s of %.3f s for a CPU",
			ns_to_s((double)(waited_ns - l->waited_ns)),
			ns_to_s((double)(now_ns() - l->start_ns)));
}

int lab_load_stop(struct lab_load *l, struct outside_report *report, struct error *err)
{
	struct evidence evidence = { .observed = false };
	struct error ignored = { "" };
	char waited[96];
	int rc;

	if (!l)
		return 0;
	tell_waited(l, waited, sizeof(waited));
	rc = l->asked.disturbance->stop(l->state, &evidence, err);
	if (l->guest->qmp)
		lab_vcpus_place(l->guest, &ignored);
	report->seen = evidence.observed;
	snprintf(report->text, sizeof(report->text), "%s%s", evidence.text, waited);
	free(l);
	return rc;
}
