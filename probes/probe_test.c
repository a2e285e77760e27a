/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <sched.h>

/* The tests of moving have a machine of their own, so that they need no second CPU. */
static int getcpu_for_test(void);
#define sched_getcpu getcpu_for_test
#include "probes/probe.c"
#undef sched_getcpu

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CLOCKS	    2
#define DEADLINE_MS 10000

/* A clock whose answers come from a list. */
struct script {
	const struct reading *readings;
	const int *codes; /* NULL: always 0 */
	unsigned count, next;
};

static int script_read_bracket(void *state, int cpu, struct reading *reading)
{
	struct script *s = state;
	unsigned i = s->next++ % s->count;

	(void)cpu;
	*reading = s->readings[i];
	return s->codes ? s->codes[i] : 0;
}

static uint64_t count_reads(void *state)
{
	return atomic_fetch_add((atomic_ullong *)state, 1);
}

static int never(void *state, int cpu, struct reading *reading)
{
	(void)state, (void)cpu, (void)reading;
	return -EIO;
}

static const struct clock_reader scripted = { .name = "scripted", .read_bracket = script_read_bracket },
				 counting = { .name = "counting", .read = count_reads },
				 failing = { .name = "failing", .read_bracket = never };

static struct probe_clock clock_of(const struct clock_reader *reader, void *state, unsigned bits)
{
	return (struct probe_clock){
		.reader = reader, .state = state, .bits = bits, .turn = bits < 64 ? 1000 : UINT64_MAX
	};
}

static struct histogram brackets[CLOCKS];

static void tallies_reset(struct tally tallies[CLOCKS])
{
	memset(brackets, 0, sizeof(brackets));
	for (unsigned i = 0; i < CLOCKS; i++)
		tallies[i] = (struct tally){ .clock = i, .brackets = &brackets[i] };
}

/* Counts a burst that follows the reading `before`. */
static unsigned count_burst(unsigned bits, struct reading before, const struct reading *burst, unsigned count,
	struct tally *tally)
{
	struct probe_clock clock = clock_of(&scripted, NULL, bits);

	return probe_count(&clock, burst, count, &before, tally);
}

static void test_narrowest_is_kept(void **state)
{
	const struct reading burst[] = { { 100, 1, 150 }, { 200, 2, 220 }, { 300, 3, 340 }, { 400, 4, 420 } };
	struct tally tallies[CLOCKS];

	(void)state;
	tallies_reset(tallies);
	/* Of two equally narrow ones the later: caches are warmer. */
	assert_int_equal(count_burst(64, (struct reading){ 0 }, burst, 4, tallies), 3);
	assert_int_equal(tallies->readings, 4);
	assert_int_equal(tallies->inverted, 0);
	assert_int_equal(brackets->total, 4);
	assert_int_equal(brackets->count[20], 2);
	assert_int_equal(brackets->count[50], 1);
}

/* Inverted brackets are counted and not taken while there is another; alone they are kept. */
static void test_inverted(void **state)
{
	const struct reading burst[] = { { 100, 1, 90 }, { 200, 2, 290 }, { 300, 3, 200 } };
	struct tally tallies[CLOCKS];

	(void)state;
	tallies_reset(tallies);
	assert_int_equal(count_burst(64, (struct reading){ 0 }, burst, 3, tallies), 1);
	assert_int_equal(tallies->inverted, 2);
	assert_int_equal(tallies->readings, 3);
	/* The histogram holds what has a width, so that its quantiles are of those. */
	assert_int_equal(brackets->total, 1);
	assert_int_equal(count_burst(64, (struct reading){ 0 }, burst, 1, tallies), 0);
	assert_int_equal(tallies->inverted, 3);
}

static void test_nothing_taken(void **state)
{
	struct reading last = { 1, 2, 3 }, nothing = { 0 };
	struct probe_clock clock = clock_of(&failing, NULL, 64);
	struct tally tallies[CLOCKS];

	(void)state;
	tallies_reset(tallies);
	assert_int_equal(probe_count(&clock, &nothing, 0, &last, tallies), 0);
	assert_int_equal(last.tsc_lo, 1);
	assert_int_equal(tallies->readings, 0);
}

