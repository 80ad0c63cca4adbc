/*
 * maps.c - lists and maps in memory, made of entries
 *
 * While a list or map grows it stands in an arena of its own, so that the
 * configuration's holds only the result.
 */
#include "io/maps.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "io/linefile.h"
#include "io/pattern.h"

_Static_assert(ENTRY_LINE_MAX == LINE_OCTETS_MAX, "one length of lines");

/* --- A table that grows -------------------------------------------------- */

struct growing {
	struct arena *scratch;
	struct name_table table;
	const struct line_reader *reader;	/* says how many are to come;
						 * NULL: unknown */
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
	if (growing->is_map)
		growing->lines = arena_get_array(growing->scratch, slots,
		    sizeof(growing->lines[0]));
}

#define SLOTS_MIN 16
#define SAMPLE 64	/* entries from which the rest can be guessed */

/* So many entries there will be, if the rest of the file is as its begin. */
static size_t
growing_expected(const struct growing *growing)
{
	const struct line_reader *reader = growing->reader;
	size_t count = growing->table.count;

	if (reader == NULL || count < SAMPLE || reader->size <= reader->total)
		return count + 1;
	return count + (size_t)((double)count *
	    (double)(reader->size - reader->total) / (double)reader->total);
}

/* Room for one more with at most half of the slots in use. */
static void
growing_make_room(struct growing *growing)
{
	const struct growing old = *growing;
	size_t slots = old.table.slots, expected;

	if (2 * (old.table.count + 1) <= slots)
		return;
	expected = growing_expected(growing);
	slots = slots > 0 ? 2 * slots : SLOTS_MIN;
	while (slots < 2 * expected)
		slots *= 2;
	growing_allocate(growing, slots);
	for (size_t i = 0; i < old.table.slots; i++) {
		size_t slot;

		if (old.table.names[i] == NULL)
			continue;
		slot = name_table_slot(&growing->table, old.table.names[i]);
		growing->table.names[slot] = old.table.names[i];
		if (old.is_map)
			growing->lines[slot] = old.lines[i];
	}
}

/*
 * The slot of a new name, copied into `arena` with its value (NULL: none)
 * behind it; it may be there already.
 */
static size_t
growing_put(struct growing *growing, struct arena *arena, const char *name,
    const char *value, bool *is_new)
{
	char both[PATH_OCTETS_MAX + 2 + LINE_OCTETS_MAX + 1];
	struct text text;
	size_t slot;

	growing_make_room(growing);
	slot = name_table_slot(&growing->table, name);
	*is_new = growing->table.names[slot] == NULL;
	if (!*is_new)
		return slot;
	TEXT_INIT(&text, both);
	text_put(&text, name);
	if (value != NULL) {
		text_put_char(&text, '\0');
		text_put(&text, value);
	}
	growing->table.names[slot] = arena_copy_n(arena, both, text.length);
	growing->table.count++;
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
}

/* --- Regular expressions, in their order --------------------------------- */

struct growing_patterns {
	struct pattern *at;	/* in the scratch arena */
	const char **values;	/* maps only */
	size_t count, room;
	char why[160];		/* of the last one that was no good */
};

static void *
larger(struct arena *scratch, const void *from, size_t count, size_t room,
    size_t size)
{
	void *to = arena_get_array(scratch, room, size);

	if (count > 0)
		memcpy(to, from, count * size);
	return to;
}

/* False with a sentence that is good until the next one. */
static bool
patterns_add(struct growing_patterns *patterns, struct arena *scratch,
    struct arena *arena, const struct folding *folding, const char *text,
    const char *value, const char **why)
{
	if (patterns->count == patterns->room) {
		patterns->room = patterns->room ? 2 * patterns->room : 16;
		patterns->at = larger(scratch, patterns->at, patterns->count,
		    patterns->room, sizeof(patterns->at[0]));
		patterns->values = larger(scratch, patterns->values,
		    patterns->count, patterns->room,
		    sizeof(patterns->values[0]));
	}
	*why = patterns->why;
	if (!pattern_make_regular(arena, text, folding->fold_case,
	    &patterns->at[patterns->count], patterns->why,
	    sizeof(patterns->why)))
		return false;
	patterns->values[patterns->count++] = value != NULL ?
	    arena_copy(arena, value) : NULL;
	return true;
}

static void
patterns_keep(const struct growing_patterns *growing, struct arena *arena,
    struct patterns *patterns)
{
	patterns->count = growing->count;
	patterns->at = keep(arena, growing->at, growing->count,
	    sizeof(growing->at[0]));
	patterns->values = keep(arena, growing->values, growing->count,
	    sizeof(growing->values[0]));
}

/* --- A list -------------------------------------------------------------- */

struct list_builder {
	struct arena *arena;	/* of the list to be */
	const struct folding *folding;
	struct growing names;	/* its scratch arena holds this struct */
	struct growing_patterns patterns;
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
	if (builder->range_count == builder->range_room) {
		builder->range_room = builder->range_room
		    ? 2 * builder->range_room : 16;
		builder->ranges = larger(builder->names.scratch,
		    builder->ranges, builder->range_count,
		    builder->range_room, sizeof(builder->ranges[0]));
	}
	ip_range_of(network, &builder->ranges[builder->range_count++]);
}

static void
add_name(struct list_builder *builder, enum entry_kind kind,
    const char *text, const struct entry *entry)
{
	bool is_new;

	growing_put(&builder->names, builder->arena, entry->name, NULL,
	    &is_new);
	if (entry->other[0] != '\0') {
		growing_put(&builder->names, builder->arena, entry->other,
		    NULL, &is_new);
		builder->other_count += is_new;
	}
	/* A word of unknown kind may be a domain, or a login as written. */
	if (kind == ENTRY_ANY && !builder->folding->fold_case &&
	    strchr(text, '@') == NULL)
		growing_put(&builder->names, builder->arena, text, NULL,
		    &is_new);
}

