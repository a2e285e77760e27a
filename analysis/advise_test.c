/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/advise.c"

static struct profiles shipped;

static int load_shipped(void **state)
{
	struct error err = { "" };

	(void)state;
	return profiles_load("analysis/profiles", &shipped, &err);
}

static int free_shipped(void **state)
{
	(void)state;
	profiles_free(&shipped);
	return 0;
}

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s: %s", error.text, text);
	return json;
}

static void ask(const char *text, const struct advise_evidence *evidence, struct advice *advice)
{
	json_t *facts = parse(text);
	struct error err = { "" };

	assert_int_equal(advise(facts, &shipped, evidence, NULL, advice, &err), 0);
	json_decref(facts);
}

#define GUEST(rest) "{\"hypervisor\":{\"present\":true,\"name\":\"KVM\"}," rest "}"
#define MODERN	    "\"kernel\":{\"release\":\"6.1.0\",\"machine\":\"x86_64\"}"
#define NESTED                                                                                               \
	"\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"                                  \
	"\"kvm_host\":{\"module\":true,\"device\":true}"
#define NO_TSC "\"cpu\":{\"flags\":{\"constant_tsc\":false,\"nonstop_tsc\":false}}"

/* What a snapshot of inspect leads to: profile, parameters and answer. */
static void newer_systems(void **state)
{
	static const struct {
		const char *facts, *profile, *parameters;
		enum advice_answer at_risk;
	} known[] = {
		{ GUEST(MODERN ",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}}"),
			"trusted-tsc-guest", "", ADVICE_NO_RISK },
		{ "{\"hypervisor\":{\"present\":false},\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_"
		  "tsc\":true}}}",
			"trusted-tsc-host", "", ADVICE_NO_RISK },
		/* A clock that is slow to read, for no reason. */
		{ GUEST(MODERN ",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"
			       "\"clocksource\":{\"current\":\"hpet\",\"available\":[\"tsc\",\"hpet\"]}"),
			"vdso-slow-clock", "clocksource=tsc", ADVICE_NO_RISK },
		{ GUEST(MODERN
			  "," NO_TSC
			  ",\"clocksource\":{\"current\":\"tsc\",\"available\":[\"tsc\",\"kvm-clock\"]}"),
			"no-constant-tsc-kvm-clock", "clocksource=kvm-clock", ADVICE_RISK },
		{ GUEST(MODERN "," NO_TSC ",\"clocksource\":{\"current\":\"kvm-clock\",\"available\":"
			       "[\"tsc\",\"kvm-clock\"]}"),
			"no-constant-tsc-kvm-clock", "clocksource=kvm-clock", ADVICE_NO_RISK },
		{ GUEST(MODERN ",\"kernel_log\":{\"lines\":[{\"text\":\"tsc: Marking TSC unstable due to "
			       "clocksource watchdog\"}]}"),
			"broken-tsc", "tsc=unstable", ADVICE_RISK },
		{ GUEST("\"kernel\":{\"release\":\"3.10.0\",\"machine\":\"x86_64\"},\"kernel_log\":{"
			"\"lines\":"
			"[{\"text\":\"Marking TSC unstable due to clocksource watchdog\"}]}"),
			"broken-tsc-old", "notsc", ADVICE_RISK },
		{ GUEST(MODERN ",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":false}},"
			       "\"idle\":{\"driver\":\"intel_idle\",\"states\":[{\"name\":\"C6\"}]}"),
			"shallow-idle-intel", "intel_idle.max_cstate=0 processor.max_cstate=1", ADVICE_RISK },
		/* A state that is switched off stops nothing. */
		{ GUEST(MODERN ",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":false}},"
			       "\"idle\":{\"driver\":\"intel_idle\",\"states\":[{\"name\":\"C6\","
			       "\"disabled\":true}]}"),
			"guest-constant-tsc", "", ADVICE_NO_RISK },
		{ GUEST(MODERN
			  ",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"
			  "\"clocksource\":{\"current\":\"kvm-clock\",\"available\":[\"tsc\",\"kvm-clock\"]},"
			  "\"cpuid\":{\"kvm\":{\"clocksource_stable\":false}}"),
			"bad-kvm-clock", "clocksource=tsc", ADVICE_RISK },
		{ GUEST(MODERN ",\"command_line\":\"tsc_early_khz=2500000\",\"cpu\":{\"flags\":{"
			       "\"constant_tsc\":true}}"),
			"miscalibrated-given", "", ADVICE_RISK },
	};
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ask(known[i].facts, NULL, a);
		if (!a->profile || strcmp(a->profile->id, known[i].profile) ||
			strcmp(a->parameters, known[i].parameters) || a->at_risk != known[i].at_risk)
			fail_msg("%s: %s, \"%s\", at risk %d", known[i].facts,
				a->profile ? a->profile->id : "no profile", a->parameters, a->at_risk);
		assert_true(a->reasons.count > 0);
		assert_int_equal(a->evidence, EVIDENCE_DOCUMENTED);
		assert_non_null(strstr(a->evidence_text, "only documented"));
	}
	free(a);
}

