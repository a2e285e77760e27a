/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Pairs of machines with a known truth, as the report shows them. */
#include "analysis/report.c"

#include "analysis/report_fixture.h"
#include "analysis/report_pair.h"

#define STEP_NS	  (-2e9)
#define STEP_AT_S 6.25

static const char *const pair_clocks[] = { "peer", "monotonic", "tsc", "hpet", "peer_tsc", NULL };
static const char *const phases[] = { "before", "after", NULL };

static void pair_make_machine(struct machine *m, const char *label)
{
	static const char *const oscillators[] = { NULL, "tsc", "tsc", "platform", NULL };

	machine_make(m, pair_clocks, phases, 1, 600);
	for (size_t i = 0; i < m->run.clock_count; i++)
		strcpy(m->run.clocks[i].oscillator, oscillators[i] ? oscillators[i] : label);
	m->run.clocks[0].cadence = m->run.clocks[4].cadence = CADENCE_SLOW;
	for (size_t i = 0; i < m->estimates.drift_count; i++) {
		m->estimates.drift[i].limit_ppm = 1;
		strcpy(m->estimates.drift[i].limit, "guest");
		strcpy(m->estimates.drift[i].status, "unstable");
	}
}

/* All of this machine's clocks lose two seconds; the step is known as the analysis would. */
static void pause_guest(struct machine *m)
{
	m->estimates.steps = calloc(3, sizeof(*m->estimates.steps));
	for (unsigned clock = 1; clock <= 3; clock++) {
		struct series *s = &m->samples.series[clock];
		struct step *step = &m->estimates.steps[m->estimates.step_count++];

		for (size_t i = 0; i < s->count; i++)
			if (s->readings[i].tsc_lo > ORIGIN + STEP_AT_S * TSC_HZ)
				s->readings[i].value += (uint64_t)(int64_t)STEP_NS;
		*step = (struct step){ .at_s = STEP_AT_S,
			.step_ns = STEP_NS,
			.ci_low_ns = STEP_NS - 70,
			.ci_high_ns = STEP_NS + 70,
			.injected = "yes",
			.cause = "pause: guest stopped for 2 s, as its host says" };
		strcpy(step->clock, m->run.clocks[clock].name);
		strcpy(step->phase, "after");
	}
	m->run.events = calloc(2, sizeof(*m->run.events));
	m->run.event_count = 2;
	m->run.events[0] = (struct event){ .tsc = (uint64_t)(ORIGIN + STEP_AT_S * TSC_HZ),
		.kind = "pause",
		.injected = true,
		.text = "guest stopped for 2 s" };
	m->run.events[1] = (struct event){ .tsc = (uint64_t)(ORIGIN + 2 * TSC_HZ), .kind = "wobble" };
}

static struct report gathered(const struct machine *m)
{
	struct report r = {
		.run = &m->run, .samples = &m->samples, .estimates = &m->estimates, .reference = 0
	};
	struct error err = { "" };

	assert_int_equal(report_gather(&r, &err), 0);
	return r;
}

static void one_clock_stands_for_an_oscillator(void **state)
{
	int clocks[PAIR_CLOCKS_MAX];
	struct machine m;
	struct report r;

	(void)state;
	pair_make_machine(&m, "host");
	r = gathered(&m);
	assert_true(report_is_pair(&r));
	assert_int_equal(report_pair_clocks(&r, clocks), 2);
	assert_string_equal(m.run.clocks[clocks[0]].name, "monotonic");
	assert_string_equal(m.run.clocks[clocks[1]].name, "hpet");
	/* Where the kernel keeps time by the hpet, the TSC is another one. */
	strcpy(m.run.clocks[1].oscillator, "platform");
	assert_int_equal(report_pair_clocks(&r, clocks), 2);
	assert_string_equal(m.run.clocks[clocks[0]].name, "monotonic");
	assert_string_equal(m.run.clocks[clocks[1]].name, "tsc");
	report_release(&r);
	machine_free(&m);
}

