/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copyright the clkdrift developers */
#include "probes/peer_page.c"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct peer_page page;

static int prepare(void **state)
{
	(void)state;
	memset(&page, 0xa5, sizeof(page));
	peer_page_prepare(&page, 2.5e9, true);
	return 0;
}

static void test_header(void **state)
{
	struct page_header_values values = { 0 };
	struct error err = { "" };

	(void)state;
	assert_int_equal(peer_page_check(&page, &values, &err), 0);
	assert_true(values.tsc_hz == 2.5e9);
	assert_true(values.made);
	assert_true(values.same_kernel || access("/proc/sys/kernel/random/boot_id", R_OK) != 0);
	page.header.kernel ^= 1;
	assert_int_equal(peer_page_check(&page, &values, &err), 0);
	assert_false(values.same_kernel);
	assert_false(peer_page_repair(&page, 2.5e9, true));
	page.header.size = 5;
	assert_int_equal(peer_page_check(&page, &values, &err), -ENXIO);
	assert_non_null(strstr(err.text, "another version"));
	assert_true(peer_page_repair(&page, 2.5e9, true));
	peer_page_retire(&page);
	err = (struct error){ "" };
	assert_int_equal(peer_page_check(&page, &values, &err), -ENXIO);
	assert_non_null(strstr(err.text, "clkdrift serve --shm PATH"));
}

static void test_impossible_rates(void **state)
{
	static const uint64_t rates[] = { 0, 1, TSC_HZ_MIN - 1, TSC_HZ_MAX + 1, UINT64_MAX };
	struct page_header_values values;
	struct error err = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		page.header.tsc_hz = rates[i];
		assert_int_equal(peer_page_check(&page, &values, &err), 0);
		assert_true(values.tsc_hz == 0);
	}
	peer_page_prepare(&page, -3, false);
	assert_int_equal(peer_page_check(&page, &values, &err), 0);
	assert_true(values.tsc_hz == 0 && !values.made);
}

/* Whatever single bit is changed in what was written, it is noticed. */
static void test_damage_is_noticed(void **state)
{
	const struct peer_values wrote = { 1, UINT64_MAX, 0, 0x123456789 };
	struct peer_values got;
	uint64_t next;

	(void)state;
	page_ask_prepare(&page, 77);
	page_ask_post(&page, 77);
	page_answer_write(&page, 77, &wrote);
	page_announce(&page, 77, 1000);
	assert_int_equal(page_asked(&page), 77);
	assert_true(page_ask_valid(&page, 77));
	assert_false(page_ask_valid(&page, 78));
	assert_int_equal(page_answer_read(&page, 77, &got), 0);
	assert_memory_equal(&got, &wrote, sizeof(got));
	assert_int_equal(page_answer_read(&page, 76, &got), -EBADMSG);
	assert_int_equal(page_announcement_read(&page, 77, &next), 0);
	assert_int_equal(next, 1000);
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t one = UINT64_C(1) << bit;

		for (size_t i = 0; i < 4; i++) {
			page.answer.value[i] ^= one;
			assert_int_equal(page_answer_read(&page, 77, &got), -EBADMSG);
			page.answer.value[i] ^= one;
		}
		page.answer.check ^= one;
		assert_int_equal(page_answer_read(&page, 77, &got), -EBADMSG);
		page.answer.check ^= one;
		page.ask.next_ns ^= one;
		assert_int_equal(page_announcement_read(&page, 77, &next), -EBADMSG);
		page.ask.next_ns ^= one;
		assert_false(page_ask_valid(&page, 77 ^ one));
	}
	assert_int_equal(page_answer_read(&page, 77, &got), 0);
	assert_int_equal(page_announcement_read(&page, 77, &next), 0);
}

static void test_places(void **state)
{
	(void)state;
	assert_int_equal(page_place_read(&page), -1);
	page_place_write(&page, 0);
	assert_int_equal(page_place_read(&page), 0);
	page_place_write(&page, 4095);
	assert_int_equal(page_place_read(&page), 4095);
	page_place_write(&page, -1);
	assert_int_equal(page_place_read(&page), -1);
	page.ask.place = UINT64_MAX;
	assert_int_equal(page_place_read(&page), -1);
}

static char text[PEER_FACTS_MAX + 2], copy[PEER_FACTS_MAX + 1];

static void fill_text(void)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('!' + i % 90);
}

