/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/phase_result.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cause.h"
#include "analysis/format.h"
#include "analysis/judge.h"
#include "analysis/phase.h"
#include "analysis/step_sums.h"
#include "results/text.h"

#define CLOCKS_NAMED 4

/* What the rows of one phase add up to. */
struct sum {
	int severity; /* index into severities, -1: no row */
	uint64_t injected, unexplained;
	uint64_t summed_injected, summed_others; /* steps that stand in a sentence of their own kind */
	uint64_t monotonic_backward;
	bool few;		 /* some drift has too few readings */
	bool against;		 /* a step or a backward reading that nobody asked for */
	const char *first_cause; /* of a step that an event explains and nobody asked for; NULL: none */
	size_t effects, significant;
	const struct effect *largest; /* of the significant ones where there are any; NULL: none is known */
	const struct drift *fastest;
};

struct results {
	const struct run *run;
	const struct estimates *e;
	struct phase_result *rows;
	struct sum *sums;
	struct step_sums steps;
};

static const char *const severities[] = { "injected", "consistent", "stable", "inconclusive", "unstable" };

static int severity_of(const char *status)
{
	for (int i = 0; i < (int)(sizeof(severities) / sizeof(*severities)); i++)
		if (strcmp(severities[i], status) == 0)
			return i;
	return -1;
}

static void __attribute__((format(printf, 2, 3))) say(struct phase_result *r, const char *format, ...)
{
	size_t used = strlen(r->text);
	va_list args;

	va_start(args, format);
	vsnprintf(r->text + used, sizeof(r->text) - used, format, args);
	va_end(args);
}

/* Between two statements. */
static const char *comma(const struct phase_result *r)
{
	return r->text[0] ? "; " : "";
}

static void add_drift(struct results *all, size_t p, const struct drift *row)
{
	const struct phase *phase = &all->run->phases[p];
	struct sum *s = &all->sums[p];
	int severity = severity_of(row->status);

	if (judge_is_few(row)) {
		s->few = true;
		return;
	}
	if (severity > s->severity && !phase_took_cpu(phase, row, all->e->drift, all->e->drift_count))
		s->severity = severity;
	if (isfinite(row->drift_ppm) && (!s->fastest || fabs(row->drift_ppm) > fabs(s->fastest->drift_ppm)))
		s->fastest = row;
}

static void add_backward(struct results *all, size_t p, const char *clock, uint64_t count)
{
	all->rows[p].backward += count;
	if (strcmp(clock, "monotonic") == 0)
		all->sums[p].monotonic_backward += count;
	if (count > cause_excused_backward(all->run, &all->run->phases[p], clock))
		all->sums[p].against = true;
}

/* The phase's own counts saw every reading of every burst; without them the stored readings must do. */
static void add_counted_backward(struct results *all, size_t p)
{
	const struct phase *phase = &all->run->phases[p];

	for (size_t i = 0; i < phase->backward_count; i++)
		add_backward(
			all, p, all->run->clocks[phase->backward[i].clock].name, phase->backward[i].count);
}

static void add_step(struct results *all, size_t p, size_t row)
{
	const struct step *step = &all->e->steps[row];
	struct sum *s = &all->sums[p];
	bool explained = strcmp(step->cause, "unknown") != 0, summed = step_sum_of(&all->steps, row);

	all->rows[p].steps++;
	all->rows[p].steps_explained += explained;
	s->unexplained += !explained;
	if (strcmp(step->injected, "yes") == 0) {
		s->injected++;
		s->summed_injected += summed;
		return;
	}
	s->against = true;
	s->summed_others += summed;
	if (explained && !s->first_cause)
		s->first_cause = step->cause;
}

static bool is_significant(const struct effect *e)
{
	return strcmp(e->significant, "yes") == 0;
}

static void add_effect(struct results *all, size_t p, const struct effect *e)
{
	struct sum *s = &all->sums[p];

	if (!isfinite(e->effect_ppm))
		return;
	s->effects++;
	s->significant += is_significant(e);
	if (!s->largest || is_significant(e) > is_significant(s->largest) ||
		(is_significant(e) == is_significant(s->largest) &&
			fabs(e->effect_ppm) > fabs(s->largest->effect_ppm)))
		s->largest = e;
}

