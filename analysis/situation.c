/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/situation.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/subject.h"
#include "results/facts_get.h"

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

static int both(int a, int b)
{
	return a == 0 || b == 0 ? 0 : a > 0 && b > 0 ? 1 : -1;
}

static int negated(int a)
{
	return a < 0 ? a : !a;
}

/* What is not in the log was not said: 0; -1 where the log's begin is lost, or all of it. */
static int log_is_silent(const json_t *facts)
{
	return facts_get(facts, "kernel_log.lines") && facts_flag(facts, "kernel_log.from_boot") != 0 ? 0
												      : -1;
}

/* A line of the kernel's log that holds the text. */
static int log_says(const json_t *facts, const char *text)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *its = facts_text(line, "text");

		if (its && strstr(its, text))
			return 1;
	}
	return log_is_silent(facts);
}

static int offered(const json_t *facts, const char *clocksource)
{
	if (!facts_get(facts, "clocksource.available"))
		return -1;
	return facts_has_word(facts, "clocksource.available", clocksource);
}

static int by_name(const json_t *facts)
{
	(void)facts;
	return 0;
}

static int in_use(const json_t *facts, const char *clocksource)
{
	const char *current = facts_text(facts, "clocksource.current");

	return current ? is(current, clocksource) : -1;
}

static bool told_to_leave_tsc(const json_t *facts)
{
	char line[4096];

	subject_command_line(facts, line, sizeof(line));
	return parameters_on("notsc", line) || parameters_on("tsc=unstable", line);
}

/* Found by the kernel itself; one that was told to leave the TSC looks no further, and finds nothing. */
static int marked_unstable(const json_t *facts)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	bool told = told_to_leave_tsc(facts);
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *text = facts_text(line, "text");

		if (!text)
			continue;
		if (strstr(text, "unstable due to boot parameter"))
			told = true;
		else if (strstr(text, "Marking TSC unstable") || strstr(text, "Marking clocksource 'tsc"))
			return 1;
	}
	return told ? -1 : log_is_silent(facts);
}

/* The hypervisor tells the kernel its TSC frequency, or CPUID does; else a calibration found it. */
static int calibrated(const json_t *facts)
{
	return both(negated(facts_flag(facts, "cpu.flags.tsc_known_freq")), in_use(facts, "tsc"));
}

static int given_frequency(const json_t *facts)
{
	char line[4096];

	subject_command_line(facts, line, sizeof(line));
	return strncmp(line, "tsc_early_khz=", 14) == 0 || strstr(line, " tsc_early_khz=") != NULL;
}

/* A kernel without the TSC among its clocksources gave it up, and only its log says why. */
static const char *unstable_lacks(const json_t *facts)
{
	return offered(facts, "tsc") == 0 && subject_constant_tsc(facts) > 0 && marked_unstable(facts) < 0 &&
			       !told_to_leave_tsc(facts)
		       ? "kernel_log.lines"
		       : NULL;
}

static int trusted(const json_t *facts)
{
	int rate = both(subject_constant_tsc(facts), facts_flag(facts, "cpu.flags.nonstop_tsc"));

	return both(rate, marked_unstable(facts) <= 0 && offered(facts, "tsc") != 0);
}

static int not_constant(const json_t *facts)
{
	return negated(subject_constant_tsc(facts));
}

/* C2 and deeper: what intel_idle and acpi_idle call "C2", "C6", "C2_ACPI"; not "C1E", "POLL". */
static int deep_idle(const json_t *facts)
{
	const json_t *states = facts_get(facts, "idle.states"), *state;
	size_t i;

	json_array_foreach(states, i, state)
	{
		const char *name = facts_text(state, "name");

		if (name && name[0] == 'C' && atoi(name + 1) >= 2 && facts_flag(state, "disabled") <= 0)
			return 1;
	}
	return states ? 0 : is(facts_text(facts, "idle.driver"), "none") ? 0 : -1;
}

static int stops_in_idle(const json_t *facts)
{
	int said = log_says(facts, "TSC halts in idle");

	return said > 0 ? 1 : both(negated(facts_flag(facts, "cpu.flags.nonstop_tsc")), deep_idle(facts));
}

/* A TSC that may stop in deep idle states, of which nobody says whether there are any. */
static const char *idle_lacks(const json_t *facts)
{
	return facts_flag(facts, "cpu.flags.nonstop_tsc") == 0 && stops_in_idle(facts) < 0 ? "idle.states"
											   : NULL;
}

static int unsynchronized(const json_t *facts)
{
	return log_says(facts, "TSCs unsynchronized");
}

static int changes_frequency(const json_t *facts)
{
	const json_t *policies = facts_get(facts, "cpufreq.policies"), *policy;
	bool moves = false;
	size_t i;

	json_array_foreach(policies, i, policy)
	{
		double min, max;

		moves |= facts_number(policy, "min_khz", &min) && facts_number(policy, "max_khz", &max) &&
			 min < max;
	}
	return policies ? both(negated(subject_constant_tsc(facts)), moves) : -1;
}

static int revision_f(const json_t *facts)
{
	return facts_flag(facts, "cpu.amd_revision_f");
}

