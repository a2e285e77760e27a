/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* A case for each effect; analysis/parameters_facts/ has the facts of guests that were booted with such parameters. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "analysis/parameters.c"

/* A machine that lacks nothing the rules look at; a case says what differs. */
static json_t *machine(const char *arch, const char *release)
{
	json_t *facts = json_pack(
		"{s:{s:s, s:s}, s:{s:s, s:[s, s, s]}, s:{s:{s:b, s:b, s:b, s:b, s:b, s:b}, s:i, s:i, s:s},"
		" s:{s:b, s:n}, s:{s:s}, s:{s:{s:b, s:b}}, s:{s:b}, s:{s:f}, s:{s:[], s:b}}",
		"kernel", "machine", arch, "release", release, "clocksource", "current", "tsc", "available",
		"tsc", "hpet", "acpi_pm", "cpu", "flags", "constant_tsc", 1, "nonstop_tsc", 1, "tsc_adjust",
		1, "tsc_reliable", 0, "tsc_known_freq", 0, "tsc_deadline_timer", 1, "packages", 1, "nodes", 1,
		"vendor", "Intel", "hypervisor", "present", 0, "name", "idle", "driver", "intel_idle",
		"cpuid", "kvm", "clocksource", 0, "clocksource2", 0, "hpet", "acpi_table", 1, "tsc", "khz",
		2500000.0, "kernel_log", "lines", "from_boot", 1);

	assert_non_null(facts);
	return facts;
}

static json_t *modern(void)
{
	return machine("x86_64", "6.12.5");
}

static void clocksources(json_t *facts, const char *current, const char *available)
{
	json_t *array = json_array();
	char copy[128], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", available);
	while ((word = strsep(&rest, " ")))
		assert_int_equal(json_array_append_new(array, json_string(word)), 0);
	assert_int_equal(json_object_set_new(facts, "clocksource",
				 json_pack("{s:s, s:o}", "current", current, "available", array)),
		0);
}

static void set(json_t *facts, const char *object, const char *key, json_t *value)
{
	assert_int_equal(json_object_set_new(facts_get(facts, object), key, value), 0);
}

static void log_line(json_t *facts, const char *text)
{
	assert_int_equal(
		json_array_append_new(facts_get(facts, "kernel_log.lines"), json_pack("{s:s}", "text", text)),
		0);
}

static void command_line(json_t *facts, const char *text)
{
	json_t *array = json_array();
	char copy[256], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((name = strsep(&rest, " "))) {
		char *value = strchr(name, '=');

		if (value)
			*value++ = '\0';
		assert_int_equal(
			json_array_append_new(array, json_pack("{s:s, s:s?}", "name", name, "value", value)),
			0);
	}
	assert_int_equal(
		json_object_set_new(facts, "command_line", json_pack("{s:o}", "parameters", array)), 0);
}

/* The command line of the facts where text is NULL. */
static struct parameter_verdict *judged(json_t *facts, const char *text, size_t *count)
{
	struct parameter_verdict *list;
	struct error err = { "" };

	if (text)
		command_line(facts, text);
	assert_int_equal(parameters_judge(facts, &list, count, &err), 0);
	return list;
}

#define check(facts, text, ...) check_at(__LINE__, facts, text, (const char *const[]){ __VA_ARGS__, NULL })

/* An effect for each parameter, in order; facts are freed. */
static void check_at(int line, json_t *facts, const char *text, const char *const *effects)
{
	size_t count, i;
	struct parameter_verdict *list = judged(facts, text, &count);

	for (i = 0; effects[i]; i++) {
		if (i >= count || strcmp(parameter_effect_name(list[i].effect), effects[i]))
			fail_msg("line %d: %s: wanted %s, got %s (%s)", line,
				i < count ? parameter_spelled(&list[i]).text : "?", effects[i],
				i < count ? parameter_effect_name(list[i].effect) : "none",
				i < count ? list[i].why : "");
	}
	assert_int_equal(count, i);
	free(list);
	json_decref(facts);
}

static const struct parameter_verdict *named(
	const struct parameter_verdict *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(list[i].name, name))
			return &list[i];
	}
	fail_msg("no %s", name);
	return NULL;
}

