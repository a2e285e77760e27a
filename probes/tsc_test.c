/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/tsc.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define READS 10000

/* Does the kernel list that CPU flag? */
static bool kernel_says(const char *flag)
{
	char line[8192], *word, *save;
	FILE *in = fopen("/proc/cpuinfo", "r");
	bool found = false;

	assert_non_null(in);
	while (!found && fgets(line, sizeof(line), in)) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
			found |= strcmp(word, flag) == 0;
		break;
	}
	fclose(in);
	return found;
}

static void test_choice_agrees_with_the_kernel(void **state)
{
	(void)state;
	tsc_init();
	if (kernel_says("rdtscp"))
		assert_int_equal(tsc_fence, TSC_FENCE_RDTSCP);
	else
		assert_int_not_equal(tsc_fence, TSC_FENCE_RDTSCP);
	assert_int_equal(cpu_has_rdtscp(), kernel_says("rdtscp"));
}

static void test_names(void **state)
{
	static const struct {
		enum tsc_fence fence;
		const char *word;
	} names[] = { { TSC_FENCE_RDTSCP, "rdtscp" }, { TSC_FENCE_LFENCE, "lfence; rdtsc;" },
		{ TSC_FENCE_MFENCE, "mfence" } };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		tsc_fence = names[i].fence;
		assert_non_null(strstr(tsc_fence_name(), names[i].word));
	}
	tsc_init();
}

/* Each way to fence gives the same counter: between two plain reads, and growing. */
static void check_fence(enum tsc_fence fence)
{
	unsigned backward = 0, grown = 0;

	tsc_fence = fence;
	for (int i = 0; i < READS; i++) {
		uint64_t a = tsc_before(), b = tsc_after(), c = tsc_before();

		backward += b < a || c < b;
		grown += c > a;
	}
	/* A move to another CPU may cost a step back; three in a row do not come by chance. */
	assert_in_range(backward, 0, 2);
	assert_in_range(grown, READS - 2, READS);
}

static void test_all_fences_read_the_counter(void **state)
{
	uint64_t before = tsc_raw();

	(void)state;
	tsc_init();
	if (tsc_fence == TSC_FENCE_RDTSCP)
		check_fence(TSC_FENCE_RDTSCP);
	check_fence(TSC_FENCE_LFENCE);
	check_fence(TSC_FENCE_MFENCE);
	tsc_init();
	assert_true(tsc_before() - before < UINT64_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice_agrees_with_the_kernel),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_all_fences_read_the_counter),
	};

	return cmocka_run_group_tests_name("probes/tsc", tests, NULL, NULL);
}
