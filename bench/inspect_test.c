/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/facts_fake.h"
#include "bench/inspect.c"

static json_t *inspect(void (*make)(struct fake *))
{
	struct fake fake;
	json_t *facts, *object;

	make(&fake);
	facts = facts_collect(&fake.source);
	assert_non_null(facts);
	object = inspect_json(facts);
	assert_non_null(object);
	json_decref(facts);
	fake_end(&fake);
	return object;
}

/* Facts written by hand, as JSON with single quotes. */
static json_t *inspect_text(const char *text)
{
	char copy[4096];
	json_error_t error;
	json_t *facts, *object;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = copy; (p = strchr(p, '\'')); p++)
		*p = '"';
	facts = json_loads(copy, 0, &error);
	if (!facts)
		fail_msg("%s: %s", error.text, copy);
	object = inspect_json(facts);
	json_decref(facts);
	assert_non_null(object);
	return object;
}

/* The only finding of that id, or of those the one whose what holds the words; NULL if there is none. */
static const json_t *find(const json_t *object, const char *id, const char *words)
{
	const json_t *findings = facts_get(object, "findings"), *entry, *found = NULL;
	size_t i;

	json_array_foreach(findings, i, entry)
	{
		if (strcmp(facts_text(entry, "id"), id) ||
			(words && !strstr(facts_text(entry, "what"), words)))
			continue;
		if (found)
			fail_msg("%s is there twice", id);
		found = entry;
	}
	return found;
}

static void assert_finding(const json_t *object, const char *id, const char *severity, const char *words)
{
	const json_t *finding = find(object, id, words);

	if (!finding)
		fail_msg("no finding %s with \"%s\"", id, words);
	assert_string_equal(facts_text(finding, "severity"), severity);
	assert_true(strlen(facts_text(finding, "meaning")) > 10);
}

/* Facts by hand, and the severity and words of the one finding of that id. */
static void assert_text_finding(const char *text, const char *id, const char *severity, const char *words)
{
	json_t *object = inspect_text(text);

	assert_finding(object, id, severity, words);
	json_decref(object);
}

static void assert_no_finding(const char *text, const char *id)
{
	json_t *object = inspect_text(text);

	if (find(object, id, NULL))
		fail_msg("%s is found in %s", id, text);
	json_decref(object);
}

static void an_intel_host(void **state)
{
	json_t *object = inspect(fake_intel);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
	assert_string_equal(facts_text(object, "facts.hostname"), "fake");
	assert_finding(object, "clocksource", "good", "tsc");
	assert_finding(object, "tsc-constant", "good", "invariant TSC in CPUID");
	assert_finding(object, "tsc-nonstop", "good", "nonstop_tsc");
	assert_finding(object, "tsc-frequency", "note", "2591.998 MHz");
	assert_finding(object, "tsc-frequency-sources", "note", "-0.8 ppm");
	assert_finding(object, "tsc-adjust", "good", "TSC_ADJUST");
	/* Linux 6.1, one node: the kernel does not watch this TSC. */
	assert_finding(object, "watchdog", "note", "off");
	assert_finding(object, "oscillators", "good", "hpet, acpi_pm, rtc, ptp0");
	assert_finding(object, "cpufreq", "good", "800 to 4500 MHz");
	assert_finding(object, "idle-differs", "note", "differ");
	assert_finding(object, "suspend", "note", "can be suspended");
	assert_finding(object, "microcode", "note", "0xf4");
	assert_finding(object, "time-daemon", "good", "chronyd runs");
	assert_finding(object, "time-servers", "note", "2.debian.pool.ntp.org");
	assert_finding(object, "adjtimex-frequency", "note", "-12.500 ppm");
	assert_finding(object, "kvm-host", "note", "tsc_tolerance_ppm=250");
	assert_null(find(object, "tsc-scaling", NULL));
	assert_null(find(object, "amd-revision-f", NULL));
	assert_null(find(object, "migration", NULL));
	assert_null(find(object, "log-incomplete", NULL));
	json_decref(object);
}

