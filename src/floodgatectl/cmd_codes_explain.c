/*
 * cmd_codes_explain.c - one code: the standard, the practice, this policy
 */
#include "floodgatectl/cmd_codes.h"
#include "floodgatectl/output.h"
#include "floodgatectl/refusals.h"

#include "base/text.h"
#include "core/codelint.h"
#include "core/codes.h"
#include "io/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what was asked */

/* A number of one to three digits; *at moves behind it. */
static bool
take_number(const char **at, unsigned int *number)
{
	unsigned int digits = 0;

	for (*number = 0; **at >= '0' && **at <= '9' && digits < 3; digits++)
		*number = *number * 10 + (unsigned int)(*(*at)++ - '0');
	return digits > 0 && (**at < '0' || **at > '9');
}

/* "5.4.6", or "X.4.6" for any class. */
static bool
take_enhanced(struct codes_asked *asked, const char *word)
{
	if (word[0] == 'X' || word[0] == 'x') {
		asked->class = 0;
		word++;
	} else if (!take_number(&word, &asked->class) ||
	    (asked->class != 2 && asked->class != 4 && asked->class != 5))
		return false;
	if (*word++ != '.' || !take_number(&word, &asked->subject) ||
	    *word++ != '.' || !take_number(&word, &asked->detail))
		return false;
	asked->has_enhanced = true;
	return *word == '\0';
}

static bool
ask_one(struct codes_asked *asked, const char *word)
{
	const char *at = word;
	unsigned int number;

	if (strchr(word, '.') != NULL)
		return !asked->has_enhanced && take_enhanced(asked, word);
	if (asked->basic != 0 || !take_number(&at, &number) || *at != '\0' ||
	    number < 100 || number > 599)
		return false;
	asked->basic = number;
	return true;
}

bool
codes_ask(struct codes_asked *asked, const char *word)
{
	char one[16];

	while (*word != '\0') {
		size_t length = strcspn(word, " ");

		if (length > 0 && (!text_copy_n(one, sizeof(one), word,
		    length) || !ask_one(asked, one)))
			return false;
		word += length;
		word += strspn(word, " ");
	}
	return asked->basic != 0 || asked->has_enhanced;
}

static const char *
name_asked(const struct codes_asked *asked, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	if (asked->basic != 0)
		text_printf(&text, "%u", asked->basic);
	if (!asked->has_enhanced)
		return buffer;
	if (asked->basic != 0)
		text_put_char(&text, ' ');
	if (asked->class != 0)
		text_printf(&text, "%u", asked->class);
	else
		text_put_char(&text, 'X');
	text_printf(&text, ".%u.%u", asked->subject, asked->detail);
	return buffer;
}

/* --- the tables */

static const char *
class_meaning(unsigned int class)
{
	/* RFC 5321 4.2.1 */
	static const char *const meanings[] = {
		"any", "1, which no standard uses", "2, done", "3, go on",
		"4, temporary: the client tries again by itself",
		"5, permanent: the client gives up and returns the message"
	};

	return class < sizeof(meanings) / sizeof(meanings[0]) ?
	    meanings[class] : "";
}

static json_t *
verbs_document(uint32_t verbs)
{
	json_t *all = json_array();

	for (int verb = 0; verb < VERB_COUNT; verb++)
		if ((verbs & VERB_BIT(verb)) != 0)
			(void)json_array_append_new(all,
			    json_string(verb_title((enum verb)verb)));
	return all;
}

/* Listed as such, not among "any" or "5xx". */
static bool
lists_it_by_number(const struct enhanced_code *code, unsigned int basic)
{
	char number[8];
	struct text text;

	TEXT_INIT(&text, number);
	text_put_number(&text, basic);
	return strstr(code->basics, number) != NULL;
}

/* Enhanced codes that the registry has beside this basic code. */
static json_t *
companions_document(unsigned int basic)
{
	json_t *all = json_array();

	for (size_t i = 0; i < enhanced_code_count(); i++) {
		const struct enhanced_code *code = enhanced_code_at(i);
		char name[128];
		struct text text;

		if (!lists_it_by_number(code, basic))
			continue;
		TEXT_INIT(&text, name);
		text_printf(&text, "%u.%d.%d %s", basic / 100, code->subject,
		    code->detail, code->title);
		(void)json_array_append_new(all, json_string(name));
	}
	return all;
}

