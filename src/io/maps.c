/*
 * maps.c - list and map files into memory
 *
 * Three parts: what an entry is, the table that grows while entries come,
 * and the files, read line by line. While a list or map grows it stands in
 * an arena of its own, so that the configuration's holds only the result.
 */
#include "io/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "core/domain.h"
#include "core/grammar.h"
#include "core/path.h"
#include "io/idn.h"

#define LINE_OCTETS_MAX 2048
#define FILE_OCTETS_MAX (INT64_C(1) << 30)
#define PROBLEMS_A_FILE 20
#define SEEN_OCTETS_MAX 80	/* of an entry that a problem shows */
#define SEEN_SIZE (3 * SEEN_OCTETS_MAX + sizeof("..."))

/* --- What an entry is ---------------------------------------------------- */

struct entry {
	bool is_network;
	struct ip_net network;
	char name[PATH_OCTETS_MAX + 2];	/* folded */
	char other[PATH_OCTETS_MAX + 2];	/* its form beyond ASCII, or
						 * "" */
};

static const char expected_address[] = "expected an address such as "
    "user@example.com, user@, @example.com or @.example.com";
static const char expected_word[] = "expected a name of letters, digits, "
    "\".\", \"-\" and \"_\"";
static const char expected_shorter[] = "expected at most 1024 octets";

static bool
is_word_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    (unsigned char)c > 0x7f;
}

/* Labels parted by single dots; one dot in front and one behind are allowed. */
static bool
is_word(const char *text)
{
	bool in_label = false;

	if (text[0] == '.')
		text++;
	for (; *text != '\0'; text++) {
		if (*text == '.' && !in_label)
			return false;
		if (*text != '.' && !is_word_octet(*text))
			return false;
		in_label = *text != '.';
		if (!in_label && text[1] == '\0')
			return true;
	}
	return in_label;
}

static void
drop_final_dot(char *name)
{
	size_t length = strlen(name);

	if (length > 0 && name[length - 1] == '.')
		name[length - 1] = '\0';
}

/* Anything of digits and dots, or with a colon or slash, means a network. */
static bool
looks_like_network(const char *text)
{
	return strpbrk(text, ":/") != NULL || (strchr(text, '.') != NULL &&
	    text[strspn(text, "0123456789.")] == '\0');
}

static bool
parse_network(const char *text, struct entry *entry, const char **why)
{
	entry->is_network = true;
	return ip_net_parse(text, &entry->network, why);
}

static bool
parse_domain(const char *text, struct entry *entry, const char **why)
{
	if (text[0] == '*' && text[1] == '.')
		*why = "expected .example.com for every name below "
		    "example.com";
	else if (looks_like_network(text))
		*why = "expected a domain or host name, not a network";
	else if (!is_word(text))
		*why = expected_word;
	else if (!text_copy(entry->name, sizeof(entry->name), text))
		*why = expected_shorter;
	else {
		text_lower(entry->name);
		drop_final_dot(entry->name);
		return true;
	}
	return false;
}

/* "@example.com", "@.example.com", "@[192.0.2.1]" */
static bool
parse_whole_domain(const char *text, struct entry *entry, const char **why)
{
	if (!is_word(text + 1) && !domain_is_literal(text + 1))
		*why = expected_address;
	else if (!text_copy(entry->name, sizeof(entry->name), text))
		*why = expected_shorter;
	else {
		text_lower(entry->name);
		drop_final_dot(entry->name);
		return true;
	}
	return false;
}

/* "user@example.com" and "user@", quoted as in an SMTP command if need be. */
static bool
parse_mailbox(const char *text, const struct folding *folding,
    struct entry *entry, const char **why)
{
	size_t length = strlen(text);
	bool is_anywhere = text[length - 1] == '@';
	char local[PATH_OCTETS_MAX + 1];
	struct path path;

