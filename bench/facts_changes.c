/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/facts.h"
#include "results/units.h"

struct changes {
	const json_t *before, *after;
	json_t *list;
	bool failed;
};

static void say(struct changes *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct changes *c, const char *format, ...)
{
	va_list args;
	json_t *text;

	va_start(args, format);
	text = json_vsprintf(format, args);
	va_end(args);
	if (json_array_append_new(c->list, text))
		c->failed = true;
}

/* A value as the user reads it; the caller frees it. */
static char *shown(const json_t *value)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value))
		     : value		   ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT)
					   : strdup("not known");

	return text;
}

static void say_changed(struct changes *c, const char *what, const json_t *old, const json_t *new)
{
	char *from, *to;

	if (old == new || (old && new &&json_equal(old, new)))
		return;
	from = shown(old);
	to = shown(new);
	if (from && to)
		say(c, "%s changed from %s to %s", what, from, to);
	else
		c->failed = true;
	free(from);
	free(to);
}

static void compare(struct changes *c, const char *path, const char *what)
{
	say_changed(c, what, facts_get(c->before, path), facts_get(c->after, path));
}

static bool rebooted(struct changes *c)
{
	const char *old = facts_text(c->before, "boot_id"), *new = facts_text(c->after, "boot_id");

	if (!old || !new || !strcmp(old, new))
		return false;
	say(c, "the machine was booted again (boot_id %s, then %s): its clocks started anew", old, new);
	return true;
}

static bool runs(const json_t *facts, const char *name)
{
	const json_t *running = facts_get(facts, "time_daemon.running"), *entry;
	size_t i;

	json_array_foreach(running, i, entry)
	{
		const char *its = facts_text(entry, "name");

		if (its && !strcmp(its, name))
			return true;
	}
	return false;
}

static void compare_daemons(struct changes *c)
{
	const json_t *old = facts_get(c->before, "time_daemon.running");
	const json_t *new = facts_get(c->after, "time_daemon.running"), *entry;
	size_t i;

	if (!old || !new)
		return;
	json_array_foreach(new, i, entry)
	{
		const char *name = facts_text(entry, "name");

		if (name && !runs(c->before, name))
			say(c, "time daemon %s was started", name);
	}
	json_array_foreach(old, i, entry)
	{
		const char *name = facts_text(entry, "name");

		if (name && !runs(c->after, name))
			say(c, "time daemon %s was stopped", name);
	}
}

/*
 * A time daemon at work trims the frequency all the time: that shows in the intervals.  A change is
 * what could turn a verdict: the arithmetic limit, or as much time from the PLL within half a minute.
 */
#define FREQUENCY_MOVE_PPM 0.1
#define PLL_MOVE_NS	   3000.0
/* Its multiplier is good to 0.5 ppb; hosts tell whole kHz. */
#define PVCLOCK_MOVE_PPM 0.01

static void compare_frequency(struct changes *c)
{
	double old, new;

	if (!facts_number(c->before, "adjtimex.freq_ppm", &old) ||
		!facts_number(c->after, "adjtimex.freq_ppm", &new) ||
		!isgreater(fabs(new - old), FREQUENCY_MOVE_PPM))
		return;
	say(c,
		"adjtimex frequency moved by %+.6g ppm, from %+.6g to %+.6g ppm: REALTIME and MONOTONIC "
		"changed their rate"
		" by as much against MONOTONIC_RAW",
		new - old, old, new);
}

static void compare_discipline(struct changes *c)
{
	double old, new;
	int was = facts_flag(c->before, "adjtimex.synchronised"),
	    is = facts_flag(c->after, "adjtimex.synchronised");

	compare_daemons(c);
	compare_frequency(c);
	if (was >= 0 && is >= 0 && was != is)
		say(c, "the kernel clock %s", is ? "became synchronised" : "is no longer synchronised");
	if (facts_number(c->before, "adjtimex.tick_us", &old) &&
		facts_number(c->after, "adjtimex.tick_us", &new) && isgreater(fabs(new - old), 0))
		say(c, "adjtimex tick changed from %.0f to %.0f us: the clock's rate by %+.0f ppm", old, new,
			(new - old) / old * PPM_PER_ONE);
	/* With PLL the kernel works an offset off by itself, at a rate that freq_ppm does not show. */
	if ((facts_has_word(c->before, "adjtimex.status", "PLL") ||
		    facts_has_word(c->after, "adjtimex.status", "PLL")) &&
		facts_number(c->before, "adjtimex.offset_ns", &old) &&
		facts_number(c->after, "adjtimex.offset_ns", &new) && isgreater(fabs(new - old), PLL_MOVE_NS))
		say(c, "the kernel PLL is slewing: its offset went from %.0f to %.0f ns", old, new);
	compare(c, "adjtimex.tai_s", "TAI offset (s)");
}

