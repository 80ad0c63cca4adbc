/*
 * conflist.c - from sections to lists and maps
 */
#include "io/confread.h"

#include "base/arena.h"
#include "base/text.h"
#include "core/list_fact.h"
#include "io/confsay.h"
#include "io/maps.h"

#include <string.h>

static size_t
count_items(const struct conf_reader *conf, enum section kind)
{
	size_t count = 0;

	for (size_t i = 0; i < conf->item_count; i++)
		count += conf->items[i].section->kind == kind;
	return count;
}

/* --- what is kept in Redis */

#define KEY_OCTETS_MAX 200

static bool
is_key(const char *key)
{
	size_t length = strlen(key);

	for (const char *at = key; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return false;
	return length <= KEY_OCTETS_MAX;
}

/* NULL when the section names no key, or none that can be asked. */
static const struct list_source *
read_source(struct conf_reader *conf, const struct section_reader *in,
    const char *key, bool is_map)
{
	struct list_source *source;
	struct text title;
	char buffer[TITLE_OCTETS_MAX + sizeof("list ")];

	if (key[0] == '\0')
		return NULL;	/* none is kept there */
	if (!is_key(key)) {
		section_refuse(in, "redis", 0, "expected the name of a key, "
		    "of at most 200 octets without blanks", key);
		return NULL;
	}
	if (count_items(conf, SECTION_STORE_REDIS) == 0) {
		section_refuse(in, "redis", 0, "expected a section store "
		    "\"redis\", which names the server", key);
		return NULL;
	}
	TEXT_INIT(&title, buffer);
	text_put(&title, is_map ? "map " : "list ");
	text_put(&title, in->section->title);
	source = arena_get(in->reading.arena, sizeof(*source));
	source->key = key;
	source->title = arena_copy(in->reading.arena, buffer);
	source->is_map = is_map;
	return source;
}
_Static_assert(KEY_OCTETS_MAX == 200, "read_source() says so");

/* The file that option `file` names, with its place; NULL: none to read. */
static const char *
file_to_read(struct section_reader *in, const char **file)
{
	if ((*file)[0] == '\0')
		return NULL;
	*file = path_within(in->reading.arena, in->file->directory, *file);
	return file_is_readable(in->reading.problems, *file, "file",
	    in->file->name, section_line(in, "file", 0)) ? *file : NULL;
}

/* --- lists */

static void
add_entries(const struct section_reader *in, struct list_builder *builder,
    const char *name, const struct strings *entries, enum entry_kind kind)
{
	const char *why = "";

	for (size_t i = 0; i < entries->count; i++)
		if (!list_builder_add(builder, kind, entries->at[i], &why))
			section_refuse(in, name, i, why, entries->at[i]);
}

static void
build_list(struct conf_reader *conf, struct section_reader *in,
    struct list_options *options, struct list *list)
{
	struct arena *arena = in->reading.arena;
	struct list_builder *builder;
	const char *file;

	section_read(in, &list_table, options);
	builder = list_builder_open(arena, &in->reading.config->folding);
	add_entries(in, builder, "networks", &options->networks,
	    ENTRY_NETWORK);
	add_entries(in, builder, "domains", &options->domains, ENTRY_DOMAIN);
	add_entries(in, builder, "addresses", &options->addresses,
	    ENTRY_ADDRESS);
	add_entries(in, builder, "users", &options->users, ENTRY_USER);
	file = file_to_read(in, &options->file);
	if (file != NULL)
		list_builder_add_file(builder, file, in->reading.problems);
	list_builder_finish(&builder, list);
	list->source = read_source(conf, in, options->redis, false);
}

static void
build_lists(struct conf_reader *conf)
{
	struct config *config = conf->config;
	size_t count = count_items(conf, SECTION_LIST), at = 0;
	struct list *lists = arena_get_array(config->arena, count + 1,
	    sizeof(*lists));
	struct list_options *options = arena_get_array(config->arena,
	    count + 1, sizeof(*options));

	for (size_t i = 0; i < conf->item_count; i++) {
		const struct conf_item *item = &conf->items[i];
		struct section_reader in;

		if (item->section->kind != SECTION_LIST)
			continue;
		conf_check_title_once(conf, i);
		section_begin(&in, conf, item->file, item->section);
		build_list(conf, &in, &options[at], &lists[at]);
		lists[at++].name = arena_copy(config->arena,
		    item->section->title);
	}
	config->lists = lists;
	config->list_options = options;
	config->list_count = count;
}

/* --- maps */

static void
add_pairs(const struct section_reader *in, struct map_builder *builder,
    const struct strings *entries)
{
	const char *why = "";

	for (size_t i = 0; i < entries->count; i++) {
		char *line = arena_copy(in->scratch, entries->at[i]);

		if (strlen(line) > ENTRY_LINE_MAX)
			why = "expected at most 2048 octets";
		else if (map_builder_add(builder, line, 0, &why))
			continue;
		section_refuse(in, "entries", i, why, entries->at[i]);
	}
}
_Static_assert(ENTRY_LINE_MAX == 2048, "add_pairs() says so");

static void
build_map(struct conf_reader *conf, struct section_reader *in,
    struct map_options *options, struct map *map)
{
	struct map_builder *builder;
	const char *file;

	section_read(in, &map_table, options);
	builder = map_builder_open(in->reading.arena,
	    &in->reading.config->folding);
	add_pairs(in, builder, &options->entries);
	file = file_to_read(in, &options->file);
	if (file != NULL)
		map_builder_add_file(builder, file, in->reading.problems);
	map_builder_finish(&builder, map);
	map->source = read_source(conf, in, options->redis, true);
}

static void
build_maps(struct conf_reader *conf)
{
	struct config *config = conf->config;
	size_t count = count_items(conf, SECTION_MAP), at = 0;
	struct map *maps = arena_get_array(config->arena, count + 1,
	    sizeof(*maps));
	struct map_options *options = arena_get_array(config->arena,
	    count + 1, sizeof(*options));

	for (size_t i = 0; i < conf->item_count; i++) {
		const struct conf_item *item = &conf->items[i];
		struct section_reader in;

		if (item->section->kind != SECTION_MAP)
			continue;
		conf_check_title_once(conf, i);
		section_begin(&in, conf, item->file, item->section);
		build_map(conf, &in, &options[at], &maps[at]);
		maps[at++].name = arena_copy(config->arena,
		    item->section->title);
	}
	config->maps = maps;
	config->map_options = options;
	config->map_count = count;
}

void
conf_build_lists(struct conf_reader *conf)
{
	build_lists(conf);
	build_maps(conf);
}
