/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Findings on what stops a TSC or changes its rate: idle states, frequency scaling, suspend. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/inspect_findings.h"

/*
 * C2 and deeper, as acpi_idle and intel_idle name them ("C2", "C6", "C2_ACPI");
 * "C1", "C1E", "C1_ACPI", "POLL" and the guests' "haltpoll idle" are not.
 */
static bool is_deep(const char *name)
{
	return name && name[0] == 'C' && atoi(name + 1) >= 2;
}

/* The names of the deep states that are enabled on some CPU; how many. */
static size_t deep_states(const json_t *facts, char *names, size_t size)
{
	const json_t *states = facts_get(facts, "idle.states"), *state;
	size_t i, n = 0, used = 0;

	*names = '\0';
	json_array_foreach(states, i, state)
	{
		const char *name = facts_text(state, "name");

		if (!is_deep(name) ||
			(facts_flag(state, "disabled") > 0 && facts_flag(facts, "idle.cpus_differ") <= 0))
			continue;
		if (used < size)
			used += (size_t)snprintf(names + used, size - used, "%s%s", n ? ", " : "", name);
		n++;
	}
	return n;
}

static void idle(const json_t *facts, struct findings *findings)
{
	int nonstop = facts_flag(facts, "cpu.flags.nonstop_tsc");
	const char *driver = facts_text(facts, "idle.driver");
	char names[96];

	if (nonstop > 0)
		finding_add(findings, "tsc-nonstop", FINDING_GOOD,
			"No idle state, however deep, makes the TSC lose time.",
			"The TSC does not stop in idle states (nonstop_tsc)");
	else if (!nonstop && deep_states(facts, names, sizeof(names)))
		finding_add(findings, "tsc-nonstop", FINDING_RISK,
			driver && !strcmp(driver, "intel_idle")
				? "A TSC that stops while the CPU sleeps loses that time. Boot with"
				  " intel_idle.max_cstate=0 processor.max_cstate=1, or keep time with"
				  " another clocksource."
				: "A TSC that stops while the CPU sleeps loses that time. Boot with"
				  " processor.max_cstate=1, or keep time with another clocksource.",
			"The TSC can stop in idle (no nonstop_tsc), and deep states are enabled: %s", names);
	else if (!nonstop)
		finding_add(findings, "tsc-nonstop", FINDING_NOTE,
			facts_flag(facts, "hypervisor.present") > 0
				? "Which idle states stop the TSC is decided on the host: inspect it there."
				: "As long as no state deeper than C1 is enabled, the TSC goes on counting.",
			"The TSC can stop in deep idle states (no nonstop_tsc); none is enabled here");
	if (facts_flag(facts, "idle.cpus_differ") > 0)
		finding_add(findings, "idle-differs", FINDING_NOTE,
			"Readings of one CPU then say little of the others: compare the drift per CPU.",
			"The CPUs differ in the idle states that they may use");
}

static void one_policy(const json_t *facts, const json_t *policy, struct findings *findings)
{
	int constant = facts_flag(facts, "cpu.flags.constant_tsc");
	const char *driver = facts_text(policy, "driver"), *governor = facts_text(policy, "governor");
	const char *cpus = facts_text(policy, "cpus");
	double min, max;

	if (!facts_number(policy, "min_khz", &min) || !facts_number(policy, "max_khz", &max))
		return;
	cpus = cpus ? cpus : "?";
	if (constant > 0 && min < max)
		finding_add(findings, "cpufreq", FINDING_GOOD,
			"The TSC keeps its rate; only the cost of reading a clock follows the frequency.",
			"CPUs %.24s change frequency from %.0f to %.0f MHz (%s, %s), with a constant TSC",
			cpus, min / 1e3, max / 1e3, driver ? driver : "driver not known",
			governor ? governor : "governor not known");
	else if (!constant && min < max)
		finding_add(findings, "cpufreq", FINDING_RISK,
			"Each change of frequency changes the TSC's rate. Hold the frequency: set the"
			" minimum to the highest of scaling_available_frequencies (on RHEL 5, MIN_SPEED and"
			" MAX_SPEED in /etc/sysconfig/cpuspeed).",
			"CPUs %.24s change frequency from %.0f to %.0f MHz (%s, %s), and the TSC is not"
			" constant",
			cpus, min / 1e3, max / 1e3, driver ? driver : "driver not known",
			governor ? governor : "governor not known");
	else if (!constant)
		finding_add(findings, "cpufreq", FINDING_NOTE,
			"While it is held, the TSC keeps its rate. Thermal limits and firmware can still"
			" change it.",
			"CPUs %.24s are held at %.0f MHz, and the TSC is not constant", cpus, max / 1e3);
}

static void suspend(const json_t *facts, struct findings *findings)
{
	double count;
	bool survives = facts_flag(facts, "cpu.flags.nonstop_tsc_s3") > 0;

	if (facts_number(facts, "suspend.count", &count) && count > 0)
		finding_add(findings, "suspend", FINDING_NOTE,
			survives ? "Its TSC goes on in suspend. BOOTTIME is ahead of MONOTONIC by the time"
				   " that it slept."
				 : "The TSC may have started anew each time, and the time slept was"
				   " taken from the RTC, to the second. BOOTTIME is ahead of MONOTONIC"
				   " by it.",
			"This machine was suspended %.0f time%s since it booted", count,
			count == 1 ? "" : "s");
	else if (facts_has_word(facts, "suspend.states", "mem") && !facts_flag(facts, "hypervisor.present"))
		finding_add(findings, "suspend", FINDING_NOTE,
			"Do not suspend it during a run: the TSC may start anew, and the time slept is not"
			" measured.",
			"This machine can be suspended");
}

void findings_power(const json_t *facts, struct findings *findings)
{
	const json_t *policies = facts_get(facts, "cpufreq.policies"), *policy;
	size_t i;

	idle(facts, findings);
	json_array_foreach(policies, i, policy) one_policy(facts, policy, findings);
	suspend(facts, findings);
}
