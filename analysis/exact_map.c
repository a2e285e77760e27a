/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/exact_map.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fit.h"
#include "analysis/format.h"
#include "results/text.h"
#include "results/units.h"

#define PEER_TSC "peer_tsc"

/* What all readings of a CPU allow, for one ratio. */
struct allowed {
	int64_t low, high; /* cycles; low > high: there is no such offset */
};

/* The middle 64 bits of a product of 128, without a type that i386 does not have. */
static uint64_t scale(uint64_t tsc, const struct exact_vcpu *v)
{
	const uint64_t half = UINT32_MAX;
	uint64_t low = (tsc & half) * (v->ratio & half), cross = (tsc >> 32) * (v->ratio & half);
	uint64_t other = (tsc & half) * (v->ratio >> 32) + (low >> 32) + (cross & half);
	uint64_t high = (tsc >> 32) * (v->ratio >> 32) + (cross >> 32) + (other >> 32);

	low = (other << 32) | (low & half);
	return v->bits ? high << (64 - v->bits) | low >> v->bits : low;
}

static uint64_t width(const struct allowed *a)
{
	return (uint64_t)a->high - (uint64_t)a->low;
}

/* The offsets that one reading allows; false: its bracket is inverted. */
static bool bounds(const struct reading *r, const struct exact_vcpu *v, struct allowed *a)
{
	uint64_t scaled = scale(r->value, v);

	a->low = (int64_t)(r->tsc_lo - scaled);
	a->high = (int64_t)(r->tsc_hi - scaled);
	return r->tsc_hi >= r->tsc_lo && a->low <= a->high;
}

/* false: nothing was measured. */
static bool has_exchange(const struct series *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->readings[i].tsc_hi >= s->readings[i].tsc_lo)
			return true;
	return false;
}

static struct allowed allowed_by_all(const struct series *s, const struct exact_vcpu *v)
{
	struct allowed all = { INT64_MIN, INT64_MAX };

	for (size_t i = 0; i < s->count; i++) {
		struct allowed one;

		if (!bounds(&s->readings[i], v, &one))
			continue;
		all.low = one.low > all.low ? one.low : all.low;
		all.high = one.high < all.high ? one.high : all.high;
	}
	return all;
}

static bool same_guest(const struct exact_vcpu *a, const struct exact_vcpu *b)
{
	return a->pid == b->pid && a->fd == b->fd;
}

/* ---- what the host says ---- */

static bool whole(const json_t *entry, const char *key, json_int_t least, json_int_t most, json_int_t *value)
{
	const json_t *number = json_object_get(entry, key);

	*value = json_integer_value(number);
	return json_is_integer(number) && *value >= least && *value <= most;
}

/* A host whose CPUs cannot scale tells no ratio. */
static bool parse_vcpu(const json_t *entry, struct exact_vcpu *v)
{
	json_int_t pid, fd, vcpu, offset, ratio = 1, bits = 0;
	bool scaled = json_is_integer(json_object_get(entry, "tsc_scaling_ratio"));

	if (!whole(entry, "pid", 0, INT32_MAX, &pid) || !whole(entry, "fd", 0, INT32_MAX, &fd) ||
		!whole(entry, "vcpu", 0, INT32_MAX, &vcpu) ||
		!whole(entry, "tsc_offset", INT64_MIN, INT64_MAX, &offset))
		return false;
	if (scaled && (!whole(entry, "tsc_scaling_ratio", 1, INT64_MAX, &ratio) ||
			      !whole(entry, "frac_bits", 1, 63, &bits)))
		return false;
	*v = (struct exact_vcpu){ (int)pid, (int)fd, (int)vcpu, offset, (uint64_t)ratio, (unsigned)bits };
	return true;
}

/* Why the host has none to tell. */
static void say_absent(const struct run *run, const json_t *list, struct exact_map *map)
{
	const json_t *entry, *reasons = json_object_get(run->peer_environment, "unreadable");
	size_t i;

	snprintf(map->absent, sizeof(map->absent), "%s",
		!run->peer_environment ? "the other machine did not tell its facts"
		: json_is_array(list)  ? "no guest of KVM runs on the other machine"
				       : "the other machine tells of no KVM");
	json_array_foreach(reasons, i, entry)
	{
		const char *what = json_string_value(json_object_get(entry, "what"));
		const char *why = json_string_value(json_object_get(entry, "why"));

		if (what && why && strcmp(what, "/sys/kernel/debug/kvm") == 0)
			snprintf(map->absent, sizeof(map->absent), "%.60s on the other machine: %.120s", what,
				why);
	}
	text_clean(map->absent); /* one that is cut may end within a letter */
}

