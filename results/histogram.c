/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/histogram.h"

#include <math.h>

uint64_t histogram_bucket_low(unsigned bucket)
{
	unsigned octave, step;

	if (bucket < HISTOGRAM_EXACT)
		return bucket;
	octave = 6 + (bucket - HISTOGRAM_EXACT) / 32;
	step = (bucket - HISTOGRAM_EXACT) % 32;
	return (uint64_t)(32 + step) << (octave - 5);
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
	uint64_t wanted = (uint64_t)ceil(q * (double)h->total), seen = 0;

	if (wanted < 1)
		wanted = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= wanted)
			return histogram_bucket_low(i);
	}
	return 0;
}
