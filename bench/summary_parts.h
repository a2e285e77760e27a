/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* What the texts on the terminal share.  Private to bench/summary*.c. */
#ifndef BENCH_SUMMARY_PARTS_H
#define BENCH_SUMMARY_PARTS_H

#include "bench/summary.h"

#define LINE_COLUMNS 100

/* Begins the colour of a verdict; "" without colour. */
const char *summary_paint(enum status status, bool colour);

/* Words wrapped at LINE_COLUMNS; the line begins at that column, and so do those that continue it. */
void summary_wrapped(const char *text, int indent, FILE *out);

/* Text padded to a width by what is seen of it, and two blanks. */
void summary_cell(const char *text, int width, FILE *out);

#endif