static int gather(const struct run *run, struct exact_vcpu **vcpus, size_t *count, struct exact_map *map)
{
	const json_t *entry, *list = json_object_get(run->peer_environment, "kvm_vcpus");
	size_t i;

	*vcpus = calloc(json_array_size(list) + 1, sizeof(**vcpus));
	*count = 0;
	if (!*vcpus)
		return -ENOMEM;
	json_array_foreach(list, i, entry) *count += parse_vcpu(entry, &(*vcpus)[*count]);
	if (*count == 0)
		say_absent(run, list, map);
	return 0;
}

/* ---- the comparison ---- */

/* How far an offset is from what is allowed, cycles; at least 1 where nothing is. */
static uint64_t distance(const struct allowed *a, int64_t offset)
{
	bool none = a->low > a->high;
	int64_t low = none ? a->high : a->low, high = none ? a->low : a->high;

	return offset < low    ? (uint64_t)low - (uint64_t)offset
	       : offset > high ? (uint64_t)offset - (uint64_t)high
			       : none;
}

/* Of those that fit equally well, the vCPU of that number. */
static bool better(const struct exact_map_cpu *m, const struct exact_vcpu *a, uint64_t a_off,
	const struct exact_vcpu *b, uint64_t b_off)
{
	if ((a_off == 0) != (b_off == 0))
		return a_off == 0;
	if (a_off && !same_guest(a, b))
		return a_off < b_off;
	if ((a->vcpu == m->cpu) != (b->vcpu == m->cpu))
		return a->vcpu == m->cpu;
	return a_off < b_off;
}

static void choose(
	struct exact_map_cpu *m, const struct series *s, const struct exact_vcpu *vcpus, size_t count)
{
	uint64_t best = UINT64_MAX;
	size_t chosen = 0, guests_that_fit = 0;
	const struct exact_vcpu *fits = NULL;

	for (size_t i = 0; i < count; i++) {
		struct allowed all = allowed_by_all(s, &vcpus[i]);
		uint64_t off = distance(&all, vcpus[i].offset);

		/* Rows of a guest stand together. */
		m->guests += i == 0 || !same_guest(&vcpus[i], &vcpus[i - 1]);
		if (off == 0 && (!fits || !same_guest(fits, &vcpus[i]))) {
			guests_that_fit++;
			fits = &vcpus[i];
		}
		if (i == 0 || better(m, &vcpus[i], off, &vcpus[chosen], best)) {
			chosen = i;
			best = off;
		}
	}
	m->vcpu = vcpus[chosen];
	m->answer = guests_that_fit > 1	   ? EXACT_AMBIGUOUS
		    : guests_that_fit == 1 ? EXACT_AGREES
		    : m->guests > 1	   ? EXACT_UNKNOWN
					   : EXACT_DISAGREES;
}

static void set_measured(struct exact_map_cpu *m, const struct allowed *a)
{
	m->half = width(a) / 2 + width(a) % 2;
	m->offset = (int64_t)((uint64_t)a->low + width(a) / 2);
}

static void measure(struct exact_map_cpu *m, const struct series *s)
{
	struct allowed all = allowed_by_all(s, &m->vcpu), narrowest = { 0 };
	bool any = false;

	m->readings = s->count;
	m->moved = all.low > all.high;
	if (!m->moved) {
		set_measured(m, &all);
		return;
	}
	for (size_t i = s->count / 3; i < s->count - s->count / 3; i++) {
		struct allowed one;

		if (!bounds(&s->readings[i], &m->vcpu, &one) || (any && width(&one) >= width(&narrowest)))
			continue;
		narrowest = one;
		any = true;
	}
	set_measured(m, &narrowest);
}

/* Of the TSC against the host's through the ratio. */
static int measure_drift(struct exact_map_cpu *m, const struct series *s, double tsc_hz, struct error *err)
{
	double *t_s = malloc(s->count * sizeof(double)), *offset_ns = malloc(s->count * sizeof(double)),
	       *half_ns = malloc(s->count * sizeof(double));
	struct fit_input in = { .t_s = t_s,
		.offset_ns = offset_ns,
		.half_ns = half_ns,
		.resolution_ns = cycles_to_ns(1, tsc_hz) };
	struct fit fit = { 0 };
	uint64_t first = scale(s->readings[0].value, &m->vcpu);
	int rc = t_s && offset_ns && half_ns ? 0 : error_set(err, -ENOMEM, "out of memory");

	for (size_t i = 0; !rc && i < s->count; i++) {
		const struct reading *r = &s->readings[i];
		struct allowed one;

		if (!bounds(r, &m->vcpu, &one))
			continue;
		t_s[in.count] = (double)(int64_t)(scale(r->value, &m->vcpu) - first) / tsc_hz;
		/* About the measured offset, so that no double has to hold a whole TSC. */
		half_ns[in.count] = cycles_to_ns((double)width(&one) / 2, tsc_hz);
		offset_ns[in.count] =
			cycles_to_ns((double)(int64_t)((uint64_t)one.low - (uint64_t)m->offset), tsc_hz) +
			half_ns[in.count];
		in.count++;
	}
	if (!rc)
		rc = fit_drift(&in, NULL, &fit, err);
	if (!rc && fit.valid) {
		m->drift_ppm = fit.drift_ppm;
		m->low_ppm = fit.ci_low_ppm - fit.systematic_ppm;
		m->high_ppm = fit.ci_high_ppm + fit.systematic_ppm;
	}
	free(t_s);
	free(offset_ns);
	free(half_ns);
	return rc;
}