/* The page may show up only when kvm-clock is first used: that is no change. */
static void compare_pvclock(struct changes *c)
{
	double old, new;

	if (!facts_number(c->before, "tsc.pvclock_khz", &old) ||
		!facts_number(c->after, "tsc.pvclock_khz", &new) || !(old > 0) ||
		fabs(new / old - 1) * PPM_PER_ONE < PVCLOCK_MOVE_PPM)
		return;
	say(c,
		"KVM's pvclock takes the TSC for %.3f MHz, took it for %.3f MHz: the guest has come to "
		"another host",
		new / 1e3, old / 1e3);
}

static void compare_idle(struct changes *c)
{
	const json_t *old = facts_get(c->before, "idle.states"), *new = facts_get(c->after, "idle.states"),
		     *state;
	size_t i;

	compare(c, "idle.driver", "idle driver");
	compare(c, "idle.governor", "idle governor");
	if (json_array_size(old) != json_array_size(new)) {
		say(c, "the number of idle states changed from %zu to %zu", json_array_size(old),
			json_array_size(new));
		return;
	}
	json_array_foreach(new, i, state)
	{
		const char *was = facts_text(json_array_get(old, i), "disabled_on"),
			   *is = facts_text(state, "disabled_on");
		const char *name = facts_text(state, "name");

		if (was && is && strcmp(was, is))
			say(c, "idle state %s: disabled on CPUs \"%s\", was on \"%s\"", name ? name : "?", is,
				was);
	}
}

/* Policies may fold differently after a change, so the whole of the settings is compared. */
static void compare_cpufreq(struct changes *c)
{
	static const char *const settings[] = { "driver", "governor", "min_khz", "max_khz" };
	const json_t *old = facts_get(c->before, "cpufreq.policies"),
		     *new = facts_get(c->after, "cpufreq.policies");

	if (json_array_size(old) != json_array_size(new)) {
		say(c, "cpufreq: %zu different policies, were %zu", json_array_size(new),
			json_array_size(old));
		return;
	}
	for (size_t i = 0; i < json_array_size(new); i++) {
		const json_t *a = json_array_get(old, i), *b = json_array_get(new, i);
		const char *cpus = facts_text(b, "cpus");

		for (size_t k = 0; k < sizeof(settings) / sizeof(*settings); k++) {
			char what[96];

			snprintf(what, sizeof(what), "cpufreq %s of CPUs %.48s", settings[k],
				cpus ? cpus : "?");
			say_changed(c, what, facts_get(a, settings[k]), facts_get(b, settings[k]));
		}
		if (cpus && facts_text(a, "cpus") && strcmp(cpus, facts_text(a, "cpus")))
			say(c, "cpufreq: a policy holds for CPUs %s, held for %s", cpus,
				facts_text(a, "cpus"));
	}
	compare(c, "cpufreq.boost", "cpufreq boost");
	compare(c, "cpufreq.no_turbo", "intel_pstate no_turbo");
}

static void compare_log(struct changes *c, bool own_switches)
{
	const json_t *old = facts_get(c->before, "kernel_log.lines"),
		     *new = facts_get(c->after, "kernel_log.lines"), *line;
	double last = -1, seq;
	size_t i;

	if (!old || !new)
		return;
	if (json_array_size(old))
		facts_number(json_array_get(old, json_array_size(old) - 1), "seq", &last);
	json_array_foreach(new, i, line)
	{
		const char *text = facts_text(line, "text");

		if (own_switches && text && strstr(text, "Switched to clocksource"))
			continue;
		if (text && facts_number(line, "seq", &seq) && seq > last)
			say(c, "new in the kernel log: %s", text);
	}
}

json_t *facts_changes(const json_t *before, const json_t *after, bool own_switches)
{
	struct changes c = { .before = before, .after = after, .list = json_array() };

	/* A new boot has a new log, and a suspend count that starts at 0. */
	if (!rebooted(&c)) {
		compare_log(&c, own_switches);
		compare(&c, "suspend.count", "number of suspends");
	}
	compare_pvclock(&c);
	compare(&c, "clocksource.current", "current clocksource");
	compare(&c, "clocksource.available", "available clocksources");
	compare_discipline(&c);
	compare_idle(&c);
	compare_cpufreq(&c);
	compare(&c, "cpu.online", "CPUs online");
	compare(&c, "cpu.model_name", "CPU model");
	compare(&c, "cpu.microcode", "microcode");
	if (c.failed) {
		json_decref(c.list);
		return NULL;
	}
	return c.list;
}