bool
list_builder_add(struct list_builder *builder, enum entry_kind kind,
    const char *text, const char **why)
{
	struct entry entry;

	if (!entry_parse(kind, text, builder->folding, &entry, why))
		return false;
	if (entry.is_network)
		add_network(builder, &entry.network);
	else if (entry.is_regular)
		return patterns_add(&builder->patterns,
		    builder->names.scratch, builder->arena, builder->folding,
		    text, NULL, why);
	else
		add_name(builder, kind, text, &entry);
	return true;
}

void
list_builder_finish(struct list_builder **builder, struct list *list)
{
	const struct list_builder *made = *builder;
	struct arena *scratch = made->names.scratch;

	list->entries = made->names.table.count + made->range_count +
	    made->patterns.count - made->other_count;
	growing_keep(&made->names, made->arena, &list->names);
	patterns_keep(&made->patterns, made->arena, &list->patterns);
	list->networks.count = ip_set_build(made->ranges, made->range_count);
	list->networks.ranges = keep(made->arena, made->ranges,
	    list->networks.count, sizeof(made->ranges[0]));
	arena_close(&scratch);
	*builder = NULL;
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

bool
list_builder_add_file(struct list_builder *builder, const char *file,
    struct problems *problems)
{
	struct line_reader reader;
	enum reading reading;
	char *content, guess[GUESS_SIZE];
	const char *why;

	if (!line_reader_open(&reader, file, problems))
		return false;
	builder->names.reader = &reader;
	while ((reading = line_reader_next(&reader, &content)) == READ_LINE)
		if (!list_builder_add(builder, ENTRY_ANY, content, &why))
			line_reader_refuse(&reader, why, content,
			    guess_network(content, guess));
	builder->names.reader = NULL;
	line_reader_close(&reader);
	return reading == READ_END;
}

/* --- A map --------------------------------------------------------------- */

struct map_builder {
	struct arena *arena;	/* of the map to be */
	const struct folding *folding;
	struct growing names;	/* its scratch arena holds this struct */
	struct growing_patterns patterns;
	char why[80];
};

struct map_builder *
map_builder_open(struct arena *arena, const struct folding *folding)
{
	struct arena *scratch = arena_open();
	struct map_builder *builder = arena_get(scratch, sizeof(*builder));

	builder->arena = arena;
	builder->folding = folding;
	builder->names.scratch = scratch;
	builder->names.is_map = true;
	return builder;
}

/* Part a line behind its first word; a blank within quotes is of the word. */
static const char *
split_line(char *line)
{
	bool in_quotes = false;
	const char *end = entry_regular_end(line);

	if (end != NULL)
		line += end - line;
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

static enum entry_kind
kind_of_key(const char *key)
{
	return strchr(key, '@') != NULL ? ENTRY_ADDRESS : ENTRY_DOMAIN;
}

static bool
add_once(struct map_builder *builder, const char *name, const char *value,
    int line, const char **why)
{
	struct growing *names = &builder->names;
	struct text text;
	bool is_new;
	size_t slot = growing_put(names, builder->arena, name, value,
	    &is_new);

	if (is_new) {
		names->lines[slot] = line;
		return true;
	}
	TEXT_INIT(&text, builder->why);
	text_put(&text, "expected every name once");
	if (names->lines[slot] > 0)
		text_printf(&text, ", it is in line %d already",
		    names->lines[slot]);
	*why = builder->why;
	return false;
}

bool
map_builder_add(struct map_builder *builder, char *line, int number,
    const char **why)
{
	const char *value = split_line(line);
	struct entry entry;

	if (!entry_parse(kind_of_key(line), line, builder->folding, &entry,
	    why))
		return false;
	if (value[strspn(value, ", \t")] == '\0') {
		*why = "expected blanks and a value behind the first word";
		return false;
	}
	if (entry.is_regular)
		return patterns_add(&builder->patterns,
		    builder->names.scratch, builder->arena, builder->folding,
		    line, value, why);
	return add_once(builder, entry.name, value, number, why);
}

bool
map_builder_add_file(struct map_builder *builder, const char *file,
    struct problems *problems)
{
	struct line_reader reader;
	enum reading reading;
	char *content;
	const char *why;

	if (!line_reader_open(&reader, file, problems))
		return false;
	builder->names.reader = &reader;
	while ((reading = line_reader_next(&reader, &content)) == READ_LINE)
		if (!map_builder_add(builder, content, reader.line, &why))
			line_reader_refuse(&reader, why, content, "");
	builder->names.reader = NULL;
	return line_reader_close(&reader) && reading == READ_END;
}

void
map_builder_finish(struct map_builder **builder, struct map *map)
{
	const struct map_builder *made = *builder;
	struct arena *scratch = made->names.scratch;

	map->entries = made->names.table.count + made->patterns.count;
	growing_keep(&made->names, made->arena, &map->names);
	patterns_keep(&made->patterns, made->arena, &map->patterns);
	arena_close(&scratch);
	*builder = NULL;
}

const struct map *
map_read(struct arena *arena, const struct folding *folding,
    const char *file, struct problems *problems)
{
	struct map_builder *builder = map_builder_open(arena, folding);
	bool is_good = map_builder_add_file(builder, file, problems);
	struct map *map = arena_get(arena, sizeof(*map));

	map->name = arena_copy(arena, file);
	map_builder_finish(&builder, map);
	return is_good ? map : NULL;
}
