/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/freq_policy.c"

#include "bench/freq_bed.h"

#include <jansson.h>
#include <sys/inotify.h>

/* Which of the policy's two limits was written first since the last call; -1: not both once. */
static int first_written(int fd, int min_watch, int max_watch)
{
	char buffer[4096] __attribute__((aligned(8)));
	ssize_t got = read(fd, buffer, sizeof(buffer));
	int order[2] = { 0 }, count = 0;

	for (ssize_t at = 0; at < got;) {
		const struct inotify_event *e = (const void *)(buffer + at);

		if (count < 2)
			order[count] = e->wd;
		count++;
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	if (count != 2 || order[0] == order[1])
		return -1;
	return order[0] == min_watch ? 0 : order[0] == max_watch ? 1 : -1;
}

static void min_is_never_above_max_on_the_way(void **state)
{
	static const unsigned long turns[][2] = { { 1200000, 0 }, { 1600000, 1 }, { 2400000, 1 },
		{ 1600000, 0 }, { 1200000, 0 }, { 2400000, 1 } };
	struct bed *b = bed_of(state);
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), min, max;
	struct freq_set set;

	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(freq_policy_widen(&set.policies[0], b->journal, &b->err), 0);
	min = inotify_add_watch(fd, P0 "scaling_min_freq", IN_MODIFY);
	max = inotify_add_watch(fd, P0 "scaling_max_freq", IN_MODIFY);
	assert_true(fd >= 0 && min >= 0 && max >= 0);
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		assert_int_equal(freq_policy_pin(&set.policies[0], turns[i][0], &b->err), 0);
		assert_int_equal(first_written(fd, min, max), turns[i][1]);
	}
	close(fd);
	freq_free(&set);
	assert_undone(b);
}

/* A kernel that refuses min > max: the entries of the journal, undone from `khz` on, never meet that. */
static void undo_strictly(unsigned long khz, unsigned long found_min, unsigned long found_max)
{
	unsigned long min = khz, max = khz, values[16];
	bool is_max[16];
	size_t count = 0;
	char line[1024];
	FILE *f = fopen(JOURNAL_DIR "/journal", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		json_t *entry = json_loads(line, 0, NULL);
		const char *path = json_string_value(json_object_get(entry, "path"));

		if (path && strstr(path, "policy0/scaling_m")) {
			assert_true(count < 16);
			is_max[count] = strstr(path, "max_freq") != NULL;
			values[count++] =
				strtoul(json_string_value(json_object_get(entry, "value")), NULL, 10);
		}
		json_decref(entry);
	}
	fclose(f);
	assert_true(count >= 2);
	while (count--) {
		*(is_max[count] ? &max : &min) = values[count];
		assert_true(min <= max);
	}
	assert_int_equal(min, found_min);
	assert_int_equal(max, found_max);
}

static void undoing_works_from_any_frequency(void **state)
{
	static const char *const found[] = { "1200000", "1600000", "2400000" };
	struct bed *b = bed_of(state);

	for (size_t low = 0; low < 3; low++)
		for (size_t high = low; high < 3; high++) {
			fake_freq_put(P0 "scaling_min_freq", found[low]);
			fake_freq_put(P0 "scaling_max_freq", found[high]);
			bed_start(b, "lowest");
			bed_stop(b);
			for (size_t at = 0; at < 3; at++)
				undo_strictly(strtoul(found[at], NULL, 10), strtoul(found[low], NULL, 10),
					strtoul(found[high], NULL, 10));
			assert_int_equal(journal_undo(b->journal, 0, &b->err), 0);
			assert_file(P0 "scaling_min_freq", found[low]);
			assert_file(P0 "scaling_max_freq", found[high]);
		}
}

static void cpus_that_share_a_policy_are_one(void **state)
{
	struct bed *b = bed_of(state);
	struct freq_set set;

	unlink(TREE "/cpu1/cpufreq");
	assert_int_equal(symlink("../cpufreq/policy0", TREE "/cpu1/cpufreq"), 0);
	fake_freq_put(P0 "affected_cpus", "0 1 2 5\n");
	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(set.count, 1);
	assert_string_equal(set.cpus, "0-2,5");
	assert_string_equal(set.policies[0].dir, TREE "/cpufreq/policy0");
	freq_free(&set);
}

/* As if it became so after the check. */
static void a_read_only_file_fails_the_write(void **state)
{
	struct bed *b = bed_of(state);
	const char *path = P0 "scaling_max_freq";
	struct freq_set set;

	assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(freq_policy_widen(&set.policies[0], b->journal, &b->err), -EROFS);
	assert_text(b->err.text, "policy0/scaling_max_freq: cannot write");
	assert_file(P0 "scaling_min_freq", "1200000");
	freq_free(&set);
	b->err.text[0] = '\0';
	assert_undone(b);
	assert_int_equal(umount(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(min_is_never_above_max_on_the_way),
		BED_TEST(undoing_works_from_any_frequency),
		BED_TEST(cpus_that_share_a_policy_are_one),
		BED_TEST(a_read_only_file_fails_the_write),
	};

	tsc_init();
	no_tree = fake_freq_begin();
	return cmocka_run_group_tests_name("freq_policy", tests, NULL, NULL);
}
