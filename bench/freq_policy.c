/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * libcpupower reads.  Its setters make one -ENODEV of every failure, so writing goes
 * through sysfs_write(), which keeps the kernel's errno.  Before each of its readers
 * errno is cleared: it takes an old ERANGE for its own (lib/cpufreq.c,
 * sysfs_cpufreq_get_one_value()).
 */
#include "bench/freq_policy.h"

#include <cpufreq.h>
#include <cpuid.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/sysfs.h"

#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CONFIRM_NAP_NS	       1000000
#define CONFIRM_NAPS	       200

static bool machine_is_virtual(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & CPUID_1_ECX_HYPERVISOR;
}

void freq_policy_path(const struct freq_policy *policy, const char *file, char path[FREQ_PATH_MAX])
{
	snprintf(path, FREQ_PATH_MAX, "%.100s/%.50s", policy->dir, file);
}

/* ---- loading ---- */

static int policy_find(int cpu, char dir[FREQ_PATH_MAX], struct error *err)
{
	char link[96], real[PATH_MAX];

	snprintf(link, sizeof(link), FREQ_CPU_DIR "/cpu%d/cpufreq", cpu);
	if (!realpath(link, real)) {
		int failure = errno;

		if (failure != ENOENT)
			return error_set(err, -failure, "%s: %s", link, strerror(failure));
		return error_set(err, -ENODEV, "no cpufreq driver: %s is not there%s", link,
			machine_is_virtual() ? " (a virtual machine's host controls the frequency)" : "");
	}
	/* 100: what freq_policy_path() keeps. */
	if (snprintf(dir, FREQ_PATH_MAX, "%.100s", real) != (int)strlen(real))
		return error_set(err, -ENAMETOOLONG, "%s: leads to a path that is too long", link);
	return 0;
}

static int policy_fill(struct freq_policy *p, struct error *err)
{
	struct cpufreq_affected_cpus *all;

	p->cpus = hwloc_bitmap_alloc();
	if (!p->cpus || hwloc_bitmap_set(p->cpus, p->cpu))
		return error_set(err, -ENOMEM, "out of memory");
	errno = 0;
	all = cpufreq_get_affected_cpus(p->cpu);
	for (const struct cpufreq_affected_cpus *a = all; a; a = a->next)
		hwloc_bitmap_set(p->cpus, a->cpu);
	cpufreq_put_affected_cpus(all);
	errno = 0;
	if (cpufreq_get_hardware_limits(p->cpu, &p->low_khz, &p->high_khz) || p->low_khz > p->high_khz)
		return error_set(err, -ENODEV,
			"%s: cpuinfo_min_freq and cpuinfo_max_freq do not say what the hardware can do",
			p->dir);
	return 0;
}

static int policy_add(struct freq_set *set, int cpu, struct error *err)
{
	struct freq_policy *grown, new = { .cpu = (unsigned)cpu };
	int rc = policy_find(cpu, new.dir, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->policies[i].dir, new.dir) == 0)
			return 0;
	grown = reallocarray(set->policies, set->count + 1, sizeof(*grown));
	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	set->policies = grown;
	grown[set->count] = new;
	return policy_fill(&grown[set->count++], err);
}

int freq_load(const int *cpus, size_t count, struct freq_set *set, struct error *err)
{
	hwloc_bitmap_t all = hwloc_bitmap_alloc();
	int rc = all ? 0 : error_set(err, -ENOMEM, "out of memory");

	*set = (struct freq_set){ 0 };
	for (size_t i = 0; !rc && i < count; i++)
		rc = policy_add(set, cpus[i], err);
	for (size_t i = 0; !rc && i < set->count; i++)
		if (hwloc_bitmap_or(all, all, set->policies[i].cpus))
			rc = error_set(err, -ENOMEM, "out of memory");
	if (!rc && !set->count)
		rc = error_set(err, -EINVAL, "no CPUs to change the frequency of");
	if (!rc)
		hwloc_bitmap_list_snprintf(set->cpus, sizeof(set->cpus), all);
	hwloc_bitmap_free(all);
	return rc;
}

