/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* All that can be wrong with an exchange with an NTP server, each with its name. */
#ifndef PROBES_NTP_PROBLEM_H
#define PROBES_NTP_PROBLEM_H

/* In the order in which a reply is looked at. */
enum ntp_problem {
	NTP_FINE,
	NTP_SHORT,	/* fewer than 48 bytes */
	NTP_VERSION,	/* not 1 to 4 */
	NTP_MODE,	/* not an answer of a server */
	NTP_ORIGIN,	/* not the answer to what was asked */
	NTP_KISS_DENY,	/* kiss-o'-death: access denied; it is not asked again */
	NTP_KISS_RSTR,	/* kiss-o'-death: restricted by policy; it is not asked again */
	NTP_KISS_RATE,	/* kiss-o'-death: asked too often; it is asked half as often from then on */
	NTP_ALARM,	/* leap indicator 3: the server is not synchronised */
	NTP_KISS_OTHER, /* stratum 0 with another code */
	NTP_STRATUM,	/* 16 and above: the server is not synchronised */
	NTP_ROOT,	/* root delay and dispersion so large that its time says nothing */
	NTP_TRANSMIT,	/* a timestamp of zero */
	NTP_RESIDENCE,	/* sent before it was received */
	/* Not of a reply, but of an exchange. */
	NTP_ROUND_TRIP,	 /* the server says that it held the request for longer than the whole round trip */
	NTP_TIME,	 /* no time that can be: before 1970 or after 2554 */
	NTP_SILENT,	 /* no answer */
	NTP_LATE,	 /* an answer to an earlier request: dropped */
	NTP_UNREACHABLE, /* ICMP says that nobody listens there, or there is no route */
	NTP_PROBLEMS
};

/* "silent", "kiss-deny", ...: a word for run.json. */
const char *ntp_problem_name(enum ntp_problem problem);
/* What it means, for a line of text: "it does not answer". */
const char *ntp_problem_text(enum ntp_problem problem);

#endif
