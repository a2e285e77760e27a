/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The clocks of another machine: the host of this guest, or whatever a transport
 * reaches.  One exchange brackets all four of them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probes/clock_reader.h"
#include "probes/peer.h"
#include "results/units.h"

#define PEER_OPTIONS "peer:TRANSPORT:ADDRESS, as in peer:shm:auto"

/* Where the responder does not tell the rate of its TSC, it is taken from its own answers. */
#define RATE_PAUSE_NS (100 * NS_PER_MS)
#define RATE_TRIES    20
#define TSC_HZ_MIN    1e6
#define TSC_HZ_MAX    1e11

struct peer {
	const struct peer_transport *transport;
	void *state;
};

static const struct clock_output peer_also[] = {
	{ "monotonic", UNIT_NS, true, OSCILLATOR_CLOCKSOURCE },
	{ "realtime", UNIT_NS, true, OSCILLATOR_CLOCKSOURCE },
	{ "tsc", UNIT_TICKS, false, OSCILLATOR_TSC },
	{ NULL, UNIT_NS, false, OSCILLATOR_REMOTE },
};

static const struct peer_transport *transport_find(const char *name, size_t length)
{
	for (size_t i = 0; peer_transports[i]; i++)
		if (strncmp(peer_transports[i]->name, name, length) == 0 &&
			peer_transports[i]->name[length] == '\0')
			return peer_transports[i];
	return NULL;
}

static void transport_names(char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; peer_transports[i]; i++) {
		if (i)
			strncat(text, ", ", size - strlen(text) - 1);
		strncat(text, peer_transports[i]->name, size - strlen(text) - 1);
	}
}

static int parse(const char *options, struct peer *peer, const char **address, struct error *err)
{
	const char *colon = options ? strchr(options, ':') : NULL;
	char names[128];

	if (!options)
		return error_set(err, -EINVAL,
			"peer: needs TRANSPORT:ADDRESS of a 'clkdrift serve' on the other machine");
	transport_names(names, sizeof(names));
	peer->transport = transport_find(options, colon ? (size_t)(colon - options) : strlen(options));
	if (!peer->transport)
		return error_set(
			err, -EINVAL, "peer: unknown transport in \"%s\"; there is %s", options, names);
	if (!colon || !colon[1])
		return error_set(err, -EINVAL, "peer: \"%s\" has no address; write %s", options,
			peer->transport->summary);
	*address = colon + 1;
	return 0;
}

static int exchange_patiently(const struct peer *peer, struct peer_values *values)
{
	uint64_t lo, hi;
	int rc = -EIO;

	for (unsigned i = 0; rc && i < RATE_TRIES; i++)
		rc = peer->transport->exchange(peer->state, &lo, values, &hi);
	return rc;
}

/* In whole kHz, as bench/tsc_rate.h measures: only a scale, the drift is found against it. */
static int rate_from_answers(const struct peer *peer, double *tsc_hz, struct error *err)
{
	const struct timespec pause = { 0, RATE_PAUSE_NS };
	struct peer_values a, b;
	double ns, hz;

	if (exchange_patiently(peer, &a))
		return error_set(err, -ETIMEDOUT, "peer: the responder answers no more");
	nanosleep(&pause, NULL);
	if (exchange_patiently(peer, &b))
		return error_set(err, -ETIMEDOUT, "peer: the responder answers no more");
	ns = (double)(int64_t)(b.monotonic_raw_ns - a.monotonic_raw_ns);
	hz = ns > 0 ? round((double)(b.tsc_cycles - a.tsc_cycles) / ns * 1e6) * 1e3 : 0;
	if (!(hz >= TSC_HZ_MIN && hz <= TSC_HZ_MAX))
		return error_set(err, -EBADMSG, "peer: the responder's TSC and its clock make no sense");
	*tsc_hz = hz;
	return 0;
}

static void peer_close(void *state)
{
	struct peer *peer = state;

	peer->transport->close(peer->state);
	free(peer);
}

static int peer_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	struct peer_traits found = { 0 };
	struct peer *peer = calloc(1, sizeof(*peer));
	const char *address = NULL;
	int rc = peer ? 0 : error_set(err, -ENOMEM, "peer: out of memory");

	if (!rc)
		rc = parse(setup->options, peer, &address, err);
	if (!rc)
		rc = peer->transport->open(address, setup, &found, err);
	if (rc) {
		free(peer);
		return rc;
	}
	peer->state = found.state;
	traits->hz = found.tsc_hz;
	if (!(found.tsc_hz >= TSC_HZ_MIN && found.tsc_hz <= TSC_HZ_MAX))
		rc = rate_from_answers(peer, &traits->hz, err);
	if (rc) {
		peer_close(peer);
		return rc;
	}
	traits->bits = 64;
	traits->state = peer;
	traits->interval_min_ns = PEER_INTERVAL_MIN_NS;
	traits->burst = true;
	traits->own_machine = found.same_kernel;
	if (!found.same_kernel)
		strcpy(traits->oscillator, found.same_host ? OSCILLATOR_LABEL_HOST : OSCILLATOR_LABEL_PEER);
	return 0;
}

static int peer_read_bracket(void *state, int cpu, struct reading *reading)
{
	struct peer *peer = state;
	struct peer_values values;
	uint64_t lo, hi;
	int rc = peer->transport->exchange(peer->state, &lo, &values, &hi);

	(void)cpu;
	if (rc)
		return rc;
	reading[0] = (struct reading){ lo, values.monotonic_raw_ns, hi };
	reading[1] = (struct reading){ lo, values.monotonic_ns, hi };
	reading[2] = (struct reading){ lo, values.realtime_ns, hi };
	reading[3] = (struct reading){ lo, values.tsc_cycles, hi };
	return 0;
}

int peer_clock_facts(void *state, char *text, size_t size)
{
	const struct peer *peer = state;

	return peer->transport->facts ? peer->transport->facts(peer->state, text, size) : -EOPNOTSUPP;
}

const struct clock_reader clock_peer = {
	.name = "peer",
	.summary = "another machine's monotonic_raw, monotonic, realtime and TSC, from its 'clkdrift serve'",
	.options = PEER_OPTIONS,
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_REMOTE,
	.cadence = CADENCE_SLOW,
	.optional = true,
	.also = peer_also,
	.open = peer_open,
	.read_bracket = peer_read_bracket,
	.close = peer_close,
};
