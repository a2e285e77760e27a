/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/analyze.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/boundary_steps.h"
#include "analysis/cause.h"
#include "analysis/coverage.h"
#include "analysis/effect.h"
#include "analysis/event_steps.h"
#include "analysis/fit.h"
#include "analysis/judge.h"
#include "analysis/jump.h"
#include "analysis/losses.h"
#include "analysis/pair.h"
#include "analysis/pair_boundary.h"
#include "analysis/pair_events.h"
#include "analysis/pair_stability.h"
#include "analysis/phase_result.h"
#include "analysis/recovery.h"
#include "analysis/settings.h"
#include "analysis/steering.h"
#include "analysis/steps.h"
#include "analysis/tsc_factors.h"
#include "results/units.h"

#define GRANULARITY_READINGS 2000 /* enough to meet every residue */
#define STEP_SIGMA	     1.96 /* 95 % of a normal distribution */

/*
 * No clock is off by more, for however short a time: twice its limit, and 100 ppm, as the worst crystals; where the
 * kernel steers or multiplies, twice the 500 ppm that it may steer by (adjtimex(2)).
 */
#define JUMP_LIMITS	2
#define JUMP_FREE_PPM	100
#define JUMP_SLEWED_PPM 1000

struct analysis {
	const struct run *run;
	const struct samples *samples;
	const struct limits *limits;
	const struct judging *judging;
	int reference;
	double granularity_ns;
	struct pair_source *source;
	struct boundary_side *ends; /* of the pair of each series in the last phase that has it */
	struct estimates *out;
	struct error *err;
};

int analyze_reference(const struct run *run, const struct judging *judging, int *reference, struct error *err)
{
	const char *wish = judging->reference;
	int found;

	if (strcmp(wish, "tsc") == 0) {
		*reference = PAIR_TSC;
		return 0;
	}
	if (wish[0]) {
		*reference = run_clock_find(run, wish);
		return *reference >= 0
			       ? 0
			       : error_set(err, -EINVAL, "reference \"%s\": not sampled in this run", wish);
	}
	found = run_clock_find(run, "peer");
	if (found < 0)
		found = run_clock_find(run, "monotonic_raw");
	if (found < 0)
		found = run_clock_find(run, "monotonic");
	/* A clock alone still has the pivot beside it. */
	*reference = run->clock_count < 2 ? PAIR_TSC : found < 0 ? 0 : found;
	return 0;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

double analyze_granularity(const struct run *run, const struct samples *samples)
{
	uint64_t divisor = 0;

	if (run->tsc_granularity_cycles > 0)
		return run->tsc_granularity_cycles;
	for (size_t i = 0; i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];

		for (size_t k = 0; k < s->count && k < GRANULARITY_READINGS; k++) {
			divisor = tsc_gcd(divisor, apart(s->readings[k].tsc_lo, s->readings[0].tsc_lo));
			divisor = tsc_gcd(divisor, apart(s->readings[k].tsc_hi, s->readings[k].tsc_lo));
		}
	}
	return (double)divisor;
}

static void *append(void *array, size_t *count, size_t size, size_t more)
{
	void *grown = reallocarray(array, *count + more + 1, size);

	if (grown)
		*count += more;
	return grown;
}

/* Standard deviation of a clock's own quantisation, in ns; the TSC as pivot has none of its own. */
static double quantum_ns(const struct run *run, int clock)
{
	return clock == PAIR_TSC ? 0 : (double)NS_PER_SEC / run->clocks[clock].hz / sqrt(12);
}

/*
 * Makes room for a row and fills it, but for its cause; NULL: out of memory.  set_se_ns: standard error of what
 * was taken out of the offsets beside it as settings of the time.
 */
static struct step *add_row(struct step **rows, size_t *count, const struct pair *pair,
	const struct drift *row, const struct step_found *found, double set_se_ns)
{
	struct step *grown = append(*rows, count, sizeof(*grown), 1), *s;
	double half = STEP_SIGMA * hypot(found->se_ns, set_se_ns);

	if (!grown)
		return NULL;
	*rows = grown;
	s = &grown[*count - 1];
	*s = (struct step){
		.cpu = pair->cpu,
		.at_s = found->at_s,
		.step_ns = found->step_ns,
		.ci_low_ns = found->step_ns - half,
		.ci_high_ns = found->step_ns + half,
		.recovery_s = NAN,
		.recovery_resolution_s = NAN,
		.recovery_bound_ns = NAN,
	};
	strcpy(s->phase, row->phase);
	strcpy(s->clock, row->clock);
	strcpy(s->reference, row->reference);
	return s;
}