/* A fact less never turns "at risk" into "not at risk" with the guide's rows: it turns into "not known". */
static void a_fact_less_is_not_an_answer(void **state)
{
	static const char *const keys[] = { "os", "arch", "pvclock", "host" };
	struct advice *a = calloc(1, sizeof(*a));
	struct error err = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *facts =
			parse("{\"role\":\"guest\",\"os\":{\"name\":\"CentOS\",\"version\":\"5.4\"},"
			      "\"arch\":\"x86_64\",\"pvclock\":false,\"host\":{\"constant_tsc\":false}}");

		assert_int_equal(advise(facts, &shipped, NULL, NULL, a, &err), 0);
		assert_int_equal(a->at_risk, ADVICE_RISK);
		json_object_del(facts, keys[i]);
		assert_int_equal(advise(facts, &shipped, NULL, NULL, a, &err), 0);
		assert_int_equal(a->at_risk, ADVICE_NOT_KNOWN);
		assert_null(a->profile);
		assert_true(a->missing.count > 0);
		json_decref(facts);
	}
	free(a);
}

/* All that the answer says. */
static bool says(const struct advice *a, const char *text)
{
	const struct advice_lines *const parts[] = { &a->reasons, &a->missing, &a->notes };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t k = 0; k < parts[i]->count; k++)
			if (strstr(parts[i]->text[k], text))
				return true;
	return false;
}

