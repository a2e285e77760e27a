/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/matrix_fixture.h"
#include "analysis/report_fixture.h"

#include "analysis/report_matrix.c"

/* A matrix with each verdict in it, and its page. */
struct shown {
	struct fixture f;
	struct machine page; /* of its directory: for the questions of report_fixture.h */
};

static void show(struct shown *s)
{
	static const struct guest good = { .read_ns = 900, .clocksource = "acpi_pm" },
				  bad = { .drift_ppm = 9.9, .read_ns = 40 },
				  open = { .drift_ppm = 0.9999, .read_ns = 3000 },
				  odd = { .drift_ppm = 4,
					  .parameter = "clocksurce",
					  .value = "<hpet>",
					  .kernel_said =
						  "tsc: Marking TSC unstable due to <clocksource> & more" };

	fixture_begin(&s->f);
	fixture_profile(&s->f, "default", 0);
	fixture_profile(&s->f, "acpi-pm", 1);
	fixture_cell(&s->f, "one-vcpu", "acpi-pm", 0, &good);
	fixture_cell(&s->f, "one-vcpu", "default", 0, &bad);
	fixture_cell(&s->f, "two<vcpus>", "default", 0, &open);
	fixture_cell(&s->f, "two<vcpus>", "odd_{x}'s", 0, &odd);
	fixture_no_result(&s->f, "two<vcpus>", "acpi-pm", 0, "it hung & \"died\"");
	fixture_analyze(&s->f);
}

static void hide(struct shown *s)
{
	free(s->page.page);
	fixture_end(&s->f);
}

static void write_page(struct shown *s)
{
	struct error err = { "" };

	if (report_matrix_write(&s->f.r, &err))
		fail_msg("%s", err.text);
	s->page = (struct machine){ .run.dir = s->f.m.dir };
	s->page.page = content(&s->page, "report.html");
}

static void the_page_shows_it_all(void **state)
{
	struct shown s;

	(void)state;
	show(&s);
	write_page(&s);
	assert_well_formed(s.page.page);
	assert_ids_unique(s.page.page);
	has(&s.page, "Not decided for each configuration");
	has(&s.page, "acpi-pm is the least intrusive profile that is stable");
	has(&s.page, "✗ unstable");
	has(&s.page, "✓ stable");
	has(&s.page, "? inconclusive");
	has(&s.page, "– no result");
	has(&s.page, "two&lt;vcpus&gt;");
	has(&s.page, "it hung &amp; &quot;died&quot;");
	has(&s.page, "clocksurce=&lt;hpet&gt;");
	has(&s.page, "due to &lt;clocksource&gt; &amp; more");
	has(&s.page, "<a href=\"run-1/\">run</a>");
	hide(&s);
}

/* A cell with a report of its own is linked to that. */
static void cells_link_to_their_reports(void **state)
{
	struct shown s;

	(void)state;
	show(&s);
	test_write("run-0/report.html", "");
	write_page(&s);
	has(&s.page, "<a href=\"run-0/report.html\">report</a>");
	has(&s.page, "<a href=\"run-1/\">run</a>");
	hide(&s);
}

static void plots_can_be_drawn_again(void **state)
{
	struct shown s;
	char *data;

	(void)state;
	show(&s);
	write_page(&s);
	assert_redraws(&s.page, "matrix");
	assert_redraws(&s.page, "tradeoff");
	data = test_read("plots/matrix.dat");
	assert_holds(data, "\"stable\" \"one-vcpu\" \"acpi-pm\"");
	assert_holds(data, "\"no result\" \"two<vcpus>\" \"acpi-pm\"");
	free(data);
	hide(&s);
}

/* The mark says the verdict where the colour cannot. */
static void the_map_says_each_verdict_by_a_mark(void **state)
{
	struct shown s;
	char *script;

	(void)state;
	show(&s);
	write_page(&s);
	script = test_read("plots/matrix.gp");
	assert_holds(script, "'✗ +9.90");
	assert_holds(script, "'? +1.0");
	assert_holds(script, "'– no result'");
	assert_holds(script, "★ least intrusive");
	free(script);
	hide(&s);
}

static void nothing_to_draw_is_said(void **state)
{
	struct shown s;

	(void)state;
	fixture_begin(&s.f);
	fixture_no_result(&s.f, "c", "p", 0, "it hung");
	fixture_analyze(&s.f);
	write_page(&s);
	assert_well_formed(s.page.page);
	has(&s.page, "There is no plot: no cell has a drift and a read cost.");
	assert_false(exists(&s.page, "plots/tradeoff.gp"));
	hide(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_disk(the_page_shows_it_all),
		on_disk(cells_link_to_their_reports),
		on_disk(plots_can_be_drawn_again),
		on_disk(the_map_says_each_verdict_by_a_mark),
		on_disk(nothing_to_draw_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
