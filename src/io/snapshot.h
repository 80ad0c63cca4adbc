/*
 * snapshot.h - one file that is there as a whole or not at all
 *
 * Written beside itself (FILE.tmp), synced, then renamed over the old one,
 * so that a crash or a full disk leaves the old. Read only when its length
 * and CRC-32 are right. What is in it is the caller's affair: numbers (low
 * octet first) and octets, between
 *
 *	"fgcounts", u32 version		and		u32 CRC of all before
 */
#ifndef FLOODGATE_IO_SNAPSHOT_H
#define FLOODGATE_IO_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SNAPSHOT_MAGIC "fgcounts"
#define SNAPSHOT_VERSION 2	/* is written; older ones are read, too */
#define SNAPSHOT_PATH_SIZE 1024

/* CRC-32 as in IEEE 802.3; start with 0. */
uint32_t snapshot_crc(uint32_t crc, const void *octets, size_t length);

/*
 * Writing. snapshot_put*() keep in memory and may be called under a lock;
 * snapshot_flush() writes. Trouble is kept until snapshot_commit(), which
 * must be called once snapshot_create() was true: false with a sentence in
 * why[size], and the old file still stands.
 */
struct snapshot_out {
	char path[SNAPSHOT_PATH_SIZE];
	char temporary[SNAPSHOT_PATH_SIZE];
	int fd;
	int error;		/* errno of the first trouble, or 0 */
	uint32_t crc;
	uint8_t *kept;
	size_t length, size;
};

bool snapshot_create(struct snapshot_out *out, const char *path, char *why,
    size_t size);
void snapshot_put(struct snapshot_out *out, const void *octets,
    size_t length);
void snapshot_put_number(struct snapshot_out *out, uint64_t number,
    unsigned int octets);
void snapshot_flush(struct snapshot_out *out);
bool snapshot_commit(struct snapshot_out *out, char *why, size_t size);

/* Reading. */
enum snapshot_found {
	SNAPSHOT_FOUND,		/* whole; read it, then snapshot_close() */
	SNAPSHOT_NONE,		/* no such file */
	SNAPSHOT_DAMAGED,	/* why[size] says what is wrong with it */
	SNAPSHOT_UNREADABLE	/* the system does not let us; see why[size] */
};

struct snapshot_in {
	FILE *file;
	uint32_t version;	/* 1 to SNAPSHOT_VERSION */
	uint64_t left;		/* octets before the CRC */
	bool failed;		/* read past them, or could not */
};

enum snapshot_found snapshot_open(struct snapshot_in *in, const char *path,
    char *why, size_t size);
bool snapshot_get(struct snapshot_in *in, void *octets, size_t length);
/* 0 when failed. */
uint64_t snapshot_get_number(struct snapshot_in *in, unsigned int octets);
void snapshot_close(struct snapshot_in *in);

/* Rename PATH to PATH.damaged, over an older one. */
bool snapshot_set_aside(const char *path);

#endif
