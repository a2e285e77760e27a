/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/probe.h"

#define DURATION_MAX_S (366 * 86400.0)

struct option_row {
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
	int (*set)(struct options *options, const char *text, struct error *err);
};

int duration_parse(const char *text, double *seconds)
{
	static const struct {
		const char *name;
		double size;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "m", 60 }, { "min", 60 },
		{ "h", 3600 }, { "d", 86400 } };
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value) || value < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		*seconds = value * units[i].size;
		return *seconds <= DURATION_MAX_S ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int set_duration(struct options *o, const char *text, struct error *err)
{
	if (duration_parse(text, &o->duration_s) || o->duration_s <= 0)
		return error_set(
			err, -EINVAL, "--duration %s: not a time above 0; write 30s, 5m or 1h", text);
	return 0;
}

static int set_deadline(struct options *o, const char *text, struct error *err)
{
	if (duration_parse(text, &o->deadline_s) || o->deadline_s <= 0)
		return error_set(
			err, -EINVAL, "--deadline %s: not a time above 0; write 30s, 5m or 1h", text);
	return 0;
}

static int set_interval(struct options *o, const char *text, struct error *err)
{
	if (duration_parse(text, &o->interval_s) || (o->interval_s > 0 && o->interval_s < 20e-6))
		return error_set(err, -EINVAL,
			"--interval %s: not 0 and not a time from 20us up; write 10ms or 1s", text);
	return 0;
}

static int set_count(const char *option, const char *text, int most, unsigned *count, struct error *err)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || text[0] == '-' || value < 1 || value > (unsigned long)most)
		return error_set(err, -EINVAL, "--%s %s: not a number from 1 to %d", option, text, most);
	*count = (unsigned)value;
	return 0;
}

static int set_burst(struct options *o, const char *text, struct error *err)
{
	return set_count("burst", text, PROBE_BURST_MAX, &o->burst, err);
}

static int set_seed(struct options *o, const char *text, struct error *err)
{
	char *end;

	errno = 0;
	o->seed = strtoull(text, &end, 0);
	if (end == text || *end || text[0] == '-' || errno || o->seed > INT64_MAX)
		return error_set(err, -EINVAL, "--seed %s: not a whole number from 0 to 2^63 - 1", text);
	o->seed_given = true;
	return 0;
}

static int set_limit(struct options *o, const char *text, struct error *err)
{
	char *end;

	o->judging.limit_ppm = strtod(text, &end);
	if (end == text || *end || !(o->judging.limit_ppm > 0) || o->judging.limit_ppm > 1e6)
		return error_set(err, -EINVAL, "--limit %s: not a number of ppm above 0", text);
	return 0;
}

static int set_name(char *to, size_t size, const char *option, const char *text, struct error *err)
{
	if (!text[0] || strlen(text) >= size)
		return error_set(err, -EINVAL, "--%s %s: not a name", option, text);
	strcpy(to, text);
	return 0;
}

static int set_limits(struct options *o, const char *text, struct error *err)
{
	return set_name(o->judging.limits, sizeof(o->judging.limits), "limits", text, err);
}

static int set_reference(struct options *o, const char *text, struct error *err)
{
	return set_name(o->judging.reference, sizeof(o->judging.reference), "reference", text, err);
}

static int set_tau0(struct options *o, const char *text, struct error *err)
{
	if (duration_parse(text, &o->tau0_s) || o->tau0_s <= 0)
		return error_set(err, -EINVAL, "--tau0 %s: not a time above 0", text);
	return 0;
}

static int set_repeat(struct options *o, const char *text, struct error *err)
{
	return set_count("repeat", text, OPTIONS_REPEAT_MAX, &o->repeat, err);
}

static int set_ntp(struct options *o, const char *text, struct error *err)
{
	if (o->ntp_count == OPTIONS_NTP_MAX)
		return error_set(err, -EINVAL, "--ntp %s: more than %d servers", text, OPTIONS_NTP_MAX);
	o->ntp[o->ntp_count++] = text;
	return 0;
}

