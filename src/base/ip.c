/*
 * ip.c - IP addresses, networks, and sets of networks
 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

/* RFC 4291 2.5.5.2: what stands before the IPv4 octets. */
static const uint8_t mapped_prefix[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};
#define MAPPED_BITS 96u

static const char host_bits[] = "expected 0 in all bits behind the prefix";

size_t
ip_size(enum ip_family family)
{
	switch (family) {
	case IP_NONE:
		return 0;
	case IP_V4:
		return 4;
	case IP_V6:
		return 16;
	}
	return 0;
}

static struct ip
ip_from_v4(const void *octets)
{
	struct ip ip = {.family = IP_V4};

	memcpy(ip.octets, octets, 4);
	return ip;
}

static struct ip
ip_from_v6(const void *octets)
{
	struct ip ip = {.family = IP_V6};

	memcpy(ip.octets, octets, 16);
	if (memcmp(ip.octets, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return ip_from_v4(ip.octets + sizeof(mapped_prefix));
	return ip;
}

bool
ip_parse(const char *string, struct ip *ip)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, string, &v4) == 1)
		*ip = ip_from_v4(&v4);
	else if (inet_pton(AF_INET6, string, &v6) == 1)
		*ip = ip_from_v6(&v6);
	else
		return false;
	return true;
}

struct ip
ip_from_sockaddr(const struct sockaddr *address)
{
	const struct ip none = {.family = IP_NONE};

	if (address == NULL)
		return none;
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		return ip_from_v4(&v4.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		return ip_from_v6(&v6.sin6_addr);
	}
	return none;
}

/* The longest run of two zero groups or more (RFC 5952 4.2), first if tied. */
static void
longest_zeros(const unsigned int groups[8], size_t *start, size_t *length)
{
	*start = 8;
	*length = 1;
	for (size_t i = 0; i < 8; i++) {
		size_t run = 0;

		while (i + run < 8 && groups[i + run] == 0)
			run++;
		if (run > *length) {
			*start = i;
			*length = run;
		}
	}
}

/* Not inet_ntop(): C libraries differ in :: and in dotted ends. */
static void
format_v6(const struct ip *ip, struct text *text)
{
	unsigned int groups[8];
	size_t zeros, length;

	for (size_t i = 0; i < 8; i++)
		groups[i] = (unsigned int)ip->octets[2 * i] << 8 |
		    ip->octets[2 * i + 1];
	longest_zeros(groups, &zeros, &length);
	for (size_t i = 0; i < 8; i++) {
		if (i == zeros) {
			text_put(text, "::");
			i += length - 1;
			continue;
		}
		if (i > 0 && i != zeros + length)
			text_put_char(text, ':');
		text_printf(text, "%x", groups[i]);
	}
}

static void
format_v4(const struct ip *ip, struct text *text)
{
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			text_put_char(text, '.');
		text_put_number(text, ip->octets[i]);
	}
}

const char *
ip_format(const struct ip *ip, char *buffer)
{
	struct text text;

	text_init(&text, buffer, IP_TEXT_SIZE);
	switch (ip->family) {
	case IP_NONE:
		text_put(&text, "none");
		break;
	case IP_V4:
		format_v4(ip, &text);
		break;
	case IP_V6:
		format_v6(ip, &text);
		break;
	}
	return buffer;
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family &&
	    memcmp(a->octets, b->octets, ip_size(a->family)) == 0;
}

bool
ip_is_loopback(const struct ip *ip)
{
	static const uint8_t loopback[16] = {[15] = 1};

	switch (ip->family) {
	case IP_NONE:
		return false;
	case IP_V4:
		return ip->octets[0] == 127;
	case IP_V6:
		return memcmp(ip->octets, loopback, sizeof(loopback)) == 0;
	}
	return false;
}

/* The bits of octet number `i` that lie outside the first `bits` bits. */
static uint8_t
host_mask(unsigned int bits, size_t i)
{
	size_t before = 8 * i;

	if (bits >= before + 8)
		return 0;
	if (bits <= before)
		return 0xff;
	return (uint8_t)(0xff >> (bits - before));
}

struct ip_net
ip_net_of(const struct ip *ip, unsigned int bits)
{
	struct ip_net net = {.address = *ip, .bits = bits};
	size_t size = ip_size(ip->family);

	if (bits > 8 * size)
		net.bits = (unsigned int)(8 * size);
	for (size_t i = 0; i < size; i++)
		net.address.octets[i] &= (uint8_t)~host_mask(net.bits, i);
	return net;
}

/*
 * The number after the slash. An IPv4-mapped network, ::ffff:192.0.2.0/120,
 * counts its bits from the front of the IPv6 form.
 */
