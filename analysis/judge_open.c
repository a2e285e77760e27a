/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Reasons that leave a verdict open. */
#include "analysis/judge_parts.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/coverage.h"
#include "analysis/judge.h"
#include "analysis/phase.h"
#include "analysis/steering.h"
#include "results/text.h"

#define UNLIKE_PPM 0.1 /* the arithmetic limit: intervals miss the truth now and then, but not by so much */

static void say_not_seen(struct judge *j, const struct phase *phase, const struct phase_disturbance *d)
{
	char asked[110], evidence[160];

	phase_asked(d, asked, sizeof(asked));
	snprintf(evidence, sizeof(evidence), "%s%.150s%s", d->evidence[0] ? " (" : "", d->evidence,
		d->evidence[0] ? ")" : "");
	text_clean(evidence);
	if (d->observed == OBSERVED_NO)
		SAY(j, "phase %s: \"%s\" was asked for and not observed%s: no verdict", phase->name, asked,
			evidence);
	else
		SAY(j, "phase %s: \"%s\" was asked for, and whether it happened is not known: no verdict",
			phase->name, asked);
}

size_t judge_say_unobserved(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->run->phase_count; i++) {
		const struct phase *phase = &j->run->phases[i];

		for (size_t k = 0; k < phase->disturbance_count; k++)
			if (phase->disturbances[k].observed != OBSERVED_YES && count++ < REASONS_OF_A_KIND)
				say_not_seen(j, phase, &phase->disturbances[k]);
	}
	return judge_say_more(j, count, "disturbances that were not observed");
}

/* The pair's noise at its longest averaging time; empty: not known. */
static const char *long_noise(const struct estimates *e, const struct drift *row)
{
	const struct stability *longest = NULL;

	for (size_t i = 0; i < e->stability_count; i++) {
		const struct stability *s = &e->stability[i];

		if (s->cpu == row->cpu && strcmp(s->clock, row->clock) == 0 &&
			strcmp(s->reference, row->reference) == 0 && strcmp(s->phase, row->phase) == 0 &&
			strcmp(s->noise, "unknown") != 0 && (!longest || s->tau_s > longest->tau_s))
			longest = s;
	}
	return longest ? longest->noise : "";
}

/*
 * Minutes that would settle it, where time does: no longer run tells what a daemon that steers will do, nor does the
 * mean of a rate that flickers or walks settle.  Of white FM the error shrinks with the root of the time alone.
 */
static double minutes_to_settle(const struct judge *j, size_t i)
{
	static const char *const endless[] = { "flicker FM", "random walk FM", "flicker walk FM",
		"random run FM" };
	const struct drift *row = &j->e->drift[i];
	const char *noise = long_noise(j->e, row);
	double minutes = judge_minutes(row, j->shifts[i]);

	/* Nor does the mean of a clock that jumps. */
	if (row->jumps)
		return 0;
	if (j->phases[i] && steering_may_change(j->run, j->phases[i], run_clock_find(j->run, row->clock),
				    run_clock_find(j->run, row->reference)))
		return 0;
	for (size_t k = 0; k < sizeof(endless) / sizeof(endless[0]); k++)
		if (strcmp(noise, endless[k]) == 0)
			return 0;
	return strcmp(noise, "white FM") == 0 ? minutes * fmax(1, minutes * 60 / row->span_s) : minutes;
}

size_t judge_say_straddling(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		double minutes = minutes_to_settle(j, i);

		if (!has_status(row, "inconclusive") || never_read(row) || judge_is_few(row) ||
			!judge_as_asked(j, i) ||
			/* Then only what was not read leaves it open. */
			judge_is_within(row, j->shifts[i]) || count++ >= REASONS_OF_A_KIND)
			continue;
		if (!isfinite(row->drift_ppm))
			SAY(j, "%s against %s (%s): no drift can be told", row->clock, row->reference,
				judge_place(j->run, row->phase, row->cpu).text);
		else if (judge_is_beyond(row, j->shifts[i]))
			SAY(j,
				"%s drifts %s%s against %s (%s): beyond the limit %s of %s, but a time "
				"daemon runs, "
				"which may have steered it by more for a while",
				row->clock, judge_interval(row).text, judge_steered(j, i).text,
				row->reference, judge_place(j->run, row->phase, row->cpu).text, row->limit,
				format_ppm(row->limit_ppm).text);
		else if (minutes > 0 && minutes < 1e5)
			SAY(j,
				"%s drifts %s%s against %s (%s): the interval straddles the limit %s of %s; "
				"a run of about %.0f min would settle it",
				row->clock, judge_interval(row).text, judge_steered(j, i).text,
				row->reference, judge_place(j->run, row->phase, row->cpu).text, row->limit,
				format_ppm(row->limit_ppm).text, ceil(minutes));
		else
			SAY(j, "%s drifts %s%s against %s (%s): the interval straddles the limit %s of %s",
				row->clock, judge_interval(row).text, judge_steered(j, i).text,
				row->reference, judge_place(j->run, row->phase, row->cpu).text, row->limit,
				format_ppm(row->limit_ppm).text);
	}
	return judge_say_more(j, count, "pairs without a clear answer");
}

