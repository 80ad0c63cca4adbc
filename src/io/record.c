/*
 * record.c - the log lines of verdicts
 */
#include "io/record.h"

#include "base/text.h"
#include "io/log.h"
#include "io/utc.h"

#include <string.h>

/* What one value may take of the line, so that all of them find room. */
#define VALUE_OCTETS_MAX 160

static void
put_key_value(struct text *line, const char *key, const char *value)
{
	char buffer[VALUE_OCTETS_MAX + 1];
	struct text escaped;

	TEXT_INIT(&escaped, buffer);
	text_put_escaped(&escaped, value, strlen(value), "");
	text_printf(line, " %s=%s%s", key, value[0] != '\0' ? buffer : "-",
	    escaped.cut ? "..." : "");
}

static void
put_path(struct text *line, const char *key, const char *path)
{
	char buffer[VALUE_OCTETS_MAX + 1];
	struct text escaped;

	TEXT_INIT(&escaped, buffer);
	text_put_escaped(&escaped, path, strlen(path), "<>");
	text_printf(line, " %s=<%s%s>", key, buffer, escaped.cut ? "..." : "");
}

/* In quotes, blanks kept; the text is printable ASCII already. */
static void
put_reply(struct text *line, const struct reply_sent *reply)
{
	text_printf(line, " reply=\"%s %s ", reply->code, reply->enhanced);
	for (const char *at = reply->text; *at != '\0'; at++)
		text_put_char(line, *at == '"' ? '\'' : *at);
	text_put_char(line, '"');
}

/* Whole seconds, rounded up: nobody waits for milliseconds. */
static const char *
format_retry(int64_t retry_ms, char *buffer)
{
	return duration_format((retry_ms + 999) / 1000 * 1000, buffer);
}

static void
put_limit(struct text *line, const struct verdict *verdict)
{
	char window[QUANTITY_TEXT_SIZE], retry[QUANTITY_TEXT_SIZE];

	if (verdict->charge == NULL)
		return;
	text_printf(line, " subject=%s used=%lld max=%lld window=%s retry=%s",
	    verdict->charge->subject, (long long)verdict->used,
	    (long long)verdict->max,
	    duration_format(charge_span_ms(verdict->charge), window),
	    format_retry(verdict->retry_ms, retry));
}

static void
put_mark(struct text *line, const struct verdict *verdict)
{
	char until[UTC_TEXT_SIZE];

	if (verdict->marked == NULL)
		return;
	text_printf(line, " subject=%s mark=%s", verdict->marked->subject,
	    mark_names[verdict->mark.kind]);
	if (verdict->mark.until_ms > 0)
		text_printf(line, " until=%s",
		    utc_format(verdict->mark.until_ms, until));
}

static void
put_session(struct text *line, const struct session *session,
    const struct event *event)
{
	char client[IP_TEXT_SIZE];

	text_printf(line, "client=%s", ip_format(&session->client, client));
	put_key_value(line, "helo", session->helo);
	put_key_value(line, "user", session->user);
	if (event->stage >= STAGE_MAIL)
		put_path(line, "from", session->sender.text);
	if (event->recipient != NULL)
		put_path(line, "to", event->recipient->text);
	text_printf(line, " stage=%s", stage_name(event->stage));
}

static void
put_rule(struct text *line, const struct policy *policy,
    const struct rule *rule, const char *action)
{
	if (policy != NULL)
		put_key_value(line, "policy", policy->name);
	if (rule != NULL)
		put_key_value(line, rule->check != NULL ? "check" : "limit",
		    rule->name);
	text_printf(line, " action=%s", action);
}

static const char *
action_of(const struct event *event, const struct answer *answer)
{
	switch (answer->kind) {
	case ANSWER_CONTINUE:
		return event->rejected ? "rejected" : "accept";
	case ANSWER_TEMPFAIL:
		return "tempfail";
	case ANSWER_REJECT:
		return "reject";
	case ANSWER_CLOSE:
		return "close";
	}
	return "";
}

static void
record_observed(const struct session *session, const struct event *event,
    const struct verdict *verdict)
{
	char buffer[LOG_LINE_SIZE];
	struct text line;

	for (size_t i = 0; i < verdict->observed_count; i++) {
		TEXT_INIT(&line, buffer);
		put_session(&line, session, event);
		put_rule(&line, verdict->policy, verdict->observed[i],
		    "observe");
		log_info("%s", buffer);
	}
}

void
record_answer(const struct session *session, const struct event *event,
    const struct answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	enum level level = verdict->refused ? LEVEL_INFO : LEVEL_DEBUG;
	char buffer[LOG_LINE_SIZE];
	struct text line;

	if (verdict->observed_count > 0 && log_wants(LEVEL_INFO))
		record_observed(session, event, verdict);
	if (!verdict->refused && event->stage != STAGE_RCPT)
		return;
	if (!log_wants(level))
		return;
	TEXT_INIT(&line, buffer);
	put_session(&line, session, event);
	put_rule(&line, verdict->policy, verdict->rule,
	    action_of(event, answer));
	if (verdict->refused) {
		put_key_value(&line, "ref", answer->ref);
		put_limit(&line, verdict);
		put_mark(&line, verdict);
		put_reply(&line, &answer->reply);
		log_info("%s", buffer);
	} else
		log_debug("%s", buffer);
}

static void
fill_limit(struct field_values *values, const struct verdict *verdict)
{
	struct text text;

	if (verdict->charge == NULL)
		return;
	values->at[FIELD_limit] = verdict->rule->name;
	TEXT_INIT(&text, values->used);
	text_put_number(&text, verdict->used);
	values->at[FIELD_used] = values->used;
	TEXT_INIT(&text, values->max);
	text_put_number(&text, verdict->max);
	values->at[FIELD_max] = values->max;
	values->at[FIELD_window] = duration_format(
	    charge_span_ms(verdict->charge), values->window);
	values->at[FIELD_retry] = format_retry(verdict->retry_ms,
	    values->retry);
}

void
field_values_fill(struct field_values *values, const struct config *config,
    const struct session *session, const struct event *event,
    const struct verdict *verdict)
{
	memset(values->at, 0, sizeof(values->at));
	values->at[FIELD_client] = ip_format(&session->client,
	    values->client);
	values->at[FIELD_client_name] = session->client_name[0] != '\0' ?
	    session->client_name : "unknown";
	values->at[FIELD_helo] = session->helo;
	values->at[FIELD_user] = session->user;
	values->at[FIELD_user_domain] = session_user_domain(session);
	values->at[FIELD_sender] = session->sender.text;
	values->at[FIELD_sender_domain] = session->sender.domain;
	if (event->recipient != NULL) {
		values->at[FIELD_recipient] = event->recipient->text;
		values->at[FIELD_recipient_domain] =
		    event->recipient->domain;
	}
	values->at[FIELD_hostname] = config->global.hostname[0] != '\0' ?
	    config->global.hostname : session->hostname;
	values->at[FIELD_listener] = session->listener;
	fill_limit(values, verdict);
	values->at[FIELD_zone] = verdict->found.zone;
	values->at[FIELD_server] = verdict->found.server;
	values->at[FIELD_txt] = verdict->found.txt;
	values->at[FIELD_subject] = verdict->found.subject;
}
