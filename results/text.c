/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "results/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* jansson takes nothing but UTF-8. */
static bool is_utf8(const char *text, size_t length)
{
	json_t *json = json_stringn(text, length);
	bool good = json != NULL;

	json_decref(json);
	return good;
}

bool text_is_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (is_control(text[i]))
			return false;
	return is_utf8(text, length);
}

/* Bytes of a character, as its first one says; 1 where that cannot be a first one. */
static size_t character_length(char first)
{
	unsigned char c = (unsigned char)first;

	return c > 0xf4 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

/* Is there nothing behind this first byte but continuation bytes, and too few of them? */
static bool is_cut(const char *c, size_t left)
{
	if (character_length(*c) <= left)
		return false;
	for (size_t i = 1; i < left; i++)
		if (((unsigned char)c[i] & 0xc0) != 0x80)
			return false;
	return true;
}

void text_clean(char *text)
{
	size_t left = strlen(text), length;

	for (char *c = text; left; c += length, left -= length) {
		if (is_cut(c, left)) {
			*c = '\0';
			return;
		}
		length = character_length(*c);
		if (length <= left && !is_control(*c) && is_utf8(c, length))
			continue;
		*c = '?';
		length = 1;
	}
}

json_t *text_json(const char *text)
{
	char clean[TEXT_MAX];

	snprintf(clean, sizeof(clean), "%s", text);
	text_clean(clean);
	return json_string(clean);
}

void text_add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}