static void steps_and_drift_are_taken_out(void **state)
{
	struct pair_curve c;
	struct machine m;
	struct error err;
	struct report r;

	(void)state;
	pair_make_machine(&m, "host");
	pause_guest(&m);
	r = gathered(&m);
	assert_int_equal(pair_curve_make(&r, 1, 100, &c, &err), 0);
	assert_true(c.count >= 90 && c.count <= 102);
	assert_int_equal(c.step_count, 1);
	assert_true(c.stepped_ns == STEP_NS);
	assert_true(fabs(c.mean_ppm - drift_of(1, 0)) < 0.01);
	/* Brackets of at least 100 cycles of 0.5 ns on both sides. */
	assert_true(c.half_ns >= 50 && c.half_ns < 60);
	assert_true(c.offset.low < STEP_NS && c.offset.high > 0);
	for (size_t i = 0; i < c.count; i++) {
		const struct pair_point *p = &c.points[i];
		double stepped = p->t_s > STEP_AT_S ? STEP_NS : 0;

		/* What is left of the truth lies in each band, and is far below the step. */
		assert_true(fabs(p->flat_ns) <= p->half_ns);
		assert_true(fabs(p->offset_ns - stepped - drift_of(1, 0) * 1e3 * p->t_s) <= 2 * p->half_ns);
	}
	assert_true(c.flat.high - c.flat.low < 400);
	pair_curve_free(&c);
	report_release(&r);
	machine_free(&m);
}

static void the_narrowest_bracket_is_kept(void **state)
{
	struct pair_curve c;
	struct machine m;
	struct error err;
	struct report r;

	(void)state;
	pair_make_machine(&m, "host");
	/* All but one of ten exchanges are slow, and off by what a slow one may be off. */
	for (size_t i = 0; i < m.samples.series[0].count; i++)
		if (i % 10 != 3)
			m.samples.series[0].readings[i].tsc_hi += 20000;
	r = gathered(&m);
	assert_int_equal(pair_curve_make(&r, 1, 40, &c, &err), 0);
	assert_true(c.count >= 38 && c.count <= 42);
	assert_true(c.half_ns < 60);
	for (size_t i = 0; i < c.count; i++)
		assert_true(c.points[i].half_ns < 60);
	pair_curve_free(&c);
	report_release(&r);
	machine_free(&m);
}

/* A loaded machine: what a slow exchange says is shown, but must not hide what the others say. */
static void slow_stretches_leave_the_axis(void **state)
{
	struct pair_curve c;
	struct machine m;
	struct error err;
	struct report r;

	(void)state;
	pair_make_machine(&m, "host");
	for (size_t i = 100; i < 130; i++)
		m.samples.series[0].readings[i].tsc_hi += 20000000;
	r = gathered(&m);
	assert_int_equal(pair_curve_make(&r, 1, 600, &c, &err), 0);
	assert_int_equal(c.wide, 30);
	assert_true(c.half_ns < 60);
	assert_true(c.flat.high < 200 && c.flat.low > -200);
	for (size_t i = 0; i < c.count; i++) {
		assert_true(fabs(c.points[i].flat_ns) <= c.points[i].half_ns);
		assert_int_equal(c.points[i].wide, c.points[i].half_ns > 1000);
	}
	pair_curve_free(&c);
	report_release(&r);
	report(&m);
	has(&m, "beyond the axis ");
	machine_free(&m);
}

