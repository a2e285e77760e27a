/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/qmp.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PATIENT_NS (30 * NS_PER_SEC)
#define GREETING                                                                                             \
	"{\"QMP\":{\"version\":{\"qemu\":{\"major\":7,\"minor\":2,\"micro\":22},\"package\":\"Debian\"},"    \
	"\"capabilities\":[]}}\r\n"
#define READY GREETING "{\"return\":{},\"id\":1}\n"

/* Says its text to the first who connects, in pieces of some bytes, and notes what it hears. */
struct server {
	char path[64];
	int listener;
	const char *text;
	size_t piece; /* 0: all at once */
	bool hold;    /* does not close until the other side does */
	char heard[4096];
	pthread_t thread;
};

static void *serve(void *context)
{
	struct server *s = context;
	int fd = accept(s->listener, NULL, NULL);
	size_t length = strlen(s->text), used = 0;
	ssize_t n;

	for (size_t at = 0; at < length;) {
		size_t size = s->piece && s->piece < length - at ? s->piece : length - at;

		n = send(fd, s->text + at, size, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (!s->hold)
		shutdown(fd, SHUT_WR);
	while (used < sizeof(s->heard) - 1 &&
		(n = recv(fd, s->heard + used, sizeof(s->heard) - 1 - used, 0)) > 0)
		used += (size_t)n;
	close(fd);
	return NULL;
}

static void server_start(struct server *s, const char *text, size_t piece, bool hold)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*s = (struct server){ .text = text, .piece = piece, .hold = hold };
	strcpy(s->path, "/tmp/clkdrift-qmp-XXXXXX");
	assert_non_null(mkdtemp(s->path));
	strcat(s->path, "/s");
	strcpy(address.sun_path, s->path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
	unlink(s->path);
	*strrchr(s->path, '/') = '\0';
	rmdir(s->path);
}

static struct qmp *open_to(struct server *s, int *rc, struct error *err)
{
	*err = (struct error){ "" };
	return qmp_open(s->path, now_ns() + PATIENT_NS, rc, err);
}

/* Whatever the pieces are that it comes in. */
static void test_commands(void **state)
{
	static const char text[] =
		READY "{\"event\":\"A\",\"data\":{\"n\":1}}\n"
		      "{\"return\":[{\"x\":5}],\"id\":2}\n{\"event\":\"B\"}\n"
		      "{\"error\":{\"class\":\"GenericError\",\"desc\":\"not so\"},\"id\":3}\n"
		      "{\"event\":\"C\"}\n";
	static const size_t pieces[] = { 0, 1, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		static const char *const events[] = { "A", "B", "C" };
		struct server s;
		struct error err;
		struct qmp *q;
		json_t *reply, *event;
		int rc;

		server_start(&s, text, pieces[i], false);
		q = open_to(&s, &rc, &err);
		assert_non_null(q);
		assert_string_equal(qmp_version(q), "7.2.22 (Debian)");
		rc = qmp_execute(
			q, "query-x", json_pack("{s:i}", "arg", 7), now_ns() + PATIENT_NS, &reply, &err);
		assert_int_equal(rc, 0);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(reply, 0), "x")), 5);
		json_decref(reply);
		assert_int_equal(
			qmp_execute(q, "stop", NULL, now_ns() + PATIENT_NS, &reply, &err), -EREMOTEIO);
		assert_null(reply);
		assert_string_equal(err.text, "QMP stop: not so");
		/* The end of the text is there once this is seen. */
		err.text[0] = '\0';
		assert_int_equal(qmp_execute(q, "late", NULL, now_ns() + PATIENT_NS, NULL, &err), -EPIPE);
		for (size_t k = 0; k < 3; k++) {
			event = qmp_event(q);
			assert_non_null(event);
			assert_string_equal(json_string_value(json_object_get(event, "event")), events[k]);
			json_decref(event);
		}
		assert_null(qmp_event(q));
		qmp_close(q);
		server_end(&s);
		assert_non_null(strstr(s.heard, "\"execute\":\"qmp_capabilities\""));
		assert_non_null(
			strstr(s.heard, "{\"execute\":\"query-x\",\"id\":2,\"arguments\":{\"arg\":7}}\n"));
	}
}

