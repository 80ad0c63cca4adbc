/*
 * config.c - names of what a configuration can say
 */
#include "core/config.h"

const char *const mode_names[MODE_COUNT] = { "enforce", "observe", "off" };
const char *const on_failure_names[ON_FAILURE_COUNT] = {
	"local", "accept", "defer"
};
const char *const speak_names[SPEAK_COUNT] = { "rcpt", "early" };
const char *const script_names[SCRIPT_COUNT] = { "eval", "function" };
const char *const level_names[LEVEL_COUNT] = {
	"error", "warning", "notice", "info", "debug"
};
const char *const subject_names[SUBJECT_COUNT] = {
	"", "client", "user", "helo", "sender", "recipient"
};

static const char *const stage_names[] = {
	"connect", "helo", "mail", "rcpt", "eoh", "eom", "any"
};

static const struct {
	const char *name;
	enum stage stage;
	enum reply_id reply;
	const char *help;
} key_rows[KEY_COUNT] = {
#define KEY(name, stage, reply, help) { #name, stage, reply, help },
#include "core/key.def"
};

#define AT(stage) (1u << STAGE_##stage)
static const struct count_row count_rows[COUNT_COUNT] = {
#define COUNT(name, asked, early, of, once, back, different, reply, help)  \
	{ #name, asked, early, OF_##of, ONCE_##once, BACK_##back,	    \
	    different, reply, help },
#include "core/count.def"
};
#undef AT

const char *
stage_name(enum stage stage)
{
	return stage_names[stage];
}

const char *
key_name(enum key key)
{
	return key_rows[key].name;
}

enum stage
key_stage(enum key key)
{
	return key_rows[key].stage;
}

enum reply_id
keys_reply(const struct keys *keys, enum reply_id otherwise)
{
	for (size_t i = 0; i < keys->count; i++)
		if (key_rows[keys->at[i]].reply != REPLY_COUNT)
			return key_rows[keys->at[i]].reply;
	return otherwise;
}

const char *
key_help(enum key key)
{
	return key_rows[key].help;
}

const struct count_row *
count_row(enum count count)
{
	return &count_rows[count];
}

bool
count_is_distinct(enum count count)
{
	return count_rows[count].different != KEY_COUNT;
}

bool
count_is_leasable(enum count count)
{
	return count_rows[count].of == OF_ACCEPTED &&
	    count_rows[count].back != BACK_CLOSE && !count_is_distinct(count);
}

const char *
count_name(enum count count)
{
	return count_rows[count].name;
}

const char *
count_help(enum count count)
{
	return count_rows[count].help;
}