static void a_lab_run(void **state)
{
	struct machine m;

	(void)state;
	pair_make_machine(&m, "host");
	pause_guest(&m);
	m.run.lab = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:{s:s, s:s, s:s}, s:{s:s}}",
		"configuration", "one-vcpu", "summary", "<small>", "qemu", "7.2", "cpu", "max", "machine",
		"pc", "hpet", 1, "cstates", 0, "pstates", 0, "append", "notsc", "accelerator", "wanted",
		"auto", "used", "tcg", "reason", "kvm: it hangs", "kernel", "package", "linux-image");
	report(&m);
	assert_well_formed(m.page);
	assert_ids_unique(m.page);
	has(&m, "<h2>Guest against its host</h2>");
	has(&m, "id=\"pair-gnuplot_canvas\"");
	has(&m, "<text>monotonic, guest − host</text>");
	has(&m, "<text>pause −2 s</text>");
	has(&m, "<text>wobble</text>");
	has(&m, "the same less 1 step and a steady drift of +10 ppm");
	has(&m, "within the limit guest of ±1 ppm");
	has(&m, "monotonic of the guest drifts by +10.000\u00a0± 0.006\u00a0ppm; 1 step, −2\u00a0s in all;");
	has(&m, "<h2>Both machines: guest and host</h2>");
	has(&m, "pause: guest stopped for 2 s, as its host says");
	has(&m, "<dd>one-vcpu: &lt;small&gt;</dd>");
	has(&m, "<dd>tcg, asked for: auto; kvm: it hangs</dd>");
	has(&m, "<dd>max, machine pc, HPET yes, C-states no, P-states no</dd>");
	has(&m, "<dd>notsc</dd>");
	/* What nobody told is said to be unknown. */
	has(&m, "<tr><td class=\"k\">Kernel</td><td class=\"w\"><span class=\"also\">unknown</span></td><td "
		"class=\"w\"><span class=\"also\">unknown</span></td>");
	has(&m, "The host did not tell its facts");
	has(&m, "There is none to compare with: the other machine did not tell its facts.");
	assert_redraws(&m, "pair");
	machine_free(&m);
}

static json_t *facts_of(const char *name, int khz, bool constant, const char *clocksource, double ppm,
	bool daemon, bool hypervisor)
{
	return json_pack(
		"{s:s, s:s, s:{s:s}, s:{s:s, s:i, s:{s:b, s:b}}, s:{s:b}, s:{s:i, s:s}, s:{s:s, s:[s]}, "
		"s:{s:o}, s:{s:f, s:i, s:b}, s:{s:[{s:s, s:s}, {s:s, s:n}]}}",
		"hostname", name, "boot_id", name, "kernel", "release", "6.1 <b>", "cpu", "model_name",
		"A CPU", "online_count", 4, "flags", "constant_tsc", constant, "nonstop_tsc", constant,
		"hypervisor", "present", hypervisor, "tsc", "khz", khz, "source", "cpuid", "clocksource",
		"current", clocksource, "available", clocksource, "time_daemon", "running",
		daemon ? json_pack("[{s:s}]", "name", "chronyd") : json_array(), "adjtimex", "freq_ppm", ppm,
		"tick_us", 10000, "synchronised", daemon, "command_line", "parameters", "name", "clocksource",
		"value", clocksource, "name", "quiet", "value");
}

static void what_differs_is_marked(void **state)
{
	struct machine m;

	(void)state;
	pair_make_machine(&m, "host");
	m.run.environment_before = facts_of("inner", 2098980, false, "acpi_pm", 0, false, true);
	m.run.peer_environment = facts_of("outer", 2100000, true, "tsc", -12.5, true, false);
	report(&m);
	assert_well_formed(m.page);
	has(&m, "<h2>Guest against its host</h2>"); /* as the hypervisor bit says */
	has(&m, "<tr class=\"differs\"><td class=\"k\">TSC rate, as the kernel takes it</td><td "
		"class=\"w\">2098980 kHz, cpuid</td><td class=\"w\">2100000 kHz, cpuid</td>");
	has(&m, "a clock of the guest that is made from it runs 486\u00a0ppm faster than one of the host.");
	has(&m, "The kernel of the guest does not trust its TSC");
	has(&m, "The two kernels keep time by different counters.");
	has(&m, "Only the host is steered");
	has(&m, "Realtime and monotonic of the guest are made to run 12.5\u00a0ppm faster than those of the "
		"host.");
	has(&m, "<td class=\"w\">clocksource=acpi_pm quiet</td><td class=\"w\">clocksource=tsc quiet</td>");
	has(&m, "<td class=\"w\">6.1 &lt;b&gt;</td>");
	/* Names differ as they should: no mark. */
	has(&m, "<tr><td class=\"k\">Name</td><td class=\"w\">inner</td><td class=\"w\">outer</td>");
	has(&m, "<tr><td class=\"w\">clocksource=acpi_pm</td><td>✗ already the default</td><td "
		"class=\"w\">acpi_pm has "
		"the highest rating");
	has(&m, "<p>✗ marks those that changed nothing. 1 of 2 parameters of the command line are not about "
		"time.</p>");
	json_decref(m.run.peer_environment);
	m.run.peer_environment = facts_of("outer", 2098980, false, "acpi_pm", 0, false, false);
	report(&m);
	lacks(&m, "class=\"differs\"");
	machine_free(&m);
}

