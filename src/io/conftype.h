/*
 * conftype.h - the types of options: a parser for each
 */
#ifndef FLOODGATE_IO_CONFTYPE_H
#define FLOODGATE_IO_CONFTYPE_H

#include "core/config.h"
#include "io/conffile.h"
#include "io/confoption.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Maps read so far: one that several checks name is read once. */
struct map_cache {
	const struct map **at;
	size_t count;
	size_t room;
};

/* One option's values, and what is needed to understand them. */
struct reading {
	struct arena *arena;		/* what is kept goes here */
	struct problems *problems;
	struct map_cache *maps;
	const struct config *config;	/* its lists can be named */
	const char *file;		/* that the option stands in */
	const char *directory;		/* of it, absolute */
	/* The option. */
	const struct option_row *row;
	const char *const *values;	/* as libconfuse gives them */
	const int *lines;		/* of each value; NULL: the default */
	size_t count;			/* of values */
	int line;			/* where the option stands */
	/* The rule, while one is read. */
	const struct reply *usual;	/* its reply if none is given */
	enum count counts;		/* what a limit counts */
	const char *name;		/* of a limit, for its counters */
};

/*
 * Parse the values into the field; problems are added for what cannot be
 * understood, and the field is then the type's "none".
 */
bool option_parse(struct reading *reading, void *field);

/* `name` itself if absolute, else in `directory`; in the arena. */
const char *path_within(struct arena *arena, const char *directory,
    const char *name);

/*
 * Can the file be read? If not, there is a problem at the place that names
 * it, in option `name`.
 */
bool file_is_readable(struct problems *problems, const char *path,
    const char *name, const char *file, int line);

const struct list *config_find_list(const struct config *config,
    const char *name);

#endif
