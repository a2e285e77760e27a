/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Guests to boot: sections of bench/lab/configurations.ini, all keys optional.
 *
 *   [NAME]               letters, digits and -_.+
 *   summary = one line for 'clkdrift list configurations'
 *   arch = x86_64        which QEMU; or i386, whose guests 'clkdrift lab setup' and 'make lab-i386' make ready
 *   vcpus = 1            1 to 64
 *   maxvcpus =           room for vCPUs that are plugged in later; vcpus to 64, as vcpus where it is not given
 *   memory = 512         MiB, 128 to 65536
 *   cpu = max            -cpu of QEMU
 *   machine = pc         -machine of QEMU
 *   hpet = yes
 *   cstates = no         add the ACPI tables of bench/lab/cstates.asl, pstates.asl
 *   pstates = no
 *   accel = auto         kvm where that boots, else tcg; kvm or tcg: only that.  Where KVM hung it is not
 *                        tried again until this machine is booted anew (bench/lab_kvm_note.h)
 *   daemon =             chrony: a time daemon in the guest, which asks this machine
 *   makestep = 1 3       when that daemon sets the clock at once: offset in s and updates, as in chrony.conf
 *   modules =            kernel modules to load beside those that the lab needs, between blanks
 *   append =             kernel parameters
 *   extra =              further arguments of QEMU, between blanks
 */
#ifndef BENCH_LAB_CONFIG_H
#define BENCH_LAB_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "results/error.h"

struct lab_config {
	char name[32], summary[160], arch[16], cpu[96], machine[64], accel[8];
	unsigned vcpus, maxvcpus, memory_mb; /* maxvcpus: 0: not given */
	bool hpet, cstates, pstates;
	char daemon[16], makestep[32]; /* daemon: empty: none */
	char modules[256], append[512], extra[512];
};

struct lab_configs {
	struct lab_config *rows; /* owned */
	size_t count;
};

/* path: NULL for the shipped file.  0 or -errno with file:line in err.  Free in any case. */
int lab_configs_load(struct lab_configs *configs, const char *path, struct error *err);
void lab_configs_free(struct lab_configs *configs);
/* NULL if there is none of that name. */
const struct lab_config *lab_configs_find(const struct lab_configs *configs, const char *name);

/* A new object: "name", and all keys as above, switches as booleans; NULL when out of memory. */
json_t *lab_config_to_json(const struct lab_config *config);

#endif
