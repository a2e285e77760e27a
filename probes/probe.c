/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/probe.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "probes/tsc.h"
#include "probes/now.h"
#include "results/units.h"

#define RING_SIZE      8192 /* readings; more than 10 s of ten clocks at the default interval */
#define NULL_BRACKETS  2000
#define FIFO_PRIORITY  10 /* above ordinary work, below what the kernel itself runs as FIFO */
#define REBIND_NS      (100 * NS_PER_MS)
#define EVENT_RETRY_NS (1 * NS_PER_MS)

/* What the loop touches, in one piece of locked memory. */
struct probe_scratch {
	struct reading last[RUN_CLOCKS_MAX];
	struct ring_entry kept[RUN_CLOCKS_MAX];
	unsigned kept_clock[RUN_CLOCKS_MAX]; /* index into config->clocks */
	struct reading burst[PROBE_BURST_MAX];
};

/* Counters have one writer; others may look at any time. */
static void count_up(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
}

void tally_snapshot(const struct tally *from, struct tally *to)
{
	struct histogram *brackets = to->brackets;

	to->cpu = from->cpu;
	to->clock = from->clock;
	to->readings = __atomic_load_n(&from->readings, __ATOMIC_RELAXED);
	to->kept = __atomic_load_n(&from->kept, __ATOMIC_RELAXED);
	to->dropped = __atomic_load_n(&from->dropped, __ATOMIC_RELAXED);
	to->failed = __atomic_load_n(&from->failed, __ATOMIC_RELAXED);
	to->inverted = __atomic_load_n(&from->inverted, __ATOMIC_RELAXED);
	to->backward = __atomic_load_n(&from->backward, __ATOMIC_RELAXED);
	to->max_backward = __atomic_load_n(&from->max_backward, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		brackets->count[i] = __atomic_load_n(&from->brackets->count[i], __ATOMIC_RELAXED);
	brackets->total = __atomic_load_n(&from->brackets->total, __ATOMIC_RELAXED);
}

unsigned probe_burst(const struct probe_clock *clock, int cpu, unsigned burst, struct reading *buffer)
{
	uint64_t (*read)(void *) = clock->reader->read;
	void *state = clock->state;
	unsigned taken = 0;

	if (!read) {
		for (unsigned i = 0; i < burst; i++)
			taken += clock->reader->read_bracket(state, cpu, &buffer[taken]) == 0;
		return taken;
	}
	for (unsigned i = 0; i < burst; i++) {
		uint64_t lo = tsc_before();
		uint64_t value = read(state);

		buffer[i] = (struct reading){ lo, value, tsc_after() };
	}
	return burst;
}

static void count_backward(const struct probe_clock *clock, const struct reading *before,
	const struct reading *now, struct tally *tally)
{
	uint64_t mask = clock->bits == 64 ? UINT64_MAX : (UINT64_C(1) << clock->bits) - 1;
	uint64_t back = (before->value - now->value) & mask;

	if (back == 0 || back > mask / 2 || now->tsc_lo - before->tsc_hi > clock->turn)
		return;
	count_up(&tally->backward, 1);
	if (back > tally->max_backward)
		__atomic_store_n(&tally->max_backward, back, __ATOMIC_RELAXED);
}

unsigned probe_count(const struct probe_clock *clock, const struct reading *buffer, unsigned count,
	struct reading *last, struct tally *tally)
{
	unsigned narrowest = count, inverted = 0;
	int64_t best = INT64_MAX;

	for (unsigned i = 0; i < count; i++) {
		const struct reading *before = i ? &buffer[i - 1] : last;
		int64_t width = reading_width(&buffer[i]);

		if (width < 0) {
			inverted++;
		} else {
			count_up(&tally->brackets->count[histogram_bucket((uint64_t)width)], 1);
			if (width <= best) {
				best = width;
				narrowest = i;
			}
		}
		/* A narrow counter may also step back through zero. */
		if ((buffer[i].value < before->value || clock->bits < 64) && before->tsc_hi)
			count_backward(clock, before, &buffer[i], tally);
	}
	if (count == 0)
		return 0;
	*last = buffer[count - 1];
	count_up(&tally->readings, count);
	count_up(&tally->inverted, inverted);
	count_up(&tally->brackets->total, count - inverted);
	/* A burst of nothing but inverted brackets: they are what the program exists to find. */
	return narrowest == count ? 0 : narrowest;
}

/*
 * All clocks once; what is kept waits in scratch until the CPU was found to be the right one.
 * The first clock after a sleep pays for cold caches: each takes its turn to be the first.
 */
static unsigned take_bursts(struct probe *probe, uint64_t turn)
{
	const struct probe_config *config = probe->config;
	struct probe_scratch *s = probe->scratch;
	unsigned kept = 0;

	for (unsigned i = 0; i < config->clock_count; i++) {
		unsigned c = (unsigned)((turn + i) % config->clock_count);
		const struct probe_clock *clock = &config->clocks[c];
		unsigned count = probe_burst(clock, probe->bound, config->burst, s->burst);
		unsigned best = probe_count(clock, s->burst, count, &s->last[c], &probe->tallies[c]);

		if (count < config->burst)
			count_up(&probe->tallies[c].failed, config->burst - count);
		if (count == 0)
			continue;
		s->kept[kept] = (struct ring_entry){ s->burst[best], clock->index, probe->cpu };
		s->kept_clock[kept++] = c;
	}
	return kept;
}

static void hand_over(struct probe *probe, unsigned kept)
{
	struct probe_scratch *s = probe->scratch;

	for (unsigned i = 0; i < kept; i++) {
		struct tally *tally = &probe->tallies[s->kept_clock[i]];

		count_up(&tally->kept, 1);
		if (!ring_push(&probe->ring, &s->kept[i]))
			count_up(&tally->dropped, 1);
	}
}

static bool stopped(const struct probe *probe)
{
	return atomic_load_explicit(&probe->stop, memory_order_relaxed);
}

/* Sleeps to the instant, or until the probe is stopped.  One system call. */
static void wait_until(struct probe *probe, uint64_t ns)
{
	struct timespec at = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	while (sem_clockwait(&probe->wake, CLOCK_MONOTONIC, &at) && errno == EINTR)
		;
}

/* An event must not be lost to a full ring: it waits until the recorder made room. */
static void push_event(struct probe *probe, enum probe_event event)
{
	struct ring_entry entry = { { tsc_before(), event, 0 }, RING_EVENT, probe->bound };

	while (!ring_push(&probe->ring, &entry) && !stopped(probe))
		wait_until(probe, now_ns() + EVENT_RETRY_NS);
}

static bool on_own_cpu(const struct probe *probe)
{
	return !probe->config->bind || sched_getcpu() == probe->bound;
}

static bool bind_to(struct probe *probe, int cpu)
{
	if (probe->config->bind(probe->config->bind_context, cpu))
		return false;
	probe->bound = cpu;
	return true;
}

/* The target of the last move.  The bursts of those before it are over. */
static int take_up_move(struct probe *probe)
{
	unsigned moves = atomic_load_explicit(&probe->moves, memory_order_acquire);
	int target = atomic_load_explicit(&probe->target, memory_order_relaxed);

	atomic_store_explicit(&probe->moves_taken, moves, memory_order_release);
	return target;
}

/* Goes to a new target.  One that cannot be had is tried once, or each burst would pay for it; home, always. */
static void follow_target(struct probe *probe)
{
	int target = take_up_move(probe);

	if (target == probe->asked || !probe->config->bind)
		return;
	if (target == probe->bound || bind_to(probe, target) || target != probe->cpu)
		probe->asked = target;
}

/* xorshift64*: Marsaglia 2003, Vigna 2016.  Only spreads deadlines. */
static uint64_t dice_throw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

/*
 * Where in its interval a deadline stands, 0 to 1: the mean of two dice, in the middle most often.  A clock that counts
 * ticks must be read in all phases of its tick alike, or its drift is off, whatever the tick is: the unevenness that
 * this leaves falls with the square of interval / tick, that of a single die with interval / tick.
 */
static double spread(uint64_t *dice)
{
	double one = (double)(dice_throw(dice) >> 11) * 0x1p-53;

	return (one + (double)(dice_throw(dice) >> 11) * 0x1p-53) / 2;
}

/* The CPU is gone: ask for it again now and then, until it is back or the run ends.  Away, home will do. */
static void wait_for_cpu(struct probe *probe)
{
	push_event(probe, PROBE_LEFT_CPU);
	while (!stopped(probe)) {
		probe->asked = take_up_move(probe);
		if ((bind_to(probe, probe->asked) ||
			    (probe->asked != probe->cpu && bind_to(probe, probe->cpu))) &&
			on_own_cpu(probe)) {
			push_event(probe, PROBE_BACK_ON_CPU);
			memset(probe->scratch->last, 0, sizeof(probe->scratch->last));
			return;
		}
		wait_until(probe, now_ns() + REBIND_NS);
	}
}

/* Where the burst was taken, for those who moved the probe. */
static void note_place(struct probe *probe)
{
	int cpu = probe->config->bind ? probe->bound : sched_getcpu();

	atomic_store_explicit(&probe->ran_on, cpu, memory_order_relaxed);
}

static void sample_until_stopped(struct probe *probe)
{
	uint64_t interval = probe->config->interval_ns, start = now_ns(), turn = 0;
	uint64_t dice = probe->config->seed * 0x9e3779b97f4a7c15u + (uint64_t)probe->cpu + 1;

	dice = dice ? dice : 1;
	for (; !stopped(probe); turn++) {
		if (interval) {
			uint64_t late = now_ns() - start;
			double share = spread(&dice);

			if (late > (turn + 1) * interval) {
				count_up(&probe->place.late, late / interval - turn);
				turn = late / interval;
			}
			wait_until(probe, start + turn * interval + (uint64_t)(share * (double)interval));
			if (stopped(probe))
				break;
		}
		follow_target(probe);
		if (on_own_cpu(probe)) {
			unsigned kept = take_bursts(probe, turn);

			if (on_own_cpu(probe)) {
				note_place(probe);
				hand_over(probe, kept);
				continue;
			}
		}
		wait_for_cpu(probe);
	}
}

/* The TSC's step on this CPU, and the narrowest bracket around nothing. */
static void measure_tsc(struct probe_place *place)
{
	uint64_t first = tsc_before(), divisor = 0, narrowest = UINT64_MAX;

	for (int i = 0; i < NULL_BRACKETS; i++) {
		uint64_t lo = tsc_before(), hi = tsc_after();

		divisor = tsc_gcd(tsc_gcd(divisor, lo - first), hi - lo);
		if (hi - lo < narrowest)
			narrowest = hi - lo;
	}
	place->granularity_cycles = (double)divisor;
	place->null_bracket_cycles = (double)narrowest;
}

static void become_realtime(struct probe *probe)
{
	struct sched_param param = { .sched_priority = FIFO_PRIORITY };
	bool fifo = probe->config->realtime && probe->config->interval_ns &&
		    pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;

	strcpy(probe->place.scheduler, fifo ? "fifo" : "other");
	if (!fifo)
		prctl(PR_SET_TIMERSLACK, 1UL); /* wake on time without it, too */
}

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / (double)NS_PER_SEC;
}