static void test_backward_within_and_between_bursts(void **state)
{
	const struct reading burst[] = { { 100, 50, 110 }, { 120, 45, 130 }, { 140, 46, 150 },
		{ 160, 46, 170 } };
	struct tally tallies[CLOCKS];

	(void)state;
	tallies_reset(tallies);
	count_burst(64, (struct reading){ 0, 1000, 0 }, burst, 4, tallies); /* no reading before */
	assert_int_equal(tallies->backward, 1);
	assert_int_equal(tallies->max_backward, 5);
	count_burst(64, (struct reading){ 10, 1000, 20 }, burst, 4, tallies);
	assert_int_equal(tallies->backward, 3);
	assert_int_equal(tallies->max_backward, 950);
}

/* A turn of a narrow counter is no step back; a step back through its zero is one. */
static void test_backward_of_a_narrow_counter(void **state)
{
	const struct reading turned = { 100, 3, 110 }, back = { 100, 0xfffff0, 110 },
			     long_after = { 5000, 0xfffff0, 5010 };
	struct tally tallies[CLOCKS];

	(void)state;
	tallies_reset(tallies);
	count_burst(24, (struct reading){ 80, 0xffffff, 90 }, &turned, 1, tallies);
	assert_int_equal(tallies->backward, 0);
	count_burst(24, (struct reading){ 80, 2, 90 }, &back, 1, tallies);
	assert_int_equal(tallies->backward, 1);
	assert_int_equal(tallies->max_backward, 18);
	/* More than half a turn has passed: nobody can tell. */
	count_burst(24, (struct reading){ 80, 2, 90 }, &long_after, 1, tallies);
	assert_int_equal(tallies->backward, 1);
}

/* Times before 1970 are two's complement: from -1 to 0 is forward. */
static void test_through_zero_is_forward(void **state)
{
	const struct reading burst = { 100, 0, 110 };
	struct tally tallies[CLOCKS];

	(void)state;
	tallies_reset(tallies);
	count_burst(64, (struct reading){ 80, UINT64_MAX, 90 }, &burst, 1, tallies);
	assert_int_equal(tallies->backward, 0);
}

static void test_burst_of_a_plain_reader(void **state)
{
	atomic_ullong reads = 7;
	struct probe_clock clock = clock_of(&counting, &reads, 64);
	struct reading buffer[5];

	(void)state;
	assert_int_equal(probe_burst(&clock, 0, 5, buffer), 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(buffer[i].value, 7 + i);
		assert_true(buffer[i].tsc_hi > buffer[i].tsc_lo);
	}
}

static void test_burst_leaves_failures_out(void **state)
{
	const struct reading readings[] = { { 1, 10, 2 }, { 3, 11, 4 }, { 5, 12, 6 }, { 7, 13, 8 } };
	const int codes[] = { 0, -EIO, -EIO, 0 };
	struct script script = { readings, codes, 4, 0 };
	struct probe_clock clock = clock_of(&scripted, &script, 64);
	struct reading buffer[4];

	(void)state;
	assert_int_equal(probe_burst(&clock, 0, 4, buffer), 2);
	assert_int_equal(buffer[0].value, 10);
	assert_int_equal(buffer[1].value, 13);
}

static void test_gcd(void **state)
{
	(void)state;
	assert_int_equal(tsc_gcd(0, 26), 26);
	assert_int_equal(tsc_gcd(26, 0), 26);
	assert_int_equal(tsc_gcd(78, 52), 26);
	assert_int_equal(tsc_gcd(13, 7), 1);
}

static void test_tsc_step(void **state)
{
	struct probe_place place = { 0 };

	(void)state;
	measure_tsc(&place);
	assert_true(place.granularity_cycles >= 1);
	assert_true(place.null_bracket_cycles >= place.granularity_cycles);
	assert_true(fmod(place.null_bracket_cycles, place.granularity_cycles) == 0);
}

static void test_snapshot(void **state)
{
	struct tally from[CLOCKS], to[CLOCKS];

	(void)state;
	tallies_reset(from);
	to[0] = (struct tally){ .brackets = &brackets[1] };
	from[0] = (struct tally){ .cpu = 3,
		.clock = 1,
		.readings = 2,
		.kept = 3,
		.dropped = 4,
		.failed = 5,
		.inverted = 6,
		.backward = 7,
		.max_backward = 8,
		.brackets = &brackets[0] };
	histogram_add(&brackets[0], 40);
	tally_snapshot(from, to);
	assert_ptr_equal(to->brackets, &brackets[1]);
	assert_int_equal(brackets[1].count[40], 1);
	assert_int_equal(brackets[1].total, 1);
	to->brackets = from->brackets;
	assert_memory_equal(to, from, sizeof(*to));
}

