/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/advise.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis/situation.h"
#include "analysis/subject.h"
#include "results/facts_get.h"
#include "results/text.h"

#define COMMAND_LINE_BYTES 4096
#define LPJ_OFF_MAX	   0.005 /* a calibration at boot is closer than that; as rule_lpj() of the parameters */

/* All that the parts below look at. */
struct question {
	const json_t *facts;
	const struct profiles *catalogue;
	const struct advise_evidence *evidence;
	const char *wish;
	struct subject subject;
	char command_line[COMMAND_LINE_BYTES];
	struct advice *advice;
};

const char *evidence_name(enum evidence evidence)
{
	static const char *const names[] = { [EVIDENCE_DOCUMENTED] = "documented",
		[EVIDENCE_LAB] = "measured in a lab",
		[EVIDENCE_HERE] = "measured here" };

	return names[evidence];
}

/* Once only; what finds no room is left out. */
__attribute__((format(printf, 2, 3))) static void say(struct advice_lines *lines, const char *format, ...)
{
	char *text = lines->text[lines->count];
	va_list args;

	if (lines->count == ADVICE_LINES_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(lines->text[0]), format, args);
	va_end(args);
	text_clean(text);
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->text[i], text) == 0)
			return;
	lines->count++;
}

static int holds(const struct question *q, const char *situation)
{
	return situations[situation_find(situation, strlen(situation))].holds(q->facts);
}

/* ---- which profile ---- */

/* What makes one profile a better answer than another; in this order. */
struct rank {
	bool os;	  /* it names the operating system */
	int gravity;	  /* place of its gravest situation; INT_MAX: it has none */
	int situations;	  /* how many it asks for */
	int columns;	  /* how many plain conditions */
	int side_effects; /* fewer are better */
};

static struct rank rank_of(const struct subject *subject, const struct profile *p)
{
	const char *const columns[] = { p->guest_versions, p->kernel, p->arch, p->pvclock,
		p->host_constant_tsc, p->hypervisor };
	struct rank rank = {
		.os = subject_is_os(subject, p), .gravity = INT_MAX, .side_effects = p->side_effects
	};

	for (int i = 0; situations[i].name; i++) {
		if (!profile_has_situation(p, i))
			continue;
		rank.situations++;
		if (rank.gravity == INT_MAX)
			rank.gravity = i;
	}
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		rank.columns += columns[i][0] != '\0';
	return rank;
}

/* Above 0: a is the better one. */
static int rank_compare(const struct rank *a, const struct rank *b)
{
	if (a->os != b->os)
		return a->os - b->os;
	if (a->gravity != b->gravity)
		return a->gravity < b->gravity ? 1 : -1;
	if (a->situations != b->situations)
		return a->situations - b->situations;
	if (a->columns != b->columns)
		return a->columns - b->columns;
	return b->side_effects - a->side_effects;
}

/* The best profile that is for this system.  Of equals the last one is taken: the user's own come last. */
static const struct profile *best_match(const struct question *q)
{
	const struct profile *best = NULL;

	for (size_t i = 0; i < q->catalogue->count; i++) {
		const struct profile *p = &q->catalogue->rows[i];
		struct rank its = rank_of(&q->subject, p), old;
		struct missing missing = { .count = 0 };

		if (subject_match(&q->subject, q->facts, p, &missing) != MATCH_YES)
			continue;
		if (best)
			old = rank_of(&q->subject, best);
		if (!best || rank_compare(&its, &old) >= 0)
			best = p;
	}
	return best;
}

static bool asks(const struct profile *p)
{
	return p->parameters[0] || p->host_settings[0] || p->hypervisor_settings[0];
}

static bool is_for_a_risk(const struct profile *p)
{
	for (int i = 0; situations[i].name; i++)
		if (situations[i].risk && profile_has_situation(p, i))
			return true;
	return asks(p) && (!p->situation[0] || p->host_constant_tsc[0] == 'n');
}

