/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/shell_values.h"

#include <ctype.h>
#include <stdlib.h>

/* No kernel takes a longer line, and a file that doubles a value on each line must not fill the memory. */
#define TEXT_MAX   4096
#define VALUES_MAX 1024 /* further variables are not known */
#define NESTED_MAX 64	/* deeper quotes and brackets are not told apart */

/* ---- texts and values ---- */

void shell_text_add(struct shell_text *text, char c, struct origin from)
{
	if (text->length == TEXT_MAX) {
		text->at[text->length - 1] = '\0';
		return;
	}
	if (text->length == text->room) {
		size_t room = text->room ? text->room * 2 : 64;
		char *at = realloc(text->at, room);
		struct origin *origins = reallocarray(text->from, room, sizeof(*origins));

		text->at = at ? at : text->at;
		text->from = origins ? origins : text->from;
		text->failed = text->failed || !at || !origins;
		if (!at || !origins)
			return;
		text->room = room;
	}
	text->at[text->length] = c;
	text->from[text->length++] = from;
}

static void add_text(struct shell_text *text, const struct shell_text *other)
{
	for (size_t i = 0; i < other->length; i++)
		shell_text_add(text, other->at[i], other->from[i]);
	text->failed = text->failed || other->failed;
}

void shell_text_free(struct shell_text *text)
{
	free(text->at);
	free(text->from);
	*text = (struct shell_text){ 0 };
}

static struct shell_value *find(const struct shell_values *values, const char *name, size_t length)
{
	for (size_t i = 0; i < values->count; i++)
		if (span_is(name, 0, length, values->rows[i].name))
			return &values->rows[i];
	return NULL;
}

static struct shell_value *find_or_add(struct shell_values *values, const char *name, size_t length)
{
	struct shell_value *value = find(values, name, length), *grown;
	char *copy;

	if (value || values->count == VALUES_MAX)
		return value;
	copy = strndup(name, length);
	grown = reallocarray(values->rows, values->count + 1, sizeof(*grown));
	values->rows = grown ? grown : values->rows;
	if (!copy || !grown) {
		values->failed = true;
		free(copy);
		return NULL;
	}
	grown[values->count] = (struct shell_value){ .name = copy };
	return &grown[values->count++];
}

const struct shell_text *shell_values_find(const struct shell_values *values, const char *name)
{
	const struct shell_value *value = find(values, name, strlen(name));

	return value ? &value->text : NULL;
}

void shell_values_free(struct shell_values *values)
{
	for (size_t i = 0; i < values->count; i++) {
		free(values->rows[i].name);
		shell_text_free(&values->rows[i].text);
	}
	free(values->rows);
	*values = (struct shell_values){ 0 };
}

/* ---- words ---- */

struct reader {
	struct shell_values *values;
	const char *text;
	size_t at, length;
	struct origin here;
	unsigned compound, brackets; /* that are open: "if", "{" and the like; "(" */
	bool perhaps;		     /* the next command follows "&&", "||" or "|" */
	bool lost;		     /* a here-document begins, whose end is not looked for */
};

/* '\0' behind the end. */
static char peek(const struct reader *r, size_t ahead)
{
	return r->at + ahead < r->length ? r->text[r->at + ahead] : '\0';
}

static char take(struct reader *r)
{
	char c = peek(r, 0);

	r->at += r->at < r->length;
	r->here.number += c == '\n';
	return c;
}

static bool at_end(const struct reader *r)
{
	return r->at >= r->length;
}

