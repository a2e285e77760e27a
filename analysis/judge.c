/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/judge.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/format.h"

/* At most this many reasons of one kind are spelled out; the rest are counted. */
#define REASONS_OF_A_KIND 6

int judge_limit(const struct limits *limits, const struct judging *judging, enum relation relation,
	struct drift *row, struct error *err)
{
	const char *name = judging->limits[0] ? judging->limits : relation_limit(relation);
	const struct limit *limit;

	if (judging->limit_ppm > 0) {
		row->limit_ppm = judging->limit_ppm;
		strcpy(row->limit, "user");
		return 0;
	}
	limit = limits_find(limits, name);
	if (!limit)
		return error_set(
			err, -EINVAL, "limit preset \"%s\" is not known; see 'clkdrift list limits'", name);
	row->limit_ppm = limit->ppm;
	snprintf(row->limit, sizeof(row->limit), "%s", limit->name);
	return 0;
}

static bool is_arithmetic(const struct drift *row)
{
	return strcmp(row->relation, "arithmetic") == 0;
}

/* What is judged: the drift, less what the kernel admits where only arithmetic is in question. */
static double judged_shift(const struct drift *row)
{
	return strcmp(row->limit, "arithmetic") == 0 && isfinite(row->steering_ppm) ? -row->steering_ppm : 0;
}

void judge_drift(struct drift *row)
{
	double shift = judged_shift(row);
	double low = row->ci_low_ppm - row->systematic_ppm + shift;
	double high = row->ci_high_ppm + row->systematic_ppm + shift;
	const char *status = "inconclusive";

	if (low > row->limit_ppm || high < -row->limit_ppm)
		status = "unstable";
	else if (low >= -row->limit_ppm && high <= row->limit_ppm)
		status = is_arithmetic(row) ? "consistent" : "stable";
	snprintf(row->status, sizeof(row->status), "%s", status);
}

double judge_minutes(const struct drift *row)
{
	double half = (row->ci_high_ppm - row->ci_low_ppm) / 2 + row->systematic_ppm;
	double gap = fabs(row->limit_ppm - fabs(row->drift_ppm + judged_shift(row)));

	if (!(gap > 0) || !isfinite(half) || !(row->span_s > 0))
		return 0;
	/* The systematic term shrinks as 1/T, the statistical one at least as fast. */
	return row->span_s * half / gap / 60;
}

static bool has_status(const struct drift *row, const char *status)
{
	return strcmp(row->status, status) == 0;
}

static bool never_read(const struct drift *row)
{
	return row->n == 0 && row->rejected == 0;
}

struct judge {
	const struct run *run;
	const struct samples *samples;
	struct estimates *e;
	int rc;
};

#define SAY(j, ...)                                                                                          \
	do {                                                                                                 \
		if (!(j)->rc)                                                                                \
			(j)->rc = verdict_add(&(j)->e->verdict, __VA_ARGS__);                                \
	} while (0)

static void where(const struct run *run, const char *phase, int cpu, char *text, size_t size)
{
	if (run->phase_count > 1)
		snprintf(text, size, "CPU %d, phase %s", cpu, phase);
	else
		snprintf(text, size, "CPU %d", cpu);
}

static struct formatted interval(const struct drift *row)
{
	return format_drift(row->drift_ppm, row->ci_low_ppm - row->systematic_ppm,
		row->ci_high_ppm + row->systematic_ppm);
}

/* What goes beyond REASONS_OF_A_KIND is counted. */
static size_t say_more(struct judge *j, size_t count, const char *what)
{
	if (count > REASONS_OF_A_KIND)
		SAY(j, "... and %zu more %s", count - REASONS_OF_A_KIND, what);
	return count;
}

static size_t say_unstable(struct judge *j)
{
	size_t count = 0;
	char place[96];

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (!has_status(row, "unstable") || count++ >= REASONS_OF_A_KIND)
			continue;
		where(j->run, row->phase, row->cpu, place, sizeof(place));
		SAY(j, "%s drifts %s against %s (%s): beyond the limit %s of %s", row->clock,
			interval(row).text, row->reference, place, row->limit,
			format_ppm(row->limit_ppm).text);
	}
	return say_more(j, count, "pairs beyond their limit");
}

