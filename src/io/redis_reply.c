/*
 * redis_reply.c - what Redis may answer, within bounds, and what it means
 */
#include "io/redis_reply.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *reason;
	const char *word;
	enum redis_cure cure;
	enum { PASSES, SETUP } lasts;
	const char *text;
} troubles[TROUBLE_COUNT] = {
#define TROUBLE(name, reason, word, cure, lasts, text) \
	{reason, word, cure, lasts, text},
#include "io/redis_trouble.def"
};

/* Beside the words above. */
static const struct {
	enum redis_trouble trouble;
	const char *word;
} spellings[] = {
#define TROUBLE(name, reason, word, cure, lasts, text)
#define SPELLING(name, word) {TROUBLE_##name, word},
#include "io/redis_trouble.def"
};

const char *
redis_trouble_reason(enum redis_trouble trouble)
{
	return troubles[trouble].reason;
}

const char *
redis_trouble_text(enum redis_trouble trouble)
{
	return troubles[trouble].text;
}

enum redis_cure
redis_trouble_cure(enum redis_trouble trouble)
{
	return troubles[trouble].cure;
}

bool
redis_trouble_is_setup(enum redis_trouble trouble)
{
	return troubles[trouble].lasts == SETUP;
}

static bool
has_word(const char *line, const char *word, bool inside)
{
	const char *at = word[0] == '\0' ? NULL : strstr(line, word);

	return at != NULL && (inside || at == line);
}

static enum redis_trouble
find_trouble(const char *line, bool inside)
{
	for (int i = 0; i < TROUBLE_COUNT; i++)
		if (has_word(line, troubles[i].word, inside))
			return (enum redis_trouble)i;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		if (has_word(line, spellings[i].word, inside))
			return spellings[i].trouble;
	return TROUBLE_OTHER;
}

enum redis_trouble
redis_reply_trouble(const struct redisReply *reply)
{
	enum redis_trouble trouble = find_trouble(reply->str, false);

	/* "ERR Error running script ...: WRONGTYPE Operation against ..." */
	if (trouble == TROUBLE_OTHER)
		trouble = find_trouble(reply->str, true);
	return trouble;
}

void
redis_put_said(struct text *text, const char *octets)
{
	for (; *octets != '\0'; octets++)
		text_put_char(text, *octets < 0x20 || *octets > 0x7e ||
		    *octets == '"' || *octets == '\\' ? '?' : *octets);
}

bool
redis_put_right(struct text *text, const char *error, const char *keys)
{
	const char *said = strstr(error, "NOPERM");
	const char *begin = said == NULL ? NULL : strchr(said, '\'');
	const char *end = begin == NULL ? NULL : strchr(begin + 1, '\'');

	if (end != NULL) {
		text_put_char(text, '+');
		text_put_n(text, begin + 1, (size_t)(end - begin - 1));
		return true;
	}
	if (said == NULL || strstr(said, " key") == NULL)
		return false;
	text_put_char(text, '~');
	text_put_escaped(text, keys, strlen(keys), "");
	return true;
}

bool
fault_set(struct fault *fault, enum redis_trouble trouble, const char *detail)
{
	fault->trouble = trouble;
	text_copy(fault->detail, sizeof(fault->detail), detail);
	return false;
}

/* The reader's own functions, with one of ours in front. */
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif
static redisReplyObjectFunctions bounded;
static void *(*create_array)(const redisReadTask *, element_count);
static pthread_once_t bounded_once = PTHREAD_ONCE_INIT;

#define DEPTH_MAX 7	/* of arrays in arrays: what 0.14 takes */

/* Later versions take any depth, and free by recursion: the stack ends. */
static bool
is_too_deep(const redisReadTask *task)
{
	int depth = 1;

	for (; task->parent != NULL; task = task->parent)
		depth++;
	return depth > DEPTH_MAX;
}

/* Not by reader->maxelements: 0.14 has none. */
static void *
create_bounded_array(const redisReadTask *task, element_count elements)
{
	if (elements > REDIS_REPLY_ELEMENTS_MAX || is_too_deep(task))
		return NULL;
	return create_array(task, elements);
}

static void
make_bounded(void)
{
	redisReader *reader = redisReaderCreate();

	if (reader == NULL)
		return;
	bounded = *reader->fn;
	create_array = bounded.createArray;
	bounded.createArray = create_bounded_array;
	redisReaderFree(reader);
}

struct redisReader *
redis_reader_open(void)
{
	pthread_once(&bounded_once, make_bounded);
	if (create_array == NULL)
		return NULL;
	return redisReaderCreateWithFunctions(&bounded);
}
