/*
 * utc.h - points in time as people and programs read them: ISO 8601, UTC
 */
#ifndef FLOODGATE_IO_UTC_H
#define FLOODGATE_IO_UTC_H

#include <stdbool.h>
#include <stdint.h>

#define UTC_TEXT_SIZE 32

/* "2026-01-01T00:00:00Z", to the second below, into buffer[UTC_TEXT_SIZE]. */
const char *utc_format(int64_t ms, char *buffer);

/*
 * "2026-01-01T00:00:00Z", or with three digits of milliseconds before the
 * 'Z': into ms since 1970. Years 1970..9999.
 */
bool utc_parse(const char *string, int64_t *ms);

#endif
