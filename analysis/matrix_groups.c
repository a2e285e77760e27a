/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Repeats of a cell taken together.
 *
 * All must hold: one that is unstable makes all unstable.  Where the repeats drift apart by more than their
 * intervals, as with a TSC that each boot calibrates anew, the next boot is predicted from them:
 * mean -+ t(n-1, 97.5 %) s sqrt(1 + 1/n), Student's prediction interval of one further draw; a profile is stable only where
 * that is within the limit too.
 *
 * A guest calibrates its TSC at each boot, and hits the rate or misses it by ppm.  So fewer than ENOUGH_DRAWS boots on the TSC
 * that hit it prove nothing: repeats must tell.
 *
 * Parameters that did nothing in all boots make a profile inert.  Where they did nothing in some, the others decide, but for
 * "stable": the next boot may be one of those.
 *
 * What a read costs differs from boot to boot by more than its spread within one tells.  Cells of one configuration that ran on
 * the same clocksource read it by the same code, whatever their profile: how far their medians scatter, pooled over the matrix
 * in the logarithm, is the uncertainty of one boot, s.  The mean of n repeats has t(nu, 97.5 %) s / sqrt(n), and no
 * less than the interval within the boots.
 */
#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/matrix_parts.h"
#include "results/text.h"

struct formatted matrix_drift_words(double drift_ppm, double half_ppm)
{
	return format_drift(drift_ppm, drift_ppm - half_ppm, drift_ppm + half_ppm);
}

double matrix_cell_half(const struct matrix_result_cell *c)
{
	return fmax(c->ci_high_ppm - c->drift_ppm, c->drift_ppm - c->ci_low_ppm) + c->systematic_ppm;
}

static bool has_result(const struct matrix_result_cell *c)
{
	return !matrix_is_status(c->status, MATRIX_NO_RESULT);
}

/* One hit in two or three is common for a guest under TCG; that many in a row by luck are rare. */
#define ENOUGH_DRAWS 3

static bool belongs(const struct matrix_result_cell *c, const struct matrix_choice *g)
{
	return strcmp(c->configuration, g->configuration) == 0 && strcmp(c->profile, g->profile) == 0;
}

const struct matrix_choice *matrix_choice_find(
	const struct matrix_result *r, const char *configuration, const char *profile)
{
	for (size_t i = 0; i < r->choice_count; i++)
		if (strcmp(r->choices[i].configuration, configuration) == 0 &&
			strcmp(r->choices[i].profile, profile) == 0)
			return &r->choices[i];
	return NULL;
}

/* Higher is worse. */
static int rank(const char *status)
{
	static const char *const order[] = { "stable", MATRIX_NO_RESULT, "inconclusive", "unstable" };

	for (int i = 0; i < 4; i++)
		if (strcmp(status, order[i]) == 0)
			return i;
	return -1;
}

/* It counts for the verdict of its choice: it has a result, and one that the parameters had a part in where any has. */
static bool counts(const struct matrix_result_cell *c, const struct matrix_choice *g)
{
	return belongs(c, g) && has_result(c) && (!c->inert || matrix_is_inert(g));
}

static void count_boots(const struct matrix_result *r, struct matrix_choice *g)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];

		if (!belongs(c, g))
			continue;
		g->repeats++;
		g->results += has_result(c);
		g->inert += has_result(c) && c->inert;
		g->draws += has_result(c) && c->draw;
		if (!g->parameters[0])
			strcpy(g->parameters, c->parameters);
	}
}

/* The cell that decides: the worst verdict, of these the farthest from zero. */
static void find_worst(const struct matrix_result *r, struct matrix_choice *g)
{
	const struct matrix_result_cell *worst = NULL;

	g->worst = -1;
	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];
		int more = worst ? rank(c->status) - rank(worst->status) : 1;

		if (!counts(c, g))
			continue;
		if (more > 0 || (more == 0 && fabs(c->drift_ppm) > fabs(worst->drift_ppm))) {
			worst = c;
			g->worst = (int)i;
		}
	}
	g->drift_ppm = worst ? worst->drift_ppm : NAN;
	g->half_ppm = worst ? matrix_cell_half(worst) : NAN;
	g->limit_ppm = worst ? worst->limit_ppm : NAN;
}

