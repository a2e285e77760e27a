/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/session.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/units.h"
#include "probes/tsc.h"

#define PAUSE_MIN_NS (1 * NS_PER_MS)
#define PAUSE_MAX_NS (50 * NS_PER_MS)
/* Rounds of a cross-CPU exchange: many where pairs are few. */
#define ROUNDS_FEW_PAIRS  2000
#define ROUNDS_MANY_PAIRS 200
#define FEW_PAIRS	  120
#define EXCHANGE_MS	  200

/* The recorder, the main thread and disturbances tell of events. */
void session_event(struct session *s, uint64_t tsc, const char *kind, bool injected, const char *text)
{
	pthread_mutex_lock(&s->events);
	run_event_add(s->run, tsc, kind, injected, text);
	pthread_mutex_unlock(&s->events);
}

struct probe *session_probe(struct session *s, int cpu)
{
	for (size_t i = 0; i < s->probe_count; i++)
		if (s->probes[i].cpu == cpu)
			return &s->probes[i];
	return NULL;
}

static void on_event(void *context, int cpu, enum probe_event event, uint64_t tsc)
{
	struct session *s = context;
	char text[96];

	if (event == PROBE_LEFT_CPU) {
		snprintf(text, sizeof(text),
			"CPU %d went offline or out of the allowed set; not sampled from here on", cpu);
		session_event(s, tsc, "cpu-lost", false, text);
	} else {
		snprintf(text, sizeof(text), "CPU %d is back; sampled again", cpu);
		session_event(s, tsc, "cpu-back", false, text);
	}
}

static int alloc_tallies(struct tally **tallies, size_t count, struct error *err)
{
	*tallies = calloc(count + 1, sizeof(**tallies));
	for (size_t i = 0; *tallies && i < count; i++) {
		(*tallies)[i].brackets = calloc(1, sizeof(struct histogram));
		if (!(*tallies)[i].brackets)
			return error_set(err, -ENOMEM, "out of memory");
	}
	return *tallies ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* Live counters, and the copies of them that run.json shows: the tight clocks of each CPU, then the slow ones. */
static int make_tallies(struct session *s, struct error *err)
{
	size_t tight = s->cpu_count * s->tight_count, count = tight;
	int rc;

	for (size_t i = 0; i < s->slow_count; i++)
		count += s->slow[i].outputs;
	rc = alloc_tallies(&s->tallies, count, err);
	s->tally_count = s->tallies ? count : 0;
	if (!rc)
		rc = alloc_tallies(&s->run->tallies, count, err);
	s->run->tally_count = s->run->tallies ? count : 0;
	for (size_t i = 0; !rc && i < tight; i++) {
		s->tallies[i].cpu = s->cpus[i / s->tight_count];
		s->tallies[i].clock = s->tight[i % s->tight_count].index;
	}
	for (size_t i = 0, at = tight; !rc && i < s->slow_count; i++)
		for (unsigned k = 0; k < s->slow[i].outputs; k++, at++) {
			s->tallies[at].cpu = s->cpus[0];
			s->tallies[at].clock = s->slow[i].index + k;
		}
	return rc;
}

static int make_writers(struct session *s, struct error *err)
{
	bool slow = s->slow_count > 0;

	s->writers = calloc(s->cpu_count + 1, sizeof(*s->writers));
	s->recorder.inputs = calloc(s->cpu_count + s->slow_count, sizeof(*s->recorder.inputs));
	if (!s->writers || !s->recorder.inputs)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->cpu_count + slow; i++) {
		if (i < s->cpu_count && s->tight_count == 0)
			continue;
		s->writers[i] = samples_writer_open(s->run, i < s->cpu_count ? s->cpus[i] : -1, err);
		s->writer_count = i + 1;
		if (!s->writers[i])
			return -EIO;
	}
	return 0;
}

