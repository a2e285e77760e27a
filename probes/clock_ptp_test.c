/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_ptp.c"

#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probes/clock_test.h"

/*
 * A device of known time.  The system clock and the device are functions of the
 * TSC; the TSC at which the device was read is kept for each value.
 */
static struct {
	uint64_t zero_tsc;
	double ns_per_cycle;
	uint64_t tick_ns;	 /* of the system clock */
	int64_t step_ns;	 /* put into the system clock by the ioctl */
	int64_t stepped_ns;	 /* what was put in so far */
	unsigned long supported; /* the one request that is answered */
	unsigned values;
	int64_t value[PTP_MAX_SAMPLES];
	uint64_t value_tsc[PTP_MAX_SAMPLES];
} sim;

#define DEVICE_OFFSET_NS 1700000000123456789LL
#define DEVICE_DRIFT	 100e-6

static double sim_elapsed_ns(uint64_t tsc)
{
	return (double)(tsc - sim.zero_tsc) * sim.ns_per_cycle;
}

static uint64_t sim_monotonic_at(uint64_t tsc)
{
	uint64_t ns = (uint64_t)sim_elapsed_ns(tsc);

	return ns - ns % sim.tick_ns;
}

static uint64_t sim_realtime_at(uint64_t tsc)
{
	return 1000000000000ULL + (uint64_t)sim.stepped_ns + sim_monotonic_at(tsc);
}

static uint64_t sim_system_ns(clockid_t id)
{
	return id == CLOCK_REALTIME ? sim_realtime_at(tsc_after()) : sim_monotonic_at(tsc_after());
}

static struct ptp_clock_time sim_stamp(uint64_t ns)
{
	return (struct ptp_clock_time){ .sec = (int64_t)(ns / NS_PER_SEC),
		.nsec = (uint32_t)(ns % NS_PER_SEC) };
}

static struct ptp_clock_time sim_device_at(uint64_t tsc)
{
	int64_t ns = DEVICE_OFFSET_NS + (int64_t)(sim_elapsed_ns(tsc) * (1 + DEVICE_DRIFT));

	sim.value[sim.values] = ns;
	sim.value_tsc[sim.values++] = tsc;
	return sim_stamp((uint64_t)ns);
}

static void sim_sample(struct ptp_clock_time *before, struct ptp_clock_time *device,
	struct ptp_clock_time *after, uint64_t delay_ns)
{
	*before = sim_stamp(sim_system_ns(CLOCK_REALTIME));
	test_spin(delay_ns);
	*device = sim_device_at(tsc_after());
	test_spin(delay_ns / 3);
	*after = sim_stamp(sim_system_ns(CLOCK_REALTIME));
}

static int sim_ioctl(int fd, unsigned long request, void *argument)
{
	struct ptp_sys_offset_precise *precise = argument;
	struct ptp_sys_offset_extended *extended = argument;
	struct ptp_sys_offset *basic = argument;
	uint64_t tsc;

	(void)fd;
	if (request != sim.supported) {
		errno = EOPNOTSUPP;
		return -1;
	}
	sim.values = 0;
	test_spin(1000);
	if (request == PTP_SYS_OFFSET_PRECISE) {
		tsc = tsc_after();
		precise->device = sim_device_at(tsc);
		precise->sys_monoraw = sim_stamp(sim_monotonic_at(tsc));
	} else if (request == PTP_SYS_OFFSET_EXTENDED) {
		for (unsigned i = 0; i < extended->n_samples; i++)
			sim_sample(
				&extended->ts[i][0], &extended->ts[i][1], &extended->ts[i][2], 300 + 300 * i);
	} else {
		for (unsigned i = 0; i < basic->n_samples; i++)
			sim_sample(&basic->ts[2 * i], &basic->ts[2 * i + 1], &basic->ts[2 * i + 2],
				2000 - 300 * i);
	}
	sim.stepped_ns += sim.step_ns;
	test_spin(1000);
	return 0;
}

static struct ptp sim_open(unsigned long request)
{
	struct ptp ptp = { .ioctl = sim_ioctl, .system_ns = sim_system_ns };
	struct error err = { "" };

	sim.supported = request;
	sim.tick_ns = 1;
	sim.step_ns = 0;
	assert_int_equal(ptp_choose(&ptp, "sim", &err), 0);
	assert_string_equal(err.text, "");
	return ptp;
}

/* Reads count times; the true instant of each value must lie in its bracket.  Returns the narrowest, in ns.
 */