static struct step *add_step(struct analysis *a, const struct pair *pair, const struct drift *row,
	const struct step_found *found, double set_se_ns)
{
	return add_row(&a->out->steps, &a->out->step_count, pair, row, found, set_se_ns);
}

/* What the size of a step at an event leaves open is found again beside it: it is no other step. */
static bool is_rest(const struct analysis *a, const struct drift *row, const struct step_found *found)
{
	for (size_t i = a->out->step_count; i-- > 0;) {
		const struct step *s = &a->out->steps[i];

		if (s->cpu != row->cpu || strcmp(s->clock, row->clock) != 0 ||
			strcmp(s->phase, row->phase) != 0)
			break;
		if (fabs(s->at_s - found->at_s) <= cause_reach_s(a->run) &&
			fabs(found->step_ns) <= (s->ci_high_ns - s->ci_low_ns) / 2)
			return true;
	}
	return false;
}

static int add_steps(struct analysis *a, const struct pair *pair, const struct drift *row,
	const struct step_found *found, size_t count, double set_se_ns)
{
	for (size_t i = 0; i < count; i++) {
		struct step *s;

		if (is_rest(a, row, &found[i]))
			continue;
		s = add_step(a, pair, row, &found[i], set_se_ns);
		if (!s)
			return error_set(a->err, -ENOMEM, "out of memory");
		cause_find(a->run, a->source, found[i].from_s, found[i].to_s, s);
	}
	return 0;
}

/*
 * Takes the steps out of the offsets, so that drift and stability speak of the rest.
 * Returns what the steps' own errors add to the standard error of a slope, in ns/s:
 * a level error e from t on tilts the line by e * sum(t_i - mean, t_i > t) / Sxx.
 */
static double take_out_steps(struct pair *pair, const struct step_found *steps, size_t count)
{
	double mean = 0, sxx = 0, added = 0, lever = 0, sum = 0;
	size_t i = pair->count, k = 0;

	for (size_t j = 0; j < pair->count; j++)
		mean += (pair->t_s[j] - mean) / (double)(j + 1);
	for (size_t j = 0; j < pair->count; j++)
		sxx += (pair->t_s[j] - mean) * (pair->t_s[j] - mean);
	for (k = count; k-- > 0;) {
		for (; i > 0 && pair->t_s[i - 1] > steps[k].from_s; i--)
			lever += pair->t_s[i - 1] - mean;
		added += pow(steps[k].se_ns * lever / sxx, 2);
	}
	for (i = 0, k = 0; i < pair->count; i++) {
		while (k < count && pair->t_s[i] > steps[k].from_s)
			sum += steps[k++].step_ns;
		/* Too wide for the search, and on an unknown side of the step: not used. */
		if (k && pair->t_s[i] < steps[k - 1].to_s)
			pair->half_ns[i] = -1;
		pair->offset_ns[i] -= sum;
	}
	return sqrt(added);
}

/* What was taken out of a pair's offsets, and what the drift of the rest has to pay for it. */
struct taken {
	size_t steps;
	double se;		/* of the slope, ns/s */
	double set_se_ns;	/* of all settings of the time together */
	double widen, least_se; /* see event_steps.h */
	size_t levels;
};

/* Beyond the first and the last event whose step is known nothing can be said; nor do outliers of a segment. */
static void cut_ends(struct pair *pair, const struct event_steps *known)
{
	for (size_t i = 0; i < pair->count; i++)
		if (pair->t_s[i] < known->first_s || pair->t_s[i] > known->last_s)
			pair->half_ns[i] = -1;
	for (size_t i = 0; i < known->outlier_count; i++)
		pair->half_ns[known->outliers[i]] = -1;
}

/* Windows of lines that overlap make the errors of neighbours hang together: up to half as much variance again. */
#define OVERLAP_VARIANCE 1.5

