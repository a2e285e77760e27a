/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Inside of parameters*.c: one parameter that is being judged, and the rules for it. */
#ifndef ANALYSIS_PARAMETERS_PARTS_H
#define ANALYSIS_PARAMETERS_PARTS_H

#include "analysis/kernel.h"
#include "analysis/parameter_table.h"
#include "analysis/parameters.h"
#include "results/facts_get.h"

struct asked {
	const json_t *facts;
	size_t place;		  /* on the command line, from 0 */
	const char *name, *value; /* value "": none */
	struct parameter_verdict *verdict;
};

/* Sets the verdict and its reason. */
void say(const struct asked *a, enum parameter_effect effect, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void say_modern(const struct asked *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* It has that value, or it among others. */
bool has_value(const struct asked *a, const char *value);

/* name=value is on the command line, value NULL: any; behind a place: only later ones. */
bool given(const struct asked *a, const char *name, const char *value);
bool given_behind(const struct asked *a, const char *name, const char *value);

/* Why the TSC is no clocksource by order of the command line: the parameter as it is written, or NULL. */
const char *tsc_forbidden(const struct asked *a);
bool is_x86_64(const json_t *facts);

/* A rule for all parameters of a name; it leaves the verdict alone where it has nothing to say. */
typedef void parameter_rule(const struct asked *a);

parameter_rule rule_clocksource, rule_clock, rule_hpet, rule_nohpet, rule_pmtmr, rule_no_kvmclock,
	rule_no_kvmclock_vsyscall, rule_acpi; /* parameters_clock.c */
parameter_rule rule_tsc, rule_notsc, rule_apicpmtimer, rule_tsc_early_khz, rule_lpj, rule_divider, rule_lapic,
	rule_clearcpuid, rule_tolerance; /* parameters_tsc.c */
parameter_rule rule_max_cstate, rule_intel_max_cstate, rule_idle, rule_cpuidle_off, rule_cpufreq_off,
	rule_governor, rule_pstate, rule_nohz_full; /* parameters_power.c */

#endif
