/*
 * page.c - the document of the page: every refusal once, with its words
 */
#include "floodgatectl/page.h"

#include "base/text.h"
#include "core/check.h"
#include "core/codes.h"
#include "floodgatectl/refusals.h"
#include "io/inspect.h"

#include <stdlib.h>
#include <string.h>

#define SENTENCE_SIZE 1200

const char *const page_form_names[PAGE_FORM_COUNT] = {
	"html", "markdown", "json"
};

/* --- words with something filled in */

/* "{name}" in `words` becomes `value`. */
static void
put_filled(struct text *text, const char *words, const char *name,
    const char *value)
{
	size_t length = strlen(name);

	while (*words != '\0') {
		if (words[0] == '{' && words[length + 1] == '}' &&
		    strncmp(words + 1, name, length) == 0) {
			text_put(text, value);
			words += length + 2;
		} else
			text_put_char(text, *words++);
	}
}

static const char *
filled(const char *words, const char *name, const char *value, char *buffer,
    size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	put_filled(&text, words, name, value);
	return buffer;
}

/* "one hour", "10 minutes". */
static const char *
span_in_words(const struct catalogue *words, int64_t ms, char *buffer,
    size_t size)
{
	static const struct {
		int64_t seconds;
		enum page_text one, many;
	} units[] = {
		{ 86400, PAGE_TEXT_day, PAGE_TEXT_days },
		{ 3600, PAGE_TEXT_hour, PAGE_TEXT_hours },
		{ 60, PAGE_TEXT_minute, PAGE_TEXT_minutes },
		{ 1, PAGE_TEXT_second, PAGE_TEXT_seconds }
	};
	int64_t seconds = (ms + 999) / 1000, count;
	size_t i = 0;
	char number[24];
	struct text text;

	while (seconds % units[i].seconds != 0)
		i++;
	count = seconds / units[i].seconds;
	if (count == 1)
		return page_text(words, units[i].one);
	TEXT_INIT(&text, number);
	text_put_number(&text, count);
	return filled(page_text(words, units[i].many), "n", number, buffer,
	    size);
}

/* "25 MB", "512 kB", "4096 B". */
static const char *
size_in_words(int64_t bytes, char *buffer, size_t size)
{
	char written[QUANTITY_TEXT_SIZE];
	size_t digits;
	struct text text;

	(void)size_format(bytes, written);
	digits = strspn(written, "0123456789");
	text_init(&text, buffer, size);
	text_put_n(&text, written, digits);
	text_put_char(&text, ' ');
	text_put(&text, written + digits);
	text_put_char(&text, 'B');
	return buffer;
}

/* --- figures */

static void
add_figure(json_t *figures, const char *figure)
{
	size_t index;
	json_t *other;

	json_array_foreach(figures, index, other)
		if (strcmp(json_string_value(other), figure) == 0)
			return;
	(void)json_array_append_new(figures, json_string(figure));
}

static enum page_text
figure_words(enum count count)
{
	switch (count) {
	case COUNT_messages:
		return PAGE_TEXT_figure_messages;
	case COUNT_recipients:
		return PAGE_TEXT_figure_recipients;
	case COUNT_bytes:
		return PAGE_TEXT_figure_bytes;
	case COUNT_connections:
		return PAGE_TEXT_figure_connections;
	case COUNT_attempts:
		return PAGE_TEXT_figure_attempts;
	case COUNT_rejected_recipients:
		return PAGE_TEXT_figure_rejected;
	case COUNT_refusals:
		return PAGE_TEXT_figure_refusals;
	case COUNT_logins:
		return PAGE_TEXT_figure_logins;
	case COUNT_distinct_recipients:
		return PAGE_TEXT_figure_distinct_recipients;
	case COUNT_distinct_senders:
		return PAGE_TEXT_figure_distinct_senders;
	case COUNT_distinct_clients:
		return PAGE_TEXT_figure_distinct_clients;
	case COUNT_open_connections:
	case COUNT_COUNT:
		break;
	}
	return PAGE_TEXT_figure_open;
}

