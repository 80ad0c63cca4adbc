/*
 * mktables.c - a manual page from its template and the tables of the program
 *
 * usage: mktables TEMPLATE >PAGE
 *
 * Copies the template. A line "@NAME@" or "@OPTIONS SECTION@" becomes mdoc
 * made from the .def files that the program itself is made from, so that page
 * and program cannot differ; see `tables` at the end for the names.
 * "@docdir@", "@sysconfdir@", "@pkgdatadir@" and "@version@" are filled in
 * wherever they stand.
 */
#include "base/quantity.h"
#include "base/text.h"
#include "core/check.h"
#include "core/codelint.h"
#include "core/config.h"
#include "core/reply.h"
#include "core/stage.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 4096

/* --- mdoc -------------------------------------------------------------- */

/*
 * One character of running text. What groff would make a typographic sign of
 * stays the ASCII character, so that people can search for it and paste it.
 */
static void
put_char(char c)
{
	switch (c) {
	case '\\':
		fputs("\\e", stdout);
		break;
	case '-':
		fputs("\\-", stdout);
		break;
	case '\'':
		fputs("\\(aq", stdout);
		break;
	case '`':
		fputs("\\(ga", stdout);
		break;
	case '^':
		fputs("\\(ha", stdout);
		break;
	case '~':
		fputs("\\(ti", stdout);
		break;
	case '"':
		fputs("\\(dq", stdout);
		break;
	default:
		putchar(c);
		break;
	}
}

static void
put_chars(const char *string)
{
	for (; *string != '\0'; string++)
		put_char(*string);
}

#define LINE_OCTETS_WANTED 72

/*
 * Text on lines of their own, parted at blanks. At the start of a line a dot
 * or an apostrophe would begin a macro.
 */
static void
put_line(const char *string)
{
	size_t column = 0;

	while (*string != '\0') {
		size_t length = strcspn(string, " ");

		if (column == 0 && (*string == '.' || *string == '\''))
			fputs("\\&", stdout);
		for (size_t i = 0; i < length; i++)
			put_char(string[i]);
		column += length + 1;
		string += length;
		if (*string != ' ')
			break;
		string++;
		if (column + strcspn(string, " ") > LINE_OCTETS_WANTED)
			column = 0;
		putchar(column == 0 ? '\n' : ' ');
	}
	putchar('\n');
}

/* Does it begin with a word that stands in the configuration as it is? */
static bool
begins_with_name(const char *string)
{
	size_t length = strspn(string, "abcdefghijklmnopqrstuvwxyz_");

	return memchr(string, '_', length) != NULL || string[length] == ':' ||
	    string[length] == ';' || text_starts_with(string, "error, ");
}

/* With a capital and the full stop, which the tables' sentences lack. */
static void
put_sentence(const char *string)
{
	char sentence[LINE_SIZE];
	struct text text;

	TEXT_INIT(&text, sentence);
	text_put(&text, string);
	if (text.length > 0 && string[text.length - 1] != '.')
		text_put_char(&text, '.');
	if (string[0] >= 'a' && string[0] <= 'z' && !begins_with_name(string))
		sentence[0] = (char)(string[0] - 'a' + 'A');
	put_line(sentence);
}

/*
 * One argument of a macro, in quotes. The \& keeps a short word ("No", "%A",
 * ".") from being read as a macro or as punctuation, as does the one behind a
 * bracket.
 */
static void
put_argument(const char *string)
{
	fputs(" \"\\&", stdout);
	put_chars(string);
	fputs(text_ends_with(string, "]") ? "\\&\"" : "\"", stdout);
}

static void
put_macro(const char *macro, const char *argument)
{
	printf(".%s", macro);
	put_argument(argument);
	putchar('\n');
}

static void
begin_list(void)
{
	puts(".Bl -tag -width Ds");
}

static void
end_list(void)
{
	puts(".El");
}

/* --- options ----------------------------------------------------------- */

enum type {
	TYPE_STRING, TYPE_STRINGS, TYPE_BOOL, TYPE_TRISTATE, TYPE_NUMBER,
	TYPE_DURATION, TYPE_SIZE, TYPE_FILEMODE, TYPE_LEVEL, TYPE_MODE,
	TYPE_SPEAK, TYPE_SCRIPT, TYPE_ON_FAILURE, TYPE_LISTS, TYPE_MAP, TYPE_EXCEPT,
	TYPE_REPLY, TYPE_NOTES, TYPE_KEYS, TYPE_COUNT, TYPE_RATES,
	TYPE_PATTERN, TYPE_ADDRESSES, TYPE_ZONES,
	TYPES
};

