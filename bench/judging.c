/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/judging.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "analysis/limits.h"
#include "bench/data_path.h"

struct judging judging_asked(const struct judging *wish, const struct scenario *scenario)
{
	struct judging judging = *wish;

	if (!wish->reference[0])
		strcpy(judging.reference, scenario->reference);
	if (!wish->limit_ppm && !wish->limits[0])
		strcpy(judging.limits, scenario->limits);
	return judging;
}

int judging_check_one_limit(const struct judging *judging, struct error *err)
{
	if (judging->limit_ppm > 0 && judging->limits[0])
		return error_set(err, -EINVAL, "--limit and --limits exclude each other");
	return 0;
}

int judging_check_limit(const struct judging *judging, struct error *err)
{
	struct limits limits = { 0 };
	char path[PATH_MAX];
	int rc = judging_check_one_limit(judging, err);

	if (!rc)
		rc = data_path("analysis/limits.csv", path, err);
	if (!rc)
		rc = limits_load(path, &limits, err);
	if (!rc && judging->limits[0] && !limits_find(&limits, judging->limits))
		rc = error_set(
			err, -EINVAL, "unknown limits \"%s\"; see 'clkdrift list limits'", judging->limits);
	limits_free(&limits);
	return rc;
}
