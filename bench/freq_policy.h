/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * cpufreq policies (CPUs that change their frequency together) of given CPUs, and
 * how their files are changed.  Frequencies are in kHz, as in sysfs.
 */
#ifndef BENCH_FREQ_POLICY_H
#define BENCH_FREQ_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include <hwloc.h>

#include "bench/journal.h"
#include "results/error.h"

#define FREQ_CPU_DIR  "/sys/devices/system/cpu"
#define FREQ_PATH_MAX 160

struct freq_policy {
	char dir[FREQ_PATH_MAX];	 /* not a symlink: what journaled paths start with */
	unsigned cpu;			 /* one of its CPUs: libcpupower asks by CPU */
	hwloc_bitmap_t cpus;		 /* owned: those that follow it */
	unsigned long low_khz, high_khz; /* what the hardware can do: low <= high */
	unsigned long max_khz;		 /* scaling_max_freq as last written by freq_policy_*() */
};

struct freq_set {
	struct freq_policy *policies; /* owned */
	size_t count;
	char cpus[64]; /* "0-3,8": of all the policies; cut where it is longer */
};

/* The policies of the CPUs, each once.  0 or -errno with the reason.  Free with freq_free(), on failure too. */
int freq_load(const int *cpus, size_t count, struct freq_set *set, struct error *err);
void freq_free(struct freq_set *set);

/* Path of a file of the policy. */
void freq_policy_path(const struct freq_policy *policy, const char *file, char path[FREQ_PATH_MAX]);

bool freq_policy_has_governor(const struct freq_policy *policy, const char *name);
/* 0, or -EINVAL with err, which names the governors that there are. */
int freq_policy_need_governor(const struct freq_policy *policy, const char *name, struct error *err);
/* 0, or -EINVAL with err, which names the frequencies that there are. */
int freq_policy_need_khz(const struct freq_policy *policy, unsigned long khz, struct error *err);
/* 0 if a file of the policy can be written, else -errno with err.  Writes nothing. */
int freq_policy_need_file(const struct freq_policy *policy, const char *file, struct error *err);

/* Records and opens min and max to what the hardware can do: before freq_policy_pin(). */
int freq_policy_widen(struct freq_policy *policy, struct journal *journal, struct error *err);
/* Sets the speed of the userspace governor, after freq_policy_govern(). */
int freq_policy_speed(const struct freq_policy *policy, unsigned long khz, struct error *err);
/* Sets min = max = khz; never min > max in between.  Not read back. */
int freq_policy_pin(struct freq_policy *policy, unsigned long khz, struct error *err);
/* 0 if min and max read low_khz and high_khz, else -EIO with err. */
int freq_policy_confirm_range(
	const struct freq_policy *policy, unsigned long low_khz, unsigned long high_khz, struct error *err);

/* Records the governor and what comes and goes with it, sets it, reads it back. */
int freq_policy_govern(
	struct freq_policy *policy, const char *name, struct journal *journal, struct error *err);
/* 0 if the governor reads so, else -EIO with err. */
int freq_policy_confirm_governor(const struct freq_policy *policy, const char *name, struct error *err);

/*
 * The i-th file that switches turbo (boost) for the policies, and the text that means on or off there.
 * False: there are no more.
 */
bool freq_boost_file(
	const struct freq_set *set, size_t i, bool on, char path[FREQ_PATH_MAX], const char **text);
/* 0 if there is a switch and it can be written, else -errno with err. */
int freq_boost_need(const struct freq_set *set, struct error *err);
/* Records and switches; reads back. */
int freq_boost_set(const struct freq_set *set, bool on, struct journal *journal, struct error *err);
/* 0 if each file reads so, else -EIO or -ENODEV with err. */
int freq_boost_confirm(const struct freq_set *set, bool on, struct error *err);

#endif
