/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The clocks of the host of this guest, or of a guest of this host, over vsock.
 *
 * Messages of fixed size over SOCK_STREAM: vhost-vsock has no datagrams, and
 * SOCK_SEQPACKET needs a newer kernel on both sides.  There are no kernel stamps,
 * so the bracket goes from TSC read to TSC read in user space, narrowed by what
 * the responder took from reading its clocks to sending.  A connection that is out
 * of step or broken is made anew by the next exchange, so the responder may be
 * started again.
 */
#include "probes/peer_vsock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes/now.h"
#include "probes/peer.h"
#include "probes/peer_ask.h"
#include "probes/tsc.h"
#include "results/units.h"

struct vsock {
	int fd; /* -1: not connected */
	int (*connect)(struct vsock *vsock);
	struct sockaddr_vm remote;
	struct peer_ask ask;
};

/* A number of 32 bits that is all of the text. */
static bool number_parse(const char *text, size_t length, unsigned *number)
{
	char digits[11] = "", *end;
	unsigned long long value;

	if (length == 0 || length >= sizeof(digits) || strspn(text, "0123456789") < length)
		return false;
	memcpy(digits, text, length);
	value = strtoull(digits, &end, 10);
	*number = (unsigned)value;
	return value < UINT32_MAX; /* VMADDR_CID_ANY and VMADDR_PORT_ANY are not to be asked */
}

int peer_vsock_parse(const char *text, unsigned default_cid, struct sockaddr_vm *address, struct error *err)
{
	const char *colon = strchr(text, ':'), *port = colon ? colon + 1 : text;
	bool good = colon || default_cid;

	*address = (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = default_cid };
	if (colon)
		good = number_parse(text, (size_t)(colon - text), &address->svm_cid);
	if (!good || !number_parse(port, strlen(port), &address->svm_port))
		return error_set(
			err, -EINVAL, "'%s' is no vsock address: write CID:PORT; CID 2 is the host", text);
	return 0;
}

/* Ready for the events before the deadline: 0, -ETIMEDOUT or -errno. */
static int vsock_wait(const struct vsock *vsock, short events, uint64_t deadline_ns)
{
	struct pollfd wait = { .fd = vsock->fd, .events = events };
	uint64_t now = now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec time = { (time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC) };
	int ready = ppoll(&wait, 1, &time, NULL);

	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	return ready ? 0 : -ETIMEDOUT;
}

static int vsock_connect(struct vsock *vsock)
{
	vsock->fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (vsock->fd < 0)
		return -errno;
	if (connect(vsock->fd, (struct sockaddr *)&vsock->remote, sizeof(vsock->remote)) == 0)
		return 0;
	return errno == EINPROGRESS ? 0 : -errno;
}

static void vsock_disconnect(struct vsock *vsock)
{
	if (vsock->fd >= 0)
		close(vsock->fd);
	vsock->fd = -1;
}

/* Connected before the deadline: 0 or -errno. */
static int vsock_ready(struct vsock *vsock, uint64_t deadline_ns)
{
	socklen_t size = sizeof(int);
	int rc, failed = 0;

	if (vsock->fd >= 0)
		return 0;
	rc = vsock->connect(vsock);
	if (rc == 0)
		rc = vsock_wait(vsock, POLLOUT, deadline_ns);
	if (rc == 0 && getsockopt(vsock->fd, SOL_SOCKET, SO_ERROR, &failed, &size))
		rc = -errno;
	return rc ? rc : -failed;
}

