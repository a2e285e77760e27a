/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/net_stamp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/now.h"
#include "probes/posix_clock.h"
#include "probes/tsc.h"

/* TSONLY: the kernel gives back the stamp without the datagram.  ID: numbered from 0 by socket. */
#define STAMP_FLAGS                                                                                          \
	(SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |           \
		SOF_TIMESTAMPING_OPT_TSONLY)

/* Room for a stamp, an extended error with its address, and the packet's destination. */
union control {
	struct cmsghdr align;
	char bytes[512];
};

/* Splits into host and port in place; NULL where it is neither form. */
static char *address_split(char *text, const char **port)
{
	char *colon;

	if (*text == '[') {
		char *end = strchr(++text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return NULL;
		*end = '\0';
		if (end[1])
			*port = end + 2;
		return text;
	}
	colon = strchr(text, ':');
	if (colon && !strchr(colon + 1, ':')) { /* two colons: a bare IPv6 address */
		*colon = '\0';
		*port = colon + 1;
	}
	return text;
}

int net_resolve(const char *text, const char *default_port, struct net_address *found, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_protocol = IPPROTO_UDP }, *list;
	const char *port = default_port;
	char copy[NI_MAXHOST + 16], *host;
	int count = 0, rc;

	if (strlen(text) >= sizeof(copy))
		return error_set(err, -EINVAL, "the address '%.40s...' is too long", text);
	strcpy(copy, text);
	host = address_split(copy, &port);
	if (!host || !*host || !port || !*port)
		return error_set(err, -EINVAL, "'%s' is no address: write HOST:PORT or [IPV6]:PORT", text);
	/* getaddrinfo() takes larger numbers modulo 65536. */
	if (strspn(port, "0123456789") == strlen(port)) {
		hints.ai_flags = AI_NUMERICSERV;
		if (strlen(port) > 5 || atoi(port) > UINT16_MAX)
			return error_set(err, -EINVAL, "'%s': a port is at most %d", text, UINT16_MAX);
	}
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc == EAI_SERVICE)
		return error_set(err, -EINVAL, "'%s': '%s' is no port: write HOST:PORT", text, port);
	if (rc)
		return error_set(err, rc == EAI_SYSTEM ? -errno : -ENOENT,
			"cannot find the address of '%s': %s", text,
			rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (struct addrinfo *entry = list; entry && count < NET_ADDRESSES_MAX; entry = entry->ai_next) {
		if (entry->ai_addrlen > sizeof(found->in6))
			continue;
		memset(&found[count], 0, sizeof(found[count]));
		memcpy(&found[count].any, entry->ai_addr, entry->ai_addrlen);
		found[count++].size = entry->ai_addrlen;
	}
	freeaddrinfo(list);
	if (!count)
		return error_set(err, -EAFNOSUPPORT, "'%s' has no IPv4 or IPv6 address", text);
	return count;
}

void net_address_text(const struct net_address *address, char text[NET_ADDRESS_TEXT])
{
	char host[NET_ADDRESS_TEXT - 10], port[8];

	if (getnameinfo(&address->any, address->size, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM))
		snprintf(text, NET_ADDRESS_TEXT, "?");
	else
		snprintf(text, NET_ADDRESS_TEXT, address->any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
			host, port);
}

/* Numbers restart at 0 where the option is set anew. */
static void stamps_start(struct net_stamp *net)
{
	int without = STAMP_FLAGS, with = STAMP_FLAGS | SOF_TIMESTAMPING_OPT_ID;

	setsockopt(net->fd, SOL_SOCKET, SO_TIMESTAMPING, &without, sizeof(without));
	setsockopt(net->fd, SOL_SOCKET, SO_TIMESTAMPING, &with, sizeof(with));
	net->base_id = net->next_id;
	memset(net->sent, 0, sizeof(net->sent));
}

int net_stamp_open(struct net_stamp *net, const struct net_address *local, const struct net_address *remote,
	struct error *err)
{
	int family = local ? local->any.sa_family : remote ? remote->any.sa_family : AF_INET;
	char text[NET_ADDRESS_TEXT];
	int code, on = 1;