static void assert_judged(const struct parameter_verdict *list, size_t count, const char *name,
	const char *effect, const char *why, const char *modern)
{
	const struct parameter_verdict *v = named(list, count, name);

	assert_string_equal(parameter_effect_name(v->effect), effect);
	if (!strstr(v->why, why))
		fail_msg("%s: no '%s' in '%s'", name, why, v->why);
	assert_string_equal(v->modern, modern);
}

static json_t *with_clocks(const char *current, const char *available)
{
	json_t *facts = modern();

	clocksources(facts, current, available);
	return facts;
}

static void a_clocksource_is_chosen(void **state)
{
	json_t *facts = modern();

	(void)state;
	check(modern(), "clocksource=tsc", "already the default");
	check(with_clocks("hpet", "tsc hpet acpi_pm"), "clocksource=hpet", "in force");
	check(with_clocks("acpi_pm", "tsc hpet acpi_pm"), "clock=pmtmr", "deprecated alias");
	check(modern(), "clocksource=kvm-clock", "without effect");
	check(modern(), "clock=pmtmr", "without effect");
	check(modern(), "clocksource=hpet clocksource=tsc", "overridden", "already the default");
	check(modern(), "clocksource=hpet clock=tsc", "overridden", "deprecated alias");
	check(modern(), "clock=pmtmr clock=pmtmr clocksource=tsc", "overridden", "overridden",
		"already the default");
	check(with_clocks("hpet", "hpet acpi_pm"), "notsc clocksource=tsc", "deprecated alias",
		"contradicted");
	check(with_clocks("tsc", "tsc acpi_pm"), "hpet=disable clocksource=hpet", "in force", "contradicted");
	check(with_clocks("tsc", "tsc acpi_pm"), "hpet=verbose,disable clocksource=hpet", "in force",
		"contradicted");
	check(with_clocks("tsc", "tsc hpet acpi_pm"), "hpet=verbose,force", "already the default");
	check(with_clocks("tsc", "tsc hpet acpi_pm"), "hpet=verbose,", "not about time");
	check(with_clocks("tsc", "tsc"), "acpi=off acpi=strict clocksource=acpi_pm", "in force",
		"not about time", "contradicted");
	check(with_clocks("tsc", "tsc acpi_pm"), "acpi=off acpi=force", "overridden", "not about time");
	check(with_clocks("tsc", "tsc"), "acpi=force acpi=off", "not about time", "in force");
	check(modern(), "clocksource=kvm-clock no-kvmclock", "contradicted", "already the default");
	check(machine("aarch64", "6.1.0"), "tsc=reliable", "wrong architecture");
	check(machine("i686", "6.1.0"), "apicpmtimer", "wrong architecture");
	json_object_del(facts, "clocksource");
	check(facts, "clocksource=tsc tsc=reliable", "not known", "not known");
}

static void misspelt_ones_are_unknown(void **state)
{
	json_t *facts = modern();
	struct parameter_verdict *list;
	size_t count;

	(void)state;
	/* By their looks, where the log does not tell. */
	check(modern(), "clocksurce=acpi_pm quiet root=/dev/vda1 tsx=on apic=debug", "unknown",
		"not about time", "not about time", "not about time", "not about time");
	check(modern(), "proccessor.max_cstate=1 intel_idel.max_cstate=0 no_kvmclock", "unknown", "unknown",
		"already the default");
	/* The kernel's own word counts more. */
	log_line(facts,
		"Unknown kernel command line parameters \"splash clksrc=hpet hpte=disable\", will be passed"
		" to user space.");
	list = judged(facts, "splash clksrc=hpet hpte=disable cloksource=tsc", &count);
	assert_int_equal(count, 4);
	assert_judged(list, count, "splash", "not about time", "does not know it", "");
	assert_judged(list, count, "clksrc", "unknown", "did you mean clocksource=", "clocksource=hpet");
	assert_judged(list, count, "hpte", "unknown", "did you mean hpet=?", "hpet=disable");
	assert_judged(
		list, count, "cloksource", "not about time", "", ""); /* the log disagrees: some module's */
	free(list);
	/* A log line that was cut tells of those that it still has only. */
	json_object_set_new(facts, "kernel_log",
		json_pack("{s:[{s:s}]}", "lines", "text",
			"Unknown kernel command line parameters \"hpte=disable foo"));
	check(facts, "hpte=disable clocksurce=tsc", "unknown", "unknown");
	check(modern(), "tsc=relaible", "unknown");
}

