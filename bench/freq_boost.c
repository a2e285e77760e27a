/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Turbo (Intel), boost (AMD and the kernel's word for both): one switch for the machine,
 * or, where a newer kernel has no such switch, one for each policy (amd_pstate).
 */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "bench/freq_policy.h"
#include "bench/sysfs.h"

bool freq_boost_file(
	const struct freq_set *set, size_t i, bool on, char path[FREQ_PATH_MAX], const char **text)
{
	static const struct {
		const char *path;
		bool inverted;
	} switches[] = {
		{ FREQ_CPU_DIR "/intel_pstate/no_turbo", true },
		{ FREQ_CPU_DIR "/cpufreq/boost", false },
	};

	for (size_t k = 0; k < sizeof(switches) / sizeof(switches[0]); k++) {
		if (access(switches[k].path, F_OK))
			continue;
		strcpy(path, switches[k].path);
		*text = on != switches[k].inverted ? "1" : "0";
		return i == 0;
	}
	if (i >= set->count)
		return false;
	*text = on ? "1" : "0";
	freq_policy_path(&set->policies[0], "boost", path);
	if (access(path, F_OK))
		return false;
	/* One that is missing behind the first shall fail where it is used. */
	freq_policy_path(&set->policies[i], "boost", path);
	return true;
}

/*
 * The kernel sets the maximum of each policy to what is left or back to all that there is
 * (cpufreq_boost_set_sw()), whatever it was.  Recorded before the switch, they are undone after it.
 */
static int record_maxima(struct journal *journal, struct error *err)
{
	glob_t found = { 0 };
	int rc = 0, globbed = glob(FREQ_CPU_DIR "/cpufreq/policy*/scaling_max_freq", 0, NULL, &found);

	if (globbed && globbed != GLOB_NOMATCH)
		rc = error_set(err, -EIO, FREQ_CPU_DIR "/cpufreq: cannot list the policies");
	for (size_t i = 0; !rc && i < found.gl_pathc; i++) {
		char value[64];
		struct error ignored = { "" };

		/* A policy whose CPUs are all offline cannot be read, and is not changed either. */
		if (sysfs_read(found.gl_pathv[i], value, sizeof(value), &ignored) == 0)
			rc = journal_add_file(journal, found.gl_pathv[i], err);
	}
	globfree(&found);
	return rc;
}

int freq_boost_set(const struct freq_set *set, bool on, struct journal *journal, struct error *err)
{
	char path[FREQ_PATH_MAX];
	const char *text;
	int rc = record_maxima(journal, err);

	for (size_t i = 0; !rc && freq_boost_file(set, i, on, path, &text); i++)
		rc = journal_write_file(journal, path, text, err);
	return rc ? rc : freq_boost_confirm(set, on, err);
}

static int no_switch(struct error *err)
{
	return error_set(err, -ENODEV,
		"no switch for turbo: neither " FREQ_CPU_DIR "/intel_pstate/no_turbo nor " FREQ_CPU_DIR
		"/cpufreq/boost nor a policy's own boost is there");
}

int freq_boost_need(const struct freq_set *set, struct error *err)
{
	char path[FREQ_PATH_MAX];
	const char *text;
	size_t i;

	for (i = 0; freq_boost_file(set, i, true, path, &text); i++)
		if (access(path, W_OK))
			return error_set(err, -errno, "%s: cannot be written: %s", path, strerror(errno));
	return i ? 0 : no_switch(err);
}

int freq_boost_confirm(const struct freq_set *set, bool on, struct error *err)
{
	char path[FREQ_PATH_MAX], now[16];
	const char *text;
	size_t i;

	for (i = 0; freq_boost_file(set, i, on, path, &text); i++) {
		int rc = sysfs_read(path, now, sizeof(now), err);

		if (rc)
			return rc;
		if (strcmp(now, text) != 0)
			return error_set(err, -EIO, "%s: was set to %s and reads %s", path, text, now);
	}
	return i ? 0 : no_switch(err);
}
