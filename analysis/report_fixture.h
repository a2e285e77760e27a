/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Runs made in memory, their reports, and what can be asked of a page.  Private to the tests of the report. */
#ifndef ANALYSIS_REPORT_FIXTURE_H
#define ANALYSIS_REPORT_FIXTURE_H

#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/report.h"
#include "results/units.h"

#define TSC_HZ 2e9
#define ORIGIN 1000000000000

struct machine {
	struct run run;
	struct samples samples;
	struct estimates estimates;
	char *page; /* after report() */
};

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline double drift_of(unsigned clock, int cpu)
{
	return clock * 10.0 + cpu * 0.01; /* ppm */
}

static inline void fill_series(struct series *s, size_t count, double length_s)
{
	s->readings = calloc(count, sizeof(*s->readings));
	s->count = s->capacity = count;
	for (size_t i = 0; i < count; i++) {
		double t = length_s * (double)i / (double)count, rate = 1 + drift_of(s->clock, s->cpu) * PPM;
		struct reading *r = &s->readings[i];

		r->tsc_lo = (uint64_t)(ORIGIN + t * TSC_HZ);
		r->tsc_hi = r->tsc_lo + 100 + i % 13;
		r->value = (uint64_t)((t + 50 / TSC_HZ) * rate * 1e9);
	}
}

static inline void add_drift(struct machine *m, int cpu, unsigned clock, size_t phase)
{
	struct drift *d = &m->estimates.drift[m->estimates.drift_count++];

	*d = (struct drift){ .cpu = cpu,
		.drift_ppm = drift_of(clock, cpu),
		.systematic_ppm = 0.002,
		.n = 1000,
		.rejected = 3,
		.limit_ppm = 50,
		.residual_ns = 20 + cpu,
		.span_s = 10,
		.width_ns = 60,
		.steering_ppm = NAN,
		.hull_low_ppm = NAN,
		.hull_high_ppm = NAN };
	d->ci_low_ppm = d->drift_ppm - 0.004;
	d->ci_high_ppm = d->drift_ppm + 0.004;
	strcpy(d->clock, m->run.clocks[clock].name);
	strcpy(d->phase, m->run.phases[phase].name);
	strcpy(d->reference, m->run.clocks[0].name);
	strcpy(d->relation, "crystal");
	strcpy(d->limit, "crystal");
	strcpy(d->method, "least squares");
	strcpy(d->status, "stable");
}

/* Clock 0 is the reference; clocks drift by drift_of() against it, to first order. */
static inline void machine_make(
	struct machine *m, const char *const *clocks, const char *const *phases, int cpus, size_t readings)
{
	const double length_s = 10;
	char dir[] = "/tmp/report_test.XXXXXX";

	*m = (struct machine){ .run.tsc_hz = TSC_HZ };
	m->run.dir = strdup(mkdtemp(dir));
	strcpy(m->run.host, "host");
	strcpy(m->run.scenario, "test");
	strcpy(m->run.state, "complete");
	while (clocks[m->run.clock_count])
		m->run.clock_count++;
	while (phases[m->run.phase_count])
		m->run.phase_count++;
	m->run.clocks = calloc(m->run.clock_count, sizeof(*m->run.clocks));
	m->run.phases = calloc(m->run.phase_count, sizeof(*m->run.phases));
	m->samples.series = calloc((size_t)cpus * m->run.clock_count, sizeof(*m->samples.series));
	m->estimates.drift =
		calloc((size_t)cpus * m->run.clock_count * m->run.phase_count, sizeof(*m->estimates.drift));
	for (size_t i = 0; i < m->run.clock_count; i++) {
		m->run.clocks[i] = (struct clock_info){ .unit = UNIT_NS, .hz = 1e9, .bits = 64 };
		snprintf(m->run.clocks[i].name, CLOCK_NAME_MAX, "%s", clocks[i]);
	}
	for (size_t i = 0; i < m->run.phase_count; i++) {
		double share = length_s * TSC_HZ / (double)m->run.phase_count;

		snprintf(m->run.phases[i].name, PHASE_NAME_MAX, "%s", phases[i]);
		m->run.phases[i].tsc_lo = (uint64_t)(ORIGIN + (double)i * share);
		m->run.phases[i].tsc_hi = (uint64_t)(ORIGIN + ((double)i + 1) * share);
	}
	for (int cpu = 0; cpu < cpus; cpu++) {
		for (unsigned i = 0; i < m->run.clock_count; i++) {
			struct series *s = &m->samples.series[m->samples.series_count++];

			*s = (struct series){ .cpu = cpu, .clock = i };
			fill_series(s, readings, length_s);
			m->samples.rows += readings;
			for (size_t k = 0; i > 0 && k < m->run.phase_count; k++)
				add_drift(m, cpu, i, k);
		}
	}
	m->estimates.losses = json_pack(
		"{s:i, s:i, s:i, s:i}", "dropped", 17, "rejected", 23, "backward", 0, "other_kind", 5);
	verdict_add(&m->estimates.verdict, "all is well");
}