static void spread_of_repeats(const struct matrix_result *r, struct matrix_choice *g)
{
	const struct matrix_result_cell *low = NULL, *high = NULL;
	double sum = 0, squares = 0, n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];

		if (!counts(c, g) || !isfinite(c->drift_ppm))
			continue;
		low = !low || c->drift_ppm < low->drift_ppm ? c : low;
		high = !high || c->drift_ppm > high->drift_ppm ? c : high;
		sum += c->drift_ppm;
		n++;
	}
	if (n < 2)
		return;
	g->spread_ppm = high->drift_ppm - low->drift_ppm;
	g->disagree = g->spread_ppm > matrix_cell_half(low) + matrix_cell_half(high);
	if (!g->disagree)
		return;
	for (size_t i = 0; i < r->count; i++)
		if (counts(&r->cells[i], g) && isfinite(r->cells[i].drift_ppm))
			squares += pow(r->cells[i].drift_ppm - sum / n, 2);
	g->next_mean_ppm = sum / n;
	g->next_half_ppm = gsl_cdf_tdist_Pinv(0.975, n - 1) * sqrt(squares / (n - 1)) * sqrt(1 + 1 / n);
}

static void clocksource_words(const struct matrix_result_cell *c, char *text, size_t size)
{
	if (c->clocksource_after[0] && strcmp(c->clocksource_before, c->clocksource_after) != 0)
		snprintf(text, size, "%s to %s", c->clocksource_before, c->clocksource_after);
	else
		snprintf(text, size, "%s", c->clocksource_before);
}

static bool is_in_list(const char *list, const char *words)
{
	size_t length = strlen(words);

	for (const char *at = list; (at = strstr(at, words)); at += length)
		if ((at == list || strncmp(at - 2, ", ", 2) == 0) &&
			(at[length] == '\0' || at[length] == ','))
			return true;
	return false;
}

/* Each once: "tsc, tsc to hpet". */
static void clocksources(const struct matrix_result *r, struct matrix_choice *g)
{
	for (size_t i = 0; i < r->count; i++) {
		size_t used = strlen(g->clocksource);
		char words[72];

		clocksource_words(&r->cells[i], words, sizeof(words));
		if (belongs(&r->cells[i], g) && words[0] && !is_in_list(g->clocksource, words))
			snprintf(g->clocksource + used, sizeof(g->clocksource) - used, "%s%s",
				used ? ", " : "", words);
	}
}

/* Of the cells of one configuration on one clocksource: squares of the logarithms about their mean. */
static double squares_of_group(const struct matrix_result *r, size_t first, double *freedom)
{
	const struct matrix_result_cell *a = &r->cells[first];
	double sum = 0, squares = 0, n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];

		if (strcmp(c->configuration, a->configuration) != 0 || !(c->read_ns > 0) ||
			strcmp(c->clocksource_before, a->clocksource_before) != 0 ||
			strcmp(c->clocksource_after, a->clocksource_after) != 0)
			continue;
		if (i < first)
			return 0; /* this group was counted */
		n++;
		sum += log(c->read_ns);
		squares += pow(log(c->read_ns), 2);
	}
	*freedom += n - 1;
	return fmax(0, squares - sum * sum / n);
}

/* Standard deviation of ln(cost) from boot to boot; NaN where no two cells tell it. */
static double read_scatter(const struct matrix_result *r, double *freedom)
{
	double squares = 0;

	*freedom = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->cells[i].read_ns > 0 && r->cells[i].clocksource_before[0])
			squares += squares_of_group(r, i, freedom);
	return *freedom > 0 ? sqrt(squares / *freedom) : NAN;
}

static void read_cost_of_repeats(
	const struct matrix_result *r, double scatter, double freedom, struct matrix_choice *g)
{
	double sum = 0, n = 0, within = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];

		if (!belongs(c, g) || !isfinite(c->read_ns))
			continue;
		n++;
		sum += c->read_ns;
		within = fmax(within, fmax(c->read_high_ns - c->read_ns, c->read_ns - c->read_low_ns));
	}
	if (!(n > 0))
		return;
	g->read_ns = sum / n;
	g->read_half_ns = within;
	if (isfinite(scatter))
		g->read_half_ns =
			fmax(within, g->read_ns * scatter * gsl_cdf_tdist_Pinv(0.975, freedom) / sqrt(n));
}

/* What matrix.json says of a profile. */
static void from_catalogue(const struct matrix_result *r, struct matrix_choice *g)
{
	const json_t *profile = matrix_profile(r->matrix, g->profile);
	const json_t *effects = json_object_get(profile, "side_effects");
	const char *cost = json_string_value(json_object_get(profile, "cost"));

	g->side_effects = json_is_integer(effects) ? (int)json_integer_value(effects) : -1;
	snprintf(g->cost, sizeof(g->cost), "%s", cost ? cost : "");
	text_clean(g->cost);
}