/* A danger that is known, whatever the catalogue has for it. */
static bool any_risk(const struct question *q)
{
	for (int i = 0; situations[i].name; i++)
		if (situations[i].risk && situations[i].holds(q->facts) > 0)
			return true;
	return q->subject.host_constant_tsc == 0 && q->subject.pvclock != 1;
}

/*
 * Could the profile, if more were known, be a better answer with other parameters?  A danger that is only possible
 * keeps no answer back that is for a known one.
 */
static bool is_open(const struct question *q, const struct profile *best, const struct profile *p,
	struct missing *missing)
{
	struct rank its = rank_of(&q->subject, p), old;

	*missing = (struct missing){ .count = 0 };
	if (subject_match(&q->subject, q->facts, p, missing) != MATCH_UNKNOWN)
		return false;
	if (missing->open_danger && (best ? is_for_a_risk(best) : any_risk(q)))
		return false;
	if (!best)
		return true;
	old = rank_of(&q->subject, best);
	return rank_compare(&its, &old) > 0 && strcmp(p->parameters, best->parameters) != 0;
}

/* Which facts could still bring a better profile; those that name this operating system go before others. */
static void find_missing(struct question *q, const struct profile *best)
{
	const struct profiles *c = q->catalogue;
	struct missing missing;
	bool os = false;

	for (size_t i = 0; i < c->count; i++)
		os |= is_open(q, best, &c->rows[i], &missing) && subject_is_os(&q->subject, &c->rows[i]);
	for (size_t i = 0; i < c->count; i++) {
		if (!is_open(q, best, &c->rows[i], &missing) ||
			(os && !subject_is_os(&q->subject, &c->rows[i])))
			continue;
		for (size_t k = 0; k < missing.count; k++)
			say(&q->advice->missing, "%s", missing.keys[k]);
	}
}

/* ---- at risk or not ---- */

/* The kernel has taken that clocksource already, by itself or because it was told to. */
static bool is_current_clocksource(const json_t *facts, const char *parameters)
{
	static const char head[] = "clocksource=";
	const char *current = facts_text(facts, "clocksource.current");

	return current && strncmp(parameters, head, sizeof(head) - 1) == 0 &&
	       strcmp(parameters + sizeof(head) - 1, current) == 0;
}

/* Host settings that the facts can show: with the frequency held nothing is left to do. */
static bool settings_done(const struct question *q, const struct profile *p)
{
	return !p->host_settings[0] || holds(q, "cpufreq-changes-tsc") == 0;
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
		say(&q->advice->reasons,
			"The kernel was booted with the advised parameters; whether lpj=%.0f is its number "
			"was "
			"not checked.",
			command_line_lpj(q->command_line));
	else
		say(&q->advice->reasons, "The kernel was booted with the advised parameters.");
}

/* The clocksource that the profile's parameters ask for; "": none. */
static void advised_clocksource(const struct profile *p, char *name, size_t size)
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

	advised_clocksource(p, asked, sizeof(asked));
	if (!asked[0] || !current || strcmp(asked, current) == 0)
		return false;
	if (parameters_on(p->parameters, q->command_line))
		say(&q->advice->reasons, "%s was asked for on the command line, and %s is in use.",
			p->parameters, current);
	return true;
}

/* Sets whether the profile's parameters are in force here, and says by what that shows. */
static void note_force(struct question *q, const struct profile *p)
{
	struct advice *a = q->advice;

	a->in_force = false;
	if (is_current_clocksource(q->facts, p->parameters)) {
		a->in_force = settings_done(q, p);
		say(&a->reasons, "The clocksource in use is the advised one, %s.",
			facts_text(q->facts, "clocksource.current"));
	} else if (has_wrong_lpj(q, p)) {
		say(&a->reasons, "The kernel was booted with lpj=%.0f, but its number is %.0f.",
			command_line_lpj(q->command_line), subject_lpj(q->facts));
	} else if (!was_not_taken(q, p) && parameters_on(p->parameters, q->command_line)) {
		a->in_force = settings_done(q, p);
		say_booted(q, p);
	} else if (strcmp(q->subject.role, "guest") == 0 && left_the_tsc(q)) {
		a->in_force = true;
		say(&a->reasons, "The command line has the clocks follow %s, which is not made from the TSC.",
			facts_text(q->facts, "clocksource.current"));
	}
}