static void test_nobody(void **state)
{
	struct error err = { "" };
	int rc;

	(void)state;
	assert_null(qmp_open("/tmp/clkdrift-qmp-none/s", now_ns() + NS_PER_SEC, &rc, &err));
	assert_int_equal(rc, -ENOENT);
	assert_string_equal(err.text, "");
}

static void test_bad_greetings(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} bad[] = {
		{ "", -EPIPE }, { "SSH-2.0\n", -EPROTO }, { "[1]\n", -EPROTO }, { "{}\n", -EPROTO },
		{ "{\"QMP\":{\"version\":{\"qemu\":{\"major\":\"7\"}}}}\n", -EPROTO }, { GREETING, -EPIPE },
		{ GREETING "{\"return\":{},\"id\":9}\n", -EPROTO }, { GREETING "{\"return\":{}}\n", -EPROTO },
		{ GREETING "{\"id\":1}\n", -EPROTO }, { GREETING "{\"error\":{},\"id\":1}\n", -EREMOTEIO },
		{ GREETING "{\"return\":{},\"id\":1}", -EPIPE }, /* half a line */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct server s;
		struct error err;
		int rc;

		server_start(&s, bad[i].text, 0, false);
		assert_null(open_to(&s, &rc, &err));
		server_end(&s);
		if (rc != bad[i].rc || !err.text[0])
			fail_msg("\"%s\" gave %d: %s", bad[i].text, rc, err.text);
	}
}

static void test_silence(void **state)
{
	struct server s;
	struct error err;
	struct qmp *q;
	uint64_t start;
	int rc;

	(void)state;
	server_start(&s, READY, 0, true);
	q = open_to(&s, &rc, &err);
	assert_non_null(q);
	start = now_ns();
	assert_int_equal(qmp_execute(q, "x", NULL, start + 50 * NS_PER_MS, NULL, &err), -ETIMEDOUT);
	assert_true(now_ns() >= start + 50 * NS_PER_MS);
	assert_null(qmp_event(q));
	qmp_close(q);
	server_end(&s);
}

static void test_late_answer(void **state)
{
	struct server s;
	struct error err;
	struct qmp *q;
	json_t *reply;
	int rc;

	(void)state;
	server_start(
		&s, READY "{\"return\":{\"of\":2},\"id\":2}\n{\"return\":{\"of\":3},\"id\":3}\n", 0, true);
	q = open_to(&s, &rc, &err);
	assert_non_null(q);
	q->id = 2; /* as if the answer to 2 had not been waited for */
	assert_int_equal(qmp_execute(q, "y", NULL, now_ns() + PATIENT_NS, &reply, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(reply, "of")), 3);
	json_decref(reply);
	qmp_close(q);
	server_end(&s);
}

/* A guest that makes events without end costs a bounded amount of memory. */
static void test_flood(void **state)
{
	static char text[sizeof(READY) + (QMP_EVENTS_MAX + 50) * 32];
	struct server s;
	struct error err;
	struct qmp *q;
	json_t *event;
	char *at = text + sprintf(text, "%s", READY);
	int rc, count = 0;

	(void)state;
	for (int i = 0; i < QMP_EVENTS_MAX + 50; i++)
		at += sprintf(at, "{\"event\":\"E%d\"}\n", i);
	server_start(&s, text, 0, false);
	q = open_to(&s, &rc, &err);
	assert_non_null(q);
	assert_int_equal(qmp_execute(q, "x", NULL, now_ns() + PATIENT_NS, NULL, &err), -EPIPE);
	while ((event = qmp_event(q))) {
		if (count++ == 0)
			assert_string_equal(json_string_value(json_object_get(event, "event")), "E50");
		json_decref(event);
	}
	assert_int_equal(count, QMP_EVENTS_MAX);
	qmp_close(q);
	server_end(&s);
}

static void test_endless_line(void **state)
{
	size_t size = sizeof(READY) + 2 * QMP_LINE_MAX;
	char *text = malloc(size);
	struct server s;
	struct error err;
	struct qmp *q;
	int rc;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, READY, strlen(READY));
	text[size - 1] = '\0';
	server_start(&s, text, 0, true);
	q = open_to(&s, &rc, &err);
	assert_non_null(q);
	assert_int_equal(qmp_execute(q, "x", NULL, now_ns() + PATIENT_NS, NULL, &err), -EPROTO);
	qmp_close(q);
	server_end(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_bad_greetings),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_endless_line),
	};

	return cmocka_run_group_tests_name("qmp", tests, NULL, NULL);
}
