/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/facts_check.c"

static int check(const char *text, struct error *err)
{
	json_error_t error;
	json_t *facts = json_loads(text, 0, &error);
	int rc;

	if (!facts)
		fail_msg("%s: %s", error.text, text);
	*err = (struct error){ "" };
	rc = facts_check(facts, "FILE", err);
	json_decref(facts);
	return rc;
}

static void wrong_types_are_named(void **state)
{
	static const struct {
		const char *facts, *why;
	} bad[] = {
		{ "{\"role\":\"vm\"}", "FILE: role must be \"guest\" or \"host\"" },
		{ "{\"os\":7}", "FILE: os must be an object, as {\"name\":\"CentOS\",\"version\":\"5.4\"}" },
		{ "{\"os\":{\"name\":\"CentOS\",\"version\":5.4}}",
			"FILE: os.version must be a text in quotes, as \"5.4\"" },
		{ "{\"pvclock\":\"maybe\"}", "FILE: pvclock must be true, false, \"yes\" or \"no\"" },
		{ "{\"pvclock\":1}", "FILE: pvclock must be true, false, \"yes\" or \"no\"" },
		{ "{\"host\":true}", "FILE: host must be an object, as {\"constant_tsc\":false}" },
		{ "{\"host\":{\"constant_tsc\":0}}",
			"FILE: host.constant_tsc must be true, false, \"yes\" or \"no\"" },
		{ "{\"tsc\":{\"khz\":\"2593900\"}}", "FILE: tsc.khz must be a number above 0" },
		{ "{\"kernel\":{\"hz\":-1}}", "FILE: kernel.hz must be a number above 0" },
		{ "{\"cpu\":{\"flags\":{\"nonstop_tsc\":\"no\"}}}",
			"FILE: cpu.flags.nonstop_tsc must be true or false" },
		{ "{\"cpu\":{\"flags\":[\"constant_tsc\"]}}",
			"FILE: cpu.flags must be an object, as {\"constant_tsc\":true}" },
		{ "{\"clocksource\":{\"available\":\"tsc\"}}",
			"FILE: clocksource.available must be a list of texts, as [\"tsc\",\"hpet\"]" },
		{ "{\"clocksource\":{\"available\":[\"tsc\",3]}}",
			"FILE: clocksource.available[1] must be a text in quotes" },
		{ "{\"kernel_log\":[\"Marking TSC unstable\"]}",
			"FILE: kernel_log must be an object, as {\"lines\":[{\"text\":\"Marking TSC "
			"unstable\"}]}" },
		{ "{\"kernel_log\":{\"lines\":[{\"text\":\"a\"},\"b\"]}}",
			"FILE: kernel_log.lines[1] must be an object, as {\"text\":\"Marking TSC "
			"unstable\"}" },
		{ "{\"idle\":{\"states\":[{\"name\":6}]}}",
			"FILE: idle.states[0].name must be a text in quotes" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(check(bad[i].facts, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].why);
	}
}

static void the_rest_is_taken(void **state)
{
	static const char *const good[] = {
		"{}",
		"{\"role\":null,\"os\":null,\"pvclock\":null,\"kernel_log\":{\"lines\":null}}",
		"{\"mine\":[1],\"os\":{\"name\":\"CentOS\",\"version\":\"5.4\",\"mine\":1}}",
		"{\"role\":\"host\",\"os\":\"CentOS\",\"hypervisor\":\"KVM\",\"kernel\":\"6.1\",\"command_"
		"line\":\"quiet\"}",
		"{\"pvclock\":\"Yes\",\"host\":{\"constant_tsc\":\"no\"},\"tsc\":{\"khz\":2.5e6}}",
		"{\"command_line\":{\"text\":\"ro\",\"parameters\":[{\"name\":\"ro\",\"value\":null}]}}",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (check(good[i], &err))
			fail_msg("%s: %s", good[i], err.text);
}

/* Each rule has its parent in front of it: else an object of a wrong type hides what it should hold. */
static void parents_come_first(void **state)
{
	(void)state;
	for (size_t i = 0; rules[i].path; i++) {
		const char *end = strrchr(rules[i].path, '.');
		bool found = !end;

		for (size_t k = 0; k < i && !found; k++)
			found = strlen(rules[k].path) == (size_t)(end - rules[i].path) &&
				strncmp(rules[k].path, rules[i].path, (size_t)(end - rules[i].path)) == 0;
		if (!found)
			fail_msg("%s", rules[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_types_are_named),
		cmocka_unit_test(the_rest_is_taken),
		cmocka_unit_test(parents_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
