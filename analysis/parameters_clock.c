/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Parameters that choose a clocksource or take one away: Linux kernel/time/clocksource.c, arch/x86/kernel/{hpet,kvmclock}.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parameters_parts.h"

/* acpi=force takes back what acpi=off before it did; all others stand beside it: arch/x86/kernel/acpi/boot.c. */
static bool without_acpi(const struct asked *a)
{
	const json_t *parameters = facts_get(a->facts, "command_line.parameters"), *entry;
	bool off = false;
	size_t i;

	json_array_foreach(parameters, i, entry)
	{
		const char *name = facts_text(entry, "name"), *value = facts_text(entry, "value");

		if (name && value && !strcmp(name, "acpi"))
			off = (off || !strcmp(value, "off")) && strcmp(value, "force") != 0;
	}
	return off;
}

/* What forbids that clocksource, in short; NULL: nothing. */
static const char *forbidden(const struct asked *a, const char *source)
{
	if (!strcmp(source, "tsc"))
		return tsc_forbidden(a);
	if (!strcmp(source, "hpet"))
		return given(a, "hpet", "disable") ? "hpet=disable"
		       : given(a, "nohpet", NULL)  ? "nohpet"
						   : NULL;
	if (!strcmp(source, "kvm-clock"))
		return given(a, "no-kvmclock", NULL) ? "no-kvmclock" : given(a, "nopv", NULL) ? "nopv" : NULL;
	if (!strcmp(source, "acpi_pm") && without_acpi(a))
		return "acpi=off";
	return NULL;
}

static void offered(const json_t *facts, char *text, size_t size)
{
	const json_t *available = facts_get(facts, "clocksource.available"), *entry;
	size_t i, used = 0;

	*text = '\0';
	json_array_foreach(available, i, entry)
	{
		if (json_is_string(entry) && used < size)
			used += (size_t)snprintf(
				text + used, size - used, "%s%.24s", i ? " " : "", json_string_value(entry));
	}
}

/* Asked for, and another one is in use. */
static void not_taken(const struct asked *a, const char *source, const char *current)
{
	const char *enemy = forbidden(a, source), *line;
	char text[96], switched[96];

	snprintf(switched, sizeof(switched), "Switched to clocksource %.48s", source);
	offered(a->facts, text, sizeof(text));
	if (enemy)
		say(a, PARAMETER_CONTRADICTED, "%s takes %s away: %.48s is in use", enemy, source, current);
	else if (strcmp(source, "acpi_pm") == 0 && (line = kernel_log_last(a->facts, "PM-Timer ")))
		say(a, PARAMETER_NO_EFFECT, "%.48s is in use; the kernel says: %.140s", current, line);
	else if (*text && !facts_has_word(a->facts, "clocksource.available", source))
		say(a, PARAMETER_NO_EFFECT, "%.48s is not available here (%s): %.48s is in use", source, text,
			current);
	else if ((line = kernel_log_last(a->facts, "Override clocksource")))
		say(a, PARAMETER_NO_EFFECT, "%.48s is in use; the kernel says: %.140s", current, line);
	else if (kernel_log_first(a->facts, switched))
		say(a, PARAMETER_NO_EFFECT, "%.48s was taken at first, and %.48s is in use now", source,
			current);
	else
		say(a, PARAMETER_NO_EFFECT, "%.48s is in use, not %.48s", current, source);
}

/*
 * available_clocksource is in the order of the ratings, the one that the
 * kernel takes by itself first; one that is unstable has fallen to the end.
 */
static void taken(const struct asked *a, const char *source)
{
	const json_t *available = facts_get(a->facts, "clocksource.available");
	const char *best = json_string_value(json_array_get(available, 0));

	if (!best)
		say(a, PARAMETER_IN_FORCE, "%.48s is in use", source);
	else if (!strcmp(best, source))
		say(a, PARAMETER_DEFAULT,
			"%.48s has the highest rating of those available: the kernel takes"
			" it by itself",
			source);
	else
		say(a, PARAMETER_IN_FORCE, "%.48s is in use, and %.48s would be without it", source, best);
}

static void choose(const struct asked *a, const char *source)
{
	const char *current = facts_text(a->facts, "clocksource.current");

	if (!current)
		say(a, PARAMETER_NOT_KNOWN, "which clocksource is in use is not known");
	else if (strcmp(current, source))
		not_taken(a, source, current);
	else
		taken(a, source);
}

void rule_clocksource(const struct asked *a)
{
	choose(a, a->value);
}

