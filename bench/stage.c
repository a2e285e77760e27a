/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/stage.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sysfs.h"
#include "bench/timex.h"
#include "probes/tsc.h"
#include "results/evidence.h"

#define CURRENT_CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define SEVERAL		    "several" /* the oscillator changed within the phase: results/SCHEMA.md */

struct stage {
	const struct scenario *scenario;
	struct session *session;
	struct run *run;
	struct journal *journal; /* NULL: no phase changes the machine */
	struct evidence_writer *evidence;
	pthread_mutex_t lock; /* guards evidence: several threads of disturbances write */
	/* The phase at hand. */
	const struct scenario_phase *asked;
	struct phase *phase;
	struct disturbance_setup setups[PHASE_DISTURBANCES_MAX];
	void *states[PHASE_DISTURBANCES_MAX];
	bool running[PHASE_DISTURBANCES_MAX];
	size_t mark;	    /* of the journal, before the phase */
	uint64_t *backward; /* counts of the tallies at its begin */
};

/* ---- what a disturbance tells ---- */

void stage_event(struct stage *stage, uint64_t tsc, const char *kind, bool injected, const char *format, ...)
{
	char text[128];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	session_event(stage->session, tsc, kind, injected, text);
}

void stage_point(struct stage *stage, const char *disturbance, const char *series, const char *unit,
	uint64_t tsc, double value)
{
	pthread_mutex_lock(&stage->lock);
	evidence_add(stage->evidence, stage->asked->name, disturbance, series, unit, tsc, value);
	pthread_mutex_unlock(&stage->lock);
}

int stage_move_probe(struct stage *stage, int home, int target)
{
	struct probe *probe = session_probe(stage->session, home);

	if (!probe)
		return -ENOENT;
	probe_move(probe, target);
	return 0;
}

int stage_probe_cpu(struct stage *stage, int home)
{
	struct probe *probe = session_probe(stage->session, home);

	return probe ? atomic_load(&probe->ran_on) : -1;
}

bool stage_probe_is_home(struct stage *stage, int home)
{
	struct probe *probe = session_probe(stage->session, home);

	return !probe || probe_is_home(probe);
}

/* ---- what the machine can do ---- */

static struct disturbance_setup setup_of(const struct asked *asked, double duration_s,
	struct placement *placement, const int *cpus, size_t cpu_count)
{
	return (struct disturbance_setup){ .arguments = asked->arguments,
		.duration_s = duration_s,
		.cpus = cpus,
		.cpu_count = cpu_count,
		.placement = placement };
}

/* One that takes a CPU away, and one that needs it, at the same time: neither would be seen to happen. */
static int check_conflict(const struct scenario_phase *phase, const struct asked *taker,
	const struct asked *user, struct placement *placement, const int *cpus, size_t cpu_count,
	struct error *err)
{
	struct disturbance_setup take = setup_of(taker, phase->duration_s, placement, cpus, cpu_count);
	struct disturbance_setup use = setup_of(user, phase->duration_s, placement, cpus, cpu_count);
	int cpu;

	if (!taker->disturbance->takes_cpu || !user->disturbance->needs_cpu)
		return 0;
	cpu = taker->disturbance->takes_cpu(&take);
	if (cpu < 0 || !user->disturbance->needs_cpu(&use, cpu))
		return 0;
	return error_set(err, -EINVAL,
		"phase %s: %s takes away CPU %d, which %s needs: give each a phase of its own, or other CPUs",
		phase->name, taker->disturbance->name, cpu, user->disturbance->name);
}

static int check_conflicts(const struct scenario *scenario, struct placement *placement, const int *cpus,
	size_t cpu_count, struct error *err)
{
	for (size_t i = 0; i < scenario->phase_count; i++) {
		const struct scenario_phase *phase = &scenario->phases[i];

		for (size_t a = 0; a < phase->asked_count && !phase->obstacle; a++)
			for (size_t b = 0; b < phase->asked_count; b++) {
				int rc = check_conflict(phase, &phase->asked[a], &phase->asked[b], placement,
					cpus, cpu_count, err);

				if (rc)
					return rc;
			}
	}
	return 0;
}

int stage_survey(struct scenario *scenario, struct placement *placement, const int *cpus, size_t cpu_count,
	struct error *err)
{
	const struct scenario_phase *first = NULL;

