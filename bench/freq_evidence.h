/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What a watch over frequencies proves, in words. */
#ifndef BENCH_FREQ_EVIDENCE_H
#define BENCH_FREQ_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/disturbance.h"
#include "bench/freq_watch.h"

/* Appends to the text, after "; ". */
void freq_say(struct evidence *evidence, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The range of what was seen. */
void freq_say_seen(struct evidence *evidence, const struct freq_watch *watch);

/* True if each policy was near the frequency that was asked for (FREQ_LOW) in at least 90 % of the looks. */
bool freq_say_held(struct evidence *evidence, const struct freq_watch *watch);

/* True if each policy was seen at both ends, or counted at least 90 % of the toggles as transitions. */
bool freq_say_toggled(struct evidence *evidence, const struct freq_watch *watch, uint64_t toggles);

#endif