	*why = expected_address;
	if (text[0] == '<' || (strpbrk(text, " \t") != NULL &&
	    strchr(text, '"') == NULL))
		return false;
	if (is_anywhere && text_copy_n(local, sizeof(local), text, length - 1))
		path_parse(local, &path);
	else
		path_parse(text, &path);
	if (path.is_too_long)
		*why = expected_shorter;
	if (!path.is_valid || path.local[0] == '\0' ||
	    is_anywhere != (path.domain[0] == '\0'))
		return false;
	if (!is_anywhere && path.domain[0] != '[' &&
	    (path.domain[0] == '.' || !is_word(path.domain)))
		return false;
	length = path_mailbox(&path, folding->fold_case, "", entry->name,
	    sizeof(entry->name));
	if (is_anywhere)
		text_copy(entry->name + length, 2, "@");
	return true;
}

static bool
parse_address(const char *text, const struct folding *folding,
    struct entry *entry, const char **why)
{
	if (strchr(text, '@') == NULL) {
		*why = expected_address;
		return false;
	}
	if (text[0] == '@')
		return parse_whole_domain(text, entry, why);
	return parse_mailbox(text, folding, entry, why);
}

/* Logins are as odd as those who made them up. */
static bool
parse_user(const char *text, const struct folding *folding,
    struct entry *entry, const char **why)
{
	if (strchr(text, '@') != NULL)
		return parse_address(text, folding, entry, why);
	if (!text_copy(entry->name, sizeof(entry->name), text)) {
		*why = expected_shorter;
		return false;
	}
	if (folding->fold_case)
		text_lower(entry->name);
	return true;
}

