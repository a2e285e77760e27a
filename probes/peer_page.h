/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
/*
 * The page that two machines share: one asks for the clocks of the other.
 *
 * The responder makes it, in the first 64 KiB of a file or of the memory of a
 * QEMU ivshmem device.  Each side writes lines that the other only reads, 128
 * bytes apart: the CPU fetches cache lines in pairs.  All fields are in the byte
 * order of x86-64.
 *
 * The other side is not trusted and may change everything at any time.  So what
 * is read is copied once and the copy is checked; sequences are of 64 bits that
 * begin at random; asks, announcements and answers carry a check word, so that a
 * torn or overwritten one is no answer.  That finds damage, it is no proof of
 * origin.
 *
 * Only plain loads and stores, relaxed, acquire or release: where a guest sees
 * the memory uncached, a locked instruction would lock the bus of the host.
 */
#ifndef PROBES_PEER_PAGE_H
#define PROBES_PEER_PAGE_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/peer.h"
#include "results/error.h"

#define PEER_PAGE_SIZE	  65536
#define PEER_FILE_SIZE	  1048576 /* of what holds it: QEMU wants a power of two, libvirt whole MiB */
#define PEER_PAGE_MAGIC	  UINT64_C(0x656761702d6b6c63) /* "clk-page" */
#define PEER_PAGE_VERSION 1
#define PEER_FACTS_MAX	  49152
#define PEER_TEXT_MAX	  4096

typedef _Atomic uint64_t peer_word;
/* 32-bit CPUs too move them at once, by the FPU or SSE2: ATOMIC_LLONG_LOCK_FREE only tells of unaligned ones there. */
_Static_assert(sizeof(peer_word) == 8 && _Alignof(peer_word) == 8 && __atomic_always_lock_free(8, 0),
	"shared words are plain memory");

#define PEER_LINE _Alignas(128)

struct page_header {
	peer_word magic; /* written last, cleared when the responder ends */
	peer_word version, size;
	peer_word tsc_hz; /* of the responder, nominal; 0: not known */
	peer_word made;	  /* 1: a responder made the file, and may remove it */
	peer_word kernel; /* which one is running: two sides with the same are on one machine */
};

struct page_ask {
	peer_word sequence, check;
	/* Written behind the last ask of a burst. */
	peer_word announced;  /* that ask's sequence */
	peer_word next_ns;    /* the responder's monotonic_raw when the next burst begins */
	peer_word next_check; /* over both */
	peer_word place;      /* where both sides are on one machine, the asker's CPU + 1 */
};

struct page_answer {
	peer_word sequence; /* of the ask */
	peer_word value[4]; /* in the order of struct peer_values */
	peer_word check;    /* over all five */
};

/* A text of at most PEER_TEXT_MAX bytes, whatever they are. */
struct peer_text {
	PEER_LINE peer_word sequence; /* 0: being written */
	peer_word length;
	PEER_LINE peer_word words[PEER_TEXT_MAX / 8];
};

struct peer_mailbox {
	struct peer_text request, reply;
};

struct page_facts {
	PEER_LINE peer_word sequence; /* odd: being written; 0: none */
	peer_word length;
};

struct peer_page {
	PEER_LINE struct page_header header;
	PEER_LINE struct page_ask ask;
	PEER_LINE struct page_answer answer;
	struct page_facts facts;
	struct peer_mailbox mailbox;
	PEER_LINE peer_word facts_words[PEER_FACTS_MAX / 8];
	char spare[7424];
};
_Static_assert(sizeof(struct peer_page) == PEER_PAGE_SIZE, "the page fills its 64 KiB");
/* A 32-bit guest and its 64-bit host must see the same. */
_Static_assert(
	offsetof(struct peer_page, ask) == 128 && offsetof(struct peer_page, answer) == 256 &&
		offsetof(struct peer_page, facts) == 384 && offsetof(struct peer_page, mailbox) == 512 &&
		offsetof(struct peer_page, facts_words) == 8960 && offsetof(struct page_ask, place) == 40 &&
		offsetof(struct page_answer, check) == 40 && offsetof(struct peer_text, words) == 128,
	"the layout is the same on every machine");

/* ---- the header ---- */

struct page_header_values {
	double tsc_hz; /* 0: not known, or not possible */
	bool made;
	bool same_kernel; /* both sides run on one machine */
};

