/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/freq_watch.c"

#include "bench/freq_bed.h"
#include "bench/freq_evidence.h"

/* Registers as a file: one byte apart, so APERF is MPERF / 256 with a byte of its own on top. */
static void put_msr(const char *path, uint64_t mperf)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char zero = 0;

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &mperf, sizeof(mperf), 0xE7), sizeof(mperf));
	assert_int_equal(pwrite(fd, &zero, 1, 0xE8 + 7), 1);
	close(fd);
}

static void msr_begin(void)
{
	if (access("/dev/cpu", F_OK)) {
		print_message("skipped: no /dev/cpu to mount over\n");
		skip();
	}
	assert_int_equal(mount("tmpfs", "/dev/cpu", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/dev/cpu/0", 0755), 0);
	assert_int_equal(mkdir("/dev/cpu/1", 0755), 0);
	put_msr("/dev/cpu/0/msr", 1 << 20);
}

static const struct fake_point *last_point(const struct bed *b, const char *series)
{
	const struct fake_point *found = NULL;

	for (size_t i = 0; i < b->stage->point_count; i++)
		if (strcmp(b->stage->points[i].series, series) == 0)
			found = &b->stage->points[i];
	return found;
}

static void the_effective_frequency_must_follow_too(void **state)
{
	static const char *const bases[] = { "307200000", "409600000" };
	struct bed *b = bed_of(state);

	msr_begin();
	/* 1/256 of the base: what is asked, and a third more. */
	for (int bad = 0; bad <= 1; bad++) {
		put_msr("/dev/cpu/0/msr", 1 << 20);
		fake_freq_put(P0 "base_frequency", bases[bad]);
		bed_start(b, "lowest");
		fake_kernel();
		for (uint64_t i = 2; i <= 11; i++) {
			put_msr("/dev/cpu/0/msr", i << 20);
			bed_look(b, 1);
		}
		/* It slept: no value, no harm. */
		bed_look(b, 1);
		bed_stop(b);
		assert_int_equal(b->evidence.observed, !bad);
		assert_text(b->evidence.text, bad ? "0 of 10 of APERF/MPERF" : "10 of 10 of APERF/MPERF");
		assert_string_equal(last_point(b, "effective CPU 0")->unit, "kHz");
		assert_true(last_point(b, "effective CPU 0")->value == (bad ? 1600000 : 1200000));
		assert_null(last_point(b, "effective CPU 1"));
		unlink(P0 "base_frequency");
		assert_undone(b);
	}
	umount2("/dev/cpu", MNT_DETACH);
}

static void without_the_base_the_ratio_is_told(void **state)
{
	struct bed *b = bed_of(state);

	msr_begin();
	bed_start(b, "lowest");
	fake_kernel();
	put_msr("/dev/cpu/0/msr", 3 << 20);
	bed_look(b, 1);
	bed_stop(b);
	assert_true(b->evidence.observed);
	assert_string_equal(last_point(b, "effective CPU 0")->unit, "");
	assert_true(last_point(b, "effective CPU 0")->value == 1.0 / 256);
	umount2("/dev/cpu", MNT_DETACH);
}

static void cppc_names_the_base_in_mhz(void **state)
{
	struct bed *b = bed_of(state);
	struct freq_watch watch;
	struct freq_set set;

	assert_int_equal(mkdir(TREE "/cpu1/acpi_cppc", 0755), 0);
	fake_freq_put(TREE "/cpu1/acpi_cppc/nominal_freq", "2100");
	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(freq_watch_open(&watch, &set, &b->err), 0);
	assert_true(isnan(watch.watched[0].base_khz));
	assert_true(watch.watched[1].base_khz == 2100000);
	freq_watch_close(&watch);
	freq_free(&set);
}

/* Each look at the same end; the count of transitions alone decides. */
static void transitions_prove_toggles(void **state)
{
	struct bed *b = bed_of(state);
	struct freq_watch watch;
	struct freq_set set;

	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(freq_watch_open(&watch, &set, &b->err), 0);
	freq_watch_begin(&watch);
	fake_freq_put(P0 "stats/total_trans", "118");
	fake_freq_put(P1 "stats/total_trans", "120");
	assert_true(freq_say_toggled(&b->evidence, &watch, 20));
	assert_text(b->evidence.text, "total_trans grew by at least 18");
	assert_false(freq_say_toggled(&b->evidence, &watch, 21));
	assert_false(freq_say_toggled(&b->evidence, &watch, 0));
	/* A counter that was reset proves nothing. */
	fake_freq_put(P0 "stats/total_trans", "0");
	assert_false(freq_say_toggled(&b->evidence, &watch, 20));
	freq_watch_close(&watch);
	freq_free(&set);
}

static void unreadable_stats_are_said(void **state)
{
	struct bed *b = bed_of(state);
	struct freq_watch watch;
	struct freq_set set;

	unlink(P0 "stats/total_trans");
	assert_int_equal(mkdir(P0 "stats/total_trans", 0755), 0);
	unlink(P1 "stats/total_trans");
	assert_int_equal(freq_load(both_cpus, 2, &set, &b->err), 0);
	assert_int_equal(freq_watch_open(&watch, &set, &b->err), 0);
	freq_watch_begin(&watch);
	assert_false(freq_say_toggled(&b->evidence, &watch, 20));
	assert_text(b->evidence.text, "total_trans of 2 policies cannot be read");
	for (size_t i = 0; i < 2; i++)
		watch.watched[i].kernel.near[FREQ_LOW] = watch.watched[i].kernel.near[FREQ_HIGH] = 1;
	assert_true(freq_say_toggled(&b->evidence, &watch, 20));
	assert_false(freq_say_toggled(&b->evidence, &watch, 0));
	freq_watch_close(&watch);
	freq_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(the_effective_frequency_must_follow_too),
		BED_TEST(without_the_base_the_ratio_is_told),
		BED_TEST(cppc_names_the_base_in_mhz),
		BED_TEST(transitions_prove_toggles),
		BED_TEST(unreadable_stats_are_said),
	};

	tsc_init();
	no_tree = fake_freq_begin();
	return cmocka_run_group_tests_name("freq_watch", tests, NULL, NULL);
}