static bool is_operator(char c)
{
	return c && strchr("\n;&|()<>", c);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Length of the name that begins `ahead` of here; 0: none does. */
static size_t name_length(const struct reader *r, size_t ahead)
{
	size_t length = 0;

	while (isalnum((unsigned char)peek(r, ahead + length)) || peek(r, ahead + length) == '_')
		length++;
	return isdigit((unsigned char)peek(r, ahead)) ? 0 : length;
}

/* Words are read without a text to put them in where only their ends matter. */
static void add(const struct reader *r, struct shell_text *to, char c)
{
	if (to)
		shell_text_add(to, c, r->here);
}

/* Behind the byte that closes what is open, with all that is quoted or nested in it. */
static void skip_nested(struct reader *r, char close)
{
	char closers[NESTED_MAX] = { close };
	size_t depth = 1;

	while (depth && !at_end(r)) {
		char top = closers[depth - 1], c = take(r), open = '\0';

		if (c == top) {
			depth--;
			continue;
		}
		if (top == '\'')
			continue;
		if (c == '\\')
			take(r);
		else if (c == '"' || c == '`' || (c == '\'' && top != '"'))
			open = c;
		else if (c == '(' && top == ')')
			open = ')';
		else if (c == '$' && (peek(r, 0) == '(' || peek(r, 0) == '{'))
			open = take(r) == '(' ? ')' : '}';
		if (open && depth < NESTED_MAX)
			closers[depth++] = open;
	}
}

/* What "$NAME" stands for, whose name begins `ahead` of here. */
static void add_value(const struct reader *r, struct shell_text *to, size_t ahead, size_t length)
{
	const struct shell_value *value = find(r->values, r->text + r->at + ahead, length);

	if (!to)
		return;
	if (value)
		add_text(to, &value->text);
	else
		add(r, to, '\0');
}

/* From '$' on. */
static void expansion(struct reader *r, struct shell_text *to)
{
	size_t plain = name_length(r, 1), braced = peek(r, 1) == '{' ? name_length(r, 2) : 0;
	char next = peek(r, 1);

	if (plain) {
		add_value(r, to, 1, plain);
		r->at += 1 + plain;
	} else if (braced && peek(r, 2 + braced) == '}') {
		add_value(r, to, 2, braced);
		r->at += 3 + braced;
	} else if (next == '{' || next == '(') {
		add(r, to, '\0');
		r->at += 2;
		skip_nested(r, next == '{' ? '}' : ')');
	} else if (next && (isdigit((unsigned char)next) || strchr("@*#?$!-", next))) {
		add(r, to, '\0');
		r->at += 2;
	} else {
		add(r, to, take(r));
	}
}

static void backquoted(struct reader *r, struct shell_text *to)
{
	add(r, to, '\0');
	take(r);
	skip_nested(r, '`');
}

/* Between double quotes a backslash stands for itself before most bytes. */
static void backslash(struct reader *r, struct shell_text *to, bool quoted)
{
	char next = peek(r, 1);

	if (quoted && !(next && strchr("$`\"\\\n", next)))
		add(r, to, '\\');
	take(r);
	if (next == '\n')
		take(r);
	else if (!at_end(r))
		add(r, to, take(r));
}

static void single_quoted(struct reader *r, struct shell_text *to)
{
	take(r);
	while (!at_end(r) && peek(r, 0) != '\'') {
		add(r, to, peek(r, 0));
		take(r);
	}
	take(r);
}

static void double_quoted(struct reader *r, struct shell_text *to)
{
	take(r);
	while (!at_end(r) && peek(r, 0) != '"') {
		char c = peek(r, 0);

		if (c == '\\') {
			backslash(r, to, true);
		} else if (c == '$') {
			expansion(r, to);
		} else if (c == '`') {
			backquoted(r, to);
		} else {
			add(r, to, c);
			take(r);
		}
	}
	take(r);
}

static void word(struct reader *r, struct shell_text *to)
{
	while (!at_end(r) && !is_blank(peek(r, 0)) && !is_operator(peek(r, 0))) {
		switch (peek(r, 0)) {
		case '\\':
			backslash(r, to, false);
			break;
		case '\'':
			single_quoted(r, to);
			break;
		case '"':
			double_quoted(r, to);
			break;
		case '$':
			/* $'...' and $"..." have rules of their own. */
			if (peek(r, 1) == '\'' || peek(r, 1) == '"')
				add(r, to, '\0');
			expansion(r, to);
			break;
		case '`':
			backquoted(r, to);
			break;
		default:
			add(r, to, take(r));
		}
	}
}

/* ---- commands ---- */

/* Also over a backslash before a line end, and a comment. */
static void skip_blanks(struct reader *r)
{
	for (;;) {
		if (peek(r, 0) == '\\' && peek(r, 1) == '\n')
			take(r);
		else if (peek(r, 0) == '#')
			while (!at_end(r) && peek(r, 1) != '\n')
				take(r);
		else if (!is_blank(peek(r, 0)))
			return;
		take(r);
	}
}

static bool command_ends(struct reader *r)
{
	skip_blanks(r);
	return at_end(r) || is_operator(peek(r, 0));
}

/* Length of "NAME=" or "NAME+=" here; 0: no assignment. */
static size_t assignment(const struct reader *r, size_t *name, bool *adds)
{
	*name = name_length(r, 0);
	*adds = peek(r, *name) == '+';
	return *name && peek(r, *name + *adds) == '=' ? *name + *adds + 1 : 0;
}

/* NAME=VALUE before a command is for that command alone. */
static bool only_assignments(struct reader ahead)
{
	size_t name;
	bool adds;

	while (!command_ends(&ahead)) {
		if (!assignment(&ahead, &name, &adds))
			return false;
		word(&ahead, NULL);
	}
	return true;
}

static void doubt(const struct reader *r, struct shell_text *text)
{
	add(r, text, ' ');
	add(r, text, '\0');
}

static void assign(struct reader *r, bool sure)
{
	size_t name, length;
	bool adds;
	const char *at = r->text + r->at;
	struct shell_text text = { 0 };
	struct shell_value *value;

	length = assignment(r, &name, &adds);
	value = find_or_add(r->values, at, name);
	if (value && !sure)
		doubt(r, &value->text);
	r->at += length;
	word(r, &text);
	if (peek(r, 0) == '(') /* an array */
		add(r, &text, '\0');
	if (value && sure) {
		if (!adds)
			value->text.length = 0;
		add_text(&value->text, &text);
		r->values->failed = r->values->failed || value->text.failed;
	}
	shell_text_free(&text);
}

/* Takes the word here if it is one of the words, which a blank parts. */
static bool takes(struct reader *r, const char *words)
{
	size_t length = 0;

	while (peek(r, length) && !is_blank(peek(r, length)) && !is_operator(peek(r, length)))
		length++;
	for (const char *at = words; length && *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == length && memcmp(at, r->text + r->at, length) == 0) {
			r->at += length;
			return true;
		}
	return false;
}

/* The words before a command that rule whether it is run. */
static void keywords(struct reader *r)
{
	for (; !command_ends(r); skip_blanks(r)) {
		if (takes(r, "if for while until case select {"))
			r->compound++;
		else if (takes(r, "fi done esac }"))
			r->compound -= r->compound > 0;
		else if (!takes(r, "then elif else do ! time"))
			return;
	}
}

static void command(struct reader *r)
{
	bool perhaps = r->perhaps, sure, declares;
	size_t name;

	r->perhaps = false;
	keywords(r);
	sure = !r->compound && !r->brackets && !perhaps && !r->lost;
	declares = takes(r, "export readonly declare typeset");
	/* What these set is not followed. */
	if (takes(r, ". source eval unset read"))
		for (size_t i = 0; i < r->values->count; i++)
			doubt(r, &r->values->rows[i].text);
	else if (!declares)
		declares = only_assignments(*r);
	while (!command_ends(r)) {
		bool adds;

		if (declares && assignment(r, &name, &adds))
			assign(r, sure);
		else
			word(r, NULL);
	}
}

static void operator_here(struct reader *r)
{
	char c = take(r), next = peek(r, 0);

	if (c == '|' || (c == '&' && next == '&'))
		r->perhaps = true;
	else if (c == '(')
		r->brackets++;
	else if (c == ')')
		r->brackets -= r->brackets > 0;
	else if (c == '<' && next == '<')
		r->lost = true;
	if ((c == '|' || c == '&') && next == c)
		take(r);
}

void shell_values_read(struct shell_values *values, const char *path, const char *text, size_t length)
{
	struct reader r = {
		.values = values, .text = text, .length = length, .here = { .path = path, .number = 1 }
	};

	while (!at_end(&r)) {
		if (!command_ends(&r))
			command(&r);
		else if (!at_end(&r))
			operator_here(&r);
	}
	for (size_t i = 0; i < values->count; i++)
		values->failed = values->failed || values->rows[i].text.failed;
}
