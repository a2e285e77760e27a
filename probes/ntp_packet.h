/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * SNTP: one request, one reply, as bytes.  The format is that of RFC 5905
 * section 7.3, what a client checks is that of RFC 4330 section 5.  Pure: no
 * socket and no clock.  Everything that comes from the network is untrusted.
 */
#ifndef PROBES_NTP_PACKET_H
#define PROBES_NTP_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "probes/ntp_problem.h"

#define NTP_PACKET_BYTES 48 /* without extensions and MAC, which are passed over */
#define NTP_PORT	 "123"

struct ntp_reply {
	unsigned leap;	  /* 0 none, 1 and 2 a leap second today, 3 alarm: not synchronised */
	unsigned version; /* 1 to 4 */
	unsigned mode;	  /* 4: a server's answer */
	unsigned stratum; /* 1 has a reference clock, 2 asks one of these ...; 0 and 16: not synchronised */
	int poll;	  /* log2 of seconds between two requests that the server wants */
	int precision;	  /* log2 of seconds, of the server's clock */
	uint32_t root_delay, root_dispersion; /* 16.16 s: to the reference clock and back; its error */
	char refid[5];			      /* four bytes as they came, and a NUL */
	uint64_t origin;		      /* what we sent as transmit */
	uint64_t receive;		      /* T2, 32.32 s since 1900, modulo 2^64 */
	uint64_t transmit;		      /* T3 */
};

/*
 * A request that tells nothing of us: the transmit timestamp, which comes back as the reply's origin,
 * is random bits.
 */
void ntp_request_make(uint64_t asked, uint8_t packet[NTP_PACKET_BYTES]);

/*
 * Reads a reply and says whether it can be used.  asked is what the request held.  *reply is what was
 * read, also of a reply that is refused; zero for NTP_SHORT.
 */
enum ntp_problem ntp_reply_parse(const uint8_t *data, size_t size, uint64_t asked, struct ntp_reply *reply);

/*
 * The time at the middle of the server's residence, T2 to T3, in ns of Unix time.  The era of the 64-bit
 * timestamps is the one that lies within 68 years of now_s (Unix time, s, below 2^40).  0, or -ERANGE for
 * a time before 1970 or after 2554, which 64 bits of ns do not hold.
 */
int ntp_reply_unix_ns(const struct ntp_reply *reply, uint64_t now_s, uint64_t *ns);

/* T3 - T2 in ns; the parser let no negative one through. */
double ntp_reply_residence_ns(const struct ntp_reply *reply);

/* The step of the server's clock in ns, as it says; held to between 2^-32 s and 1 s. */
double ntp_reply_precision_ns(const struct ntp_reply *reply);

/* 16.16 s in ns: 0 to 65536 s. */
double ntp_short_ns(uint32_t value);

/* "DENY" or "GPS" where stratum 0 or 1 says that it is text, else as "C0000201": printable, at most 8 bytes. */
void ntp_refid_format(const struct ntp_reply *reply, char *text, size_t size);

#endif
