/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A lab run as the options of the command line say. */
#ifndef BENCH_LAB_ORDER_H
#define BENCH_LAB_ORDER_H

#include "bench/lab.h"
#include "bench/options.h"

#define LAB_RUNS_DIR  "results/runs"
#define LAB_WORDS_MAX 48

struct lab_order {
	struct lab_plan plan;	       /* for lab_run(); points into the options */
	char *word[LAB_WORDS_MAX + 1]; /* of the guest's command line, which is made of ours; owned */
	size_t count;
	bool failed;
};

/* 0 or -ENOMEM with err set.  The order stays where it is.  Free with lab_order_free() in any case. */
int lab_order_make(struct lab_order *order, const struct options *options, const struct lab_config *config,
	struct progress *progress, struct error *err);
void lab_order_free(struct lab_order *order);

#endif
