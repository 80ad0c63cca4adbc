/*
 * maps.h - lists and maps in memory, made of entries from the configuration
 * and from files
 *
 * A million entries load in about a second. Every wrong line of a file is a
 * problem with its number.
 */
#ifndef FLOODGATE_IO_MAPS_H
#define FLOODGATE_IO_MAPS_H

#include "core/list.h"
#include "io/conffile.h"
#include "io/entry.h"

struct arena;
struct list_builder;
struct map_builder;

/*
 * Gather entries, from the configuration or files, then make the list.
 * They are folded as they will be looked up: `folding` is the program's.
 */
struct list_builder *list_builder_open(struct arena *arena,
    const struct folding *folding);
/*
 * False when the text is no such entry, with a sentence that is good until
 * the next is added.
 */
bool list_builder_add(struct list_builder *builder, enum entry_kind kind,
    const char *text, const char **why);
/* Every line of a file; false when it could not be read (a problem says so). */
bool list_builder_add_file(struct list_builder *builder, const char *file,
    struct problems *problems);
/* Make the list and free the builder. */
void list_builder_finish(struct list_builder **builder, struct list *list);

/* The same for a map: a name, blanks, and what it maps to. */
struct map_builder *map_builder_open(struct arena *arena,
    const struct folding *folding);
#define ENTRY_LINE_MAX 2048	/* octets of a line, at most */
/* `line` is parted in place; `number` is where it stands, 0: in no file. */
bool map_builder_add(struct map_builder *builder, char *line, int number,
    const char **why);
/* False when anything is wrong with the file: problems say so. */
bool map_builder_add_file(struct map_builder *builder, const char *file,
    struct problems *problems);
void map_builder_finish(struct map_builder **builder, struct map *map);

/* A map file whole; NULL with problems when anything is wrong with it. */
const struct map *map_read(struct arena *arena,
    const struct folding *folding, const char *file,
    struct problems *problems);

/* Add a problem; the text is built by printf from escaped parts. */
void problems_add(struct problems *problems, const char *file, int line,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
