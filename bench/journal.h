/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The restore journal: what must be put back, written and flushed before each
 * change of the machine.
 *
 * /run/clkdrift/journal holds JSON lines: a head, then one line a change.  Its
 * holder keeps an flock() on it, so a journal that can be locked and is not empty
 * belongs to a dead run.  A small process of its own, the keeper, waits for the
 * end of the run and puts the machine back if the run crashed or was killed.  Only
 * if the keeper is killed too, `clkdrift restore` is needed.
 *
 * Entries are undone in reverse order.  Undoing twice does no harm.
 */
#ifndef BENCH_JOURNAL_H
#define BENCH_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "bench/sysfs.h"
#include "results/error.h"

#define JOURNAL_DIR "/run/clkdrift"

struct journal;

/*
 * Takes the journal of this machine and starts the keeper; call it before any thread is started.
 * -EBUSY: another run holds it; -EEXIST: a dead run left one; else -errno.  The scenario's name is for
 * the reader.
 */
int journal_open(struct journal **journal, const char *scenario, struct error *err);

/* Undoes what is left, removes the journal, ends the keeper.  NULL is fine. */
int journal_close(struct journal *journal, struct error *err);

/* Where the journal stands, for journal_undo(). */
size_t journal_mark(const struct journal *journal);

/* Undoes everything since the mark.  Goes on after a failure; returns the first one, and keeps its entries. */
int journal_undo(struct journal *journal, size_t mark, struct error *err);

/* Records a file's present text (sysfs, procfs: at most 4095 bytes) before it is written by anybody. */
int journal_add_file(struct journal *journal, const char *path, struct error *err);

/* Records adjtimex frequency, tick and status. */
int journal_add_timex(struct journal *journal, struct error *err);

/* Records that realtime is about to be stepped by that much (ADJ_SETOFFSET). */
int journal_add_step(struct journal *journal, int64_t ns, struct error *err);

/* Records that realtime is about to be slewed by that much (ADJ_OFFSET_SINGLESHOT). */
int journal_add_slew(struct journal *journal, int64_t ns, struct error *err);

/* Records the file's present value, then writes the new one. */
int journal_write_file(struct journal *journal, const char *path, const char *value, struct error *err);

/*
 * For `clkdrift restore`: undoes the journal of a dead run.  tell is called with a sentence for each
 * entry.  *undone: entries; 0: there was nothing to undo.  -EBUSY while a run holds the journal.
 */
int journal_restore(size_t *undone, void (*tell)(const char *text), struct error *err);

#endif
