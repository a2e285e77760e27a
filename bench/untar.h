/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Unpacks an archive that came from a guest, which may be damaged or hostile: only
 * regular files and directories, at names that stay below the directory.  ustar, as
 * busybox tar writes it (POSIX.1-1988; with GNU's long names refused).
 */
#ifndef BENCH_UNTAR_H
#define BENCH_UNTAR_H

#include <stdbool.h>
#include <stdint.h>

#include "results/error.h"

#define UNTAR_ENTRIES_MAX 100000

/* No empty, absolute or overlong name; no part is empty, "." or ".."; no control characters. */
bool untar_name_is_safe(const char *name);

/*
 * Unpacks the archive that is open for reading at fd, from its beginning, into the directory dir, which is
 * there.  No file is replaced.  bytes_max bounds the sum of all files.  Returns 0 or -errno with err set;
 * what was unpacked until then stays.
 */
int untar(int fd, const char *dir, uint64_t bytes_max, struct error *err);

#endif
