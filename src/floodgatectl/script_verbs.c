/*
 * script_verbs.c - the commands of scenario files
 */
#include "floodgatectl/script_parts.h"

#include "floodgatectl/output.h"

#include "base/quantity.h"
#include "base/text.h"
#include "io/conffile.h"
#include "io/inspect.h"
#include "io/operate.h"
#include "io/utc.h"

#include <stdio.h>
#include <string.h>

#define PARAMETERS_MAX 16	/* of one MAIL */
#define OCTETS_DEFAULT 1024	/* of a message */

/* A command that the MTA and the milter do not hear of. */
static json_t *
done(const char *reply)
{
	return json_pack("{s:s, s:s}", "answer", "none", "reply", reply);
}

char *
script_take_word(char **at)
{
	char *word = *at + strspn(*at, SCRIPT_BLANKS);
	size_t length = strcspn(word, SCRIPT_BLANKS);

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
	char *path = *at + strspn(*at, SCRIPT_BLANKS), *end = path;
	bool quoted = false;

	if (*path != '<')
		return script_take_word(at);
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

/* \xHH becomes that octet, but no NUL; in place. */
static void
unescape(char *string)
{
	char *to = string;

	while (*string != '\0') {
		int high, low;

		if (string[0] == '\\' && string[1] == 'x' &&
		    (high = text_hex_value(string[2])) >= 0 &&
		    (low = text_hex_value(string[3])) >= 0 && high + low > 0) {
			*to++ = (char)(unsigned char)(high * 16 + low);
			string += 4;
		} else
			*to++ = *string++;
	}
	*to = '\0';
}

/* --- the commands; each returns its record, or NULL after a failure */

static json_t *
play_at(struct script *script, char *arguments)
{
	const char *when = script_take_word(&arguments), *why;
	char text[UTC_TEXT_SIZE];
	int64_t ms;

	if (when == NULL)
		return script_fail(script, "at: expected a time");
	if (*when == '+') {
		if (!duration_parse(when + 1, &ms, &why))
			return script_fail(script, "at: \"%s\": %s", when, why);
		ms += player_now(script->player);
	} else if (!utc_parse(when, &ms))
		return script_fail(script, "at: expected a time such as "
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
	else if (text_starts_with(word, "ptr="))
		event->client_ptr = word + strlen("ptr=");
	else if (text_starts_with(word, "resolve="))
		event->client_resolve = word + strlen("resolve=");
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
	const char *address = script_take_word(&arguments), *word;

	if (address == NULL || (strcmp(address, "none") != 0 &&
	    !ip_parse(address, &event.client)))
		return script_fail(script,
		    "connect: expected an address, or none");
	while ((word = script_take_word(&arguments)) != NULL) {
		if (take_connect_option(&event, word))
			continue;
		if (event.client_name != NULL)
			return script_fail(script,
			    "connect: \"%s\" is too much", word);
		event.client_name = word;
	}
	return player_event(script->player, &event);
}

static json_t *
play_helo(struct script *script, char *arguments)
{
	struct event event = { .stage = STAGE_HELO };

	event.helo = arguments + strspn(arguments, SCRIPT_BLANKS);
	if (*event.helo == '\0')
		return script_fail(script, "helo: expected a name");
	return player_event(script->player, &event);
}

static json_t *
play_auth(struct script *script, char *arguments)
{
	player_log_in(script->player,
	    arguments + strspn(arguments, SCRIPT_BLANKS));
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
		return script_fail(script, "mail: expected a path such as "
		    "<user@example.org>");
	while ((parameters[count] = script_take_word(&arguments)) != NULL)
		if (++count == PARAMETERS_MAX)
			return script_fail(script, "mail: too many parameters");
	return player_event(script->player, &event);
}

static json_t *
play_rcpt(struct script *script, char *arguments)
{
	struct event event = { .stage = STAGE_RCPT };
	const char *word;

	event.path = take_path(&arguments);
	if (event.path == NULL)
		return script_fail(script, "rcpt: expected a path such as "
		    "<user@example.org>");
	word = script_take_word(&arguments);
	if (word != NULL && strcmp(word, "rejected") != 0)
		return script_fail(script, "rcpt: expected nothing more, or "
		    "rejected, seen \"%s\"", word);
	event.rejected = word != NULL;
	return player_event(script->player, &event);
}

static json_t *
play_data(struct script *script, char *arguments)
{
	const char *word = script_take_word(&arguments), *why;
	int64_t octets = OCTETS_DEFAULT;

	if (word != NULL && !size_parse(word, &octets, &why))
		return script_fail(script, "data: \"%s\": %s", word, why);
	return player_data(script->player, octets);
}

static json_t *
play_header(struct script *script, char *arguments)
{
	char *name = arguments + strspn(arguments, SCRIPT_BLANKS);
	char *colon = strchr(name, ':');

	if (colon == NULL || colon == name)
		return script_fail(script, "header: expected NAME: VALUE");
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
	const char *name = script_take_word(&arguments);

	if (name != NULL && strlen(name) >= PLAYER_NAME_SIZE)
		return script_fail(script, "session: \"%s\": a name has at "
		    "most %d octets", name, PLAYER_NAME_SIZE - 1);
	if (!player_use_session(script->player, name != NULL ? name : ""))
		return script_fail(script, "session: at most %d sessions",
		    PLAYER_SESSIONS_MAX);
	return done("");
}

static json_t *
play_store(struct script *script, char *arguments)
{
	static const char *const positions[] = {
		[STORE_UP] = "up", [STORE_DOWN] = "down",
		[STORE_MISSET] = "misset"
	};
	const char *word = script_take_word(&arguments);

	for (int i = 0; word != NULL && i <= STORE_MISSET; i++)
		if (strcmp(word, positions[i]) == 0) {
			player_set_store(script->player,
			    (enum store_position)i);
			return done("ok");
		}
	return script_fail(script, "store: expected up, down or misset");
}

/* "redis SADD KEY MEMBER...", SREM, "redis HSET KEY FIELD VALUE", HDEL */
static json_t *
play_redis(struct script *script, char *arguments)
{
	const char *verb = script_take_word(&arguments);
	const char *key = script_take_word(&arguments);
	const char *member = script_take_word(&arguments);
	bool is_set, adds;

	if (member == NULL)
		return script_fail(script, "redis: expected SADD or SREM, KEY "
		    "and members; or HSET KEY FIELD VALUE, HDEL KEY FIELD");
	is_set = text_equal_nocase(verb, "SADD") ||
	    text_equal_nocase(verb, "SREM");
	adds = text_equal_nocase(verb, "SADD") ||
	    text_equal_nocase(verb, "HSET");
	if (!is_set && !adds && !text_equal_nocase(verb, "HDEL"))
		return script_fail(script, "redis: expected SADD, SREM, HSET "
		    "or HDEL, seen \"%s\"", verb);
	arguments += strspn(arguments, SCRIPT_BLANKS);
	if (!is_set && adds && *arguments == '\0')
		return script_fail(script, "redis: HSET: expected a value");
	do {
		if (!adds)
			player_remove_from_list(script->player, key, member);
		else if (!player_add_to_list(script->player, key, member,
		    is_set ? NULL : arguments))
			return script_fail(script, "redis: \"%s\" holds "
			    "something else than a %s", key,
			    is_set ? "set" : "hash");
	} while ((is_set || !adds) &&
	    (member = script_take_word(&arguments)) != NULL);
	return done("ok");
}

static bool
find_dns_type(const char *name, enum dns_type *type)
{
	for (int i = 0; i < DNS_TYPE_COUNT; i++) {
		*type = (enum dns_type)i;
		if (text_equal_nocase(name, dns_type_names[i]))
			return true;
	}
	return false;
}

/* nxdomain and its like: no records. */
static bool
find_dns_status(const char *word, enum dns_status *status)
{
	static const struct {
		const char *word;
		enum dns_status status;
	} words[] = {
		{ "nxdomain", DNS_NONE }, { "nodata", DNS_NONE },
		{ "servfail", DNS_FAILED }, { "timeout", DNS_FAILED }
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*status = words[i].status;
		if (strcmp(words[i].word, word) == 0)
			return true;
	}
	return false;
}

/* One record from the words that follow; false: they are none. */
static bool
take_dns_record(char **arguments, enum dns_type type,
    struct dns_record *record)
{
	char *word = script_take_word(arguments);
	int64_t preference;

	memset(record, 0, sizeof(*record));
	record->text = "";
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return ip_parse(word, &record->ip) && record->ip.family ==
		    (type == DNS_A ? IP_V4 : IP_V6);
	case DNS_MX:
		if (text_parse_number(word, 65535, &preference)) {
			record->preference = (uint16_t)preference;
			word = script_take_word(arguments);
		}
		break;
	case DNS_NS:
	case DNS_PTR:
	case DNS_TXT:
	case DNS_TYPE_COUNT:
		break;
	}
	if (word == NULL)
		return false;
	if (type != DNS_TXT)
		text_lower(word);
	record->text = word;
	return true;
}

/* "dns example.org MX 10 mx.example.org 20 mx2.example.org" */
static json_t *
play_dns(struct script *script, char *arguments)
{
	struct dns_record records[DNS_RECORDS_MAX];
	struct dns_answer answer = { .records = records };
	char *name = script_take_word(&arguments);
	char *word = script_take_word(&arguments);
	struct dns_question question = { .name = name };

	if (word == NULL || !find_dns_type(word, &question.type))
		return script_fail(script, "dns: expected NAME and one of A, "
		    "AAAA, MX, NS, PTR, TXT");
	text_lower(name);
	arguments += strspn(arguments, SCRIPT_BLANKS);
	if (*arguments == '\0')
		return script_fail(script, "dns: expected an answer");
	if (find_dns_status(arguments, &answer.status)) {
		player_give_dns(script->player, &question, &answer);
		return done("ok");
	}
	answer.status = DNS_FOUND;
	if (question.type == DNS_TXT) {
		records[answer.count++] = (struct dns_record){
			.text = arguments
		};
		arguments += strlen(arguments);
	}
	while (*arguments != '\0') {
		if (answer.count == DNS_RECORDS_MAX)
			return script_fail(script, "dns: at most %d records",
			    DNS_RECORDS_MAX);
		if (!take_dns_record(&arguments, question.type,
		    &records[answer.count++]))
			return script_fail(script, "dns: record %zu is no %s",
			    answer.count, dns_type_names[question.type]);
		arguments += strspn(arguments, SCRIPT_BLANKS);
	}
	player_give_dns(script->player, &question, &answer);
	return done("ok");
}

static json_t *
play_reload(struct script *script, char *arguments)
{
	const char *file = script_take_word(&arguments);
	struct problems problems;
	struct config *config;

	if (file == NULL)
		return script_fail(script, "reload: expected a file");
	problems_init(&problems);
	config = conffile_read(file, &problems);
	if (config == NULL) {
		(void)fflush(stdout);
		problems_print(&problems, stderr);
		problems_clear(&problems);
		return script_fail(script, "reload: %s has problems", file);
	}
	problems_clear(&problems);
	player_reload(script->player, config);
	return done("ok");
}

static json_t *
play_show(struct script *script, char *arguments)
{
	const char *subject = arguments + strspn(arguments, SCRIPT_BLANKS);
	json_t *document;

	if (*subject == '\0')
		return script_fail(script, "show: expected a subject");
	document = player_show(script->player, subject);
	(void)json_object_set_new(document, "answer", json_string("shown"));
	if (json_object_get(document, "error") != NULL)
		(void)json_object_set(document, "reply",
		    json_object_get(document, "error"));
	return document;
}

/* --- what an operator does --- */

/* Words, of which the last, number `most`, takes the rest of the line. */
static size_t
take_arguments(char *at, const char *arguments[], size_t most)
{
	size_t count = 0;
	char *word;

	while (count + 1 < most && (word = script_take_word(&at)) != NULL)
		arguments[count++] = word;
	at += strspn(at, SCRIPT_BLANKS);
	if (*at != '\0')
		arguments[count++] = at;
	return count;
}

#define OPERATION_ARGUMENTS_MAX 8
static json_t *
play_operation(struct script *script, char *line, const char *name,
    size_t least, size_t most, player_operation *operate)
{
	const char *arguments[OPERATION_ARGUMENTS_MAX];
	size_t count = take_arguments(line, arguments, most);
	json_t *document;

	if (count < least)
		return script_fail(script, "%s: an argument is missing",
		    name);
	document = player_operate(script->player, operate, arguments, count);
	(void)json_object_set_new(document, "answer", json_string(
	    json_object_get(document, "total") != NULL ? "marks" : "done"));
	(void)json_object_set(document, "reply", json_object_get(document,
	    json_object_get(document, "error") != NULL ? "error" : "done"));
	return document;
}

#define PLAY_OPERATION(name, least, most)				\
	static json_t *							\
	play_##name(struct script *script, char *arguments)		\
	{								\
		return play_operation(script, arguments, #name, least,	\
		    most, operate_##name);				\
	}
PLAY_OPERATION(block, 2, 3)
PLAY_OPERATION(unblock, 1, 1)
PLAY_OPERATION(suspend, 1, 2)
PLAY_OPERATION(resume, 1, 1)
PLAY_OPERATION(override, 3, 5)
PLAY_OPERATION(forget, 1, 2)
PLAY_OPERATION(marks, 0, 1)

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
	{ "dns",     play_dns,     false, true },
	{ "store",   play_store,   false, true },
	{ "redis",   play_redis,   false, true },
	{ "reload",  play_reload,  false, false },
	{ "show",    play_show,    false, false },
	{ "block",   play_block,   false, true },
	{ "unblock", play_unblock, false, true },
	{ "suspend", play_suspend, false, true },
	{ "resume",  play_resume,  false, true },
	{ "override", play_override, false, true },
	{ "forget",  play_forget,  false, true },
	{ "marks",   play_marks,   false, false }
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
	(void)script_fail(script, "unknown command: \"%s\"%s%s%s", name,
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

json_t *
script_play_command(struct script *script, char *command, bool repeated)
{
	const struct verb *verb;
	const char *name;
	json_t *record, *echo;

	command += strspn(command, SCRIPT_BLANKS);
	echo = inspect_text(command);
	name = script_take_word(&command);
	verb = find_verb(script, name != NULL ? name : "");
	if (verb == NULL)
		record = NULL;	/* said already */
	else if (repeated && !verb->in_repeat)
		record = script_fail(script, "%s cannot be repeated",
		    verb->name);
	else if (verb->in_session && !player_has_connected(script->player))
		record = script_fail(script, "%s: connect comes first",
		    verb->name);
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