static const struct {
	const char *facts;
	enum advice_answer at_risk;
	const char *says, *silent;
} reasons[] = {
	/* A risk that follows from the catalogue alone says so. */
	{ "{\"role\":\"guest\",\"os\":{\"name\":\"Windows\",\"version\":\"10.0\"}}", ADVICE_RISK,
		"The catalogue has settings for such a system (windows-hyperv-clock: windows.csv, "
		"line",
		"No settings" },
	/* What the kernel said is told only where its whole log is known. */
	{ "{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}}}",
		ADVICE_NO_RISK, "The TSC is constant and does not stop", "did not complain" },
	{ "{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"
	  "\"kernel_log\":{\"from_boot\":false,\"lines\":[]}}",
		ADVICE_NO_RISK, "The TSC is constant and does not stop", "did not complain" },
	{ "{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"
	  "\"kernel_log\":{\"from_boot\":true,\"lines\":[]}}",
		ADVICE_NO_RISK, "The kernel did not complain of it.", "not offer" },
	/* A kernel that does not offer the TSC gave it up. */
	{ "{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"
	  "\"clocksource\":{\"available\":[\"hpet\",\"acpi_pm\"]}}",
		ADVICE_NOT_KNOWN, "kernel_log.lines", "does not stop" },
	{ "{\"role\":\"guest\",\"kernel\":\"6.1.0\",\"cpu\":{\"flags\":{\"constant_tsc\":true,"
	  "\"nonstop_tsc\":true}},\"clocksource\":{\"available\":[\"hpet\"]}}",
		ADVICE_NOT_KNOWN, "The kernel does not offer the TSC", "does not stop" },
	{ "{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":true}},"
	  "\"clocksource\":{\"available\":[\"hpet\"]},\"command_line\":\"ro tsc=unstable\"}",
		ADVICE_NO_RISK, "gave it up, or was told to", "does not stop" },
	/* What the kernel was told to do, it did not find. */
	{ "{\"role\":\"host\",\"kernel\":\"6.1.0\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":"
	  "true}},"
	  "\"clocksource\":{\"current\":\"hpet\",\"available\":[\"hpet\"]},\"command_line\":\"ro "
	  "tsc=unstable\","
	  "\"kernel_log\":{\"from_boot\":true,\"lines\":[{\"text\":\"tsc: Marking TSC unstable due to boot "
	  "parameter\"}]}}",
		ADVICE_NO_RISK, "gave it up, or was told to", "found the TSC unstable" },
	{ "{\"role\":\"guest\",\"kernel\":\"6.1.0\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_"
	  "tsc\":true}},"
	  "\"clocksource\":{\"current\":\"hpet\",\"available\":[\"hpet\"]},\"command_line\":\"ro notsc\","
	  "\"kernel_log\":{\"from_boot\":true,\"lines\":[{\"text\":\"tsc: Marking TSC unstable due to boot "
	  "parameter\"}]}}",
		ADVICE_NO_RISK, "gave it up, or was told to", "found the TSC unstable" },
	{ "{\"role\":\"host\",\"kernel\":\"6.1.0\",\"cpu\":{\"flags\":{\"constant_tsc\":true,\"nonstop_tsc\":"
	  "true}},"
	  "\"command_line\":\"ro\",\"kernel_log\":{\"from_boot\":true,\"lines\":["
	  "{\"text\":\"tsc: Marking TSC unstable due to check_tsc_sync_source failed\"}]}}",
		ADVICE_RISK, "found the TSC unstable", "did not complain" },
	/* Which clocksources there are would decide about the profile, and the danger is known. */
	{ "{\"os\":{\"name\":\"Rocky "
	  "Linux\",\"version\":\"8.5\"},\"kernel\":{\"release\":\"4.18.0-348.el8.x86_64\"},"
	  "\"arch\":\"x86_64\",\"pvclock\":false,\"host\":{\"constant_tsc\":false}}",
		ADVICE_RISK, "clocksource.available", "The catalogue has no profile" },
	{ "{\"os\":{\"name\":\"Rocky "
	  "Linux\",\"version\":\"8.5\"},\"kernel\":{\"release\":\"4.18.0-348.el8.x86_64\"},"
	  "\"arch\":\"x86_64\",\"pvclock\":false,\"host\":{\"constant_tsc\":false},\"clocksource\":{"
	  "\"available\":[\"tsc\"]}}",
		ADVICE_RISK, "The catalogue has no profile", "clocksource.available" },
	/* Names of parameters have '-' and '_' alike. */
	{ "{\"role\":\"host\",\"kernel\":\"6.1.0\",\"command_line\":\"processor.max-cstate=1\",\"cpu\":{"
	  "\"flags\":{\"constant_tsc\":"
	  "true,\"nonstop_tsc\":false}},\"idle\":{\"states\":[{\"name\":\"C6\"}]}}",
		ADVICE_NO_RISK, "booted with the advised parameters", "idle.states" },
	/* A version that is none of NT's leaves it to the name. */
	{ "{\"os\":{\"name\":\"Windows XP\",\"version\":\"SP3\"},\"role\":\"guest\"}", ADVICE_RISK,
		"windows-xp-2003", "os.version" },
	{ "{\"os\":{\"name\":\"Windows 11 Pro\",\"version\":\"23H2\"},\"role\":\"guest\"}", ADVICE_RISK,
		"windows-hyperv-clock", "os.version" },
	{ "{\"os\":{\"name\":\"Windows Server 2025\"},\"role\":\"guest\"}", ADVICE_RISK,
		"windows-hyperv-clock", "os.version" },
	{ "{\"os\":{\"name\":\"Windows\",\"version\":\"SP3\"},\"role\":\"guest\"}", ADVICE_NOT_KNOWN, "",
		"windows-xp-2003" },
	/* A danger that one fact would decide is asked for where no other one is known. */
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"cpu\":{\"flags\":{\"constant_tsc\":"
	  "true,\"nonstop_tsc\":false}},\"idle\":{\"driver\":\"intel_idle\"}}",
		ADVICE_NOT_KNOWN, "idle.states", "No settings" },
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"cpu\":{\"flags\":{\"nonstop_tsc\":"
	  "false}},\"idle\":{\"states\":[{\"name\":\"C1\"}]}}",
		ADVICE_NO_RISK, "No settings are asked for", "idle.states" },
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"cpu\":{\"flags\":{\"nonstop_tsc\":"
	  "false}},\"idle\":{\"states\":[{\"name\":\"C6\"}]}}",
		ADVICE_RISK, "Idle states stop this TSC", "idle.states" },
	{ "{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":false,\"nonstop_tsc\":false}}}",
		ADVICE_RISK, "The TSC is not constant", "idle.states" },
	/* The pvclock is a reason only where the profile looks at it. */
	{ "{\"os\":{\"name\":\"CentOS\",\"version\":\"5.3\"},\"arch\":\"x86_64\",\"host\":{"
	  "\"constant_tsc\":false},\"pvclock\":true}",
		ADVICE_RISK, "The TSC is not constant", "pvclock" },
	{ "{\"os\":{\"name\":\"CentOS\",\"version\":\"5.4\"},\"arch\":\"x86_64\",\"host\":{"
	  "\"constant_tsc\":false},\"pvclock\":true}",
		ADVICE_NO_RISK, "has a pvclock, which corrects for it.", "no pvclock" },
	{ "{\"os\":{\"name\":\"CentOS\",\"version\":\"5.4\"},\"arch\":\"x86_64\",\"host\":{"
	  "\"constant_tsc\":false},\"pvclock\":false}",
		ADVICE_RISK, "The guest has no pvclock", "corrects" },
	{ "{\"role\":\"guest\",\"kernel\":\"6.1.0\",\"host\":{\"constant_tsc\":false},\"pvclock\":"
	  "true}",
		ADVICE_RISK, "corrects for it where it is in use.", "no pvclock" },
	/* Facts that say both. */
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"cpu\":{\"flags\":{\"constant_tsc\":"
	  "false}}}",
		ADVICE_NO_RISK,
		"host.constant_tsc says yes and cpu.flags.constant_tsc no: host.constant_tsc was "
		"taken.",
		"not constant" },
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":\"no\"},\"cpu\":{\"flags\":{\"constant_"
	  "tsc\":true}}}",
		ADVICE_RISK, "host.constant_tsc says no and cpu.flags.constant_tsc yes", "No settings" },
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"cpu\":{\"flags\":{\"constant_tsc\":"
	  "true}}}",
		ADVICE_NO_RISK, "No settings", "was taken" },
	/* Whose time nobody keeps is told of NTP. */
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"time_daemon\":{\"running\":[]}}",
		ADVICE_NO_RISK, "No time daemon runs. NTP should run", "was taken" },
	{ "{\"role\":\"host\",\"host\":{\"constant_tsc\":true},\"time_daemon\":{\"running\":[{"
	  "\"name\":\"chronyd\"}]}}",
		ADVICE_NO_RISK, "No settings", "NTP" },
	{ "{\"time_daemon\":{\"running\":[]}}", ADVICE_NOT_KNOWN, "No time daemon runs.", "No settings" },
};

