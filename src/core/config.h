/*
 * config.h - the policy in memory: what floodgate.conf says, made ready
 *
 * Made by io/conffile.c into one arena, immutable afterwards, shared by all
 * threads. Everything a rule needs at run time is a pointer from here.
 */
#ifndef FLOODGATE_CORE_CONFIG_H
#define FLOODGATE_CORE_CONFIG_H

#include "base/quantity.h"
#include "core/list.h"
#include "core/pattern.h"
#include "core/reply.h"
#include "core/stage.h"
#include "core/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum mode { MODE_ENFORCE, MODE_OBSERVE, MODE_OFF, MODE_COUNT };
enum on_failure {
	ON_FAILURE_LOCAL, ON_FAILURE_ACCEPT, ON_FAILURE_DEFER,
	ON_FAILURE_COUNT
};
enum speak { SPEAK_RCPT, SPEAK_EARLY, SPEAK_COUNT };
enum script_kind { SCRIPT_EVAL, SCRIPT_FUNCTION, SCRIPT_COUNT };
enum tristate { TRISTATE_ANY, TRISTATE_FALSE, TRISTATE_TRUE };
enum level {
	LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG,
	LEVEL_COUNT
};

/* Names as in the configuration, indexed by the enums above. */
extern const char *const mode_names[MODE_COUNT];
extern const char *const on_failure_names[ON_FAILURE_COUNT];
extern const char *const speak_names[SPEAK_COUNT];
extern const char *const script_names[SCRIPT_COUNT];
extern const char *const level_names[LEVEL_COUNT];

enum key {
#define KEY(name, ...) KEY_##name,
#include "core/key.def"
	KEY_COUNT
};
const char *key_name(enum key key);
enum stage key_stage(enum key key);
const char *key_help(enum key key);

enum count {
#define COUNT(name, ...) COUNT_##name,
#include "core/count.def"
	COUNT_COUNT
};

/* Which events a count is of; see count.def. */
enum count_of { OF_ACCEPTED, OF_ALL, OF_REFUSED, OF_REJECTED };
enum count_once { ONCE_EVENT, ONCE_MESSAGE, ONCE_SESSION };
enum count_back { BACK_MESSAGE, BACK_CLOSE, BACK_NEVER };

struct count_row {
	const char *name;
	unsigned int asked, early;	/* 1u << STAGE_x */
	enum count_of of;
	enum count_once once;
	enum count_back back;
	enum key different;	/* KEY_COUNT: events are counted */
	enum reply_id reply;	/* REPLY_COUNT: by the limit's keys */
	const char *help;
};
const struct count_row *count_row(enum count count);
const char *count_name(enum count count);
const char *count_help(enum count count);
/* Does it count how many different ones there are? */
bool count_is_distinct(enum count count);
/* May it be counted before it happens? */
bool count_is_leasable(enum count count);

/* Callbacks beyond CONNECT, MAIL and RCPT that something needs. */
enum step {
	STEP_HELO = 1 << 0,	/* HELO arrives */
	STEP_CONTENT = 1 << 1,	/* header and body arrive, to be measured */
	STEP_CONNECT_REPLY = 1 << 2,	/* CONNECT may be refused */
	STEP_MAIL_REPLY = 1 << 3,	/* MAIL may be refused */
	STEP_HEADERS = 1 << 4,	/* the header arrives, to be read */
	STEP_EOH_REPLY = 1 << 5,	/* the header's end may be refused */
	STEP_HELO_REPLY = 1 << 6,	/* HELO may be refused */
	STEP_REJECTED = 1 << 7,	/* recipients that the MTA refuses arrive */
	STEP_DNS = 1 << 8,	/* questions to DNS, begun in the background */
	STEP_CLIENT_NAME = 1 << 9	/* CONNECT tells what the MTA found
					 * out about the client's name */
};

struct strings {
	const char *const *at;
	size_t count;
};

struct lists {
	const struct list *const *at;
	size_t count;
};

/* Mailboxes as written in one option, and made ready for lookups. */
struct addresses {
	struct strings written;
	struct list list;	/* without entries: none given */
};

/* What a list of an `except` is looked up with. */
enum subject {
	SUBJECT_CLIENT_OR_USER,	/* no prefix: what the sender cannot forge */
	SUBJECT_CLIENT, SUBJECT_USER, SUBJECT_HELO, SUBJECT_SENDER,
	SUBJECT_RECIPIENT,
	SUBJECT_COUNT
};
extern const char *const subject_names[SUBJECT_COUNT];	/* "" first */

struct except_entry {
	enum subject subject;
	const struct list *list;
};

struct except {
	const struct except_entry *at;
	size_t count;
};

struct keys {
	enum key at[KEY_COUNT];	/* ascending, each once */
	size_t count;
};

/* The reply of the first of them that has one. */
enum reply_id keys_reply(const struct keys *keys, enum reply_id otherwise);

