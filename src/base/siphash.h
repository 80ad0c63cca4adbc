/*
 * siphash.h - SipHash-1-3 (Aumasson, Bernstein), a keyed hash for tables
 *
 * Names in our tables are chosen by clients; who does not know the key
 * cannot choose names that fall into one bucket.
 */
#ifndef FLOODGATE_BASE_SIPHASH_H
#define FLOODGATE_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *octets,
    size_t length);

#endif
