/*
 * operate.c - what an operator changes in the store
 */
#include "io/operate.h"

#include "base/ip.h"
#include "base/quantity.h"
#include "base/text.h"
#include "core/check.h"
#include "io/inspect.h"
#include "io/log.h"
#include "io/mark_text.h"
#include "io/utc.h"

#include <string.h>

#define PAGE 200		/* marked subjects in one answer */
#define FIELDS_MAX 256		/* counters that are looked through */

static const char *
argument(const struct operation *op, size_t index)
{
	return index < op->count ? op->arguments[index] : "";
}

/* --- which subject is meant? --- */

/*
 * A network, of a client as wide as given, or of what fits. False with an
 * error: it has no key.
 */
static bool
name_net(const struct operation *op, const char *value, enum key key,
    char *subject, json_t **error)
{
	static const enum key keys[] = { KEY_client, KEY_client_net };
	char text[IP_NET_TEXT_SIZE];
	struct subject_part part;
	struct ip_net net;
	const char *why;

	if (!ip_net_parse(value, &net, &why)) {
		*error = inspect_error(INSPECT_USAGE, "\"%.100s\": %s",
		    value, why);
		return false;
	}
	for (size_t i = 0; i < 2 && key == KEY_COUNT; i++)
		if ((int64_t)net.bits == (net.address.family == IP_V4 ?
		    key_ipv4_prefix(keys[i], op->config) :
		    key_ipv6_prefix(keys[i], op->config)))
			key = keys[i];
	if (key == KEY_COUNT) {
		*error = inspect_error(INSPECT_USAGE, "%.100s is as wide as "
		    "neither a client nor a client_net: say client:%.100s if "
		    "a limit counts so", value, value);
		return false;
	}
	part.kind = key_name(key);
	part.value = ip_net_format(&net, text);
	part.value_length = strlen(text);
	subject_build(&part, 1, subject);
	return true;
}

/* As `show` and the log print it: escaped already, or several parts. */
static bool
is_written_out(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	if (strpbrk(text, ",~") != NULL)
		return true;
	for (; (text = strchr(text, '%')) != NULL; text++)
		if (text[1] != '\0' && strchr(hex, text[1]) != NULL &&
		    text[2] != '\0' && strchr(hex, text[2]) != NULL)
			return true;
	return false;
}

static bool
name_kind(const struct operation *op, const char *text, enum key key,
    char *subject, json_t **error)
{
	const char *value = strchr(text, ':') + 1;

	if (is_written_out(text)) {
		if (inspect_is_subject(text))
			return text_copy(subject, SUBJECT_OCTETS_MAX + 1,
			    text);
		*error = inspect_error(INSPECT_USAGE, "\"%.100s\" is no "
		    "subject: expected it as show prints it", text);
		return false;
	}
	if ((key == KEY_client || key == KEY_client_net) &&
	    strchr(value, '/') != NULL)
		return name_net(op, value, key, subject, error);
	if (inspect_key_subject(subject, key, op->config, value))
		return true;
	*error = inspect_error(INSPECT_USAGE, "\"%.100s\" is no %s", value,
	    key_name(key));
	return false;
}

/* What a plain text may be, as far as its form tells. */
static size_t
guess_keys(const char *text, bool a_user, enum key keys[4])
{
	size_t count = 0;

	keys[count++] = KEY_user;
	if (strchr(text, '@') != NULL && !a_user) {
		keys[count++] = KEY_sender;
		keys[count++] = KEY_recipient;
	} else if (strchr(text, '@') == NULL &&
	    (!a_user || strchr(text, '.') != NULL)) {
		keys[count++] = KEY_user_domain;
		if (!a_user) {
			keys[count++] = KEY_sender_domain;
			keys[count++] = KEY_recipient_domain;
		}
	}
	return count;
}

static json_t *
ambiguous(const char *text, const enum key keys[], size_t count)
{
	char all[128];
	struct text out;

	TEXT_INIT(&out, all);
	for (size_t i = 0; i < count; i++)
		text_printf(&out, "%s%s:", i == 0 ? "" :
		    i + 1 == count ? " or " : ", ", key_name(keys[i]));
	return inspect_error(INSPECT_USAGE, "\"%.100s\" may be several "
	    "things: put %s before it", text, all);
}