static double sim_check(struct ptp *ptp, int count)
{
	double narrowest_ns = INFINITY;
	struct reading r;
	unsigned at;

	for (int i = 0; i < count; i++) {
		assert_int_equal(ptp_read_bracket(ptp, -1, &r), 0);
		for (at = 0; at < sim.values && (uint64_t)sim.value[at] != r.value; at++)
			;
		assert_true(at < sim.values);
		assert_in_range(sim.value_tsc[at], r.tsc_lo, r.tsc_hi);
		narrowest_ns = fmin(narrowest_ns, (double)reading_width(&r) * sim.ns_per_cycle);
	}
	return narrowest_ns;
}

/* The ioctl spins for 2 us outside its samples: the anchors must do better than its own bracket. */
static void test_precise(void **state)
{
	struct ptp ptp = sim_open(PTP_SYS_OFFSET_PRECISE);

	(void)state;
	assert_int_equal(ptp.system, CLOCK_MONOTONIC_RAW);
	assert_true(sim_check(&ptp, 500) < 1500);
}

static void test_extended(void **state)
{
	struct ptp ptp = sim_open(PTP_SYS_OFFSET_EXTENDED);

	(void)state;
	assert_int_equal(ptp.system, CLOCK_REALTIME);
	/* The first sample is the narrowest: 300 + 100 ns, and the reads around them. */
	assert_true(sim_check(&ptp, 500) < 2500);
}

static void test_basic(void **state)
{
	struct ptp ptp = sim_open(PTP_SYS_OFFSET);

	(void)state;
	assert_int_equal(ptp.system, CLOCK_REALTIME);
	/* The last is the narrowest: 800 + 266 ns. */
	assert_true(sim_check(&ptp, 500) < 3000);
}

/* Ticks as of an HPET, of the PM timer, and of jiffies. */
static void test_coarse_system_clock(void **state)
{
	static const uint64_t ticks_ns[] = { 70, 279, 4000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(ticks_ns) / sizeof(ticks_ns[0]); i++) {
		struct ptp ptp = sim_open(PTP_SYS_OFFSET_EXTENDED);

		sim.tick_ns = ticks_ns[i];
		sim_check(&ptp, 200);
		ptp = sim_open(PTP_SYS_OFFSET_PRECISE);
		sim.tick_ns = ticks_ns[i];
		sim_check(&ptp, 200);
	}
}

/* A step while the device is read: the bracket falls back to that of the ioctl, and still holds. */
static void test_stepped_system_clock(void **state)
{
	static const int64_t steps_ns[] = { -1000000, -2000, 2000, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
		struct ptp ptp = sim_open(PTP_SYS_OFFSET_EXTENDED);

		sim.step_ns = steps_ns[i];
		/* At least what the ioctl spins. */
		assert_true(sim_check(&ptp, 500) > 2000);
	}
}

static void test_unsupported(void **state)
{
	struct ptp ptp = { .ioctl = sim_ioctl, .system_ns = sim_system_ns };
	struct error err = { "" };

	(void)state;
	sim.supported = 0;
	assert_int_equal(ptp_choose(&ptp, "sim", &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "sim does not tell its time"));
	assert_null(ptp.sample);
	ptp.sample = ptp_sample_basic;
	assert_int_equal(ptp_read_bracket(&ptp, -1, &(struct reading){ 0 }), -EOPNOTSUPP);
}

static void test_reasons(void **state)
{
	struct clock_setup absent = { .options = "/nonexistent/ptp" }, other = { .options = "/dev/null" };
	struct clock_traits traits = { 0 };
	struct error absent_err = { "" }, other_err = { "" };

	(void)state;
	assert_int_equal(ptp_open(&absent, &traits, &absent_err), -ENOENT);
	assert_non_null(strstr(absent_err.text, "no /nonexistent/ptp: no network card"));
	assert_int_equal(ptp_open(&other, &traits, &other_err), -ENOTTY);
	assert_non_null(strstr(other_err.text, "is it a PTP clock"));
	assert_null(traits.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precise),
		cmocka_unit_test(test_extended),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_coarse_system_clock),
		cmocka_unit_test(test_stepped_system_clock),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_reasons),
	};

	tsc_init();
	sim.ns_per_cycle = NS_PER_SEC / test_tsc_hz();
	sim.zero_tsc = tsc_raw();
	return cmocka_run_group_tests_name("probes/clock_ptp", tests, NULL, NULL);
}
