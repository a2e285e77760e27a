/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * One error, one line: what, where (file:line), and what to do.
 *
 * Lower layers fill a struct error of the caller and return a negative errno;
 * only bench/ prints it.  The first error wins: later ones do not overwrite it.
 */
#ifndef RESULTS_ERROR_H
#define RESULTS_ERROR_H

#include <stdarg.h>

struct error {
	char text[640]; /* empty: no error; never holds a newline */
};

/* Sets the text unless one is set already; control characters become '?'.  Returns code (a negative errno).
 */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds what to do, as "; NAME takes another place", to an error that a lower layer could not know it of. */
void error_hint(struct error *err, const char *hint);

#endif
