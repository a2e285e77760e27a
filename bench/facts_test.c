/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/facts_fake.h"
#include "bench/facts.c"

static json_t *collect(const struct fake *fake)
{
	json_t *facts = facts_collect(&fake->source);

	assert_non_null(facts);
	return facts;
}

static void assert_text(const json_t *facts, const char *path, const char *text)
{
	const char *is = facts_text(facts, path);

	if (!is)
		fail_msg("%s is not there", path);
	assert_string_equal(is, text);
}

static void assert_number(const json_t *facts, const char *path, double number)
{
	double is;

	if (!facts_number(facts, path, &is))
		fail_msg("%s is not there", path);
	if (is < number - 1e-9 || is > number + 1e-9)
		fail_msg("%s is %.9g, not %.9g", path, is, number);
}

static const json_t *entry(const json_t *facts, const char *path, size_t i)
{
	return json_array_get(facts_get(facts, path), i);
}

/* The reason noted for what, NULL if there is none. */
static const char *why(const json_t *facts, const char *what)
{
	const json_t *unreadable = facts_get(facts, "unreadable"), *e;
	size_t i;

	json_array_foreach(unreadable, i, e)
	{
		if (!strcmp(facts_text(e, "what"), what))
			return facts_text(e, "why");
	}
	return NULL;
}

static void parameters_as_the_kernel_splits_them(void **state)
{
	char text[] = " a  b=1 c=\"x y\" \"d=e f\" g== h=\n", *rest = text, *value;
	static const char *const expected[][2] = { { "a", NULL }, { "b", "1" }, { "c", "x y" },
		{ "d", "e f" }, { "g", "=" }, { "h", "" } };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(next_parameter(&rest, &value), expected[i][0]);
		if (expected[i][1])
			assert_string_equal(value, expected[i][1]);
		else
			assert_null(value);
	}
	assert_null(next_parameter(&rest, &value));
}

static void intel_processor(const json_t *facts)
{
	assert_text(facts, "cpu.vendor", "Intel");
	assert_number(facts, "cpu.family", 6);
	assert_number(facts, "cpu.model", 158);
	assert_number(facts, "cpu.stepping", 10);
	assert_text(facts, "cpu.model_name", "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz");
	assert_text(facts, "cpu.microcode", "0xf4");
	assert_int_equal(facts_flag(facts, "cpu.microcode_differs"), 0);
	assert_number(facts, "cpu.online_count", 2);
	assert_number(facts, "cpu.packages", 1);
	assert_int_equal(facts_flag(facts, "cpu.amd_revision_f"), 0);
	assert_int_equal(facts_flag(facts, "cpu.flags.constant_tsc"), 1);
	assert_int_equal(facts_flag(facts, "cpu.flags.nonstop_tsc_s3"), 0);
	assert_int_equal(facts_flag(facts, "cpu.flags.tsc_scale"), 1);
	assert_int_equal(facts_flag(facts, "cpu.flags.hypervisor"), 0);
	assert_text(facts, "cpuid.vendor_id", "GenuineIntel");
	assert_int_equal(facts_flag(facts, "cpuid.invariant_tsc"), 1);
	assert_int_equal(facts_flag(facts, "cpuid.tsc_adjust"), 1);
	assert_int_equal(facts_flag(facts, "cpuid.rdtscp"), 1);
	assert_int_equal(facts_flag(facts, "cpuid.tsc_deadline_timer"), 1);
	assert_number(facts, "cpuid.leaf15_khz", 2592000);
	assert_null(facts_get(facts, "cpuid.kvm"));
	assert_int_equal(facts_flag(facts, "hypervisor.present"), 0);
	assert_text(facts, "hypervisor.sys_vendor", "Dell Inc.");
	assert_number(facts, "tsc.khz", 2591998);
	assert_text(facts, "tsc.source", "kernel log: refined");
	/* refined, the TSC's own, the processor's, leaf 15H, bogomips */
	assert_int_equal(json_array_size(facts_get(facts, "tsc.candidates")), 5);
}

