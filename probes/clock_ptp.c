/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A PTP hardware clock, through the ioctls of <linux/ptp_clock.h> (kernel:
 * drivers/ptp/ptp_chardev.c), which stamp the device against a system clock.
 *
 * From system stamps to the TSC: probes/stamp_line.h, over the microseconds of one
 * ioctl, in which both run at constant rates.
 *
 * EXTENDED and basic samples: the device was read between two stamps, so the
 * lower end comes from the first and the upper end from the second.
 */
#include <errno.h>
#include <linux/ptp_clock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "probes/clock_device.h"
#include "probes/clock_reader.h"
#include "probes/posix_clock.h"
#include "probes/stamp_line.h"

#define PTP_DEFAULT_PATH "/dev/ptp0"

#define PTP_SAMPLES	 5 /* of one ioctl; the narrowest is taken */

/* A device value between two stamps of the system clock, all in ns. */
struct ptp_sample {
	int64_t before, device, after;
};

struct ptp {
	int fd;
	/* One of the three ioctls below: 0 and the narrowest sample, or -errno. */
	int (*sample)(const struct ptp *ptp, struct ptp_sample *sample);
	clockid_t system;					     /* what sample stamps with */
	int (*ioctl)(int fd, unsigned long request, void *argument); /* -1 and errno, as ioctl(2) */
	uint64_t (*system_ns)(clockid_t id);
};

static int64_t ptp_ns(const struct ptp_clock_time *t)
{
	return (int64_t)t->sec * NS_PER_SEC + t->nsec;
}

static void ptp_keep_narrowest(struct ptp_sample *best, const struct ptp_clock_time *before,
	const struct ptp_clock_time *device, const struct ptp_clock_time *after, bool first)
{
	struct ptp_sample sample = { ptp_ns(before), ptp_ns(device), ptp_ns(after) };

	if (first || sample.after - sample.before < best->after - best->before)
		*best = sample;
}

static int ptp_sample_precise(const struct ptp *ptp, struct ptp_sample *sample)
{
	struct ptp_sys_offset_precise precise = { 0 };

	if (ptp->ioctl(ptp->fd, PTP_SYS_OFFSET_PRECISE, &precise) != 0)
		return -errno;
	ptp_keep_narrowest(sample, &precise.sys_monoraw, &precise.device, &precise.sys_monoraw, true);
	return 0;
}

static int ptp_sample_extended(const struct ptp *ptp, struct ptp_sample *sample)
{
	struct ptp_sys_offset_extended extended = { .n_samples = PTP_SAMPLES };

	if (ptp->ioctl(ptp->fd, PTP_SYS_OFFSET_EXTENDED, &extended) != 0)
		return -errno;
	for (int i = 0; i < PTP_SAMPLES; i++)
		ptp_keep_narrowest(
			sample, &extended.ts[i][0], &extended.ts[i][1], &extended.ts[i][2], i == 0);
	return 0;
}

static int ptp_sample_basic(const struct ptp *ptp, struct ptp_sample *sample)
{
	struct ptp_sys_offset basic = { .n_samples = PTP_SAMPLES };

	if (ptp->ioctl(ptp->fd, PTP_SYS_OFFSET, &basic) != 0)
		return -errno;
	for (int i = 0; i < PTP_SAMPLES; i++)
		ptp_keep_narrowest(
			sample, &basic.ts[2 * i], &basic.ts[2 * i + 1], &basic.ts[2 * i + 2], i == 0);
	return 0;
}

/*
 * Narrows the bracket of the whole ioctl to that of its stamps, where the line
 * through the anchors can be trusted.
 */
static void ptp_narrow(const struct ptp *ptp, const struct ptp_sample *sample, const struct stamp_anchor *a,
	const struct stamp_anchor *b, struct reading *reading)
{
	uint64_t lo, hi, other;

	if (ptp->system == CLOCK_REALTIME && stamp_anchor_stepped(a, b))
		return;
	if (sample->after < sample->before ||
		!stamp_anchor_between(a, b, sample->before, 0, &lo, &other) ||
		!stamp_anchor_between(a, b, sample->after, 0, &other, &hi))
		return;
	reading->tsc_lo = lo;
	reading->tsc_hi = hi;
}

static int ptp_read_bracket(void *state, int cpu, struct reading *reading)
{
	const struct ptp *ptp = state;
	struct stamp_anchor a, b;
	struct ptp_sample sample;
	int ret;

	(void)cpu;
	a = stamp_anchor_take_of(ptp->system, ptp->system_ns);
	ret = ptp->sample(ptp, &sample);
	if (ret < 0)
		return ret;
	b = stamp_anchor_take_of(ptp->system, ptp->system_ns);
	*reading = (struct reading){ a.clock.tsc_lo, (uint64_t)sample.device, b.clock.tsc_hi };
	ptp_narrow(ptp, &sample, &a, &b, reading);
	return 0;
}

/* The best ioctl that this device answers, tried once. */
static int ptp_choose(struct ptp *ptp, const char *path, struct error *err)
{
	static const struct {
		int (*sample)(const struct ptp *ptp, struct ptp_sample *sample);
		clockid_t system;
	} methods[] = {
		{ ptp_sample_precise, CLOCK_MONOTONIC_RAW },
		{ ptp_sample_extended, CLOCK_REALTIME },
		{ ptp_sample_basic, CLOCK_REALTIME },
	};
	struct ptp_sample sample;
	int ret = -ENOTSUP;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		ret = methods[i].sample(ptp, &sample);
		if (ret == 0) {
			ptp->sample = methods[i].sample;
			ptp->system = methods[i].system;
			return 0;
		}
	}
	return error_set(err, ret, "%s does not tell its time (%s): is it a PTP clock, and its interface up?",
		path, strerror(-ret));
}

static void ptp_close(void *state)
{
	struct ptp *ptp = state;

	close(ptp->fd);
	free(ptp);
}

static int ptp_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

static int ptp_open(const struct clock_setup *setup, struct clock_traits *traits, struct error *err)
{
	const char *path = setup->options ? setup->options : PTP_DEFAULT_PATH;
	struct ptp *ptp = calloc(1, sizeof(*ptp));
	int ret;

	if (!ptp)
		return error_set(err, -ENOMEM, "ptp: out of memory");
	*ptp = (struct ptp){ .ioctl = ptp_ioctl, .system_ns = posix_clock_ns };
	ptp->fd = clock_device_open(path,
		"no network card with a PTP clock; in a KVM guest try modprobe ptp_kvm",
		"another program holds it", err);
	if (ptp->fd < 0) {
		ret = ptp->fd;
		free(ptp);
		return ret;
	}
	ret = ptp_choose(ptp, path, err);
	if (ret < 0) {
		ptp_close(ptp);
		return ret;
	}
	traits->state = ptp;
	return 0;
}

const struct clock_reader clock_ptp = {
	.name = "ptp",
	.summary = "a PTP hardware clock: a network card's, or the host's through ptp_kvm",
	.options = "ptp[:DEVICE], default " PTP_DEFAULT_PATH,
	.unit = UNIT_NS,
	.oscillator = OSCILLATOR_REMOTE,
	.cadence = CADENCE_SLOW,
	.open = ptp_open,
	.read_bracket = ptp_read_bracket,
	.close = ptp_close,
};
