/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What another machine says of itself is kept where it is an object, and never trusted. */
#include "bench/session_peer.c"
#include "probes/clock_peer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *told;

static int tell(void *state, char *text, size_t size)
{
	(void)state;
	if (!told)
		return -ENODATA;
	assert_true(strlen(told) < size);
	strcpy(text, told);
	return 0;
}

static const struct peer_transport telling = { .name = "telling", .facts = tell },
				   silent = { .name = "silent" };

static json_t *taken(const struct peer_transport *transport, const char *text)
{
	struct peer peer = { .transport = transport };
	struct probe_clock clock = { .reader = &clock_peer, .state = &peer };
	struct run run = { 0 };
	struct session s = { .run = &run, .slow = &clock, .slow_count = 1 };
	struct error err = { "" };

	told = text;
	assert_int_equal(session_take_peer_facts(&s, &err), 0);
	return run.peer_environment;
}

static void an_object_is_kept(void **state)
{
	json_t *facts = taken(&telling, "{\"hostname\":\"there\"}");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(facts, "hostname")), "there");
	json_decref(facts);
}

static void anything_else_is_not(void **state)
{
	static const char *const texts[] = { "", "\xff\xfe", "[]", "7", "{\"a\":1", "{\"a\":1}}",
		"{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(taken(&telling, texts[i]));
	assert_null(taken(&telling, NULL));
	assert_null(taken(&silent, "{}"));
}

/* An object within so many others. */
static json_t *taken_nested(unsigned levels)
{
	char text[PEER_FACTS_SIZE] = "";

	for (unsigned i = 0; i < levels; i++)
		strcat(text, i % 2 ? "[" : "{\"a\":");
	strcat(text, "1");
	for (unsigned i = levels; i-- > 0;)
		strcat(text, i % 2 ? "]" : "}");
	return taken(&telling, text);
}

/* JSON of 2047 levels can be read, but no run.json that has it within. */
static void what_is_too_deep_is_not(void **state)
{
	json_t *facts = taken_nested(LEVELS_MAX);

	(void)state;
	assert_non_null(facts);
	json_decref(facts);
	assert_null(taken_nested(LEVELS_MAX + 1));
	assert_null(taken_nested(2047));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_kept),
		cmocka_unit_test(anything_else_is_not),
		cmocka_unit_test(what_is_too_deep_is_not),
	};

	return cmocka_run_group_tests_name("bench/session_peer", tests, NULL, NULL);
}
