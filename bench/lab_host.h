/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The host's side of a lab run: a shared file with a responder that answers in it. */
#ifndef BENCH_LAB_HOST_H
#define BENCH_LAB_HOST_H

#include <jansson.h>

#include "bench/page_file.h"
#include "bench/placement.h"
#include "bench/responder.h"
#include "results/error.h"

struct lab_host {
	char *path; /* of the shared file; owned, NULL: none */
	struct page_file file;
	struct placement *placement;
	struct responder *responder; /* its counters stay readable after its end */
	bool answers;
	int cpu;       /* of the responder, alone there; -1: this machine has but one */
	json_t *facts; /* of this machine; owned */
};

/* Nothing is there: lab_host_close() may be called. */
void lab_host_init(struct lab_host *host);
/* Makes the file in /dev/shm and answers.  0 or -errno with err set. */
int lab_host_start(struct lab_host *host, struct error *err);
/* QEMU has the file open: it needs no name any more. */
void lab_host_hide(struct lab_host *host);
/* Answers no more. */
void lab_host_stop(struct lab_host *host);
void lab_host_close(struct lab_host *host);

#endif