static json_t *
basic_document(const struct basic_code *code)
{
	char group[48];
	struct text text;

	TEXT_INIT(&text, group);
	text_printf(&text, "x%dz, %s", code->code / 10 % 10,
	    basic_group_title(code->code / 10u % 10u));
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}",
	    "code", code->code, "title", code->title,
	    "class", class_meaning(code->code / 100u), "group", group,
	    "defined", code->defined, "standard", code->standard,
	    "practice", code->practice,
	    "listed", verbs_document(code->listed),
	    "others", verbs_document(code->others),
	    "enhanced", companions_document(code->code));
}

static json_t *
enhanced_document(const struct enhanced_code *code, unsigned int class)
{
	char name[16], subject[64];
	struct text text;

	TEXT_INIT(&text, name);
	text_put_char(&text, class == 0 ? 'X' : (char)('0' + class));
	text_printf(&text, ".%d.%d", code->subject, code->detail);
	TEXT_INIT(&text, subject);
	text_printf(&text, "X.%d, %s", code->subject,
	    enhanced_subject_title(code->subject));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}",
	    "code", name, "title", code->title,
	    "class", class_meaning(class), "subject", subject,
	    "reference", code->reference, "basics", code->basics,
	    "classes", code->classes, "standard", code->meaning,
	    "practice", code->practice,
	    "registered", enhanced_code_is_registered(code));
}

/* Do the two go together, whatever they are sent for? */
static json_t *
notes_document(const struct codes_asked *asked)
{
	unsigned int class = asked->basic / 100;
	const struct reply reply = {
		.basic = (uint16_t)asked->basic,
		.subject = (uint16_t)asked->subject,
		.detail = (uint16_t)asked->detail,
		.text = ""
	};
	const struct code_use use = { .reply = &reply, .fits = FITS_ANY };
	struct code_findings findings;
	json_t *all = json_array();

	if (asked->basic == 0 || !asked->has_enhanced)
		return all;
	if (asked->class != 0 && asked->class != class)
		(void)json_array_append_new(all, json_string("the two do not "
		    "go together: both have to begin with the same digit "
		    "(RFC 2034)"));
	code_lint(&use, &findings);
	for (size_t i = 0; i < findings.count; i++)
		(void)json_array_append_new(all,
		    json_string(findings.at[i].text));
	return all;
}

/* --- this policy */

static bool
is_asked(const struct codes_asked *asked, const struct reply *reply)
{
	if (asked->basic != 0 && asked->basic != reply->basic)
		return false;
	if (!asked->has_enhanced)
		return true;
	return asked->subject == reply->subject &&
	    asked->detail == reply->detail && (asked->class == 0 ||
	    asked->class == reply->basic / 100u);
}

static json_t *
rules_document(const struct codes_asked *asked, const struct config *config)
{
	json_t *all = json_array();
	size_t count;
	struct refusal *refusals = refusals_of(config, &count);

	for (size_t i = 0; i < count; i++)
		if (is_asked(asked, refusals[i].reply))
			(void)json_array_append_new(all,
			    refusal_document(&refusals[i]));
	free(refusals);
	return all;
}

json_t *
codes_explain(const struct codes_asked *asked, const struct config *config)
{
	const struct basic_code *basic = asked->basic == 0 ? NULL :
	    basic_code_find(asked->basic);
	const struct enhanced_code *enhanced = !asked->has_enhanced ? NULL :
	    enhanced_code_find(asked->subject, asked->detail);
	json_t *rules = config == NULL ? NULL : rules_document(asked, config);
	char name[32];
	json_t *document;

	(void)name_asked(asked, name, sizeof(name));
	if (basic == NULL && enhanced == NULL &&
	    json_array_size(rules) == 0) {
		json_decref(rules);
		return inspect_error(INSPECT_DATA, "nothing is known of %s: "
		    "no standard has it, nor any provider's page that was "
		    "looked at", name);
	}
	document = json_pack("{s:s, s:o}", "asked", name,
	    "notes", notes_document(asked));
	if (basic != NULL)
		(void)json_object_set_new(document, "basic",
		    basic_document(basic));
	if (enhanced != NULL)
		(void)json_object_set_new(document, "enhanced",
		    enhanced_document(enhanced, asked->class));
	if (rules != NULL)
		(void)json_object_set_new(document, "rules", rules);
	return document;
}

/* --- printed */

#define LABEL_COLUMNS 12
#define LINE_COLUMNS 78

