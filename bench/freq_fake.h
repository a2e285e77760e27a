/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * For tests: cpufreq of a machine with two CPUs, in a tmpfs over /sys/devices/system/cpu that only this
 * process sees.  libcpupower has that path built in.  What is written there stays as it was written, so the
 * files that are have no newline, which sysfs puts behind each value.
 */
#ifndef BENCH_FREQ_FAKE_H
#define BENCH_FREQ_FAKE_H

#include <errno.h>
#include <fts.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TREE "/sys/devices/system/cpu"
#define P0   TREE "/cpufreq/policy0/"
#define P1   TREE "/cpufreq/policy1/"

/* NULL, or why there can be no private tree. */
static inline const char *fake_freq_begin(void)
{
	if (geteuid() != 0)
		return "a private /sys needs root";
	if (unshare(CLONE_NEWNS))
		return "unshare(CLONE_NEWNS) is not allowed here";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "mounts cannot be made private";
	/* The journal of the machine is not for tests. */
	return mount("tmpfs", "/run", "tmpfs", 0, NULL) ? "a tmpfs cannot be mounted" : NULL;
}

/* Makes the file, or replaces it at once: a reader sees the old text or the new one. */
static inline void fake_freq_put(const char *path, const char *text)
{
	char new[256];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", path);
	f = fopen(new, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(new, path), 0);
}

/* The text of at most 255 bytes; empty if there is no such file. */
static inline const char *fake_freq_get(const char *path)
{
	static char text[256];
	FILE *f = fopen(path, "r");

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return text;
}

static inline void fake_freq_policy(const char *dir, const char *cpus)
{
	static const char *const files[][2] = {
		{ "cpuinfo_min_freq", "1200000" },
		{ "cpuinfo_max_freq", "2400000" },
		{ "scaling_available_frequencies", "2400000 1600000 1200000 \n" },
		{ "scaling_available_governors", "powersave userspace schedutil \n" },
		{ "scaling_governor", "schedutil" },
		{ "scaling_min_freq", "1600000" },
		{ "scaling_max_freq", "2400000" },
		{ "scaling_cur_freq", "1600000" },
		{ "scaling_setspeed", "<unsupported>" },
		{ "stats/total_trans", "100" },
	};
	char path[128];

	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(path, sizeof(path), "%sstats", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, files[i][0]);
		fake_freq_put(path, files[i][1]);
	}
	snprintf(path, sizeof(path), "%saffected_cpus", dir);
	fake_freq_put(path, cpus);
}

/* Two CPUs with a policy each. */
static inline void fake_freq_tree(void)
{
	assert_int_equal(mount("tmpfs", TREE, "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir(TREE "/cpufreq", 0755), 0);
	assert_int_equal(mkdir(TREE "/cpu0", 0755), 0);
	assert_int_equal(mkdir(TREE "/cpu1", 0755), 0);
	fake_freq_policy(P0, "0\n");
	fake_freq_policy(P1, "1\n");
	assert_int_equal(symlink("../cpufreq/policy0", TREE "/cpu0/cpufreq"), 0);
	assert_int_equal(symlink("../cpufreq/policy1", TREE "/cpu1/cpufreq"), 0);
}

static inline void fake_freq_end(void)
{
	umount2(TREE, MNT_DETACH);
}

static inline int fake_freq_order(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/*
 * All files of the tree with their texts, to be freed; without what the kernel says of its own doing, unless
 * `all`.
 */
static inline char *fake_freq_snapshot(bool all)
{
	char *roots[] = { (char *)TREE, NULL }, *text = NULL, link[128];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, fake_freq_order);

	assert_true(out && fts);
	for (FTSENT *e; (e = fts_read(fts));) {
		bool own = strcmp(e->fts_name, "scaling_cur_freq") == 0 ||
			   strcmp(e->fts_name, "total_trans") == 0;

		if (e->fts_info == FTS_SL) {
			ssize_t n = readlink(e->fts_path, link, sizeof(link));

			fprintf(out, "%s -> %.*s\n", e->fts_path, (int)n, link);
		} else if (e->fts_info == FTS_F && (all || !own)) {
			fprintf(out, "%s: %s\n", e->fts_path, fake_freq_get(e->fts_path));
		}
	}
	fts_close(fts);
	fclose(out);
	return text;
}

static inline void fake_kernel_policy(const char *dir)
{
	char path[128], text[32];
	unsigned long now, wanted;
	bool userspace;

	snprintf(path, sizeof(path), "%sscaling_governor", dir);
	userspace = strcmp(fake_freq_get(path), "userspace") == 0;
	snprintf(path, sizeof(path), "%sscaling_setspeed", dir);
	if (!userspace) {
		fake_freq_put(path, "<unsupported>");
		snprintf(path, sizeof(path), "%sscaling_max_freq", dir);
	}
	wanted = strtoul(fake_freq_get(path), NULL, 10);
	snprintf(path, sizeof(path), "%sscaling_cur_freq", dir);
	now = strtoul(fake_freq_get(path), NULL, 10);
	if (!wanted || wanted == now)
		return;
	snprintf(text, sizeof(text), "%lu", wanted);
	fake_freq_put(path, text);
	snprintf(path, sizeof(path), "%sstats/total_trans", dir);
	snprintf(text, sizeof(text), "%lu", strtoul(fake_freq_get(path), NULL, 10) + 1);
	fake_freq_put(path, text);
}

/* What a kernel would do now: run at the maximum, or as fast as the userspace governor says. */
static inline void fake_kernel(void)
{
	fake_kernel_policy(P0);
	fake_kernel_policy(P1);
}

#endif