/*
 * The one subject that the first argument names. `a_user`: plain text is
 * first of all a user.
 */
static bool
name_subject(const struct operation *op, bool a_user, char *subject,
    json_t **error)
{
	const char *text = op->arguments[0];
	enum key key = inspect_key_of(text), keys[4];
	size_t count;

	if (key != KEY_COUNT)
		return name_kind(op, text, key, subject, error);
	if (strchr(text, '/') != NULL)
		return name_net(op, text, KEY_COUNT, subject, error);
	if (inspect_is_net(text))
		return inspect_key_subject(subject, KEY_client, op->config,
		    text);
	count = guess_keys(text, a_user, keys);
	if (count == 1 && inspect_key_subject(subject, KEY_user, op->config,
	    text))
		return true;
	*error = text[0] == '\0' ?
	    inspect_error(INSPECT_USAGE, "the subject is empty") :
	    ambiguous(text, keys, count);
	return false;
}

/*
 * Of a plain text, what the limits of this configuration count; several:
 * false.
 */
static bool
name_counted(const struct operation *op, char *subject, json_t **error)
{
	struct inspect_subjects found;
	const char *text = op->arguments[0];
	char counted[SUBJECT_OCTETS_MAX + 1];
	struct store_counter counter;
	size_t count = 0;

	if (inspect_key_of(text) != KEY_COUNT || inspect_is_net(text))
		return name_subject(op, false, subject, error);
	inspect_find(&found, op->config, text);
	for (size_t i = 0; i < found.count; i++)
		if (store_show(op->store, found.at[i], op->now_ms,
		    op->timeout_ms, &counter, 1) > 0) {
			(void)text_copy(counted, sizeof(counted),
			    found.at[i]);
			count++;
		}
	if (count != 1)
		return name_subject(op, false, subject, error);
	return text_copy(subject, SUBJECT_OCTETS_MAX + 1, counted);
}

/* --- does anything look at it? --- */

static bool
is_looked_at(const struct config *config, const char *check)
{
	for (size_t i = 0; i < config->policy_count; i++)
		for (size_t j = 0; j < config->policies[i].rule_count; j++) {
			const struct rule *rule =
			    &config->policies[i].rules[j];

			if (rule->looks_at_marks &&
			    rule->with.mode != MODE_OFF &&
			    strcmp(rule->name, check) == 0)
				return true;
		}
	return false;
}

/* A client of another width than checks look for is never found. */
static bool
is_usual_width(const struct operation *op, const char *subject, enum key key)
{
	const char *slash = strchr(subject, '/');
	char usual[SUBJECT_OCTETS_MAX + 1];

	return (key != KEY_client && key != KEY_client_net) ||
	    slash == NULL ||
	    (inspect_key_subject(usual, key, op->config,
		strchr(subject, ':') + 1) && strcmp(usual, subject) == 0);
}

/* False with an error: no check ever looks at marks of such a subject. */
static bool
can_refuse(const struct operation *op, const char *subject, json_t **error)
{
	enum key key = inspect_key_of(subject);

	if (strchr(subject, ',') == NULL && marked_by(key) != NULL &&
	    is_usual_width(op, subject, key))
		return true;
	*error = inspect_error(INSPECT_USAGE, "%s cannot be blocked or "
	    "suspended: no check looks for that; a client is as wide as "
	    "ipv4_prefix and ipv6_prefix say", subject);
	return false;
}

static void
add_note(json_t *document, const struct operation *op, const char *subject)
{
	const struct marked_row *row = marked_by(inspect_key_of(subject));
	char note[160];
	struct text text;

	if (row == NULL || is_looked_at(op->config, row->check))
		return;
	TEXT_INIT(&text, note);
	text_printf(&text, "nothing refuses it yet: no policy has check "
	    "\"%s\"%s", row->check, row->when == MARKS_IF_TOLD ?
	    " with marks = true" : row->when == MARKS_USUALLY ?
	    " that looks at marks" : "");
	(void)json_object_set_new(document, "note", json_string(note));
}

/* --- what was done --- */

