/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Answers of NTP servers.  The first 8 bytes are the local time, the next 8 what was asked, the rest is the datagram. */
#include <math.h>

#include "ci/fuzz/fuzz.h"
#include "probes/ntp_packet.h"

static uint64_t number(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now_s, ns, away;
	enum ntp_problem problem;
	struct ntp_reply reply;
	char refid[16];

	if (size < 16)
		return 0;
	now_s = number(data) & ((UINT64_C(1) << 40) - 1);
	problem = ntp_reply_parse(data + 16, size - 16, number(data + 8), &reply);
	if ((problem == NTP_SHORT) != (size - 16 < NTP_PACKET_BYTES) || problem >= NTP_ROUND_TRIP)
		abort();
	ntp_refid_format(&reply, refid, sizeof(refid));
	if (!refid[0] || strlen(refid) > 8)
		abort();
	if (problem != NTP_FINE)
		return 0;
	if (reply.origin != number(data + 8) || reply.stratum < 1 || reply.stratum > 15 || reply.leap == 3 ||
		reply.transmit == 0 || !(ntp_reply_residence_ns(&reply) >= 0) ||
		!(ntp_reply_precision_ns(&reply) > 0) ||
		!(ntp_short_ns(reply.root_delay) / 2 + ntp_short_ns(reply.root_dispersion) < 16.1e9))
		abort();
	if (ntp_reply_unix_ns(&reply, now_s, &ns))
		return 0;
	away = ns / 1000000000 > now_s ? ns / 1000000000 - now_s : now_s - ns / 1000000000;
	if (away > (UINT64_C(1) << 31) + 1)
		abort();
	return 0;
}
