/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the books of the NTP clocks hold, into the run. */
#include <errno.h>
#include <stdlib.h>

#include "bench/session.h"
#include "probes/ntp.h"

/* Its row, made with room for all that its book can tell. */
static struct ntp_server *server_row(struct run *run, size_t index)
{
	struct ntp_server *rows;

	if (index < run->ntp_count)
		return &run->ntp[index];
	rows = reallocarray(run->ntp, index + 1, sizeof(*rows));
	if (!rows)
		return NULL;
	run->ntp = rows;
	rows[index] = (struct ntp_server){ .refusals = calloc(NTP_REFUSALS_MAX, sizeof(*rows->refusals)) };
	if (!rows[index].refusals)
		return NULL;
	run->ntp_count = index + 1;
	return &rows[index];
}

int session_collect_ntp(struct session *s, struct error *err)
{
	size_t index = 0;
	struct event event;

	for (size_t i = 0; i < s->slow_count; i++) {
		struct ntp_account *account;
		struct ntp_server *row;

		if (s->slow[i].reader != &clock_ntp)
			continue;
		account = ntp_clock_account(s->slow[i].state);
		row = server_row(s->run, index++);
		if (!row)
			return error_set(err, -ENOMEM, "out of memory");
		ntp_account_read(account, row);
		while (ntp_account_take_event(account, &event))
			session_event(s, event.tsc, event.kind, event.injected, event.text);
	}
	return 0;
}