static int take_out_known(struct analysis *a, struct pair *pair, const struct drift *row,
	const struct pair_events *list, const struct event_steps *known, struct taken *taken)
{
	struct step_found *found = malloc((known->count + 1) * sizeof(*found));
	size_t set = taken->steps; /* by settings of the time */
	double se;

	for (size_t i = 0; found && i < known->count; i++) {
		const struct event_step *e = &known->steps[i];
		struct step *s;

		found[i] = e->found;
		s = e->significant ? add_step(a, pair, row, &e->found, taken->set_se_ns)
				   : add_row(&a->out->levels, &a->out->level_count, pair, row, &e->found,
					     taken->set_se_ns);
		if (!s)
			break;
		if (e->significant)
			cause_of_events(list->events + e->first, e->events, s);
		taken->steps++;
	}
	if (!found || taken->steps < set + known->count) {
		free(found);
		return error_set(a->err, -ENOMEM, "out of memory");
	}
	se = take_out_steps(pair, found, known->count);
	taken->se = hypot(taken->se, known->joint ? 0 : se * (known->count > 1 ? sqrt(OVERLAP_VARIANCE) : 1));
	taken->widen = known->widen;
	taken->least_se = known->slope_se;
	taken->levels = known->levels;
	if (known->joint)
		cut_ends(pair, known);
	free(found);
	return 0;
}

/* Steps at events, where they are proven. */
static int known_steps(struct analysis *a, struct pair *pair, const struct drift *row,
	const struct step_input *search, struct taken *taken)
{
	struct pair_events list;
	struct event_steps known = { 0 };
	struct event_steps_input in = {
		.t_s = pair->t_s,
		.offset_ns = pair->offset_ns,
		.half_ns = pair->half_ns,
		.apart_s = pair->apart_s,
		.count = pair->count,
		.floor_ns = search->floor_ns,
		.granularity_ns = a->granularity_ns,
	};
	int rc = pair_events_make(a->run, a->source, pair, row->clock, row->reference, &list, a->err);

	if (!rc) {
		in.at_s = list.at_s;
		in.event_count = list.count;
		in.end_s = list.end_s;
		rc = event_steps_find(&in, &known, a->err);
	}
	if (!rc && known.real)
		rc = take_out_known(a, pair, row, &list, &known, taken);
	event_steps_free(&known);
	pair_events_free(&list);
	return rc;
}

/* Settings of the time are known exactly: they are out before anything is estimated. */
static int set_steps(struct analysis *a, struct pair *pair, const struct drift *row, struct taken *taken)
{
	struct settings settings;
	int rc = settings_find(a->run, a->source, pair, &settings, a->err);

	for (size_t i = 0; !rc && i < settings.count; i++) {
		struct step *s = add_step(a, pair, row, &settings.found[i], 0);

		rc = s ? 0 : error_set(a->err, -ENOMEM, "out of memory");
		if (s)
			cause_of_setting(a->run, s);
		taken->set_se_ns = hypot(taken->set_se_ns, settings.found[i].se_ns);
	}
	if (!rc && settings.count) {
		taken->se = hypot(taken->se, take_out_steps(pair, settings.found, settings.count));
		taken->steps += settings.count;
	}
	settings_free(&settings);
	return rc;
}

/* Steps at unknown instants. */
static int unknown_steps(struct analysis *a, struct pair *pair, const struct drift *row,
	const struct step_input *search, struct taken *taken)
{
	struct step_found *found = malloc(STEPS_MAX * sizeof(*found));
	size_t count = 0;
	int rc = found ? steps_find(search, found, &count, a->err)
		       : error_set(a->err, -ENOMEM, "out of memory");

	if (!rc && count) {
		rc = add_steps(a, pair, row, found, count, taken->set_se_ns);
		taken->se = hypot(taken->se, take_out_steps(pair, found, count));
		taken->steps += count;
	}
	free(found);
	return rc;
}

static void fill_drift(
	struct drift *row, const struct fit *fit, const struct pair *pair, const struct taken *taken)
{
	double half = (fit->ci_high_ppm - fit->ci_low_ppm) / 2, n = (double)fit->used;