/* No sentence claims more than the facts tell, and none is said against the answer. */
static void reasons_are_true(void **state)
{
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		ask(reasons[i].facts, NULL, a);
		if (a->at_risk != reasons[i].at_risk || !says(a, reasons[i].says) ||
			says(a, reasons[i].silent))
			fail_msg("%s: at risk %d, '%s': %d, '%s': %d", reasons[i].facts, a->at_risk,
				reasons[i].says, says(a, reasons[i].says), reasons[i].silent,
				says(a, reasons[i].silent));
	}
	free(a);
}

/* An unstable run is not answered with a catalogue that asks for nothing. */
static void a_run_that_was_unstable(void **state)
{
	struct evidence_row row = { "", "", "quiet", "unstable", "monotonic drifts", false, 5, 80 };
	struct advise_evidence e = { .kind = EVIDENCE_HERE, .rows = &row, .count = 1 };
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	ask("{\"role\":\"host\",\"host\":{\"constant_tsc\":true}}", &e, a);
	assert_int_equal(a->at_risk, ADVICE_RISK);
	assert_true(says(a, "Measured here: unstable. monotonic drifts"));
	assert_false(says(a, "No settings are asked for"));
	strcpy(row.status, "stable");
	ask("{\"role\":\"host\",\"host\":{\"constant_tsc\":true}}", &e, a);
	assert_int_equal(a->at_risk, ADVICE_NO_RISK);
	assert_true(says(a, "No settings are asked for"));
	free(a);
}

