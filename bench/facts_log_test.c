/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <sys/socket.h>

#include "bench/facts_fake.h"
#include "bench/facts_log.c"

static json_t *log_of(const char *text, size_t n, const char **why)
{
	struct fake fake;
	struct facts f = { .src = &fake.source, .unreadable = json_array() };
	static char kept[128];
	json_t *log;

	fake_begin(&fake, "", NULL);
	fake_bytes(&fake, "/dev/kmsg", text, n);
	log = facts_kernel_log(&f);
	assert_false(f.failed);
	*kept = '\0';
	if (json_array_size(f.unreadable))
		snprintf(kept, sizeof(kept), "%s", facts_text(json_array_get(f.unreadable, 0), "why"));
	if (why)
		*why = kept;
	json_decref(f.unreadable);
	fake_end(&fake);
	return log;
}

static void lines_on_timekeeping_are_kept(void **state)
{
	static const char *const kept[] = { "tsc: Refined TSC clocksource calibration: 2596.104 MHz",
		"tsc: Marking TSC unstable due to TSC halts in idle", "Fast TSC calibration failed",
		"clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable",
		"clocksource: Switched to clocksource hpet",
		"[Firmware Bug]: TSC doesn't count with P0 frequency!",
		"PM-Timer running at invalid rate: 106% of normal - aborting.",
		"TSC synchronization [CPU#0 -> CPU#1]:", "kvm-clock: using sched offset of 1 cycles",
		"warning: many lost ticks." };
	static const char *const left[] = { "ACPI: PM-Timer IO Port: 0x608",
		"clocksource: hpet: mask: 0xffffffff max_cycles: 0xffffffff", "Linux version 6.1.0",
		"usb 1-1: new device", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_true(on_timekeeping(kept[i]));
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++)
		assert_false(on_timekeeping(left[i]));
}

/* Only where the log begins with the boot, and the first of a kind. */
static void what_the_boot_says_of_parameters_is_kept_once(void **state)
{
	static const char boot[] = "6,0,0,-;Linux version 6.1.0\n"
				   "5,1,0,-;Kernel command line: clocksurce=hpet Calibrating delay\n"
				   "5,2,0,-;Unknown kernel command line parameters \"clocksurce=hpet\", will "
				   "be passed to user space.\n"
				   "6,3,0,-;Calibrating delay loop (skipped), value calculated using timer "
				   "frequency.. 4199.98 BogoMIPS"
				   " (lpj=8399976)\n"
				   "6,4,0,-;ACPI: \\_SB_.CPUS.C000: Found 2 idle states\n"
				   "6,5,0,-;ACPI: \\_SB_.CPUS.C001: Found 2 idle states\n"
				   "6,6,0,-;usb 1-1: new device\n";
	const char *later = strchr(boot, '\n') + 1;
	json_t *log = log_of(boot, sizeof(boot) - 1, NULL);
	const json_t *lines = facts_get(log, "lines");

	(void)state;
	assert_int_equal(json_array_size(lines), 3);
	assert_non_null(strstr(facts_text(json_array_get(lines, 2), "text"), "C000"));
	json_decref(log);
	log = log_of(later, strlen(later), NULL);
	assert_int_equal(json_array_size(facts_get(log, "lines")), 0);
	json_decref(log);
}

static void records_are_told_from_other_lines(void **state)
{
	static const char text[] = "6,7,1500000,-;tsc: a\n SUBSYSTEM=TSC;TSC\n"
				   "14,8,1,-;TSC by a program\n"
				   "TSC;TSC\nx,1,2,-;TSC\n6,9;TSC\n;TSC\n"
				   "6,10,2500000,c,caller=T1;TSC b; c\n"
				   "6,11,1,-;Kernel command line: TSC\n"
				   "6,12,9,-;TSC without an end";
	json_t *log = log_of(text, sizeof(text) - 1, NULL);
	const json_t *lines = facts_get(log, "lines");
	double number;

	(void)state;
	assert_int_equal(json_array_size(lines), 2);
	assert_string_equal(facts_text(json_array_get(lines, 0), "text"), "tsc: a");
	assert_true(facts_number(json_array_get(lines, 0), "time_s", &number));
	assert_true(number > 1.499999 && number < 1.500001);
	assert_string_equal(facts_text(json_array_get(lines, 1), "text"), "TSC b; c");
	assert_true(facts_number(log, "records", &number) && number > 3.5 && number < 4.5);
	assert_int_equal(facts_flag(log, "from_boot"), 0);
	json_decref(log);
}

