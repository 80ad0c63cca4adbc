/*
 * test_redis_slots.c - slots of keys, maps, redirections, hostile ones too
 */
#include "io/redis_slots.h"

#include <check.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "io/redis_reply.h"
#include "../suite.h"

#define ASKED "192.0.2.9:7000"

static struct redis_slots slots;

/* What CLUSTER KEYSLOT of a real server says. */
static const struct {
	const char *name, *key;
	unsigned int slot;
} keys[] = {
	{ "the check value of CRC-16/XMODEM", "123456789", 0x31c3 },
	{ "nothing", "", 0 },
	{ "a word", "foo", 12182 },
	{ "a tag", "fg:{foo}", 12182 },
	{ "a tag and more", "{foo}bar{qux}", 12182 },
	{ "an empty tag is none", "foo{}{bar}", 8363 },
	{ "the first brace counts", "foo{{bar}}zap", 4015 },
	{ "no closing brace", "foo{bar", 15278 },
	{ "closing before opening", "foo}bar{", 11073 },
};

START_TEST(slot_of_key)
{
	const char *key = keys[_i].key;
	unsigned int slot = redis_slot_of(key, strlen(key));

	ck_assert_msg(slot == keys[_i].slot, "%s: got %u, want %u",
	    keys[_i].name, slot, keys[_i].slot);
}
END_TEST

/* --- maps, in RESP --- */

#define NODE(host, port) "*2\r\n$" host "\r\n:" port "\r\n"
#define A NODE("9\r\n192.0.2.1", "7001")
#define B NODE("9\r\n192.0.2.2", "7002")
#define RANGE(first, last, node) "*3\r\n:" first "\r\n:" last "\r\n" node

static bool
read_map(const char *resp)
{
	struct redisReader *reader = redis_reader_open();
	void *reply = NULL;
	bool map;

	ck_assert_int_eq(redisReaderFeed(reader, resp, strlen(resp)),
	    REDIS_OK);
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert_ptr_nonnull(reply);
	map = redis_slots_read(reply, ASKED, &slots);
	freeReplyObject(reply);
	redisReaderFree(reader);
	return map;
}

static const struct {
	const char *name, *resp;
	const char *first, *last;	/* who has slots 0 and 16383; "": nobody */
} good[] = {
	{ "no slots", "*0\r\n", "", "" },
	{ "one node", "*1\r\n" RANGE("0", "16383", A),
	    "192.0.2.1:7001", "192.0.2.1:7001" },
	{ "two nodes", "*2\r\n" RANGE("8192", "16383", B)
	    RANGE("0", "8191", A), "192.0.2.1:7001", "192.0.2.2:7002" },
	{ "replicas and what comes later", "*1\r\n*4\r\n:0\r\n:0\r\n"
	    "*4\r\n$9\r\n192.0.2.1\r\n:7001\r\n$2\r\nid\r\n*0\r\n" B,
	    "192.0.2.1:7001", "" },
	{ "host unknown", "*1\r\n" RANGE("0", "0", NODE("-1", "7001")),
	    "192.0.2.9:7001", "" },
	{ "host empty", "*1\r\n" RANGE("0", "0", NODE("0\r\n", "7001")),
	    "192.0.2.9:7001", "" },
	{ "host not set", "*1\r\n" RANGE("0", "0", NODE("1\r\n?", "7001")),
	    "192.0.2.9:7001", "" },
	{ "IPv6", "*1\r\n" RANGE("0", "0", NODE("11\r\n2001:db8::1", "7001")),
	    "[2001:db8::1]:7001", "" },
	{ "a name", "*1\r\n" RANGE("0", "0", NODE("7\r\nr1.test", "7001")),
	    "r1.test:7001", "" },
	{ "pieces of one node", "*2\r\n" RANGE("0", "0", A)
	    RANGE("2", "16383", A), "192.0.2.1:7001", "192.0.2.1:7001" },
};

static const char *
owner_of(unsigned int slot)
{
	return slots.owner[slot] == REDIS_NO_NODE ? "" :
	    slots.where[slots.owner[slot]];
}

