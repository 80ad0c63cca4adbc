/*
 * inspect.c - what is counted, and by which rules, as JSON documents
 */
#include "io/inspect.h"

#include "base/ip.h"
#include "base/quantity.h"
#include "base/text.h"
#include "core/charge.h"
#include "core/check.h"
#include "core/session.h"
#include "io/idn.h"
#include "io/utc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTERS_MAX 128	/* of one subject */

const char *const inspect_error_names[INSPECT_ERROR_COUNT] = {
	[INSPECT_USAGE] = "usage",
	[INSPECT_DATA] = "data",
	[INSPECT_UNAVAILABLE] = "unavailable",
	[INSPECT_TEMPORARY] = "temporary",
	[INSPECT_CONFIG] = "config",
	[INSPECT_INTERNAL] = "internal"
};

json_t *
inspect_text(const char *string)
{
	json_t *text = json_string(string);
	char plain[512];

	if (text != NULL)
		return text;
	(void)text_copy(plain, sizeof(plain), string);
	for (char *at = plain; *at != '\0'; at++)
		if ((unsigned char)*at > 0x7e)
			*at = '?';
	return json_string(plain);
}

json_t *
inspect_error(enum inspect_error kind, const char *format, ...)
{
	char sentence[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	return json_pack("{s:o, s:s}", "error", inspect_text(sentence),
	    "kind", inspect_error_names[kind]);
}

json_t *
inspect_problems(const struct problems *problems)
{
	json_t *all = json_array();

	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->at[i];

		(void)json_array_append_new(all, json_pack("{s:o, s:i, s:o}",
		    "file", inspect_text(problem->file),
		    "line", problem->line,
		    "text", inspect_text(problem->text)));
	}
	return all;
}

json_t *
inspect_rules(const struct config *config)
{
	json_int_t checks = 0, limits = 0, observe = 0, off = 0;

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];

		for (size_t j = 0; j < policy->rule_count; j++) {
			const struct rule *rule = &policy->rules[j];

			checks += rule->check != NULL;
			limits += rule->check == NULL;
			observe += rule->with.mode == MODE_OBSERVE;
			off += rule->with.mode == MODE_OFF;
		}
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I}",
	    "policies", (json_int_t)config->policy_count,
	    "checks", checks, "limits", limits, "observe", observe,
	    "off", off);
}

#define NODES_MAX 64	/* that are listed */

/* The servers, where the store is more than one. */
static void
add_nodes(json_t *document, struct store *store)
{
	struct store_node nodes[NODES_MAX];
	size_t count = store_get_nodes(store, nodes, NODES_MAX);
	json_t *list;

	if (count == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < count && i < NODES_MAX; i++) {
		json_t *node = json_pack("{s:o, s:s, s:b}",
		    "where", inspect_text(nodes[i].where),
		    "role", nodes[i].role, "up", nodes[i].up);

		if (nodes[i].slots > 0)
			(void)json_object_set_new(node, "slots",
			    json_integer((json_int_t)nodes[i].slots));
		if (!nodes[i].up)
			(void)json_object_set_new(node, "reason",
			    inspect_text(nodes[i].reason));
		(void)json_array_append_new(list, node);
	}
	(void)json_object_set_new(document, "nodes", list);
}

json_t *
inspect_store(struct store *store)
{
	char since[UTC_TEXT_SIZE];
	struct store_state state;
	json_t *document;

	memset(&state, 0, sizeof(state));
	store_get_state(store, &state);
	document = json_pack("{s:o, s:b, s:o, s:s, s:I, s:I}",
	    "kind", inspect_text(state.kind), "up", state.up,
	    "where", inspect_text(state.where),
	    "since", utc_format(state.since_ms, since),
	    "calls", (json_int_t)state.calls,
	    "failures", (json_int_t)state.failures);
	if (state.subjects >= 0)
		(void)json_object_set_new(document, "subjects",
		    json_integer((json_int_t)state.subjects));
	if (!state.up)
		(void)json_object_set_new(document, "reason",
		    inspect_text(state.reason));
	add_nodes(document, store);
	if (state.has_fallback)
		(void)json_object_set_new(document, "fallback",
		    json_pack("{s:b, s:I, s:I, s:I}",
		    "deciding", state.deciding,
		    "hosts", (json_int_t)state.hosts,
		    "share_percent", (json_int_t)state.share_percent,
		    "untold", (json_int_t)state.untold));
	if (state.has_leases)
		(void)json_object_set_new(document, "leases",
		    json_pack("{s:I, s:I}",
		    "count", (json_int_t)state.leases,
		    "units", (json_int_t)state.leased_units));
	return document;
}

