/*
 * confread.h - what the parts of the configuration reader share
 *
 * conffile.c reads files, confbuild.c makes the configuration of them,
 * conflist.c its lists and maps, and confpolicy.c its policies. Not thread-safe: libconfuse's lexer is global,
 * so only one thread at a time reads a configuration.
 */
#ifndef FLOODGATE_IO_CONFREAD_H
#define FLOODGATE_IO_CONFREAD_H

#include "io/confscan.h"
#include "io/conftype.h"

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>

/* One file, scanned and parsed. */
struct conf_file {
	const char *name;	/* as it was named, for messages */
	const char *real;	/* without links, to know it again */
	const char *directory;	/* of `name`, absolute: names in the file
				 * start from there */
	struct scan scan;
	cfg_t *cfg;		/* NULL: libconfuse could not read it */
	struct conf_file *next;
};

/* A section at the top level; those of included files in their place. */
struct conf_item {
	const struct conf_file *file;
	const struct scan_section *section;
};

struct conf_reader {
	struct arena *scratch;		/* ends with the reading */
	struct problems *problems;
	struct config *config;		/* being made, in its own arena */
	struct map_cache maps;
	struct conf_file *files;	/* in the order of reading */
	struct conf_item *items;
	size_t item_count, item_room;
	struct header_rule *header_rules;	/* of `config` */
};

/* A section while it is read. */
struct section_reader {
	const struct conf_file *file;
	const struct scan_section *section;
	cfg_t *cfg;
	struct arena *scratch;
	struct reading reading;
};

void section_begin(struct section_reader *in, struct conf_reader *conf,
    const struct conf_file *file, const struct scan_section *section);

/* One option into its field, or its default; false when it is no good. */
bool section_read_option(struct section_reader *in,
    const struct option_row *row, void *fields);
/* Its default into its field, whatever the section says. */
void section_default(struct section_reader *in,
    const struct option_row *row, void *fields);
/* All options of a table into the fields of their struct. */
void section_read(struct section_reader *in,
    const struct option_table *table, void *fields);

/* Does the section give the option, be it good or not? */
bool section_gives(const struct section_reader *in, const char *name);
/* Is it given with no value at all, as `name = {}`? */
bool section_is_empty(const struct section_reader *in, const char *name);
/* The line of the option's value i, or of the section. */
int section_line(const struct section_reader *in, const char *name, size_t i);

/* Problem: `name: expected, saw "value"`; nothing seen if value is NULL. */
void section_refuse(const struct section_reader *in, const char *name,
    size_t i, const char *expected, const char *value);

struct check_row;
/* Is it an option of check.def that this check takes? */
bool check_takes_option(const struct check_row *check, const char *name);

/* Make the configuration of all items. */
void conf_build(struct conf_reader *conf);
void conf_build_lists(struct conf_reader *conf);	/* and maps */
void conf_build_policies(struct conf_reader *conf);

/* Problem if there is one of its kind and title before item `at`. */
void conf_check_title_once(struct conf_reader *conf, size_t at);

#endif
