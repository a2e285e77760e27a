/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/profiles.c"

#include <unistd.h>

static int load(const char *text, struct profiles *p, struct error *err)
{
	char path[] = "/tmp/clkdrift-profiles-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	*err = (struct error){ "" };
	rc = profiles_load(path, p, err);
	unlink(path);
	return rc;
}

static void shipped(struct profiles *p)
{
	struct error err = { "" };

	*p = (struct profiles){ 0 };
	assert_int_equal(profiles_load("analysis/profiles", p, &err), 0);
}

/* The table of the KVM guide: CentOS version, arch, pvclock, parameters. */
static void the_table_is_there(void **state)
{
	static const struct {
		const char *id, *versions, *arch, *pvclock, *parameters;
	} table[] = {
		{ "centos-5.4-x86_64-pvclock", "5.4", "x86_64", "yes", "" },
		{ "centos-5.4-x86_64", "5.4", "x86_64", "no", "notsc lpj=n" },
		{ "centos-5.4-i386-pvclock", "5.4", "i386", "yes", "" },
		{ "centos-5.4-i386", "5.4", "i386", "no", "clocksource=acpi_pm lpj=n" },
		{ "centos-5.3-x86_64", "5.3", "x86_64", "", "notsc" },
		{ "centos-5.3-i386", "5.3", "i386", "", "clocksource=acpi_pm" },
		{ "centos-4.8-x86_64", "4.8", "x86_64", "", "notsc" },
		{ "centos-4.8-i386", "4.8", "i386", "", "clock=pmtmr" },
		{ "centos-3.9-x86_64", "3.9", "x86_64", "", "" },
		{ "centos-3.9-i386", "3.9", "i386", "", "" },
	};
	struct profiles p;

	(void)state;
	shipped(&p);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct profile *row = profiles_find(&p, table[i].id);

		assert_non_null(row);
		assert_string_equal(row->role, "guest");
		assert_string_equal(row->guest_os, "CentOS");
		assert_string_equal(row->guest_versions, table[i].versions);
		assert_string_equal(row->arch, table[i].arch);
		assert_string_equal(row->pvclock, table[i].pvclock);
		assert_string_equal(row->host_constant_tsc, "no");
		assert_string_equal(row->parameters, table[i].parameters);
		/* What other editions say of it, or a later kernel. */
		assert_true(row->note[0] || !row->parameters[0]);
	}
	profiles_free(&p);
}

static void the_matrix_finds_its_profiles(void **state)
{
	static const struct {
		const char *id, *parameters;
	} known[] = { { "default", "" }, { "notsc-lpj", "notsc lpj=n" }, { "acpi-pm", "clocksource=acpi_pm" },
		{ "pmtmr", "clock=pmtmr" }, { "hpet", "clocksource=hpet" },
		{ "max-cstate-1", "processor.max_cstate=1" } };
	struct profiles p;

	(void)state;
	shipped(&p);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct profile *row = profiles_find(&p, known[i].id);

		assert_non_null(row);
		assert_string_equal(row->parameters, known[i].parameters);
		assert_int_equal(row->side_effects == 0, row->parameters[0] == '\0');
	}
	assert_null(profiles_find(&p, "notsc"));
	profiles_free(&p);
}

/* Whoever takes a profile wants to know what it costs and who says so. */
static void every_row_tells_its_cost_and_source(void **state)
{
	struct profiles p;

	(void)state;
	shipped(&p);
	assert_true(p.count > 50);
	for (size_t i = 0; i < p.count; i++) {
		if (!p.rows[i].cost[0] || strlen(p.rows[i].source) < 10)
			fail_msg("%s:%u: no cost or source", p.rows[i].file, p.rows[i].line);
		/* Nothing that asks for a parameter has no effect on anything. */
		if (p.rows[i].parameters[0] && p.rows[i].side_effects == 0)
			fail_msg("%s:%u: parameters without side effects", p.rows[i].file, p.rows[i].line);
	}
	profiles_free(&p);
}

