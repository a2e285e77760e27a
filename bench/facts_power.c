/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Idle states and frequency scaling: what stops a TSC, and what changes its rate, on CPUs that allow it. */
#include <stdio.h>
#include <string.h>

#include "bench/facts_read.h"

#define CPU_DIR	   "/sys/devices/system/cpu"
#define STATES_MAX 32 /* the kernel has at most 10 (CPUIDLE_STATE_MAX) */

/* The states of one CPU; those of the CPUs behind the first are only compared. */
static json_t *cpu_states(struct facts *f, unsigned cpu, size_t n, bool first)
{
	static const struct facts_attribute all[] = {
		{ "name", "name", FACTS_STRING },
		{ "disabled", "disable", FACTS_BOOL },
		{ "desc", "desc", FACTS_STRING },
		{ "latency_us", "latency", FACTS_INTEGER },
		{ "residency_us", "residency", FACTS_INTEGER },
		{ "usage", "usage", FACTS_INTEGER },
		{ "time_us", "time", FACTS_INTEGER },
	};
	json_t *states = json_array();

	for (size_t i = 0; i < n; i++) {
		char dir[96];

		snprintf(dir, sizeof(dir), CPU_DIR "/cpu%u/cpuidle/state%zu", cpu, i);
		facts_append(f, states,
			facts_attributes(f, dir, all, first ? sizeof(all) / sizeof(*all) : 2, first));
	}
	return states;
}

static bool same_states(const json_t *a, const json_t *b)
{
	const json_t *state;
	size_t i;

	json_array_foreach(a, i, state)
	{
		const json_t *other = json_array_get(b, i);

		if (!json_equal(json_object_get(state, "name"), json_object_get(other, "name")) ||
			!json_equal(json_object_get(state, "disabled"), json_object_get(other, "disabled")))
			return false;
	}
	return true;
}

/* Remembers the CPU at each state of the first that is disabled on it: an array until all CPUs were seen. */
static void mark_disabled(struct facts *f, json_t *states, unsigned cpu, const json_t *its)
{
	const json_t *state;
	size_t i;

	json_array_foreach(its, i, state)
	{
		json_t *first = json_array_get(states, i), *cpus;

		if (!first || !json_is_true(json_object_get(state, "disabled")))
			continue;
		cpus = json_object_get(first, "disabled_on");
		if (!cpus) {
			cpus = json_array();
			facts_set(f, first, "disabled_on", cpus);
		}
		facts_append(f, cpus, json_integer(cpu));
	}
}

/* Makes "0-3,8" of the ascending numbers at key. */
static void list_cpus(struct facts *f, json_t *object, const char *key)
{
	const json_t *cpus = json_object_get(object, key);
	unsigned numbers[FACTS_LIST_MAX];
	size_t n = json_array_size(cpus);

	for (size_t i = 0; i < n; i++)
		numbers[i] = (unsigned)json_integer_value(json_array_get(cpus, i));
	facts_set(f, object, key, facts_list_text(numbers, n));
}

static size_t state_count(struct facts *f, unsigned cpu)
{
	unsigned numbers[FACTS_LIST_MAX];
	char dir[96];
	size_t n;

	snprintf(dir, sizeof(dir), CPU_DIR "/cpu%u/cpuidle", cpu);
	n = facts_numbers(f, dir, "state", numbers);
	return n < STATES_MAX ? n : STATES_MAX;
}

static void add_states(struct facts *f, json_t *idle)
{
	unsigned cpus[FACTS_LIST_MAX];
	size_t n_cpus = facts_numbers(f, CPU_DIR, "cpu", cpus);
	json_t *states = NULL, *state;
	bool differ = false;
	size_t i;

	for (i = 0; i < n_cpus; i++) {
		size_t n = state_count(f, cpus[i]);
		json_t *its;

		if (!n) /* offline, or without cpuidle */
			continue;
		its = cpu_states(f, cpus[i], n, !states);
		if (!states)
			states = json_incref(its);
		differ = differ || json_array_size(states) != n || !same_states(states, its);
		mark_disabled(f, states, cpus[i], its);
		json_decref(its);
	}
	if (!states) {
		facts_note(f, CPU_DIR "/cpu*/cpuidle", "no idle states there");
		facts_set(f, idle, "cpus_differ", json_null());
		facts_set(f, idle, "states", json_null());
		return;
	}
	json_array_foreach(states, i, state) list_cpus(f, state, "disabled_on");
	facts_set(f, idle, "cpus_differ", json_boolean(differ));
	facts_set(f, idle, "states", states);
}