/* --- which subjects does a text stand for? */

static void
subjects_add(struct inspect_subjects *subjects, const char *subject)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (strcmp(subjects->at[i], subject) == 0)
			return;
	if (subjects->count == INSPECT_SUBJECTS_MAX)
		return;
	(void)text_copy(subjects->at[subjects->count++],
	    sizeof(subjects->at[0]), subject);
}

/* A session of which nothing is known but the value of one key. */
struct lone_value {
	struct session session;
	struct path recipient;
};

static void
lone_value_init(struct lone_value *lone, enum key key, const char *value)
{
	char plain[IP_TEXT_SIZE];
	const char *slash = strchr(value, '/');

	session_init(&lone->session);
	path_parse("<>", &lone->session.sender);
	path_parse("<>", &lone->recipient);
	switch (key) {
	case KEY_client:
	case KEY_client_net:
		if (slash != NULL && text_copy_n(plain, sizeof(plain), value,
		    (size_t)(slash - value)))
			value = plain;
		(void)ip_parse(value, &lone->session.client);
		break;
	case KEY_listener:
		(void)text_copy(lone->session.listener,
		    sizeof(lone->session.listener), value);
		break;
	case KEY_helo:
		(void)text_copy(lone->session.helo, sizeof(lone->session.helo),
		    value);
		break;
	case KEY_user:
		(void)text_copy(lone->session.user, sizeof(lone->session.user),
		    value);
		break;
	case KEY_user_domain:
		lone->session.user[0] = '@';
		(void)text_copy(lone->session.user + 1,
		    sizeof(lone->session.user) - 1, value);
		break;
	case KEY_sender:
		path_parse(value, &lone->session.sender);
		break;
	case KEY_recipient:
		path_parse(value, &lone->recipient);
		break;
	case KEY_sender_domain:
		(void)text_copy(lone->session.sender.domain,
		    sizeof(lone->session.sender.domain), value);
		text_lower(lone->session.sender.domain);
		break;
	case KEY_recipient_domain:
		(void)text_copy(lone->recipient.domain,
		    sizeof(lone->recipient.domain), value);
		text_lower(lone->recipient.domain);
		break;
	case KEY_everyone:
	case KEY_COUNT:
		break;
	}
	idn_fold_path(&lone->session.sender);
	idn_fold_path(&lone->recipient);
}

bool
inspect_key_subject(char buffer[SUBJECT_OCTETS_MAX + 1], enum key key,
    const struct config *config, const char *value)
{
	struct lone_value lone;

	lone_value_init(&lone, key, value);
	return subject_of_key(buffer, key, config, &lone.session,
	    &lone.recipient);
}

/*
 * The subjects that the limits by this key alone, and the checks that look
 * at marks, make of a value.
 */
static void
add_subjects_of_key(struct inspect_subjects *subjects,
    const struct config *config, enum key key, const char *value)
{
	char subject[SUBJECT_OCTETS_MAX + 1];
	struct lone_value lone;
	struct charges charges;

	lone_value_init(&lone, key, value);
	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];

		for (size_t j = 0; j < policy->rule_count; j++) {
			const struct rule *rule = &policy->rules[j];

			if (rule->check != NULL ||
			    rule->limits.per.count != 1 ||
			    rule->limits.per.at[0] != key)
				continue;
			charges.count = 0;
			charges_add(&charges, rule, config, &lone.session,
			    &lone.recipient, 0, WHEN_ALLOWED);
			if (charges.count > 0)
				subjects_add(subjects, charges.at[0].subject);
		}
	}
	if (marked_by(key) != NULL && subject_of_key(subject, key, config,
	    &lone.session, &lone.recipient))
		subjects_add(subjects, subject);
}

bool
inspect_is_subject(const char *text)
{
	size_t length = strlen(text);

	if (length > SUBJECT_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

enum key
inspect_key_of(const char *text)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL)
		return KEY_COUNT;
	for (int key = 0; key < KEY_COUNT; key++) {
		const char *name = key_name((enum key)key);

		if (strlen(name) == (size_t)(colon - text) &&
		    strncmp(name, text, strlen(name)) == 0)
			return (enum key)key;
	}
	return KEY_COUNT;
}

bool
inspect_is_net(const char *text)
{
	struct ip_net net;
	const char *why;

	return ip_net_parse(text, &net, &why);
}