static bool
has_control_octet(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/*
 * Paths come with their domains in ASCII (io/idn.h), and so must the entry's
 * be. The form as written is kept for logins, which come as they are.
 */
static void
fold_idn(struct entry *entry)
{
	char *at = strrchr(entry->name, '@');
	char *domain = at != NULL ? at + 1 : entry->name;
	char ascii[GRAMMAR_DOMAIN_MAX + 1];

	if (domain[0] == '.')
		domain++;
	if (!grammar_is_beyond_ascii(domain) ||
	    !idn_to_ascii(domain, ascii, sizeof(ascii)))
		return;
	(void)text_copy(entry->other, sizeof(entry->other), entry->name);
	if (!text_copy(domain, sizeof(entry->name) -
	    (size_t)(domain - entry->name), ascii))
		(void)text_copy(entry->name, sizeof(entry->name),
		    entry->other);
}

static bool
parse_kind(enum entry_kind kind, const char *text,
    const struct folding *folding, struct entry *entry, const char **why)
{
	entry->is_network = false;
	if (text[0] == '\0' || has_control_octet(text)) {
		*why = "expected an entry without control octets";
		return false;
	}
	switch (kind) {
	case ENTRY_ANY:
		if (strchr(text, '@') != NULL)
			return parse_address(text, folding, entry, why);
		if (looks_like_network(text))
			return parse_network(text, entry, why);
		return parse_domain(text, entry, why);
	case ENTRY_NETWORK:
		return parse_network(text, entry, why);
	case ENTRY_DOMAIN:
		return parse_domain(text, entry, why);
	case ENTRY_ADDRESS:
		return parse_address(text, folding, entry, why);
	case ENTRY_USER:
		return parse_user(text, folding, entry, why);
	}
	return false;
}

static bool
parse_entry(enum entry_kind kind, const char *text,
    const struct folding *folding, struct entry *entry, const char **why)
{
	if (!parse_kind(kind, text, folding, entry, why))
		return false;
	entry->other[0] = '\0';
	if (!entry->is_network)
		fold_idn(entry);
	return true;
}

/* --- A table that grows -------------------------------------------------- */

struct growing {
	struct arena *scratch;
	struct name_table table;
	int *lines;		/* where each name stood; maps only */
	bool is_map;
};

static void
growing_allocate(struct growing *growing, size_t slots)
{
	struct name_table *table = &growing->table;

	table->slots = slots;
	table->names = arena_get_array(growing->scratch, slots,
	    sizeof(table->names[0]));
	if (!growing->is_map)
		return;
	table->values = arena_get_array(growing->scratch, slots,
	    sizeof(table->values[0]));
	growing->lines = arena_get_array(growing->scratch, slots,
	    sizeof(growing->lines[0]));
}

/* Room for one more with at most half of the slots in use. */
static void
growing_make_room(struct growing *growing)
{
	const struct growing old = *growing;
	size_t slots = old.table.slots;

	if (2 * (old.table.count + 1) <= slots)
		return;
	growing_allocate(growing, slots ? 2 * slots : 16);
	for (size_t i = 0; i < slots; i++) {
		size_t slot;

		if (old.table.names[i] == NULL)
			continue;
		slot = name_table_slot(&growing->table, old.table.names[i]);
		growing->table.names[slot] = old.table.names[i];
		if (!old.is_map)
			continue;
		growing->table.values[slot] = old.table.values[i];
		growing->lines[slot] = old.lines[i];
	}
}

/* The slot of a new name, copied into `arena`; it may be there already. */
static size_t
growing_put(struct growing *growing, struct arena *arena, const char *name,
    bool *is_new)
{
	size_t slot;

	growing_make_room(growing);
	slot = name_table_slot(&growing->table, name);
	*is_new = growing->table.names[slot] == NULL;
	if (*is_new) {
		growing->table.names[slot] = arena_copy(arena, name);
		growing->table.count++;
	}
	return slot;
}

static void *
keep(struct arena *arena, const void *from, size_t count, size_t size)
{
	void *kept;

	if (count == 0)
		return NULL;
	kept = arena_get_array(arena, count, size);
	memcpy(kept, from, count * size);
	return kept;
}

static void
growing_keep(const struct growing *growing, struct arena *arena,
    struct name_table *table)
{
	*table = growing->table;
	table->names = keep(arena, growing->table.names, table->slots,
	    sizeof(table->names[0]));
	if (growing->is_map)
		table->values = keep(arena, growing->table.values,
		    table->slots, sizeof(table->values[0]));
}

/* --- A list -------------------------------------------------------------- */

struct list_builder {
	struct arena *arena;	/* of the list to be */
	const struct folding *folding;
	struct growing names;	/* its scratch arena holds this struct */
	struct ip_range *ranges;
	size_t range_count;
	size_t range_room;
	size_t other_count;	/* names that are other forms of entries */
};

struct list_builder *
list_builder_open(struct arena *arena, const struct folding *folding)
{
	struct arena *scratch = arena_open();
	struct list_builder *builder = arena_get(scratch, sizeof(*builder));

	builder->arena = arena;
	builder->folding = folding;
	builder->names.scratch = scratch;
	return builder;
}

static void
add_network(struct list_builder *builder, const struct ip_net *network)
{
	struct ip_range *larger;

	if (builder->range_count == builder->range_room) {
		builder->range_room = builder->range_room
		    ? 2 * builder->range_room : 16;
		larger = arena_get_array(builder->names.scratch,
		    builder->range_room, sizeof(*larger));
		if (builder->range_count > 0)
			memcpy(larger, builder->ranges,
			    builder->range_count * sizeof(*larger));
		builder->ranges = larger;
	}
	ip_range_of(network, &builder->ranges[builder->range_count++]);
}

bool
list_builder_add(struct list_builder *builder, enum entry_kind kind,
    const char *text, const char **why)
{
	const struct folding *folding = builder->folding;
	struct entry entry;
	bool is_new;

	if (!parse_entry(kind, text, folding, &entry, why))
		return false;
	if (entry.is_network) {
		add_network(builder, &entry.network);
		return true;
	}
	growing_put(&builder->names, builder->arena, entry.name, &is_new);
	if (entry.other[0] != '\0') {
		growing_put(&builder->names, builder->arena, entry.other,
		    &is_new);
		builder->other_count += is_new;
	}
	/* A word of unknown kind may be a domain, or a login as written. */
	if (kind == ENTRY_ANY && !folding->fold_case &&
	    strchr(text, '@') == NULL)
		growing_put(&builder->names, builder->arena, text, &is_new);
	return true;
}

void
list_builder_finish(struct list_builder **builder, struct list *list)
{
	const struct list_builder *made = *builder;
	struct arena *scratch = made->names.scratch;

	list->entries = made->names.table.count + made->range_count -
	    made->other_count;
	growing_keep(&made->names, made->arena, &list->names);
	list->networks.count = ip_set_build(made->ranges, made->range_count);
	list->networks.ranges = keep(made->arena, made->ranges,
	    list->networks.count, sizeof(made->ranges[0]));
	arena_close(&scratch);
	*builder = NULL;
}

/* --- Files --------------------------------------------------------------- */

struct reader {
	const char *file;
	struct problems *problems;
	size_t problem_count;	/* of this file */
	int descriptor;
	int line;
	int64_t total;		/* octets read so far */
	size_t at, filled;	/* of the buffer */
	char buffer[16384];
	char text[LINE_OCTETS_MAX + 2];	/* the line, perhaps with its CR */
	size_t length;
};

/* May the reader add one more? The rest is only counted. */
static bool
one_more_problem(struct reader *reader)
{
	return ++reader->problem_count <= PROBLEMS_A_FILE;
}

/* `what`, a static sentence, about the line as a whole. */
static void
line_problem(struct reader *reader, const char *what)
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

#define GUESS_SIZE (IP_NET_TEXT_SIZE + sizeof(", did you mean ?"))

/* ", did you mean 10.0.0.0/8?" for "10.1.2.3/8"; "" if there is no guess. */
static const char *
guess_network(const char *seen, char *buffer)
{
	const char *slash = strchr(seen, '/');
	char part[IP_NET_TEXT_SIZE];
	struct ip_net network;
	struct text text;
	struct ip ip;
	int64_t bits;

	text_init(&text, buffer, GUESS_SIZE);
	if (slash == NULL || !text_copy_n(part, sizeof(part), seen,
	    (size_t)(slash - seen)) || !ip_parse(part, &ip) ||
	    !text_parse_number(slash + 1, (int64_t)(8 * ip_size(ip.family)),
	    &bits))
		return buffer;
	network = ip_net_of(&ip, (unsigned int)bits);
	text_put(&text, ", did you mean ");
	text_put(&text, ip_net_format(&network, part));
	text_put_char(&text, '?');
	return buffer;
}

static void
entry_problem(struct reader *reader, const char *why, const char *seen,
    const char *guess)
{
	char buffer[SEEN_SIZE];

	if (one_more_problem(reader))
		problems_add(reader->problems, reader->file, reader->line,
		    "%s, saw \"%s\"%s", why, say_seen(seen, buffer),
		    guess);
}

static bool
cannot_read(struct reader *reader, const char *why)
{
	problems_add(reader->problems, reader->file, 0, "cannot read: %s",
	    why);
	return false;
}

static bool
reader_close(struct reader *reader)
{
	if (reader->problem_count > PROBLEMS_A_FILE)
		problems_add(reader->problems, reader->file, 0,
		    "... and %zu more problems",
		    reader->problem_count - PROBLEMS_A_FILE);
	close(reader->descriptor);
	return reader->problem_count == 0;
}

/* O_NONBLOCK: a named pipe in a file's place must not stop a reload. */
static bool
reader_open(struct reader *reader, const char *file,
    struct problems *problems)
{
	struct stat status;

	memset(reader, 0, offsetof(struct reader, buffer));
	reader->file = file;
	reader->problems = problems;
	reader->descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);
	if (reader->descriptor < 0)
		return cannot_read(reader, strerror(errno));
	if (fstat(reader->descriptor, &status) == 0 &&
	    S_ISREG(status.st_mode))
		return true;
	close(reader->descriptor);
	return cannot_read(reader, "not a regular file");
}

