/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The battery clock tells whole seconds only, so what is read is the edge of a
 * second: the TSC before the last poll that still showed the old second, and
 * after the first that showed the new one.
 *
 * A PC's RTC cannot be read for about 2 ms around its update and the kernel
 * waits for it (drivers/rtc/rtc-mc146818-lib.c), so a bracket may be that wide.
 */
#include <errno.h>
#include <linux/rtc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "probes/clock_device.h"
#include "probes/clock_reader.h"
#include "probes/posix_clock.h"
#include "probes/tsc.h"

#define RTC_DEFAULT_PATH "/dev/rtc0"

#define RTC_DEADLINE_NS (1900 * NS_PER_MS) /* a call may take 2 s */
#define RTC_PAUSE_NS	(1 * NS_PER_MS)	   /* between polls while the edge is not near */
#define RTC_AHEAD_NS	(20 * NS_PER_MS)   /* a busy machine wakes late */
#define RTC_MARGIN_NS	(3 * NS_PER_MS)	   /* the edge is within this, plus the drift since the last one */
#define RTC_DRIFT	500e-6		   /* beyond the worst crystal and the slew of a time daemon */
#define RTC_MARGIN_MAX	(50 * NS_PER_MS)   /* longer ago: the edge is searched anew */

struct rtc {
	int fd;
	int (*get_second)(const struct rtc *rtc, int64_t *second); /* since the epoch; 0 or -errno */
	int64_t edge_ns; /* CLOCK_MONOTONIC at the last edge seen; 0: none */
};

static int64_t monotonic_ns(void)
{
	return (int64_t)posix_clock_ns(CLOCK_MONOTONIC);
}

static void sleep_until(int64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int rtc_get_second(const struct rtc *rtc, int64_t *second)
{
	struct rtc_time now;
	struct tm tm;

	if (ioctl(rtc->fd, RTC_RD_TIME, &now) != 0)
		return -errno;
	tm = (struct tm){
		.tm_sec = now.tm_sec,
		.tm_min = now.tm_min,
		.tm_hour = now.tm_hour,
		.tm_mday = now.tm_mday,
		.tm_mon = now.tm_mon,
		.tm_year = now.tm_year,
	};
	*second = timegm(&tm);
	return 0;
}

/*
 * When to poll without a pause: around the next edge, by the last one.  Where
 * that is not known, the window is empty and lies in the past.
 */
static void rtc_window(const struct rtc *rtc, int64_t now, int64_t *from, int64_t *until)
{
	int64_t margin = RTC_MARGIN_NS + (int64_t)((double)(now - rtc->edge_ns) * RTC_DRIFT);
	int64_t passed = now - margin - rtc->edge_ns, next;

	*from = *until = now;
	if (rtc->edge_ns == 0 || margin > RTC_MARGIN_MAX)
		return;
	next = rtc->edge_ns + (passed <= 0 ? 1 : (passed + NS_PER_SEC - 1) / NS_PER_SEC) * NS_PER_SEC;
	*from = next - margin;
	*until = next + margin;
}

/* The first poll comes before the sleep: an edge that is slept over gives a wide bracket, still a true one. */
static int rtc_read_bracket(void *state, int cpu, struct reading *reading)
{
	struct rtc *rtc = state;
	int64_t start = monotonic_ns(), polled = start, now, from, until, old, second;
	uint64_t before, previous = tsc_before();
	int ret = rtc->get_second(rtc, &old);

	(void)cpu;
	rtc_window(rtc, start, &from, &until);
	sleep_until(from - RTC_AHEAD_NS);
	while (ret == 0) {
		before = tsc_before();
		ret = rtc->get_second(rtc, &second);
		now = monotonic_ns();
		if (ret == 0 && second != old) {
			*reading = (struct reading){ previous, (uint64_t)(second * NS_PER_SEC), tsc_after() };
			rtc->edge_ns = now - polled <= RTC_MARGIN_NS ? now : 0;
			return 0;
		}
		if (ret == 0 && now > start + RTC_DEADLINE_NS)
			ret = -ETIMEDOUT;
		previous = before;
		polled = now;
		if (now < from || now > until)
			sleep_until(now + RTC_PAUSE_NS);
	}
	rtc->edge_ns = 0;
	return ret;
}

static int rtc_probe(const struct rtc *rtc, const char *path, struct error *err)
{
	int64_t second;
	int ret = rtc->get_second(rtc, &second);

	if (ret == -EINVAL)
		return error_set(err, ret, "%s holds no valid time: set it with hwclock --systohc", path);
	if (ret < 0)
		return error_set(err, ret, "cannot read %s: %s", path, strerror(-ret));
	return 0;
}

static void rtc_close(void *state)
{
	struct rtc *rtc = state;

	close(rtc->fd);
	free(rtc);
}

static int rtc_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	const char *path = setup->options ? setup->options : RTC_DEFAULT_PATH;
	struct rtc *rtc = calloc(1, sizeof(*rtc));
	int ret;

	if (!rtc)
		return error_set(err, -ENOMEM, "rtc: out of memory");
	rtc->get_second = rtc_get_second;
	rtc->fd =
		clock_device_open(path, "the machine has no real-time clock, or its kernel no driver for it",
			"another program holds it, perhaps a time daemon (see fuser -v on it)", err);
	if (rtc->fd < 0) {
		ret = rtc->fd;
		free(rtc);
		return ret;
	}
	ret = rtc_probe(rtc, path, err);
	if (ret < 0) {
		rtc_close(rtc);
		return ret;
	}
	traits->state = rtc;
	return 0;
}

const struct clock_reader clock_rtc = {
	.name = "rtc",
	.summary = "the battery-backed real-time clock, by the edges of its seconds",
	.options = "rtc[:DEVICE], default " RTC_DEFAULT_PATH,
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_RTC,
	.cadence = CADENCE_SLOW,
	.open = rtc_open,
	.read_bracket = rtc_read_bracket,
	.close = rtc_close,
};
