/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/facts_fake.h"
#include "bench/facts_changes.c"

struct pair {
	struct fake fake;
	json_t *before;
};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	fake_intel(&p->fake);
	p->fake.pvclock_hz = 2592001000;
	p->before = facts_collect(&p->fake.source);
	assert_non_null(p->before);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	json_decref(p->before);
	fake_end(&p->fake);
	free(p);
	return 0;
}

/* Asserts that just these n sentences are the changes since before. */
static void assert_changes(const struct pair *p, size_t n, const char *const *sentences)
{
	json_t *after = facts_collect(&p->fake.source), *changes = facts_changes(p->before, after, false);

	assert_non_null(changes);
	for (size_t i = 0; i < n; i++) {
		if (!facts_has_word(changes, "", sentences[i])) {
			json_dumpf(changes, stderr, JSON_INDENT(1));
			fail_msg("not among the changes: %s", sentences[i]);
		}
	}
	if (json_array_size(changes) != n) {
		json_dumpf(changes, stderr, JSON_INDENT(1));
		fail_msg("more changes than asked for");
	}
	json_decref(changes);
	json_decref(after);
}

static void time_going_on_is_no_change(void **state)
{
	struct pair *p = *state;

	fake_file(&p->fake, "/proc/uptime", "4000.00 7900.00\n");
	fake_file(&p->fake, FAKE_CPU "/cpu0/cpuidle/state1/time", "999999\n");
	fake_file(&p->fake, FAKE_CPU "/cpufreq/policy0/scaling_cur_freq", "1200000\n");
	p->fake.timex.maxerror = 9999;
	assert_changes(p, 0, NULL);
}

static void a_daemon_steering(void **state)
{
	static const char *const expected[] = {
		"adjtimex frequency moved by +0.25 ppm, from -12.5 to -12.25 ppm: REALTIME and MONOTONIC "
		"changed their rate"
		" by as much against MONOTONIC_RAW",
		"the kernel PLL is slewing: its offset went from 250 to -8000 ns",
	};
	struct pair *p = *state;

	p->fake.timex.freq += 16384;
	p->fake.timex.offset = -8000;
	assert_changes(p, 2, expected);
}

static void a_daemon_stopped(void **state)
{
	static const char *const expected[] = {
		"time daemon chronyd was stopped",
		"time daemon ntpd was started",
		"the kernel clock is no longer synchronised",
		"adjtimex tick changed from 10000 to 10010 us: the clock's rate by +1000 ppm",
	};
	struct pair *p = *state;

	fake_file(&p->fake, "/proc/812/comm", "ntpd\n");
	p->fake.state = TIME_ERROR;
	p->fake.timex.status |= STA_UNSYNC;
	p->fake.timex.tick = 10010;
	assert_changes(p, 4, expected);
}

static void another_host(void **state)
{
	static const char *const expected[] = {
		"KVM's pvclock takes the TSC for 2592.000 MHz, took it for 2592.001 MHz: the guest has come "
		"to "
		"another host",
	};
	struct pair *p = *state;

	p->fake.pvclock_hz = 2592000000;
	assert_changes(p, 1, expected);
}

static void clocksource_and_log(void **state)
{
	static const char *const expected[] = {
		"current clocksource changed from tsc to hpet",
		("available clocksources changed from [\"tsc\",\"hpet\",\"acpi_pm\"] to "
		 "[\"hpet\",\"acpi_pm\"]"),
		"new in the kernel log: tsc: Marking TSC unstable due to clocksource watchdog",
		"number of suspends changed from 0 to 1",
	};
	struct pair *p = *state;

	fake_file(&p->fake, "/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	fake_file(&p->fake, "/sys/devices/system/clocksource/clocksource0/available_clocksource",
		"hpet acpi_pm\n");
	fake_file(&p->fake, "/sys/power/suspend_stats/success", "1\n");
	/* The old lines have been overwritten meanwhile. */
	fake_file(&p->fake, "/dev/kmsg",
		"6,5,1600000,-;clocksource: Switched to clocksource tsc\n"
		"3,90,99600000,-;tsc: Marking TSC unstable due to clocksource watchdog\n");
	assert_changes(p, 4, expected);
}

static void power_settings(void **state)
{
	static const char *const expected[] = {
		"idle state C6: disabled on CPUs \"0-1\", was on \"1\"",
		"cpufreq governor of CPUs 0-1 changed from powersave to performance",
		"cpufreq min_khz of CPUs 0-1 changed from 800000 to 4500000",
		"intel_pstate no_turbo changed from false to true",
		"CPUs online changed from 0-1 to 0",
	};
	struct pair *p = *state;

	fake_file(&p->fake, FAKE_CPU "/cpu0/cpuidle/state2/disable", "1\n");
	for (unsigned cpu = 0; cpu < 2; cpu++)
		fake_policy(&p->fake, cpu, "intel_pstate\n", "performance\n", "4500000\n", "4500000\n", NULL);
	fake_file(&p->fake, FAKE_CPU "/intel_pstate/no_turbo", "1\n");
	fake_file(&p->fake, FAKE_CPU "/online", "0\n");
	assert_changes(p, 5, expected);
}

static void one_cpu_of_several(void **state)
{
	static const char *const expected[] = { "cpufreq: 2 different policies, were 1" };
	struct pair *p = *state;

	fake_policy(&p->fake, 1, "intel_pstate\n", "performance\n", "800000\n", "4500000\n", NULL);
	assert_changes(p, 1, expected);
}

static void another_boot(void **state)
{
	static const char *const expected[] = {
		"the machine was booted again (boot_id 11111111-2222-3333-4444-555555555555,"
		" then 99999999-2222-3333-4444-555555555555): its clocks started anew"
	};
	struct pair *p = *state;

	fake_file(&p->fake, "/proc/sys/kernel/random/boot_id", "99999999-2222-3333-4444-555555555555\n");
	fake_file(&p->fake, "/dev/kmsg", "6,50,100,-;tsc: Detected 2592.000 MHz TSC\n");
	assert_changes(p, 1, expected);
}

/* What neither snapshot knows did not change. */
static void nothing_known(void **state)
{
	json_t *empty = json_object(), *changes = facts_changes(empty, empty, false);

	(void)state;
	assert_int_equal(json_array_size(changes), 0);
	json_decref(changes);
	json_decref(empty);
}

#define pair_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pair_test(time_going_on_is_no_change),
		pair_test(a_daemon_steering),
		pair_test(a_daemon_stopped),
		pair_test(another_host),
		pair_test(clocksource_and_log),
		pair_test(power_settings),
		pair_test(one_cpu_of_several),
		pair_test(another_boot),
		cmocka_unit_test(nothing_known),
	};

	return cmocka_run_group_tests_name("bench/facts_changes", tests, NULL, NULL);
}
