/*
 * domain.c - host and domain names as text
 */
#include "core/domain.h"

#include <string.h>

#include "base/text.h"

#define LABEL_OCTETS_MAX 63	/* RFC 1035 2.3.4 */

/* ASCII, whatever the locale; U-labels (RFC 5890) pass unread. */
static bool
is_label_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    (unsigned char)c > 0x7f;
}

static bool
is_label(const char *label, size_t length)
{
	if (length < 1 || length > LABEL_OCTETS_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_label_octet(label[i]))
			return false;
	return label[0] != '-' && label[length - 1] != '-';
}

/* The length without a dot at the end. */
static size_t
bare_length(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

bool
domain_is_fqdn(const char *name)
{
	size_t left = bare_length(name);
	size_t labels = 0;

	if (left > DOMAIN_OCTETS_MAX)
		return false;
	for (;;) {
		const char *dot = memchr(name, '.', left);
		size_t length = dot ? (size_t)(dot - name) : left;

		if (!is_label(name, length))
			return false;
		labels++;
		if (dot == NULL)
			break;
		name += length + 1;
		left -= length + 1;
	}
	return labels >= 2 && strspn(name, "0123456789") < left;
}

bool
domain_is_literal(const char *name)
{
	size_t length = strlen(name);

	return length > 2 && name[0] == '[' && name[length - 1] == ']';
}

bool
domain_equal(const char *a, const char *b)
{
	size_t length = bare_length(a);

	return length == bare_length(b) && text_equal_nocase_n(a, b, length);
}
