/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The time daemon of a guest, and the one on this machine that it asks.
 *
 * Both are chronyd: the installed one, else that of the distribution's package, unpacked into the cache.  The one here
 * only serves this machine's time, on a free port of the loopback, with files of its own: it sets no clock (-x), and
 * knows nothing of another chronyd.  The guest asks it over QEMU's user network, where the host is 10.0.2.2.
 */
#ifndef BENCH_LAB_DAEMON_H
#define BENCH_LAB_DAEMON_H

#include <limits.h>
#include <stddef.h>

#include "bench/lab_tool.h"
#include "bench/warden.h"
#include "results/error.h"

struct lab_daemon {
	char program[PATH_MAX]; /* chronyd; empty: none is wanted */
	char package[32];	/* that it was unpacked from; empty: it is installed */
	unsigned port;		/* UDP, of the server on this machine */
	struct warden *warden;	/* of the server; NULL: it does not run */
};

/* Finds chronyd, or fetches it into CACHE/daemon.  0 or -errno with err set. */
int lab_daemon_find(struct lab_wait *wait, const char *cache, struct lab_daemon *daemon, struct error *err);

/*
 * Starts the server, with its files in dir, and waits until it answers.  dir may be removed then.  Call lab_daemon_end() in
 * any case.  0 or -errno with err set.
 */
int lab_daemon_serve(struct lab_wait *wait, const char *dir, struct lab_daemon *daemon, struct error *err);

/* chrony.conf of the guest; makestep: the words behind that directive.  To be freed; NULL: out of memory. */
char *lab_daemon_config(const struct lab_daemon *daemon, const char *makestep);

/* Ends the server.  0 or -EBUSY with err set: something of it is left. */
int lab_daemon_end(struct lab_daemon *daemon, struct error *err);

#endif