/* How a value is written. */
static const struct {
	const char *value;	/* the word that stands for it, or NULL */
	const char *const *names;	/* or all that it can be */
	size_t name_count;
	bool many;		/* several in braces */
	bool quoted;		/* a default is printed in quotes */
} types[TYPES] = {
	[TYPE_STRING] = { .value = "string", .quoted = true },
	[TYPE_STRINGS] = { .value = "string", .many = true, .quoted = true },
	[TYPE_BOOL] = { .value = "true | false" },
	[TYPE_TRISTATE] = { .value = "true | false | any" },
	[TYPE_NUMBER] = { .value = "number" },
	[TYPE_DURATION] = { .value = "duration", .quoted = true },
	[TYPE_SIZE] = { .value = "size", .quoted = true },
	[TYPE_FILEMODE] = { .value = "mode" },
	[TYPE_LEVEL] = { .names = level_names, .name_count = LEVEL_COUNT,
	    .quoted = true },
	[TYPE_MODE] = { .names = mode_names, .name_count = MODE_COUNT,
	    .quoted = true },
	[TYPE_SPEAK] = { .names = speak_names, .name_count = SPEAK_COUNT,
	    .quoted = true },
	[TYPE_SCRIPT] = { .names = script_names, .name_count = SCRIPT_COUNT,
	    .quoted = true },
	[TYPE_ON_FAILURE] = { .names = on_failure_names,
	    .name_count = ON_FAILURE_COUNT, .quoted = true },
	[TYPE_LISTS] = { .value = "list", .many = true },
	[TYPE_MAP] = { .value = "map" },
	[TYPE_EXCEPT] = { .value = "exemption", .many = true },
	[TYPE_REPLY] = { .value = "reply" },
	[TYPE_NOTES] = { .value = "note", .many = true },
	[TYPE_KEYS] = { .value = "key", .many = true },
	[TYPE_COUNT] = { .value = "count" },
	[TYPE_ZONES] = { .value = "zone", .many = true },
	[TYPE_RATES] = { .value = "rate", .many = true },
	[TYPE_PATTERN] = { .value = "pattern", .quoted = true },
	[TYPE_ADDRESSES] = { .value = "address", .many = true, .quoted = true },
};

