/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A UDP socket with the kernel's software timestamps, in both directions
 * (SO_TIMESTAMPING; Linux Documentation/networking/timestamping.rst).
 *
 * A transmit stamp is taken when the driver hands the datagram to the hardware,
 * a receive stamp when the driver hands it to the network stack: what system
 * calls, queues in user space and the wake-up of a thread take lies outside.
 * All stamps are CLOCK_REALTIME in ns; probes/stamp_line.h brings them to the
 * TSC.  Where the kernel gives none, a flag says so.
 *
 * The calls do not lock: one thread for each socket.
 */
#ifndef PROBES_NET_STAMP_H
#define PROBES_NET_STAMP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "results/error.h"

#define NET_ADDRESSES_MAX 8
#define NET_ADDRESS_TEXT  64 /* "[v6%scope]:port" and a NUL */
#define NET_SENT_KEPT	  64 /* transmit stamps that a socket remembers */

/* Of IPv4 or IPv6, with the port; what is not used is zero, so two of them can be compared with memcmp(). */
struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t size;
};

struct net_stamp {
	int fd;
	uint32_t next_id; /* of the next datagram sent; never used twice but for its wrap */
	uint32_t base_id; /* the one that the kernel counts as 0 */
	struct {
		uint32_t id;
		bool known;
		int64_t ns;
	} sent[NET_SENT_KEPT]; /* by id modulo its size */
};

/* What net_stamp_receive() tells beside the data. */
struct net_datagram {
	struct net_address from;
	bool stamped;	  /* stamp_ns is the kernel's */
	int64_t stamp_ns; /* of CLOCK_REALTIME */
	uint64_t tsc;	  /* cycles; tsc_after() when the datagram was in user space */
	/* The address of ours that it was sent to, for net_stamp_reply(); AF_UNSPEC: not known. */
	sa_family_t to_family;
	struct in_pktinfo to;
	struct in6_pktinfo to6;
};

/*
 * Looks up "HOST", "HOST:PORT", "[V6]:PORT" or "V6"; default_port NULL: the text must have one.  HOST is a
 * name or a number; names may take the resolver's time, some seconds.  Returns how many were found, at most
 * NET_ADDRESSES_MAX and at least 1, or -errno with err set.
 */
int net_resolve(const char *text, const char *default_port, struct net_address *found, struct error *err);

/* "192.0.2.1:123", "[2001:db8::1]:123". */
void net_address_text(const struct net_address *address, char text[NET_ADDRESS_TEXT]);

/*
 * Opens a socket: bound where local is not NULL (port 0: any), connected where remote is not NULL, so that
 * nobody else's datagrams arrive.  That the kernel refuses timestamps is no error: then nothing is stamped.
 * Returns 0, or -errno with err set and nothing left open.
 */
int net_stamp_open(struct net_stamp *net, const struct net_address *local, const struct net_address *remote,
	struct error *err);
void net_stamp_close(struct net_stamp *net);

/* Where the socket is bound.  0 or -errno. */
int net_stamp_local(const struct net_stamp *net, struct net_address *local);

/*
 * Sends without blocking, to the connected address where `to` is NULL.  *id, where id is not NULL, is what
 * net_stamp_sent() asks for.  Returns 0 or -errno; after a failure the stamps of earlier ones are forgotten.
 */
int net_stamp_send(
	struct net_stamp *net, const struct net_address *to, const void *data, size_t size, uint32_t *id);
/* The same, to where a datagram came from and from the address that it was sent to. */
int net_stamp_reply(
	struct net_stamp *net, const struct net_datagram *to, const void *data, size_t size, uint32_t *id);

/*
 * The kernel's transmit stamp.  Does not block: false where it is not there (yet), or was not one of the last
 * NET_SENT_KEPT.  On most drivers it is there when net_stamp_send() returns; ask after the answer came.
 */
bool net_stamp_sent(struct net_stamp *net, uint32_t id, int64_t *realtime_ns);

/*
 * Waits for a datagram until deadline_ns of CLOCK_MONOTONIC (0: does not wait).  Returns its length, which
 * is more than `size` where it was cut off; -ETIMEDOUT; -EINTR; or another -errno, -ECONNREFUSED where a
 * connected port is closed.
 */
ssize_t net_stamp_receive(
	struct net_stamp *net, void *data, size_t size, struct net_datagram *datagram, uint64_t deadline_ns);

#endif
