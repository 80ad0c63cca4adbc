/*
 * linefile.h - files of entries, one a line
 *
 * What is wrong with a file is said with its lines: the first 20 of them, and
 * how many more there are.
 */
#ifndef FLOODGATE_IO_LINEFILE_H
#define FLOODGATE_IO_LINEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct problems;

#define LINE_OCTETS_MAX 2048

struct line_reader {
	const char *file;	/* borrowed */
	struct problems *problems;
	size_t problem_count;	/* of this file */
	int descriptor;
	int line;		/* of what was read last, from 1 */
	int64_t size;		/* of the file, when it was opened */
	int64_t total;		/* octets read so far */
	size_t at, filled;	/* of the buffer */
	char buffer[16384];
	char text[LINE_OCTETS_MAX + 2];	/* the line, perhaps with its CR */
	size_t length;
};

/* False when the file cannot be read; a problem says why. */
bool line_reader_open(struct line_reader *reader, const char *file,
    struct problems *problems);

enum reading { READ_LINE, READ_END, READ_FAILED };

/* The next line that says something; *content is good until the next call. */
enum reading line_reader_next(struct line_reader *reader, char **content);

/* Problem of this line: `why`, what was seen, and a hint, or "". */
void line_reader_refuse(struct line_reader *reader, const char *why,
    const char *seen, const char *hint);

/* False when there was any problem. */
bool line_reader_close(struct line_reader *reader);

#endif