static void
add_limit_figures(json_t *figures, const struct catalogue *words,
    const struct limit_options *limit)
{
	for (size_t i = 0; i < limit->allow.count; i++) {
		const struct rate *rate = &limit->allow.at[i].rate;
		char max[QUANTITY_TEXT_SIZE], time[128], half[256], all[256];
		struct text text;

		TEXT_INIT(&text, max);
		if (limit->count == COUNT_bytes)
			(void)size_in_words(rate->max, max, sizeof(max));
		else
			text_put_number(&text, rate->max);
		(void)filled(page_text(words, figure_words(limit->count)),
		    "max", max, half, sizeof(half));
		add_figure(figures, filled(half, "time",
		    span_in_words(words, rate->window_ms, time, sizeof(time)),
		    all, sizeof(all)));
	}
}

/* What a sender has to know is always said, of limits only if asked for. */
static void
add_figures(json_t *figures, const struct catalogue *words,
    const struct refusal *refusal, const struct page_options *options)
{
	const struct rule *rule = refusal->rule;
	char max[QUANTITY_TEXT_SIZE], all[256];
	struct text text;

	if (rule == NULL || refusal->is_failure)
		return;
	if (rule->check == NULL) {
		if (options->figures)
			add_limit_figures(figures, words, &rule->limits);
		return;
	}
	if (rule->check->reply == REPLY_too_many_recipients) {
		TEXT_INIT(&text, max);
		text_put_number(&text, rule->checks.max);
		add_figure(figures, filled(page_text(words,
		    PAGE_TEXT_figure_max), "max", max, all, sizeof(all)));
	}
	if ((rule->check->takes & TAKES_MAX_SIZE) != 0)
		add_figure(figures, filled(page_text(words,
		    PAGE_TEXT_figure_size), "max",
		    size_in_words(rule->checks.max_size_bytes, max,
		    sizeof(max)), all, sizeof(all)));
}

/* --- when to try again */

static enum page_text
retry_words(const struct reply *reply)
{
	static const enum page_text temporary[RETRY_COUNT] = {
		[RETRY_FIX] = PAGE_TEXT_retry_4_fix,
		[RETRY_DENIED] = PAGE_TEXT_retry_4_denied,
		[RETRY_LIMIT] = PAGE_TEXT_retry_4_limit,
		[RETRY_SPLIT] = PAGE_TEXT_retry_4_split,
		[RETRY_TROUBLE] = PAGE_TEXT_retry_4_trouble
	};
	static const enum page_text permanent[RETRY_COUNT] = {
		[RETRY_FIX] = PAGE_TEXT_retry_5_fix,
		[RETRY_DENIED] = PAGE_TEXT_retry_5_denied,
		[RETRY_LIMIT] = PAGE_TEXT_retry_5_limit,
		[RETRY_SPLIT] = PAGE_TEXT_retry_5_split,
		[RETRY_TROUBLE] = PAGE_TEXT_retry_5_trouble
	};
	enum retry retry = reply_help_of(reply_find(reply->name))->retry;

	if (reply_closes(reply))
		return PAGE_TEXT_retry_close;
	return reply_is_permanent(reply) ? permanent[retry] :
	    temporary[retry];
}

/* The longest window of the rule, or 0. */
static int64_t
longest_window_ms(const struct refusal *refusal)
{
	const struct rule *rule = refusal->rule;
	int64_t longest = 0;

	if (rule == NULL || rule->check != NULL || refusal->is_failure)
		return 0;
	for (size_t i = 0; i < rule->limits.allow.count; i++)
		if (rule->limits.allow.at[i].rate.window_ms > longest)
			longest = rule->limits.allow.at[i].rate.window_ms;
	return longest;
}

/* Once all rules are known that send it. */
static void
finish_retry(json_t *entry, const struct catalogue *words)
{
	int64_t window_ms = json_integer_value(json_object_get(entry,
	    "window_ms"));
	char sentence[SENTENCE_SIZE], time[128];
	struct text text;

	if (window_ms == 0)
		return;
	TEXT_INIT(&text, sentence);
	text_put(&text, json_string_value(json_object_get(entry, "retry")));
	text_put_char(&text, ' ');
	put_filled(&text, page_text(words, PAGE_TEXT_window), "time",
	    span_in_words(words, window_ms, time, sizeof(time)));
	(void)json_object_set_new(entry, "retry", inspect_text(sentence));
}

/* --- a refusal */

/*
 * The line that the sender reads, in parts: {"text"} as it stands, {"field"}
 * with the word for what is filled in.
 */
