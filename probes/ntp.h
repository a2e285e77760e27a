/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the session may ask an open clock `ntp` for, beside its readings. */
#ifndef PROBES_NTP_H
#define PROBES_NTP_H

#include <stdbool.h>

#include "probes/clock_reader.h"
#include "results/run.h"

extern const struct clock_reader clock_ntp;

struct ntp_account;

/* The book of an open clock_ntp; lives as long as its state. */
struct ntp_account *ntp_clock_account(void *state);

/* A copy at any time, from any thread.  server->refusals has room for NTP_REFUSALS_MAX and stays the caller's. */
void ntp_account_read(struct ntp_account *account, struct ntp_server *server);

/* The oldest event that was not taken yet; false: none. */
bool ntp_account_take_event(struct ntp_account *account, struct event *event);

#endif
