/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The entries of the restore journal that concern clocks: how a change is noted, and how it is undone. */
#ifndef BENCH_JOURNAL_TIME_H
#define BENCH_JOURNAL_TIME_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "results/error.h"

/*
 * Each makes a new JSON object that says what to put back, before the change is made.  NULL: out of
 * memory or it cannot be read; err is set.  Times are in ns.
 *
 * timex   {"kind":"timex", "freq", "tick", "status", "maxerror", "esterror", "raw_ns"}  as adjtimex(2)
 *         has them; raw_ns: CLOCK_MONOTONIC_RAW
 * step    {"kind":"time-step", "ns", "offset_ns", "offset_error_ns"}  offset: realtime - boottime, which
 *         changes when the time is set, and neither by slewing nor in a suspend
 * slew    {"kind":"time-slew", "ns", "offset_ns", "offset_error_ns", "ahead_ns", "raw_ns", "freq",
 *         "tick"}  ahead: monotonic - monotonic_raw
 */
json_t *journal_timex_record(struct error *err);
json_t *journal_step_record(int64_t ns, struct error *err);
json_t *journal_slew_record(int64_t ns, struct error *err);

/*
 * Undo one; 0, or -errno with err.  text (size bytes) gets a sentence on what was done, or why nothing
 * was: a change that was never made, or was undone, or that somebody else has gone over, is left.
 *
 * timex   frequency, tick, and the bits of the status that can be written; read back and compared.
 * step    realtime is stepped back by exactly -ns.
 * slew    What was still to come is cancelled, and realtime is stepped back by what was slewed.
 *         Monotonic keeps the slewed part: it cannot be stepped.  Takes up to some seconds.
 *
 * The kernel's state of synchronisation (STA_UNSYNC, maxerror) is lost when time is stepped, both ways:
 * journal timex first, so that it is undone last.
 */
int journal_timex_undo(const json_t *entry, char *text, size_t size, struct error *err);
int journal_step_undo(const json_t *entry, char *text, size_t size, struct error *err);
int journal_slew_undo(const json_t *entry, char *text, size_t size, struct error *err);

#endif
