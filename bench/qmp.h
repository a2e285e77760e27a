/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The QEMU Machine Protocol over a unix socket: one JSON object a line each way.
 * Events that come between a command and its reply are kept.
 */
#ifndef BENCH_QMP_H
#define BENCH_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "results/error.h"

#define QMP_LINE_MAX   (1u << 20) /* bytes; a longer one is refused */
#define QMP_EVENTS_MAX 256

struct qmp;

/*
 * Connects, reads the greeting and leaves the negotiation.  One attempt: the socket may not be there yet,
 * then -ENOENT or -ECONNREFUSED, without err; try again.  NULL otherwise means err set.  *rc says which.
 */
struct qmp *qmp_open(const char *path, uint64_t deadline_ns, int *rc, struct error *err);
void qmp_close(struct qmp *qmp);

/* "7.2.22", of the greeting; may carry the package's version in parentheses. */
const char *qmp_version(const struct qmp *qmp);

/*
 * Runs a command; arguments (stolen, also on failure) may be NULL.  *reply: its "return", a new reference; may be NULL.
 * -ETIMEDOUT, -EPIPE (QEMU has gone), -EREMOTEIO (QEMU refused, its words in err), -EPROTO, with err set.
 */
int qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, uint64_t deadline_ns, json_t **reply,
	struct error *err);

/* The next event, a new reference, without waiting; NULL if there is none. */
json_t *qmp_event(struct qmp *qmp);

#endif
