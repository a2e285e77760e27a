/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The book that is kept of one NTP server: what it said of itself, how often it
 * did not give a reading and why.  Written by the thread that asks, read by
 * the one that stores run.json: all calls lock.
 */
#ifndef PROBES_NTP_ACCOUNT_H
#define PROBES_NTP_ACCOUNT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "probes/ntp_packet.h"
#include "probes/ntp_problem.h"
#include "results/run.h"

#define NTP_EVENTS_HELD 32 /* until they are taken; more are only counted */

struct ntp_account {
	pthread_mutex_t lock;
	struct ntp_server server; /* but for refusals */
	uint64_t problems[NTP_PROBLEMS];
	struct event events[NTP_EVENTS_HELD]; /* oldest first */
	unsigned event_count;
};

/* The readings that one good answer gave. */
struct ntp_measured {
	uint64_t tsc;	 /* cycles */
	double delay_ns; /* round trip without the residence */
	bool stamped;	 /* by the kernel, at both ends */
};

void ntp_account_open(struct ntp_account *account, const char *clock, const char *address);
void ntp_account_close(struct ntp_account *account);

void ntp_account_asked(struct ntp_account *account);
void ntp_account_interval(struct ntp_account *account, double seconds);
/* A good answer.  Another source or stratum than before is an event. */
void ntp_account_answer(
	struct ntp_account *account, const struct ntp_reply *reply, const struct ntp_measured *measured);
/* The 1st, 2nd, 4th, 8th ... of each kind is an event, so a server that is gone for hours fills no list. */
void ntp_account_problem(struct ntp_account *account, enum ntp_problem problem, uint64_t tsc);

#endif
