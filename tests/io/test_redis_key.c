/*
 * test_redis_key.c - what counters are called in Redis, whatever comes
 */
#include "io/redis_key.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/charge.h"
#include "io/redis_slots.h"
#include "../suite.h"

#define LONGEST_PREFIX "0123456789012345678901234567890123456789"
#define TEN "0123456789"
#define SUBJECT_83 "sender:" TEN TEN TEN TEN TEN TEN TEN "012345"

static const struct {
	const char *name, *prefix, *subject, *field, *want;
} cases[] = {
	{"usual", "fg:", "user:alice@example.com", NULL,
	    "fg:{user:alice@example.com}"},
	{"its set", "fg:", "user:alice@example.com",
	    "distinct_recipients/1h",
	    "fg:{user:alice@example.com}/distinct_recipients/1h"},
	{"no prefix", "", "client:2001:db8::/64", NULL,
	    "{client:2001:db8::/64}"},
	{"longest that is whole", "fg:", SUBJECT_83, NULL,
	    "fg:{" SUBJECT_83 "}"},
	{"its set is a hash", "fg:", SUBJECT_83, "distinct_recipients/1h",
	    "fg:{" SUBJECT_83 "}/~1050286732"},
	{"its set just fits", "fg:", SUBJECT_83, "abcdefghi/1",
	    "fg:{" SUBJECT_83 "}/abcdefghi/1"},
	{"one octet more", "fg:", SUBJECT_83 "6", NULL,
	    "fg:{sender:0123456789012345678901234567890123456789012"
	    "~fd352014897dc1d9f07e57e557f32883}"},
	{"longest prefix", LONGEST_PREFIX, SUBJECT_83, "x/1h",
	    LONGEST_PREFIX "{sender:012345"
	    "~9b3a47e1656cdb4e1d292a4cc3cdce34}/x/1h"},
};

START_TEST(key_is_readable_as_long_as_it_fits)
{
	char key[REDIS_KEY_SIZE];

	if (cases[_i].field == NULL)
		redis_key(cases[_i].prefix, cases[_i].subject, key);
	else
		redis_set_key(cases[_i].prefix, cases[_i].subject,
		    cases[_i].field, key);
	ck_assert_msg(strcmp(key, cases[_i].want) == 0, "%s: got %s, want %s",
	    cases[_i].name, key, cases[_i].want);
}
END_TEST

/* --- hostile input at random, all against all --- */

/*
 * 150,000 keys are 1e10 pairs: sorted, those that are alike are neighbours.
 * Values are of few octets and often changed in one place only, so that near
 * misses are likely, before the cut and behind it.
 */
#define DRAWN 150000
#define VALUE_OCTETS_MAX 10240

struct drawn {
	char key[REDIS_KEY_SIZE];
	uint64_t input[2];	/* two hashes of the parts, none of ours */
};

static uint64_t
draw(uint64_t *random, uint64_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random % below;
}

struct hostile {
	struct subject_part parts[3];
	size_t count;
	char values[3][VALUE_OCTETS_MAX];
};

/* Mostly short, some around the cut, a few of 10 KB. */
static size_t
draw_length(uint64_t *random)
{
	static const size_t below[] = {4, 8, 30, 60, 100, 300};

	return draw(random, 500) == 0 ? VALUE_OCTETS_MAX :
	    draw(random, below[draw(random, 6)]);
}

static void
draw_value(uint64_t *random, struct hostile *hostile, size_t i)
{
	static const char octets[] = " \r\n:{}*,%~/@\0a2C\\\"\xc3\xa9\xff";
	size_t length = draw_length(random);

	for (size_t k = 0; k < length; k++)
		hostile->values[i][k] = octets[draw(random,
		    sizeof(octets) - 1)];
	hostile->parts[i].value = hostile->values[i];
	hostile->parts[i].value_length = length;
}

static void
draw_hostile(uint64_t *random, struct hostile *hostile)
{
	static const char *const kinds[] = {"user", "sender", "user_domain"};

	hostile->count = 1 + draw(random, 3);
	for (size_t i = 0; i < hostile->count; i++) {
		hostile->parts[i].kind = kinds[draw(random, 3)];
		draw_value(random, hostile, i);
	}
}

/* One octet of one value is another, or the value a shorter one. */
static void
change_hostile(uint64_t *random, struct hostile *hostile)
{
	size_t i = draw(random, hostile->count);
	struct subject_part *part = &hostile->parts[i];

	if (part->value_length == 0)
		draw_value(random, hostile, i);
	else if (draw(random, 2) == 0)
		part->value_length--;
	else
		hostile->values[i][draw(random, part->value_length)] =
		    (char)draw(random, 256);
}