enum reading { READ_LINE, READ_END, READ_FAILED };

static enum reading
fill_buffer(struct reader *reader)
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
gather_line(struct reader *reader)
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
is_clean(struct reader *reader)
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
drop_mark(struct reader *reader)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (reader->length < 3 || memcmp(reader->text, mark, 3) != 0)
		return;
	line_problem(reader, "expected plain text, saw a byte order mark");
	reader->length -= 3;
	memmove(reader->text, reader->text + 3, reader->length);
}

/* What stands in a line, without comment and blanks around; may be "". */
static char *
content_of(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	for (length = 0; text[length] != '\0'; length++)
		if (text[length] == '#' && (length == 0 ||
		    text[length - 1] == ' ' || text[length - 1] == '\t'))
			break;
	while (length > 0 && (text[length - 1] == ' ' ||
	    text[length - 1] == '\t'))
		length--;
	text[length] = '\0';
	return text;
}

/* The next line that says something; *content is good until the next call. */
static enum reading
next_content(struct reader *reader, char **content)
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

bool
list_builder_add_file(struct list_builder *builder, const char *file,
    struct problems *problems)
{
	struct reader reader;
	enum reading reading;
	char *content, guess[GUESS_SIZE];
	const char *why;

	if (!reader_open(&reader, file, problems))
		return false;
	while ((reading = next_content(&reader, &content)) == READ_LINE)
		if (!list_builder_add(builder, ENTRY_ANY, content, &why))
			entry_problem(&reader, why, content,
			    guess_network(content, guess));
	reader_close(&reader);
	return reading == READ_END;
}

