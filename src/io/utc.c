/*
 * utc.c - points in time as people and programs read them: ISO 8601, UTC
 *
 * Calendar arithmetic by hand: timegm() is in no standard, and mktime()
 * depends on the machine's zone.
 */
#include "io/utc.h"

#include "base/text.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* Days from 1970-01-01 to that date of the Gregorian calendar. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y, era, year_of_era, day_of_year;

	/* A year that begins in March has its leap day at the end. */
	y = month <= 2 ? year - 1 : year;
	era = y / 400;
	year_of_era = y - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	    year_of_era / 100 + day_of_year - 719468;
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
	static const int64_t days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* Exactly `digits` digits at *at, which moves past them. */
static bool
take_digits(const char **at, int digits, int64_t *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++) {
		if (**at < '0' || **at > '9')
			return false;
		*number = *number * 10 + (**at - '0');
		(*at)++;
	}
	return true;
}

static bool
take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

const char *
utc_format(int64_t ms, char *buffer)
{
	struct tm parts;
	time_t seconds;

	seconds = (time_t)(ms / 1000);
	memset(&parts, 0, sizeof(parts));
	if (gmtime_r(&seconds, &parts) == NULL ||
	    strftime(buffer, UTC_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		(void)text_copy(buffer, UTC_TEXT_SIZE, "unknown");
	return buffer;
}

bool
utc_parse(const char *string, int64_t *ms)
{
	int64_t year, month, day, hour, minute, second, milli = 0;
	const char *at = string;

	if (!take_digits(&at, 4, &year) || !take_char(&at, '-') ||
	    !take_digits(&at, 2, &month) || !take_char(&at, '-') ||
	    !take_digits(&at, 2, &day) || !take_char(&at, 'T') ||
	    !take_digits(&at, 2, &hour) || !take_char(&at, ':') ||
	    !take_digits(&at, 2, &minute) || !take_char(&at, ':') ||
	    !take_digits(&at, 2, &second))
		return false;
	if (take_char(&at, '.') && !take_digits(&at, 3, &milli))
		return false;
	if (!take_char(&at, 'Z') || *at != '\0')
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month) || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	*ms = (((days_from_date(year, month, day) * 24 + hour) * 60 + minute) *
	    60 + second) * 1000 + milli;
	return true;
}
