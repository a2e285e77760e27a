/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* Writing candidates: all or none, each checked on the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/candidate.h"
#include "bench/candidates.h"
#include "bench/compare.h"
#include "results/file.h"

struct job {
	const struct candidate_request *request;
	struct candidate_report *report;
	unsigned long max_khz;
	struct error *err;
};

/* ---- the report ---- */

static struct candidate_item *item_new(
	struct job *job, const struct candidate *c, const char *root, const char *live)
{
	struct candidate_report *report = job->report;
	struct candidate_item *grown = reallocarray(report->items, report->count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	report->items = grown;
	grown = &report->items[report->count++];
	memset(grown, 0, sizeof(*grown));
	grown->writer = c->name;
	snprintf(grown->live, sizeof(grown->live), "%s%s", root, live);
	return grown;
}

void candidates_free(struct candidate_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->items[i].difference.at);
		free(report->items[i].notes);
		free(report->items[i].steps);
	}
	free(report->items);
	*report = (struct candidate_report){ 0 };
}

/* Nothing of it stays, and the report says what would have been. */
static void take_back(const struct candidate_request *request, struct candidate_report *report, bool made_dir)
{
	for (size_t i = 0; i < report->count; i++) {
		if (report->items[i].path[0])
			unlink(report->items[i].path);
		report->items[i].path[0] = '\0';
	}
	if (made_dir)
		rmdir(request->out_dir);
	report->made = 0;
}

/* ---- one candidate ---- */

/* Text, notes and replaced words while they grow. */
struct making {
	struct candidate_output out;
	struct bytes text, notes, replaced;
};

static int making_begin(struct making *m)
{
	*m = (struct making){ 0 };
	m->out.text = open_memstream(&m->text.at, &m->text.length);
	m->out.notes = open_memstream(&m->notes.at, &m->notes.length);
	m->out.replaced = open_memstream(&m->replaced.at, &m->replaced.length);
	return m->out.text && m->out.notes && m->out.replaced ? 0 : -ENOMEM;
}

static int making_close(struct making *m)
{
	FILE *streams[] = { m->out.text, m->out.notes, m->out.replaced };
	int rc = 0;

	for (size_t i = 0; i < 3; i++)
		if (!streams[i] || fclose(streams[i]))
			rc = -ENOMEM;
	return rc;
}

static void making_free(struct making *m)
{
	free(m->text.at);
	free(m->notes.at);
	free(m->replaced.at);
}

static bool is_taken(const struct candidate_report *report, const char *path)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->items[i].path, path) == 0)
			return true;
	return false;
}

/* The candidate's name in out_dir; "-2" where two live files would have one. */
static int name_it(struct job *job, const struct candidate *c, const char *live, char *name, size_t size)
{
	const char *base = strrchr(live, '/'), *place = strstr(c->file, "%s");
	char path[PATH_MAX], plain[NAME_MAX + 1];
	int length;

	base = base ? base + 1 : live;
	if (place)
		length = snprintf(
			plain, sizeof(plain), "%.*s%s%s", (int)(place - c->file), c->file, base, place + 2);
	else
		length = snprintf(plain, sizeof(plain), "%s", c->file);
	for (unsigned n = 1; length > 0 && length < (int)sizeof(plain); n++) {
		int rc;

		if (n == 1)
			length = snprintf(name, size, "%s", plain);
		else
			length = snprintf(name, size, "%s-%u", plain, n);
		rc = path_join(path, sizeof(path), job->request->out_dir, name, job->err);
		if (rc || length >= (int)size)
			break;
		if (!is_taken(job->report, path))
			return 0;
	}
	return error_set(job->err, -ENAMETOOLONG, "%s: the name of its candidate is too long", live);
}

static int write_it(
	struct job *job, const char *name, const struct bytes *text, mode_t mode, char path[PATH_MAX])
{
	struct file_replace file;
	int rc = file_create_begin(&file, job->request->out_dir, name, mode, job->err);

