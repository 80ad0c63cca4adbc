/*
 * check.c - the tables of checks and limits
 */
#include "core/check.h"

#include <assert.h>
#include <string.h>

static const struct check_row check_rows[CHECK_COUNT] = {
#define CHECK(name, stage, cost, facts, steps, takes, must, help)	\
	{ #name, stage, cost, facts, steps, takes, must, REPLY_##name,	\
	    check_##name, help },
#include "core/check.def"
};

static const struct limit_row limit_rows[LIMIT_COUNT] = {
#define LIMIT(name, per, count, help) \
	{ #name, per, count, REPLY_##name, help },
#include "core/limit.def"
};

const struct check_row *
check_of(enum check_id id)
{
	assert(id < CHECK_COUNT);
	return &check_rows[id];
}

const struct check_row *
check_find(const char *name)
{
	for (size_t i = 0; i < CHECK_COUNT; i++)
		if (strcmp(check_rows[i].name, name) == 0)
			return &check_rows[i];
	return NULL;
}

const struct limit_row *
limit_of(enum limit_id id)
{
	assert(id < LIMIT_COUNT);
	return &limit_rows[id];
}

const struct limit_row *
limit_find(const char *name)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		if (strcmp(limit_rows[i].name, name) == 0)
			return &limit_rows[i];
	return NULL;
}

/*
 * The row that counts the same, or does so by one of the same keys; else
 * what fits any client, since every session has one. Octets may be refused
 * at the end of data, where no text can name a recipient.
 */
enum reply_id
limit_default_reply(const struct keys *per, enum count count)
{
	if (count < COUNT_COUNT && count_row(count)->reply != REPLY_COUNT)
		return count_row(count)->reply;
	return keys_reply(per, count == COUNT_messages ?
	    REPLY_rate_client_messages : REPLY_rate_client_recipients);
}