void
inspect_find(struct inspect_subjects *subjects, const struct config *config,
    const char *text)
{
	static const enum key of_address[] = {
		KEY_user, KEY_sender, KEY_recipient
	};
	static const enum key of_client[] = { KEY_client, KEY_client_net };
	static const enum key of_word[] = {
		KEY_user, KEY_user_domain, KEY_sender_domain,
		KEY_recipient_domain, KEY_helo, KEY_listener
	};
	enum key key = inspect_key_of(text);
	const enum key *keys = of_word;
	size_t count = sizeof(of_word) / sizeof(of_word[0]);

	subjects->count = 0;
	if (key != KEY_COUNT) {
		if (inspect_is_subject(text))
			subjects_add(subjects, text);
		add_subjects_of_key(subjects, config, key,
		    strchr(text, ':') + 1);
		return;
	}
	if (inspect_is_net(text)) {
		keys = of_client;
		count = sizeof(of_client) / sizeof(of_client[0]);
	} else if (strchr(text, '@') != NULL) {
		keys = of_address;
		count = sizeof(of_address) / sizeof(of_address[0]);
	}
	for (size_t i = 0; i < count; i++)
		add_subjects_of_key(subjects, config, keys[i], text);
	if (strcmp(text, key_name(KEY_everyone)) == 0)
		add_subjects_of_key(subjects, config, KEY_everyone, text);
}

/* --- the counters of a subject */

bool
inspect_subject_is_of(const char *subject, const struct keys *per)
{
	const char *at = subject;

	if (strchr(subject, '~') != NULL)	/* cut: the parts are lost */
		return true;
	for (size_t i = 0; i < per->count; i++) {
		const char *name = key_name(per->at[i]);
		size_t length = strlen(name);

		if (strncmp(at, name, length) != 0 || at[length] != ':')
			return false;
		at += length;
		at += strcspn(at, ",");
		if (*at == ',')
			at++;
	}
	return *at == '\0';
}

static json_t *
describe_use(const struct policy *policy, const struct rule *rule,
    const struct window_rule *window)
{
	return json_pack("{s:o, s:o, s:o, s:i, s:s, s:I}",
	    "policy", inspect_text(policy->name),
	    "limit", inspect_text(rule->name),
	    "file", inspect_text(rule->origin.file),
	    "line", rule->origin.line,
	    "mode", mode_names[rule->with.mode],
	    "max", (json_int_t)window->rate.max);
}

json_t *
inspect_rules_using(const struct config *config, const char *subject,
    const char *field)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];

		for (size_t j = 0; j < policy->rule_count; j++) {
			const struct rule *rule = &policy->rules[j];
			const struct rates *allow = &rule->limits.allow;

			if (rule->check != NULL ||
			    !inspect_subject_is_of(subject, &rule->limits.per))
				continue;
			for (size_t k = 0; k < allow->count; k++)
				if (strcmp(allow->at[k].field, field) == 0)
					(void)json_array_append_new(rules,
					    describe_use(policy, rule,
					    &allow->at[k]));
		}
	}
	return rules;
}

json_t *
inspect_mark(const struct store_mark *mark)
{
	char until[UTC_TEXT_SIZE];
	json_t *document = json_pack("{s:s}", "kind", mark_names[mark->kind]);

	if (mark->kind == MARK_override)
		(void)json_object_update_new(document, json_pack(
		    "{s:o, s:I}", "counter", inspect_text(mark->field),
		    "max", (json_int_t)mark->max));
	if (mark->until_ms > 0)
		(void)json_object_set_new(document, "until",
		    json_string(utc_format(mark->until_ms, until)));
	if (mark->reason[0] != '\0')
		(void)json_object_set_new(document, "reason",
		    inspect_text(mark->reason));
	return document;
}

/* A counter's maximum, by an override if there is one. */
static int64_t
max_now(const struct store_counter *counter, const struct store_mark marks[],
    int mark_count)
{
	for (int i = 0; i < mark_count; i++)
		if (marks[i].kind == MARK_override &&
		    strcmp(marks[i].field, counter->field) == 0)
			return marks[i].max;
	return counter->max;
}

