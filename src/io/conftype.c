/*
 * conftype.c - the types of options: a parser for each
 *
 * A parser says what was expected and what was seen; it knows the value, its
 * range and the names it may use, but not how options depend on each other. The
 * printers are in confprint.c.
 */
#include "io/conftype.h"

#include "base/arena.h"
#include "base/names.h"
#include "base/quantity.h"
#include "base/text.h"
#include "core/codelint.h"
#include "io/confsay.h"
#include "io/maps.h"
#include "io/pattern.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- reports */

static int
line_of(const struct reading *r, size_t i)
{
	return r->lines != NULL && i < r->count ? r->lines[i] : r->line;
}

/* `option: expected ..., saw "...": a hint`. */
static bool
refuse(const struct reading *r, size_t i, const char *expected,
    const char *hint)
{
	const char *value = i < r->count ? r->values[i] : "";
	char seen[SAY_SIZE];

	problems_add(r->problems, r->file, line_of(r, i), "%s: %s, saw %s%s",
	    r->row->name, expected, say_seen(value, strlen(value), seen),
	    hint);
	return false;
}

/* `word`, of value i, is none of the names. */
static bool
refuse_word(const struct reading *r, size_t i, const char *word,
    const char *what, const char *const names[], size_t count)
{
	char all[256], hint[SAY_SIZE], expected[320];
	struct text text;

	TEXT_INIT(&text, expected);
	text_printf(&text, "expected %s: %s", what,
	    say_names(names, count, all, sizeof(all)));
	return refuse(r, i, expected, say_nearest(word, names, count, hint));
}

static bool
refuse_name(const struct reading *r, size_t i, const char *what,
    const char *const names[], size_t count)
{
	return refuse_word(r, i, r->values[i], what, names, count);
}

/* Is the value among those before it? */
static bool
is_repeated(const struct reading *r, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(r->values[j], r->values[i]) == 0)
			return true;
	return false;
}

/* --- files */

const char *
path_within(struct arena *arena, const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	struct text path;

	if (name[0] == '/')
		return arena_copy(arena, name);
	text_init(&path, arena_get(arena, size), size);
	text_put(&path, directory);
	text_put_char(&path, '/');
	text_put(&path, name);
	return path.at;
}

bool
file_is_readable(struct problems *problems, const char *path,
    const char *name, const char *file, int line)
{
	char seen[SAY_SIZE];
	struct stat status;

	if (access(path, R_OK) == 0 && stat(path, &status) == 0 &&
	    !S_ISDIR(status.st_mode))
		return true;
	problems_add(problems, file, line, "%s: cannot read %s: %s", name,
	    say_seen(path, strlen(path), seen),
	    access(path, R_OK) == 0 ? "it is a directory" : strerror(errno));
	return false;
}

/* --- plain values */

static bool
parse_string(struct reading *r, void *field)
{
	*(const char **)field = arena_copy(r->arena, r->values[0]);
	return true;
}

static bool
parse_strings(struct reading *r, void *field)
{
	struct strings *strings = field;
	const char **at = arena_get_array(r->arena, r->count + 1,
	    sizeof(*at));
	bool is_good = true;

	for (size_t i = 0; i < r->count; i++) {
		if (r->values[i][0] == '\0')
			is_good = refuse(r, i, "expected a value", "");
		at[i] = arena_copy(r->arena, r->values[i]);
	}
	strings->at = at;
	strings->count = is_good ? r->count : 0;
	return is_good;
}

/* The words that libconfuse takes for a truth value. */
static const char *const truth_names[] = {
	"false", "true", "no", "yes", "off", "on"
};
#define TRUTH_NAMES (sizeof(truth_names) / sizeof(truth_names[0]))

static bool
parse_bool(struct reading *r, void *field)
{
	int i = names_find(truth_names, TRUTH_NAMES, r->values[0]);

	*(bool *)field = i >= 0 && i % 2 == 1;
	return i >= 0 || refuse_name(r, 0, "true or false", truth_names, 2);
}

static bool
parse_tristate(struct reading *r, void *field)
{
	static const char *const names[] = { "true", "false", "any" };
	int i = names_find(truth_names, TRUTH_NAMES, r->values[0]);

	*(enum tristate *)field = TRISTATE_ANY;
	if (r->values[0][0] == '\0' || strcmp(r->values[0], "any") == 0)
		return true;
	if (i < 0)
		return refuse_name(r, 0, "one of", names, 3);
	*(enum tristate *)field = i % 2 == 1 ? TRISTATE_TRUE : TRISTATE_FALSE;
	return true;
}

