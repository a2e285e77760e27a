/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* ACPI tables for a guest: bench/lab/NAME.asl, compiled for each of its CPUs. */
#ifndef BENCH_LAB_TABLES_H
#define BENCH_LAB_TABLES_H

#include "bench/lab_tool.h"
#include "results/error.h"

/* Makes DIR/NAME-CPU.aml with iasl, CPU in three hexadecimal digits.  0 or -errno with err set. */
int lab_table_compile(
	struct lab_wait *wait, const char *dir, const char *name, unsigned cpu, struct error *err);

#endif
