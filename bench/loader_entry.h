/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Entries of the Boot Loader Specification, type 1: what BLS under GRUB 2 and systemd-boot share. */
#ifndef BENCH_LOADER_ENTRY_H
#define BENCH_LOADER_ENTRY_H

#include "bench/candidate.h"

int loader_entry_transform(const struct candidate_input *in, struct candidate_output *out, struct error *err);
/* First words of lines that may differ. */
extern const char *const loader_entry_heads[];

#endif
