/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Of each configuration the least intrusive profile that is stable, and what speaks against the others. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/matrix_parts.h"
#include "results/text.h"

/* A profile whose side effects are not known comes behind all others. */
static int side_effects(const struct matrix_choice *g)
{
	return g->side_effects >= 0 ? g->side_effects : INT_MAX;
}

/* Where it did nothing, what it shows is luck, or the default's merit. */
static bool is_candidate(const struct matrix_choice *g)
{
	return matrix_is_status(g->status, "stable") && !matrix_is_inert(g);
}

/* Medians of a read on the same guest, profile and clocksource were up to that factor apart from boot to boot. */
#define BOOTS_APART 2

/* a's reads are cheaper than b's by more than both uncertainties; false where a cost is not known. */
static bool is_cheaper(
	const struct matrix_result *r, const struct matrix_choice *a, const struct matrix_choice *b)
{
	return b->read_ns - a->read_ns > hypot(a->read_half_ns, b->read_half_ns) &&
	       (r->read_scatter_known || b->read_ns > BOOTS_APART * a->read_ns);
}

/*
 * The choices of one configuration stand together, from *g on.  The cheapest of the least intrusive ones; of those that
 * cost the same as it, as far as can be told, the first in the order of the matrix.
 */
static int choose(const struct matrix_result *r, const struct matrix_choice *g, size_t count)
{
	const struct matrix_choice *cheapest = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!is_candidate(&g[i]))
			continue;
		if (!cheapest || side_effects(&g[i]) < side_effects(cheapest) ||
			(side_effects(&g[i]) == side_effects(cheapest) && g[i].read_ns < cheapest->read_ns))
			cheapest = &g[i];
	}
	for (size_t i = 0; cheapest && i < count; i++)
		if (is_candidate(&g[i]) && side_effects(&g[i]) == side_effects(cheapest) &&
			!is_cheaper(r, cheapest, &g[i]))
			return (int)i;
	return -1;
}

static const char *role_of(
	const struct matrix_result *r, const struct matrix_choice *g, const struct matrix_choice *chosen)
{
	if (g == chosen)
		return "recommended";
	if (matrix_is_status(g->status, MATRIX_NO_RESULT))
		return MATRIX_NO_RESULT;
	if (matrix_is_inert(g))
		return "inert";
	if (matrix_is_status(g->status, "unstable"))
		return "fails";
	if (matrix_is_status(g->status, "inconclusive"))
		return "undecided";
	if (chosen && side_effects(g) > side_effects(chosen))
		return "more intrusive";
	return chosen && is_cheaper(r, chosen, g) ? "dearer" : "as good";
}

/* "a, b and c" of those with the role; returns how many. */
static size_t names(const struct matrix_choice *g, size_t count, const char *role, char *text, size_t size)
{
	size_t all = 0, said = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		all += matrix_is_status(g[i].role, role);
	for (size_t i = 0; i < count; i++)
		if (matrix_is_status(g[i].role, role)) {
			text_add(text, size, "%s%s",
				!said		  ? ""
				: said + 1 == all ? " and "
						  : ", ",
				g[i].profile);
			said++;
		}
	return all;
}

static void say_chosen(const struct matrix_choice *c, struct matrix_advice *a)
{
	text_add(a->text, sizeof(a->text), "%s%s%s%s is the least intrusive profile that is stable: %s",
		c->profile, c->parameters[0] ? " (" : "", c->parameters, c->parameters[0] ? ")" : "", c->why);
	if (isfinite(c->read_ns))
		text_add(a->text, sizeof(a->text), ", and a clock_gettime costs %s",
			format_offset(c->read_ns, c->read_half_ns).text + 1);
	text_add(a->text, sizeof(a->text), ".");
}

static void say_alternatives(const struct matrix_choice *g, size_t count, const struct matrix_choice *chosen,
	struct matrix_advice *a)
{
	char list[300];
	size_t n = names(g, count, "as good", list, sizeof(list));

	if (n)
		text_add(a->text, sizeof(a->text),
			" %s %s as good: as few side effects, and the costs of a read differ by less than "
			"their "
			"uncertainty.",
			list, n > 1 ? "are" : "is");
	for (size_t i = 0; i < count; i++)
		if (matrix_is_status(g[i].role, "dearer"))
			text_add(a->text, sizeof(a->text), " %s is stable too, and a read costs %s.",
				g[i].profile, format_offset(g[i].read_ns, g[i].read_half_ns).text + 1);
	n = names(g, count, "more intrusive", list, sizeof(list));
	if (n)
		text_add(a->text, sizeof(a->text), " %s %s stable too, and change%s more of the system.",
			list, n > 1 ? "are" : "is", n > 1 ? "" : "s");
	for (size_t i = 0; i < count; i++)
		if ((matrix_is_status(g[i].role, "undecided") ||
			    matrix_is_status(g[i].role, MATRIX_NO_RESULT)) &&
			side_effects(&g[i]) < side_effects(chosen))
			text_add(a->text, sizeof(a->text), " %s is less intrusive still, and %s.",
				g[i].profile,
				matrix_is_status(g[i].role, "undecided") ? "undecided" : "has no result");
}