static void an_amd_revision_f_host(void **state)
{
	json_t *object = inspect(fake_amd_f);
	const json_t *finding;

	(void)state;
	assert_finding(object, "amd-revision-f", "risk", "revision F");
	assert_finding(object, "tsc-constant", "risk", "not constant");
	assert_finding(object, "tsc-nonstop", "risk", "C2");
	finding = find(object, "tsc-nonstop", NULL);
	assert_non_null(strstr(facts_text(finding, "meaning"), "processor.max_cstate=1"));
	assert_null(strstr(facts_text(finding, "meaning"), "intel_idle"));
	assert_finding(object, "cpufreq", "risk", "1000 to 2400 MHz (powernow-k8, ondemand)");
	assert_finding(object, "clocksource", "note", "acpi_pm");
	assert_finding(object, "tsc-not-offered", "risk", "not among");
	assert_null(find(object, "watchdog", NULL)); /* what is no clocksource is not watched */
	assert_finding(object, "log-tsc-halts", "risk", "TSC halts in idle");
	assert_finding(object, "log-tsc-unstable", "risk", "delta");
	assert_finding(object, "time-daemon", "risk", "No time daemon runs");
	assert_finding(object, "parameter", "note", "clock=pmtmr");
	assert_finding(object, "parameter", "note", "lpj=1000");
	json_decref(object);
}

static void a_kvm_guest(void **state)
{
	json_t *object = inspect(fake_guest);

	(void)state;
	assert_finding(object, "clocksource", "good", "kvm-clock");
	assert_finding(object, "pvclock", "good", "stable across CPUs");
	assert_finding(object, "migration", "risk", "no invariant TSC");
	assert_finding(object, "tsc-nonstop", "note", "none is enabled here");
	assert_finding(object, "ptp-of-host", "good", "KVM virtual PTP");
	assert_finding(object, "parameter", "note", "clocksource=kvm-clock");
	assert_finding(object, "time-daemon", "risk", "systemd-timesyncd runs, but");
	assert_finding(object, "log-tsc-p0", "note", "P0 frequency");
	assert_text_finding("{'kernel_log':{'lines':[{'time_s':1.0,'text':'PM-Timer running at invalid rate: "
			    "106% of normal - "
			    "aborting.'}]}}",
		"log-pm-timer", "risk", "invalid rate");
	assert_finding(object, "log-incomplete", "note", "does not reach back");
	/* The kernel compares the TSC with kvm-clock, which is made from it. */
	assert_finding(object, "watchdog", "note", "kvm-clock");
	json_decref(object);
}

static void constant_tsc_against_cpuid(void **state)
{
	(void)state;
	assert_text_finding("{'cpu':{'flags':{'constant_tsc':false}},'cpuid':{'invariant_tsc':true}}",
		"tsc-constant", "risk", "disagree");
	assert_text_finding(
		"{'cpu':{'vendor':'AMD','flags':{'constant_tsc':true}},'cpuid':{'invariant_tsc':false}}",
		"tsc-constant", "risk", "disagree");
	/* Pentium 4 and Core 2: constant by model, not by CPUID. */
	assert_text_finding(
		"{'cpu':{'vendor':'Intel','flags':{'constant_tsc':true}},'cpuid':{'invariant_tsc':false}}",
		"tsc-constant", "note", "does not promise");
	assert_text_finding("{'cpu':{'flags':{'constant_tsc':true}},'cpuid':null}", "tsc-constant", "good",
		"CPUID is not known");
	assert_text_finding(
		"{'cpu':{'flags':{'constant_tsc':false}}}", "tsc-constant", "risk", "no constant_tsc");
	assert_text_finding("{}", "tsc-constant", "note", "not known");
}

