/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Parameters of the TSC and of delays that are counted with it: Linux arch/x86/kernel/tsc.c, init/calibrate.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parameters_parts.h"

/* 1: yes, 0: no, -1: not known. */
static int tsc_offered(const json_t *facts)
{
	if (!facts_get(facts, "clocksource.available"))
		return -1;
	return facts_has_word(facts, "clocksource.available", "tsc");
}

static const char *marked_unstable(const json_t *facts)
{
	return kernel_log_first(facts, "Marking TSC unstable");
}

static void forbid(const struct asked *a, enum parameter_effect worked)
{
	const char *current = facts_text(a->facts, "clocksource.current"),
		   *line = kernel_log_first(a->facts, "unstable due to boot parameter");

	if (current && !strcmp(current, "tsc"))
		say(a, PARAMETER_NO_EFFECT, "tsc is in use all the same");
	else if (line)
		say(a, worked, "the kernel says: %.140s", line);
	else if (!tsc_offered(a->facts))
		say(a, worked, "tsc is not available");
}

/*
 * Since 4.11 marking the TSC unstable is all that a kernel does that counts on
 * a TSC, as each for x86-64 does; one for older i386 CPUs hides the TSC altogether.
 */
void rule_notsc(const struct asked *a)
{
	unsigned version = kernel_version(a->facts);
	bool same = is_x86_64(a->facts) || kernel_log_first(a->facts, "unstable due to boot parameter");
	char why[180];

	if (!same || (version && version < KERNEL(4, 11, 0))) {
		forbid(a, PARAMETER_IN_FORCE);
		return;
	}
	forbid(a, PARAMETER_ALIAS);
	if (a->verdict->effect != PARAMETER_ALIAS)
		return;
	snprintf(why, sizeof(why), "%.179s", a->verdict->why);
	say(a, PARAMETER_ALIAS, "the same as tsc=unstable: %s", why);
	say_modern(a, "tsc=unstable");
}

void rule_apicpmtimer(const struct asked *a)
{
	forbid(a, PARAMETER_IN_FORCE);
}

/* What else leaves the TSC unwatched, in words; NULL: nothing. */
static const char *unwatched(const struct asked *a, const char *but)
{
	if (strcmp(but, "reliable") && given(a, "tsc", "reliable"))
		return "tsc=reliable";
	if (strcmp(but, "nowatchdog") && given(a, "tsc", "nowatchdog"))
		return "tsc=nowatchdog";
	if (facts_flag(a->facts, "cpu.flags.tsc_reliable") > 0)
		return "the hypervisor or the CPU model (tsc_reliable)";
	return kernel_leaves_tsc_unwatched(a->facts) ? "the kernel's own rule (constant, nonstop, adjustable)"
						     : NULL;
}

static void reliable(const struct asked *a)
{
	const char *line = marked_unstable(a->facts);

	if (line)
		say(a, PARAMETER_NO_EFFECT, "the kernel gave the TSC up all the same: %.140s", line);
	else if (!tsc_offered(a->facts))
		say(a, PARAMETER_NO_EFFECT, "tsc is not available");
	else if (facts_flag(a->facts, "cpu.flags.tsc_reliable") > 0)
		say(a, PARAMETER_DEFAULT, "the hypervisor or the CPU model says so itself (tsc_reliable)");
	else if (tsc_offered(a->facts) > 0)
		say(a, PARAMETER_IN_FORCE, "tsc is available, neither checked at boot nor watched");
}

static void nowatchdog(const struct asked *a)
{
	const char *line = marked_unstable(a->facts), *by = unwatched(a, "nowatchdog");

	if (line)
		say(a, PARAMETER_NO_EFFECT, "a TSC that was given up is not watched: %.140s", line);
	else if (!tsc_offered(a->facts))
		say(a, PARAMETER_NO_EFFECT, "tsc is not available");
	else if (by)
		say(a, PARAMETER_DEFAULT, "the watchdog leaves the TSC alone by %s", by);
	else if (tsc_offered(a->facts) > 0 && facts_get(a->facts, "cpu.flags"))
		say(a, PARAMETER_IN_FORCE, "the watchdog would watch the TSC");
}

