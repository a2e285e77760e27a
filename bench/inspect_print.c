/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* The facts in sections, the findings last: that is where the eye is when a command has ended. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/parameters.h"
#include "bench/inspect_findings.h"
#include "bench/inspect_page.h"

#define LINE 1024 /* bytes: of a list of words or a row */

static const char *or_unknown(const char *text)
{
	return text ? text : "not known";
}

static const char *yes_no(int flag)
{
	return flag < 0 ? "not known" : flag ? "yes" : "no";
}

/* "a b c" of an array of strings or integers. */
static void list_words(char *text, size_t size, const json_t *array)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < json_array_size(array) && used < size; i++) {
		const json_t *entry = json_array_get(array, i);

		if (json_is_string(entry))
			used += (size_t)snprintf(
				text + used, size - used, "%s%s", i ? " " : "", json_string_value(entry));
		else
			used += (size_t)snprintf(text + used, size - used, "%s%lld", i ? " " : "",
				(long long)json_integer_value(entry));
	}
}

static void print_machine(const struct page *page, const json_t *facts)
{
	const char *vendor = facts_text(facts, "hypervisor.sys_vendor");
	const char *product = facts_text(facts, "hypervisor.product_name");
	const char *name = facts_text(facts, "hypervisor.name");
	int guest = facts_flag(facts, "hypervisor.present");
	double uptime;

	page_heading(page, "Machine");
	page_field(page, "Host", "%s", or_unknown(facts_text(facts, "hostname")));
	page_field(page, "Kernel", "%s %s", or_unknown(facts_text(facts, "kernel.release")),
		facts_text(facts, "kernel.machine") ? facts_text(facts, "kernel.machine") : "");
	if (facts_number(facts, "uptime_s", &uptime))
		page_field(page, "Up", "%.1f hours", uptime / 3600);
	if (vendor || product)
		page_field(page, "Hardware", "%s %s", vendor ? vendor : "", product ? product : "");
	page_field(page, "Virtual", "%s%s%s", yes_no(guest), name ? ", " : "", name ? name : "");
	if (facts_flag(facts, "kvm_host.module") > 0)
		page_field(page, "KVM host", "/dev/kvm: %s, nested: %s",
			yes_no(facts_flag(facts, "kvm_host.device")),
			yes_no(facts_flag(facts, "kvm_host.nested")));
	page_text(page, "Command line", or_unknown(facts_text(facts, "command_line.text")));
}

static void print_flags(const struct page *page, const json_t *facts)
{
	const json_t *flags = facts_get(facts, "cpu.flags"), *value;
	char have[LINE] = "", lack[LINE] = "";
	const char *name;

	if (!flags) {
		page_field(page, "Flags", "not known");
		return;
	}
	json_object_foreach((json_t *)flags, name, value)
	{
		char *text = json_is_true(value) ? have : lack;
		size_t used = strlen(text);

		snprintf(text + used, LINE - used, "%s%s", used ? " " : "", name);
	}
	page_text(page, "Flags", have);
	page_text(page, "Not set", lack);
}

/* The number, or "?". */
static const char *count(const json_t *facts, const char *path, char text[24])
{
	double number;

	if (!facts_number(facts, path, &number))
		return "?";
	snprintf(text, 24, "%.0f", number);
	return text;
}

static void print_cpu(const struct page *page, const json_t *facts)
{
	const char *revision = facts_text(facts, "cpu.amd_revision"),
		   *vendor = facts_text(facts, "cpu.vendor");
	char a[24], b[24], c[24];

	page_heading(page, "Processor");
	page_field(page, "Model", "%s (%s), family %s, model %s, stepping %s",
		or_unknown(facts_text(facts, "cpu.model_name")),
		or_unknown(facts_text(facts, "cpu.vendor_id")), count(facts, "cpu.family", a),
		count(facts, "cpu.model", b), count(facts, "cpu.stepping", c));
	page_field(page, "Microcode", "%s", or_unknown(facts_text(facts, "cpu.microcode")));
	if (vendor && strcmp(vendor, "AMD") == 0)
		page_field(page, "AMD revision F", "%s%s%s", yes_no(facts_flag(facts, "cpu.amd_revision_f")),
			revision ? ", revision " : "", revision ? revision : "");
	page_field(page, "CPUs", "%s online of %s, packages: %s", count(facts, "cpu.online_count", a),
		count(facts, "cpu.present_count", b), count(facts, "cpu.packages", c));
	print_flags(page, facts);
}