static void *probe_main(void *argument)
{
	struct probe *probe = argument;
	const struct probe_config *config = probe->config;
	double cpu_time, wall;

	become_realtime(probe);
	probe->place.pinned = config->bind && bind_to(probe, probe->cpu);
	measure_tsc(&probe->place);
	cpu_time = seconds(CLOCK_THREAD_CPUTIME_ID);
	wall = seconds(CLOCK_MONOTONIC_RAW);
	if (config->bind && !probe->place.pinned)
		wait_for_cpu(probe);
	sample_until_stopped(probe);
	wall = seconds(CLOCK_MONOTONIC_RAW) - wall;
	probe->place.cpu_share = wall > 0 ? (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu_time) / wall : NAN;
	atomic_store_explicit(&probe->done, true, memory_order_release);
	return NULL;
}

int probe_start(struct probe *probe, const struct probe_config *config, int cpu, struct tally *tallies,
	struct error *err)
{
	pthread_attr_t attr;
	int rc;

	memset(probe, 0, sizeof(*probe));
	probe->config = config;
	probe->cpu = probe->asked = probe->bound = cpu;
	atomic_init(&probe->target, cpu);
	atomic_init(&probe->ran_on, -1);
	atomic_init(&probe->moves, 0);
	atomic_init(&probe->moves_taken, 0);
	probe->tallies = tallies;
	probe->place.cpu = cpu;
	probe->scratch = calloc(1, sizeof(*probe->scratch));
	if (!probe->scratch || ring_init(&probe->ring, RING_SIZE)) {
		probe_free(probe);
		return error_set(err, -ENOMEM, "out of memory for the probe of CPU %d", cpu);
	}
	/* Touched by calloc and memset already; locked so that it stays. */
	probe->place.locked = mlock(probe->scratch, sizeof(*probe->scratch)) == 0 &&
			      mlock(probe->ring.entries, RING_SIZE * sizeof(struct ring_entry)) == 0;
	memset(probe->scratch, 0, sizeof(*probe->scratch));
	sem_init(&probe->wake, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256u << 10);
	rc = pthread_create(&probe->thread, &attr, probe_main, probe);
	pthread_attr_destroy(&attr);
	if (rc) {
		sem_destroy(&probe->wake);
		probe_free(probe);
		return error_set(err, -rc, "cannot start the probe of CPU %d: %s", cpu, strerror(rc));
	}
	return 0;
}

void probe_move(struct probe *probe, int cpu)
{
	atomic_store_explicit(&probe->target, cpu, memory_order_relaxed);
	atomic_fetch_add_explicit(&probe->moves, 1, memory_order_release);
}

bool probe_is_home(const struct probe *probe)
{
	unsigned taken = atomic_load_explicit(&probe->moves_taken, memory_order_acquire);
	int cpu = atomic_load_explicit(&probe->ran_on, memory_order_relaxed);

	return taken == atomic_load_explicit(&probe->moves, memory_order_relaxed) &&
	       (cpu == probe->cpu || cpu == -1);
}

void probe_stop(struct probe *probe)
{
	atomic_store_explicit(&probe->stop, true, memory_order_relaxed);
	sem_post(&probe->wake);
	pthread_join(probe->thread, NULL);
	sem_destroy(&probe->wake);
}

void probe_free(struct probe *probe)
{
	ring_free(&probe->ring);
	free(probe->scratch);
	probe->scratch = NULL;
}