static void a_flood_keeps_the_boot_and_the_end(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	json_t *log;
	const json_t *lines;
	double number;

	(void)state;
	for (int i = 0; i < 1000; i++)
		fprintf(out, "4,%d,%d,-;TSC %d\n", i, i, i);
	assert_int_equal(fclose(out), 0);
	log = log_of(text, n, NULL);
	lines = facts_get(log, "lines");
	assert_int_equal(json_array_size(lines), LINES_MAX);
	assert_string_equal(facts_text(json_array_get(lines, LINES_FIRST - 1), "text"), "TSC 63");
	assert_string_equal(facts_text(json_array_get(lines, LINES_FIRST), "text"), "TSC 808");
	assert_string_equal(facts_text(json_array_get(lines, LINES_MAX - 1), "text"), "TSC 999");
	assert_true(facts_number(log, "dropped", &number) && number > 743.5 && number < 744.5);
	assert_int_equal(facts_flag(log, "from_boot"), 1);
	json_decref(log);
	free(text);
}

/* A line that never ends is not a record, and what is behind it is still read. */
static void an_endless_line_is_skipped(void **state)
{
	static const char behind[] = "\n6,0,0,-;TSC behind\n";
	const size_t n = 100000;
	char *text = malloc(n + sizeof(behind));
	json_t *log;

	(void)state;
	assert_non_null(text);
	memset(text, '6', n);
	strcpy(text + n, behind);
	log = log_of(text, n + strlen(behind), NULL);
	assert_string_equal(facts_text(json_array_get(facts_get(log, "lines"), 0), "text"), "TSC behind");
	json_decref(log);
	free(text);
}

/* A datagram socket hands out one record for each read, as the device does. */
static void one_record_for_each_read(void **state)
{
	struct facts f = { .unreadable = json_array() };
	struct log_scan scan = { .f = &f, .lines = json_array() };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	for (int i = 0; i < 5; i++) {
		char record[64];
		int n = snprintf(record, sizeof(record), "6,%d,%d,-;TSC %d\n KEY=1\n", i, i, i);

		assert_int_equal(write(fds[1], record, (size_t)n), n);
	}
	assert_int_equal(kmsg_read(fds[0], BYTES_MAX, &scan.overrun, scan_record, &scan), 0);
	assert_int_equal(scan.records, 5);
	assert_int_equal(json_array_size(scan.lines), 5);
	close(fds[0]);
	close(fds[1]);
	json_decref(scan.lines);
	json_decref(f.unreadable);
}

static void an_empty_log_is_null(void **state)
{
	const char *why;
	json_t *log = log_of("", 0, &why);

	(void)state;
	assert_true(json_is_null(log));
	assert_string_equal(why, "no log records in it");
	json_decref(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_on_timekeeping_are_kept),
		cmocka_unit_test(what_the_boot_says_of_parameters_is_kept_once),
		cmocka_unit_test(records_are_told_from_other_lines),
		cmocka_unit_test(a_flood_keeps_the_boot_and_the_end),
		cmocka_unit_test(an_endless_line_is_skipped),
		cmocka_unit_test(one_record_for_each_read),
		cmocka_unit_test(an_empty_log_is_null),
	};

	return cmocka_run_group_tests_name("bench/facts_log", tests, NULL, NULL);
}
