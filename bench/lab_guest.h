/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A guest under QEMU, from its start to its end.
 *
 * QEMU runs under a warden, so nothing of it is left, whatever becomes of us.
 * Everything it needs stands in one directory of the caller's.
 */
#ifndef BENCH_LAB_GUEST_H
#define BENCH_LAB_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/lab_config.h"
#include "bench/lab_kernel.h"
#include "bench/lab_tool.h"
#include "bench/qmp.h"
#include "bench/warden.h"
#include "results/error.h"

#define LAB_INITRD "initrd" /* in the directory */
#define LAB_DISK   "disk"   /* sparse: takes the result */

/* How far the guest says that it is (bench/lab_image.h), in order. */
enum lab_stage {
	LAB_STARTED,
	LAB_INIT,
	LAB_SAMPLING,
	LAB_NO_DISK,
	LAB_PACKED,
};

/* How long QEMU takes to make its machine: 0.2 s where the machine is idle. */
#define LAB_START_S 30

struct lab_guest {
	/* Set by the caller. */
	struct lab_wait *wait;
	const struct lab_config *config;
	const struct lab_kernel *kernel;
	const char *append;  /* further kernel parameters */
	const char *dir;     /* private; holds LAB_INITRD, LAB_DISK and the ACPI tables */
	const char *shared;  /* path of the file that host and guest share, or NULL */
	const char *console; /* where the console log goes */
	const char *accel;   /* "kvm" or "tcg" */
	double start_s;	     /* how long QEMU may take to make its machine */
	int vcpus_off;	     /* host CPU that the vCPUs stay away from; -1: none */
	int disk,
		shared_fd; /* of the disk and of the shared file, which may have no name any more; -1: none */
	/*
	 * Called while the guest is awaited, every 5 ms or so; may be NULL.  It may take another QEMU for this one
	 * (bench/lab_migrate.h).  The time that it takes does not count for the guest.  0; -EINTR or -errno ends the wait.
	 */
	int (*attend)(void *context, struct error *err);
	void *attend_context;

	/* NULL: it boots; else it takes another one's place: path of the socket that its state comes from, "": it stands. */
	const char *incoming;
	struct warden *warden;
	struct qmp *qmp;
	int status; /* fd of what the guest said; -1 */
	int initrd; /* fd; -1 */
	uint64_t started_ns;
};

/* The path of the QEMU for it.  0 or -ENOENT with err set: it is not installed. */
int lab_guest_program(const struct lab_config *config, char path[PATH_MAX], struct error *err);

/* Starts QEMU and waits until its machine is made.  Call lab_guest_end() in any case. */
int lab_guest_start(struct lab_guest *guest, struct error *err);

/*
 * Waits until the guest says that it is at the stage or beyond.  0; -ETIMEDOUT: it did not in deadline_s; -ECHILD: QEMU has ended
 * before, and err says how; -EINTR.
 */
int lab_guest_await(struct lab_guest *guest, enum lab_stage stage, double deadline_s, struct error *err);

/* Waits until QEMU has ended by itself; as above.  *clean: the guest powered itself off. */
int lab_guest_await_end(struct lab_guest *guest, double deadline_s, bool *clean, struct error *err);

/* Ends QEMU in order or by force; the guest's files stay.  0 or -EBUSY with err set: something of it is left. */
int lab_guest_end(struct lab_guest *guest, struct error *err);

#endif
