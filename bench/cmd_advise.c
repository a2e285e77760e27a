/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift advise: which profile of kernel parameters this system needs, and on what evidence. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <jansson.h>

#include "analysis/advise.h"
#include "analysis/facts_check.h"
#include "bench/candidate.h"
#include "bench/catalogue.h"
#include "bench/facts.h"
#include "bench/kernel_hz.h"
#include "bench/options.h"

#define WIDTH  100 /* columns, as of inspect */
#define INDENT 21

/* The object of `inspect --json`, or the facts themselves. */
static int facts_of_file(const char *path, json_t **facts, struct error *err)
{
	json_error_t where;
	json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES, &where), *inner;
	int rc = 0;

	if (!doc && where.line < 0)
		return error_set(err, -EINVAL, "--facts %s", where.text);
	if (!doc)
		return error_set(err, -EINVAL, "--facts %s:%d: %s", path, where.line, where.text);
	inner = json_object_get(doc, "facts");
	if (!json_is_object(doc) || (inner && !json_is_object(inner)))
		rc = error_set(err, -EINVAL,
			"--facts %s: not an object of facts, as 'clkdrift inspect --json' prints it", path);
	else if (json_object_get(doc, "schema") && json_integer_value(json_object_get(doc, "schema")) != 1)
		rc = error_set(err, -EINVAL, "--facts %s: schema must be 1", path);
	else
		rc = facts_check(inner ? inner : doc, path, err);
	if (!rc)
		*facts = json_incref(inner ? inner : doc);
	json_decref(doc);
	return rc;
}

/* What lpj=n is made of: the snapshot does not hold HZ. */
static void add_hz(json_t *facts)
{
	const char *release = facts_text(facts, "kernel.release");
	int hz = release ? kernel_hz("", release) : 0;

	if (hz)
		json_object_set_new(facts_get(facts, "kernel"), "hz", json_integer(hz));
}

/* --facts, else the snapshot of the run, else this machine. */
static int choose_facts(const struct options *options, const struct advise_evidence *evidence, json_t **facts,
	struct error *err)
{
	if (options->facts)
		return facts_of_file(options->facts, facts, err);
	if (options->run && !evidence->whole) {
		*facts = json_incref(evidence->facts);
		return *facts ? 0
			      : error_set(err, -ENODATA,
					"%s: the run has no snapshot of its machine: give it with --facts",
					options->run);
	}
	*facts = facts_collect(&facts_live);
	if (!*facts)
		return error_set(err, -ENOMEM, "out of memory");
	add_hz(*facts);
	return 0;
}

