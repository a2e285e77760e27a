/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The lines of a text of any bytes, one after the other. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct line {
	unsigned long number; /* from 1 */
	size_t begin, end,
		next; /* offsets: the text without its "\n" or "\r\n", and where the next line begins */
};

/* Where something was written. */
struct origin {
	const char *path;
	unsigned long number; /* of the line, from 1 */
};

/* Begins with *line = { 0 }; false behind the last one. */
static inline bool line_next(const char *text, size_t length, struct line *line)
{
	const char *newline;

	if (line->next >= length)
		return false;
	line->number++;
	line->begin = line->next;
	newline = memchr(text + line->begin, '\n', length - line->begin);
	line->end = newline ? (size_t)(newline - text) : length;
	line->next = newline ? line->end + 1 : length;
	while (line->end > line->begin && text[line->end - 1] == '\r')
		line->end--;
	return true;
}

/* The first word of a line, up to a blank or one of `marks`; offsets in text.  Empty for an empty line. */
static inline void line_head(
	const char *text, const struct line *line, const char *marks, size_t *begin, size_t *end)
{
	*begin = line->begin;
	while (*begin < line->end && (text[*begin] == ' ' || text[*begin] == '\t'))
		++*begin;
	*end = *begin;
	while (*end < line->end && text[*end] != ' ' && text[*end] != '\t' &&
		!(text[*end] && strchr(marks, text[*end])))
		++*end;
}

/* Writes the line end that the text's last line has, "\n" where it has none. */
static inline void line_end_again(const char *text, size_t length, FILE *out)
{
	size_t begin = length ? length - 1 : 0;

	while (begin && text[begin - 1] == '\r')
		begin--;
	if (length && text[length - 1] == '\n')
		fwrite(text + begin, 1, length - begin, out);
	else
		fputc('\n', out);
}

static inline bool span_is(const char *text, size_t begin, size_t end, const char *word)
{
	return end - begin == strlen(word) && memcmp(text + begin, word, end - begin) == 0;
}

#endif
