/*
 * record.h - what happened at one command, as a document and as a line
 *
 * A record is a JSON object:
 *
 *	session, time, stage, command	what was played, when
 *	reply				what the SMTP client sees
 *	answer		continue, tempfail, reject, close; mta: the MTA
 *			answered by itself; none: nothing is answered
 *	ref, policy, always_accepted, rule, observed, failed, passed_over,
 *	steps		why; absent where there is nothing to say
 */
#ifndef FLOODGATE_CTL_RECORD_H
#define FLOODGATE_CTL_RECORD_H

#include "core/policy.h"
#include "io/engine.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

json_t *record_new(const char *session, int64_t now_ms, const char *answer);

/* An event, and all that it was judged by. */
struct judged {
	const struct event *event;
	const struct answer *answer;
	const struct trace *trace;
	const struct config *config;
	const struct session *session;	/* as it was when it was judged */
	const struct facts *facts;
	struct conversation *conversation;	/* that was judged */
};
void record_add_event(json_t *record, const struct judged *judged);

/*
 * One line: "COMMAND: REPLY   [policy ..., limit ..., FILE:LINE]"; with
 * `steps` all rules below it.
 */
void record_put(const json_t *record, const char *indent, bool steps);

#endif