static void of_other_versions(void **state)
{
	(void)state;
	check(machine("x86_64", "5.10.0-30-amd64"),
		"tsc=recalibrate tsc=watchdog clocksource.verify_n_cpus=2", "unknown", "unknown", "unknown");
	check(machine("x86_64", "7.0.3"), "clocksource.verify_n_cpus=2", "not known");
	check(machine("x86_64", "7.1.0"), "clocksource.verify_n_cpus=2", "unknown");
	check(machine("x86_64", "2.6.18-164.el5"), "tsc=reliable divider=10 no-kvmclock-vsyscall", "unknown",
		"not known", "unknown");
	check(modern(), "divider=10 idle=mwait", "unknown", "unknown");
	check(machine("x86_64", "2.6.9-89.EL"), "clock=pmtmr", "wrong architecture");
	check(machine("i686", "2.6.9-89.ELsmp"), "clock=pmtmr", "not known");
}

static void the_tsc(void **state)
{
	json_t *facts = with_clocks("hpet", "hpet acpi_pm");

	(void)state;
	check(modern(), "notsc tsc=unstable", "without effect", "without effect");
	check(with_clocks("hpet", "hpet"), "tsc=reliable tsc=unstable", "contradicted", "in force");
	check(modern(), "tsc=reliable tsc=reliable", "overridden", "in force");
	check(modern(), "tsc=nowatchdog", "already the default");
	check(machine("x86_64", "5.4.0"), "tsc=nowatchdog", "in force");
	check(machine("x86_64", "5.4.0"), "tsc=reliable tsc=nowatchdog", "in force", "already the default");
	check(modern(), "tsc=watchdog tsc=nowatchdog", "overridden", "already the default");
	check(modern(), "tsc=nowatchdog tsc=watchdog", "already the default", "contradicted");
	check(modern(), "tsc=watchdog tsc=recalibrate", "in force", "already the default");
	check(modern(), "nowatchdog tsc=noirqtime hpet=verbose", "not about time", "not about time",
		"not about time");
	check(modern(),
		"lapic=notscdeadline clearcpuid=constant_tsc clearcpuid=nonstop_tsc_s3 clearcpuid=514",
		"without effect", "without effect", "not about time", "not about time");
	log_line(facts, "tsc: Marking TSC unstable due to TSC halts in idle");
	check(facts, "tsc=reliable", "without effect");
	/* A kernel for i386 that counts on a TSC logs it, one for older CPUs hides the TSC. */
	facts = machine("i686", "6.1.0");
	clocksources(facts, "hpet", "hpet");
	check(json_incref(facts), "notsc", "in force");
	log_line(facts, "tsc: Marking TSC unstable due to boot parameter notsc");
	check(facts, "notsc", "deprecated alias");
	check(machine("i686", "2.6.18"), "notsc", "without effect");
}

static json_t *with_lpj(const char *line)
{
	json_t *facts = modern();

	log_line(facts, line);
	return facts;
}

static void lpj(void **state)
{
	static const char
		by_itself[] = "Calibrating delay loop (skipped), value calculated using timer frequency.."
			      " 5000.00 BogoMIPS (lpj=10000000)",
		preset[] = "Calibrating delay loop (skipped) preset value.. 5000.00 BogoMIPS"
			   " (lpj=10000000)",
		wrong[] = "Calibrating delay loop (skipped) preset value.. 500.00 BogoMIPS (lpj=1000000)";
	json_t *facts = with_lpj(wrong);
	struct parameter_verdict *list;
	size_t count;

	(void)state;
	check(modern(), "lpj=10000000", "not known");
	check(with_lpj(by_itself), "lpj=1000", "without effect");
	check(with_lpj(preset), "lpj=10000000", "already the default");
	list = judged(facts, "lpj=1000000", &count);
	assert_judged(list, count, "lpj", "in force", "-90.0 % off", "");
	free(list);
	json_decref(facts);
}

static json_t *with_idle(const char *driver, int deepest_state, const char *line)
{
	json_t *facts = modern(), *states = json_array();

	assert_int_equal(json_array_append_new(states, json_pack("{s:s}", "name", "POLL")), 0);
	for (int i = 1; i <= deepest_state; i++)
		assert_int_equal(
			json_array_append_new(states, json_pack("{s:o}", "name", json_sprintf("C%d", i))), 0);
	set(facts, "idle", "driver", json_string(driver));
	set(facts, "idle", "states", states);
	if (line)
		log_line(facts, line);
	return facts;
}

