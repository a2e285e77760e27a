/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What holds for every parameter: known, of this version, not given again; then the rule of its name. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parameters_parts.h"
#include "results/text.h"

void say(const struct asked *a, enum parameter_effect effect, const char *format, ...)
{
	va_list args;

	a->verdict->effect = effect;
	va_start(args, format);
	vsnprintf(a->verdict->why, sizeof(a->verdict->why), format, args);
	va_end(args);
	text_clean(a->verdict->why);
}

void say_modern(const struct asked *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(a->verdict->modern, sizeof(a->verdict->modern), format, args);
	va_end(args);
	text_clean(a->verdict->modern);
}

/* A value is one word; that of hpet is a list of them, of which each counts by its begin: arch/x86/kernel/hpet.c. */
static bool value_is(const char *name, const char *text, const char *value)
{
	if (strcmp(name, "hpet"))
		return !strcmp(text, value);
	while (*text) {
		if (!strncmp(text, value, strlen(value)))
			return true;
		text += strcspn(text, ",");
		text += *text == ',';
	}
	return false;
}

static bool given_from(const json_t *facts, size_t place, const char *name, const char *value)
{
	const json_t *parameters = facts_get(facts, "command_line.parameters");

	for (size_t i = place; i < json_array_size(parameters); i++) {
		const json_t *entry = json_array_get(parameters, i);
		const char *its = facts_text(entry, "name"), *text = facts_text(entry, "value");

		if (its && facts_same_parameter(its, name) &&
			(!value || value_is(name, text ? text : "", value)))
			return true;
	}
	return false;
}

bool has_value(const struct asked *a, const char *value)
{
	return value_is(a->name, a->value, value);
}

bool given(const struct asked *a, const char *name, const char *value)
{
	return given_from(a->facts, 0, name, value);
}

bool given_behind(const struct asked *a, const char *name, const char *value)
{
	return given_from(a->facts, a->place + 1, name, value);
}

const char *tsc_forbidden(const struct asked *a)
{
	if (given(a, "tsc", "unstable"))
		return "tsc=unstable";
	if (given(a, "notsc", NULL))
		return "notsc";
	return given(a, "apicpmtimer", NULL) ? "apicpmtimer" : NULL;
}

bool is_x86_64(const json_t *facts)
{
	const char *machine = facts_text(facts, "kernel.machine");

	return machine && !strcmp(machine, "x86_64");
}

static bool is_x86(const char *machine)
{
	return !strcmp(machine, "x86_64") ||
	       (strlen(machine) == 4 && machine[0] == 'i' && !strcmp(machine + 2, "86"));
}

/* init/main.c, print_unknown_bootoptions(): names without a value and then those with one, blanks between. */
#define UNKNOWN_LINE "Unknown kernel command line parameters \""

enum known { KNOWN_NO, KNOWN_YES, KNOWN_OPEN };

static enum known known_to_kernel(const struct asked *a)
{
	const char *line = kernel_log_first(a->facts, UNKNOWN_LINE), *end;
	size_t length = strlen(a->name);

	/* A parameter with a dot belongs to a module that may come later: the kernel does not list it. */
	if (!line || strchr(a->name, '.'))
		return KNOWN_OPEN;
	line = strstr(line, UNKNOWN_LINE) + strlen(UNKNOWN_LINE);
	end = strrchr(line, '"'); /* missing where the line was cut */
	for (const char *word = line; word;) {
		word += strspn(word, " ");
		if (!strncmp(word, a->name, length) && (strchr(" =\"", word[length])))
			return KNOWN_NO;
		word = strchr(word, ' ');
	}
	return end ? KNOWN_YES : KNOWN_OPEN;
}

/* The value is a clocksource: somebody wanted to choose one. */
static bool looks_like_choice(const char *value)
{
	static const char *const sources[] = { "tsc", "hpet", "acpi_pm", "kvm-clock", "jiffies", "pmtmr",
		"pit" };
	size_t i;

	for (i = 0; i < sizeof(sources) / sizeof(*sources) && strcmp(sources[i], value); i++)
		;
	return i < sizeof(sources) / sizeof(*sources);
}