START_TEST(map_is_read)
{
	ck_assert_msg(read_map(good[_i].resp), "%s", good[_i].name);
	ck_assert_msg(strcmp(owner_of(0), good[_i].first) == 0,
	    "%s: slot 0: got %s, want %s", good[_i].name, owner_of(0),
	    good[_i].first);
	ck_assert_msg(strcmp(owner_of(REDIS_SLOTS - 1), good[_i].last) == 0,
	    "%s: last slot: got %s, want %s", good[_i].name,
	    owner_of(REDIS_SLOTS - 1), good[_i].last);
}
END_TEST

START_TEST(pieces_of_one_node_are_one_node)
{
	ck_assert(read_map("*2\r\n" RANGE("0", "0", A) RANGE("2", "3", A)));
	ck_assert_uint_eq(slots.count, 1);
}
END_TEST

static const struct {
	const char *name, *resp;
} bad[] = {
	{ "no array", "$2\r\nOK\r\n" },
	{ "nothing", "*-1\r\n" },
	{ "no ranges", "*1\r\n:1\r\n" },
	{ "no node", "*1\r\n*2\r\n:0\r\n:1\r\n" },
	{ "slot too high", "*1\r\n" RANGE("0", "16384", A) },
	{ "slot below zero", "*1\r\n" RANGE("-1", "1", A) },
	{ "slot of 64 bits", "*1\r\n" RANGE("0", "4294967297", A) },
	{ "last before first", "*1\r\n" RANGE("5", "4", A) },
	{ "slot as text", "*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" A },
	{ "one slot twice", "*2\r\n" RANGE("0", "5", A) RANGE("5", "6", B) },
	{ "node is no array", "*1\r\n" RANGE("0", "1", ":7\r\n") },
	{ "node without port", "*1\r\n" RANGE("0", "1",
	    "*1\r\n$9\r\n192.0.2.1\r\n") },
	{ "port zero", "*1\r\n" RANGE("0", "1", NODE("9\r\n192.0.2.1", "0")) },
	{ "port too high", "*1\r\n" RANGE("0", "1",
	    NODE("9\r\n192.0.2.1", "65536")) },
	{ "port as text", "*1\r\n" RANGE("0", "1",
	    "*2\r\n$9\r\n192.0.2.1\r\n$4\r\n7001\r\n") },
	{ "host is a number", "*1\r\n" RANGE("0", "1",
	    "*2\r\n:1\r\n:7001\r\n") },
	{ "host for the log", "*1\r\n" RANGE("0", "1",
	    NODE("8\r\na\nstate=", "7001")) },
	{ "host is a path", "*1\r\n" RANGE("0", "1",
	    NODE("8\r\n/tmp/soc", "7001")) },
};

START_TEST(nonsense_is_no_map)
{
	ck_assert_msg(!read_map(bad[_i].resp), "%s", bad[_i].name);
}
END_TEST

START_TEST(host_with_a_zero_octet_is_none)
{
	static const char resp[] = "*1\r\n" RANGE("0", "1",
	    NODE("10\r\n192.0\0.2.1", "7001"));
	struct redisReader *reader = redis_reader_open();
	void *reply = NULL;

	redisReaderFeed(reader, resp, sizeof(resp) - 1);
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert_ptr_nonnull(reply);
	ck_assert(!redis_slots_read(reply, ASKED, &slots));
	freeReplyObject(reply);
	redisReaderFree(reader);
}
END_TEST

START_TEST(more_masters_than_there_can_be_are_refused)
{
	static char resp[REDIS_SLOTS * 4];
	size_t length = (size_t)snprintf(resp, sizeof(resp), "*%d\r\n",
	    REDIS_NODES_MAX + 1);

	for (int i = 0; i <= REDIS_NODES_MAX; i++)
		length += (size_t)snprintf(resp + length,
		    sizeof(resp) - length, "*3\r\n:%d\r\n:%d\r\n"
		    "*2\r\n$9\r\n192.0.2.1\r\n:%d\r\n", i, i, i + 1);
	ck_assert(!read_map(resp));
}
END_TEST

/* --- redirections --- */