/* Whether a guest's TSC that is not constant is corrected for; p may be NULL. */
static void pvclock_reason(struct question *q, const struct profile *p)
{
	const struct subject *s = &q->subject;
	const char *current = facts_text(q->facts, "clocksource.current");

	if (s->host_constant_tsc != 0 || strcmp(s->role, "guest") != 0 || s->pvclock < 0 ||
		(p && !p->pvclock[0]))
		return;
	if (!s->pvclock)
		say(&q->advice->reasons, "The guest has no pvclock to correct for it.");
	else if (p && asks(p) && !(current && strcmp(current, "kvm-clock") == 0))
		say(&q->advice->reasons,
			"The guest has a pvclock, which corrects for it where it is in use.");
	else
		say(&q->advice->reasons, "The guest has a pvclock, which corrects for it.");
}

/* What of a kernel that trusts its TSC, or does not offer it, is known beyond the flags of the CPU. */
static void kernel_reason(struct question *q, const struct profile *p)
{
	struct advice_lines *reasons = &q->advice->reasons;

	if (p && profile_has_situation(p, situation_find("tsc-trusted", strlen("tsc-trusted"))) &&
		holds(q, "tsc-marked-unstable") == 0 && facts_flag(q->facts, "kernel_log.from_boot") > 0)
		say(reasons, "The kernel did not complain of it.");
	if (q->subject.host_constant_tsc > 0 && holds(q, "has-tsc") == 0)
		say(reasons,
			"The kernel does not offer the TSC as a clocksource: it gave it up, or was told to.");
}

/* Every bare machine calibrates its TSC, against a clock of its own. */
static bool is_usual(const struct question *q, int situation)
{
	return strcmp(situations[situation].name, "tsc-calibrated") == 0 && strcmp(q->subject.role, "host") == 0;
}

/* What holds and is a danger, or is what the profile was chosen for. */
static void reasons_of(struct question *q, const struct profile *p)
{
	struct advice_lines *reasons = &q->advice->reasons;

	for (int i = 0; situations[i].name; i++) {
		bool chosen = p && profile_has_situation(p, i);

		if (situations[i].meaning[0] && (chosen || situations[i].risk) &&
			situations[i].holds(q->facts) > 0)
			say(is_usual(q, i) && !chosen ? &q->advice->notes : reasons, "%s",
				situations[i].meaning);
	}
	pvclock_reason(q, p);
	kernel_reason(q, p);
}

/* What an answer rests on that no reason was said for; p is the profile that fits, or NULL. */
static void catalogue_reason(struct question *q, const struct profile *p)
{
	const char *source = p && p->source[0] ? p->source : "the catalogue";
	struct advice *a = q->advice;

	if (p && a->at_risk == ADVICE_NO_RISK && !asks(p) && !is_for_a_risk(p))
		say(&a->reasons, "No settings are asked for on such a system (%s).", source);
	if (p && a->at_risk == ADVICE_RISK && is_for_a_risk(p) && !any_risk(q))
		say(&a->reasons,
			"The catalogue has settings for such a system (%s: %s, line %u; source: %s).", p->id,
			p->file, p->line, source);
}

/*
 * A danger that holds though the profile for this system is for none.  Not a TSC that is not constant alone: of such systems
 * the guide has rows that ask for nothing.
 */
static bool has_open_danger(const struct question *q)
{
	for (int i = 0; situations[i].name; i++)
		if (situations[i].risk && strcmp(situations[i].name, "tsc-not-constant") != 0 && !is_usual(q, i) &&
			situations[i].holds(q->facts) > 0)
			return true;
	return false;
}