	if (rc == -EEXIST)
		return error_set(job->err, rc, "%s: is there already", file.path);
	if (rc)
		return rc;
	fwrite(text->at, 1, text->length, file.out);
	rc = file_create_commit(&file, job->err);
	if (!rc)
		snprintf(path, PATH_MAX, "%s", file.path);
	return rc;
}

/* Below which its live files are. */
static const char *root_of(const struct job *job, const struct candidate *c)
{
	return c->takes_boot_ini ? "" : job->request->root;
}

/* What is on the disk now against what the live file holds now. */
static int check_it(struct job *job, const struct candidate *c, const struct candidate_item *item,
	const struct bytes *text, const struct making *m, struct bytes *live, struct bytes *made)
{
	struct error why = { "" };
	struct compare_rule rule = { .replaced = m->replaced.at,
		.heads = c->heads,
		.block = c->block,
		.section = c->section,
		.line = c->line,
		.caseless = c->words == WORDS_WINDOWS,
		.left_out = m->out.left_out };
	const char *root = root_of(job, c);
	char *added;
	int rc = candidate_read("", item->path, made, NULL, &why);

	if (!rc && c->words != WORDS_NONE)
		rc = candidate_read(root, item->live + strlen(root), live, NULL, &why);
	if (rc)
		return error_set(job->err, rc, "the candidate cannot be checked: %s", why.text);
	if (made->length != m->text.length || memcmp(made->at, m->text.at, made->length) != 0)
		return error_set(
			job->err, -EIO, "%s: does not hold what was written; it is removed", item->path);
	if (c->words == WORDS_NONE)
		return 0;
	if (live->length != text->length || memcmp(live->at, text->at, text->length) != 0)
		return error_set(job->err, -EAGAIN,
			"%s: has changed meanwhile; its candidate is removed: try again", item->live);
	added = candidate_expected(c->words, job->request, job->max_khz);
	rule.added = added;
	rc = added ? compare_check(live, made, &rule, &why) : -ENOMEM;
	free(added);
	if (!rc)
		return 0;
	return error_set(job->err, rc,
		"%s: the candidate differs in more than it should and is removed: %s; this is a fault of "
		"clkdrift",
		item->live, added ? why.text : "out of memory");
}

static int difference_of(
	struct job *job, struct candidate_item *item, const struct bytes *live, const struct bytes *made)
{
	static const struct bytes nothing = { "", 0 };
	FILE *out = open_memstream(&item->difference.at, &item->difference.length);
	int rc = -ENOMEM;

	if (out) {
		rc = compare_print(live->at ? live : &nothing, live->at ? item->live : "/dev/null", made,
			item->path, out);
		if (fclose(out))
			rc = -ENOMEM;
	}
	return rc ? error_set(job->err, rc, "out of memory") : 0;
}

static int keep(struct job *job, const struct candidate *c, struct candidate_item *item,
	const struct candidate_input *in, struct making *m, mode_t mode)
{
	struct bytes live = { 0 }, made = { 0 };
	char name[NAME_MAX + 1];
	int rc = name_it(job, c, item->live, name, sizeof(name));

	if (!rc)
		rc = write_it(job, name, &m->text, mode, item->path);
	if (!rc)
		rc = check_it(job, c, item, &in->text, m, &live, &made);
	if (!rc)
		rc = difference_of(job, item, &live, &made);
	if (!rc) {
		item->steps = candidate_steps(c, in->request, m->replaced.at);
		job->report->made++;
		rc = item->steps ? 0 : error_set(job->err, -ENOMEM, "out of memory");
	}
	free(live.at);
	free(made.at);
	return rc;
}

static int make(struct job *job, const struct candidate *c, struct candidate_item *item,
	const struct candidate_input *in, mode_t mode)
{
	struct error why = { "" };
	struct making m;
	int rc = making_begin(&m), closed;

	if (!rc)
		rc = c->transform(in, &m.out, &why);
	closed = making_close(&m);
	if (closed || rc == -ENOMEM) {
		rc = error_set(job->err, -ENOMEM, "%s: out of memory", c->name);
	} else if (rc == -ENODATA) {
		snprintf(item->reason, sizeof(item->reason), "%s", why.text);
		rc = 0;
	} else if (rc) {
		error_set(job->err, rc, "%s", why.text);
	} else {
		rc = keep(job, c, item, in, &m, mode);
	}
	if (!rc) {
		item->entries = m.out.entries;
		item->changed = item->path[0] ? m.out.changed : 0;
		item->notes = m.notes.at;
		m.notes.at = NULL;
	}
	making_free(&m);
	return rc;
}

