/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/lab_package.h"
#include "probes/now.h"
#include "probes/ntp_packet.h"
#include "results/file.h"
#include "results/units.h"

#define PACKAGE	  "chrony"
#define CONFIG	  "chronyd.conf"
#define ANSWER_NS (5 * NS_PER_SEC)
#define POLL_NS	  (20 * NS_PER_MS)
#define ANYTHING  1 /* what a request holds that only asks whether somebody is there */

/* Daemons are not in the $PATH of everybody. */
static bool find_installed(char path[PATH_MAX])
{
	static const char usual[] = "/usr/sbin/chronyd";

	if (lab_tool_find("chronyd", path))
		return true;
	strcpy(path, usual);
	return access(usual, X_OK) == 0;
}

static int program_at(const char *place, struct lab_daemon *d)
{
	char path[PATH_MAX];

	if (path_join(path, sizeof(path), place, "usr/sbin/chronyd", NULL) || access(path, X_OK))
		return -ENOENT;
	strcpy(d->program, path);
	strcpy(d->package, PACKAGE);
	return 0;
}

int lab_daemon_find(struct lab_wait *wait, const char *cache, struct lab_daemon *d, struct error *err)
{
	char parent[PATH_MAX], place[PATH_MAX];
	const struct lab_package package = {
		.apt = "-q", .parent = parent, .name = PACKAGE, .what = "time daemon"
	};
	int rc;

	*d = (struct lab_daemon){ 0 };
	if (find_installed(d->program))
		return 0;
	d->program[0] = '\0';
	rc = path_join(parent, sizeof(parent), cache, "daemon", err);
	if (!rc)
		rc = path_join(place, sizeof(place), parent, PACKAGE, err);
	if (rc || program_at(place, d) == 0)
		return rc;
	rc = lab_package_fetch(wait, &package, place, err);
	if (!rc && program_at(place, d))
		rc = error_set(
			err, -ENOENT, "%s: holds no chronyd; remove it to have it fetched again", place);
	return rc;
}

/* ---- the server ---- */

/* A UDP socket of the loopback: bound to a free port, which is then in *port, or connected to that one. */
static int open_socket(unsigned *port, bool connected, struct error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = connected ? htons((uint16_t)*port) : 0 };
	struct sockaddr *any = (struct sockaddr *)&address;
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool good = fd >= 0 && (connected ? connect(fd, any, size) == 0
					  : bind(fd, any, size) == 0 && getsockname(fd, any, &size) == 0);

	if (!good) {
		int rc = error_set(err, -errno, "no UDP socket on the loopback: %s", strerror(errno));

		if (fd >= 0)
			close(fd);
		return rc;
	}
	*port = ntohs(address.sin_port);
	return fd;
}

/* Free now: somebody may take it before chronyd does, which then says so. */
static int choose_port(unsigned *port, struct error *err)
{
	int fd = open_socket(port, false, err);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int write_config(const struct lab_daemon *d, const char *dir, const char *path, struct error *err)
{
	FILE *out = fopen(path, "we");
	bool failed;

	if (!out)
		return error_set(err, -errno, "%s: cannot write: %s", path, strerror(errno));
	/* No command socket: the machine's own chronyd may have that. */
	fprintf(out,
		"port %u\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 1\n"
		"cmdport 0\nbindcmdaddress /\npidfile %s/chronyd.pid\n",
		d->port, dir);
	failed = ferror(out);
	if (fclose(out) || failed)
		return error_set(err, -EIO, "%s: cannot write", path);
	return 0;
}

static int tell_end(struct lab_daemon *d, struct error *err)
{
	const char *said = warden_output(d->warden), *last = said;
	char end[64];

	for (const char *c = said; *c; c++)
		if (c[0] == '\n' && c[1])
			last = c + 1;
	warden_describe_end(d->warden, end, sizeof(end));
	return error_set(err, -ECHILD, "chronyd, which serves the time to the guest: %s: %.*s", end,
		(int)strcspn(last, "\n"), last);
}

static bool answers(int fd)
{
	uint8_t packet[NTP_PACKET_BYTES];
	struct ntp_reply reply;
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet), 0)) > 0)
		if (ntp_reply_parse(packet, (size_t)n, ANYTHING, &reply) == NTP_FINE)
			return true;
	ntp_request_make(ANYTHING, packet);
	(void)!send(fd, packet, sizeof(packet), 0); /* one that is refused is sent again */
	return false;
}

static int await_answer(struct lab_wait *wait, struct lab_daemon *d, struct error *err)
{
	uint64_t deadline = now_ns() + ANSWER_NS;
	int fd = open_socket(&d->port, true, err), rc = fd < 0 ? fd : 0;

	while (!rc && !answers(fd)) {
		if (!warden_poll(d->warden))
			rc = tell_end(d, err);
		else if (now_ns() > deadline)
			rc = error_set(err, -ETIMEDOUT, "chronyd does not answer on port %u of the loopback",
				d->port);
		else
			rc = lab_wait_for(wait, POLL_NS, err);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int lab_daemon_serve(struct lab_wait *wait, const char *dir, struct lab_daemon *d, struct error *err)
{
	const struct passwd *user = getpwuid(geteuid());
	char config[PATH_MAX], name[64];
	/* -U: it need not be root, as it sets no clock; -u: it stays who it is. */
	char *argv[] = { d->program, "-x", "-d", "-U", "-u", name, "-f", config, NULL };
	const struct warden_plan plan = { .argv = argv, .cpu = -1, .share = 100 };
	int rc = path_join(config, sizeof(config), dir, CONFIG, err);

	snprintf(name, sizeof(name), "%s", user ? user->pw_name : "root");
	if (!rc)
		rc = choose_port(&d->port, err);
	if (!rc)
		rc = write_config(d, dir, config, err);
	if (rc)
		return rc;
	d->warden = warden_start(&plan, err);
	return d->warden ? await_answer(wait, d, err) : -EIO;
}

char *lab_daemon_config(const struct lab_daemon *d, const char *makestep)
{
	char *text;

	/*
	 * Four requests a second; below one second chronyd wants a round trip of 10 ms at most, and it is below 1 ms.
	 * rtcsync: the kernel is told that the clock is synchronised.
	 */
	if (asprintf(&text,
		    "server 10.0.2.2 port %u iburst minpoll -2 maxpoll -2\nmakestep %s\nrtcsync\n"
		    "cmdport 0\nbindcmdaddress /\npidfile /run/chronyd.pid\n",
		    d->port, makestep) < 0)
		return NULL;
	return text;
}

int lab_daemon_end(struct lab_daemon *d, struct error *err)
{
	struct warden *warden = d->warden;

	d->warden = NULL;
	if (warden)
		warden_end(warden);
	return warden_free(warden, now_ns() + WARDEN_GRACE_NS + 2 * WARDEN_KILL_NS, err);
}