/* What stands for a subject in Redis becomes somebody's value. */
static void
forge_hostile(struct hostile *hostile, const char *key)
{
	const char *open = strchr(key, ':');

	hostile->count = 1;
	hostile->parts[0].kind = "user";
	hostile->parts[0].value = hostile->values[0];
	hostile->parts[0].value_length = (size_t)snprintf(hostile->values[0],
	    VALUE_OCTETS_MAX, "%s", open != NULL ? open + 1 : key);
}

static uint64_t
mix(uint64_t hash, const void *octets, size_t length, uint64_t factor)
{
	const unsigned char *at = octets;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * factor;
	return hash ^ hash >> 31;
}

static void
note_input(const struct hostile *hostile, struct drawn *drawn)
{
	static const uint64_t factors[2] = {1099511628211u,
	    0x9e3779b97f4a7c15u};

	for (size_t h = 0; h < 2; h++) {
		uint64_t hash = 14695981039346656037u + h;

		for (size_t i = 0; i < hostile->count; i++) {
			const struct subject_part *part = &hostile->parts[i];

			hash = mix(hash, part->kind, strlen(part->kind) + 1,
			    factors[h]);
			hash = mix(hash, &part->value_length,
			    sizeof(part->value_length), factors[h]);
			hash = mix(hash, part->value, part->value_length,
			    factors[h]);
		}
		drawn->input[h] = hash;
	}
}

/* Printable, one pair of braces, and not too long. */
static bool
is_key(const char *key)
{
	const char *at = key;
	int opened = 0, closed = 0;

	for (; *at > ' ' && *at < 127; at++) {
		opened += *at == '{';
		closed += *at == '}';
	}
	return *at == '\0' && at - key <= REDIS_KEY_OCTETS_MAX &&
	    opened == 1 && closed == 1;
}

static void
must_be_in_one_place(const char *key, const char *prefix,
    const char *subject)
{
	static const char *const fields[] = {"x/1h",
	    "a_limit_whose_name_is_rather_longer_than_that_of_others/1w"};
	unsigned int slot = redis_slot_of(key, strlen(key));
	char set[REDIS_KEY_SIZE];

	for (size_t i = 0; i < 2; i++) {
		redis_set_key(prefix, subject, fields[i], set);
		if (!is_key(set))
			ck_abort_msg("no key: %s", set);
		if (redis_slot_of(set, strlen(set)) != slot)
			ck_abort_msg("%s is elsewhere than %s", set, key);
	}
}

static int
compare_drawn(const void *a, const void *b)
{
	const struct drawn *left = a, *right = b;

	return strcmp(left->key, right->key);
}

static const char *const prefixes[] = {"fg:", "", LONGEST_PREFIX};

START_TEST(no_two_hostile_subjects_have_one_key)
{
	struct drawn *drawn = calloc(DRAWN, sizeof(*drawn));
	struct hostile *hostile = calloc(1, sizeof(*hostile));
	uint64_t random = 88172645463325252u;
	char subject[SUBJECT_OCTETS_MAX + 1];
	const char *prefix = prefixes[_i];
	size_t hashed = 0;

	ck_assert(drawn != NULL && hostile != NULL);
	for (size_t i = 0; i < DRAWN; i++) {
		uint64_t how = draw(&random, 16);

		if (i == 0 || how < 6)
			draw_hostile(&random, hostile);
		else if (how < 15)
			change_hostile(&random, hostile);
		else
			forge_hostile(hostile, drawn[i - 1].key);
		subject_build(hostile->parts, hostile->count, subject);
		redis_key(prefix, subject, drawn[i].key);
		note_input(hostile, &drawn[i]);
		if (!is_key(drawn[i].key))
			ck_abort_msg("no key: %s", drawn[i].key);
		must_be_in_one_place(drawn[i].key, prefix, subject);
		hashed += strchr(drawn[i].key, '~') != NULL;
	}
	ck_assert_uint_gt(hashed, DRAWN / 5);
	ck_assert_uint_lt(hashed, DRAWN - DRAWN / 5);
	qsort(drawn, DRAWN, sizeof(*drawn), compare_drawn);
	for (size_t i = 1; i < DRAWN; i++)
		if (compare_drawn(&drawn[i - 1], &drawn[i]) == 0 &&
		    (drawn[i - 1].input[0] != drawn[i].input[0] ||
		    drawn[i - 1].input[1] != drawn[i].input[1]))
			ck_abort_msg("two of one key: %s", drawn[i].key);
	free(hostile);
	free(drawn);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_key");
	TCase *tcase = tcase_create("redis_key");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, key_is_readable_as_long_as_it_fits, 0,
	    ROWS(cases));
	tcase_add_loop_test(tcase, no_two_hostile_subjects_have_one_key, 0,
	    ROWS(prefixes));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
