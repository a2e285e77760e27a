/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The transport over shared memory: the asker's side.
 *
 * The responder sleeps between bursts, so each burst ends with an announcement
 * of when the next one begins, in the responder's own time.  A burst whose
 * responder still sleeps costs its first exchange a wide bracket; the others of
 * it are narrow.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "probes/now.h"
#include "probes/peer_map.h"
#include "probes/peer_page.h"
#include "probes/tsc.h"
#include "results/units.h"

#define OPEN_NS	       (3 * NS_PER_SEC)
#define FIRST_NS       (100 * NS_PER_MS) /* of a burst: the responder may sleep */
#define NEXT_NS	       (2 * NS_PER_MS)	 /* it is awake, or its CPU was taken away */
#define SPIN_NS	       (200 * NS_PER_US) /* longer than a probe's burst; then it may need this CPU */
#define NAP_NS	       (50 * NS_PER_US)	 /* between looks from then on */
#define SILENT_MAX     2		 /* failures in one burst, then the rest is not asked */
#define GAP_NS	       (500 * NS_PER_US) /* a pause this long is between two bursts */
#define LOOKS_PER_TIME 64		 /* looks at the page for one at the clock */
/*
 * Looks at nothing but the page, for as long as an awake responder takes: some us.  In a guest under TCG a pause
 * instruction leaves QEMU's execution loop, and a call or a clock costs more than the whole exchange: with
 * them the median round trip was 1.4 to 2.7 us, without 0.43 us.
 */
#define LOOKS_TIGHT 2000

struct shm_peer {
	struct peer_map map;
	uint64_t sequence;
	bool alone;	      /* this machine has one CPU */
	bool same_kernel;     /* the responder is on this machine */
	unsigned burst;	      /* exchanges of one; 0: not known */
	uint64_t interval_ns; /* from one burst to the next */
	/* The burst at hand; times are CLOCK_MONOTONIC of this machine. */
	unsigned taken, silent;
	uint64_t start_ns, end_ns;
	uint64_t gap_ns; /* from the end of the one before to its start */
	bool first_failed;
	/* The last good answer: the responder's monotonic_raw, and the time here. */
	uint64_t heard_raw_ns, heard_ns;
};

/* Spins while an awake responder would answer, then sleeps between looks: at least it is not kept from its CPU. */
static bool await_answer(const struct shm_peer *shm, uint64_t patience_ns)
{
	static const struct timespec nap = { 0, NAP_NS };
	uint64_t start = 0, spent = 0;

	for (unsigned looks = 1; page_answered(shm->map.page) != shm->sequence; looks++) {
		if (spent > SPIN_NS) {
			nanosleep(&nap, NULL);
		} else if (looks % LOOKS_PER_TIME) {
			peer_pause(shm->alone);
			continue;
		}
		spent = now_ns();
		start = start ? start : spent;
		spent -= start;
		if (spent > patience_ns)
			return false;
	}
	return true;
}

static int ask(struct shm_peer *shm, uint64_t patience_ns, uint64_t *tsc_lo, struct peer_values *values,
	uint64_t *tsc_hi)
{
	struct peer_page *page = shm->map.page;
	unsigned looks = 0;
	int rc;

	if (++shm->sequence == 0)
		shm->sequence = 1;
	page_ask_prepare(page, shm->sequence);
	*tsc_lo = tsc_before();
	page_ask_post(page, shm->sequence);
	while (page_answered(page) != shm->sequence && looks < LOOKS_TIGHT)
		looks++;
	if (looks == LOOKS_TIGHT && !await_answer(shm, patience_ns))
		return -ETIMEDOUT;
	*tsc_hi = tsc_after();
	rc = page_answer_read(shm->map.page, shm->sequence, values);
	if (rc)
		return rc;
	shm->heard_ns = now_ns();
	shm->heard_raw_ns = values->monotonic_raw_ns;
	return 0;
}

/* How long the first of a burst may wait.  While nobody answers, no longer than until the next burst. */
static uint64_t patience(const struct shm_peer *shm, bool first)
{
	if (!first)
		return NEXT_NS;
	if (!shm->first_failed || shm->interval_ns > FIRST_NS)
		return FIRST_NS;
	return shm->interval_ns > NEXT_NS ? shm->interval_ns : NEXT_NS;
}

static void end_burst(struct shm_peer *shm)
{
	uint64_t now = now_ns(), next = shm->start_ns + shm->interval_ns;

	shm->taken = 0;
	if (shm->first_failed && peer_map_follow(&shm->map))
		return;
	/* Behind its time already, the caller comes when it did so before: at once, or after a pause. */
	if ((int64_t)(next - now) < 0)
		next = now + shm->gap_ns;
	if (shm->heard_ns)
		page_announce(shm->map.page, shm->sequence, shm->heard_raw_ns + (next - shm->heard_ns));
}