/* Too few boots on the TSC to tell luck from merit. */
static bool is_luck(const struct matrix_choice *g)
{
	return g->draws > 0 && g->draws < ENOUGH_DRAWS;
}

/* Another boot of the matrix on the TSC that missed its rate; or NULL. */
static const struct matrix_result_cell *missed_calibration(
	const struct matrix_result *r, const struct matrix_choice *g)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];

		if (!belongs(c, g) && c->draw && fabs(c->drift_ppm) - matrix_cell_half(c) > g->limit_ppm)
			return c;
	}
	return NULL;
}

static void judge_repeats(const struct matrix_result *r, struct matrix_choice *g)
{
	const char *status = "stable";

	for (size_t i = 0; i < r->count; i++) {
		const struct matrix_result_cell *c = &r->cells[i];

		if (belongs(c, g) && (!has_result(c) || counts(c, g)) && rank(c->status) > rank(status))
			status = c->status;
	}
	/* Some without a result leave it open. */
	if (g->results && matrix_is_status(status, MATRIX_NO_RESULT))
		status = "inconclusive";
	if (matrix_is_status(status, "stable") &&
		((g->disagree && fabs(g->next_mean_ppm) + g->next_half_ppm > g->limit_ppm) || is_luck(g) ||
			(g->inert && !matrix_is_inert(g))))
		status = "inconclusive";
	snprintf(g->status, sizeof(g->status), "%s", status);
}

static const struct matrix_result_cell *first_missing(
	const struct matrix_result *r, const struct matrix_choice *g)
{
	for (size_t i = 0; i < r->count; i++)
		if (belongs(&r->cells[i], g) && !has_result(&r->cells[i]))
			return &r->cells[i];
	return NULL;
}

/* Does the drift by itself make the verdict, or something else? */
static bool drift_decides(const struct matrix_result_cell *c, double half)
{
	if (matrix_is_status(c->status, "unstable"))
		return fabs(c->drift_ppm) - half > c->limit_ppm;
	if (matrix_is_status(c->status, "inconclusive"))
		return fabs(c->drift_ppm) + half > c->limit_ppm && fabs(c->drift_ppm) - half <= c->limit_ppm;
	return true;
}

static void say_spread(const struct matrix_choice *g, char *text, size_t size)
{
	if (!isfinite(g->spread_ppm))
		return;
	if (g->disagree)
		snprintf(text, size,
			"; the %llu boots drift %s apart, more than their intervals: another one lands at %s "
			"with 95 %%",
			(unsigned long long)g->results, format_ppm(g->spread_ppm).text,
			matrix_drift_words(g->next_mean_ppm, g->next_half_ppm).text);
	else
		snprintf(text, size, "; %llu boots agree within their intervals",
			(unsigned long long)g->results);
}

/* A reason that is too long loses what stands in its brackets, or its end. */
static void brief(const char *reason, char *text, size_t size)
{
	const char *bracket = strlen(reason) > 30 ? strstr(reason + 30, " (") : NULL;
	size_t length = strnlen(reason, size - 1);
	char *blank;

	memcpy(text, reason, length);
	text[length] = '\0';
	if (!reason[length])
		return;
	blank = bracket && bracket < reason + size - 4 ? text + (bracket - reason) : NULL;
	if (!blank) {
		text[size - 4] = '\0';
		blank = strrchr(text, ' ');
	}
	if (blank)
		strcpy(blank, "…");
}

/* What besides the numbers must be known of the cell that decides. */
static void say_besides(const struct matrix_result_cell *worst, double half, char *text, size_t size)
{
	char reason[160];

	brief(worst->reason, reason, sizeof(reason));
	if (!drift_decides(worst, half))
		snprintf(text, size, ", but %s", reason);
	else if (worst->settle_min > 0 && worst->settle_min < 1e5)
		snprintf(text, size,
			": the interval straddles it, and about %.0f min of sampling would settle it",
			ceil(worst->settle_min));
	else if (matrix_is_status(worst->status, "inconclusive"))
		snprintf(text, size, ": the interval straddles it");
}