static void advise(const struct matrix_result *r, struct matrix_choice *g, size_t count, int choice,
	struct matrix_advice *a)
{
	const struct matrix_choice *chosen = choice >= 0 ? &g[choice] : NULL;
	size_t fail = 0, open = 0;

	for (size_t i = 0; i < count; i++) {
		bool inert = matrix_is_inert(&g[i]);

		strcpy(g[i].role, role_of(r, &g[i], chosen));
		fail += !inert && matrix_is_status(g[i].status, "unstable");
		/* Those of an inert one's boots that have no result may have shown an effect. */
		open += inert ? g[i].results < g[i].repeats : !matrix_is_status(g[i].status, "unstable");
		if (inert)
			text_add(g[i].why, sizeof(g[i].why),
				"; its parameters did nothing: one more boot without them");
	}
	strcpy(a->configuration, g->configuration);
	strcpy(a->status, chosen ? "stable" : fail && !open ? "unstable" : "inconclusive");
	if (chosen) {
		say_chosen(chosen, a);
		say_alternatives(g, count, chosen, a);
	} else if (fail && !open) {
		text_add(a->text, sizeof(a->text), "No profile of this matrix is stable.");
	} else {
		text_add(a->text, sizeof(a->text),
			"Not decided: no profile is proven to be stable, and not all fail.");
	}
}

static int note(struct matrix_result *r, const char *text)
{
	struct reason *grown = reallocarray(r->notes, r->note_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	r->notes = grown;
	snprintf(grown[r->note_count++].text, sizeof(grown->text), "%s", text);
	return 0;
}

/* The first configuration of matrix.json without any cell; NULL: each has one. */
static const char *without_cell(const struct matrix_result *r)
{
	const json_t *row;
	size_t i;

	json_array_foreach(r->matrix->configurations, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));
		bool found = false;

		for (size_t k = 0; name && k < r->advice_count; k++)
			found |= strcmp(r->advice[k].configuration, name) == 0;
		if (name && !found)
			return name;
	}
	return NULL;
}

static bool is_unfinished(const struct matrix_result *r)
{
	for (size_t i = 0; i < r->matrix->count; i++)
		if (strcmp(r->matrix->cells[i].state, MATRIX_WAITING) == 0)
			return true;
	return false;
}

static int say_notes(struct matrix_result *r)
{
	bool once = false, on_tsc = false, costs = false, unfinished = !r->matrix->finished[0];
	const char *lone = without_cell(r);
	char text[REASON_MAX];
	int rc = 0;

	for (size_t i = 0; i < r->choice_count; i++) {
		once |= r->choices[i].results == 1;
		on_tsc |= r->choices[i].draws > 0;
		costs |= isfinite(r->choices[i].read_ns);
	}
	if (lone) {
		snprintf(text, sizeof(text), "There is no cell of %.60s: nothing is known of it.", lone);
		rc = note(r, text);
	}
	if (!rc && unfinished) {
		snprintf(text, sizeof(text),
			"The matrix is not finished: clkdrift lab matrix --resume %.300s goes on.",
			r->matrix->dir);
		rc = note(r, text);
	}
	if (!rc && once && on_tsc)
		rc = note(r, "A boot calibrates the TSC anew, and one boot is one draw: where the "
			     "clocksource is the TSC, "
			     "the drift differs from boot to boot. --repeat shows by how much.");
	else if (!rc && once)
		rc = note(r, "One boot is one draw: --repeat shows how much the next one may differ.");
	if (!rc && costs && !r->read_scatter_known)
		rc = note(r, "No two boots tell how much the cost of a read differs from boot to boot: of "
			     "two profiles one "
			     "is called cheaper only where it costs less than half.");
	if (!rc)
		rc = note(r, "Read costs are those of these guests on this host, and drift is against this "
			     "host: where "
			     "it runs wrong itself, its guests run wrong with it.");
	return rc;
}

/* Of those without a recommendation one that fails decides. */
static enum status overall(const struct matrix_result *r)
{
	enum status status = STATUS_STABLE;

	for (size_t i = 0; i < r->advice_count; i++) {
		if (matrix_is_status(r->advice[i].status, "unstable"))
			return STATUS_UNSTABLE;
		if (matrix_is_status(r->advice[i].status, "inconclusive"))
			status = STATUS_INCONCLUSIVE;
	}
	/* What was not measured yet, or never will be, may be less intrusive, or fail. */
	return r->advice_count && !is_unfinished(r) && !without_cell(r) ? status : STATUS_INCONCLUSIVE;
}

int matrix_choose(struct matrix_result *r, struct error *err)
{
	r->advice = calloc(r->choice_count + 1, sizeof(*r->advice));
	if (!r->advice)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0, next; i < r->choice_count; i = next) {
		struct matrix_advice *a = &r->advice[r->advice_count++];
		int choice;

		for (next = i + 1; next < r->choice_count &&
				   strcmp(r->choices[next].configuration, r->choices[i].configuration) == 0;)
			next++;
		choice = choose(r, &r->choices[i], next - i);
		advise(r, &r->choices[i], next - i, choice, a);
		a->choice = choice >= 0 ? choice + (int)i : -1;
		a->first = (int)i;
		a->end = (int)next;
	}
	r->status = overall(r);
	return say_notes(r) ? error_set(err, -ENOMEM, "out of memory") : 0;
}