static bool
is_out_of_range(const struct reading *r, int64_t number)
{
	return (r->row->min != 0 && number < r->row->min) ||
	    (r->row->max != 0 && number > r->row->max);
}

/* The whole of a number with zeros before it: what was meant, or NULL. */
static const char *
without_zeros(const char *value)
{
	const char *rest = value + strspn(value, "0");

	return rest > value && *rest != '\0' &&
	    rest[strspn(rest, "0123456789")] == '\0' ? rest : NULL;
}

static bool
parse_number(struct reading *r, void *field)
{
	int64_t *number = field;
	const char *value = r->values[0];
	char expected[SAY_SIZE], hint[SAY_SIZE];
	struct text text;

	*number = -1;
	if (value[0] == '\0' && r->lines == NULL)
		return true;
	TEXT_INIT(&text, expected);
	TEXT_INIT(&text, hint);
	if (without_zeros(value) != NULL && strlen(value) < 20)
		text_printf(&text, ": write %s, a leading 0 is not octal "
		    "here", without_zeros(value));
	TEXT_INIT(&text, expected);
	text_put(&text, "expected a whole number");
	if (r->row->max != 0)
		text_printf(&text, " from %" PRId64 " to %" PRId64,
		    r->row->min, r->row->max);
	if (!text_parse_number(value, INT64_MAX, number) ||
	    is_out_of_range(r, *number)) {
		*number = -1;
		return refuse(r, 0, expected, hint);
	}
	return true;
}

static bool
parse_duration(struct reading *r, void *field)
{
	int64_t *ms = field;
	char least[QUANTITY_TEXT_SIZE], most[QUANTITY_TEXT_SIZE];
	char expected[SAY_SIZE];
	const char *why = "";
	struct text text;

	*ms = 0;
	if (r->values[0][0] == '\0' && r->lines == NULL)
		return true;
	if (!duration_parse(r->values[0], ms, &why))
		return refuse(r, 0, why, "");
	if (!is_out_of_range(r, *ms))
		return true;
	TEXT_INIT(&text, expected);
	text_printf(&text, "expected %s to %s",
	    duration_format(r->row->min, least),
	    duration_format(r->row->max, most));
	return refuse(r, 0, expected, "");
}

static bool
parse_size(struct reading *r, void *field)
{
	int64_t *bytes = field;
	const char *why = "";

	*bytes = -1;
	if (r->values[0][0] == '\0' && r->lines == NULL)
		return true;
	if (!size_parse(r->values[0], bytes, &why))
		return refuse(r, 0, why, "");
	if (is_out_of_range(r, *bytes))
		return refuse(r, 0, "expected a size of 1 octet or more", "");
	return true;
}

static bool
parse_filemode(struct reading *r, void *field)
{
	const char *value = r->values[0];
	size_t length = strlen(value);
	unsigned int mode = 0;

	if (length < 3 || length > 4 || strspn(value, "01234567") != length ||
	    (length == 4 && value[0] != '0'))
		return refuse(r, 0, "expected an octal mode such as 0660", "");
	for (const char *at = value; *at != '\0'; at++)
		mode = 8 * mode + (unsigned int)(*at - '0');
	*(unsigned int *)field = mode;
	return true;
}

/* --- names of a closed set: each into the enum of its field */

#define PARSE_NAME(function, type, names, names_count)			\
	static bool							\
	function(struct reading *r, void *field)			\
	{								\
		int i = names_find(names, names_count, r->values[0]);	\
									\
		*(enum type *)field = (enum type)(i < 0 ? 0 : i);	\
		return i >= 0 ||					\
		    refuse_name(r, 0, "one of", names, names_count);	\
	}

PARSE_NAME(parse_level, level, level_names, LEVEL_COUNT)
PARSE_NAME(parse_mode, mode, mode_names, MODE_COUNT)
PARSE_NAME(parse_speak, speak, speak_names, SPEAK_COUNT)
PARSE_NAME(parse_script, script_kind, script_names, SCRIPT_COUNT)
PARSE_NAME(parse_on_failure, on_failure, on_failure_names, ON_FAILURE_COUNT)