	half = fmax(half * taken->widen, STEP_SIGMA * taken->least_se / PPB_PER_PPM);
	/* Both errors come from the same points, so they are not independent: they add. */
	half += STEP_SIGMA * taken->se / PPB_PER_PPM;
	row->drift_ppm = fit->drift_ppm;
	row->ci_low_ppm = fit->drift_ppm - half;
	row->ci_high_ppm = fit->drift_ppm + half;
	row->systematic_ppm = fit->systematic_ppm;
	row->hull_low_ppm = fit->hull_low_ppm;
	row->hull_high_ppm = fit->hull_high_ppm;
	row->residual_ns = fit->residual_ns;
	/* Each free level takes a degree of freedom from the residuals. */
	if (taken->levels > 1 && n > (double)taken->levels + 1)
		row->residual_ns *= sqrt((n - 2) / (n - (double)taken->levels - 1));
	row->span_s = fit->span_s;
	row->width_ns = fit->width_ns;
	row->n = fit->used;
	row->rejected = fit->rejected;
	row->backward = pair->backward;
	row->max_backward_ns = pair->max_backward_ns;
	snprintf(row->method, sizeof(row->method), "%s", fit->method);
	if (taken->steps)
		snprintf(row->method, sizeof(row->method), "%s, %zu step%s out", fit->method, taken->steps,
			taken->steps == 1 ? "" : "s");
}

static int add_stability(
	struct analysis *a, const struct pair *pair, const struct drift *row, const bool *use)
{
	struct stability *rows = NULL, *grown;
	size_t count = 0, first = a->out->stability_count;
	int rc = pair_stability(pair, use, a->run->interval_s, &rows, &count, a->err);

	if (rc || !count)
		return rc;
	grown = append(a->out->stability, &a->out->stability_count, sizeof(*grown), count);
	if (grown) {
		a->out->stability = grown;
		for (size_t i = 0; i < count; i++) {
			grown[first + i] = rows[i];
			grown[first + i].cpu = pair->cpu;
			strcpy(grown[first + i].phase, row->phase);
			strcpy(grown[first + i].clock, row->clock);
			strcpy(grown[first + i].reference, row->reference);
		}
	}
	free(rows);
	return grown ? 0 : error_set(a->err, -ENOMEM, "out of memory");
}

/* What is left when the steps are out, against the brackets themselves. */
static void find_jumps(const struct analysis *a, const struct pair *pair, struct drift *row)
{
	const struct phase *phase = &a->run->phases[pair->phase];
	double steered = steering_injected_ppm(a->run, phase, pair->clock, a->reference);
	bool slewed = strcmp(row->relation, "arithmetic") == 0 ||
		      steering_may_change(a->run, phase, pair->clock, a->reference);
	struct jump_input in = {
		.t_s = pair->t_s,
		.offset_ns = pair->offset_ns,
		.half_ns = pair->half_ns,
		.apart_s = pair->apart_s,
		.count = pair->count,
		.rate_ppm = fmax(JUMP_LIMITS * row->limit_ppm, slewed ? JUMP_SLEWED_PPM : JUMP_FREE_PPM) +
			    fabs(steered),
		.slack_ns = 2 * a->granularity_ns + sqrt(12) * (quantum_ns(a->run, pair->clock) +
								       quantum_ns(a->run, pair->reference)),
		.least_ns = row->width_ns,
	};
	struct jumps found = { 0 };

	if (isfinite(in.rate_ppm) && isfinite(in.least_ns))
		found = jumps_find(&in);
	row->jumps = found.count;
	row->jump_s = found.at_s;
	row->jump_ns = found.largest_ns;
}

/* The rows of a phase stand together: the last one goes before those of that phase. */
static void move_before(struct estimates *e, const char *phase)
{
	size_t i = e->step_count - 1;
	struct step last = e->steps[i];

	for (; i > 0 && strcmp(e->steps[i - 1].phase, phase) == 0; i--)
		e->steps[i] = e->steps[i - 1];
	e->steps[i] = last;
}

/* A step between the phase before and this one, of which the steps are taken out already. */
static int step_between(struct analysis *a, const struct pair *pair, const struct drift *row,
	const struct step_input *search, const struct boundary_side *before)
{
	struct step_found found;
	struct drift of = *row;
	bool is_step;
	struct step *s;
	int rc = pair_boundary_step(a->run, pair, search, before, &is_step, &found, a->err);

	if (rc || !is_step)
		return rc;
	/* It belongs to the phase that began last. */
	if (found.from_s < pair->t_s[0])
		strcpy(of.phase, a->run->phases[before->phase].name);
	s = add_step(a, pair, &of, &found, 0);
	if (!s)
		return error_set(a->err, -ENOMEM, "out of memory");
	rc = pair_boundary_explain(a->run, a->source, pair, &found, s, a->err);
	if (strcmp(of.phase, row->phase) != 0)
		move_before(a->out, row->phase);
	return rc;
}

