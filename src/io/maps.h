/*
 * maps.h - list and map files into memory
 *
 * One entry a line; '#' begins a comment at the start of a line or after a
 * blank; blank lines are skipped; lines may end in CR LF. Every wrong line is
 * a problem with its number. 100,000 entries load in well under a second.
 */
#ifndef FLOODGATE_IO_MAPS_H
#define FLOODGATE_IO_MAPS_H

#include "core/list.h"
#include "io/conffile.h"

struct arena;
struct list_builder;

/*
 * Gather entries, from the configuration or files, then make the list.
 * They are folded as they will be looked up: `folding` is the program's.
 */
struct list_builder *list_builder_open(struct arena *arena,
    const struct folding *folding);
/* The kinds of entry that an option of `list` takes. */
enum entry_kind {
	ENTRY_ANY, ENTRY_NETWORK, ENTRY_DOMAIN, ENTRY_ADDRESS, ENTRY_USER
};
/* False with a static sentence when the text is no such entry. */
bool list_builder_add(struct list_builder *builder, enum entry_kind kind,
    const char *text, const char **why);
/* Every line of a file; false when it could not be read (a problem says so). */
bool list_builder_add_file(struct list_builder *builder, const char *file,
    struct problems *problems);
/* Make the list and free the builder. */
void list_builder_finish(struct list_builder **builder, struct list *list);

/* A map file whole; NULL with problems when anything is wrong with it. */
const struct map *map_read(struct arena *arena,
    const struct folding *folding, const char *file,
    struct problems *problems);

/* Add a problem; the text is built by printf from escaped parts. */
void problems_add(struct problems *problems, const char *file, int line,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