static enum advice_answer judge(struct question *q, const struct profile *p)
{
	if (!p && any_risk(q)) {
		say(&q->advice->notes, "The catalogue has no profile for this system.");
		return ADVICE_RISK;
	}
	if (!p) {
		say(&q->advice->reasons, "The catalogue has no profile for this system.");
		return ADVICE_NOT_KNOWN;
	}
	note_force(q, p);
	if (!is_for_a_risk(p) && has_open_danger(q)) {
		say(&q->advice->notes, "The catalogue has no parameters against that.");
		return ADVICE_RISK;
	}
	return is_for_a_risk(p) && !q->advice->in_force ? ADVICE_RISK : ADVICE_NO_RISK;
}

/* ---- parameters and notes ---- */

static int fill_parameters(struct question *q, const struct profile *p, struct error *err)
{
	struct advice *a = q->advice;
	int rc = profile_parameters_with_lpj(p, subject_lpj(q->facts), a->parameters, sizeof(a->parameters));

	if (rc == -ENODATA) {
		snprintf(a->parameters, sizeof(a->parameters), "%s", p->parameters);
		say(&a->notes,
			"The n of lpj=n is not known: it is TSC kHz * 1000 / HZ, and stands in the "
			"guest's boot log"
			" (dmesg | grep lpj); in the facts they are tsc.khz and kernel.hz, and the log is "
			"kernel_log.lines.");
		return 0;
	}
	return rc ? error_set(err, rc, "%s: its parameters are too long", p->id) : 0;
}

/* Facts that say both, and which of them stands. */
static void note_contradiction(struct question *q)
{
	const int flag = facts_flag(q->facts, "cpu.flags.constant_tsc"), taken = q->subject.host_constant_tsc;

	if (flag >= 0 && flag != taken)
		say(&q->advice->notes,
			"host.constant_tsc says %s and cpu.flags.constant_tsc %s: host.constant_tsc was "
			"taken.",
			taken ? "yes" : "no", flag ? "yes" : "no");
}

static void note_ntp(struct question *q, const struct profile *p)
{
	const json_t *running = facts_get(q->facts, "time_daemon.running");
	const bool none = json_is_array(running) && !json_array_size(running);

	if (none || (p && (q->subject.host_constant_tsc == 0 || q->advice->at_risk == ADVICE_RISK)))
		say(&q->advice->notes,
			"%sNTP should run on the host and on its guests, with a server that both reach.",
			none ? "No time daemon runs. " : "");
}

/* p may be NULL. */
static void notes_of(struct question *q, const struct profile *p)
{
	struct advice_lines *notes = &q->advice->notes;
	const json_t *lines = facts_get(q->facts, "kernel_log.lines");

	if (p && p->note[0])
		say(notes, "%s", p->note);
	note_contradiction(q);
	note_ntp(q, p);
	if (p && facts_get(q->facts, "unreadable") &&
		(!lines || facts_flag(q->facts, "kernel_log.from_boot") == 0))
		say(notes,
			"The kernel's log could not be read from the boot on: what it said of the TSC is not"
			" known.");
}

/* ---- evidence ---- */

static unsigned count_words(const char *text)
{
	unsigned n = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		text += strcspn(text, " ");
		n++;
	}
	return n;
}

/* The same words, whichever number lpj has. */
static bool same_parameters(const struct profile *p, const char *booted)
{
	return count_words(p->parameters) == count_words(booted) &&
	       (!p->parameters[0] || parameters_on(p->parameters, booted));
}

static const struct evidence_row *row_of(
	const struct advise_evidence *e, const char *configuration, const struct profile *p)
{
	const struct evidence_row *found = NULL;

	for (size_t i = 0; i < e->count; i++) {
		const struct evidence_row *row = &e->rows[i];

		if (strcmp(row->configuration, configuration) != 0)
			continue;
		if (strcmp(row->profile, p->id) == 0)
			return row;
		if (!found && same_parameters(p, row->parameters))
			found = row;
	}
	return found;
}