json_t *facts_idle(struct facts *f)
{
	static const struct facts_attribute attributes[] = {
		{ "driver", "current_driver", FACTS_STRING },
		{ "governor", "current_governor_ro", FACTS_STRING },
	};
	json_t *idle = facts_attributes(
		f, CPU_DIR "/cpuidle", attributes, sizeof(attributes) / sizeof(*attributes), true);

	add_states(f, idle);
	return idle;
}

/* All but the frequency of the moment, which is nobody's setting. */
static bool same_policy(const json_t *a, const json_t *b)
{
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)a, key, value)
	{
		if (strcmp(key, "cur_khz") && strcmp(key, "cpus") &&
			!json_equal(value, json_object_get(b, key)))
			return false;
	}
	return true;
}

/* Adds a policy, or its CPUs to the one like it: "cpus" is an array until all are there. */
static void add_policy(struct facts *f, json_t *policies, json_t *policy, unsigned number)
{
	json_t *entry, *cpus;
	size_t i;

	json_array_foreach(policies, i, entry)
	{
		if (same_policy(entry, policy)) {
			facts_append(f, json_object_get(entry, "cpus"), json_integer(number));
			json_decref(policy);
			return;
		}
	}
	cpus = json_array();
	facts_append(f, cpus, json_integer(number));
	facts_set(f, policy, "cpus", cpus);
	facts_append(f, policies, policy);
}

static json_t *policies(struct facts *f)
{
	static const struct facts_attribute attributes[] = {
		{ "driver", "scaling_driver", FACTS_STRING },
		{ "governor", "scaling_governor", FACTS_STRING },
		{ "min_khz", "scaling_min_freq", FACTS_INTEGER },
		{ "max_khz", "scaling_max_freq", FACTS_INTEGER },
		{ "governors", "scaling_available_governors", FACTS_WORDS },
		{ "frequencies_khz", "scaling_available_frequencies", FACTS_INTEGERS },
		{ "cur_khz", "scaling_cur_freq", FACTS_INTEGER },
	};
	const size_t all = sizeof(attributes) / sizeof(*attributes);
	unsigned numbers[FACTS_LIST_MAX];
	size_t n = facts_numbers(f, CPU_DIR "/cpufreq", "policy", numbers), i;
	json_t *array = json_array(), *policy;

	for (i = 0; i < n; i++) {
		char dir[96];

		/*
		 * A policy is taken for its first CPU.  Reading the frequency of
		 * the moment can sleep until that CPU was measured (kernels before
		 * 5.18, arch/x86/kernel/cpu/aperfmperf.c), so only the first is asked.
		 */
		snprintf(dir, sizeof(dir), CPU_DIR "/cpufreq/policy%u", numbers[i]);
		policy = facts_attributes(f, dir, attributes, i ? all - 1 : all, !i);
		add_policy(f, array, policy, numbers[i]);
	}
	json_array_foreach(array, i, policy) list_cpus(f, policy, "cpus");
	return array;
}

json_t *facts_cpufreq(struct facts *f)
{
	static const struct {
		const char *key, *path;
		enum facts_kind kind;
	} switches[] = {
		{ "boost", CPU_DIR "/cpufreq/boost", FACTS_BOOL },
		{ "no_turbo", CPU_DIR "/intel_pstate/no_turbo", FACTS_BOOL },
		{ "intel_pstate", CPU_DIR "/intel_pstate/status", FACTS_STRING },
		{ "amd_pstate", CPU_DIR "/amd_pstate/status", FACTS_STRING },
	};
	json_t *cpufreq = json_object(), *all = policies(f);
	bool any = json_array_size(all) > 0;

	if (!any)
		facts_note(f, CPU_DIR "/cpufreq/policy*", "no frequency scaling there");
	facts_set(f, cpufreq, "policies", all);
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		facts_set(f, cpufreq, switches[i].key,
			any ? facts_value(f, switches[i].kind, true, "%s", switches[i].path) : json_null());
	return cpufreq;
}
