/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The kernel's own words on the TSC and the clocksources, from /dev/kmsg
 * (Documentation/ABI/testing/dev-kmsg).  Reading it takes nothing away from
 * other readers.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/facts_read.h"

#define KMSG_PATH   "/dev/kmsg"
#define BYTES_MAX   (16u << 20) /* of log that is looked through */
#define LINES_MAX   256		/* that are kept: the first LINES_FIRST, of the boot, and the last ones */
#define LINES_FIRST 64

struct log_scan {
	struct facts *f;
	json_t *lines;
	long long records, first_seq, dropped;
	bool overrun;
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

	if (!strncmp(text, "tsc:", 4) || !strncmp(text, "kvm-clock:", 10))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strstr(text, words[i]))
			return true;
	}
	return false;
}

/* "priority,sequence,microseconds,flags;text"; other lines are a record's dictionary. */
static void scan_line(struct log_scan *scan, char *line, size_t length)
{
	unsigned priority;
	long long seq, us;
	char *text;

	facts_clean(line, length);
	text = strchr(line, ';');
	if (!text || sscanf(line, "%9u,%18lld,%18lld,", &priority, &seq, &us) != 3)
		return;
	text++;
	if (!scan->records++)
		scan->first_seq = seq;
	/* Facility 0 is the kernel; anybody with the device can write the others. */
	if (priority >> 3 || !on_timekeeping(text) ||
		(!strncmp(text, "Command line:", 13) || !strncmp(text, "Kernel command line:", 20)))
		return;
	if (json_array_size(scan->lines) == LINES_MAX) {
		json_array_remove(scan->lines, LINES_FIRST);
		scan->dropped++;
	}
	facts_append(scan->f, scan->lines,
		json_pack(
			"{s:I, s:f, s:s}", "seq", (json_int_t)seq, "time_s", (double)us / 1e6, "text", text));
}

/* Takes the whole lines out of the buffer; returns how much of a line is left over. */
static size_t scan_lines(struct log_scan *scan, char *text, size_t used, size_t room)
{
	char *start = text, *end;

	while ((end = memchr(start, '\n', used - (size_t)(start - text)))) {
		scan_line(scan, start, (size_t)(end - start));
		start = end + 1;
	}
	used -= (size_t)(start - text);
	/* A record is at most 8 KiB (CONSOLE_EXT_LOG_MAX): what does not end by then is none. */
	if (used > room / 2)
		return 0;
	memmove(text, start, used);
	return used;
}

/* One read() of the device is one record; a plain file comes in larger pieces. */
static int scan_file(struct log_scan *scan, int fd)
{
	char text[32768];
	size_t used = 0, total = 0;
	ssize_t n;

	while (total < BYTES_MAX) {
		n = read(fd, text + used, sizeof(text) - used);
		if (n > 0) {
			total += (size_t)n;
			used = scan_lines(scan, text, used + (size_t)n, sizeof(text));
		} else if (n < 0 && errno == EPIPE) {
			scan->overrun = true; /* the next read goes on behind what was overwritten */
		} else if (!n || errno == EAGAIN) {
			return 0;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	facts_note(scan->f, KMSG_PATH, "longer than 16 MiB, the rest was not read");
	return 0;
}

json_t *facts_kernel_log(struct facts *f)
{
	struct log_scan scan = { .f = f, .lines = json_array() };
	char full[PATH_MAX];
	json_t *object;
	int fd = -1, err = 0;

	if ((size_t)snprintf(full, sizeof(full), "%s%s", f->src->root, KMSG_PATH) < sizeof(full))
		fd = open(full, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	err = fd < 0 ? -errno : scan_file(&scan, fd);
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
