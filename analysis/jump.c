/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/jump.h"

#include <math.h>

#include "results/units.h"

#define COARSE_SHARE 0.1 /* of the readings: a clock of ticks is late by up to one at each reading */

struct jumps jumps_find(const struct jump_input *in)
{
	struct jumps found = { 0 };
	double low = -INFINITY, high = INFINITY, last_s = NAN, apart_s = 0;
	size_t used = 0;

	for (size_t i = 0; i < in->count; i++) {
		double half = in->half_ns[i] + in->slack_ns, may, beyond;

		if (!(in->half_ns[i] >= 0))
			continue;
		/* 1 ppm is 1000 ns a second; a carried reading is as far away as it was carried. */
		may = used++ ? (fabs(in->t_s[i] - last_s) + apart_s + fabs(in->apart_s[i])) * in->rate_ppm *
				       PPB_PER_PPM
			     : 0;
		low -= may;
		high += may;
		last_s = in->t_s[i];
		apart_s = fabs(in->apart_s[i]);
		beyond = fmax(0, in->offset_ns[i] - half - high) - fmax(0, low - in->offset_ns[i] - half);
		if (fabs(beyond) > in->least_ns) {
			found.count++;
			if (fabs(beyond) > fabs(found.largest_ns)) {
				found.largest_ns = beyond;
				found.at_s = in->t_s[i];
			}
		}
		/* Where it does not fit, what follows is held against where the clock is now. */
		low = beyond != 0 ? in->offset_ns[i] - half : fmax(low, in->offset_ns[i] - half);
		high = beyond != 0 ? in->offset_ns[i] + half : fmin(high, in->offset_ns[i] + half);
	}
	if ((double)found.count > COARSE_SHARE * (double)used)
		found = (struct jumps){ 0 };
	return found;
}
