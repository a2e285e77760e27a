/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <stdarg.h>
#include <string.h>

#include "bench/inspect_page.h"

const char *page_paint(const struct page *page, const char *sequence)
{
	return page->colour ? sequence : "";
}

void page_wrap(const struct page *page, const char *text, size_t column, size_t indent)
{
	while (*(text += strspn(text, " "))) {
		size_t length = strcspn(text, " ");

		if (column > indent && column + 1 + length > PAGE_COLUMNS) {
			fprintf(page->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', page->out);
			column++;
		}
		/* A word longer than the line is broken where the line ends. */
		if (length > PAGE_COLUMNS - column)
			length = PAGE_COLUMNS - column;
		fwrite(text, 1, length, page->out);
		column += length;
		text += length;
	}
}

void page_heading(const struct page *page, const char *text)
{
	fprintf(page->out, "%s%s%s\n", page_paint(page, "\033[1m"), text, page_paint(page, "\033[0m"));
}

void page_text(const struct page *page, const char *label, const char *text)
{
	fprintf(page->out, "  %-*.*s", PAGE_LABEL - 2, PAGE_LABEL - 3, label);
	page_wrap(page, *text ? text : "-", PAGE_LABEL, PAGE_LABEL);
	fputc('\n', page->out);
}

void page_field(const struct page *page, const char *label, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	page_text(page, label, text);
}
