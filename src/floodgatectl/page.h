/*
 * page.h - the site's own page of refusals, for those whose mail was refused
 *
 * Made from the policy as it stands: the document first, then HTML or
 * Markdown from it. All words come from the catalogue.
 */
#ifndef FLOODGATE_CTL_PAGE_H
#define FLOODGATE_CTL_PAGE_H

#include "core/config.h"
#include "floodgatectl/page_catalogue.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum page_form { PAGE_HTML, PAGE_MARKDOWN, PAGE_JSON, PAGE_FORM_COUNT };
extern const char *const page_form_names[PAGE_FORM_COUNT];

struct page_options {
	const char *contact;	/* an address, a URL, or words; or NULL */
	bool figures;		/* how much each limit allows, too */
};

/*
 * Each refusal that the configuration can send, each once, in the order of
 * its codes, with all words of the page. NULL without memory.
 */
json_t *page_document(const struct config *config,
    const struct catalogue *catalogue, const struct page_options *options);

void page_put_html(const json_t *page, FILE *to);
void page_put_markdown(const json_t *page, FILE *to);

/* What a contact is, to make a link of it: "mailto:", "" or NULL for none. */
const char *page_link_of(const char *contact);

#endif