#define SETTER(name, statement)                                                                              \
	static int set_##name(struct options *o, const char *text, struct error *err)                        \
	{                                                                                                    \
		(void)text;                                                                                  \
		(void)err;                                                                                   \
		statement;                                                                                   \
		return 0;                                                                                    \
	}

SETTER(cpus, o->cpus = text)
SETTER(output, o->output = text)
SETTER(clocks, o->clocks = text)
SETTER(peer, o->peer = text)
SETTER(shm, o->shm = text)
SETTER(udp, o->udp = text)
SETTER(vsock, o->vsock = text)
SETTER(key, o->key = text)
SETTER(explain, o->explain = true)
SETTER(freq, o->freq = text)
SETTER(phase, o->phase = text)
SETTER(taus, o->taus = text)
SETTER(config, o->config = text)
SETTER(configs, o->configs = text)
SETTER(profiles, o->profiles = text)
SETTER(resume, o->resume = text)
SETTER(append, o->append = text)
SETTER(scenario, o->scenario = text)
SETTER(cache, o->cache = text)
SETTER(kernel, o->kernel = text)
SETTER(modules, o->modules = text)
SETTER(program, o->program = text)
SETTER(arch, o->arch = text)
SETTER(catalogue, o->catalogue = text)
SETTER(facts, o->facts = text)
SETTER(run, o->run = text)
SETTER(out, o->out = text)
SETTER(root, o->root = text)
SETTER(boot_ini, o->boot_ini = text)
SETTER(json, o->json = true)
SETTER(quiet, o->quiet = true)
SETTER(dry_run, o->dry_run = true)
SETTER(no_report, o->no_report = true)
SETTER(remove_mean, o->remove_mean = true)