void freq_free(struct freq_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		hwloc_bitmap_free(set->policies[i].cpus);
	free(set->policies);
	*set = (struct freq_set){ 0 };
}

/* ---- what there is ---- */

/* Appends to a list for a message; what does not fit is left out. */
static void list_append(char *list, size_t size, const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", length ? " " : "", word);
}

static bool governor_in(const struct freq_policy *p, const char *name, char *list, size_t size)
{
	struct cpufreq_available_governors *all;
	bool found = false;

	errno = 0;
	all = cpufreq_get_available_governors(p->cpu);
	for (const struct cpufreq_available_governors *g = all; g; g = g->next) {
		list_append(list, size, g->governor);
		found |= strcmp(g->governor, name) == 0;
	}
	cpufreq_put_available_governors(all);
	return found;
}

bool freq_policy_has_governor(const struct freq_policy *policy, const char *name)
{
	char list[200] = "";

	return governor_in(policy, name, list, sizeof(list));
}

int freq_policy_need_governor(const struct freq_policy *policy, const char *name, struct error *err)
{
	char list[200] = "";

	if (governor_in(policy, name, list, sizeof(list)))
		return 0;
	return error_set(err, -EINVAL, "CPU %u has no cpufreq governor \"%s\"; it has: %s", policy->cpu, name,
		list[0] ? list : "none that it would name");
}

int freq_policy_need_khz(const struct freq_policy *policy, unsigned long khz, struct error *err)
{
	struct cpufreq_available_frequencies *lists[2];
	char list[300] = "", number[24];
	bool found = false;

	errno = 0;
	lists[0] = cpufreq_get_available_frequencies(policy->cpu);
	lists[1] = cpufreq_get_boost_frequencies(policy->cpu);
	for (size_t i = 0; i < 2; i++) {
		for (const struct cpufreq_available_frequencies *f = lists[i]; f; f = f->next) {
			snprintf(number, sizeof(number), "%lu", f->frequency);
			list_append(list, sizeof(list), number);
			found |= f->frequency == khz;
		}
		cpufreq_put_available_frequencies(lists[i]);
	}
	/* Drivers without a table (intel_pstate, amd_pstate) take anything between the limits. */
	if (!list[0]) {
		found = policy->low_khz <= khz && khz <= policy->high_khz;
		snprintf(list, sizeof(list), "%lu to %lu", policy->low_khz, policy->high_khz);
	}
	return found ? 0
		     : error_set(err, -EINVAL, "CPU %u does not run at %lu kHz; it offers: %s kHz",
			       policy->cpu, khz, list);
}

int freq_policy_need_file(const struct freq_policy *policy, const char *file, struct error *err)
{
	char path[FREQ_PATH_MAX];

	freq_policy_path(policy, file, path);
	if (access(path, W_OK) == 0)
		return 0;
	return error_set(err, -errno, "%s: cannot be written: %s", path, strerror(errno));
}

/* ---- minimum and maximum ---- */

static int record_file(
	const struct freq_policy *p, const char *file, struct journal *journal, struct error *err)
{
	char path[FREQ_PATH_MAX];

	freq_policy_path(p, file, path);
	return journal_add_file(journal, path, err);
}

static int write_khz(const struct freq_policy *p, const char *file, unsigned long khz, struct error *err)
{
	char path[FREQ_PATH_MAX], value[24];

	freq_policy_path(p, file, path);
	snprintf(value, sizeof(value), "%lu", khz);
	return sysfs_write(path, value, err);
}

/*
 * Older kernels refuse a minimum above the maximum (cpufreq_set_policy()), so undoing must never try that wherever
 * min = max stands then.  Both are recorded twice: as found, and as wide open.  Undone in reverse
 * that is: min to the lowest, max to the highest, max as found, min as found.
 */
int freq_policy_widen(struct freq_policy *policy, struct journal *journal, struct error *err)
{
	int rc = record_file(policy, "scaling_min_freq", journal, err);

	if (!rc)
		rc = write_khz(policy, "scaling_min_freq", policy->low_khz, err);
	if (!rc)
		rc = record_file(policy, "scaling_max_freq", journal, err);
	if (!rc)
		rc = write_khz(policy, "scaling_max_freq", policy->high_khz, err);
	if (!rc)
		rc = record_file(policy, "scaling_max_freq", journal, err);
	if (!rc)
		rc = record_file(policy, "scaling_min_freq", journal, err);
	policy->max_khz = policy->high_khz;
	return rc;
}

