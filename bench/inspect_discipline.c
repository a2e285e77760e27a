/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on time daemons and on what adjtimex applies. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/inspect_findings.h"
#include "results/units.h"

#define NTP_LIMIT_PPM 500.0 /* the kernel's MAXFREQ (include/linux/timex.h) */
#define TICK_US	      10000 /* USER_TICK_USEC with USER_HZ 100, as on all of x86 */

/* Those that steer the system clock while they run; the others act when told to. */
static bool steers(const char *name)
{
	static const char *const names[] = { "chronyd", "ntpd", "openntpd", "systemd-timesyncd", "phc2sys",
		"VBoxService" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (name && !strcmp(name, names[i]))
			return true;
	}
	return false;
}

/* Their names, once each, and how many they are. */
static size_t steering(const json_t *facts, char *text, size_t size)
{
	const json_t *running = facts_get(facts, "time_daemon.running"), *entry;
	size_t i, n = 0, used = 0;

	*text = '\0';
	json_array_foreach(running, i, entry)
	{
		const char *name = facts_text(entry, "name");

		if (!steers(name) || strstr(text, name))
			continue;
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", n ? ", " : "", name);
		n++;
	}
	return n;
}

/* Whether processes of others are hidden, so that "none runs" cannot be said. */
static bool processes_hidden(const json_t *facts)
{
	const json_t *unreadable = facts_get(facts, "unreadable"), *entry;
	size_t i;

	json_array_foreach(unreadable, i, entry)
	{
		const char *what = facts_text(entry, "what");

		if (what && !strcmp(what, "/proc/1"))
			return true;
	}
	return false;
}

static void no_daemon(const json_t *facts, struct findings *findings)
{
	bool guest = facts_flag(facts, "hypervisor.present") > 0;

	if (processes_hidden(facts))
		finding_add(findings, "time-daemon", FINDING_NOTE, "Run inspect as root to know.",
			"No time daemon is seen, but processes of other users are hidden");
	else if (facts_flag(facts, "adjtimex.synchronised") > 0)
		finding_add(findings, "time-daemon", FINDING_NOTE,
			"A program that is not known here steers it, or, in a container, the host does.",
			"No time daemon is seen, yet the kernel clock is synchronised");
	else
		finding_add(findings, "time-daemon", FINDING_RISK,
			guest ? "Nothing corrects the clock: it drifts as its oscillator does, and a step"
				" at a migration or a pause stays. NTP should run in the guest and on its"
				" host."
			      : "Nothing corrects the clock: it drifts as its oscillator does, by 50 ppm or"
				" 4 s a day where the crystal is a common one. NTP should run on a host and"
				" in its guests.",
			"No time daemon runs");
}

static void daemon_state(const json_t *facts, struct findings *findings, const char *name)
{
	int synchronised = facts_flag(facts, "adjtimex.synchronised");
	const json_t *servers = facts_get(facts, "time_daemon.servers");
	char names[160];

	finding_words(names, sizeof(names), servers, "name");
	if (synchronised > 0)
		finding_add(findings, "time-daemon", FINDING_GOOD,
			"REALTIME and MONOTONIC are steered: compare with MONOTONIC_RAW to see the"
			" oscillator itself.",
			"%s runs, and the kernel clock is synchronised", name);
	else if (!synchronised)
		finding_add(findings, "time-daemon", FINDING_RISK,
			"Its servers do not answer, or it started just now, or (chrony) the rtcsync"
			" directive is missing. Until then the clock drifts freely.",
			"%s runs, but the kernel clock is not synchronised", name);
	else
		finding_add(findings, "time-daemon", FINDING_NOTE,
			"Ask the daemon: chronyc tracking, ntpq -p, timedatectl.",
			"%s runs; whether it is synchronised is not known", name);
	if (*names)
		finding_add(findings, "time-servers", FINDING_NOTE,
			"They must be reachable from host and guests alike; the drift of what they steer is"
			" that of these servers.",
			"Time servers configured: %.120s", names);
	else if (!strstr(name, "phc2sys") && !strstr(name, "VBoxService"))
		finding_add(findings, "time-servers", FINDING_NOTE,
			"It may use servers that are built in, or come by DHCP: ask the daemon which.",
			"No time server found in the configuration files");
}

static void applied(const json_t *facts, struct findings *findings, size_t steering_n)
{
	double ppm, tick;

	if (facts_number(facts, "adjtimex.freq_ppm", &ppm) && isgreater(fabs(ppm), 0)) {
		bool limit = fabs(ppm) > 0.9 * NTP_LIMIT_PPM;

		finding_add(findings, "adjtimex-frequency", limit ? FINDING_RISK : FINDING_NOTE,
			limit ? "The daemon is at the end of its range of 500 ppm: the clock will drift"
				" beyond it. Find out why the oscillator is that far off."
			: steering_n
				? "That is how far the daemon found the oscillator off; MONOTONIC runs faster"
				  " than MONOTONIC_RAW by it."
				: "Left behind by a daemon that is gone: MONOTONIC runs faster than"
				  " MONOTONIC_RAW by it.",
			"The kernel applies a frequency of %+.3f ppm", ppm);
	}
	if (facts_number(facts, "adjtimex.tick_us", &tick) && isgreater(fabs(tick - TICK_US), 0))
		finding_add(findings, "adjtimex-tick", steering_n ? FINDING_NOTE : FINDING_RISK,
			"It comes on top of the frequency. Unless a daemon needs it, put it back with"
			" adjtimex(8) --tick 10000.",
			"The tick is %.0f us, not %d: %+.0f ppm", tick, TICK_US,
			(tick / TICK_US - 1) * PPM_PER_ONE);
}

void findings_discipline(const json_t *facts, struct findings *findings)
{
	const json_t *running = facts_get(facts, "time_daemon.running");
	char names[128];
	size_t n = steering(facts, names, sizeof(names));

	if (!running)
		finding_add(findings, "time-daemon", FINDING_NOTE,
			"Whether anything corrects the clock is open.",
			"It is not known whether a time daemon runs");
	else if (!n)
		no_daemon(facts, findings);
	else
		daemon_state(facts, findings, names);
	if (n > 1)
		finding_add(findings, "time-daemons", FINDING_RISK,
			"Each undoes what the other does: the clock swings and steps. Keep one. (phc2sys"
			" together with an NTP daemon is right only if timemaster pairs them.)",
			"Several programs steer the clock: %s", names);
	applied(facts, findings, n);
}
