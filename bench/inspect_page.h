/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Text for a terminal: labels on the left, words wrapped on the right. */
#ifndef BENCH_INSPECT_PAGE_H
#define BENCH_INSPECT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PAGE_COLUMNS 100
#define PAGE_LABEL   18 /* columns of a label, with the blanks before and behind */

struct page {
	FILE *out;
	bool colour;
};

/* The escape sequence, or "" on a page without colour. */
const char *page_paint(const struct page *page, const char *sequence);

/*
 * The words of text, further lines indented; column is where the first line
 * stands by now.  No newline at the end.
 */
void page_wrap(const struct page *page, const char *text, size_t column, size_t indent);

void page_heading(const struct page *page, const char *text);

/* A label and text behind it ("-" where there is none), of any length. */
void page_text(const struct page *page, const char *label, const char *text);

/* The same formatted, cut at 1 KiB. */
void page_field(const struct page *page, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