static void idle_states(void **state)
{
	static const char two[] = "ACPI: \\_SB_.CPUS.C000: Found 2 idle states",
			  one[] = "ACPI: \\_SB_.CPUS.C000: Found 1 idle states";

	(void)state;
	check(modern(), "processor.max_cstate=1", "without effect");
	check(with_idle("acpi_idle", 1, two), "processor.max_cstate=1", "in force");
	check(with_idle("acpi_idle", 2, two), "processor.max_cstate=1", "without effect");
	check(with_idle("acpi_idle", 2, two), "processor.max_cstate=2", "already the default");
	check(with_idle("acpi_idle", 1, one), "processor.max_cstate=1", "already the default");
	check(with_idle("acpi_idle", 1, NULL), "processor.max_cstate=1", "not known");
	check(with_idle("none", 0, NULL), "idle=poll processor.max_cstate=1", "in force", "contradicted");
	check(with_idle("none", 0, NULL), "processor.max_cstate=1 cpuidle.off=1", "without effect",
		"in force");
	check(with_idle("haltpoll", 0, NULL), "idle=halt idle=lazy", "overridden", "unknown");
	check(modern(), "intel_idle.max_cstate=0", "without effect");
	check(with_idle("acpi_idle", 1, two), "intel_idle.max_cstate=0", "in force");
	check(modern(), "amd_pstate=active nohz=off", "without effect", "not known");
}

static void only_those_that_changed_nothing_are_inert(void **state)
{
	static const char inert[] = { [PARAMETER_UNKNOWN] = 1,
		[PARAMETER_WRONG_ARCH] = 1,
		[PARAMETER_OVERRIDDEN] = 1,
		[PARAMETER_DEFAULT] = 1,
		[PARAMETER_CONTRADICTED] = 1,
		[PARAMETER_NO_EFFECT] = 1,
		[PARAMETER_NOT_KNOWN] = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(inert); i++) {
		const struct parameter_verdict v = { .effect = (enum parameter_effect)i };

		assert_int_equal(parameter_is_inert(&v), inert[i]);
	}
}

/* What is no object, no list, or not there at all. */
static void hostile_facts(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"command_line\":null}", "{\"command_line\":{\"parameters\":7}}",
		"{\"command_line\":{\"parameters\":[1,{},{\"name\":3},{\"name\":\"tsc\",\"value\":[]},"
		"{\"name\":\"clocksource\",\"value\":\"\"},{\"name\":\"\",\"value\":\"\"}]},"
		"\"kernel\":{\"machine\":\"i\",\"release\":\"x\"},\"clocksource\":{\"current\":\"\","
		"\"available\":[1]},"
		"\"kernel_log\":{\"lines\":[1,{\"text\":\"Unknown kernel command line parameters \\\"\"}]}}"
	};
	struct parameter_verdict *list;
	struct error err;
	size_t count;

	(void)state;
	assert_int_equal(parameters_judge(NULL, &list, &count, &err), 0);
	assert_int_equal(count, 0);
	free(list);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *facts = json_loads(texts[i], 0, NULL);

		assert_non_null(facts);
		free(judged(facts, NULL, &count));
		assert_int_equal(count, i == 4 ? 3 : 0);
		json_decref(facts);
	}
}

/* Names and values as long as a command line can have them; each rule's text fits whole words of the log. */
static void long_texts_are_cut(void **state)
{
	json_t *facts = modern(), *array;
	char text[3001];
	struct parameter_verdict *list;
	size_t count;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	clocksources(facts, "tsc", "tsc");
	set(facts, "kernel", "release", json_sprintf("5.0.%s", text));
	array = json_pack("[{s:s, s:s}, {s:s, s:s}]", "name", text, "value", text, "name", "clocksource",
		"value", text);
	json_object_set_new(facts, "command_line", json_pack("{s:o}", "parameters", array));
	for (size_t i = 0; i < parameter_row_count; i++)
		assert_int_equal(json_array_append_new(array, json_pack("{s:s, s:s}", "name",
								      parameter_rows[i].name, "value", text)),
			0);
	list = judged(facts, NULL, &count);
	assert_int_equal(count, 2 + parameter_row_count);
	free(list);
	json_decref(facts);
}

static struct parameter_verdict *guest(const char *name, size_t *count)
{
	char path[96];
	json_t *facts;
	struct parameter_verdict *list;