static void print_tsc(const struct page *page, const json_t *facts)
{
	const json_t *candidates = facts_get(facts, "tsc.candidates"), *entry;
	char signatures[LINE];
	double pvclock_khz;
	size_t i;

	page_heading(page, "TSC and pvclock");
	page_field(page, "CPUID", "invariant TSC: %s, TSC_ADJUST: %s, RDTSCP: %s",
		yes_no(facts_flag(facts, "cpuid.invariant_tsc")),
		yes_no(facts_flag(facts, "cpuid.tsc_adjust")), yes_no(facts_flag(facts, "cpuid.rdtscp")));
	if (!json_array_size(candidates))
		page_field(page, "Frequency", "not known");
	json_array_foreach(candidates, i, entry)
	{
		double khz = 0;

		facts_number(entry, "khz", &khz);
		page_field(page, i ? "" : "Frequency", "%.3f MHz (%s)", khz / 1e3,
			or_unknown(facts_text(entry, "source")));
	}
	if (facts_number(facts, "tsc.pvclock_khz", &pvclock_khz))
		page_field(page, "", "%.3f MHz (KVM's pvclock: kvm-clock counts with it)", pvclock_khz / 1e3);
	list_words(signatures, sizeof(signatures), facts_get(facts, "cpuid.signatures"));
	if (*signatures)
		page_field(page, "Hypervisor says", "%s", signatures);
	if (facts_get(facts, "cpuid.kvm"))
		page_field(page, "KVM pvclock", "offered: %s, old MSRs: %s, stable bit: %s",
			yes_no(facts_flag(facts, "cpuid.kvm.clocksource2")),
			yes_no(facts_flag(facts, "cpuid.kvm.clocksource")),
			yes_no(facts_flag(facts, "cpuid.kvm.clocksource_stable")));
}

static void print_devices(const struct page *page, const char *label, const json_t *array, const char *key)
{
	const json_t *entry;
	size_t i;

	if (!json_array_size(array))
		page_field(page, label, "none");
	json_array_foreach(array, i, entry) page_field(page, i ? "" : label, "%s %s",
		or_unknown(facts_text(entry, "device")), or_unknown(facts_text(entry, key)));
}

static void print_clocks(const struct page *page, const json_t *facts)
{
	char available[LINE];
	double port, bits = 0;

	page_heading(page, "Clocks");
	list_words(available, sizeof(available), facts_get(facts, "clocksource.available"));
	page_field(page, "Clocksource", "%s (available: %s)",
		or_unknown(facts_text(facts, "clocksource.current")), *available ? available : "not known");
	page_field(page, "HPET", "ACPI table: %s, /dev/hpet readable: %s, clocksource: %s",
		yes_no(facts_flag(facts, "hpet.acpi_table")),
		yes_no(facts_flag(facts, "hpet.device_readable")),
		yes_no(facts_flag(facts, "hpet.clocksource")));
	facts_number(facts, "pm_timer.bits", &bits);
	if (!facts_number(facts, "pm_timer.port", &port))
		page_field(page, "ACPI PM timer", "not known");
	else if (port > 0)
		page_field(page, "ACPI PM timer", "port 0x%x, %.0f bits", (unsigned)port, bits);
	else
		page_field(page, "ACPI PM timer", "none%s",
			facts_flag(facts, "pm_timer.hw_reduced") > 0 ? " (hardware-reduced ACPI)" : "");
	print_devices(page, "RTC", facts_get(facts, "rtc"), "name");
	print_devices(page, "PTP", facts_get(facts, "ptp"), "clock_name");
}

static void print_states(const struct page *page, const json_t *facts)
{
	const json_t *states = facts_get(facts, "idle.states"), *state;
	size_t i;

	/* A table, so its lines are cut and not wrapped. */
	json_array_foreach(states, i, state)
	{
		char latency[24], usage[24], line[LINE];
		double time = 0;

		facts_number(state, "time_us", &time);
		snprintf(line, sizeof(line), "%-14.14s %-25.25s %6s us %11s times %10.1f s",
			or_unknown(facts_text(state, "name")), or_unknown(facts_text(state, "desc")),
			count(state, "latency_us", latency), count(state, "usage", usage), time / 1e6);
		fprintf(page->out, "  %-*s%.*s\n", PAGE_LABEL - 2, i ? "" : "States",
			PAGE_COLUMNS - PAGE_LABEL, line);
	}
	json_array_foreach(states, i, state)
	{
		const char *disabled = facts_text(state, "disabled_on");

		if (disabled && *disabled)
			page_field(page, "", "%s is disabled on CPUs %s",
				or_unknown(facts_text(state, "name")), disabled);
	}
}

