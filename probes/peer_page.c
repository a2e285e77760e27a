/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_page.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FACTS_TRIES 1000
/* No TSC is slower or faster; beyond, the rate counts as not known. */
#define TSC_HZ_MIN UINT64_C(1000000)
#define TSC_HZ_MAX UINT64_C(100000000000)

static uint64_t word_load(const peer_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void word_store(peer_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static uint64_t load_acquire(const peer_word *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void store_release(peer_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

/* Bytes into words and back; no word is touched that the text does not reach. */
static void words_from(peer_word *words, const char *text, size_t length)
{
	for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, text + at, length - at < sizeof(word) ? length - at : sizeof(word));
		word_store(&words[at / sizeof(word)], word);
	}
}

static void words_to(const peer_word *words, char *text, size_t length)
{
	for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
		uint64_t word = word_load(&words[at / sizeof(word)]);

		memcpy(text + at, &word, length - at < sizeof(word) ? length - at : sizeof(word));
	}
	text[length] = '\0';
}

/* One step of a multiply-and-fold hash, as splitmix64 does it (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t tsc_rate_word(double tsc_hz)
{
	return tsc_hz > 0 ? (uint64_t)llround(tsc_hz) : 0;
}

static void write_header(struct page_header *header, double tsc_hz, bool made)
{
	word_store(&header->version, PEER_PAGE_VERSION);
	word_store(&header->size, PEER_PAGE_SIZE);
	word_store(&header->tsc_hz, tsc_rate_word(tsc_hz));
	word_store(&header->made, made);
	word_store(&header->kernel, peer_kernel_word());
	store_release(&header->magic, PEER_PAGE_MAGIC);
}

void peer_page_prepare(struct peer_page *page, double tsc_hz, bool made)
{
	peer_word *words = (peer_word *)page;

	store_release(&page->header.magic, 0);
	for (size_t i = 0; i < sizeof(*page) / sizeof(*words); i++)
		word_store(&words[i], 0);
	write_header(&page->header, tsc_hz, made);
}

bool peer_page_repair(struct peer_page *page, double tsc_hz, bool made)
{
	struct page_header *header = &page->header;

	if (word_load(&header->magic) == PEER_PAGE_MAGIC &&
		word_load(&header->version) == PEER_PAGE_VERSION &&
		word_load(&header->size) == PEER_PAGE_SIZE &&
		word_load(&header->tsc_hz) == tsc_rate_word(tsc_hz) && word_load(&header->made) == made)
		return false;
	write_header(header, tsc_hz, made);
	return true;
}

void peer_page_retire(struct peer_page *page)
{
	store_release(&page->header.magic, 0);
}

int peer_page_check(const struct peer_page *page, struct page_header_values *values, struct error *err)
{
	const struct page_header *header = &page->header;
	uint64_t magic = load_acquire(&header->magic), version = word_load(&header->version);
	uint64_t size = word_load(&header->size), tsc_hz = word_load(&header->tsc_hz);
	uint64_t kernel = word_load(&header->kernel);

	if (magic != PEER_PAGE_MAGIC)
		return error_set(err, -ENXIO,
			"no responder has prepared it: start 'clkdrift serve --shm PATH' on the host");
	if (version != PEER_PAGE_VERSION || size != PEER_PAGE_SIZE)
		return error_set(err, -ENXIO,
			"the responder is of another version: use the same clkdrift on both sides");
	*values = (struct page_header_values){
		.tsc_hz = tsc_hz >= TSC_HZ_MIN && tsc_hz <= TSC_HZ_MAX ? (double)tsc_hz : 0,
		.made = word_load(&header->made) == 1,
		.same_kernel = kernel && kernel == peer_kernel_word(),
	};
	return 0;
}

void page_ask_prepare(struct peer_page *page, uint64_t sequence)
{
	word_store(&page->ask.check, mix(PEER_PAGE_MAGIC, sequence));
}

bool page_ask_valid(const struct peer_page *page, uint64_t sequence)
{
	return word_load(&page->ask.check) == mix(PEER_PAGE_MAGIC, sequence);
}

static uint64_t answer_check(uint64_t sequence, const uint64_t values[4])
{
	uint64_t hash = mix(PEER_PAGE_MAGIC + 1, sequence);

	for (size_t i = 0; i < 4; i++)
		hash = mix(hash, values[i]);
	return hash;
}

void page_answer_write(struct peer_page *page, uint64_t sequence, const struct peer_values *values)
{
	const uint64_t words[4] = { values->monotonic_raw_ns, values->monotonic_ns, values->realtime_ns,
		values->tsc_cycles };

	for (size_t i = 0; i < 4; i++)
		word_store(&page->answer.value[i], words[i]);
	word_store(&page->answer.check, answer_check(sequence, words));
	store_release(&page->answer.sequence, sequence);
}

int page_answer_read(const struct peer_page *page, uint64_t sequence, struct peer_values *values)
{
	uint64_t words[4], check = word_load(&page->answer.check);

	for (size_t i = 0; i < 4; i++)
		words[i] = word_load(&page->answer.value[i]);
	if (check != answer_check(sequence, words))
		return -EBADMSG;
	*values = (struct peer_values){ words[0], words[1], words[2], words[3] };
	return 0;
}

void page_announce(struct peer_page *page, uint64_t sequence, uint64_t next_ns)
{
	word_store(&page->ask.next_ns, next_ns);
	word_store(&page->ask.next_check, mix(mix(PEER_PAGE_MAGIC + 2, sequence), next_ns));
	store_release(&page->ask.announced, sequence);
}

int page_announcement_read(const struct peer_page *page, uint64_t sequence, uint64_t *next_ns)
{
	uint64_t next = word_load(&page->ask.next_ns), check = word_load(&page->ask.next_check);

	if (check != mix(mix(PEER_PAGE_MAGIC + 2, sequence), next))
		return -EBADMSG;
	*next_ns = next;
	return 0;
}

void page_place_write(struct peer_page *page, int cpu)
{
	word_store(&page->ask.place, cpu < 0 ? 0 : (uint64_t)cpu + 1);
}

int page_place_read(const struct peer_page *page)
{
	uint64_t place = word_load(&page->ask.place);

	return place <= INT_MAX ? (int)place - 1 : -1;
}

int page_facts_write(struct peer_page *page, const char *text, size_t length)
{
	uint64_t sequence = word_load(&page->facts.sequence) & ~UINT64_C(1);

	if (length > PEER_FACTS_MAX)
		return -EMSGSIZE;
	word_store(&page->facts.sequence, sequence + 1);
	atomic_thread_fence(memory_order_release);
	word_store(&page->facts.length, length);
	words_from(page->facts_words, text, length);
	store_release(&page->facts.sequence, sequence + 2 ? sequence + 2 : 2);
	return 0;
}

int page_facts_read(const struct peer_page *page, char *text, size_t *length)
{
	for (unsigned i = 0; i < FACTS_TRIES; i++) {
		uint64_t sequence = load_acquire(&page->facts.sequence);
		uint64_t bytes = word_load(&page->facts.length);

		if (sequence == 0)
			return -ENODATA;
		if (!(sequence & 1) && bytes <= PEER_FACTS_MAX)
			words_to(page->facts_words, text, bytes);
		atomic_thread_fence(memory_order_acquire);
		if (sequence & 1 || word_load(&page->facts.sequence) != sequence) {
			peer_pause(false);
			continue;
		}
		if (bytes > PEER_FACTS_MAX)
			return -EBADMSG;
		*length = bytes;
		return 0;
	}
	return -EAGAIN;
}

static int text_write(struct peer_text *to, uint64_t sequence, const char *text, size_t length)
{
	if (length > PEER_TEXT_MAX)
		return -EMSGSIZE;
	word_store(&to->sequence, 0);
	atomic_thread_fence(memory_order_release);
	word_store(&to->length, length);
	words_from(to->words, text, length);
	store_release(&to->sequence, sequence);
	return 0;
}

/* The text with that sequence.  1, 0 where it changed meanwhile, or -EBADMSG. */
static int text_read(const struct peer_text *from, uint64_t sequence, char *text, size_t *length)
{
	uint64_t bytes = word_load(&from->length);

	if (bytes > PEER_TEXT_MAX)
		return word_load(&from->sequence) == sequence ? -EBADMSG : 0;
	words_to(from->words, text, bytes);
	atomic_thread_fence(memory_order_acquire);
	if (word_load(&from->sequence) != sequence)
		return 0;
	*length = bytes;
	return 1;
}

void mailbox_open_asker(struct mailbox *mailbox, struct peer_mailbox *box)
{
	uint64_t request = load_acquire(&box->request.sequence), reply = load_acquire(&box->reply.sequence);

	*mailbox = (struct mailbox){ box, request > reply ? request : reply };
}

void mailbox_open_replier(struct mailbox *mailbox, struct peer_mailbox *box)
{
	*mailbox = (struct mailbox){ box, load_acquire(&box->reply.sequence) };
}

int mailbox_ask(struct mailbox *mailbox, const char *text, size_t length)
{
	uint64_t sequence = mailbox->sequence + 1 ? mailbox->sequence + 1 : 1;
	int rc = text_write(&mailbox->box->request, sequence, text, length);

	if (!rc)
		mailbox->sequence = sequence;
	return rc;
}

int mailbox_poll(const struct mailbox *mailbox, char *text, size_t *length)
{
	uint64_t sequence = mailbox->sequence;

	if (sequence == 0 || load_acquire(&mailbox->box->reply.sequence) != sequence)
		return 0;
	return text_read(&mailbox->box->reply, sequence, text, length);
}

int mailbox_take(struct mailbox *mailbox, char *text, size_t *length)
{
	uint64_t sequence = load_acquire(&mailbox->box->request.sequence);
	int rc;

	if (sequence == 0 || sequence == mailbox->sequence)
		return 0;
	rc = text_read(&mailbox->box->request, sequence, text, length);
	if (rc)
		mailbox->sequence = sequence;
	return rc;
}

int mailbox_reply(struct mailbox *mailbox, const char *text, size_t length)
{
	return text_write(&mailbox->box->reply, mailbox->sequence, text, length);
}
