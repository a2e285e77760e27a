/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Guests whose map is known to the cycle. */
#include "analysis/exact_map.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "analysis/synthetic_test.h"

#define OFFSET	 INT64_C(-9007199254740993) /* no double holds it */
#define READINGS 400
#define SPAN_S	 20.0

struct pair_run {
	struct synthetic s;
	json_t *vcpus;
	struct exact_map map;
	char said[REASON_MAX];
};

static void pair_begin(struct pair_run *p)
{
	memset(p, 0, sizeof(*p));
	synthetic_init(&p->s);
	synthetic_clock(&p->s, "peer", UNIT_NS, 1e9, 64, "host");
	synthetic_clock(&p->s, "peer_tsc", UNIT_TICKS, SYNTHETIC_HZ, 64, "host");
	p->vcpus = json_array();
	p->s.run.peer_environment = json_pack("{s:o}", "kvm_vcpus", p->vcpus);
}

static void host_says(struct pair_run *p, int pid, int vcpu, int64_t offset, uint64_t ratio, int bits)
{
	json_t *entry = json_pack("{s:i, s:i, s:i, s:I, s:n, s:n}", "pid", pid, "fd", 12, "vcpu", vcpu,
		"tsc_offset", (json_int_t)offset, "tsc_scaling_ratio", "frac_bits");

	if (bits) {
		json_object_set_new(entry, "tsc_scaling_ratio", json_integer((json_int_t)ratio));
		json_object_set_new(entry, "frac_bits", json_integer(bits));
	}
	json_array_append_new(p->vcpus, entry);
}

/*
 * Exchanges of 300 to 1000 cycles: the host reads its TSC anywhere within, and 40 cycles from either end.  drift_ppm:
 * what the guest's TSC does beside the map.
 */
static void exchange(struct pair_run *p, int cpu, int64_t offset, uint64_t ratio, int bits, double drift_ppm)
{
	struct exact_vcpu truth = { .ratio = bits ? ratio : 1, .bits = (unsigned)bits };
	struct series *series = synthetic_series(&p->s, cpu, 1, READINGS);

	for (uint64_t i = 0; i < READINGS; i++) {
		double at_s = SPAN_S * (double)i / READINGS;
		uint64_t host = UINT64_C(90000000000000) + (uint64_t)(at_s * SYNTHETIC_HZ);
		uint64_t guest = scale(host, &truth) + (uint64_t)offset +
				 (uint64_t)(int64_t)(at_s * SYNTHETIC_HZ * drift_ppm * PPM);
		uint64_t width = 300 + i * 7919 % 701;
		uint64_t before = 40 + i * 104729 % (width - 80);

		series->readings[series->count++] =
			(struct reading){ guest - before, host, guest - before + width };
	}
}

static const struct exact_map_cpu *judged(struct pair_run *p, size_t index)
{
	struct error err = { "" };

	exact_map_free(&p->map);
	assert_int_equal(exact_map_make(&p->s.run, &p->s.samples, &p->map, &err), 0);
	assert_true(index < p->map.count);
	exact_map_say(&p->map.cpus[index], p->said, sizeof(p->said));
	return &p->map.cpus[index];
}

static void said(const struct pair_run *p, const char *text)
{
	if (!strstr(p->said, text))
		fail_msg("not said: %s\nbut: %s", text, p->said);
}

static void pair_end(struct pair_run *p)
{
	exact_map_free(&p->map);
	synthetic_free(&p->s);
}

