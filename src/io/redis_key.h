/*
 * redis_key.h - what counters are called in Redis
 *
 * "PREFIX{SUBJECT}" is a subject's hash, "PREFIX{SUBJECT}/FIELD" the sorted
 * set of one of its counters: all of a subject has one hash tag, and so one
 * place on a Cluster. No key is longer than REDIS_KEY_OCTETS_MAX: of a
 * subject that is too long there is the beginning, '~', and 128 bits of its
 * SHA-256; of a field '~' and a small hash, which will do as nobody but the
 * configuration names fields. charge.lua makes the second kind, too.
 *
 * Two subjects of core/charge.h never share a key: there, only one that is
 * much longer than fits here holds a '~'.
 */
#ifndef FLOODGATE_IO_REDIS_KEY_H
#define FLOODGATE_IO_REDIS_KEY_H

#define REDIS_KEY_OCTETS_MAX 100	/* the same in charge.lua */
#define REDIS_KEY_SIZE (REDIS_KEY_OCTETS_MAX + 1)
#define REDIS_PREFIX_OCTETS_MAX 40	/* without a brace */

/* All return the buffer. */
const char *redis_key(const char *prefix, const char *subject,
    char buffer[REDIS_KEY_SIZE]);
const char *redis_set_key(const char *prefix, const char *subject,
    const char *field, char buffer[REDIS_KEY_SIZE]);
/* Of all subjects together; the name is short, and of this program. */
const char *redis_common_key(const char *prefix, const char *name,
    char buffer[REDIS_KEY_SIZE]);

#endif
