/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Evidence becomes lanes: which belong together, which are shown, and that no spike is lost. */
#include "analysis/report_lanes.c"

#include "analysis/report_fixture.h"

static const char *const clocks[] = { "reference", "target", NULL };
static const char *const phases[] = { "one", "two", "three", NULL };

struct bench {
	struct machine m;
	struct report r;
};

static void bench_make(struct bench *b)
{
	struct error err = { 0 };

	machine_make(&b->m, clocks, phases, 1, 100);
	b->r = (struct report){
		.run = &b->m.run, .samples = &b->m.samples, .estimates = &b->m.estimates, .length_s = 10
	};
	b->r.source = pair_source_new(&b->m.run, &b->m.samples, &err);
	assert_non_null(b->r.source);
	b->r.evidence.series = calloc(64, sizeof(*b->r.evidence.series));
}

static void bench_free(struct bench *b)
{
	lanes_free(&b->r);
	evidence_free(&b->r.evidence);
	pair_source_free(b->r.source);
	machine_free(&b->m);
}

/* `count` points with a value of low, but the middle one of high, over the phase. */
static void add_series(struct bench *b, size_t phase, const char *disturbance, const char *name,
	const char *unit, size_t count, double low, double high)
{
	struct evidence_series *s = &b->r.evidence.series[b->r.evidence.count++];
	const struct phase *p = &b->m.run.phases[phase];

	s->phase = phase;
	strcpy(s->disturbance, disturbance);
	strcpy(s->name, name);
	strcpy(s->unit, unit);
	s->points = calloc(count, sizeof(*s->points));
	s->count = count;
	for (size_t i = 0; i < count; i++) {
		s->points[i].tsc = p->tsc_lo + (p->tsc_hi - p->tsc_lo) / count * i;
		s->points[i].value = i == count / 2 ? high : low;
	}
}

static void test_what_belongs_together(void **state)
{
	struct bench b;
	char text[160];

	(void)state;
	bench_make(&b);
	add_series(&b, 2, "load", "busy CPU 1", "%", 3, 40, 90);
	add_series(&b, 0, "load", "busy CPU 0", "%", 3, 80, 91);
	add_series(&b, 0, "load", "busy CPU 1", "%", 3, 80, 92);
	add_series(&b, 1, "hotplug", "online CPUs", "", 3, 2, 1);
	add_series(&b, 1, "hotplug", "busy CPU 0", "%", 3, 5, 6);
	add_series(&b, 1, "hotplug", "silent", "", 3, NAN, NAN);
	assert_int_equal(lanes_make(&b.r), 0);
	assert_int_equal(b.r.lane_count, 3);
	assert_string_equal(b.r.lanes[0].name, "busy");
	assert_int_equal(b.r.lanes[0].count, 3);
	assert_int_equal(b.r.lanes[0].cpu_count, 2);
	assert_true(b.r.lanes[0].seen.low == 40 && b.r.lanes[0].seen.high == 92);
	/* By phase, then by CPU. */
	assert_int_equal(b.r.lanes[0].series[0].cpu, 0);
	assert_int_equal(b.r.lanes[0].series[2].series->phase, 2);
	lane_title(&b.r.lanes[0], text, sizeof(text));
	assert_string_equal(text, "load: busy, CPU 0, 1");
	lane_title(&b.r.lanes[1], text, sizeof(text));
	assert_string_equal(text, "hotplug: online CPUs");
	lane_range(&b.r.lanes[0], text, sizeof(text));
	assert_string_equal(text, "40 … 92 %");
	bench_free(&b);
}

static void test_every_disturbance_has_a_lane(void **state)
{
	static const char *const names[] = { "load", "cstate", "slew" };
	size_t shown = 0;
	struct bench b;

	(void)state;
	bench_make(&b);
	for (size_t i = 0; i < 10; i++) {
		char name[16];

		snprintf(name, sizeof(name), "quantity %zu", i);
		/* The first ones never change, so later ones say more. */
		add_series(&b, 0, "load", name, "", 3, 1, i < 2 ? 1 : 2);
	}
	add_series(&b, 1, "cstate", "entries", "1/s", 3, 0, 0);
	add_series(&b, 2, "slew", "frequency", "ppm", 3, -500, 500);
	assert_int_equal(lanes_make(&b.r), 0);
	assert_int_equal(b.r.lane_count, 12);
	for (size_t k = 0; k < 3; k++) {
		bool found = false;

		for (size_t i = 0; i < b.r.lane_count; i++)
			found |= b.r.lanes[i].in_strip && strcmp(b.r.lanes[i].disturbance, names[k]) == 0;
		assert_true(found);
	}
	for (size_t i = 0; i < b.r.lane_count; i++)
		shown += b.r.lanes[i].in_strip;
	assert_int_equal(shown, STRIP_LANES);
	assert_false(b.r.lanes[0].in_strip);
	assert_true(b.r.lanes[2].in_strip);
	bench_free(&b);
}

