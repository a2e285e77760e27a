/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/csv_file.h"

#include <csv.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "results/text.h"

/* Two lines of the greatest length always fit. */
#define BLOCK_BYTES (2u * CSV_LINE_MAX)

struct reader {
	struct csv_file at;
	const struct csv_handler *handler;
	int rc;
	unsigned wanted;	  /* number of wanted columns */
	unsigned there;		  /* of these in the header */
	unsigned width;		  /* of the header */
	int map[CSV_COLUMNS_MAX]; /* column in the file -> wanted column, or -1 */
	bool mapped;		  /* the header was read */
	unsigned column, found;	  /* in this row: columns so far, wanted ones among them */
	bool explained;		  /* the row that was refused is at its end */
	bool cut_row;		  /* the row at hand has no line end */
	bool after_cr, row_begun;
	size_t open;	     /* bytes of the blocks since one in which a field or a row ended */
	bool through_parser; /* from here on: a quoted field may hold line ends */
};

int csv_refuse(const struct csv_file *at, const char *what)
{
	return error_set(at->err, -EINVAL, "%s:%llu: %s", at->path, (unsigned long long)at->line, what);
}

static int refuse_number(
	const struct csv_file *at, const char *column, const char *text, size_t length, const char *why)
{
	return error_set(at->err, -EINVAL, "%s:%llu: %s \"%.*s\" %s", at->path, (unsigned long long)at->line,
		column, (int)(length < 40 ? length : 40), text, why);
}

int csv_u64_checked(
	const struct csv_file *at, const char *column, const char *text, size_t length, uint64_t *out)
{
	uint64_t value = 0;

	if (length == 0)
		return refuse_number(at, column, text, length, "is empty");
	for (size_t i = 0; i < length; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (digit > 9)
			return refuse_number(at, column, text, length, "is not a whole number");
		if (value > (UINT64_MAX - digit) / 10)
			return refuse_number(at, column, text, length, "does not fit 64 bits");
		value = value * 10 + digit;
	}
	*out = value;
	return 0;
}

int csv_i64(const struct csv_file *at, const char *column, const char *text, size_t length, int64_t *out)
{
	bool negative = length > 1 && text[0] == '-';
	uint64_t magnitude = 0;
	int rc = csv_u64(at, column, text + negative, length - negative, &magnitude);

	if (rc)
		return rc;
	if (magnitude > (uint64_t)INT64_MAX)
		return refuse_number(at, column, text, length, "does not fit 64 bits");
	*out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return 0;
}

int csv_real(const struct csv_file *at, const char *column, const char *text, size_t length, double *out)
{
	char copy[64], *end;

	if (length == 0 || length >= sizeof(copy))
		return refuse_number(at, column, text, length, "is not a number");
	memcpy(copy, text, length);
	copy[length] = '\0';
	errno = 0;
	*out = strtod(copy, &end);
	if (end != copy + length || !isfinite(*out))
		return refuse_number(at, column, text, length, "is not a finite number");
	return 0;
}

#define NAME_MAX_BYTES 31

/* Letters to put in, take out or change: Levenshtein's distance. */
static unsigned distance(const char *a, size_t a_length, const char *b)
{
	unsigned row[NAME_MAX_BYTES + 1];
	const size_t length = strlen(b);

	if (a_length > NAME_MAX_BYTES || length > NAME_MAX_BYTES)
		return UINT_MAX;
	for (unsigned k = 0; k <= length; k++)
		row[k] = k;
	for (unsigned i = 1; i <= a_length; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned k = 1; k <= length; k++) {
			unsigned best = corner + (a[i - 1] != b[k - 1]);

			corner = row[k];
			best = best < row[k] + 1 ? best : row[k] + 1;
			row[k] = best < row[k - 1] + 1 ? best : row[k - 1] + 1;
		}
	}
	return row[length];
}

/* Says which one may be meant, or which there are. */
static int refuse_column(struct reader *r, const char *text, size_t length)
{
	const char *const *columns = r->handler->columns, *near = NULL;
	unsigned best = 3; /* more than two letters off is another name */
	char known[400] = "";

	for (unsigned i = 0; i < r->wanted; i++) {
		unsigned its = distance(text, length, columns[i]);

		if (its < best && its < strlen(columns[i]))
			near = columns[i], best = its;
		text_add(known, sizeof(known), "%s%s", i ? ", " : "", columns[i]);
	}
	return error_set(r->at.err, -EINVAL, "%s:%llu: no column is called \"%.*s\": %s%s%s", r->at.path,
		(unsigned long long)r->at.line, (int)(length < 40 ? length : 40), text,
		near ? "is it \"" : "there are ", near ? near : known, near ? "\"?" : "");
}