/* ---- live files ---- */

/* Paths below the root. */
static bool is_same_file(const char *root, const char *path, const char *other)
{
	struct stat a, b;

	return candidate_stat(root, path, &a) == 0 && candidate_stat(root, other, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What lies beside a live file while it is read. */
struct besides {
	struct candidate_beside *rows;
	size_t count;
};

static void besides_free(struct besides *besides)
{
	for (size_t i = 0; i < besides->count; i++) {
		free(besides->rows[i].path);
		free(besides->rows[i].text.at);
	}
	free(besides->rows);
}

/* A file that cannot be read is left out. */
static int add_beside(struct besides *besides, const char *root, const char *path)
{
	struct candidate_beside *grown, new = { 0 };
	struct error why = { "" };

	for (size_t i = 0; i < besides->count; i++)
		if (is_same_file(root, path, besides->rows[i].path + strlen(root)))
			return 0;
	if (candidate_read(root, path, &new.text, NULL, &why))
		return 0;
	if (asprintf(&new.path, "%s%s", root, path) < 0)
		new.path = NULL;
	grown = reallocarray(besides->rows, besides->count + 1, sizeof(*grown));
	besides->rows = grown ? grown : besides->rows;
	if (!new.path || !grown) {
		free(new.path);
		free(new.text.at);
		return -ENOMEM;
	}
	grown[besides->count++] = new;
	return 0;
}

/* In the order of the patterns, and of the names of each. */
static int read_besides(struct job *job, const struct candidate *c, struct besides *besides)
{
	const char *root = job->request->root;
	int rc = 0;

	for (size_t i = 0; !rc && c->beside && c->beside[i]; i++) {
		glob_t found;

		if (i && c->needs_beside && !besides->count)
			break;
		rc = candidate_glob(root, c->beside[i], &found);
		for (size_t k = 0; !rc && k < found.gl_pathc; k++)
			rc = add_beside(besides, root, found.gl_pathv[k]);
		globfree(&found);
	}
	return rc;
}

static int make_item(struct job *job, const struct candidate *c, struct candidate_item *item,
	struct candidate_input *in, mode_t mode)
{
	struct besides besides = { 0 };
	int rc = read_besides(job, c, &besides);

	in->beside = besides.rows;
	in->beside_count = besides.count;
	if (rc)
		error_set(job->err, rc, "out of memory");
	else if (c->needs_beside && !besides.count)
		job->report->count--;
	else
		rc = make(job, c, item, in, mode);
	besides_free(&besides);
	return rc;
}

/* From a file below the root, or from nothing: "". */
static int make_from(struct job *job, const struct candidate *c, const char *live)
{
	/* A writer gets the words that are for it, those of Windows or those of Linux. */
	char *words = candidate_expected(
		c->words == WORDS_WINDOWS ? WORDS_WINDOWS : WORDS_LINUX, job->request, job->max_khz);
	struct candidate_request request = *job->request;
	struct candidate_input in = { .request = &request, .max_khz = job->max_khz };
	const char *root = *live ? root_of(job, c) : "";
	struct candidate_item *item = item_new(job, c, root, live);
	struct error why = { "" };
	mode_t mode = 0666;
	int rc = 0;

	request.parameters = words;
	in.live = item ? item->live : "";
	if (!item || !words)
		rc = error_set(job->err, -ENOMEM, "out of memory");
	else if (*live && candidate_read(root, live, &in.text, &mode, &why))
		snprintf(item->reason, sizeof(item->reason), "%s", why.text);
	else
		rc = make_item(job, c, item, &in, mode);
	free(in.text.at);
	free(words);
	return rc;
}

/* menu.lst is often a link to grub.conf: one candidate is enough. */
static bool seen_before(const struct job *job, const struct candidate *c, const char *path)
{
	const char *root = root_of(job, c);

	for (size_t i = 0; i < job->report->count; i++)
		if (job->report->items[i].writer == c->name &&
			is_same_file(root, path, job->report->items[i].live + strlen(root)))
			return true;
	return false;
}

static int make_all(struct job *job, const struct candidate *c)
{
	int rc = 0;

	if (c->takes_boot_ini)
		return job->request->boot_ini ? make_from(job, c, job->request->boot_ini) : 0;
	if (!c->live)
		return make_from(job, c, "");
	for (size_t i = 0; !rc && c->live[i]; i++) {
		glob_t found;

		if (candidate_glob(job->request->root, c->live[i], &found))
			rc = error_set(job->err, -ENOMEM, "out of memory");
		for (size_t k = 0; !rc && k < found.gl_pathc; k++)
			if (!seen_before(job, c, found.gl_pathv[k]))
				rc = make_from(job, c, found.gl_pathv[k]);
		globfree(&found);
	}
	return rc;
}

/* ---- the whole ---- */

static bool is_boot_file(const struct candidate *c)
{
	return c->wanted == candidate_for_linux;
}

/* The patterns below root of all that Linux boots by. */
static void list_boot_files(FILE *out)
{
	const char *before = "";

	for (size_t i = 0; candidates[i]; i++) {
		const struct candidate *c = candidates[i];
		const char *const *from = c->live ? c->live : c->beside;

		for (; is_boot_file(c) && from && *from; from++, before = ", ") {
			fprintf(out, "%s%s", before, *from);
			/* Those behind the first are no sign of a boot loader. */
			if (from == c->beside)
				break;
		}
	}
}

/* Parameters that get into no file must not go unsaid. */
static int say_no_boot_file(struct job *job)
{
	static const struct candidate none = { .name = "boot_files" };
	struct candidate_item *item;
	FILE *out;

	for (size_t i = 0; candidates[i]; i++)
		for (size_t k = 0; is_boot_file(candidates[i]) && k < job->report->count; k++)
			if (job->report->items[k].writer == candidates[i]->name)
				return 0;
	item = item_new(job, &none, "", "");
	out = item ? fmemopen(item->reason, sizeof(item->reason) - 1, "w") : NULL;
	if (!out)
		return error_set(job->err, -ENOMEM, "out of memory");
	fputs("the parameters got into no file: of ", out);
	list_boot_files(out);
	fprintf(out, " none is to be seen%s%s", *job->request->root ? " below " : "", job->request->root);
	fclose(out);
	return 0;
}

static int write_index(struct job *job)
{
	struct bytes text = { 0 };
	FILE *out = open_memstream(&text.at, &text.length);
	int rc = -ENOMEM;

	if (out) {
		candidates_index(job->report, job->request, out);
		rc = fclose(out) ? -ENOMEM : 0;
	}
	if (rc)
		error_set(job->err, rc, "out of memory");
	else
		rc = write_it(job, "candidates.txt", &text, 0666, job->report->index);
	free(text.at);
	return rc;
}

int candidates_write(
	const struct candidate_request *request, struct candidate_report *report, struct error *err)
{
	struct job job = { .request = request, .report = report, .err = err };
	bool made_dir = false;
	int rc;

	*report = (struct candidate_report){ 0 };
	rc = candidate_request_check(request, err);
	if (!rc)
		rc = candidate_dir_begin(request, &made_dir, err);
	if (rc)
		return rc;
	job.max_khz = request->max_khz ? request->max_khz : candidate_max_khz(request->root);
	for (size_t i = 0; !rc && candidates[i]; i++)
		if (candidates[i]->wanted(request))
			rc = make_all(&job, candidates[i]);
	if (!rc && candidate_for_linux(request))
		rc = say_no_boot_file(&job);
	if (!rc && report->made)
		rc = write_index(&job);
	if (rc)
		take_back(request, report, made_dir);
	else if (!report->made && made_dir)
		rmdir(request->out_dir);
	return rc;
}
