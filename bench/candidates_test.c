/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* ci/golden/boot/CASE/live and, written by hand, the `made` that is to come of it. */
#include "bench/candidates.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bench/kernel_line.h"
#include "bench/lab_tool.h"

#define GOLDEN "ci/golden/boot"
#define LPJ    "lpj=2596120"
#define KHZ    2600000

static const struct golden {
	const char *name, *writer, *parameters;
	const char *notes; /* a part of them, or of the reason why there is no candidate */
	unsigned entries, changed;
} goldens[] = {
	{ "grub-rhel5", "grub_conf", "notsc " LPJ, "", 3, 3 },
	{ "grub-xen", "grub_conf", "notsc " LPJ, "line 27: this is not Linux", 5, 5 },
	{ "grub-crlf", "grub_conf", "notsc " LPJ, "", 3, 3 },
	{ "grub-bytes", "grub_conf", "notsc " LPJ, "", 1, 1 },
	{ "grub-conflicts", "grub_conf", "clocksource=acpi_pm " LPJ,
		"line 24: acpi=off stays, and may leave no effect to clocksource=acpi_pm", 11, 10 },
	{ "grub-no-kernel", "grub_conf", "notsc", "no line boots a Linux kernel", 0, 0 },
	{ "grub-empty", "grub_conf", "notsc", "no line boots a Linux kernel", 0, 0 },
	{ "grub-done", "grub_conf", "notsc " LPJ, "each kernel line has the parameters already", 0, 0 },
	{ "grub-open-quote", "grub_conf", "notsc", "live:2: a double quote is not closed", 0, 0 },
	{ "grub-quote-over-lines", "grub_conf", "notsc", "live:2: a double quote is closed in a later line",
		0, 0 },
	{ "bls-kernelopts", "bls", "tsc=unstable", "", 1, 1 },
	{ "bls-options", "bls", "tsc=unstable", "line 8: tsc=reliable is replaced by tsc=unstable", 1, 1 },
	{ "bls-options", "systemd_boot", "tsc=unstable", "line 8: tsc=reliable is replaced", 1, 1 },
	{ "bls-no-options", "systemd_boot", "tsc=unstable", "a line is added", 1, 1 },
	{ "bls-no-options-no-newline", "bls", "tsc=unstable", "a line is added", 1, 1 },
	{ "bls-empty-options", "bls", "tsc=unstable", "", 1, 1 },
	{ "bls-efi", "systemd_boot", "tsc=unstable", "boots no Linux kernel of its own", 0, 0 },
	{ "cmdline", "kernel_cmdline", "tsc=unstable", "line 1: clocksource=tsc is replaced", 1, 1 },
	{ "cmdline-only", "kernel_cmdline", "tsc=unstable", "line 1: tsc=reliable is replaced", 1, 1 },
	{ "cmdline-comment", "kernel_cmdline", "tsc=unstable", "", 1, 1 },
	{ "boot-ini", "boot_ini", "/usepmtimer", "", 5, 4 },
	{ "boot-ini-none", "boot_ini", "/usepmtimer", "no Windows under [operating systems]", 0, 0 },
	{ "boot-ini-sectors", "boot_ini", "/usepmtimer", "no Windows under [operating systems]", 0, 0 },
	{ "cpuspeed", "cpuspeed", "", "line 7: MIN_SPEED was \"\"1000000\"\"", 2, 2 },
	{ "cpuspeed-unset", "cpuspeed", "", "MIN_SPEED was not set: a line is added", 2, 1 },
	{ "cpuspeed-neither", "cpuspeed", "", "MAX_SPEED was not set: a line is added", 2, 2 },
	{ "cpuspeed-shell", "cpuspeed", "", "live:1: the value is no plain number", 0, 0 },
	{ "cpuspeed-done", "cpuspeed", "", "at the highest frequency already", 0, 0 },
};

