/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a verdict says besides: agreement, steering, assumptions, what was left out. */
#include "analysis/judge_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/exact_map.h"
#include "analysis/judge.h"
#include "analysis/pair.h"
#include "analysis/parameters.h"
#include "analysis/phase.h"
#include "analysis/steering.h"
#include "results/facts_get.h"
#include "results/units.h"

/* A drift of less needs no cause. */
#define FACTOR_TOLD_PPM 5e-3

void judge_say_agreement(struct judge *j, const char *status, const char *one, const char *many)
{
	size_t worst = 0, count = 0;
	const struct drift *row;
	double most = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		double size = fabs(j->e->drift[i].drift_ppm + j->shifts[i]);

		if (!has_status(&j->e->drift[i], status) || (count++ && size <= most))
			continue;
		worst = i;
		most = size;
	}
	if (!count)
		return;
	row = &j->e->drift[worst];
	SAY(j, "%zu %s; the largest, systematic part included: %s %s%s against %s on CPU %d, limit %s of %s",
		count, count == 1 ? one : many, row->clock, judge_interval(row).text,
		judge_steered(j, worst).text, row->reference, row->cpu, row->limit,
		format_ppm(row->limit_ppm).text);
}

void judge_say_cut_short(struct judge *j)
{
	const struct run *run = j->run;

	if (strcmp(run->state, "interrupted") == 0)
		SAY(j, "the run was interrupted before its %s were over",
			format_duration(run->duration_s).text);
	else if (strcmp(run->state, "running") == 0 || strcmp(run->state, "failed") == 0)
		SAY(j, "the run ended before its time: its state is \"%s\"", run->state);
}

/* In each phase that slewed the clocks at a known rate: how far the worst of them was from it. */
static void say_slewed(struct judge *j, size_t first, size_t end)
{
	const struct drift *worst = NULL;
	double most = -1;

	for (size_t i = first; i < end; i++) {
		const struct drift *row = &j->e->drift[i];
		double off = fabs(row->drift_ppm - row->steering_ppm);

		if (isfinite(row->steering_ppm) && row->steering_ppm != 0 && off > most &&
			is_arithmetic(row) && !judge_is_few(row)) {
			worst = row;
			most = off;
		}
	}
	if (worst)
		SAY(j,
			"phase %s steered %s by %+.6g ppm against %s on purpose; the measured drift is off "
			"that by %s",
			worst->phase, worst->clock, worst->steering_ppm, worst->reference,
			format_drift(worst->drift_ppm - worst->steering_ppm,
				worst->ci_low_ppm - worst->systematic_ppm - worst->steering_ppm,
				worst->ci_high_ppm + worst->systematic_ppm - worst->steering_ppm)
				.text);
}

/* Of the clock's machine, else of the reference's. */
static struct daemons who_steers(const struct run *run, const struct drift *row)
{
	int clock = run_clock_find(run, row->clock), reference = run_clock_find(run, row->reference);
	struct daemons daemons = steering_daemons(run, clock < 0 ? PAIR_TSC : clock);

	return daemons.text[0] ? daemons : steering_daemons(run, reference < 0 ? PAIR_TSC : reference);
}

static void say_steered(struct judge *j, const struct drift *row)
{
	const struct daemons daemons = who_steers(j->run, row);

	SAY(j, "the kernel steers %s by %+.6g ppm against %s (adjtimex)%s%s%s; the measured drift is %s",
		row->clock, row->steering_ppm, row->reference,
		daemons.text[0] ? " where it was read, and a time daemon that may change it runs (" : "",
		daemons.text, daemons.text[0] ? ")" : "", judge_interval(row).text);
}

/* One pair stands for all that are steered as the machine was found. */
void judge_say_steering(struct judge *j)
{
	size_t count = j->e->drift_count;
	bool said = false;

	for (size_t i = 0; i < count && !said; i++) {
		const struct drift *row = &j->e->drift[i];

		said = isfinite(row->steering_ppm) && row->steering_ppm != 0 && !judge_is_few(row) &&
		       !phase_has(j->phases[i], DISTURBANCE_SLEW);
		if (said)
			say_steered(j, row);
	}
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && j->phases[next] == j->phases[i];)
			next++;
		if (phase_saw(j->phases[i], DISTURBANCE_SLEW))
			say_slewed(j, i, next);
	}
}

void judge_say_assumed(struct judge *j)
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

void judge_say_skipped(struct judge *j)
{
	size_t count = j->run->skipped_count;

	for (size_t i = 0; i < count && i < REASONS_OF_A_KIND; i++) {
		const struct skipped *s = &j->run->skipped[i];

		SAY(j, "phase %s was left out: %s: %s", s->phase, s->disturbance, s->reason);
	}
	judge_say_more(j, count, "phases left out");
}

