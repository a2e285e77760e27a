/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/tickets.h"

#include <string.h>
#include <sys/random.h>

void tickets_init(struct tickets *tickets)
{
	memset(tickets, 0, sizeof(*tickets));
	tickets->next = 1;
	while (getrandom(&tickets->instance, sizeof(tickets->instance), 0) != sizeof(tickets->instance))
		;
}

uint64_t tickets_issue(struct tickets *tickets, uint64_t now_ns)
{
	tickets->issued_ns[tickets->next % TICKETS_KEPT] = now_ns;
	return tickets->next++;
}

enum peer_verdict tickets_spend(struct tickets *tickets, uint64_t instance, uint64_t number, uint64_t now_ns)
{
	uint64_t *issued_ns = &tickets->issued_ns[number % TICKETS_KEPT];

	if (instance != tickets->instance || number == 0 || number >= tickets->next ||
		tickets->next - number > TICKETS_KEPT)
		return PEER_TOO_OLD;
	if (*issued_ns == 0)
		return PEER_REPLAYED;
	if (now_ns - *issued_ns > TICKETS_AGE_NS)
		return PEER_TOO_OLD;
	*issued_ns = 0;
	return PEER_GOOD;
}