struct option {
	const char *name;
	enum type type;
	const char *dflt;
	int64_t min, max;
	const char *help;
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ROW(type, name, dflt, min, max, help) \
	{ #name, TYPE_##type, dflt, min, max, help },

static const struct option global_options[] = {
#define OPTION_GLOBAL(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option store_memory_options[] = {
#define OPTION_STORE_MEMORY(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option store_redis_options[] = {
#define OPTION_STORE_REDIS(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option dns_options[] = {
#define OPTION_DNS(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option list_options[] = {
#define OPTION_LIST(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option map_options[] = {
#define OPTION_MAP(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option policy_options[] = {
#define OPTION_POLICY(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option match_options[] = {
#define OPTION_MATCH(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option rule_options[] = {
#define OPTION_RULE(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option check_options[] = {
#define OPTION_CHECK(...) ROW(__VA_ARGS__)
#include "core/option.def"
};
static const struct option limit_options[] = {
#define OPTION_LIMIT(...) ROW(__VA_ARGS__)
#include "core/option.def"
};

#define SECTION(name) { #name, name##_options, COUNT_OF(name##_options) }
static const struct {
	const char *name;
	const struct option *options;
	size_t count;
} sections[] = {
	SECTION(global), SECTION(store_memory), SECTION(store_redis),
	SECTION(dns), SECTION(list), SECTION(map), SECTION(policy),
	SECTION(match), SECTION(rule), SECTION(check), SECTION(limit),
};

static void
put_type(const struct option *option)
{
	if (types[option->type].value == NULL) {
		for (size_t i = 0; i < types[option->type].name_count; i++) {
			if (i > 0)
				fputs(" |", stdout);
			printf(" %s", types[option->type].names[i]);
		}
	} else if (strchr(types[option->type].value, '|') != NULL)
		printf(" %s", types[option->type].value);
	else if (types[option->type].many)
		printf(" No {\\& Ar %s , No ... No }",
		    types[option->type].value);
	else
		printf(" Ar %s", types[option->type].value);
}

static void
put_bound(const struct option *option, int64_t bound)
{
	char buffer[QUANTITY_TEXT_SIZE];

	if (option->type == TYPE_DURATION)
		fputs(duration_format(bound, buffer), stdout);
	else if (option->type == TYPE_SIZE)
		fputs(size_format(bound, buffer), stdout);
	else
		printf("%" PRId64, bound);
}

static void
put_range(const struct option *option)
{
	if (option->max == 0)
		return;
	fputs("From ", stdout);
	put_bound(option, option->min);
	fputs(" to ", stdout);
	put_bound(option, option->max);
	puts(".");
}

static void
put_default(const struct option *option)
{
	if (option->dflt[0] == '\0')
		return;
	puts("Default:");
	if (types[option->type].quoted)
		printf(".Li \\&\\(dq");
	else
		printf(".Li \\&");
	put_chars(option->dflt);
	if (types[option->type].quoted)
		printf("\\(dq");
	puts(" .");
}

static void
put_option(const struct option *option)
{
	fputs(".It Ic", stdout);
	put_argument(option->name);
	fputs(" No =", stdout);
	put_type(option);
	putchar('\n');
	put_sentence(option->help);
	put_range(option);
	put_default(option);
}

static bool
put_options(const char *section)
{
	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		if (strcmp(sections[i].name, section) != 0)
			continue;
		begin_list();
		for (size_t k = 0; k < sections[i].count; k++)
			put_option(&sections[i].options[k]);
		end_list();
		return true;
	}
	return false;
}

/* --- checks, limits and what they are made of --------------------------- */

static void
put_stage(enum stage stage)
{
	switch (stage) {
	case STAGE_CONNECT:
		fputs("the connection", stdout);
		break;
	case STAGE_HELO:
		fputs("HELO", stdout);
		break;
	case STAGE_MAIL:
		fputs("MAIL", stdout);
		break;
	case STAGE_RCPT:
		fputs("RCPT", stdout);
		break;
	case STAGE_EOH:
		fputs("the header", stdout);
		break;
	case STAGE_EOM:
		fputs("the end of data", stdout);
		break;
	case STAGE_ANY:
		fputs("any step", stdout);
		break;
	}
}

/* The reply that a check or limit sends, as a paragraph of its own. */
static void
put_reply(const struct reply *reply)
{
	char line[LINE_SIZE];
	struct text text;

	TEXT_INIT(&text, line);
	text_printf(&text, "%d %d.%d.%d %s", reply->basic,
	    reply->basic / 100, reply->subject, reply->detail, reply->text);
	puts(".Bd -ragged -compact");
	put_line(line);
	puts(".Ed");
}

static const struct {
	unsigned int bit;
	const char *name;
} taken[] = {
	{ TAKES_LISTS, "lists" },
	{ TAKES_LISTENERS, "listeners" },
	{ TAKES_MAP, "map" },
	{ TAKES_SELF, "self" },
	{ TAKES_MAX, "max" },
	{ TAKES_MAX_SIZE, "max_size" },
};

static void
put_taken(const char *verb, unsigned int bits)
{
	bool first = true;

	if (bits == 0)
		return;
	puts(verb);
	for (size_t i = 0; i < COUNT_OF(taken); i++) {
		if ((bits & taken[i].bit) == 0)
			continue;
		if (!first)
			puts("and");
		bits &= ~taken[i].bit;
		printf(".Ic %s%s\n", taken[i].name, bits == 0 ? " ." : "");
		first = false;
	}
}

static bool
put_checks(const char *argument)
{
	(void)argument;
	begin_list();
	for (int i = 0; i < CHECK_COUNT; i++) {
		const struct check_row *check = check_of((enum check_id)i);

		put_macro("It Cm", check->name);
		put_sentence(check->help);
		put_taken("Needs", check->must);
		put_taken("Takes", check->takes & ~check->must);
		fputs("Known from ", stdout);
		put_stage(check->stage);
		puts(" on.");
		put_reply(reply_of(check->reply));
	}
	end_list();
	return true;
}

static bool
put_limits(const char *argument)
{
	(void)argument;
	begin_list();
	for (int i = 0; i < LIMIT_COUNT; i++) {
		const struct limit_row *limit = limit_of((enum limit_id)i);

		put_macro("It Cm", limit->name);
		put_sentence(limit->help);
		printf("Per\n.Cm %s ,\ncounts\n.Cm %s .\n",
		    key_name(limit->per), count_name(limit->count));
		put_reply(reply_of(limit->reply));
	}
	end_list();
	return true;
}

static bool
put_keys(const char *argument)
{
	(void)argument;
	puts(".Bl -tag -width recipient_domain -compact");
	for (int i = 0; i < KEY_COUNT; i++) {
		put_macro("It Cm", key_name((enum key)i));
		put_sentence(key_help((enum key)i));
		fputs("Known from ", stdout);
		put_stage(key_stage((enum key)i));
		puts(" on.");
	}
	end_list();
	return true;
}

static bool
put_counts(const char *argument)
{
	(void)argument;
	puts(".Bl -tag -width open_connections -compact");
	for (int i = 0; i < COUNT_COUNT; i++) {
		put_macro("It Cm", count_name((enum count)i));
		put_sentence(count_help((enum count)i));
	}
	end_list();
	return true;
}

static bool
put_fields(const char *argument)
{
	(void)argument;
	puts(".Bl -tag -width recipient_domain___ -compact");
	for (int i = 0; i < FIELD_COUNT; i++) {
		printf(".It Li \"\\&%%{%s}\"\n", field_name((enum field)i));
		put_sentence(field_help((enum field)i));
	}
	end_list();
	return true;
}

static bool
put_notes(const char *argument)
{
	(void)argument;
	puts(".Bl -tag -width unregistered-enhanced -compact");
	for (int i = 0; i < CODE_NOTE_COUNT; i++) {
		put_macro("It Cm", code_note_names[i]);
		put_sentence(code_note_help((enum code_note)i));
	}
	end_list();
	return true;
}

/* --- replies ----------------------------------------------------------- */

/* What makes the program send a row of the catalogue; NULL: nothing yet. */
static const char *
sender_of(const struct reply *reply)
{
	if (check_find(reply->name) != NULL)
		return "check";
	if (limit_find(reply->name) != NULL)
		return "limit";
	if (reply == reply_of(REPLY_store_unavailable) ||
	    reply == reply_of(REPLY_lookup_failed) ||
	    reply == reply_of(REPLY_config_error))
		return "on_failure = defer";
	return NULL;
}

/* "@REPLIES sent@" or "@REPLIES reserved@". */
static bool
put_replies(const char *argument)
{
	bool sent = strcmp(argument, "sent") == 0;

	if (!sent && strcmp(argument, "reserved") != 0)
		return false;
	puts(".Bl -tag -width Ds -compact");
	for (int i = 0; i < REPLY_COUNT; i++) {
		const struct reply *reply = reply_of((enum reply_id)i);
		const char *by = sender_of(reply);
		char code[32];
		struct text text;

		if ((by != NULL) != sent)
			continue;
		TEXT_INIT(&text, code);
		text_printf(&text, "%d %d.%d.%d", reply->basic,
		    reply->basic / 100, reply->subject, reply->detail);
		/* A blank more makes columns of codes of both lengths. */
		printf(".It Li \"%s%s\" Cm", code,
		    text.length < strlen("554 5.7.10") ? "\\ " : "");
		put_argument(reply->name);
		if (by != NULL)
			printf(" Pq %s", by);
		putchar('\n');
		put_line(reply->text);
	}
	end_list();
	return true;
}

/* --- metrics and commands ------------------------------------------------ */

static bool
put_metrics(const char *argument)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
#define METRIC(name, help) { #name, help },
#include "io/metric.def"
	};

	(void)argument;
	puts(".Bl -tag -width refused_permanent -compact");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		put_macro("It Cm", rows[i].name);
		put_sentence(rows[i].help);
	}
	end_list();
	return true;
}