static void map_column(struct reader *r, const char *text, size_t length)
{
	unsigned before = 0;

	if (r->column >= CSV_COLUMNS_MAX) {
		if (r->handler->exact)
			r->rc = csv_refuse(&r->at, "the header has too many columns");
		return;
	}
	r->map[r->column] = -1;
	for (unsigned i = 0; i < r->wanted; i++)
		if (strlen(r->handler->columns[i]) == length &&
			memcmp(r->handler->columns[i], text, length) == 0)
			r->map[r->column] = (int)i;
	if (!r->handler->exact)
		return;
	if (r->map[r->column] < 0)
		r->rc = refuse_column(r, text ? text : "", length);
	while (before < r->column && r->map[before] != r->map[r->column])
		before++;
	if (!r->rc && before < r->column)
		r->rc = error_set(r->at.err, -EINVAL,
			"%s:%llu: the column \"%.*s\" is there twice: take one away", r->at.path,
			(unsigned long long)r->at.line, (int)length, text);
}

static void on_field(void *text, size_t length, void *context)
{
	struct reader *r = context;
	int wanted;

	r->row_begun = true;
	r->after_cr = false;
	r->open = 0;
	if (r->rc && !(r->handler->exact && r->mapped)) /* else how long the row is may tell more */
		return;
	if (!r->mapped) {
		map_column(r, text, length);
	} else if (r->column < CSV_COLUMNS_MAX && !r->cut_row && !r->rc) {
		wanted = r->map[r->column];
		if (wanted >= 0) {
			r->found++;
			r->rc = r->handler->field(
				r->handler->context, &r->at, (unsigned)wanted, text ? text : "", length);
		}
	}
	r->column++;
}

static int header_done(struct reader *r)
{
	unsigned required = r->handler->required ? r->handler->required : r->wanted;

	for (unsigned i = 0; i < r->wanted; i++) {
		bool there = false;

		for (unsigned c = 0; c < r->column && c < CSV_COLUMNS_MAX; c++)
			there |= r->map[c] == (int)i;
		r->there += there;
		if (!there && i < required)
			return error_set(r->at.err, -EINVAL, "%s:1: column \"%s\" is missing in the header",
				r->at.path, r->handler->columns[i]);
	}
	r->width = r->column;
	r->mapped = true;
	return 0;
}

static bool is_too_long(const struct reader *r)
{
	return r->handler->exact && r->width && r->column > r->width;
}

static int refuse_length(struct reader *r)
{
	return error_set(r->at.err, -EINVAL,
		"%s:%llu: the row has %u columns, the header %u: put a text that holds commas into double "
		"quotes",
		r->at.path, (unsigned long long)r->at.line, r->column, r->width);
}

/* A field that was refused may stand in the wrong column: then that is the reason. */
static void explain(struct reader *r)
{
	if (!is_too_long(r) || r->explained || !r->at.err)
		return;
	r->at.err->text[0] = '\0';
	refuse_length(r);
}

static int row_done(struct reader *r)
{
	if (r->cut_row)
		return 0;
	if (!r->mapped)
		return header_done(r);
	if (r->found < r->there)
		return error_set(r->at.err, -EINVAL, "%s:%llu: the row has %u columns, too few", r->at.path,
			(unsigned long long)r->at.line, r->column);
	if (is_too_long(r))
		return refuse_length(r);
	return r->handler->row(r->handler->context, &r->at);
}

/* end is the byte that ended the row, or -1 at the end of the file. */
static void on_row(int end, void *context)
{
	struct reader *r = context;
	bool second_half = end == '\n' && r->after_cr && !r->row_begun; /* of a CRLF */

	r->open = 0;
	r->after_cr = end == '\r';
	if (second_half)
		return;
	if (r->row_begun && r->rc)
		explain(r);
	if (r->row_begun && !r->rc)
		r->rc = row_done(r);
	r->explained |= r->rc != 0; /* what comes behind the row says nothing of it */
	r->row_begun = false;
	r->column = r->found = 0;
	r->at.line++;
}

/* Nothing in it that CSV gives a meaning to, but commas and line ends. */
static bool is_plain(const char *text, size_t length)
{
	static const char special[] = { '"', '\r', ' ', '\t' };

	for (size_t i = 0; i < sizeof(special); i++)
		if (memchr(text, special[i], length))
			return false;
	return true;
}

/*
 * Whole plain lines need no parser: this is half of the time that ten million
 * readings take through libcsv.  Everything else goes there.
 */