static size_t say_steps(struct judge *j)
{
	size_t count = 0;
	char place[96];

	for (size_t i = 0; i < j->e->step_count; i++) {
		const struct step *s = &j->e->steps[i];

		if (count++ >= REASONS_OF_A_KIND)
			continue;
		where(j->run, s->phase, s->cpu, place, sizeof(place));
		SAY(j, "%s stepped by %s against %s at %.3f s (%s); cause: %s", s->clock,
			format_offset(s->step_ns, (s->ci_high_ns - s->ci_low_ns) / 2).text, s->reference,
			s->at_s, place, s->cause);
	}
	return say_more(j, count, "steps");
}

static size_t say_backward(struct judge *j)
{
	size_t count = j->e->backward_count;

	for (size_t i = 0; i < count && i < REASONS_OF_A_KIND; i++) {
		const struct backward *b = &j->e->backward[i];

		SAY(j, "%s went backward %llu times on CPU %d, by up to %s", b->clock,
			(unsigned long long)b->count, b->cpu, format_ns(b->largest_ns).text);
	}
	return say_more(j, count, "clocks that went backward");
}

static bool disjoint(const struct crosscpu *a, const struct crosscpu *b)
{
	return fabs(a->offset_ns - b->offset_ns) > a->bound_ns + b->bound_ns;
}

static size_t say_apart(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->crosscpu_count; i++) {
		const struct crosscpu *c = &j->e->crosscpu[i];

		if (fabs(c->offset_ns) > c->bound_ns && count++ < REASONS_OF_A_KIND)
			SAY(j, "the TSCs of CPU %d and CPU %d are %s apart (%s)", c->cpu_a, c->cpu_b,
				format_offset(c->offset_ns, c->bound_ns).text, c->phase);
	}
	return say_more(j, count, "pairs of CPUs apart");
}

/* By CPU pair, then in the order of the exchanges. */
static int crosscpu_order(const void *a, const void *b)
{
	const struct crosscpu *x = *(const struct crosscpu *const *)a,
			      *y = *(const struct crosscpu *const *)b;

	if (x->cpu_a != y->cpu_a)
		return x->cpu_a < y->cpu_a ? -1 : 1;
	if (x->cpu_b != y->cpu_b)
		return x->cpu_b < y->cpu_b ? -1 : 1;
	return (x > y) - (x < y);
}

/* The latest of the exchanges of that pair before `now` that cannot agree with it, or NULL. */
static const struct crosscpu *moved_from(
	const struct crosscpu *const *now, const struct crosscpu *const *first)
{
	const struct crosscpu *c = *now;

	while (now-- > first && (*now)->cpu_a == c->cpu_a && (*now)->cpu_b == c->cpu_b)
		if (disjoint(*now, c))
			return *now;
	return NULL;
}

