/*
 * redis_slots.c - which node of a Redis Cluster has what
 */
#include "io/redis_slots.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "base/text.h"
#include "io/redis_socket.h"

/* --- the slot of a key --- */

/* CRC-16/XMODEM: polynomial 0x1021, from 0, no reflection. */
static unsigned int
crc16(const char *octets, size_t length)
{
	unsigned int crc = 0;

	for (size_t i = 0; i < length; i++) {
		crc ^= (unsigned int)(unsigned char)octets[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 :
			    crc << 1;
	}
	return crc & 0xffff;
}

unsigned int
redis_slot_of(const char *key, size_t length)
{
	const char *open = memchr(key, '{', length);
	const char *close = open == NULL ? NULL :
	    memchr(open, '}', (size_t)(key + length - open));

	if (close != NULL && close > open + 1) {
		key = open + 1;
		length = (size_t)(close - key);
	}
	return crc16(key, length) % REDIS_SLOTS;
}

/* --- where a node is --- */

bool
redis_where_build(const char *host, int64_t port,
    char where[REDIS_WHERE_SIZE])
{
	static const char good[] = "0123456789-.:_%"
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	bool bare = strchr(host, ':') != NULL;
	struct redis_server server;
	struct text text;
	const char *why;

	if (host[strspn(host, good)] != '\0')
		return false;
	text_init(&text, where, REDIS_WHERE_SIZE);
	text_put(&text, bare ? "[" : "");
	text_put(&text, host);
	text_put(&text, bare ? "]:" : ":");
	text_put_number(&text, port);
	return !text.cut && redis_server_parse(where, &server, &why);
}

/* A node that does not know its own address is where we have found it. */
static bool
build_where(const char *host, int64_t port, const char *asked,
    char where[REDIS_WHERE_SIZE])
{
	struct redis_server server;
	const char *why;

	if (host != NULL && host[0] != '\0' && strcmp(host, "?") != 0)
		return redis_where_build(host, port, where);
	return redis_server_parse(asked, &server, &why) &&
	    redis_where_build(server.host, port, where);
}

/* --- the map --- */

/* The number of a node in the map; it may be new. */
static uint16_t
node_index(struct redis_slots *slots, const char *where)
{
	for (size_t i = 0; i < slots->count; i++)
		if (strcmp(slots->where[i], where) == 0)
			return (uint16_t)i;
	if (slots->count == REDIS_NODES_MAX)
		return REDIS_NO_NODE;
	memcpy(slots->where[slots->count], where, REDIS_WHERE_SIZE);
	return (uint16_t)slots->count++;
}

static bool
is_slot(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0 &&
	    reply->integer < REDIS_SLOTS;
}

/* {host, port, ...} */
static bool
read_node(const redisReply *node, const char *asked,
    char where[REDIS_WHERE_SIZE])
{
	const redisReply *host, *port;

	if (node->type != REDIS_REPLY_ARRAY || node->elements < 2)
		return false;
	host = node->element[0];
	port = node->element[1];
	if ((host->type != REDIS_REPLY_STRING &&
	    host->type != REDIS_REPLY_NIL) ||
	    (host->type == REDIS_REPLY_STRING &&
	    strlen(host->str) != (size_t)host->len) ||
	    port->type != REDIS_REPLY_INTEGER)
		return false;
	memset(where, 0, REDIS_WHERE_SIZE);
	return build_where(host->type == REDIS_REPLY_NIL ? NULL : host->str,
	    port->integer, asked, where);
}

/* {first, last, master, replica, ...} */
static bool
read_range(const redisReply *range, const char *asked,
    struct redis_slots *slots)
{
	char where[REDIS_WHERE_SIZE];
	uint16_t owner;

	if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 ||
	    !is_slot(range->element[0]) || !is_slot(range->element[1]) ||
	    range->element[0]->integer > range->element[1]->integer ||
	    !read_node(range->element[2], asked, where))
		return false;
	owner = node_index(slots, where);
	if (owner == REDIS_NO_NODE)
		return false;
	for (long long i = range->element[0]->integer;
	    i <= range->element[1]->integer; i++) {
		if (slots->owner[i] != REDIS_NO_NODE)
			return false;
		slots->owner[i] = owner;
	}
	return true;
}

bool
redis_slots_read(const redisReply *reply, const char *asked,
    struct redis_slots *slots)
{
	slots->count = 0;
	for (size_t i = 0; i < REDIS_SLOTS; i++)
		slots->owner[i] = REDIS_NO_NODE;
	if (reply->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i < reply->elements; i++)
		if (!read_range(reply->element[i], asked, slots))
			return false;
	return true;
}

int64_t
redis_epoch_read(const char *info)
{
	static const char name[] = "cluster_current_epoch:";
	const char *at = strstr(info, name);
	char number[24];
	int64_t epoch;

	if (at == NULL)
		return -1;
	at += sizeof(name) - 1;
	return text_copy_n(number, sizeof(number), at, strcspn(at, "\r\n")) &&
	    text_parse_number(number, INT64_MAX, &epoch) ? epoch : -1;
}

/* --- redirection --- */

/* "3999 127.0.0.1:6381"; the host may be empty. */
static bool
parse_place(const char *text, const char *asked,
    struct redis_redirect *redirect)
{
	char number[8], host[REDIS_WHERE_SIZE];
	const char *blank = strchr(text, ' ');
	const char *colon = strrchr(text, ':');
	int64_t slot, port;

	if (blank == NULL || colon == NULL || colon < blank ||
	    !text_copy_n(number, sizeof(number), text,
	    (size_t)(blank - text)) ||
	    !text_parse_number(number, REDIS_SLOTS - 1, &slot) ||
	    !text_copy_n(host, sizeof(host), blank + 1,
	    (size_t)(colon - blank - 1)) ||
	    !text_parse_number(colon + 1, 65535, &port))
		return false;
	redirect->slot = (unsigned int)slot;
	return build_where(host, port, asked, redirect->where);
}

bool
redis_redirect_parse(const char *error, const char *asked,
    struct redis_redirect *redirect)
{
	static const char moved[] = "MOVED ", ask[] = "ASK ";

	memset(redirect, 0, sizeof(*redirect));
	if (text_starts_with(error, "TRYAGAIN")) {
		redirect->kind = REDIRECT_AGAIN;
		return true;
	}
	if (text_starts_with(error, moved)) {
		redirect->kind = REDIRECT_MOVED;
		return parse_place(error + sizeof(moved) - 1, asked, redirect);
	}
	redirect->kind = REDIRECT_ASK;
	return text_starts_with(error, ask) &&
	    parse_place(error + sizeof(ask) - 1, asked, redirect);
}