/* All of a message before the deadline: 0 or -errno. */
static int vsock_receive(struct vsock *vsock, uint8_t *message, uint64_t deadline_ns)
{
	size_t have = 0;
	ssize_t size;
	int rc;

	while (have < PEER_MESSAGE_SIZE) {
		size = recv(vsock->fd, message + have, PEER_MESSAGE_SIZE - have, MSG_DONTWAIT);
		if (size == 0)
			return -ECONNRESET;
		if (size < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (size > 0) {
			have += (size_t)size;
			continue;
		}
		rc = vsock_wait(vsock, POLLIN, deadline_ns);
		if (rc)
			return rc;
	}
	return 0;
}

static int vsock_round(
	struct vsock *vsock, enum peer_kind kind, uint64_t deadline_ns, struct peer_round *round)
{
	uint8_t message[PEER_MESSAGE_SIZE];
	int rc;

	peer_ask_write(&vsock->ask, kind, &round->request, message);
	round->tsc_lo = tsc_before();
	if (send(vsock->fd, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(message))
		return -EPIPE;
	rc = vsock_receive(vsock, message, deadline_ns);
	round->tsc_hi = tsc_after();
	if (rc)
		return rc;
	/* One request is under way at a time, and this connection never carried another: it is this one's or bad. */
	return peer_ask_match(&vsock->ask, &round->request, message, sizeof(message), now_ns(), &round->reply)
		       ? 0
		       : -EBADMSG;
}

static int vsock_values(struct vsock *vsock, uint64_t deadline_ns, struct peer_round *round)
{
	int rc = vsock_ready(vsock, deadline_ns);

	if (rc == 0 && peer_ask_needs_ticket(&vsock->ask, now_ns()))
		rc = vsock_round(vsock, PEER_TICKET, deadline_ns, round);
	if (rc == 0)
		rc = vsock_round(vsock, PEER_VALUES, deadline_ns, round);
	if (rc) {
		vsock_disconnect(vsock);
		return rc;
	}
	peer_ask_learn(&vsock->ask, round);
	peer_ask_narrow(&vsock->ask, round, round->reply.sending_ns);
	return 0;
}

static int vsock_exchange(void *state, uint64_t *tsc_lo, struct peer_values *values, uint64_t *tsc_hi)
{
	struct peer_round round;
	int rc = vsock_values(state, now_ns() + PEER_EXCHANGE_NS, &round);

	if (rc)
		return rc;
	*tsc_lo = round.tsc_lo;
	*values = round.reply.values;
	*tsc_hi = round.tsc_hi;
	return 0;
}

static void vsock_close(void *state)
{
	struct vsock *vsock = state;

	vsock_disconnect(vsock);
	explicit_bzero(vsock, sizeof(*vsock));
	free(vsock);
}

static int vsock_failure(const struct vsock *vsock, int rc, struct error *err)
{
	unsigned cid = vsock->remote.svm_cid, port = vsock->remote.svm_port;

	if (rc == -EAFNOSUPPORT || rc == -ENODEV || rc == -EADDRNOTAVAIL)
		return error_set(err, rc, "vsock:%u:%u: no vsock here (%s): the guest needs a vsock device",
			cid, port, strerror(-rc));
	return error_set(err, rc,
		"vsock:%u:%u does not answer (%s): does clkdrift serve --vsock run there, %s?", cid, port,
		strerror(-rc), vsock->ask.key ? "with the same key" : "and without a key");
}

static int vsock_open(
	const char *address, const struct clock_setup *setup, struct peer_traits *traits, struct error *err)
{
	struct vsock *vsock = calloc(1, sizeof(*vsock));
	char *copy = strdup(address);
	struct peer_round round;
	const char *options;
	int rc = -ENOMEM;

	if (!vsock || !copy) {
		error_set(err, rc, "peer: out of memory");
		goto out;
	}
	vsock->fd = -1;
	vsock->connect = vsock_connect;
	options = peer_ask_split(copy);
	rc = peer_vsock_parse(copy, 0, &vsock->remote, err);
	if (rc == 0)
		rc = peer_ask_init(&vsock->ask, options, setup->tsc_hz, err);
	if (rc)
		goto out;
	rc = vsock_values(vsock, now_ns() + PEER_OPEN_NS, &round);
	if (rc) {
		vsock_failure(vsock, rc, err);
		goto out;
	}
	*traits = (struct peer_traits){ .tsc_hz = round.reply.tsc_hz,
		.same_host = true,
		.same_kernel = round.reply.same_kernel,
		.state = vsock };
	vsock = NULL;
out:
	free(copy);
	if (vsock)
		vsock_close(vsock);
	return rc;
}

const struct peer_transport peer_vsock = {
	.name = "vsock",
	.summary = "vsock:CID:PORT[:key=FILE], between guest and host: clkdrift serve --vsock there; CID 2: "
		   "the host",
	.open = vsock_open,
	.exchange = vsock_exchange,
	.close = vsock_close,
};