static json_t *
reply_parts(const struct reply *reply, const struct catalogue *words)
{
	json_t *parts = json_array();
	const char *at = reply->text;

	while (*at != '\0') {
		const char *field = strstr(at, "%{"), *end;
		size_t plain = field != NULL ? (size_t)(field - at) :
		    strlen(at);

		if (plain > 0)
			(void)json_array_append_new(parts, json_pack(
			    "{s:s%}", "text", at, plain));
		if (field == NULL)
			break;
		end = strchr(field, '}');
		if (end == NULL)
			break;
		for (int i = 0; i < FIELD_COUNT; i++)
			if (strncmp(field_name((enum field)i), field + 2,
			    (size_t)(end - field) - 2) == 0 &&
			    field_name((enum field)i)[end - field - 2] ==
			    '\0')
				(void)json_array_append_new(parts, json_pack(
				    "{s:s}", "field", page_field_text(words,
				    (enum field)i)));
		at = end + 1;
	}
	return parts;
}

/*
 * The row whose words fit: of a limit by whom it counts, since its reply may
 * be one that fits any client.
 */
static enum reply_id
words_for(const struct refusal *refusal)
{
	enum reply_id id = reply_find(refusal->reply->name);
	const struct rule *rule = refusal->rule;
	enum reply_id counted;

	if (rule == NULL || rule->check != NULL || refusal->is_failure)
		return id;
	counted = count_row(rule->limits.count)->reply;
	if (counted != REPLY_COUNT && counted != REPLY_rate_client_messages)
		return id;
	return keys_reply(&rule->limits.per, id);
}

static json_t *
new_entry(const struct refusal *refusal, const struct catalogue *words)
{
	const struct reply *reply = refusal->reply;
	enum reply_id id = words_for(refusal);
	char enhanced[REPLY_ENHANCED_SIZE];
	struct text text;

	TEXT_INIT(&text, enhanced);
	text_printf(&text, "%d.%d.%d", reply->basic / 100, reply->subject,
	    reply->detail);
	return json_pack(
	    "{s:s, s:i, s:s, s:b, s:b, s:o, s:s, s:s, s:s, s:s, s:s, s:o, "
	    "s:I}",
	    "name", reply_of(id)->name, "code", reply->basic,
	    "enhanced", enhanced, "permanent", reply_is_permanent(reply),
	    "usual", strcmp(reply->text,
	    reply_of(reply_find(reply->name))->text) == 0,
	    "parts", reply_parts(reply, words), "reply", reply->text,
	    "title", page_reply_text(words, id, REPLY_PART_TITLE),
	    "meaning", page_reply_text(words, id, REPLY_PART_MEANING),
	    "advice", page_reply_text(words, id, REPLY_PART_ADVICE),
	    "retry", page_text(words, retry_words(reply)),
	    "figures", json_array(), "window_ms", (json_int_t)0);
}

static bool
is_same(const json_t *entry, const struct refusal *refusal)
{
	const struct reply *reply = refusal->reply;
	const char *enhanced = json_string_value(json_object_get(entry,
	    "enhanced"));
	char mine[REPLY_ENHANCED_SIZE];
	struct text text;

	TEXT_INIT(&text, mine);
	text_printf(&text, "%d.%d.%d", reply->basic / 100, reply->subject,
	    reply->detail);
	return json_integer_value(json_object_get(entry, "code")) ==
	    reply->basic && strcmp(enhanced, mine) == 0 &&
	    strcmp(json_string_value(json_object_get(entry, "name")),
	    reply_of(words_for(refusal))->name) == 0 &&
	    strcmp(json_string_value(json_object_get(entry, "reply")),
	    reply->text) == 0;
}

/* The entry of this reply; a new one when no rule before had it. */
static json_t *
entry_for(json_t *entries, const struct refusal *refusal,
    const struct catalogue *words)
{
	size_t index;
	json_t *entry;

	json_array_foreach(entries, index, entry)
		if (is_same(entry, refusal))
			return entry;
	entry = new_entry(refusal, words);
	(void)json_array_append_new(entries, entry);
	return entry;
}

static void
add_refusal(json_t *entries, const struct refusal *refusal,
    const struct catalogue *words, const struct page_options *options)
{
	int64_t window_ms = longest_window_ms(refusal);
	json_t *entry;

	if (refusal->rule != NULL && refusal->rule->with.mode != MODE_ENFORCE)
		return;
	entry = entry_for(entries, refusal, words);
	if (window_ms > json_integer_value(json_object_get(entry,
	    "window_ms")))
		(void)json_object_set_new(entry, "window_ms",
		    json_integer((json_int_t)window_ms));
	add_figures(json_object_get(entry, "figures"), words, refusal,
	    options);
}

