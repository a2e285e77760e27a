/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * migrate-thread: the probes change CPUs while they sample.  Each goes from its own CPU to another of the
 * run and back, then to the next one.  A clock that differs between CPUs shows as steps and backward readings.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/disturbance.h"
#include "bench/toggler.h"
#include "probes/now.h"
#include "probes/tsc.h"
#include "results/units.h"

#define HOME_NS	      (2 * NS_PER_SEC) /* a probe goes home at its next burst */
#define HOME_PAUSE_NS (1 * NS_PER_MS)
#define SEEN_SHARE    0.9 /* of the moves */

static const struct parameter parameters[] = {
	{ .name = "rate",
		.kind = PARAMETER_NUMBER,
		.initial = "10",
		.low = 0.1,
		.high = 1000,
		.help = "moves a second of each probe; it moves between bursts, so no more than these" },
	{ 0 },
};

struct probe_moves {
	int home, target;
	bool moved; /* target was asked for */
	uint64_t asked, seen;
};

struct migration {
	const struct disturbance_setup *setup;
	struct toggler *toggler;
	double rate_hz;
	int *cpus; /* of the run, and one more if it has only one */
	size_t cpu_count;
	struct probe_moves *probes; /* of the toggler's thread; after it, of stop() */
	uint64_t moved_ns;	    /* when the moves at hand were asked for */
	uint64_t asked;		    /* of all probes */
};

/* The CPUs to move between: those of the run, or its only one and another that is allowed.  -errno or 0. */
static int choose_cpus(const struct disturbance_setup *setup, int **cpus, size_t *count)
{
	int spare = setup->cpu_count == 1 ? placement_spare(setup->placement, setup->cpus, 1) : -1;

	*count = setup->cpu_count;
	*cpus = calloc(*count + 1, sizeof(**cpus));
	if (!*cpus)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++)
		(*cpus)[i] = setup->cpus[i];
	if (spare >= 0)
		(*cpus)[(*count)++] = spare;
	return 0;
}

static int migrate_supported(const struct disturbance_setup *setup, struct error *why)
{
	size_t count;
	int *cpus;

	if (!placement_is_real(setup->placement))
		return error_set(why, -ENOTSUP, "the topology is synthetic: no thread is bound to a CPU");
	if (choose_cpus(setup, &cpus, &count))
		return error_set(why, -ENOMEM, "out of memory");
	free(cpus);
	if (count < 2)
		return error_set(why, -ENODEV, "only one CPU may be used: there is none to move to");
	return 0;
}

static void migrate_plan(const struct disturbance_setup *setup, char *text, size_t size)
{
	size_t count;
	int *cpus;

	if (choose_cpus(setup, &cpus, &count))
		count = setup->cpu_count;
	else
		free(cpus);
	snprintf(text, size, "each probe moves between its CPU and %zu other%s, %g times a second", count - 1,
		count == 2 ? "" : "s", setup->arguments[0].number);
}

/* Out at even turns, to one CPU after the other; home at odd ones. */
static int target_of(const struct migration *m, size_t probe, uint64_t turn)
{
	size_t step = 1 + (size_t)(turn / 2 % (m->cpu_count - 1));

	return turn % 2 ? m->probes[probe].home : m->cpus[(probe + step) % m->cpu_count];
}

/* How many of the moves at hand were seen to be done. */
static void count_moves(struct migration *m)
{
	for (size_t i = 0; i < m->setup->cpu_count; i++) {
		struct probe_moves *p = &m->probes[i];

		if (!p->moved)
			continue;
		__atomic_add_fetch(&m->asked, 1, __ATOMIC_RELAXED);
		p->asked++;
		p->seen += stage_probe_cpu(m->setup->stage, p->home) == p->target;
		p->moved = false;
	}
}

static int move_probes(void *context, uint64_t turn)
{
	struct migration *m = context;

	count_moves(m);
	m->moved_ns = now_ns();
	for (size_t i = 0; i < m->setup->cpu_count; i++) {
		struct probe_moves *p = &m->probes[i];

		p->target = target_of(m, i, turn);
		p->moved = stage_move_probe(m->setup->stage, p->home, p->target) == 0;
	}
	return 0;
}

static void migration_free(struct migration *m)
{
	free(m->cpus);
	free(m->probes);
	free(m);
}

