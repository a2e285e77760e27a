/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/table.h"

#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "results/file.h"

json_t *json_real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *field_to_json(const struct column *column, const char *row)
{
	const char *field = row + column->offset;

	switch (column->type) {
	case COLUMN_INT:
		return json_integer(*(const int *)field);
	case COLUMN_COUNT:
		return json_integer((json_int_t) * (const uint64_t *)field);
	case COLUMN_REAL:
		return json_real_or_null(*(const double *)field);
	case COLUMN_TEXT:
		return json_string(field);
	}
	return NULL;
}

json_t *table_to_json(const struct table *table, const void *rows, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++) {
		const char *row = (const char *)rows + i * table->row_size;
		json_t *object = json_object();

		for (const struct column *c = table->columns; c->name; c++)
			json_object_set_new(object, c->name, field_to_json(c, row));
		json_array_append_new(array, object);
	}
	return array;
}

static void field_to_csv(const struct column *column, const char *row, FILE *out)
{
	const char *field = row + column->offset;

	switch (column->type) {
	case COLUMN_INT:
		fprintf(out, "%d", *(const int *)field);
		break;
	case COLUMN_COUNT:
		fprintf(out, "%" PRIu64, *(const uint64_t *)field);
		break;
	case COLUMN_REAL:
		if (isfinite(*(const double *)field))
			fprintf(out, "%.*g", TABLE_DIGITS, *(const double *)field);
		break;
	case COLUMN_TEXT:
		if (strpbrk(field, ",\"\r\n"))
			csv_fwrite(out, field, strlen(field));
		else
			fputs(field, out);
		break;
	}
}

int table_to_csv(const struct table *table, const void *rows, size_t count, const char *dir,
	struct file_replace *file, struct error *err)
{
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "%s.csv", table->name);
	rc = file_replace_begin(file, dir, name, err);
	if (rc)
		return rc;
	for (const struct column *c = table->columns; c->name; c++)
		fprintf(file->out, "%s%s", c == table->columns ? "" : ",", c->name);
	fputc('\n', file->out);
	for (size_t i = 0; i < count; i++) {
		const char *row = (const char *)rows + i * table->row_size;

		for (const struct column *c = table->columns; c->name; c++) {
			if (c != table->columns)
				fputc(',', file->out);
			field_to_csv(c, row, file->out);
		}
		fputc('\n', file->out);
	}
	return file_replace_finish(file, err);
}

int json_write(json_t *json, const char *dir, const char *name, int indent, struct file_replace *file,
	struct error *err)
{
	int rc;

	if (!json)
		return error_set(err, -ENOMEM, "out of memory");
	rc = file_replace_begin(file, dir, name, err);
	if (!rc) {
		json_dumpf(json, file->out, JSON_INDENT((size_t)indent) | TABLE_JSON_FLAGS);
		fputc('\n', file->out);
		rc = file_replace_finish(file, err);
	}
	json_decref(json);
	return rc;
}

int json_store(json_t *json, const char *dir, const char *name, int indent, struct error *err)
{
	struct file_replace file;
	int rc = json_write(json, dir, name, indent, &file, err);

	return rc ? rc : file_replace_name(&file, err);
}