static const struct evidence_row *recommended(const struct advise_evidence *e, const char *configuration)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->rows[i].recommended && strcmp(e->rows[i].configuration, configuration) == 0)
			return &e->rows[i];
	return NULL;
}

static void quote_row(struct question *q, const struct evidence_row *row)
{
	struct advice *a = q->advice;
	char drift[48] = "", cost[48] = "";

	if (isfinite(row->drift_ppm))
		snprintf(drift, sizeof(drift), ", drift %+.3g ppm", row->drift_ppm);
	if (isfinite(row->read_ns))
		snprintf(cost, sizeof(cost), ", a reading takes %.0f ns", row->read_ns);
	a->evidence = q->evidence->kind;
	snprintf(a->evidence_text, sizeof(a->evidence_text), "%s: %s%s%s%s%s%s%s (%s)",
		evidence_name(a->evidence), row->configuration, row->configuration[0] ? ": " : "",
		row->status, drift, cost, row->why[0] ? "; " : "", row->why, q->evidence->source);
}

/*
 * The matrix has measured: what it recommends for a configuration like this one stands over a row of the
 * catalogue that is not for this very operating system.
 */
static const struct profile *from_matrix(
	struct question *q, const struct profile *p, const char *configuration)
{
	const struct evidence_row *best = recommended(q->evidence, configuration);
	const struct profile *other = best ? profiles_find(q->catalogue, best->profile) : NULL;
	char name[32];

	if (!other || q->wish || subject_is_os(&q->subject, p) || same_parameters(p, best->parameters))
		return p;
	advised_clocksource(other, name, sizeof(name));
	if (name[0] && facts_get(q->facts, "clocksource.available") &&
		!facts_has_word(q->facts, "clocksource.available", name)) {
		say(&q->advice->notes, "The matrix recommends %s, but %s is not available here.", other->id,
			name);
		return p;
	}
	say(&q->advice->notes, "The catalogue alone would say %s (%s).",
		p->parameters[0] ? p->parameters : "no parameters", p->id);
	return other;
}

static const struct profile *weigh_matrix(struct question *q, const struct profile *p)
{
	const struct evidence_row *row;
	struct advice *a = q->advice;
	char configuration[32];

	advise_resembling(q->evidence, q->facts, configuration);
	if (!configuration[0]) {
		snprintf(a->evidence_text, sizeof(a->evidence_text),
			"only documented (%s): the lab measured no configuration like this system (%s)",
			p->source, q->evidence->source);
		return p;
	}
	if (a->at_risk == ADVICE_RISK) {
		const struct profile *its = from_matrix(q, p, configuration);

		if (its != p)
			note_force(q, its);
		if (its != p && a->in_force)
			a->at_risk = ADVICE_NO_RISK;
		p = its;
	}
	row = row_of(q->evidence, configuration, p);
	if (row && row->recommended && !p->parameters[0] && a->at_risk == ADVICE_RISK) {
		a->at_risk = ADVICE_NO_RISK;
		say(&a->reasons, "In the lab such a guest was stable without any parameter.");
	}
	if (row)
		quote_row(q, row);
	else
		snprintf(a->evidence_text, sizeof(a->evidence_text),
			"only documented (%s): the lab did not measure it on %s (%s)", p->source,
			configuration, q->evidence->source);
	if (row && strcmp(row->status, "stable") != 0)
		say(&a->notes, "The lab did not find %s stable on %s: it was %s.", p->id, configuration,
			row->status);
	return p;
}

