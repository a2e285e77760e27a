/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/* clkdrift serve: let another machine read the clocks of this one. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/facts.h"
#include "bench/options.h"
#include "bench/page_file.h"
#include "bench/placement.h"
#include "bench/responder.h"
#include "bench/responder_net.h"
#include "bench/tsc_rate.h"
#include "probes/tsc.h"
#include "results/units.h"

#define EXPLAINED_PATH	"/dev/shm/clkdrift"
#define SHM_DIRECTORY	"/dev/shm/" /* where libvirt puts the memory of an ivshmem device, by its name */
#define LOOK_NS		(200 * NS_PER_MS)
#define LOOKS_A_REFRESH 10 /* guests come and go, and set their TSC */

static void explain(const char *path)
{
	const char *name = strncmp(path, SHM_DIRECTORY, strlen(SHM_DIRECTORY)) == 0
				   ? path + strlen(SHM_DIRECTORY)
				   : NULL;

	printf("The guest gets an ivshmem device whose memory is the file that the responder answers in.\n\n"
	       "QEMU:\n\n"
	       "  -object memory-backend-file,id=clk,mem-path=%s,size=1M,share=on \\\n"
	       "  -device ivshmem-plain,memdev=clk\n\n",
		path);
	if (name && name[0] && !strchr(name, '/'))
		printf("libvirt, within <devices>:\n\n"
		       "  <shmem name='%s'>\n"
		       "    <model type='ivshmem-plain'/>\n"
		       "    <size unit='M'>1</size>\n"
		       "  </shmem>\n\n",
			name);
	else
		printf("libvirt: it takes only files of " SHM_DIRECTORY "; choose such a path.\n\n");
	printf("On the host, beside the guest:\n\n"
	       "  clkdrift serve --shm %s\n\n"
	       "In the guest, as root:\n\n"
	       "  clkdrift run --peer shm:auto\n\n"
	       "Start the guest first: QEMU makes the file then, which so belongs to its user, and the "
	       "responder\n"
	       "may end and start again.  A file that the responder made is removed when it ends; a guest "
	       "that\n"
	       "has it must be started anew to see the next one.\n",
		path);
}

/* All that ends it; those that were ignored stay so, for nohup. */
static void block_signals(sigset_t *signals)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	sigemptyset(signals);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction now;

		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(signals, ends[i]);
	}
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* The guest that asks may have been started after us.  What cannot be told now is told the next time. */
static void refresh_facts(const struct responder *r, json_t *facts)
{
	struct error ignored = { "" };

	if (r->page && facts_kvm_refresh(&facts_live, facts) > 0)
		responder_tell_facts(r->page, facts, &ignored);
}

static void await_signal(const sigset_t *signals, const struct responder *r, json_t *facts, bool quiet)
{
	const struct timespec wait = { 0, LOOK_NS };
	bool told = quiet;

	for (unsigned looks = 1; sigtimedwait(signals, NULL, &wait) < 0; looks++) {
		if (looks % LOOKS_A_REFRESH == 0)
			refresh_facts(r, facts);
		if (told || atomic_load(&r->errors) == 0)
			continue;
		fprintf(stderr, "clkdrift: something else than an asker writes into the page; counted from "
				"here on\n");
		told = true;
	}
}

static void sum_up(const struct responder *r)
{
	printf("%" PRIu64 " exchanges in %" PRIu64 " bursts, %" PRIu64 " of them met late, %" PRIu64
	       " errors\n",
		atomic_load(&r->exchanges), atomic_load(&r->bursts), atomic_load(&r->late),
		atomic_load(&r->errors));
}

/* --cpus names the one CPU to answer on; without it r->cpu is -1. */
static int choose_cpu(struct responder *r, struct placement *placement, const char *list, struct error *err)
{
	size_t count = 0;
	int *cpus = NULL, rc;

	r->cpu = -1;
	if (!list)
		return 0;
	rc = placement_select(placement, list, &cpus, &count, err);
	if (!rc && count != 1)
		rc = error_set(err, -EINVAL, "--cpus %s: the responder runs on one CPU", list);
	if (!rc) {
		r->cpu = cpus[0];
		r->bind = placement_bind;
		r->bind_context = placement;
	}
	free(cpus);
	return rc;
}

static void sum_up_net(const struct responder_net *net)
{
	struct responder_net_counters counters;

	responder_net_count(net, &counters);
	printf("%" PRIu64 " messages, %" PRIu64 " answered", counters.received, counters.verdict[PEER_GOOD]);
	for (int i = PEER_GOOD + 1; i < PEER_VERDICTS; i++)
		if (counters.verdict[i])
			printf(", %" PRIu64 " dropped: %s", counters.verdict[i], peer_verdict_name(i));
	if (counters.unsent)
		printf(", %" PRIu64 " not sent", counters.unsent);
	printf("\n");
}

static int prepare(const struct options *o, struct responder *r, const struct page_file *file,
	const json_t *facts, struct responder_net **net, struct error *err)
{
	struct responder_net_setup setup = { .udp = o->udp, .vsock = o->vsock, .key = o->key };
	char source[96];
	int rc = 0;

	r->tsc_hz = setup.tsc_hz = tsc_rate(facts, source, sizeof(source));
	if (o->shm) {
		r->page = file->page;
		r->made = file->made;
		peer_page_prepare(r->page, r->tsc_hz, r->made);
		rc = responder_tell_facts(r->page, facts, err);
	}
	if (!rc && (o->udp || o->vsock))
		rc = responder_net_open(&setup, net, err);
	return rc;
}

