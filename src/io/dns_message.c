/*
 * dns_message.c - from an answer on the wire to one in memory
 *
 * Every octet comes from a stranger. Nothing is read behind the end, names
 * are unfolded with pointers that only go backwards, and what is printed or
 * compared later has no octet that could pass for another name.
 */
#include "io/dns_message.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_OCTETS 12
#define LABEL_OCTETS_MAX 63
#define CNAMES_MAX 8		/* further ones are a circle, or as good as */
#define NO_TTL UINT32_MAX

static const uint16_t wire_types[DNS_TYPE_COUNT] = {
	[DNS_A] = 1, [DNS_NS] = 2, [DNS_PTR] = 12, [DNS_MX] = 15,
	[DNS_TXT] = 16, [DNS_AAAA] = 28
};
#define TYPE_NS 2
#define TYPE_CNAME 5
#define TYPE_SOA 6
#define CLASS_IN 1

enum { RCODE_NONE = 0, RCODE_NXDOMAIN = 3 };

struct message {
	const uint8_t *octets;
	size_t size;
	size_t at;
};

struct wire_record {
	char owner[DNS_NAME_SIZE];
	uint16_t type;
	uint32_t ttl_s;
	size_t data;		/* where it begins */
	size_t end;		/* and ends */
};

/* What is found so far. */
struct found {
	struct dns_record records[DNS_RECORDS_MAX];
	char texts[DNS_RECORDS_MAX][DNS_TEXT_MAX + 1];
	size_t count;
	uint32_t ttl_s;
};

/* --- pieces ------------------------------------------------------------ */

static bool
take_16(struct message *m, uint16_t *value)
{
	if (m->size - m->at < 2)
		return false;
	*value = (uint16_t)(m->octets[m->at] << 8 | m->octets[m->at + 1]);
	m->at += 2;
	return true;
}

static bool
take_32(struct message *m, uint32_t *value)
{
	uint16_t high, low;

	if (!take_16(m, &high) || !take_16(m, &low))
		return false;
	*value = (uint32_t)high << 16 | low;
	return true;
}

/*
 * In lower case. An octet that is none of a name becomes '?': a dot inside
 * a label must not part it.
 */
static char
name_char(uint8_t octet)
{
	char c = text_lower_char((char)octet);

	if (octet <= ' ' || octet > 0x7e || c == '.' || c == '\\' ||
	    c == '"')
		return '?';
	return c;
}

/* A pointer has to go before everything that was read of the name so far. */
static bool
take_name(struct message *m, char name[DNS_NAME_SIZE])
{
	size_t at = m->at, barrier = m->at, length = 0;
	bool jumped = false;

	for (;;) {
		uint8_t octet;

		if (at >= m->size)
			return false;
		octet = m->octets[at++];
		if (octet >= 0xc0) {
			if (at >= m->size)
				return false;
			if (!jumped)
				m->at = at + 1;
			jumped = true;
			at = (size_t)(octet & 0x3f) << 8 | m->octets[at];
			if (at >= barrier)
				return false;
			barrier = at;
			continue;
		}
		if (octet == 0)
			break;
		if (octet > LABEL_OCTETS_MAX || octet > m->size - at ||
		    length + octet + 1 > DNS_NAME_MAX + 1)
			return false;
		for (size_t i = 0; i < octet; i++)
			name[length++] = name_char(m->octets[at + i]);
		name[length++] = '.';
		at += octet;
	}
	if (!jumped)
		m->at = at;
	/* Without the dot at its end; the root is nothing but one. */
	if (length == 0)
		(void)text_copy(name, DNS_NAME_SIZE, ".");
	else
		name[length - 1] = '\0';
	return true;
}

static bool
take_record(struct message *m, struct wire_record *record)
{
	uint16_t class, length;

	if (!take_name(m, record->owner) || !take_16(m, &record->type) ||
	    !take_16(m, &class) || !take_32(m, &record->ttl_s) ||
	    !take_16(m, &length) || length > m->size - m->at)
		return false;
	if (class != CLASS_IN)
		record->type = 0;
	if (record->ttl_s > INT32_MAX)	/* RFC 2181 8 */
		record->ttl_s = 0;
	record->data = m->at;
	record->end = m->at + length;
	m->at = record->end;
	return true;
}

/* --- data of records --------------------------------------------------- */

/* A name that fills the record to its end. */
static bool
data_name(const struct message *m, size_t at, size_t end, char *name)
{
	struct message data = { m->octets, end, at };

	return take_name(&data, name) && data.at == end;
}

/* Its strings as one; NUL becomes '?', and the text is cut. */
static bool
data_text(const struct message *m, const struct wire_record *record,
    char *text)
{
	size_t at = record->data, length = 0;

	while (at < record->end) {
		size_t octets = m->octets[at++];

		if (octets > record->end - at)
			return false;
		for (size_t i = 0; i < octets && length < DNS_TEXT_MAX; i++) {
			char c = (char)m->octets[at + i];

			text[length++] = c == '\0' ? '?' : c;
		}
		at += octets;
	}
	text[length] = '\0';
	return true;
}

static bool
data_ip(const struct message *m, const struct wire_record *record,
    enum ip_family family, struct ip *ip)
{
	if (record->end - record->data != ip_size(family))
		return false;
	ip->family = family;
	memcpy(ip->octets, m->octets + record->data, ip_size(family));
	return true;
}

static bool
data_read(const struct message *m, const struct wire_record *record,
    enum dns_type type, struct dns_record *to, char *text)
{
	struct message data = { m->octets, record->end, record->data };