static bool
parse_count(struct reading *r, void *field)
{
	const char *names[COUNT_COUNT];
	int i;

	*(enum count *)field = COUNT_COUNT;
	if (r->values[0][0] == '\0' && r->lines == NULL)
		return true;
	for (i = 0; i < COUNT_COUNT; i++)
		names[i] = count_name((enum count)i);
	i = names_find(names, COUNT_COUNT, r->values[0]);
	if (i < 0)
		return refuse_name(r, 0, "one of", names, COUNT_COUNT);
	*(enum count *)field = (enum count)i;
	return true;
}

static bool
parse_keys(struct reading *r, void *field)
{
	struct keys *keys = field;
	const char *names[KEY_COUNT];
	bool given[KEY_COUNT] = { false }, is_good = true;

	for (int i = 0; i < KEY_COUNT; i++)
		names[i] = key_name((enum key)i);
	for (size_t i = 0; i < r->count; i++) {
		int key = names_find(names, KEY_COUNT, r->values[i]);

		if (key < 0)
			is_good = refuse_name(r, i, "keys among", names,
			    KEY_COUNT);
		else if (given[key])
			is_good = refuse(r, i, "expected each key once", "");
		else
			given[key] = true;
	}
	keys->count = 0;
	for (int i = 0; i < KEY_COUNT; i++)
		if (given[i])
			keys->at[keys->count++] = (enum key)i;
	return is_good;
}

/* --- names of lists */

const struct list *
config_find_list(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->list_count; i++)
		if (strcmp(config->lists[i].name, name) == 0)
			return &config->lists[i];
	return NULL;
}

#define LIST_CANDIDATES_MAX 1000

/* The list that value i names from octet `from` on; NULL with a problem. */
static const struct list *
find_list(const struct reading *r, size_t i, size_t from)
{
	const char *names[LIST_CANDIDATES_MAX], *name = r->values[i] + from;
	const struct list *list = config_find_list(r->config, name);
	size_t count = 0;
	char hint[SAY_SIZE];

	if (list != NULL && !is_repeated(r, i))
		return list;
	if (list != NULL) {
		refuse(r, i, "expected each list once", "");
		return NULL;
	}
	while (count < r->config->list_count && count < LIST_CANDIDATES_MAX) {
		names[count] = r->config->lists[count].name;
		count++;
	}
	refuse(r, i, "expected the name of a list",
	    say_nearest(name, names, count, hint));
	return NULL;
}

static bool
parse_lists(struct reading *r, void *field)
{
	struct lists *lists = field;
	const struct list **at = arena_get_array(r->arena, r->count + 1,
	    sizeof(*at));

	lists->at = at;
	lists->count = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct list *list = find_list(r, i, 0);

		if (list != NULL)
			at[lists->count++] = list;
	}
	return lists->count == r->count;
}

/* "inside", "sender:inside". */
static bool
parse_except(struct reading *r, void *field)
{
	struct except *except = field;
	struct except_entry *at = arena_get_array(r->arena, r->count + 1,
	    sizeof(*at));

	except->at = at;
	except->count = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct except_entry *entry = &at[except->count];
		const char *value = r->values[i];
		const char *colon = strchr(value, ':');
		char subject[32] = "";
		int found = SUBJECT_CLIENT_OR_USER;

		if (colon != NULL) {
			text_copy_n(subject, sizeof(subject), value,
			    (size_t)(colon - value));
			found = names_find(subject_names, SUBJECT_COUNT,
			    subject);
		}
		if (found < 0 || colon == value) {
			refuse_word(r, i, subject, "LIST or SUBJECT:LIST "
			    "with a subject among", subject_names,
			    SUBJECT_COUNT);
			continue;
		}
		entry->subject = (enum subject)found;
		entry->list = find_list(r, i, colon == NULL ? 0 :
		    (size_t)(colon - value) + 1);
		if (entry->list != NULL)
			except->count++;
	}
	return except->count == r->count;
}

/* --- maps */

static const struct map *
cached_map(const struct map_cache *maps, const char *path)
{
	for (size_t i = 0; i < maps->count; i++)
		if (strcmp(maps->at[i]->name, path) == 0)
			return maps->at[i];
	return NULL;
}

