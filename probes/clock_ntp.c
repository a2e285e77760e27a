/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * An NTP server as a clock, by SNTP exchanges (RFC 4330, RFC 5905).
 *
 *   server            T2 ---- value ---- T3
 *                    /                     \
 *   we      sent [T1                        T4] received
 *
 * value is the server's time at the middle of its residence.  T2 lies after T1
 * and T3 before T4, wherever in between, so that middle lies in [T1 + r/2, T4 - r/2]
 * with the residence r = T3 - T2.  That is the bracket: as wide as the delay,
 * whatever share of it each direction takes.  r is measured by the server's
 * clock, so it is only moved in by what a clock off by RATE_SLACK would leave
 * of it, and out by the step of that clock.
 *
 * What the server's clock is worth (root delay, root dispersion) is in no
 * bracket: it goes into the book (probes/ntp_account.h).
 *
 * When it is asked: the slow probe calls every second or two; a call that is
 * not due answers -EAGAIN.  A public server gets a burst as ntpd's iburst, then
 * one request every 64 s; one in our own network may be asked every second.
 * All readings are kept, also those of the burst: each says by its width what it is worth.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "probes/clock_reader.h"
#include "probes/net_stamp.h"
#include "probes/now.h"
#include "probes/ntp.h"
#include "probes/ntp_account.h"
#include "probes/ntp_address.h"
#include "probes/ntp_packet.h"
#include "probes/stamp_line.h"
#include "probes/tsc.h"

#define RATE_SLACK 1e-3 /* of the server's clock and of the nominal TSC together: twice what NTP can steer */

#define PUBLIC_GAP_NS	(64 * NS_PER_SEC) /* the shortest that RFC 4330 section 10 allows is 15 s */
#define PRIVATE_GAP_NS	(1 * NS_PER_SEC)
#define GAP_MAX_NS	(1024 * NS_PER_SEC)
#define POLL_MAX	10 /* 1024 s */
#define BURST_GAP_NS	(2 * NS_PER_SEC)
#define BURST		8
#define PUBLIC_WAIT_NS	(1500 * NS_PER_MS) /* for the answer */
#define PRIVATE_WAIT_NS (800 * NS_PER_MS)
/* Short gaps may be so much shorter: the slow probe's calls jitter, and one must not be left out for it. */
#define DUE_SLACK_NS (200 * NS_PER_MS)
#define FIRST_TRIES  2

/*
 * The era of the timestamps is that of the local clock, which may stand at 1970
 * where no battery keeps it; no run is older than this.
 */
#define NOW_MIN_S 1767225600 /* 2026-01-01 */

#define RECENT 8 /* requests whose answers are late rather than forged */

struct ntp {
	struct net_stamp socket;
	struct ntp_account account;
	double tsc_hz;
	uint64_t wait_ns, gap_ns;
	uint64_t due_ns; /* of CLOCK_MONOTONIC */
	unsigned burst_left;
	bool own_machine;
	bool stopped; /* it does not want to be asked */
	uint64_t recent[RECENT];
	unsigned recent_next;
};

/* One exchange: what was asked, and what came of it. */
struct ntp_exchange {
	uint64_t asked;
	struct ntp_reply reply;
	struct net_datagram datagram;
	struct stamp_bracket bracket;
};

struct ntp_account *ntp_clock_account(void *state)
{
	return &((struct ntp *)state)->account;
}

static bool was_asked(const struct ntp *n, uint64_t origin)
{
	for (int i = 0; i < RECENT; i++)
		if (n->recent[i] == origin && origin)
			return true;
	return false;
}

/*
 * Waits for the answer.  Datagrams that anybody can have sent, as they do not
 * hold our random bits, are counted and passed over: the answer may still come.
 */
static enum ntp_problem exchange_await(struct ntp *n, struct ntp_exchange *x, uint64_t deadline_ns)
{
	enum ntp_problem problem, last = NTP_SILENT;
	uint8_t data[NTP_PACKET_BYTES];
	ssize_t length;

	for (;;) {
		length = net_stamp_receive(&n->socket, data, sizeof(data), &x->datagram, deadline_ns);
		if (length == -EINTR)
			continue;
		if (length < 0) {
			problem = length == -ETIMEDOUT ? last : NTP_UNREACHABLE;
			break;
		}
		problem = ntp_reply_parse(data, (size_t)length < sizeof(data) ? (size_t)length : sizeof(data),
			x->asked, &x->reply);
		if (problem == NTP_FINE || problem > NTP_ORIGIN)
			return problem;
		if (problem == NTP_ORIGIN && was_asked(n, x->reply.origin))
			problem = NTP_LATE;
		else
			last = problem;
		ntp_account_problem(&n->account, problem, x->datagram.tsc);
	}
	return problem;
}