static void own_rows_add_to_them(void **state)
{
	struct profiles p;
	struct error err;
	size_t before;

	(void)state;
	shipped(&p);
	before = p.count;
	/* Only three columns are needed, in any order. */
	assert_int_equal(load("parameters,id,role\ntsc=unstable,mine,guest\n", &p, &err), 0);
	assert_int_equal(p.count, before + 1);
	assert_string_equal(profiles_find(&p, "mine")->parameters, "tsc=unstable");
	assert_string_equal(profiles_find(&p, "mine")->kernel, "");
	assert_int_equal(profiles_find(&p, "mine")->line, 2);
	/* As many numbers count as the upper end has; a comma in quotes is text. */
	assert_int_equal(
		load("id,role,parameters,kernel,note\nr1,guest,,5.3.2-5.3,\"one, two\"\nr2,guest,,5.4-5.4,\n",
			&p, &err),
		0);
	assert_string_equal(profiles_find(&p, "r1")->note, "one, two");
	/* What one row had does not stay in the next. */
	assert_int_equal(
		load("id,role,parameters,note,side_effects\na1,guest,,n,7\na2,host,x,,\n", &p, &err), 0);
	assert_int_equal(profiles_find(&p, "a1")->side_effects, 7);
	assert_int_equal(profiles_find(&p, "a2")->side_effects, 0);
	assert_string_equal(profiles_find(&p, "a2")->note, "");
	profiles_free(&p);
}

static void bad_rows_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "id,role\nx,guest\n", ":1: column \"parameters\" is missing" },
		{ "id,role,parameters\nx,guest\n", ":2: the row has 2 columns" },
		{ "id,role,parameters\n,guest,\n", ":2: id \"\"" },
		{ "id,role,parameters\nA b,guest,\n", ":2: id \"A b\"" },
		{ "id,role,parameters\nx,vm,\n", ":2: role \"vm\": not one of host guest" },
		{ "id,role,parameters\nx,,\n", ":2: role \"\"" },
		{ "id,role,parameters\nx,guest,a\nx,guest,b\n", ":3: id \"x\" is taken" },
		{ "id,role,parameters,arch\nx,guest,,arm\n", ":2: arch \"arm\"" },
		{ "id,role,parameters,pvclock\nx,guest,,on\n", ":2: pvclock \"on\"" },
		{ "id,role,parameters,kernel\nx,guest,,5.x\n", ":2: kernel \"5.x\"" },
		{ "id,role,parameters,kernel\nx,guest,,5.3-5.0\n",
			":2: kernel \"5.3-5.0\": the lower version must come first" },
		{ "id,role,parameters,kernel\nx,guest,,5.10-5.4\n", ":2: kernel \"5.10-5.4\"" },
		/* What no comma is in shifts the columns behind it. */
		{ "id,role,parameters,note\nx,guest,,one, two\n",
			":2: the row has 5 columns, the header 4: put a text that holds commas into double "
			"quotes" },
		{ "id,role,parameters,note,side_effects\nx,guest,,one, two,1\n",
			":2: the row has 6 columns" },
		{ "id,role,parameters,note,side_effects\nx,guest,,one,two,1\n", ":2: the row has 6 columns" },
		{ "id,role,parameters\nx,guest\ny,guest,,1,2,3\n", ":2: the row has 2 columns, too few" },
		{ "id,role,parameters,side_effects\nx,guest,,b\ny,guest,,1,2,3\n", ":2: side_effects \"b\"" },
		{ "id,role,parameters\ny,guest,\nx,guest,,\n", ":3: the row has 4 columns" },
		{ "id,role,parameters,pvclok\nx,guest,,yes\n",
			":1: no column is called \"pvclok\": is it \"pvclock\"?" },
		{ "id,role,parameters,colour\nx,guest,,red\n",
			":1: no column is called \"colour\": there are id, role, parameters, guest_os, " },
		{ "id,role,parameters,\nx,guest,,\n", ":1: no column is called \"\"" },
		{ "id,role,parameters,arch,arch\nx,guest,,i386,\n",
			":1: the column \"arch\" is there twice" },
		{ "id,role,parameters,kernel\nx,guest,,-\n", ":2: kernel \"-\"" },
		{ "id,role,parameters,guest_versions\nx,guest,,5..4\n", ":2: guest_versions" },
		{ "id,role,parameters,situation\nx,guest,,has-hpet tsc-gone\n", "\"tsc-gone\"" },
		{ "id,role,parameters,side_effects\nx,guest,,many\n", ":2: side_effects \"many\"" },
		{ "id,role,parameters,side_effects\nx,guest,,101\n", ":2: side_effects" },
		{ "id,role,parameters\nx,guest,\x01\n", ":2: parameters: not plain text" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct profiles p = { 0 };
		struct error err;

		assert_true(load(bad[i].text, &p, &err) < 0);
		if (!strstr(err.text, bad[i].why))
			fail_msg("no '%s' in: %s", bad[i].why, err.text);
		profiles_free(&p);
	}
}