/* The product of 128 bits, against sums that need no such thing. */
static void scaling_is_exact(void **state)
{
	static const struct {
		uint64_t tsc, ratio;
		unsigned bits;
		uint64_t scaled;
	} known[] = {
		{ 12345, 1, 0, 12345 },
		{ UINT64_MAX, UINT64_C(1) << 48, 48, UINT64_MAX },
		{ UINT64_MAX, UINT64_C(1) << 32, 32, UINT64_MAX },
		{ UINT64_C(1) << 63, UINT64_C(3) << 31, 32, UINT64_C(3) << 62 }, /* times 1.5, mod 2^64 */
		{ UINT64_C(0xfedcba9876543210), UINT64_C(0x123456789abcdef), 48,
			UINT64_C(0xfa00ad77d7422236) },
		{ 3, UINT64_C(1) << 47, 48, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct exact_vcpu v = { .ratio = known[i].ratio, .bits = known[i].bits };

		assert_true(scale(known[i].tsc, &v) == known[i].scaled);
#ifdef __SIZEOF_INT128__
		assert_true(scale(known[i].tsc, &v) ==
			    (uint64_t)((unsigned __int128)known[i].tsc * known[i].ratio >> known[i].bits));
#endif
	}
}

static void a_true_map_agrees(void **state)
{
	struct pair_run p;
	const struct exact_map_cpu *m;

	(void)state;
	pair_begin(&p);
	host_says(&p, 4711, 0, OFFSET, 0, 0);
	exchange(&p, 0, OFFSET, 0, 0, 0);
	m = judged(&p, 0);
	assert_int_equal(m->answer, EXACT_AGREES);
	assert_false(m->moved);
	assert_int_equal(m->readings, READINGS);
	/* The narrowest brackets have 300 cycles; together they leave less. */
	assert_true(m->half > 0 && m->half <= 150);
	assert_true(llabs((long long)(m->offset - OFFSET)) <= (long long)m->half);
	assert_true(m->low_ppm <= 0 && m->high_ppm >= 0 && m->high_ppm - m->low_ppm < 0.05);
	said(&p, "the TSC of CPU 0 is as KVM maps it: the host says -9007199254740993 cycles, not scaled "
		 "(vCPU 0 of process 4711); measured -90071992547409");
	said(&p, "so not at all as far as can be told");
	pair_end(&p);
}

static void a_wrong_map_does_not(void **state)
{
	struct pair_run p;
	const struct exact_map_cpu *m;

	(void)state;
	pair_begin(&p);
	host_says(&p, 4711, 0, OFFSET - 5000, 0, 0);
	exchange(&p, 0, OFFSET, 0, 0, 0);
	m = judged(&p, 0);
	assert_int_equal(m->answer, EXACT_DISAGREES);
	assert_true(llabs((long long)(m->offset - OFFSET)) <= (long long)m->half);
	said(&p, "the TSC of CPU 0 is not as KVM maps it: the host says -9007199254745993 cycles");
	said(&p, " cycles apart");
	pair_end(&p);
}

/* A guest of 2.6 GHz on a host of 2.5: with the ratio there is no drift, without it there is one of 4 %. */
static void a_scaled_tsc(void **state)
{
	const uint64_t ratio = (uint64_t)(1.04 * 281474976710656.0);
	struct pair_run p;
	const struct exact_map_cpu *m;

	(void)state;
	pair_begin(&p);
	host_says(&p, 1, 0, OFFSET, ratio, 48);
	exchange(&p, 0, OFFSET, ratio, 48, 0);
	m = judged(&p, 0);
	assert_int_equal(m->answer, EXACT_AGREES);
	assert_true(fabs(m->drift_ppm) < 0.05);
	said(&p, "scaled by 1.04 (");
	json_object_set_new(json_array_get(p.vcpus, 0), "tsc_scaling_ratio", json_integer(281474976710656));
	m = judged(&p, 0);
	assert_int_equal(m->answer, EXACT_DISAGREES);
	assert_true(m->moved);
	assert_true(fabs(m->drift_ppm - 40000) < 100);
	said(&p, "for the TSCs moved against each other");
	said(&p, "which the map does not explain");
	pair_end(&p);
}

static void a_drift_beside_the_map_is_told(void **state)
{
	struct pair_run p;
	const struct exact_map_cpu *m;

	(void)state;
	pair_begin(&p);
	host_says(&p, 1, 0, OFFSET, 0, 0);
	exchange(&p, 0, OFFSET, 0, 0, -3);
	m = judged(&p, 0);
	assert_int_equal(m->answer, EXACT_DISAGREES);
	assert_true(m->low_ppm <= -3 && -3 <= m->high_ppm && m->high_ppm < -2.5);
	said(&p, "which the map does not explain");
	pair_end(&p);
}

static void each_vcpu_has_its_own(void **state)
{
	struct pair_run p;

	(void)state;
	pair_begin(&p);
	host_says(&p, 4711, 0, OFFSET, 0, 0);
	host_says(&p, 4711, 1, OFFSET + 100000, 0, 0);
	exchange(&p, 0, OFFSET, 0, 0, 0);
	exchange(&p, 1, OFFSET + 100000, 0, 0, 0);
	assert_int_equal(judged(&p, 0)->answer, EXACT_AGREES);
	assert_int_equal(p.map.cpus[0].vcpu.vcpu, 0);
	assert_int_equal(p.map.cpus[1].answer, EXACT_AGREES);
	assert_int_equal(p.map.cpus[1].vcpu.vcpu, 1);
	/* One of them moved: its own map is what it is held against, not the other's. */
	json_object_set_new(json_array_get(p.vcpus, 1), "tsc_offset", json_integer(OFFSET + 200000));
	judged(&p, 1);
	assert_int_equal(p.map.cpus[0].answer, EXACT_AGREES);
	assert_int_equal(p.map.cpus[1].answer, EXACT_DISAGREES);
	assert_int_equal(p.map.cpus[1].vcpu.vcpu, 1);
	pair_end(&p);
}

static void the_guest_is_found_by_its_offset(void **state)
{
	struct pair_run p;
	const struct exact_map_cpu *m;

	(void)state;
	pair_begin(&p);
	host_says(&p, 100, 0, OFFSET + 4000000, 0, 0);
	host_says(&p, 200, 0, OFFSET, 0, 0);
	host_says(&p, 200, 1, OFFSET, 0, 0);
	host_says(&p, 300, 0, -5, 0, 0);
	exchange(&p, 1, OFFSET, 0, 0, 0);
	m = judged(&p, 0);
	assert_int_equal(m->answer, EXACT_AGREES);
	assert_int_equal(m->guests, 3);
	assert_int_equal(m->vcpu.pid, 200);
	assert_int_equal(m->vcpu.vcpu, 1); /* its number, where several fit */
	/* Two that fit cannot be told apart, and with none that fits nothing is claimed. */
	host_says(&p, 400, 0, OFFSET, 0, 0);
	assert_int_equal(judged(&p, 0)->answer, EXACT_AMBIGUOUS);
	said(&p, "which of the 4 guests on the host this is, is not known: the map of more than one");
	json_array_clear(p.vcpus);
	host_says(&p, 100, 0, OFFSET + 4000000, 0, 0);
	host_says(&p, 300, 0, -5, 0, 0);
	assert_int_equal(judged(&p, 0)->answer, EXACT_UNKNOWN);
	said(&p, "the nearest is vCPU 0 of process 100");
	pair_end(&p);
}

static void what_is_missing_has_a_reason(void **state)
{
	struct pair_run p;
	struct error err;

	(void)state;
	pair_begin(&p);
	exchange(&p, 0, OFFSET, 0, 0, 0);
	assert_int_equal(exact_map_make(&p.s.run, &p.s.samples, &p.map, &err), 0);
	assert_true(p.map.asked);
	assert_int_equal(p.map.count, 0);
	assert_string_equal(p.map.absent, "no guest of KVM runs on the other machine");
	exact_map_free(&p.map);
	json_object_set_new(p.s.run.peer_environment, "kvm_vcpus", json_null());
	json_object_set_new(p.s.run.peer_environment, "unreadable",
		json_pack("[{s:s, s:s}]", "what", "/sys/kernel/debug/kvm", "why", "only root can read it"));
	assert_int_equal(exact_map_make(&p.s.run, &p.s.samples, &p.map, &err), 0);
	assert_string_equal(
		p.map.absent, "/sys/kernel/debug/kvm on the other machine: only root can read it");
	exact_map_free(&p.map);
	json_decref(p.s.run.peer_environment);
	p.s.run.peer_environment = NULL;
	assert_int_equal(exact_map_make(&p.s.run, &p.s.samples, &p.map, &err), 0);
	assert_string_equal(p.map.absent, "the other machine did not tell its facts");
	pair_end(&p);
}

/* It comes from another machine. */
static void nonsense_is_left_out(void **state)
{
	static const char *const entries[] = { "7", "{}", "{\"pid\":1,\"fd\":2,\"vcpu\":-1,\"tsc_offset\":1}",
		"{\"pid\":1,\"fd\":2,\"vcpu\":0,\"tsc_offset\":1.5}",
		"{\"pid\":1,\"fd\":2,\"vcpu\":0,\"tsc_offset\":1,\"tsc_scaling_ratio\":0,\"frac_bits\":48}",
		"{\"pid\":1,\"fd\":2,\"vcpu\":0,\"tsc_offset\":1,\"tsc_scaling_ratio\":5,\"frac_bits\":64}",
		"{\"pid\":1,\"fd\":2,\"vcpu\":0,\"tsc_offset\":1,\"tsc_scaling_ratio\":5}" };
	struct pair_run p;
	struct error err;

	(void)state;
	pair_begin(&p);
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		json_array_append_new(p.vcpus, json_loads(entries[i], JSON_DECODE_ANY, NULL));
	exchange(&p, 0, OFFSET, 0, 0, 0);
	assert_int_equal(exact_map_make(&p.s.run, &p.s.samples, &p.map, &err), 0);
	assert_int_equal(p.map.count, 0);
	assert_true(p.map.absent[0]);
	exact_map_free(&p.map);
	/* Extremes are numbers like others: nothing overflows. */
	host_says(&p, 1, 0, INT64_MIN, INT64_MAX, 63);
	host_says(&p, 2, 0, INT64_MAX, 1, 1);
	assert_int_equal(judged(&p, 0)->answer, EXACT_UNKNOWN);
	pair_end(&p);
}

/* Where no bracket makes sense nothing was measured, and nothing agrees. */
static void inverted_brackets_say_nothing(void **state)
{
	struct error err = { "" };
	struct pair_run p;
	struct series *series;

	(void)state;
	pair_begin(&p);
	host_says(&p, 1, 0, 1000, 0, 0);
	series = synthetic_series(&p.s, 0, 1, 3);
	for (uint64_t i = 0; i < 3; i++)
		series->readings[series->count++] = (struct reading){ 5000 + i, 4000 + i, 4900 + i };
	assert_int_equal(exact_map_make(&p.s.run, &p.s.samples, &p.map, &err), 0);
	assert_true(p.map.asked);
	assert_int_equal(p.map.count, 0);
	assert_string_equal(p.map.absent, "no exchange read the other machine's TSC");
	pair_end(&p);
}

/* Three quarters of all numbers of 64 bits, and so that no offset is in all of the brackets. */
static void wide_brackets_are_wide(void **state)
{
	const uint64_t quarter = UINT64_C(1) << 62;
	const struct exact_map_cpu *m;
	struct pair_run p;
	struct series *series;

	(void)state;
	pair_begin(&p);
	host_says(&p, 1, 0, 1000, 0, 0);
	series = synthetic_series(&p.s, 0, 1, 3);
	series->readings[series->count++] = (struct reading){ 1000, 1000, 2000 };
	series->readings[series->count++] = (struct reading){ 0, 3 * (quarter / 2), 3 * quarter };
	series->readings[series->count++] = (struct reading){ 5000, 1000, 6000 };
	m = judged(&p, 0);
	assert_true(m->moved);
	assert_true(m->half == 3 * (quarter / 2));
	assert_int_equal(m->offset, 0);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scaling_is_exact),
		cmocka_unit_test(a_true_map_agrees),
		cmocka_unit_test(a_wrong_map_does_not),
		cmocka_unit_test(a_scaled_tsc),
		cmocka_unit_test(a_drift_beside_the_map_is_told),
		cmocka_unit_test(each_vcpu_has_its_own),
		cmocka_unit_test(the_guest_is_found_by_its_offset),
		cmocka_unit_test(what_is_missing_has_a_reason),
		cmocka_unit_test(nonsense_is_left_out),
		cmocka_unit_test(inverted_brackets_say_nothing),
		cmocka_unit_test(wide_brackets_are_wide),
	};

	return cmocka_run_group_tests_name("analysis/exact_map", tests, NULL, NULL);
}
