/*
 * script.c - scenario files: SMTP sessions as lines
 */
#include "floodgatectl/script.h"

#include "floodgatectl/output.h"

#include "base/quantity.h"
#include "base/text.h"
#include "io/conffile.h"
#include "io/inspect.h"
#include "io/utc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define REPEATS_MAX 1000000
#define COMMANDS_MAX 8		/* of one repeat */
#define PARAMETERS_MAX 16	/* of one MAIL */
#define BLANKS " \t"
#define OCTETS_DEFAULT 1024	/* of a message */

struct script {
	struct player *player;
	const char *name;
	unsigned int line;
	bool steps;
	json_t *records;	/* NULL: print */
	bool refused;
	int exit_code;
};

/* Returns NULL, for those who return a record. */
static json_t *fail(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static json_t *
fail(struct script *script, const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s:%u: ", script->name, script->line);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	script->exit_code = EX_DATAERR;
	return NULL;
}

/* A command that the MTA and the milter do not hear of. */
static json_t *
done(const char *reply)
{
	return json_pack("{s:s, s:s}", "answer", "none", "reply", reply);
}

/* --- taking a line apart */

/* The next word of *at, ended by a NUL; *at moves behind it. NULL: none. */
static char *
take_word(char **at)
{
	char *word = *at + strspn(*at, BLANKS);
	size_t length = strcspn(word, BLANKS);

	if (length == 0)
		return NULL;
	*at = word + length;
	if (**at != '\0')
		*(*at)++ = '\0';
	return word;
}

/* "<...>" with blanks inside quotes, or else a word. */
static char *
take_path(char **at)
{
	char *path = *at + strspn(*at, BLANKS), *end = path;
	bool quoted = false;

	if (*path != '<')
		return take_word(at);
	for (; *end != '\0' && (quoted || *end != '>'); end++) {
		if (*end == '"')
			quoted = !quoted;
		else if (*end == '\\' && end[1] != '\0')
			end++;
	}
	if (*end == '>')
		end++;
	*at = end;
	if (**at != '\0')
		*(*at)++ = '\0';
	return path;
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, text_lower_char(c));

	return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/* \xHH becomes that octet, but no NUL; in place. */
static void
unescape(char *string)
{
	char *to = string;

	while (*string != '\0') {
		int high, low;

		if (string[0] == '\\' && string[1] == 'x' &&
		    (high = hex_value(string[2])) >= 0 &&
		    (low = hex_value(string[3])) >= 0 && high + low > 0) {
			*to++ = (char)(unsigned char)(high * 16 + low);
			string += 4;
		} else
			*to++ = *string++;
	}
	*to = '\0';
}

/* --- the commands; each returns its record, or NULL after fail() */

static json_t *
play_at(struct script *script, char *arguments)
{
	const char *when = take_word(&arguments), *why;
	char text[UTC_TEXT_SIZE];
	int64_t ms;

	if (when == NULL)
		return fail(script, "at: expected a time");
	if (*when == '+') {
		if (!duration_parse(when + 1, &ms, &why))
			return fail(script, "at: \"%s\": %s", when, why);
		ms += player_now(script->player);
	} else if (!utc_parse(when, &ms))
		return fail(script, "at: expected a time such as "
		    "2026-01-01T00:00:00Z or +10m, seen \"%s\"", when);
	player_set_clock(script->player, ms);
	return done(utc_format(ms, text));
}

static bool
take_connect_option(struct event *event, const char *word)
{
	if (text_starts_with(word, "listener="))
		event->listener = word + strlen("listener=");
	else if (text_starts_with(word, "port="))
		event->port = word + strlen("port=");
	else if (text_starts_with(word, "hostname="))
		event->hostname = word + strlen("hostname=");
	else
		return false;
	return true;
}

static json_t *
play_connect(struct script *script, char *arguments)
{
	struct event event = {
		.stage = STAGE_CONNECT, .hostname = "mx.example.com"
	};
	const char *address = take_word(&arguments), *word;

	if (address == NULL || (strcmp(address, "none") != 0 &&
	    !ip_parse(address, &event.client)))
		return fail(script, "connect: expected an address, or none");
	while ((word = take_word(&arguments)) != NULL) {
		if (take_connect_option(&event, word))
			continue;
		if (event.client_name != NULL)
			return fail(script, "connect: \"%s\" is too much",
			    word);
		event.client_name = word;
	}
	return player_event(script->player, &event);
}

static json_t *
play_helo(struct script *script, char *arguments)
{
	struct event event = { .stage = STAGE_HELO };

	event.helo = arguments + strspn(arguments, BLANKS);
	if (*event.helo == '\0')
		return fail(script, "helo: expected a name");
	return player_event(script->player, &event);
}

static json_t *
play_auth(struct script *script, char *arguments)
{
	player_log_in(script->player, arguments + strspn(arguments, BLANKS));
	return done("235 ok");
}

static json_t *
play_mail(struct script *script, char *arguments)
{
	const char *parameters[PARAMETERS_MAX + 1];
	struct event event = { .stage = STAGE_MAIL, .parameters = parameters };
	size_t count = 0;

	event.path = take_path(&arguments);
	if (event.path == NULL)
		return fail(script, "mail: expected a path such as "
		    "<user@example.org>");
	while ((parameters[count] = take_word(&arguments)) != NULL)
		if (++count == PARAMETERS_MAX)
			return fail(script, "mail: too many parameters");
	return player_event(script->player, &event);
}

static json_t *
play_rcpt(struct script *script, char *arguments)
{
	struct event event = { .stage = STAGE_RCPT };

	event.path = take_path(&arguments);
	if (event.path == NULL)
		return fail(script, "rcpt: expected a path such as "
		    "<user@example.org>");
	return player_event(script->player, &event);
}

static json_t *
play_data(struct script *script, char *arguments)
{
	const char *word = take_word(&arguments), *why;
	int64_t octets = OCTETS_DEFAULT;

	if (word != NULL && !size_parse(word, &octets, &why))
		return fail(script, "data: \"%s\": %s", word, why);
	return player_data(script->player, octets);
}

static json_t *
play_header(struct script *script, char *arguments)
{
	char *name = arguments + strspn(arguments, BLANKS);
	char *colon = strchr(name, ':');

	if (colon == NULL || colon == name)
		return fail(script, "header: expected NAME: VALUE");
	*colon = '\0';
	return player_header(script->player, name, colon + 1);
}

static json_t *
play_rset(struct script *script, char *arguments)
{
	(void)arguments;
	return player_reset(script->player);
}

static json_t *
play_quit(struct script *script, char *arguments)
{
	(void)arguments;
	return player_quit(script->player);
}

static json_t *
play_session(struct script *script, char *arguments)
{
	const char *name = take_word(&arguments);

	if (name != NULL && strlen(name) >= PLAYER_NAME_SIZE)
		return fail(script, "session: \"%s\": a name has at most %d "
		    "octets", name, PLAYER_NAME_SIZE - 1);
	if (!player_use_session(script->player, name != NULL ? name : ""))
		return fail(script, "session: at most %d sessions",
		    PLAYER_SESSIONS_MAX);
	return done("");
}

static json_t *
play_store(struct script *script, char *arguments)
{
	const char *word = take_word(&arguments);

	if (word == NULL ||
	    (strcmp(word, "up") != 0 && strcmp(word, "down") != 0))
		return fail(script, "store: expected up or down");
	player_set_store(script->player, strcmp(word, "up") == 0);
	return done("ok");
}

static json_t *
play_reload(struct script *script, char *arguments)
{
	const char *file = take_word(&arguments);
	struct problems problems;
	struct config *config;

	if (file == NULL)
		return fail(script, "reload: expected a file");
	problems_init(&problems);
	config = conffile_read(file, &problems);
	if (config == NULL) {
		(void)fflush(stdout);
		problems_print(&problems, stderr);
		problems_clear(&problems);
		return fail(script, "reload: %s has problems", file);
	}
	problems_clear(&problems);
	player_reload(script->player, config);
	return done("ok");
}

static json_t *
play_show(struct script *script, char *arguments)
{
	const char *subject = arguments + strspn(arguments, BLANKS);
	json_t *document;

	if (*subject == '\0')
		return fail(script, "show: expected a subject");
	document = player_show(script->player, subject);
	(void)json_object_set_new(document, "answer", json_string("shown"));
	if (json_object_get(document, "error") != NULL)
		(void)json_object_set(document, "reply",
		    json_object_get(document, "error"));
	return document;
}

static const struct verb {
	const char *name;
	json_t *(*play)(struct script *script, char *arguments);
	bool in_session;	/* a session must have begun */
	bool in_repeat;		/* may be repeated */
} verbs[] = {
	{ "at",      play_at,      false, true },
	{ "connect", play_connect, false, true },
	{ "helo",    play_helo,    true,  true },
	{ "auth",    play_auth,    true,  true },
	{ "mail",    play_mail,    true,  true },
	{ "rcpt",    play_rcpt,    true,  true },
	{ "header",  play_header,  true,  true },
	{ "data",    play_data,    true,  true },
	{ "rset",    play_rset,    true,  true },
	{ "quit",    play_quit,    true,  true },
	{ "session", play_session, false, true },
	{ "store",   play_store,   false, true },
	{ "reload",  play_reload,  false, false },
	{ "show",    play_show,    false, false }
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *
find_verb(struct script *script, const char *name)
{
	const char *names[VERBS], *meant;

	for (size_t i = 0; i < VERBS; i++) {
		names[i] = verbs[i].name;
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	meant = text_nearest(name, names, VERBS);
	(void)fail(script, "unknown command: \"%s\"%s%s%s", name,
	    meant != NULL ? " (did you mean " : "",
	    meant != NULL ? meant : "", meant != NULL ? "?)" : "");
	return NULL;
}

static bool
is_refusal(const json_t *record)
{
	const char *answer = member_text(record, "answer");

	return strcmp(answer, "tempfail") == 0 ||
	    strcmp(answer, "reject") == 0 || strcmp(answer, "close") == 0;
}

/* Play one command, which is changed; its record, or NULL after fail(). */
static json_t *
play_command(struct script *script, char *command, bool repeated)
{
	const struct verb *verb;
	const char *name;
	json_t *record, *echo;

	command += strspn(command, BLANKS);
	echo = inspect_text(command);
	name = take_word(&command);
	verb = find_verb(script, name != NULL ? name : "");
	if (verb == NULL)
		record = NULL;	/* said already */
	else if (repeated && !verb->in_repeat)
		record = fail(script, "%s cannot be repeated", verb->name);
	else if (verb->in_session && !player_has_connected(script->player))
		record = fail(script, "%s: connect comes first", verb->name);
	else {
		unescape(command);
		record = verb->play(script, command);
	}
	if (record == NULL) {
		json_decref(echo);
		return NULL;
	}
	(void)json_object_set_new(record, "command", echo);
	if (verb->in_session)
		(void)json_object_set_new(record, "session",
		    json_string(player_session(script->player)));
	if (is_refusal(record))
		script->refused = true;
	return record;
}

/* --- what is printed */

static void
put_record(const struct script *script, const json_t *record)
{
	if (strcmp(member_text(record, "answer"), "none") == 0 &&
	    member_text(record, "reply")[0] == '\0')
		return;		/* session: what follows bears its name */
	player_put_record(record, "", script->steps);
	put_subjects(record, "  ");
}

/* Takes over the record. */
static void
finish_record(struct script *script, json_t *record)
{
	if (script->records != NULL) {
		(void)json_array_append_new(script->records, record);
		return;
	}
	put_record(script, record);
	json_decref(record);
}

/* --- repeat */

/*
 * Repeated commands are told in runs: as long as policy, rule and code stay
 * the same, the first record stands for all.
 */
struct run {
	size_t command;
	unsigned int first, last;
	json_t *record;
	char *likeness;
};

struct runs {
	struct run *at;
	size_t count;
};

/* What two records have in common that are told as one. */
static char *
likeness_of(const json_t *record)
{
	static const char *const members[] = {
		"answer", "policy", "rule", "observed", "failed", "session"
	};
	json_t *like = json_object();
	char *likeness;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *member = json_object_get(record, members[i]);

		if (member != NULL)
			(void)json_object_set(like, members[i], member);
	}
	if (strcmp(member_text(record, "answer"), "mta") == 0)
		(void)json_object_set(like, "reply",
		    json_object_get(record, "reply"));
	likeness = json_dumps(like, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(like);
	return likeness;
}

/* Takes over the record. */
static void
runs_add(struct runs *runs, size_t command, unsigned int n, json_t *record)
{
	char *likeness = likeness_of(record);
	struct run *more;

	for (size_t i = runs->count; i-- > 0;) {
		struct run *run = &runs->at[i];

		if (run->command != command)
			continue;
		if (strcmp(run->likeness, likeness) != 0)
			break;
		run->last = n;
		free(likeness);
		json_decref(record);
		return;
	}
	more = realloc(runs->at, (runs->count + 1) * sizeof(*more));
	if (more == NULL)
		abort();
	runs->at = more;
	runs->at[runs->count++] = (struct run){ .command = command,
	    .first = n, .last = n, .record = record, .likeness = likeness };
}

/* Print the runs of each command, in the order of the commands. */
static void
runs_print(const struct runs *runs, const struct script *script,
    size_t commands)
{
	for (size_t k = 0; k < commands; k++) {
		for (size_t i = 0; i < runs->count; i++) {
			const struct run *run = &runs->at[i];
			char range[32];

			if (run->command != k || strcmp(member_text(
			    run->record, "answer"), "none") == 0)
				continue;
			if (run->first == run->last)
				(void)snprintf(range, sizeof(range), "  %u  ",
				    run->first);
			else
				(void)snprintf(range, sizeof(range),
				    "  %u-%u  ", run->first, run->last);
			player_put_record(run->record, range, script->steps);
		}
	}
}

static void
runs_clear(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++) {
		json_decref(runs->at[i].record);
		free(runs->at[i].likeness);
	}
	free(runs->at);
}

/* Every %n of the command as the number n; for free(). */
static char *
number_command(const char *command, unsigned int n)
{
	size_t size = strlen(command) * 6 + 1;	/* "%n" becomes 7 digits */
	char *numbered = malloc(size);
	struct text text;

	if (numbered == NULL)
		abort();
	text_init(&text, numbered, size);
	for (; *command != '\0'; command++) {
		if (command[0] == '%' && command[1] == 'n') {
			text_put_number(&text, n);
			command++;
		} else
			text_put_char(&text, *command);
	}
	return numbered;
}

/* Split at " ; "; the number of commands, 0 for too many. */
static size_t
split_commands(char *text, char *commands[])
{
	size_t count = 0;

	for (;;) {
		char *next = strstr(text, " ; ");

		if (count == COMMANDS_MAX)
			return 0;
		commands[count++] = text;
		if (next == NULL)
			return count;
		*next = '\0';
		text = next + 3;
	}
}

static bool
repeat_once(struct script *script, char *const commands[], size_t count,
    unsigned int n, struct runs *runs)
{
	for (size_t k = 0; k < count; k++) {
		char *command = number_command(commands[k], n);
		json_t *record = play_command(script, command, true);

		free(command);
		if (record == NULL)
			return false;
		if (script->records != NULL)
			(void)json_array_append_new(script->records, record);
		else
			runs_add(runs, k, n, record);
	}
	return true;
}

static bool
play_repeat(struct script *script, char *arguments)
{
	const char *word = take_word(&arguments);
	struct runs runs = { NULL, 0 };
	char *commands[COMMANDS_MAX];
	int64_t times;
	size_t count;
	bool good = true;

	if (word == NULL || !text_parse_number(word, REPEATS_MAX, &times)) {
		(void)fail(script, "repeat: expected a number up to %d",
		    REPEATS_MAX);
		return false;
	}
	if (script->records == NULL)
		(void)printf("repeat %s:\n", word);
	count = split_commands(arguments, commands);
	if (count == 0) {
		(void)fail(script, "repeat: at most %d commands",
		    COMMANDS_MAX);
		return false;
	}
	for (unsigned int n = 1; good && n <= (unsigned int)times; n++)
		good = repeat_once(script, commands, count, n, &runs);
	runs_print(&runs, script, count);
	runs_clear(&runs);
	return good;
}

/* --- the file */

/* False after fail(). */
static bool
play_line(struct script *script, char *line)
{
	size_t length;
	json_t *record;

	line += strspn(line, BLANKS);
	length = strlen(line);
	while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
		line[--length] = '\0';
	if (*line == '\0' || *line == '#')
		return true;
	if (strncmp(line, "repeat", 6) == 0 &&
	    strchr(BLANKS, line[6]) != NULL)
		return play_repeat(script, line + 6);
	record = play_command(script, line, false);
	if (record == NULL)
		return false;
	finish_record(script, record);
	return true;
}

int
script_play(struct player *player, FILE *from, const char *name, bool steps,
    json_t *records, bool *refused)
{
	struct script script = {
		.player = player, .name = name, .steps = steps,
		.records = records, .exit_code = EX_OK
	};
	char *line = NULL;
	size_t size = 0;
	bool good = true;

	while (good && getline(&line, &size, from) >= 0) {
		script.line++;
		good = play_line(&script, line);
	}
	if (good && ferror(from)) {
		(void)fprintf(stderr, "%s: %s\n", name, strerror(errno));
		script.exit_code = EX_NOINPUT;
	}
	free(line);
	*refused = script.refused;
	return script.exit_code;
}