static void
cache_map(struct reading *r, const struct map *map)
{
	struct map_cache *maps = r->maps;
	const struct map **more;

	if (maps->count == maps->room) {
		maps->room = maps->room == 0 ? 16 : 2 * maps->room;
		more = arena_get_array(r->arena, maps->room, sizeof(*more));
		for (size_t i = 0; i < maps->count; i++)
			more[i] = maps->at[i];
		maps->at = more;
	}
	maps->at[maps->count++] = map;
}

/* One that has a section of its own. */
static const struct map *
find_map(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->map_count; i++)
		if (strcmp(config->maps[i].name, name) == 0)
			return &config->maps[i];
	return NULL;
}

static bool
parse_map(struct reading *r, void *field)
{
	const struct map **map = field;
	const char *path;

	*map = NULL;
	if (r->lines == NULL)
		return true;
	if (r->values[0][0] == '\0')
		return refuse(r, 0, "expected the name of a map or a file",
		    "");
	*map = find_map(r->config, r->values[0]);
	if (*map != NULL)
		return true;
	path = path_within(r->arena, r->directory, r->values[0]);
	*map = cached_map(r->maps, path);
	if (*map != NULL)
		return true;
	if (!file_is_readable(r->problems, path, r->row->name, r->file,
	    line_of(r, 0)))
		return false;
	*map = map_read(r->arena, &r->config->folding, path,
	    r->problems);
	if (*map != NULL)
		cache_map(r, *map);
	return *map != NULL;
}

/* --- patterns */

static bool
parse_pattern(struct reading *r, void *field)
{
	char why[SAY_SIZE];
	struct pattern *pattern;

	*(const struct pattern **)field = NULL;
	if (r->lines == NULL)
		return true;
	if (r->values[0][0] == '\0')
		return refuse(r, 0, "expected a pattern", "");
	pattern = arena_get(r->arena, sizeof(*pattern));
	if (!pattern_make(r->arena, r->values[0], pattern, why, sizeof(why)))
		return refuse(r, 0, why, "");
	*(const struct pattern **)field = pattern;
	return true;
}

/* --- mailboxes */

static bool
parse_addresses(struct reading *r, void *field)
{
	struct addresses *addresses = field;
	struct list_builder *builder = list_builder_open(r->arena,
	    &r->config->folding);
	bool is_good = parse_strings(r, &addresses->written);
	const char *why = "";

	for (size_t i = 0; i < addresses->written.count; i++)
		if (!list_builder_add(builder, ENTRY_ADDRESS, r->values[i],
		    &why))
			is_good = refuse(r, i, why, "");
	addresses->list.name = r->row->name;
	list_builder_finish(&builder, &addresses->list);
	return is_good;
}

/* --- replies */

static bool
parse_reply(struct reading *r, void *field)
{
	struct reply *reply;
	const char *why = "";

	*(const struct reply **)field = r->usual;
	if (r->lines == NULL)
		return true;
	reply = arena_get(r->arena, sizeof(*reply));
	if (!reply_parse(arena_copy(r->arena, r->values[0]), reply, &why))
		return refuse(r, 0, why, "");
	reply->name = r->usual->name;
	reply->stage = r->usual->stage;
	*(const struct reply **)field = reply;
	return true;
}

static bool
parse_notes(struct reading *r, void *field)
{
	unsigned int *notes = field;
	bool is_good = true;

	*notes = 0;
	for (size_t i = 0; i < r->count; i++) {
		int note = names_find(code_note_names, CODE_NOTE_COUNT,
		    r->values[i]);

		if (note < 0)
			is_good = refuse_name(r, i, "notes among",
			    code_note_names, CODE_NOTE_COUNT);
		else if ((*notes & (1u << note)) != 0)
			is_good = refuse(r, i, "expected each note once", "");
		else
			*notes |= 1u << note;
	}
	return is_good;
}

/* --- rates */

#define LABEL_OPEN "open"	/* of the one window of open_connections */

static const char *
counter_name(struct reading *r, const char *label)
{
	size_t size = strlen(r->name) + strlen(label) + 2;
	struct text text;

	text_init(&text, arena_get(r->arena, size), size);
	text_printf(&text, "%s/%s", r->name, label);
	return text.at;
}

static bool
parse_open(struct reading *r, size_t i, struct rate *rate)
{
	const char *why = "";

	if (rate_parse(r->values[i], false, rate, &why) &&
	    rate->window_ms == 0)
		return true;
	return refuse(r, i, "open_connections are counted as they are: "
	    "expected a number such as 20", "");
}

