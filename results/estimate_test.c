/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/estimate.c"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "results/results_test.h"

static struct drift drift_row = { .cpu = 1,
	.phase = "p",
	.clock = "c",
	.reference = "r",
	.relation = "crystal",
	.drift_ppm = 12.5,
	.ci_low_ppm = 12.4,
	.ci_high_ppm = 12.6,
	.systematic_ppm = 0.01,
	.method = "least squares",
	.n = 100,
	.rejected = 2,
	.backward = 3,
	.max_backward_ns = 4,
	.steering_ppm = NAN,
	.limit_ppm = 50,
	.limit = "crystal",
	.status = "stable" };

static struct step step_row = { 1, "p", "c", "r", 5, -3000, -3001, -2999, "settime: by hand", "yes", "yes",
	1.5, 0.02, 1e6 };
static struct effect effect_row = { 1, "p", "c", "r", 0.25, 0.125, 0.375, 0.001, "yes", 2, "Welch" };
static struct phase_result phase_rows[] = {
	{ "p", "load share=90; cstate toggle", "yes", "stable", 10.5, 3, 2, 1,
		"It was, they say, \"calm\"." },
	{ .phase = "idle", .observed = "idle", .status = "none", .duration_s = NAN },
};

static struct estimates make_estimates(void)
{
	struct estimates e = { .drift = &drift_row,
		.drift_count = 1,
		.steps = &step_row,
		.step_count = 1,
		.effects = &effect_row,
		.effect_count = 1,
		.phases = phase_rows,
		.phase_count = 2 };

	e.verdict.status = STATUS_INCONCLUSIVE;
	assert_int_equal(verdict_add(&e.verdict, "because of %d", 7), 0);
	e.losses = json_pack("{s:i}", "stored", 5);
	return e;
}

static void drop_estimates(struct estimates *e)
{
	/* Not of the heap. */
	e->drift = NULL;
	e->steps = NULL;
	e->effects = NULL;
	e->phases = NULL;
	estimates_free(e);
}

static void test_status_names(void **state)
{
	(void)state;
	assert_string_equal(status_name(STATUS_STABLE), "stable");
	assert_string_equal(status_name(STATUS_UNSTABLE), "unstable");
	assert_string_equal(status_name(STATUS_INCONCLUSIVE), "inconclusive");
}

static const char *const drift_keys[] = { "cpu", "phase", "clock", "reference", "relation", "drift_ppm",
	"ci_low_ppm", "ci_high_ppm", "systematic_ppm", "method", "n", "rejected", "backward",
	"max_backward_ns" };

/* The keys that others rely on. */
static void test_json_has_the_agreed_keys(void **state)
{
	struct estimates e = make_estimates();
	json_t *json = estimates_to_json(&e, "DIR"), *row, *verdict;

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(json, "schema")), 1);
	assert_string_equal(json_string_value(json_object_get(json, "run")), "DIR");
	assert_true(json_is_array(json_object_get(json, "stability")));
	assert_true(json_is_array(json_object_get(json, "steps")));
	assert_true(json_is_array(json_object_get(json, "crosscpu")));
	row = json_array_get(json_object_get(json, "drift"), 0);
	for (size_t i = 0; i < sizeof(drift_keys) / sizeof(drift_keys[0]); i++)
		assert_non_null(json_object_get(row, drift_keys[i]));
	assert_true(json_real_value(json_object_get(row, "drift_ppm")) == 12.5);
	assert_true(json_is_null(json_object_get(row, "steering_ppm")));
	row = json_array_get(json_object_get(json, "effects"), 0);
	assert_true(json_real_value(json_object_get(row, "effect_ppm")) == 0.25);
	assert_int_equal(json_integer_value(json_object_get(row, "idle_phases")), 2);
	assert_int_equal(json_array_size(json_object_get(json, "phases")), 2);
	row = json_array_get(json_object_get(json, "phases"), 1);
	assert_string_equal(json_string_value(json_object_get(row, "observed")), "idle");
	assert_true(json_is_null(json_object_get(row, "duration_s")));
	row = json_array_get(json_object_get(json, "steps"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "injected")), "yes");
	verdict = json_object_get(json, "verdict");
	assert_string_equal(json_string_value(json_object_get(verdict, "status")), "inconclusive");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(verdict, "reasons"), 0)), "because of 7");
	json_decref(json);
	drop_estimates(&e);
}