static int prepare(struct migration *m, struct error *err)
{
	const struct disturbance_setup *setup = m->setup;

	m->rate_hz = setup->arguments[0].number;
	m->probes = calloc(setup->cpu_count, sizeof(*m->probes));
	if (!m->probes || choose_cpus(setup, &m->cpus, &m->cpu_count))
		return error_set(err, -ENOMEM, "out of memory");
	if (m->cpu_count < 2)
		return error_set(err, -ENODEV, "only one CPU may be used: there is none to move to");
	for (size_t i = 0; i < setup->cpu_count; i++) {
		int home = setup->cpus[i];

		m->probes[i].home = home;
		if (stage_move_probe(setup->stage, home, home))
			return error_set(err, -ENOENT, "CPU %d has no probe that could be moved", home);
	}
	return 0;
}

static int migrate_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	struct migration *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return error_set(err, -ENOMEM, "out of memory");
	m->setup = setup;
	rc = prepare(m, err);
	if (!rc) {
		stage_event(setup->stage, tsc_before(), "migrate-thread", false,
			"probes begin to move between %zu CPUs, %g times a second", m->cpu_count, m->rate_hz);
		m->toggler = toggler_start(m->rate_hz, move_probes, m, err);
		rc = m->toggler ? 0 : -EAGAIN;
	}
	if (rc)
		migration_free(m);
	else
		*state = m;
	return rc;
}

static void migrate_observe(void *state, uint64_t tsc)
{
	struct migration *m = state;
	uint64_t asked = __atomic_load_n(&m->asked, __ATOMIC_RELAXED);

	for (size_t i = 0; i < m->setup->cpu_count; i++) {
		int home = m->setup->cpus[i];
		char series[32];

		snprintf(series, sizeof(series), "CPU of probe %d", home);
		stage_point(m->setup->stage, "migrate-thread", series, "", tsc,
			stage_probe_cpu(m->setup->stage, home));
	}
	stage_point(m->setup->stage, "migrate-thread", "moves", "", tsc, (double)asked);
}

static bool all_home(const struct migration *m, int *away)
{
	for (size_t i = 0; i < m->setup->cpu_count; i++) {
		if (!stage_probe_is_home(m->setup->stage, m->probes[i].home)) {
			*away = m->probes[i].home;
			return false;
		}
	}
	return true;
}

static int send_home(struct migration *m, struct error *err)
{
	const struct timespec pause = { 0, HOME_PAUSE_NS };
	uint64_t deadline = now_ns() + HOME_NS;
	int away;

	for (size_t i = 0; i < m->setup->cpu_count; i++)
		stage_move_probe(m->setup->stage, m->probes[i].home, m->probes[i].home);
	while (!all_home(m, &away)) {
		if (now_ns() > deadline)
			return error_set(err, -ETIMEDOUT,
				"the probe of CPU %d did not come home within %lld s", away,
				HOME_NS / NS_PER_SEC);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Each probe must have moved: among many one that stays would not show. */
static bool judge(const struct migration *m, char *text, size_t size)
{
	const struct probe_moves *worst = m->probes;
	uint64_t seen = 0;

	for (size_t i = 0; i < m->setup->cpu_count; i++) {
		const struct probe_moves *p = &m->probes[i];

		seen += p->seen;
		if (p->asked * worst->seen > p->seen * worst->asked)
			worst = p;
	}
	snprintf(text, size,
		"%llu of %llu moves between %zu CPUs were seen, before the next one was asked for; of the "
		"probe "
		"of CPU %d %llu of %llu",
		(unsigned long long)seen, (unsigned long long)m->asked, m->cpu_count, worst->home,
		(unsigned long long)worst->seen, (unsigned long long)worst->asked);
	return m->asked && (double)worst->seen >= SEEN_SHARE * (double)worst->asked;
}

static int migrate_stop(void *state, struct evidence *evidence, struct error *err)
{
	struct migration *m = state;
	int rc;

	toggler_stop(m->toggler);
	/* The last move counts if it had some time. */
	if ((double)(now_ns() - m->moved_ns) * m->rate_hz > (double)NS_PER_SEC / 2)
		count_moves(m);
	evidence->observed = judge(m, evidence->text, sizeof(evidence->text));
	rc = send_home(m, err);
	migration_free(m);
	return rc;
}

const struct disturbance disturb_migrate_thread = {
	.name = "migrate-thread",
	.summary = "moves the probes between the CPUs while they sample",
	.parameters = parameters,
	.changes_machine = false,
	.supported = migrate_supported,
	.needs_cpu = disturbance_needs_probes,
	.plan = migrate_plan,
	.start = migrate_start,
	.observe = migrate_observe,
	.stop = migrate_stop,
};