	for (size_t i = 0; i < scenario->phase_count; i++) {
		struct scenario_phase *phase = &scenario->phases[i];

		for (size_t k = 0; k < phase->asked_count && !phase->obstacle; k++) {
			const struct asked *asked = &phase->asked[k];
			struct disturbance_setup setup =
				setup_of(asked, phase->duration_s, placement, cpus, cpu_count);
			struct error why = { "" };

			if (asked->disturbance->supported(&setup, &why) == 0)
				continue;
			phase->obstacle = asked;
			snprintf(phase->why, sizeof(phase->why), "%.*s", (int)sizeof(phase->why) - 1,
				why.text);
			first = first ? first : phase;
		}
	}
	if (first && !(scenario_duration(scenario) > 0))
		return error_set(err, -ENOTSUP,
			"this machine can do none of the scenario's phases; phase %s: %s: %s", first->name,
			first->obstacle->disturbance->name, first->why);
	return check_conflicts(scenario, placement, cpus, cpu_count, err);
}

/* What is left out, and whether the rest needs the journal. */
static int note_skipped(struct stage *stage, bool *changes_machine, struct error *err)
{
	const struct scenario *scenario = stage->scenario;
	struct run *run = stage->run;

	run->skipped = calloc(scenario->phase_count, sizeof(*run->skipped));
	if (!run->skipped)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < scenario->phase_count; i++) {
		const struct scenario_phase *phase = &scenario->phases[i];

		for (size_t k = 0; k < phase->asked_count && !phase->obstacle; k++)
			*changes_machine |= phase->asked[k].disturbance->changes_machine;
		if (phase->obstacle) {
			struct skipped *row = &run->skipped[run->skipped_count++];

			strcpy(row->phase, phase->name);
			strcpy(row->disturbance, phase->obstacle->disturbance->name);
			strcpy(row->reason, phase->why);
		}
	}
	return 0;
}

static bool has_disturbances(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->phase_count; i++)
		if (scenario->phases[i].asked_count && !scenario->phases[i].obstacle)
			return true;
	return false;
}

int stage_open(
	struct stage **out, const struct scenario *scenario, struct session *session, struct error *err)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	bool changes_machine = false;
	int rc;

	*out = stage;
	if (!stage)
		return error_set(err, -ENOMEM, "out of memory");
	stage->scenario = scenario;
	stage->session = session;
	stage->run = session->run;
	pthread_mutex_init(&stage->lock, NULL);
	stage->run->phases = calloc(scenario->phase_count, sizeof(*stage->run->phases));
	if (!stage->run->phases)
		return error_set(err, -ENOMEM, "out of memory");
	rc = note_skipped(stage, &changes_machine, err);
	if (!rc && changes_machine)
		rc = journal_open(&stage->journal, scenario->name, err);
	return rc;
}

int stage_start(struct stage *stage, struct error *err)
{
	if (!has_disturbances(stage->scenario))
		return 0;
	stage->evidence = evidence_open(stage->run, err);
	return stage->evidence ? 0 : -EIO;
}

/* ---- a phase ---- */

/* While an adjtime() is worked off the rate is nobody's to know. */
static double steering_now(void)
{
	struct error ignored = { "" };
	struct timex tx;
	long left;

	if (timex_slew_left(&left, &ignored) || left != 0 || timex_read(&tx, &ignored))
		return NAN;
	return timex_ppm(tx.freq, tx.tick);
}

/* Which oscillator the kernel's clocks follow now; "several" once it was seen to change. */
static void note_oscillator(struct phase *phase)
{
	struct error ignored = { "" };
	char source[CLOCK_NAME_MAX];
	const char *label;

	if (sysfs_read(CURRENT_CLOCKSOURCE, source, sizeof(source), &ignored))
		return;
	label = session_kernel_oscillator(source);
	if (!phase->oscillator[0])
		snprintf(phase->oscillator, sizeof(phase->oscillator), "%s", label);
	else if (strcmp(phase->oscillator, label) != 0)
		strcpy(phase->oscillator, SEVERAL);
}

static void describe(
	struct phase_disturbance *row, const struct asked *asked, const struct disturbance_setup *setup)
{
	snprintf(row->name, sizeof(row->name), "%s", asked->disturbance->name);
	snprintf(row->asked, sizeof(row->asked), "%s", asked->text);
	asked->disturbance->plan(setup, row->plan, sizeof(row->plan));
}

/* A disturbance that does not start is no reason to end the run: the phase is measured without a verdict. */
static void start_disturbances(struct stage *stage)
{
	for (size_t i = 0; i < stage->asked->asked_count; i++) {
		const struct asked *asked = &stage->asked->asked[i];
		struct phase_disturbance *row = &stage->phase->disturbances[i];
		struct session *s = stage->session;
		struct error why = { "" };

		stage->setups[i] =
			setup_of(asked, stage->asked->duration_s, s->placement, s->cpus, s->cpu_count);
		stage->setups[i].journal = stage->journal;
		stage->setups[i].stage = stage;
		describe(row, asked, &stage->setups[i]);
		stage->phase->disturbance_count = i + 1;
		stage->states[i] = NULL;
		stage->running[i] =
			asked->disturbance->start(&stage->setups[i], &stage->states[i], &why) == 0;
		if (stage->running[i])
			continue;
		row->observed = OBSERVED_NO;
		snprintf(row->evidence, sizeof(row->evidence), "it did not start: %.480s", why.text);
	}
}

