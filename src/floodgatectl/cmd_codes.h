/*
 * cmd_codes.h - the parts of `floodgatectl codes`
 */
#ifndef FLOODGATE_CTL_CMD_CODES_H
#define FLOODGATE_CTL_CMD_CODES_H

#include "core/config.h"

#include <jansson.h>
#include <stdbool.h>

enum codes_order { CODES_BY_NUMBER, CODES_BY_COMMAND, CODES_BY_GROUP };

/* The reference as a document, and printed. */
json_t *codes_list(enum codes_order order);
void codes_put_list(const json_t *document, enum codes_order order);

/* What was asked about: "550", "5.4.6", or both. */
struct codes_asked {
	unsigned int basic;	/* 0: not given */
	bool has_enhanced;
	unsigned int class, subject, detail;
};

/* False when it is neither. Several words add up. */
bool codes_ask(struct codes_asked *asked, const char *word);

/*
 * All that is known of it, with the rules of `config`, which may be NULL. An
 * error document when no such code is known.
 */
json_t *codes_explain(const struct codes_asked *asked,
    const struct config *config);
void codes_put_explained(const json_t *document);

#endif
