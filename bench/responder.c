/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/responder.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "probes/posix_clock.h"
#include "results/units.h"

#define POLL_NS	       (20 * NS_PER_MS)	    /* looks at the page so often at least */
#define IDLE_NS	       (2 * NS_PER_MS)	    /* no ask for so long: the burst is over */
#define SPIN_NS	       (200 * NS_PER_US)    /* an ask is this late: its asker may need this CPU */
#define NAP_NS	       (50 * NS_PER_US)	    /* between looks from then on */
#define AHEAD_MAX_NS   (86400 * NS_PER_SEC) /* an announcement beyond is none */
#define LOOKS_PER_TIME 32

#define MARGIN_MIN_NS	(20 * NS_PER_US)
#define MARGIN_START_NS (200 * NS_PER_US)
#define MARGIN_MAX_NS	(500 * NS_PER_US)
/* A burst that was met late adds the one part, one in time takes the other off: 1 of 9 is late. */
#define MARGIN_GROWTH 8
#define MARGIN_DECAY  64

/*
 * An asker that never pauses must not hold a CPU.  Over time it gets one half of one; bursts 1 ms apart,
 * the closest that an honest one takes, need less.
 */
#define ALLOWANCE_MAX_NS (20 * NS_PER_MS)
#define ALLOWANCE_SHARE	 2
#define REST_MIN_NS	 NS_PER_MS

/* Bound to a CPU of its own it may go before all ordinary work, for as long as its allowance lets it. */
#define FIFO_PRIORITY 10