static const struct option_row rows[] = {
	{ 'd', "duration", "TIME", "how long to sample: 30s, 5m, 1h", set_duration },
	{ 'c', "cpus", "LIST", "CPUs to sample on: 0-3,8 (default: all allowed ones)", set_cpus },
	{ 'o', "output", "DIR", "the run's directory; must not exist (default: under results/runs/)",
		set_output },
	{ 0, "clocks", "LIST", "clocks to sample, by name: monotonic,hpet,sim:drift=5 (see 'list clocks')",
		set_clocks },
	{ 0, "ntp", "SERVER",
		"an NTP server as one more clock: NAME, ADDRESS or [V6], :PORT; may be repeated", set_ntp },
	{ 0, "peer", "WHERE",
		"another machine's clocks too: TRANSPORT:ADDRESS of its 'clkdrift serve', as shm:auto",
		set_peer },
	{ 0, "reference", "CLOCK",
		"clock to compare with: any sampled one, or tsc (default: peer, else monotonic_raw)",
		set_reference },
	{ 0, "interval", "TIME", "time between bursts (default: 20ms); 0 is back to back", set_interval },
	{ 0, "burst", "N", "readings of each clock at a time (default: 16); the narrowest is kept",
		set_burst },
	{ 0, "seed", "N", "seed of the deadlines' spread and of the sim clock; of a matrix: of its order too",
		set_seed },
	{ 0, "limit", "PPM", "drift limit for all pairs, in ppm", set_limit },
	{ 0, "limits", "NAME", "drift limit by name (see 'list limits')", set_limits },
	{ 0, "shm", "PATH", "the file of shared memory to answer in: /dev/shm/NAME", set_shm },
	{ 0, "udp", "PORT", "answer over UDP: [ADDRESS:]PORT; without an address for this machine alone",
		set_udp },
	{ 0, "vsock", "PORT", "answer guests, or the host, over vsock: [CID:]PORT", set_vsock },
	{ 0, "key", "FILE", "the key that --udp and --vsock share with the asker, who names it as key=FILE",
		set_key },
	{ 0, "explain", NULL, "say how a guest gets the shared memory, and do nothing", set_explain },
	{ 0, "freq", "FILE", "one column of fractional frequencies (dimensionless)", set_freq },
	{ 0, "phase", "FILE", "one column of time errors in seconds", set_phase },
	{ 0, "tau0", "TIME", "time between two values of the file (default: 1s)", set_tau0 },
	{ 0, "taus", "LIST", "averaging times as multiples of tau0: 1,10,100 (default: octaves)", set_taus },
	{ 0, "remove-mean", NULL, "take the mean frequency out before MTIE and TIE rms", set_remove_mean },
	{ 0, "config", "NAME", "the guest to boot (see 'list configurations')", set_config },
	{ 0, "configs", "LIST",
		"the guests of the matrix, by name (default: one-vcpu,two-vcpus,cstates,pstates, and i386 "
		"ones)",
		set_configs },
	{ 0, "profiles", "LIST",
		"the profiles of the matrix, by name (default: "
		"default,notsc-lpj,acpi-pm,pmtmr,hpet,max-cstate-1)",
		set_profiles },
	{ 0, "repeat", "N", "how often the matrix boots each cell (default: 1)", set_repeat },
	{ 0, "resume", "DIR", "go on with the matrix that was begun there", set_resume },
	{ 0, "append", "TEXT", "kernel parameters of the guest, behind its own", set_append },
	{ 0, "scenario", "NAME",
		"scenario to run in the guest: a name or an .ini file (default: quick; of a matrix: matrix)",
		set_scenario },
	{ 0, "deadline", "TIME",
		"how long the guest may take to boot, to set up and to end, each (default: 20s to 120s)",
		set_deadline },
	{ 0, "cache", "DIR", "where what is fetched is kept (default: ~/.cache/clkdrift/lab)", set_cache },
	{ 0, "kernel", "FILE", "a kernel image of yours instead of the fetched one", set_kernel },
	{ 0, "modules", "DIR", "its modules: the directory of modules.dep", set_modules },
	{ 0, "program", "FILE", "clkdrift for the guest (default: this one, or what 'make lab-i386' built)",
		set_program },
	{ 0, "arch", "NAME", "the architecture to set up guests of: i386", set_arch },
	{ 0, "catalogue", "FILE", "profiles of yours too: a CSV file as in analysis/profiles/",
		set_catalogue },
	{ 0, "facts", "FILE", "the system to advise on: the JSON of 'inspect', or one written by hand",
		set_facts },
	{ 0, "run", "DIR", "a stored run, or a matrix of the lab, as evidence", set_run },
	{ 0, "out", "DIR", "write candidate files into it; the live ones are only read", set_out },
	{ 0, "root", "DIR", "look for the live files below it (default: this machine's)", set_root },
	{ 0, "boot-ini", "FILE", "the boot.ini of a Windows guest, to make a candidate from", set_boot_ini },
	{ 0, "dry-run", NULL, "print what would be done, and do nothing", set_dry_run },
	{ 0, "no-report", NULL, "do not draw report.html", set_no_report },
	{ 0, "json", NULL, "results as JSON on stdout, with -q too", set_json },
	{ 'q', "quiet", NULL, "no progress, no text: only the exit code", set_quiet },
};

#define ROW_COUNT  (sizeof(rows) / sizeof(rows[0]))
#define VALUE_HELP 1000

/* Is name one of the words of list? */
static bool takes(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

static struct option_words words_of(const struct command *command, const struct option_row *row)
{
	for (const struct option_words *own = command->words; own && own->name; own++)
		if (strcmp(own->name, row->name) == 0)
			return *own;
	return (struct option_words){ row->name, row->argument, row->help };
}

static void print_help(const struct command *command)
{
	printf("usage: clkdrift %s %s\n\n%s\n\noptions:\n", command->name, command->usage, command->help);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		struct option_words words = words_of(command, &rows[i]);
		char left[48];

		if (!takes(command->options, rows[i].name))
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
			rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
			words.argument ? " " : "", words.argument ? words.argument : "");
		printf("  %-24s %s\n", left, words.help);
	}
	printf("  %-24s %s\n", "-h, --help", "this text");
}