/* Part a line behind its first word; a blank within quotes is of the word. */
static const char *
split_line(char *line)
{
	bool in_quotes = false;

	for (; *line != '\0'; line++) {
		if (*line == '"')
			in_quotes = !in_quotes;
		if (*line == '\\' && in_quotes && line[1] != '\0')
			line++;
		else if (!in_quotes && (*line == ' ' || *line == '\t')) {
			*line++ = '\0';
			break;
		}
	}
	return line + strspn(line, " \t");
}

static void
add_pair(struct reader *reader, struct growing *growing, struct arena *arena,
    const struct folding *folding, char *line)
{
	const char *value = split_line(line), *why;
	char seen[SEEN_SIZE];
	struct entry entry;
	bool is_new;
	size_t slot;

	if (!parse_entry(strchr(line, '@') ? ENTRY_ADDRESS : ENTRY_DOMAIN,
	    line, folding, &entry, &why)) {
		entry_problem(reader, why, line, "");
		return;
	}
	if (value[strspn(value, ", \t")] == '\0') {
		entry_problem(reader, "expected blanks and a value behind the "
		    "first word", line, "");
		return;
	}
	slot = growing_put(growing, arena, entry.name, &is_new);
	if (is_new) {
		growing->table.values[slot] = arena_copy(arena, value);
		growing->lines[slot] = reader->line;
	} else if (one_more_problem(reader)) {
		problems_add(reader->problems, reader->file, reader->line,
		    "expected every name once, saw \"%s\" again, first in "
		    "line %d", say_seen(line, seen), growing->lines[slot]);
	}
}

const struct map *
map_read(struct arena *arena, const struct folding *folding,
    const char *file, struct problems *problems)
{
	struct growing growing = {.is_map = true};
	struct map *map = NULL;
	struct reader reader;
	enum reading reading;
	char *content;

	if (!reader_open(&reader, file, problems))
		return NULL;
	growing.scratch = arena_open();
	while ((reading = next_content(&reader, &content)) == READ_LINE)
		add_pair(&reader, &growing, arena, folding, content);
	if (reader_close(&reader) && reading == READ_END) {
		map = arena_get(arena, sizeof(*map));
		map->file = arena_copy(arena, file);
		map->entries = growing.table.count;
		growing_keep(&growing, arena, &map->names);
	}
	arena_close(&growing.scratch);
	return map;
}
