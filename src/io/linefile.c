/*
 * linefile.c - files of entries, one a line
 *
 * '#' begins a comment at the start of a line or after a blank; blank lines
 * are skipped; lines may end in CR LF.
 */
#include "io/linefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/entry.h"
#include "io/maps.h"

#define FILE_OCTETS_MAX (INT64_C(1) << 30)
#define PROBLEMS_A_FILE 20
#define SEEN_OCTETS_MAX 80	/* of an entry that a problem shows */
#define SEEN_SIZE (3 * SEEN_OCTETS_MAX + sizeof("..."))

/* May the reader add one more? The rest is only counted. */
static bool
one_more_problem(struct line_reader *reader)
{
	return ++reader->problem_count <= PROBLEMS_A_FILE;
}

/* `what`, a static sentence, about the line as a whole. */
static void
line_problem(struct line_reader *reader, const char *what)
{
	if (one_more_problem(reader))
		problems_add(reader->problems, reader->file, reader->line,
		    "%s", what);
}

static const char *
say_seen(const char *seen, char *buffer)
{
	size_t length = strlen(seen);
	struct text text;

	text_init(&text, buffer, SEEN_SIZE);
	text_put_escaped(&text, seen, length > SEEN_OCTETS_MAX
	    ? SEEN_OCTETS_MAX : length, "\"");
	if (length > SEEN_OCTETS_MAX)
		text_put(&text, "...");
	return buffer;
}

void
line_reader_refuse(struct line_reader *reader, const char *why,
    const char *seen, const char *hint)
{
	char buffer[SEEN_SIZE];

	if (one_more_problem(reader))
		problems_add(reader->problems, reader->file, reader->line,
		    "%s, saw \"%s\"%s", why, say_seen(seen, buffer),
		    hint);
}

static bool
cannot_read(struct line_reader *reader, const char *why)
{
	problems_add(reader->problems, reader->file, 0, "cannot read: %s",
	    why);
	return false;
}

bool
line_reader_close(struct line_reader *reader)
{
	if (reader->problem_count > PROBLEMS_A_FILE)
		problems_add(reader->problems, reader->file, 0,
		    "... and %zu more problems",
		    reader->problem_count - PROBLEMS_A_FILE);
	close(reader->descriptor);
	return reader->problem_count == 0;
}

/* O_NONBLOCK: a named pipe in a file's place must not stop a reload. */
bool
line_reader_open(struct line_reader *reader, const char *file,
    struct problems *problems)
{
	struct stat status;

	memset(reader, 0, offsetof(struct line_reader, buffer));
	reader->file = file;
	reader->problems = problems;
	reader->descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);
	if (reader->descriptor < 0)
		return cannot_read(reader, strerror(errno));
	if (fstat(reader->descriptor, &status) == 0 &&
	    S_ISREG(status.st_mode)) {
		reader->size = status.st_size;
		return true;
	}
	close(reader->descriptor);
	return cannot_read(reader, "not a regular file");
}

static enum reading
fill_buffer(struct line_reader *reader)
{
	ssize_t got;

	do
		got = read(reader->descriptor, reader->buffer,
		    sizeof(reader->buffer));
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		cannot_read(reader, strerror(errno));
		return READ_FAILED;
	}
	reader->at = 0;
	reader->filled = (size_t)got;
	reader->total += got;
	if (reader->total > FILE_OCTETS_MAX) {
		cannot_read(reader, "larger than 1 GiB");
		return READ_FAILED;
	}
	return got > 0 ? READ_LINE : READ_END;
}

/* The next line; of one that is too long only the beginning. */
static enum reading
gather_line(struct line_reader *reader)
{
	bool is_begun = false;

	reader->length = 0;
	for (;;) {
		const char *from, *end;
		size_t length, room;

		if (reader->at == reader->filled) {
			enum reading reading = fill_buffer(reader);

			if (reading == READ_END && is_begun)
				return READ_LINE;
			if (reading != READ_LINE)
				return reading;
		}
		is_begun = true;
		from = reader->buffer + reader->at;
		end = memchr(from, '\n', reader->filled - reader->at);
		length = end ? (size_t)(end - from)
		    : reader->filled - reader->at;
		room = sizeof(reader->text) - reader->length;
		memcpy(reader->text + reader->length, from,
		    length < room ? length : room);
		reader->length += length < room ? length : room;
		reader->at += length + (end != NULL);
		if (end != NULL)
			return READ_LINE;
	}
}

/* Nothing but text and tabs in it; it is then NUL-terminated. */
static bool
is_clean(struct line_reader *reader)
{
	if (reader->length > 0 && reader->text[reader->length - 1] == '\r')
		reader->length--;
	if (reader->length > LINE_OCTETS_MAX) {
		line_problem(reader, "expected a line of at most 2048 octets");
		return false;
	}
	for (size_t i = 0; i < reader->length; i++) {
		unsigned char c = (unsigned char)reader->text[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		if (one_more_problem(reader))
			problems_add(reader->problems, reader->file,
			    reader->line, "expected text, saw the control "
			    "octet 0x%02x in column %zu", c, i + 1);
		return false;
	}
	reader->text[reader->length] = '\0';
	return true;
}

static void
drop_mark(struct line_reader *reader)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (reader->length < 3 || memcmp(reader->text, mark, 3) != 0)
		return;
	line_problem(reader, "expected plain text, saw a byte order mark");
	reader->length -= 3;
	memmove(reader->text, reader->text + 3, reader->length);
}

/*
 * What stands in a line, without comment and blanks around; may be "". A '#'
 * within a regular expression begins no comment.
 */
static char *
content_of(char *text)
{
	const char *end;
	size_t length;

	text += strspn(text, " \t");
	end = entry_regular_end(text);
	for (length = end != NULL ? (size_t)(end - text) : 0; text[length] != '\0'; length++)
		if (text[length] == '#' && (length == 0 ||
		    text[length - 1] == ' ' || text[length - 1] == '\t'))
			break;
	while (length > 0 && (text[length - 1] == ' ' ||
	    text[length - 1] == '\t'))
		length--;
	text[length] = '\0';
	return text;
}

enum reading
line_reader_next(struct line_reader *reader, char **content)
{
	enum reading reading;

	while ((reading = gather_line(reader)) == READ_LINE) {
		reader->line++;
		if (reader->line == 1)
			drop_mark(reader);
		if (!is_clean(reader))
			continue;
		*content = content_of(reader->text);
		if (**content != '\0')
			break;
	}
	return reading;
}