static const struct candidate *writer(const char *name)
{
	for (size_t i = 0; candidates[i]; i++)
		if (strcmp(candidates[i]->name, name) == 0)
			return candidates[i];
	fail_msg("no writer %s", name);
	return NULL;
}

static struct candidate_request request_of(const char *parameters)
{
	return (struct candidate_request){ .profile = "p",
		.role = "guest",
		.guest_os = "",
		.guest_versions = "",
		.parameters = parameters,
		.host_settings = "",
		.hypervisor_settings = "",
		.note = "",
		.root = "",
		.out_dir = "/nonexistent" };
}

/* The transform alone, on bytes. */
static int transform(const struct candidate *c, const struct candidate_request *request,
	const struct bytes *live, struct making *m, struct error *why)
{
	struct candidate_input in = { .request = request, .max_khz = KHZ, .live = "live", .text = *live };
	int rc;

	assert_int_equal(making_begin(m), 0);
	rc = c->transform(&in, &m->out, why);
	assert_int_equal(making_close(m), 0);
	return rc;
}

static int check(const struct candidate *c, const struct candidate_request *request, const struct bytes *live,
	const struct bytes *made, const struct making *m, struct error *why)
{
	char *added = candidate_expected(c->words, request, KHZ);
	struct compare_rule rule = { .added = added,
		.replaced = m->replaced.at,
		.heads = c->heads,
		.block = c->block,
		.section = c->section,
		.line = c->line,
		.caseless = c->words == WORDS_WINDOWS,
		.left_out = m->out.left_out };
	int rc = compare_check(live, made, &rule, why);

	free(added);
	return rc;
}

static void load(const struct golden *g, const char *which, struct bytes *text)
{
	char path[256];
	struct error err = { "" };

	snprintf(path, sizeof(path), GOLDEN "/%s/%s", g->name, which);
	if (candidate_read("", path, text, NULL, &err))
		fail_msg("%s", err.text);
}

static void assert_bytes(const struct golden *g, const struct bytes *got, const struct bytes *wanted)
{
	size_t at = 0;

	while (at < got->length && at < wanted->length && got->at[at] == wanted->at[at])
		at++;
	if (at < got->length || at < wanted->length)
		fail_msg("%s: differs from byte %zu on:\n%s\nwanted:\n%s", g->name, at, got->at, wanted->at);
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		const struct golden *g = &goldens[i];
		const struct candidate *c = writer(g->writer);
		struct candidate_request request = request_of(g->parameters);
		struct error why = { "" };
		struct bytes live, made;
		struct making m, again;
		int rc;

		load(g, "live", &live);
		rc = transform(c, &request, &live, &m, &why);
		if (!strstr(rc ? why.text : m.notes.at, g->notes))
			fail_msg("%s: no '%s' in '%s%s'", g->name, g->notes, why.text, m.notes.at);
		if (!g->entries) {
			assert_int_equal(rc, -ENODATA);
		} else {
			if (rc)
				fail_msg("%s: %s", g->name, why.text);
			load(g, "made", &made);
			assert_bytes(g, &m.text, &made);
			assert_int_equal(m.out.entries, g->entries);
			assert_int_equal(m.out.changed, g->changed);
			if (check(c, &request, &live, &made, &m, &why))
				fail_msg("%s: %s", g->name, why.text);
			/* Done once is done. */
			assert_int_equal(transform(c, &request, &made, &again, &why), -ENODATA);
			making_free(&again);
			free(made.at);
		}
		making_free(&m);
		free(live.at);
	}
}

/* ---- the second look finds what the first did wrong ---- */

enum mutation { CHANGED, REMOVED, ADDED, BLANK, MUTATIONS };

static void mutate(const struct bytes *text, size_t at, enum mutation mutation, struct bytes *mutant)
{
	size_t behind = at + (mutation == CHANGED || mutation == REMOVED);
	char put = mutation == BLANK ? ' ' : text->at[at] == 'x' ? 'y' : 'x';

	memcpy(mutant->at, text->at, at);
	mutant->length = at;
	if (mutation != REMOVED)
		mutant->at[mutant->length++] = put;
	memcpy(mutant->at + mutant->length, text->at + behind, text->length - behind);
	mutant->length += text->length - behind;
}

