/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Plots on disk: script, data and pictures of each, and none that is left from before. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/report_parts.h"
#include "results/file.h"

int figures_dir(const char *of, char *dir, size_t size, struct error *err)
{
	int rc = path_join(dir, size, of, PLOTS_DIR, err);

	if (!rc && mkdir(dir, 0777) && errno != EEXIST)
		rc = error_set(err, -errno, "%s: cannot make it: %s", dir, strerror(errno));
	return rc;
}

static void remove_file(const char *dir, const char *name, const char *ending)
{
	char path[PATH_MAX], file[64];

	snprintf(file, sizeof(file), "%s.%s", name, ending);
	if (path_join(path, sizeof(path), dir, file, NULL) == 0)
		unlink(path);
}

/* A plot that is not drawn this time must not be left from an earlier report; its script stays to be looked at. */
static void remove_old(const char *dir, const char *name, bool failed)
{
	remove_file(dir, name, "svg");
	remove_file(dir, name, "png");
	if (failed)
		return;
	remove_file(dir, name, "gp");
	remove_file(dir, name, "dat");
}

static int figure_write(
	const char *dir, struct figure *figure, figure_draw *draw, const void *context, struct error *err)
{
	struct file_replace script, data;
	struct plot plot = { 0 };
	char file[64];
	int rc;

	snprintf(file, sizeof(file), "%s.gp", figure->name);
	rc = file_replace_begin(&script, dir, file, err);
	if (rc)
		return rc;
	snprintf(file, sizeof(file), "%s.dat", figure->name);
	rc = file_replace_begin(&data, dir, file, err);
	if (rc) {
		file_replace_abort(&script);
		return rc;
	}
	plot.script = script.out;
	plot.data = data.out;
	rc = draw(context, &plot, figure, err);
	if (rc || figure->absent[0] || figure->none) {
		file_replace_abort(&script);
		file_replace_abort(&data);
		return rc;
	}
	rc = file_replace_commit(&data, err);
	if (rc)
		file_replace_abort(&script);
	else
		rc = file_replace_commit(&script, err);
	return rc;
}

int figure_make(
	const char *dir, struct figure *figure, figure_draw *draw, const void *context, struct error *err)
{
	struct error own = { 0 };
	int rc = figure_write(dir, figure, draw, context, &own);

	if (!rc && !figure->absent[0] && !figure->none)
		rc = plot_run(dir, figure->name, &own);
	if (rc)
		snprintf(figure->absent, sizeof(figure->absent), "This plot could not be drawn: %s.",
			own.text);
	if (figure->absent[0] || figure->none)
		remove_old(dir, figure->name, rc != 0);
	return rc ? error_set(err, rc, "%s", own.text) : 0;
}
