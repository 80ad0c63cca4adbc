/*
 * conffile.c - floodgate.conf and what it includes, from files to items
 *
 * Each file is scanned (confscan.c), so that all its problems are known, and
 * what is sound is parsed by libconfuse. File names in a file are relative
 * to the directory it is in.
 */
#include "io/conffile.h"

#include "base/arena.h"
#include "base/text.h"
#include "core/policy.h"
#include "io/confread.h"
#include "io/confsay.h"
#include "io/maps.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FILE_OCTETS_MAX ((size_t)4 * 1024 * 1024)
#define INCLUDE_DEPTH_MAX 10

/* --- option.def for libconfuse: everything is text there */

#define CFG_ONE(name) CFG_STR(#name, NULL, CFGF_NODEFAULT),
#define CFG_MANY(name) CFG_STR_LIST(#name, NULL, CFGF_NODEFAULT),
#define CFG_TYPE_BOOL(name) CFG_ONE(name)
#define CFG_TYPE_STRING(name) CFG_ONE(name)
#define CFG_TYPE_STRINGS(name) CFG_MANY(name)
#define CFG_TYPE_TRISTATE(name) CFG_ONE(name)
#define CFG_TYPE_NUMBER(name) CFG_ONE(name)
#define CFG_TYPE_DURATION(name) CFG_ONE(name)
#define CFG_TYPE_SIZE(name) CFG_ONE(name)
#define CFG_TYPE_FILEMODE(name) CFG_ONE(name)
#define CFG_TYPE_LEVEL(name) CFG_ONE(name)
#define CFG_TYPE_MODE(name) CFG_ONE(name)
#define CFG_TYPE_SPEAK(name) CFG_ONE(name)
#define CFG_TYPE_SCRIPT(name) CFG_ONE(name)
#define CFG_TYPE_ON_FAILURE(name) CFG_ONE(name)
#define CFG_TYPE_LISTS(name) CFG_MANY(name)
#define CFG_TYPE_MAP(name) CFG_ONE(name)
#define CFG_TYPE_EXCEPT(name) CFG_MANY(name)
#define CFG_TYPE_REPLY(name) CFG_ONE(name)
#define CFG_TYPE_NOTES(name) CFG_MANY(name)
#define CFG_TYPE_KEYS(name) CFG_MANY(name)
#define CFG_TYPE_COUNT(name) CFG_ONE(name)
#define CFG_TYPE_RATES(name) CFG_MANY(name)
#define CFG_TYPE_ZONES(name) CFG_MANY(name)
#define CFG_TYPE_PATTERN(name) CFG_ONE(name)
#define CFG_TYPE_ADDRESSES(name) CFG_MANY(name)

/*
 * Sections have no titles here: the scanner keeps them, since libconfuse
 * compares each title with all before it, and drops the one before when two
 * are alike. Which options a store of which kind takes the scanner knows.
 */
static cfg_opt_t store_opts[] = {
#define OPTION_STORE_MEMORY(type, name, ...) CFG_TYPE_##type(name)
#define OPTION_STORE_REDIS(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t dns_opts[] = {
#define OPTION_DNS(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t list_opts[] = {
#define OPTION_LIST(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t map_opts[] = {
#define OPTION_MAP(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t match_opts[] = {
#define OPTION_MATCH(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t check_opts[] = {
#define OPTION_RULE(type, name, ...) CFG_TYPE_##type(name)
#define OPTION_CHECK(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t limit_opts[] = {
#define OPTION_RULE(type, name, ...) CFG_TYPE_##type(name)
#define OPTION_LIMIT(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_END()
};
static cfg_opt_t policy_opts[] = {
#define OPTION_POLICY(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_SEC("match", match_opts, CFGF_MULTI),
	CFG_SEC("check", check_opts, CFGF_MULTI),
	CFG_SEC("limit", limit_opts, CFGF_MULTI),
	CFG_END()
};
static cfg_opt_t top_opts[] = {
#define OPTION_GLOBAL(type, name, ...) CFG_TYPE_##type(name)
#include "core/option.def"
	CFG_SEC("store", store_opts, CFGF_MULTI),
	CFG_SEC("dns", dns_opts, CFGF_MULTI),
	CFG_SEC("list", list_opts, CFGF_MULTI),
	CFG_SEC("map", map_opts, CFGF_MULTI),
	CFG_SEC("policy", policy_opts, CFGF_MULTI),
	CFG_END()
};

/* Its messages would name neither the section nor what to do. */
static void
stay_silent(cfg_t *cfg, const char *format, va_list arguments)
{
	(void)cfg;
	(void)format;
	(void)arguments;
}