static void test_each_other_difference_is_found(void **state)
{
	unsigned mutants = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		const struct golden *g = &goldens[i];
		struct candidate_request request = request_of(g->parameters);
		struct error why = { "" };
		struct bytes live, mutant;
		struct making m;

		if (!g->entries)
			continue;
		load(g, "live", &live);
		assert_int_equal(transform(writer(g->writer), &request, &live, &m, &why), 0);
		mutant.at = malloc(m.text.length + 1);
		for (size_t at = 0; at < m.text.length; at++) {
			for (enum mutation how = CHANGED; how < MUTATIONS; how++) {
				mutate(&m.text, at, how, &mutant);
				if (check(writer(g->writer), &request, &live, &mutant, &m, &why) == 0)
					fail_msg("%s: mutation %d of byte %zu passes:\n%.*s", g->name, how,
						at, (int)mutant.length, mutant.at);
				mutants++;
			}
		}
		free(mutant.at);
		making_free(&m);
		free(live.at);
	}
	assert_true(mutants > 10000);
}

static int compare(
	const char *live, const char *made, const char *added, const char *replaced, struct error *err)
{
	static const char *const heads[] = { "kernel", NULL };
	struct compare_rule rule = { .added = added, .replaced = replaced, .heads = heads, .block = "title" };
	struct bytes a = { (char *)live, strlen(live) }, b = { (char *)made, strlen(made) };

	*err = (struct error){ "" };
	return compare_check(&a, &b, &rule, err);
}

static void test_compare(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(
		compare("title a\nkernel /v ro\n", "title a\nkernel /v ro notsc\n", "notsc", "", &err), 0);
	assert_int_equal(
		compare("title a\nkernel /v ro\n", "title a\nkernel /v ro notsc notsc\n", "notsc", "", &err),
		-EILSEQ);
	assert_string_equal(err.text, "line 2 of the candidate differs in more than the parameters");
	/* A word that goes without being named. */
	assert_int_equal(
		compare("title a\nkernel /v ro quiet\n", "title a\nkernel /v ro notsc\n", "notsc", "", &err),
		-EILSEQ);
	assert_int_equal(compare("title a\nkernel /v ro quiet\n", "title a\nkernel /v ro notsc\n", "notsc",
				 "quiet\n", &err),
		0);
	/* One that was to go and did not. */
	assert_int_equal(
		compare("title a\nkernel /v ro\n", "title a\nkernel /v ro notsc\n", "notsc", "quiet\n", &err),
		-EILSEQ);
	assert_string_equal(err.text, "a replaced parameter is still in the candidate");
	/* An entry that was forgotten. */
	assert_int_equal(compare("title a\nkernel /v\ntitle b\nkernel /v\n",
				 "title a\nkernel /v notsc\ntitle b\nkernel /v\n", "notsc", "", &err),
		-EILSEQ);
	assert_non_null(strstr(err.text, "1 entries of 2 lack a parameter"));
	assert_int_equal(compare("title a\n", "title a notsc\n", "notsc", "", &err), -EILSEQ);
	assert_string_equal(err.text, "line 1 of the candidate must not differ");
	assert_int_equal(
		compare("title a\nkernel /v\n", "title a\nkernel /v notsc\r\n", "notsc", "", &err), -EILSEQ);
	assert_int_equal(
		compare("title a\nkernel /v\n", "title a\nkernel /v notsc", "notsc", "", &err), -EILSEQ);
	assert_int_equal(
		compare("title a\nkernel /v\n", "title a\nkernel /v notsc\nboot\n", "notsc", "", &err),
		-EILSEQ);
	assert_int_equal(
		compare("title a\nkernel /v\nx\n", "title a\nkernel /v notsc\n", "notsc", "", &err), -EILSEQ);
}