static json_t *
describe_counter(const struct config *config, const char *subject,
    const struct store_counter *counter, int64_t now_ms)
{
	char window[QUANTITY_TEXT_SIZE], frees[UTC_TEXT_SIZE];
	json_t *document;

	document = json_pack("{s:o, s:I, s:I, s:s, s:I, s:o}",
	    "field", inspect_text(counter->field),
	    "used", (json_int_t)counter->used,
	    "max", (json_int_t)counter->max,
	    "window", duration_format(counter->window_ms, window),
	    "window_ms", (json_int_t)counter->window_ms,
	    "rules", inspect_rules_using(config, subject, counter->field));
	if (counter->frees_ms > 0) {
		(void)json_object_set_new(document, "frees_in_ms",
		    json_integer((json_int_t)counter->frees_ms));
		(void)json_object_set_new(document, "frees_at",
		    json_string(utc_format(now_ms + counter->frees_ms,
		    frees)));
	}
	return document;
}

/* The octets of a counter's name that name its limit. */
static size_t
limit_length(const struct store_counter *counter)
{
	const char *slash = strrchr(counter->field, '/');

	return slash != NULL ? (size_t)(slash - counter->field) :
	    strlen(counter->field);
}

/* By limit, then by window: stores have an order of their own, or none. */
static int
compare_counters(const void *a, const void *b)
{
	const struct store_counter *one = a, *other = b;
	size_t length = limit_length(one), other_length = limit_length(other);
	int difference = strncmp(one->field, other->field,
	    length < other_length ? length : other_length);

	if (difference != 0)
		return difference;
	if (length != other_length)
		return length < other_length ? -1 : 1;
	if (one->window_ms != other->window_ms)
		return one->window_ms < other->window_ms ? -1 : 1;
	return strcmp(one->field, other->field);
}

/* False when the store did not answer. */
static bool
add_subject(json_t *found, const struct config *config, struct store *store,
    const char *subject, int64_t now_ms, int64_t timeout_ms)
{
	struct store_counter counters[COUNTERS_MAX];
	struct store_mark marks[MARKS_MAX];
	json_t *all, *noted;
	int count, mark_count;

	count = store_show(store, subject, now_ms, timeout_ms, counters,
	    COUNTERS_MAX);
	mark_count = store_marks(store, subject, now_ms, timeout_ms, marks);
	if (count < 0 || mark_count < 0)
		return false;
	if (count + mark_count == 0)
		return true;
	count = count > COUNTERS_MAX ? COUNTERS_MAX : count;
	qsort(counters, (size_t)count, sizeof(counters[0]), compare_counters);
	all = json_array();
	for (int i = 0; i < count; i++) {
		counters[i].max = max_now(&counters[i], marks, mark_count);
		(void)json_array_append_new(all, describe_counter(config,
		    subject, &counters[i], now_ms));
	}
	noted = json_array();
	for (int i = 0; i < mark_count; i++)
		(void)json_array_append_new(noted, inspect_mark(&marks[i]));
	(void)json_array_append_new(found, json_pack("{s:s, s:o, s:o}",
	    "subject", subject, "counters", all, "marks", noted));
	return true;
}

json_t *
inspect_store_away(struct store *store)
{
	struct store_state state = { .kind = "" };

	store_get_state(store, &state);
	return inspect_error(INSPECT_UNAVAILABLE,
	    "the %s store%s%s cannot be reached: %s", state.kind,
	    state.where[0] != '\0' ? " at " : "", state.where,
	    state.reason[0] != '\0' ? state.reason : "no answer in time");
}

static json_t *
nothing_counted(const char *text, const struct inspect_subjects *subjects)
{
	json_t *document, *tried = json_array();

	document = inspect_error(INSPECT_DATA,
	    subjects->count == 0 ?
	    "no limit of this configuration counts by %.200s" :
	    "nothing is counted for %.200s", text);
	for (size_t i = 0; i < subjects->count; i++)
		(void)json_array_append_new(tried,
		    json_string(subjects->at[i]));
	(void)json_object_set_new(document, "tried", tried);
	return document;
}

json_t *
inspect_subject(const struct config *config, struct store *store,
    const char *text, int64_t now_ms, int64_t timeout_ms)
{
	json_t *found = json_array();
	struct inspect_subjects subjects;
	char now[UTC_TEXT_SIZE];

	inspect_find(&subjects, config, text);
	for (size_t i = 0; i < subjects.count; i++) {
		if (add_subject(found, config, store, subjects.at[i], now_ms,
		    timeout_ms))
			continue;
		json_decref(found);
		return inspect_store_away(store);
	}
	if (json_array_size(found) == 0) {
		json_decref(found);
		return nothing_counted(text, &subjects);
	}
	return json_pack("{s:o, s:s, s:o}", "asked", inspect_text(text),
	    "now", utc_format(now_ms, now), "subjects", found);
}
