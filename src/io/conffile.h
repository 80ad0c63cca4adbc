/*
 * conffile.h - read floodgate.conf, say all that is wrong, print it again
 */
#ifndef FLOODGATE_IO_CONFFILE_H
#define FLOODGATE_IO_CONFFILE_H

#include "core/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Every problem of a file, in the order of the lines. */
struct problem {
	const char *file;
	int line;		/* 0: of the file as a whole */
	const char *text;	/* what was expected, what was seen, a hint */
};

struct problems {
	struct arena *arena;	/* made when the first is added */
	struct problem *at;
	size_t count;
	size_t room;
	/*
	 * Where notes on replies go: what is unusual, but works. Borrowed;
	 * NULL when nobody asks. With notes_on_usual, replies that the
	 * program brings along are looked at like those of the file.
	 */
	struct problems *notes;
	bool notes_on_usual;
};

void problems_init(struct problems *problems);
void problems_clear(struct problems *problems);
/* One line each: "file:line: text". */
void problems_print(const struct problems *problems, FILE *to);

/*
 * Read `file` and all it includes, with the lists and maps they name. NULL
 * when there is any problem; else a configuration for config_close().
 *
 * `include` stands for what the files say, in its place; a pattern may match
 * nothing. File names in a file are relative to the directory it is in. Only
 * one thread at a time may read: libconfuse's lexer is global.
 */
struct config *conffile_read(const char *file, struct problems *problems);
void config_close(struct config **config);

/* The effective configuration, every option; parses again to the same. */
void conffile_print(const struct config *config, FILE *to);

#endif
