/*
 * page_catalogue.h - the words of the page for senders, in some language
 *
 * English is built in. A catalogue is a file of lines `key = text` in UTF-8;
 * lines that begin with # say nothing. A key that it lacks stays English.
 */
#ifndef FLOODGATE_CTL_PAGE_CATALOGUE_H
#define FLOODGATE_CTL_PAGE_CATALOGUE_H

#include "core/reply.h"
#include "io/conffile.h"

#include <stddef.h>
#include <stdio.h>

enum page_text {
#define PAGE_TEXT(id, key, text) PAGE_TEXT_##id,
#include "floodgatectl/page_text.def"
	PAGE_TEXT_COUNT
};

/* What is said of a reply. */
enum reply_part {
	REPLY_PART_TITLE, REPLY_PART_MEANING, REPLY_PART_ADVICE,
	REPLY_PART_COUNT
};

struct catalogue;

/* English; NULL without memory. */
struct catalogue *catalogue_open(void);
void catalogue_close(struct catalogue **catalogue);

/* Put the words of a file in their place; problems are added. */
void catalogue_read(struct catalogue *catalogue, const char *file,
    struct problems *problems);
/* Keys that the file did not have; *example is one of them, or NULL. */
size_t catalogue_missing(const struct catalogue *catalogue,
    const char **example);

/* All keys with their words, as a file. */
void catalogue_print(const struct catalogue *catalogue, FILE *to);

const char *page_text(const struct catalogue *catalogue, enum page_text id);
const char *page_reply_text(const struct catalogue *catalogue,
    enum reply_id reply, enum reply_part part);
const char *page_field_text(const struct catalogue *catalogue,
    enum field field);

#endif