static void the_exact_map_is_shown(void **state)
{
	struct machine m;
	struct series *s;

	(void)state;
	pair_make_machine(&m, "host");
	m.run.clocks[4].unit = UNIT_TICKS;
	m.run.clocks[4].hz = TSC_HZ;
	s = &m.samples.series[4];
	for (size_t i = 0; i < s->count; i++)
		s->readings[i].value = s->readings[i].tsc_lo + 50 + 123456;
	m.run.peer_environment = json_pack("{s:[{s:i, s:i, s:i, s:i}]}", "kvm_vcpus", "pid", 9, "fd", 8,
		"vcpu", 0, "tsc_offset", -123456);
	report(&m);
	has(&m, "<li>the TSC of CPU 0 is as KVM maps it: the host says −123456 cycles, not scaled (vCPU 0 of "
		"process 9); measured −1234");
	machine_free(&m);
}

static void what_both_machines_are(void **state)
{
	struct machine m;
	struct report r;

	(void)state;
	pair_make_machine(&m, "peer");
	r = gathered(&m);
	assert_string_equal(report_pair_roles(&r).theirs, "peer");
	for (size_t i = 0; i < m.run.clock_count; i++)
		if (strcmp(m.run.clocks[i].oscillator, "peer") == 0)
			strcpy(m.run.clocks[i].oscillator, "host");
	/* Nothing is known, then a host, then one machine beside itself. */
	assert_string_equal(report_pair_roles(&r).theirs, "peer");
	m.run.environment_before = facts_of("a", 1, true, "tsc", 0, false, false);
	m.run.peer_environment = facts_of("b", 1, true, "tsc", 0, false, true);
	assert_string_equal(report_pair_roles(&r).theirs, "guest");
	json_object_set_new(m.run.peer_environment, "boot_id", json_string("a"));
	assert_string_equal(report_pair_roles(&r).ours, "this machine");
	report_release(&r);
	machine_free(&m);
}

static void one_machine_has_no_pair(void **state)
{
	struct machine m;

	(void)state;
	pair_make_machine(&m, "tsc");
	report(&m);
	lacks(&m, "id=\"both\"");
	lacks(&m, "id=\"pair\"");
	assert_false(exists(&m, "plots/pair.gp"));
	machine_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_clock_stands_for_an_oscillator),
		cmocka_unit_test(steps_and_drift_are_taken_out),
		cmocka_unit_test(the_narrowest_bracket_is_kept),
		cmocka_unit_test(slow_stretches_leave_the_axis),
		cmocka_unit_test(a_lab_run),
		cmocka_unit_test(what_differs_is_marked),
		cmocka_unit_test(the_exact_map_is_shown),
		cmocka_unit_test(what_both_machines_are),
		cmocka_unit_test(one_machine_has_no_pair),
	};

	return cmocka_run_group_tests_name("analysis/report_pair", tests, NULL, NULL);
}