static void intel_devices(const json_t *facts)
{
	assert_text(facts, "clocksource.current", "tsc");
	assert_true(facts_has_word(facts, "clocksource.available", "acpi_pm"));
	assert_int_equal(facts_flag(facts, "hpet.acpi_table"), 1);
	assert_int_equal(facts_flag(facts, "hpet.device_readable"), 1);
	assert_int_equal(facts_flag(facts, "hpet.clocksource"), 1);
	assert_number(facts, "pm_timer.port", 0x1808);
	assert_number(facts, "pm_timer.bits", 24);
	assert_text(entry(facts, "ptp", 0), "clock_name", "igb");
	assert_text(entry(facts, "rtc", 0), "device", "rtc0");
	assert_int_equal(facts_flag(entry(facts, "rtc", 0), "hctosys"), 1);
	assert_number(facts, "kvm_host.tsc_tolerance_ppm", 250);
	assert_int_equal(facts_flag(facts, "kvm_host.nested"), 1);
	assert_true(facts_has_word(facts, "suspend.states", "mem"));
}

static void intel_power(const json_t *facts)
{
	const json_t *c6 = entry(facts, "idle.states", 2), *policy = entry(facts, "cpufreq.policies", 0);

	assert_text(facts, "idle.driver", "intel_idle");
	assert_int_equal(json_array_size(facts_get(facts, "idle.states")), 3);
	assert_text(c6, "name", "C6");
	assert_number(c6, "time_us", 5678900);
	assert_text(c6, "disabled_on", "1");
	assert_int_equal(facts_flag(c6, "disabled"), 0);
	assert_int_equal(facts_flag(facts, "idle.cpus_differ"), 1);
	assert_int_equal(json_array_size(facts_get(facts, "cpufreq.policies")), 1);
	assert_text(policy, "cpus", "0-1");
	assert_text(policy, "governor", "powersave");
	assert_number(policy, "max_khz", 4500000);
	assert_int_equal(facts_flag(facts, "cpufreq.no_turbo"), 0);
	/* intel_pstate has no table of frequencies, and says so once. */
	assert_string_equal(why(facts, FAKE_CPU "/cpufreq/policy0/scaling_available_frequencies"),
		"No such file or directory");
}

static void intel_time(const json_t *facts)
{
	assert_int_equal(json_array_size(facts_get(facts, "time_daemon.running")), 1);
	assert_text(entry(facts, "time_daemon.running", 0), "name", "chronyd");
	assert_number(entry(facts, "time_daemon.running", 0), "pid", 812);
	assert_int_equal(json_array_size(facts_get(facts, "time_daemon.servers")), 6);
	assert_text(entry(facts, "time_daemon.servers", 0), "name", "2.debian.pool.ntp.org");
	assert_text(entry(facts, "time_daemon.servers", 1), "name", "ntp.example.org");
	assert_text(entry(facts, "time_daemon.servers", 2), "name", "PHC");
	assert_text(entry(facts, "time_daemon.servers", 3), "name", "192.0.2.1");
	assert_text(entry(facts, "time_daemon.servers", 5), "name", "b.example.org");
	assert_text(entry(facts, "time_daemon.servers", 5), "daemon", "timesyncd");
	assert_int_equal(facts_flag(facts, "adjtimex.synchronised"), 1);
	assert_number(facts, "adjtimex.freq_ppm", -12.5);
	assert_number(facts, "adjtimex.offset_ns", 250);
	assert_number(facts, "adjtimex.tai_s", 37);
	assert_true(facts_has_word(facts, "adjtimex.status", "PLL"));
	assert_int_equal(facts_flag(facts, "kernel_log.from_boot"), 1);
	assert_number(facts, "kernel_log.records", 7);
	assert_int_equal(json_array_size(facts_get(facts, "kernel_log.lines")), 5);
}

static void an_intel_host(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_intel(&fake);
	facts = collect(&fake);
	assert_text(facts, "hostname", "fake");
	assert_text(facts, "kernel.release", "6.1.0-18-amd64");
	assert_number(facts, "uptime_s", 3600.25);
	assert_string_equal(facts_parameter(facts, "intel-iommu"), "on strict");
	assert_string_equal(facts_parameter(facts, "quiet"), "");
	assert_null(facts_parameter(facts, "quie"));
	intel_processor(facts);
	intel_devices(facts);
	intel_power(facts);
	intel_time(facts);
	json_decref(facts);
	fake_end(&fake);
}

