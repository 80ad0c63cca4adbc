/*
 * confprint.c - print a configuration so that it parses again to the same
 *
 * Every option, defaults included, in the order of option.def; checks and
 * limits in the order of the file. Files are named, absolute, not printed;
 * what was included stands in its place.
 */
#include "io/conffile.h"

#include "base/quantity.h"
#include "base/text.h"
#include "core/check.h"
#include "core/codelint.h"
#include "io/confread.h"

#include <inttypes.h>

/* --- one printer for each type of option */

/* As the scanner and libconfuse read it back. */
static void
print_quoted(FILE *to, const char *string)
{
	putc('"', to);
	for (; *string != '\0'; string++) {
		if (*string == '"' || *string == '\\' ||
		    (string[0] == '$' && string[1] == '{'))
			putc('\\', to);
		putc(*string, to);
	}
	putc('"', to);
}

static void
print_string(FILE *to, const void *field)
{
	print_quoted(to, *(const char *const *)field);
}

static void
print_comma(FILE *to, size_t i)
{
	if (i > 0)
		fputs(", ", to);
}

static void
print_strings(FILE *to, const void *field)
{
	const struct strings *strings = field;

	putc('{', to);
	for (size_t i = 0; i < strings->count; i++) {
		print_comma(to, i);
		print_quoted(to, strings->at[i]);
	}
	putc('}', to);
}

static void
print_bool(FILE *to, const void *field)
{
	fputs(*(const bool *)field ? "true" : "false", to);
}

static void
print_tristate(FILE *to, const void *field)
{
	switch (*(const enum tristate *)field) {
	case TRISTATE_ANY:
		fputs("any", to);
		break;
	case TRISTATE_FALSE:
		fputs("false", to);
		break;
	case TRISTATE_TRUE:
		fputs("true", to);
		break;
	}
}

static void
print_number(FILE *to, const void *field)
{
	fprintf(to, "%" PRId64, *(const int64_t *)field);
}

static void
print_duration(FILE *to, const void *field)
{
	char buffer[QUANTITY_TEXT_SIZE];

	print_quoted(to, duration_format(*(const int64_t *)field, buffer));
}

static void
print_size(FILE *to, const void *field)
{
	char buffer[QUANTITY_TEXT_SIZE];

	print_quoted(to, size_format(*(const int64_t *)field, buffer));
}

static void
print_filemode(FILE *to, const void *field)
{
	fprintf(to, "%04o", *(const unsigned int *)field);
}

static void
print_level(FILE *to, const void *field)
{
	print_quoted(to, level_names[*(const enum level *)field]);
}

static void
print_mode(FILE *to, const void *field)
{
	print_quoted(to, mode_names[*(const enum mode *)field]);
}

static void
print_speak(FILE *to, const void *field)
{
	print_quoted(to, speak_names[*(const enum speak *)field]);
}

static void
print_script(FILE *to, const void *field)
{
	print_quoted(to, script_names[*(const enum script_kind *)field]);
}

static void
print_on_failure(FILE *to, const void *field)
{
	print_quoted(to, on_failure_names[*(const enum on_failure *)field]);
}

static void
print_count(FILE *to, const void *field)
{
	print_quoted(to, count_name(*(const enum count *)field));
}

static void
print_keys(FILE *to, const void *field)
{
	const struct keys *keys = field;

	putc('{', to);
	for (size_t i = 0; i < keys->count; i++) {
		print_comma(to, i);
		print_quoted(to, key_name(keys->at[i]));
	}
	putc('}', to);
}

static void
print_lists(FILE *to, const void *field)
{
	const struct lists *lists = field;

	putc('{', to);
	for (size_t i = 0; i < lists->count; i++) {
		print_comma(to, i);
		print_quoted(to, lists->at[i]->name);
	}
	putc('}', to);
}

/* Names of lists and subjects have no character that needs a backslash. */
static void
print_except(FILE *to, const void *field)
{
	const struct except *except = field;

	putc('{', to);
	for (size_t i = 0; i < except->count; i++) {
		const struct except_entry *entry = &except->at[i];

		print_comma(to, i);
		fprintf(to, "\"%s%s%s\"", subject_names[entry->subject],
		    entry->subject == SUBJECT_CLIENT_OR_USER ? "" : ":",
		    entry->list->name);
	}
	putc('}', to);
}

static void
print_map(FILE *to, const void *field)
{
	print_quoted(to, (*(const struct map *const *)field)->name);
}