	net->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (net->fd < 0) {
		code = -errno;
		return error_set(err, code, "cannot open a UDP socket: %s", strerror(-code));
	}
	if (family == AF_INET6)
		setsockopt(net->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else
		setsockopt(net->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (local && bind(net->fd, &local->any, local->size)) {
		code = -errno;
		net_address_text(local, text);
		error_set(err, code, "cannot bind to udp %s: %s", text, strerror(-code));
		goto fail;
	}
	if (remote && connect(net->fd, &remote->any, remote->size)) {
		code = -errno;
		net_address_text(remote, text);
		error_set(err, code, "cannot reach udp %s: %s", text, strerror(-code));
		goto fail;
	}
	net->next_id = 0;
	stamps_start(net);
	return 0;
fail:
	net_stamp_close(net);
	return code;
}

void net_stamp_close(struct net_stamp *net)
{
	if (net->fd >= 0)
		close(net->fd);
	net->fd = -1;
}

int net_stamp_local(const struct net_stamp *net, struct net_address *local)
{
	memset(local, 0, sizeof(*local));
	local->size = sizeof(local->in6);
	return getsockname(net->fd, &local->any, &local->size) ? -errno : 0;
}

/* One entry of the error queue: the stamp of a datagram sent.  False where there is none. */
static bool stamps_take_one(struct net_stamp *net)
{
	union control control;
	struct msghdr message = { .msg_control = &control, .msg_controllen = sizeof(control) };
	struct scm_timestamping stamp = { 0 };
	struct sock_extended_err error = { 0 };
	unsigned slot;
	uint32_t id;

	if (recvmsg(net->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING)
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			 (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
			memcpy(&error, CMSG_DATA(c), sizeof(error));
	}
	if (error.ee_origin != SO_EE_ORIGIN_TIMESTAMPING || error.ee_info != SCM_TSTAMP_SND ||
		(stamp.ts[0].tv_sec == 0 && stamp.ts[0].tv_nsec == 0))
		return true;
	id = net->base_id + error.ee_data;
	slot = id % NET_SENT_KEPT;
	net->sent[slot].id = id;
	net->sent[slot].known = true;
	net->sent[slot].ns = (int64_t)timespec_ns(&stamp.ts[0]);
	return true;
}

static void stamps_take(struct net_stamp *net)
{
	for (int i = 0; i < NET_SENT_KEPT && stamps_take_one(net); i++)
		;
}

static int stamp_send(struct net_stamp *net, const struct msghdr *message, uint32_t *id)
{
	ssize_t sent;
	int code;

	do {
		sent = sendmsg(net->fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		net->sent[net->next_id % NET_SENT_KEPT].known = false;
		if (id)
			*id = net->next_id;
		net->next_id++;
		return 0;
	}
	/* Whether the kernel has counted it depends on where it failed: begin to count anew. */
	code = -errno;
	stamps_take(net);
	stamps_start(net);
	return code;
}

int net_stamp_send(
	struct net_stamp *net, const struct net_address *to, const void *data, size_t size, uint32_t *id)
{
	struct iovec part = { (void *)data, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (to) {
		message.msg_name = (void *)&to->any;
		message.msg_namelen = to->size;
	}
	return stamp_send(net, &message, id);
}

int net_stamp_reply(
	struct net_stamp *net, const struct net_datagram *to, const void *data, size_t size, uint32_t *id)
{
	union control control = { 0 };
	struct iovec part = { (void *)data, size };
	struct msghdr message = { .msg_name = (void *)&to->from.any,
		.msg_namelen = to->from.size,
		.msg_iov = &part,
		.msg_iovlen = 1 };
	struct cmsghdr *c = &control.align;

	if (to->to_family == AF_INET) {
		struct in_pktinfo info = { .ipi_spec_dst = to->to.ipi_addr };

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	} else if (to->to_family == AF_INET6) {
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(to->to6));
		memcpy(CMSG_DATA(c), &to->to6, sizeof(to->to6));
		message.msg_controllen = CMSG_SPACE(sizeof(to->to6));
	}
	if (message.msg_controllen)
		message.msg_control = &control;
	return stamp_send(net, &message, id);
}

bool net_stamp_sent(struct net_stamp *net, uint32_t id, int64_t *realtime_ns)
{
	unsigned slot = id % NET_SENT_KEPT;

	if (!net->sent[slot].known)
		stamps_take(net);
	if (!net->sent[slot].known || net->sent[slot].id != id)
		return false;
	*realtime_ns = net->sent[slot].ns;
	return true;
}

static void datagram_describe(struct msghdr *message, struct net_datagram *datagram)
{
	struct scm_timestamping stamp;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			datagram->stamp_ns = (int64_t)timespec_ns(&stamp.ts[0]);
			datagram->stamped = datagram->stamp_ns != 0;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&datagram->to, CMSG_DATA(c), sizeof(datagram->to));
			datagram->to_family = AF_INET;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&datagram->to6, CMSG_DATA(c), sizeof(datagram->to6));
			datagram->to_family = AF_INET6;
		}
	}
}

/* Something may be there: 0.  -ETIMEDOUT or -errno.  A full error queue wakes it too, so that is emptied. */
static int stamp_wait(struct net_stamp *net, uint64_t deadline_ns)
{
	struct pollfd wait = { .fd = net->fd, .events = POLLIN };
	uint64_t now = now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec time = { (time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC) };
	int ready;

	if (left == 0) {
		stamps_take(net); /* a caller with a poll of its own must not be woken by it again */
		return -ETIMEDOUT;
	}
	ready = ppoll(&wait, 1, &time, NULL);
	if (ready < 0)
		return -errno;
	if (wait.revents & POLLERR)
		stamps_take(net);
	return 0;
}

ssize_t net_stamp_receive(
	struct net_stamp *net, void *data, size_t size, struct net_datagram *datagram, uint64_t deadline_ns)
{
	union control control;
	struct iovec part = { data, size };
	struct msghdr message;
	ssize_t length;
	int rc;

	for (;;) {
		memset(datagram, 0, sizeof(*datagram));
		message = (struct msghdr){ .msg_name = &datagram->from.any,
			.msg_namelen = sizeof(datagram->from.in6),
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control) };
		length = recvmsg(net->fd, &message, MSG_DONTWAIT | MSG_TRUNC);
		datagram->tsc = tsc_after();
		if (length >= 0)
			break;
		if (errno != EAGAIN)
			return -errno;
		rc = stamp_wait(net, deadline_ns);
		if (rc)
			return rc;
	}
	datagram->from.size = message.msg_namelen;
	datagram_describe(&message, datagram);
	return length;
}
