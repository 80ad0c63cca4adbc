/*
 * confoption.h - option.def as tables: which section takes which option
 *
 * The scanner, the parser, the printer and the manual read the same rows.
 */
#ifndef FLOODGATE_IO_CONFOPTION_H
#define FLOODGATE_IO_CONFOPTION_H

#include "core/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
	OPTION_TYPE_STRING, OPTION_TYPE_STRINGS, OPTION_TYPE_BOOL,
	OPTION_TYPE_TRISTATE, OPTION_TYPE_NUMBER, OPTION_TYPE_DURATION,
	OPTION_TYPE_SIZE, OPTION_TYPE_FILEMODE, OPTION_TYPE_LEVEL,
	OPTION_TYPE_MODE, OPTION_TYPE_SPEAK, OPTION_TYPE_SCRIPT,
	OPTION_TYPE_ON_FAILURE,
	OPTION_TYPE_LISTS, OPTION_TYPE_MAP, OPTION_TYPE_EXCEPT,
	OPTION_TYPE_REPLY, OPTION_TYPE_NOTES, OPTION_TYPE_KEYS,
	OPTION_TYPE_COUNT, OPTION_TYPE_RATES, OPTION_TYPE_PATTERN,
	OPTION_TYPE_ADDRESSES, OPTION_TYPE_ZONES,
	OPTION_TYPES
};

struct option_row {
	const char *name;
	enum option_type type;
	const char *dflt;	/* as in the file; "" none */
	int64_t min, max;	/* 0, 0: whatever the type holds */
	size_t offset;		/* of the field in the section's struct */
	const char *help;
};

struct option_table {
	const struct option_row *rows;
	size_t count;
};

/* A table for each struct of config.h that option.def makes. */
extern const struct option_table global_table, store_memory_table,
    store_redis_table, dns_table, list_table, map_table, policy_table, match_table,
    rule_table, check_table, limit_table;

enum section {
	SECTION_GLOBAL, SECTION_STORE_MEMORY, SECTION_STORE_REDIS,
	SECTION_DNS, SECTION_LIST, SECTION_MAP, SECTION_POLICY, SECTION_MATCH,
	SECTION_CHECK,
	SECTION_LIMIT,
	SECTION_COUNT
};

struct section_row {
	const char *name;	/* "store"; "" for the top level */
	const char *title;	/* the only one it may have, or NULL */
	bool has_title;
	enum section parent;
	const struct option_table *tables[2];	/* second may be NULL */
};

const struct section_row *section_of(enum section section);

/* May the option have several values, in braces? */
bool option_takes_many(const struct option_row *row);

/* The option of that name in this section, or NULL. */
const struct option_row *section_option(enum section section,
    const char *name);

/* Is there a section of that name within `parent`? */
bool section_has(enum section parent, const char *name);

#endif