static void print_power(const struct page *page, const json_t *facts)
{
	const json_t *policies = facts_get(facts, "cpufreq.policies"), *policy;
	char words[LINE];
	size_t i;

	page_heading(page, "Power");
	page_field(page, "Idle", "driver %s, governor %s", or_unknown(facts_text(facts, "idle.driver")),
		or_unknown(facts_text(facts, "idle.governor")));
	print_states(page, facts);
	if (!json_array_size(policies))
		page_field(page, "Frequency", "no scaling here");
	json_array_foreach(policies, i, policy)
	{
		double min = 0, max = 0, cur = 0;

		facts_number(policy, "min_khz", &min);
		facts_number(policy, "max_khz", &max);
		facts_number(policy, "cur_khz", &cur);
		page_field(page, i ? "" : "Frequency", "CPUs %s: %s, governor %s, %.0f to %.0f MHz, now %.0f",
			or_unknown(facts_text(policy, "cpus")), or_unknown(facts_text(policy, "driver")),
			or_unknown(facts_text(policy, "governor")), min / 1e3, max / 1e3, cur / 1e3);
	}
	if (facts_flag(facts, "cpufreq.boost") >= 0 || facts_flag(facts, "cpufreq.no_turbo") >= 0)
		page_field(page, "Turbo", "%s",
			facts_flag(facts, "cpufreq.boost") > 0 || !facts_flag(facts, "cpufreq.no_turbo")
				? "yes"
				: "no");
	list_words(words, sizeof(words), facts_get(facts, "suspend.states"));
	page_field(page, "Suspend", "%s", *words ? words : "none");
}

static void print_discipline(const struct page *page, const json_t *facts)
{
	char running[LINE], servers[LINE], status[LINE];
	double freq = 0, tick = 0, offset = 0, maxerror = 0;

	page_heading(page, "Time discipline");
	finding_words(running, sizeof(running), facts_get(facts, "time_daemon.running"), "name");
	finding_words(servers, sizeof(servers), facts_get(facts, "time_daemon.servers"), "name");
	page_field(page, "Daemons", "%s",
		!facts_get(facts, "time_daemon.running") ? "not known"
		: *running				 ? running
							 : "none runs");
	page_field(page, "Servers", "%s", *servers ? servers : "none configured");
	if (!facts_get(facts, "adjtimex")) {
		page_field(page, "adjtimex", "not known");
		return;
	}
	facts_number(facts, "adjtimex.freq_ppm", &freq);
	facts_number(facts, "adjtimex.tick_us", &tick);
	facts_number(facts, "adjtimex.offset_ns", &offset);
	facts_number(facts, "adjtimex.maxerror_us", &maxerror);
	list_words(status, sizeof(status), facts_get(facts, "adjtimex.status"));
	page_field(page, "adjtimex", "synchronised: %s, frequency %+.3f ppm, tick %.0f us, offset %.0f ns",
		yes_no(facts_flag(facts, "adjtimex.synchronised")), freq, tick, offset);
	page_field(page, "", "state: %s, status: %s, maximum error %.0f us",
		or_unknown(facts_text(facts, "adjtimex.state")), *status ? status : "-", maxerror);
}

/* How many lines from this one on say the same, as a clocksource that is switched all the time; sets when the last did. */
static size_t repeated(const json_t *lines, size_t first, double *last_s)
{
	const char *text = facts_text(json_array_get(lines, first), "text");
	size_t count = 0;

	for (size_t i = first; text && i < json_array_size(lines); i++) {
		const json_t *line = json_array_get(lines, i);
		const char *other = facts_text(line, "text");

		if (!other || strcmp(other, text) != 0)
			continue;
		count++;
		facts_number(line, "time_s", last_s);
	}
	return count;
}

static bool said_before(const json_t *lines, size_t index)
{
	const char *text = facts_text(json_array_get(lines, index), "text");

	for (size_t i = 0; text && i < index; i++) {
		const char *other = facts_text(json_array_get(lines, i), "text");

		if (other && strcmp(other, text) == 0)
			return true;
	}
	return false;
}

static void print_log(const struct page *page, const json_t *facts)
{
	const json_t *lines = facts_get(facts, "kernel_log.lines"), *line;
	size_t i;

	page_heading(page, "Kernel log on the TSC, clocksources and parameters");
	if (!lines)
		page_field(page, "", "not known");
	else if (!json_array_size(lines))
		page_field(page, "", "nothing");
	json_array_foreach(lines, i, line)
	{
		char time[32] = "", text[LINE];
		double seconds, last = NAN;
		size_t times = repeated(lines, i, &last);

		if (said_before(lines, i))
			continue;
		if (facts_number(line, "time_s", &seconds))
			snprintf(time, sizeof(time), "%.6f", seconds);
		snprintf(text, sizeof(text), "%s", or_unknown(facts_text(line, "text")));
		if (times > 1)
			snprintf(text, sizeof(text), "%s (%zu times, the last at %.6f)",
				or_unknown(facts_text(line, "text")), times, last);
		page_text(page, time, text);
	}
}