static void versions_are_compared_by_number(void **state)
{
	static const struct {
		const char *version, *range;
		bool in;
	} known[] = { { "5.4", "5.4", true }, { "5.4.1", "5.4", true }, { "5.40", "5.4", false },
		{ "5.10", "5.4-", true }, { "5.3", "5.4-", false }, { "5.10", "5.5-5.11", true },
		{ "5.11.9", "5.5-5.11", true }, { "5.12", "5.5-5.11", false }, { "5", "5.0-5.3", true },
		{ "2.6.18-164.el5", "2.6.18", true }, { "2.6.32-573", "2.6.18", false },
		{ "6.18.44-fc", "5.2-", true }, { "4.10.17", "-4.10", true }, { "4.11", "-4.10", false },
		{ "6", "6.0", true }, { "", "", false }, { "XP", "5.1", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (version_in_range(known[i].version, known[i].range) != known[i].in)
			fail_msg("%s in %s", known[i].version, known[i].range);
}

/* Linux 2.6.18 at HZ=1000 on a 2593.900 MHz TSC prints lpj=2593900; at HZ=250, four times that. */
static void loops_per_jiffy(void **state)
{
	struct profile p = { .parameters = "notsc lpj=n quiet" };
	char text[64], tiny[8];

	(void)state;
	assert_int_equal(profile_parameters(&p, 2593900, 1000, text, sizeof(text)), 0);
	assert_string_equal(text, "notsc lpj=2593900 quiet");
	assert_int_equal(profile_parameters(&p, 2593900, 250, text, sizeof(text)), 0);
	assert_string_equal(text, "notsc lpj=10375600 quiet");
	assert_int_equal(profile_parameters(&p, 0, 250, text, sizeof(text)), -ENODATA);
	assert_int_equal(profile_parameters(&p, 1e6, 0, text, sizeof(text)), -ENODATA);
	assert_int_equal(profile_parameters(&p, 1e6, 250, tiny, sizeof(tiny)), -ENOSPC);
	/* Only the whole word is a number to fill in. */
	strcpy(p.parameters, "lpj=nn xlpj=n");
	assert_int_equal(profile_parameters(&p, 0, 0, text, sizeof(text)), 0);
	assert_string_equal(text, "lpj=nn xlpj=n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_there),
		cmocka_unit_test(the_matrix_finds_its_profiles),
		cmocka_unit_test(every_row_tells_its_cost_and_source),
		cmocka_unit_test(own_rows_add_to_them),
		cmocka_unit_test(bad_rows_are_refused),
		cmocka_unit_test(versions_are_compared_by_number),
		cmocka_unit_test(loops_per_jiffy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