static void test_facts(void **state)
{
	static const size_t lengths[] = { 0, 1, 7, 8, 9, 1000, PEER_FACTS_MAX - 1, PEER_FACTS_MAX };
	size_t length = 99;

	(void)state;
	fill_text();
	assert_int_equal(page_facts_read(&page, copy, &length), -ENODATA);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(page_facts_write(&page, text, lengths[i]), 0);
		assert_int_equal(page_facts_read(&page, copy, &length), 0);
		assert_int_equal(length, lengths[i]);
		assert_memory_equal(copy, text, length);
		assert_int_equal(copy[length], '\0');
	}
	assert_int_equal(page_facts_write(&page, text, PEER_FACTS_MAX + 1), -EMSGSIZE);
	assert_int_equal(page_facts_read(&page, copy, &length), 0);
	page.facts.length = PEER_FACTS_MAX + 1;
	assert_int_equal(page_facts_read(&page, copy, &length), -EBADMSG);
	page.facts.length = UINT64_MAX;
	assert_int_equal(page_facts_read(&page, copy, &length), -EBADMSG);
	page.facts.sequence |= 1;
	assert_int_equal(page_facts_read(&page, copy, &length), -EAGAIN);
	assert_int_equal(page_facts_write(&page, text, 3), 0);
	assert_int_equal(page_facts_read(&page, copy, &length), 0);
	assert_int_equal(length, 3);
}

static void test_mailbox(void **state)
{
	struct mailbox asker, replier;
	size_t length = 0;

	(void)state;
	mailbox_open_asker(&asker, &page.mailbox);
	mailbox_open_replier(&replier, &page.mailbox);
	assert_int_equal(mailbox_poll(&asker, copy, &length), 0);
	assert_int_equal(mailbox_take(&replier, copy, &length), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(mailbox_ask(&asker, "what?", 5), 0);
		assert_int_equal(mailbox_poll(&asker, copy, &length), 0);
		assert_int_equal(mailbox_take(&replier, copy, &length), 1);
		assert_int_equal(length, 5);
		assert_string_equal(copy, "what?");
		assert_int_equal(mailbox_take(&replier, copy, &length), 0);
		assert_int_equal(mailbox_reply(&replier, "that", 4), 0);
		assert_int_equal(mailbox_poll(&asker, copy, &length), 1);
		assert_int_equal(length, 4);
		assert_string_equal(copy, "that");
	}
	assert_int_equal(mailbox_ask(&asker, text, PEER_TEXT_MAX + 1), -EMSGSIZE);
	assert_int_equal(mailbox_reply(&replier, text, PEER_TEXT_MAX + 1), -EMSGSIZE);
	assert_int_equal(mailbox_ask(&asker, text, PEER_TEXT_MAX), 0);
	assert_int_equal(mailbox_take(&replier, copy, &length), 1);
	assert_int_equal(length, PEER_TEXT_MAX);
	assert_memory_equal(copy, text, PEER_TEXT_MAX);
}

/* A side that starts anew neither answers twice nor takes an old reply for its own. */
static void test_mailbox_restarts(void **state)
{
	struct mailbox asker, replier;
	size_t length = 0;

	(void)state;
	mailbox_open_asker(&asker, &page.mailbox);
	mailbox_open_replier(&replier, &page.mailbox);
	mailbox_ask(&asker, "one", 3);
	mailbox_open_replier(&replier, &page.mailbox);
	assert_int_equal(mailbox_take(&replier, copy, &length), 1);
	mailbox_reply(&replier, "done", 4);
	mailbox_open_replier(&replier, &page.mailbox);
	assert_int_equal(mailbox_take(&replier, copy, &length), 0);
	mailbox_open_asker(&asker, &page.mailbox);
	mailbox_ask(&asker, "two", 3);
	assert_int_equal(mailbox_poll(&asker, copy, &length), 0);
	assert_int_equal(mailbox_take(&replier, copy, &length), 1);
	assert_string_equal(copy, "two");
}