/* A run says nothing about a system that it was not taken on. */
static void a_run_of_another_system(void **state)
{
	static const struct {
		const char *facts, *says; /* NULL: it is of this one */
	} known[] = {
		{ "{\"kernel\":\"6.1\"}", NULL },
		{ "{\"kernel\":{\"release\":\"6.1.0-18-amd64\"},\"arch\":\"x86_64\",\"hypervisor\":\"kvm\"}",
			NULL },
		{ "{\"kernel\":\"6.11\"}", "its kernel is 6.1.0-18-amd64, not 6.11" },
		{ "{\"kernel\":\"5.10.0\"}", "its kernel is 6.1.0-18-amd64, not 5.10.0" },
		{ "{\"arch\":\"i386\"}", "its machine is x86_64, not i386" },
		{ "{\"hypervisor\":\"Xen\"}", "its hypervisor is KVM, not Xen" },
		{ "{\"cpu\":{\"model_name\":\"Xeon\"}}", "its CPU is EPYC, not Xeon" },
	};
	struct evidence_row row = { "", "", "quiet", "unstable", "monotonic drifts", false, 5, 80 };
	struct advise_evidence e = { .kind = EVIDENCE_HERE, .rows = &row, .count = 1 };
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	e.facts = json_loads(
		"{\"kernel\":{\"release\":\"6.1.0-18-amd64\",\"machine\":\"x86_64\"},"
		"\"hypervisor\":{\"present\":true,\"name\":\"KVM\"},\"cpu\":{\"model_name\":\"EPYC\"}}",
		0, NULL);
	assert_non_null(e.facts);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		bool other = known[i].says != NULL;

		ask(known[i].facts, &e, a);
		if (says(a, "Measured here: unstable.") == other ||
			(strstr(a->evidence_text, "the run is of another system: ") != NULL) != other ||
			(other && !strstr(a->evidence_text, known[i].says)))
			fail_msg("%s: %s", known[i].facts, a->evidence_text);
	}
	json_decref(e.facts);
	free(a);
}

/* Facts written in short say the same as a snapshot at length. */
static void short_forms_are_the_same(void **state)
{
	static const struct {
		const char *facts, *profile, *parameters;
		enum advice_answer at_risk;
	} known[] = {
		{ "{\"role\":\"guest\",\"kernel\":\"6.1.0\",\"host\":{\"constant_tsc\":false},\"pvclock\":"
		  "true}",
			"no-constant-tsc-kvm-clock", "clocksource=kvm-clock", ADVICE_RISK },
		{ "{\"role\":\"guest\",\"kernel\":\"6.1.0\",\"host\":{\"constant_tsc\":\"no\"},\"pvclock\":"
		  "\"yes\"}",
			"no-constant-tsc-kvm-clock", "clocksource=kvm-clock", ADVICE_RISK },
		{ "{\"hypervisor\":\"KVM\",\"kernel\":\"6.1.0\"," NESTED "}", "nested-guest", "",
			ADVICE_NO_RISK },
		{ "{\"role\":\"guest\",\"kernel\":\"6.1.0\"," NESTED "}", "nested-guest", "",
			ADVICE_NO_RISK },
		{ GUEST("\"kernel\":\"6.1.0\"," NESTED), "nested-guest", "", ADVICE_NO_RISK },
	};
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ask(known[i].facts, NULL, a);
		if (!a->profile || strcmp(a->profile->id, known[i].profile) ||
			strcmp(a->parameters, known[i].parameters) || a->at_risk != known[i].at_risk)
			fail_msg("%s: %s, \"%s\", at risk %d", known[i].facts,
				a->profile ? a->profile->id : "no profile", a->parameters, a->at_risk);
	}
	free(a);
}

