/*
 * test_subjects.c - the table that the memory store keeps subjects in
 */
#include "io/subjects.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "../suite.h"

#define NOW INT64_C(1700000000000)
#define HOUR INT64_C(3600000)

/* Count one event, as the store does. */
static struct subject_entry *
count(struct subjects *subjects, const char *subject, const char *field,
    int64_t now_ms)
{
	struct subject_entry *entry = subjects_add(subjects,
	    (uint32_t)strlen(subject), subject, now_ms);
	struct counter *counter = subject_add_window(subjects, entry,
	    field);
	struct window window;

	counter->window_ms = HOUR;
	counter_unpack(counter, &window);
	window_add(&window, HOUR, now_ms, 1);
	counter_pack(counter, &window);
	return entry;
}

static int64_t
total(const struct subject_entry *entry, const char *field)
{
	struct window window;

	counter_unpack(subject_find_counter(entry, field), &window);
	return window.total;
}

START_TEST(subjects_of_one_hash_are_kept_apart)
{
	struct subjects subjects = { 0 };
	struct subject_entry *a = count(&subjects, "a", "f", NOW);
	struct subject_entry *b = count(&subjects, "b", "f", NOW);

	count(&subjects, "b", "f", NOW);
	ck_assert_ptr_ne(a, b);
	ck_assert_ptr_eq(subjects_find(&subjects, 1, "a"), a);
	ck_assert_ptr_eq(subjects_find(&subjects, 1, "b"), b);
	ck_assert_ptr_null(subjects_find(&subjects, 1, "c"));
	ck_assert_int_eq(total(b, "f"), 2);
	subjects_clear(&subjects);
}
END_TEST

START_TEST(fields_of_one_subject_are_kept_apart)
{
	struct subjects subjects = { 0 };
	struct subject_entry *entry = count(&subjects, "a", "x/1h", NOW);

	count(&subjects, "a", "x/1d", NOW);
	count(&subjects, "a", "x/1h", NOW + HOUR / 2);
	ck_assert_int_eq(total(entry, "x/1h"), 2);
	ck_assert_int_eq(total(entry, "x/1d"), 1);
	ck_assert_int_eq(total(entry, "x"), 0);
	subjects_clear(&subjects);
}
END_TEST

START_TEST(a_counter_grows_to_all_its_groups_and_shrinks)
{
	struct subjects subjects = { 0 };
	struct subject_entry *entry = NULL;
	int64_t now_ms = NOW;

	for (int i = 0; i < 300; i++, now_ms += HOUR / 60) {
		entry = count(&subjects, "a", "f", now_ms);
		count(&subjects, "a", "g", now_ms);
	}
	ck_assert_int_eq(total(entry, "f"), 60);
	now_ms += HOUR - HOUR / 30;
	count(&subjects, "a", "f", now_ms);
	subjects_sweep(&subjects, now_ms + 1);
	ck_assert_uint_le(subject_find_counter(entry, "f")->capacity, 4);
	ck_assert_int_eq(total(entry, "f"), 2);
	subjects_clear(&subjects);
}
END_TEST

START_TEST(what_is_in_use_stays_when_the_table_grows)
{
	struct subjects subjects = { 0 };
	struct subject_entry *held;
	char subject[64];

	count(&subjects, "old", "f", NOW - 2 * HOUR);
	count(&subjects, "held", "f", NOW - 2 * HOUR);
	held = subjects_add(&subjects, 4, "held", NOW);
	for (int i = 0; i < 1000; i++) {
		snprintf(subject, sizeof(subject), "%0*d", i % 60 + 1, i);
		subjects_add(&subjects, (uint32_t)i, subject, NOW);
	}
	ck_assert_ptr_eq(subjects_find(&subjects, 4, "held"), held);
	ck_assert_ptr_null(subjects_find(&subjects, 3, "old"));
	subjects_sweep(&subjects, NOW + 1);
	ck_assert_uint_eq(subjects.count, 0);
	ck_assert_ptr_null(subjects.newest);
	ck_assert_ptr_null(subjects.oldest);
	subjects_clear(&subjects);
}
END_TEST

START_TEST(the_list_is_in_order_of_use)
{
	struct subjects subjects = { 0 };
	struct subject_entry *a = count(&subjects, "a", "f", NOW);
	struct subject_entry *b = count(&subjects, "bb", "f", NOW + 1);
	struct subject_entry *c = count(&subjects, "ccc", "f", NOW + 2);

	subjects_use(&subjects, b, NOW + 3);
	subjects_use(&subjects, a, NOW + 4);
	ck_assert_ptr_eq(subjects.newest, a);
	ck_assert_ptr_eq(a->older, b);
	ck_assert_ptr_eq(b->older, c);
	ck_assert_ptr_eq(subjects.oldest, c);
	subjects_remove(&subjects, b);
	ck_assert_ptr_eq(a->older, c);
	ck_assert_ptr_eq(c->newer, a);
	ck_assert_uint_eq(subjects.count, 2);
	subjects_clear(&subjects);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("subjects");
	TCase *rules = tcase_create("rules");

	tcase_add_test(rules, subjects_of_one_hash_are_kept_apart);
	tcase_add_test(rules, fields_of_one_subject_are_kept_apart);
	tcase_add_test(rules, a_counter_grows_to_all_its_groups_and_shrinks);
	tcase_add_test(rules, what_is_in_use_stays_when_the_table_grows);
	tcase_add_test(rules, the_list_is_in_order_of_use);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
