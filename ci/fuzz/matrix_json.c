/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* matrix.json, and that what was read can be written and read again. */
#include "ci/fuzz/fuzz.h"
#include "results/matrix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { "" };
	struct matrix m, again;
	int rc;

	fuzz_write(MATRIX_FILE, data, size);
	rc = matrix_load(fuzz_dir, &m, &err);
	fuzz_check(rc, &err);
	if (rc)
		return 0;
	rc = matrix_store(&m, &err);
	fuzz_check(rc, &err);
	if (rc || matrix_load(fuzz_dir, &again, &err) || again.seed != m.seed || again.count != m.count ||
		memcmp(again.cells, m.cells, m.count * sizeof(*m.cells)) != 0)
		abort();
	matrix_free(&again);
	matrix_free(&m);
	return 0;
}
