/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Events as lines and ticks, phases as bands: what is drawn at which density and width. */
#include "analysis/report_marks.c"

#include "analysis/report_fixture.h"

static const char *const clocks[] = { "reference", "target", NULL };
static const char *const phases[] = { "idle", "load", "a-name-that-is-much-too-long-for-its-band", "c",
	NULL };

struct bench {
	struct machine m;
	struct report r;
	struct timeline t;
	char *script, *data;
	struct plot plot;
	size_t script_size, data_size;
};

static void bench_make(struct bench *b)
{
	struct error err = { 0 };

	*b = (struct bench){ 0 };
	machine_make(&b->m, clocks, phases, 1, 100);
	b->r = (struct report){
		.run = &b->m.run, .samples = &b->m.samples, .estimates = &b->m.estimates, .length_s = 10
	};
	b->r.source = pair_source_new(&b->m.run, &b->m.samples, &err);
	assert_non_null(b->r.source);
	b->t = (struct timeline){ .name = "x", .width_px = 980, .unit = format_axis_unit(10), .named = true };
	b->plot = (struct plot){ .width = 1060, .height = 100 };
	b->plot.script = open_memstream(&b->script, &b->script_size);
	b->plot.data = open_memstream(&b->data, &b->data_size);
	b->m.run.events = calloc(1000, sizeof(*b->m.run.events));
}

static void bench_free(struct bench *b)
{
	fclose(b->plot.script);
	fclose(b->plot.data);
	free(b->script);
	free(b->data);
	pair_source_free(b->r.source);
	machine_free(&b->m);
}

static void add_event(struct bench *b, const char *kind, double t_s, bool injected)
{
	struct event *e = &b->m.run.events[b->m.run.event_count++];

	e->tsc = (uint64_t)(ORIGIN + t_s * TSC_HZ);
	strcpy(e->kind, kind);
	e->injected = injected;
}

static size_t times(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}

static void test_few_are_lines_and_many_are_ticks(void **state)
{
	struct figure figure = { 0 };
	struct marks marks;
	struct bench b;

	(void)state;
	bench_make(&b);
	for (int i = 0; i < 100; i++)
		add_event(&b, "clocksource", 5 + 0.01 * i, false);
	add_event(&b, "cpu-offline", 2, false);
	add_event(&b, "cpu-offline", 7, false);
	add_event(&b, "settime", 3, true);
	add_event(&b, "settime", -3, true);  /* before the first reading */
	add_event(&b, "settime", 300, true); /* and after the last */
	assert_int_equal(marks_make(&b.r, &b.t, &marks), 0);
	assert_int_equal(marks.kind_count, 3);
	assert_int_equal(marks_tick_kinds(&marks), 1);
	assert_int_equal(marks.kinds[0].count, 100);
	assert_int_equal(marks.kinds[2].count, 1);
	marks_write(&b.r, &b.plot, &b.t, &marks);
	marks_draw_lines(&b.r, &b.plot, &b.t, &marks);
	fflush(b.plot.script);
	fflush(b.plot.data);
	assert_int_equal(times(b.script, "set arrow"), 3);
	assert_int_equal(times(b.script, "#888888"), 2);
	assert_int_equal(times(b.script, "#6a3d9a"), 1);
	assert_int_equal(times(b.data, "\n"), 101);
	marks_say(&marks, &figure);
	assert_non_null(strstr(figure.note, "100 clocksource."));
	assert_non_null(strstr(figure.note, "made on purpose"));
	marks_free(&marks);
	bench_free(&b);
}

static void test_lines_never_blacken(void **state)
{
	struct marks marks;
	struct bench b;
	size_t lines = 0;

	(void)state;
	bench_make(&b);
	/* Each kind has few, all together have many; and there are more kinds than are told apart. */
	for (int i = 0; i < 200; i++) {
		char kind[16];

		snprintf(kind, sizeof(kind), "kind %d", i % 20);
		add_event(&b, kind, i * 0.05, i % 2);
	}
	assert_int_equal(marks_make(&b.r, &b.t, &marks), 0);
	assert_int_equal(marks.kind_count, MARK_KINDS);
	for (size_t i = 0; i < marks.kind_count; i++)
		lines += marks.kinds[i].ticks ? 0 : marks.kinds[i].count;
	assert_in_range(lines, 0, LINES_MAX);
	marks_free(&marks);
	bench_free(&b);
}

/* Two ticks a pixel at most, however many events there are. */
static void test_ticks_are_bounded(void **state)
{
	struct marks marks;
	struct bench b;

	(void)state;
	bench_make(&b);
	b.t.width_px = 50;
	for (int i = 0; i < 1000; i++)
		add_event(&b, "settime", i * 0.01, true);
	assert_int_equal(marks_make(&b.r, &b.t, &marks), 0);
	marks_write(&b.r, &b.plot, &b.t, &marks);
	fflush(b.plot.data);
	assert_in_range(times(b.data, "\n"), 100, 102);
	marks_free(&marks);
	bench_free(&b);
}

static void test_names_fit_their_bands(void **state)
{
	struct phase_disturbance *done;
	struct bench b;

	(void)state;
	bench_make(&b);
	done = b.m.run.phases[1].disturbances = calloc(1, sizeof(*done));
	b.m.run.phases[1].disturbance_count = 1;
	b.r.disturbed = true;
	done->observed = OBSERVED_NO;
	bands_draw(&b.r, &b.plot, &b.t);
	bands_name(&b.r, &b.plot, &b.t);
	fflush(b.plot.script);
	/* The phase that was disturbed has a ground, and is hatched; idle ones have none. */
	assert_int_equal(times(b.script, "set object"), 2);
	assert_int_equal(times(b.script, "pattern"), 1);
	assert_int_equal(times(b.script, "'idle'"), 1);
	assert_int_equal(times(b.script, "'load: not observed'"), 1);
	assert_int_equal(times(b.script, "'3'"), 1);
	/* A number needs a key; it says what is the matter as well. */
	assert_true(bands_key_height(&b.r, &b.t, 1000) > 0);
	bands_key(&b.r, &b.plot, &b.t, 10, 50);
	fflush(b.plot.script);
	assert_int_equal(times(b.script, "'2 load (not observed)'"), 1);
	assert_int_equal(times(b.script, "'3 a-name-that-is-much-too-long-for-its-band'"), 1);
	b.m.run.phases[2].name[3] = '\0';
	assert_int_equal(bands_key_height(&b.r, &b.t, 1000), 0);
	/* Without room for words a mark is left. */
	b.t.width_px = 4 * 50;
	bands_name(&b.r, &b.plot, &b.t);
	fflush(b.plot.script);
	assert_int_equal(times(b.script, "'load ✗'"), 1);
	assert_true(bands_key_height(&b.r, &b.t, 1000) > 0);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_are_lines_and_many_are_ticks),
		cmocka_unit_test(test_lines_never_blacken),
		cmocka_unit_test(test_ticks_are_bounded),
		cmocka_unit_test(test_names_fit_their_bands),
	};

	return cmocka_run_group_tests_name("analysis/report_marks", tests, NULL, NULL);
}