static void watchdog(const struct asked *a)
{
	if (given_behind(a, "tsc", "nowatchdog"))
		say(a, PARAMETER_OVERRIDDEN, "tsc=nowatchdog comes later");
	else if (given(a, "tsc", "nowatchdog"))
		say(a, PARAMETER_CONTRADICTED, "tsc=nowatchdog stands before it and wins");
	else if (!tsc_offered(a->facts) || marked_unstable(a->facts))
		say(a, PARAMETER_NO_EFFECT, "the TSC is no clocksource, or was given up");
	else if (!facts_has_word(a->facts, "clocksource.available", "hpet") &&
		 !facts_has_word(a->facts, "clocksource.available", "acpi_pm"))
		say(a, PARAMETER_NO_EFFECT, "neither hpet nor acpi_pm is there to be watched");
	else if (facts_get(a->facts, "cpu.flags"))
		say(a, unwatched(a, "") ? PARAMETER_IN_FORCE : PARAMETER_NO_EFFECT, "the TSC %s",
			unwatched(a, "") ? "is trusted" : "is watched itself");
}

static void recalibrate(const struct asked *a)
{
	const char *line = kernel_log_first(a->facts, "TSC freq recalibrated");

	if (line)
		say(a, PARAMETER_IN_FORCE, "the kernel says: %.140s", line);
	else if (!tsc_offered(a->facts) || marked_unstable(a->facts))
		say(a, PARAMETER_NO_EFFECT, "the TSC is no clocksource, or was given up");
	else if (!facts_flag(a->facts, "cpu.flags.tsc_known_freq"))
		say(a, PARAMETER_DEFAULT, "no CPUID leaf tells the TSC's rate: it is calibrated anyway");
	else if (facts_flag(a->facts, "kernel_log.from_boot") > 0)
		say(a, PARAMETER_NO_EFFECT, "the boot log tells of no recalibration");
}

void rule_tsc(const struct asked *a)
{
	static const char *const values[] = { "reliable", "nowatchdog", "unstable", "recalibrate",
		"watchdog" };
	const char *enemy = tsc_forbidden(a);

	if (!strcmp(a->value, "noirqtime")) {
		say(a, PARAMETER_NOT_TIME, "it is about the accounting of interrupts");
	} else if (!strcmp(a->value, "unstable")) {
		forbid(a, PARAMETER_IN_FORCE);
	} else if (!parameter_row("tsc", a->value)) {
		say(a, PARAMETER_UNKNOWN, "no kernel knows this value of tsc=");
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			if (parameter_edits(a->value, values[i]) <= 2) {
				say(a, PARAMETER_UNKNOWN, "no kernel knows this value: did you mean tsc=%s?",
					values[i]);
				say_modern(a, "tsc=%s", values[i]);
			}
		}
	} else if (enemy) {
		say(a, PARAMETER_CONTRADICTED, "%s takes the TSC away", enemy);
	} else {
		(!strcmp(a->value, "reliable")		  ? reliable
			: !strcmp(a->value, "nowatchdog") ? nowatchdog
			: !strcmp(a->value, "watchdog")	  ? watchdog
							  : recalibrate)(a);
	}
}

/* "tsc: Detected 2500.000 MHz processor", or "... MHz TSC" where the two differ. */
static bool log_mhz(const json_t *facts, const char *before, double *mhz)
{
	const char *line = kernel_log_last(facts, before);

	return line && sscanf(strstr(line, before) + strlen(before), "%lf", mhz) == 1;
}

void rule_tsc_early_khz(const struct asked *a)
{
	double asked = strtod(a->value, NULL) / 1e3, detected, refined;

	if (!log_mhz(a->facts, "tsc: Detected", &detected))
		return;
	if (fabs(detected - asked) > 0.001)
		say(a, PARAMETER_NO_EFFECT, "the kernel took %.3f MHz", detected);
	else if (log_mhz(a->facts, "Refined TSC clocksource calibration:", &refined))
		say(a, PARAMETER_IN_FORCE, "only until the kernel refined it to %.3f MHz", refined);
	else
		say(a, PARAMETER_IN_FORCE, "the kernel took %.3f MHz, and did not refine it", detected);
}

/*
 * "Calibrating delay loop (skipped) preset value.. 4800.00 BogoMIPS (lpj=9600000)": BogoMIPS is lpj * HZ / 500000,
 * and the kernel by itself takes lpj = TSC kHz * 1000 / HZ.
 */
