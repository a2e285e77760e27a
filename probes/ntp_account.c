/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_account.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "probes/ntp.h"

_Static_assert(NTP_PROBLEMS <= NTP_REFUSALS_MAX, "each kind must find room");

void ntp_account_open(struct ntp_account *a, const char *clock, const char *address)
{
	*a = (struct ntp_account){ .server = { .leap = -1,
					   .stratum = -1,
					   .precision_ns = NAN,
					   .root_delay_ns = NAN,
					   .root_dispersion_ns = NAN,
					   .root_distance_min_ns = NAN,
					   .root_distance_max_ns = NAN,
					   .delay_min_ns = NAN } };
	pthread_mutex_init(&a->lock, NULL);
	snprintf(a->server.clock, sizeof(a->server.clock), "%s", clock);
	snprintf(a->server.address, sizeof(a->server.address), "%s", address);
}

void ntp_account_close(struct ntp_account *a)
{
	pthread_mutex_destroy(&a->lock);
}

void ntp_account_asked(struct ntp_account *a)
{
	pthread_mutex_lock(&a->lock);
	a->server.asked++;
	pthread_mutex_unlock(&a->lock);
}

void ntp_account_interval(struct ntp_account *a, double seconds)
{
	pthread_mutex_lock(&a->lock);
	a->server.interval_s = seconds;
	pthread_mutex_unlock(&a->lock);
}

static struct event *event_new(struct ntp_account *a, const char *kind, uint64_t tsc)
{
	struct event *event;

	if (a->event_count == NTP_EVENTS_HELD)
		return NULL;
	event = &a->events[a->event_count++];
	*event = (struct event){ .tsc = tsc };
	snprintf(event->kind, sizeof(event->kind), "ntp-%s", kind);
	return event;
}

void ntp_account_answer(
	struct ntp_account *a, const struct ntp_reply *reply, const struct ntp_measured *measured)
{
	double delay = ntp_short_ns(reply->root_delay), dispersion = ntp_short_ns(reply->root_dispersion);
	struct ntp_server *s = &a->server;
	char refid[sizeof(s->refid)];
	struct event *event;

	ntp_refid_format(reply, refid, sizeof(refid));
	pthread_mutex_lock(&a->lock);
	if (s->answered && (strcmp(refid, s->refid) != 0 || s->stratum != (int)reply->stratum)) {
		event = event_new(a, "source", measured->tsc);
		if (event)
			snprintf(event->text, sizeof(event->text),
				"%s: stratum %d by %s before, %u by %s now", s->clock, s->stratum, s->refid,
				reply->stratum, refid);
	}
	s->answered++;
	s->stamped += measured->stamped;
	s->leap = (int)reply->leap;
	s->stratum = (int)reply->stratum;
	memcpy(s->refid, refid, sizeof(refid));
	s->precision_ns = ntp_reply_precision_ns(reply);
	s->root_delay_ns = delay;
	s->root_dispersion_ns = dispersion;
	/* fmin() and fmax() pass over NaN. */
	s->root_distance_min_ns = fmin(s->root_distance_min_ns, delay / 2 + dispersion);
	s->root_distance_max_ns = fmax(s->root_distance_max_ns, delay / 2 + dispersion);
	s->delay_min_ns = fmin(s->delay_min_ns, measured->delay_ns);
	pthread_mutex_unlock(&a->lock);
}

void ntp_account_problem(struct ntp_account *a, enum ntp_problem problem, uint64_t tsc)
{
	struct event *event = NULL;
	uint64_t count;

	pthread_mutex_lock(&a->lock);
	count = ++a->problems[problem];
	snprintf(a->server.last_problem, sizeof(a->server.last_problem), "%s: %s", ntp_problem_name(problem),
		ntp_problem_text(problem));
	if (problem != NTP_LATE && (count & (count - 1)) == 0)
		event = event_new(a, ntp_problem_name(problem), tsc);
	if (event)
		snprintf(event->text, sizeof(event->text), "%s: %s (%" PRIu64 " so far)", a->server.clock,
			ntp_problem_text(problem), count);
	pthread_mutex_unlock(&a->lock);
}

void ntp_account_read(struct ntp_account *a, struct ntp_server *server)
{
	struct ntp_refusal *refusals = server->refusals;

	pthread_mutex_lock(&a->lock);
	*server = a->server;
	server->refusals = refusals;
	server->refusal_count = 0;
	for (int i = NTP_FINE + 1; i < NTP_PROBLEMS; i++) {
		struct ntp_refusal *refusal = &refusals[server->refusal_count];

		if (!a->problems[i])
			continue;
		snprintf(refusal->kind, sizeof(refusal->kind), "%s", ntp_problem_name((enum ntp_problem)i));
		refusal->count = a->problems[i];
		server->refusal_count++;
	}
	pthread_mutex_unlock(&a->lock);
}

bool ntp_account_take_event(struct ntp_account *a, struct event *event)
{
	bool found;

	pthread_mutex_lock(&a->lock);
	found = a->event_count > 0;
	if (found) {
		*event = a->events[0];
		memmove(a->events, a->events + 1, --a->event_count * sizeof(*a->events));
	}
	pthread_mutex_unlock(&a->lock);
	return found;
}