static void add_all(struct results *all)
{
	const struct run *run = all->run;
	const struct phase *p = NULL;

	for (size_t i = 0; i < all->e->drift_count; i++) {
		const struct drift *row = &all->e->drift[i];

		p = phase_find(run, row->phase, p);
		if (!p)
			continue;
		add_drift(all, (size_t)(p - run->phases), row);
		if (row->backward && !p->backward_count)
			add_backward(all, (size_t)(p - run->phases), row->clock, row->backward);
	}
	for (size_t i = 0; i < all->e->step_count; i++) {
		p = phase_find(run, all->e->steps[i].phase, p);
		if (p)
			add_step(all, (size_t)(p - run->phases), i);
	}
	for (size_t i = 0; i < all->e->effect_count; i++) {
		p = phase_find(run, all->e->effects[i].phase, p);
		if (p)
			add_effect(all, (size_t)(p - run->phases), &all->e->effects[i]);
	}
	for (size_t i = 0; i < run->phase_count; i++)
		add_counted_backward(all, i);
}

static double phase_duration(const struct run *run, const struct phase *phase, uint64_t first, uint64_t last)
{
	uint64_t from = phase->tsc_lo ? phase->tsc_lo : first;
	uint64_t to = phase->tsc_hi < UINT64_MAX ? phase->tsc_hi : last;

	return to > from ? (double)(to - from) / run->tsc_hz : NAN;
}

static void extent(const struct samples *samples, uint64_t *first, uint64_t *last)
{
	*first = UINT64_MAX;
	*last = 0;
	for (size_t i = 0; i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];

		if (!s->count)
			continue;
		if (s->readings[0].tsc_lo < *first)
			*first = s->readings[0].tsc_lo;
		if (s->readings[s->count - 1].tsc_lo > *last)
			*last = s->readings[s->count - 1].tsc_lo;
	}
}

static void say_done(struct phase_result *r, const struct phase *phase)
{
	static const char *const names[] = { "unknown", "no", "yes" };
	char asked[200];

	for (size_t i = 0; i < phase->disturbance_count; i++) {
		size_t used = strlen(r->disturbances);

		phase_asked(&phase->disturbances[i], asked, sizeof(asked));
		snprintf(
			r->disturbances + used, sizeof(r->disturbances) - used, "%s%s", i ? "; " : "", asked);
	}
	text_clean(r->disturbances);
	strcpy(r->observed, phase_is_idle(phase) ? "idle" : names[phase_observed(phase)]);
}

static void say_not_seen(struct phase_result *r, const struct phase *phase)
{
	for (size_t i = 0; i < phase->disturbance_count; i++) {
		const struct phase_disturbance *d = &phase->disturbances[i];

		if (d->observed == OBSERVED_YES)
			continue;
		say(r, "%s%s %s", comma(r), d->name,
			d->observed == OBSERVED_NO ? "was not observed" : "may or may not have happened");
		if (d->evidence[0])
			say(r, " (%s)", d->evidence);
	}
}

/* Steps of a kind that are many. */
static void say_step_sums(struct phase_result *r, const struct step_sums *sums)
{
	char text[sizeof(r->text)];

	for (size_t i = 0; i < sums->count; i++) {
		const struct step_sum *sum = &sums->sums[i];

		if (sum->most < STEP_SUM_LEAST || strcmp(sum->step->phase, r->phase) != 0)
			continue;
		step_sum_say(sum, text, sizeof(text));
		say(r, "%s%s%s", comma(r), text,
			strcmp(sum->step->injected, "yes") == 0 ? ", as asked for" : "");
	}
}

static void say_steps(struct phase_result *r, const struct sum *s)
{
	uint64_t injected = s->injected - s->summed_injected;
	uint64_t others = r->steps_explained - s->injected - s->summed_others;
	uint64_t all = injected + others + s->unexplained;
	const char *separator = ": ";

	if (!all)
		return;
	say(r, "%s%llu %sstep%s", comma(r), (unsigned long long)all, all < r->steps ? "other " : "",
		all == 1 ? "" : "s");
	if (injected) {
		say(r, "%s%llu as asked for", separator, (unsigned long long)injected);
		separator = ", ";
	}
	if (others) {
		say(r, "%s%llu with an event (%.*s)", separator, (unsigned long long)others,
			(int)strcspn(s->first_cause, ":"), s->first_cause);
		separator = ", ";
	}
	if (s->unexplained)
		say(r, "%s%llu unexplained", separator, (unsigned long long)s->unexplained);
}

/* The clocks that the largest effect moved too: significantly, and by no clearly other amount. */
static void say_moved_alike(struct phase_result *r, const struct estimates *e, const struct effect *largest)
{
	const char *named[CLOCKS_NAMED] = { largest->clock };
	size_t count = 1;

	say(r, "%s", largest->clock);
	for (size_t i = 0; i < e->effect_count; i++) {
		const struct effect *other = &e->effects[i];
		bool known = false;

		if (!is_significant(other) || strcmp(other->phase, largest->phase) != 0 ||
			other->ci_low_ppm > largest->ci_high_ppm || other->ci_high_ppm < largest->ci_low_ppm)
			continue;
		for (size_t k = 0; k < count; k++)
			known |= strcmp(named[k], other->clock) == 0;
		if (known)
			continue;
		if (count == CLOCKS_NAMED) {
			say(r, " and more");
			return;
		}
		named[count++] = other->clock;
		say(r, ", %s", other->clock);
	}
}

