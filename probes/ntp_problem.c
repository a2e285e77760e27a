/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_problem.h"

static const struct {
	const char *name, *text;
} problems[NTP_PROBLEMS] = {
	[NTP_FINE] = { "fine", "it answers" },
	[NTP_SHORT] = { "short", "its answer is cut short: fewer than 48 bytes" },
	[NTP_VERSION] = { "version", "its answer is of no NTP version from 1 to 4" },
	[NTP_MODE] = { "mode", "its answer is not one of a server (mode 4)" },
	[NTP_ORIGIN] = { "origin", "its answer is not to what was asked (wrong origin timestamp)" },
	[NTP_KISS_DENY] = { "kiss-deny", "it denies access (kiss-o'-death DENY), and is not asked again" },
	[NTP_KISS_RSTR] = { "kiss-rstr",
		"its policy restricts access (kiss-o'-death RSTR), and it is not asked again" },
	[NTP_KISS_RATE] = { "kiss-rate", "it wants to be asked less often (kiss-o'-death RATE)" },
	[NTP_ALARM] = { "alarm", "it is not synchronised (leap indicator 3, alarm)" },
	[NTP_KISS_OTHER] = { "kiss-other", "its stratum is 0 (kiss-o'-death): it gives no time" },
	[NTP_STRATUM] = { "stratum", "it is not synchronised (stratum 16 or above)" },
	[NTP_ROOT] = { "root", "its root delay / 2 + root dispersion is 16 s or more" },
	[NTP_TRANSMIT] = { "transmit", "its answer has a timestamp of zero" },
	[NTP_RESIDENCE] = { "residence", "it says that it answered before it was asked" },
	[NTP_ROUND_TRIP] = { "round-trip",
		"it says that it held the request for longer than the whole round trip took" },
	[NTP_TIME] = { "time", "its time is none that can be: before 1970 or after 2554" },
	[NTP_SILENT] = { "silent", "it does not answer" },
	[NTP_LATE] = { "late", "its answer came late" },
	[NTP_UNREACHABLE] = { "unreachable",
		"it cannot be reached: nobody listens there, or there is no route" },
};

const char *ntp_problem_name(enum ntp_problem problem)
{
	return problems[problem].name;
}

const char *ntp_problem_text(enum ntp_problem problem)
{
	return problems[problem].text;
}