/* The reasons are among the findings. */
static void print_parameters(const struct page *page, const json_t *parameters)
{
	size_t i, others = 0, shown = 0;
	const json_t *entry;

	page_heading(page, "Kernel parameters on time");
	json_array_foreach(parameters, i, entry)
	{
		const char *name = facts_text(entry, "name"), *value = facts_text(entry, "value"),
			   *effect = facts_text(entry, "effect"), *modern = facts_text(entry, "modern");

		if (!effect || !strcmp(effect, parameter_effect_name(PARAMETER_NOT_TIME))) {
			others++;
			continue;
		}
		shown++;
		page_field(page, "", "%s%s%s: %s%s%s", or_unknown(name), value && *value ? "=" : "",
			value ? value : "", effect, modern && *modern ? ", write " : "",
			modern ? modern : "");
	}
	if (others)
		page_field(page, "", "%s%zu that %s not about time", shown ? "and " : "", others,
			others == 1 ? "is" : "are");
	else if (!shown)
		page_field(page, "", "none, or not known");
}

static void print_unreadable(const struct page *page, const json_t *facts)
{
	const json_t *unreadable = facts_get(facts, "unreadable"), *entry;
	size_t i;

	page_heading(page, "Not there, or not readable");
	if (!json_array_size(unreadable))
		page_text(page, "", "nothing");
	json_array_foreach(unreadable, i, entry)
	{
		const char *what = or_unknown(facts_text(entry, "what")),
			   *why = or_unknown(facts_text(entry, "why"));
		char text[LINE];

		snprintf(text, sizeof(text), "%s: %s", what, why);
		fputs("  ", page->out);
		page_wrap(page, text, 2, 2);
		fputc('\n', page->out);
	}
}

static const struct {
	const char *severity, *shown, *plural, *colour;
} kinds[] = {
	{ "risk", "RISK", "risks", "\033[1;31m" },
	{ "note", "note", "notes", "\033[33m" },
	{ "good", "good", "good", "\033[32m" },
};

#define N_KINDS	       (sizeof(kinds) / sizeof(*kinds))
#define FINDING_INDENT 8

static size_t print_kind(const struct page *page, const json_t *findings, size_t kind)
{
	const json_t *entry;
	size_t i, n = 0;

	json_array_foreach(findings, i, entry)
	{
		const char *severity = facts_text(entry, "severity"), *meaning = facts_text(entry, "meaning");

		if (!severity || strcmp(severity, kinds[kind].severity))
			continue;
		n++;
		fprintf(page->out, "  %s%s%s  ", page_paint(page, kinds[kind].colour), kinds[kind].shown,
			page_paint(page, "\033[0m"));
		page_wrap(page, or_unknown(facts_text(entry, "what")), FINDING_INDENT, FINDING_INDENT);
		fprintf(page->out, "\n%*s%s", FINDING_INDENT, "", page_paint(page, "\033[2m"));
		page_wrap(page, or_unknown(meaning), FINDING_INDENT, FINDING_INDENT);
		fprintf(page->out, "%s\n", page_paint(page, "\033[0m"));
	}
	return n;
}

static void print_findings(const struct page *page, const json_t *findings)
{
	size_t n[N_KINDS];

	page_heading(page, "Findings");
	for (size_t kind = 0; kind < N_KINDS; kind++)
		n[kind] = print_kind(page, findings, kind);
	fprintf(page->out, "\n  %zu %s, %zu %s, %zu %s\n", n[0], n[0] == 1 ? "risk" : kinds[0].plural, n[1],
		n[1] == 1 ? "note" : kinds[1].plural, n[2], kinds[2].plural);
}

void inspect_print(const json_t *inspect, FILE *out, bool colour)
{
	static void (*const sections[])(const struct page *page, const json_t *facts) = {
		print_machine,
		print_cpu,
		print_tsc,
		print_clocks,
		print_power,
		print_discipline,
		print_log,
		print_unreadable,
	};
	const struct page page = { .out = out, .colour = colour };

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		if (sections[i] == print_log) {
			print_parameters(&page, facts_get(inspect, "parameters"));
			fputc('\n', out);
		}
		sections[i](&page, facts_get(inspect, "facts"));
		fputc('\n', out);
	}
	print_findings(&page, facts_get(inspect, "findings"));
}