static void
put_mark(struct text *line, const struct store_mark *mark)
{
	char until[UTC_TEXT_SIZE];

	if (mark->kind == MARK_override)
		text_printf(line, " counter=%s max=%lld", mark->field,
		    (long long)mark->max);
	text_printf(line, " until=%s", mark->until_ms > 0 ?
	    utc_format(mark->until_ms, until) : "-");
	if (mark->reason[0] != '\0') {
		text_put(line, " reason=\"");
		mark_put_reason(line, mark->reason);
		text_put_char(line, '"');
	}
}

/* Subjects and counters are printable as they are. */
static void
log_done(const struct operation *op, const char *command,
    const char *subject, const char *field, const struct store_mark *mark)
{
	char buffer[LOG_LINE_SIZE];
	struct text line;

	TEXT_INIT(&line, buffer);
	text_printf(&line, "command=%s by=%s subject=%s", command, op->who,
	    subject);
	if (field[0] != '\0' && mark == NULL)
		text_printf(&line, " counter=%s", field);
	if (mark != NULL)
		put_mark(&line, mark);
	log_notice("%s", buffer);
}

static json_t *
say_done(const char *subject, const struct text *sentence)
{
	return json_pack("{s:s, s:o}", "subject", subject, "done",
	    inspect_text(sentence->at));
}

/* An error for what was not done; NULL: it was. */
static json_t *
say_not_done(const struct operation *op, enum store_change change,
    const char *subject, const char *as_before)
{
	switch (change) {
	case STORE_CHANGED:
		return NULL;
	case STORE_AS_BEFORE:
		return inspect_error(INSPECT_DATA, "%s %s", subject,
		    as_before);
	case STORE_FULL:
		return inspect_error(INSPECT_TEMPORARY, "%s: there is no "
		    "room for another mark", subject);
	case STORE_UNREACHED:
		break;
	}
	return inspect_store_away(op->store);
}

/* --- arguments --- */

/* False with an error. */
static bool
take_until(const struct operation *op, size_t index, int64_t *until_ms,
    json_t **error)
{
	const char *text = argument(op, index), *why = "";
	int64_t span_ms;

	if (utc_parse(text, until_ms) && *until_ms > op->now_ms)
		return true;
	if (duration_parse(text, &span_ms, &why)) {
		*until_ms = op->now_ms + span_ms;
		return true;
	}
	*error = inspect_error(INSPECT_USAGE, utc_parse(text, until_ms) ?
	    "\"%.100s\" is over" : "\"%.100s\": expected a duration such as "
	    "1h, or a time to come such as 2026-01-01T00:00:00Z", text);
	return false;
}

static bool
take_reason(const struct operation *op, size_t index, struct store_mark *mark,
    json_t **error)
{
	if (text_copy(mark->reason, sizeof(mark->reason),
	    argument(op, index)))
		return true;
	*error = inspect_error(INSPECT_USAGE, "the reason is longer than %d "
	    "octets", MARK_REASON_OCTETS_MAX);
	return false;
}

/* --- blocked and suspended --- */

static json_t *
set_mark(const struct operation *op, const char *command,
    const char *subject, const struct store_mark *mark)
{
	char sentence[SUBJECT_OCTETS_MAX + 200], until[UTC_TEXT_SIZE];
	struct text text;
	json_t *document;

	document = say_not_done(op, store_set_mark(op->store, subject, mark,
	    STORE_SET, op->now_ms, op->timeout_ms), subject, "");
	if (document != NULL)
		return document;
	log_done(op, command, subject, "", mark);
	TEXT_INIT(&text, sentence);
	if (mark->kind == MARK_override)
		text_printf(&text, "%s of %s may hold %lld", mark->field,
		    subject, (long long)mark->max);
	else
		text_printf(&text, "%s is %s", subject,
		    mark_names[mark->kind]);
	if (mark->until_ms > 0)
		text_printf(&text, " until %s",
		    utc_format(mark->until_ms, until));
	document = say_done(subject, &text);
	(void)json_object_set_new(document, "mark", inspect_mark(mark));
	if (mark_refuses(mark->kind))
		add_note(document, op, subject);
	return document;
}

