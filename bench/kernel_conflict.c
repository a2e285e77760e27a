/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Which kernel parameters cannot stand beside each other (Documentation/admin-guide/kernel-parameters.txt). */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "bench/kernel_line.h"

/*
 * Patterns of fnmatch() with FNM_EXTMATCH, in the kernel's own spelling with '_'.  The first row that fits
 * decides.
 */
static const struct {
	const char *wanted, *there;
	enum conflict conflict;
} conflicts[] = {
	/* Two names of one thing. */
	{ "clocksource=*", "clock=*", CONFLICT_REPLACE },
	{ "clock=*", "clocksource=*", CONFLICT_REPLACE },
	/* Distrusting the TSC and asking for it. */
	{ "notsc", "clock?(source)=tsc", CONFLICT_REPLACE },
	{ "notsc", "tsc=unstable", CONFLICT_NONE },
	{ "notsc", "tsc=*", CONFLICT_REPLACE },
	{ "tsc=unstable", "clock?(source)=tsc", CONFLICT_REPLACE },
	{ "tsc=unstable", "notsc", CONFLICT_NONE },
	{ "tsc=unstable", "tsc=*", CONFLICT_REPLACE },
	{ "tsc=*", "notsc", CONFLICT_REPLACE },
	{ "tsc=*", "tsc=unstable", CONFLICT_REPLACE },
	{ "clock?(source)=tsc", "notsc", CONFLICT_REPLACE },
	{ "clock?(source)=tsc", "tsc=unstable", CONFLICT_REPLACE },
	{ "tsc=watchdog", "tsc=nowatchdog", CONFLICT_REPLACE },
	{ "tsc=nowatchdog", "tsc=watchdog", CONFLICT_REPLACE },
	/* tsc= may be given several times: each sets a flag of its own. */
	{ "tsc=*", "tsc=*", CONFLICT_NONE },
	/* Asking for a clock that is switched off.  hpet= takes a list; pmtmr= is a port, in hexadecimal. */
	{ "clocksource=kvm-clock", "no_kvmclock", CONFLICT_REPLACE },
	{ "no_kvmclock", "clocksource=kvm-clock", CONFLICT_REPLACE },
	{ "clock?(source)=hpet", "hpet=?(*,)disable*", CONFLICT_REPLACE },
	{ "clock?(source)=hpet", "nohpet", CONFLICT_REPLACE },
	{ "hpet=force", "nohpet", CONFLICT_REPLACE },
	{ "hpet=disable", "clock?(source)=hpet", CONFLICT_REPLACE },
	{ "clocksource=acpi_pm", "pmtmr=?(0[xX])+(0)", CONFLICT_REPLACE },
	{ "clock=pmtmr", "pmtmr=?(0[xX])+(0)", CONFLICT_REPLACE },
	/* Not for the clock's sake alone: nopv takes kvm-clock along, apicpmtimer the TSC. */
	{ "clocksource=kvm-clock", "nopv", CONFLICT_REPORT },
	{ "clock?(source)=tsc", "apicpmtimer", CONFLICT_REPORT },
	{ "tsc=!(unstable)", "apicpmtimer", CONFLICT_REPORT },
	{ "clocksource=acpi_pm", "acpi=off", CONFLICT_REPORT },
	{ "clocksource=hpet", "acpi=off", CONFLICT_REPORT },
	{ "clock=pmtmr", "acpi=off", CONFLICT_REPORT },
	{ "processor.max_cstate=*", "acpi=off", CONFLICT_REPORT },
	{ "processor.max_cstate=*", "idle=*", CONFLICT_REPORT },
	{ "intel_idle.max_cstate=*", "idle=*", CONFLICT_REPORT },
};

/* The kernel takes '-' and '_' of a name for the same. */
static char *spelled(const char *word)
{
	char *copy = strdup(word);

	for (char *c = copy; c && *c && *c != '='; c++)
		if (*c == '-')
			*c = '_';
	return copy;
}

static bool one_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return a[length] == '=' && b[strcspn(b, "=")] == '=' && strncmp(a, b, length + 1) == 0;
}

static bool fits(const char *pattern, const char *word)
{
	return fnmatch(pattern, word, FNM_EXTMATCH) == 0;
}

enum conflict parameter_conflict(const char *there, const char *wanted)
{
	char *a = spelled(there), *b = spelled(wanted);
	enum conflict conflict = CONFLICT_NONE;
	bool decided = !a || !b;

	if (!decided && strcmp(a, b) == 0) {
		conflict = CONFLICT_SAME;
		decided = true;
	}
	for (size_t i = 0; !decided && i < sizeof(conflicts) / sizeof(conflicts[0]); i++) {
		if (fits(conflicts[i].wanted, b) && fits(conflicts[i].there, a)) {
			conflict = conflicts[i].conflict;
			decided = true;
		}
	}
	/* One value a name. */
	if (!decided && one_name(a, b))
		conflict = CONFLICT_REPLACE;
	free(a);
	free(b);
	return conflict;
}
