/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#ifndef BENCH_LAB_MATRIX_COMMAND_H
#define BENCH_LAB_MATRIX_COMMAND_H

#include "bench/options.h"

/* `clkdrift lab matrix`.  Returns the exit code, or -errno with err set. */
int lab_matrix_command(const struct options *options, struct error *err);

#endif