/* --- in order, each with an id of its own */

static int
compare_numbers(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		char *after_a, *after_b;
		long left = strtol(a, &after_a, 10);
		long right = strtol(b, &after_b, 10);

		if (left != right)
			return left < right ? -1 : 1;
		a = *after_a == '.' ? after_a + 1 : after_a;
		b = *after_b == '.' ? after_b + 1 : after_b;
	}
	return 0;
}

static int
compare_entries(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left;
	const json_t *b = *(json_t *const *)right;
	json_int_t first = json_integer_value(json_object_get(a, "code"));
	json_int_t second = json_integer_value(json_object_get(b, "code"));
	int by_enhanced;

	if (first != second)
		return first < second ? -1 : 1;
	by_enhanced = compare_numbers(
	    json_string_value(json_object_get(a, "enhanced")),
	    json_string_value(json_object_get(b, "enhanced")));
	return by_enhanced != 0 ? by_enhanced :
	    strcmp(json_string_value(json_object_get(a, "reply")),
	    json_string_value(json_object_get(b, "reply")));
}

/* "quota_user", and "quota_user-2" for the next with another text. */
static void
set_id(json_t *entries, json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	int number = 1;
	char id[64];
	size_t index;
	json_t *other;
	struct text text;

	json_array_foreach(entries, index, other)
		number += strcmp(name, json_string_value(json_object_get(
		    other, "name"))) == 0;
	TEXT_INIT(&text, id);
	text_put(&text, name);
	if (number > 1)
		text_printf(&text, "-%d", number);
	(void)json_object_set_new(entry, "id", json_string(id));
}

static json_t *
sorted(json_t *entries, const struct catalogue *words)
{
	size_t count = json_array_size(entries);
	json_t **order = calloc(count + 1, sizeof(json_t *));
	json_t *result = json_array();

	for (size_t i = 0; i < count && order != NULL; i++)
		order[i] = json_array_get(entries, i);
	if (order != NULL)
		qsort(order, count, sizeof(json_t *), compare_entries);
	for (size_t i = 0; i < count && order != NULL; i++) {
		set_id(result, order[i]);
		finish_retry(order[i], words);
		(void)json_array_append(result, order[i]);
	}
	free(order);
	json_decref(entries);
	return result;
}

/* --- the whole */

/* All words of the page by their keys, but for "reply.": those are in place. */
static json_t *
words_document(const struct catalogue *words, const struct config *config)
{
	static const char *const keys[PAGE_TEXT_COUNT] = {
#define PAGE_TEXT(id, key, text) key,
#include "floodgatectl/page_text.def"
	};
	json_t *document = json_object();
	char host[SENTENCE_SIZE];

	for (int i = 0; i < PAGE_TEXT_COUNT; i++)
		if (strncmp(keys[i], "page.", 5) == 0)
			(void)json_object_set_new(document, keys[i] + 5,
			    inspect_text(page_text(words,
			    (enum page_text)i)));
	(void)filled(page_text(words, PAGE_TEXT_host), "host",
	    config->global.hostname, host, sizeof(host));
	(void)json_object_set_new(document, "host",
	    inspect_text(config->global.hostname[0] != '\0' ? host : ""));
	return document;
}

json_t *
page_document(const struct config *config, const struct catalogue *catalogue,
    const struct page_options *options)
{
	size_t count;
	struct refusal *refusals = refusals_of(config, &count);
	json_t *entries = json_array();

	for (size_t i = 0; i < count; i++)
		add_refusal(entries, &refusals[i], catalogue, options);
	free(refusals);
	return json_pack("{s:o, s:o, s:o}",
	    "words", words_document(catalogue, config),
	    "contact", inspect_text(options->contact != NULL ?
	    options->contact : ""),
	    "refusals", sorted(entries, catalogue));
}

const char *
page_link_of(const char *contact)
{
	if (contact[strcspn(contact, " <>\"\\")] != '\0')
		return NULL;
	if (text_starts_with(contact, "https://") ||
	    text_starts_with(contact, "http://") ||
	    text_starts_with(contact, "mailto:"))
		return "";
	return strchr(contact, '@') != NULL ? "mailto:" : NULL;
}