/* *end, of the phase before, becomes that of this one.  taken_ns: what the steps taken out of the last point add up to. */
static int join_phases(struct analysis *a, const struct pair *pair, const struct drift *row,
	const struct step_input *search, double taken_ns, struct boundary_side *end)
{
	int rc = step_between(a, pair, row, search, end);

	boundary_side_free(end);
	return rc ? rc : boundary_end_make(pair, taken_ns, search->slack_ns, end, a->err);
}

/* Screening, steps, fit and stability of one pair that has points. */
static int estimate_pair(struct analysis *a, struct pair *pair, struct drift *row, struct boundary_side *end)
{
	struct fit_input in = {
		.t_s = pair->t_s,
		.offset_ns = pair->offset_ns,
		.half_ns = pair->half_ns,
		.count = pair->count,
		.granularity_ns = a->granularity_ns,
		.resolution_ns = hypot(quantum_ns(a->run, pair->clock), quantum_ns(a->run, pair->reference)),
	};
	struct step_input search = {
		.t_s = pair->t_s,
		.offset_ns = pair->offset_ns,
		.half_ns = pair->half_ns,
		.count = pair->count,
		.floor_ns = fmax(in.resolution_ns, a->granularity_ns / sqrt(12)),
		.slack_ns = 2 * a->granularity_ns,
	};
	double last_ns = pair->offset_ns[pair->count - 1];
	struct taken taken = { .widen = 1 };
	bool *use = malloc(pair->count + 1);
	struct fit fit;
	int rc;

	rc = use ? 0 : error_set(a->err, -ENOMEM, "out of memory");
	if (!rc)
		rc = set_steps(a, pair, row, &taken);
	if (!rc)
		rc = known_steps(a, pair, row, &search, &taken);
	if (!rc)
		rc = unknown_steps(a, pair, row, &search, &taken);
	if (!rc)
		rc = join_phases(a, pair, row, &search, last_ns - pair->offset_ns[pair->count - 1], end);
	if (!rc)
		rc = fit_drift(&in, use, &fit, a->err);
	if (!rc) {
		fill_drift(row, &fit, pair, &taken);
		find_jumps(a, pair, row);
		rc = add_stability(a, pair, row, use);
	}
	free(use);
	return rc;
}

static struct drift drift_empty(const struct analysis *a, int cpu, int clock, size_t phase)
{
	struct drift row = {
		.cpu = cpu,
		.drift_ppm = NAN,
		.ci_low_ppm = NAN,
		.ci_high_ppm = NAN,
		.systematic_ppm = NAN,
		.hull_low_ppm = NAN,
		.hull_high_ppm = NAN,
		.residual_ns = NAN,
		.span_s = NAN,
		.width_ns = NAN,
		.factors_ppm = 0,
		.steering_ppm = steering_ppm(a->run, &a->run->phases[phase], clock, a->reference),
		.method = "none",
	};

	strcpy(row.phase, a->run->phases[phase].name);
	strcpy(row.clock, a->run->clocks[clock].name);
	strcpy(row.reference, a->reference == PAIR_TSC ? "tsc" : a->run->clocks[a->reference].name);
	strcpy(row.relation, relation_name(relation_of(a->run, &a->run->phases[phase], clock, a->reference)));
	return row;
}

/* How long one of both was not read in the phase. */
static double unread_s(const struct analysis *a, int cpu, int clock, size_t phase)
{
	const struct series *both[] = { samples_find(a->samples, cpu, (unsigned)clock),
		a->reference == PAIR_TSC ? NULL : pair_reference_series(a->samples, cpu, a->reference) };
	double longest_s = 0;

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		if (both[i])
			longest_s = fmax(longest_s,
				coverage_of(a->run, a->samples, &a->run->phases[phase], both[i]).unread_s);
	return longest_s;
}

