/*
 * test_checkup.c - what `floodgatectl check` finds
 *
 * The store is one that says what a row wants; what real ones say is in
 * their own tests.
 */
#include "io/checkup.h"

#include <check.h>
#include <string.h>

#include "base/text.h"
#include "../suite.h"

/* --- a store that complains --- */

static struct {
	const char *store;	/* its complaint, or NULL */
	const char *list;	/* of the list; "": no answer, NULL: well */
} fake;

static void
fake_get_state(struct store *store, struct store_state *state)
{
	(void)store;
	state->kind = "redis";
}

static size_t
fake_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[])
{
	(void)store;
	(void)timeout_ms;
	if (fake.store == NULL)
		return 0;
	complaints[0].misset = true;
	text_copy(complaints[0].where, sizeof(complaints[0].where), "here");
	text_copy(complaints[0].text, sizeof(complaints[0].text), fake.store);
	return 1;
}

static void
fake_look_up(struct store *store, struct store_lookup lookups[],
    size_t count, int64_t timeout_ms)
{
	(void)store;
	(void)timeout_ms;
	ck_assert_uint_eq(count, 1);
	if (fake.list == NULL)
		lookups[0].status = LIST_NONE;
	else if (fake.list[0] != '\0')
		text_copy(lookups[0].complaint->text,
		    sizeof(lookups[0].complaint->text), fake.list);
}

static const struct store_ops fake_ops = {
	.get_state = fake_get_state, .check = fake_check,
	.look_up = fake_look_up
};

/* --- rows --- */

#define RELOAD "configuration, f.conf: the last reload was turned down, " \
    "and what was in place stays: floodgatectl reload says why, lasts\n"
#define DNS "name servers, floodgate-check-ff.arpa: cannot tell whether " \
    "this name exists: they do not answer, or know nobody who does\n"

enum names { NOBODY_ASKS, FAILS, ANSWERS };

static const struct {
	const char *name, *store, *list;
	bool has_list, reload_failed;
	enum names names;
	const char *asked, *troubles;
} cases[] = {
	{"all is well", NULL, NULL, true, false, ANSWERS,
	    "store redis, list banned, name servers", ""},
	{"no list, no DNS", NULL, "", false, false, NOBODY_ASKS,
	    "store redis", ""},
	{"the store", "x", NULL, false, false, NOBODY_ASKS, "store redis",
	    "store, here: x, lasts\n"},
	{"a list that is none", NULL, "expected a set", true, false,
	    NOBODY_ASKS, "store redis, list banned",
	    "list banned, key: expected a set\n"},
	{"a list that is silent", NULL, "", true, false, NOBODY_ASKS,
	    "store redis, list banned",
	    "list banned, key: no answer in time\n"},
	{"with the store", "x", "", true, false, NOBODY_ASKS,
	    "store redis, list banned", "store, here: x, lasts\n"},
	{"names", NULL, NULL, false, false, FAILS,
	    "store redis, name servers", DNS},
	{"everything", "x", "y", true, true, FAILS,
	    "store redis, list banned, name servers",
	    RELOAD "store, here: x, lasts\nlist banned, key: y\n" DNS},
};

static void
put_troubles(const json_t *troubles, struct text *out)
{
	const json_t *trouble;
	size_t i;

	json_array_foreach(troubles, i, trouble) {
		text_put(out, json_string_value(json_object_get(trouble,
		    "part")));
		text_put(out, ", ");
		text_put(out, json_string_value(json_object_get(trouble,
		    "where")));
		text_put(out, ": ");
		text_put(out, json_string_value(json_object_get(trouble,
		    "text")));
		text_put(out, json_is_true(json_object_get(trouble,
		    "lasts")) ? ", lasts\n" : "\n");
	}
}

static void
put_asked(const json_t *asked, struct text *out)
{
	const json_t *name;
	size_t i;

	json_array_foreach(asked, i, name) {
		text_put(out, i > 0 ? ", " : "");
		text_put(out, json_string_value(name));
	}
}

/* A server that knows one name not to exist, and fails at others. */
static struct dns *
open_dns(enum names names)
{
	static const struct dns_question question = {
		DNS_A, "floodgate-check-ff.arpa"
	};
	static const struct dns_answer none = { .status = DNS_NONE };
	struct dns *dns = dns_open_given();

	ck_assert_ptr_nonnull(dns);
	if (names == ANSWERS)
		dns_give(dns, &question, &none);
	return dns;
}

START_TEST(each_trouble_is_told)
{
	static const struct list_source source = {
		"key", "list banned", false
	};
	struct list lists[2] = {{ .source = NULL }, { .source = &source }};
	struct config config = {
		.global = { .event_timeout_ms = 2000 }, .lists = lists,
		.list_count = cases[_i].has_list ? 2 : 1,
		.steps = cases[_i].names != NOBODY_ASKS ? STEP_DNS : 0
	};
	struct store store = { .ops = &fake_ops };
	struct dns *dns = open_dns(cases[_i].names);
	const struct checkup checkup = {
		.config = &config, .store = &store, .dns = dns,
		.config_file = "f.conf", .now_ms = 255,
		.reload_failed = cases[_i].reload_failed
	};
	char asked[200], troubles[1000];
	struct text text;
	json_t *document;

	fake.store = cases[_i].store;
	fake.list = cases[_i].list;
	document = checkup_run(&checkup);
	TEXT_INIT(&text, asked);
	put_asked(json_object_get(document, "asked"), &text);
	ck_assert_str_eq(asked, cases[_i].asked);
	TEXT_INIT(&text, troubles);
	put_troubles(json_object_get(document, "troubles"), &text);
	ck_assert_msg(strcmp(troubles, cases[_i].troubles) == 0,
	    "%s: got %swant %s", cases[_i].name, troubles,
	    cases[_i].troubles);
	ck_assert_int_eq(json_is_true(json_object_get(document, "well")),
	    troubles[0] == '\0');
	json_decref(document);
	dns_close(&dns);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("checkup");
	TCase *tcase = tcase_create("checkup");

	tcase_add_loop_test(tcase, each_trouble_is_told, 0, ROWS(cases));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