/* Starts what there is, and answers until a signal comes. */
static int answer(const struct options *o, struct responder *r, struct responder_net *net, json_t *facts,
	const sigset_t *signals, struct error *err)
{
	int rc = 0;

	/* The threads of the network inherit it; that of the page binds itself. */
	if (net && r->cpu >= 0)
		rc = r->bind(r->bind_context, r->cpu);
	if (rc)
		return error_set(err, rc, "--cpus: cannot run on CPU %d: %s", r->cpu, strerror(-rc));
	if (o->shm)
		rc = responder_start(r, err);
	if (rc)
		return rc;
	if (net)
		rc = responder_net_start(net, err);
	if (!rc && !o->quiet && o->shm)
		printf("answering in %s; 'clkdrift run --peer shm:%s' reads it; Ctrl-C ends\n", o->shm,
			o->shm);
	if (!rc && !o->quiet && net)
		printf("answering at %s%s; Ctrl-C ends\n", responder_net_where(net),
			o->key ? ", to those who have the key" : "");
	if (!rc && !o->quiet && net && !o->key && responder_net_reaches_out(net))
		fprintf(stderr, "clkdrift: without a key everybody who reaches this address is answered, and "
				"nothing shows the asker that an answer is true; see --key\n");
	fflush(stdout);
	if (!rc)
		await_signal(signals, r, facts, o->quiet);
	if (!rc && net)
		responder_net_stop(net);
	if (o->shm)
		responder_stop(r);
	return rc;
}

static int serve(const struct options *o, struct responder *r, struct error *err)
{
	struct responder_net *net = NULL;
	struct page_file file;
	json_t *facts;
	sigset_t signals;
	int rc = 0;

	/* First, so that no signal finds the file made and nobody to remove it. */
	block_signals(&signals);
	if (o->shm)
		rc = page_file_open(&file, o->shm, err);
	if (rc)
		return rc;
	facts = facts_collect(&facts_live);
	rc = facts ? prepare(o, r, &file, facts, &net, err) : error_set(err, -ENOMEM, "out of memory");
	if (!rc)
		rc = answer(o, r, net, facts, &signals, err);
	json_decref(facts);
	if (o->shm)
		page_file_close(&file);
	if (!rc && !o->quiet && o->shm)
		sum_up(r);
	if (!rc && !o->quiet && net)
		sum_up_net(net);
	responder_net_close(net);
	return rc;
}

static int serve_command(const struct options *o, struct error *err)
{
	struct responder *r;
	struct placement *placement;
	int rc;

	if (o->explain) {
		explain(o->shm ? o->shm : EXPLAINED_PATH);
		return 0;
	}
	if (o->key && !o->udp && !o->vsock)
		return error_set(err, -EINVAL,
			"--key %s: what for? give --udp [ADDRESS:]PORT or --vsock PORT too", o->key);
	if (!o->shm && !o->udp && !o->vsock)
		return error_set(err, -EINVAL,
			"serve needs --shm PATH, --udp PORT or --vsock PORT; 'clkdrift serve --explain' "
			"tells more");
	tsc_init();
	r = calloc(1, sizeof(*r));
	placement = placement_load(err);
	rc = r && placement ? choose_cpu(r, placement, o->cpus, err)
			    : error_set(err, -ENOMEM, "out of memory");
	if (!rc)
		rc = serve(o, r, err);
	placement_free(placement);
	free(r);
	return rc;
}

static const struct option_words words[] = {
	{ "cpus", "CPU", "the one CPU to answer on (default: any)" },
	{ NULL, NULL, NULL },
};

const struct command command_serve = {
	.name = "serve",
	.usage = "--shm PATH | --udp PORT | --vsock PORT [OPTION]...",
	.summary = "let a guest, another process or another machine read the clocks of this one",
	.help = "Answers with the clocks of this machine until Ctrl-C: in a file of shared memory, for a "
		"guest whose\n"
		"ivshmem device is that file or for another process; over UDP; over vsock, between guest and "
		"host.\n"
		"The other side reads them as the clock 'peer', with 'clkdrift run --peer'.  It sleeps while "
		"nobody\n"
		"asks.  Over UDP it answers this machine alone, unless an address is given; then give a key "
		"too:\n"
		"a file of 16 bytes or more, the same on both machines, that only you may read.\n\n"
		"  clkdrift serve --shm /dev/shm/clkdrift      answer there\n"
		"  clkdrift serve --explain                    how a guest gets the device\n"
		"  (umask 077; head -c 32 /dev/urandom > K)    make a key\n"
		"  clkdrift serve --udp 192.0.2.1:4123 --key K there: run --peer udp:192.0.2.1:4123:key=K\n"
		"  clkdrift serve --vsock 4123                 in a guest: run --peer vsock:2:4123",
	.options = "shm udp vsock key cpus explain quiet",
	.words = words,
	.max_arguments = 0,
	.run = serve_command,
};
