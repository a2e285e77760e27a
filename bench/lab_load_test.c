/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The load and the vCPUs are fakes; what is asked of both is not. */
#define disturbance_find    fake_find
#define lab_vcpus_bind	    fake_bind
#define lab_vcpus_place	    fake_place
#define lab_vcpus_waited_ns fake_waited_ns
#include "bench/lab_load.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char qemu, warden, other; /* only their addresses count */
static struct lab_guest guest;
static bool bound, running, taken;
static int start_rc;
static int64_t waited_ns;

static int fake_supported(const struct disturbance_setup *setup, struct error *why)
{
	(void)why;
	assert_int_equal(setup->cpu_count, 2);
	return 0;
}

static int fake_start(const struct disturbance_setup *setup, void **state, struct error *err)
{
	assert_true(bound);
	assert_int_equal(setup->cpus[1], 5);
	assert_string_equal(setup->arguments[0].text, "cache");
	assert_true(setup->arguments[1].number == 30);
	assert_true(setup->arguments[2].number == 50);
	assert_true(setup->duration_s == 12);
	if (start_rc)
		return error_set(err, start_rc, "stress-ng on CPU 1 ended at once");
	running = true;
	*state = &running;
	return 0;
}

static int fake_stop(void *state, struct evidence *evidence, struct error *err)
{
	(void)err;
	assert_ptr_equal(state, &running);
	running = false;
	evidence->observed = taken;
	snprintf(evidence->text, sizeof(evidence->text), "took 29.0 %% of CPU 1");
	return 0;
}

const struct disturbance *fake_find(const char *name)
{
	static const struct parameter parameters[] = { { .name = "class", .kind = PARAMETER_WORD },
		{ .name = "share", .kind = PARAMETER_NUMBER, .low = 1, .high = 100 },
		{ .name = "enough", .kind = PARAMETER_NUMBER, .low = 1, .high = 100 }, { .name = NULL } };
	static const struct disturbance fake = { .name = "load",
		.parameters = parameters,
		.supported = fake_supported,
		.start = fake_start,
		.stop = fake_stop };

	assert_string_equal(name, "load");
	return &fake;
}

int fake_bind(struct lab_guest *g, int cpus[LAB_VCPUS_MAX], size_t *count, struct error *err)
{
	(void)g;
	(void)err;
	bound = true;
	cpus[0] = 1;
	cpus[1] = 5;
	*count = 2;
	return 0;
}

int fake_place(struct lab_guest *g, struct error *err)
{
	(void)err;
	assert_non_null(g->qmp);
	bound = false;
	return 0;
}

int64_t fake_waited_ns(struct lab_guest *g)
{
	assert_non_null(g->qmp);
	return waited_ns;
}

static int set_up(void **state)
{
	(void)state;
	guest = (struct lab_guest){ .qmp = (struct qmp *)(void *)&qemu,
		.warden = (struct warden *)(void *)&warden };
	bound = running = false;
	taken = true;
	start_rc = 0;
	waited_ns = 1000;
	return 0;
}

static struct lab_load *start_one(struct outside_report *report, struct error *err)
{
	const struct outside_request r = {
		.kind = OUTSIDE_HOST_LOAD, .class = "cache", .share = 30, .seconds = 12
	};

	return lab_load_start(&guest, NULL, &r, report, err);
}

static void from_begin_to_end(void **state)
{
	struct outside_report report = { .seen = false };
	struct error err = { "" };
	struct lab_load *l = start_one(&report, &err);
	uint64_t now = now_ns();

	(void)state;
	assert_non_null(l);
	assert_true(report.seen && running && bound);
	assert_string_equal(report.text, "'cache' at 30 % on CPU 1,5 of the host");
	assert_true(lab_load_overdue_ns(l) > now + 12 * NS_PER_SEC);
	assert_true(lab_load_overdue_ns(l) < now + 60 * NS_PER_SEC);
	waited_ns += 2 * NS_PER_SEC;
	taken = false;
	assert_int_equal(lab_load_stop(l, &report, &err), 0);
	assert_false(report.seen || running || bound);
	assert_memory_equal(report.text, "took 29.0 % of CPU 1; the vCPUs waited 2.000 s of 0.", 52);
	assert_int_equal(lab_load_stop(NULL, &report, &err), 0);
}

/* Numbers of other vCPUs are none of these. */
static void qemu_changes_or_goes(void **state)
{
	struct outside_report report;
	struct error err = { "" };
	struct lab_load *l = start_one(&report, &err);

	(void)state;
	guest.warden = (struct warden *)(void *)&other;
	waited_ns = 9000;
	assert_int_equal(lab_load_stop(l, &report, &err), 0);
	assert_string_equal(report.text, "took 29.0 % of CPU 1");
	assert_true(report.seen && !running && !bound);
	l = start_one(&report, &err);
	guest.qmp = NULL;
	assert_int_equal(lab_load_stop(l, &report, &err), 0);
	assert_string_equal(report.text, "took 29.0 % of CPU 1");
	assert_false(running);
}

static void one_that_does_not_begin(void **state)
{
	struct outside_report report;
	struct error err = { "" };

	(void)state;
	start_rc = -ECHILD;
	assert_null(start_one(&report, &err));
	assert_non_null(strstr(err.text, "ended at once"));
	assert_false(bound);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(from_begin_to_end, set_up),
		cmocka_unit_test_setup(qemu_changes_or_goes, set_up),
		cmocka_unit_test_setup(one_that_does_not_begin, set_up),
	};

	return cmocka_run_group_tests_name("bench/lab_load", tests, NULL, NULL);
}
