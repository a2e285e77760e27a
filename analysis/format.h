/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Numbers in words: a value with its interval, in the unit that suits it, with
 * as many digits as the interval leaves meaning.  Text is UTF-8 ("±", "µs").
 */
#ifndef ANALYSIS_FORMAT_H
#define ANALYSIS_FORMAT_H

#include <stdint.h>

/* Returned by value: format_ns(12, 3).text lives to the end of the full expression. */
struct formatted {
	char text[64];
};

struct format_unit {
	const char *name;
	double size; /* one of it in the base unit: ppm for drift, ns for time, s for durations */
};

/* Unit for a drift of that magnitude: ppb below 0.1 ppm, else ppm. */
const struct format_unit *format_drift_unit(double magnitude_ppm);
/* Unit for a time of that magnitude: ns, µs, ms or s; size in ns. */
const struct format_unit *format_time_unit(double magnitude_ns);
/* Unit of a time axis of that length: s to 10 min, min to 5 h, h above; size in s. */
const struct format_unit *format_axis_unit(double length_s);

/*
 * "+12.3 ± 0.4": value and half interval in the base unit, shown in unit without its name.
 * The half interval has two digits where it starts with 1 or 2, else one; the value ends at
 * the same place.  A half interval that is not finite becomes "± ?"; a value that is not
 * finite becomes "unknown".
 */
struct formatted format_value(double value, double half, const struct format_unit *unit);

/* "+12.3 ± 0.4 ppb", the larger of both halves of [low, high]. */
struct formatted format_drift(double ppm, double low_ppm, double high_ppm);
/* "+1.25 ± 0.03 µs" */
struct formatted format_offset(double ns, double half_ns);

/* No sign, no interval, three significant digits at most: "500 ppm", "50 ppb". */
struct formatted format_ppm(double ppm);
/* "1.23 µs" */
struct formatted format_ns(double ns);
/* "800 ms", "30 s", "5 min", "1 h 20 min", "3 d 4 h" */
struct formatted format_duration(double s);
/* "12 345 678", groups of three apart by a narrow no-break space; four digits stay together. */
struct formatted format_count(uint64_t count);
/* "once", "12 times" */
struct formatted format_times(uint64_t count);

#endif