static void an_amd_revision_f_host(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_amd_f(&fake);
	facts = collect(&fake);
	assert_text(facts, "cpu.vendor", "AMD");
	assert_text(facts, "cpu.amd_revision", "F");
	assert_int_equal(facts_flag(facts, "cpu.amd_revision_f"), 1);
	assert_int_equal(facts_flag(facts, "cpu.flags.constant_tsc"), 0);
	assert_int_equal(facts_flag(facts, "cpuid.invariant_tsc"), 0);
	assert_text(entry(facts, "cpufreq.policies", 0), "driver", "powernow-k8");
	assert_int_equal(json_integer_value(entry(entry(facts, "cpufreq.policies", 0), "frequencies_khz", 2)),
		1000000);
	/* No microcode, no DMI, no FADT: null, each with its reason. */
	assert_null(facts_get(facts, "cpu.microcode"));
	assert_string_equal(why(facts, "/proc/cpuinfo: microcode"), "no such line");
	assert_string_equal(why(facts, "/sys/class/dmi/id"), "No such file or directory");
	assert_string_equal(why(facts, "/sys/firmware/acpi/tables/FACP"), "No such file or directory");
	/* lpj= makes bogomips tell nothing of the TSC. */
	assert_null(facts_get(facts, "tsc.khz"));
	assert_null(facts_get(facts, "tsc.pvclock_khz"));
	json_decref(facts);
	fake_end(&fake);
}

static void a_kvm_guest(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_guest(&fake);
	fake.pvclock_hz = 2400124500;
	facts = collect(&fake);
	assert_int_equal(facts_flag(facts, "hypervisor.present"), 1);
	assert_text(facts, "hypervisor.name", "KVM");
	assert_int_equal(facts_flag(facts, "cpuid.kvm.clocksource2"), 1);
	assert_int_equal(facts_flag(facts, "cpuid.kvm.clocksource_stable"), 1);
	assert_int_equal(facts_flag(facts, "cpuid.invariant_tsc"), 0);
	assert_number(facts, "cpuid.hypervisor_khz", 2400123);
	assert_number(facts, "tsc.khz", 2400123);
	assert_number(facts, "tsc.pvclock_khz", 2400124.5);
	assert_text(facts, "tsc.source", "kernel log: detected");
	/* What is behind "--" is init's. */
	assert_string_equal(facts_parameter(facts, "clocksource"), "kvm-clock");
	assert_null(facts_parameter(facts, "tsc"));
	assert_int_equal(json_array_size(facts_get(facts, "time_daemon.running")), 2);
	assert_int_equal(facts_flag(facts, "kernel_log.from_boot"), 0);
	assert_int_equal(facts_flag(facts, "adjtimex.synchronised"), 0);
	assert_int_equal(facts_flag(facts, "kvm_host.module"), 0);
	json_decref(facts);
	fake_end(&fake);
}

static void assert_pm_timer(unsigned char space, unsigned char long_port, double port, double bits)
{
	unsigned char fadt[276] = "FACP";
	struct fake fake;
	json_t *facts;

	fake_begin(&fake, "6.1.0", NULL);
	fadt[77] = 6;		       /* port 0x600 */
	fadt[113] = bits > 24 ? 1 : 0; /* flags, bit 8 */
	fadt[208] = space;
	fadt[213] = long_port;
	fake_bytes(&fake, "/sys/firmware/acpi/tables/FACP", fadt, sizeof(fadt));
	facts = collect(&fake);
	assert_number(facts, "pm_timer.port", port);
	assert_number(facts, "pm_timer.bits", bits);
	assert_int_equal(facts_flag(facts, "pm_timer.hw_reduced"), 0);
	json_decref(facts);
	fake_end(&fake);
}

static void pm_timers_of_the_fadt(void **state)
{
	(void)state;
	assert_pm_timer(1, 0, 0x600, 24);
	assert_pm_timer(1, 8, 0x800, 32);
	assert_pm_timer(0, 8, 0, 24); /* in memory */
}