static void idle_states(void **state)
{
	static const char deep_off[] =
		"{'cpu':{'flags':{'nonstop_tsc':false}},'idle':{'driver':'acpi_idle','states':["
		"{'name':'C1','disabled':false},{'name':'C2','disabled':true}]}}";

	(void)state;
	assert_text_finding(deep_off, "tsc-nonstop", "note", "none is enabled");
	assert_text_finding("{'cpu':{'flags':{'nonstop_tsc':false}},'idle':{'driver':'intel_idle','states':["
			    "{'name':'C1E'},{'name':'C3'},{'name':'C10_ACPI'}]}}",
		"tsc-nonstop", "risk", "enabled: C3, C10_ACPI");
	assert_no_finding("{'idle':{'states':[{'name':'C6'}]}}", "tsc-nonstop");
	assert_text_finding(
		"{'cpu':{'flags':{'nonstop_tsc':false}},'idle':{'states':[{'name':'POLL'},{'name':'C1E'},"
		"{'name':'C1_ACPI'},{'name':'haltpoll idle'}]}}",
		"tsc-nonstop", "note", "none is enabled");
}

static void frequency_scaling(void **state)
{
	(void)state;
	assert_text_finding(
		"{'cpu':{'flags':{'constant_tsc':false}},'cpufreq':{'policies':[{'cpus':'0-3','driver':'d',"
		"'governor':'userspace','min_khz':2400000,'max_khz':2400000}]}}",
		"cpufreq", "note", "held at 2400 MHz");
	assert_no_finding(
		"{'cpu':{'flags':{'constant_tsc':true}},'cpufreq':{'policies':[{'min_khz':1,'max_khz':1}]}}",
		"cpufreq");
	assert_no_finding("{'cpu':{'flags':{'constant_tsc':false}},'cpufreq':{'policies':[]}}", "cpufreq");
}

#define SOUND "'cpu':{'flags':{'constant_tsc':true,'nonstop_tsc':true,'tsc_adjust':true}"
#define TSC   "'clocksource':{'current':'tsc','available':['tsc','hpet']}"

static void the_watchdog(void **state)
{
	(void)state;
	assert_text_finding("{" TSC "," SOUND ",'packages':1,'nodes':1},'kernel':{'release':'5.16.1'}}",
		"watchdog", "good", "compares the TSC with hpet");
	assert_text_finding("{" TSC "," SOUND ",'packages':1,'nodes':1},'kernel':{'release':'5.17.0-rc1'}}",
		"watchdog", "note", "off");
	assert_text_finding("{" TSC "," SOUND ",'packages':1,'nodes':4},'kernel':{'release':'6.5.0'}}",
		"watchdog", "good", "compares");
	assert_text_finding("{" TSC "," SOUND ",'packages':1,'nodes':4},'kernel':{'release':'6.6.0'}}",
		"watchdog", "note", "off");
	assert_text_finding("{" TSC "," SOUND ",'packages':4,'nodes':8},'kernel':{'release':'6.12.9'}}",
		"watchdog", "note", "off");
	assert_text_finding("{" TSC "," SOUND ",'packages':8,'nodes':8},'kernel':{'release':'6.12.9'}}",
		"watchdog", "good", "compares");
	assert_text_finding("{'kernel':{'release':'6.1.0'},'clocksource':{'available':['tsc','jiffies']}}",
		"watchdog", "risk", "jiffies");
	assert_text_finding("{" TSC ",'kernel':{'release':'4.19.0'},'cpu':{'flags':{'constant_tsc':false}},"
			    "'command_line':{'parameters':[{'name':'tsc','value':'reliable'}]}}",
		"watchdog", "risk", "tsc=reliable asks for it");
	assert_no_finding("{'kernel':{'release':'6.1.0'},'clocksource':{'available':['hpet']}}", "watchdog");
}

static void the_frequency(void **state)
{
	(void)state;
	assert_text_finding("{'cpu':{'flags':{'tsc_known_freq':true}},'tsc':{'khz':2000000}}",
		"tsc-frequency", "good", "known");
	assert_text_finding(
		"{'tsc':{'khz':2000000,'candidates':[{'khz':2000000,'source':'kernel log: refined'}]}}",
		"tsc-frequency", "note", "2000.000 MHz");
	assert_text_finding("{'hypervisor':{'present':true},'tsc':{'khz':2000000,'pvclock_khz':2000001.0}}",
		"pvclock-rate", "note", "0.500 ppm apart");
	assert_no_finding("{'hypervisor':{'present':true},'tsc':{'khz':2000000,'pvclock_khz':2000000.1}}",
		"pvclock-rate");
	assert_text_finding("{'kernel_log':{'from_boot':true},'tsc':{'khz':2000000}}", "tsc-frequency",
		"risk", "not refined");
	assert_no_finding("{'kernel_log':{'from_boot':false},'tsc':{'khz':2000000}}", "tsc-frequency");
	assert_text_finding("{'tsc':{'candidates':[{'khz':2002000,'source':'kernel log: refined'},"
			    "{'khz':2000000,'source':'CPUID leaf 15H'}]}}",
		"tsc-frequency-sources", "risk", "+1000.0 ppm");
}

