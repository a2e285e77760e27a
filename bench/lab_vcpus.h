/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The vCPUs of a lab guest: their threads on this machine, and one more or less of them. */
#ifndef BENCH_LAB_VCPUS_H
#define BENCH_LAB_VCPUS_H

#include <sys/types.h>

#include "bench/lab_guest.h"

#define LAB_VCPUS_MAX 64

/* Their threads.  0 or -errno with err set. */
int lab_vcpus_threads(
	struct lab_guest *guest, pid_t threads[LAB_VCPUS_MAX], size_t *count, struct error *err);

/*
 * Lets them run on all CPUs but that of the responder: a vCPU that shared it would wait for its own answers.
 * Best effort; 0, or -errno with err set where QEMU does not name them.
 */
int lab_vcpus_place(struct lab_guest *guest, struct error *err);

/*
 * Binds each to one CPU of its own, that where it ran last if that is free, until lab_vcpus_place().
 * cpus: those taken, ascending, each once.
 */
int lab_vcpus_bind(struct lab_guest *guest, int cpus[LAB_VCPUS_MAX], size_t *count, struct error *err);

/* ns that they were ready and waited for a CPU, since they are there; -1: the kernel does not tell. */
int64_t lab_vcpus_waited_ns(struct lab_guest *guest);

/* 0, or -ENOTSUP with the reason why none can be plugged in. */
int lab_vcpu_spare(const struct lab_guest *guest, struct error *why);
/* text: what QEMU was told, and how long it took.  0 or -errno with err set. */
int lab_vcpu_plug(struct lab_guest *guest, char *text, size_t size, struct error *err);
/* Comes back when the guest has given it back; -ETIMEDOUT: it did not. */
int lab_vcpu_unplug(struct lab_guest *guest, char *text, size_t size, struct error *err);

#endif
