/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/idle_counts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cpuidle.h>

#include "bench/idle_states.h"

#define STATES_MAX 32 /* the kernel has at most 10 (CPUIDLE_STATE_MAX) */
#define NAMES_MAX  64 /* CPUs of different kinds have states of different names */

struct counter {
	uint64_t last, sum;
};

struct state {
	struct counter entries, us;
	size_t name;
};

struct cpu {
	unsigned number, state_count;
	bool was_away;
	struct state states[STATES_MAX];
};

struct idle_counts {
	struct cpu *cpus;
	size_t cpu_count;
	char names[NAMES_MAX][IDLE_NAME_MAX];
	size_t name_count;
};

/* libcpupower returns 0 where it cannot read: that is no reading. */
static void advance(struct counter *c, uint64_t now)
{
	if (!now)
		return;
	c->sum += now >= c->last ? now - c->last : now;
	c->last = now;
}

static size_t name_index(struct idle_counts *counts, int cpu, unsigned state)
{
	char name[IDLE_NAME_MAX];
	size_t i;

	idle_state_name(cpu, state, name);
	for (i = 0; i < counts->name_count; i++)
		if (strcmp(counts->names[i], name) == 0)
			return i;
	if (i == NAMES_MAX)
		return NAMES_MAX - 1;
	memcpy(counts->names[i], name, sizeof(name));
	counts->name_count++;
	return i;
}

static int cpu_start(struct idle_counts *counts, struct cpu *cpu, int number, struct error *err)
{
	unsigned n = cpuidle_state_count((unsigned)number);

	if (n == 0)
		return error_set(err, -ENODEV, "CPU %d has no idle states; is it offline?", number);
	cpu->number = (unsigned)number;
	cpu->state_count = n < STATES_MAX ? n : STATES_MAX;
	for (unsigned i = 0; i < cpu->state_count; i++) {
		struct state *s = &cpu->states[i];

		s->name = name_index(counts, number, i);
		s->entries.last = cpuidle_state_usage(cpu->number, i);
		s->us.last = cpuidle_state_time(cpu->number, i);
	}
	return 0;
}

struct idle_counts *idle_counts_start(const int *cpus, size_t count, struct error *err)
{
	struct idle_counts *counts = calloc(1, sizeof(*counts));
	int rc = 0;

	if (counts)
		counts->cpus = calloc(count, sizeof(*counts->cpus));
	if (!counts || !counts->cpus)
		rc = error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count && !rc; i++) {
		rc = cpu_start(counts, &counts->cpus[i], cpus[i], err);
		counts->cpu_count++;
	}
	if (!rc)
		return counts;
	idle_counts_free(counts);
	return NULL;
}

void idle_counts_free(struct idle_counts *counts)
{
	if (!counts)
		return;
	free(counts->cpus);
	free(counts);
}

void idle_counts_update(struct idle_counts *counts)
{
	for (size_t i = 0; i < counts->cpu_count; i++) {
		struct cpu *cpu = &counts->cpus[i];

		if (cpuidle_state_count(cpu->number) < cpu->state_count) {
			cpu->was_away = true;
			continue;
		}
		for (unsigned s = 0; s < cpu->state_count; s++) {
			advance(&cpu->states[s].entries, cpuidle_state_usage(cpu->number, s));
			advance(&cpu->states[s].us, cpuidle_state_time(cpu->number, s));
		}
	}
}

size_t idle_counts_names(const struct idle_counts *counts)
{
	return counts->name_count;
}

const char *idle_counts_name(const struct idle_counts *counts, size_t index)
{
	return counts->names[index];
}

static void add(struct idle_sum *sum, const struct state *s)
{
	sum->entries += s->entries.sum;
	sum->us += s->us.sum;
}

struct idle_sum idle_counts_named(const struct idle_counts *counts, size_t index)
{
	struct idle_sum sum = { 0 };

	for (size_t i = 0; i < counts->cpu_count; i++)
		for (unsigned s = 0; s < counts->cpus[i].state_count; s++)
			if (counts->cpus[i].states[s].name == index)
				add(&sum, &counts->cpus[i].states[s]);
	return sum;
}

struct idle_sum idle_counts_from(const struct idle_counts *counts, unsigned first)
{
	struct idle_sum sum = { 0 };

	for (size_t i = 0; i < counts->cpu_count; i++)
		for (unsigned s = first; s < counts->cpus[i].state_count; s++)
			add(&sum, &counts->cpus[i].states[s]);
	return sum;
}

struct idle_sum idle_counts_deepest(const struct idle_counts *counts)
{
	struct idle_sum sum = { 0 };

	for (size_t i = 0; i < counts->cpu_count; i++)
		add(&sum, &counts->cpus[i].states[counts->cpus[i].state_count - 1]);
	return sum;
}

size_t idle_counts_away(const struct idle_counts *counts)
{
	size_t n = 0;

	for (size_t i = 0; i < counts->cpu_count; i++)
		n += counts->cpus[i].was_away;
	return n;
}
