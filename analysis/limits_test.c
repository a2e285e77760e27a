/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/limits.c"

#include <unistd.h>

#include "analysis/synthetic_test.h"

static int load(const char *text, struct limits *limits, struct error *err)
{
	char path[] = "/tmp/clkdrift-limits-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	*err = (struct error){ "" };
	rc = limits_load(path, limits, err);
	unlink(path);
	return rc;
}

static void presets_of_the_tree(void **state)
{
	static const struct {
		const char *name;
		double ppm;
	} known[] = { { "ntp", 500 }, { "kvm", 250 }, { "crystal", 50 }, { "guest", 1 },
		{ "arithmetic", 0.1 } };
	struct error err = { "" };
	struct limits limits;

	(void)state;
	assert_int_equal(limits_load("analysis/limits.csv", &limits, &err), 0);
	assert_int_equal(limits.count, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct limit *limit = limits_find(&limits, known[i].name);

		assert_non_null(limit);
		assert_true(limit->ppm == known[i].ppm);
		assert_true(strlen(limit->source) > 20);
	}
	assert_null(limits_find(&limits, "crystals"));
	/* Every relation has a preset. */
	assert_non_null(limits_find(&limits, relation_limit(RELATION_ARITHMETIC)));
	assert_non_null(limits_find(&limits, relation_limit(RELATION_CRYSTAL)));
	assert_non_null(limits_find(&limits, relation_limit(RELATION_GUEST)));
	limits_free(&limits);
}

static void bad_presets_are_refused(void **state)
{
	static const char *const texts[] = {
		"name,ppm,source\nx,0,s\n",
		"name,ppm,source\nx,-1,s\n",
		"name,ppm,source\nx,many,s\n",
		"name,ppm,source\nx,nan,s\n",
		"name,ppm,source\n,1,s\n",
		"name,ppm,source\nabcdefghijklmnopqrstuvwx,1,s\n",
		"name,source\nx,s\n",
	};
	struct limits limits;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (load(texts[i], &limits, &err) == 0)
			fail_msg("accepted: %s", texts[i]);
		assert_non_null(strstr(err.text, "clkdrift-limits"));
		assert_null(limits.rows);
	}
	assert_int_equal(load("name,ppm,source\nabcdefghijklmnopqrstuvw,1,s\n", &limits, &err), 0);
	assert_int_equal(limits.count, 1);
	limits_free(&limits);
	assert_true(limits_load("/nonexistent/limits.csv", &limits, &err) < 0);
}

static void the_oscillator_makes_the_relation(void **state)
{
	struct synthetic s;

	(void)state;
	synthetic_init(&s);
	synthetic_ns_clock(&s, "monotonic", "tsc");
	synthetic_ns_clock(&s, "monotonic_raw", "tsc");
	synthetic_clock(&s, "hpet", UNIT_TICKS, 14318180, 32, "platform");
	assert_int_equal(relation_of(&s.run, NULL, 0, 1), RELATION_ARITHMETIC);
	assert_int_equal(relation_of(&s.run, NULL, 2, 1), RELATION_CRYSTAL);
	assert_int_equal(relation_of(&s.run, NULL, 0, PAIR_TSC), RELATION_ARITHMETIC);
	assert_int_equal(relation_of(&s.run, NULL, 2, PAIR_TSC), RELATION_CRYSTAL);
	assert_string_equal(relation_name(RELATION_CRYSTAL), "crystal");
	/* The host's clocks among themselves, and against the guest's. */
	synthetic_ns_clock(&s, "peer", OSCILLATOR_LABEL_HOST);
	synthetic_ns_clock(&s, "peer_monotonic", OSCILLATOR_LABEL_HOST);
	assert_int_equal(relation_of(&s.run, NULL, 3, 4), RELATION_ARITHMETIC);
	assert_int_equal(relation_of(&s.run, NULL, 0, 3), RELATION_GUEST);
	assert_int_equal(relation_of(&s.run, NULL, 3, 2), RELATION_GUEST);
	assert_int_equal(relation_of(&s.run, NULL, 3, PAIR_TSC), RELATION_GUEST);
	assert_string_equal(relation_limit(RELATION_GUEST), "guest");
	synthetic_free(&s);
}

static void a_phase_may_name_another_oscillator(void **state)
{
	struct phase hpet = { .oscillator = "platform" }, several = { .oscillator = "several" },
		     plain = { 0 };
	struct synthetic s;

	(void)state;
	synthetic_init(&s);
	synthetic_ns_clock(&s, "monotonic", "tsc");
	synthetic_ns_clock(&s, "monotonic_raw", "tsc");
	synthetic_clock(&s, "hpet", UNIT_TICKS, 14318180, 32, "platform");
	s.run.clocks[0].clocksource = s.run.clocks[1].clocksource = true;
	assert_int_equal(relation_of(&s.run, &plain, 0, PAIR_TSC), RELATION_ARITHMETIC);
	assert_int_equal(relation_of(&s.run, &plain, 2, 1), RELATION_CRYSTAL);
	/* The kernel's clocks move to the platform's crystal; the TSC and the HPET stay where they were. */
	assert_int_equal(relation_of(&s.run, &hpet, 0, 1), RELATION_ARITHMETIC);
	assert_int_equal(relation_of(&s.run, &hpet, 0, PAIR_TSC), RELATION_CRYSTAL);
	assert_int_equal(relation_of(&s.run, &hpet, 2, 1), RELATION_ARITHMETIC);
	assert_string_equal(relation_oscillator(&s.run, &hpet, PAIR_TSC), "tsc");
	assert_int_equal(relation_of(&s.run, &several, 0, 1), RELATION_ARITHMETIC);
	assert_int_equal(relation_of(&s.run, &several, 2, 1), RELATION_CRYSTAL);
	assert_string_equal(relation_oscillator(&s.run, &several, 1), "several");
	synthetic_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_of_the_tree),
		cmocka_unit_test(bad_presets_are_refused),
		cmocka_unit_test(the_oscillator_makes_the_relation),
		cmocka_unit_test(a_phase_may_name_another_oscillator),
	};

	return cmocka_run_group_tests_name("analysis/limits", tests, NULL, NULL);
}
