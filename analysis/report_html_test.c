/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "analysis/report_html.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char written[4096];

/* What the function writes for that text. */
static const char *through(void (*function)(FILE *, const char *), const char *text)
{
	FILE *out = fmemopen(written, sizeof(written), "w");

	written[0] = '\0';
	function(out, text);
	fclose(out);
	return written;
}

static void test_markup_is_text(void **state)
{
	(void)state;
	assert_string_equal(
		through(html_text, "<script>&\"'</script>"), "&lt;script&gt;&amp;&quot;&#39;&lt;/script&gt;");
	assert_string_equal(through(html_text, "plain µs ± 漢 😀"), "plain µs ± 漢 😀");
	assert_string_equal(through(html_text, ""), "");
}

static void test_bytes_that_are_no_text(void **state)
{
	(void)state;
	assert_string_equal(through(html_text, "a\x01\x7f\x1b z"), "a\ufffd\ufffd\ufffd z");
	assert_string_equal(through(html_text, "\xff\xfe"), "\ufffd\ufffd");
	/* Cut off, overlong, a surrogate, beyond Unicode: one mark a byte. */
	assert_string_equal(through(html_text, "\xe2\x82"), "\ufffd\ufffd");
	assert_string_equal(through(html_text, "\xc0\xbc"), "\ufffd\ufffd");
	assert_string_equal(through(html_text, "\xe0\x80\xbc"), "\ufffd\ufffd\ufffd");
	assert_string_equal(through(html_text, "\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
	assert_string_equal(through(html_text, "\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");
}

static void test_numbers_stay_together(void **state)
{
	(void)state;
	assert_string_equal(through(html_number, "-12.3 ± 0.4 ppb"), "−12.3\u00a0± 0.4\u00a0ppb");
	assert_string_equal(through(html_number, "a-b <1 x, 3 sheep, 3 s"), "a-b &lt;1 x, 3 sheep, 3\u00a0s");
	assert_string_equal(through(html_number, "-"), "-");
	assert_string_equal(through(html_number, "phase idle-1: -1"), "phase idle-1: −1");
}

static void test_status(void **state)
{
	(void)state;
	assert_string_equal(through(html_status, "unstable"), "<span class=\"s unstable\">✗ unstable</span>");
	assert_non_null(strstr(through(html_status, "stable"), "✓"));
	assert_non_null(strstr(through(html_status, "inconclusive"), "?"));
	assert_string_equal(through(html_status, "<b>"), "&lt;b&gt;");
}

static void svg_into_page(FILE *out, const char *svg)
{
	html_svg(out, svg, "p", "a \"label\"");
}

static void test_svg_in_a_page(void **state)
{
	const char *text = through(svg_into_page,
		"<?xml version=\"1.0\"?>\n<svg width=\"10\" xmlns:xlink=\"x\"><title>Gnuplot</title>"
		"<desc>Produced</desc><g id=\"plot_1\" ><title>'f' using 1</title>"
		"<circle id='gpDot' r='1'/><use xlink:href='#gpDot'/><path style=\"fill:url(#gpDot)\"/>"
		"<image xlink:href='data:image/png;base64,AA=='/>"
		"<text> id='name' url(#x) &lt;b>]]></text></g></svg>\n");

	(void)state;
	assert_string_equal(text,
		"<svg role=\"img\" aria-label=\"a &quot;label&quot;\" width=\"10\" xmlns:xlink=\"x\">"
		"<g id=\"p-plot_1\" ><circle id='p-gpDot' r='1'/><use xlink:href='#p-gpDot'/>"
		"<path style=\"fill:url(#p-gpDot)\"/><image xlink:href='data:image/png;base64,AA=='/>"
		"<text> id='name' url(#x) &lt;b&gt;]]&gt;</text></g></svg>\n");
}

static void test_svg_that_is_cut(void **state)
{
	(void)state;
	assert_string_equal(through(svg_into_page, "no picture"), "");
	assert_string_equal(through(svg_into_page, "<svg><title>never closed"),
		"<svg role=\"img\" aria-label=\"a &quot;label&quot;\">");
	assert_string_equal(through(svg_into_page, "<svg><g id='"),
		"<svg role=\"img\" aria-label=\"a &quot;label&quot;\"><g id='p-");
}

/* The style is part of an XML page. */
static void test_style_is_xml(void **state)
{
	(void)state;
	assert_null(strpbrk(report_style, "<&"));
	assert_null(strstr(report_style, "http"));
	assert_null(strstr(report_style, "@import"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markup_is_text),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_numbers_stay_together),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_svg_in_a_page),
		cmocka_unit_test(test_svg_that_is_cut),
		cmocka_unit_test(test_style_is_xml),
	};

	return cmocka_run_group_tests_name("analysis/report_html", tests, NULL, NULL);
}