int freq_policy_speed(const struct freq_policy *policy, unsigned long khz, struct error *err)
{
	return write_khz(policy, "scaling_setspeed", khz, err);
}

int freq_policy_pin(struct freq_policy *policy, unsigned long khz, struct error *err)
{
	bool up = khz > policy->max_khz;
	int rc = write_khz(policy, up ? "scaling_max_freq" : "scaling_min_freq", khz, err);

	if (!rc)
		rc = write_khz(policy, up ? "scaling_min_freq" : "scaling_max_freq", khz, err);
	if (!rc)
		policy->max_khz = khz;
	return rc;
}

/* What is in force: 0 as asked, 1 something else, or -errno. */
static int check_range(
	const struct freq_policy *policy, unsigned long low_khz, unsigned long high_khz, struct error *err)
{
	struct cpufreq_policy *now;
	int rc = 0;

	errno = 0;
	now = cpufreq_get_policy(policy->cpu);
	if (!now)
		return error_set(err, -EIO, "%s: min, max and governor cannot be read back", policy->dir);
	if (now->min != low_khz || now->max != high_khz) {
		error_set(err, -EIO,
			"CPU %u: scaling_min_freq and scaling_max_freq were set to %lu and %lu kHz and read "
			"%lu "
			"and %lu kHz (a limit of firmware, heat or another program)",
			policy->cpu, low_khz, high_khz, now->min, now->max);
		rc = 1;
	}
	cpufreq_put_policy(now);
	return rc;
}

/* Linux puts new limits in force from a work queue (drivers/cpufreq/cpufreq.c, cpufreq_notifier_min()). */
int freq_policy_confirm_range(
	const struct freq_policy *policy, unsigned long low_khz, unsigned long high_khz, struct error *err)
{
	static const struct timespec nap = { 0, CONFIRM_NAP_NS };
	struct error said = { "" };
	int rc = check_range(policy, low_khz, high_khz, &said);

	for (int i = 0; rc == 1 && i < CONFIRM_NAPS; i++) {
		nanosleep(&nap, NULL);
		said.text[0] = '\0';
		rc = check_range(policy, low_khz, high_khz, &said);
	}
	return rc ? error_set(err, rc == 1 ? -EIO : rc, "%s", said.text) : 0;
}

/* ---- governor ---- */

/*
 * The speed of the userspace governor, "<unsupported>" under any other, and the energy preference follow
 * the governor.  They are recorded before it and so undone after it: what came back with the
 * governor then reads as it was recorded, and the journal leaves it alone.
 */
static int record_followers(const struct freq_policy *p, struct journal *journal, struct error *err)
{
	static const char *const files[] = { "scaling_setspeed", "energy_performance_preference" };
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(files) / sizeof(files[0]); i++) {
		char path[FREQ_PATH_MAX];

		freq_policy_path(p, files[i], path);
		if (access(path, F_OK) == 0)
			rc = journal_add_file(journal, path, err);
	}
	return rc;
}

int freq_policy_govern(
	struct freq_policy *policy, const char *name, struct journal *journal, struct error *err)
{
	char path[FREQ_PATH_MAX];
	int rc = record_followers(policy, journal, err);

	freq_policy_path(policy, "scaling_governor", path);
	if (!rc)
		rc = journal_write_file(journal, path, name, err);
	return rc ? rc : freq_policy_confirm_governor(policy, name, err);
}

int freq_policy_confirm_governor(const struct freq_policy *policy, const char *name, struct error *err)
{
	char path[FREQ_PATH_MAX], now[64];
	int rc;

	freq_policy_path(policy, "scaling_governor", path);
	rc = sysfs_read(path, now, sizeof(now), err);
	if (!rc && strcmp(now, name) != 0)
		rc = error_set(err, -EIO, "%s: was set to \"%s\" and reads \"%s\"", path, name, now);
	return rc;
}
