/*
 * engine.h - from an event to an answer
 *
 * Holds the running configuration and the store; carries a conversation
 * (one SMTP session) from event to event. Thread-safe; one conversation is
 * used by one thread at a time, as libmilter does.
 */
#ifndef FLOODGATE_IO_ENGINE_H
#define FLOODGATE_IO_ENGINE_H

#include "core/policy.h"
#include "io/dns.h"
#include "io/list_lookup.h"
#include "io/store.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct conversation;

enum answer_kind {
	ANSWER_CONTINUE,
	ANSWER_TEMPFAIL,	/* 4yz */
	ANSWER_REJECT,		/* 5yz */
	ANSWER_CLOSE		/* 421: the MTA hangs up */
};

struct answer {
	enum answer_kind kind;
	struct reply_sent reply;	/* unless CONTINUE */
	char ref[REPLY_REF_SIZE];	/* its reference, or "" */
	struct verdict verdict;		/* points into the configuration that
					 * the conversation holds */
};

/*
 * Takes over the configuration; the store is borrowed. `seed` starts the
 * references in replies: random for a daemon, fixed for a scenario.
 */
struct engine *engine_open(struct config *config, struct store *store,
    uint64_t seed);
/*
 * Where DNS is asked, borrowed; without, every lookup fails. Before the
 * first conversation.
 */
void engine_use_dns(struct engine *engine, struct dns *dns);
/* Where it is asked; NULL: nowhere. */
struct dns *engine_dns(const struct engine *engine);
/* Open conversations end as if their connections had closed. */
void engine_close(struct engine **engine, int64_t now_ms);

/*
 * From now on new connections, and new messages of open ones where the MTA
 * sends what the new rules need, are judged by this configuration, which is
 * taken over. The old one ends with its last conversation.
 */
void engine_reload(struct engine *engine, struct config *config);

/* The running configuration; give it back with config_unhold(). */
const struct config *engine_hold_config(struct engine *engine);
void engine_unhold_config(struct engine *engine, const struct config *config);

struct conversation *conversation_open(struct engine *engine);
/* Ends an open message as an abort does. NULL is fine. */
void conversation_close(struct conversation **conversation, int64_t now_ms);

/* The configuration that this conversation is judged by. */
const struct config *conversation_config(const struct conversation *c);
const struct session *conversation_session(const struct conversation *c);
/* Watch what each rule says; NULL to stop. Borrowed. */
void conversation_trace(struct conversation *c, struct trace *trace);
/* The charges of the event last judged, for whoever traces. */
const struct facts *conversation_facts(const struct conversation *c);

/* What else is wanted of lists in Redis, for whoever traces. */
void conversation_ask_lists(struct conversation *c,
    struct list_lookup *lookup, int64_t now_ms);

/* One event, one round. */
void engine_event(struct conversation *c, struct event *event,
    struct answer *answer);

/* A header field arrived; of its value so many octets are looked at. */
#define HEADER_VALUE_MAX 4096
void conversation_header(struct conversation *c, const char *name,
    const char *value);

/* Header or body octets arrived. */
void conversation_received(struct conversation *c, int64_t octets);

/* The message was given up (RSET, disconnect, refused later by the MTA). */
void conversation_abort(struct conversation *c, int64_t now_ms);

#endif