/* An earlier datagram's ICMP answer is told by the next call, which then has not sent anything. */
static enum ntp_problem exchange_send(struct ntp *n, struct ntp_exchange *x, uint32_t *id)
{
	uint8_t packet[NTP_PACKET_BYTES];
	int rc;

	do {
		if (getrandom(&x->asked, sizeof(x->asked), 0) != sizeof(x->asked))
			x->asked = 0;
	} while (x->asked == 0);
	ntp_request_make(x->asked, packet);
	stamp_bracket_open(&x->bracket);
	rc = net_stamp_send(&n->socket, NULL, packet, sizeof(packet), id);
	if (rc == -ECONNREFUSED)
		rc = net_stamp_send(&n->socket, NULL, packet, sizeof(packet), id);
	return rc ? NTP_UNREACHABLE : NTP_FINE;
}

static enum ntp_problem reading_make(double tsc_hz, const struct ntp_exchange *x, uint64_t now_s,
	struct reading *reading, struct ntp_measured *measured)
{
	double residence = ns_to_cycles(ntp_reply_residence_ns(&x->reply), tsc_hz);
	double step = ns_to_cycles(ntp_reply_precision_ns(&x->reply), tsc_hz);
	double trip = (double)(int64_t)(x->bracket.tsc_hi - x->bracket.tsc_lo);
	double inset = floor(residence / 2 * (1 - RATE_SLACK) - step);

	/* So that no bracket is inverted here.  A TSC that goes backward is no fault of the server. */
	if (trip >= 0 && 2 * inset > trip)
		return NTP_ROUND_TRIP;
	if (ntp_reply_unix_ns(&x->reply, now_s > NOW_MIN_S ? now_s : NOW_MIN_S, &reading->value))
		return NTP_TIME;
	reading->tsc_lo = x->bracket.tsc_lo + (uint64_t)(int64_t)inset;
	reading->tsc_hi = x->bracket.tsc_hi - (uint64_t)(int64_t)inset;
	measured->tsc = reading->tsc_lo;
	measured->delay_ns = cycles_to_ns(fmax(trip - residence, 0), tsc_hz);
	return NTP_FINE;
}

static enum ntp_problem exchange_run(struct ntp *n, struct ntp_exchange *x, struct reading *reading)
{
	struct ntp_measured measured = { 0 };
	enum ntp_problem problem;
	int64_t sent_ns;
	bool sent;
	uint32_t id;

	problem = exchange_send(n, x, &id);
	if (problem == NTP_FINE)
		problem = exchange_await(n, x, now_ns() + n->wait_ns);
	stamp_bracket_close(&x->bracket, x->datagram.tsc);
	n->recent[n->recent_next++ % RECENT] = x->asked;
	if (problem == NTP_FINE) {
		sent = net_stamp_sent(&n->socket, id, &sent_ns) && stamp_bracket_sent(&x->bracket, sent_ns);
		measured.stamped = x->datagram.stamped &&
				   stamp_bracket_received(&x->bracket, x->datagram.stamp_ns) && sent;
		problem = reading_make(n->tsc_hz, x, (uint64_t)time(NULL), reading, &measured);
	}
	if (problem == NTP_FINE)
		ntp_account_answer(&n->account, &x->reply, &measured);
	else if (problem > NTP_ORIGIN) /* the others were counted as they came */
		ntp_account_problem(&n->account, problem, x->bracket.tsc_hi);
	return problem;
}

/* What its answer means for the next requests: true where it wants them less often. */
static bool ntp_obey(struct ntp *n, enum ntp_problem problem, const struct ntp_reply *reply)
{
	uint64_t wish_s;

	if (problem == NTP_KISS_DENY || problem == NTP_KISS_RSTR)
		n->stopped = true;
	if (problem != NTP_KISS_RATE)
		return false;
	wish_s = UINT64_C(1) << (reply->poll < 0 ? 0 : reply->poll > POLL_MAX ? POLL_MAX : reply->poll);
	n->burst_left = 0;
	n->gap_ns *= 2;
	if (n->gap_ns < wish_s * NS_PER_SEC)
		n->gap_ns = wish_s * NS_PER_SEC;
	if (n->gap_ns > GAP_MAX_NS)
		n->gap_ns = GAP_MAX_NS;
	ntp_account_interval(&n->account, ns_to_s((double)n->gap_ns));
	return true;
}

static enum ntp_problem ntp_ask(struct ntp *n, struct reading *reading)
{
	struct ntp_exchange x = { 0 };
	uint64_t began_ns = now_ns(), gap_ns = n->burst_left ? BURST_GAP_NS : n->gap_ns;
	enum ntp_problem problem;

	ntp_account_asked(&n->account);
	problem = exchange_run(n, &x, reading);
	n->burst_left -= n->burst_left > 0;
	if (ntp_obey(n, problem, &x.reply))
		gap_ns = n->gap_ns;
	n->due_ns = began_ns + gap_ns - (gap_ns <= BURST_GAP_NS ? DUE_SLACK_NS : 0);
	return problem;
}

