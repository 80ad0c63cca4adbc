/*
 * cmd_codes.c - `floodgatectl codes`: what SMTP's codes mean, and which of
 * them this policy sends
 */
#include "floodgatectl/cmd_codes.h"
#include "floodgatectl/ctl.h"
#include "floodgatectl/output.h"
#include "floodgatectl/page.h"

#include "base/names.h"
#include "base/text.h"
#include "io/conffile.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define CATALOGUE_DIRECTORY PKGDATADIR "/lang"

static const char *const order_names[] = { "number", "command", "group" };
#define ORDERS (sizeof(order_names) / sizeof(order_names[0]))

/* Everything that was given; NULL: not given. */
struct request {
	const char *config_file;
	const char *by, *form;
	const char *language, *catalogue_file;
	struct page_options page;
	struct codes_asked asked;
	bool has_asked, words;
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "by", required_argument, NULL, 'b' },
	{ "page", required_argument, NULL, 'p' },
	{ "contact", required_argument, NULL, 'o' },
	{ "figures", no_argument, NULL, 'f' },
	{ "lang", required_argument, NULL, 'l' },
	{ "catalogue", required_argument, NULL, 'a' },
	{ "words", no_argument, NULL, 'w' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

/* Where an option with an argument is kept; NULL for the others. */
static const char **
member_of(struct request *request, int option)
{
	switch (option) {
	case 'c': return &request->config_file;
	case 'b': return &request->by;
	case 'p': return &request->form;
	case 'o': return &request->page.contact;
	case 'l': return &request->language;
	case 'a': return &request->catalogue_file;
	default: return NULL;
	}
}

static int
take_words(struct request *request, int count, char *arguments[])
{
	for (; optind < count; optind++) {
		request->has_asked = true;
		if (!codes_ask(&request->asked, arguments[optind]))
			return ctl_usage_error("codes: %s: expected a code "
			    "such as 550, 5.4.6 or both",
			    arguments[optind]);
	}
	return EX_OK;
}

/* -1: help was asked for, and given. */
static int
take_options(struct request *request, struct ctl *ctl, int count,
    char *arguments[])
{
	char *about[] = { arguments[0], arguments[0], NULL };
	int option;

	optind = 0;	/* start anew, the kind of order included */
	while ((option = getopt_long(count, arguments, "c:j", options,
	    NULL)) != -1) {
		const char **member = member_of(request, option);

		if (option == 'h')
			return cmd_help(ctl, 2, about) == EX_OK ? -1 :
			    EX_USAGE;
		if (option == '?')
			return EX_USAGE;
		if (member != NULL)
			*member = optarg;
		if (option == 'j')
			ctl->json = true;
		if (option == 'f')
			request->page.figures = true;
		if (option == 'w')
			request->words = true;
	}
	return take_words(request, count, arguments);
}

/* One of a set of names, or -1 with the error said. */
static int
take_name(const char *option, const char *name, const char *const names[],
    size_t count)
{
	int found = names_find(names, count, name);
	char all[80];
	struct text text;

	if (found >= 0)
		return found;
	TEXT_INIT(&text, all);
	for (size_t i = 0; i < count; i++) {
		text_put(&text, i > 0 ? ", " : "");
		text_put(&text, names[i]);
	}
	(void)ctl_usage_error("codes: %s %s: expected one of %s", option,
	    name, all);
	return -1;
}

/* --- the reference */

static int
put_reference(const struct request *request, const struct ctl *ctl)
{
	int order = request->by == NULL ? CODES_BY_NUMBER :
	    take_name("--by", request->by, order_names, ORDERS);
	json_t *document;

	if (order < 0)
		return EX_USAGE;
	document = codes_list((enum codes_order)order);
	if (ctl->json)
		put_document(document);
	else
		codes_put_list(document, (enum codes_order)order);
	json_decref(document);
	return EX_OK;
}

static int
explain(const struct request *request, const struct ctl *ctl)
{
	struct config *config = NULL;
	int exit_code = EX_OK;
	json_t *document;

	if (request->config_file != NULL) {
		config = ctl_read_config(ctl, request->config_file,
		    &exit_code);
		if (config == NULL)
			return exit_code;
	}
	document = codes_explain(&request->asked, config);
	exit_code = put_error(document, ctl->json);
	if (exit_code < 0) {
		exit_code = EX_OK;
		if (ctl->json)
			put_document(document);
		else
			codes_put_explained(document);
	}
	json_decref(document);
	config_close(&config);
	return exit_code;
}

/* --- the page */

/* False after what is wrong with the file was said. */
static bool
read_catalogue(struct catalogue *catalogue, const char *file)
{
	struct problems problems;
	const char *example;
	size_t missing;
	bool is_good;

	problems_init(&problems);
	catalogue_read(catalogue, file, &problems);
	problems_print(&problems, stderr);
	is_good = problems.count == 0;
	problems_clear(&problems);
	missing = catalogue_missing(catalogue, &example);
	if (is_good && missing > 0)
		(void)fprintf(stderr, "floodgatectl: %s lacks %zu texts, "
		    "such as %s: they stay English\n", file, missing,
		    example);
	return is_good;
}

/* A language is a name, not a path. */
static bool
is_language(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strlen(name) <= 35 &&
	    strpbrk(name, "/ ") == NULL;
}

/* NULL with *exit_code set. */
static struct catalogue *
open_catalogue(const struct request *request, int *exit_code)
{
	struct catalogue *catalogue;
	char path[512];
	struct text text;

	TEXT_INIT(&text, path);
	if (request->catalogue_file != NULL)
		text_put(&text, request->catalogue_file);
	else if (request->language != NULL &&
	    strcmp(request->language, "en") != 0) {
		if (!is_language(request->language)) {
			*exit_code = ctl_usage_error("codes: --lang %s: "
			    "expected a language such as de",
			    request->language);
			return NULL;
		}
		text_printf(&text, "%s/%s", CATALOGUE_DIRECTORY,
		    request->language);
	}
	catalogue = catalogue_open();
	if (catalogue == NULL)
		*exit_code = EX_OSERR;
	else if (text.length > 0 && !read_catalogue(catalogue, path)) {
		catalogue_close(&catalogue);
		*exit_code = EX_DATAERR;
	}
	return catalogue;
}

static bool
is_printable_line(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static void
put_page(const json_t *page, int form)
{
	switch ((enum page_form)form) {
	case PAGE_HTML:
		page_put_html(page, stdout);
		break;
	case PAGE_MARKDOWN:
		page_put_markdown(page, stdout);
		break;
	case PAGE_JSON:
	case PAGE_FORM_COUNT:
		put_document(page);
		break;
	}
}

static int
write_page(const struct request *request, const struct ctl *ctl)
{
	int form = take_name("--page", request->form, page_form_names,
	    PAGE_FORM_COUNT), exit_code = EX_OK;
	struct catalogue *catalogue;
	struct config *config;
	json_t *page;

	if (form < 0)
		return EX_USAGE;
	if (request->config_file == NULL)
		return ctl_usage_error("codes: --page needs -c FILE");
	if (request->page.contact != NULL &&
	    !is_printable_line(request->page.contact))
		return ctl_usage_error("codes: --contact: expected one "
		    "line");
	catalogue = open_catalogue(request, &exit_code);
	if (catalogue == NULL)
		return exit_code;
	config = ctl_read_config(ctl, request->config_file, &exit_code);
	if (config != NULL) {
		page = page_document(config, catalogue, &request->page);
		put_page(page, form);
		json_decref(page);
	}
	config_close(&config);
	catalogue_close(&catalogue);
	return exit_code;
}

static int
put_words(const struct request *request)
{
	int exit_code = EX_OK;
	struct catalogue *catalogue = open_catalogue(request, &exit_code);

	if (catalogue != NULL)
		catalogue_print(catalogue, stdout);
	catalogue_close(&catalogue);
	return exit_code;
}

int
cmd_codes(struct ctl *ctl, int count, char *arguments[])
{
	struct request request = { .config_file = NULL };
	int exit_code = take_options(&request, ctl, count, arguments);
	int asked = request.has_asked + (request.by != NULL) +
	    (request.form != NULL) + request.words;

	if (exit_code != EX_OK)
		return exit_code < 0 ? EX_OK : exit_code;
	if (asked > 1)
		return ctl_usage_error("codes: expected a code, --by, --page "
		    "or --words, not several of them");
	if (request.has_asked)
		return explain(&request, ctl);
	if (request.words)
		return put_words(&request);
	return request.form != NULL ? write_page(&request, ctl) :
	    put_reference(&request, ctl);
}
