/*
 * redis_reply.h - what Redis may answer, within bounds, and what it means
 */
#ifndef FLOODGATE_IO_REDIS_REPLY_H
#define FLOODGATE_IO_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct redisReader;
struct redisReply;
struct text;

/* More octets, or more elements, than any answer that we ask for has. */
#define REDIS_REPLY_OCTETS_MAX (1024 * 1024)
#define REDIS_REPLY_ELEMENTS_MAX 4096

/* Why the store gives no answer. */
enum redis_trouble {
#define TROUBLE(name, reason, word, cure, lasts, text) TROUBLE_##name,
#include "io/redis_trouble.def"
	TROUBLE_COUNT
};

enum redis_cure {
	CURE_NONE,		/* the server is well, this question is not */
	CURE_WAIT,		/* the next question may fare better */
	CURE_RECONNECT,
	CURE_EVAL,		/* send the script itself */
	CURE_LOAD,		/* load the function, and ask again */
	CURE_REDIRECT		/* in a Cluster, ask another node, or again */
};

const char *redis_trouble_reason(enum redis_trouble trouble);
const char *redis_trouble_text(enum redis_trouble trouble);
enum redis_cure redis_trouble_cure(enum redis_trouble trouble);
/* Does it last until somebody changes how Redis or floodgate is set up? */
bool redis_trouble_is_setup(enum redis_trouble trouble);

/* The trouble that an error reply tells of. */
enum redis_trouble redis_reply_trouble(const struct redisReply *reply);

/* What a server says, fit for a quoted value of the log. */
void redis_put_said(struct text *text, const char *octets);

/*
 * What an error says of a permission, as ACL SETUSER takes it: "+hdel", or
 * '~' and the keys that were asked for. False when it says nothing of that.
 */
bool redis_put_right(struct text *text, const char *error, const char *keys);

/* What is wrong with a connection. */
struct fault {
	enum redis_trouble trouble;
	char detail[160];	/* may be ""; as the server said it */
};

/* Always false, for `return fault_set(...)`. */
bool fault_set(struct fault *fault, enum redis_trouble trouble,
    const char *detail);

/* A parser that takes no array longer than the bound; NULL: no memory. */
struct redisReader *redis_reader_open(void);

#endif
