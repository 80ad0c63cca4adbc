/*
 * nameserver.c - the name server of the tests as a program
 *
 * usage: nameserver [DELAY-MS [PORT [NAME=WORD...]]]
 * prints its port; ends with its input. Rules: see name_server.h.
 */
#include "tests/io/name_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define TTL_S 300

int
main(int argc, char **argv)
{
	struct name_server *server = name_server_open(
	    argc > 2 ? atoi(argv[2]) : 0, argc > 1 ? atoi(argv[1]) : 0,
	    TTL_S, argc > 3 ? (const char *const *)argv + 3 : NULL);

	if (server == NULL) {
		(void)fputs("nameserver: no port\n", stderr);
		return EX_OSERR;
	}
	(void)printf("%d\n", name_server_port(server));
	(void)fflush(stdout);
	while (getchar() != EOF)
		continue;
	name_server_close(&server);
	return EX_OK;
}
