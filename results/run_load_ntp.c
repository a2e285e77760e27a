/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What run.json says of NTP servers. */
#include <math.h>
#include <string.h>

#include "results/run_source.h"

#define NS_MAX 1e15 /* of a delay or an error: 11 days, far beyond what a server's packet can say */

static int parse_refusal(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct ntp_refusal *r = row;
	int rc = source_need_text(s, item, "kind", r->kind, sizeof(r->kind));

	(void)run;
	return rc ? rc : source_count(s, item, "count", &r->count);
}

static int parse_times(const struct run_source *s, json_t *item, struct ntp_server *n)
{
	const struct {
		const char *key;
		double *out;
	} times[] = {
		{ "precision_ns", &n->precision_ns },
		{ "root_delay_ns", &n->root_delay_ns },
		{ "root_dispersion_ns", &n->root_dispersion_ns },
		{ "root_distance_min_ns", &n->root_distance_min_ns },
		{ "root_distance_max_ns", &n->root_distance_max_ns },
		{ "delay_min_ns", &n->delay_min_ns },
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(times) / sizeof(times[0]); i++) {
		*times[i].out = NAN;
		rc = source_real(s, item, times[i].key, 0, NS_MAX, times[i].out);
	}
	return rc;
}

int parse_ntp_server(const struct run_source *s, struct run *run, json_t *item, void *row)
{
	struct ntp_server *n = row;
	int rc = source_need_text(s, item, "clock", n->clock, sizeof(n->clock));

	n->leap = n->stratum = -1;
	if (!rc && run_clock_find(run, n->clock) < 0)
		rc = source_bad(s, "clock", "is none of \"clocks\"");
	for (const struct ntp_server *other = run->ntp; !rc && other < n; other++)
		if (strcmp(other->clock, n->clock) == 0)
			rc = source_bad(s, "ntp", "names one clock twice");
	if (!rc)
		rc = source_text(s, item, "address", n->address, sizeof(n->address));
	if (!rc)
		rc = source_int(s, item, "leap", -1, 3, &n->leap);
	if (!rc)
		rc = source_int(s, item, "stratum", -1, 255, &n->stratum);
	if (!rc)
		rc = source_text(s, item, "refid", n->refid, sizeof(n->refid));
	if (!rc)
		rc = parse_times(s, item, n);
	if (!rc)
		rc = source_real(s, item, "interval_s", 0, 1e9, &n->interval_s);
	if (!rc)
		rc = source_count(s, item, "asked", &n->asked);
	if (!rc)
		rc = source_count(s, item, "answered", &n->answered);
	if (!rc)
		rc = source_count(s, item, "stamped", &n->stamped);
	if (!rc)
		rc = source_text(s, item, "last_problem", n->last_problem, sizeof(n->last_problem));
	return rc ? rc
		  : source_rows(s, item, "refusals", NTP_REFUSALS_MAX, sizeof(*n->refusals), &n->refusals,
			    &n->refusal_count, parse_refusal, run);
}
