/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/responder_net.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/net_answer.h"
#include "probes/net_stamp.h"
#include "probes/now.h"
#include "probes/peer_vsock.h"

#define LOOK_NS		   100000000 /* how often *stop is looked at */
#define TURN_DATAGRAMS	   64	     /* at most, before it is looked at again */
#define ASKERS		   64
#define CONNECTIONS	   16
#define CONNECTION_IDLE_NS (120 * NS_PER_SEC)
#define LOOPBACK	   "127.0.0.1:"

/* The answer that an asker got last, for the transmit stamp of it that the next one tells. */
struct asker {
	struct net_address who;
	uint64_t serial, steps;
	uint32_t id;
};

struct connection {
	int fd; /* -1: free */
	size_t have;
	uint8_t message[PEER_MESSAGE_SIZE];
	uint64_t used_ns;
};

struct responder_net {
	struct net_stamp udp; /* fd -1: none */
	int vsock;	      /* listens; -1: none */
	struct peer_key key;
	struct net_answerer answerer;
	struct asker askers[ASKERS];
	struct connection connections[CONNECTIONS];
	struct responder_net_counters counters;
	char where[NET_ADDRESS_TEXT + 40];
	int port;
	bool reaches_out; /* not this machine alone can ask over UDP */
	pthread_t thread;
	atomic_bool stop;
};

/* Counters have one writer; others may look at any time. */
static void count_up(uint64_t *counter)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static uint64_t counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void responder_net_count(const struct responder_net *r, struct responder_net_counters *counters)
{
	counters->received = 0;
	for (unsigned i = 0; i < PEER_VERDICTS; i++) {
		counters->verdict[i] = counted(&r->counters.verdict[i]);
		counters->received += counters->verdict[i];
	}
	counters->unsent = counted(&r->counters.unsent);
	counters->connections = counted(&r->counters.connections);
	counters->refused = counted(&r->counters.refused);
}

static bool is_loopback(const struct net_address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
	return ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int open_udp(struct responder_net *r, const char *text, struct error *err)
{
	struct net_address found[NET_ADDRESSES_MAX];
	char address[NET_ADDRESS_TEXT + 16], where[NET_ADDRESS_TEXT];
	bool port_only = !strchr(text, ':');
	int rc;

	if (port_only && (!*text || strspn(text, "0123456789") < strlen(text)))
		return error_set(
			err, -EINVAL, "--udp %s: write PORT or ADDRESS:PORT, as 4123 or 0.0.0.0:4123", text);
	if (snprintf(address, sizeof(address), "%s%s", port_only ? LOOPBACK : "", text) >=
		(int)sizeof(address))
		return error_set(err, -EINVAL, "--udp: the address is too long");
	rc = net_resolve(address, NULL, found, err);
	if (rc < 0)
		return rc;
	rc = net_stamp_open(&r->udp, &found[0], NULL, err);
	if (rc)
		return rc;
	rc = net_stamp_local(&r->udp, &found[0]);
	if (rc)
		return error_set(err, rc, "udp: %s", strerror(-rc));
	r->reaches_out = !is_loopback(&found[0]);
	net_address_text(&found[0], where);
	snprintf(r->where, sizeof(r->where), "udp:%s", where);
	r->port = ntohs(found[0].any.sa_family == AF_INET6 ? found[0].in6.sin6_port : found[0].in.sin_port);
	return 0;
}

static int open_vsock(struct responder_net *r, const char *text, struct error *err)
{
	struct sockaddr_vm at;
	size_t used = strlen(r->where);
	int rc = peer_vsock_parse(text, VMADDR_CID_ANY, &at, err);

	if (rc)
		return rc;
	r->vsock = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->vsock < 0 || bind(r->vsock, (struct sockaddr *)&at, sizeof(at)) ||
		listen(r->vsock, CONNECTIONS)) {
		rc = -errno;
		return error_set(err, rc, "cannot listen on vsock %s: %s%s", text, strerror(-rc),
			rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT ? "; on a host try modprobe vhost_vsock"
								    : "");
	}
	if (at.svm_cid == VMADDR_CID_ANY)
		snprintf(
			r->where + used, sizeof(r->where) - used, "%svsock:%u", used ? " " : "", at.svm_port);
	else
		snprintf(r->where + used, sizeof(r->where) - used, "%svsock:%u:%u", used ? " " : "",
			at.svm_cid, at.svm_port);
	return 0;
}

int responder_net_open(
	const struct responder_net_setup *setup, struct responder_net **responder, struct error *err)
{
	struct responder_net *r = calloc(1, sizeof(*r));
	int rc = 0;

	*responder = NULL;
	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->udp.fd = r->vsock = -1;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		r->connections[i].fd = -1;
	if (setup->key)
		rc = peer_key_load(&r->key, setup->key, err);
	if (rc == 0 && setup->udp)
		rc = open_udp(r, setup->udp, err);
	if (rc == 0 && setup->vsock)
		rc = open_vsock(r, setup->vsock, err);
	if (rc) {
		responder_net_close(r);
		return rc;
	}
	net_answerer_init(&r->answerer, setup->tsc_hz, setup->key ? &r->key : NULL);
	*responder = r;
	return 0;
}

const char *responder_net_where(const struct responder_net *r)
{
	return r->where;
}

bool responder_net_reaches_out(const struct responder_net *r)
{
	return r->reaches_out;
}

int responder_net_port(const struct responder_net *r)
{
	return r->port;
}

