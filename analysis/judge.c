/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/judge.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/judge_parts.h"
#include "analysis/pair.h"
#include "analysis/phase.h"
#include "analysis/steering.h"

#define STEERED_LEAST_PPM 1e-9 /* adjtimex counts in 1.5e-5 ppm */

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

double judge_shift(const struct drift *row, double injected_ppm)
{
	bool arithmetic = strcmp(row->limit, "arithmetic") == 0;
	double steered = arithmetic && isfinite(row->steering_ppm) ? row->steering_ppm : injected_ppm;

	return -steered - (arithmetic ? row->factors_ppm : 0);
}

bool judge_is_beyond(const struct drift *row, double shift)
{
	return row->ci_low_ppm - row->systematic_ppm + shift > row->limit_ppm ||
	       row->ci_high_ppm + row->systematic_ppm + shift < -row->limit_ppm;
}

bool judge_is_few(const struct drift *row)
{
	return row->n < JUDGE_READINGS_MIN && !never_read(row);
}

bool judge_is_within(const struct drift *row, double shift)
{
	return row->ci_low_ppm - row->systematic_ppm + shift >= -row->limit_ppm &&
	       row->ci_high_ppm + row->systematic_ppm + shift <= row->limit_ppm;
}

void judge_drift(const struct phase *phase, double injected_ppm, struct drift *row)
{
	double shift = judge_shift(row, injected_ppm);
	const char *status = "inconclusive";

	if ((phase && phase_observed(phase) != OBSERVED_YES) || row->n < JUDGE_READINGS_MIN)
		status = "inconclusive";
	else if (isnan(shift) && isfinite(row->drift_ppm))
		status = "injected";
	else if (judge_is_beyond(row, shift))
		status = "unstable";
	else if (row->unread_s > 0)
		status = "inconclusive";
	else if (judge_is_within(row, shift))
		status = is_arithmetic(row) ? "consistent" : "stable";
	snprintf(row->status, sizeof(row->status), "%s", status);
}

int judge_severity(const char *status)
{
	static const char *const order[] = { "stable", "consistent", "inconclusive", "unstable" };

	for (int i = 0; i < 4; i++)
		if (strcmp(status, order[i]) == 0)
			return i;
	return -1;
}

void judge_unsteady(struct drift *row)
{
	if (has_status(row, "unstable") && strcmp(row->limit, "arithmetic") == 0)
		strcpy(row->status, "inconclusive");
}

void judge_jumps(struct drift *row)
{
	if (row->jumps && (has_status(row, "stable") || has_status(row, "consistent")))
		strcpy(row->status, "inconclusive");
}

double judge_minutes(const struct drift *row, double shift)
{
	double half = (row->ci_high_ppm - row->ci_low_ppm) / 2 + row->systematic_ppm;
	double gap = fabs(row->limit_ppm - fabs(row->drift_ppm + shift));

	if (!(gap > 0) || !isfinite(half) || !(row->span_s > 0))
		return 0;
	/* The systematic term shrinks as 1/T, the statistical one at least as fast. */
	return row->span_s * half / gap / 60;
}

struct place judge_place(const struct run *run, const char *phase, int cpu)
{
	struct place p;

	if (run->phase_count > 1)
		snprintf(p.text, sizeof(p.text), "CPU %d, phase %s", cpu, phase);
	else
		snprintf(p.text, sizeof(p.text), "CPU %d", cpu);
	return p;
}

struct formatted judge_interval(const struct drift *row)
{
	return format_drift(row->drift_ppm, row->ci_low_ppm - row->systematic_ppm,
		row->ci_high_ppm + row->systematic_ppm);
}

struct place judge_steered(const struct judge *j, size_t row)
{
	const struct drift *d = &j->e->drift[row];
	bool factors = strcmp(d->limit, "arithmetic") == 0 && d->factors_ppm != 0;
	double steered = -j->shifts[row] - (factors ? d->factors_ppm : 0);
	struct place p = { "" };
	size_t used = 0;

