/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/ntp_address.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/now.h"
#include "probes/ntp_packet.h"

#define RESOLVE_S 5.0
#define HOST_MAX  256

int ntp_address_split(
	const char *text, char *host, size_t host_size, char *port, size_t port_size, struct error *err)
{
	const char *end, *colon = strchr(text, ':'), *number = NTP_PORT;
	char *after;
	long value;

	if (text[0] == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return error_set(err, -EINVAL, "ntp [%s: write [ADDRESS] or [ADDRESS]:PORT", text);
		number = end[1] ? end + 2 : number;
	} else if (colon && !strchr(colon + 1, ':')) {
		end = colon;
		number = colon + 1;
	} else {
		end = text + strlen(text);
	}
	value = strtol(number, &after, 10);
	if (!isdigit((unsigned char)number[0]) || *after || value < 1 || value > 65535)
		return error_set(
			err, -EINVAL, "ntp %s: the port \"%s\" is not from 1 to 65535", text, number);
	if (end == text || (size_t)(end - text) >= host_size)
		return error_set(
			err, -EINVAL, "ntp \"%s\": not a server; write ADDRESS[:PORT] or NAME[:PORT]", text);
	snprintf(host, host_size, "%.*s", (int)(end - text), text);
	snprintf(port, port_size, "%ld", value);
	return 0;
}

static bool is_public4(uint32_t ip)
{
	return ip >> 24 != 127 && ip >> 24 != 10 && ip >> 20 != 0xac1 && ip >> 16 != 0xc0a8 &&
	       ip >> 16 != 0xa9fe;
}

bool ntp_address_is_public(const struct net_address *address)
{
	const struct in6_addr *six = &address->in6.sin6_addr;
	uint32_t mapped;

	if (address->any.sa_family == AF_INET)
		return is_public4(ntohl(address->in.sin_addr.s_addr));
	if (IN6_IS_ADDR_V4MAPPED(six)) {
		memcpy(&mapped, six->s6_addr + 12, sizeof(mapped));
		return is_public4(ntohl(mapped));
	}
	return !IN6_IS_ADDR_LOOPBACK(six) && !IN6_IS_ADDR_LINKLOCAL(six) && (six->s6_addr[0] & 0xfe) != 0xfc;
}

/* A look-up in a thread of its own: the resolver has no deadline, and cannot be stopped. */
struct lookup {
	char text[HOST_MAX];
	int (*resolve)(const char *text, const char *port, struct net_address *found, struct error *err);
	struct net_address found[NET_ADDRESSES_MAX];
	struct error error;
	int rc;
	sem_t done;
	atomic_bool ready;  /* rc, found and error are; ThreadSanitizer does not know sem_clockwait() */
	atomic_int holders; /* the thread and the one that waits for it: the last one frees */
};

static void lookup_drop(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->holders, 1) != 1)
		return;
	sem_destroy(&lookup->done);
	free(lookup);
}

static void *lookup_main(void *argument)
{
	struct lookup *lookup = argument;

	lookup->rc = lookup->resolve(lookup->text, NTP_PORT, lookup->found, &lookup->error);
	atomic_store(&lookup->ready, true);
	sem_post(&lookup->done);
	lookup_drop(lookup);
	return NULL;
}

/* Signals are for the main thread, also while this one is left behind. */
static int lookup_start(struct lookup *lookup)
{
	sigset_t all, before;
	pthread_t thread;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(&lookup->holders, 1);
	rc = pthread_create(&thread, NULL, lookup_main, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		atomic_fetch_sub(&lookup->holders, 1);
	else
		pthread_detach(thread);
	return -rc;
}

static int lookup_wait(struct lookup *lookup, double seconds, struct net_address *found, struct error *err)
{
	uint64_t ns = now_ns() + (uint64_t)(seconds * (double)NS_PER_SEC);
	struct timespec until = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	while (sem_clockwait(&lookup->done, CLOCK_MONOTONIC, &until) && errno == EINTR)
		;
	if (!atomic_load(&lookup->ready))
		return error_set(err, -ETIMEDOUT, "the address of %s was not found within %g s", lookup->text,
			seconds);
	if (lookup->rc < 0)
		return error_set(err, lookup->rc, "%s", lookup->error.text);
	memcpy(found, lookup->found, (size_t)lookup->rc * sizeof(*found));
	return lookup->rc;
}

static int lookup_run(const char *text,
	int (*resolve)(const char *text, const char *port, struct net_address *found, struct error *err),
	double seconds, struct net_address *found, struct error *err)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	int rc;

	if (!lookup)
		return error_set(err, -ENOMEM, "out of memory");
	snprintf(lookup->text, sizeof(lookup->text), "%s", text);
	lookup->resolve = resolve;
	sem_init(&lookup->done, 0, 0);
	atomic_init(&lookup->holders, 1);
	rc = lookup_start(lookup);
	rc = rc ? error_set(err, rc, "cannot start a thread to look up %s: %s", text, strerror(-rc))
		: lookup_wait(lookup, seconds, found, err);
	lookup_drop(lookup);
	return rc;
}

int ntp_address_resolve(const char *text, struct net_address *found, struct error *err)
{
	char host[HOST_MAX], port[8];
	int rc = ntp_address_split(text, host, sizeof(host) - 16, port, sizeof(port), err);

	return rc ? rc : lookup_run(text, net_resolve, RESOLVE_S, found, err);
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h;
}

void ntp_address_name(const char *text, char name[CLOCK_NAME_MAX])
{
	struct error ignored = { "" };
	char host[HOST_MAX], port[8], full[HOST_MAX + 16];
	bool changed;

	if (ntp_address_split(text, host, sizeof(host), port, sizeof(port), &ignored))
		snprintf(full, sizeof(full), "ntp");
	else if (strcmp(port, NTP_PORT) == 0)
		snprintf(full, sizeof(full), "ntp-%s", host);
	else
		snprintf(full, sizeof(full), strchr(host, ':') ? "ntp-%s-%s" : "ntp-%s:%s", host, port);
	changed = strlen(full) >= CLOCK_NAME_MAX;
	snprintf(name, CLOCK_NAME_MAX, "%.*s", CLOCK_NAME_MAX - 1, full);
	for (char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr(".:-", *c)) {
			*c = '-';
			changed = true;
		}
	}
	if (!changed)
		return;
	snprintf(name + (strlen(name) > CLOCK_NAME_MAX - 10 ? CLOCK_NAME_MAX - 10 : strlen(name)), 10,
		"-%08x", (unsigned)hash(full));
}