#define GUEST "'hypervisor':{'present':true,'name':'KVM'}"

static void pvclock_in_guests(void **state)
{
	(void)state;
	assert_text_finding("{" GUEST ",'cpuid':{'kvm':{'clocksource2':true,'clocksource_stable':true}},"
			    "'clocksource':{'current':'tsc','available':['tsc','kvm-clock']}}",
		"pvclock", "note", "the TSC is in use");
	assert_text_finding("{" GUEST ",'cpuid':{'kvm':{'clocksource':true,'clocksource2':false}},"
			    "'clocksource':{'current':'tsc','available':['tsc']}}",
		"pvclock", "risk", "no clocksource here");
	assert_text_finding("{" GUEST
			    ",'cpuid':{'kvm':{'clocksource':true}},'clocksource':{'available':['tsc']},"
			    "'command_line':{'parameters':[{'name':'no_kvmclock','value':null}]}}",
		"pvclock", "note", "switched off");
	assert_text_finding("{" GUEST ",'cpuid':{'kvm':{'clocksource2':true,'clocksource_stable':false}},"
			    "'clocksource':{'current':'kvm-clock','available':['kvm-clock']}}",
		"pvclock", "risk", "without the host's stable bit");
	assert_text_finding("{" GUEST ",'cpuid':{'kvm':{'clocksource':false,'clocksource2':false}}}",
		"pvclock", "risk", "offers no pvclock");
	assert_no_finding("{'hypervisor':{'present':true,'name':'VMware'}}", "pvclock");
	assert_no_finding("{'hypervisor':{'present':false},'cpuid':{'kvm':{'clocksource':true}}}", "pvclock");
}

static void clocksources_and_oscillators(void **state)
{
	(void)state;
	assert_text_finding(
		"{'clocksource':{'current':'tsc'},'cpu':{'flags':{'constant_tsc':true,'nonstop_tsc':false}}}",
		"clocksource", "risk", "without");
	assert_text_finding(
		"{'clocksource':{'current':'tsc'},'cpu':{'flags':null}}", "clocksource", "good", "tsc");
	assert_text_finding("{'clocksource':{'current':'jiffies','available':['jiffies']}}", "clocksource",
		"risk", "jiffies");
	assert_text_finding("{'clocksource':{'current':'acpi_pm','available':['acpi_pm']}}",
		"tsc-not-offered", "risk", "not among");
	assert_text_finding(
		"{'clocksource':{'current':'acpi_pm','available':['acpi_pm']},'command_line':{'parameters':["
		"{'name':'notsc'}]}}",
		"tsc-not-offered", "note", "not among");
	assert_text_finding("{'clocksource':{'current':'new-one'}}", "clocksource", "note", "new-one");
	assert_text_finding("{}", "oscillators", "note", "No clock here is independent");
	assert_text_finding("{'pm_timer':{'port':1544}}", "oscillators", "good", "acpi_pm");
	assert_text_finding(
		"{'hpet':{'acpi_table':true,'clocksource':false}}", "hpet-unused", "note", "no clocksource");
}

