/*
 * page_html.c - the page as HTML: plain, for every screen, reader and printer
 *
 * One file without script, picture or anything fetched from elsewhere.
 */
#include "floodgatectl/output.h"
#include "floodgatectl/page.h"

#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--line:#c8ccd2;--soft:#f3f4f6;"
    "--ink:#1b1d21;--paper:#fff;--link:#0b57b0;--warm:#8a3b00;"
    "--calm:#1c5f2f}\n"
    "@media (prefers-color-scheme:dark){:root{--line:#4a4f57;"
    "--soft:#23262b;--ink:#e8eaed;--paper:#16181c;--link:#8ab8ff;"
    "--warm:#ffb37a;--calm:#8fd6a4}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:46rem;padding:1rem 1rem 3rem;"
    "font:1.0625rem/1.55 system-ui,sans-serif;color:var(--ink);"
    "background:var(--paper);overflow-wrap:break-word}\n"
    "h1{font-size:1.8rem;line-height:1.2}\n"
    "h2{font-size:1.35rem;margin-top:2.5rem}\n"
    "h3{font-size:1.1rem;margin:0 0 .5rem}\n"
    "a{color:var(--link)}\n"
    "code{font-family:ui-monospace,monospace;font-size:.95em}\n"
    "var{font-style:italic;opacity:.85}\n"
    ".line{display:block;padding:.6rem .8rem;border-radius:.4rem;"
    "background:var(--soft);overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;vertical-align:top;padding:.4rem .6rem .4rem 0;"
    "border-bottom:1px solid var(--line)}\n"
    "td code,th code{white-space:nowrap}\n"
    "tbody th{font-weight:normal}\n"
    "@media (max-width:32rem){td code,th code{white-space:normal}"
    "table{font-size:.95em}}\n"
    "article{margin:1.5rem 0;padding:1rem;border:1px solid var(--line);"
    "border-radius:.5rem}\n"
    "article:target{border-color:var(--link)}\n"
    "dt{font-weight:600;margin-top:.7rem}\n"
    "dd{margin:0}\n"
    ".permanent{color:var(--warm)}\n"
    ".temporary{color:var(--calm)}\n"
    "@media print{body{max-width:none;padding:0;font-size:10pt}"
    "h2{break-after:avoid;margin-top:1.5rem}"
    "article{break-inside:avoid;margin:.7rem 0;padding:.5rem .8rem}"
    "dt{margin-top:.3rem}p{margin:.4rem 0}"
    "a{color:inherit;text-decoration:none}}\n";

/* Text of an element or an attribute. */
static void
put_escaped(const char *text, FILE *to)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			(void)fputs("&amp;", to);
			break;
		case '<':
			(void)fputs("&lt;", to);
			break;
		case '>':
			(void)fputs("&gt;", to);
			break;
		case '"':
			(void)fputs("&quot;", to);
			break;
		default:
			(void)fputc(*text, to);
			break;
		}
	}
}

/* <tag>text</tag>, and a line's end. */
static void
put_element(const char *tag, const char *text, FILE *to)
{
	(void)fprintf(to, "<%s>", tag);
	put_escaped(text, to);
	(void)fprintf(to, "</%s>\n", tag);
}

static const char *
word(const json_t *page, const char *key)
{
	return member_text(json_object_get(page, "words"), key);
}

static void
put_head(const json_t *page, FILE *to)
{
	(void)fputs("<!DOCTYPE html>\n<html lang=\"", to);
	put_escaped(word(page, "language"), to);
	(void)fputs("\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, "
	    "initial-scale=1\">\n", to);
	put_element("title", word(page, "title"), to);
	(void)fprintf(to, "<style>\n%s</style>\n</head>\n<body>\n", style);
}

static void
put_reading(const json_t *page, FILE *to)
{
	static const char *const points[] = {
		"read.temporary", "read.permanent", "read.enhanced"
	};

	(void)fputs("<section>\n", to);
	put_element("h2", word(page, "read.title"), to);
	put_element("p", word(page, "read.intro"), to);
	(void)fputs("<p><code class=\"line\">", to);
	put_escaped(word(page, "read.example"), to);
	(void)fputs("</code></p>\n<ul>\n", to);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		put_element("li", word(page, points[i]), to);
	(void)fputs("</ul>\n", to);
	put_element("h3", word(page, "reference.title"), to);
	put_element("p", word(page, "reference.text"), to);
	(void)fputs("</section>\n", to);
}

static void
put_codes(const json_t *refusal, FILE *to)
{
	(void)fprintf(to, "<code>%lld %s</code>",
	    (long long)member_number(refusal, "code"),
	    member_text(refusal, "enhanced"));
}

static void
put_kind(const json_t *page, const json_t *refusal, FILE *to)
{
	const char *kind = json_is_true(json_object_get(refusal,
	    "permanent")) ? "permanent" : "temporary";

	(void)fprintf(to, "<span class=\"%s\">", kind);
	put_escaped(word(page, kind), to);
	(void)fputs("</span>", to);
}