/* The number of lpj=n is that of the kernel's own log, then that of its TSC; one that was given is held against it. */
static void the_number_of_lpj(void **state)
{
#define OLD(rest)                                                                                            \
	"{\"os\":{\"name\":\"CentOS\",\"version\":\"5.4\"},\"arch\":\"x86_64\",\"pvclock\":false,"           \
	"\"host\":{\"constant_tsc\":false}" rest "}"
#define LOGGED                                                                                               \
	",\"kernel_log\":{\"lines\":[{\"text\":\"tsc: Detected 2596 MHz\"},{\"text\":\"Calibrating delay "   \
	"loop"                                                                                               \
	" (skipped) preset value.. 5192.25 BogoMIPS (lpj=10384512)\"}]}"
#define RATE ",\"tsc\":{\"khz\":2593900},\"kernel\":{\"hz\":1000}"
	static const struct {
		const char *facts, *parameters;
		bool in_force;
		const char *says;
	} known[] = {
		{ OLD(LOGGED), "notsc lpj=10384512", false, "" },
		{ OLD(LOGGED RATE), "notsc lpj=10384512", false, "" },
		{ OLD(RATE), "notsc lpj=2593900", false, "" },
		{ OLD(""), "notsc lpj=n", false, "The n of lpj=n is not known" },
		{ OLD(RATE ",\"command_line\":\"notsc lpj=2593912\""), "notsc lpj=2593900", true,
			"booted with the advised parameters." },
		{ OLD(RATE ",\"command_line\":\"notsc lpj=1111\""), "notsc lpj=2593900", false,
			"booted with lpj=1111, but its number is 2593900." },
		{ OLD(RATE ",\"command_line\":\"lpj=2593900 notsc lpj=1111\""), "notsc lpj=2593900", false,
			"booted with lpj=1111" },
		/* Whatever clock is in use. */
		{ OLD(RATE ",\"command_line\":\"notsc lpj=1111\",\"clocksource\":{\"current\":\"acpi_pm\"}"),
			"notsc lpj=2593900", false, "booted with lpj=1111" },
		/* The log has the number that was given, and proves nothing. */
		{ OLD(LOGGED ",\"command_line\":\"notsc lpj=10384512\""), "notsc lpj=n", true,
			"whether lpj=10384512 is its number was not checked" },
		{ OLD(",\"command_line\":\"notsc lpj=1111\""), "notsc lpj=n", true,
			"whether lpj=1111 is its number was not checked" },
	};
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ask(known[i].facts, NULL, a);
		if (strcmp(a->parameters, known[i].parameters) || a->in_force != known[i].in_force ||
			a->at_risk != (known[i].in_force ? ADVICE_NO_RISK : ADVICE_RISK) ||
			!says(a, known[i].says))
			fail_msg("%s: '%s', in force %d, at risk %d", known[i].facts, a->parameters,
				a->in_force, a->at_risk);
	}
	free(a);
}

/* A product's name tells the number of NT; a number that is given stands. */
static void windows_by_name(void **state)
{
	static const struct {
		const char *name, *version, *wanted;
	} known[] = { { "Microsoft Windows Server 2019", NULL, "10.0" },
		{ "Microsoft Windows 10", NULL, "10.0" },
		{ "Microsoft Windows 10 Pro", "10.0.19045", "10.0.19045" }, { "Windows XP", NULL, "5.1" },
		{ "Windows XP Professional SP3", NULL, "5.1" }, { "Windows Server 2003 R2", NULL, "5.2" },
		{ "Windows Server 2003", "5.2", "5.2" }, { "microsoft(r) windows Vista", NULL, "6.0" },
		{ "Windows Server 2008", NULL, "6.0" }, { "Windows Server 2008 R2", NULL, "6.1" },
		{ "Windows 7", NULL, "6.1" }, { "Windows 8", NULL, "6.2" }, { "Windows 8.1", NULL, "6.3" },
		{ "Windows Server 2012", NULL, "6.2" }, { "Windows Server 2012 R2", NULL, "6.3" },
		{ "Windows 11", NULL, "10.0" }, { "Windows Server 2022", "", "10.0" },
		{ "Windows", "XP", "5.1" }, { "Windows", "Server 2003", "5.2" }, { "Windows", "6.1", "6.1" },
		{ "Windows", "10.0", "10.0" }, { "Windows", NULL, "" }, { "Windows 95", NULL, "" },
		{ "Windows 2003x", NULL, "" }, { "Windows 70", NULL, "" } };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		json_t *facts = json_pack(
			"{s:{s:s, s:s?}}", "os", "name", known[i].name, "version", known[i].version);
		const struct profile windows = { .guest_os = "Windows" };
		struct subject s;

		subject_read(facts, &s);
		if (strcmp(s.version, known[i].wanted) != 0 || !subject_is_os(&s, &windows))
			fail_msg("%s: '%s', version '%s'", known[i].name, s.os, s.version);
		json_decref(facts);
	}
}

