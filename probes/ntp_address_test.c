/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_address.c"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_split(void **state)
{
	static const struct {
		const char *text, *host, *port; /* host NULL: refused */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", "123" },
		{ "192.0.2.1:11123", "192.0.2.1", "11123" },
		{ "time.example.org:0123", "time.example.org", "123" },
		{ "[2001:db8::1]", "2001:db8::1", "123" },
		{ "[2001:db8::1]:1", "2001:db8::1", "1" },
		{ "2001:db8::1", "2001:db8::1", "123" },
		{ "[fe80::1%eth0]:65535", "fe80::1%eth0", "65535" },
		{ "", NULL, NULL },
		{ ":123", NULL, NULL },
		{ "a:", NULL, NULL },
		{ "a:0", NULL, NULL },
		{ "a:65536", NULL, NULL },
		{ "a:99999999999999999999", NULL, NULL },
		{ "a:12x", NULL, NULL },
		{ "a:-5", NULL, NULL },
		{ "[::1", NULL, NULL },
		{ "[::1]5", NULL, NULL },
		{ "[::1]:", NULL, NULL },
		{ "[]:5", NULL, NULL },
	};
	char host[64], port[8], name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { "" };
		int rc = ntp_address_split(cases[i].text, host, sizeof(host), port, sizeof(port), &err);

		assert_int_equal(rc, cases[i].host ? 0 : -EINVAL);
		assert_int_equal(err.text[0] != '\0', rc != 0);
		if (rc)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_string_equal(port, cases[i].port);
	}
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct error err = { "" };
	assert_int_equal(ntp_address_split(name, host, sizeof(host), port, sizeof(port), &err), -EINVAL);
}

static void test_names(void **state)
{
	char name[CLOCK_NAME_MAX], other[CLOCK_NAME_MAX];

	(void)state;
	ntp_address_name("192.0.2.1", name);
	assert_string_equal(name, "ntp-192.0.2.1");
	ntp_address_name("192.0.2.1:123", name);
	assert_string_equal(name, "ntp-192.0.2.1");
	ntp_address_name("[2001:db8::1]:11123", name);
	assert_string_equal(name, "ntp-2001:db8::1-11123");
	ntp_address_name("time.example.org:5", name);
	assert_string_equal(name, "ntp-time.example.org:5");
	/* Two servers whose names differ where there is no room, or in what is replaced. */
	ntp_address_name("a-very-long-name-of-a-server.one.example.org", name);
	ntp_address_name("a-very-long-name-of-a-server.two.example.org", other);
	assert_int_equal(strlen(name), CLOCK_NAME_MAX - 1);
	assert_memory_equal(name, "ntp-a-very-long-name-", 21);
	assert_string_not_equal(name, other);
	ntp_address_name("fe80::1%a,b", name);
	ntp_address_name("fe80::1%a\"b", other);
	assert_memory_equal(name, "ntp-fe80::1-a-b-", 16);
	assert_string_not_equal(name, other);
	assert_null(strpbrk(name, ",\"/%"));
}

static bool public_text(const char *text)
{
	struct net_address a = { 0 };

	a.any.sa_family = inet_pton(AF_INET, text, &a.in.sin_addr) == 1 ? AF_INET : AF_INET6;
	if (a.any.sa_family == AF_INET6)
		assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	return ntp_address_is_public(&a);
}

static void test_who_may_be_asked_often(void **state)
{
	static const char *const ours[] = { "127.0.0.1", "127.255.0.1", "10.1.2.3", "172.16.0.1",
		"172.31.255.255", "192.168.0.1", "169.254.1.1", "::1", "fe80::1", "febf::1", "fc00::1",
		"fdff::1", "::ffff:192.168.1.1" };
	static const char *const others[] = { "11.0.0.1", "128.0.0.1", "172.15.0.1", "172.32.0.1",
		"192.167.0.1", "192.169.0.1", "169.253.0.1", "192.0.2.1", "2001:db8::1", "fe00::1", "fec0::1",
		"::2", "::ffff:8.8.8.8" };

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		assert_false(public_text(ours[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(public_text(others[i]));
}

static void test_numbers_resolve(void **state)
{
	struct net_address found[NET_ADDRESSES_MAX];
	struct error err = { "" };
	char text[NET_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(ntp_address_resolve("127.0.0.1:11123", found, &err), 1);
	net_address_text(&found[0], text);
	assert_string_equal(text, "127.0.0.1:11123");
	assert_int_equal(ntp_address_resolve("[::1]", found, &err), 1);
	net_address_text(&found[0], text);
	assert_string_equal(text, "[::1]:123");
	assert_int_equal(ntp_address_resolve("127.0.0.1:x", found, &err), -EINVAL);
}

static sem_t resolver_may_end;

static int resolve_never(const char *text, const char *port, struct net_address *found, struct error *err)
{
	(void)port;
	(void)found;
	sem_wait(&resolver_may_end);
	return error_set(err, -ENOENT, "%s: none", text);
}

/* A resolver that hangs is left behind, and may end when it likes. */
static void test_deadline(void **state)
{
	struct net_address found[NET_ADDRESSES_MAX];
	struct error err = { "" };
	uint64_t began = now_ns();

	(void)state;
	sem_init(&resolver_may_end, 0, 0);
	assert_int_equal(lookup_run("slow.example", resolve_never, 0.05, found, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "slow.example was not found within 0.05 s"));
	assert_in_range(now_ns() - began, 50 * NS_PER_MS, 10 * NS_PER_SEC);
	sem_post(&resolver_may_end);
	err.text[0] = '\0';
	sem_post(&resolver_may_end);
	assert_int_equal(lookup_run("no.example", resolve_never, 10, found, &err), -ENOENT);
	assert_string_equal(err.text, "no.example: none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_who_may_be_asked_often),
		cmocka_unit_test(test_numbers_resolve),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests_name("probes/ntp_address", tests, NULL, NULL);
}
