/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#define LOCK_TRIES 2
#include "bench/lab_matrix.c"

#include <pthread.h>

#include "results/results_test.h"

#define CONFIGS	 3
#define PROFILES 4
#define REPEATS	 3
#define PAIRS	 (CONFIGS * PROFILES)
#define CELLS	 (PAIRS * REPEATS)

static void make(struct matrix *m, uint64_t seed)
{
	struct error err = { "" };

	*m = (struct matrix){ .dir = strdup(test_dir), .seed = seed, .duration_s = 10 };
	m->configurations = json_pack("[{s:s},{s:s},{s:s}]", "name", "a", "name", "b", "name", "c");
	m->profiles = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "id", "default", "booted", "",
		"id", "hpet", "booted", "clocksource=hpet", "id", "lpj", "booted", "lpj=9", "id", "p/../q",
		"booted", "x y");
	assert_int_equal(lab_matrix_make(m, REPEATS, &err), 0);
	assert_int_equal(m->count, CELLS);
}

static bool same_cell(const struct matrix_cell *x, const struct matrix_cell *y)
{
	return strcmp(x->configuration, y->configuration) == 0 && strcmp(x->profile, y->profile) == 0;
}

static bool same_order(const struct matrix *x, const struct matrix *y)
{
	for (size_t i = 0; i < CELLS; i++)
		if (!same_cell(&x->cells[i], &y->cells[i]))
			return false;
	return true;
}

static void test_each_block_holds_every_cell_once(void **state)
{
	struct matrix m;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		make(&m, seed);
		for (size_t i = 0; i < CELLS; i++) {
			const struct matrix_cell *cell = &m.cells[i];

			assert_int_equal(cell->order, i);
			assert_int_equal(cell->repeat, i / PAIRS);
			assert_string_equal(cell->state, MATRIX_WAITING);
			assert_non_null(matrix_configuration(&m, cell->configuration));
			assert_string_equal(cell->parameters,
				json_string_value(
					json_object_get(matrix_profile(&m, cell->profile), "booted")));
			for (size_t k = i / PAIRS * PAIRS; k < i; k++)
				assert_false(same_cell(cell, &m.cells[k]));
		}
		matrix_free(&m);
	}
}

static void test_the_seed_is_the_order(void **state)
{
	static const uint64_t seeds[] = { 1, 2, UINT64_C(1) << 40, INT64_MAX };
	struct matrix m, again, other;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		make(&m, seeds[i]);
		make(&again, seeds[i]);
		make(&other, seeds[(i + 1) % 4]);
		assert_true(same_order(&m, &again));
		assert_false(same_order(&m, &other));
		/* Nor is one block the order of the next. */
		assert_false(memcmp(m.cells[0].configuration, m.cells[PAIRS].configuration, 2) == 0 &&
			     same_cell(&m.cells[0], &m.cells[PAIRS]) &&
			     same_cell(&m.cells[1], &m.cells[PAIRS + 1]) &&
			     same_cell(&m.cells[2], &m.cells[PAIRS + 2]) &&
			     same_cell(&m.cells[3], &m.cells[PAIRS + 3]));
		matrix_free(&m);
		matrix_free(&again);
		matrix_free(&other);
	}
}

/* Over many seeds each cell stands as often in each place: no profile is always the first, or behind the same one. */
static void test_places_are_even(void **state)
{
	enum { SEEDS = 2400 };
	unsigned first[PROFILES] = { 0 };
	struct matrix m;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		make(&m, seed);
		for (unsigned p = 0; p < PROFILES; p++)
			first[p] += strcmp(m.cells[0].profile, text_of(m.profiles, p, "id")) == 0;
		matrix_free(&m);
	}
	/* 600 each; the standard deviation is 21, and the seeds are fixed. */
	for (unsigned p = 0; p < PROFILES; p++)
		assert_in_range(first[p], 500, 700);
}

static void test_too_many_or_none(void **state)
{
	struct matrix m = { .configurations = json_pack("[{s:s}]", "name", "a"), .profiles = json_array() };
	struct error err = { "" };

	(void)state;
	assert_int_equal(lab_matrix_make(&m, 1, &err), -EINVAL);
	assert_holds(err.text, "needs a configuration and a profile");
	err.text[0] = '\0';
	json_array_append_new(m.profiles, json_pack("{s:s}", "id", "x"));
	assert_int_equal(lab_matrix_make(&m, MATRIX_CELLS_MAX + 1, &err), -EINVAL);
	assert_holds(err.text, "more than 10000 cells");
	matrix_free(&m);
}

