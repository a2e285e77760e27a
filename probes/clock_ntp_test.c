/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/clock_ntp.c"

#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

#include "probes/clock_test.h"

#define OFFSET_NS    (-1234567890123LL)
#define ERA_S	     4294967296ULL
#define SINCE_1900   2208988800ULL
#define TEST_WAIT_NS (500 * NS_PER_MS) /* for answers that do not come */
#define LONG_WAIT_NS (10 * NS_PER_SEC) /* for those that do, however busy the machine */

/* What the server does wrong; a request is answered by how this stood when it came. */
struct wish {
	int64_t offset_ns;
	uint8_t flags, stratum, root_delay_s; /* flags 0: 0x24 */
	const char *refid;
	int8_t poll;
	size_t size; /* of the answer; 0: whole */
	bool silent, wrong_origin, from_other, twice, forged_first;
	uint32_t delay_us[2]; /* at most, each way */
	uint32_t hold_us;
	int64_t claim_ns; /* added to T3 */
};

/* A server on loopback. */
static struct fake {
	int fd, other; /* other: a socket with another port */
	uint16_t port;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint heard;
	pthread_mutex_t lock; /* of wish */
	struct wish wish;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define WISH(member, value)                                                                                  \
	do {                                                                                                 \
		pthread_mutex_lock(&fake.lock);                                                              \
		fake.wish.member = (value);                                                                  \
		pthread_mutex_unlock(&fake.lock);                                                            \
	} while (0)

static uint64_t fake_ntp_time(int64_t offset_ns)
{
	uint64_t ns = posix_clock_ns(CLOCK_REALTIME) + (uint64_t)offset_ns;

	return ((ns / NS_PER_SEC + SINCE_1900) << 32) + ((ns % NS_PER_SEC) << 32) / NS_PER_SEC;
}

static void put_number(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void fake_wait(uint32_t at_most_us)
{
	if (at_most_us)
		usleep((useconds_t)(drand48() * at_most_us));
}

static void fake_answer(const struct wish *f, const uint8_t *request, const struct sockaddr_in *to)
{
	uint8_t a[NTP_PACKET_BYTES] = { f->flags ? f->flags : 0x24, f->stratum, (uint8_t)f->poll, 0xe7 };
	int fd = f->from_other ? fake.other : fake.fd;

	a[5] = f->root_delay_s;
	memcpy(a + 12, f->refid ? f->refid : "\x7f\x7f\x01\x01", 4);
	memcpy(a + 24, request + 40, 8);
	a[31] ^= f->wrong_origin;
	put_number(a + 32, fake_ntp_time(f->offset_ns));
	usleep(f->hold_us);
	put_number(a + 40, fake_ntp_time(f->offset_ns) + (uint64_t)(f->claim_ns * 4.294967296));
	fake_wait(f->delay_us[1]);
	if (f->forged_first) {
		a[30] ^= 1;
		sendto(fd, a, sizeof(a), 0, (const struct sockaddr *)to, sizeof(*to));
		a[30] ^= 1;
	}
	for (int i = 0; i <= f->twice; i++)
		sendto(fd, a, f->size ? f->size : sizeof(a), 0, (const struct sockaddr *)to, sizeof(*to));
}

static void *fake_main(void *unused)
{
	struct pollfd wait = { .fd = fake.fd, .events = POLLIN };

	while (!atomic_load(&fake.stop)) {
		uint8_t request[64];
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		struct wish wish;

		if (poll(&wait, 1, 20) <= 0 || recvfrom(fake.fd, request, sizeof(request), 0,
						       (struct sockaddr *)&from, &length) != 48)
			continue;
		pthread_mutex_lock(&fake.lock);
		wish = fake.wish;
		pthread_mutex_unlock(&fake.lock);
		atomic_fetch_add(&fake.heard, 1);
		fake_wait(wish.delay_us[0]);
		if (!wish.silent)
			fake_answer(&wish, request, &from);
	}
	return unused;
}

static int bound_socket(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static struct clock_traits traits;
static struct error err;

static int setup(void **state)
{
	uint16_t unused;

	(void)state;
	fake.wish = (struct wish){ .stratum = 2, .offset_ns = OFFSET_NS };
	atomic_store(&fake.stop, false);
	atomic_store(&fake.heard, 0);
	traits = (struct clock_traits){ 0 };
	err = (struct error){ "" };
	fake.fd = bound_socket(&fake.port);
	fake.other = bound_socket(&unused);
	return pthread_create(&fake.thread, NULL, fake_main, NULL);
}

static int teardown(void **state)
{
	(void)state;
	if (traits.state)
		clock_ntp.close(traits.state);
	atomic_store(&fake.stop, true);
	pthread_join(fake.thread, NULL);
	close(fake.fd);
	close(fake.other);
	return 0;
}

static int open_fake(void)
{
	char options[40];
	struct clock_setup clock_setup = { .options = options, .tsc_hz = test_tsc_hz() };

	snprintf(options, sizeof(options), "127.0.0.1:%u", fake.port);
	return clock_ntp.open(&clock_setup, &traits, &err);
}

static struct ntp *opened(void)
{
	if (open_fake())
		fail_msg("%s", err.text);
	((struct ntp *)traits.state)->wait_ns = LONG_WAIT_NS;
	return traits.state;
}

static uint64_t counted(struct ntp *n, enum ntp_problem problem)
{
	struct ntp_refusal refusals[NTP_REFUSALS_MAX];
	struct ntp_server server = { .refusals = refusals };

	ntp_account_read(&n->account, &server);
	for (size_t i = 0; i < server.refusal_count; i++)
		if (strcmp(refusals[i].kind, ntp_problem_name(problem)) == 0)
			return refusals[i].count;
	return 0;
}

/* Where CLOCK_REALTIME stood at that TSC, from an anchor before and one after. */
static double realtime_at(const struct stamp_anchor *a, const struct stamp_anchor *b, uint64_t tsc)
{
	double from = (double)(a->clock.tsc_hi - a->clock.tsc_lo) / 2;
	double to = (double)(b->clock.tsc_lo - a->clock.tsc_lo) + (double)reading_width(&b->clock) / 2;
	double at = (double)(int64_t)(tsc - a->clock.tsc_lo);

	return (at - from) / (to - from) * (double)(b->clock.value - a->clock.value);
}

/* Held against the truth: the server's clock is ours and an offset.  Returns the bracket's width in ns. */
static double assert_right(struct ntp *n)
{
	struct stamp_anchor a = stamp_anchor_take(), b;
	struct reading r = { 0 };
	double lo, hi, value, slack;

	assert_int_equal(ntp_ask(n, &r), NTP_FINE);
	b = stamp_anchor_take();
	assert_true(r.tsc_hi >= r.tsc_lo);
	lo = realtime_at(&a, &b, r.tsc_lo);
	hi = realtime_at(&a, &b, r.tsc_hi);
	value = (double)(int64_t)(r.value - (uint64_t)fake.wish.offset_ns - a.clock.value);
	/* The anchors' own widths, and a rate that changes between them. */
	slack = cycles_to_ns((double)(reading_width(&a.clock) + reading_width(&b.clock)), n->tsc_hz) + 100 +
		1e-3 * (double)(b.clock.value - a.clock.value);
	if (stamp_anchor_stepped(&a, &b))
		print_message("CLOCK_REALTIME was stepped meanwhile: nothing to compare with\n");
	else if (value < lo - slack || value > hi + slack)
		fail_msg("%.0f ns is not in [%.0f, %.0f] +- %.0f", value, lo, hi, slack);
	return hi - lo;
}

static void test_offset_is_right_within_the_bracket(void **state)
{
	struct ntp_server server = { .refusals = (struct ntp_refusal[NTP_REFUSALS_MAX]){ { "", 0 } } };
	struct ntp *n = opened();
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "ntp-127.0.0.1:%u", fake.port);
	assert_string_equal(traits.name, name);
	assert_string_equal(traits.oscillator, ""); /* as OSCILLATOR_REMOTE: its name */
	assert_true(traits.own_machine && traits.steered);
	assert_int_equal(traits.interval_min_ns, NS_PER_SEC);
	for (int i = 0; i < 20; i++)
		assert_right(n);
	WISH(hold_us, 20000); /* the time in the server widens no bracket, but for 0.1 % of it */
	print_message("held for 20 ms: the bracket is %.0f ns\n", assert_right(n));
	ntp_account_read(ntp_clock_account(n), &server);
	assert_string_equal(server.clock, name);
	assert_int_equal(server.asked, 22);
	assert_int_equal(server.answered, 22);
	assert_int_equal(server.stratum, 2);
	assert_string_equal(server.refid, "7F7F0101");
	assert_int_equal(server.refusal_count, 0);
	assert_true(server.delay_min_ns > 0 && server.delay_min_ns < 1e8);
	assert_true(server.root_distance_max_ns == 0);
	print_message("%d of %d stamped by the kernel, least delay %.0f ns\n", (int)server.stamped,
		(int)server.answered, server.delay_min_ns);
}

/* Delays of up to some ms, all in one direction: the truth lies at the edge of the bracket, but in it. */
static void test_jittery_and_lopsided(void **state)
{
	struct ntp *n = opened();

	(void)state;
	for (int way = 0; way < 2; way++) {
		WISH(delay_us[way], 5000);
		for (int i = 0; i < 20; i++)
			assert_right(n);
		WISH(delay_us[way], 0);
	}
	WISH(delay_us[0], 3000);
	WISH(delay_us[1], 3000);
	for (int i = 0; i < 20; i++)
		assert_right(n);
}

/* A server in era 1: after 2036-02-07.  Our own clock is what tells the era, so it must be near. */
static void test_era_1(void **state)
{
	uint64_t now = (uint64_t)time(NULL), turn_s = ERA_S - SINCE_1900, ns;
	struct ntp_reply r;
	struct ntp *n = opened();

	(void)state;
	WISH(offset_ns, (int64_t)(turn_s + 1000 - now) * NS_PER_SEC);
	r.receive = r.transmit = fake_ntp_time(fake.wish.offset_ns);
	assert_true(r.receive >> 32 < 100000);
	assert_int_equal(ntp_reply_unix_ns(&r, now, &ns), 0);
	assert_in_range(ns / NS_PER_SEC, turn_s + 999, turn_s + 1100);
	assert_right(n);
}

/* What open says of a server that gives no time, each with its name. */
static void test_refused_when_it_opens(void **state)
{
	static const struct {
		uint8_t flags, stratum, root_delay_s;
		const char *refid, *reason;
		unsigned heard;
	} cases[] = {
		{ 0xe4, 2, 0, NULL, "alarm: it is not synchronised (leap indicator 3", 1 },
		{ 0xe4, 0, 0, "INIT", "alarm: it is not synchronised (leap indicator 3", 1 },
		{ 0, 16, 0, NULL, "stratum: it is not synchronised (stratum 16", 1 },
		{ 0xe4, 0, 0, "DENY", "kiss-deny: it denies access", 1 },
		{ 0xe4, 0, 0, "RSTR", "kiss-rstr: its policy restricts access", 1 },
		{ 0xe4, 0, 0, "RATE", "kiss-rate: it wants to be asked less often", 1 },
		{ 0, 2, 40, NULL, "root: its root delay", 1 },
		{ 0x25, 2, 0, NULL, "mode: its answer is not one of a server", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		WISH(flags, cases[i].flags);
		WISH(stratum, cases[i].stratum);
		WISH(root_delay_s, cases[i].root_delay_s);
		WISH(refid, cases[i].refid);
		atomic_store(&fake.heard, 0);
		err.text[0] = '\0';
		assert_int_equal(open_fake(), -EPROTO);
		if (!strstr(err.text, cases[i].reason))
			fail_msg("no '%s' in: %s", cases[i].reason, err.text);
		assert_int_equal(atomic_load(&fake.heard), cases[i].heard);
		assert_null(traits.state);
		assert_true(traits.name[0]);
	}
}

static void test_silent_when_it_opens(void **state)
{
	(void)state;
	WISH(silent, true);
	assert_int_equal(open_fake(), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "silent: it does not answer"));
	assert_int_equal(atomic_load(&fake.heard), FIRST_TRIES);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	atomic_store(&fake.stop, true);
	pthread_join(fake.thread, NULL);
	close(fake.fd);
	assert_int_equal(open_fake(), -EPROTO);
	assert_non_null(strstr(err.text, "unreachable: "));
	fake.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(pthread_create(&fake.thread, NULL, fake_main, NULL), 0);
}

/* In the run: no reading, counted by kind, an event for the first, and afterwards it goes on. */
static void test_problems_of_a_run(void **state)
{
	struct ntp *n = opened();
	struct reading r;
	struct event event;

	(void)state;
	n->wait_ns = TEST_WAIT_NS;
	WISH(silent, true);
	assert_int_equal(ntp_ask(n, &r), NTP_SILENT);
	WISH(silent, false);
	WISH(wrong_origin, true);
	assert_int_equal(ntp_ask(n, &r), NTP_ORIGIN);
	WISH(wrong_origin, false);
	WISH(size, 47);
	assert_int_equal(ntp_ask(n, &r), NTP_SHORT);
	WISH(size, 0);
	WISH(from_other, true); /* the kernel drops it: to us that server is silent */
	assert_int_equal(ntp_ask(n, &r), NTP_SILENT);
	WISH(from_other, false);
	n->wait_ns = LONG_WAIT_NS;
	WISH(claim_ns, 5 * NS_PER_SEC);
	assert_int_equal(ntp_ask(n, &r), NTP_ROUND_TRIP);
	WISH(claim_ns, -5 * NS_PER_SEC);
	assert_int_equal(ntp_ask(n, &r), NTP_RESIDENCE);
	WISH(claim_ns, 0);
	assert_right(n);
	assert_int_equal(counted(n, NTP_SILENT), 2);
	assert_int_equal(counted(n, NTP_ORIGIN), 1);
	assert_int_equal(counted(n, NTP_SHORT), 1);
	assert_int_equal(counted(n, NTP_ROUND_TRIP), 1);
	assert_int_equal(counted(n, NTP_RESIDENCE), 1);
	assert_true(ntp_account_take_event(&n->account, &event));
	assert_string_equal(event.kind, "ntp-silent");
	assert_non_null(strstr(event.text, "it does not answer (1 so far)"));
	assert_true(event.tsc != 0 && !event.injected);
	assert_true(ntp_account_take_event(&n->account, &event));
	assert_string_equal(event.kind, "ntp-origin");
	WISH(stratum, 3);
	assert_right(n);
	while (ntp_account_take_event(&n->account, &event))
		;
	assert_string_equal(event.kind, "ntp-source");
	assert_non_null(strstr(event.text, "stratum 2 by 7F7F0101 before, 3 by 7F7F0101 now"));
}

/* A forged answer, and copies and late ones of true ones, do not stand in the way of the true one. */
static void test_strays_are_passed_over(void **state)
{
	struct ntp *n = opened();
	struct reading r;

	(void)state;
	WISH(forged_first, true);
	assert_right(n);
	assert_int_equal(counted(n, NTP_ORIGIN), 1);
	WISH(forged_first, false);
	WISH(twice, true);
	assert_right(n);
	usleep(20000); /* the copy is on its way; loopback takes microseconds */
	WISH(twice, false);
	assert_right(n);
	assert_int_equal(counted(n, NTP_LATE), 1);
	assert_int_equal(counted(n, NTP_ORIGIN), 1);
	n->wait_ns = 50 * NS_PER_MS;
	WISH(hold_us, 150000);
	assert_int_equal(ntp_ask(n, &r), NTP_SILENT);
	WISH(hold_us, 0);
	n->wait_ns = LONG_WAIT_NS;
	assert_right(n);
	assert_int_equal(counted(n, NTP_LATE), 2);
}

static void test_kisses_are_obeyed(void **state)
{
	struct ntp *n = opened();
	struct reading r;

	(void)state;
	WISH(flags, 0xe4);
	WISH(stratum, 0);
	WISH(refid, "RATE");
	assert_int_equal(ntp_ask(n, &r), NTP_KISS_RATE);
	assert_int_equal(n->gap_ns, 2 * PRIVATE_GAP_NS);
	WISH(poll, 5);
	assert_int_equal(ntp_ask(n, &r), NTP_KISS_RATE);
	assert_int_equal(n->gap_ns, 32 * NS_PER_SEC);
	assert_int_equal(ntp_read_bracket(n, 0, &r), -EAGAIN);
	n->gap_ns = PUBLIC_GAP_NS;
	n->burst_left = 3;
	assert_int_equal(ntp_ask(n, &r), NTP_KISS_RATE);
	assert_int_equal(n->burst_left, 0);
	assert_int_equal(n->gap_ns, 2 * PUBLIC_GAP_NS);
	assert_true(n->due_ns - now_ns() > 120 * (uint64_t)NS_PER_SEC);
	WISH(poll, 127);
	assert_int_equal(ntp_ask(n, &r), NTP_KISS_RATE);
	assert_int_equal(n->gap_ns, GAP_MAX_NS);
	WISH(refid, "DENY");
	assert_int_equal(ntp_ask(n, &r), NTP_KISS_DENY);
	n->due_ns = 0;
	atomic_store(&fake.heard, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ntp_read_bracket(n, 0, &r), -EAGAIN);
	assert_int_equal(atomic_load(&fake.heard), 0);
}

/* Eight requests 2 s apart, then 64 s; seen by how far the next one is put off. */
static void test_schedule_of_a_public_server(void **state)
{
	struct ntp *n = opened();
	struct reading r;

	(void)state;
	n->gap_ns = PUBLIC_GAP_NS;
	n->burst_left = BURST - 1;
	for (int i = 1; i < BURST; i++) {
		n->due_ns = 0;
		assert_int_equal(ntp_read_bracket(n, 0, &r), 0);
		assert_in_range(n->due_ns, now_ns(), now_ns() + 2 * NS_PER_SEC);
		assert_int_equal(ntp_read_bracket(n, 0, &r), -EAGAIN);
	}
	n->due_ns = 0;
	assert_int_equal(ntp_read_bracket(n, 0, &r), 0);
	assert_in_range(n->due_ns, now_ns() + 50 * NS_PER_SEC, now_ns() + 64 * NS_PER_SEC);
	assert_int_equal(atomic_load(&fake.heard), 1 + BURST);
}

static void test_bad_options(void **state)
{
	struct clock_setup clock_setup = { .tsc_hz = 1e9 };

	(void)state;
	assert_int_equal(clock_ntp.open(&clock_setup, &traits, &err), -EINVAL);
	assert_non_null(strstr(err.text, "--ntp SERVER"));
	err.text[0] = '\0';
	clock_setup.options = "127.0.0.1:70000";
	assert_int_equal(clock_ntp.open(&clock_setup, &traits, &err), -EINVAL);
	assert_non_null(strstr(err.text, "70000"));
}

#define with_server(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_server(test_offset_is_right_within_the_bracket),
		with_server(test_jittery_and_lopsided),
		with_server(test_era_1),
		with_server(test_refused_when_it_opens),
		with_server(test_silent_when_it_opens),
		with_server(test_nobody_listens),
		with_server(test_problems_of_a_run),
		with_server(test_strays_are_passed_over),
		with_server(test_kisses_are_obeyed),
		with_server(test_schedule_of_a_public_server),
		with_server(test_bad_options),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/clock_ntp", tests, NULL, NULL);
}
