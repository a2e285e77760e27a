/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* For tests: cpufreq run on the fake tree, with a journal of its own. */
#ifndef BENCH_FREQ_BED_H
#define BENCH_FREQ_BED_H

#include "bench/freq_fake.h"

#include "bench/disturbance.h"
#include "bench/stage_fake.h"
#include "probes/tsc.h"

extern const struct disturbance disturb_cpufreq;

struct bed {
	struct stage *stage;
	struct journal *journal;
	struct asked asked;
	struct disturbance_setup setup;
	struct error err;
	struct evidence evidence;
	void *state;
	char *before; /* the tree, without what the kernel says of itself */
};

static const int both_cpus[] = { 0, 1 };
static const char *no_tree; /* why there is none */

static inline void bed_ask(struct bed *b, const char *text)
{
	assert_int_equal(disturbance_parse(&disturb_cpufreq, text, &b->asked, &b->err), 0);
	b->setup = (struct disturbance_setup){ .arguments = b->asked.arguments,
		.duration_s = 10,
		.cpus = both_cpus,
		.cpu_count = 2,
		.journal = b->journal,
		.stage = b->stage };
}

static inline int set_up(void **state)
{
	struct bed *b;

	if (no_tree)
		return 0;
	b = calloc(1, sizeof(*b));
	assert_non_null(b);
	b->stage = calloc(1, sizeof(*b->stage));
	assert_non_null(b->stage);
	pthread_mutex_init(&b->stage->lock, NULL);
	fake_freq_tree();
	b->before = fake_freq_snapshot(false);
	if (journal_open(&b->journal, "a test", &b->err))
		fail_msg("%s", b->err.text);
	*state = b;
	return 0;
}

static inline int tear_down(void **state)
{
	struct bed *b = *state;
	struct error ignored = { "" };

	if (!b)
		return 0;
	if (b->state)
		disturb_cpufreq.stop(b->state, &b->evidence, &ignored);
	/* What a test left changed is gone with the tree. */
	journal_close(b->journal, &ignored);
	unlink(JOURNAL_DIR "/journal");
	fake_freq_end();
	free(b->before);
	free(b->stage);
	free(b);
	return 0;
}

static inline struct bed *bed_of(void **state)
{
	if (no_tree) {
		print_message("skipped: %s\n", no_tree);
		skip();
	}
	return *state;
}

static inline void assert_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static inline void assert_file(const char *path, const char *text)
{
	assert_string_equal(fake_freq_get(path), text);
}

static inline void bed_start(struct bed *b, const char *text)
{
	bed_ask(b, text);
	if (disturb_cpufreq.supported(&b->setup, &b->err) ||
		disturb_cpufreq.start(&b->setup, &b->state, &b->err))
		fail_msg("%s", b->err.text);
	assert_non_null(b->state);
}

static inline void bed_look(struct bed *b, int times)
{
	for (int i = 0; i < times; i++)
		disturb_cpufreq.observe(b->state, tsc_before());
}

static inline void bed_stop(struct bed *b)
{
	void *s = b->state;

	b->state = NULL;
	assert_int_equal(disturb_cpufreq.stop(s, &b->evidence, &b->err), 0);
	print_message("%s: %s\n", b->evidence.observed ? "observed" : "not observed", b->evidence.text);
}

static inline void assert_undone(struct bed *b)
{
	char *after;

	if (journal_undo(b->journal, 0, &b->err))
		fail_msg("%s", b->err.text);
	fake_kernel();
	after = fake_freq_snapshot(false);
	assert_string_equal(after, b->before);
	free(after);
}

static inline void refused(struct bed *b, const char *text, int code, const char *part)
{
	b->err.text[0] = '\0';
	bed_ask(b, text);
	assert_int_equal(disturb_cpufreq.supported(&b->setup, &b->err), code);
	print_message("%s: %s\n", text, b->err.text);
	assert_text(b->err.text, part);
	b->err.text[0] = '\0';
	assert_int_equal(disturb_cpufreq.start(&b->setup, &b->state, &b->err), code);
	assert_null(b->state);
	assert_text(b->err.text, part);
}

#define BED_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