#define WINDOWS_MAX 8	/* in one limit */
struct window_rule {
	struct rate rate;
	const char *label;	/* "1h", as in rate_format() */
	const char *field;	/* "quota_user/1h": the counter's name */
};

struct rates {
	const struct window_rule *at;
	size_t count;
};

/* The structs that option.def makes. */
#define OPTION_MEMBER_STRING(name) const char *name;
#define OPTION_MEMBER_STRINGS(name) struct strings name;
#define OPTION_MEMBER_BOOL(name) bool name;
#define OPTION_MEMBER_TRISTATE(name) enum tristate name;
#define OPTION_MEMBER_NUMBER(name) int64_t name;	/* -1: not given */
#define OPTION_MEMBER_DURATION(name) int64_t name##_ms;
#define OPTION_MEMBER_SIZE(name) int64_t name##_bytes;	/* -1: not given */
#define OPTION_MEMBER_FILEMODE(name) unsigned int name;
#define OPTION_MEMBER_LEVEL(name) enum level name;
#define OPTION_MEMBER_MODE(name) enum mode name;
#define OPTION_MEMBER_SPEAK(name) enum speak name;
#define OPTION_MEMBER_SCRIPT(name) enum script_kind name;
#define OPTION_MEMBER_ON_FAILURE(name) enum on_failure name;
#define OPTION_MEMBER_LISTS(name) struct lists name;
#define OPTION_MEMBER_MAP(name) const struct map *name;	/* NULL: none */
#define OPTION_MEMBER_PATTERN(name) const struct pattern *name;
				/* NULL: none */
#define OPTION_MEMBER_ADDRESSES(name) struct addresses name;
#define OPTION_MEMBER_EXCEPT(name) struct except name;
#define OPTION_MEMBER_REPLY(name) const struct reply *name;
				/* never NULL: the row's own if not given */
#define OPTION_MEMBER_NOTES(name) unsigned int name;
				/* bits 1u << CODE_NOTE_x, codelint.h */
#define OPTION_MEMBER_KEYS(name) struct keys name;
#define OPTION_MEMBER_COUNT(name) enum count name;
#define OPTION_MEMBER_RATES(name) struct rates name;
#define OPTION_MEMBER_ZONES(name) struct zones name;

struct global_options {
#define OPTION_GLOBAL(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct store_memory_options {
#define OPTION_STORE_MEMORY(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct store_redis_options {
#define OPTION_STORE_REDIS(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct dns_options {
#define OPTION_DNS(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct list_options {
#define OPTION_LIST(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct map_options {
#define OPTION_MAP(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct policy_options {
#define OPTION_POLICY(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct match_options {
#define OPTION_MATCH(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct rule_options {
#define OPTION_RULE(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct check_options {
#define OPTION_CHECK(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};
struct limit_options {
#define OPTION_LIMIT(type, name, ...) OPTION_MEMBER_##type(name)
#include "core/option.def"
};

/* Where in the files something stands; for messages and the log. */
struct origin {
	const char *file;
	int line;
};

struct check_row;	/* core/check.h */

/* A check or a limit of a policy. */
struct rule {
	const char *name;
	struct origin origin;
	const struct check_row *check;	/* NULL: a limit */
	struct rule_options with;
	struct check_options checks;	/* of a check */
	uint64_t header_bit;	/* of its header and pattern, or 0 */
	bool looks_at_marks;	/* a check of marked.def: in the store, too */
	struct limit_options limits;	/* of a limit */
};

struct policy {
	const char *name;
	struct origin origin;
	struct policy_options with;
	bool has_match;
	struct match_options match;
	const struct rule *rules;	/* in the order in which they run:
					 * by cost, limits last */
	size_t rule_count;
	const size_t *written;		/* rules in the file's order: indices */
};

/*
 * What a check looks for in the header, found while it passes by: nobody
 * keeps the header of a message.
 */
#define HEADER_RULES_MAX 64	/* bits of session.headers_matched */
struct header_rule {
	const char *header;	/* field name, without its colon */
	const struct pattern *pattern;
};

enum store_kind { STORE_KIND_MEMORY, STORE_KIND_REDIS };

struct config {
	struct arena *arena;	/* holds all of it, this struct too */
	struct global_options global;
	struct folding folding;	/* of global, as list lookups want it */
	enum store_kind store;
	struct store_memory_options memory;
	struct store_redis_options redis;
	struct dns_options dns;
	const struct list *lists;
	const struct list_options *list_options;	/* beside lists */
	size_t list_count;
	const struct map *maps;		/* of sections; others are files */
	const struct map_options *map_options;	/* beside maps */
	size_t map_count;
	const struct policy *policies;
	size_t policy_count;
	const struct header_rule *header_rules;
	size_t header_rule_count;
	unsigned int steps;	/* of enum step: what all rules together need */
};

#endif
