/*
 * confoption.c - option.def as tables
 */
#include "io/confoption.h"

#include <string.h>

/* The struct's field; see OPTION_MEMBER_* of config.h. */
#define MEMBER_STRING(name) name
#define MEMBER_STRINGS(name) name
#define MEMBER_BOOL(name) name
#define MEMBER_TRISTATE(name) name
#define MEMBER_NUMBER(name) name
#define MEMBER_DURATION(name) name##_ms
#define MEMBER_SIZE(name) name##_bytes
#define MEMBER_FILEMODE(name) name
#define MEMBER_LEVEL(name) name
#define MEMBER_MODE(name) name
#define MEMBER_SPEAK(name) name
#define MEMBER_SCRIPT(name) name
#define MEMBER_ON_FAILURE(name) name
#define MEMBER_LISTS(name) name
#define MEMBER_MAP(name) name
#define MEMBER_EXCEPT(name) name
#define MEMBER_REPLY(name) name
#define MEMBER_NOTES(name) name
#define MEMBER_KEYS(name) name
#define MEMBER_COUNT(name) name
#define MEMBER_RATES(name) name
#define MEMBER_ZONES(name) name
#define MEMBER_PATTERN(name) name
#define MEMBER_ADDRESSES(name) name

#define ROW(in, type, name, dflt, min, max, help)			\
	{ #name, OPTION_TYPE_##type, dflt, min, max,			\
	    offsetof(struct in, MEMBER_##type(name)), help },

#define TABLE(table, array)						\
	const struct option_table table = {				\
		array, sizeof(array) / sizeof((array)[0])		\
	}

static const struct option_row global_rows[] = {
#define OPTION_GLOBAL(type, name, dflt, min, max, help) \
	ROW(global_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(global_table, global_rows);

static const struct option_row store_memory_rows[] = {
#define OPTION_STORE_MEMORY(type, name, dflt, min, max, help) \
	ROW(store_memory_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(store_memory_table, store_memory_rows);

static const struct option_row store_redis_rows[] = {
#define OPTION_STORE_REDIS(type, name, dflt, min, max, help) \
	ROW(store_redis_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(store_redis_table, store_redis_rows);

static const struct option_row dns_rows[] = {
#define OPTION_DNS(type, name, dflt, min, max, help) \
	ROW(dns_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(dns_table, dns_rows);

static const struct option_row list_rows[] = {
#define OPTION_LIST(type, name, dflt, min, max, help) \
	ROW(list_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(list_table, list_rows);

static const struct option_row map_rows[] = {
#define OPTION_MAP(type, name, dflt, min, max, help) \
	ROW(map_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(map_table, map_rows);

static const struct option_row policy_rows[] = {
#define OPTION_POLICY(type, name, dflt, min, max, help) \
	ROW(policy_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(policy_table, policy_rows);

static const struct option_row match_rows[] = {
#define OPTION_MATCH(type, name, dflt, min, max, help) \
	ROW(match_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(match_table, match_rows);

static const struct option_row rule_rows[] = {
#define OPTION_RULE(type, name, dflt, min, max, help) \
	ROW(rule_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(rule_table, rule_rows);

static const struct option_row check_rows[] = {
#define OPTION_CHECK(type, name, dflt, min, max, help) \
	ROW(check_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(check_table, check_rows);

static const struct option_row limit_rows[] = {
#define OPTION_LIMIT(type, name, dflt, min, max, help) \
	ROW(limit_options, type, name, dflt, min, max, help)
#include "core/option.def"
};
TABLE(limit_table, limit_rows);

static const struct section_row sections[SECTION_COUNT] = {
	[SECTION_GLOBAL] = { "", NULL, false, SECTION_GLOBAL,
	    { &global_table, NULL } },
	[SECTION_STORE_MEMORY] = { "store", "memory", true, SECTION_GLOBAL,
	    { &store_memory_table, NULL } },
	[SECTION_STORE_REDIS] = { "store", "redis", true, SECTION_GLOBAL,
	    { &store_redis_table, NULL } },
	[SECTION_DNS] = { "dns", NULL, false, SECTION_GLOBAL,
	    { &dns_table, NULL } },
	[SECTION_LIST] = { "list", NULL, true, SECTION_GLOBAL,
	    { &list_table, NULL } },
	[SECTION_MAP] = { "map", NULL, true, SECTION_GLOBAL,
	    { &map_table, NULL } },
	[SECTION_POLICY] = { "policy", NULL, true, SECTION_GLOBAL,
	    { &policy_table, NULL } },
	[SECTION_MATCH] = { "match", NULL, false, SECTION_POLICY,
	    { &match_table, NULL } },
	[SECTION_CHECK] = { "check", NULL, true, SECTION_POLICY,
	    { &rule_table, &check_table } },
	[SECTION_LIMIT] = { "limit", NULL, true, SECTION_POLICY,
	    { &rule_table, &limit_table } },
};

const struct section_row *
section_of(enum section section)
{
	return &sections[section];
}

bool
option_takes_many(const struct option_row *row)
{
	switch (row->type) {
	case OPTION_TYPE_STRINGS:
	case OPTION_TYPE_LISTS:
	case OPTION_TYPE_EXCEPT:
	case OPTION_TYPE_NOTES:
	case OPTION_TYPE_KEYS:
	case OPTION_TYPE_RATES:
	case OPTION_TYPE_ZONES:
	case OPTION_TYPE_ADDRESSES:
		return true;
	case OPTION_TYPE_STRING:
	case OPTION_TYPE_BOOL:
	case OPTION_TYPE_TRISTATE:
	case OPTION_TYPE_NUMBER:
	case OPTION_TYPE_DURATION:
	case OPTION_TYPE_SIZE:
	case OPTION_TYPE_FILEMODE:
	case OPTION_TYPE_LEVEL:
	case OPTION_TYPE_MODE:
	case OPTION_TYPE_SPEAK:
	case OPTION_TYPE_SCRIPT:
	case OPTION_TYPE_ON_FAILURE:
	case OPTION_TYPE_MAP:
	case OPTION_TYPE_REPLY:
	case OPTION_TYPE_COUNT:
	case OPTION_TYPE_PATTERN:
	case OPTION_TYPES:
		break;
	}
	return false;
}

static const struct option_row *
table_find(const struct option_table *table, const char *name)
{
	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	return NULL;
}

const struct option_row *
section_option(enum section section, const char *name)
{
	const struct section_row *row = section_of(section);
	const struct option_row *found = table_find(row->tables[0], name);

	return found != NULL ? found : table_find(row->tables[1], name);
}

bool
section_has(enum section parent, const char *name)
{
	for (int i = SECTION_GLOBAL + 1; i < SECTION_COUNT; i++)
		if (sections[i].parent == parent &&
		    strcmp(sections[i].name, name) == 0)
			return true;
	return false;
}