static void test_names_are_plain(void **state)
{
	struct matrix_cell cell = { 7, "one-vcpu", "p/../q x", 2, "", "", "", "", 0 };
	char name[sizeof(cell.run)];

	(void)state;
	lab_matrix_run_name(&cell, name);
	assert_string_equal(name, "cells/007-one-vcpu-p-..-q-x-2");
	memset(cell.configuration, 'c', sizeof(cell.configuration) - 1);
	memset(cell.profile, 'p', sizeof(cell.profile) - 1);
	cell.order = 9999;
	cell.repeat = 10000;
	lab_matrix_run_name(&cell, name);
	assert_ends(name, "pppp-10000");
}

/* ---- the way through ---- */

struct fake {
	unsigned calls[CELLS];
	unsigned shown;
	int fail_at; /* order of the cell that ends the matrix; -1: none */
	int code;
	int signal_at; /* a signal comes while that cell is at work */
	int silent_at; /* has no result */
	bool half;     /* what fails leaves half a run */
};

static void fake_show(void *context, const struct matrix *m, const struct matrix_cell *cell)
{
	struct fake *f = context;

	(void)m;
	(void)cell;
	f->shown++;
}

static int fake_cell(void *context, const struct matrix *m, const struct matrix_cell *cell, const char *dir,
	struct error *err)
{
	struct fake *f = context;
	int order = (int)cell->order;
	struct stat st;

	(void)m;
	f->calls[order]++;
	/* What an earlier attempt left is gone. */
	assert_int_equal(lstat(dir, &st), -1);
	if (order == f->fail_at) {
		if (f->half)
			assert_int_equal(lab_make_directory(dir, err), 0);
		return error_set(err, f->code, "cell %d fails", order);
	}
	if (order == f->signal_at)
		raise(SIGTERM);
	if (order == f->silent_at)
		return error_set(err, LAB_CELL_NO_RESULT, "the guest hangs");
	return lab_make_directory(dir, err);
}

static int go(struct matrix *m, struct fake *f, struct error *err)
{
	const struct lab_matrix_work work = { f, fake_show, fake_cell };
	struct lab_wait wait;
	int rc;

	lab_wait_block(&wait);
	rc = lab_matrix_go(m, &wait, &work, err);
	lab_wait_unblock(&wait);
	return rc;
}

static void reload(struct matrix *m)
{
	struct error err = { "" };

	matrix_free(m);
	if (matrix_load(test_dir, m, &err))
		fail_msg("%s", err.text);
}

static void assert_all_done_once(const struct matrix *m, const struct fake *f, int again)
{
	for (int i = 0; i < CELLS; i++) {
		struct stat st;
		char path[PATH_MAX];

		assert_int_equal(f->calls[i], i == again ? 2 : 1);
		assert_string_equal(m->cells[i].state, MATRIX_DONE);
		snprintf(path, sizeof(path), "%s/%s", test_dir, m->cells[i].run);
		assert_int_equal(stat(path, &st), 0);
	}
	assert_string_not_equal(m->started, "");
	assert_string_not_equal(m->finished, "");
	assert_int_equal(lab_matrix_waiting(m), 0);
}

/* Whatever ends it at whichever cell, the file is whole, the next attempt does that cell and those behind it. */
static void ended_at(int cell, int code, bool half)
{
	struct fake f = { .fail_at = cell, .code = code, .signal_at = -1, .silent_at = -1, .half = half };
	struct error err = { "" };
	struct matrix m;
	char text[64];

	make(&m, 5);
	assert_int_equal(go(&m, &f, &err), code);
	snprintf(text, sizeof(text), "cell %d fails", cell);
	assert_string_equal(err.text, text);
	reload(&m);
	assert_string_equal(m.finished, "");
	assert_int_equal(lab_matrix_waiting(&m), CELLS - cell);
	for (int i = 0; i < CELLS; i++)
		assert_string_equal(m.cells[i].state, i < cell ? MATRIX_DONE : MATRIX_WAITING);
	f.fail_at = -1;
	err.text[0] = '\0';
	assert_int_equal(go(&m, &f, &err), 0);
	assert_int_equal(f.shown, CELLS + 1);
	reload(&m);
	assert_all_done_once(&m, &f, cell);
	matrix_free(&m);
	lab_remove_tree(test_path(MATRIX_CELLS));
}

static void test_ended_at_every_cell(void **state)
{
	(void)state;
	for (int cell = 0; cell < CELLS; cell++) {
		ended_at(cell, -EINTR, false);
		ended_at(cell, -ENOSPC, true);
	}
}

static void test_a_signal_between_two_cells(void **state)
{
	struct fake f = { .fail_at = -1, .signal_at = 4, .silent_at = -1 };
	struct error err = { "" };
	struct matrix m;

	(void)state;
	make(&m, 6);
	assert_int_equal(go(&m, &f, &err), -EINTR);
	assert_holds(err.text, "ended by a signal");
	reload(&m);
	/* The one at work was still noted. */
	assert_string_equal(m.cells[4].state, MATRIX_DONE);
	assert_string_equal(m.cells[5].state, MATRIX_WAITING);
	f.signal_at = -1;
	err.text[0] = '\0';
	assert_int_equal(go(&m, &f, &err), 0);
	reload(&m);
	assert_all_done_once(&m, &f, -1);
	matrix_free(&m);
}