json_t *
operate_block(const struct operation *op)
{
	struct store_mark mark = { .kind = MARK_blocked };
	char subject[SUBJECT_OCTETS_MAX + 1];
	json_t *error = NULL;

	if (!name_subject(op, false, subject, &error) ||
	    !can_refuse(op, subject, &error) ||
	    !take_until(op, 1, &mark.until_ms, &error) ||
	    !take_reason(op, 2, &mark, &error))
		return error;
	return set_mark(op, "block", subject, &mark);
}

json_t *
operate_suspend(const struct operation *op)
{
	struct store_mark mark = { .kind = MARK_suspended };
	char subject[SUBJECT_OCTETS_MAX + 1];
	json_t *error = NULL;

	if (!name_subject(op, true, subject, &error) ||
	    !can_refuse(op, subject, &error) ||
	    !take_reason(op, 1, &mark, &error))
		return error;
	return set_mark(op, "suspend", subject, &mark);
}

static json_t *
lift_mark(const struct operation *op, const char *command, bool a_user,
    enum mark_kind kind)
{
	char subject[SUBJECT_OCTETS_MAX + 1], sentence[sizeof(subject) + 100];
	struct text text;
	json_t *document = NULL;

	if (!name_subject(op, a_user, subject, &document))
		return document;
	TEXT_INIT(&text, sentence);
	text_printf(&text, "is not %s", mark_names[kind]);
	document = say_not_done(op, store_lift_mark(op->store, subject, kind,
	    "", op->now_ms, op->timeout_ms), subject, sentence);
	if (document != NULL)
		return document;
	log_done(op, command, subject, "", NULL);
	TEXT_INIT(&text, sentence);
	text_printf(&text, "%s is no longer %s", subject, mark_names[kind]);
	return say_done(subject, &text);
}

json_t *
operate_unblock(const struct operation *op)
{
	return lift_mark(op, "unblock", false, MARK_blocked);
}

json_t *
operate_resume(const struct operation *op)
{
	return lift_mark(op, "resume", true, MARK_suspended);
}

/* --- override and forget --- */

/* The counters that the limits have of such a subject. */
static size_t
fields_of(const struct config *config, const char *subject,
    const char *fields[])
{
	size_t count = 0;

	for (size_t i = 0; i < config->policy_count; i++)
		for (size_t j = 0; j < config->policies[i].rule_count; j++) {
			const struct rule *rule =
			    &config->policies[i].rules[j];
			const struct rates *allow = &rule->limits.allow;

			if (rule->check != NULL ||
			    !inspect_subject_is_of(subject,
			    &rule->limits.per))
				continue;
			for (size_t k = 0; k < allow->count &&
			    count < FIELDS_MAX; k++)
				fields[count++] = allow->at[k].field;
		}
	return count;
}

/* False with an error: no limit has this counter of this subject. */
static bool
take_counter(const struct operation *op, const char *subject,
    struct store_mark *mark, json_t **error)
{
	const char *fields[FIELDS_MAX], *meant, *name = argument(op, 1);
	size_t count = fields_of(op->config, subject, fields);

	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i], name) == 0)
			return text_copy(mark->field, sizeof(mark->field),
			    name);
	meant = text_nearest(name, fields, count);
	*error = inspect_error(INSPECT_DATA, "no limit of this configuration "
	    "has a counter \"%.100s\" of %s%s%s%s", name, subject,
	    meant != NULL ? " (did you mean " :
	    count > 0 ? "; there is " : "",
	    meant != NULL ? meant : count > 0 ? fields[0] : "",
	    meant != NULL ? "?)" : "");
	return false;
}

static bool
take_max(const struct operation *op, struct store_mark *mark, json_t **error)
{
	const char *text = argument(op, 2), *why = "";

	if (text_parse_number(text, SIZE_MAX_BYTES, &mark->max) ||
	    size_parse(text, &mark->max, &why))
		return true;
	*error = inspect_error(INSPECT_USAGE, "\"%.100s\": expected a "
	    "number, or a size such as 10M where octets are counted, or none",
	    text);
	return false;
}

