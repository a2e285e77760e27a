/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Inside of inspect*.c: adding findings, one file per theme. */
#ifndef BENCH_INSPECT_FINDINGS_H
#define BENCH_INSPECT_FINDINGS_H

#include "bench/facts.h"
#include "bench/inspect.h"

/* Adds a finding whose what is formatted and whose meaning is ready. */
void finding_add(struct findings *findings, const char *id, enum severity severity, const char *meaning,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Formats the meaning of the last finding anew. */
void finding_meaning(struct findings *findings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "a, b and c" of the strings of an array, or of the key of its objects; "" if there are none. */
void finding_words(char *text, size_t size, const json_t *array, const char *key);

void findings_tsc(const json_t *facts, struct findings *findings);
void findings_watchdog(const json_t *facts, struct findings *findings);
void findings_power(const json_t *facts, struct findings *findings);
void findings_virtual(const json_t *facts, struct findings *findings);
void findings_clocks(const json_t *facts, struct findings *findings);
void findings_discipline(const json_t *facts, struct findings *findings);
void findings_log(const json_t *facts, struct findings *findings);
void findings_parameters(const json_t *facts, struct findings *findings);

/* The verdicts on all kernel parameters (analysis/parameters.h), or NULL when out of memory. */
json_t *inspect_parameters(const json_t *facts);

#endif