/* The name, and the text broken at blanks beside it; nothing for an empty text. */
static void print_entry(const char *name, const char *text)
{
	int column;

	if (!text[0])
		return;
	column = printf("%-*s", INDENT, name);
	while (*text) {
		int word = (int)strcspn(text, " ");

		if (column > INDENT && column + 1 + word > WIDTH)
			column = printf("\n%*s", INDENT, "") - 1;
		else if (column > INDENT)
			column += printf(" ");
		column += printf("%.*s", word, text);
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_lines(const char *name, const struct advice_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		print_entry(i ? "" : name, lines->text[i]);
}

static void print_profile(const struct advice *a)
{
	const struct profile *p = a->profile;

	print_entry("profile:", p->id);
	print_entry("kernel parameters:", a->parameters[0] ? a->parameters : "none are needed");
	print_entry("host settings:", p->host_settings);
	print_entry("hypervisor settings:", p->hypervisor_settings);
	print_entry("costs:", p->cost);
}

static void print_advice(const struct advice *a)
{
	static const char *const answers[] = {
		[ADVICE_NO_RISK] = "no", [ADVICE_RISK] = "yes", [ADVICE_NOT_KNOWN] = "not known"
	};

	print_entry("at risk:", answers[a->at_risk]);
	print_lines("because:", &a->reasons);
	print_lines("needed to know:", &a->missing);
	if (a->profile)
		print_profile(a);
	print_entry("evidence:", a->evidence_text);
	print_lines("note:", &a->notes);
}

static int print_json(const struct advice *a, const struct candidate_report *files, struct error *err)
{
	json_t *json = advice_to_json(a), *made = files ? candidates_to_json(files) : NULL;

	if (!json || (files && !made)) {
		json_decref(json);
		return error_set(err, -ENOMEM, "out of memory");
	}
	if (made)
		json_object_set_new(json, "candidates", made);
	json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(json);
	return 0;
}

/* A number that is not known must not get into a file: lpj=n would be no number to the kernel. */
static void leave_out_number(char *text)
{
	char *at = strstr(text, "lpj=n");

	if (!at || (at > text && at[-1] != ' ') || (at[5] && at[5] != ' '))
		return;
	memmove(at, at + 5 + strspn(at + 5, " "), strlen(at + 5 + strspn(at + 5, " ")) + 1);
	for (size_t end = strlen(text); end && text[end - 1] == ' '; end--)
		text[end - 1] = '\0';
}

/* What the hypervisor might do besides is not written for a system that needs nothing. */
static bool asks_for_files(const struct options *options, const struct profile *p)
{
	return p && (p->parameters[0] || p->host_settings[0] || p->hypervisor_settings[0] ||
			    options->argument_count);
}

/* Which Windows: as the profile says it, else as the facts do. */
static const char *windows_of(const struct profile *p, const json_t *facts)
{
	const char *name = facts_text(facts, "os.name"), *version = facts_text(facts, "os.version");

	if (p->guest_versions[0] || !name || !version || strncasecmp(name, "windows", 7) != 0)
		return p->guest_versions;
	return version;
}

/* Nothing is asked for: *report stays empty. */
static int write_candidates(const struct options *options, const struct advice *a, const json_t *facts,
	struct candidate_report *report, struct error *err)
{
	const struct profile *p = a->profile;
	char parameters[sizeof(a->parameters)];
	struct candidate_request request = {
		.parameters = parameters,
		.root = options->root ? options->root : "",
		.boot_ini = options->boot_ini,
		.out_dir = options->out,
	};

	if (!asks_for_files(options, p))
		return 0;
	strcpy(parameters, a->parameters);
	leave_out_number(parameters);
	request.profile = p->id;
	request.role = p->role;
	request.guest_os = p->guest_os;
	request.guest_versions = windows_of(p, facts);
	request.host_settings = p->host_settings;
	request.hypervisor_settings = p->hypervisor_settings;
	request.note = p->note;
	facts_number(facts, "tsc.khz", &request.tsc_khz);
	return candidates_write(&request, report, err);
}

static void add_note(struct advice_lines *notes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_note(struct advice_lines *notes, const char *format, ...)
{
	va_list args;

	if (notes->count == ADVICE_LINES_MAX)
		return;
	va_start(args, format);
	vsnprintf(notes->text[notes->count++], sizeof(notes->text[0]), format, args);
	va_end(args);
}

/* Are the facts those of the machine that clkdrift runs on? */
static bool are_live(const struct options *options, const struct advise_evidence *evidence)
{
	return !options->facts && !(options->run && !evidence->whole);
}

static bool is_other_root(const char *root)
{
	struct stat st, here;

	return root && stat(root, &st) == 0 && stat("/", &here) == 0 &&
	       (st.st_dev != here.st_dev || st.st_ino != here.st_ino);
}

static void note_boot_ini(const struct options *options, struct advice *a)
{
	const struct profile *p = a->profile;

	if (!p)
		add_note(&a->notes, "--boot-ini %s was not used: there is no profile.", options->boot_ini);
	else if (strncasecmp(p->guest_os, "windows", 7) != 0)
		add_note(&a->notes, "--boot-ini %s was not used: profile %s is not for Windows.",
			options->boot_ini, p->id);
	else if (p->parameters[0] != '/' && !strstr(p->parameters, " /"))
		add_note(&a->notes, "--boot-ini %s was not used: profile %s has no switch for it.",
			options->boot_ini, p->id);
}

/* What of the options came to nothing, or to something else than one may think. */
static void note_options(
	const struct options *options, const struct advise_evidence *evidence, struct advice *a)
{
	if (is_other_root(options->root) && are_live(options, evidence))
		add_note(&a->notes,
			"The advice is for this machine; the files are those below %s. Give --facts for "
			"another system.",
			options->root);
	if (options->boot_ini)
		note_boot_ini(options, a);
}

static int exit_code_of(const struct advice *a)
{
	static const int codes[] = { [ADVICE_NO_RISK] = EXIT_STABLE,
		[ADVICE_RISK] = EXIT_UNSTABLE,
		[ADVICE_NOT_KNOWN] = EXIT_INCONCLUSIVE };

	return codes[a->at_risk];
}

static const char *why_none(const struct advice *a)
{
	if (a->profile)
		return "none: no settings are asked for";
	return a->missing.count ? "none: it is not known which profile is for this system"
				: "none: the catalogue has no profile for this system";
}

/* files: NULL where none were asked for. */
static int answer(const struct options *options, const struct advice *a, const struct candidate_report *files,
	struct error *err)
{
	int rc = 0;

	if (options->json) {
		rc = print_json(a, files, err);
	} else if (!options->quiet) {
		print_advice(a);
		if (files)
			putchar('\n');
		if (files && files->count)
			candidates_print(files, stdout);
		else if (files)
			print_entry("candidates:", why_none(a));
	}
	return rc ? rc : exit_code_of(a);
}

/* The advice, the files, and the answer. */
static int advise_on(const struct options *options, const json_t *facts, const struct profiles *catalogue,
	const struct advise_evidence *evidence, struct error *err)
{
	struct candidate_report files = { .count = 0 };
	struct advice *a = calloc(1, sizeof(*a));
	const char *wish = options->argument_count ? options->arguments[0] : NULL;
	int rc = a ? advise(facts, catalogue, evidence, wish, a, err)
		   : error_set(err, -ENOMEM, "out of memory");

	if (!rc && options->out)
		rc = write_candidates(options, a, facts, &files, err);
	if (!rc)
		note_options(options, evidence, a);
	if (!rc)
		rc = answer(options, a, options->out ? &files : NULL, err);
	candidates_free(&files);
	free(a);
	return rc;
}

static int advise_command(const struct options *options, struct error *err)
{
	struct advise_evidence evidence = { 0 };
	struct profiles catalogue = { 0 };
	json_t *facts = NULL;
	int rc = 0;

	if (!options->out && (options->root || options->boot_ini))
		return error_set(err, -EINVAL, "--%s says what candidates are made from: it needs --out DIR",
			options->root ? "root" : "boot-ini");
	if (options->out)
		rc = candidates_sources_check(options->root ? options->root : "", options->boot_ini, err);
	if (!rc)
		rc = catalogue_load(options->catalogue, &catalogue, err);
	if (!rc && options->run)
		rc = advise_evidence_load(options->run, &evidence, err);
	if (!rc)
		rc = choose_facts(options, &evidence, &facts, err);
	if (!rc)
		rc = advise_on(options, facts, &catalogue, options->run ? &evidence : NULL, err);
	json_decref(facts);
	advise_evidence_free(&evidence);
	profiles_free(&catalogue);
	return rc;
}

const struct command command_advise = {
	.name = "advise",
	.usage = "[PROFILE] [OPTION]...",
	.summary = "whether this system's clocks are at risk, and which parameters help",
	.help = "Matches this machine, or the facts of another one, with the catalogue of profiles ('list\n"
		"profiles') and says whether its clocks are at risk, why, which kernel parameters and "
		"settings\n"
		"help, and whether that was measured here, in a lab, or is only documented.  PROFILE takes "
		"that one.\n\n"
		"  clkdrift inspect --json >facts.json; clkdrift advise --facts facts.json\n"
		"  clkdrift advise --run results/runs/DIR\n\n"
		"With --out it writes candidate files into DIR: boot files with the parameters added, and\n"
		"candidates.txt, which says what to do with each.  The live files are only read.\n\n"
		"  clkdrift advise --out candidates\n\n"
		"Exit codes: 0 not at risk, 1 at risk, 2 trouble, 3 not known.",
	.options = "facts run out root boot-ini catalogue json quiet",
	.max_arguments = 1,
	.run = advise_command,
};