static void parameters_in_force(void **state)
{
	static const struct {
		const char *parameters, *line;
		bool on;
	} known[] = { { "notsc lpj=n", "ro notsc quiet lpj=2593900", true },
		{ "notsc lpj=n", "ro notsc quiet", false }, { "notsc", "ro notscx", false },
		{ "lpj=n", "lpj=", false }, { "a=b", "a=b", true }, { "a=b", "a=bc", false },
		{ "", "a", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (parameters_on(known[i].parameters, known[i].line) != known[i].on)
			fail_msg("'%s' on '%s'", known[i].parameters, known[i].line);
}

/* Parameters behind "--" are for init, and a host whose frequency moves is not done with its parameter. */
static void what_is_not_in_force(void **state)
{
	static const char host[] =
		"{\"role\":\"host\",\"cpu\":{\"flags\":{\"constant_tsc\":false},"
		"\"amd_revision_f\":true},\"command_line\":{\"text\":\"ro processor.max_cstate=1\"},"
		"\"cpufreq\":{\"policies\":[{\"min_khz\":%d,\"max_khz\":2400000}]}}";
	struct advice *a = calloc(1, sizeof(*a));
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), host, 1000000);
	ask(text, NULL, a);
	assert_string_equal(a->profile->id, "host-amd-revision-f");
	assert_int_equal(a->at_risk, ADVICE_RISK);
	snprintf(text, sizeof(text), host, 2400000);
	ask(text, NULL, a);
	assert_int_equal(a->at_risk, ADVICE_NO_RISK);
	assert_true(a->in_force);
	ask("{\"os\":{\"name\":\"CentOS\",\"version\":\"5.3\"},\"arch\":\"x86_64\",\"host\":{\"constant_"
	    "tsc\":false},"
	    "\"command_line\":{\"text\":\"quiet -- notsc\"}}",
		NULL, a);
	assert_int_equal(a->at_risk, ADVICE_RISK);
	free(a);
}

/* A configuration that differs in one known fact is not like the system. */
static void which_configuration_is_like_it(void **state)
{
	struct advise_evidence e = { .kind = EVIDENCE_LAB, .whole = true };
	static const struct {
		const char *facts, *name;
	} known[] = {
		{ GUEST(MODERN ",\"cpu\":{\"online_count\":1,\"flags\":{\"constant_tsc\":false}}"), "one" },
		{ GUEST(MODERN ",\"cpu\":{\"online_count\":4,\"flags\":{\"constant_tsc\":false}}"), "two" },
		{ GUEST(MODERN ",\"cpu\":{\"online_count\":1,\"flags\":{\"constant_tsc\":false}},"
			       "\"idle\":{\"states\":[{\"name\":\"C2\"}]}"),
			"idle" },
		{ GUEST(MODERN ",\"cpu\":{\"online_count\":1,\"flags\":{\"constant_tsc\":true}}"), "" },
		{ GUEST(MODERN ",\"cpu\":{\"flags\":{\"constant_tsc\":false}}"), "" },
		{ GUEST("\"arch\":\"i686\",\"cpu\":{\"online_count\":1,\"flags\":{\"constant_tsc\":false}}"),
			"" },
		{ "{\"hypervisor\":{\"present\":false},\"arch\":\"x86_64\",\"cpu\":{\"online_count\":1,"
		  "\"flags\":{\"constant_tsc\":false}}}",
			"" },
	};
	char name[32];

	(void)state;
	e.configurations = parse("[{\"name\":\"one\",\"arch\":\"x86_64\",\"vcpus\":1},"
				 "{\"name\":\"two\",\"arch\":\"x86_64\",\"vcpus\":2},"
				 "{\"name\":\"idle\",\"arch\":\"x86_64\",\"vcpus\":1,\"cstates\":true}]");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		json_t *facts = parse(known[i].facts);

		advise_resembling(&e, facts, name);
		if (strcmp(name, known[i].name) != 0)
			fail_msg("%s: like '%s'", known[i].facts, name);
		json_decref(facts);
	}
	json_decref(e.configurations);
}

/* The guide's rows stand, whatever the lab recommends for a system like it. */
static void the_lab_does_not_overrule_the_table(void **state)
{
	static const char facts[] = "{\"os\":{\"name\":\"CentOS\",\"version\":\"5.3\"},\"arch\":\"x86_64\","
				    "\"host\":{\"constant_tsc\":false},"
				    "\"cpu\":{\"online_count\":1}}";
	struct evidence_row rows[] = {
		{ "one", "acpi-pm", "clocksource=acpi_pm", "stable", "", true, 0, 700 },
		{ "one", "notsc-lpj", "notsc lpj=5", "stable", "", false, 0, 700 },
	};
	struct advise_evidence e = { .kind = EVIDENCE_LAB, .whole = true, .rows = rows, .count = 2 };
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	e.configurations = parse("[{\"name\":\"one\",\"vcpus\":1}]");
	ask(facts, &e, a);
	assert_string_equal(a->parameters, "notsc");
	assert_int_equal(a->evidence, EVIDENCE_DOCUMENTED);
	/* With the very parameters measured, it has its evidence. */
	strcpy(rows[1].parameters, "notsc");
	ask(facts, &e, a);
	assert_string_equal(a->parameters, "notsc");
	assert_int_equal(a->evidence, EVIDENCE_LAB);
	json_decref(e.configurations);
	free(a);
}

