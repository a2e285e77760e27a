/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The reader of NTP servers under 100 000 answers made from valid ones, from a server on loopback.  Each
 * request is answered by a volley of them, and by a true one last.  The test knows by the format alone
 * (RFC 5905 figure 8) which of a volley decides, and whether it is one to be believed.
 */
#include "probes/clock_ntp.c"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

#include "probes/clock_test.h"

#define ANSWERS	     100000
#define VOLLEY	     10
#define ANSWER_MAX   120
#define WAIT_NS	     (20 * NS_PER_SEC) /* the true answer comes, however busy the machine */
#define SINCE_1900   2208988800ULL
#define RSS_SLACK_KB 256

struct answer {
	uint8_t bytes[ANSWER_MAX];
	size_t size;
};

static struct flood {
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_bool stop;
	pthread_mutex_t lock; /* of the volley */
	uint64_t asked;
	struct answer volley[VOLLEY + 1];
	unsigned short dice[3];
} flood = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned roll(unsigned sides)
{
	return (unsigned)((unsigned long)nrand48(flood.dice) % sides);
}

static void put(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static uint64_t ntp_now(void)
{
	uint64_t ns = posix_clock_ns(CLOCK_REALTIME);

	return ((ns / NS_PER_SEC + SINCE_1900) << 32) + ((ns % NS_PER_SEC) << 32) / NS_PER_SEC;
}

static void make_true(struct answer *a, const uint8_t *request)
{
	uint64_t now = ntp_now();

	*a = (struct answer){ .bytes = { 0x24, 2, 6, 0xe7 }, .size = NTP_PACKET_BYTES };
	memcpy(a->bytes + 12, "\x7f\x7f\x01\x01", 4);
	memcpy(a->bytes + 24, request + 40, 8);
	put(a->bytes + 32, now);
	put(a->bytes + 40, now);
}

static void make_wrong(struct answer *a)
{
	static const char *const kisses[] = { "DENY", "RSTR", "RATE", "INIT", "\xff\xff\xff\xff" };

	switch (roll(9)) {
	case 0: /* bits, anywhere */
		for (unsigned i = roll(8) + 1; i; i--)
			a->bytes[roll(NTP_PACKET_BYTES)] ^= (uint8_t)(1 << roll(8));
		break;
	case 1: /* bytes of what is not the origin */
		for (unsigned i = roll(4) + 1; i; i--)
			a->bytes[(32 + roll(40)) % NTP_PACKET_BYTES] = (uint8_t)roll(256);
		break;
	case 2:
		a->size = roll(NTP_PACKET_BYTES);
		break;
	case 3: /* with what may be an extension or a MAC */
		for (a->size = NTP_PACKET_BYTES; a->size < ANSWER_MAX - roll(60); a->size++)
			a->bytes[a->size] = (uint8_t)roll(256);
		break;
	case 4:
		a->bytes[1] = 0;
		memcpy(a->bytes + 12, kisses[roll(5)], 4);
		a->bytes[2] = (uint8_t)roll(256);
		a->bytes[0] ^= (uint8_t)(roll(2) * 0xc0);
		break;
	case 5: /* a residence, in either direction and of any length */
		put(a->bytes + 40, get(a->bytes + 32, 8) + ((uint64_t)roll(0x7fffffff) << roll(33)));
		break;
	case 6:
		put(a->bytes + 24 + 8 * roll(3), 0);
		break;
	case 7: /* of any time */
		put(a->bytes + 32, (uint64_t)roll(0x7fffffff) << 33);
		put(a->bytes + 40, get(a->bytes + 32, 8) + roll(100000));
		break;
	default:
		for (size_t i = 0; i < NTP_PACKET_BYTES; i++)
			a->bytes[i] = (uint8_t)roll(256);
	}
}

static void *flood_main(void *unused)
{
	struct pollfd wait = { .fd = flood.fd, .events = POLLIN };
	struct sockaddr_in from;
	uint8_t request[64];

	while (!atomic_load(&flood.stop)) {
		socklen_t length = sizeof(from);

		if (poll(&wait, 1, 20) <= 0 || recvfrom(flood.fd, request, sizeof(request), 0,
						       (struct sockaddr *)&from, &length) != NTP_PACKET_BYTES)
			continue;
		pthread_mutex_lock(&flood.lock);
		flood.asked = get(request + 40, 8);
		for (int i = 0; i <= VOLLEY; i++) {
			make_true(&flood.volley[i], request);
			if (i < VOLLEY)
				make_wrong(&flood.volley[i]);
		}
		/* What is sent is what the test sees: nothing is made anew meanwhile. */
		for (int i = 0; i <= VOLLEY; i++)
			sendto(flood.fd, flood.volley[i].bytes, flood.volley[i].size, 0,
				(const struct sockaddr *)&from, sizeof(from));
		pthread_mutex_unlock(&flood.lock);
	}
	return unused;
}

/* The first that holds what was asked, in an answer of a server: the reader must stop at it. */
static const struct answer *decisive(void)
{
	for (int i = 0; i <= VOLLEY; i++) {
		const struct answer *a = &flood.volley[i];
		unsigned version = a->bytes[0] >> 3 & 7;

		if (a->size >= NTP_PACKET_BYTES && (a->bytes[0] & 7) == 4 && version >= 1 && version <= 4 &&
			get(a->bytes + 24, 8) == flood.asked)
			return a;
	}
	return NULL;
}

static bool is_well_formed(const struct answer *a)
{
	uint64_t received = get(a->bytes + 32, 8), sent = get(a->bytes + 40, 8);
	double root_s = (double)get(a->bytes + 4, 4) / 65536 / 2 + (double)get(a->bytes + 8, 4) / 65536;

	return a->bytes[0] >> 6 != 3 && a->bytes[1] >= 1 && a->bytes[1] <= 15 && root_s < 16 && received &&
	       sent && sent - received <= INT64_MAX;
}

static long rss_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *in = fopen("/proc/self/status", "re");

	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	fclose(in);
	assert_true(kb > 0);
	return kb;
}

