/*
 * idn.h - domains beyond ASCII (RFC 5890, RFC 6531)
 *
 * A name has two forms, U-labels such as bücher.example and A-labels,
 * xn--bcher-kva.example. Inside the program only the second is known, so
 * that both are one domain in lists, maps and counters. The tables for it
 * are libidn2's, which allocates: that is why this is not in the core.
 */
#ifndef FLOODGATE_IO_IDN_H
#define FLOODGATE_IO_IDN_H

#include "core/path.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The A-label form into buffer[size]. False when the name, in UTF-8, is no
 * internationalised domain name (IDNA2008, mapped as UTS 46 does without
 * transition), or does not fit.
 */
bool idn_to_ascii(const char *domain, char *buffer, size_t size);

/*
 * Give a path that path_parse() made the A-label form of its domain. A
 * domain that has none stays as it is, and the path is not by the grammar.
 */
void idn_fold_path(struct path *path);

#endif
