/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a run or a matrix has measured, and what follows from it for the advice. */
#include "analysis/advise_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "results/facts_get.h"
#include "results/text.h"

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

/* What was booted under the profile's name, which may have been something else. */
static const struct evidence_row *row_named(
	const struct advise_evidence *e, const char *configuration, const struct profile *p)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->rows[i].configuration, configuration) == 0 &&
			strcmp(e->rows[i].profile, p->id) == 0)
			return &e->rows[i];
	return NULL;
}

/* What was booted with the profile's parameters and no others; of several the one of its name. */
static const struct evidence_row *row_of(
	const struct advise_evidence *e, const char *configuration, const struct profile *p)
{
	const struct evidence_row *found = row_named(e, configuration, p);

	if (found && same_parameters(p, found->parameters))
		return found;
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->rows[i].configuration, configuration) == 0 &&
			same_parameters(p, e->rows[i].parameters))
			return &e->rows[i];
	return NULL;
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

static const char *or_none(const char *parameters)
{
	return parameters[0] ? parameters : "no parameters";
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

	if (!best || q->wish || subject_is_os(&q->subject, p) || same_parameters(p, best->parameters))
		return p;
	if (!other) {
		advise_say(&q->advice->notes,
			"The matrix recommends %s (%.300s), which is not in the catalogue: give the file "
			"that "
			"has it with --catalogue.",
			best->profile, or_none(best->parameters));
		return p;
	}
	if (!same_parameters(other, best->parameters)) {
		advise_say(&q->advice->notes,
			"The matrix recommends %s, booted with %s; the catalogue's %s has %s, which was not "
			"measured.",
			best->profile, or_none(best->parameters), other->id, or_none(other->parameters));
		return p;
	}
	advise_clocksource(other, name, sizeof(name));
	if (name[0] && facts_get(q->facts, "clocksource.available") &&
		!facts_has_word(q->facts, "clocksource.available", name)) {
		advise_say(&q->advice->notes, "The matrix recommends %s, but %s is not available here.",
			other->id, name);
		return p;
	}
	advise_say(
		&q->advice->notes, "The catalogue alone would say %s (%s).", or_none(p->parameters), p->id);
	return other;
}

static void say_not_measured(struct question *q, const struct profile *p, const char *configuration)
{
	const struct evidence_row *named = row_named(q->evidence, configuration, p);
	struct advice *a = q->advice;

	if (named)
		snprintf(a->evidence_text, sizeof(a->evidence_text),
			"only documented (%s): what the lab booted as %s on %s had %.511s (%s)", p->source,
			p->id, configuration, or_none(named->parameters), q->evidence->source);
	else
		snprintf(a->evidence_text, sizeof(a->evidence_text),
			"only documented (%s): the lab did not measure it on %s (%s)", p->source,
			configuration, q->evidence->source);
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
			advise_note_force(q, its);
		if (its != p && a->in_force)
			a->at_risk = ADVICE_NO_RISK;
		p = its;
	}
	row = row_of(q->evidence, configuration, p);
	if (row && row->recommended && !p->parameters[0] && a->at_risk == ADVICE_RISK) {
		a->at_risk = ADVICE_NO_RISK;
		advise_say(&a->reasons, "In the lab such a guest was stable without any parameter.");
	}
	if (row)
		quote_row(q, row);
	else
		say_not_measured(q, p, configuration);
	if (row && strcmp(row->status, "stable") != 0)
		advise_say(&a->notes, "The lab did not find %s stable on %s: it was %s.", p->id,
			configuration, row->status);
	return p;
}

/* "6.1" is the same as "6.1.0-18-amd64", "6.1" not as "6.11"; what one of them does not know is the same. */
static bool is_same(const char *a, const char *b)
{
	size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return length == 0 || (strncasecmp(a, b, length) == 0 && !isalnum((unsigned char)a[length]) &&
				      !isalnum((unsigned char)b[length]));
}

/* What tells that the run was taken elsewhere; false: nothing does. */
static bool is_elsewhere(const struct question *q, char *text, size_t size)
{
	const char *its_cpu = facts_text(q->evidence->facts, "cpu.model_name");
	const char *cpu = facts_text(q->facts, "cpu.model_name");
	const struct subject *here = &q->subject;
	struct subject there;

	subject_read(q->evidence->facts, &there);
	const struct {
		const char *name, *there, *here;
	} marks[] = { { "operating system", there.os, here->os },
		{ "operating system's version", there.version, here->version },
		{ "kernel", there.kernel, here->kernel }, { "machine", there.arch, here->arch },
		{ "hypervisor", there.hypervisor, here->hypervisor },
		{ "CPU", its_cpu ? its_cpu : "", cpu ? cpu : "" } };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (is_same(marks[i].there, marks[i].here))
			continue;
		snprintf(text, size, "its %s is %s, not %s", marks[i].name, marks[i].there, marks[i].here);
		text_clean(text);
		return true;
	}
	return false;
}

/* One run: it tells of the profile if it was taken with its parameters, else of the system as it was. */
static void weigh_run(struct question *q, const struct profile *p)
{
	const struct evidence_row *row = &q->evidence->rows[0];
	struct advice *a = q->advice;
	const char *where = evidence_name(q->evidence->kind);
	char mark[400];

	if (is_elsewhere(q, mark, sizeof(mark))) {
		snprintf(a->evidence_text, sizeof(a->evidence_text),
			"only documented%s%s; the run is of another system: %s (%s)", p ? ": " : "",
			p ? p->source : "", mark, q->evidence->source);
		return;
	}
	if (strcmp(row->status, "unstable") == 0) {
		a->at_risk = ADVICE_RISK;
		advise_say(&a->reasons, "%c%s: unstable. %s", where[0] - 'a' + 'A', where + 1, row->why);
	}
	if (p && (!p->parameters[0] || parameters_on(p->parameters, row->parameters) ||
			 advise_is_current_clocksource(q->facts, p->parameters))) {
		quote_row(q, row);
		return;
	}
	snprintf(a->evidence_text, sizeof(a->evidence_text),
		"only documented%s%s%s. %c%s without the profile: %s; %s (%s)", p ? " (" : "",
		p ? p->source : "", p ? ")" : "", where[0] - 'a' + 'A', where + 1, row->status, row->why,
		q->evidence->source);
}

const struct profile *advise_weigh(struct question *q, const struct profile *p)
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