void rule_lpj(const struct asked *a)
{
	const char *line = kernel_log_first(a->facts, "Calibrating delay"), *at;
	unsigned long long lpj, asked = strtoull(a->value, NULL, 10);
	double bogomips, khz, off;

	at = line ? strstr(line, "(lpj=") : NULL;
	if (!at || sscanf(at, "(lpj=%llu", &lpj) != 1 || !lpj)
		return;
	if (lpj != asked || !strstr(line, "preset")) {
		say(a, PARAMETER_NO_EFFECT, "the kernel has lpj=%llu", lpj);
		return;
	}
	for (at = strstr(line, " BogoMIPS"); at && at > line && at[-1] != ' '; at--)
		;
	if (!at || sscanf(at, "%lf", &bogomips) != 1 || !facts_number(a->facts, "tsc.khz", &khz) ||
		khz <= 0) {
		say(a, PARAMETER_IN_FORCE, "the kernel has this value");
		return;
	}
	off = bogomips * 500 / khz - 1;
	if (fabs(off) < 0.005)
		say(a, PARAMETER_DEFAULT, "the kernel calculates the same from the TSC's rate, to 0.5 %%");
	else
		say(a, PARAMETER_IN_FORCE, "%+.1f %% off what the TSC's rate gives: short delays are wrong",
			off * 100);
}

/* A patch of RHEL 5 and of the last releases of RHEL 4. */
void rule_divider(const struct asked *a)
{
	const char *release = facts_text(a->facts, "kernel.release");

	if (release && !strstr(release, ".el5") && !strstr(release, "EL"))
		say(a, PARAMETER_UNKNOWN, "only kernels of RHEL 5 know it, this is %.64s", release);
}

void rule_lapic(const struct asked *a)
{
	int offered = facts_flag(a->facts, "cpuid.tsc_deadline_timer"),
	    used = facts_flag(a->facts, "cpu.flags.tsc_deadline_timer");

	if (strcmp(a->value, "notscdeadline"))
		say(a, PARAMETER_NOT_TIME, "%s", "");
	else if (used > 0)
		say(a, PARAMETER_NO_EFFECT, "the kernel uses the TSC deadline timer");
	else if (!used && offered > 0)
		say(a, PARAMETER_IN_FORCE,
			"the CPU has a TSC deadline timer, and the kernel does not use it");
	else if (!used && !offered)
		say(a, PARAMETER_DEFAULT, "the CPU has no TSC deadline timer");
}

/* By name or by number: Linux arch/x86/include/asm/cpufeatures.h. */
void rule_clearcpuid(const struct asked *a)
{
	static const struct {
		const char *name, *number;
	} flags[] = { { "constant_tsc", "104" }, { "nonstop_tsc", "120" }, { "tsc_reliable", "119" },
		{ "tsc_known_freq", "127" }, { "tsc_adjust", "289" }, { "tsc_deadline_timer", "152" } };
	char path[48], copy[96], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", a->value);
	say(a, PARAMETER_NOT_TIME, "none of these features is about time");
	while ((word = strsep(&rest, ","))) {
		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
			int still;

			if (strcmp(word, flags[i].name) && strcmp(word, flags[i].number))
				continue;
			snprintf(path, sizeof(path), "cpu.flags.%s", flags[i].name);
			still = facts_flag(a->facts, path);
			if (still >= 0)
				say(a, still ? PARAMETER_NO_EFFECT : PARAMETER_IN_FORCE, "%s is %s",
					flags[i].name, still ? "there all the same" : "not there");
			else
				say(a, PARAMETER_NOT_KNOWN, "whether %s is there is not known",
					flags[i].name);
		}
	}
}

/* KVM's own value is 250 (arch/x86/kvm/x86.c). */
void rule_tolerance(const struct asked *a)
{
	double ppm, asked = strtod(a->value, NULL);

	if (!facts_number(a->facts, "kvm_host.tsc_tolerance_ppm", &ppm))
		return;
	if (ppm < asked || ppm > asked)
		say(a, PARAMETER_NO_EFFECT, "it is %.0f", ppm);
	else
		say(a, ppm > 249.5 && ppm < 250.5 ? PARAMETER_DEFAULT : PARAMETER_IN_FORCE, "it is %.0f",
			ppm);
}
