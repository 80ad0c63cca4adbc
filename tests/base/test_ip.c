/*
 * test_ip.c - addresses, networks, and sets against a plain list of networks
 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../suite.h"

static const struct {
	const char *name, *string, *want;	/* NULL: no address */
} addresses[] = {
	{"IPv4",			"192.0.2.1",	"192.0.2.1"},
	{"lowest IPv4",			"0.0.0.0",	"0.0.0.0"},
	{"highest IPv4",		"255.255.255.255", "255.255.255.255"},
	{"leading zero",		"192.0.2.01",	NULL},
	{"octet above 255",		"192.0.2.256",	NULL},
	{"three octets",		"192.0.2",	NULL},
	{"five octets",			"192.0.2.1.5",	NULL},
	{"blank after",			"192.0.2.1 ",	NULL},
	{"IPv6",			"2001:db8::1",	"2001:db8::1"},
	{"IPv6 in full",	"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
	{"unspecified",			"::",		"::"},
	{"loopback",			"::1",		"::1"},
	{"zeros at the end",		"1::",		"1::"},
	{"zeros at both ends",		"0:0:1::",	"0:0:1::"},
	{"longest run is shortened",	"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"first of two equal runs",	"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	{"one group is not shortened",	"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
	{"no dotted end",		"::1.2.3.4",	"::102:304"},
	{"IPv4-mapped",			"::ffff:192.0.2.1", "192.0.2.1"},
	{"IPv4-mapped in hex",		"::FFFF:c000:201", "192.0.2.1"},
	{"brackets",			"[::1]",	NULL},
	{"zone",			"fe80::1%lo",	NULL},
	{"tag",				"IPv6:::1",	NULL},
	{"two ::",			"1::2::3",	NULL},
	{"nine groups",			"1:2:3:4:5:6:7:8:9", NULL},
	{"empty",			"",		NULL},
	{"name",			"localhost",	NULL},
};

START_TEST(address_is_read_and_written)
{
	struct ip ip, again;
	char text[IP_TEXT_SIZE];
	bool got = ip_parse(addresses[_i].string, &ip);

	ck_assert_msg(got == (addresses[_i].want != NULL), "%s: got %d",
	    addresses[_i].name, got);
	if (!got)
		return;
	ck_assert_str_eq(ip_format(&ip, text), addresses[_i].want);
	ck_assert(ip_parse(text, &again));
	ck_assert(ip_equal(&ip, &again));
}
END_TEST

/* Short runs of zero groups are likely. */
static struct ip
random_ip(enum ip_family family)
{
	struct ip ip = {.family = family};

	for (size_t i = 0; i < ip_size(family); i++)
		ip.octets[i] = (uint8_t)(random() % 2 * (random() % 3));
	if (family == IP_V6)
		ip.octets[0] = 0x20;	/* never IPv4-mapped */
	return ip;
}

START_TEST(written_as_the_resolver_reads)
{
	srandom(2);
	for (int round = 0; round < 5000; round++) {
		struct ip ip = random_ip(round % 2 ? IP_V4 : IP_V6);
		char text[IP_TEXT_SIZE];
		uint8_t octets[16] = {0};

		ck_assert_int_eq(inet_pton(round % 2 ? AF_INET : AF_INET6,
		    ip_format(&ip, text), octets), 1);
		ck_assert_msg(memcmp(octets, ip.octets, 16) == 0, "%s", text);
	}
}
END_TEST

START_TEST(from_sockaddr)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	char text[IP_TEXT_SIZE];
	struct ip ip;

	inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
	ip = ip_from_sockaddr((const struct sockaddr *)&v4);
	ck_assert_str_eq(ip_format(&ip, text), "192.0.2.1");
	inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
	ip = ip_from_sockaddr((const struct sockaddr *)&v6);
	ck_assert_str_eq(ip_format(&ip, text), "2001:db8::1");
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
	ip = ip_from_sockaddr((const struct sockaddr *)&v6);
	ck_assert_str_eq(ip_format(&ip, text), "192.0.2.1");
	ip = ip_from_sockaddr((const struct sockaddr *)&local);
	ck_assert_str_eq(ip_format(&ip, text), "none");
	ip = ip_from_sockaddr(NULL);
	ck_assert_int_eq(ip.family, IP_NONE);
}
END_TEST

static const struct {
	const char *string;
	bool want;
} loopbacks[] = {
	{"127.0.0.1", true},
	{"127.255.255.254", true},
	{"::1", true},
	{"::ffff:127.0.0.1", true},
	{"128.0.0.1", false},
	{"::", false},
	{"::2", false},
	{"1::1", false},
};

START_TEST(loopback)
{
	struct ip ip;

	ck_assert(ip_parse(loopbacks[_i].string, &ip));
	ck_assert_msg(ip_is_loopback(&ip) == loopbacks[_i].want, "%s",
	    loopbacks[_i].string);
}
END_TEST

static const struct {
	const char *name, *string, *want;	/* NULL: no network */
} networks[] = {
	{"IPv4 network",		"192.0.2.0/24",	"192.0.2.0/24"},
	{"odd prefix",			"192.0.2.4/30",	"192.0.2.4/30"},
	{"single address",		"192.0.2.1",	"192.0.2.1"},
	{"single address with /32",	"192.0.2.1/32",	"192.0.2.1"},
	{"everything",			"0.0.0.0/0",	"0.0.0.0/0"},
	{"IPv6 network",		"2001:db8::/32", "2001:db8::/32"},
	{"all of IPv6",			"::/0",		"::/0"},
	{"IPv6 address",		"2001:db8::1/128", "2001:db8::1"},
	{"IPv4-mapped network",	"::ffff:192.0.2.0/120",	"192.0.2.0/24"},
	{"IPv4-mapped address",	"::ffff:192.0.2.1",	"192.0.2.1"},
	{"all of IPv4, mapped",	"::ffff:0:0/96",	"0.0.0.0/0"},
	{"mapped host bits",	"::ffff:192.0.2.1/120",	NULL},
	{"mapped, short prefix", "::ffff:0:0/80",	NULL},
	{"IPv4 host bits",		"192.0.2.1/24",	NULL},
	{"IPv6 host bits",		"2001:db8::1/64", NULL},
	{"prefix of 33",		"192.0.2.0/33",	NULL},
	{"prefix of 129",		"2001:db8::/129", NULL},
	{"no prefix",			"192.0.2.0/",	NULL},
	{"leading zero",		"192.0.2.0/024", NULL},
	{"negative prefix",		"192.0.2.0/-1",	NULL},
	{"netmask",		"192.0.2.0/255.255.255.0", NULL},
	{"two slashes",			"192.0.2.0/24/8", NULL},
	{"bad octet",			"192.0.2.300",	NULL},
	{"cut short",			"192.0.2/24",	NULL},
	{"name",			"example.com",	NULL},
	{"empty",			"",		NULL},
	{"too long for an address",
	    "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000/32", NULL},
};

START_TEST(network_is_read_and_written)
{
	struct ip_net net;
	const char *why = NULL;
	char text[IP_NET_TEXT_SIZE];
	bool got = ip_net_parse(networks[_i].string, &net, &why);

	ck_assert_msg(got == (networks[_i].want != NULL), "%s: got %d",
	    networks[_i].name, got);
	if (got)
		ck_assert_str_eq(ip_net_format(&net, text), networks[_i].want);
	else
		ck_assert_ptr_nonnull(why);
}
END_TEST

static const struct {
	const char *network, *address;
	bool want;
} members[] = {
	{"192.0.2.0/24", "192.0.2.0", true},
	{"192.0.2.0/24", "192.0.2.255", true},
	{"192.0.2.0/24", "192.0.3.0", false},
	{"192.0.2.4/30", "192.0.2.7", true},
	{"192.0.2.4/30", "192.0.2.8", false},
	{"0.0.0.0/0", "255.1.2.3", true},
	{"0.0.0.0/0", "::", false},
	{"::/0", "2001:db8::1", true},
	{"::/0", "192.0.2.1", false},
	{"2001:db8::/33", "2001:db8:7fff::1", true},
	{"2001:db8::/33", "2001:db8:8000::1", false},
	{"::ffff:192.0.2.0/120", "192.0.2.9", true},
};

START_TEST(network_holds_address)
{
	struct ip_net net;
	struct ip_range range;
	struct ip_set set = {.ranges = &range, .count = 1};
	struct ip ip;
	const char *why;

	ck_assert(ip_net_parse(members[_i].network, &net, &why));
	ck_assert(ip_parse(members[_i].address, &ip));
	ip_range_of(&net, &range);
	ck_assert_msg(ip_net_contains(&net, &ip) == members[_i].want,
	    "%s in %s", members[_i].address, members[_i].network);
	ck_assert_msg(ip_set_contains(&set, &ip) == members[_i].want,
	    "%s in set of %s", members[_i].address, members[_i].network);
}
END_TEST

START_TEST(no_address_is_in_no_network)
{
	struct ip_net net;
	struct ip_range range;
	struct ip_set set = {.ranges = &range, .count = 1};
	const struct ip none = {.family = IP_NONE};
	const char *why;

	ck_assert(ip_net_parse("0.0.0.0/0", &net, &why));
	ip_range_of(&net, &range);
	ck_assert(!ip_net_contains(&net, &none));
	ck_assert(!ip_set_contains(&set, &none));
	ck_assert(ip_equal(&none, &none));
}
END_TEST

START_TEST(network_of_address)
{
	struct ip ip;
	struct ip_net net;
	char text[IP_NET_TEXT_SIZE];

	ck_assert(ip_parse("2001:db8:1:2:3:4:5:6", &ip));
	net = ip_net_of(&ip, 64);
	ck_assert_str_eq(ip_net_format(&net, text), "2001:db8:1:2::/64");
	ck_assert(ip_parse("192.0.2.255", &ip));
	net = ip_net_of(&ip, 27);
	ck_assert_str_eq(ip_net_format(&net, text), "192.0.2.224/27");
	net = ip_net_of(&ip, 64);
	ck_assert_str_eq(ip_net_format(&net, text), "192.0.2.255");
}
END_TEST

START_TEST(empty_set_holds_nothing)
{
	const struct ip_set set = {.count = 0};
	struct ip ip;

	ck_assert(ip_parse("192.0.2.1", &ip));
	ck_assert_uint_eq(ip_set_build(NULL, 0), 0);
	ck_assert(!ip_set_contains(&set, &ip));
}
END_TEST

START_TEST(neighbours_become_one_range)
{
	static const char *const halves[] = {
		"192.0.2.128/25", "192.0.2.0/25", "192.0.2.7", "192.0.2.0/25"
	};
	struct ip_range ranges[4];
	struct ip_net net;
	const char *why;

	for (size_t i = 0; i < 4; i++) {
		ck_assert(ip_net_parse(halves[i], &net, &why));
		ip_range_of(&net, &ranges[i]);
	}
	ck_assert_uint_eq(ip_set_build(ranges, 4), 1);
	ck_assert(ip_net_parse("192.0.2.0/24", &net, &why));
	ip_range_of(&net, &ranges[1]);
	ck_assert(memcmp(&ranges[0], &ranges[1], sizeof(ranges[0])) == 0);
}
END_TEST

#define NETWORKS 60

static bool
any_contains(const struct ip_net *nets, size_t count, const struct ip *ip)
{
	for (size_t i = 0; i < count; i++)
		if (ip_net_contains(&nets[i], ip))
			return true;
	return false;
}

START_TEST(set_agrees_with_a_plain_list)
{
	struct ip_net nets[NETWORKS];
	struct ip_range ranges[NETWORKS];
	int inside = 0, outside = 0;

	srandom(3);
	for (int round = 0; round < 200; round++) {
		size_t count = (size_t)(random() % NETWORKS);
		struct ip_set set = {.ranges = ranges};

		for (size_t i = 0; i < count; i++) {
			struct ip ip = random_ip(random() % 2 ? IP_V4 : IP_V6);
			unsigned int bits = 4 + (unsigned int)(random() %
			    (long)(8 * ip_size(ip.family) - 3));

			nets[i] = ip_net_of(&ip, bits);
			ip_range_of(&nets[i], &ranges[i]);
		}
		set.count = ip_set_build(ranges, count);
		for (size_t i = 1; i < set.count; i++)
			ck_assert(memcmp(ranges[i - 1].last, ranges[i].first,
			    IP_KEY_SIZE) < 0);
		for (int i = 0; i < 300; i++) {
			struct ip ip = random_ip(i % 2 ? IP_V4 : IP_V6);
			bool want = any_contains(nets, count, &ip);

			ck_assert_int_eq(ip_set_contains(&set, &ip), want);
			*(want ? &inside : &outside) += 1;
		}
	}
	ck_assert_int_gt(inside, 5000);
	ck_assert_int_gt(outside, 5000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ip");
	TCase *rules = tcase_create("rules");

	tcase_add_loop_test(rules, address_is_read_and_written, 0,
	    ROWS(addresses));
	tcase_add_test(rules, written_as_the_resolver_reads);
	tcase_add_test(rules, from_sockaddr);
	tcase_add_loop_test(rules, loopback, 0, ROWS(loopbacks));
	tcase_add_loop_test(rules, network_is_read_and_written, 0,
	    ROWS(networks));
	tcase_add_loop_test(rules, network_holds_address, 0, ROWS(members));
	tcase_add_test(rules, no_address_is_in_no_network);
	tcase_add_test(rules, network_of_address);
	tcase_add_test(rules, empty_set_holds_nothing);
	tcase_add_test(rules, neighbours_become_one_range);
	tcase_add_test(rules, set_agrees_with_a_plain_list);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