/* A name of the lab's may stand for other parameters than the catalogue's, or for more. */
static void parameters_are_evidence_and_names_are_not(void **state)
{
	static const char facts[] =
		"{\"role\":\"guest\",\"arch\":\"x86_64\",\"kernel\":{\"release\":\"6.1.0\"},\"pvclock\":"
		"false,"
		"\"cpu\":{\"online_count\":1,\"flags\":{\"constant_tsc\":false,\"nonstop_tsc\":false}},"
		"\"clocksource\":{\"current\":\"tsc\",\"available\":[\"tsc\",\"hpet\",\"acpi_pm\"]},"
		"\"command_line\":\"quiet\"}";
	struct evidence_row rows[] = {
		{ "one", "default", "clocksource=acpi_pm", "stable", "", true, 0, 700 },
		{ "one", "no-constant-tsc-hpet", "clocksource=hpet quiet", "stable", "", false, 0, 700 },
	};
	struct advise_evidence e = { .kind = EVIDENCE_LAB, .whole = true, .rows = rows, .count = 2 };
	struct advice *a = calloc(1, sizeof(*a));

	(void)state;
	e.configurations = parse("[{\"name\":\"one\",\"vcpus\":1}]");
	ask(facts, &e, a);
	assert_int_equal(a->at_risk, ADVICE_RISK);
	assert_string_equal(a->parameters, "clocksource=hpet");
	assert_int_equal(a->evidence, EVIDENCE_DOCUMENTED);
	assert_non_null(strstr(a->evidence_text, "what the lab booted as no-constant-tsc-hpet on one had "
						 "clocksource=hpet quiet"));
	assert_true(says(a, "recommends default, booted with clocksource=acpi_pm; the catalogue's "
			    "default has no parameters"));
	/* A profile of the user's own, without its catalogue. */
	strcpy(rows[0].profile, "mine");
	ask(facts, &e, a);
	assert_string_equal(a->parameters, "clocksource=hpet");
	assert_true(
		says(a, "The matrix recommends mine (clocksource=acpi_pm), which is not in the catalogue"));
	/* Under whatever name the very parameters were booted. */
	strcpy(rows[1].profile, "mine");
	strcpy(rows[1].parameters, "clocksource=hpet");
	ask(facts, &e, a);
	assert_int_equal(a->evidence, EVIDENCE_LAB);
	/* Without any parameter a guest is safe where that was booted. */
	strcpy(rows[0].profile, "default");
	strcpy(rows[0].parameters, "");
	ask(facts, &e, a);
	assert_int_equal(a->at_risk, ADVICE_NO_RISK);
	assert_int_equal(a->evidence, EVIDENCE_LAB);
	json_decref(e.configurations);
	free(a);
}

/* Each condition is told where a user looks for it. */
static void situations_are_in_the_schema(void **state)
{
	char schema[1 << 17], word[64];
	FILE *in = fopen("results/SCHEMA.md", "re");
	size_t length;

	(void)state;
	assert_non_null(in);
	length = fread(schema, 1, sizeof(schema) - 1, in);
	schema[length] = '\0';
	assert_true(length > 1000 && feof(in));
	fclose(in);
	for (int i = 0; situations[i].name; i++) {
		snprintf(word, sizeof(word), "| `%s` | ", situations[i].name);
		if (!strstr(schema, word))
			fail_msg("%s is not in results/SCHEMA.md", situations[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_systems),
		cmocka_unit_test(a_fact_less_is_not_an_answer),
		cmocka_unit_test(reasons_are_true),
		cmocka_unit_test(a_run_that_was_unstable),
		cmocka_unit_test(a_run_of_another_system),
		cmocka_unit_test(short_forms_are_the_same),
		cmocka_unit_test(the_number_of_lpj),
		cmocka_unit_test(windows_by_name),
		cmocka_unit_test(parameters_in_force),
		cmocka_unit_test(what_is_not_in_force),
		cmocka_unit_test(which_configuration_is_like_it),
		cmocka_unit_test(the_lab_does_not_overrule_the_table),
		cmocka_unit_test(parameters_are_evidence_and_names_are_not),
		cmocka_unit_test(situations_are_in_the_schema),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}
