/*
 * redis_script.h - how Redis runs our script: by EVAL, or as a Function
 *
 * EVALSHA names it by its digest; a server that does not keep it gets the
 * text with EVAL. A Function lives in a library of the server, named after
 * the digest of the text, so that another release of floodgate, which may
 * have another script, brings its own and replaces none.
 */
#ifndef FLOODGATE_IO_REDIS_SCRIPT_H
#define FLOODGATE_IO_REDIS_SCRIPT_H

#include <sha1.h>
#include <stdbool.h>

#define REDIS_FUNCTION_PREFIX "floodgate_"	/* and 8 digits of the digest */

struct redis_script {
	bool is_function;
	const char *verb;	/* "EVALSHA" or "FCALL" */
	char name[SHA1_DIGEST_STRING_LENGTH];	/* that follows the verb */
	char *text;		/* for EVAL, or for FUNCTION LOAD */
};

/* `lua` is a chunk that uses KEYS and ARGV. False: no memory. */
bool redis_script_init(struct redis_script *script, const char *lua,
    bool is_function);
/* All zeros will do. */
void redis_script_clear(struct redis_script *script);

#endif