/* A name that is in no table. */
static void judge_stranger(const struct asked *a)
{
	enum known known = known_to_kernel(a);
	size_t length = strlen(a->name);
	/* What the kernel disowns may be guessed at more freely. */
	size_t one = known == KNOWN_NO ? 3 : 5, two = known == KNOWN_NO ? 6 : 8;
	const char *like = known == KNOWN_YES ? NULL
					      : parameter_like(a->name, length >= two	? 2
									: length >= one ? 1
											: 0);
	const char *who = known == KNOWN_NO ? "the kernel says that it does not know it"
					    : "no parameter of timekeeping is called so";

	if (like) {
		say(a, PARAMETER_UNKNOWN, "%s: did you mean %s%s?", who, like, *a->value ? "=" : "");
		say_modern(a, "%s%s%s", like, *a->value ? "=" : "", a->value);
	} else if (known == KNOWN_NO && looks_like_choice(a->value)) {
		say(a, PARAMETER_UNKNOWN, "%s: did you mean clocksource=?", who);
		say_modern(a, "clocksource=%s", strcmp(a->value, "pmtmr") ? a->value : "acpi_pm");
	} else {
		say(a, PARAMETER_NOT_TIME, "%s",
			known == KNOWN_NO ? "the kernel does not know it and leaves it to programs" : "");
	}
}

/* 2.6.18 counts three numbers, later ones two. */
static unsigned series(unsigned version)
{
	return version >= KERNEL(3, 0, 0) ? version - version % 1000 : version;
}

static void version_text(char text[24], unsigned version)
{
	if (version < KERNEL(3, 0, 0))
		snprintf(text, 24, "%u.%u.%u", version / 1000000, version / 1000 % 1000, version % 1000);
	else
		snprintf(text, 24, "%u.%u", version / 1000000, version / 1000 % 1000);
}

/* Of another machine or another version. */
static bool judge_place(const struct asked *a, const struct parameter_row *row)
{
	const char *machine = facts_text(a->facts, "kernel.machine"),
		   *release = facts_text(a->facts, "kernel.release");
	unsigned version = series(kernel_version(a->facts));
	char text[24];

	if (machine && (row->arch ? strcmp(row->arch, machine) : !is_x86(machine))) {
		say(a, PARAMETER_WRONG_ARCH, "kernels for %s know it, this one is for %.32s",
			row->arch ? row->arch : "x86", machine);
		return true;
	}
	if (!version || !((row->since && version < row->since) || (row->until && version > row->until)))
		return false;
	version_text(text, version < row->since ? row->since : row->until);
	say(a, PARAMETER_UNKNOWN, "Linux knows it %s %s, this is %.64s",
		version < row->since ? "from" : "up to", text, release);
	return true;
}

/* Those that can be given several times, each time for something else. */
static bool adds_up(const char *name)
{
	return !strcmp(name, "tsc") || !strcmp(name, "hpet") || !strcmp(name, "clearcpuid") ||
	       !strcmp(name, "acpi");
}

static bool judge_overridden(const struct asked *a)
{
	bool choice = !strcmp(a->name, "clocksource") || !strcmp(a->name, "clock"); /* one and the same */
	bool same = given_behind(a, a->name, adds_up(a->name) ? a->value : NULL);
	const char *again = choice && !same ? a->name[5] ? "clock" : "clocksource" : a->name;

	if (!same && !(choice && given_behind(a, again, NULL)))
		return false;
	say(a, PARAMETER_OVERRIDDEN, "%s is given again later, and the last one counts", again);
	return true;
}

