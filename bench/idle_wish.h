/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What a phase wants of the idle states, in terms of the two means that there are.
 *
 * The `disable` files act on the probes' CPUs only and name the states, but the haltpoll governor of
 * guests does not look at them, and the kernel may use state 0 whatever its file says.  The latency
 * limit (bench/idle_limit.h) is heeded by every governor, and changing it wakes every idle CPU,
 * so it is in force at once; but it holds for all CPUs, and cannot forbid a shallow state.  So both
 * are used.
 */
#ifndef BENCH_IDLE_WISH_H
#define BENCH_IDLE_WISH_H

#include <stddef.h>
#include <stdint.h>

#include "results/error.h"

enum idle_mode {
	IDLE_SHALLOWEST, /* state 0 only */
	IDLE_UPTO,	 /* 0..limit */
	IDLE_DEEPEST,	 /* the last one only */
	IDLE_TOGGLE,	 /* state 0 and the last one in turn */
	IDLE_REST,	 /* all */
	IDLE_MODES,
};

/* The modes as words, in their order. */
#define IDLE_MODE_WORDS "shallowest,upto,deepest,toggle,rest"

struct idle_wish {
	enum idle_mode mode;
	unsigned limit; /* the deepest state allowed; for toggle: in its shallow turns */
	double rate_hz; /* of the toggling */
};

/* IDLE_MODES: no such word. */
enum idle_mode idle_mode_find(const char *word);

/* Whether a state of a CPU that has `count` of them is to be disabled (1), enabled (0) or left alone (-1). */
int idle_wish_disable(const struct idle_wish *wish, unsigned state, unsigned count);

/* The latency limit in µs that keeps the CPUs from what is not allowed; IDLE_LIMIT_NONE: none is needed. */
int32_t idle_wish_limit(const struct idle_wish *wish, const int *cpus, size_t cpu_count);

/* -EBUSY where somebody else's limit, read from fd, keeps a CPU from the deepest state though it is wanted. */
int idle_wish_check_limit(
	const struct idle_wish *wish, const int *cpus, size_t cpu_count, int fd, struct error *err);

#endif
