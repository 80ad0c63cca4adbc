/*
 * confscan.h - look a configuration text over before libconfuse reads it
 *
 * libconfuse stops at the first mistake and lets others pass in silence: a
 * section without its end, an option given twice, 010 read as eight, ${HOME}
 * filled in. The scanner knows the same words and marks, reports every
 * problem with its line, and writes down what is sound in a clean text that
 * libconfuse takes whole: no comments, no titles, nothing it could mistake.
 * It also keeps the tree of sections and where each value stands, so that
 * later problems have their exact line, too.
 */
#ifndef FLOODGATE_IO_CONFSCAN_H
#define FLOODGATE_IO_CONFSCAN_H

#include "io/conffile.h"
#include "io/confoption.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define SECTIONS_MAX 1000	/* of one kind within one section */
#define TITLE_OCTETS_MAX 40

struct scan_option {
	const struct option_row *row;
	int line;
	bool is_sound;		/* false: reported, not in the clean text */
	int *lines;		/* of each value */
	size_t count, room;	/* of values */
	struct scan_option *next;
};

struct scan_section {
	enum section kind;
	const char *title;	/* "" if it has none */
	const char *file;
	int line;
	unsigned int index;	/* in the clean text: among those of its name
				 * within its parent */
	struct scan_option *options;	/* in the order of the text */
	struct scan_section *sections;	/* within it, in the same order */
	struct scan_section *next;
	struct scan_section *parent;
};

struct scan {
	struct scan_section *root;
	char *clean;		/* for libconfuse; lines as in the file */
};

/*
 * Scan text[length] of `file`; everything is in the arena, and `text` is
 * changed: octets that cannot be in a configuration become blanks.
 */
void scan_text(struct scan *scan, struct arena *arena, const char *file,
    char *text, size_t length, struct problems *problems);

/* The option of that name, or NULL when the section does not give it. */
const struct scan_option *scan_find(const struct scan_section *section,
    const char *name);

#endif