static void say_why(const struct matrix_result *r, struct matrix_choice *g)
{
	const struct matrix_result_cell *missing = first_missing(r, g),
					*worst = g->worst >= 0 ? &r->cells[g->worst] : NULL;
	char spread[260] = "", besides[180] = "", reason[120];

	if (!worst) {
		text_add(g->why, sizeof(g->why), "%s", missing ? missing->reason : "");
		text_clean(g->why);
		return;
	}
	if (isfinite(g->drift_ppm))
		text_add(g->why, sizeof(g->why), "%s against %s",
			matrix_drift_words(g->drift_ppm, g->half_ppm).text, format_ppm(g->limit_ppm).text);
	else
		text_add(g->why, sizeof(g->why), "drift not known");
	say_besides(worst, g->half_ppm, besides, sizeof(besides));
	say_spread(g, spread, sizeof(spread));
	text_add(g->why, sizeof(g->why), "%s%s", besides, spread);
	if (missing) {
		brief(missing->reason, reason, sizeof(reason));
		text_add(g->why, sizeof(g->why), "; %llu of %llu boots without a result: %s",
			(unsigned long long)(g->repeats - g->results), (unsigned long long)g->repeats,
			reason);
	}
	text_clean(g->why);
}

/* Behind say_why(): why boots that are stable prove nothing. */
static void say_unproven(const struct matrix_result *r, struct matrix_choice *g)
{
	const struct matrix_result_cell *missed = missed_calibration(r, g);
	bool all_stable = g->worst >= 0 && matrix_is_status(r->cells[g->worst].status, "stable");

	if (g->inert && !matrix_is_inert(g))
		text_add(g->why, sizeof(g->why), "; in %llu of %llu boots its parameters did nothing",
			(unsigned long long)g->inert, (unsigned long long)g->results);
	if (!is_luck(g) || !all_stable || matrix_is_inert(g))
		return;
	if (missed)
		text_add(g->why, sizeof(g->why),
			"; but a boot calibrates the TSC anew, and with %s on %s it drifts %s: --repeat %d "
			"tells "
			"luck from merit",
			missed->profile, missed->configuration,
			matrix_drift_words(missed->drift_ppm, matrix_cell_half(missed)).text, ENOUGH_DRAWS);
	else
		text_add(g->why, sizeof(g->why),
			"; but a boot calibrates the TSC anew: --repeat %d tells luck from merit",
			ENOUGH_DRAWS);
	text_clean(g->why);
}

static int add_choice(struct matrix_result *r, const struct matrix_result_cell *c)
{
	struct matrix_choice *grown;

	if (matrix_choice_find(r, c->configuration, c->profile))
		return 0;
	grown = reallocarray(r->choices, r->choice_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->choices = grown;
	grown += r->choice_count++;
	*grown = (struct matrix_choice){
		.spread_ppm = NAN,
		.next_mean_ppm = NAN,
		.next_half_ppm = NAN,
		.read_ns = NAN,
		.read_half_ns = NAN,
		.side_effects = -1,
	};
	strcpy(grown->configuration, c->configuration);
	strcpy(grown->profile, c->profile);
	return 0;
}

/* Place of a row in its list of matrix.json; what is not there comes last. */
static size_t place_of(const json_t *list, const json_t *row)
{
	size_t i = 0;

	while (i < json_array_size(list) && json_array_get(list, i) != row)
		i++;
	return i;
}

static int by_place(const void *a, const void *b, void *context)
{
	const struct matrix_choice *x = a, *y = b;
	const struct matrix *m = context;
	size_t p = place_of(m->configurations, matrix_configuration(m, x->configuration)),
	       q = place_of(m->configurations, matrix_configuration(m, y->configuration));
	int order;

	if (p != q)
		return p < q ? -1 : 1;
	order = strcmp(x->configuration, y->configuration);
	if (order)
		return order;
	p = place_of(m->profiles, matrix_profile(m, x->profile));
	q = place_of(m->profiles, matrix_profile(m, y->profile));
	return p != q ? (p < q ? -1 : 1) : strcmp(x->profile, y->profile);
}

int matrix_groups_make(struct matrix_result *r, struct error *err)
{
	double freedom, scatter = read_scatter(r, &freedom);

	r->read_scatter_known = isfinite(scatter);
	for (size_t i = 0; i < r->count; i++)
		if (add_choice(r, &r->cells[i]))
			return error_set(err, -ENOMEM, "out of memory");
	if (r->choice_count)
		qsort_r(r->choices, r->choice_count, sizeof(*r->choices), by_place, (void *)r->matrix);
	for (size_t i = 0; i < r->choice_count; i++) {
		struct matrix_choice *g = &r->choices[i];

		count_boots(r, g);
		find_worst(r, g);
		spread_of_repeats(r, g);
		clocksources(r, g);
		read_cost_of_repeats(r, scatter, freedom, g);
		from_catalogue(r, g);
		judge_repeats(r, g);
		say_why(r, g);
		say_unproven(r, g);
	}
	return 0;
}
