/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A PTP hardware clock, through the ioctls of <linux/ptp_clock.h> (kernel:
 * drivers/ptp/ptp_chardev.c), which stamp the device against a system clock.
 *
 * From system stamps to the TSC.  That system clock is read in a TSC bracket
 * just before the ioctl (anchor a) and just after it (anchor b):
 *
 *   TSC   a.lo  a.hi       ?       b.lo  b.hi
 *   sys      a.ns        stamp        b.ns
 *
 * Over these microseconds both run at constant rates, so the TSC at the stamp
 * is (1 - w) * TSC(a) + w * TSC(b), w = (stamp - a.ns) / (b.ns - a.ns).  With w
 * in [0, 1] that is at least the same mean of the lower ends, and at most that
 * of the upper ends.  A stamp and an anchor are each up to one step of the
 * system clock too old; in the mean that moves the result by less than one step
 * either way, so each side is widened by a step.  The step is the smallest seen
 * among back-to-back reads, which is never less than the true one.
 *
 * EXTENDED and basic samples: the device was read between two stamps, so the
 * lower end comes from the first and the upper end from the second.
 */
#include <errno.h>
#include <linux/ptp_clock.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "probes/clock_device.h"
#include "probes/clock_reader.h"
#include "probes/posix_clock.h"
#include "probes/tsc.h"

#define PTP_DEFAULT_PATH "/dev/ptp0"

#define PTP_SAMPLES	 5 /* of one ioctl; the narrowest is taken */
#define PTP_ANCHOR_READS 8 /* of the system clock; the narrowest is the anchor */
#define PTP_ROUNDING_NS	 2 /* of a difference of two clock reads */

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

/* The system clock in a bracket, and what shows whether the line through two anchors can be trusted. */
struct ptp_anchor {
	struct reading clock;
	int64_t step_ns; /* the smallest step seen; 0: none */
	/* Bounds of system clock - CLOCK_MONOTONIC, which is constant until CLOCK_REALTIME is stepped. */
	int64_t ahead_min_ns, ahead_max_ns;
};

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_ns(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

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

/* CLOCK_MONOTONIC, read on both sides, has the same steps: they are those of the clocksource. */
static struct ptp_anchor ptp_anchor_take(const struct ptp *ptp)
{
	struct ptp_anchor anchor = { .ahead_min_ns = INT64_MIN, .ahead_max_ns = INT64_MAX };
	int64_t early, late = 0, step;
	struct reading now;

	for (int i = 0; i < PTP_ANCHOR_READS; i++) {
		early = (int64_t)ptp->system_ns(CLOCK_MONOTONIC);
		step = early - late;
		if (i > 0 && step > 0 && (anchor.step_ns == 0 || step < anchor.step_ns))
			anchor.step_ns = step;
		now.tsc_lo = tsc_before();
		now.value = ptp->system_ns(ptp->system);
		now.tsc_hi = tsc_after();
		late = (int64_t)ptp->system_ns(CLOCK_MONOTONIC);

		anchor.ahead_min_ns = max_ns(anchor.ahead_min_ns, (int64_t)now.value - late);
		anchor.ahead_max_ns = min_ns(anchor.ahead_max_ns, (int64_t)now.value - early);
		if (i == 0 || reading_width(&now) < reading_width(&anchor.clock))
			anchor.clock = now;
	}
	return anchor;
}

/* Was the system clock stepped from the start of a to the end of b? */
static bool ptp_was_stepped(const struct ptp *ptp, const struct ptp_anchor *a, const struct ptp_anchor *b)
{
	int64_t ahead_min = max_ns(a->ahead_min_ns, b->ahead_min_ns);
	int64_t ahead_max = min_ns(a->ahead_max_ns, b->ahead_max_ns);

	return ptp->system == CLOCK_REALTIME && ahead_min > ahead_max + PTP_ROUNDING_NS;
}

/*
 * Narrows the bracket of the whole ioctl to that of its stamps, where the line
 * through the anchors can be trusted: the system clock ticks finer than it is
 * read, and was not stepped meanwhile.
 */
static void ptp_narrow(const struct ptp *ptp, const struct ptp_sample *sample, const struct ptp_anchor *a,
	const struct ptp_anchor *b, struct reading *reading)
{
	double step = 1 + (double)min_ns(a->step_ns, b->step_ns); /* and 1 ns of rounding */
	double span = (double)(int64_t)(b->clock.value - a->clock.value);
	double before = (double)(sample->before - (int64_t)a->clock.value);
	double after = (double)(sample->after - (int64_t)a->clock.value);
	double rate_lo = (double)(int64_t)(b->clock.tsc_lo - a->clock.tsc_lo) / span; /* cycles per ns */
	double rate_hi = (double)(int64_t)(b->clock.tsc_hi - a->clock.tsc_hi) / span;

	if (a->step_ns == 0 || b->step_ns == 0 || ptp_was_stepped(ptp, a, b))
		return;
	if (span <= 0 || before < -step || after < before || after > span + step)
		return;
	reading->tsc_lo = a->clock.tsc_lo + (uint64_t)(int64_t)floor((before - step) * rate_lo);
	reading->tsc_hi = a->clock.tsc_hi + (uint64_t)(int64_t)ceil((after + step) * rate_hi);
}

static int ptp_read_bracket(void *state, int cpu, struct reading *reading)
{
	const struct ptp *ptp = state;
	struct ptp_anchor a, b;
	struct ptp_sample sample;
	int ret;

	(void)cpu;
	a = ptp_anchor_take(ptp);
	ret = ptp->sample(ptp, &sample);
	if (ret < 0)
		return ret;
	b = ptp_anchor_take(ptp);
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