static bool
parse_rate(struct reading *r, size_t i, struct rate *rate)
{
	bool is_bytes = r->counts == COUNT_bytes;
	const char *why = "";

	if (r->counts == COUNT_open_connections)
		return parse_open(r, i, rate);
	if (!rate_parse(r->values[i], is_bytes, rate, &why))
		return refuse(r, i, why, "");
	if (rate->window_ms == 0)
		return refuse(r, i, is_bytes ? "expected octets in a span of "
		    "time such as 10M/1d" : "expected a number in a span of "
		    "time such as 100/1h", "");
	return true;
}

static bool
parse_rates(struct reading *r, void *field)
{
	struct rates *rates = field;
	struct window_rule *at = arena_get_array(r->arena, WINDOWS_MAX,
	    sizeof(*at));
	char label[QUANTITY_TEXT_SIZE];

	rates->at = at;
	rates->count = 0;
	if (r->count > WINDOWS_MAX)
		return refuse(r, WINDOWS_MAX, "expected 8 rates at most", "");
	for (size_t i = 0; i < r->count; i++) {
		struct window_rule *window = &at[rates->count];

		if (!parse_rate(r, i, &window->rate))
			continue;
		window->label = arena_copy(r->arena,
		    window->rate.window_ms == 0 ? LABEL_OPEN :
		    duration_format(window->rate.window_ms, label));
		window->field = counter_name(r, window->label);
		rates->count++;
		for (size_t j = 0; j + 1 < rates->count; j++)
			if (window->rate.window_ms > 0 &&
			    at[j].rate.window_ms == window->rate.window_ms) {
				refuse(r, i, "expected each span of time "
				    "once", "");
				break;
			}
	}
	return rates->count == r->count;
}
_Static_assert(WINDOWS_MAX == 8, "parse_rates() says so");

/* --- zones */

static bool
parse_zones(struct reading *r, void *field)
{
	struct zones *zones = field;
	struct zone *at = arena_get_array(r->arena, ZONES_MAX, sizeof(*at));

	zones->at = at;
	zones->count = 0;
	if (r->count > ZONES_MAX)
		return refuse(r, ZONES_MAX, "expected 16 zones at most", "");
	for (size_t i = 0; i < r->count; i++) {
		const char *why = "";

		if (zone_parse(arena_copy(r->arena, r->values[i]),
		    &at[zones->count], &why))
			zones->count++;
		else
			refuse(r, i, why, "");
	}
	return zones->count == r->count;
}
_Static_assert(ZONES_MAX == 16, "parse_zones() says so");

/* --- the table */

static bool (*const parsers[OPTION_TYPES])(struct reading *reading,
    void *field) = {
	[OPTION_TYPE_STRING] = parse_string,
	[OPTION_TYPE_STRINGS] = parse_strings,
	[OPTION_TYPE_BOOL] = parse_bool,
	[OPTION_TYPE_TRISTATE] = parse_tristate,
	[OPTION_TYPE_NUMBER] = parse_number,
	[OPTION_TYPE_DURATION] = parse_duration,
	[OPTION_TYPE_SIZE] = parse_size,
	[OPTION_TYPE_FILEMODE] = parse_filemode,
	[OPTION_TYPE_LEVEL] = parse_level,
	[OPTION_TYPE_MODE] = parse_mode,
	[OPTION_TYPE_SPEAK] = parse_speak,
	[OPTION_TYPE_SCRIPT] = parse_script,
	[OPTION_TYPE_ON_FAILURE] = parse_on_failure,
	[OPTION_TYPE_LISTS] = parse_lists,
	[OPTION_TYPE_MAP] = parse_map,
	[OPTION_TYPE_EXCEPT] = parse_except,
	[OPTION_TYPE_REPLY] = parse_reply,
	[OPTION_TYPE_NOTES] = parse_notes,
	[OPTION_TYPE_KEYS] = parse_keys,
	[OPTION_TYPE_COUNT] = parse_count,
	[OPTION_TYPE_RATES] = parse_rates,
	[OPTION_TYPE_ZONES] = parse_zones,
	[OPTION_TYPE_PATTERN] = parse_pattern,
	[OPTION_TYPE_ADDRESSES] = parse_addresses,
};

bool
option_parse(struct reading *reading, void *field)
{
	return parsers[reading->row->type](reading, field);
}
