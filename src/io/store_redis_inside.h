/*
 * store_redis_inside.h - the Redis store from inside; only for its own files
 *
 * store_redis.c holds the words and the answers, store_redis_parts.c what
 * becomes of a charge whose subjects are at several nodes of a Cluster,
 * store_redis_check.c what is tried for people who ask how it is.
 */
#ifndef FLOODGATE_IO_STORE_REDIS_INSIDE_H
#define FLOODGATE_IO_STORE_REDIS_INSIDE_H

#include "io/redis_lists.h"
#include "io/redis_route.h"
#include "io/secret.h"
#include "io/store.h"

#include <hiredis/hiredis.h>

struct store_redis {
	struct store store;
	struct redis_route *route;
	char **servers;
	size_t server_count;
	char *user, *prefix, *sentinel, *sentinel_user;
	char password[SECRET_SIZE], sentinel_password[SECRET_SIZE];
	int64_t database;
	bool cluster;
	enum script_kind script;
	struct tls_settings *tls;	/* NULL: none */
	struct redis_lists lists;
	_Atomic int64_t timeout_ms;
};

/* Two subjects with the same number may stand in one question. */
unsigned int redis_place(const struct store_redis *redis,
    const char *subject);

/* Send charges, all at one place; then read what came, NULL: nothing. */
void redis_charge_send(struct store_redis *redis,
    const struct charges *charges, enum store_mode mode,
    struct redis_asked *asked);
void redis_charge_read(struct store_redis *redis,
    const struct charges *charges, const redisReply *reply,
    struct charge_answer *answer);

/* Count, and nobody waits for the answer; at any places. */
void redis_charge_tell(struct store_redis *redis,
    const struct charges *charges);

/* Send refunds, all at one place; at most CHARGES_MAX. */
void redis_refund_tell(struct store_redis *redis,
    const struct refund refunds[], size_t count);

/* As store_check(). */
size_t redis_check(struct store *store, int64_t timeout_ms,
    struct store_complaint complaints[]);

/*
 * The same for charges and refunds at any places; `answer` as of
 * store_charge(), and empty so far.
 */
void redis_charge_parts(struct store_redis *redis,
    const struct charges *charges, enum store_mode mode, int64_t deadline_ms,
    struct charge_answer *answer);
void redis_charge_tell_parts(struct store_redis *redis,
    const struct charges *charges);
void redis_refund_parts(struct store_redis *redis,
    const struct refund refunds[], size_t count);

#endif
