/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/lab_host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bench/facts.h"
#include "bench/lab_tidy.h"
#include "bench/lab_tool.h"
#include "bench/tsc_rate.h"
#include "probes/tsc.h"

void lab_host_init(struct lab_host *h)
{
	*h = (struct lab_host){ .cpu = -1 };
}

/* The last CPU, as interrupts tend to go to the first. */
static int choose_cpu(struct lab_host *h, struct error *err)
{
	size_t count = 0;
	int *cpus = NULL, rc;

	h->placement = placement_load(err);
	if (!h->placement)
		return -EIO;
	rc = placement_select(h->placement, NULL, &cpus, &count, err);
	if (!rc && count > 1)
		h->cpu = cpus[count - 1];
	free(cpus);
	return rc;
}

/* A name that nobody can have taken before. */
static int make_file(struct lab_host *h, struct error *err)
{
	char path[64];
	uint64_t random;
	int rc;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set(err, -errno, "no random numbers: %s", strerror(errno));
	snprintf(path, sizeof(path), "/dev/shm/" LAB_PRIVATE "%016" PRIx64, random);
	rc = lab_tidy_note(path, err);
	if (!rc)
		rc = page_file_open(&h->file, path, err);
	if (rc) {
		lab_tidy_forget(path);
		return rc;
	}
	h->path = strdup(path);
	if (h->path)
		return 0;
	page_file_close(&h->file);
	lab_tidy_forget(path);
	return error_set(err, -ENOMEM, "out of memory");
}

static int answer(struct lab_host *h, struct error *err)
{
	struct responder *r = h->responder;
	char source[96];
	int rc;

	r->page = h->file.page;
	r->made = h->file.made;
	r->tsc_hz = tsc_rate(h->facts, source, sizeof(source));
	r->cpu = h->cpu;
	r->bind = placement_bind;
	r->bind_context = h->placement;
	peer_page_prepare(r->page, r->tsc_hz, r->made);
	rc = responder_tell_facts(r->page, h->facts, err);
	if (!rc)
		rc = responder_start(r, err);
	h->answers = rc == 0;
	return rc;
}

int lab_host_start(struct lab_host *h, struct error *err)
{
	int rc;

	tsc_init();
	h->facts = facts_collect(&facts_live);
	h->responder = calloc(1, sizeof(*h->responder));
	if (!h->facts || !h->responder)
		return error_set(err, -ENOMEM, "out of memory");
	rc = choose_cpu(h, err);
	if (!rc)
		rc = make_file(h, err);
	return rc ? rc : answer(h, err);
}

void lab_host_hide(struct lab_host *h)
{
	if (h->path && unlink(h->path) == 0)
		lab_tidy_forget(h->path);
}

void lab_host_stop(struct lab_host *h)
{
	if (h->answers)
		responder_stop(h->responder);
	h->answers = false;
}

void lab_host_close(struct lab_host *h)
{
	lab_host_stop(h);
	if (h->path) {
		page_file_close(&h->file);
		lab_tidy_forget(h->path);
	}
	placement_free(h->placement);
	json_decref(h->facts);
	free(h->responder);
	free(h->path);
	lab_host_init(h);
}
