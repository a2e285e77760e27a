/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/csv_file.h"

#include <csv.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct csv_file at;
	const struct csv_handler *handler;
	int rc;
	unsigned wanted;	  /* number of wanted columns */
	int map[CSV_COLUMNS_MAX]; /* column in the file -> wanted column, or -1 */
	bool mapped;		  /* the header was read */
	unsigned column, found;	  /* in this row: columns so far, wanted ones among them */
	bool cut_row;		  /* the row at hand has no line end */
	bool after_cr, row_begun;
	size_t line_bytes;
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

int csv_u64(const struct csv_file *at, const char *column, const char *text, size_t length, uint64_t *out)
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

static void map_column(struct reader *r, const char *text, size_t length)
{
	if (r->column >= CSV_COLUMNS_MAX)
		return;
	r->map[r->column] = -1;
	for (unsigned i = 0; i < r->wanted; i++)
		if (strlen(r->handler->columns[i]) == length &&
			memcmp(r->handler->columns[i], text, length) == 0)
			r->map[r->column] = (int)i;
}

static void on_field(void *text, size_t length, void *context)
{
	struct reader *r = context;
	int wanted;

	r->row_begun = true;
	r->after_cr = false;
	if (r->rc)
		return;
	if (!r->mapped) {
		map_column(r, text, length);
	} else if (r->column < CSV_COLUMNS_MAX && !r->cut_row) {
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
	for (unsigned i = 0; i < r->wanted; i++) {
		bool there = false;

		for (unsigned c = 0; c < r->column && c < CSV_COLUMNS_MAX; c++)
			there |= r->map[c] == (int)i;
		if (!there)
			return error_set(r->at.err, -EINVAL, "%s:1: column \"%s\" is missing in the header",
				r->at.path, r->handler->columns[i]);
	}
	r->mapped = true;
	return 0;
}

static int row_done(struct reader *r)
{
	if (r->cut_row)
		return 0;
	if (!r->mapped)
		return header_done(r);
	if (r->found < r->wanted)
		return error_set(r->at.err, -EINVAL, "%s:%llu: the row has %u columns, too few", r->at.path,
			(unsigned long long)r->at.line, r->column);
	return r->handler->row(r->handler->context, &r->at);
}

/* end is the byte that ended the row, or -1 at the end of the file. */
static void on_row(int end, void *context)
{
	struct reader *r = context;
	bool second_half = end == '\n' && r->after_cr && !r->row_begun; /* of a CRLF */

	r->after_cr = end == '\r';
	if (second_half)
		return;
	if (r->row_begun && !r->rc)
		r->rc = row_done(r);
	r->row_begun = false;
	r->column = r->found = 0;
	r->line_bytes = 0;
	r->at.line++;
}

static int check_line_length(struct reader *r, const char *chunk, size_t length)
{
	const char *last = memrchr(chunk, '\n', length);

	/* A chunk is as long as the limit: only a line that spans whole chunks can break it. */
	r->line_bytes = last ? (size_t)(chunk + length - last - 1) : r->line_bytes + length;
	if (r->line_bytes > CSV_LINE_MAX)
		return error_set(r->at.err, -EINVAL, "%s:%llu: the line is longer than %u bytes", r->at.path,
			(unsigned long long)r->at.line, CSV_LINE_MAX);
	return 0;
}

static int read_chunks(struct reader *r, FILE *in, struct csv_parser *parser, bool *cut)
{
	static const size_t size = CSV_LINE_MAX;
	char *chunk = malloc(size);
	size_t got;
	char last = '\n';

	if (!chunk)
		return error_set(r->at.err, -ENOMEM, "out of memory");
	while (!r->rc && (got = fread(chunk, 1, size, in)) > 0) {
		const char *nul = memchr(chunk, '\0', got);
		size_t text = nul ? (size_t)(nul - chunk) : got;

		last = chunk[got - 1];
		if (csv_parse(parser, chunk, text, on_field, on_row, r) != text && !r->rc)
			r->rc = error_set(r->at.err, -EINVAL, "%s:%llu: not valid CSV: %s", r->at.path,
				(unsigned long long)r->at.line, csv_strerror(csv_error(parser)));
		if (!r->rc && nul)
			r->rc = csv_refuse(&r->at, "holds a NUL byte: not a text file");
		if (!r->rc)
			r->rc = check_line_length(r, chunk, got);
	}
	if (!r->rc && ferror(in))
		r->rc = error_set(r->at.err, -EIO, "%s: cannot read: %s", r->at.path, strerror(EIO));
	free(chunk);
	r->cut_row = cut && last != '\n' && last != '\r';
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
	FILE *in;
	int rc;

	while (handler->columns[r.wanted])
		r.wanted++;
	if (handler->headerless) {
		for (unsigned i = 0; i < CSV_COLUMNS_MAX; i++)
			r.map[i] = i < r.wanted ? (int)i : -1;
		r.mapped = true;
	}
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL))
		return error_set(err, -ENOMEM, "out of memory");
	in = fopen(path, "re");
	if (!in) {
		rc = error_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	} else {
		rc = read_chunks(&r, in, &parser, cut);
		if (!rc && !r.mapped && !(cut && *cut))
			rc = error_set(err, -EINVAL, "%s:1: the file is empty", path);
		fclose(in);
	}
	csv_free(&parser);
	return rc;
}
