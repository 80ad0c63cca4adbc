/*
 * store_redis.h - what tests of the Redis store need beside store.h
 */
#ifndef FLOODGATE_IO_STORE_REDIS_H
#define FLOODGATE_IO_STORE_REDIS_H

#include "io/store.h"

/* charge.lua as it is sent. */
extern const char store_redis_script[];

/* As store_redis_open(), with another script, which has another clock. */
struct store *store_redis_open_with(const struct store_redis_options *options,
    const char *script, char *why, size_t size);

#endif