static void test_store_writes_all_files(void **state)
{
	struct estimates e = make_estimates();
	struct error err = { "" };
	char *text;

	(void)state;
	assert_int_equal(estimates_store(&e, test_dir, &err), 0);
	text = test_read("drift.csv");
	assert_holds(text, "\n1,p,c,r,crystal,12.5,12.4,12.6,0.01,least squares,100,2,3,4,,");
	free(text);
	text = test_read("verdict.json");
	assert_holds(text, "\"because of 7\"");
	assert_holds(text, "\"stored\": 5");
	free(text);
	assert_file("steps.csv",
		"cpu,phase,clock,reference,at_s,step_ns,ci_low_ns,ci_high_ns,cause,injected,recovered,"
		"recovery_s,recovery_resolution_s,recovery_bound_ns\n"
		"1,p,c,r,5,-3000,-3001,-2999,settime: by hand,yes,yes,1.5,0.02,1000000\n");
	assert_file("effects.csv", "cpu,phase,clock,reference,effect_ppm,ci_low_ppm,ci_high_ppm,p,"
				   "significant,idle_phases,method\n"
				   "1,p,c,r,0.25,0.125,0.375,0.001,yes,2,Welch\n");
	assert_file("phases.csv",
		"phase,disturbances,observed,status,duration_s,steps,steps_explained,backward,text\n"
		"p,load share=90; cstate toggle,yes,stable,10.5,3,2,1,\"It was, they say, \"\"calm\"\".\"\n"
		"idle,,idle,none,,0,0,0,\n");
	assert_int_equal(access(test_path("stability.csv"), F_OK), 0);
	assert_int_equal(estimates_remove(test_dir, &err), 0);
	assert_int_equal(estimates_remove(test_dir, &err), 0);
	assert_int_equal(rmdir(test_dir), 0);
	assert_int_equal(mkdir(test_dir, 0777), 0);
	drop_estimates(&e);
}

/* Every byte that a store writes is the last that fits once. */
static void test_a_store_that_fails_leaves_the_old(void **state)
{
	static const char *const names[] = { "drift.csv", "stability.csv", "steps.csv", "effects.csv",
		"phases.csv", "verdict.json" };
	struct rlimit old_limit, limit;
	struct estimates e = make_estimates();
	struct error err = { "" };
	char *before[6];
	int rc;

	(void)state;
	assert_int_equal(estimates_store(&e, test_dir, &err), 0);
	for (size_t i = 0; i < 6; i++)
		before[i] = test_read(names[i]);
	e.drift[0].drift_ppm = 99;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
	for (rlim_t size = 0, failed = 1; failed; size += 16) {
		limit = (struct rlimit){ size, old_limit.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		err = (struct error){ "" };
		rc = estimates_store(&e, test_dir, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
		failed = rc != 0;
		if (failed)
			assert_ends(err.text, ": cannot write: File too large");
		for (size_t i = 0; i < 6 && failed; i++)
			assert_file(names[i], before[i]);
	}
	for (size_t i = 0; i < 6; i++)
		free(before[i]);
	assert_int_equal(unlink(test_path("phases.csv")), 0);
	assert_int_equal(mkdir(test_path("phases.csv"), 0777), 0);
	before[0] = test_read("drift.csv");
	e.drift[0].drift_ppm = 98;
	assert_int_equal(estimates_store(&e, test_dir, &err), -EISDIR);
	assert_ends(err.text, "phases.csv: cannot write: Is a directory");
	assert_file("drift.csv", before[0]);
	free(before[0]);
	assert_int_equal(rmdir(test_path("phases.csv")), 0);
	assert_int_equal(estimates_remove(test_dir, &err), 0);
	assert_int_equal(rmdir(test_dir), 0); /* nothing else is left in it */
	assert_int_equal(mkdir(test_dir, 0777), 0);
	drop_estimates(&e);
}

/* A reason longer than its room is cut between two characters. */
static void test_a_long_reason_stays_text(void **state)
{
	static const char euro[] = "\xe2\x82\xac";
	struct verdict verdict = { 0 };
	json_t *json;

	(void)state;
	for (int lead = 0; lead < 4; lead++) {
		char text[2 * REASON_MAX] = "";

		memset(text, 'x', (size_t)lead);
		for (size_t i = (size_t)lead; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, euro, sizeof(euro));
		assert_int_equal(verdict_add(&verdict, "%s", text), 0);
		json = json_string(verdict.reasons[lead].text);
		assert_non_null(json);
		assert_in_range(json_string_length(json), REASON_MAX - 7, REASON_MAX - 1);
		json_decref(json);
	}
	free(verdict.reasons);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_names),
		cmocka_unit_test(test_json_has_the_agreed_keys),
		on_disk(test_store_writes_all_files),
		on_disk(test_a_store_that_fails_leaves_the_old),
		cmocka_unit_test(test_a_long_reason_stays_text),
	};

	return cmocka_run_group_tests_name("results/estimate", tests, NULL, NULL);
}
