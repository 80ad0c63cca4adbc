/*
 * redis_script.c - how Redis runs our script: by EVAL, or as a Function
 */
#include "io/redis_script.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DIGITS 8		/* of the digest, in the name of a library */

static bool
make_function(struct redis_script *script, const char *digest,
    const char *lua)
{
	size_t size = strlen(lua) + 256;
	struct text text;

	TEXT_INIT(&text, script->name);
	text_put(&text, REDIS_FUNCTION_PREFIX);
	text_put_n(&text, digest, DIGITS);
	script->text = malloc(size);
	if (script->text == NULL)
		return false;
	text_init(&text, script->text, size);
	text_put(&text, "#!lua name=");
	text_put(&text, script->name);
	text_put(&text, "\nredis.register_function('");
	text_put(&text, script->name);
	text_put(&text, "', function(KEYS, ARGV)\n");
	text_put(&text, lua);
	text_put(&text, "end)\n");
	return !text.cut;
}

bool
redis_script_init(struct redis_script *script, const char *lua,
    bool is_function)
{
	char digest[SHA1_DIGEST_STRING_LENGTH];

	SHA1Data((const uint8_t *)lua, strlen(lua), digest);
	script->is_function = is_function;
	script->verb = is_function ? "FCALL" : "EVALSHA";
	if (is_function)
		return make_function(script, digest, lua);
	text_copy(script->name, sizeof(script->name), digest);
	script->text = strdup(lua);
	return script->text != NULL;
}

void
redis_script_clear(struct redis_script *script)
{
	free(script->text);
	script->text = NULL;
}