/* The host's stable bit: without it each reading is guarded against steps back between CPUs. */
static int bad_kvm_clock(const json_t *facts)
{
	return both(subject_pvclock(facts), negated(facts_flag(facts, "cpuid.kvm.clocksource_stable")));
}

static int kvm_clock_in_use(const json_t *facts)
{
	return in_use(facts, "kvm-clock");
}

static int guest_is_host(const json_t *facts)
{
	return both(subject_has_hypervisor(facts),
		both(facts_flag(facts, "kvm_host.module"), facts_flag(facts, "kvm_host.device")));
}

static int migratable(const json_t *facts)
{
	return both(subject_has_hypervisor(facts), negated(facts_flag(facts, "cpuid.invariant_tsc")));
}

static int slow_clock(const json_t *facts)
{
	const char *current = facts_text(facts, "clocksource.current");

	if (!current)
		return -1;
	return is(current, "hpet") || is(current, "acpi_pm") || is(current, "hyperv_clocksource_msr");
}

static int counts_ticks(const json_t *facts)
{
	const char *current = facts_text(facts, "clocksource.current");

	if (!current)
		return -1;
	return is(current, "jiffies") || is(current, "refined-jiffies") || is(current, "pit");
}

static int has_hpet(const json_t *facts)
{
	return offered(facts, "hpet");
}

static int has_acpi_pm(const json_t *facts)
{
	return offered(facts, "acpi_pm");
}

static int has_tsc(const json_t *facts)
{
	return offered(facts, "tsc");
}

static int tsc_in_use(const json_t *facts)
{
	return in_use(facts, "tsc");
}

static int has_intel_idle(const json_t *facts)
{
	const char *driver = facts_text(facts, "idle.driver");

	return driver ? is(driver, "intel_idle") : -1;
}

static int pairs_with_host(const json_t *facts)
{
	const json_t *ptp = facts_get(facts, "ptp"), *entry;
	size_t i;

	json_array_foreach(ptp, i, entry)
	{
		const char *name = facts_text(entry, "clock_name");

		if (name && strstr(name, "KVM"))
			return 1;
	}
	return ptp ? 0 : -1;
}

const struct situation situations[] = {
	{ "counts-ticks", true, "The clocksource counts timer interrupts: a lost one is lost time.",
		counts_ticks },
	{ "tsc-rate-given", true,
		"tsc_early_khz= gives the kernel the TSC's rate: a wrong number is a drift of that size.",
		given_frequency },
	{ "tsc-stops-in-idle", true, "Idle states stop this TSC: the time asleep is lost to it.",
		stops_in_idle },
	{ "tsc-unsynchronized", true, "The TSCs of the CPUs differ: the kernel gave the TSC up for it.",
		unsynchronized },
	{ "tsc-marked-unstable", true, "The kernel found the TSC unstable and gave it up.", marked_unstable },
	{ "cpufreq-changes-tsc", true, "The CPU frequency changes, and the TSC is not constant.",
		changes_frequency },
	{ "amd-revision-f", true, "This AMD CPU is of revision F: its TSC follows the frequency of its core.",
		revision_f },
	{ "tsc-not-constant", true,
		"The TSC is not constant: changes of the CPU frequency and deep idle states can change its "
		"rate or stop it.",
		not_constant },
	{ "kvm-clock-unstable", true,
		"The host does not mark its kvm-clock stable: readings can differ from CPU to CPU.",
		bad_kvm_clock },
	{ "tsc-calibrated", true,
		"The TSC's rate was found by a calibration at boot: its error is a steady drift.",
		calibrated },
	{ "slow-clock", false, "The clock in use is emulated: each reading is a system call, and slow.",
		slow_clock },
	{ "migratable", false, "The hypervisor promises no invariant TSC: the guest may be moved.",
		migratable },
	{ "nested", false, "This guest is a KVM host too.", guest_is_host },
	{ "tsc-trusted", false, "The TSC is constant and does not stop in idle states.", trusted },
	{ "kvm-clock-in-use", false, "kvm-clock is in use: it follows the host's clock.", kvm_clock_in_use },
	{ "tsc-in-use", false, "", tsc_in_use },
	{ "deep-idle", false, "", deep_idle },
	{ "has-tsc", false, "", has_tsc },
	{ "has-hpet", false, "", has_hpet },
	{ "has-acpi-pm", false, "", has_acpi_pm },
	{ "has-ptp-kvm", false, "", pairs_with_host },
	{ "intel-idle", false, "", has_intel_idle },
	{ "by-name", false, "", by_name },
	{ 0 },
};

int situation_find(const char *name, size_t length)
{
	for (int i = 0; situations[i].name; i++)
		if (strlen(situations[i].name) == length && memcmp(situations[i].name, name, length) == 0)
			return i;
	return -1;
}

const char *situation_lacks(int situation, const json_t *facts)
{
	if (situations[situation].holds == stops_in_idle)
		return idle_lacks(facts);
	if (situations[situation].holds == marked_unstable)
		return unstable_lacks(facts);
	return NULL;
}
