/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * What `make bench` measures beside runs of clkdrift itself:
 *
 *   measure overhead              the loop's cost a reading against the bare one
 *   measure truth TRIALS          estimators against simulated truth
 *   measure stability POINTS      the Allan family at all octaves
 *   measure generate DIR ROWS     a run directory with so many readings
 *   measure peak COMMAND...       the most memory that a command held
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analysis/fit.h"
#include "analysis/stability.h"
#include "probes/posix_clock.h"
#include "probes/probe.h"
#include "probes/sim.h"
#include "probes/tsc.h"
#include "results/run.h"
#include "results/samples.h"
#include "results/units.h"

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / (double)NS_PER_SEC;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
	qsort(x, n, sizeof(*x), by_value);
	return x[n / 2];
}

/* ---- overhead: both loops in turns, medians of many rounds ---- */

#define ROUNDS 2001
#define BURST  8

static volatile uint64_t sink;

static uint64_t bare_burst(clockid_t id)
{
	uint64_t start = tsc_before();

	for (int i = 0; i < BURST; i++) {
		struct timespec t;
		uint64_t lo = tsc_before(), hi;

		clock_gettime(id, &t);
		hi = tsc_after();
		sink = lo + hi + (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
	}
	return tsc_after() - start;
}

static uint64_t loop_burst(const struct probe_clock *clock, struct reading *last, struct tally *tally)
{
	static struct reading buffer[BURST];
	uint64_t start = tsc_before();
	unsigned count = probe_burst(clock, 0, BURST, buffer);

	sink = buffer[probe_count(clock, buffer, count, last, tally)].value;
	return tsc_after() - start;
}

static int overhead(void)
{
	static const struct {
		const char *name;
		clockid_t id;
	} clocks[] = { { "monotonic", CLOCK_MONOTONIC }, { "monotonic_raw", CLOCK_MONOTONIC_RAW },
		{ "realtime", CLOCK_REALTIME } };
	static double bare[ROUNDS], loop[ROUNDS];

	tsc_init();
	for (size_t c = 0; c < sizeof(clocks) / sizeof(clocks[0]); c++) {
		const struct clock_reader *reader = clock_reader_find(clocks[c].name);
		struct clock_setup setup = { .tsc_hz = 1e9 };
		struct clock_traits traits = { 0 };
		struct error err = { "" };
		struct probe_clock clock = { .reader = reader, .bits = 64, .turn = UINT64_MAX };
		struct tally tally = { .brackets = calloc(1, sizeof(struct histogram)) };
		struct reading last = { 0 };
		double b, l;

		if (reader->open && reader->open(&setup, &traits, &err)) {
			fprintf(stderr, "measure: %s\n", err.text);
			return 1;
		}
		clock.state = traits.state;
		for (int i = 0; i < ROUNDS; i++) {
			bare[i] = (double)bare_burst(clocks[c].id) / BURST;
			loop[i] = (double)loop_burst(&clock, &last, &tally) / BURST;
		}
		b = median(bare, ROUNDS);
		l = median(loop, ROUNDS);
		printf("%-14s bare %6.1f cycles, loop %6.1f cycles a reading: ratio %.3f (to reach: 1.10)\n",
			clocks[c].name, b, l, l / b);
		free(tally.brackets);
	}
	return 0;
}

/* ---- truth: the mixes of delays ---- */

#define TRUE_DRIFT_PPM 0.031
#define EXCHANGES      1200
#define SPAN_S	       60.0
#define DELAYS                                                                                               \
	"drift=0.031:noise=15:delay=5000:forward_pareto=1000:backward_exp=400:spike_share=0.02:spike=200000"

static const struct {
	const char *name, *options;
	double rms_ppb, cover_low, cover_high; /* to reach; 0: not asked for */
} mixes[] = {
	{ "white noise", "drift=0.031:noise=15:delay=200", 0, 0.93, 0.97 },
	{ "stationary delays", DELAYS, 0.25, 0, 0 },
	{ "queueing ramps x4", DELAYS ":ramp=4:ramp_period=20", 0.8, 0.90, 1 },
	{ "early stamps", DELAYS ":early_share=0.002:early=1500", 0.25, 0, 0 },
};

static int trial(const char *options, uint64_t seed, struct fit *fit)
{
	static double t[EXCHANGES], x[EXCHANGES], half[EXCHANGES];
	struct sim_model model = { .tsc_hz = 2.6e9, .tsc_start = 1000000000, .seed = seed };
	struct fit_input in = { t, x, half, EXCHANGES, 1 / 2.6, 1 / sqrt(12) };
	struct error err = { "" };

	if (sim_model_parse(&model, options, &err)) {
		fprintf(stderr, "measure: %s\n", err.text);
		return -EINVAL;
	}
	for (int i = 0; i < EXCHANGES; i++) {
		struct reading r = sim_reading(&model, 0, SPAN_S * (i + 0.5) / EXCHANGES);
		double lo = cycles_to_ns((double)(int64_t)(r.tsc_lo - model.tsc_start), model.tsc_hz);
		double hi = cycles_to_ns((double)(int64_t)(r.tsc_hi - model.tsc_start), model.tsc_hz);

		t[i] = ns_to_s((lo + hi) / 2);
		x[i] = (double)(int64_t)r.value - 1e12 - (lo + hi) / 2;
		half[i] = (hi - lo) / 2;
	}
	return fit_drift(&in, NULL, fit, &err);
}

static int truth(int trials)
{
	for (size_t m = 0; m < sizeof(mixes) / sizeof(mixes[0]); m++) {
		double squares = 0, covered = 0;
		struct fit fit;

		for (int i = 0; i < trials; i++) {
			if (trial(mixes[m].options, 1000003u * (uint64_t)i + 77 * m + 5, &fit))
				return 1;
			squares += pow((fit.drift_ppm - TRUE_DRIFT_PPM) * PPB_PER_PPM, 2);
			covered += fit.ci_low_ppm <= TRUE_DRIFT_PPM && fit.ci_high_ppm >= TRUE_DRIFT_PPM;
		}
		printf("%-18s RMS error %.3f ppb", mixes[m].name, sqrt(squares / trials));
		if (mixes[m].rms_ppb > 0)
			printf(" (to reach: %.2f)", mixes[m].rms_ppb);
		printf(", 95 %% intervals cover %.1f %%", 100 * covered / trials);
		if (mixes[m].cover_low > 0)
			printf(" (to reach: %.0f to %.0f)", 100 * mixes[m].cover_low,
				100 * mixes[m].cover_high);
		printf(", %s\n", fit.method);
	}
	return 0;
}

/* ---- stability ---- */

static int stability(size_t n)
{
	static const unsigned masks[] = { STABILITY_BIT(STABILITY_OADEV) | STABILITY_BIT(STABILITY_MDEV) |
						  STABILITY_BIT(STABILITY_HDEV) |
						  STABILITY_BIT(STABILITY_MTIE),
		STABILITY_ALL };
	double *phase = malloc(n * sizeof(*phase));
	struct stability_point points[64];
	size_t m_list[64], count = stability_octaves(n, m_list, 64);
	struct error err = { "" };
	uint64_t state = 1;

	if (!phase)
		return 1;
	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		phase[i] = (double)(state >> 40) * 1e-15;
	}
	for (size_t k = 0; k < 2; k++) {
		struct stability_options options = { .tau0_s = 0.01, .kinds = masks[k] };
		double start = now_s();

		if (stability_compute(phase, n, &options, m_list, count, points, &err)) {
			fprintf(stderr, "measure: %s\n", err.text);
			return 1;
		}
		printf("%s at %zu octaves of %zu points: %.2f s%s\n",
			k ? "all ten statistics" : "OADEV, MDEV, HDEV, MTIE", count, n, now_s() - start,
			k ? "" : " (to reach: 3 s)");
	}
	free(phase);
	return 0;
}