/* One line for all of them: they decide nothing. */
void judge_say_few(struct judge *j)
{
	const char *named[CLOCKS_NAMED] = { NULL };
	uint64_t least = UINT64_MAX, most = 0;
	char names[CLOCKS_NAMED * (CLOCK_NAME_MAX + 2)] = "", range[32] = "";
	const char *more = "";
	size_t count = 0, clocks = 0;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		size_t used = strlen(names), k = 0;

		if (!judge_is_few(row))
			continue;
		count++;
		least = row->n < least ? row->n : least;
		most = row->n > most ? row->n : most;
		while (k < clocks && strcmp(named[k], row->clock) != 0)
			k++;
		if (k < clocks)
			continue;
		if (clocks == CLOCKS_NAMED) {
			more = " and more";
			continue;
		}
		named[clocks++] = row->clock;
		snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", row->clock);
	}
	if (!count)
		return;
	if (least < most)
		snprintf(range, sizeof(range), "%llu to ", (unsigned long long)least);
	SAY(j,
		"only %s%llu usable readings of %s%s in a phase: a drift decides nothing below %d; pairs "
		"left out: %zu",
		range, (unsigned long long)most, names, more, JUDGE_READINGS_MIN, count);
}

/* Where the host tells how KVM maps its TSC to this guest's. */
void judge_say_exact_map(struct judge *j)
{
	struct error ignored = { "" };
	struct exact_map map;
	int rc = exact_map_make(j->run, j->samples, &map, &ignored);

	j->rc = j->rc ? j->rc : rc;
	for (size_t i = 0; i < map.count && i < REASONS_OF_A_KIND; i++) {
		char text[REASON_MAX];

		exact_map_say(&map.cpus[i], text, sizeof(text));
		SAY(j, "%s", text);
	}
	judge_say_more(j, map.count, "CPUs compared with their exact map");
	exact_map_free(&map);
}

static void say_factor(struct judge *j, const struct drift *row)
{
	const json_t *facts = j->run->environment_before;
	double khz = 0, pvclock_khz = 0;
	bool kvm = strcmp(row->clock, "kvmclock") == 0 || strcmp(row->reference, "kvmclock") == 0;

	facts_number(facts, "tsc.khz", &khz);
	facts_number(facts, "tsc.pvclock_khz", &pvclock_khz);
	if (kvm)
		SAY(j,
			"%s against %s: %s%s are arithmetic: the hypervisor takes the TSC for %.3f MHz, the "
			"kernel for %.3f MHz, each with a rounded factor",
			row->clock, row->reference, row->factors_ppm > 0 ? "+" : "",
			format_ppm(row->factors_ppm).text, pvclock_khz / 1e3, khz / 1e3);
	else
		SAY(j,
			"%s against %s: %s%s are arithmetic: the kernel multiplies a TSC of %.3f MHz with a "
			"rounded factor",
			row->clock, row->reference, row->factors_ppm > 0 ? "+" : "",
			format_ppm(row->factors_ppm).text, khz / 1e3);
}

/* Once for kvmclock and once for the TSC, which stands for the kernel's clocks too where it is the reference. */
void judge_say_factors(struct judge *j)
{
	const struct drift *kvm = NULL, *other = NULL;

	for (size_t i = 0; i < j->e->drift_count; i++) {
		const struct drift *row = &j->e->drift[i];
		bool is_kvm = strcmp(row->clock, "kvmclock") == 0 || strcmp(row->reference, "kvmclock") == 0;
		const struct drift **first = is_kvm ? &kvm : &other;

		if (!*first && fabs(row->factors_ppm) >= FACTOR_TOLD_PPM)
			*first = row;
	}
	if (other)
		say_factor(j, other);
	if (kvm)
		say_factor(j, kvm);
}

/* Those that changed nothing: who set them may think otherwise. */
void judge_say_parameters(struct judge *j)
{
	struct error ignored = { "" };
	struct parameter_verdict *list;
	size_t count, inert = 0;
	int rc = parameters_judge(j->run->environment_before, &list, &count, &ignored);

	j->rc = j->rc ? j->rc : rc;
	if (rc)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct parameter_verdict *v = &list[i];

		if (!parameter_is_inert(v) || inert++ >= REASONS_OF_A_KIND)
			continue;
		SAY(j, "kernel parameter %s: %s: %s", parameter_spelled(v).text,
			parameter_effect_name(v->effect), v->why);
	}
	judge_say_more(j, inert, "kernel parameters that changed nothing");
	free(list);
}