/* For the shell completion: one option a line. */
static void print_option_names(const struct command *command)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (takes(command->options, rows[i].name))
			printf("--%s%s\n", rows[i].name, rows[i].argument ? "=" : "");
	puts("--help");
}

/* getopt's own tables, made from ours.  Room for the extra entries of --help and --list-options. */
static void make_tables(const struct command *command, char *letters, struct option *names)
{
	size_t n = 0;

	*letters++ = ':';
	*letters++ = 'h';
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (!takes(command->options, rows[i].name))
			continue;
		names[n++] = (struct option){ rows[i].name,
			rows[i].argument ? required_argument : no_argument, NULL, VALUE_HELP + 2 + (int)i };
		if (rows[i].letter) {
			*letters++ = rows[i].letter;
			if (rows[i].argument)
				*letters++ = ':';
		}
	}
	*letters = '\0';
	names[n++] = (struct option){ "help", no_argument, NULL, VALUE_HELP };
	names[n++] = (struct option){ "list-options", no_argument, NULL, VALUE_HELP + 1 };
	names[n] = (struct option){ 0 };
}

static const struct option_row *row_of(int value)
{
	if (value > VALUE_HELP + 1)
		return &rows[value - VALUE_HELP - 2];
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].letter && rows[i].letter == value)
			return &rows[i];
	return NULL;
}

/* What getopt did not like, in our words. */
static int refuse(const struct command *command, int value, char **argv, struct error *err)
{
	const char *word = optopt && optopt < VALUE_HELP ? NULL : argv[optind - 1];
	char letter[3] = { '-', (char)optopt, '\0' };

	if (value == ':')
		return error_set(err, -EINVAL, "%s needs a value; see 'clkdrift %s --help'", argv[optind - 1],
			command->name);
	return error_set(err, -EINVAL, "unknown option %s; see 'clkdrift %s --help'", word ? word : letter,
		command->name);
}

static int check_arguments(const struct command *command, struct options *options, struct error *err)
{
	if (options->argument_count < command->min_arguments)
		return error_set(err, -EINVAL, "too few arguments; usage: clkdrift %s %s", command->name,
			command->usage);
	if (options->argument_count > command->max_arguments)
		return error_set(err, -EINVAL, "unexpected argument \"%s\"; usage: clkdrift %s %s",
			options->arguments[command->max_arguments], command->name, command->usage);
	return 0;
}

int options_set(struct options *options, const char *name, const char *text, struct error *err)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].set(options, text, err);
	return error_set(err, -EINVAL, "unknown option --%s", name);
}

int options_parse(
	const struct command *command, int argc, char **argv, struct options *options, struct error *err)
{
	struct option names[ROW_COUNT + 3];
	char letters[3 * ROW_COUNT + 8];
	int value;

	*options = (struct options){ .interval_s = -1, .tau0_s = 1 };
	options->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	make_tables(command, letters, names);
	opterr = 0;
	optind = 0; /* glibc: forget what an earlier, refused line left in getopt */
	while ((value = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_row *row;
		int rc;

		if (value == 'h' || value == VALUE_HELP) {
			print_help(command);
			return 1;
		}
		if (value == VALUE_HELP + 1) {
			print_option_names(command);
			return 1;
		}
		if (value == '?' || value == ':')
			return refuse(command, value, argv, err);
		row = row_of(value);
		rc = row->set(options, optarg, err);
		if (rc)
			return rc;
	}
	options->arguments = argv + optind;
	options->argument_count = argc - optind;
	return check_arguments(command, options, err);
}