static int analyze_pair(struct analysis *a, const struct series *series, size_t phase)
{
	int cpu = series->cpu, clock = (int)series->clock;
	struct drift row = drift_empty(a, cpu, clock, phase), *grown;
	enum pair_absence absence;
	struct pair pair;
	double factors;
	int rc;

	rc = judge_limit(a->limits, a->judging,
		relation_of(a->run, &a->run->phases[phase], clock, a->reference), &row, a->err);
	if (!rc)
		rc = pair_make(a->source, cpu, clock, a->reference, phase, &pair, &absence, a->err);
	if (rc)
		return rc;
	row.backward = pair.backward;
	row.max_backward_ns = pair.max_backward_ns;
	row.unread_s = unread_s(a, cpu, clock, phase);
	if (absence == PAIR_PRESENT)
		rc = estimate_pair(a, &pair, &row, &a->ends[series - a->samples->series]);
	pair_free(&pair);
	if (rc)
		return rc;
	factors = tsc_factors_ppm(a->run, clock, a->reference);
	row.factors_ppm = tsc_factors_part(&row, &a->run->phases[phase], factors);
	judge_drift(&a->run->phases[phase],
		steering_injected_ppm(a->run, &a->run->phases[phase], clock, a->reference), &row);
	if (steering_may_change(a->run, &a->run->phases[phase], clock, a->reference))
		judge_unsteady(&row);
	judge_jumps(&row);
	grown = append(a->out->drift, &a->out->drift_count, sizeof(row), 1);
	if (!grown)
		return error_set(a->err, -ENOMEM, "out of memory");
	a->out->drift = grown;
	grown[a->out->drift_count - 1] = row;
	return 0;
}

/* Every clock that was read on some CPU against the reference, phase by phase. */
static int analyze_pairs(struct analysis *a)
{
	int rc = 0;

	for (size_t phase = 0; phase < a->run->phase_count; phase++)
		for (size_t i = 0; !rc && i < a->samples->series_count; i++) {
			const struct series *s = &a->samples->series[i];
			bool is_pivot =
				a->reference == PAIR_TSC && strcmp(a->run->clocks[s->clock].name, "tsc") == 0;

			if ((int)s->clock != a->reference && !is_pivot)
				rc = analyze_pair(a, s, phase);
		}
	return rc;
}

static void ends_free(struct analysis *a)
{
	for (size_t i = 0; a->ends && i < a->samples->series_count; i++)
		boundary_side_free(&a->ends[i]);
	free(a->ends);
}

static int analyze_crosscpu(struct analysis *a)
{
	size_t count = a->samples->exchange_count;
	struct crosscpu *rows = calloc(count + 1, sizeof(*rows));

	if (!rows)
		return error_set(a->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct exchange *x = &a->samples->exchanges[i];
		double forward = cycles_to_ns((double)x->forward_min, a->run->tsc_hz);
		double backward = cycles_to_ns((double)x->backward_min, a->run->tsc_hz);

		strcpy(rows[i].phase, x->phase);
		rows[i].cpu_a = x->cpu_a;
		rows[i].cpu_b = x->cpu_b;
		rows[i].offset_ns = (forward - backward) / 2;
		rows[i].bound_ns = (forward + backward) / 2;
	}
	a->out->crosscpu = rows;
	a->out->crosscpu_count = count;
	return 0;
}

int analyze_run(const struct run *run, const struct samples *samples, const struct limits *limits,
	const struct judging *judging, struct estimates *estimates, struct error *err)
{
	struct analysis a = { run, samples, limits, judging, 0, 0, NULL, NULL, estimates, err };
	int rc;

	*estimates = (struct estimates){ 0 };
	rc = analyze_reference(run, judging, &a.reference, err);
	if (rc)
		return rc;
	a.granularity_ns = cycles_to_ns(analyze_granularity(run, samples), run->tsc_hz);
	a.source = pair_source_new(run, samples, err);
	if (!a.source)
		return -ENOMEM;
	a.ends = calloc(samples->series_count + 1, sizeof(*a.ends));
	rc = a.ends ? analyze_pairs(&a) : error_set(err, -ENOMEM, "out of memory");
	ends_free(&a);
	if (!rc)
		rc = recoveries_find(run, a.source, estimates, err);
	cause_by_steering(run, estimates->steps, rc ? 0 : estimates->step_count);
	if (!rc)
		rc = analyze_crosscpu(&a);
	if (!rc)
		rc = losses_backward(run, samples, a.source, estimates, err);
	if (!rc)
		rc = effects_find(run, estimates, err);
	if (!rc)
		rc = phase_results_find(run, samples, estimates, err);
	if (!rc) {
		estimates->losses = losses_count(run, samples, estimates);
		rc = judge_run(run, samples, estimates, err);
	}
	pair_source_free(a.source);
	if (rc)
		estimates_free(estimates);
	return rc;
}
