/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_gnuplot.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "results/file.h"

static char dir[] = "/tmp/report_gnuplot_test.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "t.gp", "t.dat", "t.svg", "t.png" };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		if (path_join(path, sizeof(path), dir, names[i], NULL) == 0)
			unlink(path);
	return rmdir(dir);
}

static FILE *create(const char *name)
{
	char path[PATH_MAX];
	FILE *out;

	assert_int_equal(path_join(path, sizeof(path), dir, name, NULL), 0);
	out = fopen(path, "w");
	assert_non_null(out);
	return out;
}

static void write_script(const char *text)
{
	FILE *out = create("t.gp");

	fputs(text, out);
	fclose(out);
}

static char *content(const char *name)
{
	char path[PATH_MAX], *text = calloc(1, 1 << 20);
	FILE *in;

	assert_int_equal(path_join(path, sizeof(path), dir, name, NULL), 0);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

static void test_strings_have_no_power(void **state)
{
	const char *evil = "it's_a^b{c}@d&e \"q\" \\n $x `touch pwned` %s #";
	struct plot plot = { 0 };
	char *svg;

	(void)state;
	plot.script = create("t.gp");
	plot.data = create("t.dat");
	plot_begin(&plot, "t", 400, 300);
	plot_headline(&plot, evil);
	fputs("set xtics (", plot.script);
	plot_tic_string(plot.script, evil);
	fputs(" 1)\nplot [0:2] x title ", plot.script);
	plot_string(plot.script, "a\nb");
	fputs("\n", plot.script);
	plot_end(&plot);
	fclose(plot.script);
	fclose(plot.data);
	assert_int_equal(plot_run(dir, "t", NULL), 0);
	svg = content("t.svg");
	/* Twice to the letter: as the title and as a tic. */
	evil = strstr(svg, "it's_a^b{c}@d&amp;e \"q\" \\n $x `touch pwned` %s #");
	assert_non_null(evil);
	assert_non_null(strstr(evil + 1, "it's_a^b{c}@d&amp;e \"q\" \\n $x `touch pwned` %s #"));
	free(svg);
}

/* A block without rows keeps its number, so the ones behind it keep theirs. */
static void test_an_empty_block_counts(void **state)
{
	struct plot plot = { 0 };
	char *svg, *data;

	(void)state;
	plot.script = create("t.gp");
	plot.data = create("t.dat");
	plot_begin(&plot, "t", 400, 300);
	assert_int_equal(plot_block(&plot, "first %s", "with\nnewline"), 0);
	fputs("1 1\n2 2\n", plot.data);
	assert_int_equal(plot_block(&plot, "hollow"), 1);
	assert_int_equal(plot_block(&plot, "third"), 2);
	fputs("1 7\n2 7\n", plot.data);
	/* gnuplot prints what it read into the title. */
	fputs("stats 't.dat' index 2 using 2 nooutput\nset key\n"
	      "plot 't.dat' index 2 using 1:2 with lines title sprintf('mean=%g', STATS_mean)\n",
		plot.script);
	plot_end(&plot);
	fclose(plot.script);
	fclose(plot.data);
	assert_int_equal(plot_run(dir, "t", NULL), 0);
	svg = content("t.svg");
	assert_non_null(strstr(svg, "mean=7"));
	data = content("t.dat");
	assert_non_null(strstr(data, "# index 0: first with newline\n"));
	free(svg);
	free(data);
}

static void test_a_failure_says_what(void **state)
{
	struct error err = { 0 };

	(void)state;
	write_script("plot nonsense(\n");
	assert_int_equal(plot_run(dir, "t", &err), -EIO);
	assert_non_null(strstr(err.text, "t.gp: gnuplot failed: "));
	assert_non_null(strstr(err.text, "line 1"));
}

static void test_a_missing_script_is_a_failure(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(plot_run(dir, "nothing", &err), -EIO);
	assert_non_null(strstr(err.text, "nothing.gp"));
}

static void test_the_deadline_holds(void **state)
{
	struct error err = { 0 };
	int64_t before = now_ms(), took;

	(void)state;
	write_script("print 'waiting'\npause 30\n");
	assert_int_equal(run_script(dir, "t.gp", 1, &err), -ETIMEDOUT);
	took = now_ms() - before;
	assert_in_range(took, 900, 20000);
	assert_non_null(strstr(err.text, "1 s"));
}

static void test_no_gnuplot(void **state)
{
	char *path = strdup(getenv("PATH"));
	struct error err = { 0 };

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(plot_run(dir, "t", &err), -ENOENT);
	setenv("PATH", path, 1);
	free(path);
	assert_non_null(strstr(err.text, "install gnuplot-nox"));
}

static void test_tics_in_words(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	plot_time_tics(out, 20, 4e6);
	plot_log_tics(out, 2e-12, 3e-7);
	fclose(out);
	assert_non_null(strstr(text, "'10 ns' 1e1, '100 ns' 1e2, '1 µs' 1e3"));
	assert_non_null(strstr(text, "'10⁻¹²' 1e-12, '10⁻¹¹' 1e-11"));
	free(text);
	out = open_memstream(&text, &size);
	plot_time_tics(out, 20, 90);
	fclose(out);
	assert_non_null(strstr(text, "'10 ns' 1e1, '20 ns' 2e1, '50 ns' 5e1"));
	free(text);
}

static void test_a_legend_that_is_too_long_is_refused(void **state)
{
	const struct legend_entry entries[] = { { "CPU 0", "#000000" }, { "CPU 1", "#000000" } };
	const struct legend_entry wide[] = {
		{ "a name that takes a good part of the width", "#000000" },
		{ "and another one of the same length or so on", "#000000" },
		{ "and another one of the same length or so on", "#000000" },
	};
	char *text = NULL;
	size_t size;
	struct plot plot = { .width = 1060, .height = 400, .script = open_memstream(&text, &size) };

	(void)state;
	assert_false(plot_legend(&plot, wide, 3));
	fflush(plot.script);
	assert_int_equal(size, 0);
	assert_true(plot_legend(&plot, entries, 2));
	fclose(plot.script);
	assert_non_null(strstr(text, "'CPU 1'"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings_have_no_power),
		cmocka_unit_test(test_an_empty_block_counts),
		cmocka_unit_test(test_a_failure_says_what),
		cmocka_unit_test(test_a_missing_script_is_a_failure),
		cmocka_unit_test(test_the_deadline_holds),
		cmocka_unit_test(test_no_gnuplot),
		cmocka_unit_test(test_tics_in_words),
		cmocka_unit_test(test_a_legend_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests_name("analysis/report_gnuplot", tests, make_dir, remove_dir);
}