static inline void machine_free(struct machine *m)
{
	nftw(m->run.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(m->page);
	estimates_free(&m->estimates);
	samples_free(&m->samples);
	run_free(&m->run);
}

static inline char *content(const struct machine *m, const char *name)
{
	char path[PATH_MAX], *text;
	struct stat st;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", m->run.dir, name);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fstat(fileno(in), &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_int_equal(fread(text, 1, (size_t)st.st_size, in), st.st_size);
	fclose(in);
	return text;
}

static inline bool exists(const struct machine *m, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", m->run.dir, name);
	return access(path, F_OK) == 0;
}

static inline void report(struct machine *m)
{
	struct error err = { 0 };
	int rc = report_write(&m->run, &m->samples, &m->estimates, 0, &err);

	if (rc)
		print_error("%s\n", err.text);
	assert_int_equal(rc, 0);
	free(m->page);
	m->page = content(m, "report.html");
}

static inline void has(const struct machine *m, const char *text)
{
	if (!strstr(m->page, text))
		fail_msg("the page lacks: %s", text);
}

static inline void lacks(const struct machine *m, const char *text)
{
	const char *found = strstr(m->page, text);

	if (found)
		fail_msg("the page holds: %.80s", found);
}

/* Tags that open and close in order, attributes in quotes, no stray '<' or '&': XML in short. */
static inline void assert_well_formed(const char *page)
{
	char open[64][32];
	unsigned depth = 0;

	assert_int_equal(strncmp(page, "<!DOCTYPE html>", 15), 0);
	for (const char *c = page + 15; *c; c++) {
		char name[32];
		const char *end;

		if (*c == '&' && strncmp(c, "&amp;", 5) && strncmp(c, "&lt;", 4) && strncmp(c, "&gt;", 4) &&
			strncmp(c, "&quot;", 6) && strncmp(c, "&#39;", 5))
			fail_msg("a bare &: %.60s", c);
		if (*c != '<')
			continue;
		end = strchr(c, '>');
		assert_non_null(end);
		assert_int_equal(sscanf(c + (c[1] == '/' ? 2 : 1), "%31[a-zA-Z0-9]", name), 1);
		if (c[1] == '/') {
			assert_true(depth > 0);
			assert_string_equal(name, open[--depth]);
		} else if (end[-1] != '/') {
			assert_true(depth < 64);
			strcpy(open[depth++], name);
		}
		c = end;
	}
	assert_int_equal(depth, 0);
}

/* Where an id ends, or NULL where no `mark` starts here. */
static inline const char *id_after(const char *c, const char *mark)
{
	size_t length = strlen(mark);

	return strncmp(c, mark, length) == 0 && (c[length] == '\'' || c[length] == '"') ? c + length + 1
											: NULL;
}

/* Several pictures share a page: no id comes twice. */
static inline void assert_ids_unique(const char *page)
{
	for (const char *a = page; *a; a++) {
		const char *id = id_after(a, " id=");
		size_t length = id ? strcspn(id, "'\"") + 1 : 0;

		for (const char *b = id; b && *b; b++) {
			const char *other = id_after(b, " id=");

			if (other && strncmp(id, other, length) == 0)
				fail_msg("twice the id %.40s", id);
		}
	}
}

/* Users draw the plots again: it must work from the files alone, without a word of complaint. */
static inline void assert_redraws(const struct machine *m, const char *name)
{
	char command[PATH_MAX + 100], said[200] = "", png[80], svg[80];
	FILE *out;

	snprintf(png, sizeof(png), "plots/%s.png", name);
	snprintf(svg, sizeof(svg), "plots/%s.svg", name);
	snprintf(command, sizeof(command),
		"cd %s/plots && rm %s.png %s.svg && LC_ALL=C.UTF-8 gnuplot %s.gp 2>&1", m->run.dir, name,
		name, name);
	out = popen(command, "r");
	assert_non_null(out);
	if (fgets(said, sizeof(said), out))
		fail_msg("gnuplot on %s says: %s", name, said);
	assert_int_equal(pclose(out), 0);
	assert_true(exists(m, png));
	assert_true(exists(m, svg));
}

static inline void add_stability(struct machine *m)
{
	struct estimates *e = &m->estimates;

	e->stability = calloc(8, sizeof(*e->stability));
	e->stability_count = 8;
	for (size_t i = 0; i < 8; i++) {
		struct stability *s = &e->stability[i];

		*s = (struct stability){ .cpu = 0,
			.tau_s = 0.01 * (double)(1 << i % 4),
			.oadev = 1e-8 / (double)(i + 1),
			.mdev = i % 2 ? NAN : 1e-9,
			.oadev_low = 5e-10,
			.oadev_high = NAN };
		strcpy(s->clock, i < 4 ? "first" : "second");
		strcpy(s->phase, m->run.phases[0].name);
	}
}

static inline void add_exchanges(struct machine *m, int cpus)
{
	struct estimates *e = &m->estimates;

	e->crosscpu = calloc((size_t)(cpus * cpus), sizeof(*e->crosscpu));
	for (int a = 0; a < cpus; a++) {
		for (int b = a + 1; b < cpus; b++) {
			struct crosscpu *c = &e->crosscpu[e->crosscpu_count++];

			*c = (struct crosscpu){ .cpu_a = a, .cpu_b = b, .offset_ns = b - a, .bound_ns = 40 };
			strcpy(c->phase, "before");
		}
	}
}

#endif