static struct ntp *begin(struct clock_traits *traits)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	struct ntp *n = calloc(1, sizeof(*n));
	char text[40];
	struct error err = { "" };

	flood.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(flood.fd >= 0 && n);
	assert_int_equal(bind(flood.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(flood.fd, (struct sockaddr *)&address, &length), 0);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&flood.thread, NULL, flood_main, NULL), 0);
	/* Not by open, which gives up where the first answer is bad. */
	n->tsc_hz = test_tsc_hz();
	assert_int_equal(ntp_connect(n, "ntp-flood", text, &err), 0);
	n->wait_ns = WAIT_NS;
	traits->state = n;
	return n;
}

/* One request; how it ended must be what the volley says. */
static enum ntp_problem ask(struct ntp *n)
{
	struct reading r = { 0 };
	uint64_t before = tsc_raw();
	enum ntp_problem problem = ntp_ask(n, &r);
	const struct answer *a;

	pthread_mutex_lock(&flood.lock);
	a = decisive();
	assert_non_null(a);
	if (problem == NTP_FINE) {
		assert_true(is_well_formed(a));
		/* The bracket may be wider than the exchange, by the server's own step, but not beside it. */
		assert_true(r.tsc_lo <= r.tsc_hi);
		assert_in_range(r.tsc_lo + (r.tsc_hi - r.tsc_lo) / 2, before, tsc_raw());
	} else if (is_well_formed(a)) {
		/* Well-formed, and not possible. */
		assert_true(problem == NTP_ROUND_TRIP || problem == NTP_TIME);
	} else {
		assert_true(problem > NTP_ORIGIN && problem != NTP_SILENT && problem != NTP_UNREACHABLE &&
			    problem != NTP_ROUND_TRIP && problem != NTP_TIME);
	}
	pthread_mutex_unlock(&flood.lock);
	return problem;
}

/* The book has every request once, and every kind of end as often as it was seen. */
static void check_book(struct ntp *n, const uint64_t seen[NTP_PROBLEMS])
{
	struct ntp_refusal refusals[NTP_REFUSALS_MAX];
	struct ntp_server server = { .refusals = refusals };
	uint64_t refused = 0, strays = 0;
	int kinds = 0;

	ntp_account_read(&n->account, &server);
	for (size_t i = 0; i < server.refusal_count; i++) {
		enum ntp_problem problem = NTP_FINE;

		while (strcmp(ntp_problem_name(problem), refusals[i].kind) != 0)
			assert_true(++problem < NTP_PROBLEMS);
		if (seen[problem])
			assert_int_equal(refusals[i].count, seen[problem]);
		else
			strays += refusals[i].count;
		refused += seen[problem];
		kinds += seen[problem] > 0;
	}
	print_message("%llu read, %llu refused in %d ways, %llu passed over\n",
		(unsigned long long)server.answered, (unsigned long long)refused, kinds,
		(unsigned long long)strays);
	assert_int_equal(server.asked, ANSWERS / VOLLEY);
	assert_int_equal(server.answered, seen[NTP_FINE]);
	assert_int_equal(server.answered + refused, ANSWERS / VOLLEY);
	assert_true(server.answered > 1000 && kinds >= 8 && strays > ANSWERS / 4);
}

static void test_flood(void **state)
{
	uint64_t seen[NTP_PROBLEMS] = { 0 };
	struct clock_traits traits = { 0 };
	struct ntp *n = begin(&traits);
	struct reading r;
	long before = 0;

	(void)state;
	for (int i = 0; i < ANSWERS / VOLLEY; i++) {
		if (i == 500)
			before = rss_kb();
		seen[ask(n)]++;
	}
	assert_in_range(rss_kb(), 1, before + RSS_SLACK_KB);
	check_book(n, seen);
	/* Asked as the run does, it goes on when it is due. */
	n->stopped = false;
	n->due_ns = 0;
	n->gap_ns = PUBLIC_GAP_NS;
	(void)ntp_read_bracket(n, 0, &r);
	assert_int_equal(ntp_read_bracket(n, 0, &r), -EAGAIN);
	atomic_store(&flood.stop, true);
	pthread_join(flood.thread, NULL);
	close(flood.fd);
	clock_ntp.close(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_flood) };
	const char *wish = getenv("NTP_FLOOD_SEED");
	long seed = wish ? atol(wish) : (long)(posix_clock_ns(CLOCK_REALTIME) % 1000000);

	tsc_init();
	flood.dice[0] = (unsigned short)seed;
	flood.dice[1] = (unsigned short)(seed >> 16);
	print_message("seed %ld\n", seed);
	return cmocka_run_group_tests_name("probes/clock_ntp flood", tests, NULL, NULL);
}
