/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/run_load_ntp.c"

#include "results/results_test.h"

#define HEAD                                                                                                 \
	"{\"schema\":1,\"tsc_hz\":1e9,\n"                                                                    \
	"\"clocks\":[{\"name\":\"monotonic\",\"unit\":\"ns\"},{\"name\":\"ntp-a\",\"unit\":\"ns\"}],\n"      \
	"\"phases\":[{\"name\":\"all\"}],\n"                                                                 \
	"\"ntp\":["

static int load(const char *text, struct run *run, struct error *err)
{
	*err = (struct error){ "" };
	test_write("run.json", text);
	return run_load(test_dir, run, err);
}

static void test_what_is_not_said(void **state)
{
	const struct ntp_server *n;
	struct error err;
	struct run run;

	(void)state;
	if (load(HEAD "{\"clock\":\"ntp-a\"}]}", &run, &err))
		fail_msg("%s", err.text);
	assert_int_equal(run.ntp_count, 1);
	n = &run.ntp[0];
	assert_int_equal(n->leap, -1);
	assert_int_equal(n->stratum, -1);
	assert_true(isnan(n->root_delay_ns) && isnan(n->root_dispersion_ns) && isnan(n->delay_min_ns));
	assert_true(isnan(n->root_distance_min_ns) && isnan(n->root_distance_max_ns));
	assert_true(isnan(n->precision_ns));
	assert_int_equal(n->asked, 0);
	assert_int_equal(n->refusal_count, 0);
	run_free(&run);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "{}]}", "run.json:4: \"clock\" is missing" },
		{ "{\"clock\":\"ntp-b\"}]}", "run.json:4: \"clock\" is none of \"clocks\"" },
		{ "{\"clock\":\"ntp-a\"},\n{\"clock\":\"ntp-a\"}]}", "names one clock twice" },
		{ "{\"clock\":\"ntp-a\",\n\"stratum\":256}]}", "run.json:5: \"stratum\"" },
		{ "{\"clock\":\"ntp-a\",\"leap\":4}]}", "\"leap\"" },
		{ "{\"clock\":\"ntp-a\",\"root_delay_ns\":-1}]}", "\"root_delay_ns\"" },
		{ "{\"clock\":\"ntp-a\",\"delay_min_ns\":\"x\"}]}", "\"delay_min_ns\"" },
		{ "{\"clock\":\"ntp-a\",\"refid\":\"a\\u001b\"}]}", "\"refid\"" },
		{ "{\"clock\":\"ntp-a\",\"refusals\":[{\"count\":1}]}]}", "\"kind\"" },
		{ "{\"clock\":\"ntp-a\",\"refusals\":[{\"kind\":\"a kind of 16 ....\"}]}]}", "\"kind\"" },
		{ "{\"clock\":\"ntp-a\",\"asked\":-1}]}", "\"asked\"" },
		{ "5]}", "\"ntp\"" },
	};
	struct error err;
	struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), HEAD "%s", bad[i].text);
		assert_int_equal(load(text, &run, &err), -EINVAL);
		assert_holds(err.text, bad[i].why);
		assert_null(run.ntp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_what_is_not_said),
		on_disk(test_refusals),
	};

	return cmocka_run_group_tests_name("results/run_load_ntp", tests, NULL, NULL);
}
