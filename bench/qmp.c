/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/qmp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probes/now.h"
#include "results/units.h"

struct qmp {
	int fd;
	bool ended; /* the other side has closed, or what it said is no QMP */
	unsigned id;
	char *buffer;
	size_t used;
	char version[128];
	json_t *events; /* array */
};

/* Waits until the socket is ready for what; 0, -ETIMEDOUT or -errno. */
static int wait_ready(const struct qmp *q, short what, uint64_t deadline_ns)
{
	struct pollfd p = { q->fd, what, 0 };

	for (;;) {
		uint64_t now = now_ns();
		uint64_t left = deadline_ns > now ? (deadline_ns - now) / NS_PER_MS + 1 : 0;
		int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (now_ns() >= deadline_ns)
			return -ETIMEDOUT;
	}
}

/* Takes in what is there.  0, -EAGAIN, -EPIPE or -EPROTO. */
static int take_in(struct qmp *q)
{
	ssize_t n;

	if (q->used == QMP_LINE_MAX)
		return -EPROTO;
	n = recv(q->fd, q->buffer + q->used, QMP_LINE_MAX - q->used, MSG_DONTWAIT);
	if (n > 0) {
		q->used += (size_t)n;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	return -EPIPE;
}

/* A whole line as JSON, if there is one; *rc is -EPROTO if it is no object. */
static json_t *take_line(struct qmp *q, int *rc)
{
	char *end = memchr(q->buffer, '\n', q->used);
	size_t length;
	json_t *line;

	*rc = 0;
	if (!end)
		return NULL;
	length = (size_t)(end - q->buffer);
	line = json_loadb(q->buffer, length, 0, NULL);
	q->used -= length + 1;
	memmove(q->buffer, end + 1, q->used);
	if (json_is_object(line))
		return line;
	json_decref(line);
	*rc = -EPROTO;
	return NULL;
}

/* The next object that is no event, which is kept. */
static json_t *next_reply(struct qmp *q, uint64_t deadline_ns, int *rc)
{
	while (!q->ended) {
		json_t *line = take_line(q, rc);

		if (line && json_object_get(line, "event")) {
			/* A guest can make events as fast as it likes: the oldest go. */
			if (json_array_size(q->events) == QMP_EVENTS_MAX)
				json_array_remove(q->events, 0);
			json_array_append_new(q->events, line);
			continue;
		}
		if (line)
			return line;
		if (!*rc)
			*rc = take_in(q);
		if (*rc == -EAGAIN)
			*rc = wait_ready(q, POLLIN, deadline_ns);
		if (*rc == -EPROTO || *rc == -EPIPE)
			q->ended = true;
		if (*rc)
			return NULL;
	}
	*rc = -EPIPE;
	return NULL;
}

static int tell(int rc, const char *command, struct error *err)
{
	const char *why = rc == -ETIMEDOUT ? "QEMU does not answer"
			  : rc == -EPIPE   ? "QEMU has ended"
			  : rc == -EPROTO  ? "what QEMU says is not QMP"
					   : strerror(-rc);

	return error_set(err, rc, "QMP %s: %s", command, why);
}

static int send_all(struct qmp *q, const char *text, uint64_t deadline_ns)
{
	for (size_t length = strlen(text); length;) {
		ssize_t n = send(q->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		int rc = 0;

		if (n > 0) {
			text += n;
			length -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			rc = wait_ready(q, POLLOUT, deadline_ns);
		} else if (n == 0 || errno != EINTR) {
			rc = -EPIPE;
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int send_command(struct qmp *q, const char *command, json_t *arguments, uint64_t deadline_ns)
{
	json_t *object =
		json_pack("{s:s, s:i, s:o*}", "execute", command, "id", (int)++q->id, "arguments", arguments);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL, *line = NULL;
	int rc = -ENOMEM;

	if (text && asprintf(&line, "%s\n", text) >= 0)
		rc = send_all(q, line, deadline_ns);
	free(line);
	free(text);
	json_decref(object);
	return rc;
}

static int take_answer(
	const struct qmp *q, json_t *answer, const char *command, json_t **reply, struct error *err)
{
	json_t *error = json_object_get(answer, "error"), *value = json_object_get(answer, "return");
	const char *words = json_string_value(json_object_get(error, "desc"));

	if (json_integer_value(json_object_get(answer, "id")) != (json_int_t)q->id || (!error && !value))
		return tell(-EPROTO, command, err);
	if (error)
		return error_set(err, -EREMOTEIO, "QMP %s: %s", command, words ? words : "refused");
	if (reply)
		*reply = json_incref(value);
	return 0;
}

int qmp_execute(struct qmp *q, const char *command, json_t *arguments, uint64_t deadline_ns, json_t **reply,
	struct error *err)
{
	json_t *answer;
	int rc;

	if (reply)
		*reply = NULL;
	rc = send_command(q, command, arguments, deadline_ns);
	if (rc)
		return tell(rc, command, err);
	/* An answer to an earlier command may come after its deadline. */
	while ((answer = next_reply(q, deadline_ns, &rc)) &&
		json_integer_value(json_object_get(answer, "id")) < (json_int_t)q->id &&
		json_object_get(answer, "id"))
		json_decref(answer);
	if (!answer)
		return tell(rc, command, err);
	rc = take_answer(q, answer, command, reply, err);
	json_decref(answer);
	return rc;
}

json_t *qmp_event(struct qmp *q)
{
	json_t *first, *stray;
	int rc;

	/* An answer that came after its deadline is of no use any more. */
	while ((stray = next_reply(q, 0, &rc)))
		json_decref(stray);
	first = json_incref(json_array_get(q->events, 0));
	json_array_remove(q->events, 0);
	return first;
}

const char *qmp_version(const struct qmp *q)
{
	return q->version;
}

static int greet(struct qmp *q, uint64_t deadline_ns, struct error *err)
{
	json_t *greeting, *version;
	int rc, major, minor, micro;
	const char *package = "";

	greeting = next_reply(q, deadline_ns, &rc);
	if (!greeting)
		return tell(rc, "greeting", err);
	version = json_object_get(json_object_get(greeting, "QMP"), "version");
	if (json_unpack(version, "{s:{s:i, s:i, s:i}, s?s}", "qemu", "major", &major, "minor", &minor,
		    "micro", &micro, "package", &package)) {
		json_decref(greeting);
		return tell(-EPROTO, "greeting", err);
	}
	snprintf(q->version, sizeof(q->version), "%d.%d.%d%s%s%s", major, minor, micro,
		package[0] ? " (" : "", package, package[0] ? ")" : "");
	json_decref(greeting);
	return qmp_execute(q, "qmp_capabilities", NULL, deadline_ns, NULL, err);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

struct qmp *qmp_open(const char *path, uint64_t deadline_ns, int *rc, struct error *err)
{
	int fd = connect_to(path);
	struct qmp *q;

	*rc = fd < 0 ? fd : 0;
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return NULL;
	if (fd < 0) {
		error_set(err, fd, "%s: cannot connect: %s", path, strerror(-fd));
		return NULL;
	}
	q = calloc(1, sizeof(*q));
	if (q) {
		q->fd = fd;
		q->buffer = malloc(QMP_LINE_MAX);
		q->events = json_array();
	} else {
		close(fd);
	}
	if (!q || !q->buffer || !q->events)
		*rc = error_set(err, -ENOMEM, "out of memory");
	else
		*rc = greet(q, deadline_ns, err);
	if (*rc == 0)
		return q;
	qmp_close(q);
	return NULL;
}

void qmp_close(struct qmp *q)
{
	if (!q)
		return;
	close(q->fd);
	free(q->buffer);
	json_decref(q->events);
	free(q);
}