static int note_backward(struct stage *stage)
{
	struct session *s = stage->session;

	stage->backward = reallocarray(stage->backward, s->tally_count + 1, sizeof(*stage->backward));
	if (!stage->backward)
		return -ENOMEM;
	for (size_t i = 0; i < s->tally_count; i++)
		stage->backward[i] = __atomic_load_n(&s->tallies[i].backward, __ATOMIC_RELAXED);
	return 0;
}

static int collect_backward(struct stage *stage)
{
	struct session *s = stage->session;
	struct phase *phase = stage->phase;

	phase->backward = calloc(s->tally_count + 1, sizeof(*phase->backward));
	if (!phase->backward)
		return -ENOMEM;
	for (size_t i = 0; i < s->tally_count; i++) {
		uint64_t now = __atomic_load_n(&s->tallies[i].backward, __ATOMIC_RELAXED);

		if (now > stage->backward[i])
			phase->backward[phase->backward_count++] =
				(struct phase_backward){ .cpu = s->tallies[i].cpu,
					.clock = s->tallies[i].clock,
					.count = now - stage->backward[i] };
	}
	return 0;
}

int stage_begin(struct stage *stage, size_t index, struct error *err)
{
	struct run *run = stage->run;

	stage->asked = &stage->scenario->phases[index];
	if (scenario_leaves_out(stage->scenario, index))
		return 1;
	stage->phase = &run->phases[run->phase_count];
	*stage->phase = (struct phase){ .tsc_hi = UINT64_MAX, .steering_ppm = NAN };
	strcpy(stage->phase->name, stage->asked->name);
	stage->phase->disturbances =
		calloc(stage->asked->asked_count + 1, sizeof(*stage->phase->disturbances));
	if (!stage->phase->disturbances || note_backward(stage))
		return error_set(err, -ENOMEM, "out of memory");
	stage->mark = stage->journal ? journal_mark(stage->journal) : 0;
	start_disturbances(stage);
	stage->phase->steering_ppm = steering_now();
	note_oscillator(stage->phase);
	stage->phase->tsc_lo = tsc_before();
	run->phase_count++;
	return 0;
}

void stage_observe(struct stage *stage)
{
	note_oscillator(stage->phase);
	for (size_t i = 0; i < stage->asked->asked_count; i++)
		if (stage->running[i] && stage->asked->asked[i].disturbance->observe)
			stage->asked->asked[i].disturbance->observe(stage->states[i], tsc_before());
}

static int stop_disturbances(struct stage *stage, struct error *err)
{
	int first = 0;

	for (size_t i = stage->asked->asked_count; i-- > 0;) {
		struct phase_disturbance *row = &stage->phase->disturbances[i];
		struct evidence evidence = { .observed = false };
		int rc;

		if (!stage->running[i])
			continue;
		rc = stage->asked->asked[i].disturbance->stop(stage->states[i], &evidence, err);
		stage->running[i] = false;
		first = first ? first : rc;
		row->observed = evidence.observed ? OBSERVED_YES : OBSERVED_NO;
		memcpy(row->evidence, evidence.text, sizeof(row->evidence));
	}
	return first;
}

int stage_end(struct stage *stage, struct error *err)
{
	int rc, undone = 0;

	if (!stage->phase)
		return 0;
	stage->phase->tsc_hi = tsc_after();
	rc = stop_disturbances(stage, err);
	if (stage->journal)
		undone = journal_undo(stage->journal, stage->mark, err);
	if (stage->evidence && !rc)
		rc = evidence_flush(stage->evidence, err);
	if (collect_backward(stage) && !rc)
		rc = error_set(err, -ENOMEM, "out of memory");
	stage->phase = NULL;
	return rc ? rc : undone;
}

int stage_close(struct stage *stage, struct error *err)
{
	int rc, written;

	if (!stage)
		return 0;
	rc = stage_end(stage, err);
	/* journal_close() undoes what is left, if a phase could not. */
	written = journal_close(stage->journal, err);
	rc = rc ? rc : written;
	written = evidence_close(stage->evidence, err);
	rc = rc ? rc : written;
	pthread_mutex_destroy(&stage->lock);
	free(stage->backward);
	free(stage);
	return rc;
}
