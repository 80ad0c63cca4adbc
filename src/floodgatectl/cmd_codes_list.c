/*
 * cmd_codes_list.c - the reference: all codes, in three orders
 */
#include "floodgatectl/cmd_codes.h"
#include "floodgatectl/output.h"

#include "base/text.h"
#include "core/codes.h"

#include <stdio.h>
#include <string.h>

static json_t *
basic_row(const struct basic_code *code)
{
	return json_pack("{s:i, s:s, s:b}", "code", code->code,
	    "title", code->title, "standard", code->defined[0] != '\0');
}

static json_t *
enhanced_row(const struct enhanced_code *code)
{
	char name[16];
	struct text text;

	TEXT_INIT(&text, name);
	text_printf(&text, "X.%d.%d", code->subject, code->detail);
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "code", name,
	    "title", code->title, "basics", code->basics,
	    "classes", code->classes,
	    "registered", enhanced_code_is_registered(code));
}

static json_t *
new_group(const char *title, json_t *codes)
{
	return json_pack("{s:s, s:o}", "title", title, "codes", codes);
}

/* --- by number */

static json_t *
by_number(void)
{
	json_t *basics = json_array(), *enhanced = json_array();

	for (size_t i = 0; i < basic_code_count(); i++)
		(void)json_array_append_new(basics,
		    basic_row(basic_code_at(i)));
	for (size_t i = 0; i < enhanced_code_count(); i++)
		(void)json_array_append_new(enhanced,
		    enhanced_row(enhanced_code_at(i)));
	return json_pack("[o, o]", new_group("Basic codes", basics),
	    new_group("Enhanced codes; X is 2, 4 or 5, as the basic code "
	    "begins", enhanced));
}

/* --- by command */

static json_t *
by_command(void)
{
	json_t *groups = json_array();

	for (int verb = 0; verb < VERB_COUNT; verb++) {
		uint32_t bit = VERB_BIT(verb);
		json_t *codes = json_array(), *group;

		for (size_t i = 0; i < basic_code_count(); i++) {
			const struct basic_code *code = basic_code_at(i);
			json_t *row;

			if (((code->listed | code->others) & bit) == 0)
				continue;
			row = basic_row(code);
			(void)json_object_set_new(row, "listed",
			    json_boolean((code->listed & bit) != 0));
			(void)json_array_append_new(codes, row);
		}
		group = new_group(verb_title((enum verb)verb), codes);
		(void)json_object_set_new(group, "defined",
		    json_string(verb_defined((enum verb)verb)));
		(void)json_array_append_new(groups, group);
	}
	return groups;
}

/* --- by group: the second digit, then the subject */

static json_t *
second_digit_group(unsigned int digit)
{
	json_t *codes = json_array();
	char title[64];
	struct text text;

	for (size_t i = 0; i < basic_code_count(); i++)
		if (basic_code_at(i)->code / 10u % 10u == digit)
			(void)json_array_append_new(codes,
			    basic_row(basic_code_at(i)));
	TEXT_INIT(&text, title);
	text_printf(&text, "x%uz: %s", digit, basic_group_title(digit));
	return new_group(title, codes);
}

static json_t *
subject_group(unsigned int subject)
{
	json_t *codes = json_array();
	char title[64];
	struct text text;

	for (size_t i = 0; i < enhanced_code_count(); i++)
		if (enhanced_code_at(i)->subject == subject)
			(void)json_array_append_new(codes,
			    enhanced_row(enhanced_code_at(i)));
	TEXT_INIT(&text, title);
	text_printf(&text, "X.%u: %s", subject,
	    enhanced_subject_title(subject));
	return new_group(title, codes);
}

static json_t *
by_group(void)
{
	json_t *groups = json_array();

	for (unsigned int digit = 0; digit < 10; digit++) {
		json_t *group = second_digit_group(digit);

		if (json_array_size(json_object_get(group, "codes")) > 0)
			(void)json_array_append(groups, group);
		json_decref(group);
	}
	for (unsigned int subject = 0;
	    enhanced_subject_title(subject) != NULL; subject++)
		(void)json_array_append_new(groups, subject_group(subject));
	return groups;
}

json_t *
codes_list(enum codes_order order)
{
	json_t *groups = NULL;

	switch (order) {
	case CODES_BY_NUMBER:
		groups = by_number();
		break;
	case CODES_BY_COMMAND:
		groups = by_command();
		break;
	case CODES_BY_GROUP:
		groups = by_group();
		break;
	}
	return json_pack("{s:o}", "groups", groups);
}

/* --- printed */

/* What is peculiar about a row, if anything. */
static const char *
remark_on(const json_t *row)
{
	const json_t *listed = json_object_get(row, "listed");

	if (json_is_false(json_object_get(row, "standard")))
		return "(no standard)";
	if (json_is_false(json_object_get(row, "registered")))
		return "(not registered)";
	return json_is_false(listed) ? "(by extension, or formerly)" : "";
}

static void
put_group(const json_t *group)
{
	const char *defined = member_text(group, "defined");
	struct table table;
	size_t index;
	json_t *row;

	put_printable(member_text(group, "title"));
	if (defined[0] != '\0')
		(void)printf(" (%s)", defined);
	(void)fputc('\n', stdout);
	table_init(&table, 3, "  ");
	json_array_foreach(json_object_get(group, "codes"), index, row) {
		char number[16];
		const json_t *code = json_object_get(row, "code");
		const char *const cells[] = {
			json_is_string(code) ? json_string_value(code) :
			    number,
			member_text(row, "title"), remark_on(row)
		};

		(void)snprintf(number, sizeof(number), "%lld",
		    (long long)json_integer_value(code));
		table_add(&table, cells);
	}
	table_print_and_clear(&table);
}

void
codes_put_list(const json_t *document, enum codes_order order)
{
	size_t index;
	json_t *group;

	json_array_foreach(json_object_get(document, "groups"), index,
	    group) {
		if (index > 0)
			(void)fputc('\n', stdout);
		put_group(group);
	}
	if (order == CODES_BY_COMMAND)
		(void)printf("\nRFC 5321 4.3.2 lists them, but for those "
		    "that are marked.\n");
	else
		(void)printf("\nfloodgatectl codes CODE explains one.\n");
}
