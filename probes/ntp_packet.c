/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_packet.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "results/units.h"

#define MODE_CLIENT 3
#define MODE_SERVER 4
#define VERSION	    4
#define LEAP_ALARM  3
#define STRATUM_MAX 15
/* RFC 5905 section 7.2, MAXDISP, and packet() of its appendix A.5.1.1: root delay / 2 + root dispersion. */
#define ROOT_MAX_S 16

#define UNIX_EPOCH_S 2208988800 /* 1970 in seconds since 1900: RFC 5905 figure 4 */
#define SHORT_ONE    65536.0	/* 1 s, 16.16 */
#define LONG_ONE     4294967296.0

/* Where the fields stand: RFC 5905 figure 8. */
enum {
	AT_FLAGS,
	AT_STRATUM,
	AT_POLL,
	AT_PRECISION,
	AT_ROOT_DELAY,
	AT_ROOT_DISPERSION = 8,
	AT_REFID = 12,
	AT_ORIGIN = 24,
	AT_RECEIVE = 32,
	AT_TRANSMIT = 40
};

static uint64_t get_number(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

void ntp_request_make(uint64_t asked, uint8_t packet[NTP_PACKET_BYTES])
{
	memset(packet, 0, NTP_PACKET_BYTES);
	packet[AT_FLAGS] = VERSION << 3 | MODE_CLIENT;
	for (int i = 0; i < 8; i++)
		packet[AT_TRANSMIT + i] = (uint8_t)(asked >> (56 - 8 * i));
}

static void reply_read(const uint8_t *data, struct ntp_reply *r)
{
	r->leap = data[AT_FLAGS] >> 6;
	r->version = data[AT_FLAGS] >> 3 & 7;
	r->mode = data[AT_FLAGS] & 7;
	r->stratum = data[AT_STRATUM];
	r->poll = (int8_t)data[AT_POLL];
	r->precision = (int8_t)data[AT_PRECISION];
	r->root_delay = (uint32_t)get_number(data + AT_ROOT_DELAY, 4);
	r->root_dispersion = (uint32_t)get_number(data + AT_ROOT_DISPERSION, 4);
	memcpy(r->refid, data + AT_REFID, 4);
	r->origin = get_number(data + AT_ORIGIN, 8);
	r->receive = get_number(data + AT_RECEIVE, 8);
	r->transmit = get_number(data + AT_TRANSMIT, 8);
}

/*
 * A server that is not synchronised sends stratum 0 for its 16 (RFC 5905 section 7.3), with the alarm:
 * that must not be taken for a kiss.  DENY, RSTR and RATE come with the alarm too.
 */
static enum ntp_problem judge_kiss(const struct ntp_reply *r)
{
	static const struct {
		const char *code;
		enum ntp_problem problem;
	} kisses[] = { { "DENY", NTP_KISS_DENY }, { "RSTR", NTP_KISS_RSTR }, { "RATE", NTP_KISS_RATE } };

	for (size_t i = 0; i < sizeof(kisses) / sizeof(kisses[0]); i++)
		if (memcmp(r->refid, kisses[i].code, 4) == 0)
			return kisses[i].problem;
	return r->leap == LEAP_ALARM ? NTP_ALARM : NTP_KISS_OTHER;
}

enum ntp_problem ntp_reply_parse(const uint8_t *data, size_t size, uint64_t asked, struct ntp_reply *r)
{
	*r = (struct ntp_reply){ 0 };
	if (size < NTP_PACKET_BYTES)
		return NTP_SHORT;
	reply_read(data, r);
	if (r->version < 1 || r->version > VERSION)
		return NTP_VERSION;
	if (r->mode != MODE_SERVER)
		return NTP_MODE;
	/* Before all that a forger would like to be believed. */
	if (r->origin != asked)
		return NTP_ORIGIN;
	if (r->stratum == 0)
		return judge_kiss(r);
	if (r->leap == LEAP_ALARM)
		return NTP_ALARM;
	if (r->stratum > STRATUM_MAX)
		return NTP_STRATUM;
	if ((uint64_t)r->root_delay / 2 + r->root_dispersion >= (uint64_t)(ROOT_MAX_S * SHORT_ONE))
		return NTP_ROOT;
	if (r->transmit == 0 || r->receive == 0)
		return NTP_TRANSMIT;
	/* Modulo 2^64: a residence over the end of an era is a positive one. */
	if ((int64_t)(r->transmit - r->receive) < 0)
		return NTP_RESIDENCE;
	return NTP_FINE;
}

int ntp_reply_unix_ns(const struct ntp_reply *r, uint64_t now_s, uint64_t *ns)
{
	uint64_t middle = r->receive + (r->transmit - r->receive) / 2;
	int64_t now = (int64_t)now_s + UNIX_EPOCH_S; /* s since 1900, no longer modulo anything */
	int64_t away = (int32_t)((uint32_t)(middle >> 32) - (uint32_t)now);
	int64_t unix_s = now + away - UNIX_EPOCH_S;

	if (unix_s < 0 || (uint64_t)unix_s >= UINT64_MAX / NS_PER_SEC)
		return -ERANGE;
	/* Rounded: at most half a ns off. */
	*ns = (uint64_t)unix_s * NS_PER_SEC +
	      (((middle & UINT32_MAX) * NS_PER_SEC + (UINT64_C(1) << 31)) >> 32);
	return 0;
}

double ntp_reply_residence_ns(const struct ntp_reply *r)
{
	return (double)(r->transmit - r->receive) / LONG_ONE * (double)NS_PER_SEC;
}

double ntp_reply_precision_ns(const struct ntp_reply *r)
{
	int exponent = r->precision < -32 ? -32 : r->precision > 0 ? 0 : r->precision;

	return ldexp((double)NS_PER_SEC, exponent);
}

double ntp_short_ns(uint32_t value)
{
	return value / SHORT_ONE * (double)NS_PER_SEC;
}

void ntp_refid_format(const struct ntp_reply *r, char *text, size_t size)
{
	size_t length = 0;

	while (length < 4 && r->refid[length] >= ' ' && r->refid[length] <= '~')
		length++;
	/* Left-justified and padded with NUL (RFC 5905 section 7.3): GPS, PPS, DENY. */
	if (r->stratum <= 1 && length > 0 &&
		(length == 4 || memcmp(r->refid + length, "\0\0\0", 4 - length) == 0))
		snprintf(text, size, "%.4s", r->refid);
	else
		snprintf(text, size, "%08llX", (unsigned long long)get_number((const uint8_t *)r->refid, 4));
}
