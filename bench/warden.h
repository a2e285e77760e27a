/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Runs a program so that nothing of it is left when it ends or has to end.
 *
 * Between us and the program stands a small process of its own, the warden.  It
 * is the subreaper of all that the program starts, in whatever process group or
 * session, so all of it can be found and ended.  It pauses the program for a part
 * of the time where that is asked for.  When we die it ends the program in order.
 *
 * The warden dies with the thread that started it (PR_SET_PDEATHSIG).
 */
#ifndef BENCH_WARDEN_H
#define BENCH_WARDEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "results/error.h"

/* How long the program has from SIGTERM to SIGKILL, and what is killed to its end. */
#define WARDEN_GRACE_NS (2 * NS_PER_SEC)
#define WARDEN_KILL_NS	(1 * NS_PER_SEC)
/* The program runs and is stopped (SIGSTOP) in turns of this length together. */
#define WARDEN_PERIOD_NS (100 * NS_PER_MS)

struct warden_plan {
	char *const *argv;     /* argv[0]: the path of the program; ends with NULL */
	int cpu;	       /* all of it is bound there; -1: not bound */
	int share;	       /* percent of the time that it runs, 1 to 100 */
	const char *directory; /* removed when all has ended, if it is empty then; may be NULL */
};

struct warden;

/* The program has no input; its output is kept.  NULL with err set on failure. */
struct warden *warden_start(const struct warden_plan *plan, struct error *err);

/* The root of the process tree; 0 once it has ended. */
pid_t warden_pid(const struct warden *warden);

/* Takes in what was written.  False once the program, and all that it started, has ended. */
bool warden_poll(struct warden *warden);

/* The last 16 kB that the program wrote. */
const char *warden_output(const struct warden *warden);

/* "exit status 3", "killed by signal 9 (Killed)", after the end. */
void warden_describe_end(const struct warden *warden, char *text, size_t size);
/* The exit status, 128 + the number of the signal that killed it, as in a shell. */
int warden_exit_status(const struct warden *warden);

/* Asks it to end; does not wait. */
void warden_end(struct warden *warden);

/*
 * Waits until now_ns() is deadline_ns, ends by force what is left, frees it.  NULL is fine.
 * 0, or -EBUSY with err set: something of the program could not be ended.
 */
int warden_free(struct warden *warden, uint64_t deadline_ns, struct error *err);

#endif
