/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * findings DIR: what `clkdrift inspect` would have said of the machine that a run was made on, from the
 * facts in its run.json: one line "SEVERITY ID WHAT" each, severity 0 good, 1 note, 2 risk.
 */
#include <stdio.h>

#include "bench/inspect.h"
#include "results/run.h"

int main(int argc, char **argv)
{
	struct findings findings = { 0 };
	struct error err = { "" };
	struct run run = { 0 };
	int rc = argc == 2 ? run_load(argv[1], &run, &err) : error_set(&err, -1, "usage: findings DIR");

	if (!rc)
		rc = run.environment_before ? findings_build(run.environment_before, &findings)
					    : error_set(&err, -1, "%s: no facts of the machine", argv[1]);
	for (size_t i = 0; !rc && i < findings.n; i++)
		printf("%d %s %s\n", (int)findings.list[i].severity, findings.list[i].id,
			findings.list[i].what);
	if (rc)
		fprintf(stderr, "findings: %s\n", err.text);
	findings_free(&findings);
	run_free(&run);
	return rc ? 2 : 0;
}