static const struct {
	const char *error;
	int kind;		/* -1: none */
	unsigned int slot;
	const char *where;
} redirections[] = {
	{ "MOVED 3999 127.0.0.1:6381", REDIRECT_MOVED, 3999, "127.0.0.1:6381" },
	{ "ASK 0 127.0.0.1:6381", REDIRECT_ASK, 0, "127.0.0.1:6381" },
	{ "MOVED 16383 ::1:6381", REDIRECT_MOVED, 16383, "[::1]:6381" },
	{ "MOVED 1 r1.test:6381", REDIRECT_MOVED, 1, "r1.test:6381" },
	{ "MOVED 1 :6381", REDIRECT_MOVED, 1, "192.0.2.9:6381" },
	{ "TRYAGAIN Multiple keys request during rehashing of slot",
	    REDIRECT_AGAIN, 0, "" },
	{ "MOVED", -1, 0, "" },
	{ "MOVED ", -1, 0, "" },
	{ "MOVED 1", -1, 0, "" },
	{ "MOVED 16384 127.0.0.1:6381", -1, 0, "" },
	{ "MOVED -1 127.0.0.1:6381", -1, 0, "" },
	{ "MOVED 99999999999999999999 127.0.0.1:6381", -1, 0, "" },
	{ "MOVED 1 127.0.0.1:0", -1, 0, "" },
	{ "MOVED 1 127.0.0.1:65536", -1, 0, "" },
	{ "MOVED 1 127.0.0.1:", -1, 0, "" },
	{ "MOVED 1 127.0.0.1", -1, 0, "" },
	{ "MOVED 1 /tmp/socket:1", -1, 0, "" },
	{ "MOVED 1 a b:1", -1, 0, "" },
	{ "MOVED 1 a\033[31m:1", -1, 0, "" },
	{ "MOVED:1 2", -1, 0, "" },
	{ "ERR MOVED 1 127.0.0.1:1", -1, 0, "" },
	{ "", -1, 0, "" },
};

START_TEST(redirection_is_read)
{
	struct redis_redirect redirect;
	const char *error = redirections[_i].error;
	bool read = redis_redirect_parse(error, ASKED, &redirect);

	ck_assert_msg(read == (redirections[_i].kind >= 0), "\"%s\"", error);
	if (!read)
		return;
	ck_assert_int_eq((int)redirect.kind, redirections[_i].kind);
	ck_assert_uint_eq(redirect.slot, redirections[_i].slot);
	ck_assert_str_eq(redirect.where, redirections[_i].where);
}
END_TEST

static const struct {
	const char *info;
	int64_t epoch;
} infos[] = {
	{ "cluster_state:ok\r\ncluster_current_epoch:6\r\ncluster_my_epoch:2",
	    6 },
	{ "cluster_current_epoch:0\r\n", 0 },
	{ "cluster_current_epoch:7", 7 },
	{ "cluster_current_epoch:", -1 },
	{ "cluster_current_epoch:-1\r\n", -1 },
	{ "cluster_current_epoch:99999999999999999999\r\n", -1 },
	{ "cluster_current_epoch:999999999999999999999999999999\r\n", -1 },
	{ "cluster_state:ok\r\n", -1 },
	{ "", -1 },
};

START_TEST(epoch_is_read)
{
	ck_assert_int_eq(redis_epoch_read(infos[_i].info), infos[_i].epoch);
}
END_TEST

START_TEST(long_host_is_refused)
{
	struct redis_redirect redirect;
	char error[1024] = "MOVED 1 ";

	memset(error + 8, 'a', 600);
	memcpy(error + 608, ":6381", 6);
	ck_assert(!redis_redirect_parse(error, ASKED, &redirect));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_slots");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, slot_of_key, 0, ROWS(keys));
	tcase_add_loop_test(tcase, map_is_read, 0, ROWS(good));
	tcase_add_test(tcase, pieces_of_one_node_are_one_node);
	tcase_add_loop_test(tcase, nonsense_is_no_map, 0, ROWS(bad));
	tcase_add_test(tcase, host_with_a_zero_octet_is_none);
	tcase_add_test(tcase, more_masters_than_there_can_be_are_refused);
	tcase_add_loop_test(tcase, redirection_is_read, 0, ROWS(redirections));
	tcase_add_loop_test(tcase, epoch_is_read, 0, ROWS(infos));
	tcase_add_test(tcase, long_host_is_refused);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
