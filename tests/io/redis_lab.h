/*
 * redis_lab.h - private Redis servers for a test: single, Cluster, Sentinel
 *
 * All in one temporary folder, on free ports of loopback. What does not work
 * ends the test.
 */
#ifndef FLOODGATE_TESTS_IO_REDIS_LAB_H
#define FLOODGATE_TESTS_IO_REDIS_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LAB_SERVERS_MAX 12

enum lab_kind { LAB_SINGLE, LAB_NODE, LAB_SENTINEL };

struct lab_server {
	enum lab_kind kind;
	char port[8];
	char where[32];		/* HOST:PORT */
	char id[64];		/* of a node */
	pid_t pid;		/* 0: it does not run */
};

extern struct lab_server lab_servers[LAB_SERVERS_MAX];

/* A folder for all of them; false: there is no redis-server here. */
bool lab_open(void);
/* End all servers, and remove the folder. */
void lab_close(void);
/* End all servers. */
void lab_end_servers(void);

/* Start server i on a port of its own, the same one the next time. */
void lab_start(size_t i, enum lab_kind kind);
void lab_kill(size_t i);
void lab_freeze(size_t i);
void lab_thaw(size_t i);

/*
 * A command, its words with blanks between; the answer's text, of an array
 * the first element's. An error is one that begins with '-'.
 */
const char *lab_ask(size_t i, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Server i as a replica of another, which it has caught up with. */
void lab_make_replica(size_t i, size_t of);

/* Servers 0, 1, 2 as a Cluster: slots from 0, 5461 and 10923. */
void lab_start_cluster(void);
/* Which of these has a slot. */
size_t lab_owner(unsigned int slot);

#endif