static void
print_pattern(FILE *to, const void *field)
{
	print_quoted(to, (*(const struct pattern *const *)field)->text);
}

static void
print_addresses(FILE *to, const void *field)
{
	print_strings(to, &((const struct addresses *)field)->written);
}

static void
print_reply(FILE *to, const void *field)
{
	const struct reply *reply = *(const struct reply *const *)field;
	char buffer[REPLY_LINE_OCTETS_MAX + 1];
	struct text text;

	TEXT_INIT(&text, buffer);
	text_printf(&text, "%d %d.%d.%d %s", reply->basic, reply->basic / 100,
	    reply->subject, reply->detail, reply->text);
	print_quoted(to, buffer);
}

static void
print_notes(FILE *to, const void *field)
{
	unsigned int notes = *(const unsigned int *)field;
	size_t count = 0;

	putc('{', to);
	for (unsigned int i = 0; i < CODE_NOTE_COUNT; i++) {
		if ((notes & (1u << i)) == 0)
			continue;
		print_comma(to, count++);
		print_quoted(to, code_note_names[i]);
	}
	putc('}', to);
}

static void
put_rates(FILE *to, const struct rates *rates, bool is_bytes)
{
	char buffer[QUANTITY_TEXT_SIZE];

	putc('{', to);
	for (size_t i = 0; i < rates->count; i++) {
		print_comma(to, i);
		print_quoted(to, rate_format(&rates->at[i].rate,
		    is_bytes, buffer));
	}
	putc('}', to);
}

static void
print_zones(FILE *to, const void *field)
{
	const struct zones *zones = field;

	putc('{', to);
	for (size_t i = 0; i < zones->count; i++) {
		print_comma(to, i);
		print_quoted(to, zones->at[i].text);
	}
	putc('}', to);
}

/* Rates need to know what they count: rates_print(). */
static void (*const printers[OPTION_TYPES])(FILE *to, const void *field) = {
	[OPTION_TYPE_STRING] = print_string,
	[OPTION_TYPE_STRINGS] = print_strings,
	[OPTION_TYPE_BOOL] = print_bool,
	[OPTION_TYPE_TRISTATE] = print_tristate,
	[OPTION_TYPE_NUMBER] = print_number,
	[OPTION_TYPE_DURATION] = print_duration,
	[OPTION_TYPE_SIZE] = print_size,
	[OPTION_TYPE_FILEMODE] = print_filemode,
	[OPTION_TYPE_LEVEL] = print_level,
	[OPTION_TYPE_MODE] = print_mode,
	[OPTION_TYPE_SPEAK] = print_speak,
	[OPTION_TYPE_SCRIPT] = print_script,
	[OPTION_TYPE_ON_FAILURE] = print_on_failure,
	[OPTION_TYPE_LISTS] = print_lists,
	[OPTION_TYPE_MAP] = print_map,
	[OPTION_TYPE_EXCEPT] = print_except,
	[OPTION_TYPE_REPLY] = print_reply,
	[OPTION_TYPE_NOTES] = print_notes,
	[OPTION_TYPE_KEYS] = print_keys,
	[OPTION_TYPE_COUNT] = print_count,
	[OPTION_TYPE_ZONES] = print_zones,
	[OPTION_TYPE_PATTERN] = print_pattern,
	[OPTION_TYPE_ADDRESSES] = print_addresses,
};

/* Numbers of -1, maps and patterns of NULL were not given: nothing to write. */
static bool
has_value(const struct option_row *row, const void *field)
{
	switch (row->type) {
	case OPTION_TYPE_NUMBER:
	case OPTION_TYPE_SIZE:
		return *(const int64_t *)field >= 0;
	case OPTION_TYPE_DURATION:
		return *(const int64_t *)field > 0;
	case OPTION_TYPE_MAP:
		return *(const struct map *const *)field != NULL;
	case OPTION_TYPE_PATTERN:
		return *(const struct pattern *const *)field != NULL;
	case OPTION_TYPE_COUNT:
		return *(const enum count *)field != COUNT_COUNT;
	case OPTION_TYPE_STRING:
	case OPTION_TYPE_STRINGS:
	case OPTION_TYPE_BOOL:
	case OPTION_TYPE_TRISTATE:
	case OPTION_TYPE_FILEMODE:
	case OPTION_TYPE_LEVEL:
	case OPTION_TYPE_MODE:
	case OPTION_TYPE_SPEAK:
	case OPTION_TYPE_SCRIPT:
	case OPTION_TYPE_ON_FAILURE:
	case OPTION_TYPE_LISTS:
	case OPTION_TYPE_EXCEPT:
	case OPTION_TYPE_REPLY:
	case OPTION_TYPE_NOTES:
	case OPTION_TYPE_KEYS:
	case OPTION_TYPE_RATES:
	case OPTION_TYPE_ZONES:
	case OPTION_TYPE_ADDRESSES:
	case OPTION_TYPES:
		break;
	}
	return true;
}

