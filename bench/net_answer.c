/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/net_answer.h"

#include <time.h>

#include "probes/now.h"
#include "probes/peer.h"
#include "probes/posix_clock.h"
#include "results/units.h"

void net_answerer_init(struct net_answerer *answerer, double tsc_hz, const struct peer_key *key)
{
	answerer->tsc_hz = tsc_hz;
	answerer->key = key;
	answerer->kernel = peer_kernel_word();
	tickets_init(&answerer->tickets);
	answerer->anchor = stamp_anchor_take();
	answerer->steps = 0;
	answerer->steady_since_ns = (int64_t)answerer->anchor.clock.value;
}

/* Stamps from before a step are not to be compared with the clock after it. */
static void watch_steps(struct net_answerer *answerer)
{
	struct stamp_anchor now = stamp_anchor_take();

	if (stamp_anchor_stepped(&answerer->anchor, &now)) {
		answerer->steps++;
		answerer->steady_since_ns = (int64_t)now.clock.value;
	}
	answerer->anchor = now;
}

static void fill_values(
	struct net_answerer *answerer, const struct net_answer_stamps *stamps, struct peer_reply *reply)
{
	uint64_t after_ns;

	reply->serial = ++answerer->serial;
	reply->tsc_hz = answerer->tsc_hz;
	reply->before_ns = (int64_t)posix_clock_ns(CLOCK_REALTIME);
	peer_values_read(&reply->values);
	reply->after_ns = (int64_t)posix_clock_ns(CLOCK_REALTIME);
	after_ns = now_ns();
	watch_steps(answerer);
	/* After a step backward an old stamp may pass here; then the difference is too small, which is safe. */
	reply->received_known = stamps->received_known && stamps->received_ns >= answerer->steady_since_ns &&
				stamps->received_ns <= reply->before_ns;
	reply->received_ns = stamps->received_ns;
	reply->previous_known = stamps->previous_known && stamps->previous_steps == answerer->steps;
	reply->previous_serial = stamps->previous_serial;
	reply->previous_sent_ns = stamps->previous_sent_ns;
	reply->resolution_ns = answerer->anchor.step_ns && answerer->anchor.step_ns < (int64_t)NS_PER_SEC
				       ? (uint64_t)answerer->anchor.step_ns
				       : (uint64_t)NS_PER_SEC;
	/* By the clock that is not stepped. */
	reply->sending_ns = reply->after_ns + (int64_t)(now_ns() - after_ns);
}

enum peer_verdict net_answer_make(struct net_answerer *answerer, const uint8_t *message, size_t size,
	const struct net_answer_stamps *stamps, struct net_answer *answer)
{
	struct peer_request request;
	struct peer_reply reply = { 0 };
	enum peer_verdict verdict = peer_request_parse(message, size, answerer->key, &request);

	if (verdict == PEER_GOOD && answerer->key && request.kind == PEER_VALUES)
		verdict = tickets_spend(&answerer->tickets, request.instance, request.ticket, now_ns());
	if (verdict != PEER_GOOD)
		return verdict;
	reply.kind = request.kind;
	reply.nonce = request.nonce;
	reply.sequence = request.sequence;
	if (answerer->key) {
		reply.ticket = tickets_issue(&answerer->tickets, now_ns());
		reply.instance = answerer->tickets.instance;
	}
	if (request.kind == PEER_VALUES) {
		reply.same_kernel = request.kernel && request.kernel == answerer->kernel;
		fill_values(answerer, stamps, &reply);
	}
	peer_reply_write(&reply, answerer->key, answer->message);
	answer->kind = request.kind;
	answer->serial = reply.serial;
	answer->steps = answerer->steps;
	return PEER_GOOD;
}
