/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- pieces of a text ---- */

struct piece {
	const char *at;
	size_t length;
};

/* A line: its text, and what ends it: "\n", any "\r" before that, or nothing. */
struct row {
	struct piece text, ending;
};

struct reader {
	const char *at, *end;
	unsigned long number; /* of the row that was read last */
	unsigned long left;   /* rows behind it */
};

static struct reader reader_of(const struct bytes *bytes)
{
	struct reader r = { .at = bytes->at, .end = bytes->at + bytes->length };

	for (const char *c = r.at; c < r.end; c++)
		r.left += *c == '\n' || c + 1 == r.end;
	return r;
}

static bool reader_row(struct reader *r, struct row *row)
{
	const char *stop = r->at, *behind;

	if (r->at == r->end)
		return false;
	while (stop < r->end && *stop != '\n')
		stop++;
	behind = stop < r->end ? stop + 1 : stop;
	while (stop > r->at && stop[-1] == '\r')
		stop--;
	row->text = (struct piece){ r->at, (size_t)(stop - r->at) };
	row->ending = (struct piece){ stop, (size_t)(behind - stop) };
	r->at = behind;
	r->number++;
	r->left--;
	return true;
}

static bool same(struct piece a, struct piece b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Between words a carriage return is a blank as well; before the line end it belongs to that. */
static bool parts(char c)
{
	return blank(c) || c == '\r';
}

/* The next blanks and the word behind them; the word is empty at the end.  Blanks in double quotes are none. */
static void next_word(struct piece *rest, struct piece *blanks, struct piece *word)
{
	bool inside = false;
	size_t n = 0;

	while (n < rest->length && parts(rest->at[n]))
		n++;
	*blanks = (struct piece){ rest->at, n };
	*rest = (struct piece){ rest->at + n, rest->length - n };
	for (n = 0; n < rest->length && (inside || !parts(rest->at[n])); n++)
		inside ^= rest->at[n] == '"';
	*word = (struct piece){ rest->at, n };
	*rest = (struct piece){ rest->at + n, rest->length - n };
}

static bool word_equal(struct piece word, const char *other, size_t length, bool caseless)
{
	if (word.length != length)
		return false;
	return caseless ? strncasecmp(word.at, other, length) == 0 : memcmp(word.at, other, length) == 0;
}

/* Index of the word in a list of at most 32 with blanks between; -1: not there. */
static int index_in(const char *list, struct piece word, bool caseless)
{
	int index = 0;

	for (const char *at = list + strspn(list, " "); *at; at += strspn(at, " "), index++) {
		size_t length = strcspn(at, " ");

		if (word.length && word_equal(word, at, length, caseless))
			return index;
		at += length;
	}
	return -1;
}

/* A bit for each word of the list; one that is there twice counts once. */
static unsigned all_of(const char *list, bool caseless)
{
	unsigned all = 0;

	for (const char *at = list + strspn(list, " "); *at; at += strspn(at, " ")) {
		struct piece word = { at, strcspn(at, " ") };

		all |= 1u << index_in(list, word, caseless);
		at += word.length;
	}
	return all;
}

/* ---- one pair of lines ---- */

struct walk {
	const struct compare_rule *rule;
	const char *replaced; /* of the rule's, those that have not been missed yet */
};

/* The next word that may be missing is this one: then it has been missed. */
static bool is_replaced(struct walk *w, struct piece word)
{
	size_t length = strcspn(w->replaced, "\n");

	if (!word.length || !word_equal(word, w->replaced, length, false))
		return false;
	w->replaced += length + (w->replaced[length] == '\n');
	return true;
}

/* What stands between two words that both have. */
struct between {
	bool start;	   /* of the line, or of what follows its head */
	bool gone;	   /* words of `live` are missing */
	bool came;	   /* words are new */
	struct piece lost; /* the blanks before the first that is missing */
};

static bool is_blank_one(struct piece blanks)
{
	return blanks.length == 1 && *blanks.at == ' ';
}

/*
 * A missing word takes the blanks before it along, or at the start those behind it.  A new word brings one
 * blank, and before "--" one behind it.
 */
static bool blanks_fit(
	const struct between *b, struct piece live_blanks, struct piece live_word, struct piece made_blanks)
{
	bool dashes = word_equal(live_word, "--", 2, false);

	if (b->came)
		return same(live_blanks, made_blanks) || (dashes && is_blank_one(made_blanks));
	/* Of all that follows the start nothing is left. */
	if (b->gone && b->start && !live_word.length)
		return made_blanks.length == b->lost.length + live_blanks.length &&
		       memcmp(made_blanks.at, b->lost.at, b->lost.length) == 0 &&
		       memcmp(made_blanks.at + b->lost.length, live_blanks.at, live_blanks.length) == 0;
	if (b->gone && b->start && !dashes)
		return same(b->lost, made_blanks);
	return same(live_blanks, made_blanks);
}

static bool new_blanks_fit(
	const struct between *b, struct piece live_blanks, struct piece live_word, struct piece made_blanks)
{
	if (b->came)
		return is_blank_one(made_blanks);
	if (b->start && b->gone)
		return same(b->lost, made_blanks);
	/* Straight before "--", where no word is for the kernel yet. */
	if (word_equal(live_word, "--", 2, false) && same(live_blanks, made_blanks))
		return true;
	return is_blank_one(made_blanks);
}

static bool is_head(const struct compare_rule *rule, struct piece word)
{
	for (size_t i = 0; rule->heads && rule->heads[i]; i++)
		if (word_equal(word, rule->heads[i], strlen(rule->heads[i]), false))
			return true;
	return false;
}

/* Of a line that goes on in the next one, what stands before the mark; only files with blocks have such. */
static bool cut_mark(const struct compare_rule *rule, struct piece *line)
{
	bool marked = rule->block && line->length && line->at[line->length - 1] == '\\';

	line->length -= marked;
	return marked;
}

/* Of `live`, words may be missing, and of `made`, words may be new; all else is the same, blanks too. */
static bool same_but_for_words(struct walk *w, struct piece live, struct piece made)
{
	struct piece live_blanks, live_word, made_blanks, made_word;
	struct between between = { .start = true };
	unsigned seen = 0; /* of the added words, those so far: none comes twice */
	bool first = true;

	if (cut_mark(w->rule, &live) != cut_mark(w->rule, &made))
		return false;
	next_word(&live, &live_blanks, &live_word);
	next_word(&made, &made_blanks, &made_word);
	for (;;) {
		int index = index_in(w->rule->added, made_word, w->rule->caseless);
		unsigned bit = index < 0 ? 0 : 1u << index;

		if (same(live_word, made_word) && blanks_fit(&between, live_blanks, live_word, made_blanks)) {
			if (!live_word.length)
				return live.length == 0 && made.length == 0;
			/* Behind the head of an entry with blocks stands the image, whatever its name, after its options. */
			seen |= w->rule->block && between.start ? 0 : bit;
			between = (struct between){ .start = (first && is_head(w->rule, live_word)) ||
							     (w->rule->block && between.start &&
								     *live_word.at == '-') };
			first = false;
			next_word(&live, &live_blanks, &live_word);
			next_word(&made, &made_blanks, &made_word);
		} else if (is_replaced(w, live_word)) {
			between.lost = between.gone ? between.lost : live_blanks;
			between.gone = true;
			next_word(&live, &live_blanks, &live_word);
		} else if (bit && !(seen & bit) &&
			   new_blanks_fit(&between, live_blanks, live_word, made_blanks)) {
			between.came = true;
			seen |= bit;
			next_word(&made, &made_blanks, &made_word);
		} else {
			return false;
		}
	}
}

/* ---- where a line stands ---- */

struct place {
	const struct compare_rule *rule;
	bool inside;	/* the section that may differ */
	bool entry;	/* a line that is one of a section's entries */
	bool continued; /* the line before ends in a backslash */
	bool head;	/* the line, or the one that it continues, begins with a word of heads */
	bool begins;	/* ... or it begins a block */
};

static struct piece trimmed(struct piece text)
{
	while (text.length && blank(*text.at))
		text = (struct piece){ text.at + 1, text.length - 1 };
	while (text.length && blank(text.at[text.length - 1]))
		text.length--;
	return text;
}

static bool begins_with(struct piece text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && memcmp(text.at, word, length) == 0 &&
	       (text.length == length || blank(text.at[length]) || text.at[length] == '=');
}

/* "multi(0)disk(0)...=...": without such a device before the path it is a boot sector's, and no kernel's. */
static bool is_list_entry(struct piece line)
{
	static const char *const adapters[] = { "multi", "scsi", "signature" };
	struct piece text = trimmed(line), name = { text.at, 0 };

	while (name.length < text.length && !strchr("(=", name.at[name.length]))
		name.length++;
	if (name.length == text.length || name.at[name.length] != '(' || !memchr(text.at, '=', text.length))
		return false;
	for (size_t i = 0; i < sizeof(adapters) / sizeof(adapters[0]); i++)
		if (word_equal(name, adapters[i], strlen(adapters[i]), true))
			return true;
	return false;
}

static void place_next(struct place *p, struct piece line)
{
	const char *section = p->rule->section;
	struct piece text = trimmed(line);

	if (section && text.length && *text.at == '[')
		p->inside = word_equal(text, section, strlen(section), true);
	p->entry = section && is_list_entry(line);
	if (!p->continued) {
		p->head = !p->rule->heads;
		for (size_t i = 0; p->rule->heads && p->rule->heads[i]; i++)
			p->head = p->head || begins_with(text, p->rule->heads[i]);
		p->begins = p->rule->block && begins_with(text, p->rule->block);
	}
	/* Only the files with blocks know continued lines. */
	p->continued = p->rule->block && line.length && line.at[line.length - 1] == '\\';
}

static bool may_differ(const struct place *p)
{
	return p->head && (!p->rule->section || (p->inside && p->entry));
}

/* ---- the whole ---- */

static int differs(unsigned long number, const char *what, struct error *err)
{
	return error_set(err, -EILSEQ, "line %lu of the candidate %s", number, what);
}

/* A line more, of nothing but a head and new words, a blank between them, and ended like the one before. */
static bool is_added(const struct compare_rule *rule, const struct row *row, struct piece ending)
{
	struct piece rest = row->text, blanks, word;
	unsigned seen = 0, bit, words = 0;

	if (!row->ending.length || (ending.length && !same(row->ending, ending)))
		return false;
	for (;; words++, seen |= bit) {
		bool head;
		int index;

		next_word(&rest, &blanks, &word);
		if (blanks.length != (words && word.length ? 1 : 0))
			return false;
		if (!word.length)
			return words;
		head = !words && is_head(rule, word);
		index = index_in(rule->added, word, false);
		bit = index < 0 ? 0 : 1u << index;
		if (!head && (!bit || (seen & bit) || (!words && rule->heads)))
			return false;
	}
}

/* The last line had no line end and has one now, behind which lines are added: those end in "\n". */
static bool is_closed(struct piece live_ending, struct piece *made_ending)
{
	bool closed = made_ending->length == live_ending.length + 1 &&
		      memcmp(made_ending->at, live_ending.at, live_ending.length) == 0;

	if (closed)
		*made_ending = (struct piece){ "\n", 1 };
	return closed;
}

static int check_rows(const struct bytes *live, const struct bytes *made, struct walk *w, struct error *err)
{
	struct reader l = reader_of(live), m = reader_of(made);
	struct place place = { .rule = w->rule };
	struct row a, b;

	b.ending = (struct piece){ "", 0 };
	while (reader_row(&l, &a)) {
		bool last = w->rule->line && l.left == 0 && m.left > 1;

		if (!reader_row(&m, &b))
			return error_set(err, -EILSEQ, "line %lu is not in the candidate", l.number);
		place_next(&place, a.text);
		if (!same(a.ending, b.ending) && !(last && is_closed(a.ending, &b.ending)))
			return differs(m.number, "ends in another way", err);
		if (same(a.text, b.text))
			continue;
		if (!may_differ(&place))
			return differs(m.number, "must not differ", err);
		if (!same_but_for_words(w, a.text, b.text))
			return differs(m.number, "differs in more than the parameters", err);
	}
	for (struct piece ending = b.ending; reader_row(&m, &b); ending = b.ending)
		if (!w->rule->line || !is_added(w->rule, &b, ending))
			return differs(m.number, "was not there", err);
	if (*w->replaced)
		return error_set(err, -EILSEQ, "a replaced parameter is still in the candidate");
	return 0;
}

/* Which of the added words have been seen in an entry, a bit each. */
struct entries {
	const struct compare_rule *rule;
	unsigned all, seen;
	bool any;	  /* the entry has a line with the first head */
	unsigned lacking; /* entries without all of them */
	unsigned long first;
	unsigned long count;
};

static void entry_end(struct entries *e, unsigned long number)
{
	bool lacks = e->any && (e->seen & e->all) != e->all;

	if (lacks && !e->lacking++)
		e->first = number;
	e->count += e->any;
	e->any = false;
	e->seen = 0;
}

static void entry_words(struct entries *e, struct piece line)
{
	struct piece blanks, word;

	/* Modules alone boot nothing. */
	e->any = e->any || !e->rule->heads || begins_with(trimmed(line), e->rule->heads[0]);
	cut_mark(e->rule, &line);
	for (next_word(&line, &blanks, &word); word.length; next_word(&line, &blanks, &word)) {
		const char *slash = e->rule->section ? memrchr(word.at, '/', word.length) : NULL;
		int index;

		/* A switch may follow another word without a blank. */
		if (slash)
			word = (struct piece){ slash, word.length - (size_t)(slash - word.at) };
		index = index_in(e->rule->added, word, e->rule->caseless);
		if (index >= 0)
			e->seen |= 1u << index;
	}
}

static int check_entries(const struct bytes *made, const struct compare_rule *rule, struct error *err)
{
	struct entries e = { .rule = rule, .all = all_of(rule->added, rule->caseless) };
	struct place place = { .rule = rule };
	struct reader m = reader_of(made);
	struct row row;

	while (reader_row(&m, &row)) {
		place_next(&place, row.text);
		if (place.begins)
			entry_end(&e, m.number);
		if (!may_differ(&place))
			continue;
		entry_words(&e, row.text);
		if (rule->section)
			entry_end(&e, m.number);
	}
	entry_end(&e, m.number);
	if (e.lacking > rule->left_out)
		return error_set(err, -EILSEQ,
			"%u entries of %lu lack a parameter, the first before line %lu; %u were to be left "
			"out",
			e.lacking, e.count, e.first, rule->left_out);
	return 0;
}

int compare_check(const struct bytes *live, const struct bytes *made, const struct compare_rule *rule,
	struct error *err)
{
	struct walk walk = { rule, rule->replaced };
	int rc = check_rows(live, made, &walk, err);

	return rc ? rc : check_entries(made, rule, err);
}

/* ---- the difference, for people ---- */

#define CONTEXT 3

/* A row of the difference: ' ' of both, '-' of the live file, '+' of the candidate. */
struct change {
	char mark;
	struct row row;
};

struct changes {
	struct change *rows;
	size_t count;
};

static void add_change(struct changes *c, char mark, const struct row *row)
{
	c->rows[c->count++] = (struct change){ mark, *row };
}

/* Lines differ in their place, and lines that are added come last: compare_check() has seen to that. */
static void find_changes(const struct bytes *live, const struct bytes *made, struct changes *c)
{
	struct reader l = reader_of(live), m = reader_of(made), m_run = m;
	struct row a, b;

	while (reader_row(&l, &a)) {
		bool there = reader_row(&m, &b);

		if (there && same(a.text, b.text) && same(a.ending, b.ending)) {
			for (struct row late; m_run.number + 1 < m.number && reader_row(&m_run, &late);)
				add_change(c, '+', &late);
			m_run = m;
			add_change(c, ' ', &a);
		} else {
			add_change(c, '-', &a);
		}
	}
	while (reader_row(&m_run, &b))
		add_change(c, '+', &b);
}

static void print_range(FILE *out, char mark, size_t before, size_t count)
{
	fprintf(out, " %c%zu", mark, count ? before + 1 : before);
	if (count != 1)
		fprintf(out, ",%zu", count);
}

static void print_hunk(const struct changes *c, size_t begin, size_t end, size_t live, size_t made, FILE *out)
{
	size_t live_count = 0, made_count = 0;

	for (size_t i = begin; i < end; i++) {
		live_count += c->rows[i].mark != '+';
		made_count += c->rows[i].mark != '-';
	}
	fputs("@@", out);
	print_range(out, '-', live, live_count);
	print_range(out, '+', made, made_count);
	fputs(" @@\n", out);
	for (size_t i = begin; i < end; i++) {
		const struct row *row = &c->rows[i].row;

		fputc(c->rows[i].mark, out);
		fwrite(row->text.at, 1, row->text.length, out);
		fwrite(row->ending.at, 1, row->ending.length, out);
		if (!row->ending.length || row->ending.at[row->ending.length - 1] != '\n')
			fputs("\n\\ No newline at end of file\n", out);
	}
}

/* The end of the hunk whose first change is at `first`: no more than twice the context to the next one. */
static size_t hunk_end(const struct changes *c, size_t first)
{
	size_t last = first;

	for (size_t i = first; i < c->count && i <= last + 2 * CONTEXT + 1; i++)
		if (c->rows[i].mark != ' ')
			last = i;
	return last + 1 + CONTEXT < c->count ? last + 1 + CONTEXT : c->count;
}

int compare_print(const struct bytes *live, const char *live_name, const struct bytes *made,
	const char *made_name, FILE *out)
{
	size_t rows = reader_of(live).left + reader_of(made).left, done = 0, live_rows = 0, made_rows = 0;
	struct changes c = { calloc(rows + 1, sizeof(*c.rows)), 0 };

	if (!c.rows)
		return -ENOMEM;
	find_changes(live, made, &c);
	fprintf(out, "--- %s\n+++ %s\n", live_name, made_name);
	for (size_t first = 0; first < c.count; first++) {
		size_t begin, end;

		if (c.rows[first].mark == ' ')
			continue;
		begin = first >= done + CONTEXT ? first - CONTEXT : done;
		end = hunk_end(&c, first);
		for (; done < begin; done++, live_rows++)
			made_rows++;
		print_hunk(&c, begin, end, live_rows, made_rows, out);
		for (; done < end; done++) {
			live_rows += c.rows[done].mark != '+';
			made_rows += c.rows[done].mark != '-';
		}
		first = end - 1;
	}
	free(c.rows);
	return 0;
}