/* The two kinds of ntpd share their name; hidden processes are not "none". */
static void daemons_are_told_apart(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_begin(&fake, "6.1.0", NULL);
	fake_file(&fake, "/proc/20/comm", "ntpd\n");
	fake_bytes(&fake, "/proc/20/cmdline", "ntpd: ntp engine\0", 17);
	fake_file(&fake, "/proc/21/comm", "ntpd\n");
	fake_bytes(&fake, "/proc/21/cmdline", "/usr/sbin/ntpd\0-p\0/run/ntpd.pid\0", 33);
	fake_file(&fake, "/proc/22/comm", "chronyd-not\n");
	facts = collect(&fake);
	assert_int_equal(json_array_size(facts_get(facts, "time_daemon.running")), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *daemon = entry(facts, "time_daemon.running", i);
		double pid = 0;

		assert_true(facts_number(daemon, "pid", &pid));
		assert_text(daemon, "name", pid < 20.5 ? "openntpd" : "ntpd");
	}
	assert_non_null(strstr(why(facts, "/proc/1"), "hidden"));
	json_decref(facts);
	fake_end(&fake);
}

static void who_sets_no_clock_is_no_daemon(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_begin(&fake, "6.1.0", NULL);
	fake_file(&fake, "/proc/20/comm", "chronyd\n");
	fake_bytes(&fake, "/proc/20/cmdline", "/usr/sbin/chronyd\0-x\0-d\0", 24);
	fake_file(&fake, "/proc/21/comm", "chronyd\n");
	fake_bytes(&fake, "/proc/21/cmdline", "/usr/sbin/chronyd\0-F\0001\0-xleave\0", 31);
	facts = collect(&fake);
	assert_int_equal(json_array_size(facts_get(facts, "time_daemon.running")), 1);
	assert_number(entry(facts, "time_daemon.running", 0), "pid", 21);
	json_decref(facts);
	fake_end(&fake);
}

/* Every key of b is in a too, down to the second level: nothing is silently absent. */
static void assert_same_keys(const json_t *a, const json_t *b)
{
	json_t *value, *inner;
	const char *key, *second;

	json_object_foreach((json_t *)b, key, value)
	{
		if (!json_object_get(a, key))
			fail_msg("key %s is absent", key);
		if (!json_is_object(value) || !json_is_object(json_object_get(a, key)))
			continue;
		json_object_foreach(value, second, inner)
		{
			if (!json_object_get(json_object_get(a, key), second))
				fail_msg("key %s.%s is absent", key, second);
		}
	}
}

static void nothing_there_is_null_with_a_reason(void **state)
{
	struct fake fake, intel;
	json_t *facts, *full;

	(void)state;
	fake_intel(&intel);
	full = collect(&intel);
	fake_begin(&fake, "6.1.0", NULL);
	fake.source.cpuid = NULL;
	fake.source.uname = NULL;
	fake.state = -EPERM;
	facts = collect(&fake);
	assert_same_keys(facts, full);
	assert_string_equal(why(facts, "CPUID"), "not asked");
	assert_string_equal(why(facts, "uname"), "not asked");
	assert_string_equal(why(facts, "adjtimex"), "Operation not permitted");
	assert_string_equal(why(facts, "/proc/cpuinfo"), "No such file or directory");
	assert_string_equal(why(facts, "/dev/kmsg"), "No such file or directory");
	assert_string_equal(
		why(facts, "/sys/devices/system/clocksource/clocksource0"), "No such file or directory");
	assert_null(facts_get(facts, "cpu.flags"));
	assert_null(facts_get(facts, "hypervisor.present"));
	assert_null(facts_get(facts, "time_daemon.running"));
	json_decref(facts);
	json_decref(full);
	fake_end(&fake);
	fake_end(&intel);
}

static const char *const every_file[] = {
	"/proc/cpuinfo",
	"/proc/cmdline",
	"/proc/uptime",
	"/proc/7/comm",
	"/proc/7/cmdline",
	"/proc/sys/kernel/random/boot_id",
	FAKE_CPU "/online",
	FAKE_CPU "/present",
	FAKE_CPU "/cpu0/topology/physical_package_id",
	FAKE_CPU "/cpu0/microcode/version",
	FAKE_CPU "/cpu0/cpuidle/state0/name",
	FAKE_CPU "/cpu0/cpuidle/state0/disable",
	FAKE_CPU "/cpu0/cpuidle/state0/usage",
	FAKE_CPU "/cpuidle/current_driver",
	FAKE_CPU "/cpufreq/boost",
	FAKE_CPU "/cpufreq/policy0/scaling_min_freq",
	FAKE_CPU "/cpufreq/policy0/scaling_available_governors",
	"/sys/devices/system/node/online",
	"/sys/devices/system/clocksource/clocksource0/current_clocksource",
	"/sys/devices/system/clocksource/clocksource0/available_clocksource",
	"/sys/class/dmi/id/sys_vendor",
	"/sys/class/ptp/ptp0/clock_name",
	"/sys/class/rtc/rtc0/hctosys",
	"/sys/firmware/acpi/tables/FACP",
	"/sys/power/state",
	"/sys/module/kvm/parameters/tsc_tolerance_ppm",
	"/sys/module/kvm_amd/parameters/nested",
	"/dev/kmsg",
	"/etc/chrony/chrony.conf",
	"/etc/chrony/conf.d/a.conf",
	"/etc/ntp.conf",
	"/etc/systemd/timesyncd.conf",
};

