/*
 * quantity.c - durations, sizes and rates as people write them
 */
#include "base/quantity.h"

#include <string.h>

#include "base/text.h"

struct unit {
	const char *name;
	int64_t worth;
};

/* Largest first: the first that divides a value gives the shortest text. */
static const struct unit duration_units[] = {
	{"w",  INT64_C(7) * 86400 * 1000},
	{"d",  INT64_C(86400) * 1000},
	{"h",  INT64_C(3600) * 1000},
	{"m",  INT64_C(60) * 1000},
	{"s",  1000},
	{"ms", 1},
	{NULL, 0}
};

static const struct unit size_units[] = {
	{"T",  INT64_C(1) << 40},
	{"G",  INT64_C(1) << 30},
	{"M",  INT64_C(1) << 20},
	{"k",  INT64_C(1) << 10},
	{"K",  INT64_C(1) << 10},	/* never written */
	{"",   1},
	{NULL, 0}
};

enum outcome { FINE, MALFORMED, TOO_LARGE };

/* Digits (at most 18, no leading zero), then the name of a unit. */
static enum outcome
parse_with_unit(const char *string, const struct unit *units, int64_t max,
    int64_t *value)
{
	size_t digits = strspn(string, "0123456789");
	char number[19];
	int64_t count;

	while (units->name != NULL && strcmp(units->name, string + digits) != 0)
		units++;
	if (digits == 0 || units->name == NULL)
		return MALFORMED;
	if (string[0] == '0' && digits > 1)
		return MALFORMED;
	if (!text_copy_n(number, sizeof(number), string, digits) ||
	    !text_parse_number(number, max / units->worth, &count))
		return TOO_LARGE;
	*value = count * units->worth;
	return FINE;
}

static const char *
format_with_unit(int64_t value, const struct unit *units, char *buffer)
{
	struct text text;

	while (units->worth > 1 && value % units->worth != 0)
		units++;
	text_init(&text, buffer, QUANTITY_TEXT_SIZE);
	text_put_number(&text, value / units->worth);
	text_put(&text, units->name);
	return buffer;
}

bool
duration_parse(const char *string, int64_t *ms, const char **why)
{
	int64_t value = 0;

	switch (parse_with_unit(string, duration_units, DURATION_MAX_MS,
	    &value)) {
	case MALFORMED:
		*why = "a duration is a whole number and one of ms, s, m, h, "
		    "d, w, such as 90s or 1h";
		return false;
	case TOO_LARGE:
		*why = "a duration is at most 366d";
		return false;
	case FINE:
		break;
	}
	if (value == 0) {
		*why = "a duration is longer than 0";
		return false;
	}
	*ms = value;
	return true;
}

/* 0, which is no duration to parse but may have to be shown, is "0s". */
const char *
duration_format(int64_t ms, char *buffer)
{
	const struct unit *units = duration_units;

	while (ms == 0 && strcmp(units->name, "s") != 0)
		units++;
	return format_with_unit(ms, units, buffer);
}

bool
size_parse(const char *string, int64_t *bytes, const char **why)
{
	switch (parse_with_unit(string, size_units, SIZE_MAX_BYTES, bytes)) {
	case MALFORMED:
		*why = "a size is a whole number, and k, M, G or T if not of "
		    "octets, such as 4096 or 10M";
		return false;
	case TOO_LARGE:
		*why = "a size is at most 1024T";
		return false;
	case FINE:
		return true;
	}
	return false;
}

const char *
size_format(int64_t bytes, char *buffer)
{
	const struct unit *units = size_units;

	while (bytes == 0 && units->worth > 1)
		units++;
	return format_with_unit(bytes, units, buffer);
}

static bool
parse_amount(const char *string, bool bytes, int64_t *amount,
    const char **why)
{
	if (bytes)
		return size_parse(string, amount, why);
	if (text_parse_number(string, RATE_MAX, amount))
		return true;
	*why = "a rate is a whole number up to 1000000000, a slash and a "
	    "duration, such as 100/1h";
	return false;
}

bool
rate_parse(const char *string, bool bytes, struct rate *rate,
    const char **why)
{
	const char *slash = strchr(string, '/');
	size_t length = slash ? (size_t)(slash - string) : strlen(string);
	char amount[QUANTITY_TEXT_SIZE];
	struct rate parsed = {.window_ms = 0};

	if (!text_copy_n(amount, sizeof(amount), string, length)) {
		*why = "this is too long for a rate";
		return false;
	}
	if (!parse_amount(amount, bytes, &parsed.max, why))
		return false;
	if (slash != NULL && !duration_parse(slash + 1, &parsed.window_ms, why))
		return false;
	if (slash != NULL && parsed.window_ms < 1000) {
		*why = "the span of a rate is at least 1s";
		return false;
	}
	*rate = parsed;
	return true;
}

const char *
rate_format(const struct rate *rate, bool bytes, char *buffer)
{
	char part[QUANTITY_TEXT_SIZE];
	struct text text;

	text_init(&text, buffer, QUANTITY_TEXT_SIZE);
	if (bytes)
		text_put(&text, size_format(rate->max, part));
	else
		text_put_number(&text, rate->max);
	if (rate->window_ms > 0) {
		text_put_char(&text, '/');
		text_put(&text, duration_format(rate->window_ms, part));
	}
	return buffer;
}