/* That of a cell ends within that of the matrix: a signal behind it does not kill. */
static void test_a_wait_within_a_wait(void **state)
{
	struct lab_wait outer, inner;
	struct error err = { "" };
	sigset_t mask;

	(void)state;
	lab_wait_block(&outer);
	lab_wait_block(&inner);
	lab_wait_unblock(&inner);
	raise(SIGTERM);
	assert_int_equal(lab_wait_for(&outer, 0, &err), -EINTR);
	lab_wait_unblock(&outer);
	/* Nor does one that comes again, when the first has ended the cell and the matrix with it. */
	lab_wait_block(&outer);
	outer.inner = true;
	raise(SIGTERM);
	lab_wait_unblock(&outer);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

static void test_no_result_is_noted_and_the_rest_goes_on(void **state)
{
	struct fake f = { .fail_at = -1, .signal_at = -1, .silent_at = 2 };
	struct error err = { "" };
	struct matrix m;

	(void)state;
	make(&m, 7);
	assert_int_equal(go(&m, &f, &err), 0);
	reload(&m);
	assert_string_equal(m.cells[2].state, MATRIX_NO_RESULT);
	assert_string_equal(m.cells[2].reason, "the guest hangs");
	assert_string_equal(m.cells[2].run, "");
	assert_string_equal(m.cells[3].state, MATRIX_DONE);
	assert_string_equal(m.cells[3].reason, "");
	assert_string_equal(m.cells[CELLS - 1].state, MATRIX_DONE);
	assert_string_not_equal(m.finished, "");
	/* It is over: it is not tried again. */
	assert_int_equal(go(&m, &f, &err), 0);
	assert_int_equal(f.calls[2], 1);
	matrix_free(&m);
}

static void test_a_directory_that_cannot_be_written(void **state)
{
	struct fake f = { .fail_at = -1, .signal_at = -1, .silent_at = -1 };
	struct error err = { "" };
	struct matrix m;

	(void)state;
	make(&m, 8);
	free(m.dir);
	m.dir = strdup(test_path("gone"));
	assert_int_equal(go(&m, &f, &err), -ENOENT);
	assert_holds(err.text, "gone/matrix.json: cannot write");
	/* Before a guest was booted for nothing. */
	assert_int_equal(f.shown, 0);
	matrix_free(&m);
}

static void test_the_time_left(void **state)
{
	struct matrix m;

	(void)state;
	make(&m, 9);
	assert_float_equal(lab_matrix_left_s(&m), CELLS * (10 + CELL_BESIDE_S), 1e-9);
	for (int i = 0; i < 4; i++) {
		strcpy(m.cells[i].state, i ? MATRIX_DONE : MATRIX_NO_RESULT);
		m.cells[i].seconds = 10 * (i + 1);
	}
	assert_float_equal(lab_matrix_left_s(&m), (CELLS - 4) * 25, 1e-9);
	for (int i = 0; i < CELLS; i++)
		strcpy(m.cells[i].state, MATRIX_DONE);
	assert_float_equal(lab_matrix_left_s(&m), 0, 0);
	matrix_free(&m);
}

static void test_one_at_a_time(void **state)
{
	struct error err = { "" };
	int first, second;

	(void)state;
	assert_int_equal(lab_matrix_lock(test_dir, &first, &err), 0);
	assert_int_equal(lab_matrix_lock(test_dir, &second, &err), -EBUSY);
	assert_holds(err.text, "another clkdrift is at work on this matrix");
	close(second);
	close(first);
	err.text[0] = '\0';
	assert_int_equal(lab_matrix_lock(test_dir, &second, &err), 0);
	close(second);
	assert_int_equal(lab_matrix_lock(test_path("gone"), &second, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(test_each_block_holds_every_cell_once),
		on_disk(test_the_seed_is_the_order),
		on_disk(test_places_are_even),
		on_disk(test_too_many_or_none),
		on_disk(test_names_are_plain),
		on_disk(test_ended_at_every_cell),
		on_disk(test_a_signal_between_two_cells),
		cmocka_unit_test(test_a_wait_within_a_wait),
		on_disk(test_no_result_is_noted_and_the_rest_goes_on),
		on_disk(test_a_directory_that_cannot_be_written),
		on_disk(test_the_time_left),
		on_disk(test_one_at_a_time),
	};

	return cmocka_run_group_tests_name("bench/lab_matrix", tests, NULL, NULL);
}