static void test_mailbox_lies(void **state)
{
	struct mailbox asker, replier;
	size_t length = 7;

	(void)state;
	mailbox_open_asker(&asker, &page.mailbox);
	mailbox_open_replier(&replier, &page.mailbox);
	mailbox_ask(&asker, "one", 3);
	page.mailbox.request.length = PEER_TEXT_MAX + 1;
	assert_int_equal(mailbox_take(&replier, copy, &length), -EBADMSG);
	assert_int_equal(mailbox_take(&replier, copy, &length), 0);
	mailbox_reply(&replier, "x", 1);
	page.mailbox.reply.length = UINT64_MAX;
	assert_int_equal(mailbox_poll(&asker, copy, &length), -EBADMSG);
	assert_int_equal(length, 7);
	/* The greatest number is no trap either. */
	page.mailbox.reply.sequence = UINT64_MAX;
	mailbox_open_asker(&asker, &page.mailbox);
	assert_int_equal(mailbox_ask(&asker, "y", 1), 0);
	assert_int_equal(mailbox_take(&replier, copy, &length), 0); /* its number was taken already */
	assert_int_equal(mailbox_ask(&asker, "z", 1), 0);
	assert_int_equal(mailbox_take(&replier, copy, &length), 1);
	assert_string_equal(copy, "z");
}

static atomic_bool scribbling;

/* The other side at its worst: any word of the page may be anything at any time. */
static void *scribble(void *argument)
{
	uint64_t dice = (uint64_t)(uintptr_t)argument;
	peer_word *words = (peer_word *)&page;

	while (atomic_load(&scribbling)) {
		static const uint64_t nasty[] = { 0, 1, 2, PEER_TEXT_MAX, PEER_FACTS_MAX, PEER_FACTS_MAX + 1,
			UINT64_MAX, 1ULL << 63 };

		dice = mix(dice, 0x1234567);
		/* Half of it in the first words, where the lengths and sequences are. */
		words[(dice >> 8) % (dice & 1 ? 80 : PEER_PAGE_SIZE / 8)] =
			dice & 2 ? nasty[(dice >> 2) % 8] : dice;
	}
	return NULL;
}

static void check_all_readers(struct mailbox *asker, struct mailbox *replier)
{
	struct page_header_values header = { 0 };
	struct peer_values values;
	struct error err = { "" };
	size_t length = 0;
	uint64_t next;
	int rc;

	if (peer_page_check(&page, &header, &err) == 0)
		assert_true(header.tsc_hz == 0 || (header.tsc_hz >= 1e6 && header.tsc_hz <= 1e11));
	rc = page_answer_read(&page, page_answered(&page), &values);
	assert_true(rc == 0 || rc == -EBADMSG);
	rc = page_announcement_read(&page, page_announced(&page), &next);
	assert_true(rc == 0 || rc == -EBADMSG);
	assert_true(page_place_read(&page) >= -1);
	rc = page_facts_read(&page, copy, &length);
	assert_true(rc == 0 || rc == -ENODATA || rc == -EAGAIN || rc == -EBADMSG);
	assert_true(length <= PEER_FACTS_MAX);
	length = 0;
	rc = mailbox_take(replier, copy, &length);
	assert_true((rc == 0 || rc == 1 || rc == -EBADMSG) && length <= PEER_TEXT_MAX);
	rc = mailbox_ask(asker, text, 100);
	assert_int_equal(rc, 0);
	length = 0;
	rc = mailbox_poll(asker, copy, &length);
	assert_true((rc == 0 || rc == 1 || rc == -EBADMSG) && length <= PEER_TEXT_MAX);
}

static void test_hostile_side(void **state)
{
	struct mailbox asker, replier;
	pthread_t thread;

	(void)state;
	mailbox_open_asker(&asker, &page.mailbox);
	mailbox_open_replier(&replier, &page.mailbox);
	atomic_store(&scribbling, true);
	assert_int_equal(pthread_create(&thread, NULL, scribble, (void *)(uintptr_t)0x5eed), 0);
	for (unsigned i = 0; i < 500; i++)
		check_all_readers(&asker, &replier);
	atomic_store(&scribbling, false);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_header, prepare),
		cmocka_unit_test_setup(test_impossible_rates, prepare),
		cmocka_unit_test_setup(test_damage_is_noticed, prepare),
		cmocka_unit_test_setup(test_places, prepare),
		cmocka_unit_test_setup(test_facts, prepare),
		cmocka_unit_test_setup(test_mailbox, prepare),
		cmocka_unit_test_setup(test_mailbox_restarts, prepare),
		cmocka_unit_test_setup(test_mailbox_lies, prepare),
		cmocka_unit_test_setup(test_hostile_side, prepare),
	};

	return cmocka_run_group_tests_name("probes/peer_page", tests, NULL, NULL);
}