static bool
put_troubles(const char *argument)
{
	static const struct {
		const char *reason, *text;
	} rows[] = {
#define TROUBLE(name, reason, word, cure, lasts, text) { reason, text },
#include "io/redis_trouble.def"
	};

	(void)argument;
	puts(".Bl -tag -width clusterdown -compact");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		put_macro("It Cm", rows[i].reason);
		put_sentence(rows[i].text);
	}
	end_list();
	return true;
}

/* "[COMMAND]" is optional, words in capitals are arguments. */
static void
put_command_arguments(const char *arguments)
{
	char word[64];
	size_t length;

	for (; *arguments != '\0'; arguments += length) {
		arguments += strspn(arguments, " ");
		length = strcspn(arguments, " ");
		if (length == 0 || !text_copy_n(word, sizeof(word), arguments,
		    length))
			break;
		fputs(word[0] >= 'A' && word[0] <= 'Z' &&
		    strpbrk(word, "[]|") == NULL ? " Ar" : " No", stdout);
		put_argument(word);
	}
}

static bool
put_commands(const char *argument)
{
	static const struct {
		const char *name, *arguments, *help;
	} rows[] = {
#define COMMAND(name, side, arguments, least, most, help) \
		{ #name, arguments, help },
#include "io/command.def"
	};

	(void)argument;
	begin_list();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		fputs(".It Cm", stdout);
		put_argument(rows[i].name);
		put_command_arguments(rows[i].arguments);
		putchar('\n');
		put_sentence(rows[i].help);
	}
	end_list();
	return true;
}