size_t judge_say_jumps(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (!row->jumps || !has_status(row, "inconclusive") || !judge_as_asked(j, i) ||
			count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j,
			"%s moves against %s (%s) as no steady clock does, %s, the most by %s at %.3f s, "
			"beyond what the brackets allow: its drift does not tell what it does",
			row->clock, row->reference, judge_place(j->run, row->phase, row->cpu).text,
			format_times(row->jumps).text, format_ns(fabs(row->jump_ns)).text, row->jump_s);
	}
	return judge_say_more(j, count, "pairs that jump");
}

/* Of one clock in one phase: the CPU where it must be fastest, and that where it must be slowest. */
struct extremes {
	const struct drift *fast, *slow;
};

static double at_least(const struct drift *row)
{
	return row->ci_low_ppm - row->systematic_ppm;
}

static double at_most(const struct drift *row)
{
	return row->ci_high_ppm + row->systematic_ppm;
}

static size_t say_unlike(struct judge *j, const struct extremes *of, size_t said)
{
	size_t count = 0;

	for (size_t c = 0; c < j->run->clock_count; c++) {
		const struct drift *fast = of[c].fast, *slow = of[c].slow;

		if (!fast || !(at_least(fast) - at_most(slow) > UNLIKE_PPM) ||
			said + count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j,
			"%s drifts %s against %s on CPU %d and %s on CPU %d (phase %s): one and the same "
			"clock cannot",
			fast->clock, judge_interval(fast).text, fast->reference, fast->cpu,
			judge_interval(slow).text, slow->cpu, fast->phase);
	}
	return count;
}

/* Rows of a phase stand together. */
size_t judge_say_unlike(struct judge *j)
{
	struct extremes *of = calloc(j->run->clock_count + 1, sizeof(*of));
	size_t count = 0;

	if (!of)
		j->rc = -ENOMEM;
	for (size_t i = 0; of && i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		int c = run_clock_find(j->run, row->clock);

		/* Half a phase may have had another rate than the whole. */
		if (c >= 0 && row->n >= JUDGE_READINGS_MIN && row->unread_s == 0 && isfinite(at_least(row))) {
			if (!of[c].fast || at_least(row) > at_least(of[c].fast))
				of[c].fast = row;
			if (!of[c].slow || at_most(row) < at_most(of[c].slow))
				of[c].slow = row;
		}
		if (i + 1 == j->e->drift_count || strcmp(row->phase, j->e->drift[i + 1].phase) != 0) {
			count += say_unlike(j, of, count);
			memset(of, 0, j->run->clock_count * sizeof(*of));
		}
	}
	free(of);
	return judge_say_more(j, count, "clocks that differ between CPUs");
}

size_t judge_say_rejected(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		double all = (double)(row->n + row->rejected);

		if ((judge_is_few(row) && row->rejected < JUDGE_READINGS_MIN) ||
			!((double)row->rejected > JUDGE_REJECTED_MAX * all) || count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j, "%s against %s (%s): %llu of %.0f readings had to be rejected", row->clock,
			row->reference, judge_place(j->run, row->phase, row->cpu).text,
			(unsigned long long)row->rejected, all);
	}
	return judge_say_more(j, count, "pairs with many readings rejected");
}

/* Clocks of one CPU that were not read for the same time, as those of one exchange. */
static void say_unread(struct judge *j, const struct phase *phase, const struct series *of,
	const struct coverage *c, const struct coverage *all)
{
	char names[160] = "", where[32] = "";
	size_t count = 0;

	for (size_t i = 0; i < j->samples->series_count; i++) {
		const struct series *s = &j->samples->series[i];
		size_t used = strlen(names);

		if (s->cpu == of->cpu && all[i].unread_s == c->unread_s && ++count <= CLOCKS_NAMED)
			snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
				j->run->clocks[s->clock].name);
	}
	if (j->run->clocks[of->clock].cadence == CADENCE_TIGHT)
		snprintf(where, sizeof(where), " (CPU %d)", of->cpu);
	SAY(j, "%s%s%s %s read for %s of the %s of phase %s only: nothing is known of the rest", names,
		count > CLOCKS_NAMED ? " and more" : "", where, count > 1 ? "were" : "was",
		format_duration(c->all_s - c->unread_s).text, format_duration(c->all_s).text, phase->name);
}