/* The responder's: makes the page empty and valid.  tsc_hz is rounded to whole Hz. */
void peer_page_prepare(struct peer_page *page, double tsc_hz, bool made);
/* Puts back a header that was overwritten.  True if it was. */
bool peer_page_repair(struct peer_page *page, double tsc_hz, bool made);
/* The responder ends: nobody may take the page for a live one. */
void peer_page_retire(struct peer_page *page);
/* 0 and *values, or -ENXIO where no responder of this version prepared the page; err says which. */
int peer_page_check(const struct peer_page *page, struct page_header_values *values, struct error *err);

/* ---- an exchange ---- */

static inline uint64_t page_asked(const struct peer_page *page)
{
	return atomic_load_explicit(&page->ask.sequence, memory_order_acquire);
}

static inline uint64_t page_answered(const struct peer_page *page)
{
	return atomic_load_explicit(&page->answer.sequence, memory_order_acquire);
}

static inline uint64_t page_announced(const struct peer_page *page)
{
	return atomic_load_explicit(&page->ask.announced, memory_order_acquire);
}

/* Between two looks at a line.  alone: this machine has one CPU, so the other side may need it. */
static inline void peer_pause(bool alone)
{
	if (alone)
		sched_yield();
	else
		__builtin_ia32_pause();
}

/*
 * The asker's, in two halves: all that can be done before, then the ask itself, which counts for the
 * bracket.  sequence is not 0 and was not used before.
 */
void page_ask_prepare(struct peer_page *page, uint64_t sequence);
static inline void page_ask_post(struct peer_page *page, uint64_t sequence)
{
	atomic_store_explicit(&page->ask.sequence, sequence, memory_order_release);
}
/* Is the ask with that sequence a whole one?  False too where another one came meanwhile: look again. */
bool page_ask_valid(const struct peer_page *page, uint64_t sequence);
void page_answer_write(struct peer_page *page, uint64_t sequence, const struct peer_values *values);
/* 0, or -EBADMSG where the answer with that sequence is not a whole one. */
int page_answer_read(const struct peer_page *page, uint64_t sequence, struct peer_values *values);

/* sequence: the last ask of the burst. */
void page_announce(struct peer_page *page, uint64_t sequence, uint64_t next_ns);
/* 0 and *next_ns, or -EBADMSG where the announcement with that sequence is not a whole one. */
int page_announcement_read(const struct peer_page *page, uint64_t sequence, uint64_t *next_ns);

/*
 * Both sides spin: on one CPU they would wait for each other until the kernel takes it away.  So the asker
 * tells the responder of its own machine where it is; cpu is negative where that is not known or of no use.
 */
void page_place_write(struct peer_page *page, int cpu);
/* -1: not told.  Any number else: the other side is not trusted. */
int page_place_read(const struct peer_page *page);

/* ---- facts: JSON of the responder's environment ---- */

/* 0 or -EMSGSIZE: more than PEER_FACTS_MAX bytes.  The responder's alone. */
int page_facts_write(struct peer_page *page, const char *text, size_t length);
/*
 * Copies the text and ends it with a NUL; text has room for PEER_FACTS_MAX + 1.  0; -ENODATA: none is there;
 * -EBADMSG: its length is impossible; -EAGAIN: it was written all the while.
 */
int page_facts_read(const struct peer_page *page, char *text, size_t *length);

/* ---- the mailbox: a request, then its reply ---- */

/* One side's own memory of where it is: nothing of that is taken from the page later. */
struct mailbox {
	struct peer_mailbox *box;
	uint64_t sequence;
};

/* For the side that asks: the first request is later than all that was asked before. */
void mailbox_open_asker(struct mailbox *mailbox, struct peer_mailbox *box);
/* For the side that replies: an unanswered request is the first that it takes. */
void mailbox_open_replier(struct mailbox *mailbox, struct peer_mailbox *box);

/* Posts a request; one that was not answered yet is forgotten.  0 or -EMSGSIZE. */
int mailbox_ask(struct mailbox *mailbox, const char *text, size_t length);
/*
 * Looks for the reply to the last request: 1 and the text, ended with a NUL (room for PEER_TEXT_MAX + 1);
 * 0: not yet; -EBADMSG: it came with an impossible length.
 */
int mailbox_poll(const struct mailbox *mailbox, char *text, size_t *length);

/* Looks for a new request, as mailbox_poll().  One that is refused with -EBADMSG is not offered again. */
int mailbox_take(struct mailbox *mailbox, char *text, size_t *length);
/* Replies to the request that was taken last.  0 or -EMSGSIZE. */
int mailbox_reply(struct mailbox *mailbox, const char *text, size_t length);

#endif
