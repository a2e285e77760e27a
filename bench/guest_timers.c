/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/guest_timers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* `parameter` as a whole word of the request's. */
static bool asks_for(const struct candidate_request *request, const char *parameter)
{
	size_t length = strlen(parameter);

	for (const char *at = request->parameters; (at = strstr(at, parameter)) != NULL; at += length)
		if ((at == request->parameters || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

/* From NT 6.0 on, Vista and Server 2008.  A range counts by its end; one that is open or not told has newer ones. */
static bool knows_enlightenments(const char *versions)
{
	const char *dash = strchr(versions, '-'), *end = dash ? dash + 1 : versions;

	return !isdigit((unsigned char)*end) || strtoul(end, NULL, 10) >= 6;
}

struct guest_timers guest_timers(const struct candidate_request *request)
{
	struct guest_timers timers = {
		.windows = strncasecmp(request->guest_os, "windows", 7) == 0,
		.hpet = asks_for(request, "clocksource=hpet"),
		.invtsc = candidate_mentions(request, "invtsc") || asks_for(request, "tsc=reliable") ||
			  asks_for(request, "tsc=nowatchdog") || asks_for(request, "clocksource=tsc"),
		.kvmclock_off =
			asks_for(request, "no-kvmclock") || candidate_mentions(request, "kvmclock=off"),
	};

	timers.enlightened = timers.windows && knows_enlightenments(request->guest_versions);
	if (timers.invtsc && request->tsc_khz > 0)
		timers.tsc_hz = request->tsc_khz * 1000;
	return timers;
}

bool guest_timers_wanted(const struct candidate_request *request)
{
	return strcmp(request->role, "guest") == 0;
}
