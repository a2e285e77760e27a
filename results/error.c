/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/error.h"

#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err || err->text[0])
		return code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	for (char *c = err->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return code;
}

void error_hint(struct error *err, const char *hint)
{
	size_t length = err ? strlen(err->text) : 0;

	if (!length)
		return;
	snprintf(err->text + length, sizeof(err->text) - length, "%s", hint);
}