static size_t say_unread_in(struct judge *j, const struct phase *phase, struct coverage *all, size_t said)
{
	size_t count = 0;

	for (size_t i = 0; i < j->samples->series_count; i++)
		all[i] = coverage_of(j->run, j->samples, phase, &j->samples->series[i]);
	for (size_t i = 0; i < j->samples->series_count; i++) {
		bool again = false;

		for (size_t k = i; k-- > 0 && j->samples->series[k].cpu == j->samples->series[i].cpu;)
			again |= all[k].unread_s == all[i].unread_s;
		if (all[i].unread_s > 0 && !again && said + count++ < REASONS_OF_A_KIND)
			say_unread(j, phase, &j->samples->series[i], &all[i], all);
	}
	return count;
}

size_t judge_say_unread(struct judge *j)
{
	struct coverage *all = malloc((j->samples->series_count + 1) * sizeof(*all));
	size_t count = 0;

	if (!all)
		j->rc = -ENOMEM;
	for (size_t i = 0; all && i < j->run->phase_count; i++)
		count += say_unread_in(j, &j->run->phases[i], all, count);
	free(all);
	return judge_say_more(j, count, "clocks that were not read throughout");
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

size_t judge_say_empty(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->run->phase_count; i++)
		if (!phase_has_readings(j->samples, &j->run->phases[i]) && count++ < REASONS_OF_A_KIND)
			SAY(j, "phase %s has no readings", j->run->phases[i].name);
	return judge_say_more(j, count, "phases without readings");
}

static bool named_phase_has_readings(const struct judge *j, const char *name)
{
	for (size_t i = 0; i < j->run->phase_count; i++)
		if (strcmp(j->run->phases[i].name, name) == 0 &&
			phase_has_readings(j->samples, &j->run->phases[i]))
			return true;
	return false;
}

/* A pair without a common reading in a phase in which others have: a CPU or a clock that went away by itself. */
size_t judge_say_absent(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];

		if (!never_read(row) || phase_took_cpu(j->phases[i], row, j->e->drift, j->e->drift_count) ||
			!named_phase_has_readings(j, row->phase) || count++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j, "%s against %s (%s): one of them has no readings", row->clock, row->reference,
			judge_place(j->run, row->phase, row->cpu).text);
	}
	return judge_say_more(j, count, "pairs without readings");
}

size_t judge_say_changes(struct judge *j)
{
	json_t *change;
	size_t i, count = 0;

	json_array_foreach(j->run->environment_changes, i,
		change) if (json_is_string(change) && count++ < REASONS_OF_A_KIND)
		SAY(j, "the environment changed during the run: %s", json_string_value(change));
	return judge_say_more(j, count, "changes of the environment");
}

/*
 * A loss in a phase that was seen to take CPUs away was on purpose, and so was one between phases next to such a
 * phase: a disturbance begins before its phase does and ends after it.
 */
static bool lost_by_itself(const struct run *run, const struct event *e)
{
	const struct phase *phase = phase_at(run, e->tsc);

	if (strcmp(e->kind, "cpu-lost") != 0 || phase_saw(phase, DISTURBANCE_HOTPLUG))
		return false;
	return (phase && e->tsc < phase->tsc_hi) || !phase_saw(phase_after(run, e->tsc), DISTURBANCE_HOTPLUG);
}

size_t judge_say_lost_cpus(struct judge *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->run->event_count; i++)
		if (lost_by_itself(j->run, &j->run->events[i]) && count++ < REASONS_OF_A_KIND)
			SAY(j, "%s", j->run->events[i].text);
	return judge_say_more(j, count, "CPUs lost");
}

/*
 * Index of a pair that was read enough and compares two oscillators, else of one that was read enough, else SIZE_MAX.
 * What was slewed on purpose by an unknown amount bears no witness.
 */
static size_t best_witness(const struct estimates *e)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < e->drift_count; i++) {
		if (e->drift[i].n < JUDGE_READINGS_MIN || has_status(&e->drift[i], "injected"))
			continue;
		found = i;
		if (!is_arithmetic(&e->drift[i]))
			return found;
	}
	return found;
}

static bool few_only(const struct estimates *e)
{
	bool few = false;

	for (size_t i = 0; i < e->drift_count; i++)
		few |= judge_is_few(&e->drift[i]);
	return few;
}

size_t judge_say_dependent(struct judge *j)
{
	size_t best = best_witness(j->e);
	const struct drift *witness;

	if (best == SIZE_MAX) {
		SAY(j, few_only(j->e) ? "no two clocks have the readings that a comparison needs"
				      : "there are no two clocks to compare");
		return 1;
	}
	witness = &j->e->drift[best];
	if (!is_arithmetic(witness))
		return 0;
	SAY(j,
		"no independent reference: every clock that was compared follows the oscillator \"%s\", so "
		"agreement is arithmetic and no proof that any of them is right",
		relation_oscillator(j->run, j->phases[best], run_clock_find(j->run, witness->clock)));
	return 1;
}
