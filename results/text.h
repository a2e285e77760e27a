/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * Names and messages go into CSV, JSON, plot files and onto the terminal, so
 * none of them holds a control character (below 0x20, or 0x7f) or is not UTF-8.
 */
#ifndef RESULTS_TEXT_H
#define RESULTS_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TEXT_MAX 640 /* bytes, with the terminating NUL; no text of a run is longer */

/* text needs no NUL at its end; one within it is a control character. */
bool text_is_plain(const char *text, size_t length);

/*
 * In place: what is not plain becomes '?'.  A character that is cut in two at
 * the end of the text, as snprintf() leaves it where there was no room, is dropped.
 */
void text_clean(char *text);

/* Appends to the text.  What does not fit is cut. */
void text_add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * A new JSON string of it, cleaned and at most TEXT_MAX long: what the kernel and other programs say goes into some
 * texts, and whatever it is, the file can be read back.
 */
json_t *text_json(const char *text);

#endif
