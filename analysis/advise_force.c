/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Whether what a profile asks for is in force already. */
#include "analysis/advise_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/situation.h"
#include "results/facts_get.h"

#define LPJ_OFF_MAX 0.005 /* a calibration at boot is closer than that; as rule_lpj() of the parameters */

/* The kernel has taken that clocksource already, by itself or because it was told to. */
bool advise_is_current_clocksource(const json_t *facts, const char *parameters)
{
	static const char head[] = "clocksource=";
	const char *current = facts_text(facts, "clocksource.current");

	return current && strncmp(parameters, head, sizeof(head) - 1) == 0 &&
	       strcmp(parameters + sizeof(head) - 1, current) == 0;
}

/* Host settings that the facts can show: with the frequency held nothing is left to do. */
static bool settings_done(const struct question *q, const struct profile *p)
{
	return !p->host_settings[0] || advise_holds(q, "cpufreq-changes-tsc") == 0;
}

/* The command line asks for a timer that is not made from the TSC, and it is in use. */
static bool left_the_tsc(const struct question *q)
{
	static const char *const timers[][2] = { { "hpet", "clocksource=hpet" },
		{ "acpi_pm", "clocksource=acpi_pm" }, { "acpi_pm", "clock=pmtmr" } };
	const char *current = facts_text(q->facts, "clocksource.current");

	for (size_t i = 0; current && i < sizeof(timers) / sizeof(timers[0]); i++)
		if (strcmp(current, timers[i][0]) == 0 &&
			(parameters_on(timers[i][1], q->command_line) ||
				parameters_on("notsc", q->command_line) ||
				parameters_on("tsc=unstable", q->command_line)))
			return true;
	return false;
}

/* The profile sets lpj=, the command line has another number than this kernel's, and that is known. */
static bool has_wrong_lpj(const struct question *q, const struct profile *p)
{
	const double given = command_line_lpj(q->command_line), right = subject_lpj(q->facts);

	return parameters_on("lpj=n", p->parameters) && given > 0 && right > 0 &&
	       fabs(given / right - 1) > LPJ_OFF_MAX;
}

static void say_booted(struct question *q, const struct profile *p)
{
	if (parameters_on("lpj=n", p->parameters) && !(subject_lpj(q->facts) > 0))
		advise_say(&q->advice->reasons,
			"The kernel was booted with the advised parameters; whether lpj=%.0f is its number "
			"was "
			"not checked.",
			command_line_lpj(q->command_line));
	else
		advise_say(&q->advice->reasons, "The kernel was booted with the advised parameters.");
}

/* The clocksource that the profile's parameters ask for; "": none. */
void advise_clocksource(const struct profile *p, char *name, size_t size)
{
	const char *at = strstr(p->parameters, "clocksource=");

	snprintf(name, size, "%s", parameters_on("clock=pmtmr", p->parameters) ? "acpi_pm" : "");
	if (at && (at == p->parameters || at[-1] == ' ')) {
		at += strlen("clocksource=");
		snprintf(name, size, "%.*s", (int)strcspn(at, " "), at);
	}
}

/* What was asked for on the command line may not have been taken: the clocksource in use says so. */
static bool was_not_taken(struct question *q, const struct profile *p)
{
	const char *current = facts_text(q->facts, "clocksource.current");
	char asked[32];

	advise_clocksource(p, asked, sizeof(asked));
	if (!asked[0] || !current || strcmp(asked, current) == 0)
		return false;
	if (parameters_on(p->parameters, q->command_line))
		advise_say(&q->advice->reasons, "%s was asked for on the command line, and %s is in use.",
			p->parameters, current);
	return true;
}

/* Sets whether the profile's parameters are in force here, and says by what that shows. */
void advise_note_force(struct question *q, const struct profile *p)
{
	struct advice *a = q->advice;

	a->in_force = false;
	if (advise_is_current_clocksource(q->facts, p->parameters)) {
		a->in_force = settings_done(q, p);
		advise_say(&a->reasons, "The clocksource in use is the advised one, %s.",
			facts_text(q->facts, "clocksource.current"));
	} else if (has_wrong_lpj(q, p)) {
		advise_say(&a->reasons, "The kernel was booted with lpj=%.0f, but its number is %.0f.",
			command_line_lpj(q->command_line), subject_lpj(q->facts));
	} else if (!was_not_taken(q, p) && parameters_on(p->parameters, q->command_line)) {
		a->in_force = settings_done(q, p);
		say_booted(q, p);
	} else if (strcmp(q->subject.role, "guest") == 0 && left_the_tsc(q)) {
		a->in_force = true;
		advise_say(&a->reasons,
			"The command line has the clocks follow %s, which is not made from the TSC.",
			facts_text(q->facts, "clocksource.current"));
	}
}