/* A label and a text, in lines of 78 columns; nothing for "". */
static void
put_entry(const char *label, const char *text)
{
	size_t column = LABEL_COLUMNS;

	if (text[0] == '\0')
		return;
	(void)printf("  %-*s", LABEL_COLUMNS - 2, label);
	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column > LABEL_COLUMNS &&
		    column + 1 + length > LINE_COLUMNS) {
			(void)printf("\n%*s", LABEL_COLUMNS, "");
			column = LABEL_COLUMNS;
		} else if (column > LABEL_COLUMNS) {
			(void)fputc(' ', stdout);
			column++;
		}
		(void)fwrite(text, 1, length, stdout);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	(void)fputc('\n', stdout);
}

/* The strings of an array in one entry. */
static void
put_entries(const char *label, const json_t *strings, const char *behind)
{
	char line[2048];
	struct text text;
	size_t index;
	json_t *string;

	TEXT_INIT(&text, line);
	json_array_foreach(strings, index, string) {
		text_put(&text, index > 0 ? "; " : "");
		text_put(&text, json_string_value(string));
	}
	if (text.length > 0)
		text_put(&text, behind);
	put_entry(label, line);
}

static void
put_basic(const json_t *basic)
{
	(void)printf("%lld  %s\n", (long long)member_number(basic, "code"),
	    member_text(basic, "title"));
	put_entry("class", member_text(basic, "class"));
	put_entry("group", member_text(basic, "group"));
	put_entry("defined", member_text(basic, "defined")[0] == '\0' ?
	    "by no standard" : member_text(basic, "defined"));
	put_entries("answers", json_object_get(basic, "listed"),
	    " (RFC 5321 4.3.2)");
	put_entries("also", json_object_get(basic, "others"),
	    " (extensions, or formerly)");
	put_entry("standard", member_text(basic, "standard"));
	put_entry("practice", member_text(basic, "practice"));
	put_entries("enhanced", json_object_get(basic, "enhanced"), "");
}

static void
put_enhanced(const json_t *enhanced)
{
	bool is_registered = json_is_true(json_object_get(enhanced,
	    "registered"));

	(void)printf("%s  %s\n", member_text(enhanced, "code"),
	    member_text(enhanced, "title"));
	put_entry("class", member_text(enhanced, "class"));
	put_entry("subject", member_text(enhanced, "subject"));
	put_entry("defined", is_registered ?
	    member_text(enhanced, "reference") : "by no standard");
	put_entry("classes", strcmp(member_text(enhanced, "classes"),
	    "245") == 0 ? "2, 4 and 5" : member_text(enhanced, "classes"));
	put_entry("basic", member_text(enhanced, "basics"));
	put_entry("standard", member_text(enhanced, "standard"));
	put_entry("practice", member_text(enhanced, "practice"));
}

static void
put_rule(const json_t *rule)
{
	const char *mode = member_text(rule, "mode");

	if (member_text(rule, "policy")[0] == '\0')
		(void)printf("  floodgate itself");
	else {
		(void)printf("  policy ");
		put_printable(member_text(rule, "policy"));
		(void)printf(", %s ", member_text(rule, "kind"));
		put_printable(member_text(rule, "rule"));
		(void)printf(", ");
		put_printable(member_text(rule, "file"));
		(void)printf(":%lld", (long long)member_number(rule, "line"));
	}
	(void)printf("%s\n", strcmp(mode, "observe") == 0 ?
	    " (only observes)" : "");
	put_entry("  says", member_text(rule, "reply"));
	put_entry("  when", member_text(rule, "when"));
	put_entries("  answers", json_object_get(rule, "answers"), "");
}

void
codes_put_explained(const json_t *document)
{
	const json_t *basic = json_object_get(document, "basic");
	const json_t *enhanced = json_object_get(document, "enhanced");
	const json_t *rules = json_object_get(document, "rules");
	size_t index;
	json_t *member;

	if (basic != NULL)
		put_basic(basic);
	if (basic != NULL && enhanced != NULL)
		(void)fputc('\n', stdout);
	if (enhanced != NULL)
		put_enhanced(enhanced);
	json_array_foreach(json_object_get(document, "notes"), index,
	    member) {
		if (index == 0)
			(void)printf("\n%s together\n",
			    member_text(document, "asked"));
		put_entry("note", json_string_value(member));
	}
	if (rules == NULL)
		return;
	(void)printf("\n%s\n", json_array_size(rules) > 0 ?
	    "This policy sends it:" : "This policy does not send it.");
	json_array_foreach(rules, index, member)
		put_rule(member);
}
