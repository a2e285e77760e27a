/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What differs between a live file and its candidate.  None of this shares code with what makes
 * candidates: it is the second look at them.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdio.h>

#include "bench/candidate.h"

/* What may differ. */
struct compare_rule {
	const char *added;	  /* words, a blank between them; each entry has all of them afterwards */
	const char *replaced;	  /* words that may be missing, a line each */
	const char *const *heads; /* as in struct candidate */
	const char *block, *section;
	bool line;     /* a line of a head and added words, or of added words alone, may be new at the end */
	bool caseless; /* words are told apart without regard to case */
	unsigned left_out; /* entries that need not have the added words */
};

/*
 * 0 if the only difference is that words of `added` are there and words of `replaced` are not, in lines
 * that may differ.  Otherwise -EILSEQ with the first line that differs in another way, or the entry that
 * lacks a word, in err.
 */
int compare_check(const struct bytes *live, const struct bytes *made, const struct compare_rule *rule,
	struct error *err);

/*
 * The difference as diff -u prints it, its two head lines with these names; of files that compare_check()
 * has passed, or of a new one.  0 or -ENOMEM.
 */
int compare_print(const struct bytes *live, const char *live_name, const struct bytes *made,
	const char *made_name, FILE *out);

#endif
