/*
 * codes.c - the tables of SMTP's codes, and how to find a row
 */
#include "core/codes.h"

#include <assert.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *title;
	const char *defined;
} verbs[VERB_COUNT] = {
#define VERB(name, title, defined) { title, defined },
#include "core/verb.def"
};
_Static_assert(VERB_COUNT <= 32, "the bits of a mask");

static const struct basic_code basics[] = {
#define V(verb) VERB_BIT(VERB_##verb)
#define BASIC(...) { __VA_ARGS__ },
#include "core/basic_code.def"
};

static const struct enhanced_code enhanced[] = {
#define ENHANCED(...) { __VA_ARGS__ },
#include "core/enhanced_code.def"
};

static const struct reply_help helps[REPLY_COUNT] = {
#define REPLY_HELP(name, ...) [REPLY_##name] = { __VA_ARGS__ },
#include "core/reply_help.def"
};

/* A reply that nobody explains does not compile. */
enum {
	HELP_ROWS = 0
#define REPLY_HELP(name, ...) + 1
#include "core/reply_help.def"
};
_Static_assert((int)HELP_ROWS == (int)REPLY_COUNT,
    "reply_help.def: a row for each of reply.def");

const char *
verb_title(enum verb verb)
{
	return verbs[verb].title;
}

const char *
verb_defined(enum verb verb)
{
	return verbs[verb].defined;
}

enum verb
verb_of_stage(enum stage stage)
{
	switch (stage) {
	case STAGE_CONNECT:
		return VERB_connect;
	case STAGE_HELO:
		return VERB_helo;
	case STAGE_MAIL:
		return VERB_mail;
	case STAGE_RCPT:
		return VERB_rcpt;
	case STAGE_EOH:
	case STAGE_EOM:
		return VERB_content;
	case STAGE_ANY:
		break;
	}
	return VERB_COUNT;
}

size_t
basic_code_count(void)
{
	return COUNT_OF(basics);
}

const struct basic_code *
basic_code_at(size_t i)
{
	assert(i < COUNT_OF(basics));
	return &basics[i];
}

const struct basic_code *
basic_code_find(unsigned int code)
{
	for (size_t i = 0; i < COUNT_OF(basics); i++)
		if (basics[i].code == code)
			return &basics[i];
	return NULL;
}

size_t
enhanced_code_count(void)
{
	return COUNT_OF(enhanced);
}

const struct enhanced_code *
enhanced_code_at(size_t i)
{
	assert(i < COUNT_OF(enhanced));
	return &enhanced[i];
}

const struct enhanced_code *
enhanced_code_find(unsigned int subject, unsigned int detail)
{
	for (size_t i = 0; i < COUNT_OF(enhanced); i++)
		if (enhanced[i].subject == subject &&
		    enhanced[i].detail == detail)
			return &enhanced[i];
	return NULL;
}

bool
enhanced_code_is_registered(const struct enhanced_code *code)
{
	return code->reference[0] != '\0';
}

/* Is a basic code with these first digits among those that are listed? */
static bool
lists_digits(const struct enhanced_code *code, const char *digits,
    size_t count)
{
	const char *at = code->basics;

	while (*at != '\0') {
		if (strncmp(at, digits, count) == 0 ||
		    strncmp(at, "any", 3) == 0 ||
		    (at[0] == digits[0] && strncmp(at + 1, "xx", 2) == 0))
			return true;
		at += strcspn(at, ",");
		at += strspn(at, ",");
	}
	return false;
}

bool
enhanced_code_lists(const struct enhanced_code *code, unsigned int basic)
{
	const char digits[] = {
		(char)('0' + basic / 100 % 10), (char)('0' + basic / 10 % 10),
		(char)('0' + basic % 10)
	};

	return lists_digits(code, digits, sizeof(digits));
}

bool
enhanced_code_may_be(const struct enhanced_code *code, unsigned int class)
{
	const char digit = (char)('0' + class % 10);

	return strchr(code->classes, digit) != NULL ||
	    lists_digits(code, &digit, 1);
}

const char *
basic_group_title(unsigned int second_digit)
{
	/* RFC 5321 4.2.1 */
	static const char *const titles[] = {
		"syntax", "information", "connections", "not specified",
		"not specified", "mail system"
	};

	return second_digit < COUNT_OF(titles) ? titles[second_digit] :
	    "not specified";
}

const char *
enhanced_subject_title(unsigned int subject)
{
	/* RFC 3463 2; the registry's enumeration */
	static const char *const titles[] = {
		"other or undefined", "addressing", "mailbox", "mail system",
		"network and routing", "mail delivery protocol",
		"content or media", "security or policy"
	};

	return subject < COUNT_OF(titles) ? titles[subject] : NULL;
}

const struct reply_help *
reply_help_of(enum reply_id id)
{
	assert(id < REPLY_COUNT);
	return &helps[id];
}
