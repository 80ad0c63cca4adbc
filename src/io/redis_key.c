/*
 * redis_key.c - what counters are called in Redis
 */
#include "io/redis_key.h"

#include <stdint.h>
#include <string.h>

#include <sys/types.h>
#include <sha2.h>

#include "base/text.h"

#define HASH_DIGITS 32		/* of a subject */
#define FIELD_MODULUS 4294967291u	/* a prime of 32 bits */
#define FIELD_FACTOR 257u
#define FIELD_HASH_OCTETS (sizeof("/~4294967290") - 1)

/* Room between the braces, so that any field can follow. */
static size_t
room_for(const char *prefix)
{
	return REDIS_KEY_OCTETS_MAX - strlen(prefix) - (sizeof("{}") - 1) -
	    FIELD_HASH_OCTETS;
}
_Static_assert(REDIS_PREFIX_OCTETS_MAX + sizeof("{}") - 1 +
    FIELD_HASH_OCTETS + sizeof("~") - 1 + HASH_DIGITS <
    REDIS_KEY_OCTETS_MAX, "something of a subject can be read");

static void
put_cut(struct text *key, const char *subject, size_t length, size_t room)
{
	char hex[SHA256_DIGEST_STRING_LENGTH];

	text_put_n(key, subject, room - 1 - HASH_DIGITS);
	text_put_char(key, '~');
	(void)SHA256Data((const uint8_t *)subject, length, hex);
	text_put_n(key, hex, HASH_DIGITS);
}

static void
put_key(struct text *key, const char *prefix, const char *subject)
{
	size_t length = strlen(subject), room = room_for(prefix);

	text_put(key, prefix);
	text_put_char(key, '{');
	if (length <= room)
		text_put_n(key, subject, length);
	else
		put_cut(key, subject, length, room);
	text_put_char(key, '}');
}

/* In charge.lua numbers are of 53 bits: nothing here is more. */
static int64_t
field_hash(const char *field)
{
	uint64_t hash = 0;

	for (; *field != '\0'; field++)
		hash = (hash * FIELD_FACTOR + (unsigned char)*field) %
		    FIELD_MODULUS;
	return (int64_t)hash;
}

const char *
redis_key(const char *prefix, const char *subject,
    char buffer[REDIS_KEY_SIZE])
{
	struct text key;

	text_init(&key, buffer, REDIS_KEY_SIZE);
	put_key(&key, prefix, subject);
	return buffer;
}

const char *
redis_set_key(const char *prefix, const char *subject, const char *field,
    char buffer[REDIS_KEY_SIZE])
{
	struct text key;

	text_init(&key, buffer, REDIS_KEY_SIZE);
	put_key(&key, prefix, subject);
	text_put_char(&key, '/');
	if (key.length + strlen(field) <= REDIS_KEY_OCTETS_MAX) {
		text_put(&key, field);
		return buffer;
	}
	text_put_char(&key, '~');
	text_put_number(&key, field_hash(field));
	return buffer;
}

const char *
redis_common_key(const char *prefix, const char *name,
    char buffer[REDIS_KEY_SIZE])
{
	struct text key;

	text_init(&key, buffer, REDIS_KEY_SIZE);
	text_put(&key, prefix);
	text_put(&key, name);
	return buffer;
}