static void test_values_in_words(void **state)
{
	(void)state;
	assert_string_equal(lane_value(2600000, "kHz").text, "2.6 GHz");
	assert_string_equal(lane_value(800, "kHz").text, "800 kHz");
	assert_string_equal(lane_value(0, "kHz").text, "0");
	assert_string_equal(lane_value(1234, "1/s").text, "1234 1/s");
	assert_string_equal(lane_value(-500, "ppm").text, "−500 ppm");
	assert_string_equal(lane_value(0.26083, "ms").text, "0.261 ms");
	assert_string_equal(lane_value(2, "").text, "2");
	assert_string_equal(lane_value(0, "tsc=0 kvm-clock=1").text, "tsc");
	assert_string_equal(lane_value(1, "tsc=0 kvm-clock=1").text, "kvm-clock");
	assert_string_equal(lane_value(2, "tsc=0").text, "2 tsc=0");
	assert_string_equal(lane_value(0, " =0 a b=").text, "b");
	assert_string_equal(lane_value(1e300, "").text, "1e+300");
}

static void test_axes(void **state)
{
	struct lane lane = { .unit = "%", .seen = { 88, 92 } };

	(void)state;
	assert_true(lane_axis(&lane).low == 0 && lane_axis(&lane).high == 100);
	lane = (struct lane){ .unit = "ppm", .seen = { -500, 500 } };
	assert_true(lane_axis(&lane).low == -500 && lane_axis(&lane).high == 500);
	lane = (struct lane){ .unit = "kHz", .seen = { 2500000, 2600000 } };
	assert_true(lane_axis(&lane).low == 2500000);
}

/* Data and script of one lane, as text. */
static char *drawn(const struct bench *b, const struct lane *lane, char **data)
{
	struct timeline t = { .name = "x", .width_px = 980, .unit = format_axis_unit(10) };
	struct plot plot = { .width = 1000, .height = 100 };
	char *script;
	size_t size;

	plot.script = open_memstream(&script, &size);
	plot.data = open_memstream(data, &size);
	assert_int_equal(lane_draw(&b->r, &plot, &t, lane), 0);
	fclose(plot.script);
	fclose(plot.data);
	return script;
}

static size_t rows(const char *data)
{
	size_t count = 0;

	for (; *data; data++)
		count += *data == '\n';
	return count;
}

static void test_a_spike_is_seen(void **state)
{
	char *script, *data;
	struct bench b;

	(void)state;
	bench_make(&b);
	add_series(&b, 0, "load", "interrupts", "1/s", 200000, 10, 777);
	add_series(&b, 1, "load", "interrupts", "1/s", 5, 10, 555);
	add_series(&b, 2, "load", "interrupts", "1/s", 1, 10, 444);
	assert_int_equal(lanes_make(&b.r), 0);
	script = drawn(&b, &b.r.lanes[0], &data);
	assert_non_null(strstr(data, " 777\n"));
	assert_non_null(strstr(data, " 555\n"));
	assert_non_null(strstr(data, " 444\n"));
	assert_in_range(rows(data), 300, 1100);
	assert_non_null(strstr(script, "with steps"));
	free(script);
	free(data);
	bench_free(&b);
}

/* With more CPUs than colours, one curve stands for all and reaches to each. */
static void test_many_cpus_in_one_lane(void **state)
{
	char *script, *data, name[40];
	struct bench b;

	(void)state;
	bench_make(&b);
	for (size_t i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "busy CPU %zu", i);
		add_series(&b, 0, "load", name, "%", 50, 20, i == 17 ? 99 : 21);
	}
	assert_int_equal(lanes_make(&b.r), 0);
	assert_int_equal(b.r.lane_count, 1);
	script = drawn(&b, &b.r.lanes[0], &data);
	assert_non_null(strstr(data, " 21 99\n"));
	assert_null(strstr(script, "index 1"));
	free(script);
	free(data);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_belongs_together),
		cmocka_unit_test(test_every_disturbance_has_a_lane),
		cmocka_unit_test(test_values_in_words),
		cmocka_unit_test(test_axes),
		cmocka_unit_test(test_a_spike_is_seen),
		cmocka_unit_test(test_many_cpus_in_one_lane),
	};

	return cmocka_run_group_tests_name("analysis/report_lanes", tests, NULL, NULL);
}
