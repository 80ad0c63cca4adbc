/*
 * siphash.c - SipHash-1-3: one round for each word, three at the end
 */
#include "base/siphash.h"

static uint64_t
rotate(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* Up to 8 octets, the first the lowest. */
static uint64_t
load(const uint8_t *octets, size_t length)
{
	uint64_t word = 0;

	for (size_t i = 0; i < length; i++)
		word |= (uint64_t)octets[i] << 8 * i;
	return word;
}

static void
absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t
siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *octets,
    size_t length)
{
	const uint8_t *at = octets;
	uint64_t k0 = load(key, 8), k1 = load(key + 8, 8);
	uint64_t v[4] = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t left = length;

	for (; left >= 8; left -= 8, at += 8)
		absorb(v, load(at, 8));
	absorb(v, load(at, left) | (uint64_t)length << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