static int shm_peer_exchange(void *state, uint64_t *tsc_lo, struct peer_values *values, uint64_t *tsc_hi)
{
	struct shm_peer *shm = state;
	uint64_t now = now_ns();
	int rc = -ETIMEDOUT;

	if ((int64_t)(now - shm->end_ns) > GAP_NS)
		shm->taken = 0;
	if (shm->taken == 0) {
		shm->gap_ns = shm->end_ns ? now - shm->end_ns : shm->interval_ns;
		shm->start_ns = now;
		shm->silent = 0;
		page_place_write(shm->map.page, shm->same_kernel ? sched_getcpu() : -1);
	}
	if (shm->silent < SILENT_MAX)
		rc = ask(shm, patience(shm, shm->taken == 0), tsc_lo, values, tsc_hi);
	if (shm->taken == 0)
		shm->first_failed = rc == -ETIMEDOUT;
	/* After a first that waited in vain no other needs to. */
	if (rc == -ETIMEDOUT)
		shm->silent += shm->taken ? 1 : SILENT_MAX;
	shm->taken++;
	if (shm->taken == shm->burst)
		end_burst(shm);
	shm->end_ns = now_ns();
	return rc;
}

static void shm_peer_close(void *state)
{
	struct shm_peer *shm = state;

	peer_map_close(&shm->map);
	free(shm);
}

static int first_exchange(struct shm_peer *shm, struct error *err)
{
	struct peer_values values;
	uint64_t lo, hi;

	switch (ask(shm, OPEN_NS, &lo, &values, &hi)) {
	case 0:
		return 0;
	case -ETIMEDOUT:
		return error_set(err, -ETIMEDOUT,
			"the responder has prepared it and does not answer: does 'clkdrift serve' still "
			"run?");
	default:
		return error_set(
			err, -EBADMSG, "the responder's answer is damaged: something else writes there");
	}
}

static int shm_open_page(
	const char *address, struct shm_peer *shm, struct peer_traits *traits, struct error *err)
{
	struct page_header_values header;
	struct error why = { "" };
	int rc = peer_map_open(&shm->map, address, &why);

	if (rc)
		return error_set(err, rc, "peer: %s", why.text);
	rc = peer_page_check(shm->map.page, &header, &why);
	if (!rc)
		rc = first_exchange(shm, &why);
	if (rc)
		return error_set(err, rc, "peer: %s: %s", shm->map.path, why.text);
	shm->same_kernel = header.same_kernel;
	traits->tsc_hz = header.tsc_hz;
	traits->same_kernel = header.same_kernel;
	return 0;
}

static int shm_peer_open(
	const char *address, const struct clock_setup *setup, struct peer_traits *traits, struct error *err)
{
	struct shm_peer *shm = calloc(1, sizeof(*shm));
	int rc;

	if (!shm)
		return error_set(err, -ENOMEM, "peer: out of memory");
	shm->alone = sysconf(_SC_NPROCESSORS_ONLN) == 1;
	shm->burst = setup->burst;
	shm->interval_ns = (uint64_t)llround(setup->interval_s * (double)NS_PER_SEC);
	if (shm->interval_ns < PEER_INTERVAL_MIN_NS)
		shm->interval_ns = PEER_INTERVAL_MIN_NS;
	/* Not those of another asker, nor of an earlier one: an old answer is never taken for a new one. */
	if (getrandom(&shm->sequence, sizeof(shm->sequence), 0) != sizeof(shm->sequence))
		shm->sequence = tsc_before();
	rc = shm_open_page(address, shm, traits, err);
	if (rc) {
		shm_peer_close(shm);
		return rc;
	}
	traits->same_host = true;
	traits->state = shm;
	return 0;
}

_Static_assert(PEER_FACTS_SIZE == PEER_FACTS_MAX + 1, "facts of full length fit");

static int shm_peer_facts(void *state, char *text, size_t size)
{
	const struct shm_peer *shm = state;
	size_t length;

	return size < PEER_FACTS_SIZE ? -EMSGSIZE : page_facts_read(shm->map.page, text, &length);
}

const struct peer_transport peer_shm = {
	.name = "shm",
	.summary = "shm:PATH, or in a guest with an ivshmem device shm:auto",
	.open = shm_peer_open,
	.exchange = shm_peer_exchange,
	.close = shm_peer_close,
	.facts = shm_peer_facts,
};
