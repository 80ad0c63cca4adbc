/*
 * ip.h - IP addresses, networks, and sets of networks
 *
 * One form for both families: IPv4 is kept as 4 octets, and an IPv4-mapped
 * IPv6 address (RFC 4291 2.5.5.2) becomes IPv4 wherever one is read, so that
 * a client has one name whatever socket it came in by.
 */
#ifndef FLOODGATE_BASE_IP_H
#define FLOODGATE_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

enum ip_family { IP_NONE, IP_V4, IP_V6 };

struct ip {
	enum ip_family family;	/* IP_NONE: no address (local submission) */
	uint8_t octets[16];	/* network order; IPv4: the first 4, rest 0 */
};

struct ip_net {
	struct ip address;	/* host bits are 0 */
	unsigned int bits;	/* 0..32 or 0..128 */
};

#define IP_TEXT_SIZE 46		/* longest address text with its NUL */
#define IP_NET_TEXT_SIZE 50	/* the same with "/128" */

/* Octets of the family: 0, 4 or 16. */
size_t ip_size(enum ip_family family);

/* "192.0.2.1", "2001:db8::1"; no brackets, no zone, no leading zeros. */
bool ip_parse(const char *string, struct ip *ip);

/* NULL or another family gives IP_NONE. */
struct ip ip_from_sockaddr(const struct sockaddr *address);

/* Text in buffer[IP_TEXT_SIZE] (RFC 5952); "none" for IP_NONE. */
const char *ip_format(const struct ip *ip, char *buffer);

bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_is_loopback(const struct ip *ip);	/* 127.0.0.0/8, ::1 */

/* The network of `ip` with that many leading bits; host bits cleared. */
struct ip_net ip_net_of(const struct ip *ip, unsigned int bits);

/*
 * "192.0.2.0/24", "2001:db8::/32", or a single address. False with *why (a
 * static sentence) on anything else, also when host bits are set: such an
 * entry is a slip of the pen more often than not.
 */
bool ip_net_parse(const char *string, struct ip_net *net, const char **why);
const char *ip_net_format(const struct ip_net *net, char *buffer);
bool ip_net_contains(const struct ip_net *net, const struct ip *ip);

/*
 * A set of networks as sorted, disjoint ranges: looking up is O(log n).
 * Built in place from networks; owns nothing. The family stands first, so
 * that ::/0 is every IPv6 address and no IPv4 one.
 */
#define IP_KEY_SIZE 17		/* family, then the octets */

struct ip_range {
	uint8_t first[IP_KEY_SIZE];
	uint8_t last[IP_KEY_SIZE];
};

struct ip_set {
	struct ip_range *ranges;	/* sorted, disjoint */
	size_t count;
};

void ip_range_of(const struct ip_net *net, struct ip_range *range);
/* Sort and merge ranges[count]; returns how many remain in front. */
size_t ip_set_build(struct ip_range *ranges, size_t count);
bool ip_set_contains(const struct ip_set *set, const struct ip *ip);

#endif
