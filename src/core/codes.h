/*
 * codes.h - the codes of SMTP: what the standards say, and what is done
 *
 * Tables: verb.def, basic_code.def, enhanced_code.def, reply_help.def. Facts
 * for people; nothing here decides about mail.
 */
#ifndef FLOODGATE_CORE_CODES_H
#define FLOODGATE_CORE_CODES_H

#include "core/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a reply answers; masks have the bit VERB_BIT(). */
enum verb {
#define VERB(name, title, defined) VERB_##name,
#include "core/verb.def"
	VERB_COUNT
};
#define VERB_BIT(verb) (UINT32_C(1) << (verb))

const char *verb_title(enum verb verb);		/* "end of data" */
const char *verb_defined(enum verb verb);	/* "RFC 5321" */

/*
 * The step of the conversation at which a refusal of this stage is read by
 * the client: headers are judged with the content. VERB_COUNT for any.
 */
enum verb verb_of_stage(enum stage stage);

struct basic_code {
	uint16_t code;
	const char *title;
	uint32_t listed;	/* VERB_BITs, by RFC 5321 4.3.2 */
	uint32_t others;	/* by extensions, and by RFC 821 */
	const char *defined;	/* "" by no standard */
	const char *standard;
	const char *practice;
};

size_t basic_code_count(void);
const struct basic_code *basic_code_at(size_t i);	/* ascending */
const struct basic_code *basic_code_find(unsigned int code);	/* or NULL */

/* What a refusal is about. */
enum fits {
	FITS_CLIENT = 1 << 0,
	FITS_HELO = 1 << 1,
	FITS_LOGIN = 1 << 2,
	FITS_SENDER = 1 << 3,
	FITS_RECIPIENT = 1 << 4,
	FITS_MAILBOX = 1 << 5,	/* its room */
	FITS_COUNT = 1 << 6,	/* recipients of one message */
	FITS_LIMIT = 1 << 7,	/* a rate or quota */
	FITS_SIZE = 1 << 8,
	FITS_LOOP = 1 << 9,
	FITS_CONTENT = 1 << 10,
	FITS_LOOKUP = 1 << 11,
	FITS_TROUBLE = 1 << 12,	/* our own */
	FITS_ANY = (1 << 13) - 1
};

struct enhanced_code {
	uint16_t subject, detail;
	const char *title;
	const char *reference;	/* "" when the registry lacks it */
	const char *basics;	/* "451,550", "any", "4xx,5xx"; "" none */
	const char *classes;	/* "245", "5" */
	unsigned int fits;	/* of enum fits */
	const char *meaning;
	const char *practice;
};

size_t enhanced_code_count(void);
/* By subject and detail, those that are not registered last. */
const struct enhanced_code *enhanced_code_at(size_t i);
const struct enhanced_code *enhanced_code_find(unsigned int subject,
    unsigned int detail);	/* or NULL */
bool enhanced_code_is_registered(const struct enhanced_code *code);
/* Does the registry list this basic code with it? */
bool enhanced_code_lists(const struct enhanced_code *code,
    unsigned int basic);
/*
 * May it be of this class (2, 4, 5)? Where the description says no, but a
 * basic code of the class is listed, the registry contradicts itself: yes.
 */
bool enhanced_code_may_be(const struct enhanced_code *code,
    unsigned int class);

/* "x5z: mail system", by the second digit of a basic code. */
const char *basic_group_title(unsigned int second_digit);
/* "Addressing", by the subject of an enhanced code; NULL for others. */
const char *enhanced_subject_title(unsigned int subject);

/* What has to happen before a refused message can pass. */
enum retry {
	RETRY_FIX,	/* the sender's side changes something */
	RETRY_DENIED,	/* our side changes something */
	RETRY_LIMIT,	/* time goes by */
	RETRY_SPLIT,	/* what is left goes in another message */
	RETRY_TROUBLE,	/* our side comes to itself */
	RETRY_COUNT
};

/* A row of reply.def, explained to senders. */
struct reply_help {
	unsigned int fits;	/* of enum fits */
	enum retry retry;
	const char *title;
	const char *meaning;
	const char *advice;
};

const struct reply_help *reply_help_of(enum reply_id id);

#endif
