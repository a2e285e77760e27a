/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A clock that can be read: one file probes/clock_NAME.c, defining
 *
 *   const struct clock_reader clock_NAME = { ... };
 *
 * The Makefile collects the descriptors from the file names, so nothing else
 * has to be edited.
 */
#ifndef PROBES_CLOCK_READER_H
#define PROBES_CLOCK_READER_H

#include <stddef.h>
#include <stdint.h>

#include "results/clock_info.h"
#include "results/error.h"
#include "results/reading.h"

/* Which physical oscillator a clock follows, as far as the reader knows it. */
enum oscillator {
	OSCILLATOR_TSC,		/* the CPU's time stamp counter */
	OSCILLATOR_CLOCKSOURCE, /* whatever feeds current_clocksource: resolved when the run starts */
	OSCILLATOR_PLATFORM,	/* the board's timer crystal: HPET and ACPI PM timer */
	OSCILLATOR_RTC,		/* the 32 kHz crystal of the real-time clock */
	OSCILLATOR_REMOTE,	/* another machine, a network card, the host */
	OSCILLATOR_OWN,		/* its own: the sim clock */
};

#define CLOCK_OUTPUTS_MAX 4

/* A further clock that every reading of a slow one yields: a peer serves four at once. */
struct clock_output {
	const char *suffix; /* its name is that of the clock, '_' and this */
	enum unit unit;
	bool steered;
	enum oscillator own; /* what it follows where traits say own_machine */
};

/* Filled by open: what is only known once the clock is open.  Zero and empty mean the default. */
struct clock_traits {
	double hz;     /* nominal ticks per second, for UNIT_TICKS; ignored for UNIT_NS */
	unsigned bits; /* counter width, for UNIT_TICKS; ignored for UNIT_NS */
	void *state;   /* handed to read, read_bracket and close; owned by the reader */
	char name
		[CLOCK_NAME_MAX]; /* where one reader serves several clocks (NTP servers); else the reader's */
	char oscillator[CLOCK_OSCILLATOR_MAX]; /* label; else the clock's name for OSCILLATOR_REMOTE */
	uint64_t interval_min_ns; /* CADENCE_SLOW: it is not asked more often; else once a second */
	bool own_machine; /* OSCILLATOR_REMOTE: this machine's kernel clock, after all: OSCILLATOR_CLOCKSOURCE */
	bool steered;	  /* adjtimex changes its rate, though the reader does not say so of all of them */
	bool burst;	  /* CADENCE_SLOW: take a burst each time and keep the narrowest; else one */
};

/* What a reader may want to know of the machine; valid for the call only. */
struct clock_setup {
	const char *options; /* the text after "NAME:" of --clocks, or NULL */
	double tsc_hz;	     /* nominal TSC frequency in Hz */
	uint64_t seed;	     /* of the run */
	double interval_s;   /* between two bursts; 0: back to back, or not known */
	unsigned burst;	     /* readings of one; 0: not known */
};

struct clock_reader {
	const char *name;    /* as in --clocks and in run.json */
	const char *summary; /* one line for `clkdrift list clocks` */
	const char *options; /* help for the options behind "NAME:", or NULL if it takes none */
	enum unit unit;
	enum oscillator oscillator;
	enum cadence cadence;
	bool steered;			 /* adjtimex changes its rate */
	bool optional;			 /* not part of the default set: must be named in --clocks */
	bool several;			 /* may be opened more than once, with other options */
	const struct clock_output *also; /* CADENCE_SLOW: ends with a NULL suffix; NULL: none */
	/*
	 * Opens the clock.  Called once, before the probe threads are made (they
	 * inherit I/O permissions).  Returns 0, or -errno with one line in err that
	 * says why the clock cannot be read here and, where there is a remedy, which.
	 * On failure nothing is left open.
	 */
	int (*open)(const struct clock_setup *setup, struct clock_traits *traits, struct error *err);
	/*
	 * Reads the clock once, in its unit.  Called from every probe thread at the
	 * same time, between two TSC reads.  Must not block, allocate, lock or print.
	 */
	uint64_t (*read)(void *state);
	/*
	 * Instead of read, for clocks that deliver a ready bracket.  Fills *reading
	 * (reading[0], and one more for each of `also`) and returns 0, or returns -errno: no reading this time (counted as failed;
	 * -EAGAIN of a slow clock: it was not due, and is not counted).
	 * For CADENCE_TIGHT the rules of read hold and cpu is the caller's; for CADENCE_SLOW
	 * it may block for up to 2 s.
	 */
	int (*read_bracket)(void *state, int cpu, struct reading *reading);
	void (*close)(void *state); /* may be NULL */
};

/* All readers, in the order of their names; ends with NULL.  Generated. */
extern const struct clock_reader *const clock_readers[];

/* The reader of that name, or NULL. */
const struct clock_reader *clock_reader_find(const char *name);

#endif
