/*
 * record.h - the log lines of verdicts
 */
#ifndef FLOODGATE_IO_RECORD_H
#define FLOODGATE_IO_RECORD_H

#include "core/policy.h"
#include "io/engine.h"

/*
 * One line per refusal (info), per observed refusal (info) and per accepted
 * recipient (debug): the client's address first, then key=value in one order
 * and spelling, everything from outside escaped.
 */
void record_answer(const struct session *session, const struct event *event,
    const struct answer *answer);

/* The fields of replies and of the log, as text. */
struct field_values {
	const char *at[FIELD_COUNT];
	char client[IP_TEXT_SIZE];
	char used[24], max[24], window[QUANTITY_TEXT_SIZE];
	char retry[QUANTITY_TEXT_SIZE];
};
void field_values_fill(struct field_values *values,
    const struct config *config, const struct session *session,
    const struct event *event, const struct verdict *verdict);

#endif