/* ---- generate ---- */

static int generate(const char *dir, uint64_t rows)
{
	static const char *const names[] = { "monotonic", "monotonic_raw", "realtime", "boottime", "tai" };
	struct sim_model model = {
		.tsc_hz = 2.6e9, .tsc_start = 1000000000, .granularity = 26, .resolution_ns = 1
	};
	struct clock_info clocks[5] = { 0 };
	struct phase phase = { .name = "all", .tsc_hi = UINT64_MAX, .steering_ppm = NAN };
	struct run run = { .tsc_hz = 2.6e9,
		.clocks = clocks,
		.clock_count = 5,
		.phases = &phase,
		.phase_count = 1,
		.interval_s = 0.01,
		.tsc_granularity_cycles = 26,
		.state = "complete",
		.scenario = "generated" };
	struct samples_writer *writer;
	struct error err = { "" };
	int rc;

	model.forward.fixed_ns = model.backward.fixed_ns = 30;
	for (size_t i = 0; i < 5; i++) {
		strcpy(clocks[i].name, names[i]);
		strcpy(clocks[i].oscillator, "tsc");
		clocks[i].hz = 1e9;
		clocks[i].bits = 64;
	}
	rc = run_create_at(&run, dir, &err);
	if (!rc)
		rc = run_store(&run, &err);
	writer = rc ? NULL : samples_writer_open(&run, 0, &err);
	for (uint64_t i = 0; writer && !rc && i < rows; i++) {
		struct reading r =
			sim_reading(&model, (int)(i % 5), (double)(i / 5) * 0.01 + 1e-6 * (double)(i % 5));

		rc = samples_writer_put(writer, 0, names[i % 5], &r, &err);
	}
	if (writer && samples_writer_close(writer, &err))
		rc = -EIO;
	if (rc || !writer)
		fprintf(stderr, "measure: %s\n", err.text);
	free(run.dir);
	return rc || !writer;
}

/* ---- peak ---- */

static int peak(char **command)
{
	struct rusage usage;
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv(command[0], command);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0)
		return 1;
	printf("peak memory %.0f MiB\n", (double)usage.ru_maxrss / 1024);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "overhead") == 0)
		return overhead();
	if (argc == 3 && strcmp(argv[1], "truth") == 0)
		return truth(atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "stability") == 0)
		return stability(strtoull(argv[2], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "generate") == 0)
		return generate(argv[2], strtoull(argv[3], NULL, 10));
	if (argc >= 3 && strcmp(argv[1], "peak") == 0)
		return peak(argv + 2);
	fputs("usage: measure overhead | truth TRIALS | stability POINTS | generate DIR ROWS | peak "
	      "COMMAND...\n",
		stderr);
	return 2;
}