static bool
parse_bits(const char *string, const struct ip *ip, bool is_mapped,
    unsigned int *bits, const char **why)
{
	bool is_v6 = is_mapped || ip->family == IP_V6;
	int64_t number;

	if (!text_parse_number(string, is_v6 ? 128 : 32, &number)) {
		*why = is_v6 ? "expected a prefix length of 0 to 128"
		    : "expected a prefix length of 0 to 32";
		return false;
	}
	*bits = (unsigned int)number;
	if (!is_mapped)
		return true;
	if (*bits < MAPPED_BITS) {
		*why = host_bits;
		return false;
	}
	*bits -= MAPPED_BITS;
	return true;
}

bool
ip_net_parse(const char *string, struct ip_net *net, const char **why)
{
	const char *slash = strchr(string, '/');
	size_t length = slash ? (size_t)(slash - string) : strlen(string);
	char address[IP_TEXT_SIZE];
	unsigned int bits;
	struct ip ip;

	if (!text_copy_n(address, sizeof(address), string, length) ||
	    !ip_parse(address, &ip)) {
		*why = "expected an IP address, or a network such as "
		    "192.0.2.0/24 or 2001:db8::/32";
		return false;
	}
	bits = (unsigned int)(8 * ip_size(ip.family));
	if (slash != NULL && !parse_bits(slash + 1, &ip,
	    ip.family == IP_V4 && strchr(address, ':') != NULL, &bits, why))
		return false;
	*net = ip_net_of(&ip, bits);
	if (!ip_equal(&net->address, &ip)) {
		*why = host_bits;
		return false;
	}
	return true;
}

const char *
ip_net_format(const struct ip_net *net, char *buffer)
{
	struct text text;
	char address[IP_TEXT_SIZE];

	text_init(&text, buffer, IP_NET_TEXT_SIZE);
	text_put(&text, ip_format(&net->address, address));
	if (net->bits < 8 * ip_size(net->address.family)) {
		text_put_char(&text, '/');
		text_put_number(&text, net->bits);
	}
	return buffer;
}

bool
ip_net_contains(const struct ip_net *net, const struct ip *ip)
{
	struct ip_net other;

	if (ip->family == IP_NONE)
		return false;
	other = ip_net_of(ip, net->bits);
	return ip_equal(&net->address, &other.address);
}

static void
ip_key(const struct ip *ip, uint8_t key[IP_KEY_SIZE])
{
	key[0] = (uint8_t)ip->family;
	memcpy(key + 1, ip->octets, sizeof(ip->octets));
}

/* IPv4 uses the first 4 octets; the others run from 0 to 0xff. */
void
ip_range_of(const struct ip_net *net, struct ip_range *range)
{
	ip_key(&net->address, range->first);
	memcpy(range->last, range->first, sizeof(range->last));
	for (size_t i = 0; i + 1 < IP_KEY_SIZE; i++)
		range->last[i + 1] |= host_mask(net->bits, i);
}

static int
range_order(const void *a, const void *b)
{
	const struct ip_range *one = a, *other = b;

	return memcmp(one->first, other->first, sizeof(one->first));
}

/* Is `next` the key that comes right after `last`? */
static bool
is_successor(const uint8_t last[IP_KEY_SIZE], const uint8_t next[IP_KEY_SIZE])
{
	uint8_t key[IP_KEY_SIZE];

	memcpy(key, last, sizeof(key));
	for (size_t i = sizeof(key); i-- > 0 && ++key[i] == 0;)
		continue;
	return memcmp(key, next, sizeof(key)) == 0;
}

size_t
ip_set_build(struct ip_range *ranges, size_t count)
{
	size_t kept = 0;

	if (count == 0)
		return 0;
	qsort(ranges, count, sizeof(ranges[0]), range_order);
	for (size_t i = 1; i < count; i++) {
		struct ip_range *top = &ranges[kept];

		if (memcmp(ranges[i].first, top->last, IP_KEY_SIZE) > 0 &&
		    !is_successor(top->last, ranges[i].first))
			ranges[++kept] = ranges[i];
		else if (memcmp(ranges[i].last, top->last, IP_KEY_SIZE) > 0)
			memcpy(top->last, ranges[i].last, IP_KEY_SIZE);
	}
	return kept + 1;
}

bool
ip_set_contains(const struct ip_set *set, const struct ip *ip)
{
	uint8_t key[IP_KEY_SIZE];
	size_t low = 0, high = set->count;

	if (ip->family == IP_NONE)
		return false;
	ip_key(ip, key);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(set->ranges[middle].first, key, sizeof(key)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 &&
	    memcmp(key, set->ranges[low - 1].last, sizeof(key)) <= 0;
}