static int start_probes(struct session *s, struct error *err)
{
	struct tally *tallies = s->tallies + s->cpu_count * s->tight_count;
	int rc = 0;

	s->probes = calloc(s->cpu_count, sizeof(*s->probes));
	s->slow_probes = calloc(s->slow_count + 1, sizeof(*s->slow_probes));
	s->run->places = calloc(s->cpu_count, sizeof(*s->run->places));
	if (!s->probes || !s->slow_probes || !s->run->places)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && s->tight_count && i < s->cpu_count; i++) {
		rc = probe_start(&s->probes[i], &s->config, s->cpus[i], &s->tallies[i * s->tight_count], err);
		s->probe_count += rc == 0;
	}
	for (size_t i = 0; !rc && i < s->slow_count; i++) {
		struct slow_probe *slow = &s->slow_probes[i];

		slow->clock = s->slow[i];
		slow->cpu = s->cpus[0];
		slow->interval_ns = s->config.interval_ns;
		slow->bind = s->config.bind;
		slow->bind_context = s->config.bind_context;
		slow->burst = s->config.burst;
		slow->tallies = tallies;
		tallies += slow->clock.outputs;
		rc = slow_probe_start(slow, err);
		s->slow_probe_count += rc == 0;
	}
	return rc;
}

static int start_recorder(struct session *s, struct error *err)
{
	struct recorder *r = &s->recorder;
	int rc;

	for (size_t i = 0; i < s->probe_count; i++)
		r->inputs[r->input_count++] = (struct recorder_input){ &s->probes[i].ring, s->writers[i] };
	for (size_t i = 0; i < s->slow_probe_count; i++)
		r->inputs[r->input_count++] =
			(struct recorder_input){ &s->slow_probes[i].ring, s->writers[s->cpu_count] };
	r->run = s->run;
	r->pause_ns = s->config.interval_ns * 10;
	r->pause_ns = r->pause_ns < PAUSE_MIN_NS   ? PAUSE_MIN_NS
		      : r->pause_ns > PAUSE_MAX_NS ? PAUSE_MAX_NS
						   : r->pause_ns;
	r->cpu = placement_spare(s->placement, s->cpus, s->cpu_count);
	r->bind = r->cpu >= 0 ? placement_bind : NULL;
	r->bind_context = s->placement;
	r->on_event = on_event;
	r->event_context = s;
	rc = recorder_start(r, err);
	s->recording = rc == 0;
	return rc;
}

int session_start(struct session *s, struct error *err)
{
	int rc;

	s->config = (struct probe_config){
		.clocks = s->tight,
		.clock_count = s->tight_count,
		.interval_ns = (uint64_t)llround(s->run->interval_s * (double)NS_PER_SEC),
		.burst = s->run->burst,
		.seed = s->run->seed,
		.realtime = placement_is_real(s->placement),
		.bind = placement_is_real(s->placement) ? placement_bind : NULL,
		.bind_context = s->placement,
	};
	rc = make_tallies(s, err);
	if (!rc)
		rc = make_writers(s, err);
	if (!rc)
		rc = start_probes(s, err);
	if (!rc)
		rc = start_recorder(s, err);
	return rc;
}

int session_crosscpu(struct session *s, const char *label, struct error *err)
{
	struct crosscpu_binding binding = { placement_bind, s->placement };
	size_t pairs = s->cpu_count * (s->cpu_count - 1) / 2, count = 0;
	struct exchange *rows = calloc(pairs + 1, sizeof(*rows));
	int rc = 0;

	if (!rows)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t a = 0; placement_is_real(s->placement) && a < s->cpu_count; a++) {
		for (size_t b = a + 1; b < s->cpu_count; b++) {
			struct error why = { "" };

			snprintf(rows[count].phase, sizeof(rows[count].phase), "%s", label);
			if (crosscpu_exchange(&binding, s->cpus[a], s->cpus[b],
				    pairs <= FEW_PAIRS ? ROUNDS_FEW_PAIRS : ROUNDS_MANY_PAIRS, EXCHANGE_MS,
				    &rows[count], &why) == 0)
				count++;
			else
				session_event(s, tsc_before(), "crosscpu", false, why.text);
		}
	}
	if (count)
		rc = crosscpu_append(s->run, rows, count, err);
	free(rows);
	return rc;
}