static cfg_t *
parse_clean(struct conf_reader *conf, const struct conf_file *file)
{
	cfg_t *cfg = cfg_init(top_opts, CFGF_NONE);

	if (cfg == NULL) {
		problems_add(conf->problems, file->name, 0, "out of memory");
		return NULL;
	}
	cfg_set_error_function(cfg, stay_silent);
	if (cfg_parse_buf(cfg, file->scan.clean) == CFG_SUCCESS)
		return cfg;
	problems_add(conf->problems, file->name, cfg->line,
	    "libconfuse cannot read the file from here on");
	cfg_free(cfg);
	return NULL;
}

/* --- files */

/* Where a file was named: the including option, or the command line. */
struct place {
	const char *file;
	int line;
};

static void
refuse_file(struct conf_reader *conf, const struct place *from,
    const char *name, const char *why)
{
	char seen[SAY_SIZE];

	if (from->line == 0)
		problems_add(conf->problems, name, 0, "cannot read it: %s",
		    why);
	else
		problems_add(conf->problems, from->file, from->line,
		    "include: cannot read %s: %s",
		    say_seen(name, strlen(name), seen), why);
}

/* The whole file in the scratch arena, or NULL with *why. */
static char *
read_whole(struct arena *arena, const char *name, size_t *length,
    const char **why)
{
	size_t room = 64 * 1024, more;
	char *text, *larger;
	FILE *from = fopen(name, "re");

	if (from == NULL) {
		*why = strerror(errno);
		return NULL;
	}
	text = arena_get(arena, room);
	*length = 0;
	while ((more = fread(text + *length, 1, room - *length, from)) > 0) {
		*length += more;
		if (*length < room)
			continue;
		if (room > FILE_OCTETS_MAX)
			break;
		larger = arena_get(arena, 2 * room);
		memcpy(larger, text, *length);
		text = larger;
		room *= 2;
	}
	*why = ferror(from) ? strerror(errno) : *length > FILE_OCTETS_MAX ?
	    "it is larger than 4M: entries belong in files of lists" : NULL;
	fclose(from);
	return *why == NULL ? text : NULL;
}

/* The directory that a path names, "." or what is before the last '/'. */
static const char *
directory_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	return slash == path ? "/" : arena_copy_n(arena, path,
	    (size_t)(slash - path));
}

static bool read_file(struct conf_reader *conf, const char *name,
    const struct place *from, int depth);

/* A directory that is not there holds nothing; others have to be read. */
static int
is_glob_error(const char *directory, int error)
{
	(void)directory;
	return error != ENOENT && error != ENOTDIR;
}

/* Names that the pattern stands for, in order of their names. */
static void
include_pattern(struct conf_reader *conf, const char *pattern,
    const struct place *from, int depth)
{
	glob_t found = { .gl_pathc = 0 };
	int result = glob(pattern, 0, is_glob_error, &found);

	if (result != 0 && result != GLOB_NOMATCH)
		refuse_file(conf, from, pattern, "its directory cannot be "
		    "read");
	for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
		read_file(conf, arena_copy(conf->scratch, found.gl_pathv[i]),
		    from, depth);
	globfree(&found);
}

/* Directories are no part of the pattern, whatever their names hold. */
static const char *
escape_pattern(struct arena *arena, const char *directory)
{
	size_t size = 2 * strlen(directory) + 1;
	struct text out;

	text_init(&out, arena_get(arena, size), size);
	for (; *directory != '\0'; directory++) {
		if (strchr("*?[\\", *directory) != NULL)
			text_put_char(&out, '\\');
		text_put_char(&out, *directory);
	}
	return out.at;
}

static void
include_one(struct conf_reader *conf, const struct conf_file *file,
    const char *value, const struct place *from, int depth)
{
	const char *directory = directory_of(conf->scratch, file->name);

	if (value[0] == '\0') {
		problems_add(conf->problems, from->file, from->line,
		    "include: expected the name of a file, saw \"\"");
		return;
	}
	if (strpbrk(value, "*?[") == NULL) {
		read_file(conf, path_within(conf->scratch, directory, value),
		    from, depth);
		return;
	}
	include_pattern(conf, path_within(conf->scratch,
	    escape_pattern(conf->scratch, directory), value), from, depth);
}

static void
include_all(struct conf_reader *conf, const struct conf_file *file,
    const struct scan_option *include, int depth)
{
	cfg_opt_t *values = cfg_getopt(file->cfg, include->row->name);

	for (unsigned int i = 0; i < cfg_opt_size(values) &&
	    i < include->count; i++) {
		const struct place from = { file->name, include->lines[i] };

		include_one(conf, file, cfg_opt_getnstr(values, i), &from,
		    depth + 1);
	}
}

static void
add_item(struct conf_reader *conf, const struct conf_file *file,
    const struct scan_section *section)
{
	if (conf->item_count == conf->item_room) {
		struct conf_item *more;

		conf->item_room = conf->item_room == 0 ? 64 :
		    2 * conf->item_room;
		more = arena_get_array(conf->scratch, conf->item_room,
		    sizeof(*more));
		if (conf->item_count > 0)
			memcpy(more, conf->items,
			    conf->item_count * sizeof(*more));
		conf->items = more;
	}
	conf->items[conf->item_count++] = (struct conf_item){ file, section };
}

