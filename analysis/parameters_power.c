/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Parameters of idle states, frequencies and ticks: Linux drivers/{acpi,idle,cpuidle,cpufreq}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parameters_parts.h"

/* The driver of idle states as a word; NULL: not known. */
static const char *idle_driver(const json_t *facts)
{
	const char *driver = facts_text(facts, "idle.driver");

	return driver && *driver ? driver : NULL;
}

static bool no_idle_driver(const json_t *facts)
{
	const char *driver = idle_driver(facts);

	return driver && !strcmp(driver, "none");
}

/* "C2" is the deepest state: 2; POLL does not count. */
static int deepest(const json_t *facts)
{
	const json_t *states = facts_get(facts, "idle.states"), *state;
	int most = 0;
	size_t i;

	json_array_foreach(states, i, state)
	{
		const char *name = facts_text(state, "name");
		int n = name && name[0] == 'C' ? atoi(name + 1) : 0;

		most = n > most ? n : most;
	}
	return most;
}

/* "ACPI: \_SB_.CPUS.C000: Found 2 idle states": what the firmware offers, before any limit; 5.6 to 6.11 say it. */
static int offered_states(const json_t *facts)
{
	const char *line = kernel_log_first(facts, "idle states"), *at = line ? strstr(line, "Found ") : NULL;

	return at ? atoi(at + strlen("Found ")) : 0;
}

static const char *idle_override(const struct asked *a)
{
	return given(a, "idle", "poll") ? "idle=poll" : given(a, "idle", "halt") ? "idle=halt" : NULL;
}

/* acpi_processor_setup_cpuidle_cx() takes 0 for 1. */
static void limit_acpi(const struct asked *a, int limit)
{
	int have = deepest(a->facts), offered = offered_states(a->facts);

	if (have > limit)
		say(a, PARAMETER_NO_EFFECT, "C%d is offered all the same", have);
	else if (offered > limit)
		say(a, PARAMETER_IN_FORCE, "the firmware offers %d C-states, and C%d is the deepest used",
			offered, have ? have : 1);
	else if (offered)
		say(a, PARAMETER_DEFAULT, "the firmware offers no C-state deeper than C%d", offered);
	else if (have)
		say(a, PARAMETER_NOT_KNOWN,
			"C%d is the deepest state; whether the firmware offers a deeper one is not in the "
			"boot log",
			have);
	else
		say(a, PARAMETER_NO_EFFECT, "no C-states are offered");
}

void rule_max_cstate(const struct asked *a)
{
	const char *driver = idle_driver(a->facts);
	int limit = atoi(a->value);

	if (!driver)
		return;
	if (idle_override(a))
		say(a, PARAMETER_CONTRADICTED, "%s leaves no C-states to be limited", idle_override(a));
	else if (!strcmp(driver, "acpi_idle"))
		limit_acpi(a, limit ? limit : 1);
	else if (!strcmp(driver, "intel_idle"))
		say(a, PARAMETER_NO_EFFECT,
			"intel_idle does not heed it: intel_idle.max_cstate=0 goes with it");
	else if (!strcmp(driver, "none"))
		say(a, PARAMETER_NO_EFFECT, "no driver of C-states is in use");
	else
		say(a, PARAMETER_NO_EFFECT, "acpi_idle heeds it, and %.48s is in use", driver);
}

void rule_intel_max_cstate(const struct asked *a)
{
	const char *driver = idle_driver(a->facts), *vendor = facts_text(a->facts, "cpu.vendor");

	if (!driver)
		return;
	if (vendor && strcmp(vendor, "Intel"))
		say(a, PARAMETER_NO_EFFECT, "this is no Intel CPU");
	else if (atoi(a->value))
		say(a, strcmp(driver, "intel_idle") ? PARAMETER_NO_EFFECT : PARAMETER_NOT_KNOWN,
			strcmp(driver, "intel_idle")
				? "intel_idle is not in use"
				: "how many states there would be without it is not known");
	else if (!strcmp(driver, "intel_idle"))
		say(a, PARAMETER_NO_EFFECT, "intel_idle is in use all the same");
	else if (facts_flag(a->facts, "hypervisor.present") > 0)
		say(a, PARAMETER_NOT_KNOWN, "intel_idle is not in use, as in most guests");
	else
		say(a, PARAMETER_IN_FORCE, "intel_idle is not in use");
}

/* poll and halt leave no driver (acpi_idle: disabled_by_idle_boot_param()). */
void rule_idle(const struct asked *a)
{
	const char *driver = idle_driver(a->facts);
	bool none = no_idle_driver(a->facts);

	if (!strcmp(a->value, "mwait")) {
		if (kernel_version(a->facts) >= KERNEL(3, 9, 0))
			say(a, PARAMETER_UNKNOWN, "it was dropped with Linux 3.9");
	} else if (!strcmp(a->value, "poll") && kernel_log_first(a->facts, "using polling idle threads")) {
		say(a, PARAMETER_IN_FORCE, "the kernel says: using polling idle threads");
	} else if (!strcmp(a->value, "poll") || !strcmp(a->value, "halt")) {
		if (driver)
			say(a, none ? PARAMETER_IN_FORCE : PARAMETER_NO_EFFECT,
				none ? "no driver of idle states is in use" : "%.48s is in use all the same",
				driver);
	} else if (strcmp(a->value, "nomwait")) {
		say(a, PARAMETER_UNKNOWN, "no kernel knows this value: poll, halt or nomwait");
	}
}

void rule_cpuidle_off(const struct asked *a)
{
	const char *driver = idle_driver(a->facts);

	if (atoi(a->value) != 1)
		say(a, PARAMETER_DEFAULT, "cpuidle is on by itself");
	else if (driver)
		say(a, no_idle_driver(a->facts) ? PARAMETER_IN_FORCE : PARAMETER_NO_EFFECT,
			"the driver of idle states is: %.48s", driver);
}

void rule_cpufreq_off(const struct asked *a)
{
	const json_t *policies = facts_get(a->facts, "cpufreq.policies");

	if (json_array_size(policies))
		say(a, PARAMETER_NO_EFFECT, "frequencies are scaled all the same");
	else if (policies)
		say(a, PARAMETER_NOT_KNOWN,
			"no frequency is scaled; whether one would be without it is not known");
}

void rule_governor(const struct asked *a)
{
	const json_t *policies = facts_get(a->facts, "cpufreq.policies"), *policy;
	size_t i;

	if (!policies)
		return;
	if (!json_array_size(policies)) {
		say(a, PARAMETER_NO_EFFECT, "no frequency is scaled here");
		return;
	}
	say(a, PARAMETER_IN_FORCE, "all CPUs have this governor");
	json_array_foreach(policies, i, policy)
	{
		const char *governor = facts_text(policy, "governor");

		if (governor && strcmp(governor, a->value))
			say(a, PARAMETER_NO_EFFECT, "CPUs have the governor %.48s", governor);
	}
}

void rule_pstate(const struct asked *a)
{
	const char *vendor = facts_text(a->facts, "cpu.vendor");
	bool intel = a->name[0] == 'i';

	if (vendor && strcmp(vendor, intel ? "Intel" : "AMD"))
		say(a, PARAMETER_NO_EFFECT, "this is no %s CPU", intel ? "Intel" : "AMD");
}

void rule_nohz_full(const struct asked *a)
{
	const char *line = kernel_log_first(a->facts, "Full dynticks CPUs");

	if (line)
		say(a, PARAMETER_IN_FORCE, "the kernel says: %.140s", line);
}
