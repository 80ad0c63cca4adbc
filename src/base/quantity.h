/*
 * quantity.h - durations, sizes and rates as people write them
 *
 * Every parser fills *why with a static sentence on failure. Every printer
 * writes the shortest text that parses to the same value.
 */
#ifndef FLOODGATE_BASE_QUANTITY_H
#define FLOODGATE_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#define DURATION_MAX_MS (INT64_C(366) * 86400 * 1000)
#define SIZE_MAX_BYTES (INT64_C(1) << 50)
#define RATE_MAX INT64_C(1000000000)	/* fits the store's counters */
#define QUANTITY_TEXT_SIZE 40

/* "90s", "15m", "1h", "30d", "2w", "250ms"; a unit is needed, 0 is not. */
bool duration_parse(const char *string, int64_t *ms, const char **why);
const char *duration_format(int64_t ms, char *buffer);

/* "10M", "512k", "1G", "4096": powers of 1024. */
bool size_parse(const char *string, int64_t *bytes, const char **why);
const char *size_format(int64_t bytes, char *buffer);

/* "100/1h": at most 100 in any span of one hour. "10M/1d" counts bytes. */
struct rate {
	int64_t max;		/* 0..RATE_MAX, or bytes up to SIZE_MAX_BYTES */
	int64_t window_ms;	/* 1000..DURATION_MAX_MS; 0: no window ("20") */
};
bool rate_parse(const char *string, bool bytes, struct rate *rate,
    const char **why);
const char *rate_format(const struct rate *rate, bool bytes, char *buffer);

#endif