static json_t *
lift_override(const struct operation *op, const char *subject,
    const char *field)
{
	char sentence[SUBJECT_OCTETS_MAX + 200];
	struct text text;
	json_t *document;

	document = say_not_done(op, store_lift_mark(op->store, subject,
	    MARK_override, field, op->now_ms, op->timeout_ms), subject,
	    "has no such override");
	if (document != NULL)
		return document;
	log_done(op, "override", subject, field, NULL);
	TEXT_INIT(&text, sentence);
	text_printf(&text, "%s of %s may hold what its limit says", field,
	    subject);
	return say_done(subject, &text);
}

json_t *
operate_override(const struct operation *op)
{
	struct store_mark mark = { .kind = MARK_override };
	char subject[SUBJECT_OCTETS_MAX + 1];
	json_t *error = NULL;

	if (!name_counted(op, subject, &error))
		return error;
	if (strcmp(argument(op, 2), "none") == 0)
		return lift_override(op, subject, argument(op, 1));
	if (!take_counter(op, subject, &mark, &error) ||
	    !take_max(op, &mark, &error) ||
	    (op->count > 3 && !take_until(op, 3, &mark.until_ms, &error)) ||
	    !take_reason(op, 4, &mark, &error))
		return error;
	return set_mark(op, "override", subject, &mark);
}

json_t *
operate_forget(const struct operation *op)
{
	const char *field = op->count > 1 ? op->arguments[1] : NULL;
	char subject[SUBJECT_OCTETS_MAX + 1], sentence[sizeof(subject) + 200];
	struct store_mark counter;
	struct text text;
	json_t *document = NULL;

	if (!name_counted(op, subject, &document))
		return document;
	if (field != NULL && !inspect_is_subject(field))
		return inspect_error(INSPECT_USAGE, "\"%.100s\" is no name "
		    "of a counter", field);
	(void)text_copy(counter.field, sizeof(counter.field),
	    field != NULL ? field : "");
	TEXT_INIT(&text, sentence);
	text_printf(&text, "has nothing counted%s%s", field != NULL ?
	    " in " : "", counter.field);
	document = say_not_done(op, store_forget(op->store, subject, field,
	    op->now_ms, op->timeout_ms), subject, sentence);
	if (document != NULL)
		return document;
	log_done(op, "forget", subject, counter.field, NULL);
	TEXT_INIT(&text, sentence);
	text_printf(&text, "%s%s%s is forgotten", field != NULL ?
	    counter.field : "all that was counted", field != NULL ? " of " :
	    " for ", subject);
	return say_done(subject, &text);
}

/* --- all marked subjects --- */

/* False when the store did not answer. */
static bool
add_marks(json_t *all, const struct operation *op, const char *subject)
{
	struct store_mark marks[MARKS_MAX];
	json_t *noted;
	int count = store_marks(op->store, subject, op->now_ms,
	    op->timeout_ms, marks);

	if (count < 0)
		return false;
	if (count == 0)
		return true;
	noted = json_array();
	for (int i = 0; i < count; i++)
		(void)json_array_append_new(noted, inspect_mark(&marks[i]));
	(void)json_array_append_new(all, json_pack("{s:s, s:o}",
	    "subject", subject, "marks", noted));
	return true;
}

json_t *
operate_marks(const struct operation *op)
{
	struct marked_subject subjects[PAGE];
	int64_t from = 0, total;
	json_t *all, *document;
	size_t count;

	if (op->count > 0 && !text_parse_number(op->arguments[0],
	    INT64_C(1) << 40, &from))
		return inspect_error(INSPECT_USAGE, "\"%.100s\": expected the "
		    "number of the subject to begin with", op->arguments[0]);
	total = store_marked(op->store, from, op->now_ms, op->timeout_ms,
	    subjects, PAGE, &count);
	if (total < 0)
		return inspect_store_away(op->store);
	all = json_array();
	for (size_t i = 0; i < count; i++)
		if (!add_marks(all, op, subjects[i].at)) {
			json_decref(all);
			return inspect_store_away(op->store);
		}
	document = json_pack("{s:I, s:o}", "total", (json_int_t)total,
	    "subjects", all);
	if (count > 0 && from + (int64_t)count < total)
		(void)json_object_set_new(document, "next",
		    json_integer((json_int_t)(from + (int64_t)count)));
	return document;
}
