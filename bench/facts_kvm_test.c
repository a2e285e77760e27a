/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/facts_kvm.c"

#include "bench/facts_fake.h"

#define HOST "/sys/kernel/debug/kvm"

static json_int_t integer(const json_t *vcpu, const char *key)
{
	const json_t *value = json_object_get(vcpu, key);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", key);
	return json_integer_value(value);
}

static const char *reason(const json_t *facts)
{
	const json_t *entry, *list = json_object_get(facts, "unreadable");
	size_t i;

	json_array_foreach(list, i,
		entry) if (strcmp(facts_text(entry, "what"), HOST) == 0) return facts_text(entry, "why");
	return NULL;
}

static void guests_of_an_intel_host(void **state)
{
	struct fake fake;
	json_t *facts, *list;

	(void)state;
	fake_intel(&fake);
	/* The forms of the kernel: signed offset, unsigned ratio; /sys/kernel/debug/kvm has other files too. */
	fake_file(&fake, HOST "/exits", "0\n");
	fake_file(&fake, HOST "/4711-12/max_mmu_rmap_size", "0\n");
	fake_file(&fake, HOST "/4711-12/vcpu10/tsc-offset", "-9007199254740993\n");
	fake_file(&fake, HOST "/4711-12/vcpu10/tsc-scaling-ratio", "281474976710656\n");
	fake_file(&fake, HOST "/4711-12/vcpu10/tsc-scaling-ratio-frac-bits", "48\n");
	fake_file(&fake, HOST "/4711-12/vcpu2/tsc-offset", "-9007199254740995\n");
	fake_file(&fake, HOST "/99-3/vcpu0/tsc-offset", "5\n");
	fake_file(&fake, HOST "/99-3/vcpu1/guest_mode", "0\n"); /* on its way out */
	facts = facts_collect(&fake.source);
	list = json_object_get(facts, "kvm_vcpus");
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(integer(json_array_get(list, 0), "pid"), 99);
	assert_int_equal(integer(json_array_get(list, 0), "tsc_offset"), 5);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "tsc_scaling_ratio")));
	assert_int_equal(integer(json_array_get(list, 1), "vcpu"), 2);
	/* To the last cycle: no double holds that. */
	assert_true(integer(json_array_get(list, 1), "tsc_offset") == -9007199254740995);
	assert_int_equal(integer(json_array_get(list, 2), "vcpu"), 10);
	assert_int_equal(integer(json_array_get(list, 2), "fd"), 12);
	assert_true(integer(json_array_get(list, 2), "tsc_offset") == -9007199254740993);
	assert_true(integer(json_array_get(list, 2), "tsc_scaling_ratio") == (json_int_t)1 << 48);
	assert_int_equal(integer(json_array_get(list, 2), "frac_bits"), 48);
	assert_null(reason(facts));
	json_decref(facts);
	fake_end(&fake);
}

static void a_host_without_debugfs_says_how_to_get_it(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_intel(&fake);
	facts = facts_collect(&fake.source);
	assert_true(json_is_null(json_object_get(facts, "kvm_vcpus")));
	assert_string_equal(reason(facts), "not there: mount -t debugfs none /sys/kernel/debug");
	json_decref(facts);
	fake_end(&fake);
}

static void a_machine_without_kvm_lacks_nothing(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_guest(&fake);
	facts = facts_collect(&fake.source);
	assert_true(json_is_null(json_object_get(facts, "kvm_vcpus")));
	assert_null(reason(facts));
	json_decref(facts);
	fake_end(&fake);
}

static void guests_come_and_go(void **state)
{
	struct fake fake;
	json_t *facts;

	(void)state;
	fake_intel(&fake);
	fake_file(&fake, HOST "/exits", "0\n");
	facts = facts_collect(&fake.source);
	assert_int_equal(json_array_size(json_object_get(facts, "kvm_vcpus")), 0);
	assert_int_equal(facts_kvm_refresh(&fake.source, facts), 0);
	fake_file(&fake, HOST "/7-8/vcpu0/tsc-offset", "-77\n");
	assert_int_equal(facts_kvm_refresh(&fake.source, facts), 1);
	assert_int_equal(integer(json_array_get(json_object_get(facts, "kvm_vcpus"), 0), "tsc_offset"), -77);
	assert_int_equal(facts_kvm_refresh(&fake.source, facts), 0);
	fake_file(&fake, HOST "/7-8/vcpu0/tsc-offset", "-78\n");
	assert_int_equal(facts_kvm_refresh(&fake.source, facts), 1);
	json_decref(facts);
	fake_end(&fake);
}

/* The facts must fit into the page of a responder, however many guests there are. */
static void of_many_guests_not_all(void **state)
{
	struct fake fake;
	char path[128], *text;
	json_t *facts;

	(void)state;
	fake_intel(&fake);
	for (int i = 0; i < VCPUS_MAX + 5; i++) {
		snprintf(path, sizeof(path), HOST "/1000-9/vcpu%d/tsc-offset", i);
		fake_file(&fake, path, "-1234567890123456\n");
	}
	facts = facts_collect(&fake.source);
	assert_int_equal(json_array_size(json_object_get(facts, "kvm_vcpus")), VCPUS_MAX);
	assert_string_equal(reason(facts), "many guests: not all of their vCPUs are listed");
	text = json_dumps(json_object_get(facts, "kvm_vcpus"), JSON_COMPACT);
	assert_true(strlen(text) < 20000);
	free(text);
	json_decref(facts);
	fake_end(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests_of_an_intel_host),
		cmocka_unit_test(a_host_without_debugfs_says_how_to_get_it),
		cmocka_unit_test(a_machine_without_kvm_lacks_nothing),
		cmocka_unit_test(guests_come_and_go),
		cmocka_unit_test(of_many_guests_not_all),
	};

	return cmocka_run_group_tests_name("bench/facts_kvm", tests, NULL, NULL);
}