/* --- the template ------------------------------------------------------ */

static const struct {
	const char *name;
	bool (*put)(const char *argument);	/* false: no such argument */
} tables[] = {
	{ "OPTIONS", put_options },
	{ "CHECKS", put_checks },
	{ "LIMITS", put_limits },
	{ "KEYS", put_keys },
	{ "COUNTS", put_counts },
	{ "FIELDS", put_fields },
	{ "NOTES", put_notes },
	{ "REPLIES", put_replies },
	{ "METRICS", put_metrics },
	{ "TROUBLES", put_troubles },
	{ "COMMANDS", put_commands },
};

static const struct {
	const char *name, *value;
} words[] = {
	{ "@docdir@", DOCDIR },
	{ "@sysconfdir@", SYSCONFDIR },
	{ "@pkgdatadir@", PKGDATADIR },
	{ "@version@", PACKAGE_VERSION },
};

static void
put_template_line(const char *line)
{
	while (*line != '\0') {
		size_t i = 0;

		while (i < COUNT_OF(words) &&
		    !text_starts_with(line, words[i].name))
			i++;
		if (i == COUNT_OF(words)) {
			putchar(*line++);
			continue;
		}
		fputs(words[i].value, stdout);
		line += strlen(words[i].name);
	}
	putchar('\n');
}

/* "@NAME ARGUMENT@", alone on its line; false: there is no such table. */
static bool
put_table(const char *request, size_t length)
{
	char name[64], *argument;

	if (!text_copy_n(name, sizeof(name), request, length))
		return false;
	argument = strchr(name, ' ');
	if (argument != NULL)
		*argument++ = '\0';
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		if (strcmp(tables[i].name, name) == 0)
			return tables[i].put(argument != NULL ? argument :
			    "");
	return false;
}

static bool
is_request(const char *line, size_t length)
{
	return length > 2 && line[0] == '@' && line[length - 1] == '@' &&
	    line[1] >= 'A' && line[1] <= 'Z';
}

/* False when the template asks for what there is not. */
static bool
convert(FILE *from, const char *file)
{
	char line[LINE_SIZE];
	unsigned int number = 0;

	while (fgets(line, sizeof(line), from) != NULL) {
		size_t length = strcspn(line, "\n");

		number++;
		line[length] = '\0';
		if (!is_request(line, length)) {
			put_template_line(line);
			continue;
		}
		if (put_table(line + 1, length - 2))
			continue;
		fprintf(stderr, "%s:%u: no such table: %s\n", file, number,
		    line);
		return false;
	}
	return ferror(from) == 0;
}

int
main(int argc, char *argv[])
{
	FILE *from;
	bool good;

	if (argc != 2) {
		fputs("usage: mktables TEMPLATE >PAGE\n", stderr);
		return EXIT_FAILURE;
	}
	from = fopen(argv[1], "r");
	if (from == NULL) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	good = convert(from, argv[1]);
	(void)fclose(from);
	return good && fflush(stdout) == 0 && ferror(stdout) == 0 ?
	    EXIT_SUCCESS : EXIT_FAILURE;
}
