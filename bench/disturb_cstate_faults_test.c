/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Files that cannot be written, and that vanish. */
#include "bench/disturb_cstate.c"

#include "bench/idle_bed.h"

static int start_fails(struct bed *bed, const char *why)
{
	int fds = entries_of("/proc/self/fd"), rc;

	bed->err.text[0] = '\0';
	rc = disturb_cstate.start(&bed->setup, &bed->state, &bed->err);
	assert_says(bed->err.text, why);
	assert_int_equal(entries_of("/proc/self/fd"), fds);
	return rc;
}

#define THIRD FAKE_CPU_DIR "/cpu0/cpuidle/state3/disable"

/* Root may write what has no write bits, but not where the mount is read-only. */
static void a_file_is_read_only(void **state)
{
	struct error err = { "" };
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "shallowest", NAN, NAN))
		skip();
	assert_int_equal(mount(THIRD, THIRD, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, THIRD, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(supported_on("shallowest", NAN, NAN, THIRD ": Read-only file system"), -EROFS);
	assert_int_equal(start_fails(&bed, THIRD ": cannot write 1: Read-only file system"), -EROFS);
	assert_files("0110 0000");
	/* An entry of a file that was not written does no harm; this one cannot be written back either. */
	assert_int_equal(bed.journal.count, 3);
	assert_int_equal(journal_undo(&bed.journal, 0, &err), -EROFS);
	assert_files("0000 0000");
	umount2(THIRD, MNT_DETACH);
	fake_idle_end();
}

static void a_file_refuses_the_value(void **state)
{
	struct error err = { "" };
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "upto", 0, NAN))
		skip();
	assert_int_equal(unlink(FAKE_CPU_DIR "/cpu0/cpuidle/state2/disable"), 0);
	assert_int_equal(symlink("/dev/full", FAKE_CPU_DIR "/cpu0/cpuidle/state2/disable"), 0);
	assert_int_equal(supported_on("upto", 0, NAN, ""), 0);
	assert_int_equal(
		start_fails(&bed, "cpu0/cpuidle/state2/disable: cannot write 1: No space left"), -ENOSPC);
	assert_files("0100 0000");
	assert_int_equal(fake_limit_read(), 2000000000);
	assert_string_equal(
		fake_journal_value(&bed.journal, FAKE_CPU_DIR "/cpu0/cpuidle/state1/disable"), "0");
	journal_undo(&bed.journal, 0, &err);
	assert_files("0000 0000");
	fake_idle_end();
}

/* As a kernel whose driver ignores the write. */
static void a_file_does_not_take_the_value(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "upto", 0, NAN))
		skip();
	assert_int_equal(unlink(FAKE_CPU_DIR "/cpu0/cpuidle/state2/disable"), 0);
	assert_int_equal(symlink("/dev/null", FAKE_CPU_DIR "/cpu0/cpuidle/state2/disable"), 0);
	assert_int_equal(start_fails(&bed, "cpu0/cpuidle/state2/disable: the kernel did not take 1"), -EIO);
	fake_idle_end();
}

static void a_file_vanishes_before_the_start(void **state)
{
	struct error err = { "" };
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "shallowest", NAN, NAN))
		skip();
	assert_int_equal(bed_supported(&bed), 0);
	assert_int_equal(unlink(THIRD), 0);
	assert_int_equal(start_fails(&bed, THIRD " is not there"), -ENOENT);
	assert_files("011? 0000");
	assert_int_equal(journal_undo(&bed.journal, 0, &err), 0);
	assert_files("000? 0000");
	assert_int_equal(rename(FAKE_CPU_DIR "/cpu1", FAKE_CPU_DIR "/gone"), 0);
	assert_true(fake_cpu(0));
	assert_int_equal(start_fails(&bed, "CPU 1 has lost its idle states"), -ENODEV);
	fake_idle_end();
}

static void the_journal_fails(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "shallowest", NAN, NAN))
		skip();
	bed.journal.fail = -EROFS;
	assert_int_equal(start_fails(&bed, "the fake journal fails"), -EROFS);
	assert_files("0000 0000");
	fake_idle_end();
}

/* Hotplug: the directory goes, and comes back with counters that begin again. */
static void a_cpu_goes_and_comes_back(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "deepest", NAN, NAN))
		skip();
	bed_start(&bed);
	fake_enter(0, 0, 0, 20);
	disturb_cstate.observe(bed.state, 1);
	assert_int_equal(rename(FAKE_CPU_DIR "/cpu1/cpuidle", FAKE_CPU_DIR "/gone"), 0);
	disturb_cstate.observe(bed.state, 2);
	assert_true(last_point("entries C6", "1/s") == 0);
	assert_int_equal(rename(FAKE_CPU_DIR "/gone", FAKE_CPU_DIR "/cpu1/cpuidle"), 0);
	for (int s = 0; s < FAKE_STATES; s++) {
		assert_true(fake_number(0, 1, s, "usage"));
		assert_true(fake_number(0, 1, s, "time"));
	}
	disturb_cstate.observe(bed.state, 3);
	assert_true(last_point("entries C6", "1/s") == 0);
	assert_true(fake_number(5, 1, 3, "usage"));
	bed_stop(&bed);
	assert_true(bed.evidence.observed);
	assert_says(bed.evidence.text, "1 of 2 CPUs were offline for a time; ");
	assert_says(bed.evidence.text, "C6: 25 entries, ");
	fake_idle_end();
}

static void all_vanish_in_the_middle(void **state)
{
	struct bed bed;

	(void)state;
	if (!fake_begin(&bed, "toggle", NAN, 10))
		skip();
	bed_start(&bed);
	assert_int_equal(umount2(FAKE_LIMIT, MNT_DETACH), 0);
	for (int s = 0; s < FAKE_STATES; s++) {
		char path[96];

		snprintf(path, sizeof(path), FAKE_CPU_DIR "/cpu0/cpuidle/state%d/disable", s);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rename(FAKE_CPU_DIR "/cpu1", FAKE_CPU_DIR "/gone1"), 0);
	disturb_cstate.observe(bed.state, 1);
	assert_int_equal(rename(FAKE_CPU_DIR "/cpu0", FAKE_CPU_DIR "/gone0"), 0);
	disturb_cstate.observe(bed.state, 2);
	bed_stop(&bed);
	assert_false(bed.evidence.observed);
	assert_says(bed.evidence.text, "the CPUs were never idle; 2 of 2 CPUs were offline for a time; ");
	fake_idle_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_only),
		cmocka_unit_test(a_file_refuses_the_value),
		cmocka_unit_test(a_file_does_not_take_the_value),
		cmocka_unit_test(a_file_vanishes_before_the_start),
		cmocka_unit_test(the_journal_fails),
		cmocka_unit_test(a_cpu_goes_and_comes_back),
		cmocka_unit_test(all_vanish_in_the_middle),
	};

	tsc_init();
	return cmocka_run_group_tests_name("bench/disturb_cstate_faults", tests, NULL, NULL);
}