static void count_up(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint64_t read_time(struct responder *r)
{
	r->now_ns = posix_clock_ns(CLOCK_MONOTONIC_RAW);
	return r->now_ns;
}

static bool stopped(const struct responder *r)
{
	return atomic_load_explicit(&r->stop, memory_order_relaxed);
}

/* Answers a new ask.  False where there is none. */
static bool answer(struct responder *r)
{
	uint64_t sequence = page_asked(r->page);
	struct peer_values values;

	if (sequence == r->seen || sequence == 0)
		return false;
	if (!page_ask_valid(r->page, sequence)) {
		/* Another one on its way looks like that for a moment. */
		if (page_asked(r->page) == sequence && !page_ask_valid(r->page, sequence)) {
			r->seen = sequence;
			count_up(&r->errors);
		}
		return false;
	}
	peer_values_read(&values);
	page_answer_write(r->page, sequence, &values);
	r->seen = sequence;
	r->now_ns = values.monotonic_raw_ns;
	count_up(&r->exchanges);
	return true;
}

/* Awake for longer than it may be? */
static bool spent(const struct responder *r)
{
	return (int64_t)(r->now_ns - r->woken_ns) > r->allowance_ns;
}

/*
 * One look after another, and what is between them.  overdue_ns: an ask was to be there by then.  False: it
 * is not worth while to look any more.
 */
static bool look_on(struct responder *r, unsigned looks, uint64_t overdue_ns)
{
	static const struct timespec nap = { 0, NAP_NS };

	peer_pause(r->alone);
	if (looks % LOOKS_PER_TIME)
		return true;
	if (stopped(r) || read_time(r) > overdue_ns + IDLE_NS || spent(r))
		return false;
	if (r->now_ns > overdue_ns + SPIN_NS)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	return true;
}

/* Looks for the first ask of a burst, and answers it. */
static bool await_ask(struct responder *r, uint64_t overdue_ns)
{
	for (unsigned looks = 1; !answer(r); looks++)
		if (!look_on(r, looks, overdue_ns))
			return false;
	return true;
}

/* A new announcement: when the next burst begins, or that nobody knows. */
static void read_announcement(struct responder *r)
{
	uint64_t sequence = page_announced(r->page), next;

	if (sequence == r->announced || sequence == 0)
		return;
	if (page_announcement_read(r->page, sequence, &next)) {
		if (page_announced(r->page) != sequence)
			return;
		count_up(&r->errors);
		next = 0;
	}
	r->announced = sequence;
	/* An asker behind its time comes at once; an announcement long over is of one that is gone. */
	r->next_ns = next + IDLE_NS > r->now_ns && (int64_t)(next - r->now_ns) < AHEAD_MAX_NS ? next : 0;
}

/* Off the CPU of an asker on this machine, where there is another. */
static void make_room(struct responder *r)
{
	int cpu = page_place_read(r->page);
	cpu_set_t others = r->allowed;

	if (cpu == r->avoided || cpu >= CPU_SETSIZE || r->cpu >= 0)
		return;
	r->avoided = cpu;
	if (cpu >= 0)
		CPU_CLR(cpu, &others);
	if (CPU_COUNT(&others))
		sched_setaffinity(0, sizeof(others), &others);
}

/* The first ask of a burst was answered: the rest of it.  Ends with the announcement, or when no ask comes. */
static void follow_burst(struct responder *r)
{
	uint64_t overdue_ns = r->now_ns;

	r->next_ns = 0;
	for (unsigned looks = 1;; looks++) {
		if (answer(r))
			overdue_ns = r->now_ns;
		else if (page_announced(r->page) == r->seen || !look_on(r, looks, overdue_ns))
			break;
		if (stopped(r) || spent(r))
			break;
	}
	count_up(&r->bursts);
	read_time(r);
	read_announcement(r);
	make_room(r);
}

static void learn_margin(struct responder *r, bool late)
{
	if (late) {
		count_up(&r->late);
		r->margin_ns += r->margin_ns / MARGIN_GROWTH;
		if (r->margin_ns > MARGIN_MAX_NS)
			r->margin_ns = MARGIN_MAX_NS;
	} else {
		r->margin_ns -= r->margin_ns / MARGIN_DECAY;
		if (r->margin_ns < MARGIN_MIN_NS)
			r->margin_ns = MARGIN_MIN_NS;
	}
}

/* What there is to do after a sleep. */
static void look(struct responder *r)
{
	bool expected = r->next_ns != 0 && r->now_ns + r->margin_ns >= r->next_ns;

	if (answer(r)) {
		if (expected)
			learn_margin(r, true);
		follow_burst(r);
		return;
	}
	if (!expected) {
		read_announcement(r);
		return;
	}
	if (await_ask(r, r->next_ns)) {
		learn_margin(r, false);
		follow_burst(r);
	} else {
		r->next_ns = 0;
		read_announcement(r);
	}
}

/* Sleeps to the next burst, or for a while; longer where it was awake for too long. */
static void rest(struct responder *r)
{
	uint64_t start = read_time(r), length = POLL_NS;
	int64_t debt;
	struct timespec time;

	r->allowance_ns -= (int64_t)(start - r->woken_ns);
	debt = r->allowance_ns < 0 ? REST_MIN_NS - r->allowance_ns * ALLOWANCE_SHARE : 0;
	if (r->next_ns && r->next_ns < start + r->margin_ns)
		length = 0;
	else if (r->next_ns && r->next_ns - r->margin_ns - start < POLL_NS)
		length = r->next_ns - r->margin_ns - start;
	if ((int64_t)length < debt)
		length = (uint64_t)debt;
	time = (struct timespec){ (time_t)(length / NS_PER_SEC), (long)(length % NS_PER_SEC) };
	if (length)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
	r->woken_ns = read_time(r);
	r->allowance_ns += (int64_t)((r->woken_ns - start) / ALLOWANCE_SHARE);
	if (r->allowance_ns > ALLOWANCE_MAX_NS)
		r->allowance_ns = ALLOWANCE_MAX_NS;
}

/* Without a CPU of its own, a spinning realtime thread would keep off the very asker that it waits for. */
static int settle(struct responder *r, struct error *err)
{
	struct sched_param param = { .sched_priority = FIFO_PRIORITY };
	int rc;

	r->alone = sysconf(_SC_NPROCESSORS_ONLN) == 1;
	r->avoided = -1;
	if (sched_getaffinity(0, sizeof(r->allowed), &r->allowed))
		CPU_ZERO(&r->allowed);
	prctl(PR_SET_TIMERSLACK, 1UL);
	if (r->cpu < 0 || !r->bind)
		return 0;
	rc = r->bind(r->bind_context, r->cpu);
	if (rc)
		return error_set(err, rc, "cannot bind to CPU %d: %s", r->cpu, strerror(-rc));
	if (!r->alone)
		pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	return 0;
}

static void answer_until_stopped(struct responder *r)
{
	r->margin_ns = MARGIN_START_NS;
	r->allowance_ns = ALLOWANCE_MAX_NS;
	r->woken_ns = read_time(r);
	while (!stopped(r)) {
		if (peer_page_repair(r->page, r->tsc_hz, r->made))
			count_up(&r->errors);
		look(r);
		rest(r);
	}
}

int responder_run(struct responder *r, struct error *err)
{
	int rc = settle(r, err);

	if (!rc)
		answer_until_stopped(r);
	return rc;
}

struct start {
	struct responder *responder;
	struct error *err;
	int rc;
	sem_t settled;
};

static void *responder_main(void *argument)
{
	struct start *start = argument;
	struct responder *r = start->responder;
	int rc = settle(r, start->err);

	start->rc = rc;
	sem_post(&start->settled); /* start is gone from here on */
	if (!rc)
		answer_until_stopped(r);
	return NULL;
}

int responder_start(struct responder *r, struct error *err)
{
	struct start start = { .responder = r, .err = err };
	sigset_t all, before;
	int rc;

	sem_init(&start.settled, 0, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&r->thread, NULL, responder_main, &start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		sem_destroy(&start.settled);
		return error_set(err, -rc, "cannot start the responder: %s", strerror(rc));
	}
	while (sem_wait(&start.settled) && errno == EINTR)
		;
	sem_destroy(&start.settled);
	if (start.rc)
		pthread_join(r->thread, NULL);
	return start.rc;
}

void responder_stop(struct responder *r)
{
	atomic_store_explicit(&r->stop, true, memory_order_relaxed);
	pthread_join(r->thread, NULL);
}

/* The text goes into the page if it fits: 0, -EMSGSIZE or -ENOMEM. */
static int write_facts(struct peer_page *page, const json_t *facts)
{
	char *text = json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS);
	int rc = text ? page_facts_write(page, text, strlen(text)) : -ENOMEM;

	free(text);
	return rc;
}

int responder_tell_facts(struct peer_page *page, const json_t *facts, struct error *err)
{
	/* The longest first, as far as any reader of another machine's facts can do without them. */
	static const char *const spare[] = { "kernel_log", "unreadable", "kvm_vcpus", "idle", "cpufreq" };
	json_t *copy = json_copy((json_t *)(uintptr_t)facts);
	int rc = copy ? write_facts(page, copy) : -ENOMEM;

	for (size_t i = 0; rc == -EMSGSIZE && i < sizeof(spare) / sizeof(spare[0]); i++) {
		json_object_set_new(copy, spare[i], json_null());
		rc = write_facts(page, copy);
	}
	json_decref(copy);
	return rc ? error_set(err, rc, "cannot tell the facts of this machine: %s", strerror(-rc)) : 0;
}