static size_t say_moved(struct judge *j)
{
	size_t n = j->e->crosscpu_count, count = 0;
	const struct crosscpu **sorted = malloc((n + 1) * sizeof(*sorted));

	if (!sorted) {
		j->rc = -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &j->e->crosscpu[i];
	qsort(sorted, n, sizeof(*sorted), crosscpu_order);
	for (size_t i = 0; i < n; i++) {
		const struct crosscpu *c = sorted[i], *before = moved_from(&sorted[i], sorted);

		if (before && count++ < REASONS_OF_A_KIND)
			SAY(j, "the TSCs of CPU %d and CPU %d moved from %s (%s) to %s (%s)", c->cpu_a,
				c->cpu_b, format_offset(before->offset_ns, before->bound_ns).text,
				before->phase, format_offset(c->offset_ns, c->bound_ns).text, c->phase);
	}
	free(sorted);
	return say_more(j, count, "moves of TSCs");
}

static size_t say_straddling(struct judge *j)
{
	size_t count = 0;
	char place[96];

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		double minutes = judge_minutes(row);

		if (!has_status(row, "inconclusive") || row->n == 0 || count++ >= REASONS_OF_A_KIND)
			continue;
		where(j->run, row->phase, row->cpu, place, sizeof(place));
		if (!isfinite(row->drift_ppm))
			SAY(j, "%s against %s (%s): %llu usable readings are too few for a drift", row->clock,
				row->reference, place, (unsigned long long)row->n);
		else if (minutes > 0 && minutes < 1e5)
			SAY(j,
				"%s drifts %s against %s (%s): the interval straddles the limit %s of %s; "
				"a run of about %.0f min would settle it",
				row->clock, interval(row).text, row->reference, place, row->limit,
				format_ppm(row->limit_ppm).text, ceil(minutes));
		else
			SAY(j, "%s drifts %s against %s (%s): the interval straddles the limit %s of %s",
				row->clock, interval(row).text, row->reference, place, row->limit,
				format_ppm(row->limit_ppm).text);
	}
	return say_more(j, count, "pairs without a clear answer");
}

static size_t say_rejected(struct judge *j)
{
	size_t count = 0;
	char place[96];

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		double all = (double)(row->n + row->rejected);

		if (!((double)row->rejected > JUDGE_REJECTED_MAX * all) || count++ >= REASONS_OF_A_KIND)
			continue;
		where(j->run, row->phase, row->cpu, place, sizeof(place));
		SAY(j, "%s against %s (%s): %llu of %.0f readings had to be rejected", row->clock,
			row->reference, place, (unsigned long long)row->rejected, all);
	}
	return say_more(j, count, "pairs with many readings rejected");
}

static bool phase_has_readings(const struct samples *samples, const struct phase *phase)
{
	for (size_t i = 0; i < samples->series_count; i++)
		for (size_t k = 0; k < samples->series[i].count; k++)
			if (samples->series[i].readings[k].tsc_lo >= phase->tsc_lo &&
				samples->series[i].readings[k].tsc_lo < phase->tsc_hi)
				return true;
	return false;
}

static size_t say_empty(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->run->phase_count; i++)
		if (!phase_has_readings(j->samples, &j->run->phases[i]) && count++ < REASONS_OF_A_KIND)
			SAY(j, "phase %s has no readings", j->run->phases[i].name);
	return say_more(j, count, "phases without readings");
}

static bool named_phase_has_readings(const struct judge *j, const char *name)
{
	for (size_t i = 0; i < j->run->phase_count; i++)
		if (strcmp(j->run->phases[i].name, name) == 0 &&
			phase_has_readings(j->samples, &j->run->phases[i]))
			return true;
	return false;
}

/* A pair that has no common reading in a phase in which others have: a CPU or a clock that went away. */
static size_t say_absent(struct judge *j)
{
	size_t count = 0;
	char place[96];

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (!never_read(row) || !named_phase_has_readings(j, row->phase) ||
			count++ >= REASONS_OF_A_KIND)
			continue;
		where(j->run, row->phase, row->cpu, place, sizeof(place));
		SAY(j, "%s against %s (%s): one of them has no readings", row->clock, row->reference, place);
	}
	return say_more(j, count, "pairs without readings");
}

static size_t say_changes(struct judge *j)
{
	json_t *change;
	size_t i, count = 0;

	json_array_foreach(j->run->environment_changes, i,
		change) if (json_is_string(change) && count++ < REASONS_OF_A_KIND)
		SAY(j, "the environment changed during the run: %s", json_string_value(change));
	return say_more(j, count, "changes of the environment");
}

static size_t say_lost_cpus(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->run->event_count; i++)
		if (strcmp(j->run->events[i].kind, "cpu-lost") == 0 && count++ < REASONS_OF_A_KIND)
			SAY(j, "%s", j->run->events[i].text);
	return say_more(j, count, "CPUs lost");
}

