/*
 * record_print.c - what happened at one command, as lines for people
 */
#include "floodgatectl/record.h"

#include "floodgatectl/output.h"

#include "base/text.h"
#include "core/charge.h"

#include <stdio.h>
#include <string.h>

static void
put_rules(const char *label, const json_t *rules)
{
	size_t index;
	json_t *rule;

	json_array_foreach(rules, index, rule) {
		(void)fputs(index == 0 ? label : ", ", stdout);
		put_printable(member_text(rule, "kind"));
		(void)fputc(' ', stdout);
		put_printable(member_text(rule, "name"));
		(void)fputs(", ", stdout);
		put_printable(member_text(rule, "file"));
		(void)printf(":%lld", (long long)member_number(rule, "line"));
	}
}

/* Rules that accepted because the store, or DNS, gave no answer. */
static void
put_failed(json_t *failed)
{
	json_t *limits = json_array(), *checks = json_array(), *rule;
	size_t index;

	json_array_foreach(failed, index, rule)
		(void)json_array_append(
		    strcmp(member_text(rule, "kind"), "check") == 0 &&
		    marked_find(member_text(rule, "name")) == NULL ?
		    checks : limits, rule);
	put_rules("; lookup failed, accepted by: ", checks);
	put_rules("; store down, accepted by: ", limits);
	json_decref(limits);
	json_decref(checks);
}

/* "   [policy submission, limit quota_user, FILE:LINE; observed: ...]" */
static void
put_reason(const json_t *record)
{
	const json_t *policy = json_object_get(record, "policy");
	json_t *rule = json_object_get(record, "rule");
	json_t *refusing;

	if (policy == NULL)
		return;
	(void)fputs("   [policy ", stdout);
	put_printable(member_text(policy, "name"));
	if (rule != NULL) {
		refusing = json_pack("[O]", rule);
		put_rules(", ", refusing);
		json_decref(refusing);
	}
	if (json_is_true(json_object_get(record, "always_accepted")))
		(void)fputs("; always accepts this recipient", stdout);
	put_rules("; observed: ", json_object_get(record, "observed"));
	put_failed(json_object_get(record, "failed"));
	(void)fputc(']', stdout);
}

static void
put_selection(const json_t *record, const char *indent)
{
	const json_t *policy = json_object_get(record, "policy");
	const json_t *passed_over = json_object_get(record, "passed_over");
	size_t index;
	json_t *passed;

	if (strcmp(member_text(record, "stage"), "eom") == 0 ||
	    strcmp(member_text(record, "stage"), "eoh") == 0 ||
	    (policy == NULL && passed_over == NULL))
		return;
	json_array_foreach(passed_over, index, passed) {
		(void)printf("%s    policy \"", indent);
		put_printable(member_text(passed, "name"));
		(void)printf("\" is not asked: %s\n",
		    member_text(passed, "because"));
	}
	(void)printf("%s    ", indent);
	if (policy == NULL) {
		(void)printf("no policy is asked\n");
		return;
	}
	(void)fputs("policy \"", stdout);
	put_printable(member_text(policy, "name"));
	(void)fputs("\" is the first that matches  ", stdout);
	put_printable(member_text(policy, "file"));
	(void)printf(":%lld\n", (long long)member_number(policy, "line"));
}

static void
describe_use(const json_t *counter, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (json_object_get(counter, "used") == NULL)
		return;
	text_put_number(&text, member_number(counter, "used"));
	text_put(&text, " of ");
	text_put_number(&text, member_number(counter, "max"));
}

static void
add_step(struct table *table, const json_t *step)
{
	const json_t *counters = json_object_get(step, "counters");
	char name[160], origin[512], use[64];
	const char *cells[] = {
		name, member_text(step, "outcome"), "", "", "", origin
	};
	size_t index;
	json_t *counter;

	(void)snprintf(name, sizeof(name), "%s %.120s",
	    member_text(step, "kind"), member_text(step, "name"));
	(void)snprintf(origin, sizeof(origin), "%.480s:%lld",
	    member_text(step, "file"), (long long)member_number(step, "line"));
	if (json_array_size(counters) == 0)
		table_add(table, cells);
	json_array_foreach(counters, index, counter) {
		cells[2] = member_text(counter, "subject");
		cells[3] = member_text(counter, "field");
		cells[4] = use;
		describe_use(counter, use, sizeof(use));
		table_add(table, cells);
		cells[0] = cells[1] = cells[5] = "";
	}
}

static void
put_steps(const json_t *record, const char *indent)
{
	char deeper[64];
	struct table table;
	size_t index;
	json_t *step;

	put_selection(record, indent);
	(void)snprintf(deeper, sizeof(deeper), "%s    ", indent);
	table_init(&table, 6, deeper);
	json_array_foreach(json_object_get(record, "steps"), index, step)
		add_step(&table, step);
	table_print_and_clear(&table);
}

/* Blanks in place of the indent's text. */
static void
put_steps_below(const json_t *record, const char *indent)
{
	char blanks[48];

	(void)snprintf(blanks, sizeof(blanks), "%*s", (int)strlen(indent), "");
	put_steps(record, blanks);
}

void
record_put(const json_t *record, const char *indent, bool steps)
{
	const char *session = member_text(record, "session");

	(void)fputs(indent, stdout);
	if (session[0] != '\0') {
		put_printable(session);
		(void)fputs("> ", stdout);
	}
	put_printable(member_text(record, "command"));
	(void)fputc(':', stdout);
	if (member_text(record, "reply")[0] != '\0') {
		(void)fputc(' ', stdout);
		put_printable(member_text(record, "reply"));
	}
	put_reason(record);
	(void)fputc('\n', stdout);
	if (steps)
		put_steps_below(record, indent);
}