/* ---- with its thread ---- */

struct fixture {
	struct probe_clock clocks[CLOCKS];
	struct probe_config config;
	struct tally tallies[CLOCKS];
	atomic_ullong reads;
	struct probe probe;
};

static void fixture_init(struct fixture *f, uint64_t interval_ns)
{
	memset(f, 0, sizeof(*f));
	f->clocks[0] = clock_of(&counting, &f->reads, 64);
	f->clocks[1] = clock_of(&failing, NULL, 64);
	f->clocks[1].index = 1;
	f->config = (struct probe_config){
		.clocks = f->clocks, .clock_count = CLOCKS, .interval_ns = interval_ns, .burst = 4, .seed = 1
	};
	tallies_reset(f->tallies);
}

static void start(struct fixture *f, int cpu)
{
	struct error err = { "" };

	assert_int_equal(probe_start(&f->probe, &f->config, cpu, f->tallies, &err), 0);
}

static uint64_t seen(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void pause_ms(unsigned ms)
{
	struct timespec t = { 0, (long)(ms * NS_PER_MS) };

	nanosleep(&t, NULL);
}

static void await_counter(const uint64_t *counter, uint64_t least)
{
	for (unsigned ms = 0; seen(counter) < least; ms++) {
		if (ms > DEADLINE_MS)
			fail_msg("%llu of %llu in %d ms", (unsigned long long)seen(counter),
				(unsigned long long)least, DEADLINE_MS);
		pause_ms(1);
	}
}

/* Nobody drains: the ring fills, everything after is counted as dropped, and nothing is lost silently. */
static void test_full_ring_is_counted(void **state)
{
	const struct ring_entry *entries;
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	start(&f, 0);
	await_counter(&f.tallies[0].dropped, 1000);
	probe_stop(&f.probe);
	assert_int_equal(ring_peek(&f.probe.ring, &entries), RING_SIZE);
	assert_int_equal(f.tallies[0].kept, RING_SIZE + f.tallies[0].dropped);
	assert_int_equal(f.tallies[0].readings, 4 * f.tallies[0].kept);
	assert_int_equal(f.tallies[0].readings, atomic_load(&f.reads));
	for (unsigned i = 0; i < RING_SIZE; i++)
		assert_int_equal(entries[i].clock, 0);
	/* The clock that always fails: four readings a turn, all told. */
	assert_int_equal(f.tallies[1].failed, f.tallies[0].readings);
	assert_int_equal(f.tallies[1].kept, 0);
	assert_true(atomic_load(&f.probe.done));
	assert_string_equal(f.probe.place.scheduler, "other");
	probe_free(&f.probe);
}

/* The wait of an hour ends at once when the probe is stopped. */
static void test_stop_ends_a_long_wait(void **state)
{
	struct fixture f;
	uint64_t before;

	(void)state;
	fixture_init(&f, 3600 * NS_PER_SEC);
	start(&f, 0);
	pause_ms(20);
	before = now_ns();
	probe_stop(&f.probe);
	assert_true(now_ns() - before < DEADLINE_MS * NS_PER_MS);
	assert_int_equal(f.tallies[0].readings, 0);
	probe_free(&f.probe);
}

/* Deadlines hold their places: on average one a interval, spread over it. */
static void test_deadlines(void **state)
{
	const struct ring_entry *entries;
	struct fixture f;
	uint64_t turns;

	(void)state;
	fixture_init(&f, 1 * NS_PER_MS);
	start(&f, 0);
	await_counter(&f.tallies[0].kept, 100);
	probe_stop(&f.probe);
	turns = ring_peek(&f.probe.ring, &entries);
	assert_int_equal(turns, f.tallies[0].kept);
	/* Every deadline was either kept or told as late. */
	for (uint64_t i = 1; i < turns; i++)
		assert_true(entries[i].reading.tsc_lo > entries[i - 1].reading.tsc_hi);
	assert_true(f.probe.place.cpu_share > 0 && f.probe.place.cpu_share <= 1.01);
	probe_free(&f.probe);
}

static int pretend_gone(void *context, int cpu)
{
	(void)cpu;
	return atomic_load((atomic_int *)context);
}

static int bind_for_real(void *context, int cpu)
{
	cpu_set_t set;
	int rc = pretend_gone(context, cpu);

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (rc == 0 && pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		rc = -EINVAL;
	return rc;
}

static int allowed_cpu(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			return cpu;
	return -1;
}

/* Waits for the next event in the ring, releasing all before it. */
static void await_event(struct ring *ring, enum probe_event wanted)
{
	for (unsigned ms = 0; ms < DEADLINE_MS; ms++, pause_ms(1)) {
		const struct ring_entry *entries;
		size_t count = ring_peek(ring, &entries);

		for (size_t i = 0; i < count; i++) {
			if (entries[i].clock != RING_EVENT)
				continue;
			assert_int_equal(entries[i].reading.value, wanted);
			ring_release(ring, i + 1);
			return;
		}
		ring_release(ring, count);
	}
	fail_msg("event %d did not come", wanted);
}

/* A CPU that cannot be had from the start, comes, and is sampled. */
static void test_cpu_comes_back(void **state)
{
	struct fixture f;
	atomic_int code = -EXDEV;

	(void)state;
	fixture_init(&f, 1 * NS_PER_MS);
	f.config.bind = bind_for_real;
	f.config.bind_context = &code;
	start(&f, allowed_cpu());
	await_event(&f.probe.ring, PROBE_LEFT_CPU);
	assert_int_equal(seen(&f.tallies[0].readings), 0);
	atomic_store(&code, 0);
	await_event(&f.probe.ring, PROBE_BACK_ON_CPU);
	await_counter(&f.tallies[0].readings, 1);
	probe_stop(&f.probe);
	probe_free(&f.probe);
}

/* The full ring of --interval 0 must not swallow the news that the CPU is gone. */
static void test_event_waits_for_room(void **state)
{
	const struct ring_entry *entries;
	struct ring_entry filler = { { 1, 1, 1 }, 0, 0 };
	struct fixture f;
	atomic_int code = -EXDEV;
	size_t count;

	(void)state;
	fixture_init(&f, 1 * NS_PER_MS);
	f.config.bind = pretend_gone;
	f.config.bind_context = &code;
	memset(&f.probe, 0, sizeof(f.probe));
	assert_int_equal(ring_init(&f.probe.ring, 8), 0);
	f.probe.config = &f.config;
	sem_init(&f.probe.wake, 0, 0);
	while (ring_push(&f.probe.ring, &filler))
		;
	atomic_store(&f.probe.stop, true); /* one that is to end does not wait */
	push_event(&f.probe, PROBE_LEFT_CPU);
	assert_int_equal(ring_peek(&f.probe.ring, &entries), 8);
	ring_release(&f.probe.ring, 1);
	atomic_store(&f.probe.stop, false);
	push_event(&f.probe, PROBE_LEFT_CPU);
	ring_release(&f.probe.ring, 7);
	count = ring_peek(&f.probe.ring, &entries);
	assert_int_equal(count, 1);
	assert_int_equal(entries[0].clock, RING_EVENT);
	sem_destroy(&f.probe.wake);
	ring_free(&f.probe.ring);
}

/* A CPU that never comes does not keep the run from ending. */
static void test_stop_while_the_cpu_is_gone(void **state)
{
	struct fixture f;
	atomic_int code = -EXDEV;

	(void)state;
	fixture_init(&f, 1 * NS_PER_MS);
	f.config.bind = pretend_gone;
	f.config.bind_context = &code;
	start(&f, 0);
	await_event(&f.probe.ring, PROBE_LEFT_CPU);
	probe_stop(&f.probe);
	assert_int_equal(f.tallies[0].readings, 0);
	assert_false(f.probe.place.pinned);
	probe_free(&f.probe);
}

/* ---- moving ---- */

#define HOME	  3
#define AWAY	  7
#define BINDS_MAX 64

/* One thread on a machine of which it can have the CPUs that are not refused. */
static struct {
	atomic_bool used;
	atomic_int cpu;	    /* where the thread is */
	atomic_int refused; /* -1: none */
	atomic_int binds[BINDS_MAX];
	atomic_uint bind_count;
	atomic_bool held;    /* reads on AWAY wait */
	atomic_bool waiting; /* one does */
} machine;

static int getcpu_for_test(void)
{
	return atomic_load(&machine.used) ? atomic_load(&machine.cpu) : sched_getcpu();
}

static int bind_on_machine(void *context, int cpu)
{
	unsigned n = atomic_fetch_add(&machine.bind_count, 1);

	(void)context;
	if (n < BINDS_MAX)
		atomic_store(&machine.binds[n], cpu);
	if (cpu == atomic_load(&machine.refused))
		return -EINVAL;
	atomic_store(&machine.cpu, cpu);
	return 0;
}

/* A clock that is ahead by a million on AWAY. */
static int read_uneven(void *state, int cpu, struct reading *reading)
{
	for (unsigned ms = 0; cpu == AWAY && atomic_load(&machine.held) && ms < DEADLINE_MS; ms++) {
		atomic_store(&machine.waiting, true);
		pause_ms(1);
	}

	uint64_t value = atomic_fetch_add((atomic_ullong *)state, 1);

	*reading = (struct reading){ tsc_before(), value + (cpu == AWAY ? 1000000 : 0), 0 };
	reading->tsc_hi = tsc_after();
	return 0;
}

static const struct clock_reader uneven = { .name = "uneven", .read_bracket = read_uneven };

static void start_on_machine(struct fixture *f)
{
	fixture_init(f, 1 * NS_PER_MS);
	f->clocks[1] = clock_of(&uneven, &f->reads, 64);
	f->clocks[1].index = 1;
	f->config.bind = bind_on_machine;
	atomic_store(&machine.bind_count, 0);
	atomic_store(&machine.cpu, 0);
	atomic_store(&machine.refused, -1);
	atomic_store(&machine.held, false);
	atomic_store(&machine.waiting, false);
	atomic_store(&machine.used, true);
	start(f, HOME);
}

static void stop_on_machine(struct fixture *f)
{
	probe_stop(&f->probe);
	atomic_store(&machine.used, false);
}

static void await_int(atomic_int *value, int wanted)
{
	for (unsigned ms = 0; atomic_load(value) != wanted; ms++) {
		if (ms > DEADLINE_MS)
			fail_msg("%d instead of %d after %d ms", atomic_load(value), wanted, DEADLINE_MS);
		pause_ms(1);
	}
}

/* Some bursts later. */
static void await_bursts(struct fixture *f)
{
	await_counter(&f->tallies[1].kept, seen(&f->tallies[1].kept) + 5);
}

static void test_moves_and_comes_home(void **state)
{
	static const int binds[] = { HOME, AWAY, HOME };
	const struct ring_entry *entries;
	struct fixture f;
	size_t count;

	(void)state;
	start_on_machine(&f);
	await_int(&f.probe.ran_on, HOME);
	probe_move(&f.probe, AWAY);
	await_int(&f.probe.ran_on, AWAY);
	await_bursts(&f);
	probe_move(&f.probe, HOME);
	await_int(&f.probe.ran_on, HOME);
	await_bursts(&f);
	stop_on_machine(&f);
	/* Bound when it moved, and never else. */
	assert_int_equal(atomic_load(&machine.bind_count), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(atomic_load(&machine.binds[i]), binds[i]);
	/* No burst is lost, none is an event, all are under home. */
	count = ring_peek(&f.probe.ring, &entries);
	assert_int_equal(count, f.tallies[0].kept + f.tallies[1].kept);
	assert_int_equal(f.tallies[1].readings, 4 * f.tallies[1].kept);
	for (size_t i = 0; i < count; i++) {
		assert_int_not_equal(entries[i].clock, RING_EVENT);
		assert_int_equal(entries[i].cpu, HOME);
	}
	/* What it read there is held against what it reads here. */
	assert_int_equal(f.tallies[1].backward, 1);
	assert_true(f.tallies[1].max_backward > 900000);
	assert_int_equal(f.tallies[0].backward, 0);
	probe_free(&f.probe);
}

/* It goes on where it is, without a system call a burst, and a later move is followed. */
static void test_refused_target(void **state)
{
	struct fixture f;

	(void)state;
	start_on_machine(&f);
	atomic_store(&machine.refused, 9);
	await_int(&f.probe.ran_on, HOME);
	probe_move(&f.probe, 9);
	await_bursts(&f);
	assert_int_equal(atomic_load(&f.probe.ran_on), HOME);
	assert_int_equal(atomic_load(&machine.bind_count), 2);
	probe_move(&f.probe, AWAY);
	await_int(&f.probe.ran_on, AWAY);
	stop_on_machine(&f);
	assert_int_equal(f.tallies[1].readings, 4 * f.tallies[1].kept);
	probe_free(&f.probe);
}

/* A home that is not to be had for a while takes it back later. */
static void test_home_is_asked_for_again(void **state)
{
	struct fixture f;

	(void)state;
	start_on_machine(&f);
	probe_move(&f.probe, AWAY);
	await_int(&f.probe.ran_on, AWAY);
	atomic_store(&machine.refused, HOME);
	probe_move(&f.probe, HOME);
	await_bursts(&f);
	assert_int_equal(atomic_load(&f.probe.ran_on), AWAY);
	atomic_store(&machine.refused, -1);
	await_int(&f.probe.ran_on, HOME);
	stop_on_machine(&f);
	probe_free(&f.probe);
}

/* The CPU that it was sent to goes offline: it tells, and goes home. */
static void test_cpu_is_lost_while_away(void **state)
{
	struct fixture f;

	(void)state;
	start_on_machine(&f);
	probe_move(&f.probe, AWAY);
	await_int(&f.probe.ran_on, AWAY);
	atomic_store(&machine.refused, AWAY);
	atomic_store(&machine.cpu, 5);
	await_event(&f.probe.ring, PROBE_LEFT_CPU);
	await_event(&f.probe.ring, PROBE_BACK_ON_CPU);
	await_int(&f.probe.ran_on, HOME);
	stop_on_machine(&f);
	probe_free(&f.probe);
}

/* A burst elsewhere that is under way when home is asked for: its last burst is still the one at home. */
static void test_is_home_after_the_burst_away(void **state)
{
	struct fixture f;

	(void)state;
	start_on_machine(&f);
	await_int(&f.probe.ran_on, HOME);
	assert_true(probe_is_home(&f.probe));
	atomic_store(&machine.held, true);
	probe_move(&f.probe, AWAY);
	for (unsigned ms = 0; !atomic_load(&machine.waiting) && ms < DEADLINE_MS; ms++)
		pause_ms(1);
	assert_true(atomic_load(&machine.waiting));
	probe_move(&f.probe, HOME);
	assert_int_equal(atomic_load(&f.probe.ran_on), HOME);
	assert_false(probe_is_home(&f.probe));
	atomic_store(&machine.held, false);
	for (unsigned ms = 0; !probe_is_home(&f.probe) && ms < DEADLINE_MS; ms++)
		pause_ms(1);
	assert_true(probe_is_home(&f.probe));
	assert_int_equal(atomic_load(&machine.cpu), HOME);
	assert_int_equal(atomic_load(&machine.bind_count), 3);
	stop_on_machine(&f);
	probe_free(&f.probe);
}

/* The same with the kernel's own scheduler. */
static void test_moves_for_real(void **state)
{
	struct fixture f;
	atomic_int code = 0;
	cpu_set_t set;
	int home = allowed_cpu(), away = home + 1;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (away < CPU_SETSIZE && !CPU_ISSET((size_t)away, &set))
		away++;
	if (away == CPU_SETSIZE) {
		print_message("needs two CPUs\n");
		skip();
	}
	fixture_init(&f, 1 * NS_PER_MS);
	f.config.bind = bind_for_real;
	f.config.bind_context = &code;
	start(&f, home);
	for (int i = 0; i < 4; i++) {
		probe_move(&f.probe, i % 2 ? home : away);
		await_int(&f.probe.ran_on, i % 2 ? home : away);
	}
	probe_stop(&f.probe);
	assert_int_equal(f.tallies[0].readings, 4 * f.tallies[0].kept);
	probe_free(&f.probe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrowest_is_kept),
		cmocka_unit_test(test_inverted),
		cmocka_unit_test(test_nothing_taken),
		cmocka_unit_test(test_backward_within_and_between_bursts),
		cmocka_unit_test(test_backward_of_a_narrow_counter),
		cmocka_unit_test(test_through_zero_is_forward),
		cmocka_unit_test(test_burst_of_a_plain_reader),
		cmocka_unit_test(test_burst_leaves_failures_out),
		cmocka_unit_test(test_gcd),
		cmocka_unit_test(test_tsc_step),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_full_ring_is_counted),
		cmocka_unit_test(test_stop_ends_a_long_wait),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_cpu_comes_back),
		cmocka_unit_test(test_event_waits_for_room),
		cmocka_unit_test(test_stop_while_the_cpu_is_gone),
		cmocka_unit_test(test_moves_and_comes_home),
		cmocka_unit_test(test_refused_target),
		cmocka_unit_test(test_home_is_asked_for_again),
		cmocka_unit_test(test_cpu_is_lost_while_away),
		cmocka_unit_test(test_is_home_after_the_burst_away),
		cmocka_unit_test(test_moves_for_real),
	};

	tsc_init();
	return cmocka_run_group_tests_name("probes/probe", tests, NULL, NULL);
}
