/*
 * check.h - the checks: one row of check.def, one function
 *
 * A check looks at the session, the recipient and the facts its row asks
 * for, and says whether its rule refuses. It never sees a fact that is
 * missing, never fails, and does not know about modes, exemptions or
 * replies: policy_judge() does that once for all.
 */
#ifndef FLOODGATE_CORE_CHECK_H
#define FLOODGATE_CORE_CHECK_H

#include "core/config.h"
#include "core/dns_fact.h"
#include "core/session.h"

#include <stdbool.h>

enum check_cost {
	COST_SYNTAX, COST_LIST,
	COST_SOURCE,	/* of a rule with a list that is kept elsewhere */
	COST_DNS, COST_COUNTER
};

/* Options of a check section beyond those that every rule takes. */
enum check_takes {
	TAKES_LISTS = 1 << 0,
	TAKES_LISTENERS = 1 << 1,
	TAKES_MAP = 1 << 2,
	TAKES_SELF = 1 << 3,
	TAKES_MAX = 1 << 4,
	TAKES_MAX_SIZE = 1 << 5,
	TAKES_MAILBOXES = 1 << 6,
	TAKES_SENDERS = 1 << 7,
	TAKES_AUTHENTICATED = 1 << 8,
	TAKES_HEADER = 1 << 9,
	TAKES_PATTERN = 1 << 10,
	TAKES_ZONES = 1 << 11,
	TAKES_MARKS = 1 << 12
};

/* What a rule may need beyond the session; bits (1u << FACT_x). */
enum fact {
#define FACT(name, scope, help) FACT_##name,
#include "core/fact.def"
	FACT_COUNT
};
#define FACT_BIT(name) (1u << FACT_##name)

/* What a check of DNS found, or could not find, for the reply's fields. */
struct finding {
	char zone[DNS_NAME_SIZE];
	char server[DNS_NAME_SIZE];
	char txt[DNS_TEXT_MAX + 1];
	char subject[DNS_NAME_SIZE];
};

struct occasion;	/* core/lookup.h */

struct check_input {
	const struct rule *rule;
	const struct config *config;
	const struct session *session;
	const struct path *recipient;	/* at RCPT, else NULL */
	enum stage stage;		/* where we are */
	const struct occasion *occasion;	/* the same, for lookups */
	struct dns_facts *dns;		/* for checks of DNS, to ask */
	struct finding *found;		/* where they write what they find */
};

/* Does the rule refuse? */
typedef bool check_function(const struct check_input *input);

struct check_row {
	const char *name;
	enum stage stage;
	enum check_cost cost;
	unsigned int facts;	/* bits of enum fact */
	unsigned int steps;	/* bits of enum step */
	unsigned int takes;	/* bits of enum check_takes */
	unsigned int must;
	enum reply_id reply;
	check_function *refuses;
	const char *help;
};

enum check_id {
#define CHECK(name, ...) CHECK_##name,
#include "core/check.def"
	CHECK_COUNT
};

const struct check_row *check_of(enum check_id id);
/* NULL when there is no such check. */
const struct check_row *check_find(const char *name);

#define CHECK(name, ...) check_function check_##name;
#include "core/check.def"

/* Limits whose name says what they count: limit.def. */
struct limit_row {
	const char *name;
	enum key per;
	enum count count;
	enum reply_id reply;
	const char *help;
};

enum limit_id {
#define LIMIT(name, per, count, help) LIMIT_##name,
#include "core/limit.def"
	LIMIT_COUNT
};

const struct limit_row *limit_of(enum limit_id id);
const struct limit_row *limit_find(const char *name);

/* The reply of a limit with a name of its own: by what it counts. */
enum reply_id limit_default_reply(const struct keys *per, enum count count);

#endif