/* One run: it tells of the profile if it was taken with its parameters, else of the system as it was. */
static void weigh_run(struct question *q, const struct profile *p)
{
	const struct evidence_row *row = &q->evidence->rows[0];
	struct advice *a = q->advice;
	const char *where = evidence_name(q->evidence->kind);

	if (strcmp(row->status, "unstable") == 0) {
		a->at_risk = ADVICE_RISK;
		say(&a->reasons, "%c%s: unstable. %s", where[0] - 'a' + 'A', where + 1, row->why);
	}
	if (p && (!p->parameters[0] || parameters_on(p->parameters, row->parameters) ||
			 is_current_clocksource(q->facts, p->parameters))) {
		quote_row(q, row);
		return;
	}
	snprintf(a->evidence_text, sizeof(a->evidence_text),
		"only documented%s%s%s. %c%s without the profile: %s; %s (%s)", p ? " (" : "",
		p ? p->source : "", p ? ")" : "", where[0] - 'a' + 'A', where + 1, row->status, row->why,
		q->evidence->source);
}

static const struct profile *weigh(struct question *q, const struct profile *p)
{
	struct advice *a = q->advice;

	if (q->evidence && !q->evidence->whole && q->evidence->count)
		weigh_run(q, p);
	else if (p && q->evidence && q->evidence->whole)
		return weigh_matrix(q, p);
	else if (p)
		snprintf(a->evidence_text, sizeof(a->evidence_text),
			"only documented: %s; nothing was measured",
			p->source[0] ? p->source : "the catalogue");
	return p;
}

/* The profile that was asked for by its name, in place of the one that fits. */
static int take_wish(struct question *q, const struct profile **p, struct error *err)
{
	const struct profile *wish = profiles_find(q->catalogue, q->wish);

	if (!wish)
		return error_set(err, -ENOENT, "no profile \"%s\"; see 'clkdrift list profiles'", q->wish);
	if (*p && *p != wish)
		say(&q->advice->notes, "The profile was asked for by its name; %s fits this system.",
			(*p)->id);
	if (*p != wish)
		note_force(q, wish);
	*p = wish;
	return 0;
}

int advise(const json_t *facts, const struct profiles *catalogue, const struct advise_evidence *evidence,
	const char *wish, struct advice *advice, struct error *err)
{
	struct question q = {
		.facts = facts, .catalogue = catalogue, .evidence = evidence, .wish = wish, .advice = advice
	};
	const struct profile *p, *fits;
	int rc = 0;

	*advice = (struct advice){ 0 };
	subject_read(facts, &q.subject);
	subject_command_line(facts, q.command_line, sizeof(q.command_line));
	p = best_match(&q);
	find_missing(&q, p);
	if (advice->missing.count)
		p = NULL;
	fits = p;
	reasons_of(&q, fits);
	advice->at_risk = advice->missing.count ? ADVICE_NOT_KNOWN : judge(&q, p);
	if (wish)
		rc = take_wish(&q, &p, err);
	p = rc ? NULL : weigh(&q, p);
	catalogue_reason(&q, fits);
	if (p)
		rc = fill_parameters(&q, p, err);
	notes_of(&q, p);
	text_clean(advice->evidence_text);
	advice->profile = p;
	return rc;
}

static json_t *lines_to_json(const struct advice_lines *lines)
{
	json_t *array = json_array();

	for (size_t i = 0; i < lines->count; i++)
		json_array_append_new(array, json_string(lines->text[i]));
	return array;
}

json_t *advice_to_json(const struct advice *a)
{
	const struct profile *p = a->profile;
	json_t *risk = a->at_risk == ADVICE_NOT_KNOWN ? json_null() : json_boolean(a->at_risk == ADVICE_RISK);

	return json_pack("{s:i, s:o, s:o, s:o, s:s?, s:s, s:b, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:o}",
		"schema", 1, "at_risk", risk, "reasons", lines_to_json(&a->reasons), "missing",
		lines_to_json(&a->missing), "profile", p ? p->id : NULL, "parameters", a->parameters,
		"in_force", a->in_force, "host_settings", p ? p->host_settings : "", "hypervisor_settings",
		p ? p->hypervisor_settings : "", "cost", p ? p->cost : "", "side_effects",
		p ? p->side_effects : 0, "source", p ? p->source : "", "evidence", evidence_name(a->evidence),
		"evidence_text", a->evidence_text, "notes", lines_to_json(&a->notes));
}