static const struct {
	const char *name;
	parameter_rule *rule;
} rules[] = {
	{ "clocksource", rule_clocksource },
	{ "clock", rule_clock },
	{ "hpet", rule_hpet },
	{ "nohpet", rule_nohpet },
	{ "pmtmr", rule_pmtmr },
	{ "no-kvmclock", rule_no_kvmclock },
	{ "nopv", rule_no_kvmclock },
	{ "no-kvmclock-vsyscall", rule_no_kvmclock_vsyscall },
	{ "acpi", rule_acpi },
	{ "tsc", rule_tsc },
	{ "notsc", rule_notsc },
	{ "apicpmtimer", rule_apicpmtimer },
	{ "tsc_early_khz", rule_tsc_early_khz },
	{ "lpj", rule_lpj },
	{ "divider", rule_divider },
	{ "lapic", rule_lapic },
	{ "clearcpuid", rule_clearcpuid },
	{ "kvm.tsc_tolerance_ppm", rule_tolerance },
	{ "processor.max_cstate", rule_max_cstate },
	{ "intel_idle.max_cstate", rule_intel_max_cstate },
	{ "idle", rule_idle },
	{ "cpuidle.off", rule_cpuidle_off },
	{ "cpufreq.off", rule_cpufreq_off },
	{ "cpufreq.default_governor", rule_governor },
	{ "intel_pstate", rule_pstate },
	{ "amd_pstate", rule_pstate },
	{ "nohz_full", rule_nohz_full },
};

static void judge(const struct asked *a)
{
	const struct parameter_row *any = parameter_row_any(a->name), *row = parameter_row(a->name, a->value);

	if (!any) {
		judge_stranger(a);
		return;
	}
	if (!strcmp(any->name, "nowatchdog")) {
		say(a, PARAMETER_NOT_TIME, "%s", any->meaning);
		return;
	}
	if (judge_place(a, row ? row : any))
		return;
	if (known_to_kernel(a) == KNOWN_NO) {
		say(a, PARAMETER_UNKNOWN, "the kernel says that it does not know it, or not this value");
		return;
	}
	if (judge_overridden(a))
		return;
	say(a, PARAMETER_NOT_KNOWN, "nothing in the state found or in the boot log shows it");
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (facts_same_parameter(rules[i].name, a->name))
			rules[i].rule(a);
	}
}

int parameters_judge(const json_t *facts, struct parameter_verdict **list, size_t *count, struct error *err)
{
	const json_t *parameters = facts_get(facts, "command_line.parameters"), *entry;
	size_t i;

	*count = 0;
	*list = calloc(json_array_size(parameters) + 1, sizeof(**list));
	if (!*list)
		return error_set(err, -ENOMEM, "out of memory");
	json_array_foreach(parameters, i, entry)
	{
		const char *name = facts_text(entry, "name"), *value = facts_text(entry, "value");
		struct parameter_verdict *verdict = &(*list)[*count];
		struct asked a = { facts, i, name, value ? value : "", verdict };

		if (!name)
			continue;
		snprintf(verdict->name, sizeof(verdict->name), "%s", name);
		snprintf(verdict->value, sizeof(verdict->value), "%s", a.value);
		text_clean(verdict->name);
		text_clean(verdict->value);
		judge(&a);
		++*count;
	}
	return 0;
}

const char *parameter_effect_name(enum parameter_effect effect)
{
	static const char *const names[] = {
		[PARAMETER_IN_FORCE] = "in force",
		[PARAMETER_ALIAS] = "deprecated alias",
		[PARAMETER_UNKNOWN] = "unknown",
		[PARAMETER_WRONG_ARCH] = "wrong architecture",
		[PARAMETER_OVERRIDDEN] = "overridden",
		[PARAMETER_DEFAULT] = "already the default",
		[PARAMETER_CONTRADICTED] = "contradicted",
		[PARAMETER_NO_EFFECT] = "without effect",
		[PARAMETER_NOT_TIME] = "not about time",
		[PARAMETER_NOT_KNOWN] = "not known",
	};

	return names[effect];
}

bool parameter_is_inert(const struct parameter_verdict *verdict)
{
	switch (verdict->effect) {
	case PARAMETER_UNKNOWN:
	case PARAMETER_WRONG_ARCH:
	case PARAMETER_OVERRIDDEN:
	case PARAMETER_DEFAULT:
	case PARAMETER_CONTRADICTED:
	case PARAMETER_NO_EFFECT:
		return true;
	default:
		return false;
	}
}

struct parameter_spelled parameter_spelled(const struct parameter_verdict *verdict)
{
	struct parameter_spelled spelled;

	snprintf(spelled.text, sizeof(spelled.text), "%s%s%s", verdict->name, verdict->value[0] ? "=" : "",
		verdict->value);
	return spelled;
}
