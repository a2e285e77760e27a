/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The kernel's own words on the TSC, the clocksources and its parameters, from its log. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bench/facts_read.h"
#include "bench/kmsg.h"

#define BYTES_MAX   (16u << 20) /* of log that is looked through */
#define LINES_MAX   256		/* that are kept: the first LINES_FIRST, of the boot, and the last ones */
#define LINES_FIRST 64

/*
 * What the boot says once of its parameters (analysis/parameters.c): Linux init/{main,calibrate}.c,
 * kernel/time/clocksource.c, drivers/acpi/acpi_processor.c, arch/x86/kernel/process.c, kernel/time/tick-sched.c.
 * The first line of each kind is kept: CPUs may come back later and say it again.
 */
static const char *const boot_words[] = {
	"Unknown kernel command line parameters",
	"Calibrating delay",
	"clock=pmtmr",
	"clock= boot option",
	" idle states",
	"using polling idle threads",
	"Full dynticks CPUs",
};

#define BOOT_KINDS (sizeof(boot_words) / sizeof(*boot_words))

struct log_scan {
	struct facts *f;
	json_t *lines;
	long long records, first_seq, dropped;
	bool overrun;
	bool boot_kept[BOOT_KINDS];
};

/*
 * Lines that tell of the TSC's state or of a change of clocksource: Linux
 * arch/x86/kernel/{tsc,tsc_sync,kvmclock}.c, kernel/time/clocksource.c; the last
 * three from kernels up to 2.6.2x.
 */
static bool on_timekeeping(const char *text)
{
	static const char *const words[] = {
		"TSC",
		"timekeeping watchdog",
		"Switched to clocksource",
		"Marking clocksource",
		"Override clocksource",
		"clocksource: Checking",
		"many lost ticks",
		"time source seems to be instable",
		"Clocksource tsc unstable",
	};

	/* "PM-Timer running at invalid rate: 106% of normal - aborting.": drivers/clocksource/acpi_pm.c */
	if (!strncmp(text, "tsc:", 4) || !strncmp(text, "kvm-clock:", 10) || !strncmp(text, "PM-Timer ", 9))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strstr(text, words[i]))
			return true;
	}
	return false;
}

static bool on_parameters(struct log_scan *scan, const char *text)
{
	size_t kind;

	for (kind = 0; kind < BOOT_KINDS && !strstr(text, boot_words[kind]); kind++)
		;
	if (kind == BOOT_KINDS || scan->first_seq || scan->boot_kept[kind])
		return false;
	scan->boot_kept[kind] = true;
	return true;
}

static void scan_record(void *context, const struct kmsg_record *record)
{
	struct log_scan *scan = context;

	if (!scan->records++)
		scan->first_seq = record->seq;
	if (!record->from_kernel || !strncmp(record->text, "Command line:", 13) ||
		!strncmp(record->text, "Kernel command line:", 20) ||
		(!on_parameters(scan, record->text) && !on_timekeeping(record->text)))
		return;
	if (json_array_size(scan->lines) == LINES_MAX) {
		json_array_remove(scan->lines, LINES_FIRST);
		scan->dropped++;
	}
	facts_append(scan->f, scan->lines,
		json_pack("{s:I, s:f, s:s}", "seq", (json_int_t)record->seq, "time_s",
			(double)record->us / 1e6, "text", record->text));
}

json_t *facts_kernel_log(struct facts *f)
{
	struct log_scan scan = { .f = f, .lines = json_array() };
	json_t *object;
	int fd = kmsg_open(f->src->root, false);
	int err = fd < 0 ? fd : kmsg_read(fd, BYTES_MAX, &scan.overrun, scan_record, &scan);

	if (err == -EFBIG) {
		facts_note(f, KMSG_PATH, "longer than 16 MiB, the rest was not read");
		err = 0;
	}
	if (!err && scan.records) {
		object = json_pack("{s:O, s:b, s:I, s:I}", "lines", scan.lines, "from_boot",
			!scan.first_seq && !scan.overrun, "records", (json_int_t)scan.records, "dropped",
			(json_int_t)scan.dropped);
	} else {
		facts_note(f, KMSG_PATH,
			err == -EPERM ? "kernel.dmesg_restrict keeps it from users without CAP_SYSLOG"
			: err	      ? strerror(-err)
				      : "no log records in it");
		object = json_null();
	}
	json_decref(scan.lines);
	if (fd >= 0)
		close(fd);
	return object;
}
