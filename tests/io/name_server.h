/*
 * name_server.h - a name server on loopback that does what its names say
 *
 * The first label of a name begins with what is to happen:
 *
 *	nxdomain nodata servfail refused	as DNS has them
 *	timeout		no answer at all
 *	lame		refers to other servers
 *	chain loop	CNAMEs: two and an address; in a circle
 *	dangling	a CNAME to a name without records
 *	nullmx many big	no mail; 40 records; the same by TCP only
 *	hostile		names with dots, controls and 8 bits inside labels
 *	garbage short pointer other	octets at random; half a record; a name
 *			that points to itself; the answer to another question
 *	flaky		the first question of each name is not answered
 *	listed		127.0.0.2
 *	count		how many questions there were, as 0.0.N.N
 *
 * Anything else has A 192.0.2.1, MX 10 mx.NAME, NS ns.NAME, PTR host.NAME,
 * TXT "text" and no AAAA.
 */
#ifndef FLOODGATE_TESTS_NAME_SERVER_H
#define FLOODGATE_TESTS_NAME_SERVER_H

#include <stdint.h>

struct name_server;

/*
 * Each answer comes that much later. port 0: any that is free; NULL: none
 * is. ttl_s is that of all records. `rules` are "NAME=WORD", up to a NULL:
 * the name, and those below it, do what the word says; the first that fits
 * counts. They are borrowed; NULL: none.
 */
struct name_server *name_server_open(int port, int64_t delay_ms,
    uint32_t ttl_s, const char *const rules[]);
int name_server_port(const struct name_server *server);
int name_server_questions(const struct name_server *server);
void name_server_close(struct name_server **server);

#endif