/* Rows that witness for a clock: another oscillator agreed. */
static size_t count_status(const struct estimates *e, const char *status)
{
	size_t count = 0;

	for (size_t i = 0; i < e->drift_count; i++)
		count += has_status(&e->drift[i], status);
	return count;
}

/* A pair that was read and compares two oscillators, else one that was read, else NULL. */
static const struct drift *best_witness(const struct estimates *e)
{
	const struct drift *found = NULL;

	for (size_t i = 0; i < e->drift_count; i++) {
		if (never_read(&e->drift[i]))
			continue;
		found = &e->drift[i];
		if (!is_arithmetic(found))
			return found;
	}
	return found;
}

static size_t say_dependent(struct judge *j)
{
	const struct drift *witness = best_witness(j->e);

	if (!witness) {
		SAY(j, "there are no two clocks to compare");
		return 1;
	}
	if (!is_arithmetic(witness))
		return 0;
	SAY(j,
		"no independent reference: every clock that was compared follows the oscillator \"%s\", so "
		"agreement is arithmetic and no proof that any of them is right",
		relation_oscillator(j->run, run_clock_find(j->run, witness->clock)));
	return 1;
}

static void say_agreement(struct judge *j, const char *status, const char *what)
{
	const struct drift *worst = NULL;
	size_t count = count_status(j->e, status);

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (has_status(row, status) &&
			(!worst || fabs(row->drift_ppm + judged_shift(row)) >
					   fabs(worst->drift_ppm + judged_shift(worst))))
			worst = row;
	}
	if (worst)
		SAY(j,
			"%zu %s; the largest, systematic part included: %s %s against %s on CPU %d, limit %s "
			"of %s",
			count, what, worst->clock, interval(worst).text, worst->reference, worst->cpu,
			worst->limit, format_ppm(worst->limit_ppm).text);
}

static void say_cut_short(struct judge *j)
{
	const struct run *run = j->run;

	if (strcmp(run->state, "interrupted") == 0)
		SAY(j, "the run was interrupted before its %s were over",
			format_duration(run->duration_s).text);
	else if (strcmp(run->state, "running") == 0 || strcmp(run->state, "failed") == 0)
		SAY(j, "the run ended before its time: its state is \"%s\"", run->state);
}

static void say_steering(struct judge *j)
{
	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (isfinite(row->steering_ppm) && row->steering_ppm != 0) {
			SAY(j,
				"the kernel steers %s by %+.6g ppm against %s (adjtimex); the measured drift "
				"is %s",
				row->clock, row->steering_ppm, row->reference, interval(row).text);
			return;
		}
	}
}

static void say_assumed(struct judge *j)
{
	for (size_t i = 0; i < j->run->clock_count; i++) {
		const struct clock_info *c = &j->run->clocks[i];

		if (!c->oscillator_assumed)
			continue;
		SAY(j, "run.json does not say which oscillators the clocks follow; assumed: %s follows %s",
			c->name, c->oscillator);
		return;
	}
}

int judge_run(const struct run *run, const struct samples *samples, struct estimates *e, struct error *err)
{
	struct judge j = { .run = run, .samples = samples, .e = e };
	size_t against, open;

	against = say_unstable(&j);
	against += say_steps(&j);
	against += say_backward(&j);
	against += say_apart(&j);
	against += say_moved(&j);
	open = say_straddling(&j);
	open += say_rejected(&j);
	open += say_empty(&j);
	open += say_absent(&j);
	open += say_changes(&j);
	open += say_lost_cpus(&j);
	open += say_dependent(&j);
	say_agreement(&j, "stable", "pairs on different oscillators are within their limit");
	say_agreement(&j, "consistent", "pairs on one oscillator agree to within arithmetic");
	say_cut_short(&j);
	say_steering(&j);
	say_assumed(&j);
	e->verdict.status = against ? STATUS_UNSTABLE : open ? STATUS_INCONCLUSIVE : STATUS_STABLE;
	return j.rc ? error_set(err, j.rc, "out of memory") : 0;
}
