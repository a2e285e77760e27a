/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/advise_parts.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis/situation.h"
#include "results/facts_get.h"
#include "results/text.h"

const char *evidence_name(enum evidence evidence)
{
	static const char *const names[] = { [EVIDENCE_DOCUMENTED] = "documented",
		[EVIDENCE_LAB] = "measured in a lab",
		[EVIDENCE_HERE] = "measured here" };

	return names[evidence];
}

/* Once only; what finds no room is left out. */
void advise_say(struct advice_lines *lines, const char *format, ...)
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

int advise_holds(const struct question *q, const char *situation)
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
			advise_say(&q->advice->missing, "%s", missing.keys[k]);
	}
}

/* ---- at risk or not ---- */

/* Whether a guest's TSC that is not constant is corrected for; p may be NULL. */
static void pvclock_reason(struct question *q, const struct profile *p)
{
	const struct subject *s = &q->subject;
	const char *current = facts_text(q->facts, "clocksource.current");

	if (s->host_constant_tsc != 0 || strcmp(s->role, "guest") != 0 || s->pvclock < 0 ||
		(p && !p->pvclock[0]))
		return;
	if (!s->pvclock)
		advise_say(&q->advice->reasons, "The guest has no pvclock to correct for it.");
	else if (p && asks(p) && !(current && strcmp(current, "kvm-clock") == 0))
		advise_say(&q->advice->reasons,
			"The guest has a pvclock, which corrects for it where it is in use.");
	else
		advise_say(&q->advice->reasons, "The guest has a pvclock, which corrects for it.");
}

/* What of a kernel that trusts its TSC, or does not offer it, is known beyond the flags of the CPU. */
static void kernel_reason(struct question *q, const struct profile *p)
{
	struct advice_lines *reasons = &q->advice->reasons;

	if (p && profile_has_situation(p, situation_find("tsc-trusted", strlen("tsc-trusted"))) &&
		advise_holds(q, "tsc-marked-unstable") == 0 &&
		facts_flag(q->facts, "kernel_log.from_boot") > 0)
		advise_say(reasons, "The kernel did not complain of it.");
	if (q->subject.host_constant_tsc > 0 && advise_holds(q, "has-tsc") == 0)
		advise_say(reasons,
			"The kernel does not offer the TSC as a clocksource: it gave it up, or was told to.");
}

/* Every bare machine calibrates its TSC, against a clock of its own. */
static bool is_usual(const struct question *q, int situation)
{
	return strcmp(situations[situation].name, "tsc-calibrated") == 0 &&
	       strcmp(q->subject.role, "host") == 0;
}

/* What holds and is a danger, or is what the profile was chosen for. */
static void reasons_of(struct question *q, const struct profile *p)
{
	struct advice_lines *reasons = &q->advice->reasons;

	for (int i = 0; situations[i].name; i++) {
		bool chosen = p && profile_has_situation(p, i);

		if (situations[i].meaning[0] && (chosen || situations[i].risk) &&
			situations[i].holds(q->facts) > 0)
			advise_say(is_usual(q, i) && !chosen ? &q->advice->notes : reasons, "%s",
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
		advise_say(&a->reasons, "No settings are asked for on such a system (%s).", source);
	if (p && a->at_risk == ADVICE_RISK && is_for_a_risk(p) && !any_risk(q))
		advise_say(&a->reasons,
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
		if (situations[i].risk && strcmp(situations[i].name, "tsc-not-constant") != 0 &&
			!is_usual(q, i) && situations[i].holds(q->facts) > 0)
			return true;
	return false;
}

/* No profile matches: would one, if the kernel offered its clocksources, which the facts do not say? */
static bool clocksources_decide(const struct question *q)
{
	struct question other = *q;
	bool decide;
	json_t *facts;

	if (facts_get(q->facts, "clocksource.available"))
		return false;
	facts = json_deep_copy(q->facts);
	if (!json_is_object(json_object_get(facts, "clocksource")))
		json_object_set_new(facts, "clocksource", json_object());
	json_object_set_new(
		facts_get(facts, "clocksource"), "available", json_pack("[s,s,s]", "tsc", "hpet", "acpi_pm"));
	other.facts = facts;
	decide = facts && best_match(&other);
	json_decref(facts);
	return decide;
}

static enum advice_answer judge(struct question *q, const struct profile *p)
{
	if (!p && any_risk(q)) {
		if (clocksources_decide(q))
			advise_say(&q->advice->missing, "clocksource.available");
		else
			advise_say(&q->advice->notes, "The catalogue has no profile for this system.");
		return ADVICE_RISK;
	}
	if (!p) {
		advise_say(&q->advice->reasons, "The catalogue has no profile for this system.");
		return ADVICE_NOT_KNOWN;
	}
	advise_note_force(q, p);
	if (!is_for_a_risk(p) && has_open_danger(q)) {
		advise_say(&q->advice->notes, "The catalogue has no parameters against that.");
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
		advise_say(&a->notes,
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
		advise_say(&q->advice->notes,
			"host.constant_tsc says %s and cpu.flags.constant_tsc %s: host.constant_tsc was "
			"taken.",
			taken ? "yes" : "no", flag ? "yes" : "no");
}

static void note_ntp(struct question *q, const struct profile *p)
{
	const json_t *running = facts_get(q->facts, "time_daemon.running");
	const bool none = json_is_array(running) && !json_array_size(running);

	if (none || (p && (q->subject.host_constant_tsc == 0 || q->advice->at_risk == ADVICE_RISK)))
		advise_say(&q->advice->notes,
			"%sNTP should run on the host and on its guests, with a server that both reach.",
			none ? "No time daemon runs. " : "");
}

/* p may be NULL. */
static void notes_of(struct question *q, const struct profile *p)
{
	struct advice_lines *notes = &q->advice->notes;
	const json_t *lines = facts_get(q->facts, "kernel_log.lines");

	if (p && p->note[0])
		advise_say(notes, "%s", p->note);
	note_contradiction(q);
	note_ntp(q, p);
	if (p && facts_get(q->facts, "unreadable") &&
		(!lines || facts_flag(q->facts, "kernel_log.from_boot") == 0))
		advise_say(notes,
			"The kernel's log could not be read from the boot on: what it said of the TSC is not"
			" known.");
}

/* The profile that was asked for by its name, in place of the one that fits. */
static int take_wish(struct question *q, const struct profile **p, struct error *err)
{
	const struct profile *wish = profiles_find(q->catalogue, q->wish);

	if (!wish)
		return error_set(err, -ENOENT, "no profile \"%s\"; see 'clkdrift list profiles'", q->wish);
	if (*p && *p != wish)
		advise_say(&q->advice->notes, "The profile was asked for by its name; %s fits this system.",
			(*p)->id);
	if (*p != wish)
		advise_note_force(q, wish);
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
	p = rc ? NULL : advise_weigh(&q, p);
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