static void copy_counters(struct session *s)
{
	double granularity = 0;

	for (size_t i = 0; i < s->tally_count; i++)
		tally_snapshot(&s->tallies[i], &s->run->tallies[i]);
	for (size_t i = 0; i < s->probe_count; i++) {
		const struct probe *p = &s->probes[i];
		struct probe_place *place = &s->run->places[i];

		/* What the thread itself learns is only looked at once it ended. */
		if (atomic_load_explicit(&p->done, memory_order_acquire)) {
			*place = p->place;
			if (granularity == 0 || p->place.granularity_cycles < granularity)
				granularity = p->place.granularity_cycles;
		}
		placement_locate(s->placement, p->cpu, place);
	}
	s->run->place_count = s->probe_count;
	s->run->tsc_granularity_cycles = granularity;
}

int session_tick(struct session *s, struct error *err)
{
	int rc;

	copy_counters(s);
	rc = session_collect_ntp(s, err);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->events);
	rc = run_store(s->run, err);
	pthread_mutex_unlock(&s->events);
	if (s->recording && atomic_load(&s->recorder.failed))
		rc = error_set(err, -EIO, "%s", s->recorder.error.text);
	return rc;
}

void session_progress(struct session *s, uint64_t *rows, uint64_t *lost)
{
	*rows = atomic_load(&s->recorder.rows);
	*lost = atomic_load(&s->recorder.rows_lost);
	for (size_t i = 0; i < s->tally_count; i++)
		*lost += __atomic_load_n(&s->tallies[i].dropped, __ATOMIC_RELAXED);
}

int session_stop(struct session *s, struct error *err)
{
	int rc = 0;

	if (!s->recording && s->writer_count == 0)
		return 0;
	/* Tell all first, then wait for each: with long intervals this counts. */
	for (size_t i = 0; i < s->probe_count; i++)
		atomic_store(&s->probes[i].stop, true);
	for (size_t i = 0; i < s->slow_probe_count; i++)
		atomic_store(&s->slow_probes[i].stop, true);
	for (size_t i = 0; i < s->probe_count; i++)
		probe_stop(&s->probes[i]);
	for (size_t i = 0; i < s->slow_probe_count; i++)
		slow_probe_stop(&s->slow_probes[i]);
	if (s->recording) {
		recorder_stop(&s->recorder);
		if (atomic_load(&s->recorder.failed))
			rc = error_set(err, -EIO, "%s", s->recorder.error.text);
	}
	s->recording = false;
	copy_counters(s);
	rc = rc ? rc : session_collect_ntp(s, err);
	for (size_t i = 0; i < s->probe_count; i++)
		probe_free(&s->probes[i]);
	for (size_t i = 0; i < s->slow_probe_count; i++)
		slow_probe_free(&s->slow_probes[i]);
	s->probe_count = s->slow_probe_count = 0;
	for (size_t i = 0; i < s->writer_count; i++) {
		int closed = s->writers[i] ? samples_writer_close(s->writers[i], err) : 0;

		rc = rc ? rc : closed;
	}
	s->writer_count = 0;
	return rc;
}

void session_close(struct session *s)
{
	struct error ignored = { "" };

	session_stop(s, &ignored);
	for (size_t i = 0; i < s->tight_count; i++)
		if (s->tight[i].reader->close)
			s->tight[i].reader->close(s->tight[i].state);
	for (size_t i = 0; i < s->slow_count; i++)
		if (s->slow[i].reader->close)
			s->slow[i].reader->close(s->slow[i].state);
	for (size_t i = 0; i < s->tally_count; i++)
		free(s->tallies[i].brackets);
	free(s->tallies);
	free(s->tight);
	free(s->slow);
	free(s->probes);
	free(s->slow_probes);
	free(s->writers);
	free(s->recorder.inputs);
	pthread_mutex_destroy(&s->events);
}