/* The slot of an asker: two that share one only lose the stamps of each other (FNV-1a). */
static struct asker *find_asker(struct responder_net *r, const struct net_address *who)
{
	const uint8_t *bytes = (const uint8_t *)&who->in6;
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(who->in6); i++)
		hash = (hash ^ bytes[i]) * 16777619U;
	return &r->askers[hash % ASKERS];
}

static void answer_datagram(
	struct responder_net *r, const uint8_t *message, size_t size, const struct net_datagram *datagram)
{
	struct net_answer_stamps stamps = { .received_known = datagram->stamped,
		.received_ns = datagram->stamp_ns };
	struct asker *asker = find_asker(r, &datagram->from);
	struct net_answer answer;
	enum peer_verdict verdict;

	if (memcmp(&asker->who, &datagram->from, sizeof(asker->who)) == 0) {
		stamps.previous_known = net_stamp_sent(&r->udp, asker->id, &stamps.previous_sent_ns);
		stamps.previous_serial = asker->serial;
		stamps.previous_steps = asker->steps;
	}
	verdict = net_answer_make(&r->answerer, message, size, &stamps, &answer);
	if (verdict == PEER_GOOD) {
		asker->who = datagram->from;
		asker->serial = answer.serial;
		asker->steps = answer.steps;
		if (net_stamp_reply(&r->udp, datagram, answer.message, sizeof(answer.message), &asker->id)) {
			count_up(&r->counters.unsent);
			memset(asker, 0, sizeof(*asker));
		}
	}
	count_up(&r->counters.verdict[verdict]);
}

static void serve_udp(struct responder_net *r)
{
	uint8_t message[PEER_MESSAGE_SIZE + 1];
	struct net_datagram datagram;
	ssize_t size;

	for (int i = 0; i < TURN_DATAGRAMS; i++) {
		size = net_stamp_receive(&r->udp, message, sizeof(message), &datagram, 0);
		if (size < 0)
			return;
		answer_datagram(r, message, (size_t)size, &datagram);
	}
}

static void close_connection(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static void accept_connection(struct responder_net *r)
{
	struct connection *c = r->connections, *end = c + CONNECTIONS;
	int fd = accept4(r->vsock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint64_t now = now_ns();

	if (fd < 0)
		return;
	while (c < end && c->fd >= 0 && now - c->used_ns < CONNECTION_IDLE_NS)
		c++;
	if (c == end) {
		close(fd);
		count_up(&r->counters.refused);
		return;
	}
	if (c->fd >= 0)
		close_connection(c);
	*c = (struct connection){ .fd = fd, .used_ns = now };
	count_up(&r->counters.connections);
}

/* A stream that carries anything malformed is out of step, so it ends; one that does not read its answers too. */
static void serve_connection(struct responder_net *r, struct connection *c)
{
	struct net_answer_stamps stamps = { 0 };
	struct net_answer answer;
	enum peer_verdict verdict;
	ssize_t size = recv(c->fd, c->message + c->have, sizeof(c->message) - c->have, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		if (c->have)
			count_up(&r->counters.verdict[PEER_BAD_LENGTH]);
		close_connection(c);
		return;
	}
	c->used_ns = now_ns();
	c->have += (size_t)size;
	if (c->have < sizeof(c->message))
		return;
	c->have = 0;
	verdict = net_answer_make(&r->answerer, c->message, sizeof(c->message), &stamps, &answer);
	if (verdict != PEER_GOOD) {
		close_connection(c);
	} else if (send(c->fd, answer.message, sizeof(answer.message), MSG_DONTWAIT | MSG_NOSIGNAL) !=
		   sizeof(answer.message)) {
		count_up(&r->counters.unsent);
		close_connection(c);
	}
	count_up(&r->counters.verdict[verdict]);
}

int responder_net_run(struct responder_net *r, const atomic_bool *stop, struct error *err)
{
	const struct timespec look = { 0, LOOK_NS };
	struct pollfd polled[2 + CONNECTIONS];

	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		/* poll() passes over negative descriptors. */
		polled[0] = (struct pollfd){ .fd = r->udp.fd, .events = POLLIN };
		polled[1] = (struct pollfd){ .fd = r->vsock, .events = POLLIN };
		for (unsigned i = 0; i < CONNECTIONS; i++)
			polled[2 + i] = (struct pollfd){ .fd = r->connections[i].fd, .events = POLLIN };
		if (ppoll(polled, sizeof(polled) / sizeof(polled[0]), &look, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return error_set(err, -errno, "responder: poll: %s", strerror(errno));
		}
		if (polled[0].revents)
			serve_udp(r);
		for (unsigned i = 0; i < CONNECTIONS; i++)
			if (polled[2 + i].revents)
				serve_connection(r, &r->connections[i]);
		if (polled[1].revents)
			accept_connection(r);
	}
	return 0;
}

static void *responder_main(void *argument)
{
	struct responder_net *r = argument;

	responder_net_run(r, &r->stop, NULL);
	return NULL;
}

int responder_net_start(struct responder_net *r, struct error *err)
{
	sigset_t all, before;
	int rc;

	atomic_store(&r->stop, false);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&r->thread, NULL, responder_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return error_set(err, -rc, "cannot start the thread of the responder: %s", strerror(rc));
	return 0;
}

void responder_net_stop(struct responder_net *r)
{
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
}

void responder_net_close(struct responder_net *r)
{
	if (!r)
		return;
	net_stamp_close(&r->udp);
	if (r->vsock >= 0)
		close(r->vsock);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (r->connections[i].fd >= 0)
			close_connection(&r->connections[i]);
	explicit_bzero(r, sizeof(*r));
	free(r);
}
