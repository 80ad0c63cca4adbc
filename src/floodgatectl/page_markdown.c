/*
 * page_markdown.c - the page as Markdown, for wikis and site generators
 */
#include "floodgatectl/output.h"
#include "floodgatectl/page.h"

#include <string.h>

/* Characters that mean something in running text (CommonMark 2.4). */
static void
put_escaped(const char *text, FILE *to)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\`*_{}[]<>#|~&", *text) != NULL)
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
}

static const char *
word(const json_t *page, const char *key)
{
	return member_text(json_object_get(page, "words"), key);
}

static void
put_paragraph(const char *before, const char *text, FILE *to)
{
	(void)fputs(before, to);
	put_escaped(text, to);
	(void)fputs("\n\n", to);
}

static void
put_labelled(const char *label, const char *text, FILE *to)
{
	(void)fputs("**", to);
	put_escaped(label, to);
	(void)fputs(":** ", to);
	put_escaped(text, to);
	(void)fputs("\n\n", to);
}

static const char *
kind_of(const json_t *page, const json_t *refusal)
{
	return word(page, json_is_true(json_object_get(refusal,
	    "permanent")) ? "permanent" : "temporary");
}

static void
put_reading(const json_t *page, FILE *to)
{
	put_paragraph("## ", word(page, "read.title"), to);
	put_paragraph("", word(page, "read.intro"), to);
	(void)fprintf(to, "    %s\n\n", word(page, "read.example"));
	(void)fputs("- ", to);
	put_escaped(word(page, "read.temporary"), to);
	(void)fputs("\n- ", to);
	put_escaped(word(page, "read.permanent"), to);
	put_paragraph("\n- ", word(page, "read.enhanced"), to);
	put_paragraph("### ", word(page, "reference.title"), to);
	put_paragraph("", word(page, "reference.text"), to);
}

static void
put_overview(const json_t *page, FILE *to)
{
	size_t index;
	json_t *refusal;

	put_paragraph("## ", word(page, "list.title"), to);
	(void)fputs("| ", to);
	put_escaped(word(page, "list.code"), to);
	(void)fputs(" | ", to);
	put_escaped(word(page, "list.meaning"), to);
	(void)fputs(" | ", to);
	put_escaped(word(page, "list.kind"), to);
	(void)fputs(" |\n| --- | --- | --- |\n", to);
	json_array_foreach(json_object_get(page, "refusals"), index,
	    refusal) {
		(void)fprintf(to, "| %lld %s | ",
		    (long long)member_number(refusal, "code"),
		    member_text(refusal, "enhanced"));
		put_escaped(member_text(refusal, "title"), to);
		(void)fputs(" | ", to);
		put_escaped(kind_of(page, refusal), to);
		(void)fputs(" |\n", to);
	}
	(void)fputc('\n', to);
}

/* Within a block of code nothing is escaped; fields stand in brackets. */
static void
put_line(const json_t *refusal, FILE *to)
{
	size_t index;
	json_t *part;

	(void)fprintf(to, "    %lld %s ",
	    (long long)member_number(refusal, "code"),
	    member_text(refusal, "enhanced"));
	json_array_foreach(json_object_get(refusal, "parts"), index, part) {
		if (json_object_get(part, "field") != NULL)
			(void)fprintf(to, "(%s)", member_text(part, "field"));
		else
			(void)fputs(member_text(part, "text"), to);
	}
	(void)fputs("\n\n", to);
}

static void
put_refusal(const json_t *page, const json_t *refusal, FILE *to)
{
	size_t index;
	json_t *figure;

	(void)fprintf(to, "### %lld %s: ",
	    (long long)member_number(refusal, "code"),
	    member_text(refusal, "enhanced"));
	put_paragraph("", member_text(refusal, "title"), to);
	put_line(refusal, to);
	put_labelled(word(page, "detail.meaning"),
	    member_text(refusal, "meaning"), to);
	json_array_foreach(json_object_get(refusal, "figures"), index,
	    figure)
		put_labelled(word(page, "detail.allowed"),
		    json_string_value(figure), to);
	put_labelled(word(page, "detail.advice"),
	    member_text(refusal, "advice"), to);
	put_labelled(word(page, "detail.retry"),
	    member_text(refusal, "retry"), to);
}

static void
put_contact(const json_t *page, FILE *to)
{
	const char *contact = member_text(page, "contact");

	put_paragraph("## ", word(page, "contact.title"), to);
	put_paragraph("", word(page, "contact.text"), to);
	if (contact[0] == '\0')
		put_escaped(word(page, "contact.postmaster"), to);
	else if (page_link_of(contact) != NULL)
		(void)fprintf(to, "<%s>", contact);
	else
		put_escaped(contact, to);
	(void)fputc('\n', to);
}

void
page_put_markdown(const json_t *page, FILE *to)
{
	size_t index;
	json_t *refusal;

	put_paragraph("# ", word(page, "title"), to);
	if (word(page, "host")[0] != '\0')
		put_paragraph("", word(page, "host"), to);
	put_paragraph("", word(page, "intro"), to);
	put_reading(page, to);
	put_overview(page, to);
	put_paragraph("## ", word(page, "detail.title"), to);
	json_array_foreach(json_object_get(page, "refusals"), index, refusal)
		put_refusal(page, refusal, to);
	put_contact(page, to);
}
