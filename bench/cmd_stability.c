/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift stability: Allan-family statistics of any one-column file. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "analysis/pair_stability.h"
#include "analysis/stability.h"
#include "bench/options.h"
#include "results/csv_file.h"
#include "results/estimate.h"

#define TAUS_MAX 256

struct column_file {
	double *values; /* owned */
	size_t count, capacity;
	bool header_seen;
};

/* The first line may be a header: a word that is no number. */
static int value_field(
	void *context, const struct csv_file *at, unsigned column, const char *text, size_t length)
{
	struct column_file *file = context;
	struct error lost = { "" };
	struct csv_file quiet = { at->path, at->line, &lost };
	double value;

	if (column > 0)
		return csv_refuse(at, "more than one column; take the wanted one out, as with cut -d, -f2");
	if (csv_real(&quiet, "value", text, length, &value)) {
		if (file->count == 0 && !file->header_seen && length &&
			strchr("+-.0123456789", text[0]) == NULL) {
			file->header_seen = true;
			return 0;
		}
		return csv_real(at, "value", text, length, &value);
	}
	if (file->count == file->capacity) {
		size_t capacity = file->capacity ? file->capacity * 2 : 1024;
		double *grown = reallocarray(file->values, capacity, sizeof(*grown));

		if (!grown)
			return error_set(at->err, -ENOMEM, "%s: out of memory", at->path);
		file->values = grown;
		file->capacity = capacity;
	}
	file->values[file->count++] = value;
	return 0;
}

static int value_row(void *context, const struct csv_file *at)
{
	(void)context;
	(void)at;
	return 0;
}

static int parse_taus(const char *text, size_t *list, size_t *count, struct error *err)
{
	*count = 0;
	for (;;) {
		char *end;
		unsigned long long m;

		errno = 0;
		m = strtoull(text, &end, 10);
		if (end == text || (*end && *end != ',') || text[0] == '-' || m < 1 || errno ||
			*count == TAUS_MAX)
			return error_set(err, -EINVAL,
				"--taus: \"%s\": not whole multiples of tau0; write 1,10,100", text);
		list[(*count)++] = (size_t)m;
		if (!*end)
			return 0;
		text = end + 1;
	}
}

/* Frequencies become phase in place of the values. */
static int to_phase(struct column_file *file, double tau0_s, struct error *err)
{
	double *phase = malloc((file->count + 1) * sizeof(*phase));

	if (!phase)
		return error_set(err, -ENOMEM, "out of memory");
	stability_phase_from_freq(file->values, file->count, tau0_s, phase);
	free(file->values);
	file->values = phase;
	file->count++;
	return 0;
}

static void print_text(const struct stability *rows, size_t count)
{
	printf("%10s %12s %12s %12s %12s %12s %12s %12s %12s %12s  %s\n", "tau (s)", "ADEV", "OADEV",
		"OADEV low", "OADEV high", "MDEV", "TDEV (s)", "OHDEV", "TOTDEV", "MTIE (s)", "noise");
	for (size_t i = 0; i < count; i++) {
		const struct stability *r = &rows[i];

		printf("%10g %12.5g %12.5g %12.5g %12.5g %12.5g %12.5g %12.5g %12.5g %12.5g  %s\n", r->tau_s,
			r->adev, r->oadev, r->oadev_low, r->oadev_high, r->mdev, r->tdev, r->ohdev, r->totdev,
			r->mtie_ns / 1e9, r->noise);
	}
}

static void print_rows(const struct stability *rows, size_t count, const struct options *options)
{
	json_t *json;

	if (!options->json) {
		if (!options->quiet)
			print_text(rows, count);
		return;
	}
	json = json_pack(
		"{s:i, s:o}", "schema", 1, "stability", table_to_json(&stability_table, rows, count));
	json_dumpf(json, stdout, JSON_INDENT(1) | TABLE_JSON_FLAGS);
	putchar('\n');
	json_decref(json);
}

static int compute(const struct column_file *file, const struct options *options, struct error *err)
{
	struct stability_options wanted = { .tau0_s = options->tau0_s, .remove_mean = options->remove_mean };
	size_t m_list[TAUS_MAX], count;
	struct stability_point *points = calloc(TAUS_MAX, sizeof(*points));
	struct stability *rows = calloc(TAUS_MAX, sizeof(*rows));
	int rc = points && rows ? 0 : error_set(err, -ENOMEM, "out of memory");

	count = stability_octaves(file->count, m_list, TAUS_MAX);
	if (!rc && options->taus)
		rc = parse_taus(options->taus, m_list, &count, err);
	for (size_t i = 0; !rc && options->taus && i < count; i++)
		if (2 * m_list[i] >= file->count)
			rc = error_set(err, -EINVAL,
				"--taus: %zu: for that averaging time the file is too short; it allows up to "
				"%zu",
				m_list[i], file->count > 2 ? (file->count - 1) / 2 : 0);
	if (!rc)
		rc = stability_compute(file->values, file->count, &wanted, m_list, count, points, err);
	for (size_t i = 0; !rc && i < count; i++) {
		stability_row(&points[i], &rows[i]);
		strcpy(rows[i].phase, "file");
		strcpy(rows[i].clock, "file");
		strcpy(rows[i].reference, "file");
		rows[i].n = file->count;
	}
	if (!rc)
		print_rows(rows, count, options);
	free(points);
	free(rows);
	return rc;
}

static int stability_command(const struct options *options, struct error *err)
{
	static const char *const columns[] = { "value", "another", NULL }; /* the second is refused */
	struct column_file file = { 0 };
	struct csv_handler handler = { .columns = columns,
		.required = 1,
		.field = value_field,
		.row = value_row,
		.context = &file,
		.headerless = true };
	const char *path = options->freq ? options->freq : options->phase ? options->phase : NULL;
	int rc;

	if (options->argument_count && (options->freq || options->phase))
		return error_set(
			err, -EINVAL, "one file at a time: \"%s\" is one too many", options->arguments[0]);
	if (options->freq && options->phase)
		return error_set(err, -EINVAL, "--freq and --phase exclude each other");
	if (!path && !options->argument_count)
		return error_set(err, -EINVAL, "name a file: --freq FILE or --phase FILE");
	rc = csv_file_read(path ? path : options->arguments[0], &handler, NULL, err);
	if (!rc && options->freq)
		rc = to_phase(&file, options->tau0_s, err);
	if (!rc)
		rc = compute(&file, options, err);
	free(file.values);
	return rc;
}

const struct command command_stability = {
	.name = "stability",
	.usage = "[--phase] FILE | --freq FILE [OPTION]...",
	.summary = "Allan-family statistics of any one-column file",
	.help = "Computes ADEV, OADEV, MDEV, TDEV, HDEV, OHDEV, TOTDEV, PDEV, MTIE and TIE rms with\n"
		"95 % intervals.  The file has one number a line, evenly spaced in time by --tau0; the\n"
		"first line may be a header.  --phase (the default) takes time errors in seconds,\n"
		"--freq fractional frequencies; the phase of these begins with 0.  Deviations are\n"
		"dimensionless, TDEV is in s, MTIE and TIE rms are in ns in JSON.  MTIE and TIE rms\n"
		"depend on whether the mean frequency is removed.\n\n"
		"  clkdrift stability --freq readings.csv --tau0 1 --taus 1,10,100 --json\n"
		"  clkdrift stability --phase offsets.csv --tau0 10ms --remove-mean",
	.options = "freq phase tau0 taus remove-mean json quiet",
	.max_arguments = 1,
	.run = stability_command,
};
