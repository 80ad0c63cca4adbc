/*
 * refusals.c - everything that a configuration can refuse with, and where
 */
#include "floodgatectl/refusals.h"

#include "base/text.h"
#include "core/check.h"
#include "core/codes.h"
#include "core/policy.h"
#include "io/inspect.h"

#include <stdlib.h>

/* What no rule has to be written for. */
static size_t
add_own(struct refusal *all, size_t count, const struct config *config)
{
	if (config->global.max_sessions > 0)
		all[count++] = (struct refusal){
			.reply = reply_of(REPLY_server_busy),
			.stages = 1u << STAGE_CONNECT
		};
	all[count++].reply = reply_of(REPLY_config_error);
	return count;
}
#define OWN_REPLIES_MAX 2

/* What the rule says when it lacks what it needs; REPLY_COUNT: nothing. */
static enum reply_id
failure_reply(const struct rule *rule)
{
	if (rule->with.mode != MODE_ENFORCE ||
	    rule->with.on_failure != ON_FAILURE_DEFER)
		return REPLY_COUNT;
	if (rule->check == NULL)
		return REPLY_store_unavailable;
	return rule->check->cost == COST_DNS ? REPLY_lookup_failed :
	    REPLY_COUNT;
}

static size_t
add_rule(struct refusal *all, size_t count, const struct policy *policy,
    const struct rule *rule)
{
	enum reply_id failure = failure_reply(rule);
	struct refusal refusal = {
		.policy = policy,
		.rule = rule,
		.reply = rule->with.reply,
		.stages = rule_spoken_at(policy, rule)
	};

	if (rule->with.mode == MODE_OFF)
		return count;
	all[count++] = refusal;
	if (failure == REPLY_COUNT)
		return count;
	refusal.reply = reply_of(failure);
	refusal.is_failure = true;
	all[count++] = refusal;
	return count;
}

struct refusal *
refusals_of(const struct config *config, size_t *count)
{
	size_t room = OWN_REPLIES_MAX;
	struct refusal *all;

	for (size_t i = 0; i < config->policy_count; i++)
		room += 2 * config->policies[i].rule_count;
	all = calloc(room, sizeof(*all));
	*count = 0;
	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];

		for (size_t j = 0; j < policy->rule_count; j++)
			*count = add_rule(all, *count, policy,
			    &policy->rules[policy->written[j]]);
	}
	*count = add_own(all, *count, config);
	return all;
}

/* --- when */

static void
put_rate(struct text *text, const struct rule *rule, size_t i)
{
	const struct window_rule *window = &rule->limits.allow.at[i];
	bool is_bytes = rule->limits.count == COUNT_bytes;
	char most[QUANTITY_TEXT_SIZE];

	if (is_bytes)
		text_put(text, size_format(window->rate.max, most));
	else
		text_put_number(text, window->rate.max);
	if (i == 0 && rule->limits.count == COUNT_open_connections)
		text_put(text, " open connections");
	else if (i == 0)
		text_printf(text, " %s", count_name(rule->limits.count));
	if (window->rate.window_ms > 0)
		text_printf(text, " in %s", window->label);
}

static void
put_limit(struct text *text, const struct rule *rule)
{
	text_put(text, "more than ");
	for (size_t i = 0; i < rule->limits.allow.count; i++) {
		if (i > 0)
			text_put(text, ", or ");
		put_rate(text, rule, i);
	}
	text_put(text, " per ");
	for (size_t i = 0; i < rule->limits.per.count; i++) {
		if (i > 0)
			text_put(text, " and ");
		text_put(text, key_name(rule->limits.per.at[i]));
	}
}

static void
put_check(struct text *text, const struct rule *rule)
{
	char most[QUANTITY_TEXT_SIZE];

	text_put(text, rule->check->help);
	if ((rule->check->takes & TAKES_MAX) != 0)
		text_printf(text, " (max %lld)", (long long)rule->checks.max);
	if ((rule->check->takes & TAKES_MAX_SIZE) != 0)
		text_printf(text, " (max_size %s)",
		    size_format(rule->checks.max_size_bytes, most));
}

const char *
refusal_when(const struct refusal *refusal, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (refusal->reply == reply_of(REPLY_server_busy))
		text_put(&text, "more than max_sessions are served");
	else if (refusal->rule == NULL)
		text_put(&text, "floodgate cannot evaluate its own "
		    "configuration");
	else if (refusal->is_failure)
		text_put(&text, refusal->rule->check == NULL ?
		    "the counters cannot be reached (on_failure)" :
		    "what the check looks up cannot be had (on_failure)");
	else if (refusal->rule->check != NULL)
		put_check(&text, refusal->rule);
	else
		put_limit(&text, refusal->rule);
	return buffer;
}

/* --- as a document */

static json_t *
stages_document(unsigned int stages)
{
	json_t *all = json_array();

	for (int stage = STAGE_CONNECT; stage < STAGE_ANY; stage++)
		if ((stages & (1u << stage)) != 0)
			(void)json_array_append_new(all, json_string(
			    verb_title(verb_of_stage((enum stage)stage))));
	return all;
}

json_t *
refusal_document(const struct refusal *refusal)
{
	const struct reply *reply = refusal->reply;
	char line[REPLY_LINE_OCTETS_MAX + 1], when[1024];
	struct text text;
	json_t *document;

	TEXT_INIT(&text, line);
	text_printf(&text, "%d %d.%d.%d %s", reply->basic, reply->basic / 100,
	    reply->subject, reply->detail, reply->text);
	document = json_pack("{s:s, s:s, s:s, s:o}",
	    "name", reply->name, "reply", line,
	    "when", refusal_when(refusal, when, sizeof(when)),
	    "answers", stages_document(refusal->stages));
	if (refusal->rule == NULL)
		return document;
	(void)json_object_update_new(document, json_pack(
	    "{s:o, s:s, s:o, s:s, s:o, s:i}",
	    "policy", inspect_text(refusal->policy->name),
	    "kind", refusal->rule->check != NULL ? "check" : "limit",
	    "rule", inspect_text(refusal->rule->name),
	    "mode", mode_names[refusal->rule->with.mode],
	    "file", inspect_text(refusal->rule->origin.file),
	    "line", refusal->rule->origin.line));
	return document;
}