static bool ntp_is_due(const struct ntp *n, uint64_t now)
{
	return !n->stopped && now >= n->due_ns;
}

static int ntp_read_bracket(void *state, int cpu, struct reading *reading)
{
	struct ntp *n = state;

	(void)cpu;
	if (!ntp_is_due(n, now_ns()))
		return -EAGAIN;
	return ntp_ask(n, reading) == NTP_FINE ? 0 : -EIO;
}

/* Whether it gives time at all.  A lost datagram must not decide that, a refusal may. */
static int ntp_try(struct ntp *n, struct error *err)
{
	const struct ntp_server *server = &n->account.server;
	enum ntp_problem problem = NTP_SILENT;
	struct reading reading;

	for (int i = 0; i < FIRST_TRIES; i++) {
		uint64_t now = now_ns(), left = n->due_ns > now ? n->due_ns - now : 0;
		struct timespec wait = { (time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC) };

		nanosleep(&wait, NULL);
		problem = ntp_ask(n, &reading);
		if (problem == NTP_FINE)
			return 0;
		if (problem > NTP_ORIGIN && problem != NTP_SILENT)
			break;
	}
	return error_set(err, problem == NTP_SILENT ? -ETIMEDOUT : -EPROTO, "NTP server %s: %s: %s",
		server->address, ntp_problem_name(problem), ntp_problem_text(problem));
}

/* A server at an address of ours tells the time of our own clock, and proves nothing against it. */
static bool is_own_machine(const struct ntp *n, const struct net_address *server)
{
	struct net_address own;

	if (net_stamp_local(&n->socket, &own) || own.any.sa_family != server->any.sa_family)
		return false;
	return own.any.sa_family == AF_INET
		       ? own.in.sin_addr.s_addr == server->in.sin_addr.s_addr
		       : memcmp(&own.in6.sin6_addr, &server->in6.sin6_addr, sizeof(own.in6.sin6_addr)) == 0;
}

/* The first of its addresses to which there is a way. */
static int ntp_connect(struct ntp *n, const char *clock, const char *text, struct error *err)
{
	struct net_address found[NET_ADDRESSES_MAX];
	char address[NET_ADDRESS_TEXT];
	struct error why = { "" };
	bool is_public;
	int count = ntp_address_resolve(text, found, err), rc = -ENXIO;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		rc = net_stamp_open(&n->socket, NULL, &found[i], &why);
		if (rc)
			continue;
		net_address_text(&found[i], address);
		ntp_account_open(&n->account, clock, address);
		n->own_machine = is_own_machine(n, &found[i]);
		is_public = !n->own_machine && ntp_address_is_public(&found[i]);
		n->wait_ns = is_public ? PUBLIC_WAIT_NS : PRIVATE_WAIT_NS;
		n->gap_ns = is_public ? PUBLIC_GAP_NS : PRIVATE_GAP_NS;
		n->burst_left = is_public ? BURST - 1 : 0;
		ntp_account_interval(&n->account, ns_to_s((double)n->gap_ns));
		return 0;
	}
	return error_set(err, rc, "%s", why.text);
}

static void ntp_close(void *state)
{
	struct ntp *n = state;

	net_stamp_close(&n->socket);
	ntp_account_close(&n->account);
	free(n);
}

static int ntp_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	struct ntp *n;
	int rc;

	if (!setup->options || !setup->options[0])
		return error_set(err, -EINVAL, "ntp: no server is named; write --ntp SERVER[:PORT]");
	ntp_address_name(setup->options, traits->name);
	n = calloc(1, sizeof(*n));
	if (!n)
		return error_set(err, -ENOMEM, "out of memory");
	n->tsc_hz = setup->tsc_hz;
	rc = ntp_connect(n, traits->name, setup->options, err);
	if (rc) {
		free(n);
		return rc;
	}
	rc = ntp_try(n, err);
	if (rc) {
		ntp_close(n);
		return rc;
	}
	traits->interval_min_ns = n->gap_ns == PRIVATE_GAP_NS ? PRIVATE_GAP_NS : BURST_GAP_NS;
	traits->own_machine = traits->steered = n->own_machine;
	traits->state = n;
	return 0;
}

const struct clock_reader clock_ntp = {
	.name = "ntp",
	.summary = "an NTP server, by SNTP exchanges (--ntp)",
	.options = "ntp:SERVER[:PORT]; IPv6 as [ADDRESS]:PORT; may be named several times",
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_REMOTE,
	.cadence = CADENCE_SLOW,
	.optional = true,
	.several = true,
	.open = ntp_open,
	.read_bracket = ntp_read_bracket,
	.close = ntp_close,
};
