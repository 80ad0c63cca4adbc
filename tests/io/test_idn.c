/*
 * test_idn.c - domains beyond ASCII
 */
#include "io/idn.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

static const struct {
	const char *name, *path, *domain;
	bool by_grammar;
} rows[] = {
	{ "ASCII stays", "<a@Example.com>", "example.com", true },
	{ "literal stays", "<a@[192.0.2.1]>", "[192.0.2.1]", true },
	{ "U-label", "<a@b\xc3\xbc" "cher.example>", "xn--bcher-kva.example",
	    true },
	{ "upper case", "<a@B\xc3\x9c" "CHER.example>",
	    "xn--bcher-kva.example", true },
	{ "decomposed", "<a@bu\xcc\x88" "cher.example>",
	    "xn--bcher-kva.example", true },
	{ "sharp s is itself (UTS 46, no transition)",
	    "<a@fa\xc3\x9f.example>", "xn--fa-hia.example", true },
	{ "beyond ASCII in the local part only",
	    "<j\xc3\xb6rg@example.com>", "example.com", true },
	{ "a mark in front", "<a@\xcc\x88" "b.example>",
	    "\xcc\x88" "b.example", false },
	{ "two directions in one label", "<a@\xd8\xa7" "b.example>",
	    "\xd8\xa7" "b.example", false },
	{ "unassigned", "<a@\xf3\xa0\x80\x81.example>",
	    "\xf3\xa0\x80\x81.example", false },
	{ "a dot of another script", "<a@b\xe3\x80\x82" "example>",
	    "b.example", true },
	{ "one that makes an empty label", "<a@b.\xe3\x80\x82" "example>",
	    "b.\xe3\x80\x82" "example", false },
	{ "no UTF-8", "<a@b\xfc" "cher.example>", "b\xfc" "cher.example",
	    false },
};

START_TEST(fold)
{
	struct path path;

	path_parse(rows[_i].path, &path);
	idn_fold_path(&path);
	ck_assert_msg(strcmp(path.domain, rows[_i].domain) == 0,
	    "%s: got %s", rows[_i].name, path.domain);
	ck_assert_msg(path.is_by_grammar == rows[_i].by_grammar, "%s",
	    rows[_i].name);
}
END_TEST

/* 63 octets in the form that DNS knows, and one more. */
START_TEST(labels_have_their_length_in_ascii)
{
	char name[2 * 60 + 20] = "", ascii[256];

	for (int i = 0; i < 56; i++)
		memcpy(name + 2 * i, "\xc3\xbc", 3);
	ck_assert(idn_to_ascii(name, ascii, sizeof(ascii)));
	ck_assert_uint_le(strlen(ascii), 63);
	for (int i = 56; i < 60; i++)
		memcpy(name + 2 * i, "\xc3\xb1", 3);
	ck_assert(!idn_to_ascii(name, ascii, sizeof(ascii)));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("idn");
	TCase *tcase = tcase_create("idn");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, fold, 0, ROWS(rows));
	tcase_add_test(tcase, labels_have_their_length_in_ascii);
	return run_suite(suite);
}
