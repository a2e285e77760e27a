/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The guest's root: an initramfs with busybox, clkdrift (this very program, or one that was
 * built for the guest), what both need, and an init that runs one scenario and hands the result out.
 *
 * The init speaks on the second serial port, one word a line: "init", "sampling",
 * "packed", "no-disk"; the result is a tar archive at the beginning of the first virtio disk:
 *
 *   run.json, samples/... what stands in a run directory; absent when the run made none
 *   guest/exit            exit code of the run
 *   guest/stderr          what it said
 *   guest/dmesg.log       the kernel log
 *   guest/daemon.log      what the time daemon said, where there is one
 */
#ifndef BENCH_LAB_IMAGE_H
#define BENCH_LAB_IMAGE_H

#include "bench/lab_config.h"
#include "bench/lab_daemon.h"
#include "bench/lab_kernel.h"
#include "bench/lab_root.h"
#include "results/error.h"

struct lab_image {
	const struct lab_config *config;
	const struct lab_kernel *kernel;
	const struct lab_place *place;	 /* whose programs the guest runs */
	const char *program;		 /* clkdrift for the guest */
	const struct lab_daemon *daemon; /* of the guest; it runs if the configuration wants it */
	const char *scenario;		 /* path */
	const char *scenario_name;	 /* of the file in the guest, without ".ini" */
	const char *const *arguments;	 /* further ones of `clkdrift run`; ends with NULL */
};

/* Writes it to path.  0 or -errno with err set, and then there is no such file. */
int lab_image_write(
	struct lab_wait *wait, const struct lab_image *image, const char *path, struct error *err);

#endif
