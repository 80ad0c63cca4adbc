/*
 * test_arena.c - pieces are zeroed, aligned, apart, and end together
 */
#include "base/arena.h"

#include <check.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../suite.h"

START_TEST(closing_nothing_is_fine)
{
	struct arena *arena = NULL;

	arena_close(&arena);
	ck_assert_ptr_null(arena);
}
END_TEST

START_TEST(closed_handle_is_null)
{
	struct arena *arena = arena_open();

	ck_assert_ptr_nonnull(arena);
	arena_close(&arena);
	ck_assert_ptr_null(arena);
}
END_TEST

static bool
all_are(const unsigned char *octets, size_t count, int value)
{
	for (size_t i = 0; i < count; i++)
		if (octets[i] != value)
			return false;
	return true;
}

/* Small and large pieces in turn: each keeps what was written into it. */
START_TEST(pieces_are_apart)
{
	enum { PIECES = 2000 };
	struct arena *arena = arena_open();
	unsigned char *pieces[PIECES];
	size_t sizes[PIECES];

	srandom(4);
	for (int i = 0; i < PIECES; i++) {
		sizes[i] = (size_t)(random() % (i % 50 == 0 ? 100000 : 200));
		pieces[i] = arena_get(arena, sizes[i]);
		ck_assert_uint_eq((uintptr_t)pieces[i] % alignof(max_align_t),
		    0);
		ck_assert(all_are(pieces[i], sizes[i], 0));
		memset(pieces[i], i & 0xff, sizes[i]);
		arena_copy(arena, "odd");
	}
	for (int i = 0; i < PIECES; i++)
		ck_assert(all_are(pieces[i], sizes[i], i & 0xff));
	arena_close(&arena);
}
END_TEST

START_TEST(array_is_zeroed)
{
	struct arena *arena = arena_open();
	const int64_t *numbers = arena_get_array(arena, 1000, sizeof(*numbers));

	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(numbers[i], 0);
	ck_assert_ptr_nonnull(arena_get_array(arena, 0, 8));
	arena_close(&arena);
}
END_TEST

START_TEST(array_too_large_ends_the_program)
{
	struct arena *arena = arena_open();

	arena_get_array(arena, SIZE_MAX / 2, 4);
}
END_TEST

START_TEST(copies_are_their_own)
{
	struct arena *arena = arena_open();
	char name[] = "example.com";
	char *copy = arena_copy(arena, name);
	char *part = arena_copy_n(arena, name, 7);

	name[0] = 'X';
	ck_assert_str_eq(copy, "example.com");
	ck_assert_str_eq(part, "example");
	ck_assert_str_eq(arena_copy_n(arena, "", 0), "");
	arena_close(&arena);
}
END_TEST

START_TEST(a_million_names_waste_little)
{
	struct arena *arena = arena_open();
	size_t wanted = 0;

	for (int i = 0; i < 1000000; i++)
		wanted += strlen(arena_copy(arena, "user@example.com")) + 1;
	ck_assert_uint_ge(arena_bytes(arena), wanted);
	ck_assert_uint_le(arena_bytes(arena), wanted + 2 * 1024 * 1024);
	arena_close(&arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("arena");
	TCase *rules = tcase_create("rules");

	tcase_add_test(rules, closing_nothing_is_fine);
	tcase_add_test(rules, closed_handle_is_null);
	tcase_add_test(rules, pieces_are_apart);
	tcase_add_test(rules, array_is_zeroed);
	tcase_add_exit_test(rules, array_too_large_ends_the_program, 71);
	tcase_add_test(rules, copies_are_their_own);
	tcase_add_test(rules, a_million_names_waste_little);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
