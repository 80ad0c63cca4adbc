/*
 * zone.c - a zone that lists clients or domains (RFC 5782)
 */
#include "core/zone.h"

#include "core/domain.h"

#include "base/text.h"

#include <string.h>

static bool
take_number(const char **at, int *number)
{
	const char *from = *at;

	*number = 0;
	while (**at >= '0' && **at <= '9' && *at - from < 3)
		*number = 10 * *number + (*(*at)++ - '0');
	return *at > from && *number <= 255;
}

static void
allow(uint8_t bits[32], int low, int high)
{
	for (int value = low; value <= high; value++)
		bits[value / 8] = (uint8_t)(bits[value / 8] |
		    1u << (value % 8));
}

/* "2" or "2..11" */
static bool
take_range(const char **at, uint8_t bits[32])
{
	int low, high;

	if (!take_number(at, &low))
		return false;
	high = low;
	if ((*at)[0] == '.' && (*at)[1] == '.') {
		*at += 2;
		if (!take_number(at, &high))
			return false;
	}
	if (high < low)
		return false;
	allow(bits, low, high);
	return true;
}

/* "2", "[2..11]", "[2;4;10..11]" */
static bool
take_octet(const char **at, uint8_t bits[32])
{
	int number;

	if (**at != '[') {
		if (!take_number(at, &number))
			return false;
		allow(bits, number, number);
		return true;
	}
	do {
		++*at;
		if (!take_range(at, bits))
			return false;
	} while (**at == ';');
	return *(*at)++ == ']';
}

static bool
parse_filter(const char *at, struct zone *zone)
{
	for (size_t i = 0; i < 4; i++) {
		if (i > 0 && *at++ != '.')
			return false;
		if (!take_octet(&at, zone->octets[i]))
			return false;
	}
	return *at == '\0';
}

bool
zone_parse(const char *text, struct zone *zone, const char **why)
{
	char name[DOMAIN_OCTETS_MAX + 1];

	memset(zone, 0, sizeof(*zone));
	zone->text = text;
	zone->name_length = strcspn(text, "=");
	zone->has_filter = text[zone->name_length] == '=';
	*why = "expected a zone such as zen.example";
	if (!text_copy_n(name, sizeof(name), text, zone->name_length) ||
	    !domain_is_fqdn(name))
		return false;
	*why = "expected the addresses that count behind the =, such as "
	    "127.0.0.2 or 127.0.0.[2;4..11]";
	return !zone->has_filter ||
	    parse_filter(text + zone->name_length + 1, zone);
}

enum zone_says
zone_says(const struct zone *zone, const struct ip *ip)
{
	const uint8_t *o = ip->octets;

	if (ip->family != IP_V4)
		return ZONE_DOES_NOT_LIST;
	if (zone->has_filter) {
		for (size_t i = 0; i < 4; i++)
			if ((zone->octets[i][o[i] / 8] >> (o[i] % 8) & 1) == 0)
				return ZONE_DOES_NOT_LIST;
		return ZONE_LISTS;
	}
	if (o[0] != 127)
		return ZONE_DOES_NOT_LIST;
	return o[1] == 255 && o[2] == 255 ? ZONE_REFUSES_TO_SAY : ZONE_LISTS;
}