/* boot_override_clock(): pmtmr is acpi_pm, any other value is passed on. */
void rule_clock(const struct asked *a)
{
	const char *source = strcmp(a->value, "pmtmr") ? a->value : "acpi_pm";
	unsigned version = kernel_version(a->facts);
	char why[180];

	/* Before there were clocksources i386 had timers of these names, and x86-64 none. */
	if (version && version < KERNEL(2, 6, 18)) {
		if (facts_text(a->facts, "kernel.machine") && is_x86_64(a->facts))
			say(a, PARAMETER_WRONG_ARCH, "before Linux 2.6.18 only i386 knows it");
		return;
	}
	choose(a, source);
	say_modern(a, "clocksource=%.64s", source);
	if (a->verdict->effect != PARAMETER_IN_FORCE && a->verdict->effect != PARAMETER_DEFAULT)
		return;
	snprintf(why, sizeof(why), "%.179s", a->verdict->why);
	say(a, PARAMETER_ALIAS, "the same as clocksource=%.32s: %s", source, why);
}

/* hpet is no clocksource, or is one, as the parameter asks. */
static void without_hpet(const struct asked *a)
{
	int table = facts_flag(a->facts, "hpet.acpi_table");

	if (!facts_get(a->facts, "clocksource.available"))
		return;
	if (facts_has_word(a->facts, "clocksource.available", "hpet"))
		say(a, PARAMETER_NO_EFFECT, "hpet is available all the same");
	else if (table > 0)
		say(a, PARAMETER_IN_FORCE, "the firmware offers an HPET, and the kernel does not use it");
	else if (!table)
		say(a, PARAMETER_DEFAULT, "the firmware offers no HPET");
}

void rule_nohpet(const struct asked *a)
{
	without_hpet(a);
	if (a->verdict->effect == PARAMETER_IN_FORCE)
		say_modern(a, "hpet=disable");
}

void rule_hpet(const struct asked *a)
{
	bool here = facts_has_word(a->facts, "clocksource.available", "hpet");

	if (has_value(a, "disable"))
		without_hpet(a);
	else if (!has_value(a, "force"))
		say(a, PARAMETER_NOT_TIME, "%s", has_value(a, "verbose") ? "it only writes to the log" : "");
	else if (!here && forbidden(a, "hpet"))
		say(a, PARAMETER_CONTRADICTED, "%s wins", forbidden(a, "hpet"));
	else if (here && facts_flag(a->facts, "hpet.acpi_table") > 0)
		say(a, PARAMETER_DEFAULT, "the firmware offers the HPET");
	else if (here)
		say(a, PARAMETER_IN_FORCE, "hpet is available");
	else if (facts_get(a->facts, "clocksource.available"))
		say(a, PARAMETER_NO_EFFECT, "hpet is not available");
}

/* drivers/clocksource/acpi_pm.c, parse_pmtmr(): 0 is none. */
void rule_pmtmr(const struct asked *a)
{
	unsigned long port = strtoul(a->value, NULL, 0);
	bool here = facts_has_word(a->facts, "clocksource.available", "acpi_pm");
	double firmware;

	if (!facts_get(a->facts, "clocksource.available"))
		return;
	if (!port)
		say(a, here ? PARAMETER_NO_EFFECT : PARAMETER_IN_FORCE, "acpi_pm is %savailable",
			here ? "" : "not ");
	else if (!here)
		say(a, PARAMETER_NO_EFFECT, "acpi_pm is not available");
	else if (facts_number(a->facts, "pm_timer.port", &firmware) && (unsigned long)firmware == port)
		say(a, PARAMETER_DEFAULT, "the firmware says the same port");
	else
		say(a, PARAMETER_IN_FORCE, "acpi_pm is available");
}

void rule_no_kvmclock(const struct asked *a)
{
	int one = facts_flag(a->facts, "cpuid.kvm.clocksource"),
	    two = facts_flag(a->facts, "cpuid.kvm.clocksource2");
	const char *name = facts_text(a->facts, "hypervisor.name");

	if (facts_has_word(a->facts, "clocksource.available", "kvm-clock"))
		say(a, PARAMETER_NO_EFFECT, "kvm-clock is available all the same");
	else if (one > 0 || two > 0)
		say(a, PARAMETER_IN_FORCE, "KVM offers kvm-clock, and the kernel does not use it");
	else if ((!one && !two) || !facts_flag(a->facts, "hypervisor.present") ||
		 (name && strcmp(name, "KVM")))
		say(a, PARAMETER_DEFAULT, "no hypervisor offers kvm-clock here");
}

void rule_no_kvmclock_vsyscall(const struct asked *a)
{
	const char *current = facts_text(a->facts, "clocksource.current");

	if (current && strcmp(current, "kvm-clock"))
		say(a, PARAMETER_NO_EFFECT, "%.48s is in use, not kvm-clock", current);
}

void rule_acpi(const struct asked *a)
{
	if (strcmp(a->value, "off"))
		say(a, PARAMETER_NOT_TIME, "%s", "");
	else if (!without_acpi(a))
		say(a, PARAMETER_OVERRIDDEN, "acpi=force is given later");
	else if (facts_has_word(a->facts, "clocksource.available", "acpi_pm"))
		say(a, PARAMETER_NO_EFFECT, "acpi_pm is available all the same");
	else if (facts_get(a->facts, "clocksource.available"))
		say(a, PARAMETER_IN_FORCE, "there is no acpi_pm");
}