	if (isfinite(steered) && fabs(steered) > STEERED_LEAST_PPM)
		used = (size_t)snprintf(p.text, sizeof(p.text), ", of which %+.6g ppm are steered", steered);
	if (factors)
		used += (size_t)snprintf(p.text + used, sizeof(p.text) - used, "%s %s%s are arithmetic",
			used ? " and" : ", of which", d->factors_ppm > 0 ? "+" : "",
			format_ppm(d->factors_ppm).text);
	if (used)
		snprintf(p.text + used, sizeof(p.text) - used, ",");
	return p;
}

size_t judge_say_more(struct judge *j, size_t count, const char *what)
{
	if (count > REASONS_OF_A_KIND)
		SAY(j, "... and %zu more %s", count - REASONS_OF_A_KIND, what);
	return count;
}

bool judge_as_asked(const struct judge *j, size_t row)
{
	return !j->phases[row] || phase_observed(j->phases[row]) == OBSERVED_YES;
}

static int named_clock(const struct run *run, const char *name)
{
	int clock = run_clock_find(run, name);

	return clock < 0 ? PAIR_TSC : clock;
}

/* Phase and shift of each row, found once for all that asks for them. */
static int judge_begin(struct judge *j)
{
	const struct phase *phase = NULL;

	j->phases = calloc(j->e->drift_count + 1, sizeof(struct phase *));
	j->shifts = calloc(j->e->drift_count + 1, sizeof(*j->shifts));
	if (!j->phases || !j->shifts)
		return -ENOMEM;
	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		double injected = 0;

		j->phases[i] = phase = phase_find(j->run, row->phase, phase);
		if (phase && phase_has(phase, DISTURBANCE_SLEW))
			injected = steering_injected_ppm(j->run, phase, named_clock(j->run, row->clock),
				named_clock(j->run, row->reference));
		j->shifts[i] = judge_shift(row, injected);
	}
	return 0;
}

int judge_run(const struct run *run, const struct samples *samples, struct estimates *e, struct error *err)
{
	struct judge j = { .run = run, .samples = samples, .e = e };
	size_t against, open;

	j.rc = judge_begin(&j);
	if (!j.rc)
		j.rc = step_sums_make(run, e, &j.steps, err);
	if (j.rc)
		goto out;
	against = judge_say_unstable(&j);
	against += judge_say_steps(&j);
	against += judge_say_backward(&j);
	against += judge_say_apart(&j);
	against += judge_say_moved(&j);
	open = judge_say_unobserved(&j);
	open += judge_say_straddling(&j);
	open += judge_say_jumps(&j);
	open += judge_say_unlike(&j);
	open += judge_say_rejected(&j);
	open += judge_say_unread(&j);
	open += judge_say_empty(&j);
	open += judge_say_absent(&j);
	open += judge_say_changes(&j);
	open += judge_say_lost_cpus(&j);
	open += judge_say_dependent(&j);
	judge_say_agreement(&j, "stable", "pair on different oscillators is within its limit",
		"pairs on different oscillators are within their limit");
	judge_say_agreement(&j, "consistent", "pair on one oscillator agrees to within arithmetic",
		"pairs on one oscillator agree to within arithmetic");
	judge_say_cut_short(&j);
	judge_say_injected(&j);
	judge_say_steering(&j);
	judge_say_assumed(&j);
	judge_say_skipped(&j);
	judge_say_exact_map(&j);
	judge_say_factors(&j);
	judge_say_parameters(&j);
	judge_say_few(&j);
	e->verdict.status = against ? STATUS_UNSTABLE : open ? STATUS_INCONCLUSIVE : STATUS_STABLE;
out:
	free(j.phases);
	free(j.shifts);
	step_sums_free(&j.steps);
	return j.rc ? error_set(err, j.rc, "out of memory") : 0;
}
