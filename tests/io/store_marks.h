/*
 * store_marks.h - what every store has to do with marks
 */
#ifndef FLOODGATE_TESTS_IO_STORE_MARKS_H
#define FLOODGATE_TESTS_IO_STORE_MARKS_H

#include "io/store.h"

/*
 * Set, found, listed, lifted; a marked subject charges nothing; overrides
 * and what is forgotten. `salt` makes the names of subjects new. Fails by
 * ck_abort_msg().
 */
void store_marks_run(struct store *store, const char *salt);

#endif