	snprintf(path, sizeof(path), "analysis/parameters_facts/%s.json", name);
	facts = json_load_file(path, 0, NULL);
	assert_non_null(facts);
	list = judged(facts, NULL, count);
	json_decref(facts);
	return list;
}

/* Linux 6.1 under QEMU's TCG; i386 is Debian's kernel with PAE, which counts on a TSC. */
static void guests_that_were_booted(void **state)
{
	struct parameter_verdict *list;
	size_t count;

	(void)state;
	list = guest("pmtmr", &count);
	assert_int_equal(count, 8);
	assert_judged(
		list, count, "clock", "deprecated alias", "hpet would be without it", "clocksource=acpi_pm");
	assert_judged(
		list, count, "clocksurce", "unknown", "did you mean clocksource=", "clocksource=acpi_pm");
	assert_judged(list, count, "notsc", "deprecated alias", "boot parameter notsc", "tsc=unstable");
	assert_judged(list, count, "processor.max_cstate", "without effect", "no driver of C-states", "");
	assert_judged(list, count, "lpj", "in force", "+23.6 % off", "");
	assert_judged(list, count, "rdinit", "not about time", "", "");
	free(list);
	list = guest("kvm-clock", &count);
	assert_judged(list, count, "clocksource", "without effect", "kvm-clock is not available here", "");
	assert_judged(list, count, "hpet", "in force", "the firmware offers an HPET", "");
	assert_judged(list, count, "divider", "unknown", "the kernel says", "");
	assert_judged(list, count, "tsc_early_khz", "in force", "refined it to", "");
	assert_judged(list, count, "idle", "in force", "polling idle threads", "");
	assert_judged(list, count, "no-kvmclock-vsyscall", "without effect", "not kvm-clock", "");
	free(list);
	list = guest("cstates", &count);
	assert_judged(list, count, "processor.max_cstate", "in force", "offers 2 C-states", "");
	assert_judged(list, count, "clocksource", "already the default", "highest rating", "");
	free(list);
	list = guest("cstates-2", &count);
	assert_judged(
		list, count, "processor.max_cstate", "already the default", "no C-state deeper than C2", "");
	assert_judged(list, count, "tsc", "without effect", "gave the TSC up", "");
	free(list);
	list = guest("i386", &count);
	assert_judged(list, count, "notsc", "deprecated alias", "the same as tsc=unstable", "tsc=unstable");
	assert_judged(
		list, count, "clock", "deprecated alias", "hpet would be without it", "clocksource=acpi_pm");
	assert_judged(list, count, "apicpmtimer", "wrong architecture", "x86_64", "");
	free(list);
}

static void edits(void **state)
{
	(void)state;
	assert_int_equal(parameter_edits("clocksource", "clocksource"), 0);
	assert_int_equal(parameter_edits("clocksurce", "clocksource"), 1);
	assert_int_equal(parameter_edits("hpte", "hpet"), 1);
	assert_int_equal(parameter_edits("", "tsc"), 3);
	assert_int_equal(parameter_edits("kitten", "sitting"), 3);
	assert_null(parameter_like("quiet", 2));
}

/* The rows of one name stand together and the one for any value is the last of them, else it hides others. */
static void every_row_can_be_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < parameter_row_count; i++) {
		const struct parameter_row *row = &parameter_rows[i];

		assert_ptr_equal(parameter_row(row->name, row->value ? row->value : "any other"), row);
		assert_true(row->meaning[0] && strlen(row->meaning) < 260);
	}
}

/* A rule that stands for a name that the table does not know would never be asked. */
static void every_rule_has_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		assert_non_null(parameter_row_any(rules[i].name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clocksource_is_chosen),
		cmocka_unit_test(misspelt_ones_are_unknown),
		cmocka_unit_test(of_other_versions),
		cmocka_unit_test(the_tsc),
		cmocka_unit_test(lpj),
		cmocka_unit_test(idle_states),
		cmocka_unit_test(only_those_that_changed_nothing_are_inert),
		cmocka_unit_test(hostile_facts),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(guests_that_were_booted),
		cmocka_unit_test(edits),
		cmocka_unit_test(every_row_can_be_found),
		cmocka_unit_test(every_rule_has_a_row),
	};

	return cmocka_run_group_tests_name("analysis/parameters", tests, NULL, NULL);
}