static void time_daemons(void **state)
{
	(void)state;
	assert_text_finding("{'time_daemon':{'running':[]},'adjtimex':{'synchronised':true}}", "time-daemon",
		"note", "yet");
	assert_text_finding("{'time_daemon':{'running':[]},'unreadable':[{'what':'/proc/1','why':'x'}]}",
		"time-daemon", "note", "hidden");
	assert_text_finding("{'time_daemon':{'running':null}}", "time-daemon", "note", "not known");
	assert_text_finding(
		"{'time_daemon':{'running':[{'name':'chronyd'},{'name':'VBoxService'},{'name':'chronyd'}]}}",
		"time-daemons", "risk", "chronyd, VBoxService");
	assert_no_finding(
		"{'time_daemon':{'running':[{'name':'chronyd'},{'name':'qemu-ga'}]}}", "time-daemons");
	assert_text_finding(
		"{'time_daemon':{'running':[{'name':'chronyd'}]}}", "time-servers", "note", "No time server");
	assert_text_finding("{'time_daemon':{'running':[{'name':'ntpd'}]},'adjtimex':{'freq_ppm':499.9}}",
		"adjtimex-frequency", "risk", "+499.900");
	assert_text_finding("{'time_daemon':{'running':[]},'adjtimex':{'tick_us':9999}}", "adjtimex-tick",
		"risk", "-100 ppm");
	assert_no_finding("{'adjtimex':{'freq_ppm':0.0,'tick_us':10000}}", "adjtimex-frequency");
	assert_no_finding("{'adjtimex':{'freq_ppm':0.0,'tick_us':10000}}", "adjtimex-tick");
}

static void the_kernel_log(void **state)
{
	static const char p0[] = "{'kernel_log':{'from_boot':true,'lines':[{'text':\"TSC doesn`t count with "
				 "P0 frequency!\"}]}}";
	json_t *object;

	(void)state;
	assert_text_finding(p0, "log-tsc-p0", "risk", "P0");
	/* Each kind once, the first that fits. */
	object = inspect_text(
		"{'kernel_log':{'from_boot':true,'lines':["
		"{'text':'tsc: Marking TSC unstable due to cpufreq changes on SMP'},"
		"{'text':'clocksource: timekeeping watchdog on CPU0: Marking clocksource tsc as unstable'},"
		"{'text':'clocksource: timekeeping watchdog on CPU1: Marking clocksource tsc as "
		"unstable'}]}}");
	assert_finding(object, "log-tsc-cpufreq", "risk", "cpufreq changes");
	assert_finding(
		object, "log-watchdog", "risk", "CPU0: Marking clocksource tsc as unstable (more than once)");
	assert_null(find(object, "log-tsc-unstable", NULL));
	json_decref(object);
	assert_text_finding("{'kernel':{'release':'6.1.0'},'kernel_log':null}", "log-unreadable", "note",
		"cannot be read");
	assert_no_finding("{'kernel':{'release':'6.1.0'},'kernel_log':{'from_boot':true,'lines':[]}}",
		"log-unreadable");
}

static void kernel_parameters(void **state)
{
	json_t *object = inspect_text(
		"{'clocksource':{'current':'hpet','available':['hpet','tsc']},'command_line':{'parameters':["
		"{'name':'clocksource','value':'tsc'},{'name':'tsc','value':'unstable'},"
		"{'name':'idle','value':'mwait'},{'name':'divider','value':'10'},"
		"{'name':'processor.max_cstate','value':'1'},{'name':'nohz','value':'off'},"
		"{'name':'tsc_early_khz','value':'2500000'},{'name':'hpet','value':'verbose'},"
		"{'name':'quiet'}]}}");

	(void)state;
	assert_finding(object, "parameter", "risk", "clocksource=tsc: contradicted");
	assert_finding(object, "parameter", "note", "tsc=unstable");
	assert_finding(object, "parameter", "note", "idle=mwait");
	assert_finding(object, "parameter", "note", "divider=10");
	assert_finding(object, "parameter", "note", "processor.max_cstate=1");
	assert_finding(object, "parameter", "note", "nohz=off");
	assert_finding(object, "parameter", "risk", "tsc_early_khz=2500000");
	assert_null(find(object, "parameter", "hpet=verbose"));
	assert_null(find(object, "parameter", "quiet"));
	json_decref(object);
}

