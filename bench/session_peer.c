/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the machine on the other side tells of itself, into the run. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/session.h"
#include "probes/peer.h"

#define LEVELS_MAX 16 /* facts have 4 */

/* Deeper ones might be read here, but run.json, which they go into, might not be read again. */
static bool is_shallow(json_t *value, unsigned levels)
{
	json_t *entry;
	const char *key;
	bool shallow = levels > 0 || !(json_is_object(value) || json_is_array(value));
	size_t i;

	json_object_foreach(value, key, entry)
	{
		shallow = shallow && is_shallow(entry, levels - 1);
	}
	json_array_foreach(value, i, entry)
	{
		shallow = shallow && is_shallow(entry, levels - 1);
	}
	return shallow;
}

/* It is not trusted: what is no object, or holds what JSON does not allow, is not kept. */
static void take_facts(struct run *run, void *state, char *text)
{
	json_t *facts;

	if (peer_clock_facts(state, text, PEER_FACTS_SIZE))
		return;
	facts = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(facts) || !is_shallow(facts, LEVELS_MAX)) {
		json_decref(facts);
		return;
	}
	json_decref(run->peer_environment);
	run->peer_environment = facts;
}

int session_take_peer_facts(struct session *s, struct error *err)
{
	char *text = malloc(PEER_FACTS_SIZE);

	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->slow_count; i++)
		if (s->slow[i].reader == &clock_peer)
			take_facts(s->run, s->slow[i].state, text);
	free(text);
	return 0;
}