static void
rates_print(FILE *to, const char *indent, const struct option_row *row,
    const struct rates *rates, enum count count)
{
	fprintf(to, "%s%s = ", indent, row->name);
	put_rates(to, rates, count == COUNT_bytes);
	putc('\n', to);
}

static void
option_print(FILE *to, const char *indent, const struct option_row *row,
    const void *field)
{
	if (!has_value(row, field))
		return;
	fprintf(to, "%s%s = ", indent, row->name);
	printers[row->type](to, field);
	putc('\n', to);
}

/* --- sections */

static void
print_table(FILE *to, const char *indent, const struct option_table *table,
    const void *fields)
{
	for (size_t i = 0; i < table->count; i++)
		option_print(to, indent, &table->rows[i],
		    (const char *)fields + table->rows[i].offset);
}

static void
print_store_and_dns(FILE *to, const struct config *config)
{
	switch (config->store) {
	case STORE_KIND_MEMORY:
		fputs("\nstore \"memory\" {\n", to);
		print_table(to, "\t", &store_memory_table, &config->memory);
		break;
	case STORE_KIND_REDIS:
		fputs("\nstore \"redis\" {\n", to);
		print_table(to, "\t", &store_redis_table, &config->redis);
		break;
	}
	fputs("}\n\ndns {\n", to);
	print_table(to, "\t", &dns_table, &config->dns);
	fputs("}\n", to);
}

/* Only what the check takes. */
static void
print_check(FILE *to, const struct rule *rule)
{
	fprintf(to, "\n\tcheck \"%s\" {\n", rule->name);
	print_table(to, "\t\t", &rule_table, &rule->with);
	for (size_t i = 0; i < check_table.count; i++) {
		const struct option_row *row = &check_table.rows[i];

		if (check_takes_option(rule->check, row->name))
			option_print(to, "\t\t", row,
			    (const char *)&rule->checks + row->offset);
	}
	fputs("\t}\n", to);
}

static void
print_limit(FILE *to, const struct rule *rule)
{
	fprintf(to, "\n\tlimit \"%s\" {\n", rule->name);
	print_table(to, "\t\t", &rule_table, &rule->with);
	for (size_t i = 0; i < limit_table.count; i++) {
		const struct option_row *row = &limit_table.rows[i];

		if (row->type == OPTION_TYPE_RATES)
			rates_print(to, "\t\t", row, &rule->limits.allow,
			    rule->limits.count);
		else
			option_print(to, "\t\t", row,
			    (const char *)&rule->limits + row->offset);
	}
	fputs("\t}\n", to);
}

static void
print_policy(FILE *to, const struct policy *policy)
{
	fprintf(to, "\npolicy \"%s\" {\n", policy->name);
	print_table(to, "\t", &policy_table, &policy->with);
	if (policy->has_match) {
		fputs("\n\tmatch {\n", to);
		print_table(to, "\t\t", &match_table, &policy->match);
		fputs("\t}\n", to);
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[policy->written[i]];

		if (rule->check != NULL)
			print_check(to, rule);
		else
			print_limit(to, rule);
	}
	fputs("}\n", to);
}

void
conffile_print(const struct config *config, FILE *to)
{
	print_table(to, "", &global_table, &config->global);
	print_store_and_dns(to, config);
	for (size_t i = 0; i < config->list_count; i++) {
		fprintf(to, "\nlist \"%s\" {\n", config->lists[i].name);
		print_table(to, "\t", &list_table, &config->list_options[i]);
		fputs("}\n", to);
	}
	for (size_t i = 0; i < config->map_count; i++) {
		fprintf(to, "\nmap \"%s\" {\n", config->maps[i].name);
		print_table(to, "\t", &map_table, &config->map_options[i]);
		fputs("}\n", to);
	}
	for (size_t i = 0; i < config->policy_count; i++)
		print_policy(to, &config->policies[i]);
}