/* The sections of a file; what it includes stands where `include` does. */
static void
add_items(struct conf_reader *conf, const struct conf_file *file, int depth)
{
	const struct scan_option *include = scan_find(file->scan.root,
	    "include");

	if (include != NULL && !include->is_sound)
		include = NULL;
	for (const struct scan_section *section = file->scan.root->sections;
	    section != NULL; section = section->next) {
		if (include != NULL && section->line >= include->line) {
			include_all(conf, file, include, depth);
			include = NULL;
		}
		add_item(conf, file, section);
	}
	if (include != NULL)
		include_all(conf, file, include, depth);
}

/* Known already? Then it includes itself, or is named twice. */
static bool
is_known(struct conf_reader *conf, const char *real, const char *name,
    const struct place *from)
{
	for (const struct conf_file *file = conf->files; file != NULL;
	    file = file->next) {
		if (strcmp(file->real, real) != 0)
			continue;
		refuse_file(conf, from, name, "it has been read already: a "
		    "file can be included once, and not by itself");
		return true;
	}
	return false;
}

static void
append_file(struct conf_reader *conf, struct conf_file *file)
{
	struct conf_file **end = &conf->files;

	while (*end != NULL)
		end = &(*end)->next;
	*end = file;
}

static bool
read_file(struct conf_reader *conf, const char *name,
    const struct place *from, int depth)
{
	struct conf_file *file = arena_get(conf->scratch, sizeof(*file));
	const char *why = NULL;
	char real[PATH_MAX], *text;
	size_t length;

	if (depth > INCLUDE_DEPTH_MAX) {
		refuse_file(conf, from, name, "includes are nested deeper "
		    "than ten files");
		return false;
	}
	if (realpath(name, real) == NULL)
		text_copy(real, sizeof(real), name);	/* such as a pipe */
	if (is_known(conf, real, name, from))
		return false;
	text = read_whole(conf->scratch, name, &length, &why);
	if (text == NULL) {
		refuse_file(conf, from, name, why);
		return false;
	}
	file->name = name;
	file->real = arena_copy(conf->scratch, real);
	file->directory = realpath(directory_of(conf->scratch, name), real) ==
	    NULL ? "/" : arena_copy(conf->scratch, real);
	append_file(conf, file);
	scan_text(&file->scan, conf->scratch, name, text, length,
	    conf->problems);
	file->cfg = parse_clean(conf, file);
	if (file->cfg != NULL)
		add_items(conf, file, depth);
	return file->cfg != NULL;
}

/* --- problems in the order of files and lines */

struct ranked {
	struct problem problem;
	size_t file, number;
};

static int
compare_size(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int
compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	int by_file = compare_size(a->file, b->file);
	int by_line = (a->problem.line > b->problem.line) -
	    (a->problem.line < b->problem.line);

	if (by_file != 0)
		return by_file;
	return by_line != 0 ? by_line : compare_size(a->number, b->number);
}

/* Configuration files in the order of reading, then lists and maps. */
static void
sort_problems(struct conf_reader *conf, struct problems *problems,
    size_t first)
{
	size_t count = problems->count - first;
	struct ranked *ranked = arena_get_array(conf->scratch, count + 1,
	    sizeof(*ranked));

	for (size_t i = 0; i < count; i++) {
		const struct conf_file *file = conf->files;

		ranked[i].problem = problems->at[first + i];
		ranked[i].number = i;
		while (file != NULL && strcmp(file->name,
		    ranked[i].problem.file) != 0) {
			ranked[i].file++;
			file = file->next;
		}
	}
	qsort(ranked, count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < count; i++)
		problems->at[first + i] = ranked[i].problem;
}

/* --- the whole */

struct config *
conffile_read(const char *file, struct problems *problems)
{
	static const struct place command_line = { NULL, 0 };
	struct arena *arena = arena_open();
	struct conf_reader conf = {
		.scratch = arena_open(), .problems = problems
	};
	size_t first = problems->count;
	struct config *config;

	config = arena_get(arena, sizeof(*config));
	config->arena = arena;
	conf.config = config;
	if (read_file(&conf, arena_copy(conf.scratch, file), &command_line,
	    0))
		conf_build(&conf);
	if (problems->count == first)
		config->steps = policy_steps(config);
	sort_problems(&conf, problems, first);
	if (problems->notes != NULL)
		sort_problems(&conf, problems->notes, 0);
	for (struct conf_file *each = conf.files; each != NULL;
	    each = each->next)
		if (each->cfg != NULL)
			cfg_free(each->cfg);
	arena_close(&conf.scratch);
	if (problems->count > first)
		config_close(&config);
	return config;
}

void
config_close(struct config **config)
{
	struct arena *arena;

	if (*config == NULL)
		return;
	arena = (*config)->arena;
	arena_close(&arena);
	*config = NULL;
}