/* Every text that can be written fits its place, however long the names in the facts are. */
static void no_finding_is_cut(void **state)
{
	static void (*const machines[])(struct fake *) = { fake_intel, fake_amd_f, fake_guest };
	struct findings findings;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fake fake;
		json_t *facts;

		machines[i](&fake);
		facts = facts_collect(&fake.source);
		assert_int_equal(findings_build(facts, &findings), 0);
		assert_true(findings.n > 10);
		assert_false(findings.cut);
		for (size_t k = 0; k < findings.n; k++)
			assert_true(*findings.list[k].what && *findings.list[k].meaning);
		findings_free(&findings);
		json_decref(facts);
		fake_end(&fake);
	}
}

static char *printed(const json_t *object, bool colour)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	inspect_print(object, out, colour);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* All of them, with what came of each; the page counts those that are not about time. */
static void verdicts_on_parameters(void **state)
{
	json_t *object = inspect_text(
		"{'clocksource':{'current':'hpet','available':['tsc','hpet']},'command_line':{'parameters':["
		"{'name':'clock','value':'hpet'},{'name':'clocksurce','value':'tsc'},{'name':'quiet'}]}}");
	const json_t *list = facts_get(object, "parameters");
	char *text = printed(object, false);

	(void)state;
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(facts_text(json_array_get(list, 0), "effect"), "deprecated alias");
	assert_string_equal(facts_text(json_array_get(list, 0), "modern"), "clocksource=hpet");
	assert_string_equal(facts_text(json_array_get(list, 2), "effect"), "not about time");
	assert_finding(object, "parameter", "risk", "clocksurce=tsc: unknown");
	assert_finding(object, "parameter", "note", "clock=hpet: deprecated alias");
	assert_non_null(strstr(text, "clocksurce=tsc: unknown, write clocksource=tsc\n"));
	assert_non_null(strstr(text, "and 1 that is not about time\n"));
	free(text);
	json_decref(object);
}

static void assert_columns(const char *text)
{
	assert_null(strchr(text, '\033'));
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length > 100)
			fail_msg("%zu columns: %.*s", length, (int)length, text);
		if (length && text[length - 1] == ' ')
			fail_msg("a blank at the end: %.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

static void the_text_is_at_most_100_columns_wide(void **state)
{
	static void (*const machines[])(struct fake *) = { fake_intel, fake_amd_f, fake_guest };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		json_t *object = inspect(machines[i]);
		char *text = printed(object, false);

		assert_columns(text);
		assert_non_null(strstr(text, "\nFindings\n"));
		free(text);
		text = printed(object, true);
		assert_non_null(strstr(text, "\033["));
		free(text);
		json_decref(object);
	}
}

static void long_words_and_nothing_known(void **state)
{
	char word[301], facts[1024];
	json_t *object;
	char *text;

	(void)state;
	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	snprintf(facts, sizeof(facts),
		"{'hostname':'%s','command_line':{'text':'a %s b'},'clocksource':{'current':'%s'}}", word,
		word, word);
	object = inspect_text(facts);
	text = printed(object, false);
	assert_columns(text);
	free(text);
	json_decref(object);
	object = inspect_text("{}");
	text = printed(object, false);
	assert_columns(text);
	assert_non_null(strstr(text, "not known"));
	assert_null(strstr(text, "(null)"));
	free(text);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intel_host),
		cmocka_unit_test(an_amd_revision_f_host),
		cmocka_unit_test(a_kvm_guest),
		cmocka_unit_test(constant_tsc_against_cpuid),
		cmocka_unit_test(idle_states),
		cmocka_unit_test(frequency_scaling),
		cmocka_unit_test(the_watchdog),
		cmocka_unit_test(the_frequency),
		cmocka_unit_test(pvclock_in_guests),
		cmocka_unit_test(clocksources_and_oscillators),
		cmocka_unit_test(time_daemons),
		cmocka_unit_test(the_kernel_log),
		cmocka_unit_test(kernel_parameters),
		cmocka_unit_test(verdicts_on_parameters),
		cmocka_unit_test(no_finding_is_cut),
		cmocka_unit_test(the_text_is_at_most_100_columns_wide),
		cmocka_unit_test(long_words_and_nothing_known),
	};

	return cmocka_run_group_tests_name("bench/inspect", tests, NULL, NULL);
}
