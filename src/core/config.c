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
	const char *help;
} key_rows[KEY_COUNT] = {
#define KEY(name, stage, help) { #name, stage, help },
#include "core/key.def"
};

static const struct {
	const char *name;
	const char *help;
} count_rows[COUNT_COUNT] = {
#define COUNT(name, help) { #name, help },
#include "core/count.def"
};

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

const char *
key_help(enum key key)
{
	return key_rows[key].help;
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