	memset(to, 0, sizeof(*to));
	text[0] = '\0';
	to->text = text;
	switch (type) {
	case DNS_A:
		return data_ip(m, record, IP_V4, &to->ip);
	case DNS_AAAA:
		return data_ip(m, record, IP_V6, &to->ip);
	case DNS_MX:
		return take_16(&data, &to->preference) &&
		    data_name(m, data.at, record->end, text);
	case DNS_NS:
	case DNS_PTR:
		return data_name(m, record->data, record->end, text);
	case DNS_TXT:
		return data_text(m, record, text);
	case DNS_TYPE_COUNT:
		break;
	}
	return false;
}

/* --- the message ------------------------------------------------------- */

static void
shorten(uint32_t *ttl_s, uint32_t other_s)
{
	if (other_s < *ttl_s)
		*ttl_s = other_s;
}

/*
 * All records of the name among the answers, and where its CNAME leads ("":
 * it has none). False: malformed.
 */
static bool
scan_answers(struct message m, unsigned int answers, const char *name,
    enum dns_type type, struct found *found, char alias[DNS_NAME_SIZE])
{
	struct wire_record record;

	alias[0] = '\0';
	for (; answers > 0; answers--) {
		if (!take_record(&m, &record))
			return false;
		if (strcmp(record.owner, name) != 0)
			continue;
		if (record.type == TYPE_CNAME) {
			if (!data_name(&m, record.data, record.end, alias))
				return false;
			shorten(&found->ttl_s, record.ttl_s);
		}
		if (record.type != wire_types[type] ||
		    found->count == DNS_RECORDS_MAX)
			continue;
		if (!data_read(&m, &record, type,
		    &found->records[found->count],
		    found->texts[found->count]))
			return false;
		found->count++;
		shorten(&found->ttl_s, record.ttl_s);
	}
	return true;
}

/*
 * Nothing was found: does the authority section bear that out? It has the
 * SOA with the time for which there is nothing (RFC 2308 5), or neither SOA
 * nor NS; NS alone refers us to others.
 */
static bool
scan_authority(struct message m, unsigned int answers, unsigned int count,
    uint32_t *ttl_s)
{
	bool has_soa = false, has_ns = false;
	struct wire_record record;

	for (; answers > 0; answers--)
		if (!take_record(&m, &record))
			return false;
	for (; count > 0; count--) {
		struct message minimum = m;
		uint32_t minimum_s;

		if (!take_record(&m, &record))
			return false;
		has_ns = has_ns || record.type == TYPE_NS;
		if (record.type != TYPE_SOA || record.end - record.data < 20)
			continue;
		has_soa = true;
		minimum.at = record.end - 4;
		if (take_32(&minimum, &minimum_s))
			shorten(ttl_s, minimum_s);
		shorten(ttl_s, record.ttl_s);
	}
	return has_soa || !has_ns;
}

static enum dns_status
read_sections(struct message *m, const struct dns_question *question,
    struct found *found)
{
	uint16_t id, flags, questions, answers, authority, additional;
	uint16_t type, class;
	char name[DNS_NAME_SIZE], alias[DNS_NAME_SIZE];
	unsigned int rcode;

	if (!take_16(m, &id) || !take_16(m, &flags) ||
	    !take_16(m, &questions) || !take_16(m, &answers) ||
	    !take_16(m, &authority) || !take_16(m, &additional))
		return DNS_FAILED;
	rcode = flags & 15u;
	if ((flags & 0x8000u) == 0 || questions != 1 ||
	    (rcode != RCODE_NONE && rcode != RCODE_NXDOMAIN))
		return DNS_FAILED;
	if (!take_name(m, name) || !take_16(m, &type) ||
	    !take_16(m, &class) || strcmp(name, question->name) != 0 ||
	    type != wire_types[question->type] || class != CLASS_IN)
		return DNS_FAILED;
	for (int cnames = 0; ; cnames++) {
		if (cnames > CNAMES_MAX || !scan_answers(*m, answers, name,
		    question->type, found, alias))
			return DNS_FAILED;
		if (found->count > 0)
			return DNS_FOUND;
		if (alias[0] == '\0')
			break;
		(void)text_copy(name, sizeof(name), alias);
	}
	if (!scan_authority(*m, answers, authority, &found->ttl_s) &&
	    rcode != RCODE_NXDOMAIN)
		return DNS_FAILED;
	return DNS_NONE;
}

struct dns_held *
dns_held_make(const struct dns_answer *answer, uint32_t ttl_s)
{
	size_t count = answer->count < DNS_RECORDS_MAX ? answer->count :
	    DNS_RECORDS_MAX;
	size_t size = 0;
	struct dns_held *held;
	char *texts;

	for (size_t i = 0; i < count; i++)
		size += strlen(answer->records[i].text) + 1;
	held = malloc(sizeof(*held) + count * sizeof(held->records[0]) +
	    size);
	if (held == NULL)
		return NULL;
	held->answer.status = answer->status;
	held->answer.count = count;
	held->answer.records = held->records;
	held->ttl_s = ttl_s;
	atomic_init(&held->holders, 1);
	texts = (char *)&held->records[count];
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(answer->records[i].text) + 1;

		held->records[i] = answer->records[i];
		memcpy(texts, answer->records[i].text, length);
		held->records[i].text = texts;
		texts += length;
	}
	return held;
}

struct dns_held *
dns_message_read(const uint8_t *octets, size_t size,
    const struct dns_question *question)
{
	struct message message = { .octets = octets, .size = size };
	struct found found = { .ttl_s = NO_TTL };
	struct dns_answer answer = { .records = found.records };

	answer.status = read_sections(&message, question, &found);
	answer.count = answer.status == DNS_FOUND ? found.count : 0;
	return dns_held_make(&answer, found.ttl_s == NO_TTL ? 0 :
	    found.ttl_s);
}