static void
put_overview(const json_t *page, FILE *to)
{
	static const char *const heads[] = {
		"list.code", "list.meaning", "list.kind"
	};
	size_t index;
	json_t *refusal;

	(void)fputs("<section>\n", to);
	put_element("h2", word(page, "list.title"), to);
	(void)fputs("<table>\n<thead>\n<tr>", to);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		(void)fputs("<th scope=\"col\">", to);
		put_escaped(word(page, heads[i]), to);
		(void)fputs("</th>", to);
	}
	(void)fputs("</tr>\n</thead>\n<tbody>\n", to);
	json_array_foreach(json_object_get(page, "refusals"), index,
	    refusal) {
		(void)fputs("<tr><th scope=\"row\">", to);
		put_codes(refusal, to);
		(void)fputs("</th><td><a href=\"#", to);
		put_escaped(member_text(refusal, "id"), to);
		(void)fputs("\">", to);
		put_escaped(member_text(refusal, "title"), to);
		(void)fputs("</a></td><td>", to);
		put_kind(page, refusal, to);
		(void)fputs("</td></tr>\n", to);
	}
	(void)fputs("</tbody>\n</table>\n</section>\n", to);
}

/* The usual texts are English, what is filled in is in the page's language. */
static void
put_language(const json_t *page, const json_t *refusal, const char *language,
    FILE *to)
{
	if (!json_is_true(json_object_get(refusal, "usual")) ||
	    strcmp(word(page, "language"), "en") == 0)
		return;
	(void)fputs(" lang=\"", to);
	put_escaped(language, to);
	(void)fputc('"', to);
}

static void
put_line(const json_t *page, const json_t *refusal, FILE *to)
{
	size_t index;
	json_t *part;

	(void)fputs("<p><code class=\"line\"", to);
	put_language(page, refusal, "en", to);
	(void)fprintf(to, ">%lld %s ",
	    (long long)member_number(refusal, "code"),
	    member_text(refusal, "enhanced"));
	json_array_foreach(json_object_get(refusal, "parts"), index, part) {
		if (json_object_get(part, "field") == NULL) {
			put_escaped(member_text(part, "text"), to);
			continue;
		}
		(void)fputs("<var", to);
		put_language(page, refusal, word(page, "language"), to);
		(void)fputc('>', to);
		put_escaped(member_text(part, "field"), to);
		(void)fputs("</var>", to);
	}
	(void)fputs("</code></p>\n", to);
}

static void
put_point(const json_t *page, const char *label, const char *text, FILE *to)
{
	put_element("dt", word(page, label), to);
	put_element("dd", text, to);
}

static void
put_refusal(const json_t *page, const json_t *refusal, FILE *to)
{
	const json_t *figures = json_object_get(refusal, "figures");
	size_t index;
	json_t *figure;

	(void)fputs("<article id=\"", to);
	put_escaped(member_text(refusal, "id"), to);
	(void)fputs("\">\n<h3>", to);
	put_escaped(member_text(refusal, "title"), to);
	(void)fputs("</h3>\n<p>", to);
	put_codes(refusal, to);
	(void)fputs(", ", to);
	put_kind(page, refusal, to);
	(void)fputs("</p>\n", to);
	put_line(page, refusal, to);
	(void)fputs("<dl>\n", to);
	put_point(page, "detail.meaning", member_text(refusal, "meaning"),
	    to);
	json_array_foreach(figures, index, figure) {
		if (index == 0)
			put_element("dt", word(page, "detail.allowed"), to);
		put_element("dd", json_string_value(figure), to);
	}
	put_point(page, "detail.advice", member_text(refusal, "advice"), to);
	put_point(page, "detail.retry", member_text(refusal, "retry"), to);
	(void)fputs("</dl>\n</article>\n", to);
}

static void
put_contact(const json_t *page, FILE *to)
{
	const char *contact = member_text(page, "contact");
	const char *link = page_link_of(contact);

	(void)fputs("<section>\n", to);
	put_element("h2", word(page, "contact.title"), to);
	put_element("p", word(page, "contact.text"), to);
	if (contact[0] == '\0')
		put_element("p", word(page, "contact.postmaster"), to);
	else if (link == NULL)
		put_element("p", contact, to);
	else {
		(void)fprintf(to, "<p><a href=\"%s", link);
		put_escaped(contact, to);
		(void)fputs("\">", to);
		put_escaped(contact, to);
		(void)fputs("</a></p>\n", to);
	}
	(void)fputs("</section>\n", to);
}

void
page_put_html(const json_t *page, FILE *to)
{
	size_t index;
	json_t *refusal;

	put_head(page, to);
	(void)fputs("<header>\n", to);
	put_element("h1", word(page, "title"), to);
	if (word(page, "host")[0] != '\0')
		put_element("p", word(page, "host"), to);
	put_element("p", word(page, "intro"), to);
	(void)fputs("</header>\n<main>\n", to);
	put_reading(page, to);
	put_overview(page, to);
	(void)fputs("<section>\n", to);
	put_element("h2", word(page, "detail.title"), to);
	json_array_foreach(json_object_get(page, "refusals"), index, refusal)
		put_refusal(page, refusal, to);
	(void)fputs("</section>\n", to);
	put_contact(page, to);
	(void)fputs("</main>\n</body>\n</html>\n", to);
}