static int compare(const struct series *s, const struct exact_vcpu *vcpus, size_t count, double tsc_hz,
	struct exact_map *map, struct error *err)
{
	struct exact_map_cpu *m = &map->cpus[map->count++];

	*m = (struct exact_map_cpu){ .cpu = s->cpu, .drift_ppm = NAN, .low_ppm = NAN, .high_ppm = NAN };
	choose(m, s, vcpus, count);
	measure(m, s);
	return measure_drift(m, s, tsc_hz, err);
}

int exact_map_make(
	const struct run *run, const struct samples *samples, struct exact_map *map, struct error *err)
{
	int clock = run_clock_find(run, PEER_TSC), rc = 0;
	struct exact_vcpu *vcpus = NULL;
	size_t count = 0;

	*map = (struct exact_map){ .asked = clock >= 0 };
	if (!map->asked)
		return 0;
	map->cpus = calloc(samples->series_count + 1, sizeof(*map->cpus));
	if (!map->cpus || gather(run, &vcpus, &count, map))
		rc = error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && count && i < samples->series_count; i++) {
		const struct series *s = &samples->series[i];

		if (s->clock == (unsigned)clock && has_exchange(s))
			rc = compare(s, vcpus, count, run->tsc_hz, map, err);
	}
	if (count && !map->count)
		snprintf(map->absent, sizeof(map->absent), "no exchange read the other machine's TSC");
	free(vcpus);
	return rc;
}

void exact_map_free(struct exact_map *map)
{
	free(map->cpus);
	*map = (struct exact_map){ 0 };
}

/* ---- in words ---- */

static void ratio_text(const struct exact_vcpu *v, char *text, size_t size)
{
	double ratio = ldexp((double)v->ratio, -(int)v->bits);

	if (v->ratio == UINT64_C(1) << v->bits)
		snprintf(text, size, "not scaled");
	else
		snprintf(text, size, "scaled by %.12g", ratio);
}

static void drift_text(const struct exact_map_cpu *m, char *text, size_t size)
{
	bool none = m->low_ppm <= 0 && m->high_ppm >= 0;

	text[0] = '\0';
	if (isfinite(m->drift_ppm))
		snprintf(text, size, "; beside it the two TSCs drift by %s, %s",
			format_drift(m->drift_ppm, m->low_ppm, m->high_ppm).text,
			none ? "so not at all as far as can be told" : "which the map does not explain");
}

void exact_map_say(const struct exact_map_cpu *m, char *text, size_t size)
{
	char ratio[48], drift[160], measured[80], guest[96];
	uint64_t apart = m->offset > m->vcpu.offset ? (uint64_t)m->offset - (uint64_t)m->vcpu.offset
						    : (uint64_t)m->vcpu.offset - (uint64_t)m->offset;

	ratio_text(&m->vcpu, ratio, sizeof(ratio));
	drift_text(m, drift, sizeof(drift));
	snprintf(measured, sizeof(measured), "%s%" PRId64 " ± %" PRIu64 " cycles",
		m->moved ? "in the middle of the run, for the TSCs moved against each other, " : "",
		m->offset, m->half);
	snprintf(guest, sizeof(guest), "vCPU %d of process %d", m->vcpu.vcpu, m->vcpu.pid);
	switch (m->answer) {
	case EXACT_AGREES:
		snprintf(text, size,
			"the TSC of CPU %d is as KVM maps it: the host says %" PRId64
			" cycles, %s (%s); measured %s%s",
			m->cpu, m->vcpu.offset, ratio, guest, measured, drift);
		break;
	case EXACT_DISAGREES:
		snprintf(text, size,
			"the TSC of CPU %d is not as KVM maps it: the host says %" PRId64
			" cycles, %s (%s); measured %s, %" PRIu64 " cycles apart%s",
			m->cpu, m->vcpu.offset, ratio, guest, measured, apart, drift);
		break;
	case EXACT_UNKNOWN:
		snprintf(text, size,
			"which of the %zu guests on the host this is, is not known: the map of none fits CPU "
			"%d; measured %s; the nearest is %s, %" PRIu64 " cycles apart",
			m->guests, m->cpu, measured, guest, apart);
		break;
	case EXACT_AMBIGUOUS:
		snprintf(text, size,
			"which of the %zu guests on the host this is, is not known: the map of more than one "
			"fits CPU %d; measured %s",
			m->guests, m->cpu, measured);
		break;
	}
}
