/*
 * list_fact.h - what is asked of lists that are kept elsewhere
 *
 * As with DNS (dns_fact.h): whoever looks something up asks as if every
 * answer were there. What is not is noted as wanted, the engine fetches all
 * that is wanted at once, and the question is put again. What cannot be had
 * is noted, too: what a rule makes of it is the business of policy.c. Pure;
 * what a question points to lives as long as the event.
 */
#ifndef FLOODGATE_CORE_LIST_FACT_H
#define FLOODGATE_CORE_LIST_FACT_H

#include "base/ip.h"
#include "core/spelling.h"

#include <stdbool.h>
#include <stddef.h>

/* A set or hash in Redis; one struct of each, so that pointers compare. */
struct list_source {
	const char *key;
	const char *title;	/* "list banned", for the log */
	bool is_map;		/* a hash */
};

enum list_kind {
	LIST_KIND_IP, LIST_KIND_DOMAIN, LIST_KIND_USER, LIST_KIND_PATH,
	LIST_KIND_MAILBOX	/* a path, without entries of bare domains */
};

struct list_question {
	const struct list_source *source;
	enum list_kind kind;
	struct ip ip;			/* KIND_IP */
	const char *text;		/* KIND_DOMAIN, KIND_USER */
	const struct path *path;	/* KIND_PATH, KIND_MAILBOX */
};

enum list_status {
	LIST_WANTED,	/* not asked yet */
	LIST_FOUND,
	LIST_NONE,
	LIST_FAILED	/* nobody can tell now */
};

struct list_answer {
	enum list_status status;
	bool is_old;		/* the last known one: the source is away */
	const char *value;	/* of a map, when FOUND; else NULL */
};

/* How sure the answer is that was made of several questions. */
struct list_doubt {
	bool is_missing;	/* an answer is wanted */
	bool has_failed;	/* one cannot be had */
	bool is_old;		/* one is the last known */
	const struct list_question *about;	/* the first failed or old one */
};

/* All questions of one event, each once. */
#define LIST_FACTS_MAX 128
struct list_facts {
	struct list_question questions[LIST_FACTS_MAX];
	struct list_answer answers[LIST_FACTS_MAX];
	size_t count;
	struct list_doubt doubt;	/* since it was last cleared */
};

void list_facts_init(struct list_facts *facts);

/*
 * FOUND or NONE; NULL when it is wanted or has failed. Notes what is in
 * doubt.
 */
const struct list_answer *list_ask(struct list_facts *facts,
    const struct list_question *question);

/* Nothing has been in doubt so far. */
void list_doubt_clear(struct list_doubt *doubt);
/* What is in doubt in either. */
void list_doubt_add(struct list_doubt *doubt, const struct list_doubt *more);
/* Failed, or old: what was found out rests on no fresh answer. */
bool list_doubt_is_trouble(const struct list_doubt *doubt);

/* What was looked up, printable, for replies: an address, name or mailbox. */
void list_question_put(const struct list_question *question, char *buffer,
    size_t size);

/* All entries that the question asks for, most specific first. */
bool list_question_spell(const struct list_question *question,
    const struct folding *folding, spelling_taker *take, void *context);

#endif