/* The same of boot.ini, whose entries of boot sectors must stay as they are. */
static int compare_systems(const char *live, const char *made, struct error *err)
{
	struct compare_rule rule = {
		.added = "/usepmtimer", .replaced = "", .section = "[operating systems]", .caseless = true
	};
	struct bytes a = { (char *)live, strlen(live) }, b = { (char *)made, strlen(made) };

	*err = (struct error){ "" };
	return compare_check(&a, &b, &rule, err);
}

static void test_compare_systems(void **state)
{
	static const char
		live[] = "[operating systems]\nmulti(0)a=\"W\"\nC:\\=\"Old\"\n",
		made[] = "[operating systems]\nmulti(0)a=\"W\" /usepmtimer\nC:\\=\"Old\"\n",
		both[] = "[operating systems]\nmulti(0)a=\"W\" /usepmtimer\nC:\\=\"Old\" /usepmtimer\n";
	struct error err;

	(void)state;
	assert_int_equal(compare_systems(live, made, &err), 0);
	assert_int_equal(compare_systems(live, both, &err), -EILSEQ);
	assert_string_equal(err.text, "line 3 of the candidate must not differ");
	assert_int_equal(compare_systems(live, live, &err), -EILSEQ);
	assert_non_null(strstr(err.text, "1 entries of 1 lack a parameter"));
}

/* ---- Windows, old and new ---- */

static char *made_for_windows(const char *name, const char *versions, const char *boot_ini)
{
	static const struct bytes nothing = { "", 0 };
	struct candidate_request request = request_of("");
	struct error why = { "" };
	struct making m;
	char *text;

	request.guest_os = "Windows";
	request.guest_versions = versions;
	request.boot_ini = boot_ini;
	assert_int_equal(transform(writer(name), &request, &nothing, &m, &why), 0);
	text = strdup(m.text.at);
	making_free(&m);
	return text;
}

static void assert_made(
	const char *name, const char *versions, const char *boot_ini, const char *part, bool there)
{
	char *text = made_for_windows(name, versions, boot_ini);

	if ((strstr(text, part) != NULL) != there)
		fail_msg("%s for '%s': '%s' is %s in:\n%s", name, versions, part, there ? "not" : "", text);
	free(text);
}

static void test_windows(void **state)
{
	static const struct {
		const char *versions;
		bool enlightened;
	} rows[] = { { "5.1-5.2", false }, { "5.2", false }, { "-5.2", false }, { "5.2.3790", false },
		{ "5.2-6.1", true }, { "6.0-", true }, { "10.0.19041", true }, { "", true } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_made("qemu", rows[i].versions, NULL, "hv-", rows[i].enlightened);
		assert_made("libvirt", rows[i].versions, NULL, "hypervclock", rows[i].enlightened);
		assert_made("libvirt", rows[i].versions, NULL, "<hyperv>", rows[i].enlightened);
		assert_made("windows", rows[i].versions, NULL, "hv-time", rows[i].enlightened);
		assert_made("libvirt", rows[i].versions, NULL, "kvmclock", false);
		assert_made("libvirt", rows[i].versions, NULL, "localtime", true);
		assert_made("windows", rows[i].versions, NULL, "/usepmtimer", true);
		assert_made("windows", rows[i].versions, NULL, "Give the file with --boot-ini", true);
		assert_made("windows", rows[i].versions, "x", "--boot-ini", false);
	}
}

/* ---- conflicts ---- */