static void say_effect(struct phase_result *r, const struct estimates *e, const struct sum *s)
{
	const struct effect *l = s->largest;
	struct formatted size;

	if (!l) {
		say(r, "%sno effect can be told: %s", comma(r),
			s->few ? "too few readings" : "no idle phase to hold it against");
		return;
	}
	size = format_drift(l->effect_ppm, l->ci_low_ppm, l->ci_high_ppm);
	say(r, "%s", comma(r));
	if (!s->significant) {
		say(r, "no significant effect on a drift; the largest is %s on %s", size.text, l->clock);
		return;
	}
	say_moved_alike(r, e, l);
	say(r, ": %s, significant (%zu of %zu effects are)", size.text, s->significant, s->effects);
}

/* A change of the clocksource is where the kernel's own clock may go backward, which it must never do. */
static void say_backward(
	struct phase_result *r, const struct phase *phase, const struct run *run, const struct sum *s)
{
	uint64_t others = r->backward - s->monotonic_backward;

	if (phase_has(phase, DISTURBANCE_CLOCKSOURCE) && run_clock_find(run, "monotonic") >= 0) {
		if (s->monotonic_backward)
			say(r, "%smonotonic went backward %s", comma(r),
				format_times(s->monotonic_backward).text);
		if (others)
			say(r, "%s%llu reading%s of other clocks went backward%s", comma(r),
				(unsigned long long)others, others == 1 ? "" : "s",
				s->monotonic_backward ? "" : ", none of monotonic");
		if (!r->backward)
			say(r, "%sneither monotonic nor another clock went backward", comma(r));
	} else if (r->backward)
		say(r, "%s%llu reading%s went backward", comma(r), (unsigned long long)r->backward,
			r->backward == 1 ? "" : "s");
	else if (phase_has(phase, DISTURBANCE_CLOCKSOURCE))
		say(r, "%sno clock went backward; monotonic was not read", comma(r));
}

static struct formatted largest_drift(const struct drift *row)
{
	return format_drift(row->drift_ppm, row->ci_low_ppm - row->systematic_ppm,
		row->ci_high_ppm + row->systematic_ppm);
}

static void conclude(struct results *all, size_t p)
{
	const struct phase *phase = &all->run->phases[p];
	struct phase_result *r = &all->rows[p];
	struct sum *s = &all->sums[p];
	bool seen = phase_observed(phase) == OBSERVED_YES;

	strcpy(r->phase, phase->name);
	say_done(r, phase);
	strcpy(r->status, !seen		    ? "none"
			  : s->against	    ? "unstable"
			  : s->severity < 0 ? "inconclusive"
					    : severities[s->severity]);
	if (!seen)
		say_not_seen(r, phase);
	say_backward(r, phase, all->run, s);
	say_step_sums(r, &all->steps);
	say_steps(r, s);
	if (seen && !phase_is_idle(phase))
		say_effect(r, all->e, s);
	else if (seen && s->fastest)
		say(r, "%sundisturbed; the largest drift is %s of %s against %s", comma(r),
			largest_drift(s->fastest).text, s->fastest->clock, s->fastest->reference);
	else if (seen)
		say(r, "%sundisturbed; no drift can be told", comma(r));
	text_clean(r->text);
}

int phase_results_find(
	const struct run *run, const struct samples *samples, struct estimates *estimates, struct error *err)
{
	size_t count = run->phase_count;
	struct results all = { .run = run,
		.e = estimates,
		.rows = calloc(count + 1, sizeof(*all.rows)),
		.sums = calloc(count + 1, sizeof(*all.sums)) };
	uint64_t first, last;

	if (!all.rows || !all.sums || step_sums_make(run, estimates, &all.steps, err)) {
		free(all.rows);
		free(all.sums);
		step_sums_free(&all.steps);
		return error_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < count; i++)
		all.sums[i].severity = -1;
	add_all(&all);
	extent(samples, &first, &last);
	for (size_t i = 0; i < count; i++) {
		all.rows[i].duration_s = phase_duration(run, &run->phases[i], first, last);
		conclude(&all, i);
	}
	free(all.sums);
	step_sums_free(&all.steps);
	estimates->phases = all.rows;
	estimates->phase_count = count;
	return 0;
}
