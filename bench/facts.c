/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include <cpuid.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "bench/facts_read.h"
#include "probes/kvmclock.h"

static void live_cpuid(void *context, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	(void)context;
	__cpuid_count(leaf, subleaf, regs[0], regs[1], regs[2], regs[3]);
}

static int live_adjtimex(void *context, struct timex *tx)
{
	int state = adjtimex(tx);

	(void)context;
	return state < 0 ? -errno : state;
}

static int live_uname(void *context, struct utsname *uts)
{
	(void)context;
	return uname(uts) ? -errno : 0;
}

static int live_pvclock_hz(void *context, double nominal_hz, double *hz)
{
	(void)context;
	return kvmclock_tsc_hz(nominal_hz, hz);
}

const struct facts_source facts_live = {
	.root = "",
	.cpuid = live_cpuid,
	.adjtimex = live_adjtimex,
	.uname = live_uname,
	.pvclock_hz = live_pvclock_hz,
};

/* Cuts the next parameter off, as the kernel does it (lib/cmdline.c, next_arg()): quotes guard blanks. */
static char *next_parameter(char **rest, char **value)
{
	char *start = *rest + strspn(*rest, " \t\n"), *p = start, *to = start;
	bool quoted = false;

	*value = NULL;
	if (!*start)
		return NULL;
	for (; *p && (quoted || !isspace((unsigned char)*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
		} else if (*p == '=' && !*value) {
			*to++ = '\0';
			*value = to;
		} else {
			*to++ = *p;
		}
	}
	*rest = p + (*p != '\0');
	*to = '\0';
	return start;
}

static json_t *command_line(struct facts *f)
{
	static const char path[] = "/proc/cmdline";
	char text[FACTS_FILE_MAX], *rest = text, *name, *value;
	json_t *object = json_object(), *parameters;
	ssize_t n = facts_read(f, path, text, sizeof(text));

	if (n < 0) {
		facts_note(f, path, strerror((int)-n));
		facts_set(f, object, "text", json_null());
		facts_set(f, object, "parameters", json_null());
		return object;
	}
	text[strcspn(text, "\n")] = '\0';
	facts_set(f, object, "text", json_string(text));
	parameters = json_array();
	/* What is behind "--" belongs to init. */
	while ((name = next_parameter(&rest, &value)) && strcmp(name, "--"))
		facts_append(f, parameters, json_pack("{s:s, s:s?}", "name", name, "value", value));
	facts_set(f, object, "parameters", parameters);
	return object;
}

/* Hostname and kernel come from uname(2), which no old kernel lacks. */
static void add_names(struct facts *f, json_t *facts)
{
	struct utsname uts;
	int err = f->src->uname ? f->src->uname(f->src->context, &uts) : -ENOSYS;

	if (err) {
		facts_note(f, "uname", f->src->uname ? strerror(-err) : "not asked");
		facts_set(f, facts, "hostname", json_null());
		facts_set(f, facts, "kernel", json_null());
		return;
	}
	facts_clean(uts.nodename, strnlen(uts.nodename, sizeof(uts.nodename) - 1));
	facts_clean(uts.release, strnlen(uts.release, sizeof(uts.release) - 1));
	facts_clean(uts.version, strnlen(uts.version, sizeof(uts.version) - 1));
	facts_clean(uts.machine, strnlen(uts.machine, sizeof(uts.machine) - 1));
	facts_set(f, facts, "hostname", json_string(uts.nodename));
	facts_set(f, facts, "kernel",
		json_pack("{s:s, s:s, s:s}", "release", uts.release, "version", uts.version, "machine",
			uts.machine));
}

static json_t *uptime(struct facts *f)
{
	static const char path[] = "/proc/uptime";
	char text[128];
	double seconds;
	ssize_t n = facts_read(f, path, text, sizeof(text));

	if (n >= 0 && sscanf(text, "%lf", &seconds) == 1 && seconds >= 0 && seconds < 1e12)
		return json_real(seconds);
	facts_note(f, path, n < 0 ? strerror((int)-n) : "makes no sense");
	return json_null();
}

static json_t *clocksource(struct facts *f)
{
	static const struct facts_attribute attributes[] = {
		{ "current", "current_clocksource", FACTS_STRING },
		{ "available", "available_clocksource", FACTS_WORDS },
	};

	return facts_attributes(f, "/sys/devices/system/clocksource/clocksource0", attributes,
		sizeof(attributes) / sizeof(*attributes), true);
}

static json_t *suspend(struct facts *f)
{
	static const struct facts_attribute attributes[] = {
		{ "states", "state", FACTS_WORDS },
		{ "mem_sleep", "mem_sleep", FACTS_WORDS },
		{ "count", "suspend_stats/success", FACTS_INTEGER },
	};

	return facts_attributes(f, "/sys/power", attributes, sizeof(attributes) / sizeof(*attributes), true);
}

/* A machine without KVM has neither the device nor the module: that is no gap in what is known. */
static json_t *kvm_host(struct facts *f)
{
	static const char *const vendors[] = { "kvm_intel", "kvm_amd" };
	bool module = !facts_exists(f, "/sys/module/kvm");
	json_t *object = json_object(), *nested = NULL;

	facts_set(f, object, "device", json_boolean(!facts_exists(f, "/dev/kvm")));
	facts_set(f, object, "module", json_boolean(module));
	for (size_t i = 0; i < 2 && !nested; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/module/%s", vendors[i]);
		if (!facts_exists(f, path))
			nested = facts_value(f, FACTS_BOOL, true, "%s/parameters/nested", path);
	}
	if (module && !nested)
		facts_note(f, "KVM's nested parameter", "neither kvm_intel nor kvm_amd is loaded");
	facts_set(f, object, "nested", nested ? nested : json_null());
	facts_set(f, object, "tsc_tolerance_ppm",
		module ? facts_value(f, FACTS_INTEGER, true, "/sys/module/kvm/parameters/tsc_tolerance_ppm")
		       : json_null());
	return object;
}

json_t *facts_collect(const struct facts_source *src)
{
	struct facts f = { .src = src, .unreadable = json_array() };
	json_t *facts = json_object();

	add_names(&f, facts);
	facts_set(
		&f, facts, "boot_id", facts_value(&f, FACTS_STRING, true, "/proc/sys/kernel/random/boot_id"));
	facts_set(&f, facts, "uptime_s", uptime(&f));
	facts_set(&f, facts, "command_line", command_line(&f));
	facts_set(&f, facts, "cpu", facts_cpu(&f));
	facts_set(&f, facts, "cpuid", facts_cpuid(&f));
	facts_set(&f, facts, "hypervisor", facts_hypervisor(&f, facts));
	facts_set(&f, facts, "kernel_log", facts_kernel_log(&f));
	facts_set(&f, facts, "tsc", facts_tsc(&f, facts));
	facts_set(&f, facts, "clocksource", clocksource(&f));
	facts_set(&f, facts, "hpet", facts_hpet(&f, facts));
	facts_set(&f, facts, "idle", facts_idle(&f));
	facts_set(&f, facts, "cpufreq", facts_cpufreq(&f));
	facts_set(&f, facts, "pm_timer", facts_pm_timer(&f));
	facts_set(&f, facts, "ptp", facts_ptp(&f));
	facts_set(&f, facts, "rtc", facts_rtc(&f));
	facts_set(&f, facts, "time_daemon", facts_time_daemon(&f));
	facts_set(&f, facts, "adjtimex", facts_adjtimex(&f));
	facts_set(&f, facts, "kvm_host", kvm_host(&f));
	facts_set(&f, facts, "kvm_vcpus", facts_kvm_vcpus(&f));
	facts_set(&f, facts, "suspend", suspend(&f));
	facts_set(&f, facts, "unreadable", f.unreadable);
	if (f.failed) {
		json_decref(facts);
		facts = NULL;
	}
	return facts;
}
