/*
 * dns_fact.c - what a check asks DNS, and what it is told
 */
#include "core/dns_fact.h"

#include "base/text.h"

#include <string.h>

const char *const dns_type_names[DNS_TYPE_COUNT] = {
	"A", "AAAA", "MX", "NS", "PTR", "TXT"
};

static const struct dns_answer no_such_name = { .status = DNS_NONE };

void
dns_facts_init(struct dns_facts *facts)
{
	facts->count = 0;
	facts->names_used = 0;
	dns_facts_begin(facts);
}

void
dns_facts_begin(struct dns_facts *facts)
{
	facts->first = facts->count;
	dns_settle(facts);
}

void
dns_facts_end(struct dns_facts *facts, bool is_decided)
{
	if (!is_decided || facts->count == facts->first)
		return;
	facts->names_used = (size_t)(facts->questions[facts->first].name -
	    facts->names);
	facts->count = facts->first;
}

void
dns_settle(struct dns_facts *facts)
{
	facts->is_missing = false;
	facts->has_failed = false;
	facts->subject[0] = '\0';
}

bool
dns_is_certain(const struct dns_facts *facts)
{
	return !facts->is_missing && !facts->has_failed;
}

void
dns_note_failure(struct dns_facts *facts, const char *subject)
{
	if (!facts->has_failed)
		(void)text_copy(facts->subject, sizeof(facts->subject),
		    subject);
	facts->has_failed = true;
}

enum askable { ASKABLE, ASKABLE_NEVER, ASKABLE_NOT_HERE };

/*
 * Lower case, without the dot at its end. DNS takes any octet in a label,
 * but what is not printable, or would need a backslash in text, is nobody's
 * host. A U-label is no such name (RFC 5890): it is left alone.
 */
static enum askable
make_name(const char *from, char name[DNS_NAME_SIZE])
{
	size_t length = strlen(from), label = 0;

	if (length > 0 && from[length - 1] == '.')
		length--;
	if (length == 0 || length > DNS_NAME_MAX)
		return ASKABLE_NEVER;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)from[i];

		if (c > 0x7e)
			return ASKABLE_NOT_HERE;
		if (c <= ' ' || c == '\\' || c == '"' || c == '(' ||
		    c == ')' || c == ';' || c == '@')
			return ASKABLE_NEVER;
		if (c != '.') {
			if (++label > 63)	/* RFC 1035 2.3.4 */
				return ASKABLE_NEVER;
		} else if (label == 0)
			return ASKABLE_NEVER;
		else
			label = 0;
		name[i] = text_lower_char(from[i]);
	}
	name[length] = '\0';
	return label > 0 ? ASKABLE : ASKABLE_NEVER;
}

static void
want(struct dns_facts *facts, enum dns_type type, const char *name)
{
	size_t size = strlen(name) + 1;
	char *kept = facts->names + facts->names_used;

	if (facts->count == DNS_FACTS_MAX ||
	    size > sizeof(facts->names) - facts->names_used) {
		dns_note_failure(facts, name);
		return;
	}
	memcpy(kept, name, size);
	facts->names_used += size;
	facts->questions[facts->count].type = type;
	facts->questions[facts->count].name = kept;
	facts->answers[facts->count++] = NULL;
	facts->is_missing = true;
}

const struct dns_answer *
dns_ask(struct dns_facts *facts, enum dns_type type, const char *asked)
{
	char name[DNS_NAME_SIZE];

	switch (make_name(asked, name)) {
	case ASKABLE:
		break;
	case ASKABLE_NEVER:
		return &no_such_name;
	case ASKABLE_NOT_HERE:
		dns_note_failure(facts, asked);
		return NULL;
	}
	for (size_t i = 0; i < facts->count; i++) {
		const struct dns_answer *answer = facts->answers[i];

		if (facts->questions[i].type != type ||
		    strcmp(facts->questions[i].name, name) != 0)
			continue;
		if (answer == NULL)
			facts->is_missing = true;
		else if (answer->status == DNS_FAILED)
			dns_note_failure(facts, name);
		else
			return answer;
		return NULL;
	}
	want(facts, type, name);
	return NULL;
}

bool
dns_has(struct dns_facts *facts, enum dns_type type, const char *name)
{
	const struct dns_answer *answer = dns_ask(facts, type, name);

	return answer != NULL && answer->status == DNS_FOUND;
}

bool
dns_reverse_name(const struct ip *ip, const char *suffix,
    char name[DNS_NAME_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	struct text text;

	text_init(&text, name, DNS_NAME_SIZE);
	for (size_t i = ip_size(ip->family); i-- > 0;) {
		if (ip->family == IP_V4) {
			text_put_number(&text, ip->octets[i]);
			text_put_char(&text, '.');
			continue;
		}
		text_put_char(&text, digits[ip->octets[i] & 15]);
		text_put_char(&text, '.');
		text_put_char(&text, digits[ip->octets[i] >> 4]);
		text_put_char(&text, '.');
	}
	text_put(&text, suffix);
	return ip->family != IP_NONE && !text.cut;
}