#define N_FILES (sizeof(every_file) / sizeof(*every_file))

static void collect_garbage(const void *data, size_t n)
{
	struct fake fake, intel;
	json_t *facts, *full;
	char *text;

	fake_intel(&intel);
	full = collect(&intel);
	fake_begin(&fake, "", NULL);
	for (size_t i = 0; i < N_FILES; i++)
		fake_bytes(&fake, every_file[i], data, n);
	memset(&fake.uts, 0xff, sizeof(fake.uts)); /* not even terminated */
	facts = collect(&fake);
	assert_same_keys(facts, full);
	text = json_dumps(facts, 0);
	assert_non_null(text);
	/* 64 KiB of a file at most: two of these are shown whole, and the list of words. */
	assert_true(strlen(text) < 1u << 20);
	free(text);
	json_decref(facts);
	json_decref(full);
	fake_end(&fake);
	fake_end(&intel);
}

static void garbage_is_survived(void **state)
{
	static const char *const lines[] = {
		"", "\n", "\n\n\n", "= = = =\n", ";;;;;\n", "999999999999999999999999\n", "-1\n", "nan\n",
		"0-\n", "4294967295-0,,\n", "\"", "server\nNTP=\npool \n", "flags\t\t:\n\n",
		"0,1,2;TSC\n0,1,nan,-;TSC\n4000000000,1,2,-;TSC\n6,-1,-1,-;TSC\n6,0,0,-;TSC\xc2\x9b\x1b[31m\n"
	};
	const size_t huge = 3u << 20;
	unsigned char *noise = malloc(huge);
	uint32_t x = 12345;

	(void)state;
	assert_non_null(noise);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		collect_garbage(lines[i], strlen(lines[i]));
	for (size_t i = 0; i < huge; i++)
		noise[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
	collect_garbage(noise, 1000);
	collect_garbage(noise, huge);
	memset(noise, 0, huge);
	collect_garbage(noise, huge);
	memset(noise, 'a', huge);
	collect_garbage(noise, huge);
	free(noise);
}

/* What a terminal would obey does not reach the snapshot. */
static void escapes_become_question_marks(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_begin(&fake, "6.1.0", NULL);
	fake_file(&fake, "/sys/class/dmi/id/sys_vendor", "A\x1b[31mB\xc2\x9b\n");
	facts = collect(&fake);
	assert_text(facts, "hypervisor.sys_vendor", "A?[31mB??");
	json_decref(facts);
	fake_end(&fake);
}

static void this_machine(void **state)
{
	json_t *facts = facts_collect(&facts_live);

	(void)state;
	assert_non_null(facts);
	/* Each of these can be read by anybody on any Linux. */
	assert_non_null(facts_text(facts, "kernel.release"));
	assert_non_null(facts_text(facts, "boot_id"));
	assert_non_null(facts_text(facts, "cpuid.vendor_id"));
	assert_non_null(facts_text(facts, "clocksource.current"));
	assert_true(facts_flag(facts, "adjtimex.synchronised") >= 0);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_as_the_kernel_splits_them),
		cmocka_unit_test(an_intel_host),
		cmocka_unit_test(an_amd_revision_f_host),
		cmocka_unit_test(a_kvm_guest),
		cmocka_unit_test(pm_timers_of_the_fadt),
		cmocka_unit_test(daemons_are_told_apart),
		cmocka_unit_test(who_sets_no_clock_is_no_daemon),
		cmocka_unit_test(nothing_there_is_null_with_a_reason),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(escapes_become_question_marks),
		cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests_name("bench/facts", tests, NULL, NULL);
}
