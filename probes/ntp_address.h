/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* SERVER[:PORT] as the user writes it, the address that it stands for, and how often that may be asked. */
#ifndef PROBES_NTP_ADDRESS_H
#define PROBES_NTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "probes/net_stamp.h"
#include "results/clock_info.h"
#include "results/error.h"

/*
 * Splits "192.0.2.1", "192.0.2.1:11123", "time.example.org", "[2001:db8::1]" or "[2001:db8::1]:123"; an IPv6
 * address without a port may stand without brackets.  Returns 0, or -EINVAL with err set.
 */
int ntp_address_split(
	const char *text, char *host, size_t host_size, char *port, size_t port_size, struct error *err);

/*
 * Looks the name up once, for 5 s at most; fills found[NET_ADDRESSES_MAX] and returns how many there are.
 * -EINVAL for what is no server, -ETIMEDOUT, or another -errno for one that is not found.
 */
int ntp_address_resolve(const char *text, struct net_address *found, struct error *err);

/* Neither loopback, nor link-local, nor private (RFC 1918, RFC 3927, RFC 4193, RFC 4291). */
bool ntp_address_is_public(const struct net_address *address);

/*
 * "ntp-" and the server as the user wrote it, without brackets and the port 123: letters, digits, '.', ':' and '-'.
 * What had to be replaced or cut is told apart by a hash at the end.
 */
void ntp_address_name(const char *text, char name[CLOCK_NAME_MAX]);

#endif