static void split_plain(struct reader *r, char *text, size_t length)
{
	char *end = text + length, *field = text;

	for (char *c = text; c < end && (!r->rc || (r->handler->exact && !r->explained)); c++) {
		if (*c != ',' && *c != '\n')
			continue;
		if (*c == ',' || c > field || r->row_begun)
			on_field(field, (size_t)(c - field), r);
		if (*c == '\n')
			on_row('\n', r);
		field = c + 1;
	}
}

/* Whole lines, or what is left at the end of the file. */
static int parse_lines(struct reader *r, struct csv_parser *parser, char *text, size_t length, bool whole)
{
	char *nul = memchr(text, '\0', length);
	size_t clean = nul ? (size_t)(nul - text) : length;

	if (whole && !nul && !r->through_parser && is_plain(text, length)) {
		split_plain(r, text, length);
		return r->rc;
	}
	r->through_parser = true;
	r->open += clean;
	if (csv_parse(parser, text, clean, on_field, on_row, r) != clean && !r->rc)
		r->rc = error_set(r->at.err, -EINVAL, "%s:%llu: not valid CSV: %s", r->at.path,
			(unsigned long long)r->at.line, csv_strerror(csv_error(parser)));
	if (!r->rc && nul)
		r->rc = csv_refuse(&r->at, "holds a NUL byte: not a text file");
	/* The parser keeps all of a field: a block without the end of one is longer than any line may be. */
	if (!r->rc && r->open >= BLOCK_BYTES)
		r->rc = csv_refuse(&r->at, "a field does not end: is a quote never closed?");
	return r->rc;
}

/* Blocks of whole lines; what is left of the last line moves to the front of the next block. */
static int read_blocks(struct reader *r, FILE *in, struct csv_parser *parser, char *block, size_t *left)
{
	size_t held = 0, got;

	while (!r->rc && (got = fread(block + held, 1, BLOCK_BYTES - held, in)) > 0) {
		char *last = memrchr(block + held, '\n', got);
		size_t lines = last ? (size_t)(last + 1 - block) : 0;

		held += got;
		if (lines)
			parse_lines(r, parser, block, lines, true);
		held -= lines;
		memmove(block, block + lines, held);
		if (!r->rc && held > CSV_LINE_MAX)
			r->rc = error_set(r->at.err, -EINVAL, "%s:%llu: the line is longer than %u bytes",
				r->at.path, (unsigned long long)r->at.line, CSV_LINE_MAX);
	}
	if (!r->rc && ferror(in))
		r->rc = error_set(r->at.err, -EIO, "%s: cannot read: %s", r->at.path, strerror(EIO));
	*left = held;
	return r->rc;
}

static int read_file(struct reader *r, FILE *in, struct csv_parser *parser, bool *cut)
{
	char *block = malloc(BLOCK_BYTES);
	size_t left = 0;

	if (!block)
		return error_set(r->at.err, -ENOMEM, "out of memory");
	read_blocks(r, in, parser, block, &left);
	if (!r->rc && left)
		parse_lines(r, parser, block, left, false);
	r->cut_row = cut && left && block[left - 1] != '\r';
	free(block);
	/* An open quote at the end has swallowed whole rows: not the mark of a killed writer. */
	if (!r->rc && csv_fini(parser, on_field, on_row, r) && !r->rc)
		r->rc = error_set(r->at.err, -EINVAL, "%s:%llu: not valid CSV: %s", r->at.path,
			(unsigned long long)r->at.line, csv_strerror(csv_error(parser)));
	if (cut)
		*cut = r->cut_row && !r->rc;
	return r->rc;
}

int csv_file_read(const char *path, const struct csv_handler *handler, bool *cut, struct error *err)
{
	struct reader r = { .at = { .path = path, .line = 1, .err = err }, .handler = handler };
	struct csv_parser parser;
	struct stat st;
	FILE *in;
	int rc;

	while (handler->columns[r.wanted])
		r.wanted++;
	/* What lies beyond the header belongs to no column. */
	for (unsigned i = 0; i < CSV_COLUMNS_MAX; i++)
		r.map[i] = handler->headerless && i < r.wanted ? (int)i : -1;
	if (handler->headerless) {
		r.there = handler->required ? handler->required : r.wanted;
		r.mapped = true;
	}
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL))
		return error_set(err, -ENOMEM, "out of memory");
	in = fopen(path, "re");
	if (!in) {
		rc = error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	} else if (fstat(fileno(in), &st) == 0 && S_ISDIR(st.st_mode)) {
		rc = error_set(err, -EISDIR, "%s: is a directory; name a file", path);
		fclose(in);
	} else {
		rc = read_file(&r, in, &parser, cut);
		if (!rc && !r.mapped && !(cut && *cut))
			rc = error_set(err, -EINVAL, "%s:1: the file is empty", path);
		fclose(in);
	}
	csv_free(&parser);
	return rc;
}
