/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/units.h"

#define NARROW_SPACE "\xe2\x80\xaf" /* U+202F */

static const struct format_unit drift_units[] = { { "ppb", 1 / PPB_PER_PPM }, { "ppm", 1 } };
static const struct format_unit time_units[] = { { "ns", 1 }, { "µs", NS_PER_US }, { "ms", NS_PER_MS },
	{ "s", NS_PER_SEC } };
static const struct format_unit axis_units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 } };

const struct format_unit *format_drift_unit(double magnitude_ppm)
{
	return &drift_units[fabs(magnitude_ppm) >= 0.1];
}

const struct format_unit *format_time_unit(double magnitude_ns)
{
	unsigned i = 0;

	/* 999.5 and above would show as 1000 with three digits. */
	while (i < 3 && fabs(magnitude_ns) >= 999.5 * time_units[i].size)
		i++;
	return &time_units[i];
}

const struct format_unit *format_axis_unit(double length_s)
{
	return &axis_units[length_s > 18000 ? 2 : length_s > 600 ? 1 : 0];
}

/* Decimals that keep `digits` significant digits of x; 0 where x is 0. */
static int decimals_for(double x, int digits)
{
	int decimals;

	if (x == 0)
		return 0;
	decimals = digits - 1 - (int)floor(log10(fabs(x)));
	return decimals < 0 ? 0 : decimals > 12 ? 12 : decimals;
}

static int decimals_of_interval(double half)
{
	double lead = half / pow(10, floor(log10(half)));

	return decimals_for(half, lead < 2.95 ? 2 : 1);
}

/* A value that rounds to zero has no sign. */
static void print_signed(char *text, size_t size, double value, int decimals)
{
	snprintf(text, size, "%+.*f", decimals, value);
	if (strspn(text + 1, "0.") == strlen(text + 1))
		memmove(text, text + 1, strlen(text));
}

struct formatted format_value(double value, double half, const struct format_unit *unit)
{
	struct formatted f;
	char number[48];

	value /= unit->size;
	half = fabs(half / unit->size);
	if (!isfinite(value)) {
		strcpy(f.text, "unknown");
	} else if (fabs(value) >= 1e15) {
		snprintf(f.text, sizeof(f.text), isfinite(half) ? "%+.6g ± %.2g" : "%+.6g ± ?", value, half);
	} else if (!isfinite(half) || half >= 1e15) {
		print_signed(number, sizeof(number), value, decimals_for(value, 3));
		snprintf(f.text, sizeof(f.text), "%s ± ?", number);
	} else {
		int decimals = half > 0 ? decimals_of_interval(half) : decimals_for(value, 6);

		print_signed(number, sizeof(number), value, decimals);
		if (half > 0)
			snprintf(f.text, sizeof(f.text), "%s ± %.*f", number, decimals, half);
		else
			snprintf(f.text, sizeof(f.text), "%s ± 0", number);
	}
	return f;
}

static struct formatted with_unit(struct formatted f, const struct format_unit *unit)
{
	size_t used = strlen(f.text);

	if (strcmp(f.text, "unknown") != 0)
		snprintf(f.text + used, sizeof(f.text) - used, " %s", unit->name);
	return f;
}

/* The unit follows what is seen: the larger of value and interval. */
static double magnitude(double value, double half)
{
	return isfinite(half) ? fmax(fabs(value), fabs(half)) : fabs(value);
}

struct formatted format_drift(double ppm, double low_ppm, double high_ppm)
{
	double half = fmax(high_ppm - ppm, ppm - low_ppm);
	const struct format_unit *unit = format_drift_unit(magnitude(ppm, half));

	return with_unit(format_value(ppm, half, unit), unit);
}

struct formatted format_offset(double ns, double half_ns)
{
	const struct format_unit *unit = format_time_unit(magnitude(ns, half_ns));

	return with_unit(format_value(ns, half_ns, unit), unit);
}

static struct formatted three_digits(double value, const struct format_unit *unit)
{
	struct formatted f;

	value /= unit->size;
	if (!isfinite(value))
		strcpy(f.text, "unknown");
	else if (fabs(value) >= 999.5)
		snprintf(f.text, sizeof(f.text), "%.0f %s",
			fabs(value) < 1e15 ? value : copysign(1e15, value), unit->name);
	else
		snprintf(f.text, sizeof(f.text), "%.3g %s", value, unit->name);
	return f;
}

struct formatted format_ppm(double ppm)
{
	return three_digits(ppm, format_drift_unit(ppm));
}

struct formatted format_ns(double ns)
{
	return three_digits(ns, format_time_unit(ns));
}

/* "1 h 20 min": two units, the smaller one only where it is not 0. */
static struct formatted two_units(
	double s, double large, const char *large_name, double small, const char *small_name)
{
	struct formatted f;
	double total = round(s / small) * small;
	double whole = floor(total / large), rest = round((total - whole * large) / small);

	if (rest > 0)
		snprintf(f.text, sizeof(f.text), "%.0f %s %.0f %s", whole, large_name, rest, small_name);
	else
		snprintf(f.text, sizeof(f.text), "%.0f %s", whole, large_name);
	return f;
}

struct formatted format_duration(double s)
{
	double size = fabs(s);

	if (!isfinite(s) || size > 1e12)
		return (struct formatted){ "unknown" };
	if (size < 59.95)
		return format_ns(s * (double)NS_PER_SEC);
	if (size < 3599.5)
		return two_units(s, 60, "min", 1, "s");
	if (size < 86370)
		return two_units(s, 3600, "h", 60, "min");
	return two_units(s, 86400, "d", 3600, "h");
}

struct formatted format_times(uint64_t count)
{
	struct formatted f = { "once" };

	if (count != 1)
		snprintf(f.text, sizeof(f.text), "%" PRIu64 " times", count);
	return f;
}

struct formatted format_count(uint64_t count)
{
	char digits[24];
	struct formatted f;
	size_t used = 0, length;

	length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	for (size_t i = 0; i < length; i++) {
		if (i && length > 4 && (length - i) % 3 == 0) {
			memcpy(f.text + used, NARROW_SPACE, strlen(NARROW_SPACE));
			used += strlen(NARROW_SPACE);
		}
		f.text[used++] = digits[i];
	}
	f.text[used] = '\0';
	return f;
}