static void test_conflicts(void **state)
{
	static const struct {
		const char *there, *wanted;
		enum conflict conflict;
	} rows[] = {
		{ "clocksource=tsc", "clocksource=acpi_pm", CONFLICT_REPLACE },
		{ "clocksource=acpi_pm", "clocksource=acpi_pm", CONFLICT_SAME },
		{ "clock=tsc", "clocksource=acpi_pm", CONFLICT_REPLACE },
		{ "clocksource=tsc", "clock=pmtmr", CONFLICT_REPLACE },
		{ "clocksource.verify_n_cpus=2", "clocksource=tsc", CONFLICT_NONE },
		{ "lpj=1", "lpj=2", CONFLICT_REPLACE },
		{ "notsc", "tsc=reliable", CONFLICT_REPLACE },
		{ "tsc=reliable", "notsc", CONFLICT_REPLACE },
		{ "tsc=unstable", "notsc", CONFLICT_NONE },
		{ "tsc=nowatchdog", "tsc=reliable", CONFLICT_NONE },
		{ "tsc=nowatchdog", "tsc=watchdog", CONFLICT_REPLACE },
		{ "tsc=nowatchdog", "tsc=nowatchdog", CONFLICT_SAME },
		{ "no-kvmclock", "clocksource=kvm-clock", CONFLICT_REPLACE },
		{ "no_kvmclock", "no-kvmclock", CONFLICT_SAME },
		{ "processor.max_cstate=3", "processor.max_cstate=1", CONFLICT_REPLACE },
		{ "idle=poll", "processor.max_cstate=1", CONFLICT_REPORT },
		{ "acpi=off", "clocksource=acpi_pm", CONFLICT_REPORT },
		{ "hpet=disable", "clocksource=hpet", CONFLICT_REPLACE },
		{ "hpet=verbose,disable", "clocksource=hpet", CONFLICT_REPLACE },
		{ "hpet=verbose", "clocksource=hpet", CONFLICT_NONE },
		{ "pmtmr=0", "clocksource=acpi_pm", CONFLICT_REPLACE },
		{ "pmtmr=0x00", "clock=pmtmr", CONFLICT_REPLACE },
		{ "pmtmr=0x508", "clocksource=acpi_pm", CONFLICT_NONE },
		{ "nopv", "clocksource=kvm-clock", CONFLICT_REPORT },
		{ "nopv", "clocksource=tsc", CONFLICT_NONE },
		{ "apicpmtimer", "tsc=reliable", CONFLICT_REPORT },
		{ "apicpmtimer", "clocksource=tsc", CONFLICT_REPORT },
		{ "apicpmtimer", "tsc=unstable", CONFLICT_NONE },
		{ "clock=tsc", "notsc", CONFLICT_REPLACE },
		{ "clock=tsc", "tsc=unstable", CONFLICT_REPLACE },
		{ "notsc", "clock=tsc", CONFLICT_REPLACE },
		{ "quiet", "notsc", CONFLICT_NONE },
		{ "console=ttyS0", "lpj=1", CONFLICT_NONE },
		{ "CLOCKSOURCE=tsc", "clocksource=acpi_pm", CONFLICT_NONE },
		{ "lpj", "lpj=1", CONFLICT_NONE },
		{ "", "lpj=1", CONFLICT_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parameter_conflict(rows[i].there, rows[i].wanted) != rows[i].conflict)
			fail_msg("%s against %s", rows[i].there, rows[i].wanted);
}

/* ---- writing ---- */

static char dir[64], root[96], out[96];

static void put(const char *path, const char *text)
{
	char full[PATH_MAX], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(dir) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		mkdir(full, 0777);
	}
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/clkdrift-candidates-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(root, sizeof(root), "%s/root", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	lab_remove_tree(dir);
	return 0;
}

#define GRUB_CONF "title a\n\tkernel /vmlinuz ro\n"

static struct candidate_request request_here(const char *parameters)
{
	struct candidate_request request = request_of(parameters);

	request.root = root;
	request.out_dir = out;
	request.role = "";
	return request;
}

static void assert_file(const char *path, const char *wanted)
{
	struct error err = { "" };
	struct bytes text;

	if (candidate_read("", path, &text, NULL, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text.at, wanted);
	free(text.at);
}

static void test_write(void **state)
{
	struct candidate_request request = request_here("notsc");
	struct candidate_report report;
	struct error err = { "" };
	char path[PATH_MAX];
	struct stat st;

	(void)state;
	put("/boot/grub/grub.conf", GRUB_CONF);
	snprintf(path, sizeof(path), "%s/boot/grub/grub.conf", root);
	chmod(path, 0600);
	assert_int_equal(candidates_write(&request, &report, &err), 0);
	assert_int_equal(report.made, 1);
	assert_string_equal(report.items[0].writer, "grub_conf");
	assert_non_null(strstr(report.items[0].difference.at,
		"\n@@ -1,2 +1,2 @@\n title a\n-\tkernel /vmlinuz ro\n+\tkernel /vmlinuz ro notsc\n"));
	assert_file(report.items[0].path, "title a\n\tkernel /vmlinuz ro notsc\n");
	/* A password may stand in it. */
	assert_int_equal(stat(report.items[0].path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_file(path, GRUB_CONF);
	candidates_free(&report);

	/* What is there is not written over, and the rest is not made either. */
	put("/boot/loader/entries/a.conf", "linux /v\noptions ro\n");
	assert_int_equal(candidates_write(&request, &report, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is there already"));
	assert_int_equal(report.made, 0);
	candidates_free(&report);
	snprintf(path, sizeof(path), "%s/boot-a.conf", out);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/grub.conf.kvm", out);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_no_link_is_followed(void **state)
{
	struct candidate_request request = request_here("notsc");
	struct candidate_report report;
	struct error err = { "" };
	char path[PATH_MAX], victim[PATH_MAX];

	(void)state;
	put("/boot/grub/grub.conf", GRUB_CONF);
	put("/victim", "mine");
	mkdir(out, 0777);
	snprintf(path, sizeof(path), "%s/grub.conf.kvm", out);
	snprintf(victim, sizeof(victim), "%s/victim", root);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(candidates_write(&request, &report, &err), -EEXIST);
	candidates_free(&report);
	assert_file(victim, "mine");
}

static void test_live_directories_are_refused(void **state)
{
	static const char *const dirs[] = { "/boot/grub", "/etc/default/grub.d", "/etc/kernel",
		"/etc/modules-load.d" };

	(void)state;
	put("/boot/grub/grub.conf", GRUB_CONF);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct candidate_request request = request_here("notsc");
		struct candidate_report report;
		struct error err = { "" };
		char path[PATH_MAX], link[PATH_MAX];

		snprintf(path, sizeof(path), "%s/x", dirs[i]);
		put(path, "");
		/* By another name too. */
		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		snprintf(link, sizeof(link), "%s/link%zu", dir, i);
		assert_int_equal(symlink(path, link), 0);
		request.out_dir = i % 2 ? path : link;
		assert_int_equal(candidates_write(&request, &report, &err), -EINVAL);
		assert_non_null(strstr(err.text, "holds live files"));
		candidates_free(&report);
	}
}

static void link_to(const char *target, const char *path)
{
	char full[PATH_MAX];

	put(path, "");
	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(symlink(target, full), 0);
}

static void test_links_stay_below_the_root(void **state)
{
	struct candidate_request request = request_here("notsc");
	struct candidate_report report;
	struct error err = { "" };
	char path[PATH_MAX], outside[PATH_MAX];

	(void)state;
	/* As a system would see them that has this root. */
	put("/boot/grub/real.conf", GRUB_CONF);
	link_to("/boot/grub/real.conf", "/boot/grub/grub.conf");
	put("/elsewhere/entries/a.conf", "linux /v\noptions ro\n");
	link_to("../../../../../../elsewhere", "/boot/loader");
	/* Of the machine that looks at it. */
	snprintf(outside, sizeof(outside), "%s/outside.conf", dir);
	put("/../outside.conf", GRUB_CONF);
	assert_int_equal(access(outside, F_OK), 0);
	link_to(outside, "/boot/grub/menu.lst");
	assert_int_equal(candidates_write(&request, &report, &err), 0);
	assert_int_equal(report.made, 2);
	assert_int_equal(report.count, 3);
	assert_string_equal(report.items[2].writer, "grub_conf");
	assert_non_null(strstr(report.items[2].reason, "root/boot/grub/menu.lst: cannot read: No such file"));
	candidates_free(&report);
	snprintf(path, sizeof(path), "%s/boot-a.conf", out);
	assert_file(path, "linux /v\noptions ro notsc\n");
	snprintf(path, sizeof(path), "%s/grub.conf.kvm", out);
	assert_file(path, "title a\n\tkernel /vmlinuz ro notsc\n");
}

static void test_two_of_one_name(void **state)
{
	struct candidate_request request = request_here("notsc");
	struct candidate_report report;
	struct error err = { "" };
	char path[PATH_MAX];

	(void)state;
	put("/boot/efi/loader/entries/a.conf", "linux /v\noptions one\n");
	put("/efi/loader/entries/a.conf", "linux /v\noptions two\n");
	assert_int_equal(candidates_write(&request, &report, &err), 0);
	assert_int_equal(report.made, 2);
	candidates_free(&report);
	snprintf(path, sizeof(path), "%s/efi-a.conf", out);
	assert_file(path, "linux /v\noptions one notsc\n");
	snprintf(path, sizeof(path), "%s/efi-a.conf-2", out);
	assert_file(path, "linux /v\noptions two notsc\n");
}

/* A writer that does more than it says. */
static int careless_transform(const struct candidate_input *in, struct candidate_output *o, struct error *err)
{
	(void)err;
	fprintf(o->text, "%s# and a line more\n", in->text.at);
	return 0;
}

static void test_a_careless_writer_is_caught(void **state)
{
	static const char *const live[] = { "/boot/grub/grub.conf", NULL };
	const struct candidate careless = { .name = "careless",
		.summary = "",
		.live = live,
		.file = "%s.kvm",
		.steps = "",
		.words = WORDS_LINUX,
		.transform = careless_transform };
	struct candidate_request request = request_here("notsc");
	struct candidate_report report = { 0 };
	struct error err = { "" };
	struct job job = { .request = &request, .report = &report, .err = &err };
	char path[PATH_MAX];

	(void)state;
	put("/boot/grub/grub.conf", GRUB_CONF);
	mkdir(out, 0777);
	assert_int_equal(make_all(&job, &careless), -EILSEQ);
	assert_non_null(strstr(err.text, "the candidate differs in more than it should and is removed: line "
					 "3 of the candidate was not there"));
	take_back(&request, &report, false);
	snprintf(path, sizeof(path), "%s/grub.conf.kvm", out);
	assert_int_equal(access(path, F_OK), -1);
	candidates_free(&report);
}

static void test_bad_requests(void **state)
{
	static const char *const bad[] = { "notsc\nroot=x", "a=\"b\"", "x=$y", "a`b`", "a\\", "n\xc3\xb6" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct candidate_request request = request_here(bad[i]);
		struct candidate_report report;
		struct error err = { "" };

		assert_int_equal(candidates_write(&request, &report, &err), -EINVAL);
		assert_non_null(strstr(err.text, "cannot be written into boot files"));
		assert_int_equal(access(out, F_OK), -1);
		candidates_free(&report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_each_other_difference_is_found),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_compare_systems),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test_setup_teardown(test_write, begin, end),
		cmocka_unit_test_setup_teardown(test_no_link_is_followed, begin, end),
		cmocka_unit_test_setup_teardown(test_live_directories_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_links_stay_below_the_root, begin, end),
		cmocka_unit_test_setup_teardown(test_two_of_one_name, begin, end),
		cmocka_unit_test_setup_teardown(test_a_careless_writer_is_caught, begin, end),
		cmocka_unit_test_setup_teardown(test_bad_requests, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
