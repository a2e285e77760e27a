/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * A histogram of bracket widths that costs a few instructions a reading and a
 * constant amount of memory: exact below 64 cycles, 32 buckets an octave above
 * (3 % wide at most).
 */
#ifndef RESULTS_HISTOGRAM_H
#define RESULTS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_EXACT	  64
#define HISTOGRAM_OCTAVES 34 /* up to 2^40 cycles: minutes; wider ones go into the last bucket */
#define HISTOGRAM_BUCKETS (HISTOGRAM_EXACT + 32 * HISTOGRAM_OCTAVES)

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total;
};

/* Index of the bucket that holds width (cycles). */
static inline unsigned histogram_bucket(uint64_t width)
{
	unsigned octave, bucket;

	if (width < HISTOGRAM_EXACT)
		return (unsigned)width;
	octave = 63u - (unsigned)__builtin_clzll(width); /* 6 or more */
	bucket = HISTOGRAM_EXACT + (octave - 6) * 32 + (unsigned)(width >> (octave - 5)) - 32;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t width)
{
	h->count[histogram_bucket(width)]++;
	h->total++;
}

/* Smallest width of a bucket, in cycles. */
uint64_t histogram_bucket_low(unsigned bucket);

/* Smallest width w so that at least the share q (0 to 1) of all widths is in buckets up to w's; 0 when empty.
 */
uint64_t histogram_quantile(const struct histogram *h, double q);

#endif
